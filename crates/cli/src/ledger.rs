//! A look at the chain from outside the nodes: balances, and every transaction of some accounts.

use crate::exit::{Error, Result};
use crate::units::Wei;
use alloy::consensus::Transaction as _;
use alloy::eips::BlockNumberOrTag;
use alloy::json_abi::JsonAbi;
use alloy::network::{EthereumWallet, TransactionBuilder, TransactionResponse};
use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::rpc::types::{Transaction, TransactionRequest};
use alloy::signers::local::PrivateKeySigner;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Names of accounts by their address.
pub(crate) type Accounts = BTreeMap<Address, String>;

/// The chain as seen through one endpoint.
#[derive(Debug)]
pub(crate) struct Ledger {
    provider: DynProvider,
    url: String,
}

/// One transaction with what its receipt says.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    /// The sender.
    pub(crate) from: Address,
    /// `deploy`, `transfer`, a function of the Adjudicator, or the selector of another one.
    pub(crate) name: String,
    /// Gas used.
    pub(crate) gas: u64,
    /// Wei paid per unit of gas.
    pub(crate) gas_price: Wei,
    /// Whether it did what it was sent for.
    pub(crate) succeeded: bool,
}

impl Ledger {
    /// Opens no connection yet.
    pub(crate) fn new(url: &str) -> Result<Self> {
        Ok(Self { provider: ProviderBuilder::new().connect_http(parse(url)?).erased(), url: url.to_owned() })
    }

    /// The code at an address; none if there is no contract.
    pub(crate) async fn code(&self, address: Address) -> Result<Bytes> {
        self.provider.get_code_at(address).await.map_err(|e| self.failed(e))
    }

    /// Which chain answers.
    pub(crate) async fn chain_id(&self) -> Result<u64> {
        self.provider.get_chain_id().await.map_err(|e| self.failed(e))
    }

    /// Height of the newest block.
    pub(crate) async fn head(&self) -> Result<u64> {
        self.provider.get_block_number().await.map_err(|e| self.failed(e))
    }

    /// What an account holds.
    pub(crate) async fn balance(&self, account: Address) -> Result<Wei> {
        let balance = self.provider.get_balance(account).await.map_err(|e| self.failed(e))?;
        Wei::try_from(balance).map_err(|_| Error::chain(format!("{account} holds more ether than there is")))
    }

    /// What all of them hold, by name.
    pub(crate) async fn balances(&self, accounts: &Accounts) -> Result<BTreeMap<String, Wei>> {
        let mut balances = BTreeMap::new();
        for (address, name) in accounts {
            balances.insert(name.clone(), self.balance(*address).await?);
        }
        Ok(balances)
    }

    /// Every transaction that one of the accounts sent in the blocks `from..=to`, in the order of the chain.
    pub(crate) async fn sent(&self, accounts: &Accounts, from: u64, to: u64) -> Result<Vec<Sent>> {
        let mut all = Vec::new();
        for number in from..=to {
            let block = self.provider.get_block_by_number(BlockNumberOrTag::Number(number)).full().await;
            let block = block.map_err(|e| self.failed(e))?;
            let block = block.ok_or_else(|| Error::chain(format!("block {number} is not there any more")))?;
            for transaction in block.transactions.txns() {
                if accounts.contains_key(&transaction.from()) {
                    all.push(self.with_receipt(transaction).await?);
                }
            }
        }
        Ok(all)
    }

    async fn with_receipt(&self, transaction: &Transaction) -> Result<Sent> {
        let hash: B256 = transaction.tx_hash();
        let receipt = self.provider.get_transaction_receipt(hash).await.map_err(|e| self.failed(e))?;
        let receipt = receipt.ok_or_else(|| Error::chain(format!("transaction {hash} has no receipt")))?;
        Ok(Sent {
            from: transaction.from(),
            name: name(transaction.to().is_none(), transaction.input()),
            gas: receipt.gas_used,
            gas_price: receipt.effective_gas_price,
            succeeded: receipt.status(),
        })
    }

    /// Sends money to an account and waits until it is there.
    pub(crate) async fn give(&self, key: B256, to: Address, amount: Wei) -> Result<()> {
        self.call(key, to, Bytes::new(), U256::from(amount)).await.map(drop)
    }

    /// Sends a transaction and waits for its block, whose number it returns.
    pub(crate) async fn call(&self, key: B256, to: Address, data: Bytes, value: U256) -> Result<u64> {
        let signer = PrivateKeySigner::from_bytes(&key).map_err(|_| Error::user("that is not a private key"))?;
        let provider = ProviderBuilder::new().wallet(EthereumWallet::new(signer)).connect_http(parse(&self.url)?);
        let request = TransactionRequest::default().with_to(to).with_value(value).with_input(data);
        let pending = provider.send_transaction(request).await.map_err(|e| self.failed(e))?;
        let receipt = pending.get_receipt().await.map_err(|e| self.failed(e))?;
        match receipt.block_number {
            Some(block) if receipt.status() => Ok(block),
            _ => Err(Error::chain(format!("the transaction to {to} failed"))),
        }
    }

    /// Timestamp of a block, seconds.
    pub(crate) async fn time(&self, number: u64) -> Result<u64> {
        let block = self.provider.get_block_by_number(BlockNumberOrTag::Number(number)).await;
        let block = block.map_err(|e| self.failed(e))?;
        Ok(block.ok_or_else(|| Error::chain(format!("block {number} is not there any more")))?.header.timestamp)
    }

    /// Moves the clock of a development chain by so many seconds, and mines a block there.
    pub(crate) async fn warp(&self, seconds: u64) -> Result<()> {
        // Some answer with a number, some with a string.
        let client = self.provider.client();
        let moved: serde_json::Value =
            client.request("evm_increaseTime", (seconds,)).await.map_err(|e| self.failed(e))?;
        let mined: serde_json::Value = client.request_noparams("evm_mine").await.map_err(|e| self.failed(e))?;
        tracing::debug!(%moved, %mined, "the clock moved");
        Ok(())
    }

    /// What the system said, without the layers above it.
    fn failed(&self, error: impl std::error::Error) -> Error {
        let mut cause: &dyn std::error::Error = &error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        Error::chain(format!("the chain at {} is of no help: {cause}", self.url))
    }
}

fn parse(url: &str) -> Result<alloy::transports::http::reqwest::Url> {
    url.parse().map_err(|e| Error::user(format!("`{url}` is not a URL: {e}")))
}

/// What a transaction does, in a word.
fn name(creates: bool, input: &[u8]) -> String {
    match input.first_chunk::<4>() {
        _ if creates => "deploy".into(),
        None => "transfer".into(),
        Some(selector) => function(*selector).unwrap_or_else(|| format!("0x{}", alloy::hex::encode(selector))),
    }
}

/// The Adjudicator's function with this selector.
fn function(selector: [u8; 4]) -> Option<String> {
    #[derive(Deserialize)]
    struct Artifact {
        abi: JsonAbi,
    }
    let artifact = include_str!("../../../contracts/artifacts/Adjudicator.json");
    let artifact: Artifact = serde_json::from_str(artifact).ok()?;
    artifact.abi.functions().find(|function| function.selector() == selector).map(|function| function.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transactions_have_the_names_of_the_contract_s_functions() {
        let withdraw = alloy::primitives::keccak256("withdraw(address,address,uint256)");
        assert_eq!(name(false, &withdraw[..4]), "withdraw");
        assert_eq!(name(false, &[]), "transfer");
        assert_eq!(name(true, &[1, 2, 3, 4]), "deploy");
        assert_eq!(name(false, &[1, 2, 3, 4]), "0x01020304");
    }
}
