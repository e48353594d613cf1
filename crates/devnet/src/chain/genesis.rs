//! What a chain starts from.

use std::collections::BTreeMap;

use alloy::primitives::{Address, Bytes, U256};
use serde::{Deserialize, Serialize};

/// The first block and the parameters of the chain.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Genesis {
    /// Chain id of EIP-155; 31337 by default.
    pub chain_id: u64,
    /// Time of the first block, in seconds since the epoch.
    pub timestamp: u64,
    /// The accounts of the first block.
    pub alloc: BTreeMap<Address, GenesisAccount>,
    /// Base fee of the first block, in wei per gas; 1 gwei by default.
    pub base_fee: u64,
    /// Gas limit of every block; 60 million by default.
    pub gas_limit: u64,
    /// How many blocks behind the head the tags `safe` and `finalized` point; 1 by default.
    pub finality_depth: u64,
    /// For how many blocks behind the head the state stays known; 65,536 by default.
    pub history_blocks: u64,
    /// Who receives the tips; the zero address by default.
    pub beneficiary: Address,
}

/// An account of the first block.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct GenesisAccount {
    /// In wei.
    pub balance: U256,
    /// The nonce of its next transaction.
    pub nonce: u64,
    /// Runtime code; empty for an account with a key.
    pub code: Bytes,
    /// Storage by slot.
    pub storage: BTreeMap<U256, U256>,
}

impl Genesis {
    /// An empty chain with the default parameters that starts at `timestamp`, in seconds since the epoch.
    pub fn at(timestamp: u64) -> Self {
        Self {
            chain_id: 31_337,
            timestamp,
            alloc: BTreeMap::new(),
            base_fee: 1_000_000_000,
            gas_limit: 60_000_000,
            finality_depth: 1,
            history_blocks: 65_536,
            beneficiary: Address::ZERO,
        }
    }

    /// Gives `address` a balance, in wei.
    #[must_use]
    pub fn fund(mut self, address: Address, wei: U256) -> Self {
        self.alloc.entry(address).or_default().balance = wei;
        self
    }

    /// Puts runtime code at `address`.
    #[must_use]
    pub fn code(mut self, address: Address, code: Bytes) -> Self {
        self.alloc.entry(address).or_default().code = code;
        self
    }
}
