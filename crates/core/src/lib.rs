//! The protocol of Perunika as one deterministic state machine per participant.
//!
//! No I/O, no clock, no async, no randomness of its own: [`participant::Participant::handle`] takes an [`io::Input`] with an
//! [`io::Env`] and gives a [`io::Step`], whose outputs are released only once its writes are durable. `docs/protocol.md` is the
//! specification; comments name its sections.
#![no_std]

extern crate alloc;

pub mod body;
mod book;
pub mod budget;
pub mod chain;
mod encode;
pub mod funding;
pub mod info;
mod instance;
pub mod io;
mod ledger;
pub mod log;
pub mod message;
#[cfg(not(perunika_mutant = "any"))]
mod mutant;
#[cfg(perunika_mutant = "any")]
pub mod mutant;
pub mod nano;
pub mod params;
pub mod participant;
pub mod policy;
pub mod secret;
pub mod sig;
pub mod signed;
pub mod signer;
pub mod tree;
mod virtual_channel;

pub use alloy_primitives::{Address, B256};
pub use encode::Domain;
pub use participant::Participant;
