//! Calls and gas estimates.

use alloy::{
    eips::{BlockId, BlockNumberOrTag, eip2930::AccessListResult},
    primitives::{Bytes, TxKind, U64, U256},
    rpc::types::TransactionRequest,
};
use serde_json::Value;

use super::{Answer, json};
use crate::{
    At, CallError, CallRequest,
    server::{error::RpcError, node::Node, params::Params},
};

pub(super) fn call(node: &mut Node, method: &str, params: &mut Params) -> Option<Answer> {
    Some(match method {
        "eth_call" => json(eth_call(node, params)),
        "eth_estimateGas" => json(estimate(node, params)),
        "eth_createAccessList" => json(access_list(node, params)),
        _ => return None,
    })
}

fn eth_call(node: &mut Node, params: &mut Params) -> Result<Bytes, RpcError> {
    let request = call_request(params.required(0, "call")?);
    let at = place(node, params, BlockNumberOrTag::Latest)?;
    refuse_overrides(params)?;
    let result = node.chain.call(&request, at)?;
    if !result.is_success() {
        return Err(CallError::Failed(Box::new(result)).into());
    }
    Ok(result.output)
}

fn estimate(node: &mut Node, params: &mut Params) -> Result<U64, RpcError> {
    let request = call_request(params.required(0, "call")?);
    // The block that a transaction sent now would be in has a later time than the head.
    let at = place(node, params, BlockNumberOrTag::Pending)?;
    refuse_overrides(params)?;
    Ok(U64::from(node.chain.estimate_gas(&request, at)?))
}

fn access_list(node: &mut Node, params: &mut Params) -> Result<AccessListResult, RpcError> {
    let request = call_request(params.required(0, "call")?);
    let at = place(node, params, BlockNumberOrTag::Latest)?;
    let (access_list, result) = node.chain.access_list(&request, at)?;
    Ok(AccessListResult { access_list, gas_used: U256::from(result.gas_used), error: result.failure() })
}

fn place(node: &Node, params: &mut Params, default: BlockNumberOrTag) -> Result<At, RpcError> {
    Ok(match params.optional::<BlockId>(1, "block")?.unwrap_or(BlockId::Number(default)) {
        BlockId::Number(BlockNumberOrTag::Pending) => At::Next { timestamp: node.timestamp() },
        id => At::Block(id),
    })
}

fn refuse_overrides(params: &mut Params) -> Result<(), RpcError> {
    let is_empty = |value: &Value| value.as_object().is_some_and(serde_json::Map::is_empty);
    for (index, name) in [(2, "state overrides"), (3, "block overrides")] {
        if params.optional::<Value>(index, name)?.is_some_and(|value| !is_empty(&value)) {
            return Err(RpcError::invalid_params(format!("{name} are not supported")));
        }
    }
    Ok(())
}

fn call_request(request: TransactionRequest) -> CallRequest {
    CallRequest {
        from: request.from.unwrap_or_default(),
        to: request.to.as_ref().and_then(TxKind::to).copied(),
        value: request.value.unwrap_or_default(),
        gas_limit: request.gas,
        access_list: request.access_list.clone().unwrap_or_default(),
        data: request.input.into_input().unwrap_or_default(),
    }
}
