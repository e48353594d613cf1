//! Going back: snapshots and reorganisations.

use alloy::{
    consensus::{TxEnvelope, transaction::Recovered},
    primitives::B256,
};

use super::{Chain, ChainError, Patch, pool::Pool};

/// The most snapshots kept; the oldest goes first.
pub const MAX_SNAPSHOTS: usize = 256;

/// What has to be known to go back to a block.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    number: u64,
    hash: B256,
    pool: Pool,
    patches: Vec<Patch>,
}

impl Chain {
    /// Remembers the chain and the pool as they are, and gives the id for [`Chain::revert`]; ids ascend from 1.
    pub fn snapshot(&mut self) -> u64 {
        self.snapshot_ids += 1;
        let snapshot = Snapshot {
            number: self.height(),
            hash: self.head().hash,
            pool: self.pool.clone(),
            patches: self.patches.clone(),
        };
        self.snapshots.insert(self.snapshot_ids, snapshot);
        if self.snapshots.len() > MAX_SNAPSHOTS {
            self.snapshots.pop_first();
        }
        self.snapshot_ids
    }

    /// How many snapshots were taken.
    pub fn snapshots_taken(&self) -> u64 {
        self.snapshot_ids
    }

    /// Leaves out the ids up to this one.
    pub(crate) fn skip_snapshots(&mut self, taken: u64) {
        self.snapshot_ids = self.snapshot_ids.max(taken);
    }

    /// Goes back to a snapshot, which is used up by that, as are those taken after it.
    pub fn revert(&mut self, id: u64) -> Result<(), ChainError> {
        let snapshot = self.snapshots.get(&id).ok_or(ChainError::UnknownSnapshot(id))?;
        if self.block(snapshot.hash).is_err() {
            return Err(ChainError::UnknownSnapshot(id));
        }
        self.reorg(self.height() - snapshot.number)?;
        if let Some(snapshot) = self.snapshots.remove(&id) {
            self.pool = snapshot.pool;
            self.patches = snapshot.patches;
        }
        self.snapshots.split_off(&id);
        Ok(())
    }

    /// Drops the last `depth` blocks and gives back their transactions, in order. The pool stays as it is: what shall
    /// be mined again goes to [`Chain::resubmit`].
    pub fn reorg(&mut self, depth: u64) -> Result<Vec<Recovered<TxEnvelope>>, ChainError> {
        let most = self.height() - self.store.oldest();
        if depth > most {
            return Err(ChainError::TooDeep { depth, most });
        }
        let keep = self.height() - depth;
        self.store.drop_from(keep + 1);
        let dropped = self.blocks.split_off(usize::try_from(keep + 1).unwrap_or(usize::MAX).min(self.blocks.len()));
        let mut transactions = Vec::new();
        for block in &dropped {
            self.hash_index.remove(&block.hash);
            for tx in &block.transactions {
                self.tx_index.remove(&tx.hash);
                transactions.push(tx.tx.clone());
            }
        }
        Ok(transactions)
    }
}
