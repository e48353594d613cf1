//! A JSON-RPC proxy that misbehaves as it is told, before a real chain.

use alloy::primitives::{Bytes, U64, keccak256};
use alloy::transports::http::reqwest;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What is wrong with the node. Nothing by default.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    /// Answers nobody (HTTP 503).
    pub(crate) down: bool,
    /// Knows nothing above this block.
    pub(crate) frozen_at: Option<u64>,
    /// Of several backends only every second one is frozen: requests meet them in turn.
    pub(crate) every_second: bool,
    /// Takes transactions and loses them.
    pub(crate) swallow: bool,
    /// Refuses transactions with this message.
    pub(crate) refuse: Option<String>,
    /// Gives no logs.
    pub(crate) no_logs: bool,
    /// Gives headers without a bloom filter.
    pub(crate) no_bloom: bool,
    /// Gives no receipts.
    pub(crate) no_receipts: bool,
    /// Is of another chain.
    pub(crate) chain_id: Option<u64>,
    /// Shows this code everywhere.
    pub(crate) code: Option<Bytes>,
    /// Gives blocks whose parent is none of its blocks.
    pub(crate) unlinked: bool,
}

#[derive(Debug)]
struct Shared {
    upstream: String,
    client: reqwest::Client,
    state: Mutex<(Faults, Counts)>,
}

/// What was asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    /// HTTP requests.
    pub(crate) requests: usize,
    /// Calls by method, those in batches counted one by one.
    pub(crate) calls: BTreeMap<String, usize>,
}

/// The running proxy.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) url: String,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    pub(crate) async fn start(upstream: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let shared = Shared { upstream: upstream.into(), client: reqwest::Client::new(), state: Mutex::default() };
        let shared = Arc::new(shared);
        let router = Router::new().route("/", post(handle)).with_state(Arc::clone(&shared));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.expect("serves") });
        Self { url, shared, task }
    }

    /// From now on it is wrong with the node.
    pub(crate) fn set(&self, faults: Faults) {
        self.shared.state.lock().expect("not poisoned").0 = faults;
    }

    /// What was asked since the last time.
    pub(crate) fn take_counts(&self) -> Counts {
        std::mem::take(&mut self.shared.state.lock().expect("not poisoned").1)
    }

    /// What was asked until now.
    pub(crate) fn counts(&self) -> Counts {
        self.shared.state.lock().expect("not poisoned").1.clone()
    }
}

async fn handle(State(shared): State<Arc<Shared>>, Json(body): Json<Value>) -> Response {
    let faults = {
        let mut state = shared.state.lock().expect("not poisoned");
        state.1.requests += 1;
        let is_second = state.1.requests % 2 == 0;
        for request in body.as_array().unwrap_or(&vec![body.clone()]) {
            *state.1.calls.entry(request["method"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
        }
        let mut faults = state.0.clone();
        if faults.every_second && !is_second {
            faults.frozen_at = None;
        }
        faults
    };
    if faults.down {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    match body {
        Value::Array(requests) => {
            let mut replies = Vec::new();
            for request in requests {
                replies.push(answer(&shared, &faults, request).await);
            }
            Json(Value::Array(replies)).into_response()
        }
        request => Json(answer(&shared, &faults, request).await).into_response(),
    }
}

async fn answer(shared: &Shared, faults: &Faults, mut request: Value) -> Value {
    let id = request["id"].clone();
    let method = request["method"].as_str().unwrap_or_default().to_owned();
    let result = |result: Value| json!({"jsonrpc": "2.0", "id": id, "result": result});
    let error = |message: &str| json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32000, "message": message}});
    match method.as_str() {
        "eth_chainId" if faults.chain_id.is_some() => return result(json!(faults.chain_id.map(U64::from))),
        "eth_getCode" if faults.code.is_some() => return result(json!(faults.code)),
        "eth_getLogs" if faults.no_logs => return result(json!([])),
        "eth_getTransactionReceipt" if faults.no_receipts => return result(Value::Null),
        "eth_sendRawTransaction" => {
            if let Some(message) = &faults.refuse {
                return error(message);
            }
            if faults.swallow {
                let raw: Bytes = serde_json::from_value(request["params"][0].clone()).expect("bytes");
                return result(json!(keccak256(raw)));
            }
        }
        _ => {}
    }
    if let Some(frozen) = faults.frozen_at {
        freeze(&mut request["params"], frozen);
    }
    let mut reply = forward(shared, &request).await;
    let is_block = matches!(method.as_str(), "eth_getBlockByNumber" | "eth_getBlockByHash");
    if let Some(block) = reply.get_mut("result").filter(|block| is_block && block.is_object()) {
        if faults.frozen_at.is_some_and(|frozen| number(&block["number"]) > frozen) {
            *block = Value::Null;
            return reply;
        }
        if faults.unlinked {
            block["parentHash"] = json!(keccak256(block["hash"].to_string()));
        }
        if faults.no_bloom {
            block["logsBloom"] = json!(alloy::primitives::Bloom::ZERO);
        }
    }
    if let Some(frozen) = faults.frozen_at {
        if method == "eth_getTransactionReceipt" && number(&reply["result"]["blockNumber"]) > frozen {
            return result(Value::Null);
        }
        if let Some(hash) = hash_in(&request["params"]) {
            let ask = json!({"jsonrpc": "2.0", "id": 1, "method": "eth_getBlockByHash", "params": [hash, false]});
            if number(&forward(shared, &ask).await["result"]["number"]) > frozen {
                return error("header not found");
            }
        }
    }
    reply
}

async fn forward(shared: &Shared, request: &Value) -> Value {
    let body = serde_json::to_vec(request).expect("JSON");
    let sent = shared.client.post(&shared.upstream).body(body).send().await;
    let Ok(response) = sent else { return Value::Null };
    let bytes = response.bytes().await.unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or(Value::Null)
}

fn number(value: &Value) -> u64 {
    serde_json::from_value::<U64>(value.clone()).map_or(0, |number| number.to())
}

/// The hash of the block that a call or a search for logs is about.
fn hash_in(params: &Value) -> Option<Value> {
    [&params[0], &params[1]].into_iter().find_map(|value| value.get("blockHash").cloned())
}

/// Newest means this old one.
fn freeze(params: &mut Value, at: u64) {
    for param in params.as_array_mut().into_iter().flatten() {
        if param == "latest" || param == "pending" {
            *param = json!(U64::from(at));
        }
    }
}
