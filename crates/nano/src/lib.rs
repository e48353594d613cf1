//! Runs nanocontract bytecode exactly as the chain would, and tells which bytecode may be run at all (protocol 2.7).
//!
//! - [`Machine`] is the [`Evaluator`](perunika_core::nano::Evaluator) that a participant brings along: the EVM, one call frame of
//!   it, with the gas, the calldata and the registry that the Adjudicator would give it.
//! - [`check`] refuses code whose runs could differ between two places, and says why.
//! - [`report`] tells an author what code costs those who have to enforce it.
//!
//! What must hold: a step that has a result here has the same one in `execute`, with the same gas (P9, S27).

mod abi;
mod evaluator;
mod filter;
mod frame;
mod opcode;
mod registry;
pub mod report;
mod revert;
#[cfg(test)]
mod testing;

pub use evaluator::Machine;
pub use filter::{Refusal, check};
pub use revert::reason;
