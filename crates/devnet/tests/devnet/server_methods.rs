//! The server's methods one by one, and the form of requests.

use alloy::{
    primitives::{Address, B256, U64, U256},
    providers::{DynProvider, Provider},
    transports::http::reqwest,
};
use perunika_devnet::{DEV_BALANCE, dev_address};
use serde_json::{Value, json};

use super::{
    BOB, START,
    server::{provider, server},
};

async fn ask(provider: &DynProvider, method: &'static str, params: Value) -> Value {
    let result = provider.raw_request::<_, Value>(method.into(), params).await;
    result.unwrap_or_else(|error| panic!("{method}: {error}"))
}

async fn refused(provider: &DynProvider, method: &'static str, params: Value) -> (i64, String) {
    let error = provider.raw_request::<_, Value>(method.into(), params).await.expect_err("refused");
    let payload = error.as_error_resp().expect("an answer");
    (payload.code, payload.message.to_string())
}

async fn post(url: &str, body: impl Into<reqwest::Body>) -> (u16, Value) {
    let response = reqwest::Client::new().post(url).body(body).send().await.expect("answers");
    let status = response.status().as_u16();
    let bytes = response.bytes().await.expect("body");
    (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

#[tokio::test]
async fn requests_take_the_forms_of_json_rpc() {
    let (server, _) = server().await;
    let url = server.url();
    let code = |reply: &Value| reply["error"]["code"].as_i64();

    let (status, reply) = post(&url, r#"{"jsonrpc":"2.0","id":"x","method":"eth_chainId"}"#).await;
    assert_eq!((status, reply), (200, json!({"jsonrpc": "2.0", "id": "x", "result": "0x7a69"})));
    assert_eq!(code(&post(&url, "{").await.1), Some(-32_700));
    assert_eq!(code(&post(&url, "[]").await.1), Some(-32_600));
    assert_eq!(code(&post(&url, r#"{"id":1}"#).await.1), Some(-32_600));
    assert_eq!(code(&post(&url, r#"{"id":1,"method":"eth_chainId"}"#).await.1), Some(-32_600));
    assert_eq!(code(&post(&url, r#"{"jsonrpc":"2.0","id":1,"method":"eth_fly"}"#).await.1), Some(-32_601));
    let wrong = r#"{"jsonrpc":"2.0","id":1,"method":"eth_getBalance","params":["alice"]}"#;
    assert_eq!(code(&post(&url, wrong).await.1), Some(-32_602));
    let named = r#"{"jsonrpc":"2.0","id":1,"method":"eth_getBalance","params":{}}"#;
    assert_eq!(code(&post(&url, named).await.1), Some(-32_602));

    let batch = r#"[{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber"},
        {"jsonrpc":"2.0","method":"evm_mine"},
        7,
        {"jsonrpc":"2.0","id":2,"method":"eth_blockNumber","params":[]}]"#;
    let (_, replies) = post(&url, batch).await;
    let results: Vec<_> = replies.as_array().expect("replies").iter().map(|reply| &reply["result"]).collect();
    assert_eq!(results, [&json!("0x0"), &Value::Null, &json!("0x1")], "a notification is done but not answered");
    assert_eq!(post(&url, r#"{"jsonrpc":"2.0","method":"evm_mine"}"#).await.0, 204);
    assert_eq!(post(&url, vec![b' '; 3 << 20]).await.0, 413);
}

#[tokio::test]
async fn the_plain_questions_are_answered() {
    let (server, _) = server().await;
    let provider = provider(&server);
    assert_eq!(ask(&provider, "net_version", json!([])).await, json!("31337"));
    assert!(
        ask(&provider, "web3_clientVersion", json!([])).await.as_str().is_some_and(|name| name.starts_with("perunika"))
    );
    assert_eq!(ask(&provider, "eth_syncing", json!([])).await, json!(false));
    let accounts = provider.get_accounts().await.expect("accounts");
    assert_eq!(accounts, (0..10).map(dev_address).collect::<Vec<_>>());
    assert_eq!(provider.get_balance(dev_address(9)).await.expect("balance"), DEV_BALANCE);
    assert_eq!(ask(&provider, "eth_getBlockByNumber", json!(["0x99", false])).await, Value::Null);
    assert_eq!(ask(&provider, "eth_getTransactionReceipt", json!([B256::ZERO])).await, Value::Null);
    assert_eq!(refused(&provider, "eth_getBalance", json!([BOB, "0x99"])).await.0, -32_001);
    assert_eq!(provider.get_gas_price().await.expect("price"), 875_000_000 + 1_000_000_000);
    assert_eq!(provider.get_max_priority_fee_per_gas().await.expect("tip"), 1_000_000_000);
}

#[tokio::test]
async fn the_fee_history_reaches_the_next_block() {
    let (server, _) = server().await;
    let provider = provider(&server);
    let send = json!([{"from": dev_address(1), "to": BOB, "value": "0x1", "maxPriorityFeePerGas": "0x7"}]);
    ask(&provider, "eth_sendTransaction", send).await;
    ask(&provider, "evm_mine", json!([])).await;
    let history = provider.get_fee_history(10, Default::default(), &[0.0, 50.0]).await.expect("history");
    assert_eq!((history.oldest_block, history.gas_used_ratio.len(), history.base_fee_per_gas.len()), (0, 3, 4));
    let reward = history.reward.expect("asked for");
    assert_eq!(reward[1], [7, 7]);
    assert_eq!(reward[2], [1_000_000_000; 2], "an empty block");
    let next = server.with_chain(|chain| chain.next_base_fee());
    assert_eq!(history.base_fee_per_gas.last(), Some(&u128::from(next)));
    assert_eq!(refused(&provider, "eth_feeHistory", json!(["0x2", "latest", [50, 10]])).await.0, -32_602);
}

#[tokio::test]
async fn unsigned_transactions_need_a_known_or_impersonated_sender() {
    let (server, _) = server().await;
    let provider = provider(&server);
    let stranger = Address::repeat_byte(0x77);
    let send = json!([{"from": stranger, "to": BOB, "value": "0x5"}]);
    assert_eq!(refused(&provider, "eth_sendTransaction", send.clone()).await.0, -32_000);
    ask(&provider, "anvil_setBalance", json!([stranger, "0xde0b6b3a7640000"])).await;
    ask(&provider, "anvil_impersonateAccount", json!([stranger])).await;
    let hash = ask(&provider, "eth_sendTransaction", send.clone()).await;
    let receipt = ask(&provider, "eth_getTransactionReceipt", json!([hash])).await;
    assert_eq!((&receipt["status"], &receipt["from"]), (&json!("0x1"), &json!(stranger)));
    ask(&provider, "anvil_stopImpersonatingAccount", json!([stranger])).await;
    assert_eq!(refused(&provider, "eth_sendTransaction", send).await.0, -32_000);
    let (code, message) = refused(&provider, "eth_sendRawTransaction", json!(["0x02c0"])).await;
    assert_eq!(code, -32_000);
    assert!(message.starts_with("not a transaction"), "{message}");
}

#[tokio::test]
async fn pending_counts_what_waits() {
    let (server, _) = server().await;
    let provider = provider(&server);
    ask(&provider, "evm_setAutomine", json!([false])).await;
    let sender = dev_address(2);
    let hash = ask(&provider, "eth_sendTransaction", json!([{"from": sender, "to": BOB, "gas": "0x5208"}])).await;
    assert_eq!(provider.get_transaction_count(sender).await.expect("count"), 0);
    assert_eq!(provider.get_transaction_count(sender).pending().await.expect("count"), 1);
    assert_eq!(ask(&provider, "eth_getTransactionByHash", json!([hash])).await["blockNumber"], Value::Null);
    ask(&provider, "evm_mine", json!([])).await;
    assert_eq!(provider.get_transaction_count(sender).await.expect("count"), 1);
}

#[tokio::test]
async fn filters_give_what_is_new() {
    let (server, _) = server().await;
    let provider = provider(&server);
    let blocks = ask(&provider, "eth_newBlockFilter", json!([])).await;
    let logs = ask(&provider, "eth_newFilter", json!([{"address": BOB}])).await;
    ask(&provider, "anvil_mine", json!(["0x3", "0xa"])).await;
    let news = ask(&provider, "eth_getFilterChanges", json!([blocks])).await;
    assert_eq!(news.as_array().map(Vec::len), Some(3));
    assert_eq!(server.with_chain(|chain| chain.head().header.timestamp), START + 21);
    assert_eq!(ask(&provider, "eth_getFilterChanges", json!([blocks])).await, json!([]));
    assert_eq!(ask(&provider, "eth_getFilterChanges", json!([logs])).await, json!([]));
    ask(&provider, "anvil_reorg", json!([2])).await;
    let news = ask(&provider, "eth_getFilterChanges", json!([blocks])).await;
    assert_eq!(news.as_array().map(Vec::len), Some(2), "the new blocks in the place of the old");
    assert_eq!(ask(&provider, "eth_uninstallFilter", json!([blocks])).await, json!(true));
    assert_eq!(refused(&provider, "eth_getFilterChanges", json!([blocks])).await.0, -32_001);
}

#[tokio::test]
async fn the_chain_goes_back_by_request() {
    let (server, _) = server().await;
    let provider = provider(&server);
    let send = json!([{"from": dev_address(3), "to": BOB, "value": "0x5"}]);
    let snapshot: U64 = serde_json::from_value(ask(&provider, "evm_snapshot", json!([])).await).expect("an id");
    let hash = ask(&provider, "eth_sendTransaction", send.clone()).await;
    assert_eq!(provider.get_balance(BOB).await.expect("balance"), U256::from(5));

    let old = provider.get_block_by_number(1.into()).await.expect("answers").expect("there");
    ask(&provider, "anvil_reorg", json!([1])).await;
    let new = provider.get_block_by_number(1.into()).await.expect("answers").expect("there");
    assert_ne!(old.header.hash, new.header.hash);
    let receipt = ask(&provider, "eth_getTransactionReceipt", json!([hash])).await;
    assert_eq!(receipt["blockHash"], json!(new.header.hash), "mined again");
    ask(&provider, "anvil_reorg", json!([1, "drop"])).await;
    assert_eq!(provider.get_balance(BOB).await.expect("balance"), U256::ZERO);

    assert_eq!(ask(&provider, "evm_revert", json!([snapshot])).await, json!(true));
    assert_eq!(provider.get_block_number().await.expect("number"), 0);
    assert_eq!(ask(&provider, "evm_revert", json!([snapshot])).await, json!(false));
    ask(&provider, "evm_mine", json!([{"blocks": 4}])).await;
    ask(&provider, "anvil_rollback", json!([3])).await;
    assert_eq!(provider.get_block_number().await.expect("number"), 1);
}

#[tokio::test]
async fn a_reorganisation_says_what_becomes_of_its_transactions() {
    let (server, _) = server().await;
    let provider = provider(&server);
    let send = |from: u32| json!([{"from": dev_address(from), "to": BOB, "value": "0x5"}]);
    ask(&provider, "evm_setAutomine", json!([false])).await;
    let hashes =
        [ask(&provider, "eth_sendTransaction", send(3)).await, ask(&provider, "eth_sendTransaction", send(4)).await];
    ask(&provider, "evm_mine", json!([])).await;
    let head = || async { ask(&provider, "eth_getBlockByNumber", json!(["latest", false])).await };
    assert_eq!(head().await["transactions"], json!(hashes));

    ask(&provider, "anvil_reorg", json!([1, "reverse"])).await;
    assert_eq!(head().await["transactions"], json!([hashes[1], hashes[0]]));
    let waiting = ask(&provider, "anvil_reorg", json!([1, "later"])).await;
    assert_eq!(waiting.as_array().map(Vec::len), Some(2));
    assert_eq!(head().await["transactions"], json!([]));
    ask(&provider, "evm_mine", json!([])).await;
    assert_eq!(head().await["transactions"].as_array().map(Vec::len), Some(2));
    assert_eq!(ask(&provider, "anvil_reorg", json!([1, "drop"])).await, json!([]));
    assert_eq!(refused(&provider, "anvil_reorg", json!([1, "sideways"])).await.0, -32_602);
    assert_eq!(refused(&provider, "anvil_reorg", json!([1, [[{}, 0]]])).await.0, -32_602);
}

#[tokio::test]
async fn the_state_is_set_by_request() {
    let (server, _) = server().await;
    let provider = provider(&server);
    ask(&provider, "anvil_setNonce", json!([BOB, 7])).await;
    ask(&provider, "anvil_setCode", json!([BOB, "0x602a5f5260205ff3"])).await;
    ask(&provider, "anvil_setStorageAt", json!([BOB, "0x1", B256::with_last_byte(9)])).await;
    assert_eq!(provider.get_transaction_count(BOB).await.expect("count"), 7);
    assert_eq!(provider.get_storage_at(BOB, U256::from(1)).await.expect("slot"), U256::from(9));
    let call = ask(&provider, "eth_call", json!([{"to": BOB}, "latest", {}])).await;
    assert_eq!(call, json!(B256::with_last_byte(42)));
    let overrides = json!([{"to": BOB}, "latest", {BOB.to_string(): {"balance": "0x1"}}]);
    assert_eq!(refused(&provider, "eth_call", overrides).await.0, -32_602);
}
