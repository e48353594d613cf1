//! The liveness phase: the adversary falls silent, everything heals, and every honest node gets out of everything within the bound
//! of I9, without the help of anybody who is not honest.

use super::story::Story;
use crate::ground::START;
use crate::world::World;
use alloy_primitives::B256;
use perunika_core::Participant;
use perunika_core::chain::Phase;
use perunika_core::info::{LedgerInfo, LedgerStage, VirtualStage};
use perunika_core::io::Command;
use perunika_core::params::Side;
use std::collections::BTreeSet;

/// What is left of the adversary's actions for the end.
const ACTS_BEFORE_END: u64 = 60;

impl Story {
    /// What is stuck, in words, if something is.
    pub(super) fn end(&mut self) -> Option<String> {
        self.heal_all();
        self.world.note(|_| "--- everything heals".to_owned());
        // Half of the adversaries fall silent now; the others go on while everybody forces a way out.
        if self.rng.chance(500) {
            self.rest();
        } else {
            self.acts = self.acts.min(ACTS_BEFORE_END);
        }
        let down = self.plan.bounds.down_ms;
        self.pass(down + 500);
        if self.rng.chance(700) {
            self.end_together();
        }
        self.end_alone()
    }

    fn rest(&mut self) {
        if self.struck {
            self.mallory.rest(&mut self.world);
            self.struck = false;
        }
    }

    /// What the honest nodes can end by agreement.
    fn end_together(&mut self) {
        for (node, vc) in self.open_virtuals() {
            self.world.command(node, Command::CloseVirtual { vc });
        }
        self.wait(6_000, World::no_virtual_is_open);
        for (node, ch) in self.open_ledgers() {
            if self.rng.chance(800) {
                self.world.command(node, Command::CloseChannel { ch, force: false });
            }
        }
        let blocks = (self.plan.bounds.depth + 3) * self.world.block_ms;
        self.wait(6_000 + blocks, Self::all_out);
    }

    /// What must work against everybody: through the chain, by I9.
    fn end_alone(&mut self) -> Option<String> {
        let slow = (self.plan.policy.m_safe * 1_000 / 8).max(1_000);
        (self.world.tick_ms, self.world.show_ms) = (slow, slow);
        // What was agreed before everything healed may still be opened.
        let openings = self.world.now_ms + self.world.patience_ms;
        let until = openings + self.bound_ms();
        // The deadlines lie far apart: what is left of her actions is spread over them.
        self.act_ms = self.act_ms.max((until - openings) / 2 / ACTS_BEFORE_END);
        let mut told = BTreeSet::new();
        while !Self::all_out(&self.world) || (self.world.now_ms < openings && self.is_opening()) {
            if self.world.now_ms >= until {
                break;
            }
            if self.world.now_ms >= openings + (until - openings) / 2 {
                self.rest();
            }
            let all = self.open_ledgers();
            for (node, ch) in all.into_iter().filter(|which| told.insert(*which)) {
                self.world.command(node, Command::CloseChannel { ch, force: true });
            }
            self.pass(slow.max(self.world.block_ms));
        }
        let out = Self::all_out(&self.world);
        // What was mined last is final for everybody.
        let blocks = (self.plan.bounds.depth + 2) * self.world.block_ms;
        self.pass(blocks);
        (!out).then(|| self.what_is_stuck(until))
    }

    /// I9: tEnd + C + 3·m_safe, (2 + kMax)·w more for nanocontracts in each of the two disputes. A node gives cooperation its
    /// patience before it forces anything, and looks at the chain now and then only.
    fn bound_ms(&self) -> u64 {
        let policy = &self.plan.policy;
        let honest = || self.honest();
        let games = honest().any(|(_, p)| {
            let ledgers = p.ledgers().into_iter().map(|l| l.id);
            ledgers.chain(p.virtuals().into_iter().map(|v| v.id)).any(|ch| !p.nanos(ch).is_empty())
        });
        let k_max = if games { 2 + u64::from(policy.k_max) } else { 0 };
        let open = |v: &perunika_core::info::VirtualInfo| v.stage != VirtualStage::Done;
        let t_exp = honest().flat_map(|(_, p)| p.virtuals()).filter(open).map(|v| v.params.t_exp).max();
        let expiry_ms = t_exp.map_or(0, |t_exp| t_exp.saturating_sub(START + 2) * 1_000);
        let dispute = u64::from(policy.challenge) + k_max * u64::from(policy.window);
        let bound_s = 2 * dispute + 3 * policy.m_safe;
        // Freezing Closes, patience, and looks that come late.
        let own_s = policy.close_validity + 2 * policy.patience + 2 * policy.m_safe + policy.close_lead;
        expiry_ms.saturating_sub(self.world.now_ms) + (bound_s + own_s) * 1_000
    }

    fn honest(&self) -> impl Iterator<Item = (usize, &Participant)> {
        let nodes = self.world.nodes.iter().enumerate();
        nodes.filter(|(_, n)| n.honest).filter_map(|(i, n)| Some((i, n.participant.as_ref()?)))
    }

    /// No honest node has money anywhere but in its account.
    fn all_out(world: &World) -> bool {
        let honest = world.nodes.iter().filter(|n| n.honest);
        honest.into_iter().all(|n| n.participant.as_ref().is_some_and(|p| p.ledgers().iter().all(|l| is_out(world, l))))
    }

    /// Somebody honest has agreed to a channel of which nothing is on the chain.
    fn is_opening(&self) -> bool {
        self.honest().any(|(_, p)| p.ledgers().iter().any(|l| l.stage == LedgerStage::Agreed))
    }

    fn wait(&mut self, ms: u64, done: impl Fn(&World) -> bool) -> bool {
        let until = self.world.now_ms + ms;
        while !done(&self.world) {
            if self.world.now_ms >= until {
                return false;
            }
            let step = self.world.tick_ms.max(self.world.block_ms).min(until - self.world.now_ms);
            self.pass(step);
        }
        true
    }

    fn open_virtuals(&self) -> Vec<(usize, B256)> {
        let all = self.honest().flat_map(|(n, p)| p.virtuals().into_iter().map(move |v| (n, v)));
        all.filter(|(_, v)| v.stage == VirtualStage::Active && v.mine.is_some()).map(|(n, v)| (n, v.id)).collect()
    }

    fn open_ledgers(&self) -> Vec<(usize, B256)> {
        let all = self.honest().flat_map(|(n, p)| p.ledgers().into_iter().map(move |l| (n, l)));
        let open = |l: &LedgerInfo| !matches!(l.stage, LedgerStage::Closed | LedgerStage::Agreed);
        all.filter(|(_, l)| open(l)).map(|(n, l)| (n, l.id)).collect()
    }

    fn what_is_stuck(&self, until: u64) -> String {
        let stuck = self.honest().flat_map(|(n, p)| p.ledgers().into_iter().map(move |l| (n, l)));
        let stuck: Vec<String> = stuck
            .filter(|(_, l)| !is_out(&self.world, l))
            .map(|(n, l)| format!("{} in {} ({:?}, {} locks)", self.world.nodes[n].name, l.id, l.stage, l.locks))
            .collect();
        format!("I9: at {until} ms money is still in a channel: {}", stuck.join("; "))
    }
}

/// No money is in this channel, as the chain has it if the node has not seen it open.
fn is_out(world: &World, ledger: &LedgerInfo) -> bool {
    let height = world.ground.chain.height();
    match ledger.stage {
        LedgerStage::Closed => true,
        LedgerStage::Agreed => {
            let view = world.ground.ledger_at(&ledger.params, height);
            view.nonce != ledger.nonce || !matches!(view.phase, Phase::Funding | Phase::Open)
        }
        // Only A has paid in, and only A can take it back.
        LedgerStage::Funding => ledger.me == Side::B && world.ground.ledger_at(&ledger.params, height).dep_b == 0,
        _ => false,
    }
}
