//! Sending transactions and finding them again.

use alloy::{
    eips::BlockNumberOrTag,
    primitives::{Address, B256, Bytes, TxHash, TxKind, U64},
    rpc::types::{Transaction, TransactionReceipt, TransactionRequest},
};

use super::{Answer, json};
use crate::{
    At, CallRequest, UnsignedTx,
    server::{error::RpcError, node::Node, params::Params},
};

pub(super) fn call(node: &mut Node, method: &str, params: &mut Params) -> Option<Answer> {
    Some(match method {
        "eth_sendRawTransaction" => json(send_raw(node, params)),
        "eth_sendTransaction" => json(send(node, params)),
        "eth_getTransactionByHash" => json(by_hash(node, params)),
        "eth_getTransactionReceipt" => json(receipt(node, params)),
        "eth_getTransactionByBlockHashAndIndex" => json(by_block_hash(node, params)),
        "eth_getTransactionByBlockNumberAndIndex" => json(by_block_number(node, params)),
        "anvil_impersonateAccount" | "hardhat_impersonateAccount" => json(impersonate(node, params)),
        "anvil_stopImpersonatingAccount" | "hardhat_stopImpersonatingAccount" => json(stop(node, params)),
        "anvil_dropTransaction" => json(drop_pooled(node, params)),
        _ => return None,
    })
}

fn send_raw(node: &mut Node, params: &mut Params) -> Result<TxHash, RpcError> {
    let bytes: Bytes = params.required(0, "transaction")?;
    let hash = node.chain.send_raw(&bytes)?;
    node.mine_sent()?;
    Ok(hash)
}

fn send(node: &mut Node, params: &mut Params) -> Result<TxHash, RpcError> {
    let request: TransactionRequest = params.required(0, "transaction")?;
    let from = match request.from.or_else(|| node.accounts.first().copied()) {
        Some(from) if node.accounts.contains(&from) || node.impersonated.contains(&from) => from,
        Some(from) => return Err(RpcError::refused(format!("no key for {from}: impersonate the account first"))),
        None => return Err(RpcError::invalid_params("the transaction has no sender")),
    };
    let to = request.to.as_ref().and_then(TxKind::to).copied();
    let value = request.value.unwrap_or_default();
    let access_list = request.access_list.clone().unwrap_or_default();
    let (max_fee, tip) =
        (request.max_fee_per_gas.or(request.gas_price), request.max_priority_fee_per_gas.or(request.gas_price));
    let (gas, nonce) = (request.gas, request.nonce);
    let data = request.input.into_input().unwrap_or_default();
    let gas_limit = match gas {
        Some(gas) => gas,
        None => {
            let (data, access_list) = (data.clone(), access_list.clone());
            let call = CallRequest { from, to, value, data, gas_limit: None, access_list };
            node.chain.estimate_gas(&call, At::Next { timestamp: node.timestamp() })?
        }
    };
    let hash = node.chain.send_as(UnsignedTx { from, to, value, data, gas_limit, nonce, max_fee, tip, access_list })?;
    node.mine_sent()?;
    Ok(hash)
}

fn by_hash(node: &mut Node, params: &mut Params) -> Result<Option<Transaction>, RpcError> {
    Ok(node.chain.transaction(params.required(0, "transaction hash")?))
}

fn receipt(node: &mut Node, params: &mut Params) -> Result<Option<TransactionReceipt>, RpcError> {
    Ok(node.chain.receipt(params.required(0, "transaction hash")?))
}

fn by_block_hash(node: &mut Node, params: &mut Params) -> Result<Option<Transaction>, RpcError> {
    let hash: B256 = params.required(0, "block hash")?;
    let index: U64 = params.required(1, "index")?;
    let block = node.chain.block(hash).ok();
    Ok(block.filter(|block| index.to::<usize>() < block.transactions.len()).map(|b| b.rpc_transaction(index.to())))
}

fn by_block_number(node: &mut Node, params: &mut Params) -> Result<Option<Transaction>, RpcError> {
    let id: BlockNumberOrTag = params.required(0, "block number")?;
    let index: U64 = params.required(1, "index")?;
    let block = node.chain.block(id).ok();
    Ok(block.filter(|block| index.to::<usize>() < block.transactions.len()).map(|b| b.rpc_transaction(index.to())))
}

fn impersonate(node: &mut Node, params: &mut Params) -> Result<(), RpcError> {
    let address: Address = params.required(0, "address")?;
    node.impersonated.insert(address);
    Ok(())
}

fn stop(node: &mut Node, params: &mut Params) -> Result<(), RpcError> {
    let address: Address = params.required(0, "address")?;
    node.impersonated.remove(&address);
    Ok(())
}

fn drop_pooled(node: &mut Node, params: &mut Params) -> Result<Option<TxHash>, RpcError> {
    let hash: TxHash = params.required(0, "transaction hash")?;
    Ok(node.chain.forget(hash).map(|_| hash))
}
