//! Nanocontracts between two nodes in a ledger channel or in a virtual channel: everything that needs no chain.

#[path = "nanos/games.rs"]
mod games;
#[path = "nanos/steps.rs"]
mod steps;
