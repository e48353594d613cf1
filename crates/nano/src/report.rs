//! What code costs those who have to enforce it: for authors, and for whoever is offered a nanocontract.
//!
//! All gas is an upper bound for the worst case: every byte of storage and input is no zero, every step uses all its gas, and every
//! step leaves as much storage as it found.

use crate::{evaluator::TX_GAS_MAX, filter, filter::Refusal};
use alloy_primitives::{B256, keccak256};
use perunika_core::nano::{INPUT_MAX, STORAGE_MAX};
use std::fmt;

/// Most bytes of a transaction that nodes pass on.
pub const TX_BYTES_MAX: u64 = 128 * 1024;

/// What an Entry allows its code, and how large storage and input of a step become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Gas of one step.
    pub gas: u32,
    /// Most forced steps.
    pub k_max: u16,
    /// Bytes of storage, at most [`STORAGE_MAX`].
    pub storage: usize,
    /// Bytes of a step's input, at most [`INPUT_MAX`].
    pub input: usize,
}

/// What code costs in a dispute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Hash of the code, as an Entry names it.
    pub code_hash: B256,
    /// Bytes of code.
    pub bytes: usize,
    /// Why it is not admitted, if it is not.
    pub refusal: Option<Refusal>,
    /// What the costs are for.
    pub bounds: Bounds,
    /// Gas of `deploy`, once for each code and chain.
    pub deployment: u64,
    /// Gas of registering the channel's State and this nanocontract alone.
    pub registration: u64,
    /// Gas that one `execute` pays.
    pub step: u64,
    /// Gas that the transaction of one `execute` must have, or it reverts: the call passes on at most 63 of 64 parts.
    pub step_limit: u64,
    /// Bytes of the transaction of one `execute`.
    pub step_bytes: u64,
}

impl Report {
    /// Of runtime code under the bounds of an Entry.
    pub fn new(code: &[u8], bounds: Bounds) -> Self {
        let step = costs::step(bounds);
        Self {
            code_hash: keccak256(code),
            bytes: code.len(),
            refusal: filter::check(code).err(),
            bounds,
            deployment: costs::deployment(code),
            registration: costs::register() + costs::register_nano(),
            step,
            step_limit: costs::step_limit(bounds),
            step_bytes: costs::step_bytes(bounds),
        }
    }

    /// Gas of the longest dispute over this nanocontract, with its deployment, if one side has to pay for all of it.
    pub fn dispute(&self) -> u64 {
        self.deployment + self.registration + u64::from(self.bounds.k_max) * self.step
    }

    /// Whether a step can be forced at all: storage and input have a size that the Adjudicator takes, and its transaction has one
    /// that the chain takes.
    pub fn is_enforceable(&self) -> bool {
        self.bounds.storage <= STORAGE_MAX
            && self.bounds.input <= INPUT_MAX
            && self.step_limit <= u64::from(TX_GAS_MAX)
            && self.step_bytes <= TX_BYTES_MAX
    }

    /// The stake, in wei, below which the longest dispute costs more than it can bring at `gas_price` wei per gas.
    pub fn smallest_stake(&self, gas_price: u128) -> u128 {
        gas_price.saturating_mul(self.dispute().into())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Bounds { gas, k_max, storage, input } = self.bounds;
        writeln!(f, "code hash      {}", self.code_hash)?;
        writeln!(f, "size           {} bytes", self.bytes)?;
        match &self.refusal {
            None => writeln!(f, "filter         admitted: what the step is told decides every run")?,
            Some(refusal) => writeln!(f, "filter         REFUSED: {refusal}")?,
        };
        writeln!(f, "deployment     {} gas, once for this code on a chain", self.deployment)?;
        writeln!(f, "registration   {} gas", self.registration)?;
        writeln!(
            f,
            "one step       {} gas: {gas} for the code, {storage} bytes of storage, {input} bytes of input",
            self.step
        )?;
        if self.is_enforceable() {
            writeln!(f, "transaction    {} gas and {} bytes: it fits", self.step_limit, self.step_bytes)?;
        } else {
            writeln!(
                f,
                "transaction    {} gas (at most {TX_GAS_MAX}) and {} bytes (at most {TX_BYTES_MAX}) with storage up to {STORAGE_MAX} \
                 and input up to {INPUT_MAX} bytes: it can NOT be forced",
                self.step_limit, self.step_bytes
            )?;
        }
        write!(f, "longest dispute {} gas: registration, deployment and {k_max} steps", self.dispute())
    }
}

/// Gas of the Adjudicator's calls: as its own tests measure them, with what grows with a step's size. `tests/costs.rs` holds the sums
/// against the contract.
mod costs {
    use super::Bounds;
    use serde::Deserialize;
    use std::sync::LazyLock;

    #[derive(Deserialize)]
    struct Operations {
        register: u64,
        register_1_nano: u64,
        execute_without_app_by_anybody: u64,
    }

    // INVARIANT: the file is part of the build, and `tests/report.rs` reads it.
    #[allow(clippy::expect_used)]
    static MEASURED: LazyLock<Operations> = LazyLock::new(|| {
        let text = include_str!("../../../contracts/snapshots/operations.json");
        serde_json::from_str(text).expect("the committed snapshots have these operations")
    });

    /// Arguments differ in how many of their bytes are zero.
    const ARGUMENTS: u64 = 2_000;

    /// `register` of a State, in a slot that had no dispute before.
    pub(super) fn register() -> u64 {
        MEASURED.register + ARGUMENTS
    }

    /// `registerNano` of one nanocontract, alone in its State: three new slots and signatures.
    pub(super) fn register_nano() -> u64 {
        MEASURED.register_1_nano + ARGUMENTS
    }

    /// What the Adjudicator wants to have left besides the step's gas.
    const CALL_RESERVE: u64 = 500;

    const TRANSACTION: u64 = 21_000;
    /// EIP-2028, and the floor of EIP-7623: a byte of calldata that is not zero.
    const BYTE: u64 = 16;
    const BYTE_FLOOR: u64 = 40;
    /// Calldata of `execute` beside storage and input, with a StepAuth.
    const STEP_BYTES: u64 = 4 + 32 * (11 + 9 + 1 + 4 + 3 + 2);
    /// What a transaction consists of besides calldata.
    const ENVELOPE_BYTES: u64 = 200;
    /// A word that is copied, hashed, or written to a log.
    const COPY: u64 = 3;
    const HASH: u64 = 6;
    const LOG: u64 = 8 * 32;

    fn words(bytes: usize) -> u64 {
        (bytes as u64).div_ceil(32)
    }

    /// Price of memory (yellow paper, appendix G).
    fn memory(words: u64) -> u64 {
        3 * words + words * words / 512
    }

    /// What the first half of the Adjudicator does before the second one runs: it copies the calldata.
    fn handing_on(words: u64) -> u64 {
        COPY * words + memory(words)
    }

    /// A call passes on all but one 64th (EIP-150): the first half to the second one, and that to the code.
    pub(super) fn step_limit(bounds: Bounds) -> u64 {
        let of_second = step(bounds) + u64::from(bounds.gas).div_ceil(63) + CALL_RESERVE;
        of_second + of_second.div_ceil(63)
    }

    pub(super) fn step(bounds: Bounds) -> u64 {
        let (storage, input) = (words(bounds.storage), words(bounds.input));
        // Storage: hashed, and given to the code; what comes back is read, hashed, and written to the log. Input: given, and logged.
        let storage_work = storage * (2 * (COPY + HASH) + 2 * COPY + LOG);
        let input_work = input * (2 * COPY + LOG);
        let room = memory(4 * storage + 2 * input + 64);
        let bytes = 32 * (storage + input);
        let work = MEASURED.execute_without_app_by_anybody
            + ARGUMENTS
            + u64::from(bounds.gas)
            + BYTE * bytes
            + storage_work
            + input_work
            + room
            + handing_on(storage + input + STEP_BYTES / 32);
        work.max(TRANSACTION + BYTE_FLOOR * (bytes + STEP_BYTES))
    }

    pub(super) fn step_bytes(bounds: Bounds) -> u64 {
        32 * (words(bounds.storage) + words(bounds.input)) + STEP_BYTES + ENVELOPE_BYTES
    }

    pub(super) fn deployment(code: &[u8]) -> u64 {
        /// `deploy` without what depends on the size.
        const DEPLOY: u64 = 61_000;
        /// A byte that stays on the chain.
        const DEPOSIT: u64 = 200;
        /// EIP-3860: a word of creation code.
        const INIT: u64 = 2;
        let zeros = code.iter().filter(|byte| **byte == 0).count() as u64;
        let (bytes, words) = (code.len() as u64, words(code.len()));
        let tokens = zeros + 4 * (bytes - zeros);
        let work = DEPOSIT * bytes + words * (INIT + 2 * HASH + 4 * COPY) + 2 * memory(words) + handing_on(words);
        (DEPLOY + 4 * tokens + work).max(TRANSACTION + 10 * (tokens + 200))
    }
}
