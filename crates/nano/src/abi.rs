//! The call of a step and its return data, byte for byte as the Adjudicator writes the one and reads the other.

use alloy_primitives::{Bytes, U256};
use alloy_sol_types::{SolCall, sol};
use perunika_core::nano::{NoResult, Outcome, Run, STORAGE_MAX};

sol! {
    struct Context {
        bytes32 ch;
        bytes32 entry;
        uint256 total;
        uint256 dA;
        uint256 stepsLeft;
        uint256 time;
        uint256 absolute;
        address registry;
    }

    function step(Context ctx, bytes state, uint8 caller, bytes input)
        returns (bytes next, uint256 dA, uint256 mover, uint256 stepsLeft);
}

/// Where the storage's length stands in what is returned: behind its offset, dA, mover and stepsLeft.
const BYTES_AT: usize = 128;

/// Calldata of one step.
pub(crate) fn calldata(run: &Run<'_>) -> Bytes {
    let context = &run.context;
    let call = stepCall {
        ctx: Context {
            ch: context.ch,
            entry: context.entry,
            total: U256::from(context.total),
            dA: U256::from(context.da),
            stepsLeft: U256::from(context.steps_left),
            time: U256::from(context.time),
            absolute: U256::from(context.absolute),
            registry: context.registry,
        },
        state: Bytes::copy_from_slice(run.storage),
        caller: run.caller,
        input: Bytes::copy_from_slice(run.input),
    };
    call.abi_encode().into()
}

/// What a step returned, if the Adjudicator takes it; `gas` is what it used.
pub(crate) fn outcome(run: &Run<'_>, returned: &[u8], gas: u64) -> Result<Outcome, NoResult> {
    let no = NoResult::OutOfBounds;
    let (storage, [da, mover, steps_left]) = read(returned).ok_or(no("it is not what the interface returns"))?;
    if storage.len() > STORAGE_MAX {
        return Err(no("more than 16,384 bytes of storage"));
    }
    let da = u128::try_from(da).ok().filter(|da| *da <= run.context.total).ok_or(no("dA is above the total"))?;
    let mover = u8::try_from(mover).ok().filter(|mover| *mover <= 1).ok_or(no("the next mover is neither A nor B"))?;
    let steps_left = u16::try_from(steps_left)
        .ok()
        .filter(|left| *left < run.context.steps_left)
        .ok_or(no("stepsLeft does not fall"))?;
    Ok(Outcome { storage: storage.to_vec(), da, mover, steps_left, gas })
}

/// Storage, and dA, mover and stepsLeft, from the one form that a compiler gives them: the bytes begin right behind the words.
/// What stands behind the bytes is not looked at.
fn read(returned: &[u8]) -> Option<(&[u8], [U256; 3])> {
    let word = |at: usize| returned.get(at..at + 32).map(U256::from_be_slice);
    let length = usize::try_from(word(BYTES_AT)?).ok()?;
    let storage = returned.get(BYTES_AT + 32..)?.get(..length)?;
    (word(0)? == U256::from(BYTES_AT)).then_some((storage, [word(32)?, word(64)?, word(96)?]))
}
