//! The chain as it happens: what every event may break, and what a reorganisation takes back.

use super::Auditor;
use super::contents::Object;
use super::record::Record;
use crate::world::Tap;
use alloy_primitives::B256;
use perunika_contracts::Event;
use std::collections::{BTreeMap, BTreeSet};

/// The canonical chain so far, as far as it matters.
#[derive(Debug, Default)]
pub(super) struct Books {
    pub(super) height: u64,
    /// Highest block that was ever final: no reorganisation takes it.
    pub(super) final_height: u64,
    /// Timestamp of the newest block, seconds.
    pub(super) time: u64,
    log: Vec<Logged>,
    /// Timestamps by height.
    times: BTreeMap<u64, u64>,
    /// Events by object, reorganised ones too.
    count: BTreeMap<B256, usize>,
    /// Reorganisations so far.
    pub(super) reorgs: u64,
    /// When the last one was, seconds.
    pub(super) reorged_at: u64,
    /// Lives that were paid out in this block: what is escrowed comes in an event of its own.
    paid: BTreeSet<B256>,
}

impl Books {
    /// How often something happened to an object.
    pub(super) fn events_of(&self, object: B256) -> usize {
        self.count.get(&object).copied().unwrap_or_default()
    }

    /// Timestamp of the newest block that is final if `depth` blocks can vanish, seconds.
    pub(super) fn final_time(&self, depth: u64) -> u64 {
        self.times.get(&self.height.saturating_sub(depth)).copied().unwrap_or_default()
    }

    /// Timestamp of the block at a height, seconds.
    pub(super) fn time_of(&self, height: u64) -> u64 {
        self.times.get(&height).copied().unwrap_or_default()
    }

    /// Whether the outcome of a virtual channel stands in a final block.
    pub(super) fn is_final_outcome(&self, vc: B256, depth: u64) -> bool {
        let says = |event: &Event| match event {
            Event::VirtualConcluded { vc: v, .. } | Event::Finalised { vc: v, .. } => *v == vc,
            _ => false,
        };
        self.log.iter().any(|logged| logged.height + depth <= self.height && says(&logged.event))
    }
}

#[derive(Clone, Debug)]
struct Logged {
    height: u64,
    time: u64,
    event: Event,
}

impl Auditor {
    pub(super) fn take_chain(&mut self, tap: &Tap) {
        match tap {
            Tap::Block { number, time } => {
                let passed = time.saturating_sub(self.chain.time.max(crate::ground::START));
                (self.chain.height, self.chain.time) = (*number, *time);
                self.chain.final_height = self.chain.final_height.max(number.saturating_sub(self.depth));
                self.chain.times.insert(*number, *time);
                self.time_passed(passed);
                self.give_up_late_riddles();
                self.check_duties();
                self.check_rest();
            }
            Tap::Chain(event) => {
                let (height, time) = (self.chain.height, self.chain.time);
                self.chain.log.push(Logged { height, time, event: event.clone() });
                let about = event.object().into_iter().chain(event.nano().map(|(_, entry)| entry));
                about.for_each(|object| *self.chain.count.entry(object).or_default() += 1);
                self.event(event);
            }
            Tap::Mined { node, work, ok } => self.mined(*node, *work, *ok),
            Tap::Reorg { height } => self.go_back(*height),
            _ => {}
        }
    }

    fn event(&mut self, event: &Event) {
        self.learn_life(event);
        self.nano_event(event);
        (self.record.time, self.record.height) = (self.chain.time, self.chain.height);
        let faults = self.record.follow(event);
        faults.into_iter().for_each(|f| self.fault(f));
        self.check_event(event);
    }

    fn learn_life(&mut self, event: &Event) {
        let Event::Confirmed { id, dep_b, .. } = event else { return };
        let Some((params, dep_a)) = self.record.funding(*id) else { return };
        let deposits = [dep_a, *dep_b];
        // A reorganisation may bring the same life again; whoever signed in it signed for these deposits.
        if self.objects.get(id).is_none_or(|o| o.versions[&0][0].deposits != deposits) {
            self.objects.insert(*id, Object::ledger(params, deposits));
        }
        self.solve(Some(*id));
    }

    /// Blocks are gone: everything that the chain said is read again, without another look at what was looked at.
    fn go_back(&mut self, height: u64) {
        self.chain.reorgs += 1;
        self.chain.log.retain(|logged| logged.height <= height);
        self.chain.times.retain(|at, _| *at <= height);
        let log = std::mem::take(&mut self.chain.log);
        self.record = Record::default();
        self.games.forget_chain();
        for logged in &log {
            (self.chain.time, self.chain.height) = (logged.time, logged.height);
            self.replay(&logged.event);
        }
        self.chain.height = height;
        self.chain.time = self.chain.times.get(&height).copied().unwrap_or_default();
        self.chain.log = log;
        self.chain.reorged_at = self.time();
        self.work_undone(height);
        self.claims_undone();
    }

    fn replay(&mut self, event: &Event) {
        self.note_nano_event(event);
        (self.record.time, self.record.height) = (self.chain.time, self.chain.height);
        drop(self.record.follow(event));
    }

    /// What the contract says of a virtual channel, or of money in a link, is compared with what everybody else said.
    fn check_event(&mut self, event: &Event) {
        match event {
            Event::Registered { id, .. } => self.disputed(*id),
            Event::Deposited { id, .. } | Event::Adjusted { id, .. } => self.stir(*id),
            Event::VirtualRegistered { vc, .. } => self.disputed(*vc),
            Event::VirtualConcluded { vc, .. } | Event::Finalised { vc, .. } => self.check_outcome(*vc),
            Event::Settled { id, vc, .. } => {
                self.check_outcome(*vc);
                self.chain.paid.insert(*id);
            }
            Event::Closed { id, .. } | Event::Concluded { id, .. } | Event::Refunded { id } => {
                self.chain.paid.insert(*id);
            }
            _ => {}
        }
    }

    /// A dispute began.
    fn disputed(&mut self, id: B256) {
        self.freeze_claims(id);
        self.expect_end(id);
    }

    /// The events of a block were all read.
    pub(super) fn settle_block(&mut self) {
        for id in std::mem::take(&mut self.chain.paid) {
            self.check_payout(id);
            self.expect_settlement(id);
        }
    }

    /// A life that the chain knows.
    pub(super) fn lives(&self) -> Vec<B256> {
        self.record.lives.keys().copied().collect()
    }
}
