//! What an honest node never signs, and never says too early (P7, I5, I6, 1.4(12), 2.3).

use super::contents::Outcome;
use super::{Auditor, lock_of};
use crate::notebook::Line;
use alloy_primitives::B256;
use perunika_core::chain::Call;
use perunika_core::sig::Signature;
use perunika_core::signed::{Eip712, Final};

/// By how much the clock of a node may differ from the auditor's, seconds.
pub(super) const CLOCK_S: u64 = 3;
/// Signatures that are sent later than this after they were made are told again, ms.
pub(super) const FRESH_MS: u64 = 200;

impl Auditor {
    /// P7: never two contents with one version. Signatures are deterministic, so two contents are two signatures.
    pub(super) fn is_new_signature(&mut self, from: usize, ch: B256, ver: u64, sig: &Signature) -> bool {
        let old = self.signatures.insert((self.key(from), ch, ver), *sig);
        if old.is_some_and(|old| old != *sig) && self.honest(from) {
            let text = format!("P7: {} signed two contents of {ch} with version {ver}", self.name(from));
            self.fault(text);
        }
        old != Some(*sig)
    }

    /// P7: versions rise in the order in which they were signed, over crashes and restarts.
    pub(super) fn check_order(&mut self, node: usize, ch: B256, ver: u64) {
        let key = self.key(node);
        let Some(object) = self.objects.get(&ch) else { return };
        let signed = &self.knowledge.entry((node, ch)).or_default().signed;
        let line = |ver: &u64| self.proofs.line(object.signed_by(*ver, key)?.hash(ch), key);
        let Some(mine) = line(&ver) else { return };
        let below = signed.range(..ver).next_back().filter(|v| line(v).is_some_and(|l| l.last > mine.first));
        let above = signed.range(ver + 1..).next().filter(|v| line(v).is_some_and(|l| l.first < mine.last));
        if let Some(other) = below.or(above) {
            let (low, high) = (ver.min(*other), ver.max(*other));
            let text = format!("P7: {} signed version {low} of {ch} after version {high}", self.name(node));
            self.fault(text);
        }
    }

    pub(super) fn sent_final(&mut self, from: usize, vc: B256, out_a: u128, sigs: &[(u8, Signature)]) {
        self.note_finals(from, vc, out_a, sigs);
        let Some(index) = self.position(from, vc).filter(|_| self.honest(from)) else { return };
        if sigs.iter().all(|(i, _)| usize::from(*i) != index) {
            return;
        }
        if self.abandoned.contains(&(from, vc)) {
            self.fault(format!("2.3 abort: {} signed a Final of {vc}, which it had abandoned", self.name(from)));
        }
        let old = self.finals.insert((from, vc), out_a);
        if old.is_some_and(|old| old != out_a) {
            let text = format!("I6: {} signed two Finals of {vc}", self.name(from));
            self.fault(text);
        }
        let last = self.virtuals[&vc].path.len() - 1;
        if old.is_none() && (index == 0 || index == last) {
            self.check_final(from, vc, out_a);
        }
        let known = self.certificates.get(&(from, vc, out_a)).cloned().unwrap_or_default();
        let hub = index > 0 && index < last;
        if old.is_none() && hub && !(known.contains(&0) && known.contains(&(last as u8))) {
            let text = format!("2.3 close: {} signed a Final without both ends' signatures", self.name(from));
            self.fault(text);
        }
        if old.is_none() && !self.revealed.contains_key(&(from, vc)) {
            let text = format!("2.3 close: {} signed a Final with its secret unrevealed", self.name(from));
            self.fault(text);
        }
    }

    pub(super) fn note_finals(&mut self, node: usize, vc: B256, out_a: u128, sigs: &[(u8, Signature)]) {
        let Some(params) = self.virtuals.get(&vc) else { return };
        let hash = Final { vc, out_a }.struct_hash();
        let set = self.certificates.entry((node, vc, out_a)).or_default();
        for (index, sig) in sigs.iter().filter(|(i, _)| usize::from(*i) < params.path.len()) {
            if !set.contains(index) && self.proofs.verifies(hash, params.path[usize::from(*index)], sig) {
                set.insert(*index);
            }
        }
    }

    /// I5: a secret leaves only over locks that are firm on every link of the node.
    pub(super) fn check_reveal(&mut self, node: usize, vc: B256) {
        let Some(index) = self.position(node, vc) else { return };
        let links = &self.virtuals[&vc].links;
        let mine: Vec<B256> = links[index.saturating_sub(1)..(index + 1).min(links.len())].to_vec();
        for link in mine {
            let holds = |ver: u64| {
                let object = self.objects.get(&link)?;
                let key = self.key(node);
                Some(object.signed_by(ver, key).is_some_and(|c| c.holds(vc)))
            };
            // What it signed below cur is void (1.4(2)): its proposal without the lock, say, which crossed the peer's late answer to
            // the one with it and an item on top of that. Who accepted the item durably can refute the proposal with it.
            let (top, pending) = match self.knowledge.get(&(node, link)) {
                Some(known) => (known.top, known.signed.range(known.cur + 1..).copied().collect()),
                None => (0, Vec::new()),
            };
            let accepted = self.accepted_content(node, link).is_some_and(|content| content.holds(vc));
            let firm = accepted && top > 0 && holds(top) == Some(true);
            if !firm || !pending.into_iter().all(|ver| holds(ver) == Some(true)) {
                let text = format!("I5: {} revealed its secret of {vc} over a lock that is not firm", self.name(node));
                self.fault(text);
            }
        }
    }

    pub(super) fn check_not_frozen(&mut self, node: usize, ch: B256, ver: u64) {
        if self.finals.contains_key(&(node, ch)) {
            let text = format!("1.4(12): {} signed version {ver} of {ch} after its Final", self.name(node));
            self.fault(text);
        }
        if self.abandoned.contains(&(node, ch)) {
            let text = format!("2.3 abort: {} signed version {ver} of {ch}, which it had abandoned", self.name(node));
            self.fault(text);
        }
    }

    /// An end that has signed no version and no Final: no outcome but the initial split is possible.
    fn signed_nothing(&self, node: usize, vc: B256) -> bool {
        let end = self.objects.get(&vc).is_some_and(|o| o.side(self.key(node)).is_some());
        let versions = self.knowledge.get(&(node, vc)).is_some_and(|known| !known.signed.is_empty());
        end && !versions && !self.finals.contains_key(&(node, vc))
    }

    /// A lock is removed only with a certificate, with a concluded record, after tExp, or at the start by whoever never
    /// reveals, or as an end never signs.
    pub(super) fn check_removals(&mut self, node: usize, ch: B256, ver: u64) {
        let key = self.key(node);
        let content = self.objects.get(&ch).and_then(|o| o.signed_by(ver, key));
        for (vc, outcome) in content.map(|c| c.removed.clone()).unwrap_or_default() {
            if !self.virtuals.contains_key(&vc) {
                continue;
            }
            let also = self.same_removal(ch, vc, outcome);
            let allowed = self.may_remove(node, (ch, ver), vc, outcome)
                || also.is_some_and(|outcome| self.may_remove(node, (ch, ver), vc, outcome));
            self.removed.insert((node, ch, vc));
            if !allowed {
                let text =
                    format!("2.3 close: {} removed the lock of {vc} at {outcome:?} without a right", self.name(node));
                self.fault(text);
            }
        }
    }

    /// An outcome that pays in this link what was put in gives the same State as a removal without one, and who signed it may have
    /// meant either.
    fn same_removal(&self, ch: B256, vc: B256, outcome: Outcome) -> Option<Outcome> {
        let lock = lock_of(self.virtuals.get(&vc)?, vc, ch, self.objects.get(&ch)?.keys)?;
        match outcome {
            None => Some(Some(lock.left)),
            Some(out_a) if out_a == lock.left => Some(None),
            Some(_) => None,
        }
    }

    fn may_remove(&mut self, node: usize, (ch, ver): (B256, u64), vc: B256, outcome: Outcome) -> bool {
        let Some(params) = self.virtuals.get(&vc) else { return false };
        let (people, t_exp) = (params.path.len(), params.t_exp);
        // Who sees the chain late, or says late what it signed before, went by another head.
        let now_seen = !self.people[node].lags && self.is_fresh(node, ch, ver);
        match outcome {
            Some(out_a) => {
                // Its own signature may have been lost in a crash on the way out.
                let known = self.certificates.get(&(node, vc, out_a)).cloned().unwrap_or_default();
                let mine = self.position(node, vc).filter(|i| !known.contains(&(*i as u8)));
                let certified = known.len() + usize::from(mine.is_some()) == people;
                let concluded = self.record.concluded(vc) == Some(out_a);
                let settled = self.chain.is_final_outcome(vc, self.depth);
                (certified && (!now_seen || self.is_early(node, vc))) || (concluded && (!now_seen || settled))
            }
            None => {
                let passed = if now_seen { self.final_time() } else { self.time() };
                let expired = passed > t_exp && !self.record.has(vc);
                let unsigned = self.signed_nothing(node, vc);
                if !expired && unsigned {
                    self.abandoned.insert((node, vc));
                }
                expired || !self.revealed.contains_key(&(node, vc)) || unsigned
            }
        }
    }

    /// With a certificate in hand there must be time to post it: before the end of the term, or of a dispute.
    fn is_early(&self, node: usize, vc: B256) -> bool {
        let deadline = match self.games.dispute(vc) {
            Some(dispute) => dispute.refute_end,
            None => self.virtuals.get(&vc).map(|p| p.t_exp).unwrap_or_default(),
        };
        let lead = self.time() + 2 * self.people[node].m_safe();
        self.record.concluded(vc).is_none() && lead <= deadline + CLOCK_S
    }

    /// It was signed just now, not before a crash.
    pub(super) fn is_fresh(&self, node: usize, ch: B256, ver: u64) -> bool {
        self.line_of(node, ch, ver).is_none_or(|line| line.at_ms + FRESH_MS >= self.now_ms)
    }

    /// When a node signed a version, said or not.
    pub(super) fn line_of(&self, node: usize, ch: B256, ver: u64) -> Option<Line> {
        let key = self.key(node);
        let content = self.objects.get(&ch).and_then(|o| o.signed_by(ver, key));
        self.proofs.line(content?.hash(ch), key)
    }

    /// States that an honest node sends to the chain are its signatures too (protocol 2.3: sending is signing).
    pub(super) fn called(&mut self, node: usize, call: &Call) {
        if let Call::Adjust { adjust, .. } = call
            && self.honest(node)
        {
            self.adjusts(node, *adjust);
        }
        if let Call::Register { state, .. } | Call::Refute { state, .. } = call
            && state.ver > 0
            && let Some(object) = self.objects.get(&state.ch)
        {
            let key = self.key(node);
            let other = object.signed_by(state.ver, key).is_some_and(|c| c.hash(state.ch) != state.struct_hash());
            if other && self.honest(node) {
                let text = format!("P7: {} registered another content of version {}", self.name(node), state.ver);
                self.fault(text);
            }
        }
    }
}
