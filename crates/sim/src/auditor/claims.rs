//! Who is owed what, and whether the chain paid it.

use super::balances::assets;
use super::contents::{Content, payoff};
use super::nanos::part;
use super::{Auditor, Knowledge};
use crate::world::World;
use alloy_primitives::B256;
use std::collections::BTreeSet;

impl Auditor {
    /// What is true at any time: looked at once more.
    pub(super) fn check_always(&mut self, world: &World) {
        self.now_ms = world.now_ms;
        self.give_up_riddles(false);
        self.check_holdings(world);
        let virtuals: Vec<B256> = self.virtuals.keys().copied().collect();
        virtuals.into_iter().for_each(|vc| self.check_outcome(vc));
    }

    /// I7, I8, I9: true once everything is over.
    pub(super) fn check_end(&mut self, world: &World) {
        let ids = self.lives();
        for node in self.honest_nodes() {
            if !self.people[node].runs {
                continue;
            }
            ids.iter().for_each(|id| self.check_paid(node, *id));
            let virtuals: Vec<B256> = self.virtuals.keys().copied().collect();
            virtuals.iter().for_each(|vc| self.check_end_of(node, *vc));
            self.check_balance(world, node);
        }
        self.check_leftovers();
    }

    /// I1: the contract holds what it owes, and no life pays more than it was given.
    pub(super) fn check_holdings(&mut self, world: &World) {
        for asset in assets() {
            let holds = world.ground.balance_of(asset, self.domain.adjudicator) as i128;
            let owed = self.record.owed(asset);
            if holds != owed {
                self.fault(format!("I1: the contract holds {holds} of {asset} and owes {owed}"));
            }
        }
        let over = self
            .record
            .lives
            .iter()
            .filter(|(_, l)| l.paid[0] + l.paid[1] + l.escrow > l.deposits[0] + l.deposits[1])
            .map(|(id, _)| *id);
        let over: Vec<B256> = over.collect();
        over.iter().for_each(|id| self.fault(format!("I1: {id} paid out more than its deposits")));
    }

    /// Every State that the chain could accept against a node, if nobody errs: what it accepted last, and what it signed since
    /// (protocol 1.4(2)).
    pub(super) fn enforceable(&self, node: usize, id: B256) -> Vec<&Content> {
        let Some(object) = self.objects.get(&id) else { return Vec::new() };
        let key = self.key(node);
        if object.side(key).is_none() {
            return Vec::new();
        }
        let nothing = Knowledge::default();
        let known = self.knowledge.get(&(node, id)).unwrap_or(&nothing);
        let maybe =
            known.maybe.and_then(|ver| object.signed_by(ver, key).or_else(|| object.versions.get(&ver)?.first()));
        let pending = known.signed.range(known.cur + 1..).filter_map(|ver| object.signed_by(*ver, key));
        // Of two contents that a corrupt peer signed under one version, nobody but the node knows which one it took.
        let twins =
            object.keys.iter().filter(|peer| **peer != key).flat_map(|peer| object.all_signed_by(known.cur, *peer));
        let unsigned = object.signed_by(known.cur, key).is_none();
        let twins = twins.filter(move |_| unsigned);
        self.accepted_content(node, id).into_iter().chain(twins).chain(maybe).chain(pending).collect()
    }

    /// A dispute began: whatever could be concluded from now on counts, whatever is signed meanwhile (S74).
    pub(super) fn freeze_claims(&mut self, id: B256) {
        for node in self.honest_nodes() {
            let all: Vec<Content> = self.enforceable(node, id).into_iter().cloned().collect();
            if !all.is_empty() {
                self.frozen.insert((node, id), all);
            }
        }
    }

    /// A reorganisation may have taken disputes away.
    pub(super) fn claims_undone(&mut self) {
        let games = &self.games;
        self.frozen.retain(|(_, id), _| games.dispute(*id).is_some());
    }

    /// What a node accepted or signed has changed; in a dispute what could be concluded before still counts.
    pub(super) fn touched(&mut self, node: usize, id: B256) {
        if !self.honest(node) {
            return;
        }
        self.stir(id);
        let locks: Vec<B256> = self.enforceable(node, id).iter().flat_map(|c| c.locks().iter().map(|l| l.vc)).collect();
        locks.into_iter().for_each(|vc| self.expect_removal(node, id, vc));
        if self.frozen.contains_key(&(node, id)) {
            let all: Vec<Content> = self.enforceable(node, id).into_iter().cloned().collect();
            let frozen = self.frozen.entry((node, id)).or_default();
            let new = all.into_iter().filter(|c| !frozen.iter().any(|f| f.hash(id) == c.hash(id)));
            let new: Vec<Content> = new.collect();
            frozen.extend(new);
        }
        self.check_claims(id);
    }

    /// I1: what two honest parties are owed in one channel is there.
    fn check_claims(&mut self, id: B256) {
        let Some(object) = self.objects.get(&id) else { return };
        let genesis = object.versions[&0][0].total;
        let whole = self.record.lives.get(&id).map_or(genesis, |life| life.deposits.iter().sum());
        let [Some(a), Some(b)] = object.keys.map(|key| self.node_of(key).filter(|n| self.honest(*n))) else { return };
        if self.may_have_nanos(id) {
            return;
        }
        let due = [a, b].map(|node| self.due(node, id).unwrap_or_default());
        if due[0] + due[1] > whole {
            self.fault(format!("I1: {id} owes {due:?} and holds {whole}"));
        }
    }

    /// I8: at least the least of what it accepted last and of what it signed since.
    pub(super) fn due(&self, node: usize, id: B256) -> Option<u128> {
        let side = self.objects.get(&id)?.side(self.key(node))?;
        let value = |c: &Content| self.value(node, id, side, c);
        match self.frozen.get(&(node, id)) {
            Some(all) => all.iter().map(value).min(),
            None => self.enforceable(node, id).into_iter().map(value).min(),
        }
    }

    /// The same of a life that ended; of one that B never confirmed on this chain, since a reorganisation took that away, nothing is
    /// owed but what was deposited.
    pub(super) fn due_at_end(&self, node: usize, id: B256) -> Option<u128> {
        self.due(node, id).filter(|_| self.record.is_confirmed(id))
    }

    /// What a version gives to a side, its locks and nanocontracts included.
    fn value(&self, node: usize, id: B256, side: usize, content: &Content) -> u128 {
        let locks = content.locks().iter().map(|l| payoff(l, self.outcome_in(id, l.vc))[side]);
        // The share counts what a nanocontract gives by default; owed is what its newest version gives.
        let defaults = content.nanos().iter().map(|e| part(e, e.da0, side)).sum::<u128>();
        let owed = content.nanos().iter().map(|e| self.games.due(node, id, e, side)).sum::<u128>();
        content
            .share(side)
            .saturating_add(self.uncounted(id, side, content))
            .saturating_sub(defaults)
            .saturating_add(owed)
            .saturating_add(locks.fold(0, u128::saturating_add))
    }

    /// What was deposited for a side beyond what a version counts (protocol 0.3 top-up).
    fn uncounted(&self, id: B256, side: usize, content: &Content) -> u128 {
        let life = self.record.lives.get(&id);
        life.map_or(0, |life| life.deposits[side].saturating_sub(content.deposits[side]))
    }

    pub(super) fn side_in(&self, node: usize, id: B256) -> Option<usize> {
        let params = self.record.lives.get(&id)?.params?;
        [params.a.key, params.b.key].iter().position(|k| *k == self.key(node))
    }

    /// P1, I8: whoever is out of a channel got what it was owed.
    pub(super) fn check_payout(&mut self, id: B256) {
        let Some(life) = self.record.lives.get(&id) else { return };
        if !life.over || life.escrow > 0 {
            return;
        }
        for node in self.honest_nodes() {
            self.check_share(node, id);
        }
    }

    fn check_share(&mut self, node: usize, id: B256) {
        let Some(side) = self.side_in(node, id) else { return };
        let Some(life) = self.record.lives.get(&id) else { return };
        let (paid, deposit) = (life.paid[side], life.deposits[side]);
        let due = self.due_at_end(node, id).unwrap_or(deposit);
        if paid < due {
            let text = format!("I8: {} got {paid} out of {id}, its due is {due}", self.name(node));
            self.fault(text);
        }
    }

    fn check_paid(&mut self, node: usize, id: B256) {
        let Some(side) = self.side_in(node, id) else { return };
        let Some(life) = self.record.lives.get(&id) else { return };
        let deposit = life.deposits[side];
        // Nobody has confirmed, and A takes its deposit back whenever it likes; or B confirmed a moment ago.
        let young = self.record.confirmed_at(id).and_then(|at| self.end_of_dispute(id, at));
        if !life.over && young.is_none_or(|end| self.time() <= end + 3 * self.people[node].m_safe()) {
            return;
        }
        if (!life.over || life.escrow > 0) && deposit + self.due(node, id).unwrap_or_default() > 0 {
            let text = format!("I9: money of {} is still in {id} (escrow {})", self.name(node), life.escrow);
            return self.fault(text);
        }
        self.check_share(node, id);
    }

    /// I8 for the ends of a virtual channel; a hub's due (I7) follows from its links, since both read one outcome.
    fn check_end_of(&mut self, node: usize, vc: B256) {
        let Some(params) = self.virtuals.get(&vc) else { return };
        let key = self.key(node);
        let Some(side) = self.objects.get(&vc).and_then(|o| o.side(key)) else { return };
        let total = params.total();
        // Its own link is what it is paid by.
        let link = if side == 0 { params.links.first() } else { params.links.last() };
        let Some(outcome) = link.map(|link| self.outcome_in(*link, vc)) else { return };
        let out_a = outcome.unwrap_or(params.init_a).min(total);
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
        versions.flat_map(|c| c.locks().iter().map(|l| l.vc)).collect()
    }
}
