//! Locks of ended lives.

use super::{MOST, NOW, anybody, probe, report, world};
use crate::world::World;
use alloy_primitives::B256;
use perunika_reference::{Call, Dispute, Escrow, LockTerms, Record, VirtualState, hash};

/// The root over a lock at `index` whose siblings are these.
fn root(vc: B256, lock: &LockTerms, index: u64, siblings: &[B256]) -> B256 {
    siblings.iter().enumerate().fold(hash::leaf(hash::lock(vc, lock)), |below, (level, sibling)| {
        if index >> level & 1 == 0 { hash::node(below, *sibling) } else { hash::node(*sibling, below) }
    })
}

fn rich(world: &mut World) {
    let contract = world.pair.evm.domain.adjudicator;
    let code = world.pair.evm.code(contract);
    world.pair.evm.set_account(contract, 1 << 99, &code);
    world.pair.reference.money.balances.insert(contract, 1 << 99);
}

#[test]
fn what_a_lock_pays() {
    let mut world = world();
    rich(&mut world);
    let World { mut pair, channels, virtuals } = world;
    let (params, v) = (channels[0], &virtuals[0]);
    let id = pair.reference.channel_id(&params, 0);
    let siblings = [B256::repeat_byte(7)];
    let amounts = [0, 1, 2, 3, MOST];
    for (left, right) in amounts.into_iter().flat_map(|l| amounts.map(|r| (l, r))) {
        for left_is_a in [true, false] {
            let lock = LockTerms { left_is_a, left, right };
            let lock_root = root(v.id, &lock, 0, &siblings);
            for held in amounts {
                for settled in [0, 2] {
                    pair.reference.escrows.insert(id, Escrow { lock_root, left: held, settled, locks: 2 });
                    for out_a in amounts {
                        pair.reference.records.insert(v.id, Record::Concluded { out_a, ver: 0, deadline: 0 });
                        pair.push();
                        let proof = siblings.to_vec();
                        probe(
                            &mut pair,
                            anybody(NOW),
                            &Call::Settle { params, nonce: 0, vc: v.id, lock, index: 0, proof },
                        );
                    }
                    pair.reference.records.remove(&v.id);
                    pair.push();
                    let (virtual_params, proof) = (v.params, siblings.to_vec());
                    for time in [v.params.t_exp, v.params.t_exp + 1] {
                        let proof = proof.clone();
                        let call = Call::SettleExpired { params, nonce: 0, virtual_params, lock, index: 0, proof };
                        probe(&mut pair, anybody(time), &call);
                    }
                }
            }
        }
    }
    report("settle, settleExpired: payouts", &pair, 3_500);
}

#[test]
fn which_lock_is_settled_when() {
    let mut world = world();
    rich(&mut world);
    let World { mut pair, channels, virtuals } = world;
    let (params, v) = (channels[0], &virtuals[0]);
    let id = pair.reference.channel_id(&params, 0);
    let lock = LockTerms { left_is_a: true, left: 1, right: 1 };
    let state = VirtualState { ver: 1, ..VirtualState::default() };
    let records = [
        None,
        Some(Record::Disputed(Dispute { state, mix: B256::ZERO, deadline: NOW })),
        Some(Record::Concluded { out_a: 2, ver: 1, deadline: NOW }),
    ];
    // Also lists that are shorter than both signed: no index but that of the place may do.
    for (locks, depth) in [(1, 0), (2, 1), (3, 2), (4, 2), (127, 7), (128, 7), (2, 0), (4, 1), (128, 0)] {
        let siblings: Vec<B256> = (0..depth).map(|level| B256::repeat_byte(level + 1)).collect();
        for index in [0, 1, 2, 3, 4, 126, 127, 128, 255, 256, 1 << 32, u64::MAX] {
            let at_index = if index < 128 { index } else { 0 };
            for settled in [0, 1, 2, 3, 6, 7, u128::MAX, u128::MAX >> 1] {
                let settled = if locks < 128 { settled & ((1 << locks) - 1) } else { settled };
                let lock_root = root(v.id, &lock, at_index, &siblings);
                pair.reference.escrows.insert(id, Escrow { lock_root, left: 5, settled, locks });
                for record in records {
                    match record {
                        Some(record) => drop(pair.reference.records.insert(v.id, record)),
                        None => drop(pair.reference.records.remove(&v.id)),
                    }
                    pair.push();
                    for nonce in [0, 1] {
                        for proof in [siblings.clone(), [&siblings[..], &[B256::ZERO]].concat()] {
                            let virtual_params = v.params;
                            let (vc, p) = (v.id, proof.clone());
                            probe(&mut pair, anybody(NOW), &Call::Settle { params, nonce, vc, lock, index, proof });
                            let proof = p;
                            let call = Call::SettleExpired { params, nonce, virtual_params, lock, index, proof };
                            probe(&mut pair, anybody(NOW), &call);
                        }
                    }
                }
            }
        }
    }
    report("settle, settleExpired: index, bitmap, record, proof", &pair, 12_000);
}
