//! Two nodes never have the same clock, and a step may hang on the time.

use crate::codes::{BEFORE, STAMP, terms};
use crate::games::Table;
use alloy_primitives::{B256, U256, keccak256};
use perunika_apps::{App, hash_lock, tic_tac_toe};
use perunika_core::io::{Fault, Reply};
use perunika_core::message::Message;
use perunika_core::params::Side;
use perunika_core::sig::{RawKey, Signature};
use perunika_core::signed::{Eip712, Nano};
use perunika_sim::{ETH, START, Tap, World};
use std::cell::Cell;
use std::rc::Rc;

/// What a node sent.
fn sent(world: &World, node: usize) -> impl Iterator<Item = &Message> {
    world.taps.iter().filter_map(move |(_, tap)| match tap {
        Tap::Sent { from, message } if *from == node => Some(message),
        _ => None,
    })
}

/// The steps that a node signed, by version.
fn steps(world: &World, node: usize) -> Vec<(u64, Message)> {
    let step = |message: &Message| match message {
        Message::NanoStep { ver, .. } => Some((*ver, message.clone())),
        _ => None,
    };
    let mut all: Vec<(u64, Message)> = sent(world, node).filter_map(step).collect();
    all.dedup_by_key(|(ver, _)| *ver);
    all
}

/// Why a node refused steps.
fn refusals(world: &World, node: usize) -> Vec<String> {
    let reason = |message: &Message| match message {
        Message::NanoRefuse { reason, .. } => Some(reason.clone()),
        _ => None,
    };
    sent(world, node).filter_map(reason).collect()
}

fn version(world: &World, node: usize, ch: B256, nid: B256) -> u64 {
    world.nano_of(node, ch, nid).and_then(|n| n.version).expect("it is open").ver
}

/// Steps do not get through to the peer.
fn hold_steps(world: &mut World) {
    world.filter = Some(Box::new(|_, _, _, message| !matches!(message, Message::NanoStep { .. })));
}

/// One node sees the chain four seconds later than the other: the first step counts at once, whoever makes it.
#[test]
fn clocks_that_differ_at_the_opening_do_not_spoil_the_first_step() {
    for late in [0, 1] {
        for (mover, first) in [(0, Side::A), (1, Side::B)] {
            let mut table = Table::ledger(300);
            let (ch, world) = (table.ch, table.world());
            world.nodes[late].lag = 4;
            world.run_for(12_000);
            let terms = tic_tac_toe::terms(ETH, ETH, first).expect("stakes");
            let nid = world.open_nano(0, 1, ch, &terms, App::TicTacToe.code());
            world.make_step(mover, ch, nid, tic_tac_toe::place(4));
            assert_eq!(refusals(world, 1 - mover), Vec::<String>::new(), "node {late} is late, node {mover} moves");
            world.make_step(1 - mover, ch, nid, tic_tac_toe::place(0));
            world.finish();
        }
    }
}

/// The peer gets the step ten seconds later, when it is another one because it keeps the time. It is refused, made again with the time of then, and
/// counts.
#[test]
fn a_step_that_hangs_on_the_time_is_made_again_by_itself() {
    let mut table = Table::ledger(301);
    let (ch, world) = (table.ch, table.world());
    let nid = world.open_nano(0, 1, ch, &terms(STAMP, 0), STAMP);
    world.run_to(START + 38);
    hold_steps(world);
    let tag = world.step_nano(0, ch, nid, Vec::new());
    world.run_for(10_000);
    world.filter = None;
    world.wait_reply(0, tag);
    let [first, second] = &steps(world, 0)[..] else { panic!("{:?}", steps(world, 0)) };
    assert!(second.0 > first.0, "a higher version");
    assert!(matches!(world.reply(0, tag), Some(Reply::Stepped { ver, .. }) if *ver == second.0));
    assert_eq!(refusals(world, 1).len(), 1, "{:?}", refusals(world, 1));
    let both = [0, 1].map(|n| world.nano_of(n, ch, nid).expect("open"));
    assert_eq!((both[0].version, &both[0].storage), (both[1].version, &both[1].storage));
    world.make_step(1, ch, nid, Vec::new());
    world.finish();
}

/// The peer says no until the step would give its mover less: nothing worse is signed beside what was in time.
#[test]
fn a_step_is_not_made_again_once_it_has_become_worse() {
    let mut table = Table::ledger(302);
    let (ch, world) = (table.ch, table.world());
    let nid = world.open_nano(0, 1, ch, &terms(BEFORE, START + 40), BEFORE);
    world.run_to(START + 38);
    hold_steps(world);
    let tag = world.step_nano(0, ch, nid, Vec::new());
    world.run_for(10_000);
    world.filter = None;
    world.wait_reply(0, tag);
    assert_eq!(steps(world, 0).len(), 1, "{:?}", steps(world, 0));
    assert!(matches!(world.reply(0, tag), Some(Reply::Unknown { .. })), "{:?}", world.reply(0, tag));
    assert_eq!(world.nano_of(1, ch, nid).expect("open").version.map(|v| v.ver), Some(0), "not countersigned");
}

/// The same step is out under two versions. The peer takes the older one and steps from it before it sees the newer one: nobody's version rolls back,
/// the peer's step is not lost, and this node never says anything else at this position.
#[test]
fn a_step_out_under_two_versions_counts_once() {
    let mut table = Table::ledger(302);
    let (ch, world) = (table.ch, table.world());
    let board = tic_tac_toe::terms(ETH, ETH, Side::A).expect("stakes");
    let nid = world.open_nano(0, 1, ch, &board, App::TicTacToe.code());
    hold_steps(world);
    let tag = world.step_nano(0, ch, nid, tic_tac_toe::place(4));
    world.run_for(200);
    let (old, step) = steps(world, 0).remove(0);
    world.inject(1, 0, Message::NanoRefuse { ch, nid, ver: old, reason: "not now".into() });
    world.run_for(50);
    let other = world.step_nano(0, ch, nid, tic_tac_toe::place(5));
    assert!(matches!(world.reply(0, other), Some(Reply::Refused(Fault::Caller(_)))), "{:?}", world.reply(0, other));
    assert!(world.run_until(20_000, |w| steps(w, 0).len() == 2), "made again");
    let new = steps(world, 0)[1].0;
    let open = Rc::new(Cell::new(false));
    let all = open.clone();
    world.filter =
        Some(Box::new(move |_, _, _, m| all.get() || !matches!(m, Message::NanoStep { ver, .. } if *ver == new)));
    world.inject(0, 1, step);
    world.wait_reply(0, tag);
    assert_eq!([0, 1].map(|n| version(world, n, ch, nid)), [old, old]);
    let answer = world.step_nano(1, ch, nid, tic_tac_toe::place(0));
    world.run_for(1_000);
    assert_eq!(
        version(world, 0, ch, nid),
        old,
        "the newer version could still be used against a step on the older one"
    );
    open.set(true);
    let highest = Cell::new([old, old]);
    let done = world.run_until(20_000, |w| {
        let now = [0, 1].map(|n| version(w, n, ch, nid));
        assert!(now[0] >= highest.get()[0] && now[1] >= highest.get()[1], "rolled back: {now:?}");
        highest.set(now);
        w.reply(1, answer).is_some()
    });
    assert!(done, "the answer counts: {:?}", world.nanos_of(1, ch));
    assert!(matches!(world.reply(1, answer), Some(Reply::Stepped { ver, .. }) if *ver > new));
    world.run_for(500);
    assert_eq!(version(world, 0, ch, nid), version(world, 1, ch, nid));
    world.make_step(0, ch, nid, tic_tac_toe::place(8));
    world.finish();
}

/// A corrupt peer has two versions of a step that keep different times. It signs the older one and steps from it: not signed as long as the newer one
/// is out. It signs the newer one: that counts, and the older one never again.
#[test]
fn two_versions_with_different_times_never_roll_back() {
    let mut table = Table::ledger(303);
    let (ch, world) = (table.ch, table.world());
    let nid = world.open_nano(0, 1, ch, &terms(STAMP, 0), STAMP);
    let at = world.position_of(0, ch, nid).expect("open").nano;
    world.corrupt(1);
    world.step_nano(0, ch, nid, Vec::new());
    world.run_for(200);
    let old = steps(world, 0)[0].0;
    world.inject(1, 0, Message::NanoRefuse { ch, nid, ver: old, reason: "not now".into() });
    assert!(world.run_until(20_000, |w| steps(w, 0).len() == 2), "made again");
    let [one, two] = [0, 1].map(|n| steps(world, 0)[n].1.clone()).map(|message| match message {
        Message::NanoStep { ver, time, .. } => stamped(at, ver, time),
        _ => unreachable!(),
    });
    let accept = |world: &mut World, nano: &Nano| {
        let sig = sign(world, 1, nano);
        world.inject(1, 0, Message::NanoAccept { ch, nid, ver: nano.ver, sig });
        world.run_for(100);
    };
    let step = |world: &mut World, from: Nano| {
        let (ver, time) = (Side::B.next_version(from.ver), world.ground.time());
        let sig = sign(world, 1, &stamped(from, ver, time));
        world.inject(1, 0, Message::NanoStep { ch, nid, ver, input: Vec::new(), time, sig });
        world.run_for(100);
        ver
    };
    accept(world, &one);
    assert_eq!(version(world, 0, ch, nid), one.ver);
    step(world, one);
    assert_eq!(version(world, 0, ch, nid), one.ver, "a step below what is out is not signed");
    accept(world, &two);
    assert_eq!(version(world, 0, ch, nid), two.ver);
    accept(world, &one);
    assert_eq!(version(world, 0, ch, nid), two.ver, "the older one is over");
    let ver = step(world, two);
    assert_eq!(version(world, 0, ch, nid), ver, "{:?}", refusals(world, 0));
    world.finish();
}

fn sign(world: &World, node: usize, nano: &Nano) -> Signature {
    world.raw_key(node).sign(world.ground.domain.digest(nano.struct_hash()))
}

/// What [`STAMP`] makes of a position.
fn stamped(from: Nano, ver: u64, time: u64) -> Nano {
    let storage_hash = keccak256(U256::from(time).to_be_bytes_vec());
    Nano { ver, mover: 1 - from.mover, steps_left: from.steps_left - 1, storage_hash, ..from }
}

/// The lock of a path is over, and the payee names a second at which it was not: whoever signs it pays, and cannot claim from the payer before it.
#[test]
fn a_backdated_claim_of_a_lock_is_refused() {
    for backdated in [false, true] {
        let (secret, alone) = (B256::repeat_byte(6), START + 60);
        let until = hash_lock::Until::new(alone + 5, 5).expect("times");
        let lock = hash_lock::Lock { hash: keccak256(secret), amount: ETH, payer: Side::A, until };
        let mut table = Table::ledger(304);
        let (ch, world) = (table.ch, table.world());
        let nid = world.open_nano(0, 1, ch, &hash_lock::terms(lock).expect("an amount"), App::HashLock.code());
        world.corrupt(1);
        let at = world.position_of(0, ch, nid).expect("open").nano;
        let paid = Nano { ver: Side::B.next_version(at.ver), da: 0, steps_left: 0, ..at };
        world.run_to(if backdated { alone + 10 } else { alone - 2 });
        let step = Message::NanoStep {
            ch,
            nid,
            ver: paid.ver,
            input: hash_lock::reveal(secret),
            time: alone - 2,
            sig: sign(world, 1, &paid),
        };
        // First the registry is read.
        for _ in 0..3 {
            world.inject(1, 0, step.clone());
            world.run_for(2_000);
        }
        assert_eq!(version(world, 0, ch, nid), if backdated { at.ver } else { paid.ver });
        assert_eq!(refusals(world, 0).is_empty(), !backdated, "{:?}", refusals(world, 0));
        world.finish();
    }
}
