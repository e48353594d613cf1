//! The chain with its clock, filters and mining rules: what the methods work on.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use alloy::primitives::Address;
use tokio::sync::watch;

use super::{Clock, error::RpcError, filters::Filters, journal::Journal};
use crate::{Block, Chain, ChainError, MAX_SNAPSHOTS};

pub(super) struct Node {
    pub(super) chain: Chain,
    pub(super) filters: Filters,
    /// The accounts of the first block, for which `eth_sendTransaction` works.
    pub(super) accounts: Vec<Address>,
    /// Others for which it works too.
    pub(super) impersonated: BTreeSet<Address>,
    pub(super) auto_mine: bool,
    clock: Clock,
    /// How far the chain's time is ahead of the clock, in seconds.
    offset: i64,
    /// The time of the next block, if it was set.
    next_timestamp: Option<u64>,
    /// The offset at each snapshot.
    offsets: BTreeMap<u64, i64>,
    head: watch::Sender<u64>,
    /// Where the blocks are kept, if they are.
    pub(super) journal: Option<Journal>,
}

impl Node {
    pub(super) fn new(
        chain: Chain,
        clock: Clock,
        accounts: Vec<Address>,
        auto_mine: bool,
        head: watch::Sender<u64>,
    ) -> Self {
        // A first block may be of any time; a chain that has been going on goes on with the clock.
        let ahead = signed(chain.head().header.timestamp) - signed(clock());
        let offset = if chain.height() == 0 { ahead } else { ahead.max(0) };
        Self {
            chain,
            filters: Filters::default(),
            accounts,
            impersonated: BTreeSet::new(),
            auto_mine,
            clock,
            offset,
            next_timestamp: None,
            offsets: BTreeMap::new(),
            head,
            journal: None,
        }
    }

    /// The time of the next block if it were mined now, in seconds since the epoch.
    pub(super) fn timestamp(&self) -> u64 {
        self.next_timestamp.unwrap_or_else(|| self.now().max(self.chain.head().header.timestamp.saturating_add(1)))
    }

    /// Moves the chain's time on, and gives the whole distance to the clock; both in seconds.
    pub(super) fn increase_time(&mut self, seconds: u64) -> i64 {
        // From the head's time on, which may be ahead of the clock's.
        let ahead = signed(self.chain.head().header.timestamp).saturating_sub(signed((self.clock)()));
        self.offset = self.offset.max(ahead).saturating_add(signed(seconds));
        self.offset
    }

    /// Sets the time of the next block, from which the chain's time then goes on.
    pub(super) fn set_next_timestamp(&mut self, timestamp: u64) -> Result<(), ChainError> {
        let parent = self.chain.head().header.timestamp;
        if timestamp <= parent || i64::try_from(timestamp).is_err() {
            return Err(ChainError::Timestamp { given: timestamp, parent });
        }
        self.next_timestamp = Some(timestamp);
        self.offset = signed(timestamp) - signed((self.clock)());
        Ok(())
    }

    pub(super) fn mine(&mut self) -> Result<Arc<Block>, ChainError> {
        let block = self.chain.mine(self.timestamp())?;
        self.next_timestamp = None;
        for dropped in &block.dropped {
            tracing::warn!(hash = %dropped.hash, reason = %dropped.reason, "transaction dropped");
        }
        tracing::debug!(number = block.header.number, transactions = block.transactions.len(), "block");
        self.chain_changed();
        Ok(block)
    }

    /// Mines what was just sent, if transactions are mined at once.
    pub(super) fn mine_sent(&mut self) -> Result<(), RpcError> {
        if self.auto_mine {
            self.mine()?;
        }
        Ok(())
    }

    pub(super) fn snapshot(&mut self) -> u64 {
        let id = self.chain.snapshot();
        self.keep();
        self.offsets.insert(id, self.offset);
        if self.offsets.len() > MAX_SNAPSHOTS {
            self.offsets.pop_first();
        }
        id
    }

    /// Goes back to a snapshot, in time too, and says whether it was known.
    pub(super) fn revert(&mut self, id: u64) -> bool {
        if self.chain.revert(id).is_err() {
            return false;
        }
        self.offset = self.offsets.get(&id).copied().unwrap_or(self.offset);
        self.offsets.split_off(&id);
        self.next_timestamp = None;
        self.chain_changed();
        true
    }

    /// The regular block. It comes also while blocks with transactions have pushed the chain's time ahead of the clock:
    /// who waits for a deadline on the chain must see its time go on.
    pub(super) fn tick(&mut self) {
        if let Err(error) = self.mine() {
            tracing::error!(%error, "no block");
        }
    }

    /// Brings filters and watchers in line after blocks came or went.
    pub(super) fn chain_changed(&mut self) {
        let height = self.chain.height();
        self.filters.clamp(height);
        self.next_timestamp = self.next_timestamp.filter(|next| *next > self.chain.head().header.timestamp);
        self.keep();
        self.head.send_if_modified(|head| std::mem::replace(head, height) != height);
    }

    fn keep(&mut self) {
        if let Some(journal) = &mut self.journal {
            journal.follow(&self.chain);
        }
    }

    /// Returns when what was kept is on the disk.
    pub(super) fn sync(&mut self) {
        if let Some(journal) = &mut self.journal {
            journal.sync();
        }
    }

    fn now(&self) -> u64 {
        (self.clock)().saturating_add_signed(self.offset)
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("chain", &self.chain).field("offset", &self.offset).finish_non_exhaustive()
    }
}

fn signed(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::Genesis;

    fn node() -> (Node, Arc<AtomicU64>) {
        let time = Arc::new(AtomicU64::new(1_000));
        let clock = Arc::clone(&time);
        let clock: Clock = Arc::new(move || clock.load(Ordering::SeqCst));
        (Node::new(Chain::new(Genesis::at(5_000)), clock, Vec::new(), true, watch::channel(0).0), time)
    }

    #[test]
    fn time_goes_on_when_it_is_ahead_of_the_clock() {
        let (mut node, time) = node();
        for _ in 0..3 {
            node.mine().expect("mines");
        }
        assert_eq!(node.chain.head().header.timestamp, 5_003, "the clock is at 5,000");
        time.store(1_001, Ordering::SeqCst);
        node.tick();
        assert_eq!(node.chain.head().header.timestamp, 5_004);
        time.store(1_010, Ordering::SeqCst);
        node.tick();
        assert_eq!(node.chain.head().header.timestamp, 5_010, "a quiet time brings them together");
        (0..20).for_each(|_| drop(node.mine().expect("mines")));
        node.increase_time(100);
        node.tick();
        assert_eq!(node.chain.head().header.timestamp, 5_130, "counted from the head");
    }

    #[test]
    fn the_end_of_time_is_no_panic() {
        let (mut node, _) = node();
        assert!(node.set_next_timestamp(u64::MAX).is_err());
        node.chain.mine(u64::MAX).expect("later");
        assert!(node.mine().is_err());
        node.increase_time(u64::MAX);
        node.increase_time(u64::MAX);
        node.tick();
    }

    #[test]
    fn going_back_takes_the_time_back() {
        let (mut node, _) = node();
        let id = node.snapshot();
        node.increase_time(500);
        node.mine().expect("mines");
        assert_eq!(node.chain.head().header.timestamp, 5_500);
        assert!(node.revert(id));
        node.mine().expect("mines");
        assert_eq!(node.chain.head().header.timestamp, 5_001);
        assert!(!node.revert(id));
    }
}
