//! Who is owed what, and whether the chain paid it.

use super::contents::{Content, Outcome, payoff};
use super::nanos::part;
use super::{Auditor, Knowledge};
use alloy_primitives::B256;
use std::collections::BTreeSet;

impl Auditor<'_> {
    /// I1, I3, I4, I10: true at any time.
    pub(super) fn check_always(&mut self) {
        self.now_ms = self.world.now_ms;
        self.gather_outcomes();
        self.check_holdings();
        self.check_outcomes();
        self.check_work();
    }

    /// I7, I8, I9: true once everything is over.
    pub(super) fn check_end(&mut self) {
        let ids: Vec<B256> = self.record.lives.keys().copied().collect();
        for node in self.honest_nodes() {
            if self.world.nodes[node].participant.is_none() {
                continue;
            }
            ids.iter().for_each(|id| self.check_paid(node, *id));
            let virtuals: Vec<B256> = self.virtuals.keys().copied().collect();
            virtuals.iter().for_each(|vc| self.check_end_of(node, *vc));
        }
    }

    fn check_holdings(&mut self) {
        let holds = self.world.ground.balance(self.domain.adjudicator) as i128;
        let owed = self.record.owed();
        if holds != owed {
            self.fault(format!("I1: the contract holds {holds} and owes {owed}"));
        }
        let over: Vec<B256> = self
            .record
            .lives
            .iter()
            .filter(|(_, l)| l.paid[0] + l.paid[1] + l.escrow > l.deposits[0] + l.deposits[1])
            .map(|(id, _)| *id)
            .collect();
        over.iter().for_each(|id| self.fault(format!("I1: {id} paid out more than its deposits")));
    }

    /// I3: every removal that both parties signed, every settlement and the record say the same.
    fn gather_outcomes(&mut self) {
        let honest: Vec<_> = (0..self.world.nodes.len()).filter(|n| self.honest(*n)).map(|n| self.key(n)).collect();
        for object in self.objects.values().filter(|o| o.ledger.is_some()) {
            if !object.keys.iter().any(|k| honest.contains(k)) {
                continue;
            }
            let done = object.versions.values().flatten().filter(|c| object.keys.iter().all(|k| c.signers.contains(k)));
            for (vc, outcome) in done.flat_map(|c| c.removed.iter()) {
                self.outcomes.entry(*vc).or_default().insert(*outcome);
            }
        }
        for (vc, out_a) in self.record.concluded_all() {
            // Two corrupt ends may register anything once the others have let go of their locks; then nobody reads the record.
            let ends = self.objects.get(&vc).map(|o| o.keys);
            let honest_end = ends.is_some_and(|keys| keys.iter().any(|k| honest.contains(k)));
            if !honest_end && self.outcomes.contains_key(&vc) {
                continue;
            }
            self.outcomes.entry(vc).or_default().insert(Some(out_a));
        }
    }

    fn check_outcomes(&mut self) {
        for (vc, outcomes) in self.outcomes.clone() {
            if outcomes.len() > 1 {
                self.fault(format!("I3: {vc} ended in several ways: {outcomes:?}"));
            }
            let Some(params) = self.virtuals.get(&vc).cloned() else { continue };
            if !outcomes.iter().any(Option::is_some) {
                continue;
            }
            for node in self.honest_nodes() {
                if params.path.contains(&self.key(node)) && !self.revealed.contains(&(node, vc)) {
                    let text = format!("I4: {vc} took effect without {}", self.name(node));
                    self.fault(text);
                }
            }
        }
        let settled: Vec<_> =
            self.record.lives.iter().flat_map(|(id, l)| l.settled.iter().map(|s| (*id, *s))).collect();
        for (id, (vc, pay)) in settled {
            let outcome = self.outcome(vc);
            let Some(object) = self.objects.get(&id) else { continue };
            let lock = self.virtuals.get(&vc).and_then(|p| super::lock_of(p, vc, id, object.keys));
            if lock.is_some_and(|lock| payoff(&lock, outcome) != pay) {
                self.fault(format!("I3: {id} settled {vc} with {pay:?}, its outcome is {outcome:?}"));
            }
        }
    }

    pub(super) fn outcome(&self, vc: B256) -> Outcome {
        self.outcomes.get(&vc).and_then(|set| set.iter().next().copied()).flatten()
    }

    /// I10: an honest party needs few transactions.
    fn check_work(&mut self) {
        let (lives, virtuals) = (self.record.lives.len(), self.virtuals.len());
        for node in self.honest_nodes() {
            let owner = self.world.nodes[node].owner;
            let sent = self.world.ground.receipts.iter().filter(|r| r.from == owner).count();
            let bound = lives * 4 + virtuals * (lives + 4) + 2 + self.games.work(self.key(node), &self.objects);
            if sent > bound {
                let text = format!("I10: {} sent {sent} transactions, {bound} would do", self.name(node));
                self.fault(text);
            }
        }
    }

    /// I8: at least the least of what it accepted last and of what it signed since.
    fn due(&self, node: usize, id: B256) -> Option<u128> {
        let object = self.objects.get(&id)?;
        let key = self.key(node);
        let side = object.side(key)?;
        let nothing = Knowledge::default();
        let known = self.knowledge.get(&(node, id)).unwrap_or(&nothing);
        let value = |c: &Content| {
            let locks = c.locks.iter().map(|l| payoff(l, self.outcome(l.vc))[side]);
            // The share counts what a nanocontract gives by default; owed is what its newest version gives.
            let defaults = c.nanos.iter().map(|e| part(e, e.da0, side)).sum::<u128>();
            let owed = c.nanos.iter().map(|e| self.games.due(node, id, e, side)).sum::<u128>();
            c.share(side) - defaults + owed + locks.sum::<u128>()
        };
        let peer = object.keys[1 - side];
        let accepted = object.signed_by(known.cur, peer).or_else(|| object.versions.get(&0)?.first());
        let pending = known.signed.range(known.cur + 1..).filter_map(|ver| object.signed_by(*ver, key));
        accepted.into_iter().chain(pending).map(value).min()
    }

    fn check_paid(&mut self, node: usize, id: B256) {
        let Some(life) = self.record.lives.get(&id) else { return };
        let Some(params) = life.params else { return };
        let Some(side) = [params.a.key, params.b.key].iter().position(|k| *k == self.key(node)) else { return };
        let (paid, deposit, over) = (life.paid[side], life.deposits[side], life.over);
        if (!over || life.escrow > 0) && deposit + self.due(node, id).unwrap_or_default() > 0 {
            let text = format!("I9: money of {} is still in {id} (escrow {})", self.name(node), life.escrow);
            return self.fault(text);
        }
        let due = self.due(node, id).unwrap_or(deposit);
        if paid < due {
            let text = format!("I8: {} got {paid} out of {id}, its due is {due}", self.name(node));
            self.fault(text);
        }
    }

    /// I8 for the ends of a virtual channel; a hub's due (I7) follows from its links, since both read one outcome.
    fn check_end_of(&mut self, node: usize, vc: B256) {
        let Some(params) = self.virtuals.get(&vc) else { return };
        let key = self.key(node);
        let Some(side) = self.objects.get(&vc).and_then(|o| o.side(key)) else { return };
        let total = params.init_a + params.init_b;
        let out_a = self.outcome(vc).unwrap_or(params.init_a).min(total);
        let got = if side == 0 { out_a } else { total - out_a };
        let Some(due) = self.due(node, vc) else { return };
        let locked: BTreeSet<B256> = self.locked();
        if got < due && locked.contains(&vc) {
            let text = format!("I8: {} got {got} out of the virtual channel {vc}, its due is {due}", self.name(node));
            self.fault(text);
        }
    }

    fn locked(&self) -> BTreeSet<B256> {
        let ledgers = self.objects.values().filter(|o| o.ledger.is_some());
        let versions = ledgers.flat_map(|o| o.versions.values().flatten().filter(|c| c.signers.len() == 2));
        versions.flat_map(|c| c.locks.iter().map(|l| l.vc)).collect()
    }
}
