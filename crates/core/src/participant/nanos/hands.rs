//! Inputs for the other party's next step. They need no signature: whoever holds one can force it, so handing one over is as
//! good as paying by it (protocol 0.3 hash-chain stream).

use super::evaluate::Position;
use super::steps::words_of;
use crate::instance::Instance;
use crate::io::{Event, Fault, Reply};
use crate::message::Message;
use crate::mutant::guard;
use crate::nano::{INPUT_MAX, Outcome};
use crate::participant::Participant;
use crate::signed::Amount;
use alloc::string::String;
use alloc::vec::Vec;
use alloy_primitives::{Address, B256};

/// Most inputs that are kept for a dispute.
const PREPARED_MAX: usize = 16;

impl Participant {
    pub(in crate::participant) fn prepare_nano(
        &mut self,
        tag: u64,
        (ch, nid): (B256, B256),
        inputs: Vec<Vec<u8>>,
    ) -> Result<(), Fault> {
        if inputs.len() > PREPARED_MAX || inputs.iter().any(|i| i.len() > INPUT_MAX) {
            return Err(Fault::Caller("at most 16 inputs of at most 16,384 bytes are kept".into()));
        }
        let Some(instance) = self.nano_mut(ch, nid) else {
            return Err(Fault::Caller("there is no such nanocontract".into()));
        };
        instance.prepared = inputs;
        instance.memory.turn_told = None;
        self.reply(tag, Reply::Done);
        Ok(())
    }

    pub(in crate::participant) fn hand_nano(
        &mut self,
        tag: u64,
        (ch, nid): (B256, B256),
        input: Vec<u8>,
    ) -> Result<(), Fault> {
        let instance = self.playable(ch, nid)?;
        let Some(live) = &instance.live else { return Err(Fault::Caller("it is not open".into())) };
        if instance.is_me(live.top.nano.mover) {
            return Err(Fault::Caller("it is this node's own turn".into()));
        }
        self.preview(instance, &input).map_err(Fault::Caller)?;
        let count = live.hands + 1;
        let sent_ms = self.env.now_ms;
        if let Some(instance) = self.nano_mut(ch, nid) {
            instance.memory.hand_tags.push((count, tag));
            instance.memory.sent_ms = sent_ms;
            if let Some(live) = &mut instance.live {
                live.hands = count;
                live.hand = Some(input.clone());
            }
        }
        if let Some(peer) = self.peer_of(ch) {
            self.send(peer, Message::NanoHand { ch, nid, count, input });
        }
        Ok(())
    }

    /// What the mover's next step would be with this input.
    fn preview(&self, instance: &Instance, input: &[u8]) -> Result<Outcome, String> {
        let Some(live) = &instance.live else { return Err("it is not open".into()) };
        if input.len() > INPUT_MAX {
            return Err("the input is longer than 16,384 bytes".into());
        }
        self.run(instance, &Position::newest(live, self.now()), input).map_err(|no| words_of(&no))
    }

    /// What the mover would get with this input; none if it is no step.
    fn preview_share(&self, instance: &Instance, input: &[u8]) -> Option<Amount> {
        Some(instance.share(self.preview(instance, input).ok()?.da))
    }

    /// After a step: what was handed over before it counts as long as it still gives more.
    pub(super) fn sift_hands(&mut self, ch: B256, nid: B256) {
        let Some(instance) = self.nanos.get(&(ch, nid)) else { return };
        let Some(live) = &instance.live else { return };
        let mine = instance.is_me(live.top.nano.mover);
        let gives = |input: &Vec<u8>| self.preview(instance, input).ok().map(|outcome| outcome.da);
        let held = live.handed.as_ref().filter(|_| mine).and_then(gives);
        let keeps = held.is_some_and(|da| instance.share(da) > instance.share(live.top.nano.da));
        let owed = live.hand.as_ref().filter(|_| !mine).and_then(gives).is_some();
        let Some(instance) = self.nano_mut(ch, nid) else { return };
        let Some(live) = &mut instance.live else { return };
        live.handed.take_if(|_| !keeps);
        if owed {
            return;
        }
        live.hand = None;
        for (_, tag) in core::mem::take(&mut instance.memory.hand_tags) {
            self.reply(tag, Reply::Rejected { reason: "a step of the peer came first".into() });
        }
    }

    pub(in crate::participant) fn on_nano_hand(
        &mut self,
        from: Address,
        (ch, nid): (B256, B256),
        count: u64,
        input: Vec<u8>,
    ) {
        if self.peer_of(ch) != Some(from) {
            return;
        }
        // Frozen, disputed or being closed: not accepted, not reported as paid (S69).
        let Ok(instance) = self.playable(ch, nid) else { return };
        let Some(live) = &instance.live else { return };
        if count <= live.taken {
            return self.send(from, Message::NanoTaken { ch, nid, count: live.taken });
        }
        if !instance.is_me(live.top.nano.mover) || live.own.is_some() || !self.may_run(from) {
            return;
        }
        if !guard!("1.4.12-hand-closing", !instance.wants_close) {
            return;
        }
        let held = || live.handed.as_ref().and_then(|held| self.preview_share(instance, held));
        let before = instance.memory.handed_share.or_else(held).unwrap_or_else(|| instance.share(live.top.nano.da));
        let (bound, outcome) = (u64::from(instance.terms.gas), self.preview(instance, &input));
        self.has_run(from, outcome.as_ref().map_or(bound, |o| o.gas));
        let Some(instance) = self.nano_mut(ch, nid) else { return };
        let Some(share) = outcome.ok().map(|o| instance.share(o.da)) else {
            return self.misbehaved(from, "an input that the nanocontract does not take");
        };
        if !guard!("1.4.10-hand-share", share >= before) {
            return;
        }
        instance.memory.handed_share = Some(share);
        if let Some(live) = &mut instance.live {
            live.taken = count;
            live.handed = Some(input.clone());
        }
        self.send(from, Message::NanoTaken { ch, nid, count });
        self.event(Event::NanoHanded { ch, nid, input, share });
    }

    pub(in crate::participant) fn on_nano_taken(&mut self, from: Address, ch: B256, nid: B256, count: u64) {
        if self.peer_of(ch) != Some(from) {
            return;
        }
        let Some(instance) = self.nano_mut(ch, nid) else { return };
        let Some(live) = &mut instance.live else { return };
        if count > live.hands {
            return;
        }
        if count == live.hands {
            live.hand = None;
        }
        let (done, open) = core::mem::take(&mut instance.memory.hand_tags).into_iter().partition(|(c, _)| *c <= count);
        instance.memory.hand_tags = open;
        for (_, tag) in done {
            self.reply(tag, Reply::Done);
        }
    }
}
