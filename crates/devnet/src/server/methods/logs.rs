//! Logs, and filters to poll.

use alloy::{
    primitives::{B256, U64},
    rpc::types::{Filter, FilterBlockOption, Log},
};
use serde::Serialize;

use super::{Answer, json};
use crate::server::{error::RpcError, filters::Kind, node::Node, params::Params};

pub(super) fn call(node: &mut Node, method: &str, params: &mut Params) -> Option<Answer> {
    Some(match method {
        "eth_getLogs" => json(logs(node, params)),
        "eth_newBlockFilter" => json(Ok(install(node, Kind::Blocks))),
        "eth_newFilter" => json(new_filter(node, params)),
        "eth_getFilterChanges" => json(changes(node, params)),
        "eth_getFilterLogs" => json(filter_logs(node, params)),
        "eth_uninstallFilter" => json(uninstall(node, params)),
        _ => return None,
    })
}

/// News since the last poll.
#[derive(Serialize)]
#[serde(untagged)]
enum Changes {
    Blocks(Vec<B256>),
    Logs(Vec<Log>),
}

fn logs(node: &mut Node, params: &mut Params) -> Result<Vec<Log>, RpcError> {
    let filter: Filter = params.required(0, "filter")?;
    Ok(node.chain.logs(&filter)?)
}

fn install(node: &mut Node, kind: Kind) -> U64 {
    U64::from(node.filters.install(kind, node.chain.height()))
}

fn new_filter(node: &mut Node, params: &mut Params) -> Result<U64, RpcError> {
    let filter: Filter = params.required(0, "filter")?;
    Ok(install(node, Kind::Logs(Box::new(filter))))
}

fn changes(node: &mut Node, params: &mut Params) -> Result<Changes, RpcError> {
    let id: U64 = params.required(0, "filter id")?;
    let filter = node.filters.get_mut(id.to()).ok_or_else(|| RpcError::not_found("filter not found"))?;
    let (from, to) = (filter.next, node.chain.height());
    let news = match &filter.kind {
        Kind::Blocks => {
            let blocks = (from..=to).map(|number| node.chain.block(number).map(|block| block.hash));
            Changes::Blocks(blocks.collect::<Result<_, _>>()?)
        }
        Kind::Logs(wanted) => {
            let (first, last) = match wanted.block_option {
                FilterBlockOption::AtBlockHash(_) => (None, None),
                FilterBlockOption::Range { from_block, to_block } => {
                    (from_block.and_then(|tag| tag.as_number()), to_block.and_then(|tag| tag.as_number()))
                }
            };
            let (first, last) = (from.max(first.unwrap_or(0)), to.min(last.unwrap_or(u64::MAX)));
            if first > last {
                Changes::Logs(Vec::new())
            } else {
                let range = wanted.as_ref().clone().from_block(first).to_block(last);
                Changes::Logs(node.chain.logs(&range)?)
            }
        }
    };
    filter.next = to + 1;
    Ok(news)
}

fn filter_logs(node: &mut Node, params: &mut Params) -> Result<Vec<Log>, RpcError> {
    let id: U64 = params.required(0, "filter id")?;
    match node.filters.get_mut(id.to()).map(|filter| &filter.kind) {
        Some(Kind::Logs(filter)) => Ok(node.chain.logs(filter)?),
        _ => Err(RpcError::not_found("filter not found")),
    }
}

fn uninstall(node: &mut Node, params: &mut Params) -> Result<bool, RpcError> {
    let id: U64 = params.required(0, "filter id")?;
    Ok(node.filters.uninstall(id.to()))
}
