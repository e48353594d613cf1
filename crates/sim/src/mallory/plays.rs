//! Short sequences that chance seldom finds: each is the play that some rule of the protocol answers.

use super::craft::{self, pick};
use super::{calls, garble, money};
use crate::rng::Rng;
use crate::world::World;
use alloy_primitives::B256;
use perunika_core::body::Body;
use perunika_core::message::{LinkOp, Message, Removal};
use perunika_core::params::Side;
use perunika_core::sig::{RawKey, Signature};
use perunika_core::signed::Eip712;
use perunika_core::signed::{Amount, Final};

/// What was heard last, newest first.
const FRESH: usize = 24;

/// Plays one of them, if the moment offers it.
pub(crate) fn play(world: &mut World, rng: &mut Rng, nodes: &[usize]) {
    let heard: Vec<(usize, usize, Message)> =
        world.strings.loot.heard.iter().rev().filter(|(to, _, _)| nodes.contains(to)).take(FRESH).cloned().collect();
    let Some((me, victim, message)) = pick(rng, &heard).cloned() else { return };
    match message {
        Message::Propose { ch, ver, .. } | Message::Presign { ch, ver, .. } if rng.chance(500) => {
            below_cur(world, rng, me, victim, ch, ver);
        }
        Message::Propose { ch, ver, .. } | Message::Presign { ch, ver, .. } | Message::Item { ch, ver, .. } => {
            cross(world, rng, me, victim, ch, ver);
        }
        Message::Accept { ch, .. } | Message::Ack { ch, .. } => same_version(world, rng, me, victim, ch),
        Message::Activate { vc, .. } | Message::Receipt { vc, .. } => let_go(world, rng, me, vc),
        Message::FinalSigs { vc, out_a, .. } if rng.chance(500) => removal(world, rng, me, vc, out_a),
        Message::FinalSigs { vc, .. } => behind(world, rng, me, victim, vc),
        Message::CloseSig { close, .. } => behind(world, rng, me, victim, close.id),
        Message::VcOpen { params, .. } => dispute_a_link(world, rng, nodes, &params.links),
        Message::AdjustSig { adjust, .. } => behind_the_adjust(world, rng, nodes, (me, victim), &adjust),
        Message::ChannelAgreed { consent: Some(_), .. } | Message::ChannelConsent { .. } => {
            if let Some(call) = money::open_both(world, rng) {
                calls::send(world, rng, nodes, &call);
            }
        }
        Message::VcCloseAsk { vc } => behind(world, rng, me, victim, vc),
        _ => {}
    }
}

/// The victim has signed a withdrawal of hers: it is used, and before or behind it what counts more comes back.
fn behind_the_adjust(
    world: &mut World,
    rng: &mut Rng,
    nodes: &[usize],
    (me, victim): (usize, usize),
    adjust: &perunika_core::signed::Adjust,
) {
    let Some(params) = world.strings.loot.ledgers.get(&adjust.id).map(|l| l.params) else { return };
    match rng.below(4) {
        0 => calls::register_some(world, rng, nodes, adjust.id),
        1 => {
            let call = money::adjust_call(world, rng, &params, adjust.id);
            call.into_iter().for_each(|call| calls::send(world, rng, nodes, &call));
        }
        2 => {
            // The deposit that is about to go counts once more.
            let Some(base) = world.strings.loot.newest(adjust.id, 1).pop() else { return };
            let Some(side) = side(world, me, adjust.id) else { return };
            let mut deposits = base.deposits();
            deposits[usize::from(adjust.side.min(1))] += adjust.amount;
            let (ops, ver) = (vec![LinkOp::Count { deposits }], side.next_version(base.ver));
            let Some(next) = world.strings.loot.apply(&base, ver, &ops) else { return };
            let (ch, base, sig) = (base.ch, base.hash(), sign(world, me, &next));
            world.whisper(rng.below(3_000), me, victim, Message::Propose { ch, ver, base, ops, sig });
        }
        _ => {
            let call = money::adjust_call(world, rng, &params, adjust.id);
            call.into_iter().for_each(|call| calls::send(world, rng, nodes, &call));
            calls::register_some(world, rng, nodes, adjust.id);
        }
    }
}

fn side(world: &World, node: usize, ch: B256) -> Option<Side> {
    let keys = world.strings.loot.keys(ch)?;
    keys.iter().position(|k| *k == world.key(node)).map(|at| if at == 0 { Side::A } else { Side::B })
}

fn sign(world: &World, node: usize, body: &Body) -> Signature {
    world.raw_key(node).sign(body.digest(&world.ground.domain))
}

fn item(world: &World, rng: &mut Rng, node: usize, from: &Body, ver: u64) -> Option<Message> {
    let me = side(world, node, from.ch)?;
    let step = [0, 1, from.total / 1_000, from.total / 7, from.total / 40][rng.below(5) as usize];
    let def_a = if me == Side::A { from.def_a.checked_sub(step)? } else { from.def_a.checked_add(step)? };
    let next = garble::split(from, ver, def_a);
    let sig = sign(world, node, &next);
    Some(Message::Item { ch: from.ch, ver, base: from.ver, def_a, sig, cosign: rng.chance(500), note: None })
}

/// What the victim takes for the newest State: the highest that both signed, or her own newest item.
fn cur(world: &World, ch: B256, below: u64) -> Option<Body> {
    let loot = &world.strings.loot;
    let domain = world.ground.domain;
    let keys = loot.keys(ch)?;
    let signed = |body: &&Body| {
        let digest = body.digest(&domain);
        keys.iter().all(|key| loot.sigs.contains_key(&(digest, *key)) || is_mine(world, *key))
    };
    let all = loot.bodies.get(&ch)?;
    all.range(..below).rev().flat_map(|(_, bodies)| bodies).find(signed).cloned().or_else(|| loot.genesis(ch))
}

fn is_mine(world: &World, key: alloy_primitives::Address) -> bool {
    world.index_of(key).is_some_and(|n| !world.nodes[n].honest)
}

/// An item above what the victim has asked for, on the State below it.
pub(crate) fn overtake(world: &mut World, me: usize, ch: B256, ver: u64) -> Option<Message> {
    world.digest();
    let mut rng = world.strings.rng.clone();
    let (base, side) = (cur(world, ch, ver)?, side(world, me, ch)?);
    let above = side.next_version(ver);
    let item = item(world, &mut rng, me, &base, above);
    world.strings.rng = rng;
    item
}

/// First an item above the victim's proposal, then the countersignature on what the item has voided (1.4(2), S68).
fn below_cur(world: &mut World, rng: &mut Rng, me: usize, victim: usize, ch: B256, ver: u64) {
    let Some(asked) = world.strings.loot.versions(ch, ver).pop() else { return };
    let Some(base) = cur(world, ch, ver) else { return };
    let Some(side) = side(world, me, ch) else { return };
    let above = side.next_version(ver);
    let accept = Message::Accept { ch, ver, sig: sign(world, me, &asked) };
    if let Some(item) = item(world, rng, me, &base, above) {
        world.whisper(0, me, victim, item);
        world.whisper(rng.between(1, 400), me, victim, accept);
    }
}

/// A proposal of her own under, at, or above the version that the victim has just used.
fn cross(world: &mut World, rng: &mut Rng, me: usize, victim: usize, ch: B256, ver: u64) {
    let Some(base) = cur(world, ch, ver) else { return };
    let at = match rng.below(6) {
        0 => ver,
        1 => ver.saturating_sub(1),
        2 => ver.saturating_sub(2),
        3 => ver + 1,
        4 => ver + (1 << 16) + 1,
        _ => ver + 2,
    };
    let message = if rng.chance(500) {
        item(world, rng, me, &base, at)
    } else {
        let ops: Vec<LinkOp> = Vec::new();
        world.strings.loot.apply(&base, at, &ops).map(|mut next| {
            if rng.chance(200) {
                next.def_a = craft::amount(rng, next.def_a, next.total);
            }
            let (base, sig) = (base.hash(), sign(world, me, &next));
            Message::Propose { ch, ver: at, base, ops, sig }
        })
    };
    if let Some(message) = message {
        world.whisper(rng.below(30), me, victim, message);
    }
}

/// Two contents with one version, one after the other.
fn same_version(world: &mut World, rng: &mut Rng, me: usize, victim: usize, ch: B256) {
    let Some(newest) = world.strings.loot.newest(ch, 1).pop() else { return };
    let (Some(side), Some(base)) = (side(world, me, ch), cur(world, ch, newest.ver + 1)) else { return };
    let ver = side.next_version(newest.ver);
    for delay in [0, rng.between(1, 200)] {
        if let Some(item) = item(world, rng, me, &base, ver) {
            world.whisper(delay, me, victim, item);
        }
    }
}

/// Asks every neighbour to let go at the initial split although the secrets are out (2.3 Abort).
fn let_go(world: &mut World, rng: &mut Rng, me: usize, vc: B256) {
    let Some(params) = world.strings.loot.virtuals.get(&vc).cloned() else { return };
    for key in &params.path {
        if let Some(to) = world.index_of(*key).filter(|to| *to != me && rng.chance(700)) {
            world.whisper(rng.below(20), me, to, Message::Abort { vc, reason: "no".into() });
        }
    }
    remove(world, rng, me, vc, Removal::Initial, 60);
}

/// Removals of a lock at a split, on every link of hers.
fn remove(world: &mut World, rng: &mut Rng, me: usize, vc: B256, how: Removal, delay: u64) {
    let Some(params) = world.strings.loot.virtuals.get(&vc).cloned() else { return };
    for link in params.links {
        let Some(side) = side(world, me, link) else { continue };
        let Some(keys) = world.strings.loot.keys(link) else { continue };
        let Some(peer) = keys.into_iter().find(|k| *k != world.key(me)).and_then(|k| world.index_of(k)) else {
            continue;
        };
        let Some(base) = world.strings.loot.newest(link, 4).into_iter().rfind(|b| b.lock(vc).is_some()) else {
            continue;
        };
        let op = LinkOp::Remove { vc, how };
        let presigned = rng.chance(400);
        let ver = if presigned { Side::A.next_version(base.ver) } else { side.next_version(base.ver) };
        let Some(next) = world.strings.loot.apply(&base, ver, &[op]) else { continue };
        let sig = sign(world, me, &next);
        let message = if presigned {
            Message::Presign { ch: link, ver, op, sig }
        } else {
            Message::Propose { ch: link, ver, base: base.hash(), ops: vec![op], sig }
        };
        world.whisper(delay + rng.below(20), me, peer, message);
    }
}

/// A removal at a split of her own, with or without an incomplete or forged certificate beside it.
fn removal(world: &mut World, rng: &mut Rng, me: usize, vc: B256, out_a: Amount) {
    let Some(params) = world.strings.loot.virtuals.get(&vc).cloned() else { return };
    let mine = world.key(me) == params.path[0];
    let out_a = match rng.below(4) {
        0 => out_a,
        1 => {
            if mine {
                params.total()
            } else {
                0
            }
        }
        2 => params.init_a,
        _ => craft::amount(rng, out_a, params.total()).min(params.total()),
    };
    if rng.chance(500) {
        let digest = world.ground.domain.digest(Final { vc, out_a }.struct_hash());
        let mut sigs = Vec::new();
        for (at, key) in params.path.iter().enumerate() {
            let sig = calls::sign(world, digest, *key).or_else(|| rng.chance(300).then(|| craft::junk(rng)));
            sigs.extend(sig.map(|sig| (at as u8, sig)));
        }
        for key in &params.path {
            if let Some(to) = world.index_of(*key).filter(|to| *to != me) {
                world.whisper(0, me, to, Message::FinalSigs { vc, out_a, sigs: sigs.clone() });
            }
        }
    }
    let how = if rng.chance(250) { Removal::Initial } else { Removal::Outcome(out_a) };
    remove(world, rng, me, vc, how, 60);
}

/// A payment or an update behind a Final or a Close (1.4(12)).
fn behind(world: &mut World, rng: &mut Rng, me: usize, victim: usize, ch: B256) {
    let Some(base) = cur(world, ch, u64::MAX) else { return };
    let Some(side) = side(world, me, ch) else { return };
    let ver = side.next_version(world.strings.loot.newest(ch, 1).pop().map_or(base.ver, |b| b.ver));
    let other = world.strings.loot.keys(ch).and_then(|keys| keys.into_iter().find(|k| *k != world.key(me)));
    let to = other.and_then(|key| world.index_of(key)).unwrap_or(victim);
    for delay in [0, 15, 400] {
        if let Some(item) = item(world, rng, me, &base, ver) {
            world.whisper(delay, me, to, item);
        }
    }
}

/// A dispute of one link while a virtual channel is created over it (S7).
fn dispute_a_link(world: &mut World, rng: &mut Rng, nodes: &[usize], links: &[B256]) {
    let mine: Vec<B256> = links.iter().copied().filter(|l| world.strings.loot.ledgers.contains_key(l)).collect();
    let Some(id) = pick(rng, &mine).copied() else { return };
    calls::register_some(world, rng, nodes, id);
}

/// A payment when it is too late to enforce it (1.4(7)): the payee must not take it.
pub(crate) fn pay_late(world: &mut World, rng: &mut Rng, nodes: &[usize], ch: B256) -> bool {
    let Some(keys) = world.strings.loot.keys(ch) else { return false };
    let Some(base) = cur(world, ch, u64::MAX) else { return false };
    let Some(me) = keys.iter().filter_map(|k| world.index_of(*k)).find(|n| nodes.contains(n)) else { return false };
    let Some(to) = keys.iter().filter_map(|k| world.index_of(*k)).find(|n| *n != me) else { return false };
    let Some(side) = side(world, me, ch) else { return false };
    let newest = world.strings.loot.newest(ch, 1).pop().map_or(base.ver, |b| b.ver);
    let half = base.share(side) / 2;
    let def_a = if side == Side::A { base.def_a - half } else { base.def_a + half };
    let ver = side.next_version(newest);
    let next = garble::split(&base, ver, def_a);
    let sig = sign(world, me, &next);
    let item = Message::Item { ch, ver, base: base.ver, def_a, sig, cosign: rng.chance(500), note: None };
    world.inject(me, to, item);
    true
}
