//! What a nanocontract's code is given and what it gives back, and the machine that runs it (protocol 2.7).
//!
//! The core decides what may be signed; what a step *does* is decided by the bytecode. Whoever drives the core brings the
//! machine; like everything the core is given it must be deterministic.

use crate::signed::Amount;
use alloc::string::String;
use alloc::vec::Vec;
use alloy_primitives::{Address, B256};
use core::fmt;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Most bytes of a nanocontract's storage; the contract refuses a step that leaves more (S28).
pub const STORAGE_MAX: usize = 1 << 14;
/// Most bytes of a step's input.
pub const INPUT_MAX: usize = 1 << 14;
/// Most bytes of code (EIP-170).
pub const CODE_MAX: usize = 24_576;

/// What a step is told; the only things it can know besides storage, caller and input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Context {
    /// Channel id, ledger or virtual.
    pub ch: B256,
    /// Struct hash of the [`Entry`](crate::signed::Entry).
    pub entry: B256,
    /// What the nanocontract holds.
    pub total: Amount,
    /// What A gets if the mover stalls, before this step.
    pub da: Amount,
    /// Forced steps left, before this step.
    pub steps_left: u16,
    /// The application's clock, seconds: it stands still from the opening of a dispute on.
    pub time: u64,
    /// The time itself, seconds.
    pub absolute: u64,
    /// Where secrets are published: the Adjudicator.
    pub registry: Address,
}

/// One step to be run.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// Runtime bytecode.
    pub code: &'a [u8],
    /// Gas bound of the Entry: the step gets exactly this.
    pub gas: u32,
    /// What it is told.
    pub context: Context,
    /// Storage before the step.
    pub storage: &'a [u8],
    /// Who moves (0 = A).
    pub caller: u8,
    /// What the mover says.
    pub input: &'a [u8],
    /// What the registry knows: hash of a secret and when it was published, seconds.
    pub revealed: &'a [(B256, u64)],
}

/// What a step results in; its words are within the bounds that the contract checks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Storage after the step, at most [`STORAGE_MAX`] bytes.
    pub storage: Vec<u8>,
    /// What A gets if the next mover stalls; at most the total.
    pub da: Amount,
    /// Who moves next (0 = A).
    pub mover: u8,
    /// Forced steps left: fewer than before.
    pub steps_left: u16,
    /// Gas that the code used, as the chain counts the call frame.
    pub gas: u64,
}

/// Why there is no result. The chain would revert.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NoResult {
    /// The code says no, in its own words where it has some.
    #[error("the nanocontract does not allow this step: {0}")]
    Reverted(String),
    /// The gas bound of the Entry was not enough, or the code broke off.
    #[error("the step ran out of gas or broke off")]
    Broken,
    /// It gave something that the contract does not take.
    #[error("the step's result is out of bounds: {0}")]
    OutOfBounds(&'static str),
}

/// Runs nanocontracts exactly as the chain would (P9: optimistic = forced).
pub trait Evaluator: Send + Sync {
    /// Whether every run of this code depends on nothing but what a step is told; if not, why not.
    fn admit(&self, code: &[u8]) -> Result<(), String>;

    /// Runs one step of code that was admitted.
    fn step(&self, run: &Run<'_>) -> Result<Outcome, NoResult>;

    /// Hashes of the secrets about which the step asks the registry.
    fn asks(&self, run: &Run<'_>) -> Vec<B256>;
}

/// For participants that hold no nanocontracts: admits none.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoEvaluator;

impl Evaluator for NoEvaluator {
    fn admit(&self, _: &[u8]) -> Result<(), String> {
        Err("this node does not run nanocontracts".into())
    }

    fn step(&self, _: &Run<'_>) -> Result<Outcome, NoResult> {
        Err(NoResult::Broken)
    }

    fn asks(&self, _: &Run<'_>) -> Vec<B256> {
        Vec::new()
    }
}

impl fmt::Debug for dyn Evaluator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Evaluator")
    }
}
