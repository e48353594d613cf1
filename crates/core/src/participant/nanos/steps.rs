//! Steps: the mover signs what the code makes of its input, the other one computes the same and countersigns.

use super::evaluate::Position;
use super::offers::words;
use crate::instance::{Deal, Instance, Live, OwnStep, Version};
use crate::io::{Event, Fault, Reply};
use crate::log::MAX_JUMP;
use crate::message::Message;
use crate::mutant::guard;
use crate::nano::{INPUT_MAX, NoResult};
use crate::params::Side;
use crate::participant::Participant;
use crate::sig::Signature;
use crate::signed::{Eip712, MAX_VERSION, Nano};
use alloc::string::String;
use alloc::vec::Vec;
use alloy_primitives::{Address, B256, keccak256};

/// How far the time of a step may be from this node's view of the chain's clock, seconds, if its storage hangs on it.
const NEAR_S: u64 = 5;
/// How often a refused step is made again with the time of then.
const REPEAT_MAX: usize = 8;

/// A step as it came in.
pub(in crate::participant) struct Stepped {
    pub(in crate::participant) ch: B256,
    pub(in crate::participant) nid: B256,
    pub(in crate::participant) ver: u64,
    pub(in crate::participant) input: Vec<u8>,
    pub(in crate::participant) time: u64,
    pub(in crate::participant) sig: Signature,
}

/// Why a step is not countersigned.
enum Unfit {
    /// It comes again, and may fit then.
    NotYet,
    /// In words for the peer.
    Refused(String),
}

impl From<&str> for Unfit {
    fn from(reason: &str) -> Self {
        Self::Refused(reason.into())
    }
}

impl Participant {
    pub(in crate::participant) fn step_nano(
        &mut self,
        tag: u64,
        (ch, nid): (B256, B256),
        input: Vec<u8>,
        force_after: Option<u64>,
    ) -> Result<(), Fault> {
        if input.len() > INPUT_MAX {
            return Err(Fault::Caller("the input is longer than 16,384 bytes".into()));
        }
        if self.in_dispute(ch) {
            return self.step_by_force(tag, ch, nid, input);
        }
        let force_at = force_after.map(|after| self.now().saturating_add(after));
        self.sign_step(Some(tag), (ch, nid), input, force_at)
    }

    /// Signs this node's next step, or the refused one again.
    pub(super) fn sign_step(
        &mut self,
        tag: Option<u64>,
        (ch, nid): (B256, B256),
        input: Vec<u8>,
        force_at: Option<u64>,
    ) -> Result<(), Fault> {
        let instance = self.playable(ch, nid)?;
        let Some(live) = &instance.live else { return Err(Fault::Caller("it is not open".into())) };
        if !guard!("2.3-step-own-turn", instance.is_me(live.top.nano.mover)) {
            return Err(Fault::Caller("it is the other party's turn".into()));
        }
        let below = match &live.own {
            Some(own) if !guard!("1.4.3-one-step", own.refused.is_some()) => {
                return Err(Fault::Caller("a step of this node is not answered yet".into()));
            }
            // One step, one content but for the time: another one could be played off against it.
            Some(own) if !guard!("1.4.4-same-step", own.input == input) => {
                return Err(Fault::Caller("another step is signed already, and stands".into()));
            }
            Some(_) if live.repeated.len() >= 4 * REPEAT_MAX => {
                return Err(Fault::Peer("the step was refused too often: it can only be forced".into()));
            }
            Some(own) => own.nano.ver,
            None => live.top.nano.ver,
        };
        let (me, time, top) = (instance.me, self.now().max(live.top.time), live.top.clone());
        let position = Position { nano: top.nano, storage: &top.storage, clock: (time, time), head: false };
        if !self.knows_secrets(ch, nid, &position, &input) {
            return Err(Fault::Chain("the registry of secrets is being read: try again".into()));
        }
        let Some(instance) = self.nanos.get(&(ch, nid)) else { return Ok(()) };
        let result = self.result(instance, &position, me.next_version(below), &input);
        let (nano, storage, _) = result.map_err(|no| Fault::Caller(words_of(&no)))?;
        let own = instance.live.as_ref().and_then(|l| l.own.as_ref());
        if !guard!("1.4.4-same-result", own.is_none_or(|own| split(&own.nano) == split(&nano))) {
            // In time it was something else: that is enforced, and no worse one signed beside it.
            return Err(Fault::Peer("the step would not be the same now: the one that is signed can be forced".into()));
        }
        if storage.len() > room(instance, self.policy().nano.storage_max) {
            return Err(Fault::Caller("the storage would grow beyond what was agreed to be enforced".into())); // S28
        }
        let sig = self.signer.sign_nano(&nano).map_err(crate::participant::refused)?;
        let own = OwnStep { nano, storage, input: input.clone(), time, sig, force_at, refused: None };
        let sent_ms = self.env.now_ms;
        if let Some(instance) = self.nano_mut(ch, nid) {
            instance.memory.step_tag = tag.or(instance.memory.step_tag);
            instance.memory.sent_ms = sent_ms;
            if let Some(live) = &mut instance.live {
                live.repeated.extend(live.own.replace(own));
            }
        }
        if let Some(peer) = self.peer_of(ch) {
            self.send(peer, Message::NanoStep { ch, nid, ver: nano.ver, input, time, sig });
        }
        Ok(())
    }

    /// The nanocontract, if steps of it may be signed now (protocol 1.4(2), (7), (12)).
    pub(super) fn playable(&self, ch: B256, nid: B256) -> Result<&Instance, Fault> {
        let Some(instance) = self.nanos.get(&(ch, nid)) else {
            return Err(Fault::Caller("there is no such nanocontract".into()));
        };
        self.acceptable(ch)?;
        let stands = |live: &Live| self.book(ch).is_some_and(|b| b.holds_nano_firmly(&live.entry));
        let firm = |live: &Live| guard!("1.4.2-nano-firm", stands(live));
        match &instance.live {
            Some(live) if live.is_over() => Err(Fault::Caller("the nanocontract is over".into())),
            Some(live) if firm(live) => Ok(instance),
            Some(_) => Err(Fault::Caller("the nanocontract is being opened or closed".into())),
            None => Err(Fault::Caller("the nanocontract is not open yet".into())),
        }
    }

    pub(in crate::participant) fn on_nano_step(&mut self, from: Address, step: Stepped) {
        let (ch, nid, ver) = (step.ch, step.nid, step.ver);
        if self.peer_of(ch) != Some(from) || self.show_nano(from, ch, nid, ver) {
            return;
        }
        match self.judge(from, &step) {
            Ok((nano, storage)) => self.countersign_step(from, step, nano, storage),
            Err(Unfit::NotYet) => {}
            Err(Unfit::Refused(reason)) => {
                let what = (ver, keccak256(&step.input), step.time);
                if let Some(instance) = self.nanos.get_mut(&(ch, nid)) {
                    instance.memory.refused = Some((what, reason.clone()));
                }
                self.send(from, Message::NanoRefuse { ch, nid, ver, reason });
            }
        }
    }

    /// What was accepted is answered again, also when nothing new is signed any more.
    fn show_nano(&mut self, to: Address, ch: B256, nid: B256, ver: u64) -> bool {
        let Some(instance) = self.nanos.get(&(ch, nid)) else { return false };
        let Some(top) = instance.live.as_ref().map(|live| &live.top) else { return false };
        let Some(sig) = top.sigs[instance.me.index()].filter(|_| top.nano.ver == ver) else { return false };
        self.send(to, Message::NanoAccept { ch, nid, ver, sig });
        true
    }

    /// Computes the step and checks everything that my signature would stand for.
    fn judge(&mut self, from: Address, step: &Stepped) -> Result<(Nano, Vec<u8>), Unfit> {
        if self.nanos.get(&(step.ch, step.nid)).is_some_and(|n| n.deal == Deal::Agreed) {
            // The State that opens it is on its way here.
            return Err(Unfit::NotYet);
        }
        let instance = self.playable(step.ch, step.nid).map_err(|fault| Unfit::Refused(words(&fault)))?;
        let Some(live) = &instance.live else { return Err("it is not open".into()) };
        let (me, top) = (instance.me, live.top.clone());
        let high = top.nano.ver.saturating_add(MAX_JUMP);
        let theirs = guard!("1.4.1-step-parity", Side::of_version(step.ver) != me) && step.ver < MAX_VERSION;
        if !theirs || !guard!("1.4.2-step-version", (top.nano.ver + 1..=high).contains(&step.ver)) {
            return Err("the version is not one that may follow".into());
        }
        let waiting = live.own.is_some();
        if !guard!("2.3-step-turn", !instance.is_me(top.nano.mover)) {
            let judged = self.judge_repeated(from, step, &top);
            // Or it was built on a step of mine whose countersignature is still on its way.
            return judged.map_err(|unfit| if waiting { Unfit::NotYet } else { unfit });
        }
        if waiting {
            return Err(Unfit::NotYet);
        }
        if !guard!("2.7-step-input", step.input.len() <= INPUT_MAX) {
            return Err("the input is longer than 16,384 bytes".into());
        }
        let what = (step.ver, keccak256(&step.input), step.time);
        if let Some((_, reason)) = instance.memory.refused.as_ref().filter(|(refused, _)| *refused == what) {
            return Err(Unfit::Refused(reason.clone()));
        }
        if !self.may_run(from) {
            return Err(Unfit::NotYet);
        }
        let now = self.now().max(top.time);
        let at = |time: u64| Position { nano: top.nano, storage: &top.storage, clock: (time, time), head: false };
        if !self.knows_secrets(step.ch, step.nid, &at(now), &step.input) {
            return Err(Unfit::NotYet);
        }
        let Some(instance) = self.nanos.get(&(step.ch, step.nid)) else { return Err("it is not open".into()) };
        let run = |time: u64| self.result(instance, &at(time), step.ver, &step.input);
        let (first, again) = (run(step.time), run(now));
        let most = room(instance, self.policy().nano.storage_max);
        // Without a result the whole bound may have been used.
        let bound = u64::from(instance.terms.gas);
        self.has_run(from, 3 * first.as_ref().map_or(bound, |(_, _, gas)| *gas));
        let (nano, storage, _) = first.map_err(|no| Unfit::Refused(words_of(&no)))?;
        self.check_now(step.time, &top, &nano, again.ok().map(|(again, _, _)| again))?;
        if !guard!("2.7-step-storage", storage.len() <= most) {
            return Err("the storage would grow beyond what was agreed to be enforced".into()); // S28
        }
        if !guard!("2.3-step-result", step.sig.verifies(self.config.domain.digest(nano.struct_hash()), from)) {
            return Err("the signature does not fit the result that this node computes".into());
        }
        Ok((nano, storage))
    }

    /// Whoever was late must be late: a step counts only for what it would be now, too. If it keeps the time in its storage, it
    /// must be near.
    fn check_now(&self, time: u64, top: &Version, nano: &Nano, again: Option<Nano>) -> Result<(), Unfit> {
        let Some(again) = again else { return Err("it would not be allowed now".into()) };
        let near = time.abs_diff(self.now()) <= NEAR_S;
        let same = again == *nano || (near && split(&again) == split(nano));
        let possible = (top.time..=self.now() + NEAR_S).contains(&time);
        if !guard!("2.3-step-time", possible) || !guard!("2.3-step-same-now", same) {
            return Err("its time is not now, and it would not be the same now".into());
        }
        Ok(())
    }

    /// The mover made its step again under a higher version, before it heard that I had taken the lower one: nothing but the
    /// version may differ.
    fn judge_repeated(&self, from: Address, step: &Stepped, top: &Version) -> Result<(Nano, Vec<u8>), Unfit> {
        let again = Nano { ver: step.ver, ..top.nano };
        let theirs = top.nano.ver > 0 && Side::of_version(top.nano.ver) == Side::of_version(step.ver);
        if theirs && step.sig.verifies(self.config.domain.digest(again.struct_hash()), from) {
            return Ok((again, top.storage.clone()));
        }
        Err("it is not the sender's turn".into())
    }

    fn countersign_step(&mut self, from: Address, step: Stepped, nano: Nano, storage: Vec<u8>) {
        let Stepped { ch, nid, ver, input, time, sig } = step;
        let mine = match self.signer.sign_nano(&nano) {
            Ok(mine) => mine,
            Err(refusal) => {
                let reason = alloc::format!("{refusal}");
                return self.send(from, Message::NanoRefuse { ch, nid, ver, reason });
            }
        };
        let Some(instance) = self.nano_mut(ch, nid) else { return };
        let by = instance.me.other().index() as u8;
        let mut sigs = [Some(sig); 2];
        sigs[instance.me.index()] = Some(mine);
        let live = instance.live.as_ref();
        let again = live.is_some_and(|l| l.top.nano.ver > 0 && l.top.nano == Nano { ver: l.top.nano.ver, ..nano });
        let mine_out = live.and_then(|l| l.own.clone()).filter(|own| own.nano.ver <= ver);
        self.move_to(ch, nid, Version { nano, sigs, storage, time });
        self.send(from, Message::NanoAccept { ch, nid, ver, sig: mine });
        if !again {
            return self.event(Event::NanoStepped { ch, nid, ver, by, input, forced: false });
        }
        if let Some(own) = mine_out {
            // The position is the same, and so is my step; only its version was overtaken.
            let _ = self.sign_step(None, (ch, nid), own.input, own.force_at);
        }
    }

    pub(in crate::participant) fn on_nano_accept(
        &mut self,
        from: Address,
        ch: B256,
        nid: B256,
        ver: u64,
        sig: Signature,
    ) {
        if self.peer_of(ch) != Some(from) {
            return;
        }
        let digest = |nano: &Nano| self.config.domain.digest(nano.struct_hash());
        let Some(live) = self.nanos.get(&(ch, nid)).and_then(|n| n.live.as_ref()) else { return };
        let own = live.repeated.iter().chain(&live.own).find(|own| own.nano.ver == ver).cloned();
        let above = |own: &OwnStep| guard!("1.4.2-step-below-cur", own.nano.ver > live.top.nano.ver);
        let Some(own) = own.filter(above) else { return };
        if !guard!("1.4.2-step-signature", sig.verifies(digest(&own.nano), from)) {
            return self.misbehaved(from, "a countersignature on a step that does not fit");
        }
        if self.nano_view(ch, live.entry.struct_hash()).is_some_and(|view| view.ver == live.top.nano.ver) {
            // The chain stands where the step begins, and it is forced from there. The countersigned version may come too late to be
            // taken by the chain, and then nothing would be known to say at the position that stands (S74).
            return;
        }
        let Some(instance) = self.nano_mut(ch, nid) else { return };
        let by = instance.me.index() as u8;
        let mut sigs = [Some(sig); 2];
        sigs[instance.me.index()] = Some(own.sig);
        let tag = instance.memory.step_tag.take();
        self.move_to(ch, nid, Version { nano: own.nano, sigs, storage: own.storage, time: own.time });
        self.event(Event::NanoStepped { ch, nid, ver, by, input: own.input, forced: false });
        if let Some(tag) = tag {
            self.reply(tag, Reply::Stepped { ch, nid, ver });
        }
    }

    /// Both signed this version: what was said below it does not count any more.
    fn move_to(&mut self, ch: B256, nid: B256, version: Version) {
        let ver = version.nano.ver;
        let Some(instance) = self.nano_mut(ch, nid) else { return };
        instance.memory.handed_share = None;
        if let Some(live) = &mut instance.live {
            live.top = version;
            live.repeated.retain(|own| own.nano.ver > ver);
            live.own.take_if(|own| own.nano.ver <= ver);
        }
        self.sift_hands(ch, nid);
    }

    /// A refusal voids nothing: my signature stays out (protocol 1.4(3)). What hung on the time is made again.
    pub(in crate::participant) fn on_nano_refuse(
        &mut self,
        from: Address,
        ch: B256,
        nid: B256,
        ver: u64,
        reason: String,
    ) {
        if self.peer_of(ch) != Some(from) {
            return;
        }
        let Some(instance) = self.nano_mut(ch, nid) else { return };
        let Some(live) = &mut instance.live else { return };
        let tries = live.repeated.len();
        let Some(own) = live.own.as_mut().filter(|own| own.nano.ver == ver) else { return };
        own.refused = Some(reason.clone());
        if own.force_at.is_some() || tries < REPEAT_MAX {
            return;
        }
        if let Some(tag) = instance.memory.step_tag.take() {
            self.reply(tag, Reply::Unknown { reason });
        }
    }

    /// The refused step once more, with the time of now. False if it is not made again.
    pub(super) fn repeat_step(&mut self, ch: B256, nid: B256) -> bool {
        let Some(live) = self.nanos.get(&(ch, nid)).and_then(|n| n.live.as_ref()) else { return false };
        let Some(own) = live.own.as_ref().filter(|own| own.refused.is_some()) else { return false };
        let (input, force_at) = (own.input.clone(), own.force_at);
        if live.repeated.len() >= REPEAT_MAX || self.now() <= own.time {
            return false;
        }
        match self.sign_step(None, (ch, nid), input, force_at) {
            Ok(()) => true,
            Err(fault) => {
                self.tell_unknown(ch, nid, words(&fault));
                false
            }
        }
    }

    fn tell_unknown(&mut self, ch: B256, nid: B256, reason: String) {
        let tag = self.nanos.get_mut(&(ch, nid)).and_then(|n| n.memory.step_tag.take());
        if let Some(tag) = tag {
            self.reply(tag, Reply::Unknown { reason });
        }
    }

    /// Secrets of steps that wait too long for their countersignature are published, where the code looks for them (protocol 6.3).
    pub(in crate::participant) fn publish_late_secrets(&mut self) {
        let (now, patience) = (self.now(), self.policy().m_safe / 2);
        let late = |n: &Instance| {
            let own = n.live.as_ref().and_then(|l| l.own.as_ref());
            own.filter(|own| own.input.len() == 32 && now > own.time + patience)
                .map(|own| (n.ch, n.nid, own.input.clone()))
        };
        let late: Vec<(B256, B256, Vec<u8>)> = self.nanos.values().filter_map(late).collect();
        for (ch, nid, input) in late {
            self.publish_if_sought(ch, nid, &input);
        }
    }

    /// A step whose time to be answered is over goes to the chain, and its channel with it (paper 4.2, fallback).
    pub(in crate::participant) fn force_late_steps(&mut self) {
        let now = self.now();
        let late = |n: &Instance| {
            let own = n.live.as_ref().and_then(|l| l.own.as_ref());
            own.and_then(|own| own.force_at).is_some_and(|at| now > at)
        };
        let late: Vec<B256> = self.nanos.values().filter(|n| late(n)).map(|n| n.ch).collect();
        for ch in late {
            self.force_object(ch);
        }
    }

    /// From now on this channel ends through the chain.
    pub(in crate::participant) fn force_object(&mut self, ch: B256) {
        if let Some(ledger) = self.ledgers.get_mut(&ch).filter(|l| !l.force) {
            ledger.force = true;
            self.dirty_ledgers.insert(ch);
            self.refuse_queue(ch);
        }
        if let Some(virt) = self.virtuals.get_mut(&ch).filter(|v| !v.force && v.book.is_some()) {
            virt.force = true;
            self.dirty_virtuals.insert(ch);
            self.refuse_queue(ch);
        }
    }
}

/// Most bytes that the storage may grow to off chain: what the opening was priced with (S47).
pub(super) fn room(instance: &Instance, most: usize) -> usize {
    super::offers::grown(instance.terms.storage.len()).min(most)
}

/// What a version says of the money.
fn split(nano: &Nano) -> (u128, u8, u16) {
    (nano.da, nano.mover, nano.steps_left)
}

pub(super) fn words_of(no: &NoResult) -> String {
    alloc::format!("{no}")
}
