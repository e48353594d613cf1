//! The exhaustive search, in small: nothing is found in the production code, and something where a rule is broken on purpose.

use perunika_core::params::Side;
use perunika_sim::search::{Bounds, Broken, Found, HubBounds, HubStage, Stage, Totals, ledger, virtual_channel};

fn bounds(stage: Stage, honest: Side) -> Bounds {
    let (versions, idle, units, steps, limit) = (4, 0, 7, 1, 100_000);
    Bounds { honest, stage, versions, nanos: 2, idle, units, steps, limit, broken: Broken::Nothing }
}

fn nothing(search: Result<Totals, Box<Found>>) -> Totals {
    let totals = search.unwrap_or_else(|found| panic!("{}\n{}", found.fault, found.path.join("\n")));
    assert!(totals.complete, "the limit of states was reached");
    totals
}

#[test]
fn one_action_of_a_corrupt_party_from_any_beginning_takes_nothing_from_the_other() {
    for stage in Stage::ALL {
        for honest in [Side::A, Side::B] {
            let totals = nothing(ledger(bounds(stage, honest)));
            println!("{stage:?} {honest:?}: {} states", totals.states);
            assert!(totals.states > 25, "there is something to go through: {totals:?}");
        }
    }
}

/// A payment that was handed over and acknowledged is claimed although the application ordered a step with an older one.
#[test]
fn a_handed_payment_survives_a_step_that_claims_less() {
    for honest in [Side::A, Side::B] {
        nothing(ledger(Bounds { steps: 2, ..bounds(Stage::Payee, honest) }));
    }
}

/// The countersignature on a step comes when the chain would not take that version any more: the step is forced all the same.
#[test]
fn s74_a_late_countersignature_on_a_step_does_not_take_it_away() {
    for honest in [Side::A, Side::B] {
        nothing(ledger(Bounds { steps: 2, ..bounds(Stage::Claiming, honest) }));
    }
}

/// Among others: a removal is countersigned while the State with the lock waits to be registered; the hub still settles the lock.
#[test]
fn two_corrupt_ends_take_nothing_from_a_hub_with_one_action() {
    for stage in [HubStage::Active, HubStage::Lopsided] {
        let totals = nothing(virtual_channel(HubBounds { stage, versions: 4, units: 9, steps: 1, limit: 100_000 }));
        println!("{stage:?}: {} states", totals.states);
        assert!(totals.states > 25, "there is something to go through: {totals:?}");
    }
}

#[test]
fn two_searches_go_through_the_same_states() {
    let search = || nothing(ledger(bounds(Stage::Paying, Side::A)));
    assert_eq!(search(), search());
}

fn found(broken: Broken, stage: Stage, steps: usize) -> Found {
    let search = ledger(Bounds { broken, steps, ..bounds(stage, Side::A) });
    *search.expect_err("a broken rule is found")
}

#[test]
fn a_chain_that_delays_honest_transactions_for_ever_is_found() {
    let found = found(Broken::LateTransactions, Stage::Paid, 1);
    println!("{}\n{}", found.fault, found.path.join("\n"));
    assert!(found.fault.contains("P1"), "{}", found.fault);
    assert!(found.path.iter().any(|line| line.contains("corrupt calls  register")), "{:?}", found.path);
}

#[test]
fn a_contract_that_concludes_at_once_is_found() {
    let found = found(Broken::EarlyConclude, Stage::Paid, 2);
    println!("{}\n{}", found.fault, found.path.join("\n"));
    assert!(found.fault.contains("P1"), "{}", found.fault);
    assert!(found.path.iter().any(|line| line.contains("corrupt calls  conclude")), "{:?}", found.path);
}

#[test]
fn a_party_that_plays_from_an_old_backup_is_found() {
    let found = found(Broken::OldBackup, Stage::Paid, 1);
    println!("{}\n{}", found.fault, found.path.join("\n"));
    assert!(found.fault.contains("P1") || found.fault.contains("P7"), "{}", found.fault);
}
