//! Crashes at every commit, lost messages and rough networks: what was signed counts, and every game comes to its end.

use crate::games::{Table, board, code, tosses, won_by_a};
use alloy_primitives::B256;
use perunika_apps::{Player, coin_toss};
use perunika_core::info::{NanoInfo, NanoStage};
use perunika_core::message::{Message, NanoTerms};
use perunika_core::params::Side;
use perunika_sim::{CrashPoint, ETH, Network, World};
use std::cell::Cell;
use std::rc::Rc;

/// How often a person tries again, and how long it waits before, ms.
const TRIES: usize = 20;
const WAIT_MS: u64 = 8_000;

fn up(w: &World) -> bool {
    w.nodes.iter().all(|n| n.participant.is_some())
}

/// Opens a nanocontract of these terms, whatever it takes.
fn insist_on_opening(table: &mut Table, terms: &NanoTerms) -> B256 {
    let (ch, [a, b]) = (table.ch, table.ends);
    let with = |n: &NanoInfo, stage: NanoStage| n.terms == *terms && n.stage == stage;
    for _ in 0..TRIES {
        let world = &mut table.path.world;
        world.run_until(WAIT_MS, up);
        let both = |w: &World| {
            let open = w.nanos_of(a, ch).into_iter().find(|n| with(n, NanoStage::Open))?;
            w.nano_is_open(b, ch, open.nid).then_some(open.nid)
        };
        if world.nanos_of(a, ch).iter().all(|n| n.terms != *terms) {
            world.offer_nano(a, ch, terms, code(terms), Some(30));
        }
        world.run_until(WAIT_MS / 4, |w| both(w).is_some() || !w.offers(b, ch).is_empty());
        for nid in world.offers(b, ch) {
            world.answer_nano(b, ch, nid, None);
        }
        if world.run_until(WAIT_MS, |w| both(w).is_some()) {
            return both(&table.path.world).expect("just now");
        }
    }
    panic!("seed {}: not open: {:?}", table.path.world.seed(), table.path.world.nanos_of(a, ch));
}

/// Plays it to its end, whatever it takes.
fn insist_on_the_end(table: &mut Table, nid: B256, players: [&dyn Player; 2]) {
    let (ch, ends) = (table.ch, table.ends);
    let gone = move |w: &World| up(w) && ends.iter().all(|n| w.nano_is_gone(*n, ch, nid));
    for _ in 0..TRIES * 3 {
        let world = &mut table.path.world;
        world.run_until(WAIT_MS, up);
        if world.run_until(0, gone) {
            return;
        }
        if let Some((mover, input)) = next(world, ch, ends, nid, players) {
            let before = position(world, ch, ends, nid);
            world.step_nano(ends[mover.index()], ch, nid, input);
            world.run_until(WAIT_MS, move |w| up(w) && position(w, ch, ends, nid) > before);
        } else {
            world.run_until(WAIT_MS, gone);
        }
    }
    panic!("seed {}: not over: {:?}", table.path.world.seed(), table.path.world.nanos_of(ends[0], ch));
}

/// The newest version that one of them has; later than all once it is closed.
fn position(w: &World, ch: B256, ends: [usize; 2], nid: B256) -> [u64; 2] {
    ends.map(|n| w.nano_of(n, ch, nid).map_or(u64::MAX, |n| n.version.map_or(0, |v| v.ver)))
}

/// Whoever is to move, as both see it, and what it says.
fn next(w: &World, ch: B256, ends: [usize; 2], nid: B256, players: [&dyn Player; 2]) -> Option<(Side, Vec<u8>)> {
    let infos = ends.map(|n| w.nano_of(n, ch, nid));
    let newest = infos.into_iter().flatten().max_by_key(|n| n.version.map(|v| v.ver))?;
    let mover = if newest.mover == 0 { Side::A } else { Side::B };
    let input = players[mover.index()].input(mover, &newest.storage).ok()??;
    (newest.steps_left > 0).then_some((mover, input))
}

fn tossers() -> [coin_toss::Tosser; 2] {
    [coin_toss::Tosser::new(B256::repeat_byte(1)), coin_toss::Tosser::new(B256::repeat_byte(2))]
}

/// A board and two tosses beside payments, with a crash.
fn story(mut table: Table, crash: Option<(usize, u64, CrashPoint)>) -> Table {
    if let Some((node, commit, point)) = crash {
        let at = table.path.world.nodes[node].commits + commit;
        table.path.world.nodes[node].crash_at = Some((at, point));
    }
    let first = insist_on_opening(&mut table, &board());
    let second = insist_on_opening(&mut table, &tosses());
    insist_on_the_end(&mut table, first, won_by_a());
    let [a, b] = tossers();
    insist_on_the_end(&mut table, second, [&a, &b]);
    // Whoever has just come back is found again.
    table.world().run_for(2_000);
    table
}

fn check(mut table: Table, commits: [u64; 2], what: &str) -> [u64; 2] {
    let [a, b] = tossers();
    let heads = (0..2).filter(|toss| a.hidden(*toss).bit == b.hidden(*toss).bit).count() as i128;
    let won = ETH as i128 / 2 + heads * ETH as i128 / 5 - ETH as i128 / 5;
    let used = [0, 1].map(|side| table.path.world.nodes[table.ends[side]].commits - commits[side]);
    table.world().finish();
    assert_eq!(table.path.world.gain(table.ends[1]), -won, "{what}");
    assert_eq!(table.disputes(), 0, "{what}");
    used
}

fn crash_everywhere(make: impl Fn() -> Table, side: usize, point: CrashPoint) {
    let commits = |table: &Table| table.ends.map(|n| table.path.world.nodes[n].commits);
    let clean = make();
    let before = commits(&clean);
    let used = check(story(clean, None), before, "no crash");
    assert!(used[side] > 15, "{used:?}");
    for commit in 1..=used[side] {
        let table = make();
        let (node, before) = (table.ends[side], commits(&table));
        check(story(table, Some((node, commit, point))), before, &format!("side {side}, commit {commit}, {point:?}"));
    }
}

#[test]
fn the_first_party_survives_a_crash_at_each_commit() {
    crash_everywhere(|| Table::ledger(60), 0, CrashPoint::BeforeCommit);
    crash_everywhere(|| Table::ledger(60), 0, CrashPoint::AfterCommit);
}

#[test]
fn the_second_party_survives_a_crash_at_each_commit() {
    crash_everywhere(|| Table::ledger(61), 1, CrashPoint::BeforeCommit);
    crash_everywhere(|| Table::ledger(61), 1, CrashPoint::AfterCommit);
}

#[test]
fn the_ends_of_a_virtual_channel_survive_a_crash_at_each_commit() {
    crash_everywhere(|| Table::over(62, 1), 0, CrashPoint::AfterCommit);
    crash_everywhere(|| Table::over(62, 1), 1, CrashPoint::AfterCommit);
}

/// Each single message of two games is lost once.
#[test]
fn s10_any_single_message_of_a_game_may_be_lost() {
    for k in 1.. {
        let mut table = Table::ledger(63);
        let seen = Rc::new(Cell::new(0));
        let counter = seen.clone();
        table.world().filter = Some(Box::new(move |_, _, _, _: &Message| {
            counter.set(counter.get() + 1);
            counter.get() != k
        }));
        let before = table.ends.map(|n| table.path.world.nodes[n].commits);
        let table = story(table, None);
        let all = seen.get();
        check(table, before, &format!("message {k} of {all} is lost"));
        if k > all {
            assert!(k > 30, "{k}");
            return;
        }
    }
}

#[test]
fn s10_games_in_a_rough_network_come_to_their_end() {
    for seed in 0..30 {
        let mut table = if seed % 3 == 0 { Table::over(640 + seed, 1) } else { Table::ledger(640 + seed) };
        table.world().network = Network::rough();
        let before = table.ends.map(|n| table.path.world.nodes[n].commits);
        check(story(table, None), before, &format!("seed {seed}"));
    }
}
