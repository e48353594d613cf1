//! Nanocontracts in the State of their channel: opened and closed by level-1 updates (protocol 1.4(11), (12)).

use crate::body::Body;
use crate::instance::{Deal, Instance, Live};
use crate::io::{Event, Fault, Reply, Write};
use crate::ledger::Life;
use crate::message::{LinkOp, Message};
use crate::mutant::guard;
use crate::participant::{Participant, record_key};
use crate::signed::{Amount, Eip712, Entry};
use alloc::string::String;
use alloc::vec::Vec;
use alloy_primitives::{B256, keccak256};

impl Participant {
    pub(in crate::participant) fn nanos_of(&self, ch: B256) -> impl Iterator<Item = &Instance> + '_ {
        self.nanos.range((ch, B256::ZERO)..=(ch, B256::repeat_byte(0xff))).map(|(_, n)| n)
    }

    pub(super) fn nids_of(&self, ch: B256) -> Vec<B256> {
        self.nanos_of(ch).map(|n| n.nid).collect()
    }

    /// Nanocontracts stand in the State of this channel, or are about to.
    pub(in crate::participant) fn has_nanos(&self, ch: B256) -> bool {
        self.nanos_of(ch).any(|n| matches!(n.deal, Deal::Agreed | Deal::Open))
    }

    /// Some nanocontract of this channel waits for something.
    pub(in crate::participant) fn nanos_wait(&self, ch: B256) -> bool {
        self.nanos_of(ch).any(|n| !n.rests())
    }

    /// For changes: marks it dirty.
    pub(super) fn nano_mut(&mut self, ch: B256, nid: B256) -> Option<&mut Instance> {
        let instance = self.nanos.get_mut(&(ch, nid))?;
        self.dirty_nanos.insert((ch, nid));
        Some(instance)
    }

    pub(super) fn enter_nano(&mut self, instance: Instance) {
        let key = (instance.ch, instance.nid);
        self.touched.insert(instance.ch);
        self.nanos.insert(key, instance);
        self.dirty_nanos.insert(key);
    }

    pub(super) fn keep_code(&mut self, hash: B256, code: Vec<u8>) {
        if self.codes.insert(hash, code).is_none() {
            self.dirty_codes.insert(hash);
        }
    }

    /// Nothing can come of it any more.
    pub(super) fn remove_nano(&mut self, ch: B256, nid: B256) {
        let Some(gone) = self.nanos.remove(&(ch, nid)) else { return };
        self.dirty_nanos.remove(&(ch, nid));
        self.forgotten.push(Write { key: nano_key(ch, nid), value: None });
        let hash = gone.terms.code_hash;
        if !self.nanos.values().any(|n| n.terms.code_hash == hash) {
            self.codes.remove(&hash);
            self.dirty_codes.remove(&hash);
            self.forgotten.push(Write { key: record_key(b'c', hash), value: None });
        }
        let Some(live) = gone.live else { return };
        let entry = live.entry.struct_hash();
        let slot = crate::params::nano_slot(&self.config.domain, ch, entry);
        self.signer.forget_nano(slot);
        self.forgotten.push(Write { key: record_key(b'g', slot), value: None });
        self.unwatch_nano(ch, entry);
    }

    /// Wanted now: what both agreed on, and the end of what is over.
    pub(in crate::participant) fn wanted_nano_ops(&self, ch: B256) -> Vec<LinkOp> {
        let Some(cur) = self.book(ch).map(|b| &b.log.cur().body) else { return Vec::new() };
        let wanted = |n: &Instance| match (n.deal, &n.live) {
            (Deal::Agreed, _) => {
                (self.now() <= n.until && cur.nano(n.nid).is_none()).then_some(LinkOp::OpenNano { nid: n.nid })
            }
            (Deal::Open, Some(live)) if cur.nano(n.nid).is_some() => {
                let ends = live.is_over() || n.wants_close;
                let free = live.is_free() && (live.handed.is_none() || live.is_over());
                (ends && free).then_some(LinkOp::CloseNano { nid: n.nid, cur: live.cur() })
            }
            _ => None,
        };
        self.nanos_of(ch).filter_map(wanted).collect()
    }

    /// Whether this party signs the change if the peer wants it: closing at the newest version takes nothing from whoever is not
    /// the mover, since the mover may stall.
    pub(in crate::participant) fn agrees_nano(&self, ch: B256, op: &LinkOp) -> bool {
        if self.wanted_nano_ops(ch).contains(op) {
            return true;
        }
        let LinkOp::CloseNano { nid, cur } = op else { return false };
        let Some(instance) = self.nanos.get(&(ch, *nid)) else { return false };
        let Some(live) = &instance.live else { return false };
        let stands = self.book(ch).is_some_and(|b| b.holds_nano_firmly(&live.entry));
        let at_cur = guard!("1.4.12-nano-cur", live.cur() == *cur);
        let unmoved = guard!("1.4.12-nano-own", live.own.is_none());
        stands && at_cur && unmoved && guard!("1.4.12-nano-mover", !instance.is_me(live.top.nano.mover))
    }

    /// The peer wants it closed and this party, being the mover, is not asked by the rules to agree: the application hears of it.
    pub(in crate::participant) fn tell_close_wish(&mut self, ch: B256, op: &LinkOp) {
        if let LinkOp::CloseNano { nid, cur } = op
            && let Some(instance) = self.nanos.get_mut(&(ch, *nid))
            && instance.live.as_ref().is_some_and(|l| instance.is_me(l.top.nano.mover) && !l.is_over())
            && !instance.wants_close
            && instance.memory.asked_told.replace(*cur) != Some(*cur)
        {
            self.event(Event::NanoCloseAsked { ch, nid: *nid });
        }
    }

    /// What the level-1 changes do to the nanocontracts of a State of version `ver`.
    #[allow(clippy::type_complexity, reason = "the two lists of a change")]
    pub(in crate::participant) fn nano_changes(
        &self,
        ch: B256,
        ver: u64,
        ops: &[LinkOp],
    ) -> Result<(Vec<(B256, Amount)>, Vec<Entry>), String> {
        let (mut close, mut open) = (Vec::new(), Vec::new());
        for op in ops {
            match op {
                LinkOp::OpenNano { nid } => {
                    let instance = self.nanos.get(&(ch, *nid)).ok_or("an unknown nanocontract")?;
                    open.push(instance.terms.entry(*nid, ver));
                }
                LinkOp::CloseNano { nid, cur } => {
                    let live = self.nanos.get(&(ch, *nid)).and_then(|n| n.live.as_ref());
                    let named = |l: &&Live| guard!("1.4.12-nano-named", l.cur() == *cur);
                    let live = live.filter(named).ok_or("another version of the nanocontract is the newest")?;
                    close.push((*nid, live.top.nano.da));
                }
                LinkOp::Add { .. }
                | LinkOp::Remove { .. }
                | LinkOp::Renew { .. }
                | LinkOp::Count { .. }
                | LinkOp::Uncount { .. } => {}
            }
        }
        Ok((close, open))
    }

    /// Whether what `own` does to the nanocontracts of `base` is still wanted.
    pub(in crate::participant) fn nanos_are(&self, own: &Body, base: &Body, wanted: &[LinkOp]) -> bool {
        let opened = own.nanos.iter().filter(|e| base.nano(e.nid).is_none());
        let closed = base.nanos.iter().filter(|e| own.nano(e.nid).is_none());
        let opens = |nid: B256| wanted.contains(&LinkOp::OpenNano { nid });
        let closes = |id: B256| wanted.iter().any(|op| matches!(op, LinkOp::CloseNano { nid, .. } if *nid == id));
        opened.into_iter().all(|e| opens(e.nid)) && closed.into_iter().all(|e| closes(e.nid))
    }

    pub(in crate::participant) fn close_nano(&mut self, tag: u64, ch: B256, nid: B256) -> Result<(), Fault> {
        self.acceptable(ch)?;
        let Some(instance) = self.nano_mut(ch, nid).filter(|n| n.live.is_some()) else {
            return Err(Fault::Caller("there is no such nanocontract, or it is not open".into()));
        };
        instance.wants_close = true;
        instance.memory.close_tags.push(tag);
        self.fold_handed(ch, nid);
        Ok(())
    }

    /// The peer plays on: the wish is over, unless the rules end it.
    pub(in crate::participant) fn close_refused(&mut self, ch: B256, nid: B256, reason: &str) {
        let Some(instance) = self.nano_mut(ch, nid).filter(|n| n.wants_close) else { return };
        instance.wants_close = false;
        for tag in core::mem::take(&mut instance.memory.close_tags) {
            self.reply(tag, Reply::Rejected { reason: reason.into() });
        }
    }

    /// What the peer handed over is played before anything is closed.
    fn fold_handed(&mut self, ch: B256, nid: B256) {
        let Some(live) = self.nanos.get(&(ch, nid)).and_then(|n| n.live.as_ref()) else { return };
        if let Some(input) = live.handed.clone().filter(|_| live.own.is_none() && !live.is_over()) {
            // If it is not possible now, it is played in a dispute.
            let _ = self.sign_step(None, (ch, nid), input, None);
        }
    }

    /// The virtual channel is about to end: what was handed over is folded and closed, and of the rest the application hears.
    pub(in crate::participant) fn wind_up_nanos(&mut self, ch: B256, deadline: u64) {
        for nid in self.nids_of(ch) {
            let Some(instance) = self.nano_mut(ch, nid) else { continue };
            let Some(live) = instance.live.as_ref().filter(|live| !live.is_over()) else { continue };
            if live.handed.is_some() && instance.is_me(live.top.nano.mover) {
                instance.wants_close = true;
                self.fold_handed(ch, nid);
            } else {
                self.event(Event::NanoMustEnd { ch, nid, deadline });
            }
        }
    }

    /// Whatever has become possible for the nanocontracts of a channel.
    pub(in crate::participant) fn pump_nanos(&mut self, ch: B256) {
        for nid in self.nids_of(ch) {
            self.pump_nano(ch, nid);
        }
    }

    fn pump_nano(&mut self, ch: B256, nid: B256) {
        let Some(instance) = self.nanos.get(&(ch, nid)) else { return };
        if self.is_gone(ch) {
            return self.tell_closed(ch, nid, true);
        }
        let Some(book) = self.book(ch) else { return };
        let entry = book.log.cur().body.nano(nid).copied();
        let late = self.now() > instance.until;
        match (instance.deal, entry) {
            (Deal::Agreed, Some(entry)) => self.adopt_nano(ch, nid, entry),
            (Deal::Agreed, None) if late && !book.may_hold_nano(nid) => {
                self.give_up_nano(ch, nid, "it was not opened in time");
            }
            (Deal::Proposed, _) if late => self.take_back(ch, nid),
            (Deal::Offered, _) if late => self.give_up_nano(ch, nid, "it was not answered in time"),
            (Deal::Open, None) => {
                let forget = !book.may_hold_nano(nid);
                self.tell_closed(ch, nid, forget);
            }
            (Deal::Open, Some(_)) if instance.wants_close => self.fold_handed(ch, nid),
            _ => {}
        }
    }

    /// Its channel is over, through the chain or without it.
    fn is_gone(&self, ch: B256) -> bool {
        let ledger = self.ledgers.get(&ch).map(|l| !matches!(l.life, Life::Open | Life::Agreed));
        ledger.or_else(|| self.virtuals.get(&ch).map(|v| v.done)).unwrap_or(true)
    }

    fn take_back(&mut self, ch: B256, nid: B256) {
        if let Some(peer) = self.peer_of(ch) {
            self.send(peer, Message::NanoDecline { ch, nid, reason: "the time to answer is over".into() });
        }
        self.give_up_nano(ch, nid, "the peer did not answer in time");
    }

    fn adopt_nano(&mut self, ch: B256, nid: B256, entry: Entry) {
        let Some(instance) = self.nano_mut(ch, nid) else { return };
        instance.deal = Deal::Open;
        instance.live = Some(Live::new(ch, entry, instance.terms.storage.clone(), 0));
        let tag = instance.memory.open_tag.take();
        self.event(Event::NanoOpen { ch, nid });
        if let Some(tag) = tag {
            self.reply(tag, Reply::NanoOpened { ch, nid });
        }
    }

    fn tell_closed(&mut self, ch: B256, nid: B256, forget: bool) {
        let da = self.final_da(ch, nid);
        let Some(instance) = self.nanos.get(&(ch, nid)) else { return };
        if instance.live.is_none() && self.is_gone(ch) {
            return self.give_up_nano(ch, nid, "its channel ended");
        }
        if let Some(instance) = self.nano_mut(ch, nid).filter(|n| !n.closed && n.live.is_some()) {
            instance.closed = true;
            let tags = core::mem::take(&mut instance.memory.close_tags);
            self.event(Event::NanoClosed { ch, nid, da });
            for tag in tags {
                self.reply(tag, Reply::NanoClosed { ch, nid });
            }
        }
        if forget {
            self.remove_nano(ch, nid);
        }
    }

    /// As far as this node knows: what the chain registered, or what the newest version says.
    fn final_da(&self, ch: B256, nid: B256) -> Amount {
        let Some(live) = self.nanos.get(&(ch, nid)).and_then(|n| n.live.as_ref()) else { return 0 };
        let seen = self.chain.nanos.get(&(ch, live.entry.struct_hash()));
        match seen.map(|seen| seen.head.as_ref()) {
            Some(Some(view)) => view.da,
            // A dispute ran, and nobody registered it.
            Some(None) => live.entry.da0,
            None => live.top.nano.da,
        }
    }

    /// The connection is new: the peer may have missed anything.
    pub(in crate::participant) fn resend_nanos_of(&mut self, ch: B256) {
        for nid in self.nids_of(ch) {
            self.resend_nano(ch, nid);
        }
    }

    /// What waited too long for an answer is sent again.
    pub(in crate::participant) fn resend_due_nanos(&mut self) {
        let (now, period) = (self.env.now_ms, self.policy().resend_ms);
        let due = |n: &&Instance| !n.rests() && n.memory.sent_ms + period <= now;
        let due: Vec<(B256, B256)> = self.nanos.values().filter(due).map(|n| (n.ch, n.nid)).collect();
        for (ch, nid) in due {
            self.resend_nano(ch, nid);
        }
    }

    fn resend_nano(&mut self, ch: B256, nid: B256) {
        let Some(peer) = self.peer_of(ch).filter(|peer| self.connected.contains(peer)) else { return };
        let now = self.env.now_ms;
        if self.repeat_step(ch, nid) {
            return;
        }
        let Some(instance) = self.nanos.get_mut(&(ch, nid)) else { return };
        instance.memory.sent_ms = now;
        let message = match (instance.deal, &instance.live) {
            (Deal::Proposed, _) => {
                let (terms, until) = (instance.terms.clone(), instance.until);
                let code = self.codes.get(&terms.code_hash).cloned().unwrap_or_default();
                Some(Message::NanoOffer { ch, nid, terms, code, until })
            }
            (Deal::Agreed, _) => Some(Message::NanoAgree { ch, nid }),
            (Deal::Open, Some(live)) => waiting(ch, nid, live),
            _ => None,
        };
        if let Some(message) = message {
            self.send(peer, message);
        }
    }
}

/// The one thing of an open nanocontract that waits for the peer.
fn waiting(ch: B256, nid: B256, live: &Live) -> Option<Message> {
    if let Some(own) = &live.own {
        let (ver, input, time, sig) = (own.nano.ver, own.input.clone(), own.time, own.sig);
        return Some(Message::NanoStep { ch, nid, ver, input, time, sig });
    }
    live.hand.clone().map(|input| Message::NanoHand { ch, nid, count: live.hands, input })
}

/// Key of its durable record.
pub(in crate::participant) fn nano_key(ch: B256, nid: B256) -> Vec<u8> {
    let mut both = [0u8; 64];
    both[..32].copy_from_slice(ch.as_slice());
    both[32..].copy_from_slice(nid.as_slice());
    record_key(b'n', keccak256(both))
}
