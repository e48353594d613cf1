//! Exhaustive search: every order of everything that corrupt peers can do to one honest participant, within bounds.
//!
//! The participant is the production machine ([`perunika_core::Participant`]), the chain is the committed bytecode of the
//! Adjudicator in revm. [`ledger`] searches a ledger channel of which one party is corrupt, [`virtual_channel`] a virtual channel
//! over one hub of which both ends are. `docs/search.md` says what is bounded, what is left out and why that is sound.

mod command;
mod contract;
mod digest;
mod duel;
mod engine;
mod hub;
mod hub_moves;
mod mind;
mod model;
mod moves;
mod sea;
mod words;

pub use command::command;
pub use duel::{Bounds, Broken, Stage};

pub use hub::{HubBounds, HubStage};
pub use sea::{Found, Totals};

/// Searches one ledger channel.
///
/// # Errors
/// The first state in which a property does not hold, with the way to it.
pub fn ledger(bounds: Bounds) -> Result<Totals, Box<Found>> {
    let (duel, mut engine, start) = duel::Duel::new(bounds);
    let last = duel.last(&start);
    let reach = sea::Reach { steps: bounds.steps, last, limit: bounds.limit };
    engine.search(&duel, &[start], reach).map_err(Box::new)
}

/// Searches one virtual channel over one hub.
///
/// # Errors
/// The first state in which a property does not hold, with the way to it.
pub fn virtual_channel(bounds: HubBounds) -> Result<Totals, Box<Found>> {
    let (hub, mut engine, start) = hub::Hub::new(bounds);
    let last = hub.last(&start);
    let reach = sea::Reach { steps: bounds.steps, last, limit: bounds.limit };
    engine.search(&hub, &[start], reach).map_err(Box::new)
}
