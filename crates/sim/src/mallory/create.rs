//! Messages about the beginning of virtual channels.

use super::craft::{self, pick};
use super::speak::{sign, vc_of};
use super::{calls, garble};
use crate::rng::Rng;
use crate::story::ETH;
use crate::world::World;
use alloy_primitives::{Address, B256};
use perunika_core::message::{Message, Renews, Terms};
use perunika_core::params::Side;
use perunika_core::secret::Secret;

pub(crate) fn create(world: &World, rng: &mut Rng, node: usize) -> Option<(usize, Message)> {
    let loot = &world.strings.loot;
    let vc = vc_of(world, rng, node);
    let params = vc.and_then(|vc| loot.virtuals.get(&vc));
    let someone = |rng: &mut Rng| {
        let to = params.and_then(|p| pick(rng, &p.path).copied()).and_then(|key| world.index_of(key));
        to.unwrap_or_else(|| rng.below(world.nodes.len() as u64) as usize)
    };
    let to = someone(rng);
    Some((
        to,
        match rng.below(10) {
            0 | 1 => {
                let mut params = params?.clone();
                if rng.chance(800) {
                    craft::bend(rng, &mut params, loot);
                }
                Message::VcOpen { params, renews: vc.filter(|_| rng.chance(300)) }
            }
            2 | 3 => {
                let params = params?;
                let index = params.path.iter().position(|k| *k == world.key(node))?;
                let secret = *loot.secrets.get(params.hashes.get(index)?)?;
                let secret = if rng.chance(150) { B256::from(rng.bytes32()) } else { secret };
                Message::Activate { vc: vc?, index: index as u8, secret: Secret(secret) }
            }
            4 => Message::Abort { vc: vc?, reason: "no".into() },
            5 => {
                let body = loot.genesis(vc?)?;
                let first = garble::split(&body, 1, body.def_a);
                Message::Start { vc: vc?, sig: sign(world, node, &first) }
            }
            6 => {
                let params = params?;
                let secrets = params.hashes.iter().map(|h| loot.secrets.get(h).copied().map(Secret));
                let first = loot.genesis(vc?)?;
                let digest = garble::split(&first, 1, first.def_a).digest(&world.ground.domain);
                let sigs = [Side::A, Side::B].map(|side| calls::sign(world, digest, params.end(side)));
                let [Some(a), Some(b)] = sigs else { return None };
                Message::Receipt { vc: vc?, secrets: secrets.collect::<Option<_>>()?, sigs: [a, b] }
            }
            7 => quote_ask(world, rng, node)?,
            8 => {
                let (_, _, asked) = loot.heard.iter().rev().find(|(_, _, m)| matches!(m, Message::QuoteAsk { .. }))?;
                let Message::QuoteAsk { request, .. } = asked else { return None };
                let hashes: Vec<B256> = loot.secrets.keys().copied().collect();
                let links: Vec<B256> = loot.ledgers.keys().copied().collect();
                let (hash, fee) = (*pick(rng, &hashes)?, craft::amount(rng, 0, ETH / 100));
                Message::Quote { request: *request, hash, link: pick(rng, &links).copied(), fee }
            }
            _ => Message::QuoteRefused { request: B256::from(rng.bytes32()), reason: "no".into() },
        },
    ))
}

fn quote_ask(world: &World, rng: &mut Rng, node: usize) -> Option<Message> {
    let loot = &world.strings.loot;
    let mut path: Vec<Address> = loot.virtuals.values().next_back().map(|p| p.path.clone())?;
    if rng.chance(300) {
        path = world.nodes.iter().map(|n| n.key).collect();
    }
    if rng.chance(300) {
        path.rotate_left(1);
    }
    let policy = &world.nodes[node].policy;
    let (challenge, window, k_max) = (policy.challenge, policy.window, policy.k_max);
    let terms = Terms {
        asset: Address::ZERO,
        init_a: craft::amount(rng, ETH, 20 * ETH),
        init_b: craft::amount(rng, ETH, 20 * ETH),
        t_exp: world.ground.time() + rng.below(400),
        challenge: if rng.chance(700) { challenge } else { rng.below(1 << 26) as u32 },
        window: if rng.chance(700) { window } else { rng.below(1 << 26) as u32 },
        k_max: if rng.chance(700) { k_max } else { rng.below(1 << 12) as u16 },
    };
    let renews = vc_of(world, rng, node).filter(|_| rng.chance(200)).map(|vc| Renews { vc, out_a: terms.init_a });
    Some(Message::QuoteAsk { request: B256::from(rng.bytes32()), path, terms, renews })
}
