//! Nanocontracts in a dispute.

use super::{MOST, NOW, anybody, at, probe, probe_signed, report, world};
use crate::pair::Pair;
use crate::story::PUPPET;
use crate::tree::{root, siblings};
use crate::world::{Virtual, World, key, owner};
use alloy_primitives::{Address, B256, U256, keccak256};
use perunika_reference::{
    Accrued, Call, Channel, Dispute, Entry, LedgerState, NanoClaim, NanoClaims, NanoStep, NanoVersion, Phase, Position,
    Record, Slot, VERSION_MAX, VirtualChannel, VirtualState, hash,
};

const MIX: B256 = B256::repeat_byte(0x33);
/// R of the dispute.
const R: u64 = NOW;

/// A dispute over a State with these nanocontracts.
fn dispute(pair: &mut Pair, params: &Channel, list: &[Entry]) -> LedgerState {
    let leaves: Vec<B256> = list.iter().map(|entry| hash::leaf(hash::entry(entry))).collect();
    let state = LedgerState { ver: 1, nanos: list.len() as u8, nano_root: root(&leaves), ..LedgerState::default() };
    let dispute = Some(Dispute { state, mix: MIX, deadline: R });
    let phase = Phase::Open { deposit_a: 0, deposit_b: 0, seq: 0, dispute };
    pair.reference.slots.insert(params.slot_key(), Slot { nonce: 0, phase });
    pair.push();
    state
}

fn ready() -> (World, Pair, Channel) {
    let world = world();
    let mut pair = world.pair.clone();
    let account = pair.reference.code_address(PUPPET);
    pair.account(account, 0, PUPPET, false);
    let params = world.channels[0];
    (world, pair, params)
}

fn entry() -> Entry {
    Entry {
        nid: B256::repeat_byte(1),
        born: 1,
        total: 3,
        d_a0: 1,
        mover0: 0,
        code_hash: keccak256(PUPPET),
        gas: 60_000,
        k_max: 9,
        storage0: keccak256([]),
    }
}

fn genesis(e: &Entry) -> NanoVersion {
    NanoVersion { ver: 0, d_a: e.d_a0, mover: e.mover0, steps_left: e.k_max, storage_hash: e.storage0 }
}

fn claim(entry: Entry, version: NanoVersion, evidence: Vec<u8>) -> NanoClaims {
    NanoClaims { list: vec![NanoClaim { entry, version, ..NanoClaim::default() }], evidence, steps: Vec::new() }
}

#[test]
fn entries_and_versions_at_and_beyond_their_bounds() {
    let (world, mut pair, params) = ready();
    let id = pair.reference.channel_id(&params, 0);
    for total in [0, 1, MOST, MOST + 1] {
        for d_a0 in [0, 1, 2, MOST + 1] {
            for mover0 in [0, 1, 2] {
                for k_max in [0, 9, 10] {
                    let entry = Entry { total, d_a0, mover0, k_max, ..entry() };
                    let state = dispute(&mut pair, &params, &[entry]);
                    for ver in [0, 1, VERSION_MAX, VERSION_MAX + 1] {
                        for d_a in [0, 1, 2] {
                            for mover in [0, 1, 2] {
                                for steps_left in [0, 9, 10] {
                                    for storage_hash in [entry.storage0, B256::ZERO] {
                                        let version = NanoVersion { ver, d_a, mover, steps_left, storage_hash };
                                        probe_signed(&mut pair, at(params.owner_a, R + 1), |sign| {
                                            let signed = hash::nano(id, hash::entry(&entry), &version);
                                            let evidence = if sign { world.signed(&[1], signed) } else { Vec::new() };
                                            let claims = claim(entry, version, evidence);
                                            Call::RegisterNano { params, state, mix: MIX, claims }
                                        });
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
    report("registerNano: Entry, version", &pair, 31_000);
}

/// A channel of either kind in dispute over one nanocontract, and who signs and sends.
struct Scene {
    home: Home,
    id: B256,
    window: u64,
    /// Who sends for A, for B, for nobody, and who then has to sign.
    senders: [(Address, Vec<usize>); 3],
    /// The keys of both sides.
    people: [usize; 2],
}

enum Home {
    Ledger(Channel, LedgerState),
    Virtual(VirtualChannel, VirtualState),
}

impl Scene {
    fn ledger(pair: &mut Pair, params: Channel, e: Entry) -> Self {
        let state = dispute(pair, &params, &[e]);
        let senders = [(params.owner_a, vec![1]), (params.owner_b, vec![0]), (owner(4), vec![0, 1])];
        let (id, window) = (pair.reference.channel_id(&params, 0), params.window.into());
        Self { home: Home::Ledger(params, state), id, window, senders, people: [0, 1] }
    }

    fn of_virtual(pair: &mut Pair, v: &Virtual, e: Entry) -> Self {
        let nano_root = root(&[hash::leaf(hash::entry(&e))]);
        let state = VirtualState { ver: 1, nanos: 1, nano_root, ..VirtualState::default() };
        pair.reference.records.insert(v.id, Record::Disputed(Dispute { state, mix: MIX, deadline: R }));
        pair.push();
        let people = [v.path[0], v.path[v.path.len() - 1]];
        let senders = [key(people[0]), key(people[1]), owner(people[0])].map(|sender| (sender, people.to_vec()));
        Self { home: Home::Virtual(v.params, state), id: v.id, window: v.params.window.into(), senders, people }
    }

    fn register(&self, claims: NanoClaims) -> Call {
        match self.home {
            Home::Ledger(params, state) => Call::RegisterNano { params, state, mix: MIX, claims },
            Home::Virtual(params, state) => Call::RegisterVirtualNano { params, state, mix: MIX, claims },
        }
    }

    fn refute(&self, claims: NanoClaims) -> Call {
        match self.home {
            Home::Ledger(params, _) => Call::RefuteNano { params, claims },
            Home::Virtual(params, _) => Call::RefuteVirtualNano { params, claims },
        }
    }

    fn execute(&self, entry: Entry, step: NanoStep) -> Call {
        match self.home {
            Home::Ledger(params, _) => Call::Execute { params, entry, step },
            Home::Virtual(params, _) => Call::ExecuteVirtual { params, entry, step },
        }
    }
}

#[test]
fn phases_of_a_nanocontract_of_a_ledger_channel() {
    let (world, mut pair, params) = ready();
    let scene = Scene::ledger(&mut pair, params, entry());
    phases(&world, &mut pair, &scene);
    report("registerNano, refuteNano, execute: phases, versions, senders", &pair, 5_000);
}

#[test]
fn phases_of_a_nanocontract_of_a_virtual_channel() {
    let (world, mut pair, _) = ready();
    let scene = Scene::of_virtual(&mut pair, &world.virtuals[0], entry());
    phases(&world, &mut pair, &scene);
    report("registerVirtualNano, refuteVirtualNano, executeVirtual: phases, versions, senders", &pair, 5_000);
}

/// Everywhere where a registered nanocontract may stand, and every moment at which something changes.
fn phases(world: &World, pair: &mut Pair, scene: &Scene) {
    let (e, window, id) = (entry(), scene.window, scene.id);
    let name = hash::entry(&e);
    let n_ref = R + 3 + window;
    let last = n_ref + window;
    let registered =
        Position { ver: 1, n_ref, last: 0, steps_left: 9, mover: 0, forced: false, d_a: 2, storage_hash: e.storage0 };
    let stepped = Position { last, steps_left: 1, mover: 1, forced: true, d_a: 0, ..registered };
    let over = Position { steps_left: 0, ..stepped };
    let provisional = Position { ver: 2, forced: true, steps_left: 4, mover: 1, ..registered };
    let genesis_registered = Position { ver: 0, ..registered };
    let positions = [genesis_registered, registered, stepped, over, provisional].map(Some);
    let moments =
        [R, R + 1, R + window, R + window + 1, n_ref, n_ref + 1, last, last + 1, last + window, last + window + 1];
    for position in positions.into_iter().chain([None]) {
        match position {
            Some(position) => {
                pair.reference.nanos.insert((id, name), position);
                pair.reference.accrued.insert(id, Accrued { end: n_ref + window, sum: 1 });
            }
            None => {
                pair.reference.nanos.remove(&(id, name));
                pair.reference.accrued.remove(&id);
            }
        }
        pair.push();
        for time in moments {
            claims_at(world, pair, scene, time);
            if let Some(position) = position {
                steps_at(world, pair, scene, time, &position);
            }
        }
    }
}

/// Without a dispute, or behind its end, nothing moves, whatever is registered.
#[test]
fn nanocontracts_move_in_a_dispute_only() {
    let (world, mut pair, params) = ready();
    let v = &world.virtuals[0];
    let [mut ledger, of_virtual] =
        [Scene::ledger(&mut pair, params, entry()), Scene::of_virtual(&mut pair, v, entry())];
    // The next life of the slot: the word of the dispute of the first is still there.
    let undisputed = Phase::Open { deposit_a: 0, deposit_b: 0, seq: 0, dispute: None };
    pair.reference.slots.insert(params.slot_key(), Slot { nonce: 1, phase: undisputed });
    ledger.id = pair.reference.channel_id(&params, 1);
    let n_ref = R + 3 + ledger.window;
    let storage_hash = entry().storage0;
    let position = Position { ver: 1, n_ref, last: 0, steps_left: 9, mover: 0, forced: false, d_a: 2, storage_hash };
    for record in [None, Some(Record::Concluded { out_a: 0, ver: 1, deadline: R })] {
        match record {
            Some(record) => drop(pair.reference.records.insert(v.id, record)),
            None => drop(pair.reference.records.remove(&v.id)),
        }
        for scene in [&ledger, &of_virtual] {
            for registered in [None, Some(position)] {
                let at = (scene.id, hash::entry(&entry()));
                match registered {
                    Some(position) => drop(pair.reference.nanos.insert(at, position)),
                    None => drop(pair.reference.nanos.remove(&at)),
                }
                pair.push();
                for time in [R, R + 1, n_ref, n_ref + 1] {
                    claims_at(&world, &mut pair, scene, time);
                    steps_at(&world, &mut pair, scene, time, &position);
                }
            }
        }
    }
    assert!(pair.counts.calls >= 1_500 && pair.counts.done.is_empty(), "{:?}", pair.counts);
}

/// As many steps come as claims say that they have one.
#[test]
fn provisional_steps_are_as_many_as_announced() {
    let (_, mut pair, params) = ready();
    let state = dispute(&mut pair, &params, &[entry()]);
    let input = returned(128, &[U256::from(3), U256::ONE, U256::ZERO], 0, 32);
    let code = pair.reference.code_address(PUPPET);
    let step = NanoStep { code, state: Vec::new(), input, auth: Vec::new() };
    for (announced, steps) in [(false, 0), (true, 0), (false, 1), (true, 1), (true, 2)] {
        let mut claims = claim(entry(), genesis(&entry()), Vec::new());
        claims.list[0].step = announced;
        claims.steps = vec![step.clone(); steps];
        probe(&mut pair, at(params.owner_a, R + 1), &Call::RegisterNano { params, state, mix: MIX, claims });
    }
    report("registerNano: provisional steps", &pair, 5);
}

/// A State may say that it has more nanocontracts than its list: each Entry has one index all the same.
#[test]
fn an_index_does_not_alias_another_place() {
    let (_, mut pair, params) = ready();
    let e = |number: usize| Entry { nid: B256::from(U256::from(number)), ..entry() };
    for count in 1..=5usize {
        let list: Vec<Entry> = (0..count).map(e).collect();
        let leaves: Vec<B256> = list.iter().map(|entry| hash::leaf(hash::entry(entry))).collect();
        let state = LedgerState { nanos: 255, ..dispute(&mut pair, &params, &list) };
        let told = Some(Dispute { state, mix: MIX, deadline: R });
        let phase = Phase::Open { deposit_a: 0, deposit_b: 0, seq: 0, dispute: told };
        pair.reference.slots.insert(params.slot_key(), Slot { nonce: 0, phase });
        pair.push();
        for (index, named) in (0..count).flat_map(|index| (0..16u16).map(move |named| (index, named))) {
            let proof = siblings(&leaves, index);
            let mut claims = claim(list[index], genesis(&list[index]), proof.iter().flat_map(|s| s.0).collect());
            (claims.list[0].index, claims.list[0].depth) = (named, proof.len() as u8);
            probe(&mut pair, anybody(R + 1), &Call::RegisterNano { params, state, mix: MIX, claims });
        }
    }
    report("registerNano: indices", &pair, 240);
}

/// Versions from everybody, as registration and as refutation.
fn claims_at(world: &World, pair: &mut Pair, scene: &Scene, time: u64) {
    let e = entry();
    for ver in [0, 1, 2, 3] {
        for (d_a, steps_left) in [(0, 0), (1, 9), (3, 2)] {
            let version = NanoVersion { ver, d_a, steps_left, mover: 1, storage_hash: e.storage0 };
            let version = if ver == 0 { genesis(&e) } else { version };
            let signed = hash::nano(scene.id, hash::entry(&e), &version);
            for (sender, people) in &scene.senders {
                for refutes in [true, false] {
                    probe_signed(pair, at(*sender, time), |sign| {
                        let evidence = if sign && ver > 0 { world.signed(people, signed) } else { Vec::new() };
                        let claims = claim(e, version, evidence);
                        if refutes { scene.refute(claims) } else { scene.register(claims) }
                    });
                }
            }
        }
    }
}

/// A step by everybody, with and without StepAuth of either side.
fn steps_at(world: &World, pair: &mut Pair, scene: &Scene, time: u64, position: &Position) {
    let Position { ver, steps_left, storage_hash, .. } = *position;
    for (sender, _) in &scene.senders {
        for authorised in [None, Some(scene.people[0]), Some(scene.people[1])] {
            let input = returned(128, &[U256::from(3), U256::ONE, U256::ZERO], 0, 32);
            let name = hash::entry(&entry());
            let auth = hash::step_auth(scene.id, name, ver, steps_left, storage_hash, keccak256(&input));
            let auth = authorised.map(|person| world.signed(&[person], auth)).unwrap_or_default();
            let step = NanoStep { code: pair.reference.code_address(PUPPET), state: Vec::new(), input, auth };
            probe(pair, at(*sender, time), &scene.execute(entry(), step));
        }
    }
}

/// What a step returns: a head, the length of the bytes, and so many bytes behind it.
fn returned(offset: u64, words: &[U256; 3], length: u64, size: usize) -> Vec<u8> {
    let head = [U256::from(offset), words[0], words[1], words[2], U256::from(length)];
    let mut bytes: Vec<u8> = head.iter().flat_map(U256::to_be_bytes::<32>).collect();
    bytes.resize(160 + size, 0x5a);
    bytes
}

#[test]
fn results_of_a_step_at_and_beyond_their_bounds() {
    let (_, mut pair, params) = ready();
    let id = pair.reference.channel_id(&params, 0);
    let far = [U256::from(MOST), U256::from(MOST) + U256::ONE, U256::ONE << 128, U256::MAX];
    let words: Vec<U256> = (0..4).map(U256::from).chain(far).collect();
    for total in [0, 2, MOST] {
        let e = Entry { total, d_a0: 0, ..entry() };
        dispute(&mut pair, &params, &[e]);
        for steps_left in [0, 1, 3] {
            let position = Position {
                ver: 1,
                n_ref: R + 3,
                last: 0,
                steps_left,
                mover: 0,
                forced: false,
                d_a: total.min(1),
                storage_hash: e.storage0,
            };
            pair.reference.nanos.insert((id, hash::entry(&e)), position);
            pair.push();
            let mut force = |input: Vec<u8>| {
                let step = NanoStep { code: pair.reference.code_address(PUPPET), input, ..NanoStep::default() };
                probe(&mut pair, at(params.owner_a, R + 4), &Call::Execute { params, entry: e, step })
            };
            for d_a in &words {
                for mover in &words {
                    for left in &words {
                        force(returned(128, &[*d_a, *mover, *left], 3, 32));
                    }
                }
            }
            let fine = [U256::ZERO, U256::ONE, U256::ZERO];
            for offset in [0, 96, 127, 128, 129, 160, u64::MAX] {
                for (length, size) in [(0, 0), (0, 32), (1, 0), (1, 1), (32, 31), (32, 32), (33, 32), (u64::MAX, 32)] {
                    force(returned(offset, &fine, length, size));
                }
            }
            for cut in [0, 1, 31, 32, 127, 128, 159, 160] {
                force(returned(128, &fine, 0, 32)[..cut].to_vec());
            }
        }
    }
    report("execute: results", &pair, 5_000);
}

#[test]
fn storage_and_input_at_and_beyond_2_to_the_14() {
    let (_, mut pair, params) = ready();
    let id = pair.reference.channel_id(&params, 0);
    for size in [0, 16_383, 16_384, 16_385] {
        let storage = vec![7u8; size];
        let e = Entry { storage0: keccak256(&storage), gas: 200_000, ..entry() };
        dispute(&mut pair, &params, &[e]);
        let position = Position {
            ver: 0,
            n_ref: R + 3,
            last: 0,
            steps_left: 9,
            mover: 0,
            forced: false,
            d_a: 1,
            storage_hash: e.storage0,
        };
        pair.reference.nanos.insert((id, hash::entry(&e)), position);
        pair.push();
        for length in [160, 16_383, 16_384, 16_385] {
            for other in [false, true] {
                let mut state = storage.clone();
                if other {
                    state.push(0);
                }
                let input = returned(128, &[U256::ONE; 3], 0, length - 160);
                let step = NanoStep { code: pair.reference.code_address(PUPPET), state, input, auth: Vec::new() };
                probe(&mut pair, at(params.owner_a, R + 4), &Call::Execute { params, entry: e, step });
            }
        }
    }
    report("execute: sizes", &pair, 32);
}

/// Returns `length` bytes of storage, or says so and returns `size`.
fn giver(length: u16, size: u16) -> Vec<u8> {
    let [length, size] = [length, size + 160].map(u16::to_be_bytes);
    // PUSH1 128 PUSH0 MSTORE PUSH2 length PUSH1 128 MSTORE PUSH2 size PUSH0 RETURN
    [&[0x60, 128, 0x5f, 0x52, 0x61], &length[..], &[0x60, 128, 0x52, 0x61], &size[..], &[0x5f, 0xf3]].concat()
}

#[test]
fn a_step_leaves_at_most_2_to_the_14_bytes() {
    let (_, mut pair, params) = ready();
    let id = pair.reference.channel_id(&params, 0);
    for (length, size) in
        [(0, 0), (16_383, 16_383), (16_384, 16_384), (16_384, 16_383), (16_385, 16_385), (16_384, 16_400)]
    {
        let code = giver(length, size);
        let account = pair.reference.code_address(&code);
        pair.account(account, 0, &code, false);
        let e = Entry { code_hash: keccak256(&code), ..entry() };
        dispute(&mut pair, &params, &[e]);
        let position = Position {
            ver: 0,
            n_ref: R + 3,
            last: 0,
            steps_left: 9,
            mover: 0,
            forced: false,
            d_a: 1,
            storage_hash: e.storage0,
        };
        pair.reference.nanos.insert((id, hash::entry(&e)), position);
        pair.push();
        let step = NanoStep { code: account, ..NanoStep::default() };
        let error = probe(&mut pair, at(params.owner_a, R + 4), &Call::Execute { params, entry: e, step });
        assert_eq!(error.is_none(), length <= 16_384 && size >= length);
    }
    report("execute: storage that a step leaves", &pair, 6);
}

/// Every pair of claims with every number of siblings, for lists of 1 to 5; then one claim in lists of every length up to 255.
#[test]
fn proofs_of_every_length() {
    let (_, mut pair, params) = ready();
    let e = |number: usize| Entry { nid: B256::from(U256::from(number)), ..entry() };
    for count in 1..=5usize {
        let list: Vec<Entry> = (0..count).map(e).collect();
        let leaves: Vec<B256> = list.iter().map(|entry| hash::leaf(hash::entry(entry))).collect();
        let state = dispute(&mut pair, &params, &list);
        for (i, j) in (0..count).flat_map(|i| (0..count).map(move |j| (i, j))) {
            for (deep_i, deep_j) in (0..5).flat_map(|i| (0..5).map(move |j| (i, j))) {
                let mut claims = NanoClaims::default();
                for (index, depth) in [(i, deep_i), (j, deep_j)] {
                    let mut proof = siblings(&leaves, index);
                    proof.resize(depth, B256::ZERO);
                    claims.evidence.extend(proof.iter().flat_map(|sibling| sibling.0));
                    let (entry, depth) = (list[index], depth as u8);
                    claims.list.push(NanoClaim {
                        entry,
                        index: index as u16,
                        depth,
                        step: false,
                        version: genesis(&entry),
                    });
                }
                probe(&mut pair, anybody(R + 1), &Call::RegisterNano { params, state, mix: MIX, claims });
            }
        }
    }
    for count in (6..=255usize).step_by(3) {
        let list: Vec<Entry> = (0..count).map(e).collect();
        let leaves: Vec<B256> = list.iter().map(|entry| hash::leaf(hash::entry(entry))).collect();
        let state = dispute(&mut pair, &params, &list);
        for (index, named) in [(0, 0), (count - 1, count - 1), (count / 2, count / 2), (0, count), (0, 256), (1, 257)] {
            let proof = siblings(&leaves, index);
            let mut claims = claim(list[index], genesis(&list[index]), proof.iter().flat_map(|s| s.0).collect());
            (claims.list[0].index, claims.list[0].depth) = (named as u16, proof.len() as u8);
            probe(&mut pair, anybody(R + 1), &Call::RegisterNano { params, state, mix: MIX, claims });
        }
    }
    report("registerNano: proofs", &pair, 1_800);
}
