//! Payments: stream items, their acknowledgement and countersignature (protocol 1.4(10)).

use super::spending::Spend;
use super::{Participant, refused};
use crate::body::Body;
use crate::book::{Book, Pending, UpdateMemory, Wish};
use crate::chain::{LedgerView, RecordView};
use crate::io::{Fault, Reply};
use crate::ledger::Life;
use crate::log::{Accepted, MAX_ITEMS, OwnKind, Refused};
use crate::message::{Message, Note};
use crate::mutant::guard;
use crate::params::Side;
use crate::sig::Signature;
use crate::signed::{Amount, MAX_REFERENCE};
use crate::signer::Refusal;
use alloc::vec::Vec;
use alloy_primitives::{Address, B256};

/// A stream item as it came in.
#[derive(Clone)]
pub(super) struct Item {
    pub(super) ch: B256,
    pub(super) ver: u64,
    pub(super) base: u64,
    pub(super) def_a: Amount,
    pub(super) sig: Signature,
    pub(super) cosign: bool,
    pub(super) note: Option<Note>,
}

/// A payment as the application wishes it.
pub(super) struct Payment {
    pub(super) amount: Amount,
    pub(super) cosign: bool,
    pub(super) reference: Vec<u8>,
}

impl Participant {
    pub(super) fn pay(&mut self, tag: u64, ch: B256, payment: Payment) -> Result<(), Fault> {
        let Payment { amount, cosign, reference } = payment;
        if amount == 0 {
            return Err(Fault::Caller("a payment of zero is not a payment".into()));
        }
        if reference.len() > MAX_REFERENCE {
            return Err(Fault::Caller(alloc::format!("a reference has at most {MAX_REFERENCE} bytes")));
        }
        self.updatable(ch)?;
        let book = self.book(ch).ok_or_else(|| Fault::Caller("no such channel".into()))?;
        let waiting: Amount = book.queue.iter().map(|w| w.amount).sum();
        let available = book.log.newest().cash(book.log.me).unwrap_or_default().saturating_sub(waiting);
        if amount > available {
            let reason =
                alloc::format!("the payment of {amount} is more than the {available} that is left in the channel");
            return Err(Fault::Caller(reason));
        }
        if book.queue.len() >= MAX_ITEMS {
            return Err(Fault::Peer("too many payments wait for the peer".into()));
        }
        let peer = self.peer_of(ch).unwrap_or_default();
        let asset = self.asset_of(ch).unwrap_or_default();
        let charge = self.charge(Spend { peer, asset, amount }, None)?;
        if let Some(book) = self.book_mut(ch) {
            book.queue.push_back(Wish { tag, amount, cosign, reference, charge });
        }
        self.pump_queue(ch);
        Ok(())
    }

    /// Signs and sends the payments that wait, as far as the rules allow now.
    pub(super) fn pump_queue(&mut self, ch: B256) {
        while self.book(ch).is_some_and(|b| !b.queue.is_empty()) {
            if self.updatable(ch).is_err() || !self.wanted_ops(ch).is_empty() {
                return;
            }
            if !guard!("1.4.10-countersign-first", self.countersign(ch)) {
                return;
            }
            let Some(book) = self.book(ch) else { return };
            if !guard!("1.4.3-one-outstanding", book.log.only_items()) || book.waits_for_payee() {
                return;
            }
            if !guard!("1.4.10-window", book.log.items_ahead() < MAX_ITEMS) {
                return;
            }
            if book.unreceipted.is_some() && book.queue.front().is_some_and(|wish| !wish.reference.is_empty()) {
                return;
            }
            if !self.issue_item(ch) {
                return;
            }
        }
    }

    fn issue_item(&mut self, ch: B256) -> bool {
        let Some(book) = self.book(ch) else { return false };
        let Some(wish) = book.queue.front().cloned() else { return false };
        if wish.charge.is_some_and(|charge| self.signer.budget(charge.budget).is_none()) {
            self.drop_wish(ch, refused(Refusal::NoBudget));
            return true;
        }
        let newest = book.log.newest();
        let me = book.log.me;
        let ver = if book.log.own().is_empty() { book.log.proposal_version() } else { book.log.next_version(me) };
        let next = newest.after_payment(me, wish.amount).and_then(|change| newest.with(ver, &change));
        let next = match next {
            Ok(next) => next,
            Err(invalid) => {
                self.drop_wish(ch, Fault::Caller(alloc::format!("{invalid}")));
                return true;
            }
        };
        let base = book.log.cur().body.ver;
        match self.signer.sign_state(&next) {
            Ok(sig) => {
                self.release_item(ch, wish, base, next, sig);
                true
            }
            Err(refusal) => {
                self.drop_wish(ch, refused(refusal));
                true
            }
        }
    }

    fn release_item(&mut self, ch: B256, wish: Wish, base: u64, next: Body, sig: Signature) {
        let (ver, def_a) = (next.ver, next.def_a);
        let Some(peer) = self.peer_of(ch) else { return };
        if let Some(book) = self.book_mut(ch) {
            book.queue.pop_front();
            book.log.signed(next, sig, OwnKind::Item { base });
            book.payments += 1;
            book.pending.push(Pending { ver, wish: wish.clone() });
        }
        self.send(peer, Message::Item { ch, ver, base, def_a, sig, cosign: wish.cosign, note: wish.note() });
    }

    fn drop_wish(&mut self, ch: B256, fault: Fault) {
        let wish = self.book_mut(ch).and_then(|b| b.queue.pop_front());
        if let Some(wish) = wish {
            self.uncharge(ch, &wish);
            self.reply(wish.tag, Reply::Refused(fault));
        }
    }

    pub(super) fn on_item(&mut self, from: Address, item: Item) {
        if self.peer_of(item.ch) != Some(from) {
            return self.refuse(from, item.ch, item.ver, "no such channel");
        }
        if let Err(fault) = self.acceptable(item.ch) {
            return self.answer_unusable(from, item, &fault);
        }
        let domain = self.config.domain;
        let Some(book) = self.book_mut(item.ch) else { return };
        // An item may be built on a version of mine whose countersignature was lost: what I paid by it is no receipt. Of the version
        // there is the peer's word only, so that it means the newest one of mine up to there.
        let mine = book.log.own().iter().rev().map(|own| &own.body).find(|body| body.ver <= item.base);
        let base = mine.unwrap_or(&book.log.cur().body);
        let (built_on, before) = (base.ver, base.share(book.log.me));
        let verify = |body: &Body, sig: &Signature| sig.verifies(body.digest(&domain), from);
        match book.log.accept_item(item.ver, item.def_a, item.sig, verify) {
            Ok(Accepted::New) => {
                let share = book.log.cur().body.share(book.log.me);
                book.payments += 1;
                let applied = book.voided_above(built_on);
                self.applied(item.ch, built_on, applied);
                let amount = share.saturating_sub(before);
                self.note_item(item.ch);
                self.received(&item, amount, share);
                self.answer_item(from, item);
            }
            Ok(Accepted::Known) => self.answer_item(from, item),
            Err(why) => self.item_refused(from, item, why),
        }
    }

    /// A frozen or disputed channel still answers what it had accepted before.
    fn answer_unusable(&mut self, from: Address, item: Item, fault: &Fault) {
        let cur = self.book(item.ch).map(|b| &b.log.cur().body);
        let (newer, same) =
            cur.map_or((false, false), |c| (c.ver > item.ver, c.ver == item.ver && c.def_a == item.def_a));
        let reason = match fault {
            Fault::Caller(r) | Fault::Peer(r) | Fault::Chain(r) | Fault::Limit(r) => r.clone(),
        };
        if same {
            self.answer_item(from, item);
        } else if newer {
            // Whether that very item was accepted is no longer known here: the newest co-signed version says what counts.
            self.show_newest(from, item.ch);
        } else {
            self.refuse(from, item.ch, item.ver, reason);
        }
    }

    fn item_refused(&mut self, from: Address, item: Item, why: Refused) {
        let unanswered = self.book(item.ch).is_some_and(|b| !b.log.own().is_empty());
        if why == Refused::BadSignature && unanswered {
            // The peer may have countersigned what I sent, and built on it; it hears of mine again.
            return self.refuse(from, item.ch, item.ver, why);
        }
        if why == Refused::BadSignature {
            return self.misbehaved(from, "a stream item with a signature that does not fit");
        }
        self.note_conflict(&item, why);
        let Some(book) = self.book(item.ch) else { return };
        let (top, accepted) = (book.log.top().clone(), book.log.cur().body.ver >= item.ver);
        let mine = top.sigs[book.log.me.index()];
        if let Some(sig) = mine.filter(|_| accepted && Side::of_version(top.body.ver) != book.log.me) {
            return self.send(from, Message::Accept { ch: item.ch, ver: top.body.ver, sig });
        }
        if why == Refused::ShareFalls {
            self.ask_last_countersignature(item.ch);
        }
        self.refuse(from, item.ch, item.ver, why);
    }

    /// The newest item again under a higher version: the peer used this one for something else.
    pub(super) fn reissue_item(&mut self, ch: B256) {
        // A higher version is a new signature: not in a dispute, nor when nothing else would be signed (S40).
        if self.acceptable(ch).is_err() {
            return;
        }
        let (Some(book), Some(peer)) = (self.book(ch), self.peer_of(ch)) else { return };
        let Some(own) = book.log.own().last().filter(|o| o.is_item()) else { return };
        let (base, ver) = (book.log.cur().body.ver, book.log.next_version(book.log.me));
        let mut next = own.body.clone();
        next.ver = ver;
        let def_a = next.def_a;
        let before = own.body.ver;
        let Ok(sig) = self.signer.sign_state(&next) else { return };
        let mut note = None;
        if let Some(book) = self.book_mut(ch) {
            book.log.signed(next, sig, OwnKind::Item { base });
            // The receipt is for the version that the payee accepts.
            for pending in book.pending.iter_mut().filter(|p| p.ver == before && !p.wish.reference.is_empty()) {
                pending.ver = ver;
            }
            note = book.note_of(ver);
        }
        self.send(peer, Message::Item { ch, ver, base, def_a, sig, cosign: true, note });
    }

    fn note_item(&mut self, ch: B256) {
        let now = self.env.now_ms;
        if let Some(updates) = self.updates(ch) {
            updates.item_ms = Some(now);
        }
    }

    /// A stream ran into a pre-signature of mine: neither can be answered, so I break in above both.
    fn note_conflict(&mut self, item: &Item, why: Refused) {
        let Some(log) = self.book(item.ch).map(|b| &b.log) else { return };
        let presigned = log.own().last().is_some_and(|o| matches!(o.kind, OwnKind::Presign(_)));
        let newer = item.ver > log.cur().body.ver;
        if why == Refused::OldVersion
            && presigned
            && newer
            && let Some(updates) = self.updates(item.ch)
        {
            updates.break_in = true;
        }
    }

    fn answer_item(&mut self, from: Address, item: Item) {
        self.send(from, Message::Ack { ch: item.ch, ver: item.ver });
        // An old item is answered in a dispute too, but nothing new is signed then (S40).
        if item.cosign && self.acceptable(item.ch).is_ok() {
            self.countersign(item.ch);
        }
        let Some(book) = self.book(item.ch) else { return };
        let top = book.log.top();
        // What was countersigned unasked is shown again: the payer may have missed it, and nothing works without it.
        if let Some(sig) = top.sigs[book.log.me.index()].filter(|_| top.body.ver == item.ver) {
            let message = Message::Accept { ch: item.ch, ver: item.ver, sig };
            if !self.outputs.iter().any(|o| matches!(o, crate::io::Output::Send { message: m, .. } if *m == message)) {
                self.send(from, message);
            }
        }
        if item.note.is_some() {
            self.send_payment_receipt(from, item.ch, item.ver);
        }
    }

    /// Countersigns the accepted item and sends that; true if none is left (protocol 1.4(10)).
    pub(super) fn countersign(&mut self, ch: B256) -> bool {
        let Some(body) = self.book(ch).and_then(|b| b.log.item().map(|i| i.body.clone())) else { return true };
        let (Some(peer), Ok(sig)) = (self.peer_of(ch), self.signer.sign_state(&body)) else { return false };
        if let Some(book) = self.book_mut(ch) {
            book.log.countersigned(sig);
        }
        self.send(peer, Message::Accept { ch, ver: body.ver, sig });
        true
    }

    pub(super) fn on_ack(&mut self, from: Address, ch: B256, ver: u64) {
        if self.peer_of(ch) != Some(from) {
            return;
        }
        let Some(book) = self.book_mut(ch) else { return };
        if Side::of_version(ver) != book.log.me {
            return;
        }
        if ver > book.log.my_high() {
            return self.doubt(from, ch);
        }
        book.log.acknowledged(ver);
        for done in book.take_delivered(ver) {
            let (tag, ver) = (done.wish.tag, done.ver);
            if !self.await_receipt(ch, done, false) {
                self.reply(tag, Reply::Delivered { ch, ver });
            }
        }
    }

    pub(super) fn on_accept(&mut self, from: Address, ch: B256, ver: u64, sig: Signature) {
        if self.peer_of(ch) != Some(from) {
            return;
        }
        let domain = self.config.domain;
        let Some(book) = self.book_mut(ch) else { return };
        if ver > book.log.my_high() {
            return self.doubt(from, ch);
        }
        let verify = |body: &Body, sig: &Signature| sig.verifies(body.digest(&domain), from);
        let ops = book.log.own().iter().find(|o| o.body.ver == ver).map(crate::log::Own::ops).unwrap_or_default();
        match book.log.accept_answer(ver, sig, verify) {
            Ok(true) => {
                let applied = book.take_applied(ver);
                self.note_uncounted(ch, ver, &ops);
                self.applied(ch, ver, applied);
            }
            Ok(false) => {}
            Err(_) => self.misbehaved(from, "a countersignature that does not fit"),
        }
    }

    /// The peer answers to a version that I never signed: it lies, or my disk is an old copy. In doubt nothing is signed (S9).
    fn doubt(&mut self, from: Address, ch: B256) {
        if self.doubts.insert(ch) {
            let reason = "it knows a version that this node never signed: it lies, or the data of this node is an old \
                          copy. Nothing is signed in this channel any more; end it through the chain";
            self.misbehaved(from, reason);
        }
    }

    pub(super) fn applied(&mut self, ch: B256, ver: u64, payments: Vec<Pending>) {
        for done in payments {
            let tag = done.wish.tag;
            if !self.await_receipt(ch, done, true) {
                self.reply(tag, Reply::Applied { ch, ver });
            }
        }
    }

    /// Whether this participant may propose something new: an object that is being closed is only drained.
    pub(super) fn updatable(&self, ch: B256) -> Result<(), Fault> {
        self.acceptable(ch)?;
        let ledger_drains = self.ledgers.get(&ch).is_some_and(|l| l.draining);
        let virtual_drains = self.virtuals.get(&ch).is_some_and(|v| v.draining);
        if ledger_drains || virtual_drains {
            return Err(Fault::Caller("the channel is being closed".into()));
        }
        Ok(())
    }

    /// Whether States of this object may be signed and accepted now (protocol 1.4(7), (12)).
    pub(super) fn acceptable(&self, ch: B256) -> Result<(), Fault> {
        if let Some(ledger) = self.ledgers.get(&ch) {
            if ledger.life != Life::Open {
                return Err(Fault::Caller("the channel is not open".into()));
            }
            let frozen = ledger.closing.is_some() || ledger.book.log.frozen();
            if !guard!("1.4.12-frozen", !frozen) || ledger.force {
                return Err(Fault::Caller("the channel is being closed".into()));
            }
            return self.undisturbed(ch);
        }
        let Some(virt) = self.virtuals.get(&ch) else { return Err(Fault::Caller("no such channel".into())) };
        self.undoubted(ch)?;
        if virt.book.is_none() {
            return Err(Fault::Caller("this node is a hub of that virtual channel, not an end".into()));
        }
        if !guard!("2.3-used-when-active", virt.is_active())
            || virt.done
            || !guard!("2.3-abort-no-state", !virt.aborted)
        {
            return Err(Fault::Caller("the virtual channel is not active".into()));
        }
        let frozen = virt.book.as_ref().is_some_and(|b| b.log.frozen());
        if virt.force || !guard!("1.4.12-frozen-virtual", !frozen) {
            return Err(Fault::Caller("the virtual channel is closed".into()));
        }
        let Some(record) = self.record(ch).filter(|_| guard!("1.4.7-sees-chain-virtual", self.sees_the_chain())) else {
            return Err(Fault::Chain("the chain was not read lately".into()));
        };
        // Nor once it has sent evidence itself: what it accepted meanwhile would need another refutation (I10).
        if self.chain.shown.range((ch, 0)..=(ch, u64::MAX)).next().is_some() {
            return Err(Fault::Chain("this node has gone to the chain with the virtual channel".into()));
        }
        if !guard!("1.4.7-no-record", record.head == RecordView::None) {
            return Err(Fault::Chain("the virtual channel is in dispute".into()));
        }
        if !guard!("1.4.7-lead", self.now() + 2 * self.policy().m_safe <= virt.params.t_exp) {
            return Err(Fault::Caller("the virtual channel is about to expire".into()));
        }
        Ok(())
    }

    /// The slot shows this life open and undisputed, at the head too (S40).
    pub(super) fn undisturbed(&self, ch: B256) -> Result<(), Fault> {
        let Some(ledger) = self.ledgers.get(&ch) else { return Err(Fault::Caller("no such channel".into())) };
        self.undoubted(ch)?;
        if !guard!("1.4.7-sees-chain", self.sees_the_chain()) {
            return Err(Fault::Chain("the chain was not read lately".into()));
        }
        let view = self.ledger_view(ledger);
        let open = ledger.is_open_in(&view.settled) && ledger.is_open_in(&view.head);
        if !guard!("1.4.7-open", open) {
            return Err(Fault::Chain("the chain does not show the channel as open".into()));
        }
        let counted = ledger.book.log.cur().body.deposits();
        let there = |view: &LedgerView| counted[0] <= view.dep_a && counted[1] <= view.dep_b;
        if !guard!("1.4.7-deposits", there(&view.settled) && there(&view.head)) {
            return Err(Fault::Chain("the chain shows less than the channel counts".into()));
        }
        if !guard!("1.4.7-no-dispute", view.head.dispute.is_none()) {
            return Err(Fault::Chain("the channel is in dispute".into()));
        }
        Ok(())
    }

    fn undoubted(&self, ch: B256) -> Result<(), Fault> {
        if guard!("1.4.4-undoubted", !self.doubts.contains(&ch)) {
            return Ok(());
        }
        Err(Fault::Peer(
            "the peer knows versions that this node does not know; end the channel through the chain".into(),
        ))
    }

    pub(super) fn book(&self, ch: B256) -> Option<&Book> {
        self.ledgers.get(&ch).map(|l| &l.book).or_else(|| self.virtuals.get(&ch)?.book.as_ref())
    }

    /// For changes: marks the object dirty.
    pub(super) fn book_mut(&mut self, ch: B256) -> Option<&mut Book> {
        if let Some(ledger) = self.ledgers.get_mut(&ch) {
            self.dirty_ledgers.insert(ch);
            return Some(&mut ledger.book);
        }
        let book = self.virtuals.get_mut(&ch)?.book.as_mut();
        self.dirty_virtuals.insert(ch);
        book
    }

    /// What is talked about in an object; a crash may forget it, so that nothing is marked.
    pub(super) fn updates(&mut self, ch: B256) -> Option<&mut UpdateMemory> {
        if let Some(ledger) = self.ledgers.get_mut(&ch) {
            return Some(&mut ledger.book.updates);
        }
        self.virtuals.get_mut(&ch)?.book.as_mut().map(|b| &mut b.updates)
    }

    /// The other signer of an object.
    pub(super) fn peer_of(&self, ch: B256) -> Option<Address> {
        if let Some(ledger) = self.ledgers.get(&ch) {
            return Some(ledger.peer());
        }
        let virt = self.virtuals.get(&ch)?;
        Some(virt.params.end(virt.side()?.other()))
    }
}
