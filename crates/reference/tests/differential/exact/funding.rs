//! Every way to pay, of every asset; withdrawals while a channel stays open.

use super::{MOST, NOW, at, probe, report, world};
use crate::pair::{At, Pair};
use crate::world::{World, key, owner, sign_as_owner, token};
use alloy_primitives::{Address, B256, keccak256};
use perunika_reference::{
    AdjustTerms, Call, Channel, Dispute, LedgerState, Opening, Phase, Slot, authorisation, hash, permit_signature,
    permit2_signature,
};

/// ETH, every kind of token, and what is none: nothing, code that reverts, the contract itself.
fn assets(world: &World) -> Vec<Address> {
    let others = [Address::repeat_byte(1), owner(2), world.pair.evm.domain.adjudicator];
    [Address::ZERO].into_iter().chain((0..10).map(token)).chain(others).collect()
}

/// All that an owner may put behind the way, good and bad.
fn fundings(pair: &Pair, asset: Address, owner_: Address, amount: u128, signed: B256) -> Vec<Vec<u8>> {
    let (contract, digest) = (pair.reference.address, hash::digest(pair.reference.domain, signed));
    let of = |account| sign_as_owner(account, digest).unwrap().to_vec();
    let consents = [Vec::new(), of(owner_), of(owner(5)), keccak256(digest).to_vec(), [of(owner_), vec![0]].concat()];
    let mut all = vec![Vec::new()];
    for way in 0..=3 {
        let permit = if way == 3 { permit_signature(owner_, contract, amount, NOW).to_vec() } else { Vec::new() };
        all.extend(consents.iter().map(|consent| [&[way], &permit[..], consent].concat()));
    }
    let nonce = B256::repeat_byte(3);
    let authorised = authorisation(owner_, contract, amount, NOW + 1, digest);
    let by_permit2 = permit2_signature((asset, owner_, contract), amount, nonce, NOW, signed);
    for good in [[&[4], &authorised[..]].concat(), [&[5], nonce.as_slice(), by_permit2.as_slice()].concat()] {
        all.extend([good.clone(), [&good[..], &[0]].concat(), good[..good.len() - 1].to_vec(), good[..20].to_vec()]);
        let mut bad = good.clone();
        bad[40] ^= 1;
        all.push(bad);
    }
    all.extend([vec![3], vec![4], vec![5], vec![6], vec![255]]);
    all
}

#[test]
fn every_way_to_pay_for_an_opening() {
    let world = world();
    let assets = assets(&world);
    let World { mut pair, channels, .. } = world;
    for owner_a in [owner(0), owner(4), owner(2)] {
        for asset in &assets {
            for held in [0, 2] {
                pair.reference.money.vault.insert((*asset, owner_a), held);
            }
            pair.push();
            let params = Channel { owner_a, asset: *asset, ..channels[0] };
            let id = pair.reference.channel_id(&params, 0);
            for deposit_a in [0, 2, 3] {
                let opening = Opening { nonce: 0, deposit_a, deposit_b: 0, not_after: NOW };
                let signed = hash::open_auth(id, [deposit_a, 0], NOW);
                let digest = hash::digest(pair.reference.domain, signed);
                let of_b = sign_as_owner(params.owner_b, digest).unwrap();
                for funding_a in fundings(&pair, *asset, owner_a, deposit_a, signed) {
                    for sender in [owner_a, owner(3)] {
                        let funding_b = [&[1], &of_b[..]].concat();
                        for value in [0, deposit_a] {
                            let here = At { value, ..at(sender, NOW) };
                            let funding_a = funding_a.clone();
                            probe(&mut pair, here, &Call::OpenWith { params, opening, funding_a: funding_a.clone() });
                            let funding_b = funding_b.clone();
                            probe(&mut pair, here, &Call::OpenBoth { params, opening, funding_a, funding_b });
                        }
                    }
                }
            }
        }
    }
    report("openWith, openBoth: ways, assets, amounts, senders", &pair, 20_000);
}

#[test]
fn bounds_of_openings_and_deposits() {
    let World { mut pair, channels, .. } = world();
    let params = Channel { asset: token(9), ..channels[0] };
    let amounts = [0, 1, MOST - 1, MOST, MOST + 1, u128::MAX];
    let times = [NOW - 1, NOW, (1 << 40) - 1, 1 << 40];
    for phase in [Phase::Virgin, Phase::Funding { deposit_a: 1 }, Phase::Funding { deposit_a: MOST }] {
        pair.reference.slots.insert(params.slot_key(), Slot { nonce: 0, phase });
        pair.push();
        for (deposit_a, deposit_b) in amounts.into_iter().flat_map(|a| amounts.map(|b| (a, b))) {
            for not_after in times {
                for nonce in [0, 1] {
                    let opening = Opening { nonce, deposit_a, deposit_b, not_after };
                    let none = Vec::new();
                    probe(
                        &mut pair,
                        at(params.owner_a, NOW),
                        &Call::OpenWith { params, opening, funding_a: none.clone() },
                    );
                    probe(&mut pair, at(params.owner_b, NOW), &Call::ConfirmWith { params, opening, funding_b: none });
                }
            }
        }
    }
    for (deposit_a, deposit_b) in [(0, 0), (1, MOST - 1), (MOST, 0), (2, 3)] {
        for dispute in [None, Some(Dispute { state: LedgerState::default(), mix: B256::ZERO, deadline: NOW })] {
            let phase = Phase::Open { deposit_a, deposit_b, seq: 0, dispute };
            // A dispute of another life stays behind.
            let current = u64::from(dispute.is_some());
            pair.reference.slots.insert(params.slot_key(), Slot { nonce: current, phase });
            pair.push();
            for (amount, side) in amounts.into_iter().flat_map(|amount| [0, 1, 2].map(|side| (amount, side))) {
                for (nonce, not_after) in times.into_iter().flat_map(|time| [0, 1].map(|nonce| (nonce, time))) {
                    let call = Call::Deposit { params, nonce, side, amount, not_after, funding: Vec::new() };
                    probe(&mut pair, at(owner(0), NOW), &call);
                }
            }
        }
    }
    report("openWith, confirmWith, deposit: bounds", &pair, 2_000);
}

#[test]
fn what_an_adjust_pays_to_whom() {
    let mut world = world();
    let assets = assets(&world);
    let contract = world.pair.evm.domain.adjudicator;
    let code = world.pair.evm.code(contract);
    world.pair.evm.set_account(contract, 100, &code);
    world.pair.reference.money.balances.insert(contract, 100);
    for number in 0..10 {
        let mut owned = world.pair.reference.money.tokens[&token(number)].clone();
        owned.balances.insert(contract, 100);
        world.pair.token(token(number), owned);
    }
    let signer = world.clone();
    let World { mut pair, channels, .. } = world;
    let base = channels[0];
    for asset in assets {
        let params = Channel { asset, ..base };
        for (seq, dispute) in [(0, false), (7, false), (u16::MAX, false), (0, true)] {
            let dispute =
                dispute.then_some(Dispute { state: LedgerState::default(), mix: B256::ZERO, deadline: NOW - 1 });
            let phase = Phase::Open { deposit_a: 2, deposit_b: 1, seq, dispute };
            pair.reference.slots.insert(params.slot_key(), Slot { nonce: 1, phase });
            pair.push();
            let id = pair.reference.channel_id(&params, 1);
            for receiver in [Address::ZERO, contract, owner(2), owner(3), owner(4), Address::repeat_byte(0x99)] {
                for (side, amount) in [0, 1, 2].into_iter().flat_map(|side| [0, 1, 2, 3].map(|amount| (side, amount))) {
                    for (named, not_after) in [(seq, NOW), (seq ^ 1, NOW), (seq, NOW - 1)] {
                        let terms = AdjustTerms { seq: named, side, amount, receiver, ver: 9, not_after };
                        let owner_ = if side == 0 { params.owner_a } else { params.owner_b };
                        let paid = if receiver.is_zero() { owner_ } else { receiver };
                        let signed = hash::adjust(id, &terms, paid);
                        for (sender, people) in [(key(4), vec![0, 1]), (key(4), vec![1, 0]), (params.owner_a, vec![1])]
                        {
                            let signatures = signer.signed(&people, signed);
                            probe(&mut pair, at(sender, NOW), &Call::Adjust { params, terms, signatures });
                        }
                    }
                }
            }
        }
    }
    report("adjust: assets, receivers, sides, amounts, numbers", &pair, 20_000);
}
