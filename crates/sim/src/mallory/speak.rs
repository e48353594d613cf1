//! Messages of every kind, with values that are known, at their bounds, or a little beside.

use super::craft::{self, pick};
use super::intent::Topic;
use super::{calls, garble, nanos};
use crate::rng::Rng;
use crate::world::World;
use alloy_primitives::{Address, B256};
use perunika_core::body::Body;
use perunika_core::io::Command;
use perunika_core::message::{LinkOp, Message, Note, Removal, Renews, Terms};
use perunika_core::params::Side;
use perunika_core::secret::Secret;
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
fn object(world: &World, rng: &mut Rng, node: usize) -> Option<(B256, usize)> {
    let loot = &world.strings.loot;
    let key = world.key(node);
    let ledgers = loot.ledgers.keys().filter(|id| loot.keys(**id).is_some_and(|keys| keys.contains(&key)));
    let virtuals = loot.virtuals.keys().filter(|id| loot.keys(**id).is_some_and(|keys| keys.contains(&key)));
    let (ledgers, virtuals): (Vec<B256>, Vec<B256>) = (ledgers.copied().collect(), virtuals.copied().collect());
    let ch = if rng.chance(500) || virtuals.is_empty() { *pick(rng, &ledgers)? } else { *pick(rng, &virtuals)? };
    Some((ch, peer(world, node, ch)?))
}

fn link(world: &World, rng: &mut Rng, node: usize) -> Option<(B256, usize)> {
    let loot = &world.strings.loot;
    let key = world.key(node);
    let mine = |id: &&B256| loot.keys(**id).is_some_and(|keys| keys.contains(&key));
    let ledgers: Vec<B256> = loot.ledgers.keys().filter(mine).copied().collect();
    let ch = *pick(rng, &ledgers)?;
    Some((ch, peer(world, node, ch)?))
}

fn peer(world: &World, node: usize, ch: B256) -> Option<usize> {
    let keys = world.strings.loot.keys(ch)?;
    let key = world.key(node);
    world.index_of(keys.into_iter().find(|k| *k != key)?)
}

fn side(world: &World, node: usize, ch: B256) -> Option<Side> {
    let keys = world.strings.loot.keys(ch)?;
    Some(if keys[0] == world.key(node) { Side::A } else { Side::B })
}

/// A virtual channel of which a node is a participant.
fn vc_of(world: &World, rng: &mut Rng, node: usize) -> Option<B256> {
    let key = world.key(node);
    let mine: Vec<B256> =
        world.strings.loot.virtuals.iter().filter(|(_, p)| p.path.contains(&key)).map(|(vc, _)| *vc).collect();
    if rng.chance(600) { mine.last().copied() } else { pick(rng, &mine).copied() }
}

fn sign(world: &World, node: usize, body: &Body) -> Signature {
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

fn create(world: &World, rng: &mut Rng, node: usize) -> Option<(usize, Message)> {
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

fn nano(world: &World, rng: &mut Rng, node: usize) -> Option<(usize, Message)> {
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
        5 => (to, Message::ChannelAsk { lane: rng.below(3) as u16 }),
        6 => (to, Message::ChannelInfo { lane: rng.below(3) as u16, owner: world.nodes[node].owner }),
        7 => (to, Message::ChannelAgreed { id: ch }),
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

/// A puppet wants something itself, as an application would.
pub(crate) fn command(world: &mut World, rng: &mut Rng, node: usize) {
    if world.nodes[node].participant.is_none() {
        return;
    }
    let Some(command) = some_command(world, rng, node) else { return };
    world.command(node, command);
}

fn some_command(world: &World, rng: &mut Rng, node: usize) -> Option<Command> {
    let (ch, _) = object(world, rng, node)?;
    Some(match rng.below(13) {
        12 => {
            let to = rng.below(world.nodes.len() as u64) as usize;
            if to == node {
                return None;
            }
            let deposits = [0, ETH, 5 * ETH];
            let (deposit, peer_deposit) = (deposits[rng.below(3) as usize], deposits[rng.below(3) as usize]);
            Command::OpenChannel { peer: world.key(to), deposit, peer_deposit, lane: rng.below(4) as u16 }
        }
        0..=5 => {
            let amount = [1, ETH / 1000, ETH / 50, ETH][rng.below(4) as usize];
            Command::Pay { ch, amount, cosign: rng.chance(400), reference: Vec::new() }
        }
        6 | 7 => {
            let mut path: Vec<Address> = world.strings.loot.virtuals.values().next_back()?.path.clone();
            if path.last() == Some(&world.key(node)) {
                path.reverse();
            }
            let at = path.iter().position(|k| *k == world.key(node))?;
            let path = path.split_off(at + 1);
            let (stake, peer_stake) = (u128::from(rng.between(1, 5)) * ETH, u128::from(rng.below(5)) * ETH);
            let term = Some(rng.between(37, 140));
            Command::OpenVirtual { path, stake, peer_stake, term, fee_max: u128::MAX, renew: rng.chance(100) }
        }
        8 => Command::CloseVirtual { vc: vc_of(world, rng, node)? },
        9 => Command::ForceVirtual { vc: vc_of(world, rng, node)? },
        10 => Command::CloseChannel { ch: link(world, rng, node)?.0, force: rng.chance(300) },
        _ => Command::RenewVirtual { vc: vc_of(world, rng, node)?, stakes: None, term: None, fee_max: u128::MAX },
    })
}
