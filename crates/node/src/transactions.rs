//! What the node sent to the chain, and what it cost.

use crate::engine::TxEnd;
use crate::engine::journal::Entry;
use perunika_core::B256;
use perunika_core::chain::TxOutcome;
use perunika_store::{Op, Store, StoreError};
use serde::{Deserialize, Serialize};

const PREFIX: &[u8] = b"tx/";

/// A transaction whose end is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Transaction {
    /// The contract function.
    pub(crate) name: String,
    /// Its hash, if it was included.
    pub(crate) hash: Option<B256>,
    /// Block that includes it.
    pub(crate) block: Option<u64>,
    /// Gas used.
    pub(crate) gas: u64,
    /// What the sender paid, wei.
    pub(crate) fee: u128,
    /// Why it failed, if it did.
    pub(crate) failure: Option<String>,
}

/// The write that remembers it. A transaction that is reported again, after a reorg, replaces its record.
pub(crate) fn record(end: &TxEnd) -> Op {
    let hash = end.cost.map(|cost| cost.hash);
    let failure = match &end.outcome {
        TxOutcome::Mined { .. } => None,
        TxOutcome::Failed { reason } => Some(reason.clone()),
    };
    let transaction = Transaction {
        name: end.name.clone(),
        hash,
        block: end.cost.map(|cost| cost.block),
        gas: end.cost.map_or(0, |cost| cost.gas),
        fee: end.cost.map_or(0, |cost| cost.fee),
        failure,
    };
    let key = key(hash.unwrap_or(end.key.0));
    match postcard::to_stdvec(&transaction) {
        Ok(value) => Op::Put { key, value },
        Err(_) => Op::Delete { key },
    }
}

/// The write that forgets a transaction that a reorg removed: nothing was paid for it.
pub(crate) fn forget(hash: B256) -> Op {
    Op::Delete { key: key(hash) }
}

fn key(id: B256) -> Vec<u8> {
    [PREFIX, id.as_slice()].concat()
}

/// What programs are told of it.
pub(crate) fn entry(end: &TxEnd) -> Entry {
    let failure = match &end.outcome {
        TxOutcome::Mined { .. } => None,
        TxOutcome::Failed { reason } => Some(reason.clone()),
    };
    Entry::Transaction(end.name.clone(), end.cost.map(|cost| cost.hash), failure)
}

/// All of them with their ids, the oldest first.
pub(crate) fn list(store: &Store) -> Result<Vec<(B256, Transaction)>, StoreError> {
    let records = store.scan_prefix(PREFIX)?;
    let read = |(key, value): &(Vec<u8>, Vec<u8>)| {
        Some((B256::try_from(&key[PREFIX.len()..]).ok()?, postcard::from_bytes::<Transaction>(value).ok()?))
    };
    let mut all: Vec<(B256, Transaction)> = records.iter().filter_map(read).collect();
    all.sort_by_key(|(id, transaction)| (transaction.block.unwrap_or(u64::MAX), *id));
    Ok(all)
}
