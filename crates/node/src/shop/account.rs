//! Who owes whom: the two sides of one download through one virtual channel, as plain arithmetic.
//!
//! The seller counts from `base`, its share when its account was opened; a buyer counts from what it had paid when it came.
//! What was paid since is the seller's share now minus that; it stands in the channel itself, so no crash loses it. The only
//! chunk that can be owed when a buyer comes is the last one that was sent: the seller names it and sends it once more.

use perunika_core::B256;
use perunika_core::signed::Amount;
use serde::{Deserialize, Serialize};

/// The seller's account of a virtual channel. Durable before any chunk that it counts leaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Account {
    /// The offer.
    pub(crate) root: B256,
    /// Price of one chunk.
    pub(crate) price: Amount,
    /// The seller's share at the start.
    pub(crate) base: Amount,
    /// Number of the first chunk in `unpaid`; all before it are paid.
    first: u64,
    /// Indices of the chunks that got a number and are not known to be paid.
    unpaid: Vec<u32>,
}

impl Account {
    pub(crate) fn new(root: B256, price: Amount, share: Amount) -> Self {
        Self { root, price, base: share, first: 0, unpaid: Vec::new() }
    }

    /// Chunks that are paid at this share.
    fn paid(&self, share: Amount) -> u64 {
        let chunks = share.saturating_sub(self.base).checked_div(self.price).unwrap_or(u128::MAX);
        u64::try_from(chunks).unwrap_or(u64::MAX)
    }

    /// Whether a chunk can get a number now: it has one, or not more than one chunk waits to be paid.
    pub(crate) fn has_room(&self, index: u32, share: Amount) -> bool {
        let numbered = self.first + self.unpaid.len() as u64;
        self.unpaid.contains(&index) || numbered.saturating_sub(self.paid(share)) <= 1
    }

    /// Gives a chunk its number: the old one if it was not paid since. True if the account changed.
    pub(crate) fn reserve(&mut self, index: u32, share: Amount) -> (u64, bool) {
        if let Some(at) = self.unpaid.iter().position(|known| *known == index) {
            return (self.first + at as u64, false);
        }
        let paid = self.paid(share);
        while self.first < paid && !self.unpaid.is_empty() {
            self.unpaid.remove(0);
            self.first += 1;
        }
        self.unpaid.push(index);
        (self.first + self.unpaid.len() as u64 - 1, true)
    }

    /// Whether chunk number `number` may leave: all before it are paid, so that the seller is one chunk ahead at most.
    pub(crate) fn may_send(&self, number: u64, share: Amount) -> bool {
        self.paid(share) >= number
    }

    /// A buyer starts, again or for the first time: numbers that were never sent are dropped. The chunk that may have been
    /// sent and is not paid, if any.
    pub(crate) fn restart(&mut self, share: Amount) -> Option<u32> {
        let sent = self.paid(share).saturating_add(1).saturating_sub(self.first);
        self.unpaid.truncate(usize::try_from(sent).unwrap_or(usize::MAX));
        self.unpaid.last().copied().filter(|_| self.owes(share))
    }

    /// Whether the other end can still pay for chunk number `number`, or has done so.
    pub(crate) fn can_be_paid(&self, number: u64, share: Amount, left: Amount) -> bool {
        self.paid(share) > number || left >= self.price
    }

    /// Whether a chunk that may have been sent is unpaid.
    pub(crate) fn owes(&self, share: Amount) -> bool {
        let paid = self.paid(share);
        let numbered = self.first + self.unpaid.len() as u64;
        paid < numbered
    }
}

/// The buyer's side of the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tab {
    /// The virtual channel, once one is chosen.
    pub(crate) vc: Option<B256>,
    /// The seller's share at the start, as this node had signed it.
    pub(crate) base: Amount,
    /// From where the seller counts; another number means another account.
    pub(crate) seller_base: Amount,
    /// Chunks that were received and verified since.
    pub(crate) chunks: u64,
}

impl Tab {
    /// What is to be paid for the verified chunks, given the seller's share as this node signed it last.
    pub(crate) fn due(&self, price: Amount, share: Amount) -> Amount {
        let owed = price.saturating_mul(u128::from(self.chunks));
        owed.saturating_sub(share.saturating_sub(self.base))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn account() -> Account {
        Account::new(B256::ZERO, 10, 100)
    }

    #[test]
    fn the_seller_is_one_unpaid_chunk_ahead_and_no_more() {
        let mut account = account();
        assert_eq!(account.reserve(0, 100), (0, true));
        assert!(account.may_send(0, 100));
        assert_eq!(account.reserve(1, 100), (1, true));
        assert!(!account.may_send(1, 100));
        assert!(!account.may_send(1, 109));
        assert!(account.may_send(1, 110));
    }

    #[test]
    fn a_chunk_that_was_lost_is_sent_again_under_its_number() {
        let mut account = account();
        account.reserve(0, 100);
        account.reserve(1, 100);
        assert_eq!(account.reserve(0, 100), (0, false));
        assert!(account.may_send(0, 100));
        assert_eq!(account.reserve(2, 110), (2, true));
        assert_eq!(account.reserve(1, 110), (1, false));
    }

    #[test]
    fn asking_again_for_what_is_paid_costs_again() {
        let mut account = account();
        account.reserve(0, 100);
        account.reserve(1, 110);
        assert_eq!(account.reserve(0, 120).0, 2);
    }

    #[test]
    fn numbers_are_not_given_away() {
        let mut account = account();
        account.reserve(0, 100);
        account.reserve(1, 100);
        assert!(account.has_room(0, 100) && account.has_room(1, 100));
        assert!(!account.has_room(2, 100));
        assert!(account.has_room(2, 110));
    }

    #[test]
    fn the_chunk_that_is_owed_comes_first() {
        let mut account = account();
        assert_eq!(account.restart(100), None);
        account.reserve(7, 100);
        account.reserve(8, 100);
        assert_eq!(account.clone().restart(110), Some(8));
        // Number 1 was never sent: its place is free again.
        assert_eq!(account.restart(100), Some(7));
        assert_eq!(account.reserve(0, 110), (1, true));
        assert!(account.may_send(1, 110));
        assert_eq!(account.restart(120), None);
    }

    #[test]
    fn a_second_download_goes_on_where_the_first_ended() {
        let mut account = account();
        account.reserve(0, 100);
        account.reserve(1, 110);
        assert_eq!(account.restart(120), None);
        let mut tab = Tab { vc: None, base: 120, seller_base: 100, chunks: 0 };
        let (number, _) = account.reserve(0, 120);
        assert!(account.may_send(number, 120));
        tab.chunks += 1;
        let share = 120 + tab.due(10, 120);
        let (number, _) = account.reserve(1, share);
        assert!(account.may_send(number, share));
    }

    #[test]
    fn nothing_is_sent_that_cannot_be_paid() {
        let mut account = account();
        let (number, _) = account.reserve(0, 100);
        assert!(account.can_be_paid(number, 100, 10) && !account.can_be_paid(number, 100, 9));
        assert!(account.can_be_paid(number, 110, 0));
    }

    #[test]
    fn debts_are_seen() {
        let mut account = account();
        assert!(!account.owes(100));
        account.reserve(0, 100);
        assert!(account.owes(100));
        assert!(!account.owes(110));
    }

    #[test]
    fn what_is_free_is_never_owed() {
        let mut account = Account::new(B256::ZERO, 0, 100);
        let (number, _) = account.reserve(5, 100);
        assert!(account.may_send(number, 100) && !account.owes(100));
    }

    #[test]
    fn the_buyer_pays_for_what_it_has_and_once() {
        let tab = Tab { vc: None, base: 100, seller_base: 100, chunks: 3 };
        assert_eq!(tab.due(10, 100), 30);
        assert_eq!(tab.due(10, 120), 10);
        assert_eq!(tab.due(10, 130), 0);
        assert_eq!(tab.due(10, 190), 0);
    }

    proptest! {
        /// However requests, losses and restarts mix, what was sent is worth at most one chunk more than what was paid,
        /// and an honest buyer always gets on.
        #[test]
        fn both_sides_agree(lost in prop::collection::vec(any::<bool>(), 1..200)) {
            let (mut account, mut tab, mut share) = (account(), Tab { vc: None, base: 100, seller_base: 100, chunks: 0 }, 100);
            let mut sent = std::collections::BTreeSet::new();
            let mut wanted = 0u32;
            for lost in lost {
                let (number, _) = account.reserve(wanted, share);
                prop_assert!(account.may_send(number, share));
                sent.insert(number);
                prop_assert!(sent.len() as u128 * 10 <= share - 100 + 10);
                // A restart of the seller finds what was durable.
                account = postcard::from_bytes(&postcard::to_stdvec(&account).unwrap()).unwrap();
                if !lost {
                    wanted += 1;
                    tab.chunks += 1;
                    share += tab.due(10, share);
                }
            }
        }
    }
}
