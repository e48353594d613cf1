//! The Adjudicator as the Rust half sees it: its bytecode, and its calls, views, events and errors in the types of the core.
//!
//! No I/O. The artifact is the one that `contracts/` commits, so the build needs no Solidity compiler, and a change of the ABI
//! that this crate does not follow does not compile.
//!
//! - [`encode_call`] turns a [`perunika_core::chain::Call`] into calldata and value.
//! - [`view`] asks for the slots of an object and reads the answer.
//! - [`token`] asks a token, and reads what it answers.
//! - [`Event`] reads logs; [`Preimage`] proves that a State is the registered one.
//! - [`revert_reason`] says in words why a call reverted.
//! - [`is_adjudicator`] and [`is_extension`] tell whether the code at an address is ours: the contract has two halves.

mod abi;
mod call;
mod code;
mod event;
mod money;
mod nano;
mod revert;
pub mod token;
pub mod view;

pub use call::{EncodeError, Encoded, encode_call};
pub use code::{
    creation_code, extension_address, extension_code, is_adjudicator, is_extension, runtime_code, runtime_code_hash,
};
pub use event::{Event, Preimage, Stored, VirtualPreimage, dispute_topics, step_topics};
pub use revert::revert_reason;
