//! The one thread that writes.

use std::{
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
    time::Instant,
};

use redb::{Database, Durability};
use tokio::sync::{mpsc, oneshot};

use crate::{
    StoreError, WriteBatch,
    error::{DAMAGED, unless_damaged},
    schema::{DATA, apply},
    stats::{Counters, Group},
};

/// Bounds of one transaction: what waits beyond them goes into the next one.
const GROUP_BATCHES_MAX: usize = 4096;
const GROUP_BYTES_MAX: usize = 32 << 20;

type Outcome = Result<(), StoreError>;

/// A batch on its way to the disk.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) batch: WriteBatch,
    pub(crate) done: oneshot::Sender<Outcome>,
}

/// The promise that a submitted batch will be durable, or that it is known why not. Dropping it does not take the
/// batch back.
#[derive(Debug)]
#[must_use = "a batch is durable only once its ticket says so"]
pub struct Ticket {
    done: oneshot::Receiver<Outcome>,
}

impl Ticket {
    pub(crate) fn new(done: oneshot::Receiver<Outcome>) -> Self {
        Self { done }
    }

    /// Blocks this thread until the batch is durable. Not for use inside an async task.
    pub fn wait_blocking(self) -> Result<(), StoreError> {
        self.done.blocking_recv().unwrap_or(Err(StoreError::Closed))
    }
}

impl Future for Ticket {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        Pin::new(&mut self.done).poll(cx).map(|done| done.unwrap_or(Err(StoreError::Closed)))
    }
}

/// Takes batches until the queue is closed and empty.
pub(crate) fn run(db: &Database, mut queue: mpsc::Receiver<Job>, counters: &Counters, stopped: &OnceLock<StoreError>) {
    while let Some(first) = queue.blocking_recv() {
        let group = gather(first, &mut queue);
        let outcome = match stopped.get() {
            Some(error) => Err(error.clone()),
            None => unless_damaged(|| write(db, &group, counters))
                .unwrap_or_else(|| Err(DAMAGED.into()))
                .map_err(|error| StoreError::Stopped { first: Arc::from(error) }),
        };
        if let Err(error) = &outcome {
            // The first one stays.
            let _ = stopped.set(error.clone());
        }
        for job in group {
            // The caller may have stopped waiting; the write stands all the same.
            let _ = job.done.send(outcome.clone());
        }
    }
}

/// The first batch and all that wait behind it, within the bounds.
fn gather(first: Job, queue: &mut mpsc::Receiver<Job>) -> Vec<Job> {
    let mut bytes = first.batch.size_bytes();
    let mut group = vec![first];
    while group.len() < GROUP_BATCHES_MAX && bytes < GROUP_BYTES_MAX {
        let Ok(job) = queue.try_recv() else { break };
        bytes += job.batch.size_bytes();
        group.push(job);
    }
    group
}

fn write(db: &Database, group: &[Job], counters: &Counters) -> Result<(), String> {
    let begin = Instant::now();
    let mut txn = db.begin_write().map_err(|error| error.to_string())?;
    txn.set_durability(Durability::Immediate).map_err(|error| error.to_string())?;
    {
        let mut table = txn.open_table(DATA).map_err(|error| error.to_string())?;
        for op in group.iter().flat_map(|job| job.batch.ops()) {
            apply(&mut table, op).map_err(|error| error.to_string())?;
        }
    }
    let sync = Instant::now();
    txn.commit().map_err(|error| error.to_string())?;
    counters.count(&Group {
        batches: group.len() as u64,
        ops: group.iter().map(|job| job.batch.len() as u64).sum(),
        bytes: group.iter().map(|job| job.batch.size_bytes() as u64).sum(),
        commit: begin.elapsed(),
        sync: sync.elapsed(),
    });
    Ok(())
}
