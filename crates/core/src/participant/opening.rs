//! Opening a ledger channel (protocol 0.3 funding): agree, deposit, confirm, read back from a final block.

use super::Participant;
use crate::body::Body;
use crate::book::Book;
use crate::chain::{Call, LedgerView, Phase, TxKey, Watch};
use crate::io::{Event, Fault, Output, Reply};
use crate::ledger::{Ledger, Life};
use crate::message::Message;
use crate::mutant::guard;
use crate::params::{ChannelParams, Party, Side};
use crate::signed::{Amount, MAX_AMOUNT};
use alloc::string::String;
use alloc::vec::Vec;
use alloy_primitives::{Address, B256};

/// Unanswered openings are given up after this time, milliseconds.
const PATIENCE_MS: u64 = 30_000;
/// An agreement that nobody funded is forgotten after this time, milliseconds.
const UNFUNDED_MS: u64 = 600_000;
/// Most agreements without funds, over all peers.
const MAX_AGREED_TOTAL: usize = 1_024;
/// Most channels that a peer may have agreed without funding them.
const MAX_AGREED: usize = 16;

/// An opening by this node before the peer agreed. Forgotten in a crash: nothing is at stake yet.
#[derive(Clone, Debug)]
pub(crate) struct Opening {
    tag: u64,
    peer: Address,
    deposits: [Amount; 2],
    budget: Option<B256>,
    lane: u16,
    params: Option<ChannelParams>,
    offered: Option<(u64, B256)>,
    until_ms: u64,
    sent_ms: u64,
}

impl Participant {
    pub(super) fn open_channel(
        &mut self,
        tag: u64,
        peer: Address,
        deposit: Amount,
        peer_deposit: Amount,
        lane: u16,
    ) -> Result<(), Fault> {
        if peer == self.key() {
            return Err(Fault::Caller("a channel needs two different parties".into()));
        }
        if deposit.checked_add(peer_deposit).is_none_or(|sum| sum == 0 || sum > MAX_AMOUNT) {
            return Err(Fault::Caller("the deposits together must be between 1 and 2^96 - 1".into()));
        }
        if !self.connected.contains(&peer) {
            return Err(Fault::Peer("the peer is not connected".into()));
        }
        if self.openings.iter().any(|o| o.peer == peer && o.lane == lane) {
            return Err(Fault::Caller("a channel to this peer is being opened already on this lane".into()));
        }
        self.may_spend(peer, deposit)?;
        let sent_ms = self.env.now_ms;
        let until_ms = sent_ms + PATIENCE_MS;
        let (deposits, budget) = ([deposit, peer_deposit], self.spender);
        self.openings.push(Opening {
            tag,
            peer,
            deposits,
            budget,
            lane,
            params: None,
            offered: None,
            until_ms,
            sent_ms,
        });
        self.send(peer, Message::ChannelAsk { lane });
        Ok(())
    }

    /// An opening of this node waits for the slot.
    pub(super) fn is_being_opened(&self, slot: B256) -> bool {
        self.openings.iter().any(|o| o.params.is_some_and(|params| params.slot_key() == slot))
    }

    pub(super) fn on_opening(&mut self, from: Address, message: Message) {
        match message {
            Message::ChannelAsk { lane } => {
                let owner = self.config.owner;
                self.send(from, Message::ChannelInfo { lane, owner });
            }
            Message::ChannelInfo { lane, owner } => self.on_channel_info(from, lane, owner),
            Message::ChannelOffer { params, nonce, dep_a, dep_b } => {
                if let Err(reason) = self.on_offer(from, params, nonce, [dep_a, dep_b]) {
                    let id = params.id(&self.config.domain, nonce);
                    self.refuse(from, id, 0, reason);
                }
            }
            Message::ChannelAgreed { id } => self.on_agreed(from, id),
            _ => {}
        }
    }

    fn on_channel_info(&mut self, from: Address, lane: u16, owner: Address) {
        let policy = self.config.policy.clone();
        let a = Party { owner: self.config.owner, key: self.key() };
        let Some(opening) = self.openings.iter_mut().find(|o| o.peer == from && o.lane == lane && o.params.is_none())
        else {
            return;
        };
        let params = ChannelParams {
            a,
            b: Party { owner, key: from },
            asset: Address::ZERO,
            challenge: policy.challenge,
            window: policy.window,
            k_max: policy.k_max,
            lane,
        };
        opening.params = Some(params);
        if owner == a.owner {
            let tag = opening.tag;
            self.openings.retain(|o| o.tag != tag);
            return self.reply(tag, Reply::Refused(Fault::Peer("the peer names this node's own account".into())));
        }
        self.outputs.push(Output::Watch(Watch::Ledger(params)));
        self.make_offers();
    }

    /// Offers every opening whose slot has been read.
    pub(super) fn make_offers(&mut self) {
        let mut offers = Vec::new();
        for opening in &mut self.openings {
            let (Some(params), None) = (opening.params, opening.offered) else { continue };
            let Some(view) = self.chain.ledgers.get(&params.slot_key()) else { continue };
            if !matches!(view.head.phase, Phase::Virgin | Phase::Closed) || view.head.nonce != view.settled.nonce {
                continue;
            }
            let nonce = view.head.nonce;
            opening.offered = Some((nonce, params.id(&self.config.domain, nonce)));
            let [dep_a, dep_b] = opening.deposits;
            offers.push((opening.peer, Message::ChannelOffer { params, nonce, dep_a, dep_b }));
        }
        for (peer, offer) in offers {
            self.send(peer, offer);
        }
    }

    /// B's checks before it promises to confirm (protocol 0.3).
    fn on_offer(
        &mut self,
        from: Address,
        params: ChannelParams,
        nonce: u64,
        deposits: [Amount; 2],
    ) -> Result<(), String> {
        let id = params.id(&self.config.domain, nonce);
        if self.ledgers.get(&id).is_some_and(|l| l.deposits == deposits && l.peer() == from) {
            self.send(from, Message::ChannelAgreed { id });
            return Ok(());
        }
        self.check_offer(from, &params, deposits)?;
        if self.ledgers.get(&id).is_some_and(|l| l.life != Life::Agreed) || self.is_touched(id) {
            return Err("the deposits were agreed differently".into());
        }
        let ledger = Ledger::new(&self.config.domain, params, nonce, Side::B, deposits);
        self.enter_ledger(ledger);
        self.outputs.push(Output::Watch(Watch::Ledger(params)));
        self.outputs.push(Output::Watch(Watch::Escrow(id)));
        self.send(from, Message::ChannelAgreed { id });
        Ok(())
    }

    fn check_offer(&self, from: Address, params: &ChannelParams, deposits: [Amount; 2]) -> Result<(), String> {
        let policy = self.policy();
        let me = Party { owner: self.config.owner, key: self.key() };
        if !policy.accept_channels {
            return Err("this node does not accept channels".into());
        }
        if params.a.key != from || params.b != me || params.a.owner == me.owner || params.a.owner == Address::ZERO {
            return Err("the parties are not the two of us".into());
        }
        if params.asset != Address::ZERO {
            return Err("this node does not know the asset".into());
        }
        if !policy.accepts_times(params.challenge, params.window, params.k_max) {
            return Err(
                "the refutation period, the window or the number of steps is outside of this node's policy".into()
            );
        }
        if deposits[0].checked_add(deposits[1]).is_none_or(|sum| sum == 0 || sum > MAX_AMOUNT) {
            return Err("the deposits are out of range".into());
        }
        if deposits[1] > policy.deposit_max {
            return Err("this node does not deposit that much".into());
        }
        let everybody = self.index.agreed();
        let agreed = self.index.ledgers_with(from).filter(|id| everybody.contains(id)).count();
        if agreed >= MAX_AGREED || everybody.len() >= MAX_AGREED_TOTAL {
            return Err("too many channels of this peer wait for their deposits".into());
        }
        Ok(())
    }

    fn on_agreed(&mut self, from: Address, id: B256) {
        let position =
            self.openings.iter().position(|o| o.peer == from && o.offered.is_some_and(|(_, offered)| offered == id));
        let Some(opening) = position.map(|i| self.openings.remove(i)) else { return };
        let (Some(params), Some((nonce, _))) = (opening.params, opening.offered) else { return };
        if self.ledgers.get(&id).is_some_and(|l| l.life != Life::Agreed || !l.force) || self.is_touched(id) {
            let fault = Fault::Caller("this channel is being opened already; use another lane for a second one".into());
            return self.reply(opening.tag, Reply::Refused(fault));
        }
        if let Some(budget) = opening.budget
            && let Err(fault) = self.charge_to(budget, from, opening.deposits[0], Some(id))
        {
            return self.reply(opening.tag, Reply::Refused(fault));
        }
        let ledger = Ledger::new(&self.config.domain, params, nonce, Side::A, opening.deposits);
        self.enter_ledger(ledger);
        self.open_tags.insert(id, opening.tag);
        self.outputs.push(Output::Watch(Watch::Escrow(id)));
        self.plan_ledger(id);
    }

    pub(super) fn opening_refused(&mut self, from: Address, id: B256, reason: &str) {
        let position =
            self.openings.iter().position(|o| o.peer == from && o.offered.is_some_and(|(_, offered)| offered == id));
        if let Some(opening) = position.map(|i| self.openings.remove(i)) {
            let reason = alloc::format!("the peer refused the channel: {reason}");
            self.reply(opening.tag, Reply::Refused(Fault::Peer(reason)));
        }
    }

    /// Questions and offers may be lost.
    pub(super) fn resend_openings(&mut self) {
        let (now, period) = (self.env.now_ms, self.policy().resend_ms);
        let mut messages = Vec::new();
        for opening in self.openings.iter_mut().filter(|o| o.sent_ms + period <= now) {
            opening.sent_ms = now;
            let [dep_a, dep_b] = opening.deposits;
            let message = match (opening.params, opening.offered) {
                (None, _) => Message::ChannelAsk { lane: opening.lane },
                (Some(params), Some((nonce, _))) => Message::ChannelOffer { params, nonce, dep_a, dep_b },
                (Some(_), None) => continue,
            };
            messages.push((opening.peer, message));
        }
        for (peer, message) in messages {
            self.send(peer, message);
        }
    }

    pub(super) fn expire_openings(&mut self) {
        let now = self.env.now_ms;
        let (late, open) = core::mem::take(&mut self.openings).into_iter().partition(|o: &Opening| o.until_ms < now);
        self.openings = open;
        for opening in late {
            let fault = if opening.offered.is_none() && opening.params.is_some() {
                Fault::Chain("the chain did not show the channel's slot free in time".into())
            } else {
                Fault::Peer("the peer did not answer in time".into())
            };
            self.reply(opening.tag, Reply::Refused(fault));
        }
    }

    /// Deposits by A and B while the channel is agreed but not open. B reads A's deposit back from a final block.
    pub(super) fn plan_opening(&mut self, id: B256) {
        let Some(ledger) = self.ledgers.get(&id) else { return };
        let Some(view) = self.chain.ledgers.get(&ledger.slot).copied() else { return };
        let (params, nonce, [dep_a, dep_b]) = (ledger.params, ledger.nonce, ledger.deposits);
        let (me, force) = (ledger.me, ledger.force);
        if view.settled.nonce > nonce {
            return self.opening_over(id);
        }
        match me {
            Side::A
                if matches!(view.head.phase, Phase::Virgin | Phase::Closed) && view.head.nonce == nonce && !force =>
            {
                self.submit("open", id, 0, Call::Open { params, nonce, value: dep_a }, None);
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
                self.submit("confirm", id, 0, Call::Confirm { params, id, dep_a, value: dep_b }, None);
            }
            _ => {}
        }
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
        let failed = self.open_tags.keys().copied().find(|id| {
            let words = crate::encode::Words::of_type("open").hash(*id).uint(0);
            TxKey(words.keccak()) == key
        });
        let Some(id) = failed.filter(|_| !self.mined.contains(&key)) else { return };
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

    /// The slot shows the channel open in a final block: signed States count from now on.
    pub(super) fn adopt_open(&mut self, id: B256) {
        let Some(ledger) = self.ledgers.get_mut(&id) else { return };
        let seen = self.chain.ledgers.get(&ledger.slot).copied().unwrap_or_default().settled;
        if ledger.life != Life::Agreed || seen.phase != Phase::Open || seen.nonce != ledger.nonce {
            return;
        }
        ledger.life = Life::Open;
        self.index.opened(id);
        self.dirty_ledgers.insert(id);
        if [seen.dep_a, seen.dep_b] != ledger.deposits {
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
        self.leave_ledger(id);
        self.answer_closed(id);
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
        for id in late.into_iter().filter(|id| !self.is_touched(*id)).collect::<Vec<_>>() {
            self.leave_ledger(id);
            self.ledgers.remove(&id);
            self.dirty_ledgers.remove(&id);
            self.forget(b'l', id);
        }
    }

    /// The slot of a channel that is agreed already shows more than emptiness.
    fn is_touched(&self, id: B256) -> bool {
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
        if let Some(tag) = self.open_tags.remove(&id) {
            let fault = Fault::Peer("the peer did not deposit what was agreed; the channel is being closed".into());
            self.reply(tag, Reply::Refused(fault));
        }
    }
}

fn is_funding(view: &LedgerView, nonce: u64) -> bool {
    view.phase == Phase::Funding && view.nonce == nonce
}
