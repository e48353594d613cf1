//! How virtual channels ended: every settlement reads one outcome (I3, P4), whoever stands between two links reads the same on both
//! (I7, P3), and nothing but the initial split without everybody's secret (I4).

use super::contents::{Outcome, payoff};
use super::{Auditor, lock_of};
use alloy_primitives::B256;
use std::collections::BTreeSet;

impl Auditor {
    /// Both parties of a link signed a version that removes locks.
    pub(super) fn agreed_on(&mut self, ch: B256, ver: u64) {
        let Some(object) = self.objects.get(&ch).filter(|o| o.ledger.is_some()) else { return };
        let versions = object.versions.get(&ver).into_iter().flatten();
        let both = versions.filter(|c| object.keys.iter().all(|k| c.signers.contains(k)));
        let removed: Vec<(B256, Outcome)> = both.flat_map(|c| c.removed.iter().copied()).collect();
        if !object.keys.iter().any(|key| self.is_honest_key(*key)) {
            return;
        }
        let keys = object.keys;
        for (vc, outcome) in removed {
            let lock = self.virtuals.get(&vc).and_then(|params| lock_of(params, vc, ch, keys));
            let known = self.agreed.entry((vc, ch)).or_default();
            // One State has two names where an outcome pays as the initial split does; a corrupt party may say the other one first.
            let same = |one: &Outcome| lock.is_some_and(|lock| payoff(&lock, *one) == payoff(&lock, outcome));
            if known.iter().any(same) {
                if outcome.is_some() && known.remove(&None) {
                    known.insert(outcome);
                }
                continue;
            }
            if known.insert(outcome) {
                self.check_outcome(vc);
            }
        }
    }

    /// What the chain makes of a lock now.
    fn on_chain(&self, vc: B256) -> Outcome {
        self.record.concluded(vc)
    }

    /// With what the lock of a virtual channel in a link was, or would be, paid.
    pub(super) fn outcome_in(&self, link: B256, vc: B256) -> Outcome {
        let settled = self.record.lives.get(&link).is_some_and(|l| l.settled.iter().any(|(v, _)| *v == vc));
        let agreed = self.agreed.get(&(vc, link)).and_then(|all| all.first().copied());
        if settled { self.on_chain(vc) } else { agreed.unwrap_or_else(|| self.on_chain(vc)) }
    }

    /// The same, if it is decided.
    fn decided_in(&self, link: B256, vc: B256) -> Option<Outcome> {
        let settled = self.record.lives.get(&link).is_some_and(|l| l.settled.iter().any(|(v, _)| *v == vc));
        if settled {
            return Some(self.on_chain(vc));
        }
        // A removal that one of the two kept to itself: the life ended with the lock, and the record decides.
        if self.record.lives.get(&link).is_some_and(|life| life.over) && self.escrowed_in(link).contains(&vc) {
            return None;
        }
        self.agreed.get(&(vc, link))?.first().copied()
    }

    pub(super) fn check_outcome(&mut self, vc: B256) {
        let Some(params) = self.virtuals.get(&vc) else { return };
        let links = params.links.clone();
        let path = params.path.clone();
        for link in &links {
            let all = self.agreed.get(&(vc, *link)).cloned().unwrap_or_default();
            if all.len() > 1 {
                self.fault(format!("I3: the lock of {vc} was removed from {link} in several ways: {all:?}"));
            }
        }
        self.check_between(vc, &links, &path);
        let decided: BTreeSet<Outcome> = links.iter().filter_map(|link| self.decided_in(*link, vc)).collect();
        if decided.len() > 1 && path.iter().all(|key| self.is_honest_key(*key)) {
            self.fault(format!("I3: {vc} ended in several ways: {decided:?}"));
        }
        self.check_activated(vc, &links, &path);
        self.check_settlements(vc, &links);
    }

    /// I7: an honest hub gets out of its two locks what it put in, and its fee or nothing.
    fn check_between(&mut self, vc: B256, links: &[B256], path: &[alloy_primitives::Address]) {
        for place in 1..path.len().saturating_sub(1) {
            let Some(node) = self.node_of(path[place]).filter(|n| self.honest(*n)) else { continue };
            let (left, right) = (links[place - 1], links[place]);
            let (Some(one), Some(two)) = (self.decided_in(left, vc), self.decided_in(right, vc)) else { continue };
            let Some(params) = self.virtuals.get(&vc) else { continue };
            let lock = |link: B256| lock_of(params, vc, link, self.objects.get(&link)?.keys);
            let (Some(before), Some(behind)) = (lock(left), lock(right)) else { continue };
            let right_of = |lock: &perunika_core::signed::Lock, outcome| {
                let pay = payoff(lock, outcome);
                if lock.left_is_a { (pay[1], pay[0]) } else { (pay[0], pay[1]) }
            };
            let got = right_of(&before, one).0.saturating_add(right_of(&behind, two).1);
            let put = before.right.saturating_add(behind.left);
            let fee = params.fees.get(place - 1).copied().unwrap_or_default();
            if got != put && got != put.saturating_add(fee) {
                let text = format!(
                    "I7, I3: {} put {put} into {vc} and got {got}, its fee is {fee} (outcomes {one:?} and {two:?})",
                    self.name(node)
                );
                self.fault(text);
            }
        }
    }

    /// I4: it counts for whoever ever locked something for it.
    fn check_activated(&mut self, vc: B256, links: &[B256], path: &[alloy_primitives::Address]) {
        let some = |outcome: Outcome| outcome.is_some();
        let took_effect = some(self.on_chain(vc)) || links.iter().any(|l| self.decided_in(*l, vc).is_some_and(some));
        if !took_effect {
            return;
        }
        for node in self.honest_nodes() {
            let locked = links.iter().any(|link| self.locked.contains(&(node, *link, vc)));
            if locked && path.contains(&self.key(node)) && !self.revealed.contains_key(&(node, vc)) {
                let text = format!("I4: {vc} took effect without {}", self.name(node));
                self.fault(text);
            }
        }
    }

    /// I3: whatever is settled is paid by the record, or as put in if there is none.
    fn check_settlements(&mut self, vc: B256, links: &[B256]) {
        let outcome = self.on_chain(vc);
        let Some(params) = self.virtuals.get(&vc) else { return };
        let mut wrong = Vec::new();
        for link in links {
            let (Some(object), Some(life)) = (self.objects.get(link), self.record.lives.get(link)) else { continue };
            // Two corrupt parties may lock what they like.
            if !object.keys.iter().any(|key| self.is_honest_key(*key)) {
                continue;
            }
            let Some(lock) = lock_of(params, vc, *link, object.keys) else { continue };
            let paid = life.settled.iter().filter(|(v, pay)| *v == vc && payoff(&lock, outcome) != *pay);
            wrong.extend(paid.map(|(_, pay)| (*link, *pay)));
        }
        for (link, pay) in wrong {
            self.fault(format!("I3: {link} settled {vc} with {pay:?}, its outcome is {outcome:?}"));
        }
    }
}
