//! Reading: blocks, accounts, transactions, receipts and logs.

use std::sync::Arc;

use alloy::{
    consensus::{Transaction as _, transaction::Recovered},
    eips::{BlockId, BlockNumberOrTag},
    primitives::{Address, B256, Bytes, TxHash, U256},
    rpc::types::{Filter, FilterBlockOption, Log, Transaction, TransactionReceipt},
};

use super::{
    Chain, ChainError, PoolTx,
    block::{Block, MinedTx},
    evm::View,
};

/// The most logs that one query gives.
pub const MAX_LOGS: usize = 50_000;

impl Chain {
    /// The last block.
    pub fn head(&self) -> &Arc<Block> {
        &self.blocks[self.blocks.len() - 1]
    }

    /// The number of the last block.
    pub fn height(&self) -> u64 {
        self.head().header.number
    }

    /// A block by number, hash or tag. `pending` is the same as `latest`.
    pub fn block(&self, id: impl Into<BlockId>) -> Result<&Arc<Block>, ChainError> {
        let number = match id.into() {
            BlockId::Hash(hash) => {
                let hash = hash.block_hash;
                *self.hash_index.get(&hash).ok_or(ChainError::UnknownHash(hash))?
            }
            BlockId::Number(tag) => self.number(tag),
        };
        let index = usize::try_from(number).unwrap_or(usize::MAX);
        self.blocks.get(index).ok_or(ChainError::UnknownNumber(number))
    }

    /// The block number that a tag stands for now.
    pub fn number(&self, tag: BlockNumberOrTag) -> u64 {
        match tag {
            BlockNumberOrTag::Number(number) => number,
            BlockNumberOrTag::Earliest => 0,
            BlockNumberOrTag::Latest | BlockNumberOrTag::Pending => self.height(),
            BlockNumberOrTag::Safe | BlockNumberOrTag::Finalized => {
                self.height().saturating_sub(self.genesis.finality_depth)
            }
        }
    }

    /// The balance of an account, in wei.
    pub fn balance(&self, address: Address, at: impl Into<BlockId>) -> Result<U256, ChainError> {
        let view = self.view_at(at.into())?;
        Ok(view.store.account(address, view.block).map_or(U256::ZERO, |info| info.balance))
    }

    /// How many transactions an account has sent in blocks.
    pub fn nonce(&self, address: Address, at: impl Into<BlockId>) -> Result<u64, ChainError> {
        let view = self.view_at(at.into())?;
        Ok(view.store.account(address, view.block).map_or(0, |info| info.nonce))
    }

    /// The nonce for an account's next transaction, those in the pool counted.
    pub fn next_nonce(&self, address: Address) -> u64 {
        let mined = self.store.account(address, self.height()).map_or(0, |info| info.nonce);
        self.pool.next_nonce(address, mined)
    }

    /// The runtime code of an account.
    pub fn code(&self, address: Address, at: impl Into<BlockId>) -> Result<Bytes, ChainError> {
        let view = self.view_at(at.into())?;
        let code = view.store.account(address, view.block).and_then(|info| info.code.as_ref());
        Ok(code.map(|code| code.original_bytes()).unwrap_or_default())
    }

    /// A storage slot of an account.
    pub fn storage(&self, address: Address, slot: U256, at: impl Into<BlockId>) -> Result<U256, ChainError> {
        let view = self.view_at(at.into())?;
        Ok(view.store.slot(address, slot, view.block))
    }

    /// The transactions in the pool, by sender and nonce.
    pub fn pool(&self) -> impl Iterator<Item = &PoolTx> {
        self.pool.iter()
    }

    /// A transaction of a block, with the block.
    pub fn mined(&self, hash: TxHash) -> Option<(&Arc<Block>, &MinedTx)> {
        let (number, index) = *self.tx_index.get(&hash)?;
        let block = self.blocks.get(usize::try_from(number).ok()?)?;
        Some((block, block.transactions.get(index)?))
    }

    /// A transaction, in a block or in the pool.
    pub fn transaction(&self, hash: TxHash) -> Option<Transaction> {
        if let Some(pooled) = self.pool.get(hash) {
            return Some(Transaction {
                inner: pooled.tx.clone(),
                block_hash: None,
                block_number: None,
                transaction_index: None,
                effective_gas_price: None,
                block_timestamp: None,
            });
        }
        let (number, index) = *self.tx_index.get(&hash)?;
        self.blocks.get(usize::try_from(number).ok()?).map(|block| block.rpc_transaction(index))
    }

    /// The receipt of a transaction in a block.
    pub fn receipt(&self, hash: TxHash) -> Option<TransactionReceipt> {
        let (number, index) = *self.tx_index.get(&hash)?;
        self.blocks.get(usize::try_from(number).ok()?).map(|block| block.rpc_receipt(index))
    }

    /// The logs that a filter asks for, in their order on the chain.
    pub fn logs(&self, filter: &Filter) -> Result<Vec<Log>, ChainError> {
        let (from, to) = match filter.block_option {
            FilterBlockOption::AtBlockHash(hash) => {
                let number = self.block(hash)?.header.number;
                (number, number)
            }
            FilterBlockOption::Range { from_block, to_block } => {
                let from = self.number(from_block.unwrap_or_default());
                let to = self.number(to_block.unwrap_or_default());
                if from > to {
                    return Err(ChainError::EmptyRange);
                }
                (from, to.min(self.height()))
            }
        };
        let mut found = Vec::new();
        for number in from..=to {
            let block = self.block(number)?;
            if block.transactions.is_empty() || !filter.matches_bloom(block.header.logs_bloom) {
                continue;
            }
            for index in 0..block.transactions.len() {
                found.extend(block.rpc_logs(index).filter(|log| filter.matches(&log.inner)));
            }
            if found.len() > MAX_LOGS {
                return Err(ChainError::TooManyLogs(MAX_LOGS));
            }
        }
        Ok(found)
    }

    fn view_at(&self, id: BlockId) -> Result<View<'_>, ChainError> {
        self.view(self.block(id)?.header.number)
    }

    pub(super) fn view(&self, block: u64) -> Result<View<'_>, ChainError> {
        let oldest = self.store.oldest();
        if block < oldest {
            return Err(ChainError::StateForgotten { number: block, oldest });
        }
        Ok(View { store: &self.store, blocks: &self.blocks, block })
    }
}

impl Block {
    /// The transaction at `index`, as JSON-RPC shows it.
    pub fn rpc_transaction(&self, index: usize) -> Transaction {
        let mined = &self.transactions[index];
        Transaction {
            inner: Recovered::new_unchecked(mined.tx.inner().clone(), mined.tx.signer()),
            block_hash: Some(self.hash),
            block_number: Some(self.header.number),
            transaction_index: Some(index as u64),
            effective_gas_price: Some(mined.effective_gas_price),
            block_timestamp: Some(self.header.timestamp),
        }
    }

    /// The receipt at `index`, as JSON-RPC shows it.
    pub fn rpc_receipt(&self, index: usize) -> TransactionReceipt {
        let mined = &self.transactions[index];
        let mut log_index = mined.first_log;
        TransactionReceipt {
            inner: mined.receipt.clone().map_logs(|log| {
                let rpc = self.rpc_log(mined.hash, index, log_index, log);
                log_index += 1;
                rpc
            }),
            transaction_hash: mined.hash,
            transaction_index: Some(index as u64),
            block_hash: Some(self.hash),
            block_number: Some(self.header.number),
            gas_used: mined.gas_used,
            effective_gas_price: mined.effective_gas_price,
            blob_gas_used: None,
            blob_gas_price: None,
            from: mined.tx.signer(),
            to: mined.tx.to(),
            contract_address: mined.contract_address,
        }
    }

    /// The logs of the transaction at `index`, as JSON-RPC shows them.
    pub fn rpc_logs(&self, index: usize) -> impl Iterator<Item = Log> + '_ {
        let mined = &self.transactions[index];
        let numbered = (mined.first_log..).zip(mined.receipt.logs());
        numbered.map(move |(log_index, log)| self.rpc_log(mined.hash, index, log_index, log.clone()))
    }

    fn rpc_log(&self, tx: B256, tx_index: usize, log_index: u64, inner: alloy::primitives::Log) -> Log {
        Log {
            inner,
            block_hash: Some(self.hash),
            block_number: Some(self.header.number),
            block_timestamp: Some(self.header.timestamp),
            transaction_hash: Some(tx),
            transaction_index: Some(tx_index as u64),
            log_index: Some(log_index),
            removed: false,
        }
    }
}
