//! What both sides of a ledger channel may do next.

use super::duel::Duel;
use super::engine::{Engine, State, UNIT};
use super::mind::{Key, MindId, Stimulus};
use super::model::Content;
use alloy_primitives::{Address, B256, keccak256};
use perunika_apps::App;
use perunika_core::body::{Body, Change};
use perunika_core::chain::{Call, DisputeView, ForcedStep, Home, NanoClaim, Phase};
use perunika_core::info::{NanoInfo, NanoStage};
use perunika_core::io::Command;
use perunika_core::log::{OwnKind, UpdateLog};
use perunika_core::message::{LinkOp, Message};
use perunika_core::nano::{Context, Evaluator as _, Run};
use perunika_core::params::{Side, code_address};
use perunika_core::sig::{RawKey as _, Signature};
use perunika_core::signed::{Close, Eip712, Entry, Nano};
use perunika_core::tree;
use perunika_nano::Machine;

/// Name of the nanocontract that the corrupt party offers.
pub(crate) const FOREIGN: B256 = B256::repeat_byte(0xf0);

/// Everything that the corrupt party may send.
pub(crate) fn messages(duel: &Duel, engine: &Engine, state: &State) -> Vec<Message> {
    use perunika_core::info::LedgerStage;
    let participant = engine.participant(state);
    let Some(log) = participant.update_log(duel.ch) else { return Vec::new() };
    let stage = participant.ledger(duel.ch).map(|ledger| ledger.stage);
    if stage.is_none_or(|stage| stage == LedgerStage::Closed) {
        return Vec::new();
    }
    let nanos = participant.nanos(duel.ch);
    let mut all = Vec::new();
    items(duel, log, &mut all);
    answers(duel, log, &mut all);
    entries(duel, log, &nanos, &mut all);
    closing(duel, engine, state, log, &mut all);
    if duel.bounds.nanos > 0 {
        steps(duel, engine, state, &nanos, &mut all);
    }
    if stage == Some(LedgerStage::Disputed) {
        // All of them are handled behind the same doors then: one of each kind tries them.
        let mut kinds = Vec::new();
        all.retain(|message| {
            let kind = std::mem::discriminant(message);
            let first = !kinds.contains(&kind);
            kinds.push(kind);
            first || matches!(message, Message::Accept { .. } | Message::NanoAccept { .. })
        });
    }
    all
}

/// Versions that the corrupt party may give: the next one, one beyond it, and one that is used up.
fn versions(duel: &Duel, log: &UpdateLog) -> Vec<u64> {
    let me = duel.bounds.honest.other();
    let above = me.next_version(log.my_high().max(log.peer_high()).max(log.cur().body.ver));
    let all = [above, above + 2, above.saturating_sub(2)];
    all.into_iter().filter(|ver| (1..=duel.newest).contains(ver)).collect()
}

fn items(duel: &Duel, log: &UpdateLog, all: &mut Vec<Message>) {
    let cur = &log.cur().body;
    let toward = |amount: i128| {
        let def_a = cur.def_a as i128 + if duel.bounds.honest == Side::A { amount } else { -amount };
        u128::try_from(def_a).ok().filter(|def_a| *def_a <= cur.total)
    };
    let mut bases: Vec<u64> = vec![cur.ver];
    bases.extend(log.own().iter().map(|own| own.body.ver));
    for ver in versions(duel, log) {
        // A payment of 1, with and without a wish for a countersignature; one of 2; and a theft.
        for (amount, cosign) in [(1, false), (1, true), (2, false), (-1, true)] {
            let Some(next) = toward(amount).and_then(|def_a| cur.with(ver, &Change::Split(def_a)).ok()) else {
                continue;
            };
            let sig = duel.sign_body(&next);
            for base in &bases {
                let (ch, def_a) = (duel.ch, next.def_a);
                all.push(Message::Item { ch, ver, base: *base, def_a, sig, cosign, note: None });
            }
        }
    }
}

fn answers(duel: &Duel, log: &UpdateLog, all: &mut Vec<Message>) {
    let ch = duel.ch;
    for own in log.own() {
        let ver = own.body.ver;
        all.push(Message::Accept { ch, ver, sig: duel.sign_body(&own.body) });
        let subjects: Vec<B256> = match &own.kind {
            OwnKind::Item { .. } => {
                all.push(Message::Ack { ch, ver });
                continue;
            }
            OwnKind::Presign(op) => vec![op.subject()],
            OwnKind::Propose { ops, .. } => ops.iter().map(LinkOp::subject).collect(),
            OwnKind::Start => continue,
        };
        all.push(Message::Refuse { ch, ver, refused: subjects, reason: String::new() });
    }
}

/// Proposals and pre-signatures that open and close nanocontracts, and empty ones that void what is outstanding.
fn entries(duel: &Duel, log: &UpdateLog, nanos: &[NanoInfo], all: &mut Vec<Message>) {
    let ch = duel.ch;
    let cur = &log.cur().body;
    let mut ops: Vec<LinkOp> = Vec::new();
    for nano in nanos {
        let stands = cur.nano(nano.nid).is_some();
        match nano.version.filter(|_| stands) {
            Some(version) => ops.push(LinkOp::CloseNano { nid: nano.nid, cur: version.struct_hash() }),
            None if !stands => ops.push(LinkOp::OpenNano { nid: nano.nid }),
            None => {}
        }
    }
    let mut lists: Vec<Vec<LinkOp>> = vec![Vec::new()];
    lists.extend(ops.iter().map(|op| vec![*op]));
    if ops.len() > 1 {
        lists.push(ops.clone());
    }
    let mut bases = vec![cur.hash()];
    bases.extend(log.own().iter().map(|own| own.body.hash()));
    for ver in versions(duel, log) {
        for list in &lists {
            let Some(next) = derive(cur, ver, list, nanos) else { continue };
            let sig = duel.sign_body(&next);
            let proposals = bases.iter().map(|base| Message::Propose { ch, ver, base: *base, ops: list.clone(), sig });
            all.extend(proposals);
        }
    }
    let ver = log.presign_version(Side::A);
    for op in ops.into_iter().filter(|_| ver <= duel.newest) {
        let Some(next) = derive(cur, ver, &[op], nanos) else { continue };
        all.push(Message::Presign { ch, ver, op, sig: duel.sign_body(&next) });
    }
}

fn derive(cur: &Body, ver: u64, ops: &[LinkOp], nanos: &[NanoInfo]) -> Option<Body> {
    let (mut close, mut open) = (Vec::new(), Vec::new());
    for op in ops {
        let nano = nanos.iter().find(|nano| nano.nid == op.subject())?;
        match op {
            LinkOp::OpenNano { nid } => open.push(nano.terms.entry(*nid, ver)),
            LinkOp::CloseNano { nid, .. } => close.push((*nid, nano.version?.da)),
            _ => {}
        }
    }
    cur.with(ver, &Change::Entries { remove: Vec::new(), add: Vec::new(), close, open }).ok()
}

fn closing(duel: &Duel, engine: &Engine, state: &State, log: &UpdateLog, all: &mut Vec<Message>) {
    all.push(Message::CloseAsk { ch: duel.ch });
    let cur = &log.cur().body;
    let (a, b) = (duel.params.a.owner, duel.params.b.owner);
    let fair = Close {
        id: duel.ch,
        dep_a: cur.dep_a,
        dep_b: cur.dep_b,
        out_a: cur.def_a,
        total: cur.total,
        locks: 0,
        entries: tree::empty_entries(),
        receiver_a: a,
        receiver_b: b,
        not_after: duel.now(state) + 2 * UNIT,
    };
    let greedy = if duel.bounds.honest == Side::A { cur.def_a.saturating_sub(1) } else { cur.def_a + 1 };
    let mut closes = vec![fair, Close { out_a: greedy, ..fair }];
    let signed = engine.known(state).filter_map(|content| match content {
        Content::Close(close) => Some(*close),
        _ => None,
    });
    closes.extend(signed.filter(|close| *close != fair).collect::<Vec<_>>());
    all.extend(closes.into_iter().map(|close| Message::CloseSig { close, sig: duel.sign(close.struct_hash()) }));
}

/// What concerns single nanocontracts.
fn steps(duel: &Duel, engine: &Engine, state: &State, nanos: &[NanoInfo], all: &mut Vec<Message>) {
    let ch = duel.ch;
    let until = duel.now(state) + UNIT;
    if duel.bounds.nanos > 1 && !nanos.iter().any(|nano| nano.nid == FOREIGN) {
        let (terms, code) = (duel.terms(false), App::HashChain.code().to_vec());
        all.push(Message::NanoOffer { ch, nid: FOREIGN, terms, code, until });
    }
    for nano in nanos {
        let nid = nano.nid;
        if nano.stage == NanoStage::Proposed {
            all.push(Message::NanoAgree { ch, nid });
            all.push(Message::NanoDecline { ch, nid, reason: String::new() });
        }
        let (Some(entry), Some(version)) = (nano.entry, nano.version) else { continue };
        let mover = usize::from(version.mover);
        if nid == FOREIGN {
            let inputs = (1..=2u32).filter_map(|index| duel.payers[1].pay(index).map(|input| (index, input)));
            let hands = inputs.map(|(count, input)| Message::NanoHand { ch, nid, count: count.into(), input });
            all.extend(hands);
        } else {
            all.extend((1..=2).map(|count| Message::NanoTaken { ch, nid, count }));
        }
        if mover == duel.bounds.honest.other().index() {
            for input in inputs(engine, state, &entry) {
                let ver = duel.bounds.honest.other().next_version(version.ver);
                let time = duel.now(state);
                let Some((next, _)) = outcome(duel, &entry, &version, &nano.storage, &input, time, ver) else {
                    continue;
                };
                all.push(Message::NanoStep { ch, nid, ver, input, time, sig: duel.sign(next.struct_hash()) });
            }
        }
        for content in engine.known(state) {
            if let Content::Nano(of, signed, _) = content
                && *of == entry
                && signed.ver > version.ver
            {
                let (ver, sig) = (signed.ver, duel.sign(signed.struct_hash()));
                all.push(Message::NanoAccept { ch, nid, ver, sig });
                all.push(Message::NanoRefuse { ch, nid, ver, reason: String::new() });
            }
        }
    }
}

/// What the corrupt party can say in its own steps of a nanocontract.
fn inputs(engine: &Engine, state: &State, entry: &Entry) -> Vec<Vec<u8>> {
    let of = |content: &Content| match content {
        Content::Input(of, input) if of == entry => Some(input.clone()),
        _ => None,
    };
    engine.known(state).filter_map(of).collect()
}

/// What a step results in by the rules.
fn outcome(
    duel: &Duel,
    entry: &Entry,
    from: &Nano,
    storage: &[u8],
    input: &[u8],
    time: u64,
    ver: u64,
) -> Option<(Nano, Vec<u8>)> {
    let context = Context {
        ch: duel.ch,
        entry: from.entry,
        total: entry.total,
        da: from.da,
        steps_left: from.steps_left,
        time,
        absolute: time,
        registry: duel.domain.adjudicator,
    };
    let (code, gas, caller) = (App::HashChain.code(), entry.gas, from.mover);
    let run = Run { code, gas, context, storage, caller, input, revealed: &[] };
    let done = Machine::new().step(&run).ok()?;
    let storage_hash = keccak256(&done.storage);
    let (da, mover, steps_left) = (done.da, done.mover, done.steps_left);
    Some((Nano { ver, da, mover, steps_left, storage_hash, ..*from }, done.storage))
}

/// What the honest application may order, each once.
pub(crate) fn commands(duel: &Duel, engine: &Engine, state: &State) -> Vec<(u32, Command)> {
    let participant = engine.participant(state);
    let Some(log) = participant.update_log(duel.ch) else { return Vec::new() };
    let ch = duel.ch;
    let pay = |amount, cosign| Command::Pay { ch, amount, cosign, reference: Vec::new() };
    let mut all = Vec::new();
    let room = log.next_version(duel.bounds.honest) <= duel.newest;
    if room {
        all.extend([(0, pay(1, false)), (1, pay(2, true))]);
    }
    all.push((2, Command::CloseChannel { ch, force: false }));
    all.push((3, Command::CloseChannel { ch, force: true }));
    if duel.bounds.nanos > 0 {
        let (terms, code) = (duel.terms(true), App::HashChain.code().to_vec());
        if room {
            all.push((4, Command::OpenNano { ch, terms, code, within: Some(UNIT) }));
        }
        for nano in participant.nanos(ch) {
            nano_commands(duel, &nano, room, &mut all);
        }
    }
    all.retain(|(bit, _)| state.used >> bit & 1 == 0);
    all
}

fn nano_commands(duel: &Duel, nano: &NanoInfo, room: bool, all: &mut Vec<(u32, Command)>) {
    let (ch, nid) = (duel.ch, nano.nid);
    let foreign = nid == FOREIGN;
    if nano.stage == NanoStage::Offered && room {
        all.push((5, Command::AnswerNano { ch, nid, refuse: None }));
    }
    if nano.entry.is_none() {
        return;
    }
    if foreign {
        let input = duel.payers[1].pay(1).unwrap_or_default();
        all.push((6, Command::StepNano { ch, nid, input, force_after: None }));
    } else {
        all.push((7, Command::HandNano { ch, nid, input: duel.payers[0].pay(1).unwrap_or_default() }));
    }
    all.push((if foreign { 8 } else { 9 }, Command::CloseNano { ch, nid }));
}

/// What the corrupt account can call.
pub(crate) fn calls(duel: &Duel, engine: &mut Engine, state: &State) -> Vec<Call> {
    let view = engine.chain.ledger(state.chain, &duel.params);
    if view.phase != Phase::Open || view.nonce != 0 {
        return Vec::new();
    }
    let params = duel.params;
    let known: Vec<Content> = engine.known(state).cloned().collect();
    let mut all = Vec::new();
    let genesis = Body { dep_a: 0, dep_b: 0, total: 0, def_a: 0, ..Body::ledger_genesis(duel.ch, 0, 0) };
    let bodies = known.iter().filter_map(|content| match content {
        Content::State(body) if body.ver > 0 => Some(body),
        _ => None,
    });
    for body in bodies.clone() {
        let (state, roots, sigs) = (body.state(), body.roots(), both(duel, body.digest(&duel.domain)));
        all.push(match view.dispute {
            None => Call::Register { params, state, roots, sigs },
            Some(_) => Call::Refute { params, state, roots, sigs },
        });
    }
    for content in &known {
        if let Content::Close(close) = content {
            let sigs = both(duel, duel.domain.digest(close.struct_hash()));
            all.push(Call::Close { params, close: *close, lock_root: B256::ZERO, sigs });
        }
    }
    let Some(dispute) = view.dispute else {
        let (state, roots) = (genesis.state(), genesis.roots());
        all.push(Call::Register { params, state, roots, sigs: [None, None] });
        return all;
    };
    if let Some(fixed) = dispute.state {
        all.push(Call::Conclude { params, state: fixed, roots: dispute.roots, mix: dispute.mix });
    }
    let fixed =
        bodies.into_iter().find(|body| body.nano_root() == dispute.roots.nanos && !body.nanos.is_empty()).cloned();
    if let Some(fixed) = fixed.filter(|_| dispute.nanos) {
        nano_calls(duel, engine, state, &dispute, &fixed, &known, &mut all);
    }
    all
}

fn both(duel: &Duel, digest: B256) -> [Option<Signature>; 2] {
    let mut sigs = [Some(duel.corrupt.sign(digest)); 2];
    sigs[duel.bounds.honest.index()] = Some(duel.honest.sign(digest));
    sigs
}

/// Registers, refutes and steps with everything that is known.
fn nano_calls(
    duel: &Duel,
    engine: &mut Engine,
    state: &State,
    dispute: &DisputeView,
    fixed: &Body,
    known: &[Content],
    all: &mut Vec<Call>,
) {
    let Some(registered) = dispute.state else { return };
    let home = || Home::Ledger(duel.params);
    for (index, entry) in fixed.nanos.iter().enumerate() {
        let storage0 = [true, false].map(|own| duel.terms(own).storage);
        let Some(storage0) = storage0.into_iter().find(|storage| keccak256(storage) == entry.storage0) else {
            continue;
        };
        let mut versions = vec![(entry.genesis(duel.ch), storage0)];
        versions.extend(known.iter().filter_map(|content| match content {
            Content::Nano(of, nano, storage) if of == entry => Some((*nano, storage.clone())),
            _ => None,
        }));
        let says = inputs(engine, state, entry);
        for (nano, storage) in &versions {
            let sigs = if nano.ver == 0 { [None, None] } else { both(duel, duel.domain.digest(nano.struct_hash())) };
            let steps = std::iter::once(None).chain(says.iter().map(|input| Some(forced(duel, storage, input))));
            for step in steps {
                let proof = tree::proof(&fixed.nanos, index).unwrap_or_default();
                let claim = NanoClaim { entry: *entry, index, proof, version: *nano, sigs, step };
                let claims = vec![claim.clone()];
                let (roots, mix) = (dispute.roots, dispute.mix);
                all.push(Call::RegisterNanos { home: home(), state: registered, roots, mix, claims });
                let claims = vec![NanoClaim { proof: Vec::new(), ..claim }];
                all.push(Call::RefuteNanos { home: home(), claims });
            }
        }
        let Some(view) = engine.chain.nano(state.chain, duel.ch, entry.struct_hash()) else { continue };
        let stored =
            view.storage.or_else(|| versions.into_iter().map(|v| v.1).find(|s| keccak256(s) == view.storage_hash));
        let Some(storage) = stored else { continue };
        all.extend(says.iter().map(|input| {
            let step = forced(duel, &storage, input);
            Call::Execute { home: home(), entry: *entry, step }
        }));
    }
}

fn forced(duel: &Duel, storage: &[u8], input: &[u8]) -> ForcedStep {
    let code = code_address(&duel.domain, App::HashChain.code());
    ForcedStep { code, storage: storage.to_vec(), input: input.to_vec(), auth: None }
}

/// What these messages of the honest party give away.
pub(crate) fn learn(
    duel: &Duel,
    engine: &Engine,
    (before, after): (MindId, MindId),
    stimulus: &Stimulus,
    messages: &[(Address, Message)],
) -> Result<Vec<Content>, String> {
    let mut new: Vec<Content> = Vec::new();
    for (_, message) in messages {
        match message {
            Message::Item { ver, sig, .. }
            | Message::Accept { ver, sig, .. }
            | Message::Presign { ver, sig, .. }
            | Message::Propose { ver, sig, .. } => {
                new.extend(signed_state(&duel.honest, duel.ch, engine, (before, after), *ver, sig)?);
            }
            Message::CloseSig { close, .. } => new.push(Content::Close(*close)),
            Message::NanoStep { nid, ver, sig, input, time, .. } => {
                let own = Said { nid: *nid, ver: *ver, input, time: *time };
                new.extend(own_step(duel, engine, (before, after), &own, sig)?);
            }
            Message::NanoAccept { nid, ver, .. } => {
                let minds = [engine.minds.get(after), engine.minds.get(before)];
                let found = minds.into_iter().filter_map(|p| p.nano(duel.ch, *nid)).find_map(|nano| {
                    let version = nano.version.filter(|version| version.ver == *ver)?;
                    Some(Content::Nano(nano.entry?, version, nano.storage))
                });
                new.extend(found);
            }
            Message::NanoHand { nid, input, .. } => {
                let entry = engine.minds.get(after).nano(duel.ch, *nid).and_then(|nano| nano.entry);
                new.extend(entry.map(|entry| Content::Input(entry, input.clone())));
            }
            Message::NanoTaken { nid, count, .. } if before != after => {
                if let Stimulus::Message(_, Message::NanoHand { count: handed, input, .. }) = stimulus
                    && handed == count
                {
                    let entry = engine.minds.get(after).nano(duel.ch, *nid).and_then(|nano| nano.entry);
                    new.extend(entry.map(|entry| Content::Input(entry, input.clone())));
                }
            }
            _ => {}
        }
    }
    Ok(new)
}

struct Said<'a> {
    nid: B256,
    ver: u64,
    input: &'a [u8],
    time: u64,
}

/// The step that the honest party signed, computed once more.
fn own_step(
    duel: &Duel,
    engine: &Engine,
    (before, after): (MindId, MindId),
    said: &Said<'_>,
    sig: &Signature,
) -> Result<Vec<Content>, String> {
    for mind in [after, before] {
        let Some(nano) = engine.minds.get(mind).nano(duel.ch, said.nid) else { continue };
        let (Some(entry), Some(version)) = (nano.entry, nano.version) else { continue };
        let next = outcome(duel, &entry, &version, &nano.storage, said.input, said.time, said.ver);
        if let Some((next, storage)) = next
            && duel.honest.sign(duel.domain.digest(next.struct_hash())) == *sig
        {
            return Ok(vec![Content::Nano(entry, next, storage), Content::Input(entry, said.input.to_vec())]);
        }
    }
    // A repetition: what it starts from has moved on.
    let known = engine.contents.iter().any(|content| {
        matches!(content, Content::Nano(_, nano, _) if duel.honest.sign(duel.domain.digest(nano.struct_hash())) == *sig)
    });
    if known { Ok(Vec::new()) } else { Err("a step was signed that the rules do not give (P9)".into()) }
}

/// Which State a signature is on; it is new, or was signed before.
pub(crate) fn signed_state(
    honest: &Key,
    ch: B256,
    engine: &Engine,
    (before, after): (MindId, MindId),
    ver: u64,
    sig: &Signature,
) -> Result<Option<Content>, String> {
    let fits = |body: &Body| body.ver == ver && honest.sign(body.digest(&engine.chain.domain)) == *sig;
    for mind in [after, before] {
        let Some(log) = engine.minds.get(mind).update_log(ch) else { continue };
        let own = log.own().iter().map(|own| &own.body);
        let found = [&log.top().body, &log.cur().body].into_iter().chain(own).find(|body| fits(body));
        if let Some(body) = found {
            return Ok(Some(Content::State(body.clone())));
        }
    }
    let known = engine.contents.iter().any(|content| matches!(content, Content::State(body) if fits(body)));
    if known { Ok(None) } else { Err(format!("a signature on an unknown version {ver}")) }
}

/// P7: one content for one version, and never a new one below another.
pub(crate) fn signs_once<'a>(ch: B256, old: impl Iterator<Item = &'a Content>, new: &[Content]) -> Result<(), String> {
    let old: Vec<&Content> = old.collect();
    for content in new {
        if old.contains(&content) {
            continue;
        }
        for known in &old {
            let (one, two) = match (*known, content) {
                (Content::State(old), Content::State(new)) if old.ch == new.ch => (old.ver, new.ver),
                (Content::Nano(entry, old, _), Content::Nano(of, new, _)) if entry == of => (old.ver, new.ver),
                _ => continue,
            };
            if two <= one {
                return Err(format!("channel {ch}: version {two} was signed after version {one} (P7)"));
            }
        }
    }
    Ok(())
}
