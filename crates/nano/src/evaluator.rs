//! The [`Evaluator`] of a participant.

use crate::{
    abi, filter,
    frame::{End, Ran, StaticCall},
    registry::{Registry, World},
    revert,
};
use alloy_primitives::{Address, B256};
use perunika_core::{
    Domain,
    nano::{CODE_MAX, Evaluator, INPUT_MAX, NoResult, Outcome, Run, STORAGE_MAX},
};
use revm::state::Bytecode;
use std::fmt;

/// Most gas of a transaction (EIP-7825): a step with a higher bound could never be forced.
pub(crate) const TX_GAS_MAX: u32 = 1 << 24;

/// Runs nanocontracts in the EVM as the Adjudicator does: one static call frame with exactly the Entry's gas.
///
/// A result and its gas are those of the call frame on the chain, whoever sends the transaction and whatever it touched before: a
/// warm slot of the registry costs what a cold one costs.
pub struct Machine {
    /// `None` if this version of the Adjudicator has no registry; asking it then breaks off.
    registry: Option<Registry>,
}

impl Default for Machine {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine").field("registry", &self.registry.is_some()).finish()
    }
}

impl Machine {
    /// The machine for the Adjudicator that this version embeds.
    pub fn new() -> Self {
        // No immutable of the Adjudicator is read on the way to an answer of the registry.
        let anywhere = Domain { chain_id: 1, adjudicator: Address::ZERO };
        Self::with_registry(&perunika_contracts::runtime_code(&anywhere))
    }

    /// The machine for another contract that answers `revealedAt(bytes32)` from a mapping, given its runtime code.
    pub fn with_registry(code: &[u8]) -> Self {
        let bytecode = Bytecode::new_legacy(code.to_vec().into());
        let slot_of = |registry: &_, hash| StaticCall::question(registry, bytecode, hash).run().read;
        Self { registry: Registry::new(code, slot_of) }
    }
}

impl Evaluator for Machine {
    fn admit(&self, code: &[u8]) -> Result<(), String> {
        filter::check(code).map_err(|refusal| refusal.to_string())
    }

    fn step(&self, run: &Run<'_>) -> Result<Outcome, NoResult> {
        check_sizes(run)?;
        let ran = self.ran(run);
        match ran.end {
            End::Returned => abi::outcome(run, &ran.output, ran.gas),
            End::Reverted => Err(NoResult::Reverted(revert::reason(&ran.output))),
            End::Broken => Err(NoResult::Broken),
        }
    }

    fn asks(&self, run: &Run<'_>) -> Vec<B256> {
        if check_sizes(run).is_ok() { self.ran(run).asked } else { Vec::new() }
    }
}

impl Machine {
    fn ran(&self, run: &Run<'_>) -> Ran {
        let world = World::new(run.context.registry, self.registry.as_ref(), run.revealed);
        let code = Bytecode::new_legacy(run.code.to_vec().into());
        StaticCall::step(code, abi::calldata(run), run.gas, world).run()
    }
}

/// What the Adjudicator would not even call.
fn check_sizes(run: &Run<'_>) -> Result<(), NoResult> {
    let bounds = [
        (!run.code.is_empty() && run.code[0] != 0xef, "there is no code that can be deployed"),
        (run.code.len() <= CODE_MAX, "more than 24,576 bytes of code"),
        (run.gas <= TX_GAS_MAX, "the gas bound is above what a transaction may have (EIP-7825)"),
        (run.storage.len() <= STORAGE_MAX, "more than 16,384 bytes of storage before the step"),
        (run.input.len() <= INPUT_MAX, "more than 16,384 bytes of input"),
        (run.caller <= 1, "the caller is neither A nor B"),
        (run.context.da <= run.context.total, "dA is above the total before the step"),
        (run.context.steps_left > 0, "no steps are left"),
    ];
    bounds.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, what)| Err(NoResult::OutOfBounds(what)))
}
