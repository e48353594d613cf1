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
/// Places that are kept for all tellers together, and tellers that are watched.
const KEPT_MAX: usize = 4_096;
/// How long a place is kept without a virtual channel that needs it.
const KEEP_MS: u64 = 120_000;

#[derive(Clone, Debug)]
struct Hint {
    place: PeerAddr,
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
    kept: BTreeMap<Address, Hint>,
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

    /// Remembers a place; false if there is no room.
    pub(crate) fn keep(&mut self, place: PeerAddr, now_ms: u64) -> bool {
        let key = Address::from(place.key.0);
        if !self.kept.contains_key(&key) && self.kept.len() >= KEPT_MAX {
            return false;
        }
        self.kept.insert(key, Hint { place, until_ms: now_ms.saturating_add(KEEP_MS) });
        true
    }

    pub(crate) fn get(&self, key: &Address) -> Option<&PeerAddr> {
        self.kept.get(key).map(|hint| &hint.place)
    }

    /// Whether anything could be forgotten now.
    pub(crate) fn any_due(&self, now_ms: u64) -> bool {
        self.kept.values().any(|hint| hint.until_ms <= now_ms)
    }

    /// Forgets what is old and not `needed`; gives the keys.
    pub(crate) fn sweep(&mut self, needed: &BTreeSet<Address>, now_ms: u64) -> Vec<Address> {
        let over = |(key, hint): (&Address, &Hint)| (hint.until_ms <= now_ms && !needed.contains(key)).then_some(*key);
        let gone: Vec<Address> = self.kept.iter().filter_map(over).collect();
        for key in &gone {
            self.kept.remove(key);
        }
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
        assert!(hints.keep(place(1), 0) && hints.keep(place(2), 0));
        let needed = BTreeSet::from([key(2)]);
        assert!(!hints.any_due(KEEP_MS - 1) && hints.sweep(&needed, KEEP_MS - 1).is_empty());
        assert!(hints.any_due(KEEP_MS));
        assert_eq!(hints.sweep(&needed, KEEP_MS), [key(1)]);
        assert_eq!((hints.get(&key(1)), hints.get(&key(2))), (None, Some(&place(2))));
    }

    #[test]
    fn there_is_an_end_to_all_places() {
        let mut hints = Hints::default();
        for id in 0..=KEPT_MAX as u32 {
            let mut bytes = [0; 20];
            bytes[..4].copy_from_slice(&id.to_be_bytes());
            let kept = hints.keep(PeerAddr { key: PeerKey(bytes), ..place(1) }, 0);
            assert_eq!(kept, id < KEPT_MAX as u32);
        }
        assert!(hints.keep(PeerAddr { key: PeerKey([0; 20]), ..place(1) }, 0), "one that is known can change");
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
