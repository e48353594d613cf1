//! Another content in a message of a corrupt node, with a signature that fits it.

use super::{craft, money};
use crate::rng::Rng;
use crate::world::World;
use alloy_primitives::B256;
use perunika_core::body::{Body, Change};
use perunika_core::message::{LinkOp, Message, Removal};
use perunika_core::sig::RawKey;
use perunika_core::signed::{Eip712, Final};

/// A changed copy of a message that `node` is about to send; `None` where nothing can be made of it.
pub(crate) fn change(world: &mut World, node: usize, message: &Message) -> Option<Message> {
    world.digest();
    let mut rng = world.strings.rng.clone();
    let changed = changed(world, node, message, &mut rng);
    world.strings.rng = rng;
    changed
}

fn changed(world: &World, node: usize, message: &Message, rng: &mut Rng) -> Option<Message> {
    let loot = &world.strings.loot;
    let domain = world.ground.domain;
    let key = world.raw_key(node);
    Some(match message.clone() {
        Message::Item { ch, ver, base, def_a, cosign, note, .. } => {
            let from = loot.versions(ch, base).pop()?;
            let def_a = craft::amount(rng, def_a, from.total);
            let ver = if rng.chance(300) { craft::version(rng, ver) } else { ver };
            let next = Body { ver, def_a, ..from };
            Message::Item { ch, ver, base, def_a, sig: key.sign(next.digest(&domain)), cosign, note }
        }
        Message::Accept { ch, ver, .. } => {
            let bodies = loot.newest(ch, 12);
            let body = bodies.get(rng.below(bodies.len() as u64) as usize)?;
            let ver = if rng.chance(500) { body.ver } else { ver };
            Message::Accept { ch, ver, sig: key.sign(body.digest(&domain)) }
        }
        Message::Presign { ch, ver, op, .. } => {
            let (ver, op) = (if rng.chance(400) { craft::version(rng, ver) } else { ver }, other_op(rng, op));
            let body = on_newest(world, ch, ver, &[op])?;
            Message::Presign { ch, ver, op, sig: key.sign(body.digest(&domain)) }
        }
        Message::Propose { ch, ver, base, ops, .. } => {
            let ver = if rng.chance(400) { craft::version(rng, ver) } else { ver };
            let ops: Vec<LinkOp> = ops.into_iter().map(|op| other_op(rng, op)).collect();
            let from = loot.newest(ch, 8);
            let from = from.iter().rfind(|b| b.hash() == base).or(from.last())?;
            let body = loot.apply(from, ver, &ops)?;
            let base = if rng.chance(300) { from.hash() } else { base };
            Message::Propose { ch, ver, base, ops, sig: key.sign(body.digest(&domain)) }
        }
        Message::FinalSigs { vc, out_a, sigs } => {
            let params = loot.virtuals.get(&vc)?;
            let me = params.path.iter().position(|k| *k == world.key(node))? as u8;
            let out_a = craft::amount(rng, out_a, params.total());
            let mine = key.sign(domain.digest(Final { vc, out_a }.struct_hash()));
            let others = sigs.into_iter().filter(|(i, _)| *i != me && rng.chance(200));
            Message::FinalSigs { vc, out_a, sigs: others.chain([(me, mine)]).collect() }
        }
        Message::CloseSig { mut close, .. } => {
            close.out_a = craft::amount(rng, close.out_a, close.total);
            if rng.chance(300) {
                close.not_after = close.not_after.saturating_add(rng.below(100_000));
            }
            if rng.chance(200) {
                let thief = world.nodes[node].owner;
                (close.receiver_a, close.receiver_b) = (thief, thief);
            }
            Message::CloseSig { close, sig: key.sign(domain.digest(close.struct_hash())) }
        }
        Message::AdjustSig { mut adjust, .. } => {
            match rng.below(4) {
                0 => adjust.amount = craft::amount(rng, adjust.amount, adjust.amount),
                1 => adjust.receiver = world.nodes[node].owner,
                2 => adjust.seq = adjust.seq.wrapping_add(1),
                _ => adjust.not_after = adjust.not_after.saturating_add(rng.below(1_000)),
            }
            Message::AdjustSig { adjust, sig: key.sign(domain.digest(adjust.struct_hash())) }
        }
        Message::ChannelAgreed { id, .. } => {
            let (_, deposits) = loot.offers.get(&id).copied()?;
            Message::ChannelAgreed { id, consent: Some(money::consent(world, rng, node, id, deposits)) }
        }
        Message::ChannelConsent { id, .. } => {
            let (_, deposits) = loot.offers.get(&id).copied()?;
            Message::ChannelConsent { id, consent: money::consent(world, rng, node, id, deposits) }
        }
        Message::Activate { vc, index, secret } => {
            let mut other = secret;
            other.0.0[31] ^= 1;
            Message::Activate { vc, index, secret: other }
        }
        Message::VcOpen { mut params, renews } => {
            craft::bend(rng, &mut params, loot);
            Message::VcOpen { params, renews }
        }
        Message::Quote { request, hash, link, fee } => {
            let known: Vec<B256> = loot.secrets.keys().copied().collect();
            let hash = craft::pick(rng, &known).copied().filter(|_| rng.chance(500)).unwrap_or(hash);
            Message::Quote { request, hash, link, fee: craft::amount(rng, fee, fee) }
        }
        Message::NanoStep { ch, nid, ver, input, time, sig } => {
            let game = loot.games.get(&(ch, nid))?;
            let input = craft::pick(rng, &game.inputs).cloned().unwrap_or(input);
            let at = craft::pick(rng, &game.versions)?.nano;
            let ver = if rng.chance(300) { craft::version(rng, ver) } else { ver };
            let time = if rng.chance(500) { time.saturating_sub(rng.below(200)) } else { time };
            let sig = if rng.chance(300) { sig } else { key.sign(domain.digest(at.struct_hash())) };
            Message::NanoStep { ch, nid, ver, input, time, sig }
        }
        Message::NanoAccept { ch, nid, ver, .. } => {
            let at = craft::pick(rng, &loot.games.get(&(ch, nid))?.versions)?.nano;
            Message::NanoAccept { ch, nid, ver, sig: key.sign(domain.digest(at.struct_hash())) }
        }
        _ => return None,
    })
}

/// The same change with another split, or the other way round.
pub(crate) fn other_op(rng: &mut Rng, op: LinkOp) -> LinkOp {
    match op {
        LinkOp::Remove { vc, how: Removal::Outcome(out_a) } if rng.chance(600) => {
            let how =
                if rng.chance(300) { Removal::Initial } else { Removal::Outcome(craft::amount(rng, out_a, out_a)) };
            LinkOp::Remove { vc, how }
        }
        LinkOp::Remove { vc, how: Removal::Initial } if rng.chance(400) => {
            LinkOp::Remove { vc, how: Removal::Outcome(u128::from(rng.below(2)) << rng.below(70)) }
        }
        LinkOp::Count { mut deposits } => {
            let of = &mut deposits[rng.below(2) as usize];
            *of = if rng.chance(500) { of.saturating_add(1) } else { craft::amount(rng, *of, *of) };
            LinkOp::Count { deposits }
        }
        LinkOp::Uncount { side, amount, receiver, seq, not_after } => match rng.below(4) {
            0 => LinkOp::Uncount { side: side.other(), amount, receiver, seq, not_after },
            1 => LinkOp::Uncount { side, amount: craft::amount(rng, amount, amount), receiver, seq, not_after },
            2 => LinkOp::Uncount { side, amount, receiver, seq: seq.wrapping_add(1), not_after },
            _ => LinkOp::Uncount { side, amount, receiver, seq, not_after: not_after.saturating_add(rng.below(999)) },
        },
        LinkOp::Add { vc } if rng.chance(100) => LinkOp::Remove { vc, how: Removal::Initial },
        other => other,
    }
}

/// What changes make of the newest State that is known.
pub(crate) fn on_newest(world: &World, ch: B256, ver: u64, ops: &[LinkOp]) -> Option<Body> {
    let loot = &world.strings.loot;
    loot.newest(ch, 6).iter().rev().find_map(|base| loot.apply(base, ver, ops))
}

/// A State with the cash of another one, whatever that may be good for.
pub(crate) fn split(base: &Body, ver: u64, def_a: u128) -> Body {
    base.with(ver, &Change::Split(def_a)).unwrap_or_else(|_| Body { ver, def_a, ..base.clone() })
}
