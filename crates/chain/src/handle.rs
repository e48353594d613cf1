//! What a node holds of the driver, and what it hears from it.

use crate::config::ChainConfig;
use crate::rpc::{Rpc, RpcError};
use crate::wallet::OwnerKey;
use alloy::primitives::U256;
use perunika_contracts::view;
use perunika_core::chain::{Block, Call, ChainUpdate, TxKey, TxOutcome, Watch};
use perunika_core::{Address, B256};
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

/// News from the driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChainOutput {
    /// A new head, or objects that were not seen yet.
    Update(ChainUpdate),
    /// The end of a transaction. After a reorg that removes it, it is sent again by itself and reported again.
    Transaction {
        /// As given with [`ChainHandle::submit`].
        key: TxKey,
        /// The contract function.
        name: &'static str,
        /// The result.
        outcome: TxOutcome,
        /// What it cost, if it was included (successful or not).
        cost: Option<TxCost>,
    },
    /// A reorg removed a transaction whose inclusion was reported: what it cost was not paid. If it is included again, or
    /// another version of it is, that is reported too.
    Removed {
        /// Its hash, as in [`TxCost`].
        hash: B256,
    },
    /// The chain cannot be read at present; said once.
    Offline {
        /// In words.
        reason: String,
    },
    /// It can be read again.
    Online,
    /// A block that was reported as final is not in the chain any more: the chain was reorganised more deeply than
    /// [`ChainConfig::finality_depth`] allows for, or the node does not tell the truth. The next update shows the other branch;
    /// what was done in reliance on the lost one may be lost. The driver goes on.
    FinalityBroken {
        /// The newest block that had been final.
        lost: Block,
    },
}

/// An included transaction, for statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TxCost {
    /// Its hash.
    pub hash: B256,
    /// Block that includes it.
    pub block: u64,
    /// Gas used.
    pub gas: u64,
    /// Price of a unit of gas, in wei.
    pub gas_price_wei: u128,
}

impl TxCost {
    /// What the sender paid, in wei.
    pub fn fee_wei(&self) -> u128 {
        u128::from(self.gas).saturating_mul(self.gas_price_wei)
    }
}

/// A single question to the chain that was not answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the chain does not answer: {0}")]
pub struct ChainError(pub(crate) String);

impl From<RpcError> for ChainError {
    fn from(error: RpcError) -> Self {
        Self(error.to_string())
    }
}

/// A wish of what to follow.
#[derive(Debug)]
pub(crate) enum Following {
    Watch(Watch),
    Unwatch(Watch),
}

/// A wish for a transaction.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) key: TxKey,
    pub(crate) call: Call,
    pub(crate) deadline: Option<u64>,
}

/// Commands to the driver. The tasks end when all handles, or the receiver of the outputs, are dropped.
///
/// Commands are queued without bound: each names an object or a wish of the participant, which bounds both, and losing one is
/// worse than keeping it.
#[derive(Clone, Debug)]
pub struct ChainHandle {
    pub(crate) config: Arc<ChainConfig>,
    pub(crate) owner: Address,
    pub(crate) key: OwnerKey,
    pub(crate) rpc: Rpc,
    pub(crate) watches: mpsc::UnboundedSender<Following>,
    pub(crate) requests: mpsc::UnboundedSender<Request>,
    pub(crate) head: watch::Receiver<Block>,
}

impl ChainHandle {
    /// Follows an object from now on; its first view comes at once. Asked for twice, it is followed once.
    pub fn watch(&self, watch: Watch) {
        // A closed channel means that nobody listens to the outputs any more.
        let _ = self.watches.send(Following::Watch(watch));
    }

    /// Forgets an object: it costs nothing any more, and no update names it again, unless it is watched again. For objects that
    /// are over in a final block.
    pub fn unwatch(&self, watch: Watch) {
        let _ = self.watches.send(Following::Unwatch(watch));
    }

    /// Sends a call from the owner's account. Asked for twice under one key while pending, it is sent once. After `deadline`
    /// (seconds since the epoch, by the head's timestamp) it is not sent any more.
    pub fn submit(&self, key: TxKey, call: Call, deadline: Option<u64>) {
        let _ = self.requests.send(Request { key, call, deadline });
    }

    /// The owner's address.
    pub fn owner(&self) -> Address {
        self.owner
    }

    /// The settings.
    pub fn config(&self) -> &ChainConfig {
        &self.config
    }

    /// The newest block that was reported; number 0 and no hash before the first.
    pub fn head(&self) -> Block {
        *self.head.borrow()
    }

    /// Balance of an account at the head, in wei.
    pub async fn balance(&self, account: Address) -> Result<U256, ChainError> {
        Ok(self.rpc.balance(account).await?)
    }

    /// What a transaction would offer for a unit of gas at present, in wei: the most that it would pay, tip included.
    pub async fn gas_price(&self) -> Result<u128, ChainError> {
        Ok(self.rpc.suggested_fees().await?.capped(self.config.max_fee_per_gas_wei).max)
    }

    /// What waits for `owner` in the Adjudicator's vault, in the asset's smallest unit (zero address: ETH, in wei).
    pub async fn vault(&self, asset: Address, owner: Address) -> Result<U256, ChainError> {
        let answer = self.rpc.view(view::vault_call(asset, owner)).await?;
        view::vault(&answer).map_err(|error| ChainError(error.to_string()))
    }
}
