//! Fees.

use alloy::{
    consensus::Transaction as _,
    eips::BlockNumberOrTag,
    primitives::{U64, U128},
    rpc::types::FeeHistory,
};

use super::{Answer, json};
use crate::{
    Block, SUGGESTED_TIP,
    server::{error::RpcError, node::Node, params::Params},
};

/// The most blocks in one fee history.
const MAX_HISTORY: u64 = 1_024;

pub(super) fn call(node: &mut Node, method: &str, params: &mut Params) -> Option<Answer> {
    Some(match method {
        "eth_gasPrice" => json(Ok(U128::from(u128::from(node.chain.next_base_fee()) + SUGGESTED_TIP))),
        "eth_maxPriorityFeePerGas" => json(Ok(U128::from(SUGGESTED_TIP))),
        "eth_blobBaseFee" => json(Ok(U64::from(1))),
        "eth_feeHistory" => json(history(node, params)),
        _ => return None,
    })
}

fn history(node: &mut Node, params: &mut Params) -> Result<FeeHistory, RpcError> {
    let count: U64 = params.required(0, "block count")?;
    let newest: BlockNumberOrTag = params.required(1, "newest block")?;
    let percentiles: Option<Vec<f64>> = params.optional(2, "reward percentiles")?;
    if let Some(percentiles) = &percentiles {
        let in_range = percentiles.iter().all(|percentile| (0.0..=100.0).contains(percentile));
        if percentiles.len() > 100 || !in_range || !percentiles.is_sorted() {
            return Err(RpcError::invalid_params("percentiles must ascend from 0 to 100, at most 100 of them"));
        }
    }
    let chain = &node.chain;
    let newest = chain.block(newest)?.header.number;
    let count = count.to::<u64>().min(MAX_HISTORY).min(newest + 1);
    let oldest = newest + 1 - count;
    let mut answer = FeeHistory { oldest_block: oldest, ..FeeHistory::default() };
    let mut rewards = Vec::new();
    for number in oldest..=newest {
        let block = chain.block(number)?;
        answer.base_fee_per_gas.push(base_fee(block));
        answer.gas_used_ratio.push(block.header.gas_used as f64 / block.header.gas_limit as f64);
        rewards.push(tips(block, percentiles.as_deref().unwrap_or_default()));
    }
    answer.base_fee_per_gas.push(match chain.block(newest + 1) {
        Ok(next) => base_fee(next),
        Err(_) => u128::from(chain.next_base_fee()),
    });
    answer.base_fee_per_blob_gas = vec![1; answer.base_fee_per_gas.len()];
    answer.blob_gas_used_ratio = vec![0.0; answer.gas_used_ratio.len()];
    answer.reward = percentiles.map(|_| rewards);
    Ok(answer)
}

fn base_fee(block: &Block) -> u128 {
    u128::from(block.header.base_fee_per_gas.unwrap_or_default())
}

/// The tips in wei per gas below which lie these percentages of the gas of a block; the suggested tip if it is empty.
fn tips(block: &Block, percentiles: &[f64]) -> Vec<u128> {
    let base_fee = block.header.base_fee_per_gas.unwrap_or_default();
    let mut tips: Vec<_> = block
        .transactions
        .iter()
        .map(|tx| (tx.tx.effective_tip_per_gas(base_fee).unwrap_or_default(), tx.gas_used))
        .collect();
    tips.sort_unstable();
    let at = |percentile: &f64| {
        let threshold = (block.header.gas_used as f64 * percentile / 100.0) as u64;
        let mut sum = 0;
        let reached = tips.iter().find(|(_, gas)| {
            sum += gas;
            sum >= threshold
        });
        reached.or(tips.last()).map_or(SUGGESTED_TIP, |(tip, _)| *tip)
    };
    percentiles.iter().map(at).collect()
}
