//! Orders that only a development chain takes: time, mining, snapshots, state.

use alloy::{
    consensus::{TxEnvelope, transaction::Recovered},
    primitives::{Address, Bytes, TxHash, U64, U256},
    serde::JsonStorageKey,
};
use serde::Deserialize;

use super::{Answer, json};
use crate::{
    Patch,
    server::{error::RpcError, node::Node, params::Params},
};

/// The most blocks that one request mines.
const MAX_BLOCKS: u64 = 100_000;

pub(super) fn call(node: &mut Node, method: &str, params: &mut Params) -> Option<Answer> {
    Some(match method {
        "evm_increaseTime" | "anvil_increaseTime" => json(increase_time(node, params)),
        "evm_setNextBlockTimestamp" | "anvil_setNextBlockTimestamp" => json(set_next_timestamp(node, params)),
        "evm_mine" => json(mine(node, params)),
        "anvil_mine" | "hardhat_mine" => json(mine_many(node, params)),
        "evm_setAutomine" | "anvil_setAutomine" => json(set_auto_mine(node, params)),
        "evm_snapshot" | "anvil_snapshot" => json(Ok(U64::from(node.snapshot()))),
        "evm_revert" | "anvil_revert" => json(revert(node, params)),
        "anvil_reorg" => json(reorg(node, params)),
        "anvil_rollback" => json(rollback(node, params)),
        "anvil_setBalance" | "hardhat_setBalance" => json(set_balance(node, params)),
        "anvil_setNonce" | "hardhat_setNonce" => json(set_nonce(node, params)),
        "anvil_setCode" | "hardhat_setCode" => json(set_code(node, params)),
        "anvil_setStorageAt" | "hardhat_setStorageAt" => json(set_storage(node, params)),
        _ => return None,
    })
}

/// A number that some clients write in hex and some as a JSON number.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Plain(u64),
    Hex(U64),
}

impl From<Number> for u64 {
    fn from(number: Number) -> Self {
        match number {
            Number::Plain(plain) => plain,
            Number::Hex(hex) => hex.to(),
        }
    }
}

fn number(params: &mut Params, index: usize, name: &str) -> Result<u64, RpcError> {
    params.required::<Number>(index, name).map(Into::into)
}

/// Seconds are added to the chain's time; the answer is its whole distance to the clock.
fn increase_time(node: &mut Node, params: &mut Params) -> Result<i64, RpcError> {
    let seconds = number(params, 0, "seconds")?;
    Ok(node.increase_time(seconds))
}

fn set_next_timestamp(node: &mut Node, params: &mut Params) -> Result<(), RpcError> {
    let timestamp = number(params, 0, "timestamp")?;
    Ok(node.set_next_timestamp(timestamp)?)
}

fn mine(node: &mut Node, params: &mut Params) -> Result<&'static str, RpcError> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Options {
        Timestamp(Number),
        Several { timestamp: Option<Number>, blocks: Option<Number> },
    }
    let (timestamp, blocks) = match params.optional(0, "timestamp or options")? {
        None => (None, 1),
        Some(Options::Timestamp(timestamp)) => (Some(timestamp), 1),
        Some(Options::Several { timestamp, blocks }) => (timestamp, blocks.map_or(1, Into::into)),
    };
    if let Some(timestamp) = timestamp {
        node.set_next_timestamp(timestamp.into())?;
    }
    mine_blocks(node, blocks, None)?;
    Ok("0x0")
}

/// A number of blocks, and the seconds between them.
fn mine_many(node: &mut Node, params: &mut Params) -> Result<(), RpcError> {
    let blocks = params.optional::<Number>(0, "blocks")?.map_or(1, Into::into);
    let interval = params.optional::<Number>(1, "seconds")?.map(Into::into);
    mine_blocks(node, blocks, interval)
}

fn mine_blocks(node: &mut Node, blocks: u64, interval: Option<u64>) -> Result<(), RpcError> {
    if blocks > MAX_BLOCKS {
        return Err(RpcError::invalid_params(format!("at most {MAX_BLOCKS} blocks at once")));
    }
    for index in 0..blocks {
        if let Some(interval) = interval.filter(|_| index > 0) {
            let next = node.chain.head().header.timestamp.saturating_add(interval.max(1));
            node.set_next_timestamp(next)?;
        }
        node.mine()?;
    }
    Ok(())
}

fn set_auto_mine(node: &mut Node, params: &mut Params) -> Result<bool, RpcError> {
    node.auto_mine = params.required(0, "on")?;
    Ok(true)
}

fn revert(node: &mut Node, params: &mut Params) -> Result<bool, RpcError> {
    let id = number(params, 0, "snapshot")?;
    Ok(node.revert(id))
}

/// What becomes of the transactions of blocks that a reorganisation drops.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Lost {
    /// They are in the first new block.
    #[default]
    Same,
    /// So they are, in the opposite order where the rules of the pool leave a choice.
    Reverse,
    /// They wait in the pool for the block after the new ones.
    Later,
    /// They are gone.
    Drop,
}

/// Drops blocks and mines as many new ones. The second parameter says what becomes of the transactions.
fn reorg(node: &mut Node, params: &mut Params) -> Result<Vec<TxHash>, RpcError> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Second {
        Lost(Lost),
        // Other nodes take transactions to be mined instead.
        Pairs(Vec<serde_json::Value>),
    }
    let depth = number(params, 0, "depth")?;
    let lost = match params.optional(1, "transactions")? {
        None => Lost::default(),
        Some(Second::Lost(lost)) => lost,
        Some(Second::Pairs(pairs)) if pairs.is_empty() => Lost::default(),
        Some(Second::Pairs(_)) => {
            return Err(RpcError::invalid_params("the second parameter may be same, reverse, later or drop"));
        }
    };
    let last = node.chain.head().header.timestamp;
    let mut transactions = node.chain.reorg(depth)?;
    node.chain_changed();
    if lost == Lost::Reverse {
        transactions.reverse();
    }
    // Another time than that of the dropped blocks, so that their successors have other hashes.
    let first = last.saturating_add(1);
    if matches!(lost, Lost::Same | Lost::Reverse) {
        resubmit(node, &transactions);
    }
    for index in 0..depth {
        node.chain.mine(first.saturating_add(index))?;
    }
    if lost == Lost::Later {
        resubmit(node, &transactions);
    }
    node.chain_changed();
    Ok(node.chain.pool().map(|tx| tx.hash).collect())
}

/// Those that are no longer valid stay away.
fn resubmit(node: &mut Node, transactions: &[Recovered<TxEnvelope>]) {
    for transaction in transactions {
        let _ = node.chain.resubmit(transaction.clone());
    }
}

/// Drops blocks and their transactions.
fn rollback(node: &mut Node, params: &mut Params) -> Result<(), RpcError> {
    let depth = params.optional::<Number>(0, "depth")?.map_or(1, Into::into);
    node.chain.reorg(depth)?;
    node.chain_changed();
    Ok(())
}

fn set_balance(node: &mut Node, params: &mut Params) -> Result<(), RpcError> {
    let address: Address = params.required(0, "address")?;
    let wei: U256 = params.required(1, "wei")?;
    patch(node, Patch::Balance { address, wei })
}

fn set_nonce(node: &mut Node, params: &mut Params) -> Result<(), RpcError> {
    let address: Address = params.required(0, "address")?;
    let nonce = number(params, 1, "nonce")?;
    patch(node, Patch::Nonce { address, nonce })
}

fn set_code(node: &mut Node, params: &mut Params) -> Result<(), RpcError> {
    let address: Address = params.required(0, "address")?;
    let code: Bytes = params.required(1, "code")?;
    patch(node, Patch::Code { address, code })
}

fn set_storage(node: &mut Node, params: &mut Params) -> Result<bool, RpcError> {
    let address: Address = params.required(0, "address")?;
    let slot: JsonStorageKey = params.required(1, "slot")?;
    let value: U256 = params.required(2, "value")?;
    let slot = U256::from_be_bytes(slot.as_b256().0);
    patch(node, Patch::Storage { address, slot, value })?;
    Ok(true)
}

/// A patch takes effect in a block, which is mined for it.
fn patch(node: &mut Node, patch: Patch) -> Result<(), RpcError> {
    node.chain.patch(patch);
    node.mine()?;
    Ok(())
}
