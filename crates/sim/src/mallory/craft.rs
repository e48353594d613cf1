//! Values as an adversary picks them: known ones, boundaries, and a little beside.

use super::loot::Loot;
use crate::rng::Rng;
use alloy_primitives::B256;
use perunika_core::body::Body;
use perunika_core::params::VirtualParams;
use perunika_core::policy::Policy;
use perunika_core::sig::Signature;
use perunika_core::signed::{Amount, MAX_AMOUNT, MAX_VERSION};

/// One of them.
pub(crate) fn pick<'a, T>(rng: &mut Rng, all: &'a [T]) -> Option<&'a T> {
    all.get(rng.below(all.len() as u64) as usize)
}

/// Another amount than `known`, of a pot of `total`.
pub(crate) fn amount(rng: &mut Rng, known: Amount, total: Amount) -> Amount {
    match rng.below(10) {
        0 => 0,
        1 => total,
        2 => total.saturating_add(1),
        3 => MAX_AMOUNT,
        4 => known.saturating_add(1),
        5 => known.saturating_sub(1),
        6 => total.saturating_sub(known),
        7 => known / 2,
        8 => known.saturating_add(total.saturating_sub(known) / 2),
        _ => u128::from(rng.next_u64()) % total.saturating_add(1).max(1),
    }
}

/// Another version near `known`.
pub(crate) fn version(rng: &mut Rng, known: u64) -> u64 {
    match rng.below(12) {
        0 => known.saturating_add(1),
        1 | 2 => known.saturating_add(2),
        3 => known.saturating_sub(1),
        4 => known.saturating_sub(2),
        5 => known.saturating_add(1 << 16),
        6 => known.saturating_add((1 << 16) + 1),
        7 => known.saturating_add(1 << 12),
        8 => MAX_VERSION,
        9 => MAX_VERSION - 1,
        10 => 0,
        _ => known.saturating_add(2 * rng.between(1, 1 << 14)),
    }
}

/// Parameters that nobody should agree to.
pub(crate) fn bend(rng: &mut Rng, params: &mut VirtualParams, loot: &Loot) {
    let hashes: Vec<B256> = loot.secrets.keys().copied().collect();
    let ledgers: Vec<B256> = loot.ledgers.keys().copied().collect();
    match rng.below(16) {
        11 => {
            let at = rng.below(params.links.len() as u64) as usize;
            if let (Some(link), Some(known)) = (params.links.get_mut(at), pick(rng, &ledgers)) {
                *link = *known;
            }
        }
        12 => params.fees.push(1),
        13 => {
            if let Some(first) = params.links.first().copied() {
                params.links.iter_mut().for_each(|link| *link = first);
            }
        }
        14 => {
            if let Some(first) = params.path.first().copied() {
                params.path.push(first);
            }
        }
        0 => params.challenge = [0, 1, 1 << 25, u32::MAX][rng.below(4) as usize],
        1 => params.window = [0, 1, 1 << 25][rng.below(3) as usize],
        2 => params.k_max = [0, 1 << 10, u16::MAX][rng.below(3) as usize],
        3 => params.t_exp = params.t_exp.saturating_add([1, 1 << 20, 1 << 38][rng.below(3) as usize]),
        4 => params.t_exp = params.t_exp.saturating_sub(rng.between(1, 200)),
        5 => params.init_a = amount(rng, params.init_a, params.init_a),
        6 => params.init_b = amount(rng, params.init_b, params.init_b),
        7 => {
            if let Some(fee) = params.fees.first_mut() {
                *fee = fee.saturating_sub(1) / 2;
            }
        }
        8 => params.nonce ^= 1,
        9 => {
            let at = rng.below(params.hashes.len() as u64) as usize;
            if let (Some(hash), Some(known)) = (params.hashes.get_mut(at), pick(rng, &hashes)) {
                *hash = *known;
            }
        }
        10 => params.links.reverse(),
        _ => {
            if params.path.len() > 3 {
                params.path.swap(1, 2);
            }
        }
    }
}

/// The policy of a node that has no scruples: it keeps no margins, and asks for what it should not get.
pub(crate) fn loosen(rng: &mut Rng, policy: &mut Policy) {
    policy.m_safe = 0;
    policy.close_lead = rng.below(3);
    policy.stake_max = MAX_AMOUNT;
    policy.deposit_max = MAX_AMOUNT;
    policy.virtual_max = 10_000;
    policy.term_max = u64::MAX / 4;
    (policy.challenge_max, policy.window_max) = (u32::MAX, u32::MAX);
    for _ in 0..=rng.below(3) {
        match rng.below(9) {
            0 | 1 => policy.challenge = [0, 1, 3, 1 << 25, u32::MAX][rng.below(5) as usize],
            2 => policy.window = [0, 1, 3, 1 << 25, u32::MAX][rng.below(5) as usize],
            3 => policy.k_max = [0, 1, 1 << 10, 60_000][rng.below(4) as usize],
            4 => policy.term = [0, 1, 8, 20, 1 << 20, 1 << 38][rng.below(6) as usize],
            5 => policy.close_validity = [0, 1, 1 << 20, 1 << 38][rng.below(4) as usize],
            6 => policy.t_act_ms = [0, 100, 10_000_000][rng.below(3) as usize],
            7 => policy.resend_ms = [100, 60_000][rng.below(2) as usize],
            _ => policy.fee_base = amount(rng, 1 << 40, 1 << 60),
        }
    }
}

/// Bytes that look like a signature.
pub(crate) fn junk(rng: &mut Rng) -> Signature {
    let mut bytes = [0u8; 64];
    bytes[..32].copy_from_slice(&rng.bytes32());
    bytes[32..].copy_from_slice(&rng.bytes32());
    bytes[32] &= 0x3f;
    Signature(bytes)
}

/// A signature, seldom a bad one.
pub(crate) fn pen(rng: &mut Rng, sig: Signature) -> Signature {
    if !rng.chance(40) {
        return sig;
    }
    let mut bent = sig;
    bent.0[rng.below(64) as usize] ^= 1 << rng.below(8);
    if rng.chance(500) { junk(rng) } else { bent }
}

/// A State that only people without honour sign.
pub(crate) fn warp(rng: &mut Rng, body: &Body) -> Body {
    let mut next = body.clone();
    next.ver = next.ver.saturating_add(rng.between(1, 4));
    for _ in 0..=rng.below(2) {
        match rng.below(8) {
            0 => next.dep_a = amount(rng, next.dep_a, next.dep_a),
            1 => next.dep_b = amount(rng, next.dep_b, next.dep_b),
            2 => next.total = amount(rng, next.total, next.dep_a.saturating_add(next.dep_b)),
            3 => next.def_a = amount(rng, next.def_a, next.total),
            4 => {
                if let Some(lock) = next.locks.first_mut() {
                    (lock.left, lock.right) = (amount(rng, lock.left, lock.left), amount(rng, lock.right, lock.right));
                }
            }
            5 => {
                if let Some(lock) = next.locks.first().copied() {
                    let many = [1, 2, 127, 128, 200][rng.below(5) as usize];
                    next.locks.extend(std::iter::repeat_n(lock, many));
                }
            }
            6 => drop(next.locks.pop()),
            _ => {
                if let Some(entry) = next.nanos.first_mut() {
                    entry.total = amount(rng, entry.total, entry.total);
                }
            }
        }
    }
    next
}
