//! Small widths, completely: every combination of values around every bound, on a state that is set up by hand.

mod funding;
mod ledger;
mod money;
mod nanos;
mod settle;
mod signatures;
mod virtuals;

use super::pair::{ANY_ERROR, At, Pair};
use super::world::{World, owner};
use alloy_primitives::Address;
use perunika_reference::{Call, Error};

/// The moment at which most cases happen, seconds since the epoch.
pub(crate) const NOW: u64 = 1_900_000_500;
/// The greatest amount.
pub(crate) const MOST: u128 = (1 << 96) - 1;

/// Owners 0 and 1 take money.
pub(crate) fn world() -> World {
    World::new()
}

pub(crate) fn at(sender: Address, time: u64) -> At {
    At { sender, value: 0, time, number: 100 }
}

/// A call of a passer-by.
pub(crate) fn anybody(time: u64) -> At {
    at(owner(5), time)
}

/// What both say to a call; they must say the same.
pub(crate) fn probe(pair: &mut Pair, at: At, call: &Call) -> Option<Error> {
    match pair.probe(at, call) {
        Ok(result) => result.err(),
        Err(why) => panic!("{why}\n{at:?}\n{call:?}"),
    }
}

/// What both say to a call whose signatures are made only if all that comes before them holds.
pub(crate) fn probe_signed(pair: &mut Pair, at: At, call: impl Fn(bool) -> Call) -> Option<Error> {
    match probe(pair, at, &call(false)) {
        Some(error) if error == Error::InvalidSignature || *ANY_ERROR => probe(pair, at, &call(true)),
        other => other,
    }
}

/// Says how many cases there were, and that they were neither all refused nor all alike.
pub(crate) fn report(what: &str, pair: &Pair, least: u64) {
    let counts = &pair.counts;
    let done: u64 = counts.done.values().sum();
    println!("{what}: {} cases, {done} succeed, {:?}, {:?}", counts.calls, counts.refused, counts.tried);
    assert!(counts.calls >= least && done > 0, "{what} has only {} cases, of which {done} succeed", counts.calls);
}
