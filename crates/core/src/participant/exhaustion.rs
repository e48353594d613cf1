//! The end of the version space: what runs out of versions is ended while there are enough left to do so (protocol 1.4(1), S44).

use super::Participant;
use crate::ledger::{Ledger, Life};
use crate::mutant::duty;
use alloc::vec::Vec;
use alloy_primitives::B256;

/// How many versions are given to the cooperative end before the chain is used.
const COOPERATION: u64 = 1 << 19;

impl Participant {
    /// With the peer's help at first, then by the chain.
    pub(super) fn tick_versions(&mut self) {
        let reserve = self.policy().versions_kept;
        let spent: Vec<B256> = self
            .virtuals
            .values()
            .filter(|v| !v.done && v.is_active() && !v.draining)
            .filter(|v| v.book.as_ref().is_some_and(|book| book.log.versions_left() < reserve))
            .map(|v| v.id)
            .collect();
        for vc in spent {
            self.drain_virtual(vc);
        }
        let is_short = |l: &&Ledger| {
            let few = duty!("1.4.1-versions-kept", l.book.log.versions_left() < reserve);
            l.life == Life::Open && !l.force && few
        };
        let short: Vec<B256> = self.ledgers.values().filter(is_short).map(|l| l.id).collect();
        for ch in short {
            self.end_short_ledger(ch, reserve.saturating_sub(COOPERATION));
        }
    }

    fn end_short_ledger(&mut self, ch: B256, last_reserve: u64) {
        let Some(ledger) = self.ledgers.get(&ch) else { return };
        if ledger.book.log.versions_left() < last_reserve {
            return self.begin_force(ch);
        }
        if ledger.draining || ledger.closing.is_some() {
            return;
        }
        let peer = ledger.peer();
        let above: Vec<B256> = self.virtual_ids_over(ch);
        for vc in &above {
            self.drain_virtual(*vc);
        }
        let held = !above.is_empty() || self.has_nanos(ch) || self.book(ch).is_some_and(|b| b.log.holds_locks());
        if !held && self.undisturbed(ch).is_ok() && self.connected.contains(&peer) {
            self.begin_close(ch);
        }
    }
}
