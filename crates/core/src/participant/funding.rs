//! Deposits of a channel that is agreed: what goes to the chain for it, and what is read back (protocol 0.3 funding).

use super::{Participant, tx_key};
use crate::body::Body;
use crate::book::Book;
use crate::chain::{Call, LedgerView, Phase, TxKey};
use crate::funding::Source;
use crate::io::{Event, Fault, Reply};
use crate::ledger::{Agreement, Life, Word};
use crate::mutant::guard;
use crate::params::Side;
use crate::signed::{Amount, OpenAuth};
use alloc::vec::Vec;
use alloy_primitives::{Address, B256};

/// Tells the transaction that opens at once from the one that only deposits.
pub(super) const ONE_TRANSACTION: u128 = 1;
/// An agreement that nobody funded is forgotten after this time, milliseconds.
const UNFUNDED_MS: u64 = 600_000;

impl Participant {
    /// Deposits by A and B while the channel is agreed but not open. B reads A's deposit back from a final block.
    pub(super) fn plan_opening(&mut self, id: B256) {
        let Some(ledger) = self.ledgers.get(&id) else { return };
        let Some(view) = self.chain.ledgers.get(&ledger.slot).copied() else { return };
        let (params, nonce, dep_a) = (ledger.params, ledger.nonce, ledger.deposits[0]);
        let (me, force) = (ledger.me, ledger.force);
        if view.settled.nonce > nonce {
            return self.opening_over(id);
        }
        let sponsored = ledger.sponsored.is_some();
        if sponsored && !self.is_touched(id) {
            return self.plan_sponsored(id);
        }
        match me {
            Side::A
                if matches!(view.head.phase, Phase::Virgin | Phase::Closed)
                    && view.head.nonce == nonce
                    && !force
                    && !sponsored =>
            {
                self.submit_open(id);
            }
            Side::A if force && is_funding(&view.head, nonce) => {
                self.submit("refund", id, 0, Call::Refund { params }, None);
            }
            Side::B if force && !self.is_touched(id) => self.drop_agreement(id),
            Side::B
                if !force
                    && is_funding(&view.head, nonce)
                    && guard!("0.3-confirm-final", is_funding(&view.settled, nonce) && view.settled.dep_a == dep_a) =>
            {
                self.submit_confirm(id);
            }
            _ => {}
        }
    }

    /// What both agree on, as the call of the first or the second deposit names it.
    fn terms_now(&self, id: B256, [dep_a, dep_b]: [Amount; 2]) -> OpenAuth {
        OpenAuth { id, dep_a, dep_b, not_after: self.now() + self.policy().close_validity }
    }

    /// A's deposit; with B's agreement both at once.
    fn submit_open(&mut self, id: B256) {
        let Some(ledger) = self.ledgers.get(&id) else { return };
        let (params, nonce, from, deposits) = (ledger.params, ledger.nonce, ledger.from, ledger.deposits);
        let [dep_a, dep_b] = deposits;
        let (asset, now) = (params.asset, self.now());
        let consent = ledger.consent.clone().filter(|a| a.not_after > now);
        if let Some(Agreement { not_after, word: Word::Given(theirs) }) = consent {
            let terms = OpenAuth { id, dep_a, dep_b, not_after };
            let value = from.value(asset, dep_a);
            let call = Call::OpenBoth { params, terms, fundings: [from.funding(), theirs], value };
            self.submit("open", id, ONE_TRANSACTION, call, Some(not_after));
            return;
        }
        let at_once = tx_key("open", id, ONE_TRANSACTION);
        if self.in_flight.contains(&at_once) || self.cooling.contains_key(&at_once) {
            return; // it may still be taken, or was
        }
        if asset == Address::ZERO && from == Source::Wallet {
            self.submit("open", id, 0, Call::Open { params, nonce, value: dep_a }, None);
            return;
        }
        let terms = self.terms_now(id, deposits);
        let call = Call::OpenWith { params, terms, funding: from.funding(), value: from.value(asset, dep_a) };
        self.submit("open", id, 0, call, Some(terms.not_after));
    }

    fn submit_confirm(&mut self, id: B256) {
        let Some(ledger) = self.ledgers.get(&id) else { return };
        let (params, from, deposits) = (ledger.params, ledger.from, ledger.deposits);
        let [dep_a, dep_b] = deposits;
        if params.asset == Address::ZERO && from == Source::Wallet {
            self.submit("confirm", id, 0, Call::Confirm { params, id, dep_a, value: dep_b }, None);
            return;
        }
        let terms = self.terms_now(id, deposits);
        let value = from.value(params.asset, dep_b);
        let call = Call::ConfirmWith { params, terms, funding: from.funding(), value };
        self.submit("confirm", id, 0, call, Some(terms.not_after));
    }

    fn opening_over(&mut self, id: B256) {
        self.signer.settle_charge(id, false);
        self.leave_ledger(id);
        if let Some(tag) = self.open_tags.remove(&id) {
            self.reply(tag, Reply::Refused(Fault::Chain("the channel was refunded before it opened".into())));
        }
        self.answer_closed(id);
    }

    pub(super) fn opening_failed(&mut self, key: TxKey, reason: &str) {
        let is_of = |id: &B256, number| tx_key("open", *id, number) == key;
        let failed = self.open_tags.keys().copied().find(|id| is_of(id, 0));
        let at_once = self.index.agreed().iter().copied().find(|id| is_of(id, ONE_TRANSACTION));
        if let Some(id) = at_once {
            self.at_once_failed(id);
        }
        let Some(id) = failed.filter(|id| !self.mined.contains(&key) && !self.is_deposited(*id)) else { return };
        if let Some(tag) = self.open_tags.remove(&id) {
            let fault = Fault::Chain(alloc::format!("the deposit was not made: {reason}"));
            self.reply(tag, Reply::Refused(fault));
        }
        self.signer.settle_charge(id, false);
        // Nothing is on chain: without this the deposit would be tried for ever behind the caller's back.
        if let Some(ledger) = self.ledgers.get_mut(&id) {
            ledger.force = true;
            self.dirty_ledgers.insert(id);
        }
    }

    /// The other side's agreement is no good, or no good any more. A deposits then, and B by itself; what B was to pay for is tried once.
    fn at_once_failed(&mut self, id: B256) {
        let Some(ledger) = self.ledgers.get_mut(&id) else { return };
        self.dirty_ledgers.insert(id);
        if ledger.me == Side::A {
            ledger.consent = None;
        } else if let Some(Agreement { not_after, .. }) = ledger.sponsored {
            // It may be in a block all the same: nothing is forgotten before its time.
            ledger.sponsored = Some(Agreement { not_after, word: Word::Spent });
            let peer = ledger.peer();
            self.refuse(peer, id, 0, "the chain does not take it");
        }
    }

    /// The slot shows A's deposit, or both.
    fn is_deposited(&self, id: B256) -> bool {
        let Some(ledger) = self.ledgers.get(&id) else { return false };
        let head = self.ledger_view(ledger).head;
        is_funding(&head, ledger.nonce) || ledger.is_open_in(&head)
    }

    /// The slot shows the channel open in a final block: signed States count from now on.
    pub(super) fn adopt_open(&mut self, id: B256) {
        let Some(ledger) = self.ledgers.get_mut(&id) else { return };
        let seen = self.chain.ledgers.get(&ledger.slot).copied().unwrap_or_default().settled;
        if ledger.life != Life::Agreed || seen.phase != Phase::Open || seen.nonce != ledger.nonce {
            return;
        }
        ledger.life = Life::Open;
        (ledger.consent, ledger.sponsored) = (None, None);
        self.index.opened(id);
        self.dirty_ledgers.insert(id);
        // More than agreed may come from anybody; it is counted later, or comes back at the end.
        if seen.dep_a < ledger.deposits[0] || seen.dep_b < ledger.deposits[1] {
            return self.adopt_other_deposits(id, [seen.dep_a, seen.dep_b]);
        }
        self.signer.settle_charge(id, true);
        self.event(Event::ChannelOpen(id));
        if let Some(tag) = self.open_tags.remove(&id) {
            self.reply(tag, Reply::Opened(id));
        }
    }
}

impl Participant {
    /// B does not deposit any more; A, if she has deposited, takes it back by herself.
    fn drop_agreement(&mut self, id: B256) {
        if self.ledgers.get(&id).is_some_and(|l| self.may_still_open(l)) {
            return;
        }
        self.forget_agreement(id);
        self.answer_closed(id);
    }

    /// It never lived: the slot is free for another one.
    pub(super) fn forget_agreement(&mut self, id: B256) {
        self.leave_ledger(id);
        self.ledgers.remove(&id);
        self.dirty_ledgers.remove(&id);
        self.forget(b'l', id);
    }

    /// Forgets what others agreed and never funded, while the slot shows that nothing happened.
    pub(super) fn expire_agreements(&mut self) {
        let now = self.env.now_ms;
        let mut late = Vec::new();
        for id in self.index.agreed() {
            let Some(ledger) = self.ledgers.get_mut(id).filter(|l| l.me == Side::B) else { continue };
            if *ledger.link.agreed_ms.get_or_insert(now) + UNFUNDED_MS < now {
                late.push(*id);
            }
        }
        let bound = |id: &B256| self.ledgers.get(id).is_some_and(|l| self.may_still_open(l));
        late.retain(|id| !bound(id));
        for id in late.into_iter().filter(|id| !self.is_touched(*id)).collect::<Vec<_>>() {
            self.forget_agreement(id);
        }
    }

    /// The slot of a channel that is agreed already shows more than emptiness.
    pub(super) fn is_touched(&self, id: B256) -> bool {
        let Some(ledger) = self.ledgers.get(&id) else { return false };
        let free = |v: &LedgerView| matches!(v.phase, Phase::Virgin | Phase::Closed) && v.nonce == ledger.nonce;
        let seen = self.chain.ledgers.get(&ledger.slot);
        seen.is_none_or(|s| !free(&s.head) || !free(&s.settled))
    }

    /// B confirmed with another amount than agreed: nothing is signed in such a channel, it is ended at version 0, which gives
    /// each side what it deposited.
    fn adopt_other_deposits(&mut self, id: B256, deposits: [Amount; 2]) {
        if let Some(ledger) = self.ledgers.get_mut(&id) {
            ledger.deposits = deposits;
            ledger.book = Book::new(ledger.me, Body::ledger_genesis(id, deposits[0], deposits[1]));
            ledger.force = true;
            self.dirty_ledgers.insert(id);
        }
        self.signer.settle_charge(id, true);
        if let Some(tag) = self.open_tags.remove(&id) {
            let fault = Fault::Peer("the peer did not deposit what was agreed; the channel is being closed".into());
            self.reply(tag, Reply::Refused(fault));
        }
    }
}

pub(super) fn is_funding(view: &LedgerView, nonce: u64) -> bool {
    view.phase == Phase::Funding && view.nonce == nonce
}
