//! What the rest of the node holds of the engine.

use super::journal::JournalReader;
use super::ports::{Answer, TxEnd, Work};
use perunika_core::B256;
use perunika_core::io::{Command, Event, Input, Reply};
use perunika_core::participant::Participant;
use perunika_net::Credit;
use tokio::sync::{broadcast, mpsc, oneshot};

/// The engine has stopped: the store failed, or the node shuts down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the node is stopping")]
pub struct Stopped;

/// Clones share one engine.
#[derive(Clone, Debug)]
pub struct EngineHandle {
    pub(super) work: mpsc::Sender<Work>,
    pub(super) events: broadcast::Sender<Event>,
    pub(super) journal: JournalReader,
}

impl EngineHandle {
    /// Runs a command; the reply comes when its outcome is known, which may be never if a peer stays away.
    pub async fn command(&self, command: Command) -> Result<Reply, Stopped> {
        let (reply, answer) = oneshot::channel();
        self.send(Work::Command(command, reply)).await?;
        answer.await.map_err(|_| Stopped)
    }

    /// Asks the participant; the answer comes once everything that it may depend on is durable.
    pub async fn query<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Participant) -> T + Send + 'static,
    ) -> Result<T, Stopped> {
        let (reply, answer) = oneshot::channel();
        let question = move |participant: &Participant| -> Answer {
            let value = question(participant);
            Box::new(move || drop(reply.send(value)))
        };
        self.send(Work::Question(Box::new(question))).await?;
        answer.await.map_err(|_| Stopped)
    }

    /// What happens from now on, without the bytes of other applications. A slow listener misses the oldest.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// The numbered events, as far as they are durable.
    pub(crate) fn journal(&self) -> JournalReader {
        self.journal.clone()
    }

    /// Events up to `cursor` need not be kept; the highest number that is acknowledged, durably.
    pub(crate) async fn acknowledge(&self, cursor: u64) -> Result<u64, Stopped> {
        let (reply, answer) = oneshot::channel();
        self.send(Work::Acknowledge(cursor, reply)).await?;
        answer.await.map_err(|_| Stopped)
    }

    /// News from a peer or the chain. Waits while the engine is behind.
    pub async fn input(&self, input: Input) -> Result<(), Stopped> {
        self.send(Work::Input(input)).await
    }

    /// A message from a peer. Its credit is given back once the engine has handled it.
    pub async fn message(&self, input: Input, credit: Credit) -> Result<(), Stopped> {
        self.send(Work::Message(input, credit)).await
    }

    /// The end of a transaction.
    pub async fn transaction(&self, end: TxEnd) -> Result<(), Stopped> {
        self.send(Work::Transaction(end)).await
    }

    /// A reorg removed the transaction with this hash, whose inclusion was told.
    pub async fn removed(&self, hash: B256) -> Result<(), Stopped> {
        self.send(Work::Removed(hash)).await
    }

    /// Lets the engine finish what is under way and stop.
    pub async fn stop(&self) {
        // If it has stopped already there is nothing to do.
        let _ = self.send(Work::Stop).await;
    }

    async fn send(&self, work: Work) -> Result<(), Stopped> {
        self.work.send(work).await.map_err(|_| Stopped)
    }
}
