//! What people do with their nodes: open, pay, renew, close, in any order and at any time.

use super::story::Story;
use crate::story::ETH;
use alloy_primitives::B256;
use perunika_core::info::{LedgerStage, VirtualInfo, VirtualStage};
use perunika_core::io::Command;

impl Story {
    fn channels_to_pay(&self, node: usize) -> Vec<B256> {
        let Some(participant) = &self.world.nodes[node].participant else { return Vec::new() };
        let ledgers = participant.ledgers().into_iter().filter(|l| l.stage == LedgerStage::Open && l.mine > 0);
        let virtuals = participant
            .virtuals()
            .into_iter()
            .filter(|v| v.stage == VirtualStage::Active && v.mine.is_some_and(|mine| mine > 0));
        ledgers.map(|l| l.id).chain(virtuals.map(|v| v.id)).collect()
    }

    pub(super) fn pay(&mut self) {
        let start = self.some_node();
        // Whoever can pay at all.
        let people = self.plan.people;
        let Some((node, channels)) = (0..people)
            .map(|step| (start + step) % people)
            .map(|node| (node, self.channels_to_pay(node)))
            .find(|(_, channels)| !channels.is_empty())
        else {
            return;
        };
        let ch = channels[self.rng.below(channels.len() as u64) as usize];
        for _ in 0..=self.rng.below(30) {
            let amount = u128::from(self.rng.between(1, 300)) * (ETH / 1_000);
            let cosign = self.rng.chance(120);
            let reference = if self.rng.chance(40) { b"order".to_vec() } else { Vec::new() };
            self.world.command(node, Command::Pay { ch, amount, cosign, reference });
        }
        if self.rng.chance(500) {
            self.pass(60);
        }
    }

    /// Shortest term that can be renewed, seconds.
    fn renewable(&self) -> u64 {
        let policy = &self.plan.policy;
        4 * (policy.close_lead + policy.t_act_ms.div_ceil(1_000)) + 2
    }

    /// A walk over ledger channels that visits nobody twice.
    fn walk(&mut self) -> Vec<usize> {
        let tries = self.rng.between(1, 6);
        let walks: Vec<Vec<usize>> = (0..tries).map(|_| self.one_walk()).collect();
        walks.into_iter().max_by_key(Vec::len).unwrap_or_default()
    }

    fn one_walk(&mut self) -> Vec<usize> {
        let mut walk = vec![self.some_node()];
        let length = self.rng.between(3, 7) as usize;
        while walk.len() < length {
            let last = walk[walk.len() - 1];
            let edges = &self.plan.edges;
            let next: Vec<usize> = (0..self.plan.people)
                .filter(|n| !walk.contains(n) && edges.contains(&(last.min(*n), last.max(*n))))
                .collect();
            if next.is_empty() {
                break;
            }
            walk.push(next[self.rng.below(next.len() as u64) as usize]);
        }
        walk
    }

    pub(super) fn open_virtual(&mut self) {
        let walk = self.walk();
        if walk.len() < 3 {
            return;
        }
        let path = walk[1..].iter().map(|n| self.world.key(*n)).collect();
        let (stake, peer_stake) = (u128::from(self.rng.between(1, 20)) * ETH, u128::from(self.rng.below(20)) * ETH);
        let renew = self.rng.chance(300);
        let shortest = if renew { self.renewable() } else { self.plan.policy.term_min() + 2 };
        let term = Some(self.rng.between(shortest, shortest + 6 * self.plan.policy.m_safe));
        let wish =
            Command::OpenVirtual { asset: self.plan.asset, path, stake, peer_stake, term, fee_max: u128::MAX, renew };
        self.world.command(walk[0], wish);
        self.pass(300);
    }

    /// Closes, renews or forces a virtual channel of a node that is one of its ends.
    pub(super) fn end_virtual(&mut self) {
        let node = self.some_node();
        let Some(participant) = &self.world.nodes[node].participant else { return };
        let ended = |v: &&VirtualInfo| v.mine.is_some() && v.stage == VirtualStage::Active;
        let all: Vec<(B256, bool)> =
            participant.virtuals().iter().filter(ended).map(|v| (v.id, v.index == 0)).collect();
        if all.is_empty() {
            return self.pay();
        }
        let (vc, opener) = all[self.rng.below(all.len() as u64) as usize];
        let command = match self.rng.below(10) {
            0..7 if opener => {
                let stakes = self.rng.chance(300).then_some([2 * ETH, 2 * ETH]);
                let term = Some(self.renewable() + self.rng.below(2 * self.plan.policy.m_safe));
                Command::RenewVirtual { vc, stakes, term, fee_max: u128::MAX }
            }
            0..8 => Command::CloseVirtual { vc },
            _ => Command::ForceVirtual { vc },
        };
        self.world.command(node, command);
    }

    /// Closes a ledger channel, or opens one where there was one.
    pub(super) fn close_ledger(&mut self) {
        let (a, b) = self.plan.edges[self.rng.below(self.plan.edges.len() as u64) as usize];
        let (node, other) = if self.rng.chance(500) { (a, b) } else { (b, a) };
        let peer = self.world.key(other);
        let Some(participant) = &self.world.nodes[node].participant else { return };
        let all = participant.ledgers();
        let living = all.iter().find(|l| l.peer == peer && l.stage != LedgerStage::Closed);
        let command = match living {
            Some(ledger) => Command::CloseChannel { ch: ledger.id, force: self.rng.chance(600) },
            None => Command::OpenChannel {
                asset: self.plan.asset,
                from: self.plan.sources[node],
                peer,
                deposit: 50 * ETH,
                peer_deposit: 50 * ETH,
                lane: 0,
            },
        };
        self.world.command(node, command);
    }
}
