//! Checks before anything is believed, and the deployment of the contract.

use crate::config::ChainConfig;
use crate::follow::Follower;
use crate::handle::{ChainHandle, ChainOutput};
use crate::rpc::{Rpc, RpcError, Trial};
use crate::send::{Sender, gas_limit};
use crate::wallet::OwnerKey;
use alloy::consensus::TxEip1559;
use alloy::primitives::{TxKind, U256};
use perunika_contracts::{creation_code, extension_address, is_adjudicator, is_extension};
use perunika_core::chain::Block;
use perunika_core::{Address, B256, Domain};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};

/// Outputs that may wait for the node before the driver pauses.
const OUTPUTS_MAX: usize = 1_024;
/// Longest pause before a question that a node could not answer yet is asked again.
const AGAIN_AFTER_MAX_MS: u64 = 250;
/// How long [`deploy`] waits for its block.
const DEPLOY_TIMEOUT: Duration = Duration::from_secs(180);
const DEPLOY_POLL: Duration = Duration::from_millis(100);
const DEPLOY_REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Why the driver does not start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// The URL is of no use.
    #[error("{url} is not an address of a chain: {reason}")]
    InvalidUrl {
        /// As configured.
        url: String,
        /// In words.
        reason: String,
    },
    /// Nobody answers there, or not as an Ethereum node would.
    #[error("no chain answers at {url}: {reason}")]
    Unreachable {
        /// As configured.
        url: String,
        /// In words.
        reason: String,
    },
    /// It is another chain.
    #[error("the chain at {url} has the id {actual}, but {expected} is configured")]
    WrongChain {
        /// As configured.
        url: String,
        /// As configured.
        expected: u64,
        /// As the node says.
        actual: u64,
    },
    /// Nothing is deployed there.
    #[error("there is no contract at {0}; deploy the Adjudicator or configure its address")]
    NoCode(Address),
    /// Something else is deployed there.
    #[error("the contract at {0} is not the Adjudicator of this version")]
    ForeignCode(Address),
    /// The second half of the Adjudicator is not there, or is another: it moves the same money.
    #[error("what lies at {0} is not the second half of the Adjudicator of this version")]
    ForeignExtension(Address),
}

/// Why there is no contract.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeployError {
    /// The URL is of no use.
    #[error("{0} is not an address of a chain: {1}")]
    InvalidUrl(String, String),
    /// Nobody answers, or the node refuses.
    #[error("the Adjudicator cannot be deployed: {0}")]
    Refused(String),
    /// The transaction was included and failed.
    #[error("the deployment {0} failed on chain")]
    Failed(B256),
    /// It was not included in time; it may still be.
    #[error("the deployment {0} was not included within {1} seconds")]
    TimedOut(B256, u64),
}

impl From<RpcError> for DeployError {
    fn from(error: RpcError) -> Self {
        Self::Refused(error.to_string())
    }
}

/// A fresh Adjudicator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deployed {
    /// Where it is.
    pub address: Address,
    /// Gas used.
    pub gas: u64,
    /// The transaction.
    pub hash: B256,
}

/// Checks that the chain is reachable, is the configured one and has the Adjudicator, and starts the driver with `owner` as the
/// account that sends.
pub async fn connect(
    config: ChainConfig,
    owner: OwnerKey,
) -> Result<(ChainHandle, mpsc::Receiver<ChainOutput>), ConnectError> {
    let rpc = check(&config).await?;
    let config = Arc::new(config);
    let (outputs, heard) = mpsc::channel(OUTPUTS_MAX);
    let (watches, watch_commands) = mpsc::unbounded_channel();
    let (requests, request_commands) = mpsc::unbounded_channel();
    let (head_out, head) = watch::channel(Block::default());
    let handle = ChainHandle {
        config: Arc::clone(&config),
        owner: owner.address(),
        key: owner.clone(),
        rpc: rpc.clone(),
        watches,
        requests,
        head: head.clone(),
    };
    let follower = Follower::new(rpc.clone(), Arc::clone(&config), outputs.clone(), head_out);
    tokio::spawn(follower.run(watch_commands));
    tokio::spawn(Sender::new(rpc, config, owner, outputs, head).run(request_commands));
    Ok((handle, heard))
}

async fn check(config: &ChainConfig) -> Result<Rpc, ConnectError> {
    let url = config.rpc_url.clone();
    let timeout = Duration::from_millis(config.request_timeout_ms);
    let again_after = Duration::from_millis(config.poll_ms.clamp(1, AGAIN_AFTER_MAX_MS));
    let rpc = Rpc::new(&url, config.adjudicator, timeout, config.batch_max, again_after)
        .map_err(|reason| ConnectError::InvalidUrl { url: url.clone(), reason })?;
    verify(&rpc, config).await?;
    Ok(rpc)
}

/// Whether the node is one of the configured chain and the Adjudicator is there.
pub(crate) async fn verify(rpc: &Rpc, config: &ChainConfig) -> Result<(), ConnectError> {
    let url = config.rpc_url.clone();
    let unreachable = |error: RpcError| ConnectError::Unreachable { url: url.clone(), reason: error.to_string() };
    let actual = rpc.chain_id().await.map_err(unreachable)?;
    if actual != config.chain_id {
        return Err(ConnectError::WrongChain { url, expected: config.chain_id, actual });
    }
    let code = rpc.code(config.adjudicator).await.map_err(unreachable)?;
    if code.is_empty() {
        return Err(ConnectError::NoCode(config.adjudicator));
    }
    if !is_adjudicator(&code, &config.domain()) {
        return Err(ConnectError::ForeignCode(config.adjudicator));
    }
    let extension = extension_address(config.adjudicator);
    if !is_extension(&rpc.code(extension).await.map_err(unreachable)?) {
        return Err(ConnectError::ForeignExtension(extension));
    }
    Ok(())
}

/// Deploys the Adjudicator from `owner`'s account and waits for the block.
pub async fn deploy(rpc_url: &str, owner: &OwnerKey) -> Result<Deployed, DeployError> {
    let rpc = Rpc::new(rpc_url, Address::ZERO, DEPLOY_REQUEST_TIMEOUT, 1, DEPLOY_POLL)
        .map_err(|reason| DeployError::InvalidUrl(rpc_url.to_owned(), reason))?;
    let trial = Trial { from: owner.address(), to: None, value: U256::ZERO, data: creation_code() };
    let fees = rpc.suggested_fees().await?;
    let tx = TxEip1559 {
        chain_id: rpc.chain_id().await?,
        nonce: rpc.next_nonce(owner.address()).await?,
        gas_limit: gas_limit(rpc.estimate_gas(&trial).await?),
        max_fee_per_gas: fees.max,
        max_priority_fee_per_gas: fees.tip,
        to: TxKind::Create,
        value: U256::ZERO,
        access_list: Default::default(),
        input: trial.data,
    };
    let domain = Domain { chain_id: tx.chain_id, adjudicator: owner.address().create(tx.nonce) };
    let (hash, raw) = owner.sign(tx).map_err(DeployError::Refused)?;
    rpc.send_raw(&raw).await?;
    let started = Instant::now();
    while started.elapsed() < DEPLOY_TIMEOUT {
        if let Some(receipt) = rpc.receipt(hash).await? {
            if !receipt.status() {
                return Err(DeployError::Failed(hash));
            }
            let extension = rpc.code(extension_address(domain.adjudicator)).await?;
            if !is_adjudicator(&rpc.code(domain.adjudicator).await?, &domain) || !is_extension(&extension) {
                return Err(DeployError::Refused("the node does not keep the code that was sent".to_owned()));
            }
            return Ok(Deployed { address: domain.adjudicator, gas: receipt.gas_used, hash });
        }
        sleep(DEPLOY_POLL).await;
    }
    Err(DeployError::TimedOut(hash, DEPLOY_TIMEOUT.as_secs()))
}
