//! Openings that B sends and pays for: A's owner only signs, and needs no ether (protocol 0.3 funding).

use super::Participant;
use super::funding::ONE_TRANSACTION;
use crate::budget::DAY;
use crate::chain::Call;
use crate::funding::Funding;
use crate::io::{Fault, Output, Reply};
use crate::ledger::{Agreement, Ledger, Life, Word};
use crate::message::{Consent, Message};
use crate::params::Side;
use crate::signed::OpenAuth;
use alloc::string::String;
use alloc::vec::Vec;
use alloy_primitives::{Address, B256};

impl Participant {
    /// A: both have agreed off chain.
    pub(super) fn ask_own_consent(&mut self, id: B256) {
        let not_after = self.now() + self.policy().authorisation_validity;
        let Some(ledger) = self.ledgers.get_mut(&id) else { return };
        ledger.sponsored = Some(Agreement { not_after, word: Word::Asked });
        self.dirty_ledgers.insert(id);
        self.ask_owner(id, not_after);
    }

    fn ask_owner(&mut self, id: B256, not_after: u64) {
        let Some(ledger) = self.ledgers.get(&id) else { return };
        let ([dep_a, dep_b], params) = (ledger.deposits, ledger.params);
        let terms = OpenAuth { id, dep_a, dep_b, not_after };
        self.outputs.push(Output::Authorise { params, side: Side::A, terms });
    }

    pub(super) fn on_own_consent(&mut self, id: B256, not_after: u64, funding: Result<Funding, String>) {
        let Some(ledger) = self.ledgers.get_mut(&id) else { return };
        if ledger.sponsored != Some(Agreement { not_after, word: Word::Asked }) || ledger.force {
            return;
        }
        // What the sender of the call pays would be paid by B, who does not do that.
        let own = |f: &Funding| !matches!(f, Funding::Sender { .. }) || ledger.deposits[0] == 0;
        match funding {
            Ok(funding) if own(&funding) => {
                ledger.sponsored = Some(Agreement::given(not_after, funding));
                self.dirty_ledgers.insert(id);
                self.send_own_consent(id);
            }
            Ok(_) => self.no_own_consent(id, "the deposit would have to be sent along"),
            Err(reason) => self.no_own_consent(id, &reason),
        }
    }

    /// Nothing has left this node.
    fn no_own_consent(&mut self, id: B256, reason: &str) {
        if let Some(ledger) = self.ledgers.get_mut(&id) {
            ledger.sponsored = None;
        }
        let fault = Fault::Caller(alloc::format!("the owner's signature alone does not pay the deposit: {reason}"));
        self.leave_opening(id, fault);
    }

    fn leave_opening(&mut self, id: B256, fault: Fault) {
        self.signer.settle_charge(id, false);
        self.forget_agreement(id);
        if let Some(tag) = self.open_tags.remove(&id) {
            self.reply(tag, Reply::Refused(fault));
        }
        self.answer_closed(id);
    }

    fn send_own_consent(&mut self, id: B256) {
        let Some(ledger) = self.ledgers.get(&id) else { return };
        let peer = ledger.peer();
        match ledger.sponsored.clone() {
            Some(Agreement { not_after, word: Word::Given(funding) }) => {
                self.send(peer, Message::ChannelConsent { id, consent: Consent { not_after, funding } });
            }
            Some(Agreement { not_after, word: Word::Asked }) => self.ask_owner(id, not_after),
            _ => {}
        }
    }

    /// A's consents may be lost, and so may the question to its owner.
    pub(super) fn resend_own_consents(&mut self) {
        let (now, period) = (self.env.now_ms, self.policy().resend_ms);
        let mut due = Vec::new();
        for id in self.index.agreed() {
            let waits = |l: &&mut Ledger| l.me == Side::A && l.sponsored.is_some() && !l.force;
            let Some(ledger) = self.ledgers.get_mut(id).filter(waits) else { continue };
            if ledger.link.sent_ms + period <= now {
                ledger.link.sent_ms = now;
                due.push(*id);
            }
        }
        for id in due.into_iter().filter(|id| !self.is_touched(*id)).collect::<Vec<_>>() {
            self.send_own_consent(id);
        }
    }

    /// B: whether this node pays for the transaction is its policy.
    pub(super) fn on_channel_consent(&mut self, from: Address, id: B256, consent: Consent) {
        let Some(ledger) = self.ledgers.get(&id).filter(|l| l.peer() == from && l.me == Side::B) else { return };
        if ledger.life != Life::Agreed || ledger.sponsored.is_some() || self.is_touched(id) {
            return;
        }
        let least = self.policy().asset(ledger.params.asset).and_then(|limits| limits.sponsored_from);
        if ledger.force || least.is_none_or(|least| ledger.deposits[0] < least) {
            return self.refuse(from, id, 0, "this node does not pay for such an opening");
        }
        let today = self.now() / DAY;
        let paid = if self.sponsored.0 == today { self.sponsored.1 } else { 0 };
        if paid >= self.policy().sponsored_per_day {
            return self.refuse(from, id, 0, "this node has paid for enough openings today");
        }
        if !self.is_of_use(&consent, ledger.deposits[0]) {
            return self.refuse(from, id, 0, "with this consent nobody can open the channel");
        }
        self.sponsored = (today, paid + 1);
        if let Some(ledger) = self.ledgers.get_mut(&id) {
            ledger.sponsored = Some(Agreement::given(consent.not_after, consent.funding));
            self.dirty_ledgers.insert(id);
        }
        self.plan_ledger(id);
    }

    /// A waits, and B sends.
    pub(super) fn plan_sponsored(&mut self, id: B256) {
        let Some(ledger) = self.ledgers.get(&id) else { return };
        if ledger.me == Side::A {
            let nothing_out = ledger.sponsored.as_ref().is_some_and(|a| a.word == Word::Asked);
            if (nothing_out && ledger.force) || !self.may_still_open(ledger) {
                self.leave_opening(id, Fault::Peer("the peer did not open the channel in time".into()));
            }
            return;
        }
        let agreement = ledger.sponsored.clone().filter(|a| a.not_after > self.now() && !ledger.force);
        let Some(Agreement { not_after, word: Word::Given(theirs) }) = agreement else {
            // What this node sent may still be in a block that is not final.
            if !self.may_still_open(ledger) {
                self.end_sponsorship(id);
            }
            return;
        };
        let (params, from, [dep_a, dep_b]) = (ledger.params, ledger.from, ledger.deposits);
        let terms = OpenAuth { id, dep_a, dep_b, not_after };
        let value = from.value(params.asset, dep_b);
        let call = Call::OpenBoth { params, terms, fundings: [theirs, from.funding()], value };
        self.submit("open", id, ONE_TRANSACTION, call, Some(not_after));
    }

    /// B: what is left is an agreement like any other.
    fn end_sponsorship(&mut self, id: B256) {
        if let Some(ledger) = self.ledgers.get_mut(&id) {
            ledger.sponsored = None;
            self.dirty_ledgers.insert(id);
        }
        self.plan_opening(id);
    }

    /// A: the peer does not do it, it says; until the final chain is past its last second it still can, and then the channel is open.
    pub(super) fn sponsor_refused(&mut self, from: Address, id: B256, reason: &str) {
        let waits = |l: &&mut Ledger| l.peer() == from && l.me == Side::A && l.life == Life::Agreed;
        let Some(ledger) = self.ledgers.get_mut(&id).filter(waits) else { return };
        let Some(Agreement { not_after, word }) = ledger.sponsored.clone() else { return };
        let fault = Fault::Peer(alloc::format!("the peer does not open the channel: {reason}"));
        if word == Word::Asked {
            return self.leave_opening(id, fault);
        }
        ledger.sponsored = Some(Agreement { not_after, word: Word::Spent });
        self.dirty_ledgers.insert(id);
        if let Some(tag) = self.open_tags.remove(&id) {
            self.reply(tag, Reply::Refused(fault));
        }
    }
}
