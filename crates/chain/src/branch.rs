//! The branch that the follower is on: the newest blocks that it accepted, and how another head is related to them.

use crate::rpc::{Header, Rpc, RpcError};
use perunika_core::B256;
use perunika_core::chain::Block;
use std::collections::BTreeMap;

/// Most blocks between a head and the known branch that are walked one by one.
const WALK_MAX: usize = 32;
/// Blocks that are remembered, at least, beyond those that are not final.
const REMEMBERED: u64 = 128;

/// Hashes of accepted blocks by number, each the parent of the next.
#[derive(Debug)]
pub(crate) struct Branch {
    blocks: BTreeMap<u64, B256>,
    keep: u64,
}

/// The blocks that lead from the known branch to a new head.
#[derive(Debug)]
pub(crate) struct Way {
    /// The highest block that both have.
    pub(crate) fork: u64,
    /// Those above it, the new head first.
    pub(crate) blocks: Vec<Header>,
}

impl Branch {
    pub(crate) fn new(finality_depth: u64) -> Self {
        Self { blocks: BTreeMap::new(), keep: finality_depth.saturating_add(REMEMBERED) }
    }

    /// Whether this is one of the accepted blocks.
    pub(crate) fn has(&self, number: u64, hash: B256) -> bool {
        self.blocks.get(&number) == Some(&hash)
    }

    /// The way to a head; `None` if it does not come from this branch, or from too far away.
    pub(crate) async fn way(&self, rpc: &Rpc, head: Header) -> Result<Option<Way>, RpcError> {
        let mut blocks = vec![head];
        loop {
            let lowest = blocks[blocks.len() - 1];
            let Some(below) = lowest.block.number.checked_sub(1) else { return Ok(None) };
            if self.has(below, lowest.parent) {
                return Ok(Some(Way { fork: below, blocks }));
            }
            let known = self.blocks.first_key_value().is_some_and(|(oldest, _)| *oldest <= below);
            if !known || blocks.len() >= WALK_MAX {
                return Ok(None);
            }
            let parent = rpc.header_of(lowest.parent).await?;
            if parent.block.hash != lowest.parent
                || parent.block.number != below
                || parent.block.time > lowest.block.time
            {
                return Err(RpcError::Unreachable(format!("the node's blocks {below} and above do not link")));
            }
            blocks.push(parent);
        }
    }

    /// Goes on with the new blocks, in place of those above the fork.
    pub(crate) fn follow(&mut self, way: &Way) {
        self.blocks.split_off(&(way.fork + 1));
        self.blocks.extend(way.blocks.iter().map(|header| (header.block.number, header.block.hash)));
        while self.blocks.len() as u64 > self.keep {
            self.blocks.pop_first();
        }
    }

    /// Starts from blocks without a known connection, the lower one first.
    pub(crate) fn restart(&mut self, settled: Block, head: Block) {
        self.blocks = BTreeMap::from([(settled.number, settled.hash), (head.number, head.hash)]);
    }
}
