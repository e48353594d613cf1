//! Messages about nanocontracts.

use super::craft::{self, pick};
use super::nanos;
use super::speak::{peer, side};
use crate::rng::Rng;
use crate::world::World;
use alloy_primitives::B256;
use perunika_core::message::Message;
use perunika_core::sig::RawKey;
use perunika_core::signed::Eip712;

pub(crate) fn nano(world: &World, rng: &mut Rng, node: usize) -> Option<(usize, Message)> {
    let loot = &world.strings.loot;
    let games: Vec<(B256, B256)> = loot.games.keys().copied().collect();
    let (ch, nid) = *pick(rng, &games)?;
    let game = loot.games.get(&(ch, nid))?;
    let to = peer(world, node, ch)?;
    let now = world.ground.time();
    let at = pick(rng, &game.versions).cloned();
    let input = nanos::some_input(world, rng, ch, nid);
    Some((
        to,
        match rng.below(10) {
            0 | 1 => {
                let mut terms = game.terms.clone();
                match rng.below(6) {
                    0 => terms.total = craft::amount(rng, terms.total, terms.total),
                    1 => terms.da0 = craft::amount(rng, terms.da0, terms.total),
                    2 => terms.gas = [0, 1, u32::MAX][rng.below(3) as usize],
                    3 => terms.k_max = [0, 1, u16::MAX][rng.below(3) as usize],
                    4 => terms.mover0 = rng.below(3) as u8,
                    _ => {}
                }
                let code = loot.codes.get(&terms.code_hash)?.clone();
                let nid = if rng.chance(500) { nid } else { B256::from(rng.bytes32()) };
                Message::NanoOffer { ch, nid, terms, code, until: now + rng.below(100) }
            }
            2 => Message::NanoAgree { ch, nid },
            3 => Message::NanoDecline { ch, nid, reason: "no".into() },
            4 | 5 if rng.chance(700) => return step(world, rng, node, ch, nid).map(|message| (to, message)),
            4 | 5 => {
                let mut nano = at?.nano;
                if rng.chance(500) {
                    nano.ver = craft::version(rng, nano.ver);
                    nano.da = craft::amount(rng, nano.da, game.terms.total);
                }
                let sig = world.raw_key(node).sign(world.ground.domain.digest(nano.struct_hash()));
                let time = now.saturating_sub(rng.below(60));
                Message::NanoStep { ch, nid, ver: nano.ver, input, time, sig }
            }
            6 => {
                let at = at?;
                Message::NanoAccept { ch, nid, ver: at.nano.ver, sig: nanos::sign(world, node, &at) }
            }
            7 => Message::NanoRefuse { ch, nid, ver: at?.nano.ver, reason: "no".into() },
            8 => Message::NanoHand { ch, nid, count: rng.below(9), input },
            _ => Message::NanoTaken { ch, nid, count: rng.below(9) },
        },
    ))
}

/// A step that the code allows: from the newest position or an old one, now or at another time, in turn or out of it.
fn step(world: &World, rng: &mut Rng, node: usize, ch: B256, nid: B256) -> Option<Message> {
    let game = world.strings.loot.games.get(&(ch, nid))?;
    let newest = game.versions.iter().max_by_key(|p| p.nano.ver)?;
    let at = if rng.chance(700) { newest } else { pick(rng, &game.versions)? };
    let next = side(world, node, ch)?.next_version(newest.nano.ver);
    let ver = match rng.below(6) {
        0 => craft::version(rng, next),
        1 => next + 2 * rng.below(40_000),
        2 => next + 1,
        _ => next,
    };
    let now = world.ground.time();
    let time = match rng.below(5) {
        0 => now.saturating_sub(rng.below(400)),
        1 => now + rng.below(400),
        _ => now,
    };
    let input = nanos::some_input(world, rng, ch, nid);
    let nano = nanos::computed(world, at, ver, &input, time)?;
    let sig = world.raw_key(node).sign(world.ground.domain.digest(nano.struct_hash()));
    Some(Message::NanoStep { ch, nid, ver, input, time, sig })
}
