//! Blocks.

use alloy::{
    eips::{BlockId, BlockNumberOrTag, eip4895::Withdrawals},
    primitives::{B256, U64},
    rpc::types::{self as rpc, BlockTransactions, TransactionReceipt},
};

use super::{Answer, json};
use crate::{
    Block,
    server::{error::RpcError, node::Node, params::Params},
};

pub(super) fn call(node: &mut Node, method: &str, params: &mut Params) -> Option<Answer> {
    Some(match method {
        "eth_blockNumber" => json(Ok(U64::from(node.chain.height()))),
        "eth_getBlockByNumber" => json(by_number(node, params)),
        "eth_getBlockByHash" => json(by_hash(node, params)),
        "eth_getBlockReceipts" => json(receipts(node, params)),
        "eth_getBlockTransactionCountByNumber" => json(count_by_number(node, params)),
        "eth_getBlockTransactionCountByHash" => json(count_by_hash(node, params)),
        _ => return None,
    })
}

fn by_number(node: &mut Node, params: &mut Params) -> Result<Option<rpc::Block>, RpcError> {
    let id: BlockNumberOrTag = params.required(0, "block number")?;
    let full = params.optional(1, "full transactions")?.unwrap_or(false);
    Ok(node.chain.block(id).ok().map(|block| show(block, full)))
}

fn by_hash(node: &mut Node, params: &mut Params) -> Result<Option<rpc::Block>, RpcError> {
    let hash: B256 = params.required(0, "block hash")?;
    let full = params.optional(1, "full transactions")?.unwrap_or(false);
    Ok(node.chain.block(hash).ok().map(|block| show(block, full)))
}

fn receipts(node: &mut Node, params: &mut Params) -> Result<Option<Vec<TransactionReceipt>>, RpcError> {
    let id: BlockId = params.required(0, "block")?;
    let block = node.chain.block(id).ok();
    Ok(block.map(|block| (0..block.transactions.len()).map(|index| block.rpc_receipt(index)).collect()))
}

fn count_by_number(node: &mut Node, params: &mut Params) -> Result<Option<U64>, RpcError> {
    let id: BlockNumberOrTag = params.required(0, "block number")?;
    Ok(node.chain.block(id).ok().map(|block| U64::from(block.transactions.len())))
}

fn count_by_hash(node: &mut Node, params: &mut Params) -> Result<Option<U64>, RpcError> {
    let hash: B256 = params.required(0, "block hash")?;
    Ok(node.chain.block(hash).ok().map(|block| U64::from(block.transactions.len())))
}

fn show(block: &Block, full: bool) -> rpc::Block {
    let transactions = if full {
        BlockTransactions::Full((0..block.transactions.len()).map(|index| block.rpc_transaction(index)).collect())
    } else {
        BlockTransactions::Hashes(block.transactions.iter().map(|tx| tx.hash).collect())
    };
    rpc::Block {
        header: rpc::Header { hash: block.hash, inner: block.header.clone(), total_difficulty: None, size: None },
        uncles: Vec::new(),
        transactions,
        withdrawals: Some(Withdrawals::default()),
    }
}
