//! Figures of the writer, for metrics.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// What the writer has done since the store was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreStats {
    /// Transactions that reached the disk.
    pub commits: u64,
    /// Batches in them; `batches / commits` is the gain of group commit.
    pub batches: u64,
    /// Puts and deletes in them.
    pub ops: u64,
    /// Bytes of keys and values in them.
    pub bytes: u64,
    /// The most batches in one transaction.
    pub group_max: u64,
    /// Time spent in all transactions, from the first change to the answer of the disk.
    pub commit_time: Duration,
    /// The part of it spent waiting for the disk (redb's `commit`).
    pub sync_time: Duration,
    /// The longest single wait for the disk.
    pub sync_time_max: Duration,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    commits: AtomicU64,
    batches: AtomicU64,
    ops: AtomicU64,
    bytes: AtomicU64,
    group_max: AtomicU64,
    commit_nanos: AtomicU64,
    sync_nanos: AtomicU64,
    sync_nanos_max: AtomicU64,
}

/// One transaction, as the writer saw it.
pub(crate) struct Group {
    pub(crate) batches: u64,
    pub(crate) ops: u64,
    pub(crate) bytes: u64,
    pub(crate) commit: Duration,
    pub(crate) sync: Duration,
}

impl Counters {
    pub(crate) fn count(&self, group: &Group) {
        self.commits.fetch_add(1, Relaxed);
        self.batches.fetch_add(group.batches, Relaxed);
        self.ops.fetch_add(group.ops, Relaxed);
        self.bytes.fetch_add(group.bytes, Relaxed);
        self.group_max.fetch_max(group.batches, Relaxed);
        self.commit_nanos.fetch_add(nanos(group.commit), Relaxed);
        self.sync_nanos.fetch_add(nanos(group.sync), Relaxed);
        self.sync_nanos_max.fetch_max(nanos(group.sync), Relaxed);
    }

    pub(crate) fn snapshot(&self) -> StoreStats {
        StoreStats {
            commits: self.commits.load(Relaxed),
            batches: self.batches.load(Relaxed),
            ops: self.ops.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
            group_max: self.group_max.load(Relaxed),
            commit_time: Duration::from_nanos(self.commit_nanos.load(Relaxed)),
            sync_time: Duration::from_nanos(self.sync_nanos.load(Relaxed)),
            sync_time_max: Duration::from_nanos(self.sync_nanos_max.load(Relaxed)),
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
