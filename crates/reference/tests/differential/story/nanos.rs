//! Calls on nanocontracts.

use super::{Home, PUPPET, SECRET, Story};
use crate::tree::siblings;
use crate::world::{Rng, person_of};
use alloy_primitives::{Address, B256, U256, keccak256};
use perunika_apps::App;
use perunika_reference::{Call, Entry, NanoClaim, NanoClaims, NanoStep, NanoVersion, Phase, Record, hash};
use std::collections::BTreeMap;

impl Story {
    pub(super) fn nano_call(&mut self, sender: Address, home: &Home) -> (Address, Call) {
        let r = &self.world.pair.reference;
        let (ch, deadline, window, root) = match home {
            Home::Ledger(params) => {
                let slot = r.slots.get(&params.slot_key()).copied().unwrap_or_default();
                let id = r.channel_id(params, slot.nonce);
                match slot.phase {
                    Phase::Open { dispute: Some(d), .. } => (id, d.deadline, params.window, d.state.nano_root),
                    _ => (id, 0, params.window, B256::ZERO),
                }
            }
            Home::Virtual(v) => match r.records.get(&v.id) {
                Some(Record::Disputed(d)) => (v.id, d.deadline, v.params.window, d.state.nano_root),
                _ => (v.id, 0, v.params.window, B256::ZERO),
            },
        };
        let list = self.nanos.get(&root).cloned().unwrap_or_default();
        let names: Vec<B256> = list.iter().map(hash::entry).collect();
        let registered: Vec<usize> = (0..list.len()).filter(|i| r.nanos.contains_key(&(ch, names[*i]))).collect();
        let open = registered.iter().any(|i| r.nanos.get(&(ch, names[*i])).is_some_and(|p| self.time <= p.n_ref));
        let in_window = self.time <= deadline + u64::from(window);
        let kind = self.rng.below(100);
        let sender = self.some_mover(sender, home);
        if registered.is_empty() || (in_window && kind < 35) {
            let claims = self.claims(home, sender, ch, &list, true);
            return (sender, self.register_nano(home, claims));
        }
        if self.rng.chance(if open { 80 } else { 10 }) {
            let claims = self.claims(home, sender, ch, &list, false);
            let call = match home {
                Home::Ledger(params) => Call::RefuteNano { params: *params, claims },
                Home::Virtual(v) => Call::RefuteVirtualNano { params: v.params, claims },
            };
            return (sender, call);
        }
        let entry = if self.rng.chance(95) { list[self.rng.pick(&registered)] } else { self.rng.pick(&list) };
        let (mut sender, mut auth) = (sender, Vec::new());
        let mut step = NanoStep::default();
        if let Some(position) = self.world.pair.reference.nanos.get(&(ch, hash::entry(&entry))).copied() {
            let version = NanoVersion {
                ver: position.ver,
                d_a: position.d_a,
                mover: position.mover,
                steps_left: position.steps_left,
                storage_hash: position.storage_hash,
            };
            (sender, step) = self.step(home, ch, &entry, &version, sender);
            auth = step.auth.clone();
        }
        step.auth = auth;
        let call = match home {
            Home::Ledger(params) => Call::Execute { params: *params, entry, step },
            Home::Virtual(v) => Call::ExecuteVirtual { params: v.params, entry, step },
        };
        (sender, call)
    }

    pub(super) fn some_mover(&mut self, sender: Address, home: &Home) -> Address {
        if self.rng.chance(30) {
            return sender;
        }
        self.movers(home)[self.rng.below(2)]
    }

    pub(super) fn movers(&self, home: &Home) -> [Address; 2] {
        match home {
            Home::Ledger(params) => [params.owner_a, params.owner_b],
            Home::Virtual(v) => [v.params.a.account(), v.params.b.account()],
        }
    }

    pub(super) fn people(&self, home: &Home) -> [usize; 2] {
        match home {
            Home::Ledger(params) => [person_of(&params.key_a), person_of(&params.key_b)],
            Home::Virtual(v) => [v.path[0], v.path[v.path.len() - 1]],
        }
    }

    pub(super) fn register_nano(&mut self, home: &Home, claims: NanoClaims) -> Call {
        let r = &self.world.pair.reference;
        match home {
            Home::Ledger(params) => {
                let slot = r.slots.get(&params.slot_key()).copied().unwrap_or_default();
                let (state, mix) = match slot.phase {
                    Phase::Open { dispute: Some(d), .. } => (d.state, d.mix),
                    _ => Default::default(),
                };
                Call::RegisterNano { params: *params, state, mix, claims }
            }
            Home::Virtual(v) => {
                let (state, mix) = match r.records.get(&v.id) {
                    Some(Record::Disputed(d)) => (d.state, d.mix),
                    _ => Default::default(),
                };
                Call::RegisterVirtualNano { params: v.params, state, mix, claims }
            }
        }
    }

    /// Claims on some of the nanocontracts, with proofs that may be cut where a former one has passed.
    pub(super) fn claims(
        &mut self,
        home: &Home,
        sender: Address,
        ch: B256,
        list: &[Entry],
        registers: bool,
    ) -> NanoClaims {
        let leaves: Vec<B256> = list.iter().map(|entry| hash::leaf(hash::entry(entry))).collect();
        let mut all = NanoClaims::default();
        let mut passed: BTreeMap<usize, usize> = BTreeMap::new();
        for (index, entry) in list.iter().enumerate() {
            let again = 1 + usize::from(self.rng.chance(4));
            for _ in 0..again {
                if self.rng.chance(35) {
                    continue;
                }
                let mut proof = if registers { siblings(&leaves, index) } else { Vec::new() };
                let cut = (0..proof.len()).find(|level| passed.get(level) == Some(&(index >> level)));
                if self.rng.chance(70) {
                    proof.truncate(cut.unwrap_or(proof.len()));
                }
                passed.extend((0..proof.len()).map(|level| (level, (index >> level) ^ 1)));
                self.claim(home, sender, ch, (entry, index, &proof), &mut all);
            }
        }
        if self.rng.chance(3) {
            all.steps.push(NanoStep::default());
        }
        if self.rng.chance(3) {
            all.evidence.push(0);
        }
        all
    }

    pub(super) fn claim(
        &mut self,
        home: &Home,
        sender: Address,
        ch: B256,
        (entry, index, proof): (&Entry, usize, &[B256]),
        all: &mut NanoClaims,
    ) {
        let name = hash::entry(entry);
        let before = self.world.pair.reference.nanos.get(&(ch, name)).copied();
        let version = self.version(entry, before.map(|position| position.ver));
        all.evidence.extend(proof.iter().flat_map(|sibling| sibling.0));
        if version.ver > 0 {
            let id = if self.rng.chance(3) { B256::ZERO } else { ch };
            let signed = hash::nano(id, name, &version);
            let signatures = match home {
                Home::Ledger(params) => self.world.signed_by_others(params, sender, signed),
                Home::Virtual(_) => self.world.signed(&self.people(home), signed),
            };
            all.evidence.extend(signatures);
        }
        let movers = self.movers(home);
        let brings = version.steps_left > 0 && version.mover < 2 && self.rng.chance(25);
        if brings {
            // Claims of one call have one sender: whoever does not move needs a StepAuth.
            let (_, mut step) = self.step(home, ch, entry, &version, sender);
            if movers[usize::from(version.mover)] != sender && step.auth.is_empty() && self.rng.chance(90) {
                step.auth = self.step_auth(home, ch, entry, &version, &step.input);
            }
            all.steps.push(step);
        }
        let step = brings != self.rng.chance(1);
        all.list.push(NanoClaim { entry: *entry, index: index as u16, depth: proof.len() as u8, step, version });
    }

    pub(super) fn version(&mut self, entry: &Entry, registered: Option<u64>) -> NanoVersion {
        let genesis = NanoVersion {
            ver: 0,
            d_a: entry.d_a0,
            mover: entry.mover0,
            steps_left: entry.k_max,
            storage_hash: entry.storage0,
        };
        if registered.is_none() && self.rng.chance(40) {
            return genesis;
        }
        let storage = self.rng.below(self.storages.len());
        let known = self.storages.keys().nth(storage).copied().unwrap_or_default();
        let mut version = NanoVersion {
            ver: self.version_above(registered.unwrap_or(0)),
            d_a: self.amount_within(entry.total),
            mover: self.rng.below(2) as u8,
            steps_left: self.rng.below(usize::from(entry.k_max) + 1) as u16,
            storage_hash: if self.rng.chance(60) { entry.storage0 } else { known },
        };
        if version.ver == 0 && self.rng.chance(70) {
            version = genesis;
        }
        if self.rng.chance(10) {
            match self.rng.below(4) {
                0 => version.d_a = entry.total + 1,
                1 => version.mover = 2,
                2 => version.steps_left = entry.k_max + 1,
                _ => version.storage_hash = B256::repeat_byte(3),
            }
        }
        version
    }

    /// A step of the mover, and who sends it.
    pub(super) fn step(
        &mut self,
        home: &Home,
        ch: B256,
        entry: &Entry,
        v: &NanoVersion,
        sender: Address,
    ) -> (Address, NanoStep) {
        let r = &self.world.pair.reference;
        let code_of = |code: &[u8]| r.code_address(code);
        let (code, input) = if entry.code_hash == keccak256(PUPPET) {
            (code_of(PUPPET), self.puppet_input(entry, v))
        } else if entry.code_hash == App::TicTacToe.code_hash() {
            (code_of(App::TicTacToe.code()), vec![self.rng.below(10) as u8])
        } else {
            let secret = if self.rng.chance(85) { SECRET } else { B256::ZERO };
            (code_of(App::HashLock.code()), secret.to_vec())
        };
        let code = if self.rng.chance(4) { self.anybody() } else { code };
        // Without the code, nothing much can be tried.
        let state = self.storages.get(&v.storage_hash).cloned().unwrap_or_default();
        let mover = self.movers(home)[usize::from(v.mover.min(1))];
        let mut step = NanoStep { code, state, input, auth: Vec::new() };
        if self.rng.chance(3) {
            step.state.push(0);
        }
        if self.rng.chance(5) {
            step.input = vec![0; 16_385];
        }
        if self.rng.chance(45) {
            step.auth = self.step_auth(home, ch, entry, v, &step.input);
            return (sender, step);
        }
        (if self.rng.chance(90) { mover } else { sender }, step)
    }

    pub(super) fn step_auth(&mut self, home: &Home, ch: B256, entry: &Entry, v: &NanoVersion, input: &[u8]) -> Vec<u8> {
        let mover = usize::from(v.mover.min(1));
        let person = self.people(home)[if self.rng.chance(95) { mover } else { 1 - mover }];
        let name = hash::entry(entry);
        self.world.signed(&[person], hash::step_auth(ch, name, v.ver, v.steps_left, v.storage_hash, keccak256(input)))
    }

    /// What the puppet is to return.
    pub(super) fn puppet_input(&mut self, entry: &Entry, v: &NanoVersion) -> Vec<u8> {
        let word = |value: u128| U256::from(value).to_be_bytes::<32>();
        let storage = self.rng.bytes(40);
        let (mut d_a, mut mover, mut left) =
            (self.amount_within(entry.total), self.rng.below(2) as u128, u128::from(v.steps_left.saturating_sub(1)));
        if self.rng.chance(20) {
            left = self.rng.upto(left);
        }
        let mut offset = 128;
        if self.rng.chance(12) {
            match self.rng.below(4) {
                0 => d_a = entry.total + 1,
                1 => mover = 2,
                2 => left = v.steps_left.into(),
                _ => offset = 160,
            }
        }
        let mut out = [word(offset), word(d_a), word(mover), word(left), word(storage.len() as u128)].concat();
        out.extend(&storage);
        out.resize(out.len().div_ceil(32) * 32, 0);
        if self.rng.chance(3) {
            out.truncate(self.rng.below(out.len()));
        }
        out
    }
}

impl Rng {
    /// Up to `most` bytes.
    pub(super) fn bytes(&mut self, most: usize) -> Vec<u8> {
        (0..self.below(most + 1)).map(|_| self.next() as u8).collect()
    }
}
