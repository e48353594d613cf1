//! Where the participants of virtual channels are, as others say: kept apart from the peers that the owner or the peers themselves
//! named, bounded for each teller, and forgotten when nothing needs it.
//!
//! Time comes in as an argument, milliseconds of any monotonic clock.

use perunika_core::Address;
use perunika_net::PeerAddr;
use std::collections::{BTreeMap, BTreeSet};

/// Places that one peer may tell at once, and one more for each [`REFILL_MS`]: a whole path, with room for a few more.
const BURST: u32 = 64;
const REFILL_MS: u64 = 2_000;
/// The teller of what this node keeps by its own choice; no peer has this key.
pub(crate) const OWN: Address = Address::ZERO;
/// Hints of one peer that are kept at a time; the newest replaces the oldest.
const TOLD_MAX: usize = 16;
/// Hints that are kept for one key, of different tellers.
const HINTS_MAX: usize = 4;
/// Keys with a place, of all tellers together, and tellers that are watched.
const KEPT_MAX: usize = 4_096;
/// How long a place is kept without a virtual channel that needs it.
const KEEP_MS: u64 = 120_000;

#[derive(Clone, Debug)]
struct Hint {
    place: PeerAddr,
    teller: Address,
    /// Grows from hint to hint.
    number: u64,
    until_ms: u64,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    left: u32,
    since_ms: u64,
}

/// The places.
#[derive(Debug, Default)]
pub(crate) struct Hints {
    /// What the key says of itself first, then the newest first; no list is empty.
    kept: BTreeMap<Address, Vec<Hint>>,
    count: u64,
    /// Participants of virtual channels at the last sweep: their hints do not count against tellers.
    needed: BTreeSet<Address>,
    tellers: BTreeMap<Address, Bucket>,
}

impl Hints {
    /// Takes one unit of a peer's allowance; false if there is none left.
    pub(crate) fn allow(&mut self, teller: Address, now_ms: u64) -> bool {
        if !self.tellers.contains_key(&teller) && self.tellers.len() >= KEPT_MAX {
            self.tellers.retain(|_, bucket| bucket.filled(now_ms).left < BURST);
            if self.tellers.len() >= KEPT_MAX {
                return false;
            }
        }
        let bucket = self.tellers.entry(teller).or_insert(Bucket { left: BURST, since_ms: now_ms });
        *bucket = bucket.filled(now_ms);
        let allowed = bucket.left > 0;
        bucket.left = bucket.left.saturating_sub(1);
        allowed
    }

    /// Remembers a place in place of what the same teller said of the key; `None` if there is no room. Gives the key that lost its
    /// last place to this one, if any.
    pub(crate) fn keep(&mut self, teller: Address, place: PeerAddr, now_ms: u64) -> Option<Option<Address>> {
        let key = Address::from(place.key.0);
        self.drop_hint(&key, teller);
        let gone = self.make_room(teller).filter(|gone| *gone != key);
        if !self.kept.contains_key(&key) && self.kept.len() >= KEPT_MAX {
            return None;
        }
        self.count += 1;
        let hint = Hint { place, teller, number: self.count, until_ms: now_ms.saturating_add(KEEP_MS) };
        let hints = self.kept.entry(key).or_default();
        let own = hints.first().is_some_and(|first| first.teller == key) && teller != key;
        hints.insert(usize::from(own), hint);
        hints.truncate(HINTS_MAX);
        Some(gone)
    }

    /// Drops the oldest hint of a teller who has too many; gives the key if that was its last.
    fn make_room(&mut self, teller: Address) -> Option<Address> {
        if teller == OWN {
            return None;
        }
        let countable = self.kept.iter().filter(|(key, _)| !self.needed.contains(*key));
        let told = countable.flat_map(|(key, hints)| hints.iter().map(move |hint| (hint.number, *key, hint.teller)));
        let told: BTreeSet<(u64, Address)> =
            told.filter(|(_, _, by)| *by == teller).map(|(number, key, _)| (number, key)).collect();
        let (_, oldest) = told.first().copied().filter(|_| told.len() >= TOLD_MAX)?;
        self.drop_hint(&oldest, teller);
        (!self.kept.contains_key(&oldest)).then_some(oldest)
    }

    fn drop_hint(&mut self, key: &Address, teller: Address) {
        if let Some(hints) = self.kept.get_mut(key) {
            hints.retain(|hint| hint.teller != teller);
            if hints.is_empty() {
                self.kept.remove(key);
            }
        }
    }

    pub(crate) fn get(&self, key: &Address) -> Option<&PeerAddr> {
        self.kept.get(key).and_then(|hints| hints.first()).map(|hint| &hint.place)
    }

    /// Whether a teller's last word on a key is this place.
    pub(crate) fn has(&self, teller: Address, place: &PeerAddr) -> bool {
        let hints = self.kept.get(&Address::from(place.key.0));
        hints.is_some_and(|hints| hints.iter().any(|hint| hint.teller == teller && hint.place == *place))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Forgets what is old and not `needed`; gives the keys.
    pub(crate) fn sweep(&mut self, needed: &BTreeSet<Address>, now_ms: u64) -> Vec<Address> {
        self.needed.clone_from(needed);
        let mut gone = Vec::new();
        self.kept.retain(|key, hints| {
            hints.retain(|hint| hint.until_ms > now_ms || needed.contains(key));
            if hints.is_empty() {
                gone.push(*key);
            }
            !hints.is_empty()
        });
        gone
    }
}

impl Bucket {
    fn filled(self, now_ms: u64) -> Self {
        let more = now_ms.saturating_sub(self.since_ms) / REFILL_MS;
        let left = u32::try_from(more).unwrap_or(u32::MAX).saturating_add(self.left).min(BURST);
        Self { left, since_ms: self.since_ms.saturating_add(more.saturating_mul(REFILL_MS)) }
    }
}

/// The places in a message about a path that are worth a call: the sender opens the path, this node is in it, and each place belongs to
/// another participant.
pub(crate) fn of_path(path: &[Address], from: Address, me: Address, places: Vec<PeerAddr>) -> Vec<PeerAddr> {
    let distinct: BTreeSet<&Address> = path.iter().collect();
    if path.first() != Some(&from) || !path.contains(&me) || distinct.len() != path.len() {
        return Vec::new();
    }
    let mut told = BTreeSet::new();
    let fits = |place: &PeerAddr| {
        let key = Address::from(place.key.0);
        path.contains(&key) && key != me && key != from && told.insert(key)
    };
    places.into_iter().filter(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use perunika_net::PeerKey;

    fn key(id: u8) -> Address {
        Address::repeat_byte(id)
    }

    fn place(id: u8) -> PeerAddr {
        PeerAddr { key: PeerKey([id; 20]), host: "h".into(), port: 1 }
    }

    #[test]
    fn a_teller_has_an_allowance_that_grows_slowly() {
        let mut hints = Hints::default();
        let allowed = |hints: &mut Hints, now| (0..1_000).filter(|_| hints.allow(key(1), now)).count();
        assert_eq!(allowed(&mut hints, 0), 64);
        assert_eq!(allowed(&mut hints, 1_999), 0);
        assert_eq!(allowed(&mut hints, 4_000), 2);
        assert!(hints.allow(key(2), 4_000), "another one has its own");
        assert_eq!(allowed(&mut hints, 10_000_000), 64);
    }

    #[test]
    fn places_go_when_nothing_needs_them() {
        let mut hints = Hints::default();
        assert!(hints.keep(key(9), place(1), 0).is_some() && hints.keep(key(9), place(2), 0).is_some());
        let needed = BTreeSet::from([key(2)]);
        assert!(hints.sweep(&needed, KEEP_MS - 1).is_empty());
        assert_eq!(hints.sweep(&needed, KEEP_MS), [key(1)]);
        assert_eq!((hints.get(&key(1)), hints.get(&key(2))), (None, Some(&place(2))));
    }

    #[test]
    fn there_is_an_end_to_all_places() {
        let mut hints = Hints::default();
        for id in 0..=KEPT_MAX as u32 {
            let mut bytes = [0; 20];
            bytes[..4].copy_from_slice(&id.to_be_bytes());
            // Each key names itself.
            let kept = hints.keep(bytes.into(), PeerAddr { key: PeerKey(bytes), ..place(1) }, 0);
            assert_eq!(kept.is_some(), id < KEPT_MAX as u32);
        }
        let known = PeerAddr { key: PeerKey([0; 20]), ..place(1) };
        assert!(hints.keep(key(1), known, 0).is_some(), "one that is known can change");
    }

    #[test]
    fn a_teller_has_sixteen_hints_at_a_time() {
        let mut hints = Hints::default();
        let teller = key(200);
        for id in 0..16 {
            assert_eq!(hints.keep(teller, place(id), 0), Some(None));
        }
        hints.keep(key(201), place(1), 0);
        assert_eq!(hints.keep(teller, place(0), 0), Some(None), "said again: now the newest");
        assert_eq!(hints.keep(teller, place(16), 0), Some(None));
        assert!(!hints.has(teller, &place(1)) && hints.get(&key(1)).is_some(), "another one told it too");
        assert_eq!(hints.keep(teller, place(17), 0), Some(Some(key(2))));
        // What a virtual channel needs does not count.
        hints.sweep(&BTreeSet::from([key(3)]), 0);
        assert_eq!(hints.keep(teller, place(18), 0), Some(None));
        assert_eq!(hints.keep(teller, place(19), 0), Some(Some(key(4))));
        assert!(hints.has(teller, &place(3)));
    }

    #[test]
    fn tellers_displace_neither_each_other_nor_the_key_itself() {
        let mut hints = Hints::default();
        let at = |port| PeerAddr { port, ..place(1) };
        hints.keep(key(2), at(2), 0);
        hints.keep(key(3), at(3), 0);
        assert_eq!(hints.get(&key(1)), Some(&at(3)), "the newest first");
        assert!(hints.has(key(2), &at(2)));
        hints.keep(key(1), at(1), 0);
        (4..20).for_each(|id| assert!(hints.keep(key(id), at(id.into()), 0).is_some()));
        assert_eq!(hints.get(&key(1)), Some(&at(1)));
    }

    #[test]
    fn only_places_of_the_path_of_the_teller_s_own_channel_count() {
        let (from, me) = (key(1), key(3));
        let path = [from, key(2), me, key(4)];
        let told = vec![place(1), place(2), place(2), place(3), place(4), place(5)];
        assert_eq!(of_path(&path, from, me, told.clone()), [place(2), place(4)]);
        assert!(of_path(&path, key(2), me, told.clone()).is_empty(), "another one opens it");
        assert!(of_path(&path, from, key(9), told.clone()).is_empty(), "we are not in it");
        assert!(of_path(&[from, me, key(4), key(4)], from, me, told).is_empty(), "somebody is in it twice");
    }
}
