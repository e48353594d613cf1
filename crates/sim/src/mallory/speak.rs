//! Messages of every kind, with values that are known, at their bounds, or a little beside.

use super::craft::{self, pick};
use super::create::create;
use super::games::nano;
use super::intent::Topic;
use super::{calls, garble, money};
use crate::rng::Rng;
use crate::world::World;
use alloy_primitives::{Address, B256};
use perunika_core::body::Body;
use perunika_core::message::{LinkOp, Message, Note, Removal};
use perunika_core::params::Side;
use perunika_core::sig::{RawKey, Signature};
use perunika_core::signed::{Amount, Close, Eip712, Final, PaymentReceipt};
use perunika_core::tree;

const ETH: Amount = crate::story::ETH;

/// Says something about a topic in the name of a corrupt node.
pub(crate) fn speak(world: &mut World, rng: &mut Rng, node: usize, topic: Topic) {
    if topic == Topic::Final {
        return finals(world, rng, node);
    }
    let said = match topic {
        Topic::Replay => replay(world, rng),
        Topic::Change => change(world, rng, node),
        Topic::Item => item(world, rng, node),
        Topic::Propose => propose(world, rng, node),
        Topic::Presign => presign(world, rng, node),
        Topic::Accept => accept(world, rng, node),
        Topic::Close => close(world, rng, node),
        Topic::Create => create(world, rng, node),
        Topic::Nano => nano(world, rng, node),
        Topic::Money => money_talk(world, rng, node),
        Topic::Anything | Topic::Final => anything(world, rng, node),
    };
    let Some((to, message)) = said else { return };
    let message = bend_signature(rng, message);
    let to = if rng.chance(50) { rng.below(world.nodes.len() as u64) as usize } else { to };
    if to != node {
        world.inject(node, to, message);
    }
}

/// Seldom a signature that does not fit.
fn bend_signature(rng: &mut Rng, mut message: Message) -> Message {
    match &mut message {
        Message::Item { sig, .. }
        | Message::Accept { sig, .. }
        | Message::Presign { sig, .. }
        | Message::Propose { sig, .. }
        | Message::CloseSig { sig, .. }
        | Message::Start { sig, .. }
        | Message::NanoStep { sig, .. }
        | Message::NanoAccept { sig, .. } => *sig = craft::pen(rng, *sig),
        _ => {}
    }
    message
}

/// A channel of a node and its peer there, ledger or virtual.
pub(crate) fn object(world: &World, rng: &mut Rng, node: usize) -> Option<(B256, usize)> {
    let loot = &world.strings.loot;
    let key = world.key(node);
    let ledgers = loot.ledgers.keys().filter(|id| loot.keys(**id).is_some_and(|keys| keys.contains(&key)));
    let virtuals = loot.virtuals.keys().filter(|id| loot.keys(**id).is_some_and(|keys| keys.contains(&key)));
    let (ledgers, virtuals): (Vec<B256>, Vec<B256>) = (ledgers.copied().collect(), virtuals.copied().collect());
    let ch = if rng.chance(500) || virtuals.is_empty() { *pick(rng, &ledgers)? } else { *pick(rng, &virtuals)? };
    Some((ch, peer(world, node, ch)?))
}

pub(crate) fn link(world: &World, rng: &mut Rng, node: usize) -> Option<(B256, usize)> {
    let loot = &world.strings.loot;
    let key = world.key(node);
    let mine = |id: &&B256| loot.keys(**id).is_some_and(|keys| keys.contains(&key));
    let ledgers: Vec<B256> = loot.ledgers.keys().filter(mine).copied().collect();
    let ch = *pick(rng, &ledgers)?;
    Some((ch, peer(world, node, ch)?))
}

pub(crate) fn peer(world: &World, node: usize, ch: B256) -> Option<usize> {
    let keys = world.strings.loot.keys(ch)?;
    let key = world.key(node);
    world.index_of(keys.into_iter().find(|k| *k != key)?)
}

pub(crate) fn side(world: &World, node: usize, ch: B256) -> Option<Side> {
    let keys = world.strings.loot.keys(ch)?;
    Some(if keys[0] == world.key(node) { Side::A } else { Side::B })
}

/// A virtual channel of which a node is a participant.
pub(crate) fn vc_of(world: &World, rng: &mut Rng, node: usize) -> Option<B256> {
    let key = world.key(node);
    let mine: Vec<B256> =
        world.strings.loot.virtuals.iter().filter(|(_, p)| p.path.contains(&key)).map(|(vc, _)| *vc).collect();
    if rng.chance(600) { mine.last().copied() } else { pick(rng, &mine).copied() }
}

pub(crate) fn sign(world: &World, node: usize, body: &Body) -> Signature {
    world.raw_key(node).sign(body.digest(&world.ground.domain))
}

fn replay(world: &World, rng: &mut Rng) -> Option<(usize, Message)> {
    let loot = &world.strings.loot;
    let list = if rng.chance(600) { &loot.said } else { &loot.heard };
    let (_, to, message) = if rng.chance(500) {
        let back = rng.below(12) as usize;
        list.iter().rev().nth(back)?
    } else {
        pick(rng, list)?
    };
    let to = if rng.chance(700) { *to } else { rng.below(world.nodes.len() as u64) as usize };
    Some((to, message.clone()))
}

fn change(world: &mut World, rng: &mut Rng, node: usize) -> Option<(usize, Message)> {
    let mine: Vec<(usize, Message)> = {
        let said = world.strings.loot.said.iter().rev().filter(|(from, _, _)| *from == node);
        said.take(30).map(|(_, to, message)| (*to, message.clone())).collect()
    };
    let (to, message) = pick(rng, &mine)?.clone();
    Some((to, garble::change(world, node, &message)?))
}

/// A version of hers above another one: the next, or farther.
fn above(rng: &mut Rng, side: Side, ver: u64) -> u64 {
    let next = side.next_version(ver);
    match rng.below(10) {
        0..=5 => next,
        6 => next + 2 * rng.between(1, 6),
        7 => next + (1 << 12),
        8 => craft::version(rng, ver),
        _ => next + (1 << 16),
    }
}

/// Highest version of an object that is known.
fn highest(world: &World, ch: B256) -> u64 {
    world.strings.loot.bodies.get(&ch).and_then(|all| all.keys().next_back().copied()).unwrap_or_default()
}

/// A base: the newest State, one of the last, or any.
fn base(world: &World, rng: &mut Rng, ch: B256) -> Option<Body> {
    let loot = &world.strings.loot;
    let newest = loot.newest(ch, 6);
    let body = match rng.below(10) {
        0..=4 => newest.last().cloned(),
        5..=7 => pick(rng, &newest).cloned(),
        _ => calls::some_body(world, rng, ch),
    };
    body.or_else(|| loot.genesis(ch))
}

fn item(world: &World, rng: &mut Rng, node: usize) -> Option<(usize, Message)> {
    let (ch, to) = object(world, rng, node)?;
    let (base, me) = (base(world, rng, ch)?, side(world, node, ch)?);
    let floor = if rng.chance(800) { highest(world, ch) } else { base.ver };
    let ver = above(rng, me, floor);
    let step = [1, ETH / 1000, ETH / 10, ETH][rng.below(4) as usize];
    let def_a = match (rng.below(10), me) {
        (0..=5, Side::A) => base.def_a.saturating_sub(step),
        (0..=5, Side::B) => base.def_a.saturating_add(step),
        (6, Side::A) => base.def_a.saturating_add(step),
        (6, Side::B) => base.def_a.saturating_sub(step),
        (7, _) => base.def_a,
        _ => craft::amount(rng, base.def_a, base.total),
    };
    let next = garble::split(&base, ver, def_a);
    let note = rng.chance(100).then(|| Note { amount: step, reference: b"an order".to_vec() });
    let (base, sig, cosign) = (base.ver, sign(world, node, &next), rng.chance(500));
    Some((to, Message::Item { ch, ver, base, def_a, sig, cosign, note }))
}

/// Some change of the entries of a link.
fn some_op(world: &World, rng: &mut Rng, base: &Body) -> Option<LinkOp> {
    let loot = &world.strings.loot;
    let locked: Vec<B256> = base.locks.iter().map(|l| l.vc).collect();
    let over: Vec<B256> = loot.virtuals.iter().filter(|(_, p)| p.links.contains(&base.ch)).map(|(vc, _)| *vc).collect();
    let games: Vec<B256> = loot.games.keys().filter(|(ch, _)| *ch == base.ch).map(|(_, nid)| *nid).collect();
    if rng.chance(150) || base.locks.is_empty() && rng.chance(300) {
        return money::op(world, rng, base);
    }
    Some(match rng.below(12) {
        0..=2 => LinkOp::Remove { vc: *pick(rng, &locked)?, how: Removal::Initial },
        3..=6 => {
            let vc = *pick(rng, &locked)?;
            let total = loot.virtuals.get(&vc)?.total();
            let known: Vec<Amount> = loot.finals.get(&vc).into_iter().flatten().copied().collect();
            let known = pick(rng, &known).copied().filter(|_| rng.chance(500));
            let out_a = known.unwrap_or_else(|| craft::amount(rng, total / 2, total).min(total));
            LinkOp::Remove { vc, how: Removal::Outcome(out_a) }
        }
        7 | 8 => LinkOp::Add { vc: *pick(rng, &over)? },
        9 => {
            let (vc, next) = (*pick(rng, &locked)?, *pick(rng, &over)?);
            let total = loot.virtuals.get(&vc)?.total();
            LinkOp::Renew { vc, out_a: craft::amount(rng, total / 2, total).min(total), next }
        }
        10 => LinkOp::OpenNano { nid: *pick(rng, &games)? },
        _ => {
            let nid = *pick(rng, &games)?;
            let at = pick(rng, &loot.games.get(&(base.ch, nid))?.versions)?;
            LinkOp::CloseNano { nid, cur: at.nano.struct_hash() }
        }
    })
}

/// About deposits: half of it as changes of States.
fn money_talk(world: &World, rng: &mut Rng, node: usize) -> Option<(usize, Message)> {
    if rng.chance(500) {
        return money::speak(world, rng, node);
    }
    let (ch, to) = link(world, rng, node)?;
    let base = base(world, rng, ch)?;
    let op = money::op(world, rng, &base)?;
    if rng.chance(500) {
        let ver = above(rng, Side::A, base.ver);
        let next = world.strings.loot.apply(&base, ver, &[op])?;
        return Some((to, Message::Presign { ch, ver, op, sig: sign(world, node, &next) }));
    }
    let ver = above(rng, side(world, node, ch)?, highest(world, ch));
    let next = world.strings.loot.apply(&base, ver, &[op])?;
    let (base, sig) = (base.hash(), sign(world, node, &next));
    Some((to, Message::Propose { ch, ver, base, ops: vec![op], sig }))
}

fn propose(world: &World, rng: &mut Rng, node: usize) -> Option<(usize, Message)> {
    let (ch, to) = if rng.chance(800) { link(world, rng, node)? } else { object(world, rng, node)? };
    let (base, me) = (base(world, rng, ch)?, side(world, node, ch)?);
    let ops: Vec<LinkOp> = (0..rng.below(3)).filter_map(|_| some_op(world, rng, &base)).collect();
    let floor = if rng.chance(800) { highest(world, ch) } else { base.ver };
    let ver = above(rng, me, floor);
    let mut next = world.strings.loot.apply(&base, ver, &ops)?;
    if rng.chance(150) {
        next.def_a = craft::amount(rng, next.def_a, next.total);
    }
    let named = if rng.chance(150) { calls::some_body(world, rng, ch).map(|b| b.hash()) } else { None };
    let (base, sig) = (named.unwrap_or_else(|| base.hash()), sign(world, node, &next));
    Some((to, Message::Propose { ch, ver, base, ops, sig }))
}

fn presign(world: &World, rng: &mut Rng, node: usize) -> Option<(usize, Message)> {
    let (ch, to) = if rng.chance(750) { link(world, rng, node)? } else { object(world, rng, node)? };
    let base = base(world, rng, ch)?;
    let op = some_op(world, rng, &base)?;
    let ver = above(rng, Side::A, base.ver);
    let next = world.strings.loot.apply(&base, ver, &[op])?;
    Some((to, Message::Presign { ch, ver, op, sig: sign(world, node, &next) }))
}

/// A countersignature: mostly of what the victim asked for, whenever that was.
fn accept(world: &World, rng: &mut Rng, node: usize) -> Option<(usize, Message)> {
    let (ch, to) = object(world, rng, node)?;
    let newest = world.strings.loot.newest(ch, 10);
    let mut body = pick(rng, &newest)?.clone();
    if rng.chance(100) {
        body.def_a = craft::amount(rng, body.def_a, body.total);
    }
    let (ver, sig) = (body.ver, sign(world, node, &body));
    Some(match rng.below(10) {
        0 => (to, Message::Ack { ch, ver }),
        1 => (to, Message::Refuse { ch, ver, refused: Vec::new(), reason: "no".into() }),
        2 if ver == 1 => (to, Message::Start { vc: ch, sig }),
        _ => (to, Message::Accept { ch, ver, sig }),
    })
}

/// Finals of an end, or of a hub: the same for everybody, or another one for each.
fn finals(world: &mut World, rng: &mut Rng, node: usize) {
    let Some(vc) = vc_of(world, rng, node) else { return };
    let Some(params) = world.strings.loot.virtuals.get(&vc).cloned() else { return };
    if rng.chance(150) {
        let to = rng.below(params.path.len() as u64) as usize;
        if let Some(to) = world.index_of(params.path[to]).filter(|to| *to != node) {
            world.inject(node, to, Message::VcCloseAsk { vc });
        }
        return;
    }
    let known: Vec<Amount> = world.strings.loot.finals.get(&vc).into_iter().flatten().copied().collect();
    let newest = world.strings.loot.newest(vc, 6);
    let apart = rng.chance(400);
    let choose = |rng: &mut Rng| match rng.below(4) {
        0 => pick(rng, &known).copied().unwrap_or(params.init_a),
        1 => newest.last().map_or(params.init_a, |b| b.def_a),
        2 => pick(rng, &newest).map_or(params.init_a, |b| b.def_a),
        _ => craft::amount(rng, params.init_a, params.total()),
    };
    let mut out_a = choose(rng);
    let most = rng.chance(700);
    for key in params.path.clone() {
        let Some(to) = world.index_of(key).filter(|to| *to != node) else { continue };
        if apart {
            out_a = choose(rng);
        }
        if !most && rng.chance(500) {
            continue;
        }
        let digest = world.ground.domain.digest(Final { vc, out_a }.struct_hash());
        let forged = rng.chance(120);
        let mut sigs: Vec<(u8, Signature)> = Vec::new();
        for (at, key) in params.path.iter().enumerate() {
            let sig = calls::sign(world, digest, *key).or_else(|| forged.then(|| craft::junk(rng)));
            sigs.extend(sig.map(|sig| (at as u8, sig)));
        }
        world.inject(node, to, Message::FinalSigs { vc, out_a, sigs });
    }
}

fn close(world: &World, rng: &mut Rng, node: usize) -> Option<(usize, Message)> {
    let (ch, to) = link(world, rng, node)?;
    if rng.chance(400) {
        return Some((to, Message::CloseAsk { ch }));
    }
    let params = world.strings.loot.ledgers.get(&ch)?.params;
    let body = base(world, rng, ch)?;
    let mut close = Close {
        id: ch,
        dep_a: body.dep_a,
        dep_b: body.dep_b,
        out_a: body.def_a,
        total: body.total,
        locks: body.locks.len() as u8,
        entries: tree::entries(body.lock_root(), B256::ZERO),
        receiver_a: params.a.owner,
        receiver_b: params.b.owner,
        not_after: world.ground.time() + rng.below(900),
    };
    match rng.below(8) {
        0 => close.out_a = craft::amount(rng, close.out_a, close.total),
        1 => close.receiver_a = world.nodes[node].owner,
        2 => close.receiver_b = world.nodes[node].owner,
        3 => close.not_after = [0, u64::MAX, (1 << 40) - 1][rng.below(3) as usize],
        _ => {}
    }
    let sig = world.raw_key(node).sign(world.ground.domain.digest(close.struct_hash()));
    Some((to, Message::CloseSig { close, sig }))
}

/// One of the kinds that no topic covers, or of any topic.
fn anything(world: &mut World, rng: &mut Rng, node: usize) -> Option<(usize, Message)> {
    let (ch, to) = object(world, rng, node)?;
    let ver = craft::version(rng, highest(world, ch));
    Some(match rng.below(16) {
        0 => (to, Message::Ack { ch, ver }),
        1 => (to, Message::ReceiptAsk { ch, ver }),
        2 => {
            let ver = highest(world, ch).saturating_sub(rng.below(3));
            let receipt = PaymentReceipt { ch, ver, amount: ETH, reference: b"an order".to_vec() };
            let sig = world.raw_key(node).sign(world.ground.domain.digest(receipt.struct_hash()));
            (to, Message::PaymentReceipt { ch, ver, sig })
        }
        3 => (to, Message::Refuse { ch, ver, refused: vec![ch], reason: "no".into() }),
        4 => (to, Message::App { data: rng.bytes32().to_vec() }),
        5 => (to, Message::ChannelAsk { asset: Address::ZERO, lane: rng.below(3) as u16 }),
        6 => (
            to,
            Message::ChannelInfo { asset: Address::ZERO, lane: rng.below(3) as u16, owner: world.nodes[node].owner },
        ),
        7 => (to, Message::ChannelAgreed { id: ch, consent: None }),
        14 if rng.chance(500) => money::speak(world, rng, node)?,
        8 => {
            let mut params = world.strings.loot.ledgers.get(&ch)?.params;
            params.lane = rng.below(4) as u16;
            if rng.chance(300) {
                params.challenge = rng.below(1 << 26) as u32;
            }
            let nonce = rng.below(3);
            (to, Message::ChannelOffer { params, nonce, dep_a: craft::amount(rng, ETH, 3 * ETH), dep_b: ETH })
        }
        9 | 10 => create(world, rng, node)?,
        11 => nano(world, rng, node)?,
        12 => close(world, rng, node)?,
        13 => item(world, rng, node)?,
        14 => propose(world, rng, node)?,
        _ => replay(world, rng)?,
    })
}
