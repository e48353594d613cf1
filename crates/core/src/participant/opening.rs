//! Opening a ledger channel (protocol 0.3 funding): ask, offer, agree. What follows on the chain is in `funding`.

use super::Participant;
use super::spending::Spend;
use crate::chain::{Phase, Watch};
use crate::funding::{Funding, Source};
use crate::io::{Fault, Output, Reply};
use crate::ledger::{Agreement, Ledger, Life, Word};
use crate::message::{Consent, Message};
use crate::mutant::guard;
use crate::params::{ChannelParams, Party, Side};
use crate::signed::{Amount, MAX_AMOUNT, OpenAuth};
use alloc::string::String;
use alloc::vec::Vec;
use alloy_primitives::{Address, B256};

/// Most bytes of a consent that this node pays calldata for.
const CONSENT_MAX: usize = 2_048;
/// Longest time for which a consent is kept, seconds.
const CONSENT_S_MAX: u64 = 86_400;
/// Unanswered openings are given up after this time, milliseconds.
const PATIENCE_MS: u64 = 30_000;
/// Most agreements without funds, over all peers.
const MAX_AGREED_TOTAL: usize = 1_024;
/// Most channels that a peer may have agreed without funding them.
const MAX_AGREED: usize = 16;

/// What the application wishes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) peer: Address,
    /// Zero address for ETH.
    pub(super) asset: Address,
    /// Of this node and of the peer.
    pub(super) deposits: [Amount; 2],
    pub(super) lane: u16,
    pub(super) from: Source,
    /// The peer sends the transaction.
    pub(super) sponsored: bool,
}

/// An opening by this node before the peer agreed. Forgotten in a crash: nothing is at stake yet.
#[derive(Clone, Debug)]
pub(crate) struct Opening {
    tag: u64,
    wanted: Wanted,
    budget: Option<B256>,
    params: Option<ChannelParams>,
    offered: Option<(u64, B256)>,
    until_ms: u64,
    sent_ms: u64,
}

impl Participant {
    pub(super) fn open_channel(&mut self, tag: u64, wanted: Wanted) -> Result<(), Fault> {
        let Wanted { peer, asset, deposits, lane, .. } = wanted;
        if peer == self.key() {
            return Err(Fault::Caller("a channel needs two different parties".into()));
        }
        if deposits[0].checked_add(deposits[1]).is_none_or(|sum| sum == 0 || sum > MAX_AMOUNT) {
            return Err(Fault::Caller("the deposits together must be between 1 and 2^96 - 1".into()));
        }
        if self.policy().asset(asset).is_none() {
            return Err(Fault::Caller("this node does not take that token; name it in the configuration first".into()));
        }
        if !self.connected.contains(&peer) {
            return Err(Fault::Peer("the peer is not connected".into()));
        }
        if self.openings.iter().any(|o| o.wanted.peer == peer && o.wanted.asset == asset && o.wanted.lane == lane) {
            return Err(Fault::Caller("a channel to this peer is being opened already on this lane".into()));
        }
        self.may_spend(Spend { peer, asset, amount: deposits[0] })?;
        let sent_ms = self.env.now_ms;
        let until_ms = sent_ms + PATIENCE_MS;
        let budget = self.spender;
        self.openings.push(Opening { tag, wanted, budget, params: None, offered: None, until_ms, sent_ms });
        self.send(peer, Message::ChannelAsk { asset, lane });
        Ok(())
    }

    /// An opening of this node waits for the slot.
    pub(super) fn is_being_opened(&self, slot: B256) -> bool {
        self.openings.iter().any(|o| o.params.is_some_and(|params| params.slot_key() == slot))
    }

    pub(super) fn on_opening(&mut self, from: Address, message: Message) {
        match message {
            Message::ChannelAsk { asset, lane } => {
                let owner = self.config.owner;
                self.send(from, Message::ChannelInfo { asset, lane, owner });
            }
            Message::ChannelInfo { asset, lane, owner } => self.on_channel_info(from, asset, lane, owner),
            Message::ChannelOffer { params, nonce, dep_a, dep_b } => {
                if let Err(reason) = self.on_offer(from, params, nonce, [dep_a, dep_b]) {
                    let id = params.id(&self.config.domain, nonce);
                    self.refuse(from, id, 0, reason);
                }
            }
            Message::ChannelAgreed { id, consent } => self.on_agreed(from, id, consent),
            Message::ChannelConsent { id, consent } => self.on_channel_consent(from, id, consent),
            _ => {}
        }
    }

    fn on_channel_info(&mut self, from: Address, asset: Address, lane: u16, owner: Address) {
        let policy = self.config.policy.clone();
        let a = Party { owner: self.config.owner, key: self.key() };
        let asked = |o: &&mut Opening| o.wanted.peer == from && o.wanted.asset == asset && o.wanted.lane == lane;
        let Some(opening) = self.openings.iter_mut().find(|o| asked(o) && o.params.is_none()) else { return };
        let params = ChannelParams {
            a,
            b: Party { owner, key: from },
            asset,
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
            let [dep_a, dep_b] = opening.wanted.deposits;
            offers.push((opening.wanted.peer, Message::ChannelOffer { params, nonce, dep_a, dep_b }));
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
        let known = self.ledgers.get(&id);
        if known
            .is_some_and(|l| l.me == Side::B && l.life != Life::Closed && l.deposits == deposits && l.peer() == from)
        {
            self.answer_offer(id);
            return Ok(());
        }
        self.check_offer(from, &params, deposits)?;
        let known = self.ledgers.get(&id);
        if known.is_some_and(|l| l.life != Life::Agreed || self.may_still_open(l)) || self.is_touched(id) {
            return Err("the deposits were agreed differently".into());
        }
        let ledger = Ledger::new(&self.config.domain, params, nonce, Side::B, deposits);
        self.enter_ledger(Ledger { from: self.policy().deposit_from, ..ledger });
        self.outputs.push(Output::Watch(Watch::Ledger(params)));
        self.outputs.push(Output::Watch(Watch::Escrow(id)));
        self.answer_offer(id);
        Ok(())
    }

    /// B's answer. Where its owner signs for an opening in one transaction, that comes first.
    fn answer_offer(&mut self, id: B256) {
        let Some(ledger) = self.ledgers.get(&id) else { return };
        let (peer, side, params) = (ledger.peer(), ledger.me, ledger.params);
        if ledger.life != Life::Agreed || ledger.force {
            return; // what was called off gets no consent
        }
        let good = |a: &Agreement| a.not_after > self.now() + self.policy().m_safe;
        let known = ledger.consent.clone().filter(good);
        if let Some(Agreement { not_after, word: Word::Given(funding) }) = known {
            let consent = Some(Consent { not_after, funding });
            return self.send(peer, Message::ChannelAgreed { id, consent });
        }
        let outlived = ledger.consent.is_some() && known.is_none();
        if outlived || !self.policy().authorise || !self.sees_the_chain() {
            return self.send(peer, Message::ChannelAgreed { id, consent: None });
        }
        let not_after = known.map_or(self.now() + self.policy().authorisation_validity, |a| a.not_after);
        let [dep_a, dep_b] = ledger.deposits;
        if let Some(ledger) = self.ledgers.get_mut(&id) {
            ledger.consent = Some(Agreement { not_after, word: Word::Asked });
            self.dirty_ledgers.insert(id);
        }
        let terms = OpenAuth { id, dep_a, dep_b, not_after };
        self.outputs.push(Output::Authorise { params, side, terms });
    }

    /// The owner has signed, or has not: only now the peer hears of it.
    pub(super) fn on_authorised(&mut self, id: B256, not_after: u64, funding: Result<Funding, String>) {
        let Some(ledger) = self.ledgers.get_mut(&id).filter(|l| l.life == Life::Agreed) else { return };
        if ledger.me == Side::A {
            return self.on_own_consent(id, not_after, funding);
        }
        if ledger.consent != Some(Agreement { not_after, word: Word::Asked }) {
            return;
        }
        // What this node does not want any more does not leave it.
        let (peer, called_off) = (ledger.peer(), ledger.force);
        let funding = funding.ok().filter(|_| !called_off);
        ledger.consent = funding.clone().map(|funding| Agreement::given(not_after, funding));
        self.dirty_ledgers.insert(id);
        if called_off {
            return self.plan_ledger(id);
        }
        let consent = funding.map(|funding| Consent { not_after, funding });
        self.send(peer, Message::ChannelAgreed { id, consent });
    }

    /// What the owner signed may still open it: until the final chain is past its last second, nothing is forgotten.
    pub(super) fn may_still_open(&self, ledger: &Ledger) -> bool {
        let over = |a: &Agreement| self.chain.settled.time > a.not_after;
        let live = |agreement: &Option<Agreement>| agreement.as_ref().is_some_and(|a| !over(a));
        let signed = live(&ledger.sponsored) || (ledger.me == Side::B && live(&ledger.consent));
        !guard!("0.3-consent-out", !signed)
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
        let limits = policy.asset(params.asset).ok_or("this node does not take the asset")?;
        if !policy.accepts_times(params.challenge, params.window, params.k_max) {
            return Err(
                "the refutation period, the window or the number of steps is outside of this node's policy".into()
            );
        }
        if deposits[0].checked_add(deposits[1]).is_none_or(|sum| sum == 0 || sum > MAX_AMOUNT) {
            return Err("the deposits are out of range".into());
        }
        if deposits[1] > limits.deposit_max {
            return Err("this node does not deposit that much".into());
        }
        let everybody = self.index.agreed();
        let agreed = self.index.ledgers_with(from).filter(|id| everybody.contains(id)).count();
        if agreed >= MAX_AGREED || everybody.len() >= MAX_AGREED_TOTAL {
            return Err("too many channels of this peer wait for their deposits".into());
        }
        Ok(())
    }

    fn on_agreed(&mut self, from: Address, id: B256, consent: Option<Consent>) {
        let position = self.opening_of(from, id);
        let Some(opening) = position.map(|i| self.openings.remove(i)) else { return };
        let (Some(params), Some((nonce, _))) = (opening.params, opening.offered) else { return };
        let in_use = |l: &Ledger| l.life != Life::Agreed || !l.force || self.may_still_open(l);
        if self.ledgers.get(&id).is_some_and(in_use) || self.is_touched(id) {
            let fault = Fault::Caller("this channel is being opened already; use another lane for a second one".into());
            return self.reply(opening.tag, Reply::Refused(fault));
        }
        if let Some(budget) = opening.budget
            && let Err(fault) = self.charge_to(budget, opening.wanted.spend(), Some(id))
        {
            return self.reply(opening.tag, Reply::Refused(fault));
        }
        let ledger = Ledger::new(&self.config.domain, params, nonce, Side::A, opening.wanted.deposits);
        let consent = consent.filter(|c| self.is_of_use(c, opening.wanted.deposits[1]));
        let consent = consent.map(|c| Agreement::given(c.not_after, c.funding));
        self.enter_ledger(Ledger { from: opening.wanted.from, consent, ..ledger });
        self.open_tags.insert(id, opening.tag);
        self.outputs.push(Output::Watch(Watch::Escrow(id)));
        if opening.wanted.sponsored {
            self.ask_own_consent(id);
        }
        self.plan_ledger(id);
    }

    /// The peer pays its own `deposit`, there is time, and what it says is short: it is this node that pays for the call.
    pub(super) fn is_of_use(&self, consent: &Consent, deposit: Amount) -> bool {
        // The sender of the call would pay it: this node.
        let theirs = !matches!(consent.funding, Funding::Sender { .. }) || deposit == 0;
        let (now, m_safe) = (self.now(), self.policy().m_safe);
        guard!("0.3-consent-pays-itself", theirs)
            && (now + m_safe + 1..=now + CONSENT_S_MAX).contains(&consent.not_after)
            && consent.funding.encode().len() <= CONSENT_MAX
    }

    fn opening_of(&self, peer: Address, id: B256) -> Option<usize> {
        let offered = |o: &Opening| o.offered.is_some_and(|(_, offered)| offered == id);
        self.openings.iter().position(|o| o.wanted.peer == peer && offered(o))
    }

    pub(super) fn opening_refused(&mut self, from: Address, id: B256, reason: &str) {
        let position = self.opening_of(from, id);
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
            let Wanted { peer, asset, deposits: [dep_a, dep_b], lane, .. } = opening.wanted;
            let message = match (opening.params, opening.offered) {
                (None, _) => Message::ChannelAsk { asset, lane },
                (Some(params), Some((nonce, _))) => Message::ChannelOffer { params, nonce, dep_a, dep_b },
                (Some(_), None) => continue,
            };
            messages.push((peer, message));
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
}

impl Wanted {
    fn spend(&self) -> Spend {
        Spend { peer: self.peer, asset: self.asset, amount: self.deposits[0] }
    }
}
