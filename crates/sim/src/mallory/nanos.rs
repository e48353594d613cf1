//! Nanocontracts on the chain, with any version and any input that is known.

use super::calls;
use super::craft::pick;
use crate::adversary::Position;
use crate::rng::Rng;
use crate::world::World;
use alloy_primitives::B256;
use perunika_core::body::Body;
use perunika_core::chain::{Call, ForcedStep, Home};
use perunika_core::nano::{Context, Evaluator, Run};
use perunika_core::sig::RawKey;
use perunika_core::signed::{Eip712, Entry, Nano};

/// Code that gives everything to whoever moves.
const GREEDY: &[u8] =
    &alloy_primitives::hex!("60805f52 610124351560443502602052 6101243515604052 600160843503606052 60a05ff3");

/// A call about some nanocontract, or a secret, or the vault.
pub(crate) fn call(world: &mut World, rng: &mut Rng, nodes: &[usize]) {
    let call = compose(world, rng, nodes);
    if let Some(call) = call {
        calls::send(world, rng, nodes, &call);
    }
}

fn compose(world: &World, rng: &mut Rng, nodes: &[usize]) -> Option<Call> {
    let games: Vec<(B256, B256)> = world.strings.loot.games.keys().copied().collect();
    let (ch, nid) = *pick(rng, &games)?;
    match rng.below(8) {
        0..=2 => register(world, rng, ch),
        3 | 4 => {
            let at = position(world, rng, ch, nid)?;
            let step = rng.chance(300).then(|| step(world, rng, nodes, ch, nid, &at)).flatten();
            Some(world.refute_nano(&home(world, ch)?, &at, step))
        }
        5 => execute(world, rng, nodes, ch, nid),
        6 if rng.chance(300) => Some(Call::Deploy { code: GREEDY.to_vec() }),
        6 => {
            let codes: Vec<&Vec<u8>> = world.strings.loot.codes.values().collect();
            Some(Call::Deploy { code: (*pick(rng, &codes)?).clone() })
        }
        _ => {
            let known: Vec<B256> = world.strings.loot.games.values().flat_map(|g| secrets(&g.inputs)).collect();
            Some(Call::Reveal { secret: *pick(rng, &known)? })
        }
    }
}

/// Words of inputs that may be secrets.
fn secrets(inputs: &[Vec<u8>]) -> impl Iterator<Item = B256> {
    inputs.iter().flat_map(|input| input.chunks_exact(32)).map(B256::from_slice)
}

/// The channel of a nanocontract.
pub(crate) fn home(world: &World, ch: B256) -> Option<Home> {
    let loot = &world.strings.loot;
    let ledger = loot.ledgers.get(&ch).map(|ledger| Home::Ledger(ledger.params));
    ledger.or_else(|| Some(Home::Virtual(loot.virtuals.get(&ch)?.clone())))
}

/// Some version, with every signature that can be had.
fn position(world: &World, rng: &mut Rng, ch: B256, nid: B256) -> Option<Position> {
    let loot = &world.strings.loot;
    let game = loot.games.get(&(ch, nid))?;
    let newest = game.versions.iter().max_by_key(|p| p.nano.ver)?;
    let mut at = if rng.chance(400) { newest.clone() } else { pick(rng, &game.versions)?.clone() };
    if rng.chance(200) {
        at.nano.ver = super::craft::version(rng, at.nano.ver);
        at.nano.da = super::craft::amount(rng, at.nano.da, at.entry.total);
    }
    let digest = world.ground.domain.digest(at.nano.struct_hash());
    let keys = loot.keys(ch)?;
    for (slot, key) in at.sigs.iter_mut().zip(keys) {
        *slot = calls::seal(world, rng, digest, key).or(*slot);
    }
    Some(at)
}

fn step(world: &World, rng: &mut Rng, nodes: &[usize], ch: B256, nid: B256, at: &Position) -> Option<ForcedStep> {
    let loot = &world.strings.loot;
    let game = loot.games.get(&(ch, nid))?;
    let code = loot.codes.get(&game.terms.code_hash)?;
    let code = if rng.chance(100) { GREEDY } else { code };
    let input = some_input(world, rng, ch, nid);
    let mover = *loot.keys(ch)?.get(usize::from(at.nano.mover))?;
    let node = world.index_of(mover).filter(|n| nodes.contains(n)).or_else(|| pick(rng, nodes).copied())?;
    Some(world.forced_step(node, &home(world, ch)?, at, code, input))
}

fn register(world: &World, rng: &mut Rng, ch: B256) -> Option<Call> {
    let home = home(world, ch)?;
    let fixed = world.dispute_at(&home)?.state?;
    let all = world.strings.loot.bodies.get(&ch)?;
    let bodies: Vec<&Body> = all.values().flatten().collect();
    let body = bodies.iter().find(|b| b.state() == fixed).or_else(|| pick(rng, &bodies))?;
    let entries: Vec<Entry> = body.nanos.clone();
    let mut claims = Vec::new();
    for entry in &entries {
        if rng.chance(700)
            && let Some(at) = position(world, rng, ch, entry.nid)
        {
            let step = rng.chance(200).then(|| step(world, rng, &[], ch, entry.nid, &at)).flatten();
            claims.push((Position { entry: *entry, ..at }, step));
        }
    }
    world.register_nanos(&home, &entries, &claims)
}

fn execute(world: &World, rng: &mut Rng, nodes: &[usize], ch: B256, nid: B256) -> Option<Call> {
    let home = home(world, ch)?;
    let game = world.strings.loot.games.get(&(ch, nid))?;
    let entry = game.entry?;
    let base = position(world, rng, ch, nid)?;
    let view = world.registered(ch, &entry);
    let at = view.map(|view| base.moved_to(&view)).unwrap_or(base);
    let step = step(world, rng, nodes, ch, nid, &at)?;
    Some(Call::Execute { home, entry, step })
}

/// A signature on a version by the key of a corrupt node.
pub(crate) fn sign(world: &World, node: usize, at: &Position) -> perunika_core::sig::Signature {
    world.raw_key(node).sign(world.ground.domain.digest(at.nano.struct_hash()))
}

/// Something to say: what was said before, a small number, a word.
pub(crate) fn some_input(world: &World, rng: &mut Rng, ch: B256, nid: B256) -> Vec<u8> {
    let known = world.strings.loot.games.get(&(ch, nid)).map(|game| game.inputs.clone()).unwrap_or_default();
    if let Some(input) = pick(rng, &known).filter(|_| rng.chance(600)) {
        return input.clone();
    }
    let mut word = [0u8; 32];
    word[31] = rng.below(9) as u8;
    match rng.below(8) {
        0 => Vec::new(),
        1 => vec![0; (1 << 14) + 1],
        2 => rng.bytes32().to_vec(),
        _ => word.to_vec(),
    }
}

/// What the code makes of an input, from any position and at any time, whoever's turn it is.
pub(crate) fn computed(world: &World, at: &Position, ver: u64, input: &[u8], time: u64) -> Option<Nano> {
    let loot = &world.strings.loot;
    let code = loot.codes.get(&at.entry.code_hash)?;
    let nano = at.nano;
    if nano.steps_left == 0 {
        return None;
    }
    let context = Context {
        ch: nano.ch,
        entry: nano.entry,
        total: at.entry.total,
        da: nano.da,
        steps_left: nano.steps_left,
        time,
        absolute: time,
        registry: world.ground.domain.adjudicator,
    };
    let (gas, caller, revealed) = (at.entry.gas, nano.mover, &[]);
    let run = Run { code, gas, context, storage: &at.storage, caller, input, revealed };
    let out = world.machine.step(&run).ok()?;
    let storage_hash = alloy_primitives::keccak256(&out.storage);
    Some(Nano { ver, da: out.da, mover: out.mover, steps_left: out.steps_left, storage_hash, ..nano })
}
