//! Deliberately bad apps: what the kit notices, and what it can only enforce.

use alloy_primitives::{hex, keccak256};
use perunika_core::message::NanoTerms;
use perunika_core::params::Side;
use perunika_sim::ETH;
use perunika_sim::kit::{Place, Seat, Strategy, Subject, check_in};

/// Says the same whenever it is asked.
struct Same;

impl Strategy for Same {
    fn step(&mut self, seat: &Seat<'_>) -> Option<Vec<u8>> {
        (seat.steps_left > 0).then(|| vec![1])
    }
}

fn subject(name: &str, code: &[u8]) -> Subject {
    let terms = NanoTerms {
        total: ETH,
        da0: ETH / 2,
        mover0: 0,
        code_hash: keccak256(code),
        gas: 30_000,
        k_max: 4,
        storage: vec![7; 32],
    };
    Subject::new(name, code, terms, |_: Side| Box::new(Same))
}

/// Reverts always: PUSH0 PUSH0 REVERT.
const STUCK: &[u8] = &hex!("5f5ffd");

/// Whoever moves takes everything: dA = total if the caller is A, else 0; the other one is next.
const GREEDY: &[u8] = &hex!("60805f52 610124351560443502602052 6101243515604052 600160843503606052 60a05ff3");

/// The same, but A gets 1 wei more than there is.
const MORE_THAN_ALL: &[u8] = &hex!("60805f52 6001604435 01602052 6101243515604052 600160843503606052 60a05ff3");

/// A gets as many wei as seconds have passed since 1970.
const CLOCK: &[u8] = &hex!("60805f52 60a435602052 6101243515604052 600160843503606052 60a05ff3");

/// S31: a nanocontract that never moves holds its own money only, and that only until the end of its window: cash and the default
/// split are paid.
#[test]
fn s31_an_app_that_never_moves_pays_its_default() {
    struct Still;
    impl Strategy for Still {
        fn step(&mut self, _: &Seat<'_>) -> Option<Vec<u8>> {
            None
        }
    }
    let mut stuck = subject("stuck", STUCK);
    stuck = Subject::new("stuck", STUCK, stuck.terms, |_| Box::new(Still)).at_least(ETH / 2, ETH / 2);
    for place in [Place::Ledger, Place::Over(3)] {
        let report = check_in(&stuck, place, 20);
        assert_eq!((report.moves, report.forced_steps), (0, 0));
    }
}

/// What the code allows is enforced, off chain and on it: without a promise the kit has nothing to object.
#[test]
fn an_unfair_app_is_enforced_like_any_other() {
    let report = check_in(&subject("greedy", GREEDY), Place::Ledger, 21);
    assert_eq!(report.moves, 4);
    assert!(report.forced_steps > 0);
}

#[test]
#[should_panic(expected = "the author promised")]
fn an_app_whose_mover_takes_more_than_was_promised_is_noticed() {
    check_in(&subject("greedy", GREEDY).at_least(ETH / 4, 0), Place::Ledger, 22);
}

#[test]
#[should_panic(expected = "out of bounds")]
fn an_app_that_pays_more_than_it_holds_cannot_be_played() {
    check_in(&subject("more than all", MORE_THAN_ALL), Place::Ledger, 23);
}

/// The clock stands still from the opening of the dispute on, but it had gone on since the last step.
#[test]
#[should_panic(expected = "one step gives two results (P9)")]
fn an_app_that_pays_by_the_second_is_noticed() {
    check_in(&subject("clock", CLOCK), Place::Ledger, 24);
}
