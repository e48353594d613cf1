//! Calls on ledger channels.

use super::{Home, Story};
use crate::tree::root;
use crate::world::{Rng, person_of};
use alloy_primitives::{Address, B256};
use perunika_reference::{Call, Channel, CloseTerms, LedgerState, LockTerms, Phase, VERSION_MAX, WatchAuth, hash};

impl Story {
    pub(super) fn ledger_call(&mut self, sender: Address) -> (Address, Call) {
        let params = self.some_channel();
        let r = &self.world.pair.reference;
        let slot = r.slots.get(&params.slot_key()).copied().unwrap_or_default();
        let party = self.rng.pick(&[params.owner_a, params.owner_b]);
        let any = self.rng.chance(12);
        match slot.phase {
            _ if any => {
                let kind = self.rng.below(13);
                self.ledger_by_kind(kind, sender, &params)
            }
            Phase::Virgin | Phase::Closed if !params.asset.is_zero() || self.rng.chance(25) => {
                let kind = self.rng.pick(&[0, 2]);
                self.open_with(&params, kind, sender)
            }
            Phase::Virgin | Phase::Closed => (params.owner_a, Call::Open { params, nonce: slot.nonce }),
            Phase::Funding { deposit_a } => match self.rng.below(10) {
                0 => (params.owner_a, Call::Refund { params }),
                _ if !params.asset.is_zero() || self.rng.chance(25) => self.open_with(&params, 1, sender),
                _ => (params.owner_b, Call::Confirm { params, nonce: slot.nonce, deposit_a }),
            },
            Phase::Open { dispute: None, .. } => match self.rng.below(14) {
                0..=1 if !self.nano_story => self.ledger_by_kind(3, sender, &params),
                10..=11 if !self.nano_story => self.deposit_more(&params, sender),
                12..=13 if !self.nano_story => self.adjust(&params, sender),
                2 => self.ledger_by_kind(5, sender, &params),
                _ => self.ledger_by_kind(4, party, &params),
            },
            Phase::Open { dispute: Some(dispute), .. } => {
                let kind = self.rng.below(100);
                if self.time <= dispute.deadline {
                    match kind {
                        0..=50 => self.ledger_by_kind(6, sender, &params),
                        51..=70 => self.ledger_by_kind(4, party, &params),
                        71..=80 => self.ledger_by_kind(5, sender, &params),
                        81..=84 => self.ledger_by_kind(3, sender, &params),
                        _ => self.nano_call(sender, &Home::Ledger(params)),
                    }
                } else {
                    let r = &self.world.pair.reference;
                    let over = self.time > r.channel(&params).final_at;
                    match kind {
                        0..=1 => self.ledger_by_kind(3, sender, &params),
                        2..=3 => self.ledger_by_kind(6, sender, &params),
                        _ if over && self.nano_story && kind < 30 => self.nano_call(sender, &Home::Ledger(params)),
                        _ if over || kind < 8 => self.ledger_by_kind(7, sender, &params),
                        _ => self.nano_call(sender, &Home::Ledger(params)),
                    }
                }
            }
        }
    }

    pub(super) fn some_channel(&mut self) -> Channel {
        let focus = if self.nano_story { self.focus.0[0] } else { self.rng.pick(&self.focus.0) };
        if self.rng.chance(90) { self.world.channels[focus] } else { self.rng.pick(&self.world.channels) }
    }

    pub(super) fn ledger_by_kind(&mut self, kind: usize, sender: Address, params: &Channel) -> (Address, Call) {
        match kind {
            8..=10 => return self.open_with(params, kind - 8, sender),
            11 => return self.deposit_more(params, sender),
            12 => return self.adjust(params, sender),
            _ => {}
        }
        let params = *params;
        let info = self.world.pair.reference.channel(&params);
        let call = match kind {
            0 => Call::Open { params, nonce: info.nonce },
            1 => Call::Confirm { params, nonce: info.nonce, deposit_a: info.deposit_a },
            2 => Call::Refund { params },
            3 => {
                let terms = self.close_terms(info.deposit_a, info.deposit_b);
                let receivers = [(terms.receiver_a, params.owner_a), (terms.receiver_b, params.owner_b)]
                    .map(|(receiver, owner)| if receiver.is_zero() { owner } else { receiver });
                let total = terms.dep_a.saturating_add(terms.dep_b).saturating_sub(terms.escrowed);
                let id = self.some_id(info.id, &params);
                let signatures =
                    self.world.signed_by_others(&params, sender, hash::close(id, &terms, total, receivers));
                Call::Close { params, terms, signatures }
            }
            4 | 6 => {
                let state = self.ledger_state(&params);
                let id = self.some_id(info.id, &params);
                let mut signatures = self.world.signed_by_others(&params, sender, hash::ledger_state(id, &state));
                if kind == 4 {
                    if state.ver == 0 && !self.rng.chance(10) {
                        signatures.clear();
                    }
                    Call::Register { params, state, signatures }
                } else {
                    Call::Refute { params, state, signatures }
                }
            }
            5 => {
                let state = self.ledger_state(&params);
                let signatures = self.world.signed_by_others(&params, sender, hash::ledger_state(info.id, &state));
                let by_b = self.rng.chance(50);
                let person = person_of(if by_b { &params.key_b } else { &params.key_a });
                let auth = self.watch_auth(info.id, sender, person);
                Call::RegisterFor { params, state, signatures, by_b, auth }
            }
            _ => {
                let slot = self.world.pair.reference.slots.get(&params.slot_key()).copied().unwrap_or_default();
                let (state, mix) = match slot.phase {
                    Phase::Open { dispute: Some(dispute), .. } => (dispute.state, dispute.mix),
                    _ => (LedgerState::default(), B256::ZERO),
                };
                Call::Conclude { params, state, mix }
            }
        };
        (sender, call)
    }

    /// Mostly the right one; else that of another life, another channel or a virtual channel.
    pub(super) fn some_id(&mut self, id: B256, params: &Channel) -> B256 {
        if !self.rng.chance(6) {
            return id;
        }
        let r = &self.world.pair.reference;
        let nonce = r.channel(params).nonce;
        let (virtuals, channels) = (&self.world.virtuals, &self.world.channels);
        match self.rng.below(3) {
            0 => r.channel_id(params, nonce ^ 1),
            1 => r.channel(&channels[self.rng.below(channels.len())]).id,
            _ => virtuals[self.rng.below(virtuals.len())].id,
        }
    }

    pub(super) fn watch_auth(&mut self, id: B256, tower: Address, person: usize) -> WatchAuth {
        let (now, slack) = (self.time, |rng: &mut Rng| rng.next() % 2);
        let (not_before, not_after) = match self.rng.below(8) {
            0 => (now + 1, now + 5),
            1 => (now - 5, now - 1),
            _ => (now - slack(&mut self.rng), now + slack(&mut self.rng)),
        };
        let signature = self.world.signed(&[person], hash::watch_auth(id, tower, not_before, not_after));
        WatchAuth { not_before, not_after, signature }
    }

    pub(super) fn amount_within(&mut self, most: u128) -> u128 {
        match self.rng.below(12) {
            0..=3 => most,
            4 => 0,
            5 => most.saturating_sub(1),
            _ => self.rng.upto(most.min(8)),
        }
    }

    pub(super) fn close_terms(&mut self, deposit_a: u128, deposit_b: u128) -> CloseTerms {
        let (dep_a, dep_b) = (self.amount_within(deposit_a), self.amount_within(deposit_b));
        let (lock_root, locks) = self.lock_list();
        let escrowed = if locks > 0 { self.amount_within((dep_a + dep_b).min(1 << 95)) } else { 0 };
        let contract = self.world.pair.reference.address;
        let receivers = [(); 2].map(|()| match self.rng.below(20) {
            0..=13 => Address::ZERO,
            14 => contract,
            _ => self.anybody(),
        });
        let mut terms = CloseTerms {
            dep_a,
            dep_b,
            out_a: self.amount_within(dep_a + dep_b - escrowed),
            escrowed,
            locks,
            lock_root,
            receiver_a: receivers[0],
            receiver_b: receivers[1],
            not_after: self.time + self.rng.next() % 3,
        };
        if self.rng.chance(15) {
            let odd = self.odd_amount();
            match self.rng.below(6) {
                0 => terms.dep_a = odd,
                1 => terms.dep_b = odd,
                2 => terms.out_a = odd,
                3 => terms.escrowed = odd,
                4 => terms.locks = self.rng.pick(&[0, 128, 129, 255]),
                _ => terms.not_after = self.time - 1,
            }
        }
        terms
    }

    pub(super) fn odd_amount(&mut self) -> u128 {
        let small = self.rng.upto(12);
        self.rng.pick(&[small, (1 << 96) - 1, 1 << 96, u128::MAX, (1 << 96) - 2])
    }

    pub(super) fn version_above(&mut self, registered: u64) -> u64 {
        match self.rng.below(20) {
            0 => registered,
            1 => registered.saturating_sub(1),
            2 => 1,
            3 => VERSION_MAX,
            4 => VERSION_MAX + 1,
            5 => 0,
            _ => (registered + 1 + self.rng.next() % 2).min(VERSION_MAX),
        }
    }

    pub(super) fn ledger_state(&mut self, params: &Channel) -> LedgerState {
        let info = self.world.pair.reference.channel(params);
        if self.rng.chance(10) {
            return LedgerState::default();
        }
        let (dep_a, dep_b) = (self.amount_within(info.deposit_a), self.amount_within(info.deposit_b));
        let (lock_root, locks) = self.lock_list();
        let all = dep_a + dep_b;
        let total = if locks > 0 { self.amount_within(all) } else { all };
        let (nano_root, nanos) = self.nano_list(params.k_max);
        let def_a = self.amount_within(total);
        let ver = self.version_above(info.ver);
        let mut state = LedgerState { ver, dep_a, dep_b, total, def_a, nanos, locks, lock_root, nano_root };
        if self.rng.chance(15) {
            let odd = self.odd_amount();
            match self.rng.below(6) {
                0 => state.dep_a = odd,
                1 => state.dep_b = odd,
                2 => state.total = odd,
                3 => state.def_a = odd,
                4 => state.locks = self.rng.pick(&[0, 128, 129, 255]),
                _ => state.nanos = self.rng.pick(&[0, 1, 255]),
            }
        }
        state
    }

    pub(super) fn lock_list(&mut self) -> (B256, u8) {
        if self.rng.chance(45) {
            return (B256::ZERO, 0);
        }
        let count = self.rng.below(4);
        let list: Vec<(B256, LockTerms)> = (0..count)
            .map(|_| {
                let some = if self.rng.chance(70) { self.focus.1 } else { self.rng.below(self.world.virtuals.len()) };
                let vc = &self.world.virtuals[some];
                let (left, right) = (vc.params.init_a, vc.params.init_b);
                let fee = self.rng.upto(2);
                let terms = match self.rng.below(10) {
                    0 => LockTerms { left_is_a: true, left: (1 << 96) - 1, right: (1 << 96) - 1 },
                    1 => LockTerms { left_is_a: false, left: 0, right: 0 },
                    _ => LockTerms { left_is_a: self.rng.chance(50), left: (left + fee).min((1 << 96) - 1), right },
                };
                (vc.id, terms)
            })
            .collect();
        let leaves: Vec<B256> = list.iter().map(|(vc, terms)| hash::leaf(hash::lock(*vc, terms))).collect();
        let root = root(&leaves);
        self.locks.insert(root, list);
        (root, count as u8)
    }
}
