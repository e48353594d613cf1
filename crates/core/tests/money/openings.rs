use crate::pair::{Owner, Pair, TOKEN};
use alloy_primitives::Address;
use perunika_core::chain::Call;
use perunika_core::funding::{Funding, Source};
use perunika_core::info::LedgerStage;
use perunika_core::io::{Command, Fault, Input, Reply};

fn open(pair: &mut Pair, asset: Address, deposits: [u128; 2], from: Source) {
    let [deposit, peer_deposit] = deposits;
    let peer = pair.key(1);
    pair.command(0, 1, Command::OpenChannel { peer, asset, deposit, peer_deposit, lane: 0, from });
}

#[test]
fn with_bs_agreement_one_transaction_opens() {
    let mut pair = Pair::new();
    open(&mut pair, Address::ZERO, [100, 0], Source::Wallet);
    let Some(Call::OpenBoth { terms, fundings: [mine, theirs], value, .. }) = pair.called("openBoth") else {
        panic!("{:?}", pair.calls)
    };
    assert_eq!((terms.dep_a, terms.dep_b, value), (100, 0, 100));
    assert_eq!(mine, Funding::Sender { consent: vec![] });
    assert_eq!(theirs, Funding::Sender { consent: vec![7; 64] });
    pair.mine("openBoth");
    assert_eq!(pair.replies, [], "not final");
    pair.settle();
    assert!(matches!(pair.replies[..], [(1, Reply::Opened(_))]));
    assert_eq!([0, 1].map(|n| pair.ledger(n).stage), [LedgerStage::Open; 2]);
    assert_eq!(pair.calls.len(), 1, "B sends nothing");
}

#[test]
fn without_bs_agreement_each_deposits() {
    let mut pair = Pair::new();
    pair.owner = Owner::Refuses;
    open(&mut pair, Address::ZERO, [100, 50], Source::Wallet);
    pair.mine("open");
    assert!(pair.called("confirm").is_none(), "A's deposit is not final");
    pair.settle();
    pair.mine("confirm");
    pair.settle();
    assert!(matches!(pair.replies[..], [(1, Reply::Opened(_))]));
}

#[test]
fn an_agreement_that_is_no_good_costs_one_transaction_more() {
    let mut pair = Pair::new();
    open(&mut pair, Address::ZERO, [100, 50], Source::Wallet);
    pair.fail("openBoth");
    pair.mine("open");
    pair.settle();
    pair.mine("confirm");
    pair.settle();
    assert!(matches!(pair.replies[..], [(1, Reply::Opened(_))]));
}

/// As long as A may still send what B's owner signed, B knows of the channel.
#[test]
fn b_does_not_forget_a_channel_that_its_owner_has_signed_for() {
    let mut pair = Pair::new();
    open(&mut pair, Address::ZERO, [100, 50], Source::Wallet);
    let Some(Call::OpenBoth { terms, .. }) = pair.called("openBoth") else { panic!("not opened at once") };
    // The final chain stands still, and B waits for long.
    for _ in 0..70 {
        pair.block(10);
    }
    pair.command(1, 2, Command::CloseChannel { ch: terms.id, force: true });
    assert_eq!(pair.ledger(1).stage, LedgerStage::Agreed);
    pair.mine("openBoth");
    pair.settle();
    assert!(pair.called("register").is_some(), "B wanted it closed: {:?}", pair.calls);
}

#[test]
fn what_the_owner_signed_is_forgotten_when_it_cannot_be_used_any_more() {
    let mut pair = Pair::new();
    open(&mut pair, Address::ZERO, [100, 50], Source::Wallet);
    pair.block(121);
    pair.settle();
    let ch = pair.ledger(1).id;
    pair.command(1, 2, Command::CloseChannel { ch, force: true });
    assert!(pair.knows_nothing(1));
}

#[test]
fn a_crash_before_the_owner_signed_asks_it_again() {
    let mut pair = Pair::new();
    pair.owner = Owner::Waits;
    open(&mut pair, Address::ZERO, [100, 0], Source::Wallet);
    assert_eq!(pair.calls.len(), 0);
    pair.restart(1);
    pair.owner = Owner::Signs;
    pair.block(3);
    assert!(pair.called("openBoth").is_some(), "{:?}", pair.replies);
}

#[test]
fn a_token_is_deposited_from_the_allowance_or_the_vault() {
    let mut pair = Pair::new();
    pair.owner = Owner::Refuses;
    open(&mut pair, TOKEN, [100, 50], Source::Vault);
    let Some(Call::OpenWith { funding, value: 0, .. }) = pair.called("openWith") else { panic!("{:?}", pair.calls) };
    assert_eq!(funding, Funding::Vault { consent: vec![] });
    pair.mine("openWith");
    pair.settle();
    let Some(Call::ConfirmWith { funding, value: 0, .. }) = pair.called("confirmWith") else { panic!("not confirmed") };
    assert_eq!(funding, Funding::Sender { consent: vec![] });
    pair.mine("confirmWith");
    pair.settle();
    assert_eq!(pair.ledger(0).params.asset, TOKEN);
}

#[test]
fn a_token_that_is_not_configured_is_refused_by_both() {
    let mut pair = Pair::new();
    let other = Address::repeat_byte(0x71);
    open(&mut pair, other, [100, 50], Source::Wallet);
    assert!(matches!(&pair.replies[..], [(1, Reply::Refused(Fault::Caller(_)))]), "{:?}", pair.replies);
}

/// What the sender of the call pays would be paid by A, out of her allowance, and belong to B.
#[test]
fn b_cannot_let_a_pay_its_deposit() {
    let mut pair = Pair::new();
    pair.owner = Owner::Says(Funding::Sender { consent: vec![7; 64] });
    open(&mut pair, TOKEN, [100, 50], Source::Wallet);
    assert_eq!(pair.calls.iter().map(|(_, _, call)| call.name()).collect::<Vec<_>>(), ["openWith"]);
}

#[test]
fn a_consent_that_costs_too_much_to_send_is_none() {
    let mut pair = Pair::new();
    pair.owner = Owner::Says(Funding::Vault { consent: vec![7; 5_000] });
    open(&mut pair, Address::ZERO, [100, 50], Source::Wallet);
    assert_eq!(pair.calls.iter().map(|(_, _, call)| call.name()).collect::<Vec<_>>(), ["open"]);
}

/// Anybody may deposit, from the first block on.
#[test]
fn what_a_stranger_deposits_before_the_opening_is_final_ends_nothing() {
    let mut pair = Pair::new();
    open(&mut pair, Address::ZERO, [100, 50], Source::Wallet);
    pair.mine("openBoth");
    pair.view.head.dep_b += 1;
    pair.settle();
    pair.block(3);
    assert_eq!([0, 1].map(|n| (pair.ledger(n).stage, pair.ledger(n).deposits)), [(LedgerStage::Open, [100, 51]); 2]);
    assert_eq!(pair.calls.len(), 1, "{:?}", pair.calls);
}

#[test]
fn less_than_agreed_ends_the_channel() {
    let mut pair = Pair::new();
    open(&mut pair, Address::ZERO, [100, 50], Source::Wallet);
    pair.mine("openBoth");
    pair.view.head.dep_b -= 1;
    pair.settle();
    assert!(pair.called("register").is_some());
}

#[test]
fn what_b_called_off_gets_no_consent() {
    let mut pair = Pair::new();
    pair.owner = Owner::Waits;
    open(&mut pair, Address::ZERO, [100, 50], Source::Wallet);
    let id = pair.ledger(1).id;
    pair.command(1, 2, Command::CloseChannel { ch: id, force: true });
    let not_after = 1_000 + 120;
    let funding = Ok(Funding::Vault { consent: vec![7; 64] });
    pair.input(1, Input::Authorised { id, not_after, funding });
    assert!(pair.knows_nothing(1));
    assert_eq!(pair.calls, []);
    // The slot is free for another wish.
    pair.owner = Owner::Signs;
    pair.block(31);
    open(&mut pair, Address::ZERO, [90, 40], Source::Wallet);
    pair.mine("openBoth");
    pair.settle();
    assert_eq!([0, 1].map(|n| pair.ledger(n).stage), [LedgerStage::Open; 2]);
}

/// The one that opens at once was taken, and A does not know yet: the other one fails, and that says nothing.
#[test]
fn a_second_opening_that_fails_ends_nothing() {
    let mut pair = Pair::new();
    open(&mut pair, Address::ZERO, [100, 50], Source::Wallet);
    pair.block(130);
    assert!(pair.called("open").is_none(), "the first one may still be taken");
    pair.mine("openBoth");
    pair.settle();
    assert!(matches!(pair.replies[..], [(1, Reply::Opened(_))]));
}
