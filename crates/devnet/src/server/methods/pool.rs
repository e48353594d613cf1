//! The pool.

use std::collections::BTreeMap;

use alloy::{
    consensus::Transaction as _,
    primitives::{Address, U64},
};
use serde_json::{Value, json as object};

use super::{Answer, json};
use crate::{
    PoolTx,
    server::{node::Node, params::Params},
};

pub(super) fn call(node: &mut Node, method: &str, _: &mut Params) -> Option<Answer> {
    Some(match method {
        "txpool_status" => json(Ok(status(node))),
        "txpool_content" => json(Ok(content(node, |node, tx| node.chain.transaction(tx.hash)))),
        "txpool_inspect" => json(Ok(content(node, |_, tx| Some(summary(tx))))),
        _ => return None,
    })
}

/// Whether all nonces below are in blocks or in the pool.
fn is_ready(node: &Node, tx: &PoolTx) -> bool {
    tx.tx.nonce() < node.chain.next_nonce(tx.tx.signer())
}

fn status(node: &Node) -> Value {
    let ready = node.chain.pool().filter(|tx| is_ready(node, tx)).count();
    let queued = node.chain.pool().count() - ready;
    object!({ "pending": U64::from(ready), "queued": U64::from(queued) })
}

type BySender<T> = BTreeMap<Address, BTreeMap<String, T>>;

fn content<T: serde::Serialize>(node: &Node, show: impl Fn(&Node, &PoolTx) -> Option<T>) -> Value {
    let (mut pending, mut queued) = (BySender::new(), BySender::new());
    for tx in node.chain.pool() {
        let Some(shown) = show(node, tx) else { continue };
        let group = if is_ready(node, tx) { &mut pending } else { &mut queued };
        group.entry(tx.tx.signer()).or_default().insert(tx.tx.nonce().to_string(), shown);
    }
    object!({ "pending": pending, "queued": queued })
}

fn summary(tx: &PoolTx) -> String {
    let to = tx.tx.to().map_or_else(|| "contract creation".to_owned(), |to| to.to_string());
    format!("{to}: {} wei + {} gas × {} wei", tx.tx.value(), tx.tx.gas_limit(), tx.tx.max_fee_per_gas())
}
