//! A node of the chain that errs, lags or lies: the driver goes on, with bounded work.

use super::spoken::told;
use crate::{Seed, Source, block};
use alloy::consensus::BlockHeader as _;
use alloy::primitives::{Bytes, U256, keccak256};
use alloy::rpc::client::RpcClient;
use alloy::rpc::types::{Filter, Header};
use alloy::transports::{TransportError, TransportFut};
use alloy_json_rpc::{RequestPacket, ResponsePacket};
use perunika_chain::fuzzing::drive;
use perunika_chain::{ChainConfig, OwnerKey};
use perunika_core::chain::{Call, TxKey, Watch};
use perunika_core::{Address, B256};
use perunika_devnet::{CallRequest, Chain};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

/// Looks and attempts to send of one run.
const ROUNDS: usize = 6;
/// Most questions of one run: far more than an honest node is asked.
const QUESTIONS_MAX: usize = 6_000;

/// Answers as the bytes want it, and as an honest node would where they want nothing.
#[derive(Clone)]
struct Liar {
    whim: Arc<Mutex<Whim>>,
    asked: Arc<AtomicUsize>,
}

struct Whim {
    bytes: Vec<u8>,
    at: usize,
    /// Number of the newest block that it shows.
    head: u64,
}

impl tower_service::Service<RequestPacket> for Liar {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, packet: RequestPacket) -> TransportFut<'static> {
        let text = self.answer(&serde_json::to_value(&packet).unwrap_or_default());
        // As the transport over HTTP reads it.
        let read = serde_json::from_str(&text).map_err(|error| TransportError::deser_err(error, &text));
        Box::pin(async move { read })
    }
}

impl Liar {
    fn answer(&self, request: &Value) -> String {
        assert!(self.asked.fetch_add(1, Ordering::Relaxed) < QUESTIONS_MAX, "the driver asks without end");
        let mut whim = self.whim.lock().expect("nothing panics under it");
        let bytes = whim.bytes.get(whim.at..).unwrap_or_default().to_vec();
        let mut source = Source::new(&bytes);
        let mut head = whim.head;
        let how = source.u8() % 8;
        let text = match request {
            Value::Array(all) => {
                Value::Array(all.iter().map(|one| respond(one, how, &mut head, &mut source)).collect())
            }
            one => respond(one, how, &mut head, &mut source),
        };
        let mut text = text.to_string().into_bytes();
        match how {
            5 => source.edit(&mut text),
            6 => text = source.block().to_vec(),
            _ => {}
        }
        whim.at += bytes.len() - source.rest().len();
        whim.head = head;
        String::from_utf8_lossy(&text).into_owned()
    }
}

fn respond(request: &Value, how: u8, head: &mut u64, source: &mut Source<'_>) -> Value {
    let id = request.get("id").cloned().unwrap_or_default();
    let honest = |head: &mut u64, source: &mut Source<'_>| {
        let method = request.get("method").and_then(Value::as_str).unwrap_or_default();
        honest(method, request.get("params").unwrap_or(&Value::Null), head, source)
    };
    match how {
        7 => {
            let (code, data) = (source.u16(), Bytes::copy_from_slice(source.block()));
            let message =
                ["execution reverted", "nonce too low", "already known", "replacement underpriced", "header not found"];
            let message = source.pick(&message);
            json!({"jsonrpc": "2.0", "id": id, "error": {"code": -i32::from(code), "message": message, "data": data}})
        }
        4 => {
            let result: Value = serde_json::from_slice(source.block()).unwrap_or_default();
            json!({"jsonrpc": "2.0", "id": id, "result": result})
        }
        3 => {
            let mut result = honest(head, source);
            twist(&mut result, source);
            json!({"jsonrpc": "2.0", "id": id, "result": result})
        }
        _ => json!({"jsonrpc": "2.0", "id": id, "result": honest(head, source)}),
    }
}

/// Another value for one of the fields of an answer, of the same form.
fn twist(value: &mut Value, source: &mut Source<'_>) {
    let count = match value {
        Value::Object(fields) => fields.len(),
        Value::Array(items) => items.len(),
        Value::String(text) => {
            *text = match source.u8() % 6 {
                0 => "0x0".into(),
                1 => "0xffffffffffffffff".into(),
                2 => format!("0x{}", "f".repeat(32)),
                3 => format!("0x{:x}", source.u64()),
                4 => format!("0x{}", "f".repeat(64)),
                _ => Bytes::copy_from_slice(source.block()).to_string(),
            };
            return;
        }
        _ => return,
    };
    let at = source.below(count);
    match value {
        Value::Object(fields) => fields.values_mut().nth(at),
        Value::Array(items) => items.get_mut(at),
        _ => None,
    }
    .into_iter()
    .for_each(|inner| twist(inner, source));
}

fn honest(method: &str, params: &Value, head: &mut u64, source: &mut Source<'_>) -> Value {
    let chain = &told().chain;
    let first = params.get(0).unwrap_or(&Value::Null);
    match method {
        "eth_chainId" => json!(U256::from(chain.chain_id())),
        "eth_getCode" => {
            let address = serde_json::from_value::<Address>(first.clone()).unwrap_or_default();
            json!(chain.code(address, chain.height()).unwrap_or_default())
        }
        "eth_getBlockByNumber" if first == "latest" => {
            // Forward as a rule, sometimes back.
            let step = source.u8();
            *head = if step < 0xf0 { *head + u64::from(step % 4) } else { head.saturating_sub(u64::from(step % 16)) };
            *head = (*head).min(chain.height());
            shown(chain, *head)
        }
        "eth_getBlockByNumber" => serde_json::from_value::<U256>(first.clone())
            .ok()
            .filter(|number| *number <= U256::from(*head))
            .map_or(Value::Null, |number| shown(chain, number.to())),
        "eth_getBlockByHash" => serde_json::from_value::<B256>(first.clone())
            .ok()
            .and_then(|hash| chain.block(hash).ok())
            .map_or(Value::Null, |block| shown(chain, block.header.number())),
        "eth_getLogs" => serde_json::from_value::<Filter>(first.clone())
            .ok()
            .and_then(|filter| chain.logs(&filter).ok())
            .map_or(Value::Null, |logs| json!(logs)),
        "eth_call" => called(chain, first, params.get(1)),
        "eth_feeHistory" => json!({
            "baseFeePerGas": ["0x7", "0x7", "0x8"], "gasUsedRatio": [0.5, 0.5], "oldestBlock": "0x1",
            "reward": [["0x1"], ["0x2"]]
        }),
        "eth_estimateGas" => json!("0x186a0"),
        "eth_getBalance" => json!("0xde0b6b3a7640000"),
        "eth_getTransactionCount" => json!(format!("0x{:x}", source.u8() % 4)),
        "eth_sendRawTransaction" => json!(keccak256(first.to_string())),
        _ => Value::Null,
    }
}

fn shown(chain: &Chain, number: u64) -> Value {
    let Ok(block) = chain.block(number) else { return Value::Null };
    let header = Header { hash: block.hash, inner: block.header.clone(), total_difficulty: None, size: None };
    let mut header = json!(header);
    header["transactions"] = json!([]);
    header["uncles"] = json!([]);
    header
}

/// Views at a block; a transaction that is tried has no result.
fn called(chain: &Chain, request: &Value, at: Option<&Value>) -> Value {
    let data = request.get("input").or_else(|| request.get("data")).cloned().unwrap_or_default();
    let data: Bytes = serde_json::from_value(data).unwrap_or_default();
    let hash = at.and_then(|at| at.get("blockHash")).cloned().unwrap_or_default();
    let Ok(hash) = serde_json::from_value::<B256>(hash) else { return json!("0x") };
    let request = CallRequest { to: Some(told().domain.adjudicator), data, ..CallRequest::default() };
    chain.call(&request, hash).map_or(Value::Null, |result| json!(result.output))
}

/// Follows and sends for a few rounds.
pub(super) fn run(bytes: &[u8]) -> bool {
    let domain = told().domain;
    let head = told().chain.height() / 2;
    let whim = Whim { bytes: bytes.to_vec(), at: 0, head };
    let liar = Liar { whim: Arc::new(Mutex::new(whim)), asked: Arc::default() };
    let config = ChainConfig {
        resend_after_ms: 0,
        poll_ms: 1,
        log_chunk_blocks: 16,
        ..ChainConfig::new("http://nowhere", domain.chain_id, domain.adjudicator)
    };
    let owner = OwnerKey::from_bytes(&B256::repeat_byte(7)).expect("a key");
    let call = |index: usize| {
        let key = TxKey(B256::with_last_byte(index as u8));
        (key, Call::Refund { params: told().channels[index] })
    };
    let work = drive(RpcClient::new(liar, true), config, owner, watches(), vec![call(0), call(1)], ROUNDS);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    !runtime.block_on(work).is_empty()
}

fn watches() -> Vec<Watch> {
    let (links, channels) = (&told().links, &told().channels);
    let ledgers = channels.iter().map(|params| Watch::Ledger(*params));
    let escrows = links.iter().map(|id| Watch::Escrow(*id));
    let vc = told().vc;
    ledgers
        .chain(escrows)
        .chain([Watch::Record(vc), Watch::Revealed(vc), Watch::Nano { ch: links[0], entry: vc }])
        .collect()
}

pub(super) fn seeds() -> Vec<Seed> {
    // What kind of answer, then what that kind takes; honest ones take nothing or a step.
    let ahead = [0u8, 1].repeat(40);
    let raw = |json: &str| [&[4][..], &block(json.as_bytes())].concat();
    let fees = r#"{"baseFeePerGas":["0x7","0x7"],"gasUsedRatio":[0.5],"oldestBlock":"0x1","reward":[["0x1"]]}"#;
    let absurd_fees = format!(
        r#"{{"baseFeePerGas":["0x{0}","0x{0}"],"gasUsedRatio":[0.5],"oldestBlock":"0x1","reward":[["0x{0}"],["0x{0}"]]}}"#,
        "f".repeat(32)
    );
    let mut absurd_block = shown(&told().chain, 5);
    absurd_block["timestamp"] = json!("0xffffffffffffffff");
    let receipt = format!(
        r#"{{"transactionHash":"{0}","transactionIndex":"0x0","blockHash":"{0}","blockNumber":"0x3","from":"{1}","to":"{1}","cumulativeGasUsed":"0x5208","gasUsed":"0x5208","contractAddress":null,"logs":[],"logsBloom":"0x{2}","status":"0x1","type":"0x2","effectiveGasPrice":"0x7"}}"#,
        B256::repeat_byte(1),
        Address::repeat_byte(2),
        "0".repeat(512),
    );
    vec![
        ("honest".into(), ahead.clone()),
        ("back_and_forth".into(), [0u8, 3, 0, 0xf7].repeat(20)),
        ("errors".into(), [&ahead[..20], &[7, 5, 0, 0, 0, 0], &[7, 5, 125, 0, 0, 1], &ahead].concat()),
        ("twisted".into(), [3u8, 1, 2, 1, 3, 1, 5, 2].repeat(16)),
        ("fees".into(), [&ahead[..30], &raw(fees), &raw(fees), &ahead[..10], &raw(&receipt)].concat()),
        ("receipt".into(), raw(&receipt).repeat(4)),
        // A node that understands nothing of what it is asked ends up with the fees.
        ("absurd_fees".into(), raw(&absurd_fees).repeat(16)),
        ("absurd_nonces".into(), raw("\"0xffffffffffffffff\"").repeat(8)),
        ("absurd_time".into(), raw(&absurd_block.to_string()).repeat(2)),
        ("no_json".into(), [&[6][..], &block(b"<html>")].concat().repeat(4)),
        ("edited".into(), [5u8, 1, 2, 40, 0, 3, 9, 80, 0, 4, b'f'].repeat(8)),
    ]
}
