//! Which code may be run: code whose every run depends on nothing but what the step is told (protocol 2.7, P9).
//!
//! A linear sweep looks at every instruction, reachable or not. What it lets through can differ between two places in four
//! things only, none of which reaches the result:
//!
//! - *Gas.* The frame gets exactly the Entry's gas, and no price hangs on what the transaction did before: precompiles are always
//!   warm, and the registry charges the same for a warm slot as for a cold one. `GAS` would be the same everywhere; it is still
//!   allowed only where it feeds a call, so that a fork that changes prices cannot change a result that needs less than its bound.
//! - *Callees.* A `STATICCALL` is allowed to the precompiles 1 to 9, which every chain has had since Istanbul, and to the
//!   registry of the context, there only to `revealedAt`, because every other view of the Adjudicator tells of the chain. The later
//!   ones (point evaluation, BLS12-381, P-256) are missing or have another price on some chains.
//! - *Depth.* A caller who nests calls until the limit of 1,024 would have less than a millionth of its gas left.
//! - *Code.* `CODECOPY`, `CODESIZE` and `PC` see the code itself, whose hash is in the Entry.

mod trace;

use crate::opcode::{self, Class};
use perunika_core::nano::CODE_MAX;
use revm::bytecode::opcode as op;
use thiserror::Error;
use trace::Trace;

/// Why code is not admitted. Offsets are in bytes from the start of the code.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// No code at all.
    #[error("there is no code")]
    Empty,
    /// More than can be deployed.
    #[error("the code has {0} bytes, at most {CODE_MAX} can be deployed (EIP-170)")]
    TooLong(usize),
    /// Code that cannot be deployed, or means something else than its bytes (EIP-3541, EIP-7702).
    #[error("the code begins with 0xef, which is reserved (EIP-3541)")]
    Reserved,
    /// An instruction that depends on more than the step is told, or has effects.
    #[error("offset {at}: {name} is not allowed: {why}{}", hint(*.metadata))]
    Opcode {
        /// Where it stands.
        at: usize,
        /// Its name.
        name: &'static str,
        /// Why it is not allowed.
        why: &'static str,
        /// Whether it stands in the trailing metadata of the Solidity compiler.
        metadata: bool,
    },
    /// An instruction that is none yet.
    #[error("offset {at}: byte {byte:#04x} is no instruction; a later fork may make it one{}", hint(*.metadata))]
    Unassigned {
        /// Where it stands.
        at: usize,
        /// The byte.
        byte: u8,
        /// Whether it stands in the trailing metadata of the Solidity compiler.
        metadata: bool,
    },
    /// Gas that is used for something else than a call.
    #[error("offset {at}: GAS is allowed only directly before the STATICCALL that it feeds")]
    Gas {
        /// Where it stands.
        at: usize,
    },
    /// A call whose callee is not seen to be a harmless one.
    #[error("offset {at}: STATICCALL is not allowed here: {why}")]
    Call {
        /// Where it stands.
        at: usize,
        /// What is wrong with it.
        why: &'static str,
    },
}

fn hint(metadata: bool) -> &'static str {
    if metadata {
        ". This is the metadata that solc appends; turn it off with `metadata: { appendCBOR: false, bytecodeHash: \"none\" }` \
         in the settings, or `--no-cbor-metadata`"
    } else {
        ""
    }
}

/// Whether every run of `code` depends on nothing but what the step is told.
pub fn check(code: &[u8]) -> Result<(), Refusal> {
    match code.first() {
        None => return Err(Refusal::Empty),
        Some(0xef) => return Err(Refusal::Reserved),
        Some(_) if code.len() > CODE_MAX => return Err(Refusal::TooLong(code.len())),
        Some(_) => {}
    }
    let metadata_at = metadata_start(code);
    let mut trace = Trace::default();
    for (at, byte, data) in instructions(code) {
        let metadata = at >= metadata_at;
        match opcode::class(byte) {
            Class::Pure => {}
            Class::Gas if code.get(at + 1) == Some(&op::STATICCALL) => {}
            Class::Gas => return Err(Refusal::Gas { at }),
            Class::StaticCall => trace.call().map_err(|why| Refusal::Call { at, why })?,
            Class::Refused(why) => return Err(Refusal::Opcode { at, name: opcode::name(byte), why, metadata }),
            Class::Unassigned => return Err(Refusal::Unassigned { at, byte, metadata }),
        }
        trace.step(byte, data);
    }
    Ok(())
}

/// Offset, opcode and data of each instruction; the data of a push at the end may be cut short.
fn instructions(code: &[u8]) -> impl Iterator<Item = (usize, u8, &[u8])> {
    let mut next = 0;
    core::iter::from_fn(move || {
        let at = next;
        let byte = *code.get(at)?;
        let end = at + 1 + opcode::immediate(byte);
        next = end;
        Some((at, byte, code.get(at + 1..end.min(code.len())).unwrap_or_default()))
    })
}

/// Where the metadata begins that solc appends: a CBOR map of one to three short text keys, and its length in two bytes.
fn metadata_start(code: &[u8]) -> usize {
    let found = || {
        let (body, length) = code.split_last_chunk::<2>()?;
        let start = body.len().checked_sub(usize::from(u16::from_be_bytes(*length)))?;
        matches!(body.get(start..)?, [0xa1..=0xa3, 0x64..=0x6c, ..]).then_some(start)
    };
    found().unwrap_or(code.len())
}

#[cfg(test)]
mod tests;
