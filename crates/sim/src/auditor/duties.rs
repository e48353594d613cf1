//! Nobody waits for ever (P2, I9): what must have happened by when, looked at in every block.
//!
//! A bound counts the chain's time during which the participant was within the bounds of the model: not down, not cut off from the
//! chain for longer than half of m_safe. Whoever was away gets one m_safe more to find his way back.

use super::{Auditor, lock_of};
use alloy_primitives::B256;
use perunika_core::io::Command;
use perunika_core::tree;
use std::collections::BTreeMap;

/// Something that must happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goal {
    /// A ledger channel ends: its owner wants that, or a dispute runs.
    Life(B256),
    /// Every lock of a life that ended is paid.
    Escrow(B256),
    /// The outcome of a virtual channel is known to the chain, or nobody needs it any more.
    Outcome(B256),
    /// No lock of a virtual channel is left in this link.
    Lock { link: B256, vc: B256 },
}

#[derive(Clone, Copy, Debug)]
struct Duty {
    node: usize,
    goal: Goal,
    /// From when on the bound counts, seconds.
    since: u64,
    /// How long its owner had been away by then, seconds.
    away_s: u64,
    /// The command by which its owner asked for it; otherwise it lasts as long as the dispute that it comes from.
    wanted: Option<u64>,
}

/// Everything that must still happen, by the second at which it is looked at.
#[derive(Debug, Default)]
pub(super) struct Duties {
    queue: BTreeMap<(u64, u64), Duty>,
    count: u64,
}

impl Duties {
    fn push(&mut self, at: u64, duty: Duty) {
        self.count += 1;
        self.queue.insert((at, self.count), duty);
    }

    fn pop(&mut self, now: u64) -> Option<Duty> {
        let (at, _) = self.queue.first_key_value()?;
        (at.0 < now).then(|| self.queue.pop_first().map(|(_, duty)| duty))?
    }

    /// The command was refused.
    pub(super) fn take_back(&mut self, node: usize, tag: u64) {
        self.queue.retain(|_, duty| duty.node != node || duty.wanted != Some(tag));
    }
}

impl Auditor {
    fn expect(&mut self, node: usize, goal: Goal) {
        self.remember_duty(node, goal, None);
    }

    fn remember_duty(&mut self, node: usize, goal: Goal, wanted: Option<u64>) {
        let since = self.time();
        let duty = Duty { node, goal, since, away_s: self.people[node].away_s, wanted };
        self.duties.push(since, duty);
    }

    /// P2: whoever wants out gets out.
    pub(super) fn wanted(&mut self, node: usize, tag: u64, command: &Command) {
        if !self.honest(node) || !self.people[node].runs {
            return;
        }
        match command {
            Command::CloseChannel { ch, force: true } => self.remember_duty(node, Goal::Life(*ch), Some(tag)),
            Command::ForceVirtual { vc } => self.remember_duty(node, Goal::Outcome(*vc), Some(tag)),
            _ => {}
        }
    }

    fn honest_parties(&self, id: B256) -> Vec<usize> {
        let keys = self.objects.get(&id).map(|o| o.keys.to_vec()).unwrap_or_default();
        keys.into_iter().filter_map(|key| self.node_of(key)).filter(|n| self.honest(*n)).collect()
    }

    /// A dispute began, and so it ends.
    pub(super) fn expect_end(&mut self, id: B256) {
        let ledger = self.objects.get(&id).is_some_and(|o| o.ledger.is_some());
        let goal = if ledger { Goal::Life(id) } else { Goal::Outcome(id) };
        self.honest_parties(id).into_iter().for_each(|node| self.expect(node, goal));
    }

    /// A life ended with locks.
    pub(super) fn expect_settlement(&mut self, id: B256) {
        if self.record.lives.get(&id).is_some_and(|life| life.over && life.escrow > 0) {
            self.honest_parties(id).into_iter().for_each(|node| self.expect(node, Goal::Escrow(id)));
        }
    }

    /// A lock is there: it goes away, at the latest some time after the term.
    pub(super) fn expect_removal(&mut self, node: usize, link: B256, vc: B256) {
        if self.locked.insert((node, link, vc)) {
            self.expect(node, Goal::Lock { link, vc });
        }
    }

    pub(super) fn check_duties(&mut self) {
        if !self.strict {
            return;
        }
        let now = self.chain.time;
        while let Some(duty) = self.duties.pop(now) {
            if !self.honest(duty.node) || self.is_reached(&duty) {
                continue;
            }
            match self.due_at(&duty) {
                Some(at) if at < now => self.fault_late(&duty, at),
                // Looked at again then, and in between, since what it hangs on moves.
                Some(at) => self.duties.push(at.min(now + RECHECK_S), duty),
                None => {}
            }
        }
    }

    fn fault_late(&mut self, duty: &Duty, at: u64) {
        let late = format!("it was due at {at}, since {}", duty.since);
        let name = self.name(duty.node);
        let text = match duty.goal {
            Goal::Life(id) => format!("I9: {name} is not out of {id}: {late}"),
            Goal::Escrow(id) => format!("I9: locks of {id} are not paid to {name}: {late}"),
            Goal::Outcome(vc) => format!("I9: {vc} of {name} has no outcome: {late}"),
            Goal::Lock { link, vc } => format!("I9: {name} still has the lock of {vc} in {link}: {late}"),
        };
        self.fault(text);
    }

    fn is_reached(&self, duty: &Duty) -> bool {
        let over = |id: B256| self.record.lives.get(&id).is_none_or(|life| life.over);
        match duty.goal {
            // Whoever has not confirmed has nothing in it.
            Goal::Life(id) => over(id) || (!self.record.is_confirmed(id) && self.has_nothing_in(duty.node, id)),
            Goal::Escrow(id) => self.record.lives.get(&id).is_none_or(|life| !life.over || life.escrow == 0),
            Goal::Outcome(vc) => self.record.concluded(vc).is_some() || !self.needs_outcome(duty.node, vc),
            Goal::Lock { link, vc } => over(link) || !self.holds(duty.node, link, vc),
        }
    }

    fn has_nothing_in(&self, node: usize, id: B256) -> bool {
        let side = self.side_in(node, id);
        side.zip(self.record.lives.get(&id)).is_none_or(|(side, life)| life.deposits[side] == 0)
    }

    /// Some link of the node may still have to pay by it.
    fn needs_outcome(&self, node: usize, vc: B256) -> bool {
        let Some(params) = self.virtuals.get(&vc) else { return false };
        params.links.iter().any(|link| {
            let mine = self.objects.get(link).is_some_and(|o| o.side(self.key(node)).is_some());
            mine && self.may_hold(node, *link, vc)
        })
    }

    /// What the node accepted last holds the lock: its money is in it.
    fn holds(&self, node: usize, link: B256, vc: B256) -> bool {
        self.accepted_content(node, link).is_some_and(|content| content.holds(vc))
    }

    /// Some State that the chain could accept against the node holds the lock.
    fn may_hold(&self, node: usize, link: B256, vc: B256) -> bool {
        let settled = self.record.lives.get(&link).is_some_and(|l| l.settled.iter().any(|(v, _)| *v == vc));
        !settled && self.enforceable(node, link).into_iter().any(|content| content.holds(vc))
    }

    /// The last second at which it may still be missing; `None` if no bound says anything.
    fn due_at(&self, duty: &Duty) -> Option<u64> {
        let person = &self.people[duty.node];
        let m_safe = person.m_safe();
        let away = person.away_s.saturating_sub(duty.away_s);
        let back = if away > 0 { away + m_safe } else { 0 };
        // What a reorganisation takes is done again.
        let since = duty.since.max(self.chain.reorged_at);
        // A reorganisation may have taken the dispute away; who registers again gives a duty again.
        let runs = |id: B256| duty.wanted.is_some() || self.games.dispute(id).is_some();
        let at = match duty.goal {
            Goal::Life(id) | Goal::Outcome(id) if !runs(id) => return None,
            Goal::Life(id) => self.end_of_dispute(id, since)? + 3 * m_safe,
            Goal::Outcome(vc) => self.end_of_dispute(vc, since)? + 3 * m_safe,
            Goal::Escrow(id) => {
                let unsettled = self.escrowed_in(id);
                let decided = unsettled.into_iter().map(|vc| self.decided_at(vc, since, m_safe)).max()?;
                decided.max(since) + 3 * m_safe
            }
            Goal::Lock { link, vc } => {
                // Its peer is given the time that the policy names; then the link ends.
                let start = self.decided_at(vc, since, m_safe) + person.policy.patience;
                self.end_of_dispute(link, start)? + 3 * m_safe
            }
        };
        Some(at + back)
    }

    /// When a dispute can be concluded, if it was opened at `start` or runs already: C, and (2 + kMax)·w where it has nanocontracts.
    pub(super) fn end_of_dispute(&self, id: B256, start: u64) -> Option<u64> {
        let refute_end = self.games.dispute(id).map_or(start + self.challenge_of(id)?, |d| d.refute_end);
        let steps = match self.games.longest(id) {
            Some(k_max) => 2 + k_max,
            None => u64::from(self.may_have_nanos(id)),
        };
        Some(refute_end + steps * self.window_of(id))
    }

    fn challenge_of(&self, id: B256) -> Option<u64> {
        let ledger = self.record.challenge(id);
        ledger.or_else(|| self.virtuals.get(&id).map(|p| p.challenge.into()))
    }

    /// Some State of it ever had nanocontracts.
    pub(super) fn may_have_nanos(&self, id: B256) -> bool {
        self.with_nanos.contains(&id)
    }

    /// When everybody can know how a virtual channel ends, seconds.
    fn decided_at(&self, vc: B256, now: u64, m_safe: u64) -> u64 {
        if let Some(at) = self.record.concluded_at(vc) {
            return at;
        }
        let t_exp = self.virtuals.get(&vc).map(|p| p.t_exp).unwrap_or_default();
        if self.games.dispute(vc).is_none() {
            return t_exp.max(now);
        }
        // Whoever needs it concludes it.
        self.end_of_dispute(vc, now).unwrap_or(t_exp) + m_safe
    }

    /// The locks that the chain holds of a life and has not paid.
    pub(super) fn escrowed_in(&self, id: B256) -> Vec<B256> {
        let (Some(life), Some(object)) = (self.record.lives.get(&id), self.objects.get(&id)) else { return Vec::new() };
        let contents = object.versions.values().rev().flatten();
        let mut ended = contents.filter(|c| tree::root(c.locks()) == life.lock_root);
        let locks = ended.next().map(|c| c.locks().to_vec()).unwrap_or_default();
        let open = locks.into_iter().map(|l| l.vc).filter(|vc| !life.settled.iter().any(|(v, _)| v == vc));
        open.filter(|vc| self.virtuals.get(vc).and_then(|p| lock_of(p, *vc, id, object.keys)).is_some()).collect()
    }
}

/// How often a duty is looked at before it is due, seconds.
const RECHECK_S: u64 = 20;
