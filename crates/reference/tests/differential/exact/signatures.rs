//! One accepted encoding of a signature (protocol 3.6).

use super::{NOW, at, probe, report, world};
use crate::world::{P256, World};
use alloy_primitives::{U256, hex};
use perunika_reference::{Call, LedgerState, Phase, Slot, hash};

#[test]
fn every_flipped_bit_and_every_length() {
    let world = world();
    let params = world.channels[0];
    let World { mut pair, .. } = world.clone();
    let phase = Phase::Open { deposit_a: 2, deposit_b: 1, seq: 0, dispute: None };
    pair.reference.slots.insert(params.slot_key(), Slot { nonce: 0, phase });
    pair.push();
    let state = LedgerState { ver: 1, dep_a: 1, total: 1, ..LedgerState::default() };
    let good = world.signed(&[0], hash::ledger_state(pair.reference.channel_id(&params, 0), &state));
    let mut tries: Vec<Vec<u8>> = (0..512)
        .map(|bit| {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            bad
        })
        .collect();
    tries.extend((0..=130).map(|length| [good.clone(), good.clone(), vec![0; 2]].concat()[..length].to_vec()));
    // The other encoding of the same signature: n - s, and the other parity.
    let order = U256::from_be_bytes(hex!("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"));
    let s = U256::from_be_slice(&good[32..]) & (U256::MAX >> 1);
    let half = order >> 1;
    let odd = U256::from(good[32] >> 7) << 255;
    for s in [order - s, U256::ZERO, U256::ONE, half, half + U256::ONE, order & (U256::MAX >> 1)] {
        for parity in [odd, odd ^ (U256::ONE << 255)] {
            for r in [U256::from_be_slice(&good[..32]), U256::ZERO, U256::ONE, order - U256::ONE, order, U256::MAX] {
                let vs: U256 = (s & (U256::MAX >> 1)) | parity;
                tries.push([r.to_be_bytes::<32>(), vs.to_be_bytes::<32>()].concat());
            }
        }
    }
    tries.push(good.clone());
    for signatures in tries {
        let call = Call::Register { params, state, signatures: signatures.clone() };
        let error = probe(&mut pair, at(params.owner_b, NOW), &call);
        assert_eq!(error.is_none(), signatures == good, "{signatures:02x?}");
    }
    report("register: encodings of a signature", &pair, 700);
}

#[test]
fn every_flipped_bit_and_every_length_of_p256() {
    let world = world();
    let params = world.channels[5];
    let World { mut pair, .. } = world.clone();
    let phase = Phase::Open { deposit_a: 2, deposit_b: 1, seq: 0, dispute: None };
    pair.reference.slots.insert(params.slot_key(), Slot { nonce: 0, phase });
    pair.push();
    let state = LedgerState { ver: 1, dep_a: 1, total: 1, ..LedgerState::default() };
    let good = world.signed(&[P256], hash::ledger_state(pair.reference.channel_id(&params, 0), &state));
    let mut tries: Vec<Vec<u8>> = (0..8 * good.len())
        .map(|bit| {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            bad
        })
        .collect();
    tries.extend((0..=260).map(|length| [good.clone(), good.clone(), vec![0; 8]].concat()[..length].to_vec()));
    let order = U256::from_be_bytes(hex!("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"));
    let s = U256::from_be_slice(&good[32..64]);
    let half = order >> 1;
    for s in [order - s, U256::ZERO, U256::ONE, half, half + U256::ONE, order, U256::MAX, s] {
        for r in [U256::from_be_slice(&good[..32]), U256::ZERO, U256::ONE, order - U256::ONE, order, U256::MAX] {
            tries.push([&r.to_be_bytes::<32>()[..], &s.to_be_bytes::<32>(), &good[64..]].concat());
        }
    }
    for signatures in tries {
        let call = Call::Register { params, state, signatures: signatures.clone() };
        let error = probe(&mut pair, at(params.owner_b, NOW), &call);
        assert_eq!(error.is_none(), signatures == good, "{signatures:02x?}");
    }
    report("register: encodings of a signature of P-256", &pair, 1_300);
}
