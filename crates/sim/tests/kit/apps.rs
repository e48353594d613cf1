//! Everything that the kit has, for each app.

use crate::players::{coin_toss, hash_chain, hash_lock, tic_tac_toe};
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
    let report = try_all(&coin_toss(1), 1);
    assert_eq!(report.moves, 5);
}

#[test]
fn tic_tac_toe_can_be_enforced() {
    let report = try_all(&tic_tac_toe([true, false], Side::A), 2);
    assert!(report.moves >= 5);
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
