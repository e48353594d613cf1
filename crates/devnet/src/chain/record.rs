//! Blocks as they are kept on disk: what has to be known to execute them again.

use alloy::{
    consensus::{TxEnvelope, transaction::Recovered},
    eips::eip2718::{Decodable2718, Encodable2718},
    primitives::{Address, B256, Bytes},
};
use serde::{Deserialize, Serialize};

use super::{Block, Chain, ChainError, Patch};

/// A block without what its execution gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockRecord {
    /// Its hash, which the execution must give.
    pub hash: B256,
    /// In seconds since the epoch.
    pub timestamp: u64,
    /// Changes at its start that no transaction makes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patches: Vec<Patch>,
    /// Senders and transactions (EIP-2718), in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transactions: Vec<(Address, Bytes)>,
}

impl BlockRecord {
    /// What has to be kept of a block.
    pub fn of(block: &Block) -> Self {
        let transactions = block.transactions.iter().map(|mined| (mined.tx.signer(), mined.tx.encoded_2718().into()));
        Self {
            hash: block.hash,
            timestamp: block.header.timestamp,
            patches: block.patches.clone(),
            transactions: transactions.collect(),
        }
    }
}

impl Chain {
    /// Executes a recorded block on top of the head. If the result is not the recorded block, the chain is in disorder and of no
    /// more use.
    pub fn replay(&mut self, record: &BlockRecord) -> Result<(), ChainError> {
        let number = self.height() + 1;
        let differs = ChainError::ReplayDiffers(number);
        let mut transactions = Vec::with_capacity(record.transactions.len());
        for (sender, bytes) in &record.transactions {
            let tx = TxEnvelope::decode_2718_exact(bytes).map_err(|_| differs.clone())?;
            transactions.push(Recovered::new_unchecked(tx, *sender));
        }
        self.patches = record.patches.clone();
        let hash = self.mine_listed(record.timestamp, transactions)?.hash;
        if hash == record.hash { Ok(()) } else { Err(differs) }
    }
}
