//! Nanocontracts in a dispute of a ledger channel.

use super::{MOST, NOW, anybody, at, probe, probe_signed, report, world};
use crate::pair::Pair;
use crate::story::{PUPPET, root, siblings};
use crate::world::{World, owner};
use alloy_primitives::{B256, U256, keccak256};
use perunika_reference::{
    Accrued, Call, Channel, Dispute, Entry, LedgerState, NanoClaim, NanoClaims, NanoStep, NanoVersion, Phase, Position,
    Slot, VERSION_MAX, hash,
};

const MIX: B256 = B256::repeat_byte(0x33);
/// R of the dispute.
const R: u64 = NOW;

/// A dispute over a State with these nanocontracts.
fn dispute(pair: &mut Pair, params: &Channel, list: &[Entry]) -> LedgerState {
    let leaves: Vec<B256> = list.iter().map(|entry| hash::leaf(hash::entry(entry))).collect();
    let state = LedgerState { ver: 1, nanos: list.len() as u8, nano_root: root(&leaves), ..LedgerState::default() };
    let dispute = Some(Dispute { state, mix: MIX, deadline: R });
    let phase = Phase::Open { deposit_a: 0, deposit_b: 0, dispute };
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

/// Where a registered nanocontract may stand, and every moment at which something changes.
#[test]
fn phases_of_a_nanocontract() {
    let (world, mut pair, params) = ready();
    let (e, window) = (entry(), u64::from(params.window));
    let (id, name) = (pair.reference.channel_id(&params, 0), hash::entry(&e));
    let state = dispute(&mut pair, &params, &[e]);
    let n_ref = R + 3 + window;
    let last = n_ref + window;
    let at_registration = |ver| Position {
        ver,
        n_ref,
        last: 0,
        steps_left: 9,
        mover: 0,
        forced: false,
        d_a: 2,
        storage_hash: e.storage0,
    };
    let stepped = Position { last, steps_left: 1, mover: 1, forced: true, d_a: 0, ..at_registration(1) };
    let over = Position { steps_left: 0, ..stepped };
    let provisional = Position { forced: true, steps_left: 4, mover: 1, ..at_registration(2) };
    let positions =
        [None, Some(at_registration(0)), Some(at_registration(1)), Some(stepped), Some(over), Some(provisional)];
    let moments =
        [R, R + 1, R + window, R + window + 1, n_ref, n_ref + 1, last, last + 1, last + window, last + window + 1];
    for position in positions {
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
            for ver in [0, 1, 2, 3] {
                for (d_a, steps_left) in [(0, 0), (1, 9), (3, 2)] {
                    let version = NanoVersion { ver, d_a, steps_left, mover: 1, storage_hash: e.storage0 };
                    let version = if ver == 0 { genesis(&e) } else { version };
                    for (sender, people) in
                        [(params.owner_a, vec![1]), (params.owner_b, vec![0]), (owner(4), vec![0, 1])]
                    {
                        let signed = || match ver {
                            0 => Vec::new(),
                            _ => world.signed(&people, hash::nano(id, name, &version)),
                        };
                        for refutes in [true, false] {
                            probe_signed(&mut pair, at(sender, time), |sign| {
                                let claims = claim(e, version, if sign { signed() } else { Vec::new() });
                                match refutes {
                                    true => Call::RefuteNano { params, claims },
                                    false => Call::RegisterNano { params, state, mix: MIX, claims },
                                }
                            });
                        }
                    }
                }
            }
            let Some(position) = position else { continue };
            for sender in [params.owner_a, params.owner_b, owner(4)] {
                for authorised in [None, Some(0), Some(1)] {
                    let input = returned(128, &[U256::from(3), U256::ONE, U256::ZERO], 0, 32);
                    let auth = hash::step_auth(
                        id,
                        name,
                        position.ver,
                        position.steps_left,
                        position.storage_hash,
                        keccak256(&input),
                    );
                    let auth = authorised.map(|person| world.signed(&[person], auth)).unwrap_or_default();
                    let step = NanoStep { code: pair.reference.code_address(PUPPET), state: Vec::new(), input, auth };
                    probe(&mut pair, at(sender, time), &Call::Execute { params, entry: e, step });
                }
            }
        }
    }
    report("registerNano, refuteNano, execute: phases, versions, senders", &pair, 5_000);
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
    // Bytes around 2^14, which are in the input as well: the input is at most 2^14 bytes, so a step can give 2^14 - 160 of them here.
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
