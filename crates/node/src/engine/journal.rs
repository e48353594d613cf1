//! The journal: every event gets a number and is written in the commit of what it tells of.
//!
//! Numbers only grow, over restarts too. What a program acknowledged is deleted a little with each commit; more than
//! [`KEPT_MAX`] events are never kept, the oldest give way.

use perunika_core::io::Event;
use perunika_core::{Address, B256};
use perunika_store::{Op, Store, StoreError};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

const EVENTS: &[u8] = b"event/n/";
const NEXT: &[u8] = b"event/next";
const ACKED: &[u8] = b"event/acked";
/// Most events that are kept until somebody acknowledges them.
pub(crate) const KEPT_MAX: u64 = 1_000_000;
/// No journal gets as far as this.
const NEXT_MAX: u64 = 1 << 62;
/// Most events that one commit deletes, so that no commit takes long.
const DELETED_MAX: u64 = 1_024;

/// What happened, as it is stored. New kinds come last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Entry {
    /// As the participant told it.
    Core(Event),
    /// The end of a transaction: contract function, hash, failure.
    Transaction(String, Option<perunika_core::B256>, Option<String>),
    /// As the participant told it, of a channel of this token.
    InAsset(Address, Event),
}

impl Entry {
    /// An event with the asset of its channel.
    pub(crate) fn of(event: Event, asset: impl Fn(B256) -> Option<Address>) -> Self {
        match channel_of(&event).and_then(asset) {
            Some(asset) if !asset.is_zero() => Self::InAsset(asset, event),
            _ => Self::Core(event),
        }
    }
}

/// The channel that an event is about.
fn channel_of(event: &Event) -> Option<B256> {
    match event {
        Event::ChannelOpen(ch) | Event::VirtualOpen(ch) => Some(*ch),
        Event::VirtualClosed { vc: ch, .. } | Event::VirtualRenewed { new: ch, .. } => Some(*ch),
        Event::Receipted { receipt, .. } => Some(receipt.ch),
        Event::ChannelClosed { ch }
        | Event::Received { ch, .. }
        | Event::Dispute { ch, .. }
        | Event::NanoOffered { ch, .. }
        | Event::NanoOpen { ch, .. }
        | Event::NanoDeclined { ch, .. }
        | Event::NanoStepped { ch, .. }
        | Event::NanoTurn { ch, .. }
        | Event::NanoHanded { ch, .. }
        | Event::NanoCloseAsked { ch, .. }
        | Event::NanoMustEnd { ch, .. }
        | Event::NanoClosed { ch, .. }
        | Event::DepositsCounted { ch, .. }
        | Event::Withdrawn { ch, .. } => Some(*ch),
        Event::App { .. } | Event::Misbehaved { .. } => None,
    }
}

/// The writing half, which the engine owns.
pub(crate) struct Journal {
    /// Number of the next event.
    next: u64,
    /// Oldest one that may be in the store.
    first: u64,
    /// Highest one that is acknowledged.
    acked: u64,
    kept_max: u64,
    durable: watch::Sender<u64>,
}

impl Journal {
    /// Goes on where the store ends.
    pub(crate) fn open(store: &Store, kept_max: u64) -> Result<Self, StoreError> {
        // Whatever a damaged store says: the first event has the number 1, and there is room for more.
        let next = read_number(store, NEXT)?.unwrap_or(1).clamp(1, NEXT_MAX);
        let acked = read_number(store, ACKED)?.unwrap_or(0);
        let oldest = store.scan_after(EVENTS, &[], 1)?.first().and_then(|(key, _)| number(&key[EVENTS.len()..]));
        let (durable, _) = watch::channel(next - 1);
        Ok(Self { next, first: oldest.unwrap_or(next), acked, kept_max, durable })
    }

    /// The reading half.
    pub(crate) fn reader(&self) -> JournalReader {
        JournalReader { durable: self.durable.subscribe() }
    }

    /// The writes that number these events, and the number of the last one. Bounded clean-up comes along.
    pub(crate) fn record(&mut self, time_ms: u64, entries: impl Iterator<Item = Entry>, ops: &mut Vec<Op>) -> u64 {
        let before = self.next;
        for entry in entries {
            // INVARIANT: plain values always serialise.
            if let Ok(value) = postcard::to_stdvec(&(time_ms, entry)) {
                ops.push(Op::Put { key: event_key(self.next), value });
                self.next += 1;
            }
        }
        if self.next > before {
            ops.push(Op::Put { key: NEXT.to_vec(), value: self.next.to_be_bytes().to_vec() });
        }
        let gone = self.acked.max((self.next - 1).saturating_sub(self.kept_max));
        let upto = gone.min(self.first.saturating_add(DELETED_MAX).saturating_sub(1));
        ops.extend((self.first..=upto).map(|number| Op::Delete { key: event_key(number) }));
        self.first = self.first.max(upto + 1);
        self.next - 1
    }

    /// Notes what need not be kept; the highest number that is acknowledged.
    pub(crate) fn acknowledge(&mut self, cursor: u64, ops: &mut Vec<Op>) -> u64 {
        let cursor = cursor.min(*self.durable.borrow());
        if cursor > self.acked {
            self.acked = cursor;
            ops.push(Op::Put { key: ACKED.to_vec(), value: cursor.to_be_bytes().to_vec() });
        }
        self.acked
    }

    /// Everything up to this number is durable.
    pub(crate) fn is_durable(&self, cursor: u64) {
        self.durable.send_if_modified(|known| {
            let more = cursor > *known;
            *known = cursor.max(*known);
            more
        });
    }
}

/// The reading half: sees what is durable and nothing else. It does not hold the store open.
#[derive(Clone, Debug)]
pub(crate) struct JournalReader {
    durable: watch::Receiver<u64>,
}

/// An event with its number and its time in milliseconds.
pub(crate) type Numbered = (u64, u64, Entry);

/// What a reader gets.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Read {
    /// First and last number of what may be missing before the events.
    pub(crate) gap: Option<(u64, u64)>,
    /// In order.
    pub(crate) events: Vec<Numbered>,
}

impl JournalReader {
    /// At most `limit` events behind `after`; without it, everything that is not acknowledged.
    pub(crate) fn read(&self, store: &Store, after: Option<u64>, limit: usize) -> Result<Read, StoreError> {
        let durable = *self.durable.borrow();
        let acked = read_number(store, ACKED)?.unwrap_or(0);
        let after = after.unwrap_or(acked);
        let from = after.max(acked).max(durable.saturating_sub(KEPT_MAX));
        let found = store.scan_after(EVENTS, &from.to_be_bytes(), limit)?;
        let events: Vec<Numbered> = found
            .iter()
            .filter_map(|(key, value)| {
                let (time_ms, entry) = postcard::from_bytes(value).ok()?;
                Some((number(&key[EVENTS.len()..])?, time_ms, entry))
            })
            .take_while(|(number, ..)| *number <= durable)
            .collect();
        let begin = events.first().map_or(from.min(durable) + 1, |(number, ..)| *number);
        let missed = after.saturating_add(1);
        let gap = (begin > missed).then(|| (missed, begin - 1));
        Ok(Read { gap, events })
    }

    /// Waits until something behind `after` is durable; false if the engine is gone.
    pub(crate) async fn wait(&mut self, after: u64) -> bool {
        self.durable.wait_for(|durable| *durable > after).await.is_ok()
    }

    /// Number of the newest event.
    pub(crate) fn newest(&self) -> u64 {
        *self.durable.borrow()
    }
}

fn event_key(number: u64) -> Vec<u8> {
    [EVENTS, &number.to_be_bytes()].concat()
}

fn number(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.try_into().ok()?))
}

fn read_number(store: &Store, key: &[u8]) -> Result<Option<u64>, StoreError> {
    Ok(store.get(key)?.as_deref().and_then(number))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn entry(byte: u8) -> Entry {
        Entry::Core(Event::ChannelOpen(B256::repeat_byte(byte)))
    }

    async fn write(store: &Store, journal: &mut Journal, bytes: &[u8]) {
        let mut ops = Vec::new();
        let last = journal.record(7, bytes.iter().map(|byte| entry(*byte)), &mut ops);
        store.commit(ops.into_iter().collect()).await.unwrap();
        journal.is_durable(last);
    }

    async fn acknowledge(store: &Store, journal: &mut Journal, cursor: u64) -> u64 {
        let mut ops = Vec::new();
        let acked = journal.acknowledge(cursor, &mut ops);
        store.commit(ops.into_iter().collect()).await.unwrap();
        acked
    }

    fn numbers(read: &Read) -> Vec<u64> {
        read.events.iter().map(|(number, ..)| *number).collect()
    }

    #[tokio::test]
    async fn numbers_go_on_after_a_restart_even_if_everything_was_acknowledged() {
        let store = Store::in_memory().unwrap();
        let mut journal = Journal::open(&store, KEPT_MAX).unwrap();
        write(&store, &mut journal, &[1, 2, 3]).await;
        assert_eq!(acknowledge(&store, &mut journal, 99).await, 3);
        write(&store, &mut journal, &[]).await;
        assert_eq!(store.scan_prefix(EVENTS).unwrap().len(), 0);
        let mut journal = Journal::open(&store, KEPT_MAX).unwrap();
        write(&store, &mut journal, &[4]).await;
        let reader = journal.reader();
        assert_eq!(reader.read(&store, None, 10).unwrap(), Read { gap: None, events: vec![(4, 7, entry(4))] });
        // Who asks for what is gone is told.
        assert_eq!(reader.read(&store, Some(1), 10).unwrap().gap, Some((2, 3)));
        assert_eq!(reader.read(&store, Some(4), 10).unwrap(), Read::default());
        assert_eq!(reader.read(&store, Some(u64::MAX), 10).unwrap(), Read::default());
    }

    #[tokio::test]
    async fn a_damaged_number_of_the_next_event_is_no_end_of_the_node() {
        let store = Store::in_memory().unwrap();
        for (said, number) in [(0, 1), (u64::MAX, NEXT_MAX)] {
            let value = u64::to_be_bytes(said).to_vec();
            store.commit([Op::Put { key: NEXT.to_vec(), value }].into_iter().collect()).await.unwrap();
            let mut journal = Journal::open(&store, KEPT_MAX).unwrap();
            write(&store, &mut journal, &[1]).await;
            assert_eq!(numbers(&journal.reader().read(&store, Some(number - 1), 10).unwrap()), [number]);
        }
    }

    #[tokio::test]
    async fn what_is_not_durable_is_not_shown() {
        let store = Store::in_memory().unwrap();
        let mut journal = Journal::open(&store, KEPT_MAX).unwrap();
        let reader = journal.reader();
        let mut ops = Vec::new();
        let last = journal.record(7, [entry(1)].into_iter(), &mut ops);
        store.commit(ops.into_iter().collect()).await.unwrap();
        assert_eq!(reader.read(&store, None, 10).unwrap(), Read::default());
        journal.is_durable(last);
        assert_eq!(numbers(&reader.read(&store, None, 10).unwrap()), [1]);
    }

    #[tokio::test]
    async fn the_oldest_give_way_and_the_reader_hears_of_it() {
        let store = Store::in_memory().unwrap();
        let mut journal = Journal::open(&store, 3).unwrap();
        write(&store, &mut journal, &[1, 2, 3, 4, 5]).await;
        let read = journal.reader().read(&store, None, 2).unwrap();
        assert_eq!((read.gap, numbers(&read)), (Some((1, 2)), vec![3, 4]));
        assert_eq!(store.scan_prefix(EVENTS).unwrap().len(), 3);
    }

    #[tokio::test]
    async fn a_commit_deletes_a_bounded_number() {
        let store = Store::in_memory().unwrap();
        let mut journal = Journal::open(&store, KEPT_MAX).unwrap();
        write(&store, &mut journal, &vec![1; 3_000]).await;
        acknowledge(&store, &mut journal, 3_000).await;
        let mut ops = Vec::new();
        journal.record(7, std::iter::empty(), &mut ops);
        assert_eq!(ops.len() as u64, DELETED_MAX);
        for _ in 0..3 {
            write(&store, &mut journal, &[]).await;
        }
        assert_eq!(journal.first, 3_001);
    }
}
