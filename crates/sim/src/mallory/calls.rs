//! Calls of the contract with known, old, mixed and invented data.

use super::craft::{self, pick};
use super::{garble, money, plays};
use crate::rng::Rng;
use crate::world::World;
use alloy_primitives::{Address, B256};
use perunika_core::body::Body;
use perunika_core::chain::{Call, DisputeView, Opener, Phase, RecordView};
use perunika_core::params::{ChannelParams, Side, VirtualParams};
use perunika_core::sig::{RawKey, Signature};
use perunika_core::signed::{Close, Eip712, Final, WatchAuth};
use perunika_core::tree;

/// Sends a call in the name of a corrupt owner; some without asking whether it would succeed.
pub(crate) fn send(world: &mut World, rng: &mut Rng, nodes: &[usize], call: &Call) {
    let Some(node) = pick(rng, nodes).copied() else { return };
    let party = nodes.iter().copied().find(|n| is_party(call, world.nodes[*n].owner));
    let node = if rng.chance(850) { party.unwrap_or(node) } else { node };
    if rng.chance(150) {
        let owner = world.nodes[node].owner;
        let _ = world.ground.submit_blind(owner, call);
    } else {
        let _ = world.call_as(node, call);
    }
}

fn is_party(call: &Call, owner: Address) -> bool {
    let params = match call {
        Call::Open { params, .. } => return params.a.owner == owner,
        Call::Confirm { params, .. } | Call::ConfirmWith { params, .. } => return params.b.owner == owner,
        Call::OpenBoth { params, .. } => return params.a.owner == owner,
        Call::Adjust { params, adjust, .. } => {
            return [params.a.owner, params.b.owner][usize::from(adjust.side.min(1))] == owner;
        }
        Call::Register { params, .. } | Call::Refute { params, .. } | Call::Close { params, .. } => params,
        _ => return false,
    };
    [params.a.owner, params.b.owner].contains(&owner)
}

/// A signature over a digest by a key: her own, or one that was heard.
pub(crate) fn sign(world: &World, digest: B256, key: Address) -> Option<Signature> {
    let mine = world.index_of(key).filter(|n| !world.nodes[*n].honest);
    mine.map(|n| world.raw_key(n).sign(digest)).or_else(|| world.strings.loot.sigs.get(&(digest, key)).copied())
}

/// The same; where there is none, or seldom, bytes that look like one.
pub(crate) fn seal(world: &World, rng: &mut Rng, digest: B256, key: Address) -> Option<Signature> {
    let sig = sign(world, digest, key).map(|sig| craft::pen(rng, sig));
    sig.or_else(|| rng.chance(60).then(|| craft::junk(rng)))
}

fn both(world: &World, rng: &mut Rng, keys: [Address; 2], digest: B256) -> [Option<Signature>; 2] {
    keys.map(|key| seal(world, rng, digest, key))
}

/// A call about some channel.
pub(crate) fn call(world: &mut World, rng: &mut Rng, nodes: &[usize]) {
    let ledgers: Vec<B256> = world.strings.loot.ledgers.keys().copied().collect();
    let virtuals: Vec<B256> = world.strings.loot.virtuals.keys().copied().collect();
    let call = if rng.chance(500) || virtuals.is_empty() {
        let id = pick(rng, &ledgers).copied();
        let about_money = rng.chance(300);
        id.and_then(|id| if about_money { money::call(world, rng, id, nodes) } else { ledger_call(world, rng, id) })
    } else {
        pick(rng, &virtuals).copied().and_then(|vc| virtual_call(world, rng, vc))
    };
    if let Some(call) = call {
        send(world, rng, nodes, &call);
    }
}

/// A deadline is near, or just over: that is the time to call.
pub(crate) fn opportunity(world: &mut World, rng: &mut Rng, nodes: &[usize]) -> bool {
    if !rng.chance(700) {
        return false;
    }
    if let Some(call) = money::last_adjust(world).filter(|_| rng.chance(800)) {
        send(world, rng, nodes, &call);
        return true;
    }
    let now = world.ground.time();
    let near = |time: u64| time + 2 >= now && time <= now + 3;
    let ledgers: Vec<B256> = world.strings.loot.ledgers.keys().copied().collect();
    for id in ledgers {
        let Some(params) = world.strings.loot.ledgers.get(&id).map(|l| l.params) else { continue };
        let Some(dispute) = world.slot(&params).dispute else { continue };
        if near(dispute.refute_end) || near(dispute.final_at(params.window)) {
            if rng.chance(250) && plays::pay_late(world, rng, nodes, id) {
                return true;
            }
            return ledger_call(world, rng, id).map(|call| send(world, rng, nodes, &call)).is_some();
        }
    }
    let virtuals: Vec<B256> = world.strings.loot.virtuals.keys().rev().take(4).copied().collect();
    for vc in virtuals {
        let Some(params) = world.strings.loot.virtuals.get(&vc).cloned() else { continue };
        let lead = 3 * world.nodes[nodes[0]].policy.m_safe.max(10);
        if (params.t_exp.saturating_sub(lead)..=params.t_exp).contains(&now)
            && rng.chance(500)
            && plays::pay_late(world, rng, nodes, vc)
        {
            return true;
        }
        let disputed = match world.record(&params) {
            RecordView::Disputed(d) => near(d.refute_end) || near(d.final_at(params.window)),
            _ => false,
        };
        if disputed || near(params.t_exp) {
            return virtual_call(world, rng, vc).map(|call| send(world, rng, nodes, &call)).is_some();
        }
    }
    false
}

/// One of the States that are known, or one of her own.
pub(crate) fn some_body(world: &World, rng: &mut Rng, ch: B256) -> Option<Body> {
    let loot = &world.strings.loot;
    let all = loot.bodies.get(&ch)?;
    let contents: Vec<&Body> = all.values().flatten().collect();
    let body = match rng.below(10) {
        0..=3 => contents[contents.len().saturating_sub(1 + rng.below(4) as usize)],
        _ => *pick(rng, &contents)?,
    };
    Some(match rng.below(12) {
        0 => {
            let def_a = craft::amount(rng, body.def_a, body.total);
            garble::split(body, craft::version(rng, body.ver), def_a)
        }
        1 => Body { ver: craft::version(rng, body.ver), ..body.clone() },
        2 => craft::warp(rng, body),
        _ => body.clone(),
    })
}

fn ledger_call(world: &World, rng: &mut Rng, id: B256) -> Option<Call> {
    let loot = &world.strings.loot;
    let (params, nonce) = loot.ledgers.get(&id).map(|l| (l.params, l.nonce))?;
    let slot = world.slot(&params);
    let running = slot.dispute.is_some();
    let register = !running || rng.chance(300);
    Some(match rng.below(if running { 10 } else { 12 }) {
        0..=2 => state_call(world, rng, &params, id, register)?,
        3 if running && rng.chance(150) => {
            let (body, mix) = (some_body(world, rng, id)?, slot.dispute?.mix);
            Call::Conclude { params, state: body.state(), roots: body.roots(), mix }
        }
        3 | 4 if running => conclude(&params, slot.dispute?)?,
        3 | 4 => version_zero(rng, &params, id),
        5 => some_close(world, rng, &params, id)?,
        6 | 7 => settle(world, rng, &params, id, nonce)?,
        8 => Call::Refund { params },
        9 => state_call(world, rng, &params, id, false)?,
        10 => {
            let value = craft::amount(rng, 1_000_000_000_000_000_000, 5_000_000_000_000_000_000).min(1 << 62);
            let nonce = if slot.phase == Phase::Virgin { 0 } else { slot.nonce };
            Call::Open { params, nonce, value }
        }
        _ => {
            let value = craft::amount(rng, 1_000_000_000_000_000_000, 5_000_000_000_000_000_000).min(1 << 62);
            Call::Confirm { params, id: params.id(&world.ground.domain, slot.nonce), dep_a: slot.dep_a, value }
        }
    })
}

fn state_call(world: &World, rng: &mut Rng, params: &ChannelParams, id: B256, register: bool) -> Option<Call> {
    let body = some_body(world, rng, id)?;
    let keys = [params.a.key, params.b.key];
    let sigs = both(world, rng, keys, body.digest(&world.ground.domain));
    let (params, state, roots) = (*params, body.state(), body.roots());
    Some(if register {
        Call::Register { params, state, roots, sigs }
    } else {
        Call::Refute { params, state, roots, sigs }
    })
}

/// Opens a dispute of a ledger channel with some State.
pub(crate) fn register_some(world: &mut World, rng: &mut Rng, nodes: &[usize], id: B256) {
    let Some(params) = world.strings.loot.ledgers.get(&id).map(|l| l.params) else { return };
    if let Some(call) = state_call(world, rng, &params, id, true) {
        send(world, rng, nodes, &call);
    }
}

fn version_zero(rng: &mut Rng, params: &ChannelParams, id: B256) -> Call {
    let mut zero = Body::ledger_genesis(id, 0, 0);
    if rng.chance(200) {
        (zero.dep_a, zero.dep_b) = (1 << 60, 1 << 60);
        zero.total = zero.dep_a + zero.dep_b;
        zero.def_a = craft::amount(rng, zero.dep_a, zero.total).min(zero.total);
    }
    Call::Register { params: *params, state: zero.state(), roots: zero.roots(), sigs: [None, None] }
}

fn conclude(params: &ChannelParams, dispute: DisputeView) -> Option<Call> {
    let DisputeView { state, roots, mix, .. } = dispute;
    Some(Call::Conclude { params: *params, state: state?, roots, mix })
}

fn some_close(world: &World, rng: &mut Rng, params: &ChannelParams, id: B256) -> Option<Call> {
    let known: Vec<Close> = world.strings.loot.closes.iter().filter(|c| c.id == id).copied().collect();
    let close = match pick(rng, &known).copied() {
        Some(close) if rng.chance(800) => close,
        _ => {
            let body = some_body(world, rng, id)?;
            Close {
                id,
                dep_a: body.dep_a,
                dep_b: body.dep_b,
                out_a: body.def_a,
                total: body.total,
                locks: 0,
                entries: tree::empty_entries(),
                receiver_a: params.a.owner,
                receiver_b: params.b.owner,
                not_after: world.ground.time() + 600,
            }
        }
    };
    let sigs = both(world, rng, [params.a.key, params.b.key], world.ground.domain.digest(close.struct_hash()));
    Some(Call::Close { params: *params, close, lock_root: B256::ZERO, sigs })
}

/// Settles a lock of an escrow, with the lists of whichever State has its root, or of any other.
fn settle(world: &World, rng: &mut Rng, params: &ChannelParams, id: B256, nonce: u64) -> Option<Call> {
    let loot = &world.strings.loot;
    let escrow = world.ground.escrow_at(id, world.ground.chain.height());
    let all: Vec<&Body> = loot.bodies.get(&id)?.values().flatten().filter(|b| !b.locks.is_empty()).collect();
    let fitting = all.iter().find(|b| b.lock_root() == escrow.root).copied();
    let body = fitting.or_else(|| pick(rng, &all).copied())?;
    let mut index = rng.below(body.locks.len() as u64) as usize;
    let mut lock = body.locks[index];
    let virtual_params = loot.virtuals.get(&lock.vc)?.clone();
    let mut proof = tree::proof(&body.locks, index)?;
    match rng.below(20) {
        0 => index += 1 << proof.len(),
        1 => lock.left = craft::amount(rng, lock.left, lock.left),
        2 => lock.left_is_a = !lock.left_is_a,
        3 => proof.clear(),
        _ => {}
    }
    Some(Call::Settle { params: *params, nonce, lock, index, proof, virtual_params })
}

fn virtual_call(world: &World, rng: &mut Rng, vc: B256) -> Option<Call> {
    let params = world.strings.loot.virtuals.get(&vc)?;
    match rng.below(8) {
        0 | 1 => register_virtual(world, rng, params, vc),
        2 | 3 => refute_virtual(world, rng, params, vc),
        4 | 5 => finalise(world, rng, params, vc),
        6 => conclude_virtual(world, params),
        _ => {
            let index = rng.below(params.links.len() as u64) as usize;
            let link = world.strings.loot.ledgers.get(&params.links[index])?;
            settle(world, rng, &link.params, params.links[index], link.nonce)
        }
    }
}

/// A State of a virtual channel with both signatures: one that exists, or one that both ends are corrupt enough to sign.
fn signed_state(world: &World, rng: &mut Rng, params: &VirtualParams, vc: B256) -> Option<(Body, [Signature; 2])> {
    let loot = &world.strings.loot;
    let keys = [params.end(Side::A), params.end(Side::B)];
    for _ in 0..4 {
        let body = match some_body(world, rng, vc) {
            Some(body) if rng.chance(700) => body,
            _ => {
                let genesis = loot.genesis(vc)?;
                let def_a = craft::amount(rng, genesis.def_a, genesis.total);
                garble::split(&genesis, rng.between(1, 60), def_a)
            }
        };
        let body = if rng.chance(80) { craft::warp(rng, &body) } else { body };
        if let [Some(a), Some(b)] = both(world, rng, keys, body.digest(&world.ground.domain)) {
            return Some((body, [a, b]));
        }
    }
    None
}

fn register_virtual(world: &World, rng: &mut Rng, params: &VirtualParams, vc: B256) -> Option<Call> {
    let (body, sigs) = signed_state(world, rng, params, vc)?;
    let guess = rng.chance(150).then(|| B256::from(rng.bytes32()));
    let secrets = params.hashes.iter().map(|hash| world.strings.loot.secrets.get(hash).copied().or(guess));
    let secrets = secrets.collect::<Option<Vec<B256>>>()?;
    let opener = opener(world, rng, params, vc).map(|opener| Opener { sig: craft::pen(rng, opener.sig), ..opener });
    Some(Call::RegisterVirtual {
        params: params.clone(),
        state: body.state(),
        roots: body.roots(),
        sigs,
        secrets,
        opener,
    })
}

/// A corrupt participant lets its own account open.
fn opener(world: &World, rng: &mut Rng, params: &VirtualParams, id: B256) -> Option<Opener> {
    let corrupt = |key: &Address| world.index_of(*key).filter(|n| !world.nodes[*n].honest);
    let mine: Vec<(usize, usize)> =
        params.path.iter().enumerate().filter_map(|(at, key)| Some((at, corrupt(key)?))).collect();
    let ends: Vec<(usize, usize)> =
        mine.iter().copied().filter(|(at, _)| *at == 0 || *at + 1 == params.path.len()).collect();
    let all = ends.is_empty() || rng.chance(200);
    let (position, node) = *pick(rng, if all { &mine } else { &ends })?;
    let tower = world.nodes[node].owner;
    let auth = WatchAuth { id, tower, not_before: 0, not_after: params.t_exp };
    let sig = world.raw_key(node).sign(world.ground.domain.digest(auth.struct_hash()));
    Some(Opener { position: position as u8, not_before: 0, not_after: params.t_exp, sig })
}

fn refute_virtual(world: &World, rng: &mut Rng, params: &VirtualParams, vc: B256) -> Option<Call> {
    let (body, sigs) = signed_state(world, rng, params, vc)?;
    Some(Call::RefuteVirtual { params: params.clone(), state: body.state(), roots: body.roots(), sigs })
}

fn finalise(world: &World, rng: &mut Rng, params: &VirtualParams, vc: B256) -> Option<Call> {
    let known: Vec<u128> = world.strings.loot.finals.get(&vc).into_iter().flatten().copied().collect();
    for _ in 0..3 {
        let out_a = match pick(rng, &known).copied() {
            Some(out_a) if rng.chance(800) => out_a,
            _ => craft::amount(rng, params.init_a, params.total()),
        };
        let digest = world.ground.domain.digest(Final { vc, out_a }.struct_hash());
        let sigs: Option<Vec<Signature>> = params.path.iter().map(|key| seal(world, rng, digest, *key)).collect();
        if let Some(sigs) = sigs {
            return Some(Call::Finalise { params: params.clone(), out_a, sigs });
        }
    }
    None
}

fn conclude_virtual(world: &World, params: &VirtualParams) -> Option<Call> {
    let RecordView::Disputed(DisputeView { state, roots, mix, .. }) = world.record(params) else { return None };
    Some(Call::ConcludeVirtual { params: params.clone(), state: state?, roots, mix })
}
