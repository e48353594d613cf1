//! S30: ten thousand finished nanocontracts cost nothing: not on the disk, not in memory, not on the chain.

use crate::games::{Table, code, lock};
use alloy_primitives::{B256, keccak256};
use perunika_apps::hash_lock;
use perunika_core::info::{LedgerStage, NanoStage};
use perunika_sim::{ETH, World};

/// Locks of one round, side by side.
const ROUND: usize = 20;

fn secret(round: usize, index: usize) -> B256 {
    keccak256([round.to_be_bytes(), index.to_be_bytes()].concat())
}

/// Looks four times a second, not at every event.
fn poll(world: &mut World, done: impl Fn(&World) -> bool) {
    for _ in 0..200 {
        if done(world) {
            return;
        }
        world.run_for(250);
    }
    panic!("not reached");
}

/// Opens and pays so many hash locks, each for a hundredth of an ETH.
fn run_rounds(table: &mut Table, rounds: usize) {
    let (ch, [a, b]) = (table.ch, table.ends);
    for round in 0..rounds {
        let world = table.world();
        for index in 0..ROUND {
            let terms = lock(secret(round, index));
            world.offer_nano(a, ch, &terms, code(&terms), None);
        }
        world.run_for(100);
        for nid in world.offers(b, ch) {
            world.answer_nano(b, ch, nid, None);
        }
        poll(world, |w| [a, b].iter().all(|n| w.nanos_of(*n, ch).iter().all(|nano| nano.stage == NanoStage::Open)));
        for nano in world.nanos_of(b, ch) {
            let index = (0..ROUND).find(|index| nano.terms == lock(secret(round, *index))).expect("one of these");
            world.step_nano(b, ch, nano.nid, hash_lock::reveal(secret(round, index)));
        }
        poll(world, |w| [a, b].iter().all(|n| w.nanos_of(*n, ch).is_empty()));
        // Nobody reads what was said.
        world.trace.clear();
        world.taps.clear();
    }
}

fn disk(table: &Table) -> [(usize, usize); 2] {
    table.ends.map(|n| {
        let disk = table.path.world.disk(n);
        (disk.len(), disk.values().map(Vec::len).sum())
    })
}

#[test]
fn s30_ten_thousand_finished_nanocontracts_cost_nothing() {
    let mut table = Table::ledger(80);
    run_rounds(&mut table, 1);
    let after_one = disk(&table);
    run_rounds(&mut table, 499);
    let after_all = disk(&table);
    for (one, all) in after_one.iter().zip(after_all) {
        assert_eq!(one.0, all.0, "as many records as after the first round");
        assert!(all.1 <= one.1 + 64, "{} bytes, {} after the first round", all.1, one.1);
    }
    // The peer falls silent: one registration of one State, one conclusion, and the payout is exact.
    let (ch, [a, b]) = (table.ch, table.ends);
    table.world().corrupt(a);
    table.world().force(b, ch);
    let closed = |w: &World| w.ledger_of(b, ch).is_some_and(|l| l.stage == LedgerStage::Closed);
    assert!(table.world().run_until(200_000, closed));
    let owner = table.path.world.nodes[b].owner;
    let mine = table.path.world.ground.receipts.iter().filter(|r| r.from == owner);
    let (names, gas): (Vec<&str>, Vec<u64>) = mine.map(|r| (r.name, r.result.clone().expect("mined"))).unzip();
    assert_eq!(names, ["confirm", "register", "conclude"]);
    assert!(gas[1] < 100_000 && gas[2] < 100_000, "{gas:?}");
    let paid = 10_000 * ETH as i128 / 100;
    assert_eq!(table.path.world.gain(b), paid, "everything that the secrets paid");
}
