//! Sending, refusing, ordering.

use alloy::{
    consensus::{
        SignableTransaction, Transaction as _, TxEip1559, TxEip2930, TxEip7702, TxEnvelope, TxLegacy, TypedTransaction,
    },
    eips::{BlockId, Encodable2718, eip7702::Authorization},
    network::TxSignerSync,
    primitives::{Address, Bytes, Signature, TxKind, U256},
    signers::{SignerSync, local::PrivateKeySigner},
};
use perunika_devnet::{
    Chain, Genesis, MAX_NONCE_AHEAD, Outcome, Patch, TX_GAS_CAP, TxError, UnsignedTx, dev_address, dev_key,
};

use super::{ALICE, BOB, START, chain, contracts, ether, mine};

fn signer() -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&dev_key(0)).expect("a key")
}

fn signed(mut tx: impl SignableTransaction<Signature> + Into<TypedTransaction>) -> Vec<u8> {
    let signature = signer().sign_transaction_sync(&mut tx).expect("signs");
    let typed: TypedTransaction = tx.into();
    TxEnvelope::from(typed.into_signed(signature)).encoded_2718()
}

fn payment(nonce: u64) -> TxEip1559 {
    TxEip1559 {
        chain_id: 31_337,
        nonce,
        gas_limit: 21_000,
        max_fee_per_gas: 3_000_000_000,
        max_priority_fee_per_gas: 1,
        to: TxKind::Call(BOB),
        value: U256::from(7),
        ..TxEip1559::default()
    }
}

fn dev_chain() -> Chain {
    Chain::new(Genesis::at(START).fund(dev_address(0), ether(1)).fund(ALICE, ether(100)))
}

#[test]
fn a_transfer_moves_wei_and_burns_the_base_fee() {
    let mut chain = chain();
    let base_fee = chain.next_base_fee();
    let hash = chain.send_unsigned(ALICE, Some(BOB), ether(1), Bytes::new(), 21_000).expect("accepted");
    let block = mine(&mut chain);
    let receipt = chain.receipt(hash).expect("mined");
    assert!(receipt.status());
    assert_eq!((receipt.gas_used, receipt.block_hash), (21_000, Some(block.hash)));
    assert_eq!(block.header.base_fee_per_gas, Some(base_fee));
    assert_eq!(chain.balance(BOB, BlockId::latest()), Ok(ether(1)));
    let tip = U256::from(21_000u128 * (receipt.effective_gas_price - u128::from(base_fee)));
    let burned = U256::from(21_000 * base_fee);
    assert_eq!(chain.balance(Address::ZERO, BlockId::latest()), Ok(tip));
    assert_eq!(chain.balance(ALICE, BlockId::latest()), Ok(ether(99) - tip - burned));
}

#[test]
fn all_three_signed_types_are_taken() {
    let mut chain = dev_chain();
    let (gas_limit, to, value) = (30_000, TxKind::Call(BOB), U256::from(1));
    let legacy = TxLegacy {
        chain_id: Some(31_337),
        nonce: 0,
        gas_price: 3_000_000_000,
        gas_limit,
        to,
        value,
        input: Bytes::new(),
    };
    let with_list = TxEip2930 {
        chain_id: 31_337,
        nonce: 1,
        gas_price: 3_000_000_000,
        gas_limit,
        to,
        value,
        ..TxEip2930::default()
    };
    let hashes =
        [signed(legacy), signed(with_list), signed(payment(2))].map(|raw| chain.send_raw(&raw).expect("accepted"));
    let block = mine(&mut chain);
    assert_eq!(block.transactions.len(), 3);
    assert!(hashes.iter().all(|hash| chain.receipt(*hash).is_some_and(|receipt| receipt.status())));
    assert_eq!(chain.balance(BOB, BlockId::latest()), Ok(U256::from(9)));
    assert!(block.transactions.iter().all(|tx| tx.tx.signer() == dev_address(0)));
}

#[test]
fn bad_transactions_are_refused_with_the_reason() {
    let mut chain = dev_chain();
    let raw = signed(payment(0));
    assert!(matches!(chain.send_raw(&raw[..40]), Err(TxError::Decode(_))));
    assert!(matches!(chain.send_raw(&[raw.as_slice(), &[0]].concat()), Err(TxError::Decode(_))));
    let other_chain = signed(TxEip1559 { chain_id: 5, ..payment(0) });
    assert_eq!(chain.send_raw(&other_chain), Err(TxError::WrongChain { expected: 31_337, actual: 5 }));
    let greedy = signed(TxEip1559 { max_priority_fee_per_gas: u128::MAX, ..payment(0) });
    assert_eq!(chain.send_raw(&greedy), Err(TxError::TipAboveFeeCap));
    let little_gas = signed(TxEip1559 { gas_limit: 20_999, ..payment(0) });
    assert_eq!(chain.send_raw(&little_gas), Err(TxError::IntrinsicGas { limit: 20_999, needed: 21_000 }));
    let much_gas = signed(TxEip1559 { gas_limit: TX_GAS_CAP + 1, ..payment(0) });
    assert_eq!(chain.send_raw(&much_gas), Err(TxError::GasLimitTooHigh { limit: TX_GAS_CAP + 1, cap: TX_GAS_CAP }));
    let rich = signed(TxEip1559 { value: ether(2), ..payment(0) });
    let error = chain.send_raw(&rich).expect_err("too much");
    assert!(error.to_string().starts_with("insufficient funds for gas * price + value: have 1000000000000000000 wei"));

    let hash = chain.send_raw(&raw).expect("accepted");
    assert_eq!(chain.send_raw(&raw), Err(TxError::AlreadyKnown));
    mine(&mut chain);
    assert!(chain.receipt(hash).is_some());
    assert_eq!(chain.send_raw(&raw), Err(TxError::AlreadyKnown));
    let again = signed(TxEip1559 { value: U256::ZERO, ..payment(0) });
    let error = chain.send_raw(&again).expect_err("used");
    assert_eq!(error.to_string(), "nonce too low: next is 1, transaction has 0");
    let ahead = signed(payment(MAX_NONCE_AHEAD + 2));
    assert!(matches!(chain.send_raw(&ahead), Err(TxError::NonceTooHigh { expected: 1, .. })));
}

#[test]
fn a_nonce_gap_waits_until_it_is_filled() {
    let mut chain = dev_chain();
    let second = chain.send_raw(&signed(payment(1))).expect("kept");
    assert_eq!(mine(&mut chain).transactions.len(), 0);
    assert_eq!(chain.next_nonce(dev_address(0)), 0);
    let first = chain.send_raw(&signed(payment(0))).expect("accepted");
    assert_eq!(chain.next_nonce(dev_address(0)), 2);
    let block = mine(&mut chain);
    assert_eq!(block.transactions.iter().map(|tx| tx.hash).collect::<Vec<_>>(), [first, second]);
    assert_eq!(chain.pool().count(), 0);
}

#[test]
fn a_replacement_has_to_pay_a_tenth_more() {
    let mut chain = dev_chain();
    let old = chain.send_raw(&signed(payment(0))).expect("accepted");
    let cheap = TxEip1559 { max_fee_per_gas: 3_200_000_000, max_priority_fee_per_gas: 2, ..payment(0) };
    assert_eq!(chain.send_raw(&signed(cheap)), Err(TxError::ReplacementUnderpriced));
    let dear = TxEip1559 { max_fee_per_gas: 3_300_000_000, max_priority_fee_per_gas: 2, ..payment(0) };
    let new = chain.send_raw(&signed(dear)).expect("replaces");
    mine(&mut chain);
    assert!(chain.transaction(old).is_none());
    assert!(chain.receipt(new).is_some());
}

#[test]
fn the_higher_tip_goes_first() {
    let mut chain = Chain::new(Genesis::at(START).fund(ALICE, ether(1)).fund(BOB, ether(1)));
    let send = |chain: &mut Chain, from, tip| {
        let tip = Some(tip);
        chain.send_as(UnsignedTx { from, to: Some(Address::ZERO), gas_limit: 21_000, tip, ..UnsignedTx::default() })
    };
    let low = send(&mut chain, ALICE, 10).expect("accepted");
    let high = send(&mut chain, BOB, 20).expect("accepted");
    let block = mine(&mut chain);
    assert_eq!(block.transactions.iter().map(|tx| tx.hash).collect::<Vec<_>>(), [high, low]);
}

#[test]
fn one_that_can_no_longer_pay_is_dropped_and_the_rest_waits() {
    let mut chain = Chain::new(Genesis::at(START).fund(ALICE, ether(10)));
    let all = [4u64, 7, 1].map(|amount| {
        chain.send_unsigned(ALICE, Some(BOB), ether(amount), Bytes::new(), 21_000).expect("each alone can be paid")
    });
    let block = mine(&mut chain);
    assert_eq!(block.transactions.iter().map(|tx| tx.hash).collect::<Vec<_>>(), all[..1]);
    assert_eq!(block.dropped.iter().map(|dropped| dropped.hash).collect::<Vec<_>>(), all[1..2]);
    assert!(block.dropped[0].reason.contains("lack of funds"), "{}", block.dropped[0].reason);
    assert_eq!(chain.pool().map(|tx| tx.hash).collect::<Vec<_>>(), all[2..]);
}

#[test]
fn a_revert_is_included_with_status_zero_and_its_data() {
    let mut chain = chain();
    let reverter = contracts::deploy(&mut chain, contracts::REVERTER);
    let data = Bytes::from_static(b"why not");
    let hash = chain.send_unsigned(ALICE, Some(reverter), U256::ZERO, data.clone(), 100_000).expect("accepted");
    mine(&mut chain);
    assert!(chain.receipt(hash).is_some_and(|receipt| !receipt.status()));
    let (_, mined) = chain.mined(hash).expect("mined");
    assert_eq!((&mined.outcome, &mined.output), (&Outcome::Revert, &data));
    assert_eq!(chain.nonce(ALICE, BlockId::latest()), Ok(2));
}

#[test]
fn the_base_fee_follows_the_load() {
    let mut genesis = Genesis::at(START).fund(ALICE, ether(100));
    genesis.gas_limit = 42_000;
    let mut chain = Chain::new(genesis);
    assert_eq!(mine(&mut chain).header.base_fee_per_gas, Some(875_000_000), "an empty parent: an eighth less");
    for _ in 0..3 {
        chain.send_unsigned(ALICE, Some(BOB), U256::ZERO, Bytes::new(), 21_000).expect("accepted");
    }
    let full = mine(&mut chain);
    assert_eq!((full.transactions.len(), full.header.gas_used), (2, 42_000), "the third has no room");
    let fee = full.header.base_fee_per_gas.expect("set");
    assert_eq!(chain.next_base_fee(), fee + fee / 8, "a full parent: an eighth more");
    assert_eq!(mine(&mut chain).transactions.len(), 1);
}

#[test]
fn one_that_does_not_pay_the_base_fee_waits_for_it_to_fall() {
    let mut chain = chain();
    let max_fee = Some(700_000_000);
    let cheap = UnsignedTx { from: ALICE, to: Some(BOB), gas_limit: 21_000, max_fee, ..UnsignedTx::default() };
    let hash = chain.send_as(cheap).expect("accepted");
    let mut blocks = 0;
    while chain.receipt(hash).is_none() {
        blocks += 1;
        assert!(blocks < 5);
        mine(&mut chain);
    }
    assert_eq!(blocks, 3, "875, 766, 670 million wei");
    assert_eq!(chain.transaction(hash).map(|tx| tx.inner.nonce()), Some(0));
}

#[test]
fn equal_calls_give_equal_chains() {
    let run = || {
        let mut chain = chain();
        let counter = contracts::deploy(&mut chain, contracts::COUNTER);
        for amount in 0..20 {
            let data = contracts::word(amount);
            chain.send_unsigned(ALICE, Some(counter), U256::ZERO, data, 100_000).expect("accepted");
            chain.send_unsigned(ALICE, Some(Address::repeat_byte(7)), U256::from(1), Bytes::new(), 21_000).expect("ok");
            mine(&mut chain);
        }
        chain.head().hash
    };
    assert_eq!(run(), run());
}

#[test]
fn an_account_can_delegate_its_code() {
    let mut chain = dev_chain();
    let counter = contracts::deploy(&mut chain, contracts::COUNTER);
    let authorization = Authorization { chain_id: U256::from(31_337), address: counter, nonce: 1 };
    let signature = signer().sign_hash_sync(&authorization.signature_hash()).expect("signs");
    let delegation = TxEip7702 {
        chain_id: 31_337,
        gas_limit: 100_000,
        max_fee_per_gas: 3_000_000_000,
        to: BOB,
        authorization_list: vec![authorization.into_signed(signature)],
        ..TxEip7702::default()
    };
    chain.send_raw(&signed(delegation)).expect("accepted");
    mine(&mut chain);
    let code = [&[0xef, 0x01, 0x00], counter.as_slice()].concat();
    assert_eq!(chain.code(dev_address(0), BlockId::latest()).expect("there"), code);
    chain.send_unsigned(ALICE, Some(dev_address(0)), U256::ZERO, contracts::word(8), 100_000).expect("accepted");
    mine(&mut chain);
    assert_eq!(chain.storage(dev_address(0), U256::ZERO, BlockId::latest()), Ok(U256::from(8)));
}

#[test]
fn no_number_is_too_large_to_be_refused() {
    let mut chain = dev_chain();
    let extreme = UnsignedTx {
        from: ALICE,
        value: U256::MAX,
        gas_limit: TX_GAS_CAP,
        tip: Some(u128::MAX),
        ..UnsignedTx::default()
    };
    assert!(matches!(chain.send_as(extreme), Err(TxError::InsufficientFunds { .. })));
    chain.patch(Patch::Nonce { address: ALICE, nonce: u64::MAX });
    chain.patch(Patch::Balance { address: ALICE, wei: U256::MAX });
    chain.patch(Patch::Code { address: BOB, code: Bytes::from_static(&[0xef, 0x01, 0x00]) });
    mine(&mut chain);
    let refused = chain.send_unsigned(ALICE, Some(BOB), U256::ZERO, Bytes::new(), 21_000);
    assert!(matches!(refused, Err(TxError::NonceTooHigh { .. })));
    chain.send_raw(&signed(TxEip1559 { to: TxKind::Call(ALICE), ..payment(0) })).expect("accepted");
    mine(&mut chain);
}
