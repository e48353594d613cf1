//! Read-only views of nanocontracts.

use crate::info::{NanoInfo, NanoStage};
use crate::instance::{Deal, Instance};
use crate::participant::Participant;
use alloc::vec::Vec;
use alloy_primitives::B256;

impl Participant {
    /// The nanocontracts of a channel, offers included.
    pub fn nanos(&self, ch: B256) -> Vec<NanoInfo> {
        self.nanos_of(ch).filter_map(|n| self.nano_info(n)).collect()
    }

    /// All nanocontracts, offers included, in order of channel and name.
    pub fn all_nanos(&self) -> Vec<NanoInfo> {
        self.nanos.values().filter_map(|n| self.nano_info(n)).collect()
    }

    /// One nanocontract.
    pub fn nano(&self, ch: B256, nid: B256) -> Option<NanoInfo> {
        self.nano_info(self.nanos.get(&(ch, nid))?)
    }

    /// Bytecode of a nanocontract that this node has.
    pub fn nano_code(&self, hash: B256) -> Option<&[u8]> {
        self.codes.get(&hash).map(Vec::as_slice)
    }

    fn nano_info(&self, instance: &Instance) -> Option<NanoInfo> {
        let live = instance.live.as_ref();
        let terms = &instance.terms;
        let top = live.map(|live| &live.top);
        let signed = top.map(|top| (top.storage.clone(), top.nano.da, top.nano.mover, top.nano.steps_left));
        let agreed = || (terms.storage.clone(), terms.da0, terms.mover0, terms.k_max);
        let (storage, da, mover, steps_left) = self.nano_on_chain(instance).or(signed).unwrap_or_else(agreed);
        let own = live.and_then(|live| live.own.as_ref());
        Some(NanoInfo {
            ch: instance.ch,
            nid: instance.nid,
            me: instance.me,
            peer: self.peer_of(instance.ch)?,
            stage: self.nano_stage(instance),
            terms: terms.clone(),
            entry: live.map(|live| live.entry),
            version: top.map(|top| top.nano),
            sigs: top.map(|top| top.sigs).unwrap_or_default(),
            storage,
            da,
            mover,
            steps_left,
            my_turn: live.is_some() && steps_left > 0 && instance.is_me(mover),
            outstanding: own.is_some(),
            refused: own.and_then(|own| own.refused.clone()),
            prepared: instance.prepared.len(),
            deadline: self.nano_deadline(instance),
        })
    }

    fn nano_stage(&self, instance: &Instance) -> NanoStage {
        match (instance.deal, &instance.live) {
            (Deal::Proposed, _) => NanoStage::Proposed,
            (Deal::Offered, _) => NanoStage::Offered,
            (Deal::Agreed, _) => NanoStage::Agreed,
            (Deal::Open, _) if self.in_dispute(instance.ch) => NanoStage::Disputed,
            (Deal::Open, Some(live)) if live.is_over() || instance.wants_close => NanoStage::Closing,
            (Deal::Open, _) => NanoStage::Open,
        }
    }
}
