//! What the node sent to the chain, and what it cost.

use crate::engine::TxEnd;
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
    let key = [PREFIX, hash.unwrap_or(end.key.0).as_slice()].concat();
    match postcard::to_stdvec(&transaction) {
        Ok(value) => Op::Put { key, value },
        Err(_) => Op::Delete { key },
    }
}

/// All of them, the oldest first.
pub(crate) fn list(store: &Store) -> Result<Vec<Transaction>, StoreError> {
    let records = store.scan_prefix(PREFIX)?;
    let mut all: Vec<Transaction> = records.iter().filter_map(|(_, value)| postcard::from_bytes(value).ok()).collect();
    all.sort_by_key(|transaction| transaction.block.unwrap_or(u64::MAX));
    Ok(all)
}
