//! Ledger channels.

use super::{MOST, NOW, anybody, at, probe, probe_signed, report, world};
use crate::abi;
use crate::evm::Ended;
use crate::pair::{At, Pair};
use crate::world::{World, key, owner};
use alloy_primitives::{Address, B256};
use perunika_reference::{
    Accrued, Call, Channel, CloseTerms, Dispute, Error, Key, LIVES, LedgerState, Phase, Slot, VERSION_MAX, WatchAuth,
    hash,
};

const MIX: B256 = B256::repeat_byte(0x11);

fn open(pair: &mut Pair, params: &Channel, deposits: [u128; 2], dispute: Option<Dispute<LedgerState>>) {
    let phase = Phase::Open { deposit_a: deposits[0], deposit_b: deposits[1], seq: 0, dispute };
    pair.reference.slots.insert(params.slot_key(), Slot { nonce: 2, phase });
    pair.push();
}

/// Enough to pay any of it.
fn rich(pair: &mut Pair) {
    let contract = pair.evm.domain.adjudicator;
    let code = pair.evm.code(contract);
    pair.evm.set_account(contract, 1 << 99, &code);
    pair.reference.money.balances.insert(contract, 1 << 99);
}

#[test]
fn parameters_of_open_at_and_beyond_their_bounds() {
    let World { mut pair, channels, .. } = world();
    let base = channels[0];
    let long = B256::from(alloy_primitives::U256::ONE << 160);
    let longest = B256::from((alloy_primitives::U256::ONE << 160) - alloy_primitives::U256::ONE);
    let periods = [0, 1, 1 << 25, (1 << 25) + 1, u32::MAX];
    for asset in [Address::ZERO, Address::repeat_byte(1)] {
        for owner_b in [base.owner_b, base.owner_a, Address::ZERO] {
            for (scheme_a, scheme_b) in [(1, 1), (0, 1), (2, 1), (1, 2), (255, 255)] {
                for key_a in [base.key_a.key, B256::ZERO, long, longest, base.key_b.key] {
                    for key_b in [base.key_b.key, B256::ZERO, long] {
                        for (challenge, window) in periods.into_iter().flat_map(|c| periods.map(|w| (c, w))) {
                            for k_max in [0, 1024, 1025] {
                                // The bounds of the periods need not be crossed with every other fault.
                                let faults = usize::from(asset != Address::ZERO)
                                    + usize::from(owner_b != base.owner_b)
                                    + usize::from((scheme_a, scheme_b) != (1, 1))
                                    + usize::from(key_a != base.key_a.key)
                                    + usize::from(key_b != base.key_b.key);
                                if faults > 1 && (challenge, window, k_max) != (1, 1, 0) {
                                    continue;
                                }
                                let params = Channel {
                                    owner_b,
                                    key_a: Key { scheme: scheme_a, key: key_a },
                                    key_b: Key { scheme: scheme_b, key: key_b },
                                    asset,
                                    challenge,
                                    window,
                                    k_max,
                                    ..base
                                };
                                probe(
                                    &mut pair,
                                    At { value: 1, ..at(base.owner_a, NOW) },
                                    &Call::Open { params, nonce: 0 },
                                );
                            }
                        }
                    }
                }
            }
        }
    }
    report("open: parameters", &pair, 1_400);
}

#[test]
fn funding_in_every_phase() {
    let World { mut pair, channels, .. } = world();
    let params = channels[0];
    rich(&mut pair);
    let amounts = [0, 1, 2, 3, MOST - 1, MOST];
    let phases = amounts.into_iter().flat_map(|deposit_a| {
        let open = Phase::Open { deposit_a, deposit_b: 1, seq: 0, dispute: None };
        [Phase::Funding { deposit_a }, open]
    });
    for phase in phases.chain([Phase::Virgin, Phase::Closed]) {
        for nonce in [0, 1, LIVES - 2, LIVES - 1, LIVES] {
            if (phase == Phase::Virgin && nonce > 0)
                || (matches!(phase, Phase::Open { .. } | Phase::Funding { .. }) && nonce == LIVES)
            {
                continue;
            }
            pair.reference.slots.insert(params.slot_key(), Slot { nonce, phase });
            pair.push();
            for sender in [params.owner_a, params.owner_b, key(0)] {
                for named in [nonce, nonce + 1, nonce.wrapping_sub(1) % (1 << 40)] {
                    for value in amounts.into_iter().chain([MOST + 1]) {
                        let here = At { value, ..at(sender, NOW) };
                        probe(&mut pair, here, &Call::Open { params, nonce: named });
                        for deposit_a in [0, 1, 2, MOST - 1, MOST, MOST + 1] {
                            probe(&mut pair, here, &Call::Confirm { params, nonce: named, deposit_a });
                        }
                    }
                }
                probe(&mut pair, at(sender, NOW), &Call::Refund { params });
            }
        }
    }
    report("open, confirm, refund: phases, nonces, deposits", &pair, 9_000);
}

#[test]
fn the_predicate_of_a_state_of_l() {
    let World { mut pair, channels, .. } = world();
    let params = channels[0];
    let other = world();
    let amounts = [0, 1, 2, 3, MOST, MOST + 1, u128::MAX];
    for deposits in [[2, 1], [0, 3], [MOST, 0]] {
        open(&mut pair, &params, deposits, None);
        let id = pair.reference.channel(&params).id;
        for dep_a in amounts {
            for dep_b in amounts {
                for total in amounts {
                    for def_a in amounts {
                        for locks in [0, 1, 128, 129] {
                            let state =
                                LedgerState { ver: 1, dep_a, dep_b, total, def_a, locks, ..LedgerState::default() };
                            probe_signed(&mut pair, at(params.owner_b, NOW), |signed| {
                                let signatures = if signed {
                                    other.signed(&[0], hash::ledger_state(id, &state))
                                } else {
                                    Vec::new()
                                };
                                Call::Register { params, state, signatures }
                            });
                        }
                    }
                }
            }
        }
    }
    report("register: predicate", &pair, 28_000);
}

#[test]
fn the_predicate_of_a_close_and_what_it_pays() {
    let World { mut pair, channels, .. } = world();
    let params = channels[0];
    let other = world();
    rich(&mut pair);
    let amounts = [0, 1, 2, 3, MOST, MOST + 1];
    for deposits in [[2, 1], [0, 2]] {
        open(&mut pair, &params, deposits, None);
        let id = pair.reference.channel(&params).id;
        for dep_a in amounts {
            for dep_b in amounts {
                for escrowed in amounts {
                    for out_a in amounts {
                        for locks in [0, 1, 128, 129] {
                            let terms = CloseTerms {
                                dep_a,
                                dep_b,
                                escrowed,
                                out_a,
                                locks,
                                not_after: NOW,
                                ..CloseTerms::default()
                            };
                            probe_signed(&mut pair, at(params.owner_a, NOW), |signed| {
                                let total = (dep_a + dep_b).saturating_sub(escrowed);
                                let close = hash::close(id, &terms, total, [params.owner_a, params.owner_b]);
                                let signatures = if signed { other.signed(&[1], close) } else { Vec::new() };
                                Call::Close { params, terms, signatures }
                            });
                        }
                    }
                }
            }
        }
    }
    report("close: predicate, payouts", &pair, 10_000);
}

/// Every State that a dispute can hold over deposits of up to 2, everything that nanocontracts can have moved, and the moments around the end.
#[test]
fn what_conclude_pays() {
    let World { mut pair, channels, .. } = world();
    let params = channels[0];
    rich(&mut pair);
    let id = pair.reference.channel_id(&params, 2);
    let deadline = NOW;
    let mut states = Vec::new();
    for (dep_a, dep_b) in (0..3).flat_map(|a| (0..3).map(move |b| (a, b))) {
        for total in 0..=dep_a + dep_b {
            for def_a in 0..=total {
                for (locks, nanos) in [(0, 0), (1, 0), (0, 1), (128, 255)] {
                    if locks > 0 || total == dep_a + dep_b {
                        states.push(LedgerState {
                            ver: 3,
                            dep_a,
                            dep_b,
                            total,
                            def_a,
                            nanos,
                            locks,
                            ..LedgerState::default()
                        });
                    }
                }
            }
        }
    }
    let window = u64::from(params.window);
    for (a, b) in [(0, 0), (1, 1), (2, 0), (1, 2), (2, 2), (MOST - 2, 2)] {
        for state in states.iter().filter(|s| s.dep_a <= a && s.dep_b <= b) {
            open(&mut pair, &params, [a, b], Some(Dispute { state: *state, mix: MIX, deadline }));
            let sums: &[i128] =
                if state.nanos > 0 { &[-(1 << 96), -3, -2, -1, 0, 1, 2, 3, 1 << 96] } else { &[0, 1, -1] };
            for sum in sums {
                for end in [0, deadline + 1, deadline + window + 1, deadline + 3 * window] {
                    if state.nanos == 0 && end > 0 {
                        continue;
                    }
                    pair.reference.accrued.insert(id, Accrued { end, sum: *sum });
                    pair.push();
                    let over = if state.nanos == 0 { deadline } else { end.max(deadline + window) };
                    for time in [over, over + 1] {
                        let call = Call::Conclude { params, state: *state, mix: MIX };
                        let error = probe(&mut pair, anybody(time), &call);
                        assert_eq!(error, (time == over).then_some(Error::NotFinal));
                    }
                }
            }
        }
    }
    report("conclude: payouts, end", &pair, 10_000);
}

/// A registered hash of 160 bits may have another pre-image than the State that was looked at. The reference knows no hashes: this asks the
/// contract alone.
#[test]
fn a_colliding_state_pays_no_more_than_the_deposits() {
    let World { mut pair, channels, .. } = world();
    let params = channels[0];
    let sound = LedgerState { ver: 3, dep_a: 1, dep_b: 1, total: 2, def_a: 1, ..LedgerState::default() };
    let colliding = [
        LedgerState { dep_a: 3, total: 4, ..sound },
        LedgerState { dep_b: 3, total: 4, ..sound },
        LedgerState { total: 3, ..sound },
        LedgerState { total: 1, ..sound },
        LedgerState { def_a: 3, ..sound },
        LedgerState { locks: 129, ..sound },
    ];
    for (state, expected) in [(sound, None)].into_iter().chain(colliding.map(|s| (s, Some(Error::InvalidState)))) {
        open(&mut pair, &params, [2, 2], Some(Dispute { state, mix: MIX, deadline: NOW }));
        let data = abi::calldata(&Call::Conclude { params, state, mix: MIX });
        let (ended, _) = pair.evm.probe(anybody(NOW + 1).sender, 0, data, NOW + 1, 100);
        let error = if let Ended::Reverted(data) = &ended { abi::error(data) } else { None };
        assert_eq!(error, expected, "{state:?}: {ended:?}");
    }
}

/// Versions, the moments around R, the kinds of senders, and whether a dispute runs.
#[test]
fn versions_and_deadlines_of_a_dispute() {
    let World { mut pair, channels, .. } = world();
    let params = channels[0];
    let other = world();
    let versions = [0, 1, 2, 3, VERSION_MAX, VERSION_MAX + 1];
    let content = |ver| LedgerState { ver, ..LedgerState::default() };
    for registered in [None, Some(0), Some(1), Some(2), Some(VERSION_MAX)] {
        for nanos in [0, 1] {
            let state = |ver| LedgerState { nanos, ..content(ver) };
            let dispute = registered.map(|ver| Dispute { state: state(ver), mix: MIX, deadline: NOW });
            open(&mut pair, &params, [0, 0], dispute);
            let id = pair.reference.channel(&params).id;
            let window = u64::from(params.window);
            for time in [NOW - 1, NOW, NOW + 1, NOW + window, NOW + window + 1] {
                for ver in versions {
                    let state = content(ver);
                    for (sender, people) in [(params.owner_a, vec![1]), (params.owner_b, vec![0]), (key(4), vec![0, 1])]
                    {
                        let signed = || other.signed(&people, hash::ledger_state(id, &state));
                        let here = at(sender, time);
                        probe_signed(&mut pair, here, |sign| {
                            let signatures = if sign { signed() } else { Vec::new() };
                            Call::Register { params, state, signatures }
                        });
                        probe_signed(&mut pair, here, |sign| {
                            let signatures = if sign { signed() } else { Vec::new() };
                            Call::Refute { params, state, signatures }
                        });
                        for (not_before, not_after) in [(time, time), (time + 1, time + 1), (time - 1, time - 1)] {
                            let auth = hash::watch_auth(id, sender, not_before, not_after);
                            let auth = WatchAuth { not_before, not_after, signature: other.signed(&[1], auth) };
                            let call = |by_b| Call::RegisterFor {
                                params,
                                state,
                                signatures: signed(),
                                by_b,
                                auth: auth.clone(),
                            };
                            probe(&mut pair, here, &call(true));
                            probe(&mut pair, here, &call(false));
                        }
                    }
                    for nanos in [0, 1] {
                        for mix in [MIX, B256::ZERO] {
                            let state = LedgerState { nanos, ..content(ver) };
                            probe(&mut pair, anybody(time), &Call::Conclude { params, state, mix });
                        }
                    }
                }
            }
        }
    }
    report("register, registerFor, refute, conclude: versions, deadlines, senders", &pair, 7_000);
}

#[test]
fn closing_and_its_last_second() {
    let World { mut pair, channels, .. } = world();
    let params = channels[0];
    let other = world();
    rich(&mut pair);
    let state = LedgerState { ver: 3, dep_a: 1, dep_b: 1, total: 2, def_a: 1, nanos: 1, ..LedgerState::default() };
    for dispute in [None, Some(Dispute { state, mix: MIX, deadline: NOW })] {
        open(&mut pair, &params, [2, 1], dispute);
        for nonce in [1, 2, 3] {
            let id = pair.reference.channel_id(&params, nonce);
            for not_after in [NOW - 1, NOW, NOW + 1, 1 << 40, u64::MAX] {
                for (receiver_a, receiver_b) in
                    [(Address::ZERO, owner(4)), (owner(2), Address::ZERO), (owner(3), owner(2))]
                {
                    let terms = CloseTerms {
                        dep_a: 1,
                        dep_b: 1,
                        out_a: 2,
                        not_after,
                        receiver_a,
                        receiver_b,
                        ..CloseTerms::default()
                    };
                    let named = [(receiver_a, params.owner_a), (receiver_b, params.owner_b)]
                        .map(|(receiver, owner)| if receiver.is_zero() { owner } else { receiver });
                    let close = hash::close(id, &terms, 2, named);
                    for (sender, people) in [
                        (params.owner_a, vec![1]),
                        (params.owner_b, vec![0]),
                        (key(4), vec![0, 1]),
                        (key(4), vec![1, 0]),
                    ] {
                        let signatures = other.signed(&people, close);
                        probe(&mut pair, at(sender, NOW), &Call::Close { params, terms, signatures });
                    }
                }
            }
        }
    }
    report("close: life, last second, receivers, senders", &pair, 200);
}
