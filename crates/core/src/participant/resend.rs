//! Everything unanswered is sent again: after a reconnection at once, otherwise on a timer.

use super::Participant;
use crate::book::Book;
use crate::ledger::Life;
use crate::log::{Own, OwnKind};
use crate::message::Message;
use alloc::vec::Vec;
use alloy_primitives::{Address, B256};

impl Participant {
    /// The connection to this peer is new: it may have missed anything.
    pub(super) fn resend_to(&mut self, peer: Address) {
        let open = |id: &B256| self.ledgers.get(id).is_some_and(|l| l.life == Life::Open);
        let ledgers: Vec<B256> = self.index.ledgers_with(peer).filter(open).collect();
        for id in ledgers {
            self.resend_book(id, true);
            self.resend_nanos_of(id);
            self.resend_ledger_close(id);
            self.resend_withdrawal(id);
        }
        for vc in self.index.virtuals_with(peer).collect::<Vec<_>>() {
            self.resend_virtual(vc, Some(peer));
            if self.peer_of(vc) == Some(peer) {
                self.resend_nanos_of(vc);
            }
        }
    }

    /// Whatever waited too long is sent again to those that are connected.
    pub(super) fn resend_due(&mut self) {
        let (now, period) = (self.env.now_ms, self.policy().resend_ms);
        let busy: Vec<B256> = self.index.ledgers().filter(|id| self.is_busy(*id)).collect();
        for id in busy {
            let Some(ledger) = self.ledgers.get_mut(&id) else { continue };
            if ledger.link.sent_ms + period > now || ledger.life != Life::Open {
                continue;
            }
            ledger.link.sent_ms = now;
            self.resend_book(id, false);
            self.resend_ledger_close(id);
            self.resend_withdrawal(id);
        }
        for vc in self.active_virtuals() {
            let Some(virt) = self.virtuals.get_mut(&vc) else { continue };
            if virt.memory.sent_ms + period > now {
                continue;
            }
            virt.memory.sent_ms = now;
            self.resend_virtual(vc, None);
        }
    }

    fn resend_book(&mut self, ch: B256, show_top: bool) {
        let (Some(book), Some(peer)) = (self.book(ch), self.peer_of(ch)) else { return };
        if !self.connected.contains(&peer) {
            return;
        }
        let again: Vec<Message> = book.log.own().iter().map(|own| message_again(ch, book, own)).collect();
        if show_top {
            self.show_newest(peer, ch);
        }
        let last = again.len().saturating_sub(1);
        for (index, message) in again.into_iter().enumerate() {
            let message = if index == last { ask_cosign(message) } else { message };
            self.send(peer, message);
        }
        self.ask_receipt(ch);
    }

    fn resend_virtual(&mut self, vc: B256, only: Option<Address>) {
        let Some(virt) = self.virtuals.get(&vc) else { return };
        let targets: Vec<Address> =
            virt.others().into_iter().filter(|p| only.is_none_or(|o| o == *p) && self.connected.contains(p)).collect();
        if targets.is_empty() {
            return;
        }
        if virt.aborted {
            return;
        }
        let mut messages = Vec::new();
        if virt.index == 0 && !virt.is_active() {
            messages.push(Message::VcOpen { params: virt.params.clone(), renews: virt.renews });
        }
        let finished = only.is_none() && virt.receipt_known();
        if let Some(secret) = virt.secrets[virt.index].filter(|_| virt.revealed && !finished) {
            messages.push(Message::Activate { vc, index: virt.index as u8, secret });
        }
        messages.extend(virt.final_message().filter(|_| only.is_some() || virt.certificate().is_none()));
        let unsigned = !virt.finals.contains_key(&(virt.index as u8));
        let ask = self.peer_of(vc).filter(|p| virt.memory.announced && unsigned && targets.contains(p));
        for to in targets {
            for message in &messages {
                self.send(to, message.clone());
            }
        }
        if let Some(peer) = ask {
            self.send(peer, Message::VcCloseAsk { vc });
        }
        if self.virtuals.get(&vc).is_some_and(|v| v.side().is_some()) {
            self.resend_book(vc, only.is_some());
        }
    }
}

fn message_again(ch: B256, book: &Book, own: &Own) -> Message {
    let (ver, sig) = (own.body.ver, own.sig);
    match &own.kind {
        OwnKind::Item { base } => {
            let cosign = book.pending.iter().any(|p| p.ver == ver && p.wish.cosign);
            Message::Item { ch, ver, base: *base, def_a: own.body.def_a, sig, cosign, note: book.note_of(ver) }
        }
        OwnKind::Presign(op) => Message::Presign { ch, ver, op: *op, sig },
        OwnKind::Propose { base, ops } => Message::Propose { ch, ver, base: *base, ops: ops.clone(), sig },
        OwnKind::Start => Message::Start { vc: ch, sig },
    }
}

/// A stream that paused is countersigned, so that the channel becomes quiet.
fn ask_cosign(message: Message) -> Message {
    match message {
        Message::Item { ch, ver, base, def_a, sig, note, .. } => {
            Message::Item { ch, ver, base, def_a, sig, cosign: true, note }
        }
        other => other,
    }
}
