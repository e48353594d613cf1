//! A block as the chain keeps it.

use alloy::{
    consensus::{Header, ReceiptEnvelope, TxEnvelope, transaction::Recovered},
    primitives::{Address, B256, Bytes, TxHash},
};

use super::{Patch, call::Outcome};

/// A mined block with its transactions and their receipts.
#[derive(Clone, Debug)]
pub struct Block {
    /// The hash of the header.
    pub hash: B256,
    /// The header, as mainnet has it (but see the crate's documentation for `stateRoot`).
    pub header: Header,
    /// The transactions, in order of execution.
    pub transactions: Vec<MinedTx>,
    /// Transactions that left the pool when this block was mined because they can never run. Not part of the hash.
    pub dropped: Vec<Dropped>,
    /// Changes of the state at its start that no transaction makes. Not part of the hash.
    pub patches: Vec<Patch>,
}

/// A transaction of a block, with what it did.
#[derive(Clone, Debug)]
pub struct MinedTx {
    /// Hash of the transaction.
    pub hash: TxHash,
    /// The transaction and its sender.
    pub tx: Recovered<TxEnvelope>,
    /// The receipt, as it enters the receipts' root.
    pub receipt: ReceiptEnvelope,
    /// Gas that this transaction alone used, after refunds.
    pub gas_used: u64,
    /// What the sender paid per gas, in wei: the base fee and the tip.
    pub effective_gas_price: u128,
    /// The contract that a successful creation made.
    pub contract_address: Option<Address>,
    /// What the transaction returned, or the revert data.
    pub output: Bytes,
    /// How it ended.
    pub outcome: Outcome,
    /// Position, within the block, of this transaction's first log.
    pub first_log: u64,
}

/// A transaction that the pool gave up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// Hash of the transaction.
    pub hash: TxHash,
    /// Why it cannot run.
    pub reason: String,
}
