//! Payments with a reference: what the payee is told, and the receipt that comes back.
//!
//! Such a payment is followed by nothing until the payee has it, so the payee accepts it by itself or not at all; and the next
//! one waits for its receipt, so the payee remembers one per channel.

use super::Participant;
use super::pay::Item;
use crate::book::{Noted, Pending};
use crate::io::{Event, Reply};
use crate::message::Message;
use crate::sig::Signature;
use crate::signed::{Amount, Eip712, MAX_REFERENCE, PaymentReceipt};
use alloc::vec::Vec;
use alloy_primitives::{Address, B256};

/// How often the node's patience a payee may withhold a receipt.
const PATIENCE: u64 = 4;

impl Participant {
    /// Tells what an accepted item paid. An item that makes up for lost ones holds more than its own payment.
    pub(super) fn received(&mut self, item: &Item, amount: Amount, share: Amount) {
        let (ch, ver) = (item.ch, item.ver);
        let fits = |length: usize| (1..=MAX_REFERENCE).contains(&length);
        let note = item.note.clone().filter(|n| fits(n.reference.len()) && n.amount > 0 && n.amount <= amount);
        let named = note.as_ref().map_or(0, |note| note.amount);
        if amount > named {
            self.event(Event::Received {
                ch,
                ver,
                amount: amount - named,
                share: share - named,
                reference: Vec::new(),
            });
        }
        if let Some(note) = note {
            self.event(Event::Received { ch, ver, amount: named, share, reference: note.reference.clone() });
            if let Some(book) = self.book_mut(ch) {
                book.received = Some(Noted { tag: 0, ver, cosigned: false, note });
            }
        }
    }

    /// The receipt for the newest payment with a reference; it leaves behind the commit that accepted the payment.
    pub(super) fn send_payment_receipt(&mut self, to: Address, ch: B256, ver: u64) {
        let noted = self.book(ch).and_then(|book| book.received.as_ref()).filter(|noted| noted.ver == ver);
        let Some(receipt) = noted.map(|noted| receipt_of(ch, noted)) else { return };
        let sig = self.signer.sign_receipt(&receipt);
        self.send(to, Message::PaymentReceipt { ch, ver, sig });
    }

    pub(super) fn on_receipt_ask(&mut self, from: Address, ch: B256, ver: u64) {
        if self.peer_of(ch) == Some(from) {
            self.send_payment_receipt(from, ch, ver);
        }
    }

    /// The payee has a payment of mine: if it has a reference, the answer waits for the receipt.
    pub(super) fn await_receipt(&mut self, ch: B256, done: Pending, cosigned: bool) -> bool {
        let Some(note) = done.wish.note() else { return false };
        let noted = Noted { tag: done.wish.tag, ver: done.ver, cosigned, note };
        if let Some(book) = self.book_mut(ch) {
            (book.unreceipted, book.asked_ms) = (Some(noted), None);
        }
        true
    }

    pub(super) fn on_payment_receipt(&mut self, from: Address, ch: B256, ver: u64, sig: Signature) {
        if self.peer_of(ch) != Some(from) {
            return;
        }
        let noted = self.book(ch).and_then(|book| book.unreceipted.as_ref()).filter(|noted| noted.ver == ver);
        let Some(noted) = noted.cloned() else { return };
        let receipt = receipt_of(ch, &noted);
        if !sig.verifies(self.config.domain.digest(receipt.struct_hash()), from) {
            return self.misbehaved(from, "a payment receipt with a signature that does not fit");
        }
        if let Some(book) = self.book_mut(ch) {
            book.unreceipted = None;
        }
        self.event(Event::Receipted { receipt: receipt.clone(), sig, signer: from });
        self.reply(noted.tag, Reply::Receipted { cosigned: noted.cosigned, receipt, sig, signer: from });
    }

    /// A receipt that did not come is asked for, but not for ever: the payment is made, and others wait behind it.
    pub(super) fn ask_receipt(&mut self, ch: B256) {
        let missing = self.book(ch).and_then(|book| book.unreceipted.clone());
        let (Some(noted), Some(peer)) = (missing, self.peer_of(ch)) else { return };
        let (now, patience_ms) = (self.env.now_ms, PATIENCE * self.policy().patience * 1_000);
        let Some(book) = self.book_mut(ch) else { return };
        if now <= *book.asked_ms.get_or_insert(now) + patience_ms {
            return self.send(peer, Message::ReceiptAsk { ch, ver: noted.ver });
        }
        (book.unreceipted, book.asked_ms) = (None, None);
        let ver = noted.ver;
        let reply = if noted.cosigned { Reply::Applied { ch, ver } } else { Reply::Delivered { ch, ver } };
        self.reply(noted.tag, reply);
    }
}

fn receipt_of(ch: B256, noted: &Noted) -> PaymentReceipt {
    let (amount, reference) = (noted.note.amount, noted.note.reference.clone());
    PaymentReceipt { ch, ver: noted.ver, amount, reference }
}
