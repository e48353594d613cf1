//! Steps: the mover signs what the code makes of its input, the other one computes the same and countersigns.

use super::offers::words;
use crate::instance::{Deal, Instance, Live, OwnStep, Version};
use crate::io::{Event, Fault, Reply};
use crate::log::MAX_JUMP;
use crate::message::Message;
use crate::nano::{Context, INPUT_MAX, NoResult, Outcome, Run};
use crate::params::Side;
use crate::participant::Participant;
use crate::sig::Signature;
use crate::signed::{Eip712, MAX_VERSION, Nano};
use alloc::string::String;
use alloc::vec::Vec;
use alloy_primitives::{Address, B256, keccak256};

/// How far ahead of this node's view of the chain's clock a step may be, seconds.
const AHEAD_S: u64 = 5;

/// A step as it came in.
pub(in crate::participant) struct Stepped {
    pub(in crate::participant) ch: B256,
    pub(in crate::participant) nid: B256,
    pub(in crate::participant) ver: u64,
    pub(in crate::participant) input: Vec<u8>,
    pub(in crate::participant) time: u64,
    pub(in crate::participant) sig: Signature,
}

/// From where a step starts.
pub(super) struct Position<'a> {
    pub(super) nano: Nano,
    pub(super) storage: &'a [u8],
    /// The application's clock and the time itself, seconds.
    pub(super) clock: (u64, u64),
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
        self.sign_step(Some(tag), (ch, nid), input, force_after)
    }

    pub(super) fn sign_step(
        &mut self,
        tag: Option<u64>,
        (ch, nid): (B256, B256),
        input: Vec<u8>,
        force_after: Option<u64>,
    ) -> Result<(), Fault> {
        let instance = self.playable(ch, nid)?;
        let Some(live) = &instance.live else { return Err(Fault::Caller("it is not open".into())) };
        if live.own.is_some() {
            return Err(Fault::Caller("a step of this node is not answered yet".into()));
        }
        if !instance.is_me(live.top.nano.mover) {
            return Err(Fault::Caller("it is the other party's turn".into()));
        }
        let (me, time) = (instance.me, self.now().max(live.top.time));
        let (nano, storage) =
            self.result(instance, live, me, &input, time).map_err(|no| Fault::Caller(words_of(&no)))?;
        let sig = self.signer.sign_nano(&nano).map_err(crate::participant::refused)?;
        let force_at = force_after.map(|after| self.now().saturating_add(after));
        let ver = nano.ver;
        let sent_ms = self.env.now_ms;
        if let Some(instance) = self.nano_mut(ch, nid) {
            instance.memory.step_tag = tag;
            instance.memory.sent_ms = sent_ms;
            let own = OwnStep { nano, storage, input: input.clone(), time, sig, force_at, refused: None };
            if let Some(live) = &mut instance.live {
                live.own = Some(own);
            }
        }
        if let Some(peer) = self.peer_of(ch) {
            self.send(peer, Message::NanoStep { ch, nid, ver, input, time, sig });
        }
        Ok(())
    }

    /// The version that follows if `mover` says this.
    fn result(
        &self,
        instance: &Instance,
        live: &Live,
        mover: Side,
        input: &[u8],
        time: u64,
    ) -> Result<(Nano, Vec<u8>), NoResult> {
        let position = Position { nano: live.top.nano, storage: &live.top.storage, clock: (time, time) };
        let outcome = self.run(instance, &position, input)?;
        let nano = Nano {
            ver: mover.next_version(live.top.nano.ver),
            da: outcome.da,
            mover: outcome.mover,
            steps_left: outcome.steps_left,
            storage_hash: keccak256(&outcome.storage),
            ..live.top.nano
        };
        Ok((nano, outcome.storage))
    }

    /// What the code makes of an input of the mover.
    pub(super) fn run(&self, instance: &Instance, from: &Position<'_>, input: &[u8]) -> Result<Outcome, NoResult> {
        let nano = from.nano;
        if nano.steps_left == 0 {
            return Err(NoResult::Reverted("it is over".into()));
        }
        let code = self.codes.get(&instance.terms.code_hash).ok_or(NoResult::Broken)?;
        let revealed: Vec<(B256, u64)> = self
            .chain
            .revealed
            .iter()
            .filter(|(_, seen)| seen.head > 0)
            .map(|(hash, seen)| (*hash, seen.head))
            .collect();
        let (time, absolute) = from.clock;
        let context = Context {
            ch: nano.ch,
            entry: nano.entry,
            total: instance.terms.total,
            da: nano.da,
            steps_left: nano.steps_left,
            time,
            absolute,
            registry: self.config.domain.adjudicator,
        };
        let (gas, storage, caller) = (instance.terms.gas, from.storage, nano.mover);
        self.evaluator.step(&Run { code, gas, context, storage, caller, input, revealed: &revealed })
    }

    /// The nanocontract, if steps of it may be signed now (protocol 1.4(2), (7), (12)).
    pub(super) fn playable(&self, ch: B256, nid: B256) -> Result<&Instance, Fault> {
        let Some(instance) = self.nanos.get(&(ch, nid)) else {
            return Err(Fault::Caller("there is no such nanocontract".into()));
        };
        self.acceptable(ch)?;
        let firm = |live: &Live| self.book(ch).is_some_and(|b| b.holds_nano_firmly(&live.entry));
        match &instance.live {
            Some(live) if live.is_over() => Err(Fault::Caller("the nanocontract is over".into())),
            Some(live) if firm(live) => Ok(instance),
            Some(_) => Err(Fault::Caller("the nanocontract is being opened or closed".into())),
            None => Err(Fault::Caller("the nanocontract is not open yet".into())),
        }
    }

    pub(in crate::participant) fn on_nano_step(&mut self, from: Address, step: Stepped) {
        let (ch, nid, ver) = (step.ch, step.nid, step.ver);
        if self.peer_of(ch) != Some(from) {
            return;
        }
        if self.show_nano(from, ch, nid, ver) {
            return;
        }
        if self.nanos.get(&(ch, nid)).is_some_and(|n| n.deal == Deal::Agreed) {
            // The State that opens it is on its way here; the step comes again.
            return;
        }
        match self.judge(&step) {
            Ok((nano, storage)) => self.countersign_step(from, step, nano, storage),
            Err(reason) => self.send(from, Message::NanoRefuse { ch, nid, ver, reason }),
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
    fn judge(&self, step: &Stepped) -> Result<(Nano, Vec<u8>), String> {
        let instance = self.playable(step.ch, step.nid).map_err(|fault| words(&fault))?;
        let Some(live) = &instance.live else { return Err("it is not open".into()) };
        let (them, top) = (instance.me.other(), &live.top);
        if instance.is_me(top.nano.mover) {
            return Err("it is not the sender's turn".into());
        }
        // It is my turn if a step of mine is out, so that the two exclude each other.
        if step.ver != them.next_version(top.nano.ver) || step.ver >= MAX_VERSION || step.ver > top.nano.ver + MAX_JUMP
        {
            return Err("the version is not the next one".into());
        }
        if step.input.len() > INPUT_MAX {
            return Err("the input is longer than 16,384 bytes".into());
        }
        let now = self.now();
        if step.time > now + AHEAD_S || step.time < top.time {
            return Err("the time of the step is not now".into());
        }
        let (nano, storage) = self.result(instance, live, them, &step.input, step.time).map_err(|no| words_of(&no))?;
        let late = step.time.saturating_add(self.policy().nano.answer) < now;
        if late && self.result(instance, live, them, &step.input, now).ok().is_none_or(|(again, _)| again != nano) {
            return Err("the step comes too late: it would not be the same now".into());
        }
        if storage.len() > self.policy().nano.storage_max {
            return Err("the storage would be too long to be enforced".into()); // S28
        }
        let peer = self.peer_of(step.ch).ok_or("no such channel")?;
        if !step.sig.verifies(self.config.domain.digest(nano.struct_hash()), peer) {
            return Err("the signature does not fit the result that this node computes".into());
        }
        Ok((nano, storage))
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
        instance.move_to(Version { nano, sigs, storage, time });
        self.send(from, Message::NanoAccept { ch, nid, ver, sig: mine });
        self.event(Event::NanoStepped { ch, nid, ver, by, input, forced: false });
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
        let domain = self.config.domain;
        let Some(instance) = self.nanos.get(&(ch, nid)) else { return };
        let own = instance.live.as_ref().and_then(|live| live.own.clone()).filter(|own| own.nano.ver == ver);
        let Some(own) = own else { return };
        if !sig.verifies(domain.digest(own.nano.struct_hash()), from) {
            return self.misbehaved(from, "a countersignature on a step that does not fit");
        }
        let Some(instance) = self.nano_mut(ch, nid) else { return };
        let by = instance.me.index() as u8;
        let mut sigs = [Some(sig); 2];
        sigs[instance.me.index()] = Some(own.sig);
        instance.move_to(Version { nano: own.nano, sigs, storage: own.storage, time: own.time });
        let tag = instance.memory.step_tag.take();
        self.event(Event::NanoStepped { ch, nid, ver, by, input: own.input, forced: false });
        if let Some(tag) = tag {
            self.reply(tag, Reply::Stepped { ch, nid, ver });
        }
    }

    /// A refusal voids nothing: my signature stays out (protocol 1.4(3)).
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
        let Some(own) = instance.live.as_mut().and_then(|l| l.own.as_mut()).filter(|own| own.nano.ver == ver) else {
            return;
        };
        own.refused = Some(reason.clone());
        if own.force_at.is_some() {
            return;
        }
        if let Some(tag) = instance.memory.step_tag.take() {
            self.reply(tag, Reply::Unknown { reason });
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

impl Instance {
    /// Both signed this version: what was said before it does not count any more.
    fn move_to(&mut self, version: Version) {
        if let Some(live) = &mut self.live {
            live.top = version;
            live.own = None;
            live.handed = None;
            live.hand = None;
        }
    }
}

fn words_of(no: &NoResult) -> String {
    alloc::format!("{no}")
}
