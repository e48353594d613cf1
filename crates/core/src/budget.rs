//! Budgets: what the holder of a token may spend. The signer counts before anything is signed, in the step that is durable
//! before the signature leaves, and each payment once, however often it is signed again.

use crate::signed::Amount;
use crate::signer::Refusal;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

/// Most budgets of a node.
pub const MAX_BUDGETS: usize = 1_024;
/// Most peers that one budget counts apart.
pub const MAX_PEERS: usize = 256;
/// Length of a day, seconds of the chain's clock.
pub const DAY: u64 = 86_400;

/// What one command, or all of them together, may spend, in the smallest unit of `asset`; no limit where none is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// By one command.
    pub per_payment: Option<Amount>,
    /// Towards one peer, over the life of the budget.
    pub per_peer: Option<Amount>,
    /// In one day of the chain's clock: days begin at multiples of 86,400 seconds.
    pub per_day: Option<Amount>,
    /// Towards these peers only; anybody if empty. Of a virtual channel the other end counts.
    pub peers: Vec<Address>,
    /// Last second in which anything may be spent, seconds since 1970 by the node's own clock.
    pub expires: Option<u64>,
    /// In what the amounts are; zero address for ETH. If something is limited, nothing is spent of any other asset.
    pub asset: Address,
}

impl Limits {
    /// Whether they limit what is spent, or on whom; an end of validity does neither.
    pub fn bind(&self) -> bool {
        self.per_payment.or(self.per_peer).or(self.per_day).is_some() || !self.peers.is_empty()
    }
}

/// A budget with its counters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// What is allowed.
    pub limits: Limits,
    /// Spent since the budget was made, of its asset.
    pub spent: Amount,
    /// Number of the day that `today` is of.
    pub day: u64,
    /// Spent on that day, of its asset.
    pub today: Amount,
    by_peer: BTreeMap<Address, Amount>,
    /// Counted for channels that may still come to nothing, by channel id.
    held: BTreeMap<B256, Held>,
}

/// A payment, or a stake, as it was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Held {
    pub(crate) peer: Address,
    pub(crate) amount: Amount,
    pub(crate) day: u64,
    pub(crate) asset: Address,
}

/// Which budget a payment was counted in, and on which day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Charge {
    pub(crate) budget: B256,
    pub(crate) day: u64,
}

impl Budget {
    /// Whether this much more may be spent; changes nothing. `at` is the node's own clock, seconds.
    pub(crate) fn allows(&self, spend: &Held, at: u64) -> Result<(), Refusal> {
        let Limits { per_payment, per_peer, per_day, peers, expires, asset } = &self.limits;
        let within = |limit: &Option<Amount>, before: Amount| {
            limit.is_none_or(|limit| before.checked_add(spend.amount).is_some_and(|sum| sum <= limit))
        };
        if expires.is_some_and(|expires| at > expires) {
            return Err(Refusal::Expired);
        }
        if self.limits.bind() && spend.asset != *asset {
            return Err(Refusal::AssetNotAllowed);
        }
        if !peers.is_empty() && !peers.contains(&spend.peer) {
            return Err(Refusal::PeerNotAllowed);
        }
        if !within(per_payment, 0) {
            return Err(Refusal::PaymentLimit);
        }
        let to_peer = self.by_peer.get(&spend.peer).copied();
        let crowded = per_peer.is_some() && to_peer.is_none() && self.by_peer.len() >= MAX_PEERS;
        if crowded || !within(per_peer, to_peer.unwrap_or_default()) {
            return Err(Refusal::PeerLimit);
        }
        let today = if spend.day > self.day { 0 } else { self.today };
        if within(per_day, today) { Ok(()) } else { Err(Refusal::DayLimit) }
    }

    /// Counts a spending that is allowed.
    pub(crate) fn charge(&mut self, spend: &Held, at: u64) -> Result<(), Refusal> {
        self.allows(spend, at)?;
        if spend.asset != self.limits.asset {
            return Ok(()); // Nothing is limited; amounts of several assets have no sum.
        }
        // The clock of the chain may step back a little; a day that ended stays ended.
        if spend.day > self.day {
            (self.day, self.today) = (spend.day, 0);
        }
        self.today = self.today.saturating_add(spend.amount);
        self.spent = self.spent.saturating_add(spend.amount);
        if self.limits.per_peer.is_some() {
            let to_peer = self.by_peer.entry(spend.peer).or_default();
            *to_peer = to_peer.saturating_add(spend.amount);
        }
        Ok(())
    }

    /// Takes back what was counted for something that will never happen.
    pub(crate) fn give_back(&mut self, spend: &Held) {
        if spend.asset != self.limits.asset {
            return;
        }
        self.spent = self.spent.saturating_sub(spend.amount);
        if spend.day == self.day {
            self.today = self.today.saturating_sub(spend.amount);
        }
        if let Some(to_peer) = self.by_peer.get_mut(&spend.peer) {
            *to_peer = to_peer.saturating_sub(spend.amount);
            if *to_peer == 0 {
                self.by_peer.remove(&spend.peer);
            }
        }
    }

    /// Remembers what a charge was for, while it may come to nothing.
    pub(crate) fn hold(&mut self, object: B256, spend: Held) {
        self.held.insert(object, spend);
    }

    /// Whether something is counted for this channel that may still come to nothing.
    pub(crate) fn holds(&self, object: B256) -> bool {
        self.held.contains_key(&object)
    }

    /// What is counted for one thing is counted for another from now on.
    pub(crate) fn move_hold(&mut self, from: B256, to: B256) {
        if let Some(spend) = self.held.remove(&from) {
            self.held.insert(to, spend);
        }
    }

    /// The channel came about, or did not: then its charge is given back.
    pub(crate) fn settle(&mut self, object: B256, happened: bool) {
        if let Some(spend) = self.held.remove(&object)
            && !happened
        {
            self.give_back(&spend);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: Address = Address::repeat_byte(1);

    fn spend(amount: Amount, day: u64) -> Held {
        Held { peer: PEER, amount, day, asset: Address::ZERO }
    }

    fn budget(limits: Limits) -> Budget {
        Budget { limits, ..Budget::default() }
    }

    #[test]
    fn each_limit_holds_to_the_wei() {
        let mut one = budget(Limits { per_payment: Some(5), ..Limits::default() });
        assert_eq!(one.charge(&spend(6, 1), 0), Err(Refusal::PaymentLimit));
        assert_eq!((one.charge(&spend(5, 1), 0), one.charge(&spend(5, 1), 0), one.spent), (Ok(()), Ok(()), 10));
        let mut peer = budget(Limits { per_peer: Some(5), ..Limits::default() });
        assert_eq!((peer.charge(&spend(5, 1), 0), peer.charge(&spend(1, 2), 0)), (Ok(()), Err(Refusal::PeerLimit)));
        assert_eq!(peer.charge(&Held { peer: Address::ZERO, ..spend(5, 1) }, 0), Ok(()));
        let mut only = budget(Limits { peers: [PEER].into(), ..Limits::default() });
        assert_eq!(only.charge(&Held { peer: Address::ZERO, ..spend(1, 1) }, 0), Err(Refusal::PeerNotAllowed));
        assert_eq!(only.charge(&spend(Amount::MAX, 1), 0), Ok(()));
    }

    #[test]
    fn what_is_limited_in_one_asset_spends_no_other() {
        let token = Address::repeat_byte(7);
        let mut one = budget(Limits { per_day: Some(5), asset: token, ..Limits::default() });
        assert_eq!(one.charge(&spend(1, 0), 0), Err(Refusal::AssetNotAllowed));
        assert_eq!(one.charge(&Held { asset: token, ..spend(5, 0) }, 0), Ok(()));
        assert_eq!(one.charge(&Held { asset: token, ..spend(1, 0) }, 0), Err(Refusal::DayLimit));
        let mut free = budget(Limits::default());
        assert_eq!((free.charge(&Held { asset: token, ..spend(5, 0) }, 0), free.spent), (Ok(()), 0));
    }

    #[test]
    fn nothing_is_spent_after_the_last_second() {
        let mut one = budget(Limits { expires: Some(100), ..Limits::default() });
        assert_eq!((one.allows(&spend(1, 0), 100), one.charge(&spend(1, 0), 100)), (Ok(()), Ok(())));
        assert_eq!(one.allows(&spend(1, 0), 101), Err(Refusal::Expired));
        assert_eq!((one.charge(&spend(0, 0), 101), one.spent), (Err(Refusal::Expired), 1));
    }

    #[test]
    fn a_day_ends_and_does_not_come_back() {
        let mut day = budget(Limits { per_day: Some(5), ..Limits::default() });
        assert_eq!(day.charge(&spend(5, 7), 0), Ok(()));
        assert_eq!(day.charge(&spend(1, 7), 0), Err(Refusal::DayLimit));
        assert_eq!(day.charge(&spend(4, 8), 0), Ok(()));
        assert_eq!((day.charge(&spend(2, 7), 0), day.charge(&spend(1, 7), 0)), (Err(Refusal::DayLimit), Ok(())));
        // What was counted yesterday makes no room today.
        day.give_back(&spend(5, 7));
        assert_eq!(day.charge(&spend(1, 8), 0), Err(Refusal::DayLimit));
        day.give_back(&spend(4, 8));
        assert_eq!(day.charge(&spend(4, 8), 0), Ok(()));
    }

    #[test]
    fn a_channel_that_came_to_nothing_is_given_back_once() {
        let mut all = budget(Limits { per_peer: Some(5), per_day: Some(5), ..Limits::default() });
        let object = B256::repeat_byte(9);
        all.charge(&spend(5, 1), 0).unwrap();
        all.hold(object, spend(5, 1));
        all.settle(object, false);
        all.settle(object, false);
        assert_eq!((all.spent, all.today, all.by_peer.len()), (0, 0, 0));
        all.charge(&spend(5, 1), 0).unwrap();
        all.hold(object, spend(5, 1));
        all.settle(object, true);
        all.settle(object, false);
        assert_eq!((all.spent, all.holds(object)), (5, false));
    }

    #[test]
    fn the_list_of_peers_has_an_end() {
        let mut peer = budget(Limits { per_peer: Some(5), ..Limits::default() });
        for index in 0..MAX_PEERS {
            peer.charge(&Held { peer: Address::left_padding_from(&index.to_be_bytes()), ..spend(1, 1) }, 0).unwrap();
        }
        assert_eq!(peer.charge(&Held { peer: Address::repeat_byte(0xee), ..spend(1, 1) }, 0), Err(Refusal::PeerLimit));
    }
}
