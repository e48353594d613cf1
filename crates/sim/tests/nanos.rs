//! Nanocontracts between two nodes in a ledger channel or in a virtual channel: everything that needs no chain.

#[path = "nanos/crashes.rs"]
mod crashes;
#[path = "nanos/frozen.rs"]
mod frozen;
#[path = "nanos/games.rs"]
mod games;
#[path = "nanos/many.rs"]
mod many;
#[path = "nanos/offers.rs"]
mod offers;
#[path = "nanos/parallel.rs"]
mod parallel;
#[path = "nanos/refusals.rs"]
mod refusals;
#[path = "nanos/steps.rs"]
mod steps;
