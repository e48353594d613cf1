//! Calls on virtual channels, and settlements.

use super::{Home, Story};
use crate::tree::siblings;
use crate::world::{Virtual, key};
use alloy_primitives::{Address, B256};
use perunika_reference::{Call, Opener, Record, VirtualState, WatchAuth, hash};

impl Story {
    pub(super) fn virtual_call(&mut self, sender: Address) -> (Address, Call) {
        let some = if self.rng.chance(85) { self.focus.1 } else { self.rng.below(self.world.virtuals.len()) };
        let v = self.world.virtuals[some].clone();
        let any = self.rng.chance(10);
        let record = self.world.pair.reference.records.get(&v.id).copied();
        match record {
            _ if any => {
                let kind = self.rng.below(5);
                self.virtual_by_kind(kind, sender, &v)
            }
            None => match self.rng.below(12) {
                0 => self.virtual_by_kind(4, sender, &v),
                1..=4 => self.virtual_by_kind(1, sender, &v),
                _ => {
                    let end = self.rng.pick(&[v.params.a, v.params.b]);
                    self.virtual_by_kind(0, end.account(), &v)
                }
            },
            Some(Record::Concluded { .. }) => {
                let kind = self.rng.below(5);
                self.virtual_by_kind(kind, sender, &v)
            }
            Some(Record::Disputed(d)) => {
                let kind = self.rng.below(100);
                if self.time <= d.deadline {
                    match kind {
                        0..=60 => self.virtual_by_kind(2, sender, &v),
                        61..=75 => self.virtual_by_kind(0, sender, &v),
                        76..=85 => self.virtual_by_kind(1, sender, &v),
                        86..=88 => self.virtual_by_kind(4, sender, &v),
                        89..=92 => self.virtual_by_kind(3, sender, &v),
                        _ => self.nano_call(sender, &Home::Virtual(Box::new(v))),
                    }
                } else {
                    let end = self.world.pair.reference.record(v.id, 0).nanos_end;
                    let over = self.time > end.max(d.deadline + u64::from(v.params.window));
                    match kind {
                        0..=70 if over => self.virtual_by_kind(3, sender, &v),
                        0..=1 => self.virtual_by_kind(2, sender, &v),
                        2..=4 => self.virtual_by_kind(4, sender, &v),
                        5..=40 if !self.nano_story || kind < 12 => self.virtual_by_kind(3, sender, &v),
                        _ => self.nano_call(sender, &Home::Virtual(Box::new(v))),
                    }
                }
            }
        }
    }

    pub(super) fn virtual_by_kind(&mut self, kind: usize, sender: Address, v: &Virtual) -> (Address, Call) {
        let params = v.params;
        let (mut sender, record) = (sender, self.world.pair.reference.records.get(&v.id).copied());
        let call = match kind {
            0..=2 => {
                let state = self.virtual_state(v);
                let total = params.init_a + params.init_b;
                let id = if self.rng.chance(4) { self.some_id(v.id, &self.world.channels[0].clone()) } else { v.id };
                let ends = [v.path[0], v.path[v.path.len() - 1]];
                let signatures = self.world.signed(&ends, hash::virtual_state(id, total, &state));
                let secrets = v.secrets.clone();
                match kind {
                    0 => Call::RegisterVirtual { params, state, signatures, secrets },
                    1 => {
                        let position = self.rng.below(v.path.len() + 1);
                        let person = v.path.get(position).copied().unwrap_or(0);
                        if self.rng.chance(60) {
                            sender = key(person);
                        }
                        let by_key = self.rng.chance(50);
                        let auth = if by_key { WatchAuth::default() } else { self.watch_auth(v.id, sender, person) };
                        let opener = Opener { position: position as u8, mids: v.mids(), auth };
                        Call::RegisterVirtualFor { params, state, signatures, secrets, opener }
                    }
                    _ => Call::RefuteVirtual { params, state, signatures },
                }
            }
            3 => match record {
                Some(Record::Disputed(d)) => Call::ConcludeVirtual { params, state: d.state, mix: d.mix },
                _ => Call::ConcludeVirtual { params, state: VirtualState::default(), mix: B256::ZERO },
            },
            _ => {
                let out_a = if self.rng.chance(10) { self.odd_amount() } else { self.amount_within(params.init_a) };
                let signatures = self.world.signed(&v.path, hash::outcome(v.id, out_a));
                Call::Finalise { params, mids: v.mids(), out_a, signatures }
            }
        };
        (sender, call)
    }

    pub(super) fn virtual_state(&mut self, v: &Virtual) -> VirtualState {
        let registered = match self.world.pair.reference.records.get(&v.id) {
            Some(Record::Disputed(d)) => d.state.ver,
            _ => 0,
        };
        let (nano_root, nanos) = self.nano_list(v.params.k_max);
        let def_a = self.amount_within(v.params.init_a + v.params.init_b);
        let mut state = VirtualState { ver: self.version_above(registered), def_a, nanos, nano_root };
        if self.rng.chance(10) {
            match self.rng.below(2) {
                0 => state.def_a = self.odd_amount(),
                _ => state.nanos = self.rng.pick(&[0, 64, 65, 255]),
            }
        }
        state
    }

    pub(super) fn settlement(&mut self, sender: Address) -> (Address, Call) {
        let params = self.some_channel();
        let r = &self.world.pair.reference;
        let lives = r.slots.get(&params.slot_key()).map_or(0, |slot| slot.nonce) as usize;
        // The newest ended life that has an escrow, or any.
        let ended = (0..lives).rev().find(|nonce| {
            r.escrows
                .get(&r.channel_id(&params, *nonce as u64))
                .is_some_and(|e| e.settled.count_ones() < e.locks.into())
        });
        let nonce = ended.filter(|_| !self.rng.chance(10)).unwrap_or_else(|| self.rng.below(lives + 1)) as u64;
        let escrow = r.escrows.get(&r.channel_id(&params, nonce)).copied().unwrap_or_default();
        let list = self.locks.get(&escrow.lock_root).cloned().unwrap_or_default();
        let beyond = usize::from(self.rng.chance(10) || list.is_empty());
        let index = self.rng.below(list.len() + beyond);
        let leaves: Vec<B256> = list.iter().map(|(vc, terms)| hash::leaf(hash::lock(*vc, terms))).collect();
        let (vc, lock) = list.get(index).copied().unwrap_or_default();
        let (index, proof) = (index as u64, siblings(&leaves, index));
        let virtual_params = self.world.virtuals.iter().find(|v| v.id == vc).map(|v| v.params);
        let virtual_params = virtual_params.unwrap_or(self.world.virtuals[0].params);
        let recorded = r.records.contains_key(&vc);
        let call = if recorded != self.rng.chance(8) {
            Call::Settle { params, nonce, vc, lock, index, proof }
        } else {
            Call::SettleExpired { params, nonce, virtual_params, lock, index, proof }
        };
        (sender, call)
    }
}
