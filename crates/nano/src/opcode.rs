//! What each opcode may do to the promise that a run depends on nothing but what it is told.

use revm::bytecode::opcode::{self as op, OpCode};

/// How the filter treats an opcode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Its result depends on the code, the calldata and the gas only.
    Pure,
    /// Allowed where a `STATICCALL` follows at once.
    Gas,
    /// Allowed where the callee is known.
    StaticCall,
    /// Never allowed, and what it would do.
    Refused(&'static str),
    /// Means nothing today; a later fork may give it a meaning.
    Unassigned,
}

const STORAGE: &str = "it reads or writes the storage of whatever account holds the code";
const EFFECT: &str = "a step has no effects besides its result";
const CALL: &str = "only STATICCALL is allowed";
const ENVIRONMENT: &str = "it differs between a run on the chain and one off it; use what the step's context says";

/// The class of `byte` under the rules of Osaka.
pub(crate) fn class(byte: u8) -> Class {
    match byte {
        op::STOP..=op::SIGNEXTEND | op::LT..=op::CLZ | op::KECCAK256 => Class::Pure,
        // CALLVALUE is 0 in every static call; compilers check it.
        op::CALLVALUE | op::CALLDATALOAD..=op::CODECOPY => Class::Pure,
        op::RETURNDATASIZE | op::RETURNDATACOPY => Class::Pure,
        op::ADDRESS..=op::CALLER | op::GASPRICE..=op::EXTCODECOPY | op::EXTCODEHASH => Class::Refused(ENVIRONMENT),
        op::BLOCKHASH..=op::BLOBBASEFEE => Class::Refused(ENVIRONMENT),
        op::SLOAD | op::SSTORE | op::TLOAD | op::TSTORE => Class::Refused(STORAGE),
        op::GAS => Class::Gas,
        op::POP..=op::MSTORE8 | op::JUMP..=op::MSIZE | op::JUMPDEST | op::MCOPY => Class::Pure,
        op::PUSH0..=op::SWAP16 => Class::Pure,
        op::LOG0..=op::LOG4 | op::CREATE | op::CREATE2 | op::SELFDESTRUCT => Class::Refused(EFFECT),
        op::CALL | op::CALLCODE | op::DELEGATECALL => Class::Refused(CALL),
        op::STATICCALL => Class::StaticCall,
        op::RETURN | op::REVERT | op::INVALID => Class::Pure,
        _ => Class::Unassigned,
    }
}

/// The name that assemblers use, such as `SLOAD`.
pub(crate) fn name(byte: u8) -> &'static str {
    match byte {
        op::DIFFICULTY => "PREVRANDAO",
        _ => OpCode::new(byte).map_or("unassigned", |code| code.as_str()),
    }
}

/// Bytes of data behind the opcode.
pub(crate) fn immediate(byte: u8) -> usize {
    if (op::PUSH1..=op::PUSH32).contains(&byte) { usize::from(byte - op::PUSH0) } else { 0 }
}

/// What an allowed opcode takes from the stack and puts there.
pub(crate) fn stack_io(byte: u8) -> (usize, usize) {
    OpCode::new(byte).map_or((0, 0), |code| (usize::from(code.inputs()), usize::from(code.outputs())))
}
