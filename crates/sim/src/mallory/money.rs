//! Deposits, withdrawals, openings in one transaction and vaults, in every wrong way (protocol 0.3).

use super::calls::{seal, sign};
use super::craft::{self, pick};
use super::speak::{link, side};
use crate::rng::Rng;
use crate::token::TOKENS;
use crate::world::World;
use alloy_primitives::{Address, B256};
use perunika_core::body::Body;
use perunika_core::chain::{Call, Funding};
use perunika_core::funding::Source;
use perunika_core::io::{Command, Move};
use perunika_core::message::{Consent, LinkOp, Message};
use perunika_core::params::{ChannelParams, Side};
use perunika_core::sig::RawKey;
use perunika_core::signed::{Adjust, Amount, Eip712, OpenAuth};

const ETH: Amount = crate::story::ETH;

/// Some asset; ETH mostly.
pub(crate) fn asset(rng: &mut Rng) -> Address {
    if rng.chance(500) { Address::ZERO } else { TOKENS[rng.below(TOKENS.len() as u64) as usize].0 }
}

fn source(rng: &mut Rng) -> Source {
    if rng.chance(500) { Source::Wallet } else { Source::Vault }
}

fn not_after(world: &World, rng: &mut Rng) -> u64 {
    let now = world.ground.time();
    match rng.below(8) {
        0 => now.saturating_sub(1),
        1 => now + 1,
        2 => (1 << 40) - 1,
        3 => u64::MAX,
        4 | 5 => now + rng.below(20),
        _ => now + 20 + rng.below(300),
    }
}

/// Some change of the counted deposits of a State.
pub(crate) fn op(world: &World, rng: &mut Rng, base: &Body) -> Option<LinkOp> {
    let params = world.strings.loot.ledgers.get(&base.ch)?.params;
    let slot = world.slot(&params);
    let counted = base.deposits();
    let side = if rng.chance(500) { Side::A } else { Side::B };
    if rng.chance(500) {
        let mut deposits = if rng.chance(700) { slot.deposits() } else { counted };
        let of = &mut deposits[side.index()];
        match rng.below(8) {
            0 => *of = of.saturating_add(1),
            1 => *of = of.saturating_add(ETH),
            2 => *of = of.saturating_sub(1),
            3 => *of = craft::amount(rng, *of, *of),
            _ => {}
        }
        return Some(LinkOp::Count { deposits });
    }
    let party = params.party(side);
    let receiver = [party.owner, world.ground.domain.adjudicator, params.a.owner, Address::ZERO][rng.below(4) as usize];
    let most = counted[side.index()];
    let amount =
        if rng.chance(300) { craft::amount(rng, most, most) } else { [1, most / 2, most][rng.below(3) as usize] };
    let seq = match rng.below(6) {
        0 => slot.seq.wrapping_add(1),
        1 => slot.seq.wrapping_sub(1),
        _ => slot.seq,
    };
    Some(LinkOp::Uncount { side, amount, receiver, seq, not_after: not_after(world, rng) })
}

/// An Adjust of a channel: one that is known, or a changed one, or a new one.
fn adjust(world: &World, rng: &mut Rng, ch: B256) -> Option<Adjust> {
    let loot = &world.strings.loot;
    let params = loot.ledgers.get(&ch)?.params;
    let known: Vec<Adjust> = loot.adjusts.iter().filter(|a| a.id == ch).copied().collect();
    let slot = world.slot(&params);
    let side = u8::from(rng.chance(500));
    let fresh = || Adjust {
        id: ch,
        seq: slot.seq,
        side,
        amount: ETH,
        receiver: params.party(if side == 0 { Side::A } else { Side::B }).owner,
        ver: loot.bodies.get(&ch).and_then(|all| all.keys().next_back().copied()).unwrap_or_default(),
        not_after: world.ground.time() + 60,
    };
    let mut adjust = pick(rng, &known).copied().filter(|_| rng.chance(850)).unwrap_or_else(fresh);
    match rng.below(14) {
        0 => adjust.amount = craft::amount(rng, adjust.amount, slot.deposits()[usize::from(side)]),
        1 => adjust.seq = adjust.seq.wrapping_add(1),
        2 => adjust.side = 1 - adjust.side.min(1),
        3 => adjust.receiver = world.nodes[rng.below(world.nodes.len() as u64) as usize].owner,
        4 => adjust.ver = craft::version(rng, adjust.ver),
        5 => adjust.not_after = not_after(world, rng),
        _ => {}
    }
    Some(adjust)
}

/// Says something about deposits, withdrawals or openings.
pub(crate) fn speak(world: &World, rng: &mut Rng, node: usize) -> Option<(usize, Message)> {
    let (ch, to) = link(world, rng, node)?;
    Some(match rng.below(4) {
        0 => (to, Message::AdjustAsk { ch }),
        1 | 2 => {
            let adjust = adjust(world, rng, ch)?;
            let sig = world.raw_key(node).sign(world.ground.domain.digest(adjust.struct_hash()));
            (to, Message::AdjustSig { adjust, sig: craft::pen(rng, sig) })
        }
        _ => {
            let offers = &world.strings.loot.offers;
            let all: Vec<B256> = offers.keys().copied().collect();
            let id = pick(rng, &all).copied()?;
            let (params, deposits) = offers[&id];
            if rng.chance(300) {
                let to = world.index_of(params.b.key).filter(|n| *n != node)?;
                return Some((to, Message::ChannelConsent { id, consent: consent(world, rng, node, id, deposits) }));
            }
            let to = world.index_of(params.a.key).filter(|n| *n != node)?;
            (to, Message::ChannelAgreed { id, consent: Some(consent(world, rng, node, id, deposits)) })
        }
    })
}

/// An agreement that is none, or that says other things than it should.
pub(crate) fn consent(world: &World, rng: &mut Rng, node: usize, id: B256, deposits: [Amount; 2]) -> Consent {
    let said = not_after(world, rng).max(world.ground.time() + 40).min(1 << 39);
    let mut terms = OpenAuth { id, dep_a: deposits[0], dep_b: deposits[1], not_after: said };
    match rng.below(8) {
        0 => terms.dep_b = terms.dep_b.saturating_add(1),
        1 => terms.dep_a = craft::amount(rng, terms.dep_a, terms.dep_a),
        2 => terms.not_after += 1,
        _ => {}
    }
    let consent = world.sign_as_owner(node, world.ground.domain.digest(terms.struct_hash())).0.to_vec();
    let funding = match rng.below(7) {
        0..=2 => Funding::Sender { consent },
        3 | 4 => Funding::Vault { consent },
        5 => Funding::Allowance { consent },
        _ => Funding::Permit2 { nonce: B256::ZERO, sig: consent },
    };
    Consent { not_after: said, funding }
}

/// A call about money in a channel, or in a vault.
pub(crate) fn call(world: &World, rng: &mut Rng, id: B256, nodes: &[usize]) -> Option<Call> {
    let params = world.strings.loot.ledgers.get(&id)?.params;
    match rng.below(12) {
        0..=4 => adjust_call(world, rng, &params, id),
        5 | 6 => Some(deposit(world, rng, &params)),
        7..=9 => open_both(world, rng),
        10 => {
            let slot = world.slot(&params);
            let id = params.id(&world.ground.domain, slot.nonce);
            let dep_b = [0, 1, ETH, 50 * ETH][rng.below(4) as usize];
            let terms = OpenAuth { id, dep_a: slot.dep_a, dep_b, not_after: world.ground.time() + 60 };
            let from = source(rng);
            let value = from.value(params.asset, dep_b);
            Some(Call::ConfirmWith { params, terms, funding: from.funding(), value })
        }
        _ => {
            let owner = world.nodes[*pick(rng, nodes)?].owner;
            let asset = if rng.chance(700) { params.asset } else { asset(rng) };
            let full = world.ground.vault(asset, owner);
            Some(match rng.below(3) {
                0 => Call::FundVault { asset, owner, amount: 60 * ETH },
                1 => Call::Withdraw { asset, to: owner, amount: craft::amount(rng, full, full) },
                _ => Call::Withdraw { asset, to: owner, amount: full },
            })
        }
    }
}

/// An Adjust with every signature that can be had.
pub(crate) fn adjust_call(world: &World, rng: &mut Rng, params: &ChannelParams, id: B256) -> Option<Call> {
    let adjust = adjust(world, rng, id)?;
    let digest = world.ground.domain.digest(adjust.struct_hash());
    let sigs = [params.a.key, params.b.key].map(|key| seal(world, rng, digest, key));
    Some(Call::Adjust { params: *params, adjust, sigs })
}

/// An Adjust whose last second is near and that everybody signed: kept until now.
pub(crate) fn last_adjust(world: &World) -> Option<Call> {
    let now = world.ground.time();
    let loot = &world.strings.loot;
    loot.adjusts.iter().rev().filter(|a| (now..=now + 3).contains(&a.not_after)).find_map(|adjust| {
        let params = loot.ledgers.get(&adjust.id)?.params;
        let digest = world.ground.domain.digest(adjust.struct_hash());
        let sigs = [params.a.key, params.b.key].map(|key| sign(world, digest, key));
        let whole = sigs.iter().all(Option::is_some) && world.slot(&params).seq == adjust.seq;
        whole.then_some(Call::Adjust { params, adjust: *adjust, sigs })
    })
}

/// Money for a side of an open channel, of her own: a little, to make work, or much.
fn deposit(world: &World, rng: &mut Rng, params: &ChannelParams) -> Call {
    let slot = world.slot(params);
    let amount = [1, 1, ETH, 0][rng.below(4) as usize];
    let side = if rng.chance(500) { Side::A } else { Side::B };
    let (id, from) = (params.id(&world.ground.domain, slot.nonce), source(rng));
    let (funding, value) = (from.funding(), from.value(params.asset, amount));
    Call::Deposit { params: *params, id, side, amount, not_after: not_after(world, rng).min(1 << 39), funding, value }
}

/// An opening with an agreement that was given once, for what was agreed or for something else.
pub(crate) fn open_both(world: &World, rng: &mut Rng) -> Option<Call> {
    let loot = &world.strings.loot;
    let (id, side, consent) = pick(rng, &loot.consents).cloned()?;
    let (params, [mut dep_a, mut dep_b]) = loot.offers.get(&id).copied()?;
    match rng.below(10) {
        0 => dep_a = craft::amount(rng, dep_a, dep_a).min(1 << 90),
        1 => dep_b = craft::amount(rng, dep_b, dep_b).min(1 << 90),
        2 => dep_a = 0,
        _ => {}
    }
    let terms = OpenAuth { id, dep_a, dep_b, not_after: consent.not_after };
    // What the other side gives is known as well, or she sends the call and pays.
    let other = loot.consents.iter().find(|(of, s, c)| (*of, *s, c.not_after) == (id, side.other(), consent.not_after));
    let from = source(rng);
    let value = from.value(params.asset, if side == Side::A { dep_b } else { dep_a });
    let mine = other.filter(|_| rng.chance(500)).map_or_else(|| from.funding(), |(_, _, c)| c.funding.clone());
    let fundings = if side == Side::A { [consent.funding, mine] } else { [mine, consent.funding] };
    Some(Call::OpenBoth { params, terms, fundings, value })
}

/// What an application might want with money; of a puppet.
pub(crate) fn command(world: &World, rng: &mut Rng, node: usize) -> Option<Command> {
    let (ch, _) = link(world, rng, node)?;
    let amount = [1, ETH / 2, 5 * ETH, 50 * ETH][rng.below(4) as usize];
    let params = world.strings.loot.ledgers.get(&ch)?.params;
    let owner = world.nodes[node].owner;
    let asset = if rng.chance(700) { params.asset } else { asset(rng) };
    Some(match rng.below(8) {
        0 | 1 => Command::Deposit { ch, amount, from: source(rng) },
        2..=4 => {
            let me = side(world, node, ch)?;
            let most = world.slot(&params).deposits()[me.index()];
            let amount = if rng.chance(400) { most } else { amount };
            Command::Withdraw { ch, amount, to: source(rng) }
        }
        5 => Command::Move(Move::FundVault { asset, amount }),
        6 => {
            let amount = world.ground.vault(asset, owner);
            Command::Move(Move::WithdrawVault { asset, amount, to: owner })
        }
        _ => Command::Move(Move::Approve { token: TOKENS[rng.below(5) as usize].0, amount: 300 * ETH }),
    })
}
