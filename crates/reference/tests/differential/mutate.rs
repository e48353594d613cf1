//! Spoils a call a little.

use super::world::Rng;
use alloy_primitives::{Address, B256};
use perunika_reference::{
    Call, Channel, CloseTerms, Key, LedgerState, LockTerms, NanoClaims, NanoStep, Opening, VirtualChannel,
    VirtualState, WatchAuth,
};

/// Changes one thing.
pub(crate) fn mutate(call: &mut Call, rng: &mut Rng) {
    let first = rng.chance(35);
    match call {
        Call::Open { params, nonce } => either(rng, first, |r| channel(params, r), |r| time(nonce, r)),
        Call::Confirm { params, nonce, deposit_a } => match rng.below(3) {
            0 => channel(params, rng),
            1 => time(nonce, rng),
            _ => amount(deposit_a, rng),
        },
        Call::Refund { params } => channel(params, rng),
        Call::Close { params, terms, signatures } => match rng.below(3) {
            0 => channel(params, rng),
            1 => close(terms, rng),
            _ => bytes(signatures, rng),
        },
        Call::Register { params, state, signatures } | Call::Refute { params, state, signatures } => match rng.below(3)
        {
            0 => channel(params, rng),
            1 => ledger(state, rng),
            _ => bytes(signatures, rng),
        },
        Call::RegisterFor { params, state, signatures, by_b, auth: a } => match rng.below(5) {
            0 => channel(params, rng),
            1 => ledger(state, rng),
            2 => bytes(signatures, rng),
            3 => auth(a, rng),
            _ => *by_b = !*by_b,
        },
        Call::Conclude { params, state, mix } => match rng.below(3) {
            0 => channel(params, rng),
            1 => ledger(state, rng),
            _ => word(mix, rng),
        },
        Call::RegisterVirtual { params, state, signatures, secrets } => match rng.below(4) {
            0 => virtual_channel(params, rng),
            1 => virtual_state(state, rng),
            2 => bytes(signatures, rng),
            _ => words(secrets, rng),
        },
        Call::RegisterVirtualFor { params, state, signatures, secrets, opener } => match rng.below(7) {
            0 => virtual_channel(params, rng),
            1 => virtual_state(state, rng),
            2 => bytes(signatures, rng),
            3 => words(secrets, rng),
            4 => auth(&mut opener.auth, rng),
            5 => keys(&mut opener.mids, rng),
            _ => opener.position = rng.below(20) as u8,
        },
        Call::RefuteVirtual { params, state, signatures } => match rng.below(3) {
            0 => virtual_channel(params, rng),
            1 => virtual_state(state, rng),
            _ => bytes(signatures, rng),
        },
        Call::ConcludeVirtual { params, state, mix } => match rng.below(3) {
            0 => virtual_channel(params, rng),
            1 => virtual_state(state, rng),
            _ => word(mix, rng),
        },
        Call::Finalise { params, mids, out_a, signatures } => match rng.below(4) {
            0 => virtual_channel(params, rng),
            1 => keys(mids, rng),
            2 => amount(out_a, rng),
            _ => bytes(signatures, rng),
        },
        Call::RegisterNano { params, state, mix, claims: c } => match rng.below(6) {
            0 => channel(params, rng),
            1 => ledger(state, rng),
            2 => word(mix, rng),
            _ => claims(c, rng),
        },
        Call::RegisterVirtualNano { params, state, mix, claims: c } => match rng.below(6) {
            0 => virtual_channel(params, rng),
            1 => virtual_state(state, rng),
            2 => word(mix, rng),
            _ => claims(c, rng),
        },
        Call::RefuteNano { params, claims: c } => either(rng, first, |r| channel(params, r), |r| claims(c, r)),
        Call::RefuteVirtualNano { params, claims: c } => {
            either(rng, first, |r| virtual_channel(params, r), |r| claims(c, r));
        }
        Call::Execute { params, entry, step: s } => match rng.below(4) {
            0 => channel(params, rng),
            1 => amount(&mut entry.d_a0, rng),
            _ => step(s, rng),
        },
        Call::ExecuteVirtual { params, entry, step: s } => match rng.below(4) {
            0 => virtual_channel(params, rng),
            1 => entry.gas ^= 1,
            _ => step(s, rng),
        },
        Call::Settle { params, nonce, vc, lock: l, index, proof } => match rng.below(6) {
            0 => channel(params, rng),
            1 => time(nonce, rng),
            2 => word(vc, rng),
            3 => lock(l, rng),
            4 => time(index, rng),
            _ => words(proof, rng),
        },
        Call::SettleExpired { params, nonce, virtual_params, lock: l, index, proof } => match rng.below(6) {
            0 => channel(params, rng),
            1 => time(nonce, rng),
            2 => virtual_channel(virtual_params, rng),
            3 => lock(l, rng),
            4 => time(index, rng),
            _ => words(proof, rng),
        },
        Call::Withdraw { asset, amount: a, .. } => {
            either(rng, first, |_| *asset = Address::repeat_byte(1), |r| amount(a, r));
        }
        Call::FundVault { asset, amount: a, .. } => {
            either(rng, first, |_| *asset = Address::repeat_byte(1), |r| amount(a, r));
        }
        Call::OpenWith { params, opening: o, funding_a: f }
        | Call::ConfirmWith { params, opening: o, funding_b: f } => match rng.below(3) {
            0 => channel(params, rng),
            1 => opening(o, rng),
            _ => bytes(f, rng),
        },
        Call::OpenBoth { params, opening: o, funding_a, funding_b } => match rng.below(4) {
            0 => channel(params, rng),
            1 => opening(o, rng),
            2 => bytes(funding_a, rng),
            _ => bytes(funding_b, rng),
        },
        Call::Deposit { params, nonce, side, amount: a, not_after, funding } => match rng.below(6) {
            0 => channel(params, rng),
            1 => time(nonce, rng),
            2 => *side = rng.pick(&[1 - (*side & 1), 2, 255]),
            3 => amount(a, rng),
            4 => time(not_after, rng),
            _ => bytes(funding, rng),
        },
        Call::Adjust { params, terms: t, signatures } => match rng.below(8) {
            0 => channel(params, rng),
            1 => t.seq = rng.pick(&[t.seq ^ 1, u16::MAX]),
            2 => t.side = rng.pick(&[1 - (t.side & 1), 2, 255]),
            3 => amount(&mut t.amount, rng),
            4 => address(&mut t.receiver, rng),
            5 => version(&mut t.ver, rng),
            6 => time(&mut t.not_after, rng),
            _ => bytes(signatures, rng),
        },
        Call::Batch { gas_each, calls } => match rng.below(3) {
            0 => *gas_each = 20_000_000,
            1 => calls.reverse(),
            _ => drop(calls.pop()),
        },
        Call::Reveal { secret } => word(secret, rng),
        Call::Deploy { code } => code.push(rng.next() as u8),
    }
}

fn either(rng: &mut Rng, first: bool, one: impl FnOnce(&mut Rng), other: impl FnOnce(&mut Rng)) {
    if first { one(rng) } else { other(rng) }
}

fn amount(value: &mut u128, rng: &mut Rng) {
    let near = rng.pick(&[value.wrapping_add(1), value.wrapping_sub(1), 0, 1]);
    *value = rng.pick(&[near, near, near, (1 << 96) - 1, 1 << 96, u128::MAX]);
}

fn time(value: &mut u64, rng: &mut Rng) {
    let near = rng.pick(&[value.wrapping_add(1), value.wrapping_sub(1), 0, value.wrapping_add(2)]);
    *value = rng.pick(&[near, near, near, (1 << 40) - 1, 1 << 40, 0x3fff]);
}

fn version(value: &mut u64, rng: &mut Rng) {
    let near = rng.pick(&[value.wrapping_add(1), value.wrapping_sub(1), 0]);
    *value = rng.pick(&[near, near, (1 << 48) - 1, 1 << 48]);
}

fn word(value: &mut B256, rng: &mut Rng) {
    match rng.below(3) {
        0 => *value = B256::ZERO,
        1 => value.0[rng.below(32)] ^= 1 << rng.below(8),
        _ => value.0[31] ^= 1,
    }
}

fn bytes(value: &mut Vec<u8>, rng: &mut Rng) {
    match rng.below(6) {
        0 => value.clear(),
        1 => value.push(0),
        2 => drop(value.pop()),
        3 => {
            let half = value.len() / 2;
            value.rotate_left(half);
        }
        4 => value.truncate(64),
        _ if !value.is_empty() => {
            let at = rng.below(value.len());
            value[at] ^= 1 << rng.below(8);
        }
        _ => value.resize(64, 0),
    }
}

fn words(value: &mut Vec<B256>, rng: &mut Rng) {
    match rng.below(4) {
        0 => drop(value.pop()),
        1 => value.push(B256::ZERO),
        2 => value.clear(),
        _ => {
            if let Some(first) = value.first_mut() {
                word(first, rng);
            }
        }
    }
}

fn keys(value: &mut Vec<Key>, rng: &mut Rng) {
    match rng.below(3) {
        0 => drop(value.pop()),
        1 => value.extend(value.first().copied()),
        _ => {
            if let Some(first) = value.first_mut() {
                key(first, rng);
            }
        }
    }
}

fn key(value: &mut Key, rng: &mut Rng) {
    match rng.below(6) {
        0..=2 => value.scheme = rng.pick(&[0, 2, 255]),
        3 => value.key = B256::ZERO,
        4 => value.key.0[0] = 1,
        _ => value.key.0[31] ^= 1,
    }
}

fn address(value: &mut Address, rng: &mut Rng) {
    *value = rng.pick(&[Address::ZERO, Address::repeat_byte(1)]);
}

fn channel(p: &mut Channel, rng: &mut Rng) {
    match rng.below(15) {
        11..=12 => key(&mut p.key_a, rng),
        13 => key(&mut p.key_b, rng),
        0 => address(&mut p.owner_b, rng),
        1 => p.owner_b = p.owner_a,
        2 => p.owner_a = p.owner_b,
        3 => key(&mut p.key_a, rng),
        4 => key(&mut p.key_b, rng),
        5 => p.key_b = p.key_a,
        6 => p.asset = Address::repeat_byte(2),
        7 => p.challenge = rng.pick(&[0, 1, 1 << 25, (1 << 25) + 1, u32::MAX]),
        8 => p.window = rng.pick(&[0, 1, 1 << 25, (1 << 25) + 1, u32::MAX]),
        9 => p.k_max = rng.pick(&[0, 1024, 1025, u16::MAX]),
        _ => p.lane ^= 1,
    }
}

fn virtual_channel(p: &mut VirtualChannel, rng: &mut Rng) {
    match rng.below(17) {
        14..=16 => key(&mut p.a, rng),
        0 => key(&mut p.a, rng),
        1 => key(&mut p.b, rng),
        2 => word(&mut p.mids, rng),
        3 => word(&mut p.links, rng),
        4 => word(&mut p.fees, rng),
        5 => address(&mut p.asset, rng),
        6 => amount(&mut p.init_a, rng),
        7 => amount(&mut p.init_b, rng),
        8 => time(&mut p.t_exp, rng),
        9 => p.challenge = rng.pick(&[0, 1, (1 << 25) + 1, u32::MAX]),
        10 => p.window = rng.pick(&[0, 1, (1 << 25) + 1, u32::MAX]),
        11 => p.k_max = rng.pick(&[0, 1025, u16::MAX]),
        12 => p.act_mode = rng.pick(&[0, 2]),
        _ => word(&mut p.act, rng),
    }
}

fn ledger(s: &mut LedgerState, rng: &mut Rng) {
    match rng.below(9) {
        0 => version(&mut s.ver, rng),
        1 => amount(&mut s.dep_a, rng),
        2 => amount(&mut s.dep_b, rng),
        3 => amount(&mut s.total, rng),
        4 => amount(&mut s.def_a, rng),
        5 => s.nanos ^= 1,
        6 => s.locks ^= rng.pick(&[1, 128]),
        7 => word(&mut s.lock_root, rng),
        _ => word(&mut s.nano_root, rng),
    }
}

fn virtual_state(s: &mut VirtualState, rng: &mut Rng) {
    match rng.below(4) {
        0 => version(&mut s.ver, rng),
        1 => amount(&mut s.def_a, rng),
        2 => s.nanos ^= rng.pick(&[1, 128]),
        _ => word(&mut s.nano_root, rng),
    }
}

fn close(t: &mut CloseTerms, rng: &mut Rng) {
    match rng.below(9) {
        0 => amount(&mut t.dep_a, rng),
        1 => amount(&mut t.dep_b, rng),
        2 => amount(&mut t.out_a, rng),
        3 => amount(&mut t.escrowed, rng),
        4 => t.locks ^= rng.pick(&[1, 128]),
        5 => word(&mut t.lock_root, rng),
        6 => address(&mut t.receiver_a, rng),
        7 => address(&mut t.receiver_b, rng),
        _ => time(&mut t.not_after, rng),
    }
}

fn opening(o: &mut Opening, rng: &mut Rng) {
    match rng.below(4) {
        0 => time(&mut o.nonce, rng),
        1 => amount(&mut o.deposit_a, rng),
        2 => amount(&mut o.deposit_b, rng),
        _ => time(&mut o.not_after, rng),
    }
}

fn lock(l: &mut LockTerms, rng: &mut Rng) {
    match rng.below(3) {
        0 => l.left_is_a = !l.left_is_a,
        1 => amount(&mut l.left, rng),
        _ => amount(&mut l.right, rng),
    }
}

fn auth(a: &mut WatchAuth, rng: &mut Rng) {
    match rng.below(3) {
        0 => time(&mut a.not_before, rng),
        1 => time(&mut a.not_after, rng),
        _ => bytes(&mut a.signature, rng),
    }
}

fn step(s: &mut NanoStep, rng: &mut Rng) {
    match rng.below(4) {
        0 => address(&mut s.code, rng),
        1 => bytes(&mut s.state, rng),
        2 => bytes(&mut s.input, rng),
        _ => bytes(&mut s.auth, rng),
    }
}

fn claims(c: &mut NanoClaims, rng: &mut Rng) {
    match rng.below(6) {
        0 => bytes(&mut c.evidence, rng),
        1 => drop(c.steps.pop()),
        2 => c.list.reverse(),
        3 => drop(c.list.pop()),
        _ if c.list.is_empty() => c.evidence.push(0),
        _ => {
            let at = rng.below(c.list.len());
            let claim = &mut c.list[at];
            match rng.below(9) {
                0 => claim.index = rng.pick(&[claim.index ^ 1, claim.index + 4, u16::MAX]),
                1 => claim.depth = rng.pick(&[claim.depth + 1, claim.depth.saturating_sub(1), 9, 255]),
                2 => claim.step = !claim.step,
                3 => version(&mut claim.version.ver, rng),
                4 => amount(&mut claim.version.d_a, rng),
                5 => claim.version.mover ^= rng.pick(&[1, 2]),
                6 => claim.version.steps_left ^= 1,
                7 => amount(&mut claim.entry.total, rng),
                _ => claim.entry.k_max ^= 1,
            }
        }
    }
}
