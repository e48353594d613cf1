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
    /// Peers that the application named.
    due: BTreeSet<(Instant, PeerKey)>,
    /// Peers that only others named.
    hinted: BTreeSet<(Instant, PeerKey)>,
}

/// Places that are remembered for one peer.
pub(crate) const PLACES_MAX: usize = 4;
/// Calls that come to nothing before a peer is forgotten whom only others named.
const HINT_CALLS: u32 = 3;

/// Which peers may be called at this moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Free {
    pub(crate) named: bool,
    pub(crate) hinted: bool,
}

#[derive(Debug)]
pub(crate) struct Entry {
    /// From the application or the peer itself, the newest first.
    places: Vec<PeerAddr>,
    /// From others, the newest first: tried after `places`. One of both is never empty.
    hints: Vec<PeerAddr>,
    /// Calls that are left to a peer whom only others named; `None`: it is called for ever.
    calls: Option<u32>,
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
        Self {
            first: timing.redial_first,
            max: timing.redial_max,
            entries: HashMap::new(),
            due: BTreeSet::new(),
            hinted: BTreeSet::new(),
        }
    }

    /// Remembers an address, to be tried before those that are known already. A peer that is not `connected` is called at once,
    /// also if it was known and waiting.
    pub(crate) fn add(&mut self, addr: PeerAddr, connected: bool, now: Instant) {
        let key = addr.key;
        let (known, hints, dialling) = match self.remove(key) {
            Some(entry) => (entry.places, entry.hints, entry.state == State::Dialling),
            None => Default::default(),
        };
        let places = merge([addr].into_iter().chain(known));
        self.entries.insert(key, Entry { places, hints, calls: None, turn: 0, failures: 0, state: State::Settled });
        match (connected, dialling) {
            (true, _) => {}
            (false, true) => self.set(key, State::Dialling),
            (false, false) => self.set(key, State::Due(now)),
        }
    }

    /// What others say of where a peer is: tried after what the application and the peer itself say. A peer of whom nothing else is
    /// known is called a few times.
    pub(crate) fn hint(&mut self, addr: PeerAddr, connected: bool, now: Instant) {
        let key = addr.key;
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.hints = merge([addr].into_iter().chain(entry.hints.drain(..)));
            entry.calls = entry.calls.map(|_| HINT_CALLS);
            return;
        }
        let (places, hints, calls) = (Vec::new(), vec![addr], Some(HINT_CALLS));
        self.entries.insert(key, Entry { places, hints, calls, turn: 0, failures: 0, state: State::Settled });
        if !connected {
            self.set(key, State::Due(now));
        }
    }

    /// What a connected peer says of itself: tried first from now on. A peer that is not known stays so.
    pub(crate) fn learn(&mut self, key: PeerKey, places: &[PeerAddr]) {
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.places = merge(places.iter().cloned().chain(entry.places.drain(..)));
        }
    }

    pub(crate) fn remove(&mut self, key: PeerKey) -> Option<Entry> {
        let entry = self.entries.remove(&key)?;
        if let State::Due(at) = entry.state {
            self.queue(entry.calls.is_some()).remove(&(at, key));
        }
        Some(entry)
    }

    /// Forgets a peer whom only others named.
    pub(crate) fn forget(&mut self, key: PeerKey) {
        if self.is_hint(key) {
            self.remove(key);
        }
    }

    /// Whether only others named a peer.
    pub(crate) fn is_hint(&self, key: PeerKey) -> bool {
        self.entries.get(&key).is_some_and(|entry| entry.calls.is_some())
    }

    fn queue(&mut self, hinted: bool) -> &mut BTreeSet<(Instant, PeerKey)> {
        if hinted { &mut self.hinted } else { &mut self.due }
    }

    pub(crate) fn contains(&self, key: PeerKey) -> bool {
        self.entries.contains_key(&key)
    }

    /// When somebody must be called next, of those who may be.
    pub(crate) fn next_due(&self, free: Free) -> Option<Instant> {
        self.first_due(free).map(|(at, _)| at)
    }

    fn first_due(&self, free: Free) -> Option<(Instant, PeerKey)> {
        let named = self.due.first().filter(|_| free.named);
        named.into_iter().chain(self.hinted.first().filter(|_| free.hinted)).min().copied()
    }

    /// One peer whose time has come, at the place whose turn it is, with the number of rounds through its places; it counts as being
    /// called.
    pub(crate) fn take_due(&mut self, now: Instant, free: Free) -> Option<(PeerAddr, usize)> {
        let (at, key) = self.first_due(free)?;
        if at > now {
            return None;
        }
        self.set(key, State::Dialling);
        let entry = self.entries.get(&key)?;
        let places: Vec<&PeerAddr> = entry.places.iter().chain(&entry.hints).collect();
        let count = places.len().max(1);
        Some(((*places.get(entry.turn % count)?).clone(), entry.turn / count))
    }

    /// There is a connection.
    pub(crate) fn connected(&mut self, key: PeerKey) {
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.turn = 0;
            entry.calls = entry.calls.map(|_| HINT_CALLS);
        }
        self.set(key, State::Settled);
    }

    /// An attempt came to nothing. `jitter` is drawn from 0 to 1.
    pub(crate) fn failed(&mut self, key: PeerKey, now: Instant, jitter: f64) {
        let Some(entry) = self.entries.get_mut(&key).filter(|entry| entry.state == State::Dialling) else { return };
        entry.turn += 1;
        if let Some(calls) = &mut entry.calls {
            *calls = calls.saturating_sub(1);
            if *calls == 0 {
                self.remove(key);
                return;
            }
        }
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
        let hinted = entry.calls.is_some();
        if let State::Due(at) = std::mem::replace(&mut entry.state, state) {
            self.queue(hinted).remove(&(at, key));
        }
        if let State::Due(at) = state {
            self.queue(hinted).insert((at, key));
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

    const ALL: Free = Free { named: true, hinted: true };

    fn at(port: u16) -> PeerAddr {
        PeerAddr { port, ..addr(1) }
    }

    /// The ports of the next calls, all of which fail.
    fn calls(book: &mut Book, count: usize) -> Vec<u16> {
        let call = |_| {
            let due = book.next_due(ALL).unwrap();
            let (place, _) = book.take_due(due, ALL).unwrap();
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
        assert_eq!(calls(&mut book, 5), [1, 5, 3, 2, 4]);
    }

    #[test]
    fn who_is_named_by_others_alone_is_called_three_times() {
        let (mut book, now) = book();
        book.hint(at(1), false, now);
        assert_eq!(calls(&mut book, 3), [1, 1, 1]);
        assert!(!book.contains(at(1).key) && book.next_due(ALL).is_none());
        // The newest first, and what the peer said of itself before all.
        book.hint(at(1), false, now);
        book.hint(at(2), false, now);
        assert_eq!(calls(&mut book, 1), [2]);
        book.connected(at(1).key);
        book.learn(at(1).key, &[at(3)]);
        book.lost(at(1).key, Duration::ZERO, now, 0.5);
        (4..20).for_each(|port| book.hint(at(port), false, now));
        assert_eq!(calls(&mut book, 3), [3, 19, 18]);
        assert!(!book.contains(at(1).key));
        // The application's word lasts, whoever else names the peer.
        book.hint(at(1), false, now);
        book.add(at(2), false, now);
        book.hint(at(3), false, now);
        assert_eq!(calls(&mut book, 9), [2, 3, 1, 2, 3, 1, 2, 3, 1]);
        book.forget(at(1).key);
        assert!(book.contains(at(1).key));
    }

    #[test]
    fn peers_that_others_named_wait_while_named_ones_go_on() {
        let (mut book, now) = book();
        book.hint(addr(1), false, now);
        book.add(addr(2), false, now);
        let free = Free { named: true, hinted: false };
        assert_eq!(book.take_due(now, free).unwrap().0, addr(2));
        assert!(book.take_due(now, free).is_none() && book.next_due(free).is_none());
        assert_eq!(book.take_due(now, ALL).unwrap().0, addr(1));
    }

    #[test]
    fn only_known_peers_are_learned_about() {
        let (mut book, _) = book();
        book.learn(at(1).key, &[at(1)]);
        assert!(!book.contains(at(1).key) && book.next_due(ALL).is_none());
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
            assert_eq!(book.take_due(now, ALL).unwrap().0, addr(1));
            assert!(book.take_due(now, ALL).is_none() && book.next_due(ALL).is_none());
            book.failed(addr(1).key, now, 0.0);
            let due = book.next_due(ALL).unwrap();
            waits.push((due - now).as_secs());
            now = due;
        }
        assert_eq!(waits, [1, 2, 4, 8, 10, 10]);
    }

    #[test]
    fn jitter_takes_up_to_a_half() {
        let (mut book, now) = book();
        book.add(addr(1), false, now);
        book.take_due(now, ALL).unwrap();
        book.failed(addr(1).key, now, 1.0);
        assert_eq!(book.next_due(ALL).unwrap() - now, Duration::from_millis(500));
    }

    #[test]
    fn a_long_connection_starts_anew_and_a_short_one_does_not() {
        let (mut book, now) = book();
        let key = addr(1).key;
        book.add(addr(1), false, now);
        for _ in 0..3 {
            let at = book.next_due(ALL).unwrap();
            book.take_due(at, ALL).unwrap();
            book.failed(key, now, 0.0);
        }
        book.connected(key);
        assert_eq!(book.next_due(ALL), None);
        book.lost(key, Duration::from_secs(1), now, 0.0);
        assert_eq!(book.next_due(ALL).unwrap() - now, Duration::from_secs(8));
        book.connected(key);
        book.lost(key, Duration::from_secs(11), now, 0.0);
        assert_eq!(book.next_due(ALL).unwrap() - now, Duration::from_secs(1));
    }

    #[test]
    fn removed_and_unknown_peers_are_not_called() {
        let (mut book, now) = book();
        book.add(addr(1), false, now);
        book.remove(addr(1).key);
        book.lost(addr(2).key, Duration::ZERO, now, 0.0);
        book.failed(addr(2).key, now, 0.0);
        assert!(book.next_due(ALL).is_none() && book.take_due(now, ALL).is_none());
    }

    #[test]
    fn adding_again_neither_calls_twice_nor_waits() {
        let (mut book, now) = book();
        book.add(addr(1), false, now);
        book.take_due(now, ALL).unwrap();
        book.add(addr(1), false, now);
        assert!(book.take_due(now, ALL).is_none(), "being called already");
        book.failed(addr(1).key, now, 0.0);
        book.add(addr(1), false, now);
        assert!(book.take_due(now, ALL).is_some(), "a fresh address is tried at once");
        book.add(addr(1), true, now);
        assert!(book.take_due(now, ALL).is_none());
    }
}
