//! The server with an alloy provider.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use alloy::{
    consensus::transaction::SignerRecoverable,
    eips::BlockId,
    network::{EthereumWallet, TransactionBuilder},
    primitives::{U64, U256},
    providers::{DynProvider, Provider, ProviderBuilder},
    rpc::types::{Filter, TransactionRequest},
    signers::local::PrivateKeySigner,
    sol_types::{Revert, SolError},
};
use perunika_devnet::{Config, Server, ServerHandle, StartError, dev_address, dev_key};

use super::{BOB, START, contracts, ether};

/// A server whose clock stands still until the test moves it, and that mines transactions only.
pub(crate) async fn server() -> (ServerHandle, Arc<AtomicU64>) {
    let time = Arc::new(AtomicU64::new(START));
    let clock = Arc::clone(&time);
    let config = Config {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        block_time: None,
        clock: Arc::new(move || clock.load(Ordering::SeqCst)),
        ..Config::default()
    };
    (Server::start(config).await.expect("starts"), time)
}

/// A provider that signs for development account 0.
pub(crate) fn provider(server: &ServerHandle) -> DynProvider {
    let wallet = EthereumWallet::from(PrivateKeySigner::from_bytes(&dev_key(0)).expect("a key"));
    let url = server.url().parse().expect("a URL");
    let provider = ProviderBuilder::new().wallet(wallet).connect_http(url);
    provider.client().set_poll_interval(Duration::from_millis(5));
    provider.erased()
}

#[tokio::test]
async fn a_signed_transaction_gets_its_receipt() {
    let (server, _) = server().await;
    let provider = provider(&server);
    let request = TransactionRequest::default().with_to(BOB).with_value(ether(3));
    let receipt =
        provider.send_transaction(request).await.expect("accepted").get_receipt().await.expect("mined at once");
    assert!(receipt.status());
    assert_eq!((receipt.from, receipt.to, receipt.gas_used), (dev_address(0), Some(BOB), 21_000));
    assert_eq!(provider.get_balance(BOB).await.expect("balance"), ether(3));
    let block = provider.get_block(BlockId::latest()).full().await.expect("answers").expect("there");
    assert_eq!(Some(block.header.hash), receipt.block_hash);
    assert_eq!(block.header.inner.hash_slow(), block.header.hash);
    let tx = provider.get_transaction_by_hash(receipt.transaction_hash).await.expect("answers").expect("there");
    assert_eq!(Some(&tx), block.transactions.as_transactions().and_then(|all| all.first()));
    assert_eq!(tx.inner.inner().recover_signer().ok(), Some(dev_address(0)));
    server.shutdown().await;
}

#[tokio::test]
async fn a_contract_works_through_the_provider() {
    let (server, _) = server().await;
    let provider = provider(&server);
    let deploy = TransactionRequest::default().with_deploy_code(contracts::init(contracts::COUNTER));
    let receipt = provider.send_transaction(deploy).await.expect("accepted").get_receipt().await.expect("mined");
    let counter = receipt.contract_address.expect("created");
    assert_eq!(provider.get_code_at(counter).await.expect("code"), contracts::COUNTER.to_vec());

    let add = TransactionRequest::default().with_to(counter).with_input(contracts::word(5));
    let receipt = provider.send_transaction(add.clone()).await.expect("accepted").get_receipt().await.expect("mined");
    assert_eq!(receipt.logs().len(), 1);
    assert_eq!(provider.get_storage_at(counter, U256::ZERO).await.expect("slot"), U256::from(5));
    assert_eq!(provider.call(add.clone()).await.expect("call"), contracts::word(10));
    assert_eq!(provider.call(add).block(BlockId::number(1)).await.expect("call"), contracts::word(5));
    let logs = provider.get_logs(&Filter::new().from_block(0).address(counter)).await.expect("logs");
    assert_eq!(logs, receipt.logs());
    let receipts = provider.get_block_receipts(BlockId::latest()).await.expect("answers").expect("there");
    assert_eq!(receipts, [receipt]);
}

#[tokio::test]
async fn a_revert_carries_its_data() {
    let (server, _) = server().await;
    let provider = provider(&server);
    let reverter = server.with_chain(|chain| {
        let code = contracts::init(contracts::REVERTER);
        let hash = chain.send_unsigned(dev_address(1), None, U256::ZERO, code, 1_000_000).expect("accepted");
        chain.mine(START + 1).expect("later");
        chain.receipt(hash).and_then(|receipt| receipt.contract_address).expect("created")
    });
    let data = Revert::from("not yet").abi_encode();
    let call = TransactionRequest::default().with_to(reverter).with_input(data.clone());
    for error in [
        provider.call(call.clone()).await.expect_err("reverts"),
        provider.estimate_gas(call).await.expect_err("reverts"),
    ] {
        let payload = error.as_error_resp().expect("an answer");
        assert_eq!((payload.code, payload.message.as_ref()), (3, "execution reverted: not yet"));
        assert_eq!(payload.as_revert_data().map(|bytes| bytes.to_vec()), Some(data.clone()));
    }
}

#[tokio::test]
async fn time_is_moved_by_request() {
    let (server, time) = server().await;
    let provider = provider(&server);
    let timestamp =
        async || provider.get_block(BlockId::latest()).await.expect("answers").expect("there").header.timestamp;
    let mine = async || provider.raw_request::<_, String>("evm_mine".into(), ()).await.expect("mined");

    assert_eq!(provider.raw_request::<_, i64>("evm_increaseTime".into(), (3_600,)).await.expect("moved"), 3_600);
    assert_eq!(timestamp().await, START, "no block yet");
    mine().await;
    assert_eq!(timestamp().await, START + 3_600);
    mine().await;
    assert_eq!(timestamp().await, START + 3_601, "strictly later, though the clock stands still");
    time.fetch_add(100, Ordering::SeqCst);
    mine().await;
    assert_eq!(timestamp().await, START + 3_700);

    let next = U64::from(START + 10_000);
    provider.raw_request::<_, ()>("evm_setNextBlockTimestamp".into(), (next,)).await.expect("set");
    mine().await;
    assert_eq!(timestamp().await, START + 10_000);
    time.fetch_add(50, Ordering::SeqCst);
    mine().await;
    assert_eq!(timestamp().await, START + 10_050, "time goes on from there");
    let past = provider.raw_request::<_, ()>("evm_setNextBlockTimestamp".into(), (1,)).await;
    assert!(past.expect_err("in the past").to_string().contains("is not above the parent's"));
}

#[tokio::test]
async fn empty_blocks_come_by_themselves() {
    let config = Config {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        block_time: Some(Duration::from_millis(1)),
        accounts: Vec::new(),
        clock: Arc::new(|| START),
        ..Config::default()
    };
    let server = Server::start(config).await.expect("starts");
    let mut head = server.head();
    head.wait_for(|number| *number >= 5).await.expect("blocks come");
    let (height, time) = server.with_chain(|chain| (chain.height(), chain.head().header.timestamp));
    assert_eq!(time, START + height);
    server.shutdown().await;
}

#[tokio::test]
async fn what_cannot_be_had_is_said() {
    let listen = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let refused = Server::start(Config { listen, ..Config::default() }).await;
    assert!(matches!(refused, Err(StartError::NotLoopback(address)) if address == listen));
    let (first, _) = server().await;
    let taken = Server::start(Config { listen: first.addr(), ..Config::default() }).await;
    assert!(matches!(taken, Err(StartError::Listen { .. })));
    assert_eq!(first.url(), format!("http://{}", first.addr()));
    first.shutdown().await;
}
