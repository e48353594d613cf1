//! What the signer refuses, whatever the rest of the node believes (P7).

use alloy_primitives::{Address, B256};
use perunika_core::Domain;
use perunika_core::body::{Body, Change};
use perunika_core::sig::MemoryKey;
use perunika_core::signed::{Adjust, Close, Eip712 as _, Final, MAX_VERSION, PaymentReceipt};
use perunika_core::signer::{Refusal, Signer};
use perunika_core::tree;

fn signer() -> Signer {
    let key = MemoryKey::new(B256::repeat_byte(1), B256::repeat_byte(2)).expect("a key");
    Signer::new(Box::new(key), Domain { chain_id: 1, adjudicator: Address::repeat_byte(9) })
}

fn body(ver: u64, def_a: u128) -> Body {
    Body::ledger_genesis(B256::repeat_byte(7), 100, 100).with(ver, &Change::Split(def_a)).expect("solvent")
}

fn close(out_a: u128) -> Close {
    Close {
        id: B256::repeat_byte(7),
        dep_a: 100,
        dep_b: 100,
        out_a,
        total: 200,
        locks: 0,
        entries: tree::empty_entries(),
        receiver_a: Address::repeat_byte(1),
        receiver_b: Address::repeat_byte(2),
        not_after: 1_000,
    }
}

#[test]
fn never_two_contents_with_one_version() {
    let mut signer = signer();
    let first = signer.sign_state(&body(4, 90)).expect("new");
    assert_eq!(signer.sign_state(&body(4, 91)), Err(Refusal::Equivocation));
    assert_eq!(signer.sign_state(&body(4, 90)), Ok(first), "the same content again is the same signature");
}

#[test]
fn never_below_the_high_water_mark() {
    let mut signer = signer();
    signer.sign_state(&body(4, 90)).expect("new");
    assert_eq!(signer.sign_state(&body(3, 90)), Err(Refusal::BelowHighWaterMark));
}

#[test]
fn never_the_last_version() {
    assert_eq!(signer().sign_state(&body(MAX_VERSION, 90)), Err(Refusal::VersionExhausted));
}

#[test]
fn one_final_and_nothing_after_it() {
    let mut signer = signer();
    let vc = B256::repeat_byte(7);
    signer.sign_final(&Final { vc, out_a: 5 }).expect("the first");
    assert_eq!(signer.sign_final(&Final { vc, out_a: 6 }), Err(Refusal::Ended));
    assert!(signer.sign_final(&Final { vc, out_a: 5 }).is_ok());
    assert_eq!(signer.sign_state(&body(4, 90)), Err(Refusal::Ended));
}

#[test]
fn a_close_freezes_until_it_cannot_be_used_any_more() {
    let mut signer = signer();
    signer.sign_close(&close(100)).expect("the first");
    assert_eq!(signer.sign_state(&body(4, 90)), Err(Refusal::Ended));
    assert_eq!(signer.sign_close(&close(99)), Err(Refusal::Ended));
    signer.close_expired(B256::repeat_byte(7), 1_000);
    assert_eq!(signer.sign_state(&body(4, 90)), Err(Refusal::Ended), "its last second has not passed");
    signer.close_expired(B256::repeat_byte(7), 1_001);
    assert!(signer.sign_state(&body(4, 90)).is_ok());
}

#[test]
fn a_final_freezes_for_ever() {
    let mut signer = signer();
    signer.sign_final(&Final { vc: B256::repeat_byte(7), out_a: 5 }).expect("the first");
    signer.close_expired(B256::repeat_byte(7), u64::MAX);
    assert_eq!(signer.sign_state(&body(4, 90)), Err(Refusal::Ended));
}

#[test]
fn s60_a_draft_opens_one_virtual_channel() {
    let mut signer = signer();
    let (draft, vc, other) = (B256::repeat_byte(3), B256::repeat_byte(4), B256::repeat_byte(5));
    assert_eq!(signer.reveal(draft, vc), Err(Refusal::DraftUsed), "not bound yet");
    signer.bind_draft(draft, vc).expect("fresh");
    assert_eq!(signer.bind_draft(draft, other), Err(Refusal::DraftUsed));
    assert!(signer.reveal(draft, vc).is_ok());
    assert_eq!(signer.reveal(draft, other), Err(Refusal::DraftUsed));
}

#[test]
fn what_the_contract_would_refuse_is_not_signed() {
    let mut bad = body(4, 90);
    bad.total = 10;
    assert_eq!(signer().sign_state(&bad), Err(Refusal::Invalid));
}

/// Computed by other software from docs/encoding.md.
#[test]
fn the_hash_of_a_payment_receipt() {
    let domain = Domain { chain_id: 1, adjudicator: Address::repeat_byte(9) };
    let receipt = PaymentReceipt { ch: B256::repeat_byte(7), ver: 6, amount: 12_345, reference: b"order 17".to_vec() };
    let expected = "1c6f9af645de19e10d7bb6029fa71b03dbcae92e2a1e76ed5d879facd833af18";
    assert_eq!(hex::encode(receipt.struct_hash()), expected);
    let expected = "4e344aab4bef8c870ef648218b10e11b81815164a425542285857b5b45b5f966";
    assert_eq!(hex::encode(domain.digest(receipt.struct_hash())), expected);
}

fn adjust(seq: u16, amount: u128) -> Adjust {
    let receiver = Address::repeat_byte(1);
    Adjust { id: B256::repeat_byte(7), seq, side: 0, amount, receiver, ver: 4, not_after: 1_000 }
}

/// A State that counts what a signed `Adjust` may pay out could not be registered any more (protocol 0.3).
#[test]
fn nothing_counts_what_a_signed_withdrawal_may_pay_out() {
    let mut signer = signer();
    let uncounted = Body::ledger_genesis(B256::repeat_byte(7), 100, 100).with(4, &Change::Deposits([60, 100]));
    let uncounted = uncounted.expect("solvent");
    signer.sign_state(&uncounted).expect("new");
    let sig = signer.sign_adjust(&adjust(0, 40), 60).expect("the first");
    assert_eq!(signer.sign_adjust(&adjust(0, 41), 59), Err(Refusal::Withdrawing));
    assert_eq!(signer.sign_adjust(&adjust(1, 40), 60), Err(Refusal::Withdrawing));
    assert_eq!(signer.sign_adjust(&adjust(0, 40), 60), Ok(sig));
    let more = uncounted.with(6, &Change::Deposits([61, 100])).expect("solvent");
    assert_eq!(signer.sign_state(&more), Err(Refusal::Withdrawing));
    signer.sign_state(&uncounted.with(6, &Change::Deposits([60, 200])).expect("solvent")).expect("B's own");
    signer.adjust_over(B256::repeat_byte(7), 0, 1_000);
    let more = uncounted.with(8, &Change::Deposits([61, 100])).expect("solvent");
    assert_eq!(signer.sign_state(&more), Err(Refusal::Withdrawing), "its last second is not over");
    signer.adjust_over(B256::repeat_byte(7), 1, 900);
    signer.sign_state(&more).expect("the Adjust is used up");
    signer.sign_adjust(&adjust(1, 5), 56).expect("the next one");
    signer.adjust_over(B256::repeat_byte(7), 1, 1_001);
    signer.sign_state(&uncounted.with(10, &Change::Deposits([100, 100])).expect("solvent")).expect("it is too late");
}
