//! Agreeing on a nanocontract: offer, answer within the named time, and everything that is checked before anything is signed.

use crate::instance::{Deal, Instance};
use crate::io::{Event, Fault, Reply};
use crate::message::{Message, NanoTerms};
use crate::mutant::guard;
use crate::nano::{CODE_MAX, STORAGE_MAX};
use crate::params::Side;
use crate::participant::Participant;
use crate::signed::{Amount, MAX_AMOUNT};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloy_primitives::{Address, B256, keccak256};

/// Gas of registering one nanocontract with its channel's State.
pub(super) const REGISTER_GAS: u64 = 122_000;
/// Gas of a forced step besides the code's own.
pub(super) const STEP_GAS: u64 = 64_000;
/// Gas of one byte of calldata.
pub(super) const BYTE_GAS: u64 = 16;
/// Most gas of a transaction (EIP-7825).
const TRANSACTION_GAS: u64 = 1 << 24;

/// Most offers of a channel that may come to nothing until the next start.
const SPENT_MAX: usize = 4_096;

/// Longest time to answer that is accepted from a peer, seconds, unless the own one is longer.
const ANSWER_MAX_S: u64 = 3_600;

/// What [`Command::OpenNano`](crate::io::Command::OpenNano) says.
pub(in crate::participant) struct Wished {
    pub(in crate::participant) ch: B256,
    pub(in crate::participant) terms: NanoTerms,
    pub(in crate::participant) code: Vec<u8>,
    pub(in crate::participant) within: Option<u64>,
}

impl Participant {
    pub(in crate::participant) fn open_nano(&mut self, tag: u64, wished: Wished) -> Result<(), Fault> {
        let Wished { ch, terms, code, within } = wished;
        let peer = self.peer_of(ch).ok_or_else(|| Fault::Caller("no such channel".into()))?;
        self.updatable(ch)?;
        let until = self.now().saturating_add(within.unwrap_or(self.policy().nano.answer));
        self.check_nano(ch, &terms, &code, until).map_err(Fault::Caller)?;
        if !self.connected.contains(&peer) {
            return Err(Fault::Peer("the peer is not connected".into()));
        }
        let nid = self.draw();
        let Some(me) = self.book(ch).map(|b| b.log.me) else { return Err(Fault::Caller("no such channel".into())) };
        let mut instance = Instance::new(ch, nid, me, terms.clone(), Deal::Proposed, until);
        instance.memory.open_tag = Some(tag);
        instance.memory.sent_ms = self.env.now_ms;
        self.keep_code(terms.code_hash, code.clone());
        self.enter_nano(instance);
        self.send(peer, Message::NanoOffer { ch, nid, terms, code, until });
        Ok(())
    }

    pub(in crate::participant) fn on_nano_offer(&mut self, from: Address, nid: B256, wished: Wished, until: u64) {
        let Wished { ch, terms, code, .. } = wished;
        if self.peer_of(ch) != Some(from) {
            return self.decline(from, ch, nid, "no such channel");
        }
        if let Some(known) = self.nanos.get(&(ch, nid)) {
            if known.terms == terms && matches!(known.deal, Deal::Agreed | Deal::Open) {
                self.send(from, Message::NanoAgree { ch, nid });
            }
            return;
        }
        let spent = self.spent_names.get(&ch).is_some_and(|names| names.contains(&nid) || names.len() >= SPENT_MAX);
        if spent {
            return self.decline(from, ch, nid, "an offer of that name came to nothing before, or too many did");
        }
        let longest = self.now().saturating_add(self.policy().nano.answer.max(ANSWER_MAX_S));
        let checked = match self.updatable(ch) {
            Err(fault) => Err(words(&fault)),
            Ok(()) if until > longest || until < self.now() => {
                Err(String::from("the time to answer is over, or too far away"))
            }
            Ok(()) => self.check_nano(ch, &terms, &code, until),
        };
        if let Err(reason) = checked {
            return self.decline(from, ch, nid, &reason);
        }
        let Some(me) = self.book(ch).map(|b| b.log.me) else { return };
        self.keep_code(terms.code_hash, code);
        self.enter_nano(Instance::new(ch, nid, me, terms.clone(), Deal::Offered, until));
        self.event(Event::NanoOffered { ch, nid, terms, until });
    }

    pub(in crate::participant) fn answer_nano(
        &mut self,
        tag: u64,
        ch: B256,
        nid: B256,
        refuse: Option<String>,
    ) -> Result<(), Fault> {
        let offered = self.nanos.get(&(ch, nid)).filter(|n| n.deal == Deal::Offered);
        let Some(offered) = offered else { return Err(Fault::Caller("there is no such offer".into())) };
        let (terms, until) = (offered.terms.clone(), offered.until);
        let peer = self.peer_of(ch).ok_or_else(|| Fault::Caller("no such channel".into()))?;
        if let Some(reason) = refuse {
            self.remove_nano(ch, nid);
            self.decline(peer, ch, nid, &reason);
            self.reply(tag, Reply::Done);
            return Ok(());
        }
        if self.now() > until {
            return Err(Fault::Caller("the time to answer is over".into()));
        }
        self.updatable(ch)?;
        let code = self.codes.get(&terms.code_hash).cloned().unwrap_or_default();
        // The channel may have moved since it was offered.
        self.check_nano(ch, &terms, &code, until).map_err(Fault::Caller)?;
        self.agree(ch, nid);
        if let Some(instance) = self.nano_mut(ch, nid) {
            instance.memory.open_tag = Some(tag);
        }
        self.send(peer, Message::NanoAgree { ch, nid });
        Ok(())
    }

    /// A late answer counts within the named time; behind it, nothing was signed (protocol 0.1, 𝒯).
    pub(in crate::participant) fn on_nano_agree(&mut self, from: Address, ch: B256, nid: B256) {
        if self.peer_of(ch) != Some(from) {
            return;
        }
        let Some(instance) = self.nanos.get(&(ch, nid)) else {
            return self.decline(from, ch, nid, "there is no such offer any more");
        };
        if instance.deal == Deal::Proposed {
            if self.now() > instance.until {
                return self.give_up_nano(ch, nid, "the answer came too late");
            }
            self.agree(ch, nid);
        }
    }

    fn agree(&mut self, ch: B256, nid: B256) {
        let until = self.now().saturating_add(self.policy().nano.answer);
        if let Some(instance) = self.nano_mut(ch, nid) {
            instance.deal = Deal::Agreed;
            instance.until = until;
        }
    }

    pub(in crate::participant) fn on_nano_decline(&mut self, from: Address, ch: B256, nid: B256, reason: &str) {
        if self.peer_of(ch) == Some(from) {
            self.give_up_nano(ch, nid, reason);
        }
    }

    /// It does not come about, unless a State that holds it may still be signed by the peer.
    pub(in crate::participant) fn give_up_nano(&mut self, ch: B256, nid: B256, reason: &str) {
        let Some(instance) = self.nanos.get_mut(&(ch, nid)).filter(|n| n.deal != Deal::Open) else { return };
        let (tag, offered) = (instance.memory.open_tag.take(), instance.deal == Deal::Offered);
        if offered {
            self.spent_names.entry(ch).or_default().insert(nid);
        }
        if self.book(ch).is_some_and(|b| b.may_hold_nano(nid)) {
            return self.give_up_later(ch, nid, tag, reason);
        }
        self.remove_nano(ch, nid);
        self.event(Event::NanoDeclined { ch, nid, reason: reason.into() });
        if let Some(tag) = tag {
            self.reply(tag, Reply::Refused(Fault::Peer(reason.into())));
        }
    }

    /// My signature on a State with it is out: it stays until a higher State without it is signed by both.
    fn give_up_later(&mut self, ch: B256, nid: B256, tag: Option<u64>, reason: &str) {
        if let Some(instance) = self.nano_mut(ch, nid) {
            instance.until = 0;
        }
        if let Some(tag) = tag {
            self.reply(tag, Reply::Unknown { reason: reason.into() });
        }
    }

    fn decline(&mut self, to: Address, ch: B256, nid: B256, reason: &str) {
        self.send(to, Message::NanoDecline { ch, nid, reason: reason.into() });
    }

    /// Everything that is checked before a nanocontract is agreed to: that its whole dispute can be enforced, and is worth it.
    fn check_nano(&self, ch: B256, terms: &NanoTerms, code: &[u8], until: u64) -> Result<(), String> {
        self.check_code(terms, code)?;
        self.check_shape_of(ch, terms)?;
        self.check_cost(ch, terms, code)?;
        self.check_time_for(ch, until)?;
        let Some(book) = self.book(ch) else { return Err("no such channel".into()) };
        let body = &book.log.cur().body;
        let waiting = self.nanos_of(ch).filter(|n| n.deal != Deal::Open).count();
        if body.nanos.len() + waiting >= self.policy().nano.open_max {
            return Err("too many nanocontracts are open in this channel".into());
        }
        let fits = |side: Side, stake: Amount| body.cash(side).is_some_and(|cash| stake <= cash);
        let funded = fits(Side::A, terms.da0) && fits(Side::B, terms.total - terms.da0);
        if !guard!("2.3-nano-funded", funded) {
            return Err("a party does not have enough cash in the channel".into());
        }
        Ok(())
    }

    fn check_code(&self, terms: &NanoTerms, code: &[u8]) -> Result<(), String> {
        if code.len() > CODE_MAX {
            return Err("the code is longer than 24,576 bytes".into());
        }
        if !guard!("2.7-code-hash", keccak256(code) == terms.code_hash) {
            return Err("the code does not have the hash that the terms name".into());
        }
        let admitted = self.evaluator.admit(code);
        if guard!("2.7-code-admitted", admitted.is_ok()) { Ok(()) } else { admitted }
    }

    fn check_shape_of(&self, ch: B256, terms: &NanoTerms) -> Result<(), String> {
        let policy = &self.policy().nano;
        if !guard!("2.7-storage", terms.storage.len() <= policy.storage_max.min(STORAGE_MAX)) {
            return Err(alloc::format!("the storage is longer than {} bytes", policy.storage_max.min(STORAGE_MAX)));
        }
        let sound = (1..=MAX_AMOUNT).contains(&terms.total) && terms.da0 <= terms.total && terms.mover0 <= 1;
        if !guard!("2.3-nano-stakes", sound) {
            return Err("the stakes or the first mover are out of range".into());
        }
        let (_, k_max) = self.times_of(ch).ok_or("no such channel")?;
        if !guard!("2.3-nano-steps", (1..=k_max.min(self.policy().k_max)).contains(&terms.k_max)) {
            return Err("it has more forced steps than the channel allows, or none".into()); // S65
        }
        if !guard!("2.7-gas", (1..=policy.gas_max).contains(&terms.gas)) {
            return Err("its gas bound is not acceptable".into());
        }
        Ok(())
    }

    /// A step must fit a transaction (S28), and what is at stake must be worth the whole dispute (S47).
    fn check_cost(&self, ch: B256, terms: &NanoTerms, code: &[u8]) -> Result<(), String> {
        let data = BYTE_GAS * (2 * grown(terms.storage.len()) as u64 + 2_048);
        // All but one 64th is passed on (EIP-150), twice: to the second half of the Adjudicator's code, and to this one.
        let step = (STEP_GAS + data + u64::from(terms.gas) * 64 / 63) * 64 / 63;
        if !guard!("2.7-fits-transaction", REGISTER_GAS + step <= TRANSACTION_GAS) {
            return Err("a forced step would not fit a transaction".into());
        }
        let dispute = REGISTER_GAS + 200 * code.len() as u64 + step * u64::from(terms.k_max);
        let limits = self.asset_of(ch).and_then(|asset| self.policy().asset(asset));
        let limits = limits.ok_or("this node does not take the asset")?;
        let cost = Amount::from(dispute).saturating_mul(limits.ggas_price).div_ceil(1_000_000_000);
        if !guard!("2.7-worth-it", terms.total >= cost) {
            let unit = if self.asset_of(ch) == Some(Address::ZERO) { "wei" } else { "units" };
            return Err(alloc::format!("it holds {} {unit}, but a dispute may cost {cost} {unit} in gas", terms.total));
        }
        Ok(())
    }

    /// In a virtual channel there must be time to play it before the channel is closed.
    fn check_time_for(&self, ch: B256, until: u64) -> Result<(), String> {
        let Some(virt) = self.virtuals.get(&ch) else { return Ok(()) };
        let policy = self.policy();
        let needed = until.saturating_add(policy.close_lead).saturating_add(2 * policy.m_safe);
        if !guard!("2.3-nano-time", needed <= virt.params.t_exp) {
            return Err("the virtual channel ends before it could be played".into());
        }
        Ok(())
    }

    /// Window of a forced step, seconds, and most forced steps of a channel.
    pub(super) fn times_of(&self, ch: B256) -> Option<(u32, u16)> {
        let ledger = self.ledgers.get(&ch).map(|l| (l.params.window, l.params.k_max));
        ledger.or_else(|| self.virtuals.get(&ch).map(|v| (v.params.window, v.params.k_max)))
    }
}

/// Most bytes that the storage may grow to off chain, from `initial`: so much was priced when it was opened.
pub(super) fn grown(initial: usize) -> usize {
    (2 * initial + 1_024).min(STORAGE_MAX)
}

impl Fault {
    /// In words.
    pub(in crate::participant) fn reason(&self) -> &str {
        match self {
            Self::Caller(r) | Self::Peer(r) | Self::Chain(r) | Self::Limit(r) => r,
        }
    }
}

/// A refusal as a sentence for a peer.
pub(super) fn words(fault: &Fault) -> String {
    fault.reason().to_string()
}
