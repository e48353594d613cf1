//! What the driver has to know.

use perunika_core::{Address, Domain};

/// Settings of a [`connect`](crate::connect).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainConfig {
    /// JSON-RPC endpoint, `http://…`.
    pub rpc_url: String,
    /// Id that the chain must have.
    pub chain_id: u64,
    /// Where the Adjudicator must be.
    pub adjudicator: Address,
    /// A block is final when this many blocks are above it.
    pub finality_depth: u64,
    /// Milliseconds between looks at the head.
    pub poll_ms: u64,
    /// Milliseconds after which a request counts as failed.
    pub request_timeout_ms: u64,
    /// Milliseconds after which a transaction that is not included is sent again at a higher fee.
    pub resend_after_ms: u64,
    /// Most that a unit of gas may cost, in wei.
    pub max_fee_per_gas_wei: u128,
    /// Most blocks that one search for events covers.
    pub log_chunk_blocks: u64,
    /// Most calls in one batch.
    pub batch_max: usize,
}

impl ChainConfig {
    /// Settings for a development chain: one block deep, four looks a second.
    pub fn new(rpc_url: impl Into<String>, chain_id: u64, adjudicator: Address) -> Self {
        Self {
            rpc_url: rpc_url.into(),
            chain_id,
            adjudicator,
            finality_depth: 1,
            poll_ms: 250,
            request_timeout_ms: 10_000,
            resend_after_ms: 30_000,
            max_fee_per_gas_wei: 500_000_000_000,
            log_chunk_blocks: 2_000,
            batch_max: 100,
        }
    }

    /// The domain of the Adjudicator.
    pub fn domain(&self) -> Domain {
        Domain { chain_id: self.chain_id, adjudicator: self.adjudicator }
    }
}
