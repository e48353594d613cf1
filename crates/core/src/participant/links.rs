//! Entries of a channel, that is locks of virtual channels in a link and nanocontracts: pre-signatures while it is quiet,
//! proposals by party A where they do not match (protocol 2.3 lock, 1.4(11)).

use super::Participant;
use crate::body::{Body, Change};
use crate::ledger::Life;
use crate::log::{OwnKind, Refused};
use crate::message::{LinkOp, Message, Removal};
use crate::mutant::guard;
use crate::params::Side;
use crate::sig::Signature;
use crate::signed::Lock;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloy_primitives::{Address, B256};

/// Most signatures of proposals that may be unanswered on a link.
const MAX_PROPOSALS: usize = 32;

/// A level-1 proposal as it came in.
pub(super) struct Proposal {
    pub(super) ch: B256,
    pub(super) ver: u64,
    pub(super) base: B256,
    pub(super) ops: Vec<LinkOp>,
    pub(super) sig: Signature,
}

impl Participant {
    /// Moves the locks of a link towards what its virtual channels want.
    pub(super) fn pump_link(&mut self, id: B256) {
        if self.acceptable(id).is_err() || !self.is_started(id) {
            return;
        }
        let wanted = self.wanted_ops(id);
        let Some(book) = self.book(id) else { return };
        let (log, presigned) = (&book.log, book.updates.presign.is_some());
        let idle = log.own().is_empty();
        if wanted.is_empty() && !presigned && (idle || log.only_items()) {
            return;
        }
        let only_items = log.only_items();
        if !idle && only_items && self.answer_presign(id, &wanted) {
            return;
        }
        if !idle {
            return self.pump_outstanding(id, &wanted);
        }
        if !self.countersign(id) {
            return;
        }
        if let Some(updates) = self.updates(id) {
            updates.retry_ms = 0;
        }
        if self.answer_presign(id, &wanted) {
            return;
        }
        let proposes = self.book(id).is_some_and(|b| b.log.me == Side::A);
        if (proposes && wanted.len() > 1) || self.peer_streams(id) {
            self.propose(id, &wanted);
        } else if let Some(op) = wanted.first() {
            self.presign(id, *op);
        }
    }

    /// A virtual channel has no entries before its version 1 is signed by both.
    fn is_started(&self, id: B256) -> bool {
        self.ledgers.contains_key(&id) || self.book(id).is_some_and(|b| b.log.top().body.ver > 0)
    }

    /// A pre-signature now would run into the next item of the peer's stream.
    fn peer_streams(&self, id: B256) -> bool {
        let recently = |ms: u64| ms + self.policy().resend_ms > self.env.now_ms;
        self.book(id).and_then(|b| b.updates.item_ms).is_some_and(recently)
    }

    /// A signature of mine is unanswered: it stands unless it can no longer be what both want.
    fn pump_outstanding(&mut self, id: B256, wanted: &[LinkOp]) {
        let Some(book) = self.book(id) else { return };
        if let Some(item) = book.log.own().iter().rfind(|o| o.is_item()) {
            let ver = item.body.ver;
            if !wanted.is_empty() && book.updates.flushed != ver {
                if let Some(updates) = self.updates(id) {
                    updates.flushed = ver;
                }
                self.ask_last_countersignature(id);
            }
            return;
        }
        let unanswered = book.log.own().len();
        if book.updates.retry_ms > self.env.now_ms || unanswered >= 2 * MAX_PROPOSALS {
            return;
        }
        // Too many: the next one only voids them.
        let wanted = if unanswered >= MAX_PROPOSALS { &[] } else { wanted };
        let mismatch = (book.log.me == Side::A && book.updates.mismatch) || book.updates.break_in;
        if mismatch || !self.outstanding_is(id, wanted) {
            self.propose(id, wanted);
        }
    }

    /// Whether my newest outstanding proposal changes nothing that is no longer wanted.
    fn outstanding_is(&self, id: B256, wanted: &[LinkOp]) -> bool {
        let Some(log) = self.book(id).map(|b| &b.log) else { return true };
        let Some(own) = log.own().last() else { return true };
        let base = &log.cur().body;
        if matches!(&own.kind, OwnKind::Propose { base: old, .. } if *old != base.hash()) {
            return false;
        }
        let added = own.body.locks.iter().filter(|l| base.lock(l.vc).is_none());
        let removed = base.locks.iter().filter(|l| own.body.lock(l.vc).is_none());
        let adds_fine = added.into_iter().all(|l| wanted.iter().any(|op| op.added() == Some(l.vc)));
        let removes_fine =
            removed.into_iter().all(|l| wanted.iter().any(|op| op.removed().is_some_and(|(vc, _)| vc == l.vc)));
        let counted = own.body.deposits();
        let deposits_fine = counted == base.deposits()
            || wanted.iter().any(|op| self.counted_by(op, base.deposits()).is_ok_and(|by| by == counted));
        adds_fine && removes_fine && deposits_fine && self.nanos_are(&own.body, base, wanted)
    }

    /// What the virtual channels over this link need, and what may be signed now.
    pub(super) fn wanted_ops(&self, id: B256) -> Vec<LinkOp> {
        if self.ledgers.get(&id).is_some_and(|l| l.life != Life::Open) {
            return Vec::new();
        }
        let Some(book) = self.book(id) else { return Vec::new() };
        let now_ms = self.env.now_ms;
        let cool =
            |op: &LinkOp| book.updates.cool.get(&op.subject()).is_some_and(|(o, until)| o == op && *until > now_ms);
        // An object that is being closed still lets go of nanocontracts, and of nothing else.
        let drains = self.updatable(id).is_err();
        if let Some(op) = self.wanted_deposits(id).filter(|op| !drains && !cool(op)) {
            return Vec::from([op]); // alone in its version
        }
        let locks = self.index.over(id).filter_map(|vc| self.wanted_op(id, vc)).filter(|_| !drains);
        let nanos = self.wanted_nano_ops(id).into_iter().filter(|op| !drains || matches!(op, LinkOp::CloseNano { .. }));
        locks.chain(nanos).filter(|op| !cool(op)).collect()
    }

    fn wanted_op(&self, id: B256, vc: B256) -> Option<LinkOp> {
        let ledger = self.ledgers.get(&id)?;
        let body = &ledger.book.log.cur().body;
        if body.lock(vc).is_none() {
            let wanted = self.may_lock(vc) && !self.awaits_predecessor(body, vc);
            return wanted.then_some(LinkOp::Add { vc });
        }
        let how = self.removal_for(vc)?;
        let plain = LinkOp::Remove { vc, how };
        if !self.holds_back(vc) {
            return Some(plain);
        }
        // Where the peer refuses the exchange, removal and lock go their ways one by one.
        let refused = |op: &LinkOp| ledger.book.updates.cool.get(&vc).is_some_and(|(o, _)| o == op);
        self.renewal_op(id, vc, how).map(|op| if refused(&op) { plain } else { op })
    }

    /// Whether this participant signs a change if the peer wants it, also where it would rather wait or do another one.
    fn agrees(&self, id: B256, op: &LinkOp) -> bool {
        let Some(book) = self.book(id) else { return false };
        let locked = |vc: B256| book.log.cur().body.lock(vc).is_some();
        let over = |vc: B256| self.virtuals.get(&vc).is_some_and(|v| !v.done && v.my_links().any(|(_, l)| l == id));
        match op {
            LinkOp::Add { vc } => over(*vc) && !locked(*vc) && guard!("2.3-lock-checked", self.may_lock(*vc)),
            LinkOp::Remove { vc, how } => {
                over(*vc) && locked(*vc) && guard!("2.3-removal-split", self.removal_for(*vc) == Some(*how))
            }
            LinkOp::Renew { vc, out_a, .. } => {
                over(*vc) && locked(*vc) && self.renewal_op(id, *vc, Removal::Outcome(*out_a)) == Some(*op)
            }
            LinkOp::OpenNano { .. } => self.updatable(id).is_ok() && self.agrees_nano(id, op),
            LinkOp::CloseNano { .. } => self.agrees_nano(id, op),
            LinkOp::Count { .. } | LinkOp::Uncount { .. } => self.updatable(id).is_ok() && self.agrees_deposits(id, op),
        }
    }

    fn change_for(&self, id: B256, ver: u64, ops: &[LinkOp]) -> Result<Change, String> {
        if let Some(op) = ops.iter().find(|op| op.is_about_deposits()) {
            let counted = self.ledgers.get(&id).ok_or("no such channel")?.book.log.cur().body.deposits();
            let alone = guard!("0.3-deposits-alone", ops.len() == 1);
            return if alone { self.counted_by(op, counted).map(Change::Deposits) } else { Err("not alone".into()) };
        }
        let (mut remove, mut add) = (Vec::new(), Vec::new());
        for op in ops {
            if let Some(vc) = op.added() {
                add.push(self.lock_of(id, vc)?);
            }
            if let Some((vc, how)) = op.removed() {
                let lock = self.lock_of(id, vc)?;
                let value = lock.left.checked_add(lock.right).ok_or("an amount is out of range")?;
                let to_left = match how {
                    Removal::Initial => lock.left,
                    Removal::Outcome(out_a) => out_a.min(value),
                };
                remove.push((vc, if lock.left_is_a { to_left } else { value - to_left }));
            }
        }
        let (close, open) = self.nano_changes(id, ver, ops)?;
        Ok(Change::Entries { remove, add, close, open })
    }

    /// The lock of a virtual channel in one of my links, as its parameters say.
    fn lock_of(&self, id: B256, vc: B256) -> Result<Lock, String> {
        let ledger = self.ledgers.get(&id).ok_or("no such channel")?;
        let virt = self.virtuals.get(&vc).ok_or("an unknown virtual channel")?;
        let (link, _) = virt.my_links().find(|(_, l)| *l == ledger.id).ok_or("another link")?;
        let left_is_a = ledger.params.a.key == virt.params.path[link];
        Ok(virt.params.lock(vc, link, left_is_a).ok_or("an amount is out of range")?)
    }

    fn derive(&self, id: B256, ver: u64, ops: &[LinkOp]) -> Result<Body, String> {
        let change = self.change_for(id, ver, ops)?;
        let book = self.book(id).ok_or("no such channel")?;
        book.log.cur().body.with(ver, &change).map_err(|invalid| invalid.to_string())
    }

    fn presign(&mut self, id: B256, op: LinkOp) {
        let (Some(log), Some(peer)) = (self.book(id).map(|b| &b.log), self.peer_of(id)) else { return };
        let (ver, me) = (log.presign_version(Side::A), log.me);
        if ver <= log.my_high() {
            if me == Side::A {
                self.propose(id, &[op]);
            }
            return;
        }
        let body = match self.derive(id, ver, &[op]) {
            Ok(body) => body,
            Err(reason) => return self.give_up_op(id, op, &reason),
        };
        let Ok(sig) = self.signer.sign_state(&body) else { return };
        if let Some(book) = self.book_mut(id) {
            book.log.signed(body, sig, OwnKind::Presign(op));
        }
        self.send(peer, Message::Presign { ch: id, ver, op, sig });
    }

    /// Completes a pre-signature of the peer that is what this side wants too.
    fn answer_presign(&mut self, id: B256, wanted: &[LinkOp]) -> bool {
        let (Some(book), Some(peer)) = (self.book(id), self.peer_of(id)) else { return false };
        let Some((ver, op, sig)) = book.updates.presign else { return false };
        let log = &book.log;
        let mine = wanted.contains(&op) || self.agrees(id, &op);
        let fits = ver == log.presign_version(Side::A) && ver > log.my_high();
        if !guard!("1.4.2-presign-version", fits) || !mine {
            return false;
        }
        let Ok(body) = self.derive(id, ver, &[op]) else { return false };
        if !guard!("1.4.2-presign-signature", sig.verifies(body.digest(&self.config.domain), peer)) {
            return false;
        }
        let Ok(mine) = self.signer.sign_state(&body) else { return false };
        self.adopt_peer_state(id, body, sig, mine);
        self.note_uncounted(id, ver, &[op]);
        self.send(peer, Message::Presign { ch: id, ver, op, sig: mine });
        true
    }

    fn adopt_peer_state(&mut self, id: B256, body: Body, theirs: Signature, mine: Signature) {
        let Some(book) = self.book_mut(id) else { return };
        let base = book.log.cur().body.ver;
        book.log.accept_proposal(body, theirs, mine);
        let applied = book.voided_above(base);
        self.applied(id, base, applied);
        if let Some(updates) = self.updates(id) {
            updates.presign = None;
            updates.mismatch = false;
            updates.break_in = false;
        }
    }

    fn propose(&mut self, id: B256, ops: &[LinkOp]) {
        let (Some(log), Some(peer)) = (self.book(id).map(|b| &b.log), self.peer_of(id)) else { return };
        let (ver, base) = (log.proposal_version(), log.cur().body.hash());
        let ops = &self.feasible(id, ver, ops);
        if ops.is_empty() && self.book(id).is_some_and(|b| b.log.own().is_empty()) {
            return;
        }
        let Ok(body) = self.derive(id, ver, ops) else { return };
        let Ok(sig) = self.signer.sign_state(&body) else { return };
        if let Some(book) = self.book_mut(id) {
            book.log.signed(body, sig, OwnKind::Propose { base, ops: ops.to_vec() });
        }
        let retry_ms = self.env.now_ms + self.policy().resend_ms;
        if let Some(updates) = self.updates(id) {
            updates.mismatch = false;
            updates.break_in = false;
            updates.retry_ms = retry_ms;
        }
        self.send(peer, Message::Propose { ch: id, ver, base, ops: ops.to_vec(), sig });
    }

    /// The changes that are possible together, in their order; what does not fit is given up.
    fn feasible(&mut self, id: B256, ver: u64, ops: &[LinkOp]) -> Vec<LinkOp> {
        if self.derive(id, ver, ops).is_ok() {
            return ops.to_vec();
        }
        let mut kept = Vec::with_capacity(ops.len());
        for op in ops {
            kept.push(*op);
            if let Err(reason) = self.derive(id, ver, &kept) {
                kept.pop();
                self.give_up_op(id, *op, &reason);
            }
        }
        kept
    }

    /// A lock that cannot be added here (no capacity any more) ends the creation, if the secret is still unrevealed.
    fn give_up_op(&mut self, id: B256, op: LinkOp, reason: &str) {
        if let Some(vc) = op.added() {
            self.abort(vc, reason);
        }
        if let LinkOp::OpenNano { nid } = op {
            self.give_up_nano(id, nid, reason);
        }
        if let LinkOp::Uncount { .. } = op {
            self.give_up_withdrawal(id);
        }
    }

    pub(super) fn on_presign(&mut self, from: Address, ch: B256, ver: u64, op: LinkOp, sig: Signature) {
        let domain = self.config.domain;
        if self.peer_of(ch) != Some(from) {
            return;
        }
        let Some(log) = self.book(ch).map(|b| &b.log) else { return };
        let top = log.top();
        if top.body.ver == ver {
            let mine = top.sigs[log.me.index()];
            if let Some(sig) = mine {
                self.send(from, Message::Accept { ch, ver, sig });
            }
            return;
        }
        if let Some(own) = log.own().iter().find(|o| o.body.ver == ver) {
            if sig.verifies(own.body.digest(&domain), from) {
                return self.on_accept(from, ch, ver, sig);
            }
            if own.is_item() {
                // Of the same pre-signature a second time nothing is heard but that it is there.
                if log.own().last().is_some_and(|last| last.body.ver == ver) {
                    self.reissue_item(ch);
                }
            } else if let Some(updates) = self.updates(ch) {
                updates.mismatch = true;
            }
        }
        if ver < self.book(ch).map_or(0, |b| b.log.cur().body.ver) {
            return self.show_newest(from, ch);
        }
        self.agree_to_early_removal(ch, op);
        let early = matches!(op, LinkOp::Remove { how: Removal::Initial, .. });
        if early && self.wanted_op(ch, op.subject()) != Some(op) {
            let (refused, reason) = (Vec::from([op.subject()]), String::from("the activation secret is out"));
            return self.send(from, Message::Refuse { ch, ver, refused, reason });
        }
        if matches!(op, LinkOp::CloseNano { .. }) && !self.agrees(ch, &op) {
            self.tell_close_wish(ch, &op);
            let (refused, reason) = (Vec::from([op.subject()]), String::from("not closed at this version, not now"));
            return self.send(from, Message::Refuse { ch, ver, refused, reason });
        }
        if op.is_about_deposits() && !self.agrees(ch, &op) {
            let (refused, reason) =
                (Vec::from([op.subject()]), String::from("these deposits are not to be counted now"));
            return self.send(from, Message::Refuse { ch, ver, refused, reason });
        }
        if let Some(updates) = self.updates(ch) {
            updates.cool.remove(&op.subject());
            updates.presign = Some((ver, op, sig));
        }
    }

    /// The peer is behind: my countersignature on the newest co-signed version brings it forward.
    pub(super) fn show_newest(&mut self, to: Address, ch: B256) {
        let Some(book) = self.book(ch) else { return };
        let top = book.log.top();
        if let Some(sig) = top.sigs[book.log.me.index()] {
            let message = Message::Accept { ch, ver: top.body.ver, sig };
            self.send(to, message);
        }
    }

    /// While my secret is unrevealed I can let go of the channel at its initial split whenever the peer wants to.
    fn agree_to_early_removal(&mut self, ch: B256, op: LinkOp) {
        let mine = self.virtuals.get(&op.subject()).is_some_and(|v| v.my_links().any(|(_, link)| link == ch));
        if let LinkOp::Remove { vc, how: Removal::Initial } = op
            && mine
        {
            self.abort(vc, "the neighbour gave it up");
        }
    }

    pub(super) fn on_propose(&mut self, from: Address, proposal: Proposal) {
        let Proposal { ch, ver, .. } = proposal;
        if self.peer_of(ch) != Some(from) || !self.is_started(ch) {
            return self.refuse(from, ch, ver, "no such channel");
        }
        if let Err(fault) = self.acceptable(ch) {
            let pay_fault = alloc::format!("{fault:?}");
            return self.refuse(from, ch, ver, pay_fault);
        }
        let known = self.book(ch).is_some_and(|b| b.log.top().body.ver >= ver);
        if known {
            return self.show_newest(from, ch);
        }
        for op in &proposal.ops {
            self.agree_to_early_removal(ch, *op);
        }
        let unwilling: Vec<B256> = proposal.ops.iter().filter(|op| !self.agrees(ch, op)).map(LinkOp::subject).collect();
        for op in proposal.ops.iter().filter(|op| unwilling.contains(&op.subject())) {
            self.tell_close_wish(ch, op);
        }
        if !unwilling.is_empty() {
            let reason = String::from("not these entries, not now");
            return self.send(from, Message::Refuse { ch, ver, refused: unwilling, reason });
        }
        self.accept_propose(from, &proposal);
    }

    fn accept_propose(&mut self, from: Address, proposal: &Proposal) {
        let Proposal { ch, ver, base, ops, sig } = proposal;
        let domain = self.config.domain;
        let change = match self.change_for(*ch, *ver, ops) {
            Ok(change) => change,
            Err(reason) => return self.refuse(from, *ch, *ver, reason),
        };
        let Some(book) = self.book(*ch) else { return };
        let verify = |body: &Body, sig: &Signature| sig.verifies(body.digest(&domain), from);
        match book.log.check_proposal(*base, *ver, &change, sig, verify) {
            Ok(body) => {
                let Ok(mine) = self.signer.sign_state(&body) else { return };
                self.adopt_peer_state(*ch, body, *sig, mine);
                self.note_uncounted(*ch, *ver, ops);
                self.send(from, Message::Accept { ch: *ch, ver: *ver, sig: mine });
            }
            Err(Refused::BadSignature) => self.misbehaved(from, "a proposal with a signature that does not fit"),
            Err(why) => {
                self.show_newest(from, *ch);
                self.refuse(from, *ch, *ver, why);
            }
        }
    }

    pub(super) fn on_refuse(&mut self, from: Address, ch: B256, ver: u64, refused: &[B256], reason: String) {
        self.opening_refused(from, ch, &reason);
        self.sponsor_refused(from, ch, &reason);
        let asked = |l: &crate::ledger::Ledger| l.peer() == from && l.link.asked_close && l.closing.is_none();
        if ver == 0 && self.ledgers.get(&ch).is_some_and(asked) {
            return self.call_off_close(ch, &alloc::format!("the peer does not close: {reason}"));
        }
        if self.peer_of(ch) != Some(from) {
            return;
        }
        let Some(book) = self.book(ch) else { return };
        let Some(own) = book.log.own().iter().find(|o| o.body.ver == ver && !o.is_item()) else { return };
        let ops = own.ops();
        let cooled: Vec<(LinkOp, u64)> =
            ops.into_iter().filter(|op| refused.contains(&op.subject())).map(|op| (op, self.cool_until(op))).collect();
        let unclosed: Vec<B256> = cooled
            .iter()
            .filter(|(op, _)| matches!(op, LinkOp::CloseNano { .. }))
            .map(|(op, _)| op.subject())
            .collect();
        for nid in unclosed {
            self.close_refused(ch, nid, &reason);
        }
        let now = self.env.now_ms;
        let Some(updates) = self.updates(ch) else { return };
        updates.cool.retain(|_, (_, until)| *until > now);
        updates.cool.extend(cooled.into_iter().map(|(op, until)| (op.subject(), (op, until))));
        updates.mismatch = true;
    }

    /// A peer that revealed its secret may not remove the lock at its initial split before the channel expired.
    fn cool_until(&self, op: LinkOp) -> u64 {
        let soon = self.env.now_ms + self.policy().resend_ms;
        match (op, self.virtuals.get(&op.subject())) {
            (LinkOp::Remove { how: Removal::Initial, .. }, Some(virt)) => {
                soon + virt.params.t_exp.saturating_sub(self.now()).saturating_mul(1_000)
            }
            // The peer sees later blocks as final later: payments go on meanwhile.
            (LinkOp::Count { .. } | LinkOp::Uncount { .. }, _) => self.env.now_ms + 5 * self.policy().resend_ms,
            _ => soon,
        }
    }
}
