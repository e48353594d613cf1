//! One task owns the participant: inputs in, writes to the disk, outputs out, in this order and no other.
//!
//! All inputs that wait share one commit. While it is under way the next ones are handled already; outputs leave strictly in
//! the order of their commits. When the store fails, the engine stops for good (fail-stop): no output leaves whose write
//! is in doubt.

mod handle;
pub(crate) mod journal;
mod ports;
#[cfg(test)]
mod tests;

pub use handle::{EngineHandle, Stopped};
pub use ports::{Chain, Peers, TxCost, TxEnd};

use crate::metrics::{Dropped, Metrics, Paying};
use crate::transactions;
use journal::{Entry, Journal};
use perunika_core::io::{Env, Event, Input, Output, Reply, Sealed, Step};
use perunika_core::participant::{Config, Corrupt, Participant};
use perunika_core::sig::RawKey;
use perunika_core::{Address, B256};
use perunika_nano::Machine;
use perunika_store::{Op, Store, StoreError, Ticket, WriteBatch};
use ports::{Answer, Work};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::Instant;

/// Where the records of the participant are in the store.
const RECORDS: &[u8] = b"core/";
/// Inputs that may wait.
const WAITING_MAX: usize = 4_096;
/// Inputs that share one commit.
const BATCH_MAX: usize = 512;
/// Commits under way.
const FLIGHTS_MAX: usize = 4;
/// The participant hears of the time at least this often.
const TICK_MAX: Duration = Duration::from_secs(1);
/// Between two ticks, so that a wish in the past leaves room for work.
const TICK_MIN: Duration = Duration::from_millis(1);
/// Events that a listener may be behind.
const EVENTS_MAX: usize = 4_096;

/// Why the engine does not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A record cannot be read.
    #[error(transparent)]
    Corrupt(#[from] Corrupt),
    /// No randomness.
    #[error("the system gives no random bytes: {0}")]
    Entropy(String),
}

/// Receives the events that the shop lives on.
#[derive(Debug)]
pub struct EventSink {
    /// Everything but application data. Small, and as many as there are payments.
    pub(crate) events: mpsc::UnboundedSender<Event>,
    /// Application data; what does not fit is lost, and asked for again.
    pub(crate) app: mpsc::Sender<(Address, Vec<u8>)>,
    /// Counts on the way.
    pub(crate) metrics: Arc<Metrics>,
}

struct Flight {
    ticket: Option<Ticket>,
    sealed: Sealed,
    answers: Vec<Answer>,
    /// Number of the last event that is durable with it.
    cursor: u64,
}

/// What shares a commit with a step.
#[derive(Default)]
struct Extra {
    answers: Vec<Answer>,
    ops: Vec<Op>,
    entries: Vec<Entry>,
}

/// The engine before and while it runs.
pub struct Engine {
    participant: Participant,
    store: Store,
    peers: Box<dyn Peers>,
    chain: Box<dyn Chain>,
    sink: EventSink,
    work: mpsc::Receiver<Work>,
    events: broadcast::Sender<Event>,
    replies: HashMap<u64, (oneshot::Sender<Reply>, Option<Paying>)>,
    next_tag: u64,
    journal: Journal,
    flights: VecDeque<Flight>,
    epoch: Instant,
    ticked: Instant,
    epoch_ms: u64,
    stopping: bool,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("participant", &self.participant.overview().key).finish_non_exhaustive()
    }
}

impl Engine {
    /// Restores the participant from the store.
    pub fn new(
        store: Store,
        config: Config,
        key: Box<dyn RawKey + Send>,
        peers: Box<dyn Peers>,
        chain: Box<dyn Chain>,
        sink: EventSink,
    ) -> Result<(Self, EngineHandle), EngineError> {
        let records =
            store.scan_prefix(RECORDS)?.into_iter().map(|(key, value)| (key[RECORDS.len()..].to_vec(), value));
        let participant = Participant::restore(config, key, records)?.with_evaluator(Arc::new(Machine::new()));
        let (sender, work) = mpsc::channel(WAITING_MAX);
        let (events, _) = broadcast::channel(EVENTS_MAX);
        let journal = Journal::open(&store, journal::KEPT_MAX)?;
        let handle = EngineHandle { work: sender, events: events.clone(), journal: journal.reader() };
        // Replies to commands of an earlier run may still come; a random start keeps their tags apart from ours.
        let start = random()?;
        let next_tag = u64::from_be_bytes(start[..8].try_into().unwrap_or_default());
        let engine = Self {
            participant,
            store,
            peers,
            chain,
            sink,
            work,
            events,
            replies: HashMap::new(),
            next_tag,
            journal,
            flights: VecDeque::new(),
            epoch: Instant::now(),
            ticked: Instant::now(),
            epoch_ms: wall_ms(),
            stopping: false,
        };
        Ok((engine, handle))
    }

    /// Runs until it is told to stop or the store fails.
    pub async fn run(mut self) -> Result<(), EngineError> {
        let step = self.participant.start(self.env()?);
        self.commit(step, Extra::default()).await?;
        while !self.stopping || !self.flights.is_empty() {
            let wake = self.wake();
            let room = self.flights.len() < FLIGHTS_MAX && !self.stopping;
            tokio::select! {
                biased;
                durable = landed(&mut self.flights), if !self.flights.is_empty() => {
                    durable?;
                    self.release();
                }
                // Before the work, which may never end; it fires only when it is due.
                () = tokio::time::sleep_until(wake), if room => {
                    self.ticked = Instant::now();
                    // A write of somebody else may have failed.
                    if let Some(error) = self.store.failure() {
                        return Err(error.into());
                    }
                    let step = self.participant.handle(Input::Tick, self.env()?);
                    self.commit(step, Extra::default()).await?;
                }
                work = self.work.recv(), if room => match work {
                    Some(first) => self.take(first).await?,
                    None => self.stopping = true,
                },
            }
        }
        Ok(())
    }

    /// When the next tick is due: at the wish of the participant, but soon after the last one and not too soon.
    fn wake(&self) -> Instant {
        let wished = self.participant.next_wake_ms();
        let wished = wished.map(|ms| self.epoch + Duration::from_millis(ms.saturating_sub(self.epoch_ms)));
        let latest = self.ticked + TICK_MAX;
        wished.map_or(latest, |wished| wished.clamp(self.ticked + TICK_MIN, latest))
    }

    /// Handles the first input and those that wait behind it, and submits one commit for all.
    async fn take(&mut self, first: Work) -> Result<(), EngineError> {
        let (mut step, mut extra) = (Step::default(), Extra::default());
        let mut next = Some(first);
        for left in (0..BATCH_MAX).rev() {
            let Some(work) = next.take() else { break };
            match work {
                Work::Input(input) => step = step.and(self.participant.handle(input, self.env()?)),
                Work::Message(input, credit) => {
                    step = step.and(self.participant.handle(input, self.env()?));
                    // Others of this peer may come.
                    drop(credit);
                }
                Work::Transaction(end) => {
                    extra.ops.push(transactions::record(&end));
                    extra.entries.push(transactions::entry(&end));
                    let input = Input::Transaction { key: end.key, outcome: end.outcome };
                    step = step.and(self.participant.handle(input, self.env()?));
                }
                Work::Removed(hash) => extra.ops.push(transactions::forget(hash)),
                Work::Command(command, reply) => {
                    let tag = self.next_tag;
                    self.next_tag = self.next_tag.wrapping_add(1);
                    let paying = Paying::of(&command, |ch| self.participant.asset_of(ch));
                    self.replies.insert(tag, (reply, paying));
                    step = step.and(self.participant.handle(Input::Command { tag, command }, self.env()?));
                }
                Work::Question(question) => extra.answers.push(question(&self.participant)),
                Work::Acknowledge(cursor, reply) => {
                    let acked = self.journal.acknowledge(cursor, &mut extra.ops);
                    extra.answers.push(Box::new(move || {
                        // Whoever asked may be gone.
                        let _ = reply.send(acked);
                    }));
                }
                Work::Stop => {
                    self.stopping = true;
                    break;
                }
            }
            // What does not fit into this commit stays where it is.
            next = if left > 0 { self.work.try_recv().ok() } else { None };
        }
        self.commit(step, extra).await
    }

    async fn commit(&mut self, step: Step, extra: Extra) -> Result<(), EngineError> {
        let Extra { answers, mut ops, entries } = extra;
        // Bytes for applications are theirs to keep.
        let cursor = {
            let told = step.events().filter(|event| !matches!(event, Event::App { .. }));
            let told = told.cloned().map(|event| Entry::of(event, |ch| self.participant.asset_of(ch)));
            let entries: Vec<Entry> = told.chain(entries).collect();
            self.journal.record(self.now_ms(), entries.into_iter(), &mut ops)
        };
        let (writes, sealed) = step.split();
        // Of several values of one record only the last one counts.
        let last: BTreeMap<Vec<u8>, Option<Vec<u8>>> = writes.into_iter().map(|w| (w.key, w.value)).collect();
        let records = last.into_iter().map(|(key, value)| {
            let key = [RECORDS, &key].concat();
            match value {
                Some(value) => Op::Put { key, value },
                None => Op::Delete { key },
            }
        });
        let batch: WriteBatch = records.chain(ops).collect();
        let ticket = if batch.is_empty() { None } else { Some(self.store.submit(batch).await?) };
        self.flights.push_back(Flight { ticket, sealed, answers, cursor });
        Ok(())
    }

    /// Lets the outputs of the first flight go; its writes are durable.
    fn release(&mut self) {
        let Some(flight) = self.flights.pop_front() else { return };
        for output in flight.sealed.release_after_durable_write() {
            match output {
                Output::Send { to, message } => self.peers.send(to, &message),
                Output::Submit { key, call, deadline } => self.chain.submit(key, call, deadline),
                Output::Authorise { params, side, terms } => self.chain.authorise(params, side, terms),
                Output::Watch(watch) => self.chain.watch(watch),
                Output::Unwatch(watch) => self.chain.unwatch(watch),
                Output::Reply { tag, reply } => {
                    // Nobody may be waiting any more, or the command is one of an earlier run.
                    if let Some((waiting, payment)) = self.replies.remove(&tag) {
                        if let Some(payment) = payment {
                            self.sink.metrics.paid(payment, &reply);
                        }
                        let _ = waiting.send(reply);
                    }
                }
                Output::Event(event) => self.publish(event),
            }
        }
        self.journal.is_durable(flight.cursor);
        for answer in flight.answers {
            answer();
        }
    }

    fn publish(&self, event: Event) {
        match event {
            Event::App { from, data } => {
                if self.sink.app.try_send((from, data)).is_err() {
                    self.sink.metrics.dropped(Dropped::AppBusy);
                    tracing::debug!(%from, "an application message was dropped");
                }
            }
            event => {
                if let Event::Received { ch, amount, .. } = &event {
                    let asset = self.participant.asset_of(*ch).unwrap_or_default();
                    self.sink.metrics.received(asset, *amount);
                }
                if let Event::Misbehaved { peer, reason } = &event {
                    self.sink.metrics.misbehaved();
                    tracing::warn!(%peer, reason, "a peer broke the protocol");
                    self.peers.drop_connection(*peer, reason);
                }
                // Both may have no listener.
                let _ = self.sink.events.send(event.clone());
                let _ = self.events.send(event);
            }
        }
    }

    fn env(&self) -> Result<Env, EngineError> {
        Ok(Env { now_ms: self.now_ms(), entropy: B256::from(random()?) })
    }

    fn now_ms(&self) -> u64 {
        let passed_ms = u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.epoch_ms.saturating_add(passed_ms)
    }
}

/// Waits until the first flight's writes are durable.
async fn landed(flights: &mut VecDeque<Flight>) -> Result<(), StoreError> {
    poll_fn(|cx| match flights.front_mut().and_then(|flight| flight.ticket.as_mut()) {
        Some(ticket) => Pin::new(ticket).poll(cx),
        None => Poll::Ready(Ok(())),
    })
    .await
}

/// Where the monotonic clock of this run starts, so that it goes on above that of the last run.
fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or_default()
}

fn random() -> Result<[u8; 32], EngineError> {
    let mut bytes = [0u8; 32];
    getrandom::fill(&mut bytes).map_err(|error| EngineError::Entropy(error.to_string()))?;
    Ok(bytes)
}
