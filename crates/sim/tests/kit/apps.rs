//! Everything that the kit has, for each app.

use crate::players::{coin_toss, hash_chain, hash_lock, heads, tic_tac_toe};
use perunika_core::params::Side;
use perunika_sim::kit::{Report, Subject, check};

fn try_all(subject: &Subject, seed: u64) -> Report {
    let report = check(subject, seed);
    println!("{}: {report:?}", subject.name);
    assert!(report.compared > 0, "no step was made both ways");
    report
}

#[test]
fn coin_toss_can_be_enforced() {
    // Both win a toss, so that every step matters to somebody.
    let seed = (0..).find(|seed| heads(*seed) == 1).expect("some seed");
    let report = try_all(&coin_toss(seed), 1);
    assert_eq!(report.moves, 5);
}

#[test]
fn tic_tac_toe_can_be_enforced() {
    let report = try_all(&tic_tac_toe([true, false], Side::A), 2);
    assert_eq!(report.moves, 7);
}

#[test]
fn hash_lock_can_be_enforced() {
    try_all(&hash_lock(Side::A), 3);
    try_all(&hash_lock(Side::B), 4);
}

#[test]
fn hash_chain_can_be_enforced() {
    let report = try_all(&hash_chain(Side::A), 5);
    assert!(report.moves >= 6);
}
