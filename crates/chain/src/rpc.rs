//! The few questions that the driver asks a node.

use crate::fees::Fees;
use alloy::consensus::BlockHeader;
use alloy::eips::{BlockId, BlockNumberOrTag, RpcBlockHash};
use alloy::network::Ethereum;
use alloy::primitives::{Bloom, BloomInput, Bytes, U256};
use alloy::providers::utils::{Eip1559Estimation, Eip1559Estimator};
use alloy::providers::{Provider, RootProvider};
use alloy::rpc::client::{BatchRequest, RpcClient};
use alloy::rpc::types::{Filter, Log, TransactionReceipt, TransactionRequest};
use alloy::transports::http::reqwest;
use alloy::transports::{RpcError as AlloyError, TransportErrorKind};
use futures::stream::{self, StreamExt, TryStreamExt};
use perunika_core::chain::Block;
use perunika_core::{Address, B256};
use std::time::Duration;
use tokio::time::sleep;

/// Batches under way at the same time.
const BATCHES_AT_ONCE: usize = 4;
/// How often a batch that a node refused is sent again.
const AGAIN_MAX: u32 = 4;

/// Latest time of a block that is believed, seconds: what the contract can count, and far from where sums overflow.
const TIME_MAX: u64 = (1 << 40) - 1;

/// Why a question was not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RpcError {
    /// No answer, or none that can be understood. Worth another try.
    Unreachable(String),
    /// The node does not have what belongs to a block that it, or another one behind the same address, has shown.
    Missing(String),
    /// The node understood and refused.
    Refused(String),
    /// The call was run and reverted with this data.
    Reverted(Bytes),
}

impl std::fmt::Display for RpcError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unreachable(reason) | Self::Refused(reason) => f.write_str(reason),
            Self::Missing(what) => write!(f, "the node lacks {what}"),
            Self::Reverted(data) => f.write_str(&perunika_contracts::revert_reason(data)),
        }
    }
}

impl From<AlloyError<TransportErrorKind>> for RpcError {
    fn from(error: AlloyError<TransportErrorKind>) -> Self {
        /// "Limit exceeded" of EIP-1474.
        const LIMIT_EXCEEDED: i64 = -32_005;
        let Some(payload) = error.as_error_resp() else {
            return Self::Unreachable(error.to_string());
        };
        if let Some(data) = payload.as_revert_data() {
            return Self::Reverted(data);
        }
        let message = payload.message.to_string();
        if message.contains("execution reverted") {
            return Self::Reverted(Bytes::new());
        }
        if payload.code == LIMIT_EXCEEDED { Self::Unreachable(message) } else { Self::Refused(message) }
    }
}

type Result<T> = std::result::Result<T, RpcError>;

/// A number of transactions that an account can have sent; far from where a count of more of them overflows.
fn believable(nonce: u64) -> Result<u64> {
    const NONCE_MAX: u64 = 1 << 48;
    if nonce <= NONCE_MAX {
        Ok(nonce)
    } else {
        Err(RpcError::Unreachable(format!("the node counts {nonce} transactions")))
    }
}

/// A block and its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) block: Block,
    pub(crate) parent: B256,
    /// Of all logs in it.
    pub(crate) bloom: Bloom,
}

/// A transaction as `eth_call` and `eth_estimateGas` want it.
#[derive(Clone, Debug)]
pub(crate) struct Trial {
    pub(crate) from: Address,
    /// `None` creates a contract.
    pub(crate) to: Option<Address>,
    pub(crate) value: U256,
    pub(crate) data: Bytes,
}

impl Trial {
    fn request(&self) -> TransactionRequest {
        let request = TransactionRequest::default().from(self.from).value(self.value).input(self.data.clone().into());
        match self.to {
            Some(to) => request.to(to),
            None => request.create(),
        }
    }
}

/// A node, and the contract that most questions are about.
#[derive(Clone, Debug)]
pub(crate) struct Rpc {
    provider: RootProvider<Ethereum>,
    adjudicator: Address,
    batch_max: usize,
    again_after: Duration,
}

impl Rpc {
    /// Does not connect yet. Fails if the URL is none, or not of a kind that this build speaks.
    pub(crate) fn new(
        url: &str,
        adjudicator: Address,
        timeout: Duration,
        batch_max: usize,
        again_after: Duration,
    ) -> std::result::Result<Self, String> {
        let url: reqwest::Url = url.parse().map_err(|error| format!("{error}"))?;
        if url.scheme() != "http" {
            return Err(format!("the scheme is {}, only http is supported", url.scheme()));
        }
        let client = reqwest::Client::builder().timeout(timeout).build().map_err(|error| error.to_string())?;
        let client = RpcClient::new_http_with_client(client, url);
        Ok(Self { again_after, ..Self::over(client, adjudicator, batch_max) })
    }

    /// Over a client of any kind; what a node could not answer yet is asked again at once.
    pub(crate) fn over(client: RpcClient, adjudicator: Address, batch_max: usize) -> Self {
        let provider = RootProvider::new(client);
        Self { provider, adjudicator, batch_max: batch_max.max(1), again_after: Duration::ZERO }
    }

    /// The contract that most questions are about.
    pub(crate) fn adjudicator(&self) -> Address {
        self.adjudicator
    }

    pub(crate) async fn chain_id(&self) -> Result<u64> {
        Ok(self.provider.get_chain_id().await?)
    }

    pub(crate) async fn code(&self, address: Address) -> Result<Bytes> {
        Ok(self.provider.get_code_at(address).await?)
    }

    pub(crate) async fn balance(&self, account: Address) -> Result<U256> {
        Ok(self.provider.get_balance(account).await?)
    }

    pub(crate) async fn head(&self) -> Result<Header> {
        let missing = || RpcError::Unreachable("the node has no newest block".to_owned());
        self.header(BlockId::latest()).await?.ok_or_else(missing)
    }

    /// A block that the chain has, whatever is there now.
    pub(crate) async fn header_at(&self, number: u64) -> Result<Header> {
        self.existing(BlockId::number(number)).await
    }

    /// A block that was heard of.
    pub(crate) async fn header_of(&self, hash: B256) -> Result<Header> {
        self.existing(BlockId::hash(hash)).await
    }

    /// What one of several nodes behind an address lacks, another one has, or the same one a moment later.
    async fn existing(&self, id: BlockId) -> Result<Header> {
        for _ in 0..AGAIN_MAX {
            if let Some(header) = self.header(id).await? {
                return Ok(header);
            }
            sleep(self.again_after).await;
        }
        self.header(id).await?.ok_or_else(|| RpcError::Missing(format!("block {id}")))
    }

    /// Whether the chain has this block now; nothing if it is not that long, or the node is behind.
    pub(crate) async fn header_by_number(&self, number: u64) -> Result<Option<Header>> {
        self.header(BlockId::number(number)).await
    }

    async fn header(&self, id: BlockId) -> Result<Option<Header>> {
        let block = self.provider.get_block(id).await?;
        if let Some(time) = block.as_ref().map(|block| block.header.timestamp()).filter(|time| *time > TIME_MAX) {
            return Err(RpcError::Unreachable(format!(
                "the node's {id} is of the second {time}, which no block can be of"
            )));
        }
        Ok(block.map(|block| Header {
            block: Block { number: block.header.number(), time: block.header.timestamp(), hash: block.header.hash },
            parent: block.header.parent_hash(),
            bloom: block.header.logs_bloom(),
        }))
    }

    /// All logs of the Adjudicator in one block.
    pub(crate) async fn logs_in(&self, block: &Header) -> Result<Vec<Log>> {
        let filter = Filter::new().address(self.adjudicator).at_block_hash(block.block.hash);
        let expected = self.may_have_logs(block);
        let mut attempts = 0;
        loop {
            let logs = self.provider.get_logs(&filter).await.map_err(RpcError::from);
            let again = match &logs {
                Ok(logs) => expected && logs.is_empty(),
                Err(error) => matches!(error, RpcError::Refused(_)),
            };
            // Nodes know the logs of a new block a moment after the block itself.
            if !again || attempts == AGAIN_MAX {
                return logs;
            }
            attempts += 1;
            sleep(self.again_after).await;
        }
    }

    /// False only if the block has no log of the Adjudicator for sure.
    pub(crate) fn may_have_logs(&self, block: &Header) -> bool {
        block.bloom.contains_input(BloomInput::Raw(self.adjudicator.as_slice()))
    }

    /// Logs of the Adjudicator about one object in a range of blocks, both ends included.
    pub(crate) async fn logs_about(&self, object: B256, topics: &[B256], from: u64, to: u64) -> Result<Vec<Log>> {
        let filter = Filter::new()
            .address(self.adjudicator)
            .event_signature(topics.to_vec())
            .topic1(object)
            .from_block(from)
            .to_block(to);
        Ok(self.provider.get_logs(&filter).await?)
    }

    /// A view of the Adjudicator at the head.
    pub(crate) async fn view(&self, data: Bytes) -> Result<Bytes> {
        Ok(self.provider.call(self.view_request(data)).await?)
    }

    /// Calls of any contracts on the state of one block, in batches; each answers for itself, in the order of the calls.
    pub(crate) async fn reads(&self, calls: &[(Address, Bytes)], at: BlockId) -> Result<Vec<Result<Bytes>>> {
        let mut answers = Vec::with_capacity(calls.len());
        for chunk in calls.chunks(self.batch_max) {
            let mut batch = BatchRequest::new(self.provider.client());
            let mut waiting = Vec::with_capacity(chunk.len());
            for (to, data) in chunk {
                let request = TransactionRequest::default().to(*to).input(data.clone().into());
                waiting.push(batch.add_call::<_, Bytes>("eth_call", &(request, at))?);
            }
            batch.send().await?;
            for answer in waiting {
                match answer.await.map_err(RpcError::from) {
                    Err(error @ RpcError::Unreachable(_)) => return Err(error),
                    answer => answers.push(answer),
                }
            }
        }
        Ok(answers)
    }

    /// Views of the Adjudicator at one block, in batches; the answers come in the order of the calls.
    pub(crate) async fn views_at(&self, calls: &[Bytes], block: B256) -> Result<Vec<Bytes>> {
        let batches: Vec<_> = calls.chunks(self.batch_max).map(|chunk| self.batch_at(chunk, block)).collect();
        let answers: Vec<Vec<Bytes>> = stream::iter(batches).buffered(BATCHES_AT_ONCE).try_collect().await?;
        Ok(answers.concat())
    }

    /// One batch. What one of several nodes behind an address lacks, another one has, or the same one a moment later.
    async fn batch_at(&self, calls: &[Bytes], block: B256) -> Result<Vec<Bytes>> {
        let mut attempts = 0;
        loop {
            let error = match self.try_batch_at(calls, block).await {
                Err(error @ (RpcError::Refused(_) | RpcError::Missing(_))) if attempts < AGAIN_MAX => error,
                result => return result,
            };
            tracing::debug!(%error, %block, "asks again");
            attempts += 1;
            sleep(self.again_after).await;
        }
    }

    async fn try_batch_at(&self, calls: &[Bytes], block: B256) -> Result<Vec<Bytes>> {
        let at = BlockId::Hash(RpcBlockHash { block_hash: block, require_canonical: None });
        let mut batch = BatchRequest::new(self.provider.client());
        let mut waiting = Vec::with_capacity(calls.len());
        for data in calls {
            waiting.push(batch.add_call::<_, Bytes>("eth_call", &(self.view_request(data.clone()), at))?);
        }
        batch.send().await?;
        let mut answers = Vec::with_capacity(calls.len());
        for answer in waiting {
            answers.push(answer.await?);
        }
        Ok(answers)
    }

    fn view_request(&self, data: Bytes) -> TransactionRequest {
        TransactionRequest::default().to(self.adjudicator).input(data.into())
    }

    /// Runs a transaction in the block that would be next.
    pub(crate) async fn try_next(&self, trial: &Trial) -> Result<()> {
        self.try_at(trial, BlockId::pending()).await
    }

    /// Runs a transaction on the state of a block.
    pub(crate) async fn try_at(&self, trial: &Trial, at: BlockId) -> Result<()> {
        self.provider.call(trial.request()).block(at).await?;
        Ok(())
    }

    pub(crate) async fn estimate_gas(&self, trial: &Trial) -> Result<u64> {
        Ok(self.provider.estimate_gas(trial.request()).block(BlockId::pending()).await?)
    }

    pub(crate) async fn suggested_fees(&self) -> Result<Fees> {
        // The provider's own estimator overflows on what a node may say.
        let usual = |base_fee: u128, rewards: &[Vec<u128>]| {
            let Fees { max, tip } = Fees::usual(base_fee, rewards);
            Eip1559Estimation { max_fee_per_gas: max, max_priority_fee_per_gas: tip }
        };
        let fees = self.provider.estimate_eip1559_fees_with(Eip1559Estimator::new(usual)).await?;
        Ok(Fees { max: fees.max_fee_per_gas, tip: fees.max_priority_fee_per_gas })
    }

    /// The nonce of the account's next transaction, only those in blocks counted.
    pub(crate) async fn included_nonce(&self, account: Address) -> Result<u64> {
        believable(self.provider.get_transaction_count(account).await?)
    }

    /// The nonce of the account's next transaction, those in the pool counted.
    pub(crate) async fn next_nonce(&self, account: Address) -> Result<u64> {
        believable(self.provider.get_transaction_count(account).block_id(BlockNumberOrTag::Pending.into()).await?)
    }

    pub(crate) async fn send_raw(&self, raw: &Bytes) -> Result<()> {
        // The receipt is looked for by the sender itself.
        let _pending = self.provider.send_raw_transaction(raw).await?;
        Ok(())
    }

    pub(crate) async fn receipt(&self, hash: B256) -> Result<Option<TransactionReceipt>> {
        Ok(self.provider.get_transaction_receipt(hash).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_counts_absurdly_many_transactions_is_not_believed() {
        assert_eq!(believable(7), Ok(7));
        assert!(matches!(believable(u64::MAX), Err(RpcError::Unreachable(_))));
    }
}
