//! Virtual channels.

use super::{MOST, NOW, anybody, at, probe, probe_signed, report, world};
use crate::pair::Pair;
use crate::world::{Virtual, World, key, owner};
use alloy_primitives::{Address, B256};
use perunika_reference::{
    Accrued, Call, Dispute, Error, Key, Opener, Record, VERSION_MAX, VirtualChannel, VirtualState, WatchAuth, hash,
};

const MIX: B256 = B256::repeat_byte(0x22);

fn set(pair: &mut Pair, vc: B256, record: Option<Record>) {
    match record {
        Some(record) => drop(pair.reference.records.insert(vc, record)),
        None => drop(pair.reference.records.remove(&vc)),
    }
    pair.push();
}

/// A virtual channel like the first one, with other parameters.
fn like(world: &World, change: impl FnOnce(&mut VirtualChannel)) -> Virtual {
    let mut v = world.virtuals[0].clone();
    v.params.t_exp = NOW + 100;
    change(&mut v.params);
    v.id = world.pair.reference.virtual_id(&v.params);
    v
}

#[test]
fn the_predicate_of_a_state_of_v() {
    let world = world();
    let mut pair = world.pair.clone();
    let amounts = [0, 1, 2, 3, MOST - 1, MOST, MOST + 1];
    for (init_a, init_b) in amounts.into_iter().flat_map(|a| amounts.map(|b| (a, b))) {
        let v = like(&world, |p| (p.init_a, p.init_b) = (init_a, init_b));
        pair.totals.insert(v.id, init_a + init_b);
        for def_a in amounts {
            for ver in [0, 1, VERSION_MAX, VERSION_MAX + 1] {
                for nanos in [0, 1, 64, 65, 255] {
                    let state = VirtualState { ver, def_a, nanos, ..VirtualState::default() };
                    probe_signed(&mut pair, at(key(0), NOW), |sign| {
                        let signed = hash::virtual_state(v.id, init_a + init_b, &state);
                        let signatures = if sign { world.signed(&[0, 2], signed) } else { Vec::new() };
                        Call::RegisterVirtual { params: v.params, state, signatures, secrets: v.secrets.clone() }
                    });
                }
            }
        }
    }
    report("registerVirtual: predicate", &pair, 6_500);
}

/// Everything that may be wrong with the parameters and the secrets, one and two at a time.
#[test]
fn what_an_activation_needs() {
    let world = world();
    let mut pair = world.pair.clone();
    let state = VirtualState { ver: 1, ..VirtualState::default() };
    for participants in 0..20 {
        let secrets: Vec<B256> = (0..participants).map(|j| B256::repeat_byte(j + 1)).collect();
        for act_mode in [0, 1, 2, 255] {
            for (challenge, window, k_max) in [
                (1, 1, 0),
                (1 << 25, 1 << 25, 1024),
                (0, 1, 0),
                (1, 0, 0),
                ((1 << 25) + 1, 1, 0),
                (1, (1 << 25) + 1, 0),
                (1, 1, 1025),
            ] {
                for wrong in [false, true] {
                    let v = like(&world, |p| {
                        (p.act_mode, p.challenge, p.window, p.k_max) = (act_mode, challenge, window, k_max);
                        p.act = if wrong { B256::ZERO } else { hash::activation(&secrets) };
                    });
                    pair.totals.insert(v.id, v.params.init_a + v.params.init_b);
                    let total = v.params.init_a + v.params.init_b;
                    for time in [v.params.t_exp, v.params.t_exp + 1] {
                        probe_signed(&mut pair, at(key(0), time), |sign| {
                            let signed = hash::virtual_state(v.id, total, &state);
                            let signatures = if sign { world.signed(&[0, 2], signed) } else { Vec::new() };
                            Call::RegisterVirtual { params: v.params, state, signatures, secrets: secrets.clone() }
                        });
                    }
                }
            }
        }
    }
    report("registerVirtual: activation", &pair, 2_200);
}

/// Every position of paths of every length, every kind of sender, with and without WatchAuth, around the last w and tExp.
#[test]
fn who_opens_a_dispute_when() {
    let world = world();
    let mut pair = world.pair.clone();
    let state = VirtualState { ver: 1, ..VirtualState::default() };
    for links in 2..=16usize {
        let mids: Vec<Key> = (1..links).map(|hub| Key::of(key([1, 3, 4][hub % 3]))).collect();
        let secrets: Vec<B256> = (0..=links).map(|j| B256::repeat_byte(j as u8)).collect();
        let v = like(&world, |p| {
            (p.mids, p.act) = (hash::keys(&mids), hash::activation(&secrets));
            p.window = 10;
        });
        let total = v.params.init_a + v.params.init_b;
        pair.totals.insert(v.id, total);
        let signatures = world.signed(&[0, 2], hash::virtual_state(v.id, total, &state));
        let t_exp = v.params.t_exp;
        let positions: Vec<usize> =
            if links <= 4 { (0..links + 3).collect() } else { vec![0, 1, links - 1, links, links + 1, 255] };
        for position in positions {
            let person = match position {
                0 => 0,
                p if p == links => 2,
                p => [1, 3, 4][p % 3],
            };
            let signer = if position > links { 0 } else { person };
            for time in [t_exp - 11, t_exp - 10, t_exp - 9, t_exp, t_exp + 1] {
                for sender in [key(person), owner(5)] {
                    let auth = hash::watch_auth(v.id, sender, time, time);
                    let auth =
                        WatchAuth { not_before: time, not_after: time, signature: world.signed(&[signer], auth) };
                    for auth in [WatchAuth::default(), auth] {
                        for mids in [mids.clone(), mids[1..].to_vec(), [&mids[..], &mids[..1]].concat()] {
                            let opener = Opener { position: position as u8, mids, auth: auth.clone() };
                            let (signatures, secrets) = (signatures.clone(), secrets.clone());
                            let call =
                                Call::RegisterVirtualFor { params: v.params, state, signatures, secrets, opener };
                            probe(&mut pair, at(sender, time), &call);
                        }
                    }
                }
            }
        }
    }
    report("registerVirtualFor: openers", &pair, 5_000);
}

#[test]
fn versions_and_deadlines_of_a_virtual_dispute() {
    let world = world();
    let mut pair = world.pair.clone();
    let versions = [0, 1, 2, 3, VERSION_MAX];
    let v = like(&world, |p| p.t_exp = NOW + 20);
    let (window, total) = (u64::from(v.params.window), v.params.init_a + v.params.init_b);
    pair.totals.insert(v.id, total);
    let content = |ver, nanos| VirtualState { ver, nanos, def_a: 1, ..VirtualState::default() };
    let disputed = [1, 2, VERSION_MAX].into_iter().flat_map(|ver| {
        [0, 1].map(|nanos| Some(Record::Disputed(Dispute { state: content(ver, nanos), mix: MIX, deadline: NOW })))
    });
    let concluded = Some(Record::Concluded { out_a: 1, ver: 1, deadline: NOW });
    for record in disputed.chain([None, concluded]) {
        for end in [0, NOW + window + 2] {
            match end {
                0 => drop(pair.reference.accrued.remove(&v.id)),
                end => drop(pair.reference.accrued.insert(v.id, Accrued { end, sum: 2 })),
            }
            set(&mut pair, v.id, record);
            for time in [
                NOW - 1,
                NOW,
                NOW + 1,
                NOW + window,
                NOW + window + 1,
                NOW + window + 2,
                NOW + window + 3,
                NOW + 20,
                NOW + 21,
            ] {
                for ver in versions {
                    let state = content(ver, 0);
                    for sender in [key(0), key(2), key(1)] {
                        for virtual_register in [true, false] {
                            probe_signed(&mut pair, at(sender, time), |sign| {
                                let signed = hash::virtual_state(v.id, total, &state);
                                let signatures = if sign { world.signed(&[0, 2], signed) } else { Vec::new() };
                                let (params, secrets) = (v.params, v.secrets.clone());
                                if virtual_register {
                                    Call::RegisterVirtual { params, state, signatures, secrets }
                                } else {
                                    Call::RefuteVirtual { params, state, signatures }
                                }
                            });
                        }
                    }
                    for nanos in [0, 1] {
                        for mix in [MIX, B256::ZERO] {
                            let state = content(ver, nanos);
                            probe(&mut pair, anybody(time), &Call::ConcludeVirtual { params: v.params, state, mix });
                        }
                    }
                }
                for out_a in [0, total, total + 1] {
                    let signatures = world.signed(&v.path, hash::outcome(v.id, out_a));
                    let call = Call::Finalise { params: v.params, mids: v.mids(), out_a, signatures };
                    probe(&mut pair, anybody(time), &call);
                }
            }
        }
    }
    report("registerVirtual, refuteVirtual, concludeVirtual, finalise: versions, deadlines", &pair, 7_000);
}

/// Every default share and everything that nanocontracts can have moved.
#[test]
fn what_conclude_virtual_fixes() {
    let world = world();
    let mut pair = world.pair.clone();
    for (init_a, init_b) in (0..3).flat_map(|a| (0..3).map(move |b| (a, b))).chain([(MOST, 0), (1, MOST - 1)]) {
        let v = like(&world, |p| (p.init_a, p.init_b) = (init_a, init_b));
        pair.totals.insert(v.id, init_a + init_b);
        for def_a in (0..=4).chain([MOST]).filter(|share| *share <= init_a + init_b) {
            for nanos in [0, 1, 64] {
                let state = VirtualState { ver: 2, def_a, nanos, ..VirtualState::default() };
                for sum in [-(1 << 96), -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 1 << 96] {
                    pair.reference.accrued.insert(v.id, Accrued { end: NOW, sum });
                    set(&mut pair, v.id, Some(Record::Disputed(Dispute { state, mix: MIX, deadline: NOW - 50 })));
                    let call = Call::ConcludeVirtual { params: v.params, state, mix: MIX };
                    assert_eq!(probe(&mut pair, anybody(NOW + 1), &call), None);
                }
            }
        }
    }
    report("concludeVirtual: outcomes", &pair, 1_000);
}

#[test]
fn certificates_of_every_length() {
    let world = world();
    let mut pair = world.pair.clone();
    for hubs in 0..=17usize {
        let people: Vec<usize> = (0..hubs).map(|hub| [1, 3, 4][hub % 3]).collect();
        let mids: Vec<Key> = people.iter().map(|person| Key::of(key(*person))).collect();
        let v = like(&world, |p| p.mids = hash::keys(&mids));
        pair.totals.insert(v.id, v.params.init_a + v.params.init_b);
        let path: Vec<usize> = [0].into_iter().chain(people).chain([2]).collect();
        let outcome = hash::outcome(v.id, 1);
        let whole = world.signed(&path, outcome);
        // Each signature missing, twice, or somebody else's.
        let mut tries = vec![whole.clone(), [&whole[..], &[0; 64]].concat()];
        for at in 0..path.len() {
            let [mut without, mut doubled, mut foreign] = [path.clone(), path.clone(), path.clone()];
            without.remove(at);
            doubled.insert(at, path[at]);
            foreign[at] = 5;
            tries.extend([without, doubled, foreign].map(|people| world.signed(&people, outcome)));
        }
        for signatures in tries {
            for mids in [mids.clone(), mids.get(1..).unwrap_or_default().to_vec()] {
                let call = Call::Finalise { params: v.params, mids, out_a: 1, signatures: signatures.clone() };
                let error = probe(&mut pair, anybody(NOW), &call);
                assert!(error.is_some() || signatures == whole);
            }
        }
    }
    report("finalise: certificates", &pair, 1_000);
    assert_ne!(owner(0), Address::ZERO);
    assert_eq!(pair.counts.done["finalise"], 15, "paths of 2 to 16 links");
    assert_eq!(pair.counts.refused.get(Error::InvalidState.name().unwrap_or_default()), None);
}
