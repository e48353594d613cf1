//! Random sequences of calls, each from one seed.

use super::mutate::mutate;
use super::pair::{At, Counts, Pair};
use super::world::{PEOPLE, Rng, START, Virtual, World, key, owner, person_of};
use alloy_primitives::{Address, B256, keccak256};
use perunika_apps::App;
use perunika_reference::{
    Call, Channel, CloseTerms, Entry, Event, LedgerState, LockTerms, NanoClaim, NanoClaims, NanoStep, NanoVersion,
    Opener, Phase, Record, VERSION_MAX, VirtualState, WatchAuth, hash,
};
use std::collections::BTreeMap;

/// Returns its input as it is.
///
/// PUSH2 324 CALLDATALOAD PUSH1 4 ADD DUP1 CALLDATALOAD SWAP1 PUSH1 32 ADD DUP2 SWAP1 PUSH0 CALLDATACOPY PUSH0 RETURN
pub(crate) const PUPPET: &[u8] =
    &[0x61, 0x01, 0x44, 0x35, 0x60, 0x04, 0x01, 0x80, 0x35, 0x90, 0x60, 0x20, 0x01, 0x81, 0x90, 0x5f, 0x37, 0x5f, 0xf3];

/// The secret of the hash locks.
const SECRET: B256 = B256::repeat_byte(0x5e);

/// A story that is being told.
pub(crate) struct Story {
    pub(crate) world: World,
    pub(crate) rng: Rng,
    pub(crate) time: u64,
    number: u64,
    /// Locks behind a root.
    locks: BTreeMap<B256, Vec<(B256, LockTerms)>>,
    /// Nanocontracts behind a root.
    nanos: BTreeMap<B256, Vec<Entry>>,
    /// What hashes to a storage hash.
    storages: BTreeMap<B256, Vec<u8>>,
    /// What most of it is about: two channels and a virtual channel.
    focus: ([usize; 2], usize),
    /// Whether it is a story about the nanocontracts of one channel.
    nano_story: bool,
}

/// Of a channel of either kind.
#[derive(Clone)]
enum Home {
    Ledger(Channel),
    Virtual(Box<Virtual>),
}

/// What is done with a call before it is sent.
pub(crate) type Before<'a> = &'a mut dyn FnMut(&mut Pair, At, &Call) -> Result<(), String>;

/// Tells the story of a seed in `length` calls.
pub(crate) fn tell(world: &World, seed: u64, length: usize) -> Result<Counts, String> {
    tell_with(world, seed, length, &mut |_, _, _| Ok(()))
}

/// The same, with something done before each call.
pub(crate) fn tell_with(world: &World, seed: u64, length: usize, before: Before<'_>) -> Result<Counts, String> {
    let mut rng = Rng(seed);
    let focus = ([rng.below(world.channels.len()), rng.below(world.channels.len())], rng.below(world.virtuals.len()));
    let mut story = Story {
        world: world.clone(),
        rng,
        focus,
        nano_story: seed % 2 == 1,
        time: START,
        number: 100,
        locks: BTreeMap::new(),
        nanos: BTreeMap::new(),
        storages: BTreeMap::new(),
    };
    let mut told = Vec::new();
    for step in 0..length {
        story.pass_time();
        let (at, call) = story.next_call(step);
        told.push(format!("{} {:?} {call:?}", at.time - START, at.sender));
        let context = |why: String, told: &[String]| {
            let last: Vec<_> =
                told.iter().rev().take(3).rev().map(|line| line.chars().take(900).collect::<String>()).collect();
            format!("seed {seed}, call {step}: {why}\n{}", last.join("\n"))
        };
        before(&mut story.world.pair, at, &call).map_err(|why| context(why, &told))?;
        let result = story.world.pair.call(at, &call).map_err(|why| context(why, &told))?;
        story.remember(result.unwrap_or_default());
        if story.rng.chance(4) || step + 1 == length {
            let time = story.time;
            story.world.same_views(time).map_err(|why| context(why, &told))?;
        }
    }
    Ok(story.world.pair.counts)
}

impl Story {
    /// To a moment around a deadline, or a little further, or not at all.
    fn pass_time(&mut self) {
        self.number += 1;
        if self.rng.chance(if self.nano_story { 75 } else { 55 }) {
            return;
        }
        let deadlines = self.deadlines();
        let target = if deadlines.is_empty() || self.rng.chance(25) {
            self.time + self.rng.next() % 3
        } else {
            // Mostly the next ones: a story that jumps to the last deadline is soon over.
            let reach = if self.rng.chance(80) { 2 } else { 100 };
            let near = self.rng.below(deadlines.len().min(reach));
            (deadlines[near] + self.rng.next() % 3) - 1
        };
        self.time = self.time.max(target);
    }

    /// All that are not over, in order.
    fn deadlines(&mut self) -> Vec<u64> {
        let terms = self.rng.chance(12);
        let r = &self.world.pair.reference;
        let mut all = Vec::new();
        for params in &self.world.channels {
            let info = r.channel(params);
            if info.disputed {
                all.extend([info.deadline, info.deadline + u64::from(params.window), info.final_at]);
            }
        }
        for v in &self.world.virtuals {
            let window = u64::from(v.params.window);
            match r.records.get(&v.id) {
                None if terms => all.extend([v.params.t_exp, v.params.t_exp - window]),
                None => {}
                Some(Record::Disputed(d)) => all.extend([d.deadline, d.deadline + window]),
                Some(Record::Concluded { .. }) => {}
            }
        }
        for ((ch, _), position) in &r.nanos {
            let window = self.window(*ch);
            all.extend([position.n_ref, position.n_ref.max(position.last) + window]);
        }
        all.retain(|deadline| deadline + 1 >= self.time);
        all.sort_unstable();
        all.dedup();
        all
    }

    fn window(&self, ch: B256) -> u64 {
        let of_virtual = self.world.virtuals.iter().find(|v| v.id == ch).map(|v| v.params.window);
        let r = &self.world.pair.reference;
        let of_ledger =
            self.world.channels.iter().find(|params| r.channel(params).id == ch).map(|params| params.window);
        of_virtual.or(of_ledger).unwrap_or(1).into()
    }

    fn remember(&mut self, events: Vec<Event>) {
        for event in events {
            if matches!(event, Event::VirtualConcluded { .. } | Event::Finalised { .. }) && self.rng.chance(80) {
                self.focus.1 = self.rng.below(self.world.virtuals.len());
            }
            if let Event::NanoStepped { next, .. } = event {
                self.storages.insert(keccak256(&next), next);
            }
        }
    }

    fn next_call(&mut self, step: usize) -> (At, Call) {
        let sender = self.anybody();
        let codes = [PUPPET, App::TicTacToe.code(), App::HashLock.code()];
        let (sender, mut call) = match self.rng.below(100) {
            0..=93 if step < codes.len() => (sender, Call::Deploy { code: codes[step].to_vec() }),
            0..=85 if self.nano_story && self.focus.1.is_multiple_of(2) => self.virtual_call(sender),
            0..=85 if self.nano_story => self.ledger_call(sender),
            0..=54 => self.ledger_call(sender),
            55..=82 => self.virtual_call(sender),
            83..=92 => self.settlement(sender),
            93 => (sender, Call::Withdraw { asset: Address::ZERO, to: self.anybody() }),
            94..=96 => (sender, Call::Reveal { secret: self.rng.pick(&[SECRET, B256::ZERO, B256::repeat_byte(1)]) }),
            97 => (sender, Call::Deploy { code: self.some_code() }),
            _ => {
                let of = owner(self.rng.pick(&[2, 3]));
                (of, Call::Withdraw { asset: Address::ZERO, to: self.anybody() })
            }
        };
        let mut at = At { sender, value: 0, time: self.time, number: self.number };
        if call.is_payable() {
            at.value = self.deposit();
        }
        if self.rng.chance(12) {
            mutate(&mut call, &mut self.rng);
        }
        if self.rng.chance(4) {
            at.sender = self.anybody();
        }
        if self.rng.chance(1) {
            at.number = 1;
        }
        if self.rng.chance(1) {
            at.value = 1;
        }
        at.value = at.value.min(self.world.pair.reference.money.balance(at.sender));
        (at, call)
    }

    fn anybody(&mut self) -> Address {
        let person = self.rng.below(PEOPLE + 1);
        if self.rng.chance(70) { owner(person) } else { key(person) }
    }

    fn deposit(&mut self) -> u128 {
        match self.rng.below(20) {
            0 => (1 << 96) - 1,
            1 => 1 << 96,
            2 => 0,
            _ => self.rng.upto(6),
        }
    }

    fn some_code(&mut self) -> Vec<u8> {
        match self.rng.below(9) {
            0..=2 => PUPPET.to_vec(),
            3..=4 => App::TicTacToe.code().to_vec(),
            5 => App::HashLock.code().to_vec(),
            6 => vec![0xef, 0x00],
            7 => Vec::new(),
            _ => vec![0; 24_577],
        }
    }

    // --------------------------------------------------------------------------------------------- ledger channels

    fn ledger_call(&mut self, sender: Address) -> (Address, Call) {
        let params = self.some_channel();
        let r = &self.world.pair.reference;
        let slot = r.slots.get(&params.slot_key()).copied().unwrap_or_default();
        let party = self.rng.pick(&[params.owner_a, params.owner_b]);
        let any = self.rng.chance(12);
        match slot.phase {
            _ if any => {
                let kind = self.rng.below(8);
                self.ledger_by_kind(kind, sender, &params)
            }
            Phase::Virgin | Phase::Closed => (params.owner_a, Call::Open { params, nonce: slot.nonce }),
            Phase::Funding { deposit_a } => match self.rng.below(10) {
                0 => (params.owner_a, Call::Refund { params }),
                _ => (params.owner_b, Call::Confirm { params, nonce: slot.nonce, deposit_a }),
            },
            Phase::Open { dispute: None, .. } => match self.rng.below(10) {
                0..=1 if !self.nano_story => self.ledger_by_kind(3, sender, &params),
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

    fn some_channel(&mut self) -> Channel {
        let focus = if self.nano_story { self.focus.0[0] } else { self.rng.pick(&self.focus.0) };
        if self.rng.chance(90) { self.world.channels[focus] } else { self.rng.pick(&self.world.channels) }
    }

    fn ledger_by_kind(&mut self, kind: usize, sender: Address, params: &Channel) -> (Address, Call) {
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
    fn some_id(&mut self, id: B256, params: &Channel) -> B256 {
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

    fn watch_auth(&mut self, id: B256, tower: Address, person: usize) -> WatchAuth {
        let (now, slack) = (self.time, |rng: &mut Rng| rng.next() % 2);
        let (not_before, not_after) = match self.rng.below(8) {
            0 => (now + 1, now + 5),
            1 => (now - 5, now - 1),
            _ => (now - slack(&mut self.rng), now + slack(&mut self.rng)),
        };
        let signature = self.world.signed(&[person], hash::watch_auth(id, tower, not_before, not_after));
        WatchAuth { not_before, not_after, signature }
    }

    fn amount_within(&mut self, most: u128) -> u128 {
        match self.rng.below(12) {
            0..=3 => most,
            4 => 0,
            5 => most.saturating_sub(1),
            _ => self.rng.upto(most.min(8)),
        }
    }

    fn close_terms(&mut self, deposit_a: u128, deposit_b: u128) -> CloseTerms {
        let (dep_a, dep_b) = (self.amount_within(deposit_a), self.amount_within(deposit_b));
        let (lock_root, locks) = self.lock_list();
        let escrowed = if locks > 0 { self.amount_within((dep_a + dep_b).min(1 << 95)) } else { 0 };
        let receivers = [(); 2].map(|()| if self.rng.chance(70) { Address::ZERO } else { self.anybody() });
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

    fn odd_amount(&mut self) -> u128 {
        let small = self.rng.upto(12);
        self.rng.pick(&[small, (1 << 96) - 1, 1 << 96, u128::MAX, (1 << 96) - 2])
    }

    fn version_above(&mut self, registered: u64) -> u64 {
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

    fn ledger_state(&mut self, params: &Channel) -> LedgerState {
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

    fn lock_list(&mut self) -> (B256, u8) {
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

    // -------------------------------------------------------------------------------------------- virtual channels

    fn virtual_call(&mut self, sender: Address) -> (Address, Call) {
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

    fn virtual_by_kind(&mut self, kind: usize, sender: Address, v: &Virtual) -> (Address, Call) {
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

    fn virtual_state(&mut self, v: &Virtual) -> VirtualState {
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

    fn settlement(&mut self, sender: Address) -> (Address, Call) {
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

    // ---------------------------------------------------------------------------------------------- nanocontracts

    /// Up to three nanocontracts that the channel may have.
    fn nano_list(&mut self, k_max: u16) -> (B256, u8) {
        if self.rng.chance(if self.nano_story { 10 } else { 40 }) {
            return (B256::ZERO, 0);
        }
        let count = self.rng.below(4) + usize::from(self.nano_story);
        let list: Vec<Entry> = (0..count).map(|number| self.entry(number, k_max)).collect();
        let leaves: Vec<B256> = list.iter().map(|entry| hash::leaf(hash::entry(entry))).collect();
        let root = root(&leaves);
        self.nanos.insert(root, list);
        (root, count as u8)
    }

    fn entry(&mut self, number: usize, k_max: u16) -> Entry {
        let nid = B256::from(alloy_primitives::U256::from(number + 10 * self.rng.below(2)));
        let base = Entry { nid, born: 1, ..Entry::default() };
        let mut entry = match self.rng.below(5) {
            0..=1 => {
                let first = self.rng.pick(&[perunika_core::params::Side::A, perunika_core::params::Side::B]);
                let terms = perunika_apps::tic_tac_toe::terms(1, 2, first).unwrap();
                self.keep(&terms.storage);
                let storage0 = keccak256(&terms.storage);
                let k_max = if k_max >= 9 { 9 } else { k_max };
                let mover0 = first.index() as u8;
                Entry { total: 3, d_a0: 1, mover0, code_hash: terms.code_hash, gas: 10_000, k_max, storage0, ..base }
            }
            2 => {
                let deadline = START + 20 + self.rng.next() % 20;
                let until = perunika_apps::hash_lock::Until::new(deadline, 10).unwrap();
                let payer = self.rng.pick(&[perunika_core::params::Side::A, perunika_core::params::Side::B]);
                let lock = perunika_apps::hash_lock::Lock { hash: keccak256(SECRET), amount: 1, payer, until };
                let terms = perunika_apps::hash_lock::terms(lock).unwrap();
                self.keep(&terms.storage);
                Entry {
                    total: 1,
                    d_a0: u128::from(payer.index() == 0),
                    mover0: payer.other().index() as u8,
                    code_hash: terms.code_hash,
                    gas: 20_000,
                    k_max: k_max.min(1),
                    storage0: keccak256(&terms.storage),
                    ..base
                }
            }
            _ => {
                let total = self.rng.pick(&[0, 2, 5, (1 << 96) - 1]);
                self.keep(&[]);
                Entry {
                    total,
                    d_a0: self.amount_within(total),
                    mover0: self.rng.below(2) as u8,
                    code_hash: keccak256(PUPPET),
                    gas: 30_000,
                    k_max: self.rng.below(usize::from(k_max) + 1) as u16,
                    storage0: keccak256([]),
                    ..base
                }
            }
        };
        if self.rng.chance(if self.nano_story { 3 } else { 8 }) {
            match self.rng.below(8) {
                6..=7 => entry.gas = u32::MAX,
                0 => entry.k_max = k_max + 1,
                1 => entry.gas = u32::MAX,
                2 => entry.gas = 10,
                3 => entry.total = 1 << 96,
                4 => entry.mover0 = 2,
                _ => entry.d_a0 = self.odd_amount(),
            }
        }
        entry
    }

    fn keep(&mut self, storage: &[u8]) {
        self.storages.insert(keccak256(storage), storage.to_vec());
    }

    fn nano_call(&mut self, sender: Address, home: &Home) -> (Address, Call) {
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

    fn some_mover(&mut self, sender: Address, home: &Home) -> Address {
        if self.rng.chance(30) {
            return sender;
        }
        self.movers(home)[self.rng.below(2)]
    }

    fn movers(&self, home: &Home) -> [Address; 2] {
        match home {
            Home::Ledger(params) => [params.owner_a, params.owner_b],
            Home::Virtual(v) => [v.params.a.account(), v.params.b.account()],
        }
    }

    fn people(&self, home: &Home) -> [usize; 2] {
        match home {
            Home::Ledger(params) => [person_of(&params.key_a), person_of(&params.key_b)],
            Home::Virtual(v) => [v.path[0], v.path[v.path.len() - 1]],
        }
    }

    fn register_nano(&mut self, home: &Home, claims: NanoClaims) -> Call {
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
    fn claims(&mut self, home: &Home, sender: Address, ch: B256, list: &[Entry], registers: bool) -> NanoClaims {
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

    fn claim(
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

    fn version(&mut self, entry: &Entry, registered: Option<u64>) -> NanoVersion {
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
    fn step(&mut self, home: &Home, ch: B256, entry: &Entry, v: &NanoVersion, sender: Address) -> (Address, NanoStep) {
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

    fn step_auth(&mut self, home: &Home, ch: B256, entry: &Entry, v: &NanoVersion, input: &[u8]) -> Vec<u8> {
        let mover = usize::from(v.mover.min(1));
        let person = self.people(home)[if self.rng.chance(95) { mover } else { 1 - mover }];
        let name = hash::entry(entry);
        self.world.signed(&[person], hash::step_auth(ch, name, v.ver, v.steps_left, v.storage_hash, keccak256(input)))
    }

    /// What the puppet is to return.
    fn puppet_input(&mut self, entry: &Entry, v: &NanoVersion) -> Vec<u8> {
        let word = |value: u128| alloy_primitives::U256::from(value).to_be_bytes::<32>();
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
    fn bytes(&mut self, most: usize) -> Vec<u8> {
        (0..self.below(most + 1)).map(|_| self.next() as u8).collect()
    }
}

/// Root over leaves, padded with zeros.
pub(crate) fn root(leaves: &[B256]) -> B256 {
    levels(leaves).last().map_or(B256::ZERO, |top| top[0])
}

/// Siblings of a leaf from below.
pub(crate) fn siblings(leaves: &[B256], index: usize) -> Vec<B256> {
    let levels = levels(leaves);
    let below = levels.iter().take(levels.len().saturating_sub(1)).enumerate();
    below.map(|(level, nodes)| nodes.get((index >> level) ^ 1).copied().unwrap_or_default()).collect()
}

fn levels(leaves: &[B256]) -> Vec<Vec<B256>> {
    if leaves.is_empty() {
        return Vec::new();
    }
    let mut level = leaves.to_vec();
    level.resize(leaves.len().next_power_of_two(), B256::ZERO);
    let mut levels = vec![level];
    while levels[levels.len() - 1].len() > 1 {
        let above = levels[levels.len() - 1].chunks(2).map(|pair| hash::node(pair[0], pair[1])).collect();
        levels.push(above);
    }
    levels
}
