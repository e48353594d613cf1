//! Vault, receivers, secrets, code.

use super::{MOST, NOW, at, probe, report, world};
use crate::pair::At;
use crate::world::{World, key, owner, token};
use alloy_primitives::Address;
use perunika_core::nano::CODE_MAX;
use perunika_reference::{Call, Channel, CloseTerms, Error, Phase, Slot, hash};

/// Accounts of every kind: with and without money, new, refusing, burning, a precompile, the contract itself.
fn receivers(world: &World) -> [Address; 8] {
    let precompile = Address::with_last_byte(4);
    let contract = world.pair.evm.domain.adjudicator;
    [owner(0), owner(2), owner(3), key(0), Address::repeat_byte(0x99), precompile, contract, Address::ZERO]
}

fn rich(world: &mut World) {
    let contract = world.pair.evm.domain.adjudicator;
    let code = world.pair.evm.code(contract);
    world.pair.evm.set_account(contract, 1 << 99, &code);
    world.pair.reference.money.balances.insert(contract, 1 << 99);
}

#[test]
fn withdrawals_by_anybody_to_anybody() {
    let mut world = world();
    rich(&mut world);
    let receivers = receivers(&world);
    let World { mut pair, .. } = world;
    for amount in [0, 1, MOST] {
        match amount {
            0 => drop(pair.reference.money.vault.remove(&(Address::ZERO, owner(2)))),
            amount => drop(pair.reference.money.vault.insert((Address::ZERO, owner(2)), amount)),
        }
        pair.push();
        for sender in [owner(2), owner(0)] {
            for to in receivers {
                for asset in [Address::ZERO, Address::repeat_byte(1)] {
                    for value in [0, 1] {
                        for amount in [0, 1, MOST, MOST + 1] {
                            let call = Call::Withdraw { asset, to, amount };
                            probe(&mut pair, At { value, ..at(sender, NOW) }, &call);
                        }
                    }
                }
            }
        }
    }
    report("withdraw: senders, receivers, assets", &pair, 190);
}

#[test]
fn vaults_of_anybody_are_filled_by_anybody() {
    let World { mut pair, .. } = world();
    for asset in (0..10).map(token).chain([Address::ZERO, Address::repeat_byte(1), owner(2)]) {
        for of in [owner(0), owner(2), key(3), Address::ZERO, pair.evm.domain.adjudicator] {
            for sender in [owner(0), owner(1), key(0)] {
                for amount in [0, 1, 2, MOST, MOST + 1] {
                    for value in [0, 1, 2] {
                        let call = Call::FundVault { asset, owner: of, amount };
                        probe(&mut pair, At { value, ..at(sender, NOW) }, &call);
                    }
                }
            }
        }
    }
    report("fundVault: assets, owners, senders, amounts", &pair, 2_900);
}

#[test]
fn payouts_to_every_pair_of_receivers() {
    let mut world = world();
    rich(&mut world);
    let receivers = receivers(&world);
    let params: Channel = world.channels[0];
    let signer = world.clone();
    let World { mut pair, .. } = world;
    let phase = Phase::Open { deposit_a: 2, deposit_b: 1, seq: 0, dispute: None };
    pair.reference.slots.insert(params.slot_key(), Slot { nonce: 0, phase });
    pair.push();
    let id = pair.reference.channel_id(&params, 0);
    for (receiver_a, receiver_b) in receivers.into_iter().flat_map(|a| receivers.map(|b| (a, b))) {
        for out_a in 0..=3 {
            let terms = CloseTerms {
                dep_a: 2,
                dep_b: 1,
                out_a,
                receiver_a,
                receiver_b,
                not_after: NOW,
                ..CloseTerms::default()
            };
            let named = [(receiver_a, params.owner_a), (receiver_b, params.owner_b)]
                .map(|(receiver, owner)| if receiver.is_zero() { owner } else { receiver });
            let signatures = signer.signed(&[0, 1], hash::close(id, &terms, 3, named));
            let error = probe(&mut pair, at(owner(4), NOW), &Call::Close { params, terms, signatures });
            assert_eq!(error, None);
        }
    }
    report("close: receivers", &pair, 256);
}

#[test]
fn secrets_and_code_twice() {
    let World { mut pair, .. } = world();
    let here = at(owner(0), NOW);
    for secret in [Default::default(), alloy_primitives::B256::repeat_byte(0xff)] {
        for time in [NOW, NOW + 1] {
            pair.call(At { time, ..here }, &Call::Reveal { secret }).unwrap().unwrap();
        }
    }
    for length in [0, 1, 2, 255, 256, CODE_MAX - 1, CODE_MAX, CODE_MAX + 1] {
        for first in [0x00, 0x60, 0xef] {
            let mut code = vec![0u8; length];
            code.iter_mut().take(1).for_each(|byte| *byte = first);
            let can = length <= CODE_MAX && code.first() != Some(&0xef);
            for again in [false, true] {
                // An account without code cannot be told from none: it is made once, and refused from then on.
                let empty = length == 0 && (again || first > 0);
                let result = pair.call(here, &Call::Deploy { code: code.clone() }).unwrap();
                assert_eq!(result.err(), (!can || empty).then_some(Error::DeploymentFailed));
            }
        }
    }
    report("reveal, deploy: twice, lengths, first bytes", &pair, 52);
}
