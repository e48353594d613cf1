//! Nanocontracts that a corrupt party offers, steps, closes and registers as it should not.

use super::link::garbage;
use super::scene::Scene;
use crate::Position;
use crate::story::ETH;
use alloy_primitives::{B256, U256, hex, keccak256};
use perunika_core::body::{Body, Change};
use perunika_core::chain::{Call, Home};
use perunika_core::io::{Command, Event};
use perunika_core::log::MAX_JUMP;
use perunika_core::message::{LinkOp, Message, NanoTerms};
use perunika_core::nano::INPUT_MAX;
use perunika_core::params::Side;
use perunika_core::sig::RawKey;
use perunika_core::signed::{Close, Eip712, Nano};

/// A step gives everything to the other party, who moves next.
const DIP: &[u8] = &hex!("60805f52 6101243560443502602052 6101243515604052 600160843503606052 60a05ff3");
/// A step gives A everything until the second in the storage, and nothing behind it.
const BEFORE: &[u8] = &hex!("60805f52 6101843560a435111560443502602052 6101243515604052 600160843503606052 60a05ff3");
/// The same as `DIP`, and the storage is 4,096 zeros from then on.
const GROW: &[u8] =
    &hex!("60805f52 6101243560443502602052 6101243515604052 600160843503606052 611000608052 6110a05ff3");
/// The mover takes everything.
const TAKE: &[u8] = &hex!("60805f52 610124351560443502602052 6101243515604052 600160843503606052 60a05ff3");
/// A step gives A what its input says.
const GIVE: &[u8] = &hex!("60805f52 6101c435602052 6101243515604052 600160843503606052 60a05ff3");
/// It asks what the time is.
const CLOCK: &[u8] = &hex!("42 5f5260205ff3");

fn terms(code: &[u8], second: u64) -> NanoTerms {
    let storage = B256::from(U256::from(second)).to_vec();
    NanoTerms { total: ETH, da0: 0, mover0: 0, code_hash: keccak256(code), gas: 30_000, k_max: 6, storage }
}

/// An open nanocontract, with so many honest steps in it, before one party is corrupt.
fn opened(scene: &mut Scene, code: &[u8], second: u64, steps: usize) -> B256 {
    let (ch, terms) = (scene.ch, terms(code, second));
    let nid = scene.world.open_nano(0, 1, ch, &terms, code);
    for step in 0..steps {
        scene.world.make_step(step % 2, ch, nid, vec![1]);
    }
    scene.strike();
    nid
}

fn top(scene: &Scene, nid: B256) -> Option<(Nano, Vec<u8>)> {
    let info = scene.world.nano_of(scene.honest, scene.ch, nid)?;
    Some((info.version?, info.storage))
}

fn sign(scene: &Scene, nano: &Nano) -> perunika_core::sig::Signature {
    scene.world.raw_key(scene.corrupt).sign(scene.world.ground.domain.digest(nano.struct_hash()))
}

/// What `DIP` makes of a position.
fn dipped(nano: &Nano, ver: u64) -> Nano {
    let da = if nano.mover == 0 { 0 } else { ETH };
    let (steps_left, storage_hash) = (nano.steps_left.saturating_sub(1), keccak256([]));
    Nano { ver, da, mover: 1 - nano.mover.min(1), steps_left, storage_hash, ..*nano }
}

fn step(scene: &Scene, nid: B256, nano: &Nano, time: u64, input: Vec<u8>) -> Message {
    Message::NanoStep { ch: scene.ch, nid, ver: nano.ver, input, time, sig: sign(scene, nano) }
}

fn must_not_step(scene: &mut Scene, nid: B256, what: &str, message: Message) {
    let before = top(scene, nid);
    scene.say(message);
    let signed = scene.answers().any(|m| matches!(m, Message::NanoAccept { .. }));
    if signed || top(scene, nid).map(|t| t.0) != before.map(|t| t.0) {
        scene.fault(format!("a step was countersigned: {what}"));
    }
}

/// Steps that are wrong by one thing only, from a position of the corrupt mover.
pub(super) fn wrong_steps(scene: &mut Scene) {
    let before = if scene.corrupt == 0 { 2 } else { 1 };
    let nid = opened(scene, DIP, 0, before);
    let Some((at, _)) = top(scene, nid) else { return scene.fault("there is no nanocontract".into()) };
    let (mine, now) = (scene.side(), scene.world.ground.time());
    let ver = mine.next_version(at.ver);
    let right = dipped(&at, ver);
    let theirs = dipped(&at, mine.other().next_version(at.ver));
    let far = dipped(&at, mine.next_version(at.ver + MAX_JUMP + 1));
    let richer = Nano { da: if scene.corrupt == 0 { ETH } else { 0 }, ..right };
    let wrong = [
        ("under the other's version", theirs, now, vec![1]),
        ("under a version far away", far, now, vec![1]),
        ("with another result", richer, now, vec![1]),
        ("that keeps the turn", Nano { mover: at.mover, ..right }, now, vec![1]),
        ("of the future", right, now + 60, vec![1]),
        ("from before the last one", right, 1, vec![1]),
        ("with an endless input", right, now, vec![1; INPUT_MAX + 1]),
    ];
    for (what, nano, time, input) in wrong {
        let message = step(scene, nid, &nano, time, input);
        must_not_step(scene, nid, what, message);
        if !scene.faults.is_empty() {
            return;
        }
    }
    let message = step(scene, nid, &right, now, vec![1]);
    scene.say(message);
    let taken = top(scene, nid).is_some_and(|t| t.0 == right);
    scene.expect(taken, "a right step was not countersigned");
    // Now it is the other one's turn.
    let again = dipped(&right, mine.next_version(right.ver));
    let message = step(scene, nid, &again, now, vec![1]);
    must_not_step(scene, nid, "at the other's turn", message);
}

/// A storage that grows beyond what the opening was priced with (S28, S47).
pub(super) fn growing(scene: &mut Scene) {
    let nid = opened(scene, GROW, 0, scene.corrupt);
    if scene.corrupt == 1 {
        return;
    }
    let Some((at, _)) = top(scene, nid) else { return scene.fault("there is no nanocontract".into()) };
    let now = scene.world.ground.time();
    let next = Nano { storage_hash: keccak256([0; 4_096]), ..dipped(&at, 2) };
    let message = step(scene, nid, &next, now, vec![1]);
    must_not_step(scene, nid, "a storage that grows", message);
}

/// Late, and dated back.
pub(super) fn dated_back(scene: &mut Scene) {
    let second = scene.world.ground.time() + 30;
    let nid = opened(scene, BEFORE, second, 0);
    let Some((at, _)) = top(scene, nid) else { return scene.fault("there is no nanocontract".into()) };
    scene.world.run_to(second + 12);
    let early = Nano { ver: 2, da: ETH, mover: 1, steps_left: at.steps_left - 1, storage_hash: keccak256([]), ..at };
    let message = step(scene, nid, &early, second - 1, vec![1]);
    must_not_step(scene, nid, "dated back", message);
}

/// The honest one moves, and is not answered, or not truly.
pub(super) fn own_steps(scene: &mut Scene) {
    let nid = opened(scene, DIP, 0, usize::from(scene.honest == 1));
    let Some((at, _)) = top(scene, nid) else { return scene.fault("there is no nanocontract".into()) };
    let (ch, tell) =
        (scene.ch, |input: u8| Command::StepNano { ch: scene.ch, nid, input: vec![input], force_after: None });
    let (first, second, third) = (tell(1), tell(1), tell(3));
    scene.listen();
    scene.command(first);
    let Some(ver) = steps_said(scene).last().map(|s| s.0) else { return scene.fault("no step is made".into()) };
    scene.command(second);
    let many = steps_said(scene).len() > 1;
    scene.expect(!many, "1.4(3): a second step while the first is unanswered");
    scene.say(Message::NanoAccept { ch, nid, ver, sig: garbage() });
    let moved = top(scene, nid).is_some_and(|t| t.0 != at);
    scene.expect(!moved, "a countersignature of nobody moved the nanocontract");
    let close = LinkOp::CloseNano { nid, cur: at.struct_hash() };
    must_not_change(scene, "closed over an own step", &[close]);
    scene.listen();
    scene.world.inject(scene.corrupt, scene.honest, Message::NanoRefuse { ch, nid, ver, reason: "no".into() });
    scene.world.run_for(60);
    scene.command(third);
    scene.world.run_for(4_000);
    let other = steps_said(scene).iter().any(|(_, input)| *input != vec![1]);
    scene.expect(!other, "1.4(4): another step from the same position");
}

/// Steps of the honest one since it is listened to: version and input.
fn steps_said(scene: &Scene) -> Vec<(u64, Vec<u8>)> {
    scene
        .answers()
        .filter_map(|m| if let Message::NanoStep { ver, input, .. } = m { Some((*ver, input.clone())) } else { None })
        .collect()
}

/// A refused step would have another result now: it is not made again.
pub(super) fn another_result(scene: &mut Scene) {
    let second = scene.world.ground.time() + 25;
    let nid = opened(scene, BEFORE, second, 0);
    scene.listen();
    let ch = scene.ch;
    scene.command(Command::StepNano { ch, nid, input: vec![1], force_after: None });
    let Some((ver, _)) = steps_said(scene).pop() else { return scene.fault("no step is made".into()) };
    let before = steps_said(scene).len();
    scene.world.run_to(second + 2);
    scene.world.inject(scene.corrupt, scene.honest, Message::NanoRefuse { ch, nid, ver, reason: "no".into() });
    scene.world.run_for(6_000);
    let versions: std::collections::BTreeSet<u64> = steps_said(scene).iter().map(|s| s.0).collect();
    let _ = before;
    scene.expect(versions.len() < 2, "1.4(4): a step was made again with another result");
}

/// Out of turn.
pub(super) fn out_of_turn(scene: &mut Scene) {
    let nid = opened(scene, DIP, 0, usize::from(scene.honest == 0));
    let ch = scene.ch;
    scene.listen();
    scene.command(Command::StepNano { ch, nid, input: vec![1], force_after: None });
    let said = !steps_said(scene).is_empty();
    scene.expect(!said, "2.3: a step out of turn");
}

/// A level-1 proposal of the corrupt party, signed over what it makes of the honest one's own values.
fn must_not_change(scene: &mut Scene, what: &str, ops: &[LinkOp]) {
    scene.world.digest();
    let cur = scene.cur();
    let ver = scene.side().next_version(cur.ver + 2_000);
    let Some(body) = changed(scene, &cur, ver, ops) else { return scene.fault(format!("{what}: no such change")) };
    let (ch, base, sig) = (scene.ch, cur.hash(), scene.sign(&body));
    let message = Message::Propose { ch, ver, base, ops: ops.to_vec(), sig };
    scene.world.strings.loot.content(body);
    scene.must_refuse(what, ver, message);
}

fn changed(scene: &Scene, cur: &Body, ver: u64, ops: &[LinkOp]) -> Option<Body> {
    let mut close = Vec::new();
    for op in ops {
        if let LinkOp::CloseNano { nid, .. } = op {
            close.push((*nid, top(scene, *nid)?.0.da));
        }
    }
    cur.with(ver, &Change::Entries { remove: Vec::new(), add: Vec::new(), close, open: Vec::new() }).ok()
}

/// Closed at an older version, or at the honest mover's turn (1.4(12)).
pub(super) fn closings(scene: &mut Scene) {
    let steps = usize::from(scene.honest == 1);
    let nid = opened(scene, DIP, 0, steps + 2);
    let Some((at, _)) = top(scene, nid) else { return scene.fault("there is no nanocontract".into()) };
    let old = Nano { ver: at.ver.saturating_sub(2), ..at };
    must_not_change(scene, "1.4(12): closed at the mover's turn", &[LinkOp::CloseNano { nid, cur: at.struct_hash() }]);
    must_not_change(scene, "1.4(12): closed at another version", &[LinkOp::CloseNano { nid, cur: old.struct_hash() }]);
}

/// Closed at an older version, at the corrupt mover's turn.
pub(super) fn closing_at_an_old_version(scene: &mut Scene) {
    let steps = usize::from(scene.honest == 0);
    let nid = opened(scene, DIP, 0, steps + 2);
    let Some((at, _)) = top(scene, nid) else { return scene.fault("there is no nanocontract".into()) };
    let old = Nano { ver: at.ver.saturating_sub(2), ..at };
    must_not_change(scene, "1.4(12): closed at another version", &[LinkOp::CloseNano { nid, cur: old.struct_hash() }]);
}

/// While the honest one closes it, nothing of it moves (S69).
pub(super) fn step_into_the_closing(scene: &mut Scene) {
    let nid = opened(scene, DIP, 0, usize::from(scene.honest == 0));
    let Some((at, _)) = top(scene, nid) else { return scene.fault("there is no nanocontract".into()) };
    let ch = scene.ch;
    scene.command(Command::CloseNano { ch, nid });
    let next = dipped(&at, scene.side().next_version(at.ver));
    let message = step(scene, nid, &next, scene.world.ground.time(), vec![1]);
    must_not_step(scene, nid, "while it is being closed", message);
}

/// Offers of what could not be enforced, or is not worth it (S27, S28, S47, S65).
pub(super) fn offers(scene: &mut Scene) {
    scene.strike();
    let right = terms(DIP, 0);
    let wrong: Vec<(&str, NanoTerms, &[u8])> = vec![
        ("other code than named", NanoTerms { code_hash: B256::repeat_byte(1), ..right.clone() }, DIP),
        ("code that looks at the clock", terms(CLOCK, 0), CLOCK),
        ("no forced steps", NanoTerms { k_max: 0, ..right.clone() }, DIP),
        ("too many forced steps", NanoTerms { k_max: 4_000, ..right.clone() }, DIP),
        ("endless gas", NanoTerms { gas: 9_000_000, total: 90 * ETH, ..right.clone() }, DIP),
        ("gas beyond a transaction", NanoTerms { gas: 20_000_000, total: 90 * ETH, ..right.clone() }, DIP),
        ("no gas", NanoTerms { gas: 0, ..right.clone() }, DIP),
        ("no money", NanoTerms { total: 0, ..right.clone() }, DIP),
        ("more default than money", NanoTerms { da0: 2 * ETH, ..right.clone() }, DIP),
        ("a third mover", NanoTerms { mover0: 2, ..right.clone() }, DIP),
        ("an endless storage", NanoTerms { storage: vec![0; 20_000], total: 50 * ETH, ..right.clone() }, DIP),
        ("less than a dispute costs", NanoTerms { total: 1_000, ..right.clone() }, DIP),
        ("more than there is", NanoTerms { total: 150 * ETH, da0: 0, ..right.clone() }, DIP),
    ];
    for (number, (what, terms, code)) in wrong.into_iter().enumerate() {
        let nid = B256::repeat_byte(number as u8 + 1);
        offer(scene, nid, terms, code);
        if scene.world.nano_of(scene.honest, scene.ch, nid).is_some() {
            return scene.fault(format!("2.7: taken seriously: {what}"));
        }
    }
    let nid = B256::repeat_byte(0x50);
    offer(scene, nid, right, DIP);
    let taken = scene.world.nano_of(scene.honest, scene.ch, nid).is_some();
    scene.expect(taken, "a right offer is refused");
    if taken {
        twice(scene, nid);
    }
}

fn offer(scene: &mut Scene, nid: B256, terms: NanoTerms, code: &[u8]) {
    let until = scene.world.ground.time() + 60;
    scene.say(Message::NanoOffer { ch: scene.ch, nid, terms, code: code.to_vec(), until });
}

/// One name twice in a State; and payments while its opening is unanswered (1.4(3)).
fn twice(scene: &mut Scene, nid: B256) {
    scene.listen();
    let ch = scene.ch;
    scene.command(Command::AnswerNano { ch, nid, refuse: None });
    let opens = |m: &Message| matches!(m, Message::Presign { .. } | Message::Propose { .. });
    scene.world.run_for(1_500);
    let out = scene.answers().any(opens);
    let cur = scene.cur();
    scene.listen();
    scene.pay(ETH, false);
    let paid = scene.answers().any(|m| matches!(m, Message::Item { .. }));
    scene.expect(!(out && paid), "1.4(3): an item was sent while a proposal is unanswered");
    let ver = scene.side().next_version(cur.ver + 40);
    let entry = terms(DIP, 0).entry(nid, ver);
    let mut body = Body { ver, ..cur.clone() };
    body.nanos.extend([entry, entry]);
    let (base, ops, sig) = (cur.hash(), vec![LinkOp::OpenNano { nid }; 2], scene.sign(&body));
    scene.must_refuse("2.3: one name twice in a State", ver, Message::Propose { ch, ver, base, ops, sig });
}

/// A nanocontract is open: no Close is signed, and no item spends what it holds.
pub(super) fn with_a_game(scene: &mut Scene) {
    let nid = opened(scene, DIP, 0, 0);
    let cur = scene.cur();
    if scene.corrupt == 1 {
        // What B has in it by default is not B's to spend.
        let ver = Side::B.next_version(cur.ver);
        let next = Body { ver, def_a: cur.total, ..cur.clone() };
        let (base, sig) = (cur.ver, scene.sign(&next));
        let item = scene.item(&next, base, sig, true);
        scene.must_refuse("1.4(9): an item of what a nanocontract holds", ver, item);
        scene.say(Message::CloseAsk { ch: scene.ch });
        scene.world.run_for(1_000);
    } else {
        let close = Close {
            id: scene.ch,
            dep_a: cur.dep_a,
            dep_b: cur.dep_b,
            out_a: cur.def_a,
            total: cur.total,
            locks: 0,
            entries: perunika_core::tree::empty_entries(),
            receiver_a: scene.channel.a.owner,
            receiver_b: scene.channel.b.owner,
            not_after: scene.world.ground.time() + 500,
        };
        let digest = scene.world.ground.domain.digest(close.struct_hash());
        let sig = scene.world.raw_key(scene.corrupt).sign(digest);
        scene.say(Message::CloseSig { close, sig });
    }
    let signed = scene.answers().any(|m| matches!(m, Message::CloseSig { .. }));
    scene.expect(!signed, "1.4(12): a Close was signed with a nanocontract open");
    let _ = nid;
}

/// Left alone with a nanocontract in which the next move is worth all of it: it is registered and stepped (2.3 NANO, EXEC).
pub(super) fn forced_move(scene: &mut Scene) {
    let nid = opened(scene, DIP, 0, 1 + usize::from(scene.honest == 0));
    let ch = scene.ch;
    let Some((at, _)) = top(scene, nid) else { return scene.fault("there is no nanocontract".into()) };
    scene.command(Command::PrepareNano { ch, nid, inputs: vec![vec![1]] });
    let _ = at;
}

/// The corrupt party registers an old version of a nanocontract as soon as it may (S54).
pub(super) fn old_version(scene: &mut Scene) {
    let (ch, terms) = (scene.ch, terms(DIP, 0));
    let nid = scene.world.open_nano(0, 1, ch, &terms, DIP);
    let mut positions: Vec<Position> = scene.world.position_of(0, ch, nid).into_iter().collect();
    let steps = 2 + usize::from(scene.honest == 1);
    for step in 0..steps {
        scene.world.make_step(step % 2, ch, nid, vec![1]);
        positions.extend(scene.world.position_of(0, ch, nid));
    }
    scene.strike();
    let cur = scene.cur();
    let Some(sigs) = scene.both(&cur) else { return scene.fault("the newest State is not signed by both".into()) };
    let (state, roots) = (cur.state(), cur.roots());
    let called = scene.world.call_as(scene.corrupt, &Call::Register { params: scene.channel, state, roots, sigs });
    scene.expect(called.is_ok(), "the newest State cannot be registered");
    scene.world.run_for(2_500);
    let home = Home::Ledger(scene.channel);
    let Some(dispute) = scene.world.dispute_at(&home) else { return };
    away_for_a_moment(scene, dispute.refute_end);
    scene.world.run_to(dispute.refute_end + 1);
    // The version that is worst for the honest one.
    let worst =
        positions.iter().take(steps).max_by_key(|p| if scene.corrupt == 0 { p.nano.da } else { ETH - p.nano.da });
    let Some(worst) = worst.cloned() else { return };
    let entry = worst.entry;
    let call = scene.world.register_nanos(&home, &[entry], &[(worst, None)]);
    let sent = call.is_some_and(|call| scene.world.call_as(scene.corrupt, &call).is_ok());
    scene.expect(sent, "an old version cannot be registered");
    scene.world.run_for(30_000);
    let told = scene.world.nodes[scene.honest].events.iter().any(|e| matches!(e, Event::Dispute { .. }));
    scene.expect(told, "the dispute is not told of");
}

/// An input for the honest mover's next step that gives less than the one before it (1.4(10)).
pub(super) fn handed_less(scene: &mut Scene) {
    let nid = opened_for(scene, GIVE);
    let ch = scene.ch;
    let to_honest = |amount: u128| {
        let da = if scene.honest == 0 { amount } else { ETH - amount };
        B256::from(U256::from(da)).to_vec()
    };
    let (much, less) = (to_honest(ETH), to_honest(ETH / 4));
    scene.say(Message::NanoHand { ch, nid, count: 1, input: much });
    let taken = |scene: &Scene, count: u64| {
        scene.answers().any(|m| matches!(m, Message::NanoTaken { count: c, .. } if *c == count))
    };
    let first = taken(scene, 1);
    scene.expect(first, "a right input is not taken");
    scene.say(Message::NanoHand { ch, nid, count: 2, input: less });
    let second = taken(scene, 2);
    scene.expect(!second, "1.4(10): an input that gives less was taken");
}

/// Open, and the honest one moves.
fn opened_for(scene: &mut Scene, code: &[u8]) -> B256 {
    let terms = NanoTerms { mover0: scene.honest as u8, ..terms(code, 0) };
    let nid = scene.world.open_nano(0, 1, scene.ch, &terms, code);
    scene.strike();
    nid
}

/// What the far end probes need of it.
pub(super) fn a_game(within_total: u128) -> (NanoTerms, &'static [u8]) {
    (NanoTerms { total: within_total, ..terms(DIP, 0) }, DIP)
}

/// The honest node is down when nanocontracts may first be registered.
fn away_for_a_moment(scene: &mut Scene, refute_end: u64) {
    scene.world.run_to(refute_end - 1);
    scene.world.nodes[scene.honest].down_ms = 5_000;
    scene.world.crash(scene.honest);
}

/// The corrupt party registers the newest version, which is better for it as long as nobody moves: the honest mover does.
pub(super) fn registered_by_the_other(scene: &mut Scene) {
    let ch = scene.ch;
    let nid = opened(scene, TAKE, 0, 2 + usize::from(scene.honest == 1));
    scene.command(Command::PrepareNano { ch, nid, inputs: vec![vec![1]] });
    let cur = scene.cur();
    let (Some(sigs), Some(at)) = (scene.both(&cur), scene.world.position_of(scene.honest, ch, nid)) else {
        return scene.fault("the newest State is not signed by both".into());
    };
    let (state, roots) = (cur.state(), cur.roots());
    let called = scene.world.call_as(scene.corrupt, &Call::Register { params: scene.channel, state, roots, sigs });
    scene.expect(called.is_ok(), "the newest State cannot be registered");
    scene.world.run_for(2_500);
    let home = Home::Ledger(scene.channel);
    let Some(dispute) = scene.world.dispute_at(&home) else { return };
    away_for_a_moment(scene, dispute.refute_end);
    scene.world.run_to(dispute.refute_end + 1);
    let entry = at.entry;
    let call = scene.world.register_nanos(&home, &[entry], &[(at, None)]);
    let sent = call.is_some_and(|call| scene.world.call_as(scene.corrupt, &call).is_ok());
    scene.expect(sent, "the newest version cannot be registered");
    scene.world.run_for(60_000);
    let forced = |e: &Event| matches!(e, Event::NanoStepped { forced: true, .. });
    let moved = scene.world.nodes[scene.honest].events.iter().any(forced);
    scene.expect(moved, "2.3: a forced move that is worth everything was not made");
}
