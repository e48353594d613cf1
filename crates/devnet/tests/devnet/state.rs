//! Calls, past states, logs, estimates, going back.

use alloy::{
    eips::{
        BlockId, BlockNumberOrTag,
        eip2935::{HISTORY_STORAGE_ADDRESS, HISTORY_STORAGE_CODE},
    },
    primitives::{Address, B256, Bytes, U256},
    rpc::types::Filter,
    signers::{SignerSync, local::PrivateKeySigner},
    sol_types::{Revert, SolError},
};
use perunika_devnet::{
    At, CallError, CallRequest, CallResult, Chain, ChainError, Genesis, Outcome, Patch, dev_address, dev_key,
};

use super::{
    ALICE, BOB, START, chain,
    contracts::{self, BLOCK_HASH, COUNTER, REVERTER, TIME, deploy, word},
    ether, mine,
};

fn ask(chain: &Chain, to: Address, data: Bytes, at: impl Into<At>) -> CallResult {
    let request = CallRequest { from: ALICE, to: Some(to), data, ..CallRequest::default() };
    chain.call(&request, at).expect("runs")
}

/// A counter to which 1, 2, 3 … were added, one addition per block from block 2 on.
fn counted(additions: u64) -> (Chain, Address) {
    let mut chain = chain();
    let counter = deploy(&mut chain, COUNTER);
    for amount in 1..=additions {
        chain.send_unsigned(ALICE, Some(counter), U256::ZERO, word(amount), 100_000).expect("accepted");
        mine(&mut chain);
    }
    (chain, counter)
}

#[test]
fn a_contract_is_deployed_and_called() {
    let (chain, counter) = counted(3);
    assert_eq!(chain.code(counter, BlockId::latest()).expect("there"), Bytes::from_static(COUNTER));
    assert_eq!(chain.storage(counter, U256::ZERO, BlockId::latest()), Ok(U256::from(6)));
    let result = ask(&chain, counter, word(4), BlockId::latest());
    assert_eq!((result.outcome, result.output, result.logs.len()), (Outcome::Success, word(10), 1));
    assert_eq!(chain.storage(counter, U256::ZERO, BlockId::latest()), Ok(U256::from(6)), "a call changes nothing");
}

#[test]
fn revert_data_surfaces() {
    let mut chain = chain();
    let reverter = deploy(&mut chain, REVERTER);
    let data = Bytes::from(Revert::from("too late").abi_encode());
    let result = ask(&chain, reverter, data.clone(), BlockId::latest());
    assert_eq!((&result.outcome, &result.output), (&Outcome::Revert, &data));
    assert_eq!(result.failure().as_deref(), Some("execution reverted: too late"));
    let request = CallRequest { from: ALICE, to: Some(reverter), data, ..CallRequest::default() };
    let error = chain.estimate_gas(&request, BlockId::latest()).expect_err("reverts");
    assert!(matches!(&error, CallError::Failed(failed) if **failed == result || failed.outcome == Outcome::Revert));
    assert_eq!(error.to_string(), "execution reverted: too late");
}

#[test]
fn contracts_see_the_hashes_of_256_blocks() {
    let mut chain = chain();
    let contract = deploy(&mut chain, BLOCK_HASH);
    for _ in 0..300 {
        mine(&mut chain);
    }
    let seen = |number: u64| B256::from_slice(&ask(&chain, contract, word(number), BlockId::latest()).output);
    let height = chain.height();
    for number in [height - 1, height - 100, height - 256] {
        assert_eq!(seen(number), chain.block(number).expect("there").hash, "block {number}");
    }
    assert_eq!(seen(height), B256::ZERO);
    assert_eq!(seen(height - 257), B256::ZERO);
    let next = At::Next { timestamp: chain.head().header.timestamp + 1 };
    assert_eq!(B256::from_slice(&ask(&chain, contract, word(height), next).output), chain.head().hash);
    let past = ask(&chain, contract, word(9), BlockId::number(10));
    assert_eq!(B256::from_slice(&past.output), chain.block(9).expect("there").hash);

    assert_eq!(chain.code(HISTORY_STORAGE_ADDRESS, BlockId::latest()).expect("there"), HISTORY_STORAGE_CODE);
    let older = ask(&chain, HISTORY_STORAGE_ADDRESS, word(3), BlockId::latest());
    assert_eq!(B256::from_slice(&older.output), chain.block(3).expect("there").hash);
}

#[test]
fn the_past_is_seen_as_it_was() {
    let (chain, counter) = counted(300);
    let sum = |n: u64| word(n * (n + 1) / 2);
    for back in [0u64, 1, 17, 256, 299] {
        let number = chain.height() - back;
        let expected = sum(number - 1);
        assert_eq!(ask(&chain, counter, word(0), BlockId::number(number)).output, expected);
        let hash = chain.block(number).expect("there").hash;
        assert_eq!(ask(&chain, counter, word(0), BlockId::hash(hash)).output, expected);
        assert_eq!(chain.nonce(ALICE, number), Ok(number));
    }
    assert_eq!(ask(&chain, counter, word(0), BlockId::finalized()).output, sum(299));
    assert_eq!(ask(&chain, counter, word(0), BlockId::safe()).output, sum(299));
    assert_eq!(ask(&chain, counter, word(0), BlockId::earliest()).output, Bytes::new(), "not deployed yet");
    assert_eq!(chain.balance(ALICE, BlockId::earliest()), Ok(ether(100)));
    assert_eq!(chain.balance(ALICE, 1_000), Err(ChainError::UnknownNumber(1_000)));
    assert_eq!(chain.balance(ALICE, B256::ZERO), Err(ChainError::UnknownHash(B256::ZERO)));
}

#[test]
fn states_beyond_the_window_are_forgotten() {
    let mut genesis = Genesis::at(START).fund(ALICE, ether(100));
    genesis.history_blocks = 10;
    genesis.finality_depth = 4;
    let mut chain = Chain::new(genesis);
    for _ in 0..30 {
        chain.send_unsigned(ALICE, Some(BOB), U256::from(1), Bytes::new(), 21_000).expect("accepted");
        mine(&mut chain);
    }
    assert_eq!(chain.number(BlockNumberOrTag::Finalized), 26);
    assert_eq!(chain.balance(BOB, BlockId::finalized()), Ok(U256::from(26)));
    assert_eq!(chain.balance(BOB, 20), Ok(U256::from(20)));
    assert_eq!(chain.balance(BOB, 19), Err(ChainError::StateForgotten { number: 19, oldest: 20 }));
    assert_eq!(chain.reorg(11).err(), Some(ChainError::TooDeep { depth: 11, most: 10 }));
    assert_eq!(chain.reorg(10).map(|transactions| transactions.len()), Ok(10));
    assert_eq!(chain.balance(BOB, BlockId::latest()), Ok(U256::from(20)));
}

#[test]
fn logs_are_found_by_address_topic_and_range() {
    let (mut chain, counter) = counted(5);
    let other = deploy(&mut chain, COUNTER);
    for contract in [other, counter] {
        chain.send_unsigned(ALICE, Some(contract), U256::ZERO, word(1), 100_000).expect("accepted");
    }
    let last = mine(&mut chain);
    let all = Filter::new().from_block(0);
    assert_eq!(chain.logs(&all).expect("logs").len(), 7);
    assert_eq!(chain.logs(&all.clone().address(counter)).expect("logs").len(), 6);
    let topic = B256::from(U256::from(42));
    assert_eq!(chain.logs(&all.clone().event_signature(topic)).expect("logs").len(), 7);
    assert!(chain.logs(&all.clone().event_signature(B256::ZERO)).expect("logs").is_empty());
    assert_eq!(chain.logs(&Filter::new().from_block(3).to_block(4)).expect("logs").len(), 2);
    assert_eq!(chain.logs(&Filter::new().from_block(4).to_block(3)), Err(ChainError::EmptyRange));

    let logs = chain.logs(&Filter::new().at_block_hash(last.hash)).expect("logs");
    assert_eq!(logs.iter().map(|log| log.log_index).collect::<Vec<_>>(), [Some(0), Some(1)]);
    assert_eq!((logs[1].address(), logs[1].block_number), (counter, Some(last.header.number)));
    let receipt = chain.receipt(last.transactions[1].hash).expect("mined");
    assert_eq!(receipt.logs(), &logs[1..]);
}

#[test]
fn the_clock_is_the_callers() {
    let mut chain = chain();
    let contract = deploy(&mut chain, TIME);
    let later = START + 86_400;
    let next = At::Next { timestamp: later };
    assert_eq!(ask(&chain, contract, Bytes::new(), next).output, word(later));
    chain.mine(later).expect("later");
    assert_eq!(ask(&chain, contract, Bytes::new(), BlockId::latest()).output, word(later));
    let refused = ChainError::Timestamp { given: later, parent: later };
    assert_eq!(chain.mine(later).err(), Some(refused));
}

#[test]
fn an_estimate_is_enough_and_little_more_than_that() {
    let (mut chain, counter) = counted(1);
    let outer = deploy(&mut chain, &contracts::caller(counter));
    let transfer = CallRequest { from: ALICE, to: Some(BOB), value: U256::from(1), ..CallRequest::default() };
    assert_eq!(chain.estimate_gas(&transfer, BlockId::latest()), Ok(21_000));
    let creation = CallRequest { from: ALICE, data: contracts::init(COUNTER), ..CallRequest::default() };
    for (name, request) in [
        ("call", CallRequest { from: ALICE, to: Some(counter), data: word(1), ..CallRequest::default() }),
        ("all gas passed on", CallRequest { from: ALICE, to: Some(outer), ..CallRequest::default() }),
        ("creation", creation),
    ] {
        let gas = chain.estimate_gas(&request, BlockId::latest()).expect("works");
        let hash = chain.send_unsigned(ALICE, request.to, U256::ZERO, request.data, gas).expect("accepted");
        mine(&mut chain);
        let receipt = chain.receipt(hash).expect("mined");
        assert!(receipt.status(), "{name} with {gas}");
        assert!(gas <= receipt.gas_used + receipt.gas_used / 20, "{name}: {gas} for {}", receipt.gas_used);
    }
    let poor = CallRequest { from: BOB, value: ether(1), to: Some(ALICE), ..CallRequest::default() };
    assert!(matches!(chain.estimate_gas(&poor, BlockId::latest()), Err(CallError::Invalid(_))));
}

#[test]
fn a_snapshot_brings_back_state_blocks_and_pool() {
    let (mut chain, counter) = counted(2);
    let waiting = chain.send_unsigned(ALICE, Some(counter), U256::ZERO, word(10), 100_000).expect("accepted");
    let (before, height) = (chain.head().hash, chain.height());
    let first = chain.snapshot();
    mine(&mut chain);
    let second = chain.snapshot();
    mine(&mut chain);
    assert_eq!(chain.storage(counter, U256::ZERO, BlockId::latest()), Ok(U256::from(13)));

    chain.revert(first).expect("known");
    assert_eq!((chain.head().hash, chain.height()), (before, height));
    assert_eq!(chain.storage(counter, U256::ZERO, BlockId::latest()), Ok(U256::from(3)));
    assert_eq!(chain.pool().map(|tx| tx.hash).collect::<Vec<_>>(), [waiting]);
    assert!(chain.receipt(waiting).is_none());
    assert_eq!(chain.revert(first), Err(ChainError::UnknownSnapshot(first)), "used up");
    assert_eq!(chain.revert(second), Err(ChainError::UnknownSnapshot(second)), "taken later");
    mine(&mut chain);
    assert_eq!(chain.storage(counter, U256::ZERO, BlockId::latest()), Ok(U256::from(13)));
}

#[test]
fn a_reorganisation_gives_back_the_transactions() {
    let (mut chain, counter) = counted(4);
    let old = chain.head().clone();
    let snapshot = chain.snapshot();
    let returned = chain.reorg(2).expect("there are two");
    assert_eq!(returned.len(), 2);
    assert_eq!(chain.storage(counter, U256::ZERO, BlockId::latest()), Ok(U256::from(3)));
    assert!(chain.receipt(old.transactions[0].hash).is_none());
    assert_eq!(chain.block(old.hash).err(), Some(ChainError::UnknownHash(old.hash)));
    assert_eq!(chain.revert(snapshot), Err(ChainError::UnknownSnapshot(snapshot)), "its block is gone");

    for tx in returned {
        chain.resubmit(tx).expect("valid again");
    }
    chain.mine(old.header.timestamp + 9).expect("later");
    assert_eq!(chain.storage(counter, U256::ZERO, BlockId::latest()), Ok(U256::from(10)));
    assert_eq!(chain.receipt(old.transactions[0].hash).and_then(|receipt| receipt.block_number), Some(chain.height()));
    assert_eq!(chain.reorg(chain.height() + 1).err(), Some(ChainError::TooDeep { depth: 5, most: 4 }));
}

#[test]
fn a_patch_belongs_to_its_block() {
    let mut chain = chain();
    let slot = U256::from(9);
    chain.patch(Patch::Balance { address: BOB, wei: ether(5) });
    chain.patch(Patch::Code { address: BOB, code: Bytes::from_static(COUNTER) });
    chain.patch(Patch::Storage { address: BOB, slot, value: slot });
    chain.patch(Patch::Nonce { address: BOB, nonce: 3 });
    mine(&mut chain);
    let read = |chain: &Chain| {
        let at = BlockId::latest();
        (chain.balance(BOB, at), chain.nonce(BOB, at), chain.storage(BOB, slot, at))
    };
    assert_eq!(read(&chain), (Ok(ether(5)), Ok(3), Ok(slot)));
    assert_eq!(ask(&chain, BOB, word(2), BlockId::latest()).output, word(2));
    chain.send_unsigned(BOB, Some(ALICE), U256::from(1), Bytes::new(), 21_000).expect("a contract can be a sender");
    assert_eq!(mine(&mut chain).transactions.len(), 1);
    chain.reorg(2).expect("there are two");
    assert_eq!(read(&chain), (Ok(U256::ZERO), Ok(0), Ok(U256::ZERO)));
}

#[test]
fn the_precompiles_are_those_of_osaka() {
    let chain = chain();
    let digest = B256::repeat_byte(0x5a);
    let signature = PrivateKeySigner::from_bytes(&dev_key(1)).expect("a key").sign_hash_sync(&digest).expect("signs");
    let v = U256::from(27 + u64::from(signature.v()));
    let words = [U256::from_be_bytes(digest.0), v, signature.r(), signature.s()];
    let input: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes::<32>()).collect();
    let recovered = ask(&chain, Address::with_last_byte(1), input.into(), BlockId::latest());
    assert_eq!(Address::from_slice(&recovered.output[12..]), dev_address(1));

    let p256 = Address::from_slice(&U256::from(0x100).to_be_bytes::<32>()[12..]);
    let invalid = ask(&chain, p256, vec![0; 160].into(), BlockId::latest());
    assert_eq!((invalid.output.len(), invalid.gas_used), (0, 21_000 + 160 * 4 + 6_900));
}
