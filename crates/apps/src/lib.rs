//! Four nanocontracts: their code, and what a program needs to open and to play them.
//!
//! - [`coin_toss`]: fair coins, tossed for money by commitment and opening.
//! - [`tic_tac_toe`]: three in a row takes the stakes.
//! - [`hash_lock`]: a payment against a secret, until a real time.
//! - [`hash_chain`]: many small payments of 32 bytes each and no signature (PayWord).
//!
//! [`runtime_code`] reads the code of others from what compilers write.
//!
//! Each module has the storage as a type, the inputs, the [`NanoTerms`](perunika_core::message::NanoTerms) to propose, and a [`Player`]: what a party with
//! its secrets does next. No I/O, no clock, no randomness. The Solidity sources are in `contracts/src/nano`; the bytecode that they
//! compile to is part of this crate.

mod app;
mod artifact;
pub mod coin_toss;
mod fair;
pub mod hash_chain;
pub mod hash_lock;
pub mod tic_tac_toe;
mod words;

pub use app::{App, NoSuchApp};
pub use artifact::{NoCode, runtime_code};
pub use fair::Unfair;

use perunika_core::params::Side;
use thiserror::Error;

/// Storage that is none of this nanocontract's, or does not go with the player's secrets. The code reverts on most of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not a storage of {app} that can be played on: {why}")]
pub struct Malformed {
    /// Whose storage it should be.
    pub app: App,
    /// What is wrong.
    pub why: &'static str,
}

/// What a party does when it is its turn: a function of what it sees and of its secrets.
pub trait Player {
    /// The input of the next step of `side`, the nanocontract's storage being `storage`.
    ///
    /// `None`: nothing to do now; it is the other party's turn, or moving would gain nothing. The end (no steps left) is not
    /// visible in every storage; the caller asks only before it.
    ///
    /// # Errors
    /// The storage is not one that this player can be in.
    fn input(&self, side: Side, storage: &[u8]) -> Result<Option<Vec<u8>>, Malformed>;
}
