//! What can go wrong, by who has to act on it.

use alloy::primitives::{B256, U256};

/// A transaction that the chain does not take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TxError {
    /// The bytes are no EIP-2718 transaction.
    #[error("not a transaction: {0}")]
    Decode(String),
    /// Blob transactions and types unknown here.
    #[error("transaction type {0} is not supported")]
    UnsupportedType(u8),
    /// The signature recovers to no address.
    #[error("invalid signature")]
    Signature,
    /// Signed for another chain.
    #[error("wrong chain: the transaction is for {actual}, this is {expected}")]
    WrongChain {
        /// This chain's id.
        expected: u64,
        /// The id in the transaction.
        actual: u64,
    },
    /// In the pool or in a block already.
    #[error("already known")]
    AlreadyKnown,
    /// The account has used this nonce.
    #[error("nonce too low: next is {expected}, transaction has {actual}")]
    NonceTooLow {
        /// The account's next nonce.
        expected: u64,
        /// The transaction's.
        actual: u64,
    },
    /// So far ahead that the pool does not keep it.
    #[error("nonce too high: next is {expected}, transaction has {actual}, at most {limit} ahead are kept")]
    NonceTooHigh {
        /// The account's next nonce.
        expected: u64,
        /// The transaction's.
        actual: u64,
        /// How many nonces ahead the pool accepts.
        limit: u64,
    },
    /// The balance does not cover value and gas at the highest price.
    #[error("insufficient funds for gas * price + value: have {have} wei, need {need} wei")]
    InsufficientFunds {
        /// The sender's balance, in wei.
        have: U256,
        /// Gas limit times fee cap, plus value, in wei.
        need: U256,
    },
    /// Below what the bytes of the transaction alone cost.
    #[error("intrinsic gas too low: limit {limit}, at least {needed} are needed")]
    IntrinsicGas {
        /// The transaction's gas limit.
        limit: u64,
        /// The least that can be valid.
        needed: u64,
    },
    /// More than a transaction (EIP-7825) or a block may use.
    #[error("gas limit {limit} is above the cap of {cap}")]
    GasLimitTooHigh {
        /// The transaction's gas limit.
        limit: u64,
        /// The highest allowed.
        cap: u64,
    },
    /// Creation code above the limit of EIP-3860.
    #[error("creation code of {size} bytes is above the limit of {limit}")]
    InitCodeTooLarge {
        /// Bytes of the creation code.
        size: usize,
        /// The highest allowed.
        limit: usize,
    },
    /// `maxPriorityFeePerGas` above `maxFeePerGas`.
    #[error("the priority fee is above the fee cap")]
    TipAboveFeeCap,
    /// The pool holds a transaction with this nonce, and this one does not pay a tenth more on both fees.
    #[error("replacement transaction underpriced")]
    ReplacementUnderpriced,
    /// The pool is full.
    #[error("the pool is full ({0} transactions)")]
    PoolFull(usize),
}

/// A question or an order that does not fit the chain as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// No block with this number.
    #[error("unknown block {0}")]
    UnknownNumber(u64),
    /// No block with this hash.
    #[error("unknown block {0}")]
    UnknownHash(B256),
    /// The state of this block was forgotten.
    #[error("the state of block {number} is not kept: the oldest is {oldest}")]
    StateForgotten {
        /// The block asked for.
        number: u64,
        /// The first block whose state is known.
        oldest: u64,
    },
    /// A block's time must be above its parent's.
    #[error("timestamp {given} is not above the parent's {parent}")]
    Timestamp {
        /// Given, in seconds since the epoch.
        given: u64,
        /// The parent's, in seconds since the epoch.
        parent: u64,
    },
    /// The first block is below, or its state is forgotten.
    #[error("cannot drop {depth} blocks: at most {most} can be")]
    TooDeep {
        /// Blocks asked to be dropped.
        depth: u64,
        /// The most that can be.
        most: u64,
    },
    /// A recorded block that its execution does not give.
    #[error("block {0} is not what was recorded")]
    ReplayDiffers(u64),
    /// No snapshot with this id, or the chain has been taken back to before it.
    #[error("unknown snapshot {0}")]
    UnknownSnapshot(u64),
    /// A range of blocks whose end is before its start.
    #[error("the range of blocks ends before it starts")]
    EmptyRange,
    /// More logs than one answer holds.
    #[error("more than {0} logs match: ask for fewer blocks")]
    TooManyLogs(usize),
}
