//! What an input can have to do with: a participant of ten thousand channels looks at the few that something happened to.
//!
//! Whatever changes marks its object; [`Participant::reached`] adds the neighbours, since a virtual channel and its links move each
//! other. Everything that merely waits for time is looked at on a tick, unless it is at rest.

use super::Participant;
use crate::ledger::{Ledger, Life};
use crate::virtual_channel::Virtual;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use alloy_primitives::{Address, B256};

/// Rounds of one input: what a round changes is looked at in the next.
pub(super) const ROUNDS_MAX: usize = 4;

/// Who has to do with whom, of everything that is not over.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    /// Virtual channels over a link.
    over: BTreeMap<B256, BTreeSet<B256>>,
    /// Ledger channels with a peer.
    ledgers: BTreeMap<Address, BTreeSet<B256>>,
    /// Virtual channels in which somebody takes part.
    virtuals: BTreeMap<Address, BTreeSet<B256>>,
    /// Ledger channels of a slot.
    slots: BTreeMap<B256, BTreeSet<B256>>,
    /// Virtual channels.
    live: BTreeSet<B256>,
    /// Ledger channels that are agreed and not open yet.
    agreed: BTreeSet<B256>,
}

impl Index {
    pub(super) fn enter_ledger(&mut self, ledger: &Ledger) {
        if ledger.life != Life::Closed {
            self.ledgers.entry(ledger.peer()).or_default().insert(ledger.id);
            self.slots.entry(ledger.slot).or_default().insert(ledger.id);
        }
        if ledger.life == Life::Agreed {
            self.agreed.insert(ledger.id);
        }
    }

    /// It is not only agreed any more.
    pub(super) fn opened(&mut self, id: B256) {
        self.agreed.remove(&id);
    }

    /// Ledger channels that are agreed and not open yet.
    pub(super) fn agreed(&self) -> &BTreeSet<B256> {
        &self.agreed
    }

    pub(super) fn leave_ledger(&mut self, ledger: &Ledger) {
        self.agreed.remove(&ledger.id);
        drop_from(&mut self.ledgers, ledger.peer(), ledger.id);
        drop_from(&mut self.slots, ledger.slot, ledger.id);
    }

    pub(super) fn enter_virtual(&mut self, virt: &Virtual) {
        if virt.done {
            return;
        }
        self.live.insert(virt.id);
        for (_, link) in virt.my_links() {
            self.over.entry(link).or_default().insert(virt.id);
        }
        for peer in virt.others() {
            self.virtuals.entry(peer).or_default().insert(virt.id);
        }
    }

    pub(super) fn leave_virtual(&mut self, virt: &Virtual) {
        self.live.remove(&virt.id);
        for (_, link) in virt.my_links() {
            drop_from(&mut self.over, link, virt.id);
        }
        for peer in virt.others() {
            drop_from(&mut self.virtuals, peer, virt.id);
        }
    }

    /// Virtual channels over a link.
    pub(super) fn over(&self, link: B256) -> impl Iterator<Item = B256> + '_ {
        self.over.get(&link).into_iter().flatten().copied()
    }

    /// Ledger channels with a peer.
    pub(super) fn ledgers_with(&self, peer: Address) -> impl Iterator<Item = B256> + '_ {
        self.ledgers.get(&peer).into_iter().flatten().copied()
    }

    /// Virtual channels in which a peer takes part.
    pub(super) fn virtuals_with(&self, peer: Address) -> impl Iterator<Item = B256> + '_ {
        self.virtuals.get(&peer).into_iter().flatten().copied()
    }

    /// Ledger channels of a slot.
    pub(super) fn of_slot(&self, slot: B256) -> impl Iterator<Item = B256> + '_ {
        self.slots.get(&slot).into_iter().flatten().copied()
    }

    /// Virtual channels that are not over.
    pub(super) fn virtuals(&self) -> impl Iterator<Item = B256> + '_ {
        self.live.iter().copied()
    }

    /// Ledger channels that are not over.
    pub(super) fn ledgers(&self) -> impl Iterator<Item = B256> + '_ {
        self.slots.values().flatten().copied()
    }
}

fn drop_from<K: Ord>(map: &mut BTreeMap<K, BTreeSet<B256>>, key: K, id: B256) {
    if let Some(set) = map.get_mut(&key) {
        set.remove(&id);
        if set.is_empty() {
            map.remove(&key);
        }
    }
}

/// Objects to look at.
#[derive(Debug, Default)]
pub(super) struct Reached {
    pub(super) ledgers: BTreeSet<B256>,
    pub(super) virtuals: BTreeSet<B256>,
}

impl Participant {
    /// Something may have happened to everything with this peer.
    pub(super) fn touch_peer(&mut self, peer: Address) {
        let index = &self.index;
        self.touched.extend(index.ledgers_with(peer).chain(index.virtuals_with(peer)));
    }

    /// Everything that waits for something.
    pub(super) fn touch_busy(&mut self) {
        let ledgers: Vec<B256> = self.index.ledgers().filter(|id| self.is_busy(*id)).collect();
        self.touched.extend(ledgers);
        self.touched.extend(self.active_virtuals());
    }

    /// A ledger channel at rest waits for nothing: all is countersigned and receipted, undisputed, without locks, no nanocontract moves, and nobody
    /// wants anything.
    pub(super) fn is_busy(&self, id: B256) -> bool {
        let Some(ledger) = self.ledgers.get(&id) else { return false };
        let log = &ledger.book.log;
        let waiting = !ledger.book.queue.is_empty() || ledger.book.unreceipted.is_some();
        let moving = !log.quiet() || waiting || ledger.book.updates.presign.is_some();
        let ending = ledger.draining || ledger.closing.is_some() || ledger.force || !ledger.book.disputed.is_empty();
        let locked = !log.cur().body.locks.is_empty() || self.index.over(id).next().is_some();
        let view = self.ledger_view(ledger);
        let chain = view.head.dispute.is_some() || view.settled.dispute.is_some();
        let paying = ledger.top_up.is_some() || ledger.withdrawal.is_some() || self.wanted_deposits(id).is_some();
        ledger.life != Life::Open || moving || paying || ending || locked || chain || self.nanos_wait(id)
    }

    /// What was touched since the last call, and its neighbours.
    pub(super) fn reached(&mut self) -> Reached {
        let mut reached = Reached::default();
        let marked = core::mem::take(&mut self.touched);
        for id in marked {
            match self.virtuals.get(&id) {
                Some(virt) if virt.done => {}
                Some(virt) => {
                    reached.ledgers.extend(virt.my_links().map(|(_, link)| link));
                    reached.virtuals.insert(id);
                }
                None => {
                    reached.ledgers.insert(id);
                }
            }
        }
        for link in &reached.ledgers {
            reached.virtuals.extend(self.index.over(*link));
        }
        reached
    }
}
