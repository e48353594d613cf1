//! The handle that the rest of the node holds.

use std::{
    ops::Bound,
    path::Path,
    sync::{Arc, OnceLock},
    thread::JoinHandle,
};

use redb::{Database, ReadOnlyTable, ReadableDatabase as _, StorageBackend, StorageError};
use tokio::sync::{mpsc, oneshot};

use crate::{
    Pair, Schema, StoreError, StoreStats, Ticket, WriteBatch,
    error::{damage_is_an_error, unless_damaged},
    file,
    schema::{Bytes, DATA, scan, scan_from},
    stats::Counters,
    writer::{self, Job},
};

/// How to open a store.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// Memory for pages of the file, in bytes.
    pub cache_bytes: usize,
    /// Batches that may wait for the writer before `submit` itself has to wait.
    pub queue_batches: usize,
    /// The meaning of the data, and the way from older meanings.
    pub schema: Schema,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self { cache_bytes: 64 << 20, queue_batches: 4096, schema: Schema::default() }
    }
}

/// An open store. Clones share it; the last one to go writes what still waits, then closes the file.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    // These three are `Some` until the drop.
    db: Option<Arc<Database>>,
    counters: Arc<Counters>,
    stopped: Arc<OnceLock<StoreError>>,
    queue: Option<mpsc::Sender<Job>>,
    writer: Option<JoinHandle<()>>,
}

impl Store {
    /// Opens the store in `folder`, which is created if it is missing, and locks it.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::open_with(folder, &StoreConfig::default())
    }

    /// The same with settings.
    pub fn open_with(folder: impl AsRef<Path>, config: &StoreConfig) -> Result<Self, StoreError> {
        let db = file::open(folder.as_ref(), config.cache_bytes, &config.schema)?;
        Self::start(db, config)
    }

    /// A store without a disk, for tests and simulations.
    pub fn in_memory() -> Result<Self, StoreError> {
        Self::on_backend(redb::backends::InMemoryBackend::new(), &StoreConfig::default())
    }

    pub(crate) fn on_backend(backend: impl StorageBackend, config: &StoreConfig) -> Result<Self, StoreError> {
        let db = Database::builder()
            .set_cache_size(config.cache_bytes)
            .create_with_backend(backend)
            .map_err(StoreError::read)?;
        file::migrate(&db, &config.schema)?;
        Self::start(db, config)
    }

    fn start(db: Database, config: &StoreConfig) -> Result<Self, StoreError> {
        let (queue, jobs) = mpsc::channel(config.queue_batches.max(1));
        let db = Arc::new(db);
        let counters = Arc::new(Counters::default());
        let stopped = Arc::new(OnceLock::new());
        let thread = {
            let (db, counters, stopped) = (Arc::clone(&db), Arc::clone(&counters), Arc::clone(&stopped));
            std::thread::Builder::new()
                .name("store-writer".into())
                .spawn(move || writer::run(&db, jobs, &counters, &stopped))
                .map_err(StoreError::read)?
        };
        Ok(Self {
            inner: Arc::new(Inner { db: Some(db), counters, stopped, queue: Some(queue), writer: Some(thread) }),
        })
    }

    /// Takes a place in the queue, waiting for one if the queue is full. Batches become durable in the order in which
    /// their places were taken; await the ticket for the answer.
    pub async fn submit(&self, batch: WriteBatch) -> Result<Ticket, StoreError> {
        let (job, ticket) = job(batch);
        self.queue()?.send(job).await.map_err(|_| StoreError::Closed)?;
        Ok(ticket)
    }

    /// Writes `batch`; the answer comes when it is durable.
    pub async fn commit(&self, batch: WriteBatch) -> Result<(), StoreError> {
        self.submit(batch).await?.await
    }

    /// [`Self::submit`] for threads outside an async runtime.
    pub fn submit_blocking(&self, batch: WriteBatch) -> Result<Ticket, StoreError> {
        let (job, ticket) = job(batch);
        self.queue()?.blocking_send(job).map_err(|_| StoreError::Closed)?;
        Ok(ticket)
    }

    /// [`Self::commit`] for threads outside an async runtime.
    pub fn commit_blocking(&self, batch: WriteBatch) -> Result<(), StoreError> {
        self.submit_blocking(batch)?.wait_blocking()
    }

    /// The durable value under `key`.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|table| Ok(table.get(key)?.map(|value| value.value().to_vec())))
    }

    /// All durable pairs whose key starts with `prefix`, in key order; one consistent moment.
    pub fn scan_prefix(&self, prefix: &[u8]) -> Result<Vec<Pair>, StoreError> {
        self.read(|table| scan(table, prefix))
    }

    /// At most `limit` durable pairs whose key starts with `prefix`, in key order, behind the key `prefix ‖ after`.
    pub fn scan_after(&self, prefix: &[u8], after: &[u8], limit: usize) -> Result<Vec<Pair>, StoreError> {
        let from = [prefix, after].concat();
        self.read(|table| scan_from(table, prefix, Bound::Excluded(&from), limit))
    }

    fn read<T>(
        &self,
        how: impl FnOnce(&ReadOnlyTable<Bytes, Bytes>) -> Result<T, StorageError>,
    ) -> Result<T, StoreError> {
        damage_is_an_error(|| {
            let read = self.db()?.begin_read().map_err(StoreError::read)?;
            let table = read.open_table(DATA).map_err(StoreError::read)?;
            how(&table).map_err(StoreError::read)
        })
    }

    /// Why nothing more is written, if a write has failed.
    pub fn failure(&self) -> Option<StoreError> {
        self.inner.stopped.get().cloned()
    }

    /// What the writer has done so far.
    pub fn stats(&self) -> StoreStats {
        self.inner.counters.snapshot()
    }

    fn db(&self) -> Result<&Database, StoreError> {
        self.inner.db.as_deref().ok_or(StoreError::Closed)
    }

    fn queue(&self) -> Result<&mpsc::Sender<Job>, StoreError> {
        self.inner.queue.as_ref().ok_or(StoreError::Closed)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(writer) = self.writer.take() {
            // A panic in the writer has answered all tickets with `Closed` already.
            let _ = writer.join();
        }
        // What was promised is durable; a damaged file cannot be closed properly.
        let _ = unless_damaged(|| drop(self.db.take()));
    }
}

fn job(batch: WriteBatch) -> (Job, Ticket) {
    let (done, answer) = oneshot::channel();
    (Job { batch, done }, Ticket::new(answer))
}
