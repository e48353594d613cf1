//! Deposits that change while a channel is open, and what owners sign for openings (protocol 0.3): what nobody honest does.

use super::Auditor;
use crate::notebook::Line;
use alloy_primitives::B256;
use perunika_core::message::{LinkOp, Message};
use perunika_core::params::{ChannelParams, Side};
use perunika_core::signed::{Adjust, Eip712, OpenAuth};
use std::collections::{BTreeMap, BTreeSet};

/// Less than this part of what counts may wait.
const LITTLE: u128 = 1_000;

/// What is known of withdrawals and openings.
#[derive(Debug, Default)]
pub(super) struct Deposits {
    /// Every Adjust that a node signed, or sent.
    adjusts: BTreeMap<(usize, B256), Vec<Signed>>,
    /// Versions that both signed and that count less, by channel.
    uncounts: BTreeMap<B256, Vec<Uncount>>,
    /// Deposits that a node was offered, by life.
    offers: BTreeSet<(usize, B256, [u128; 2])>,
}

/// An Adjust of a node.
#[derive(Clone, Copy, Debug)]
struct Signed {
    adjust: Adjust,
    /// The most that a State which could be enforced then counted of that side.
    most: u128,
    /// When the signature was made; none if it sent the call and signed nothing.
    line: Option<Line>,
}

/// A State that both signed to count less.
#[derive(Clone, Copy, Debug)]
struct Uncount {
    ver: u64,
    side: Side,
    most: u128,
    seq: u16,
    not_after: u64,
}

impl Auditor {
    /// An offer reached a node, or left it.
    pub(super) fn offered(&mut self, node: usize, message: &Message) {
        if let Message::ChannelOffer { params, nonce, dep_a, dep_b } = message {
            self.deposits.offers.insert((node, params.id(&self.domain, *nonce), [*dep_a, *dep_b]));
        }
    }

    /// A node asks its owner to sign.
    pub(super) fn asked(&mut self, node: usize, params: &ChannelParams, terms: OpenAuth) {
        if !self.honest(node) {
            return;
        }
        let offered = self.deposits.offers.contains(&(node, terms.id, [terms.dep_a, terms.dep_b]));
        let mine = [params.a, params.b].iter().any(|p| p.key == self.key(node) && p.owner == self.people[node].owner);
        if !offered || !mine {
            let text = format!("0.3: {} has its owner sign for {}, which nobody offered", self.name(node), terms.id);
            self.fault(text);
        }
    }

    /// A node signed an Adjust, or sends one.
    pub(super) fn adjusts(&mut self, node: usize, adjust: Adjust) {
        let known = self.deposits.adjusts.entry((node, adjust.id)).or_default();
        if !self.strict || !self.people[node].honest || known.iter().any(|s| s.adjust == adjust) {
            return;
        }
        let before = known.clone();
        if before.iter().any(|s| !self.is_over(adjust.id, s.adjust.seq, s.adjust.not_after)) {
            let text = format!("0.3: {} signed a second Adjust of {}", self.name(node), adjust.id);
            self.fault(text);
        }
        let side = usize::from(adjust.side != 0);
        let most = self.most_counted(node, adjust.id, side);
        let there = self.record.lives.get(&adjust.id).map_or(0, |life| life.deposits[side]);
        // After a crash it is told again, perhaps when it was paid already.
        let fresh = !self.is_over(adjust.id, adjust.seq, adjust.not_after);
        if fresh && most.saturating_add(adjust.amount) > there && !self.is_paid(&adjust) {
            let name = self.name(node);
            let text =
                format!("0.3: {name} signed an Adjust of {} in {}: {most} of {there} counts", adjust.amount, adjust.id);
            self.fault(text);
        }
        let line = self.proofs.line(adjust.struct_hash(), self.key(node));
        self.deposits.adjusts.entry((node, adjust.id)).or_default().push(Signed { adjust, most, line });
    }

    /// The most that a State counts which could be enforced against a node. Where only the node knows whether it took a pre-signature
    /// that came before its own half, it took it: else it would not sign what rests on that.
    fn most_counted(&self, node: usize, id: B256, side: usize) -> u128 {
        let Some(object) = self.objects.get(&id) else { return 0 };
        let known = self.knowledge.get(&(node, id));
        let above = known.into_iter().flat_map(|k| k.signed.range(k.cur + 1..));
        let pending = above.filter_map(|ver| object.signed_by(*ver, self.key(node)));
        let all = self.accepted_content(node, id).into_iter().chain(pending);
        all.map(|content| content.deposits[side]).max().unwrap_or_default()
    }

    /// The head shows it paid.
    fn is_paid(&self, adjust: &Adjust) -> bool {
        self.record.lives.get(&adjust.id).is_some_and(|life| life.seq_at(u64::MAX) > adjust.seq)
    }

    /// An Adjust was used, or cannot be used any more, as final blocks show it.
    fn is_over(&self, id: B256, seq: u16, not_after: u64) -> bool {
        let height = self.chain.final_height;
        let Some(life) = self.record.lives.get(&id) else { return true };
        life.over || life.seq_at(height) > seq || self.chain.time_of(height) > not_after
    }

    /// Both signed a version: it may count less.
    pub(super) fn note_uncount(&mut self, ch: B256, ver: u64) {
        for content in self.objects.get(&ch).and_then(|o| o.versions.get(&ver)).into_iter().flatten() {
            let Some(LinkOp::Uncount { side, seq, not_after, .. }) = content.uncount else { continue };
            let most = content.deposits[side.index()];
            let known = self.deposits.uncounts.entry(ch).or_default();
            if content.signers.len() == 2 && known.iter().all(|u| u.ver != ver) {
                known.push(Uncount { ver, side, most, seq, not_after });
            }
        }
    }

    /// Both parties are honest and at rest: what was deposited and is final counts, but for a little (protocol 0.3 top-up).
    pub(super) fn check_all_counted(&mut self, ch: B256) {
        let Some(object) = self.objects.get(&ch).filter(|o| o.ledger.is_some()) else { return };
        let Some(life) = self.record.lives.get(&ch) else { return };
        let known = object.keys.map(|key| self.node_of(key));
        let Some(content) = known[0].and_then(|node| self.accepted_content(node, ch)) else { return };
        let (counted, there) = (content.deposits, life.deposits);
        let withdrawing = self.deposits.uncounts.get(&ch).into_iter().flatten().copied();
        if { withdrawing }.any(|u| !self.is_over(ch, u.seq, u.not_after)) {
            return;
        }
        let sum = counted[0].saturating_add(counted[1]);
        let beyond = (0..2).any(|i| there[i].saturating_sub(counted[i]) > sum / LITTLE);
        // What has become final in this moment nobody has read yet.
        let read = self.chain.final_height.saturating_sub(2);
        if beyond && life.most_until(read) != life.most_until(u64::MAX) {
            return self.stir(ch); // not for good yet
        }
        if beyond {
            self.fault(format!("0.3: {there:?} are in {ch}, and only {counted:?} count"));
        }
    }

    /// A node signed a version: what it counts is there, for good, and is not about to be paid out.
    pub(super) fn check_counted(&mut self, node: usize, ch: B256, ver: u64) {
        if !self.strict {
            return;
        }
        let key = self.key(node);
        let Some(object) = self.objects.get(&ch).filter(|o| o.ledger.is_some()) else { return };
        let Some(counted) = object.signed_by(ver, key).map(|content| content.deposits) else { return };
        let Some(life) = self.record.lives.get(&ch) else { return };
        let most = life.most_until(self.chain.final_height);
        if counted[0] > most[0] || counted[1] > most[1] {
            let text =
                format!("0.3: {} signed that {counted:?} count in {ch}, of which {most:?} are final", self.name(node));
            self.fault(text);
        }
        let line = self.line_of(node, ch, ver);
        let behind = |other: Option<Line>| line.zip(other).is_none_or(|(line, other)| line.first > other.first);
        let signed = self.deposits.adjusts.get(&(node, ch)).into_iter().flatten().copied();
        let capped = signed.filter(|s| behind(s.line) && !self.is_over(ch, s.adjust.seq, s.adjust.not_after));
        let capped = capped.filter(|s| counted[usize::from(s.adjust.side != 0)] > s.most).count();
        let cur = self.knowledge.get(&(node, ch)).map_or(0, |known| known.cur);
        // A countersignature that came for a version below cur changed nothing (1.4(2)): cur counts as before then.
        let newest = self.accepted_content(node, ch).map_or([0, 0], |content| content.deposits);
        let took = |u: &Uncount| u.ver <= cur && newest[u.side.index()] <= u.most;
        let agreed = self.deposits.uncounts.get(&ch).into_iter().flatten().copied();
        let agreed = agreed.filter(|u| u.ver < ver && took(u) && !self.is_over(ch, u.seq, u.not_after));
        let agreed = agreed.filter(|u| counted[u.side.index()] > u.most).count();
        if capped + agreed > 0 && self.is_fresh(node, ch, ver) {
            let text = format!("0.3: {} signed that {counted:?} count in {ch}: some may be paid out", self.name(node));
            self.fault(text);
        }
    }
}
