//! Nanocontracts: objects of their own within a channel, none of which waits for another (protocol 1.4, 2.7).

mod batches;
mod evaluate;
mod force;
mod hands;
mod offers;
mod secrets;
mod state;
mod steps;
mod views;

pub(super) use offers::Wished;
pub(super) use state::nano_key;
pub(super) use steps::Stepped;
