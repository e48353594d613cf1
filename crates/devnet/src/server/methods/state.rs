//! Accounts and storage.

use alloy::{
    eips::{BlockId, BlockNumberOrTag},
    primitives::{Address, B256, Bytes, U64, U256},
    serde::JsonStorageKey,
};

use super::{Answer, json};
use crate::server::{error::RpcError, node::Node, params::Params};

pub(super) fn call(node: &mut Node, method: &str, params: &mut Params) -> Option<Answer> {
    Some(match method {
        "eth_getBalance" => json(balance(node, params)),
        "eth_getCode" => json(code(node, params)),
        "eth_getStorageAt" => json(storage(node, params)),
        "eth_getTransactionCount" => json(nonce(node, params)),
        _ => return None,
    })
}

/// The block that the parameter at `index` names; the latest if it names none.
pub(super) fn block_id(params: &mut Params, index: usize) -> Result<BlockId, RpcError> {
    Ok(params.optional(index, "block")?.unwrap_or_default())
}

fn balance(node: &mut Node, params: &mut Params) -> Result<U256, RpcError> {
    let address: Address = params.required(0, "address")?;
    Ok(node.chain.balance(address, block_id(params, 1)?)?)
}

fn code(node: &mut Node, params: &mut Params) -> Result<Bytes, RpcError> {
    let address: Address = params.required(0, "address")?;
    Ok(node.chain.code(address, block_id(params, 1)?)?)
}

fn storage(node: &mut Node, params: &mut Params) -> Result<B256, RpcError> {
    let address: Address = params.required(0, "address")?;
    let slot: JsonStorageKey = params.required(1, "slot")?;
    let slot = U256::from_be_bytes(slot.as_b256().0);
    Ok(node.chain.storage(address, slot, block_id(params, 2)?)?.into())
}

fn nonce(node: &mut Node, params: &mut Params) -> Result<U64, RpcError> {
    let address: Address = params.required(0, "address")?;
    let nonce = match block_id(params, 1)? {
        BlockId::Number(BlockNumberOrTag::Pending) => node.chain.next_nonce(address),
        id => node.chain.nonce(address, id)?,
    };
    Ok(U64::from(nonce))
}
