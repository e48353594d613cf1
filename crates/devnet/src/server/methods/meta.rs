//! What the node is.

use alloy::primitives::U64;

use super::{Answer, json};
use crate::server::{node::Node, params::Params};

pub(super) fn call(node: &mut Node, method: &str, _: &mut Params) -> Option<Answer> {
    let chain = &node.chain;
    Some(match method {
        "eth_chainId" => json(Ok(U64::from(chain.chain_id()))),
        "net_version" => json(Ok(chain.chain_id().to_string())),
        "net_listening" => json(Ok(true)),
        "web3_clientVersion" => json(Ok(concat!("perunika-devnet/", env!("CARGO_PKG_VERSION")))),
        "eth_syncing" => json(Ok(false)),
        "eth_accounts" => json(Ok(&node.accounts)),
        _ => return None,
    })
}
