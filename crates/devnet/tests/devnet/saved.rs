//! A chain on disk.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
};

use alloy::{
    eips::BlockId,
    primitives::{B256, Bytes, U256},
    rpc::types::Filter,
};
use perunika_devnet::{Config, Patch, Server, ServerHandle, StartError, StateError, dev_address};

use super::{BOB, START, contracts};

fn config(path: &Path) -> Config {
    Config {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        block_time: None,
        clock: Arc::new(|| START),
        state: Some(path.into()),
        ..Config::default()
    }
}

async fn start(path: &Path) -> ServerHandle {
    Server::start(config(path)).await.expect("starts")
}

async fn refused(path: &Path) -> StateError {
    match Server::start(config(path)).await {
        Err(StartError::State(error)) => error,
        other => panic!("should have been refused: {other:?}"),
    }
}

fn mine(server: &ServerHandle) -> B256 {
    server.with_chain(|chain| {
        let time = chain.head().header.timestamp + 1;
        chain.mine(time).expect("mines").hash
    })
}

fn send(server: &ServerHandle, from: u32, wei: u64) -> B256 {
    server.with_chain(|chain| {
        chain.send_unsigned(dev_address(from), Some(BOB), U256::from(wei), Bytes::new(), 21_000).expect("is taken")
    })
}

/// What can be asked of a chain, to be compared.
fn picture(server: &ServerHandle) -> String {
    server.with_chain(|chain| {
        let blocks: Vec<_> = (0..=chain.height()).map(|number| chain.block(number).expect("there").clone()).collect();
        let bob = chain.balance(BOB, BlockId::latest()).expect("known");
        let past = chain.balance(BOB, 1).expect("known");
        let logs = chain.logs(&Filter::new().from_block(0)).expect("found");
        // What left the pool without getting into a block is not kept.
        let shown: Vec<_> = blocks.iter().map(|block| (&block.header, &block.transactions, &block.patches)).collect();
        format!("{shown:?} {bob} {past} {logs:?} {:?}", chain.genesis())
    })
}

/// Transfers, a contract with a log, a change of state and a lost block.
async fn eventful(path: &Path) -> ServerHandle {
    let server = start(path).await;
    send(&server, 1, 5);
    send(&server, 2, 6);
    mine(&server);
    let contract = server.with_chain(|chain| {
        let code = contracts::init(contracts::COUNTER);
        let hash = chain.send_unsigned(dev_address(1), None, U256::ZERO, code, 500_000).expect("is taken");
        let time = chain.head().header.timestamp + 1;
        chain.mine(time).expect("mines");
        chain.receipt(hash).expect("mined").contract_address.expect("created")
    });
    server.with_chain(|chain| {
        chain.patch(Patch::Balance { address: BOB, wei: U256::from(99) });
        chain.patch(Patch::Storage { address: contract, slot: U256::ZERO, value: U256::from(3) });
        chain.send_unsigned(dev_address(1), Some(contract), U256::ZERO, contracts::word(4), 100_000).expect("is taken");
    });
    mine(&server);
    send(&server, 3, 7);
    mine(&server);
    server.with_chain(|chain| chain.reorg(1).expect("drops"));
    mine(&server);
    server
}

#[tokio::test]
async fn a_chain_goes_on_where_it_was_however_it_ended() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, copy) = (folder.path().join("chain"), folder.path().join("copy"));
    let server = eventful(&path).await;
    let before = picture(&server);
    // What a process leaves that is killed now.
    fs::copy(&path, &copy).expect("copies");
    server.shutdown().await;
    for path in [&path, &copy] {
        let again = start(path).await;
        assert_eq!(picture(&again), before);
        let hash = send(&again, 3, 7);
        let head = mine(&again);
        assert!(again.with_chain(|chain| chain.receipt(hash).is_some_and(|receipt| receipt.status())));
        again.shutdown().await;
        let third = start(path).await;
        assert_eq!(third.with_chain(|chain| chain.head().hash), head);
        third.shutdown().await;
    }
}

#[tokio::test]
async fn snapshots_work_again_after_a_restart_and_old_ids_do_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("chain");
    let server = start(&path).await;
    mine(&server);
    let old = server.with_chain(|chain| chain.snapshot());
    server.shutdown().await;
    let server = start(&path).await;
    assert!(server.with_chain(|chain| chain.revert(old)).is_err());
    let new = server.with_chain(|chain| chain.snapshot());
    assert!(new > old);
    let before = picture(&server);
    send(&server, 1, 5);
    mine(&server);
    server.with_chain(|chain| chain.revert(new).expect("known"));
    assert_eq!(picture(&server), before);
    server.shutdown().await;
    assert_eq!(picture(&start(&path).await), before);
}

#[tokio::test]
async fn a_write_that_a_crash_cut_off_costs_one_block_at_most() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("chain");
    let server = eventful(&path).await;
    let (height, parent) = server.with_chain(|chain| (chain.height(), chain.head().header.parent_hash));
    server.shutdown().await;
    let text = fs::read(&path).expect("there");
    let last = text[..text.len() - 1].iter().rposition(|byte| *byte == b'\n').expect("many lines") + 1;
    for end in [last + 1, last + 20, text.len() - 1] {
        fs::write(&path, &text[..end]).expect("writes");
        let server = start(&path).await;
        assert_eq!(server.with_chain(|chain| (chain.height(), chain.head().hash)), (height - 1, parent));
        let head = mine(&server);
        server.shutdown().await;
        let server = start(&path).await;
        assert_eq!(server.with_chain(|chain| chain.head().hash), head);
        server.shutdown().await;
    }
}

#[tokio::test]
async fn damage_is_told_and_nothing_is_changed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("chain");
    eventful(&path).await.shutdown().await;
    let text = fs::read_to_string(&path).expect("there");
    let lines: Vec<&str> = text.lines().collect();
    let without = |gone: usize| {
        let rest = lines.iter().enumerate().filter(|(number, _)| *number != gone);
        rest.map(|(_, line)| format!("{line}\n")).collect::<String>()
    };
    let middle = text.len() / 2;
    let mut flipped = text.clone().into_bytes();
    flipped[middle] ^= 1;
    for (damaged, line) in [(without(1).into_bytes(), 2), (without(2).into_bytes(), 3), (flipped, 0)] {
        fs::write(&path, &damaged).expect("writes");
        let error = refused(&path).await.to_string();
        let told = error.contains(&format!("is damaged at line {line}")) || (line == 0 && error.contains("is damaged"));
        assert!(told, "{error}");
        assert_eq!(fs::read(&path).expect("there"), damaged);
    }
    for (other, word) in [
        (text.replacen("\"version\":1", "\"version\":2", 1), "has version 2 of the format"),
        (text.replacen("\"chain_id\":31337", "\"chain_id\":31338", 1), "is damaged at line 1"),
        ("hello\n".to_owned(), "is not the state of a development chain"),
        (String::new(), "is not the state of a development chain"),
    ] {
        fs::write(&path, other).expect("writes");
        let error = refused(&path).await.to_string();
        assert!(error.contains(word), "{error}");
    }
}

#[tokio::test]
async fn a_state_has_one_user_and_one_chain() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("chain");
    let server = start(&path).await;
    assert!(matches!(refused(&path).await, StateError::InUse(_)));
    server.shutdown().await;
    let other = Server::start(Config { chain_id: 5, ..config(&path) }).await.expect_err("another chain");
    assert!(other.to_string().contains("holds chain 31337, not 5"), "{other}");
    let nowhere = folder.path().join("no/such/folder");
    assert!(matches!(refused(&nowhere).await, StateError::Io { .. }));
}
