//! Known peers and when to call them. Time and randomness come in as arguments.

use std::{
    collections::{BTreeSet, HashMap},
    time::{Duration, Instant},
};

use crate::{PeerAddr, PeerKey, Timing};

#[derive(Debug)]
pub(crate) struct Book {
    first: Duration,
    max: Duration,
    entries: HashMap<PeerKey, Entry>,
    due: BTreeSet<(Instant, PeerKey)>,
}

/// Places that are remembered for one peer.
pub(crate) const PLACES_MAX: usize = 4;

#[derive(Debug)]
struct Entry {
    /// The newest first; never empty.
    places: Vec<PeerAddr>,
    /// Attempts since the last connection: says which place is next.
    turn: usize,
    failures: u32,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Due(Instant),
    Dialling,
    /// Connected, by whoever's call.
    Settled,
}

impl Book {
    pub(crate) fn new(timing: &Timing) -> Self {
        Self { first: timing.redial_first, max: timing.redial_max, entries: HashMap::new(), due: BTreeSet::new() }
    }

    /// Remembers an address, to be tried before those that are known already. A peer that is not `connected` is called at once,
    /// also if it was known and waiting.
    pub(crate) fn add(&mut self, addr: PeerAddr, connected: bool, now: Instant) {
        let key = addr.key;
        let dialling = self.entries.get(&key).is_some_and(|entry| entry.state == State::Dialling);
        let known = self.entries.get(&key).map(|entry| entry.places.clone()).unwrap_or_default();
        self.remove(key);
        let state = match (connected, dialling) {
            (true, _) => State::Settled,
            (false, true) => State::Dialling,
            (false, false) => State::Due(now),
        };
        let places = merge([addr].into_iter().chain(known));
        self.entries.insert(key, Entry { places, turn: 0, failures: 0, state });
        self.set(key, state);
    }

    /// What others say of where a peer is: tried after what is known already.
    pub(crate) fn hint(&mut self, addr: PeerAddr, connected: bool, now: Instant) {
        match self.entries.get_mut(&addr.key) {
            Some(entry) => entry.places = merge(entry.places.drain(..).chain([addr])),
            None => self.add(addr, connected, now),
        }
    }

    /// What a connected peer says of itself: tried first from now on. A peer that is not known stays so.
    pub(crate) fn learn(&mut self, key: PeerKey, places: &[PeerAddr]) {
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.places = merge(places.iter().cloned().chain(entry.places.drain(..)));
        }
    }

    pub(crate) fn remove(&mut self, key: PeerKey) {
        if let Some(Entry { state: State::Due(at), .. }) = self.entries.remove(&key) {
            self.due.remove(&(at, key));
        }
    }

    pub(crate) fn contains(&self, key: PeerKey) -> bool {
        self.entries.contains_key(&key)
    }

    /// When somebody must be called next.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// One peer whose time has come, at the place whose turn it is, with the number of rounds through its places; it counts as being
    /// called.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<(PeerAddr, usize)> {
        let (at, key) = *self.due.first()?;
        if at > now {
            return None;
        }
        self.set(key, State::Dialling);
        let entry = self.entries.get(&key)?;
        let count = entry.places.len();
        Some((entry.places.get(entry.turn % count.max(1))?.clone(), entry.turn / count.max(1)))
    }

    /// There is a connection.
    pub(crate) fn connected(&mut self, key: PeerKey) {
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.turn = 0;
        }
        self.set(key, State::Settled);
    }

    /// An attempt came to nothing. `jitter` is drawn from 0 to 1.
    pub(crate) fn failed(&mut self, key: PeerKey, now: Instant, jitter: f64) {
        let Some(entry) = self.entries.get_mut(&key).filter(|entry| entry.state == State::Dialling) else { return };
        entry.turn += 1;
        let failures = entry.failures;
        self.fail(key, now + self.delay(failures, jitter));
    }

    /// A connection ended after `lived`.
    pub(crate) fn lost(&mut self, key: PeerKey, lived: Duration, now: Instant, jitter: f64) {
        let Some(entry) = self.entries.get_mut(&key) else { return };
        if lived >= self.max {
            entry.failures = 0;
        }
        let failures = entry.failures;
        let at = now + self.delay(failures, jitter);
        self.fail(key, at);
    }

    fn fail(&mut self, key: PeerKey, at: Instant) {
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.failures = entry.failures.saturating_add(1);
        }
        self.set(key, State::Due(at));
    }

    fn delay(&self, failures: u32, jitter: f64) -> Duration {
        let full = self.first.saturating_mul(1 << failures.min(20)).min(self.max);
        full.mul_f64(1.0 - jitter.clamp(0.0, 1.0) / 2.0)
    }

    fn set(&mut self, key: PeerKey, state: State) {
        let Some(entry) = self.entries.get_mut(&key) else { return };
        if let State::Due(at) = std::mem::replace(&mut entry.state, state) {
            self.due.remove(&(at, key));
        }
        if let State::Due(at) = state {
            self.due.insert((at, key));
        }
    }
}

/// The first of each place, at most [`PLACES_MAX`].
fn merge(places: impl Iterator<Item = PeerAddr>) -> Vec<PeerAddr> {
    let mut merged: Vec<PeerAddr> = Vec::new();
    for place in places {
        if merged.len() < PLACES_MAX && !merged.contains(&place) {
            merged.push(place);
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(port: u16) -> PeerAddr {
        PeerAddr { port, ..addr(1) }
    }

    /// The ports of the next calls, all of which fail.
    fn calls(book: &mut Book, count: usize) -> Vec<u16> {
        let call = |_| {
            let due = book.next_due().unwrap();
            let (place, _) = book.take_due(due).unwrap();
            book.failed(place.key, due, 0.5);
            place.port
        };
        (0..count).map(call).collect()
    }

    #[test]
    fn the_newest_place_is_tried_first_and_older_ones_after_it() {
        let (mut book, now) = book();
        book.add(at(1), false, now);
        book.add(at(2), false, now);
        assert_eq!(calls(&mut book, 3), [2, 1, 2]);
        // What the peer says of itself comes before, what others say comes last.
        book.connected(at(1).key);
        book.learn(at(1).key, &[at(3)]);
        book.hint(at(4), false, now);
        book.lost(at(1).key, Duration::ZERO, now, 0.5);
        assert_eq!(calls(&mut book, 5), [3, 2, 1, 4, 3]);
        // A place that is known already moves, and the oldest goes when there are too many.
        book.learn(at(1).key, &[at(1), at(5)]);
        book.connected(at(1).key);
        book.lost(at(1).key, Duration::ZERO, now, 0.5);
        assert_eq!(calls(&mut book, 4), [1, 5, 3, 2]);
    }

    #[test]
    fn only_known_peers_are_learned_about() {
        let (mut book, _) = book();
        book.learn(at(1).key, &[at(1)]);
        assert!(!book.contains(at(1).key) && book.next_due().is_none());
    }

    fn addr(id: u8) -> PeerAddr {
        PeerAddr { key: PeerKey([id; 20]), host: "h".into(), port: 1 }
    }

    fn book() -> (Book, Instant) {
        let timing =
            Timing { redial_first: Duration::from_secs(1), redial_max: Duration::from_secs(10), ..Timing::default() };
        (Book::new(&timing), Instant::now())
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let (mut book, mut now) = book();
        book.add(addr(1), false, now);
        let mut waits = Vec::new();
        for _ in 0..6 {
            assert_eq!(book.take_due(now).unwrap().0, addr(1));
            assert!(book.take_due(now).is_none() && book.next_due().is_none());
            book.failed(addr(1).key, now, 0.0);
            let due = book.next_due().unwrap();
            waits.push((due - now).as_secs());
            now = due;
        }
        assert_eq!(waits, [1, 2, 4, 8, 10, 10]);
    }

    #[test]
    fn jitter_takes_up_to_a_half() {
        let (mut book, now) = book();
        book.add(addr(1), false, now);
        book.take_due(now).unwrap();
        book.failed(addr(1).key, now, 1.0);
        assert_eq!(book.next_due().unwrap() - now, Duration::from_millis(500));
    }

    #[test]
    fn a_long_connection_starts_anew_and_a_short_one_does_not() {
        let (mut book, now) = book();
        let key = addr(1).key;
        book.add(addr(1), false, now);
        for _ in 0..3 {
            let at = book.next_due().unwrap();
            book.take_due(at).unwrap();
            book.failed(key, now, 0.0);
        }
        book.connected(key);
        assert_eq!(book.next_due(), None);
        book.lost(key, Duration::from_secs(1), now, 0.0);
        assert_eq!(book.next_due().unwrap() - now, Duration::from_secs(8));
        book.connected(key);
        book.lost(key, Duration::from_secs(11), now, 0.0);
        assert_eq!(book.next_due().unwrap() - now, Duration::from_secs(1));
    }

    #[test]
    fn removed_and_unknown_peers_are_not_called() {
        let (mut book, now) = book();
        book.add(addr(1), false, now);
        book.remove(addr(1).key);
        book.lost(addr(2).key, Duration::ZERO, now, 0.0);
        book.failed(addr(2).key, now, 0.0);
        assert!(book.next_due().is_none() && book.take_due(now).is_none());
    }

    #[test]
    fn adding_again_neither_calls_twice_nor_waits() {
        let (mut book, now) = book();
        book.add(addr(1), false, now);
        book.take_due(now).unwrap();
        book.add(addr(1), false, now);
        assert!(book.take_due(now).is_none(), "being called already");
        book.failed(addr(1).key, now, 0.0);
        book.add(addr(1), false, now);
        assert!(book.take_due(now).is_some(), "a fresh address is tried at once");
        book.add(addr(1), true, now);
        assert!(book.take_due(now).is_none());
    }
}
