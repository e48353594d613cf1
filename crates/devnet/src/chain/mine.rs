//! Making blocks.

use std::sync::Arc;

use alloy::{
    consensus::{
        EMPTY_OMMER_ROOT_HASH, EMPTY_ROOT_HASH, Eip658Value, Header, Receipt, ReceiptEnvelope, ReceiptWithBloom,
        Transaction as _, TxEnvelope, TxReceipt as _, TxType, proofs, transaction::Recovered,
    },
    eips::{
        eip1559::BaseFeeParams,
        eip2935::{HISTORY_SERVE_WINDOW, HISTORY_STORAGE_ADDRESS},
        eip7685::EMPTY_REQUESTS_HASH,
    },
    primitives::{Address, B256, Bloom, Bytes, U256, keccak256},
};
use revm::{
    ExecuteCommitEvm, MainnetEvm,
    context::result::{EVMError, ExecutionResult},
    handler::MainnetContext,
    state::AccountInfo,
};

use super::{
    Chain, ChainError, Patch,
    block::{Block, Dropped, MinedTx},
    bytecode,
    call::Outcome,
    evm::{self, Building},
    pool::PoolTx,
    store::Store,
};

impl Chain {
    /// Makes the next block, with the time `timestamp` in seconds since the epoch, out of what the pool has ready.
    ///
    /// A transaction that reverts is part of the block, with status 0. One that cannot run at all leaves the pool and
    /// is listed in [`Block::dropped`]; one that waits for a nonce, a lower base fee or room stays.
    pub fn mine(&mut self, timestamp: u64) -> Result<Arc<Block>, ChainError> {
        let parent = self.head().header.timestamp;
        if timestamp <= parent {
            return Err(ChainError::Timestamp { given: timestamp, parent });
        }
        let mut header = self.next_header(timestamp);
        let patches = self.open_block(&header);
        let (transactions, dropped) = self.execute_pool(&header);
        self.close_block(&mut header, &transactions);
        Ok(self.append(Block { hash: header.hash_slow(), header, transactions, dropped, patches }))
    }

    /// Makes the next block out of these transactions in this order, all of which must be able to run.
    pub(super) fn mine_listed(
        &mut self,
        timestamp: u64,
        listed: Vec<Recovered<TxEnvelope>>,
    ) -> Result<Arc<Block>, ChainError> {
        let parent = self.head().header.timestamp;
        if timestamp <= parent {
            return Err(ChainError::Timestamp { given: timestamp, parent });
        }
        let mut header = self.next_header(timestamp);
        let patches = self.open_block(&header);
        let base_fee = header.base_fee_per_gas.unwrap_or_default();
        let db = Building { store: &mut self.store, blocks: &self.blocks, block: header.number };
        let mut evm = evm::evm(db, evm::cfg(self.genesis.chain_id), evm::block_env(&header));
        let mut totals = Totals { gas_left: header.gas_limit, gas_used: 0, logs: 0 };
        let mut transactions = Vec::with_capacity(listed.len());
        for tx in listed {
            let pooled = PoolTx::unqueued(tx);
            let mined = execute(&mut evm, &pooled, base_fee, &mut totals);
            transactions.push(mined.map_err(|_| ChainError::ReplayDiffers(header.number))?);
        }
        drop(evm);
        self.close_block(&mut header, &transactions);
        Ok(self.append(Block { hash: header.hash_slow(), header, transactions, dropped: Vec::new(), patches }))
    }

    /// The base fee of the next block, in wei per gas.
    pub fn next_base_fee(&self) -> u64 {
        self.head().header.next_block_base_fee(BaseFeeParams::ethereum()).unwrap_or(self.genesis.base_fee)
    }

    /// The header of the block after the head, without what its transactions decide.
    pub(super) fn next_header(&self, timestamp: u64) -> Header {
        let parent = self.head();
        Header {
            parent_hash: parent.hash,
            number: parent.header.number + 1,
            timestamp,
            base_fee_per_gas: Some(self.next_base_fee()),
            state_root: parent.header.state_root,
            mix_hash: keccak256(parent.hash),
            ..blank_header(self.genesis.gas_limit, self.genesis.beneficiary)
        }
    }

    /// What happens before the transactions: the parent's hash is stored (EIP-2935), patches are applied.
    fn open_block(&mut self, header: &Header) -> Vec<Patch> {
        let parent = header.number - 1;
        let slot = U256::from(parent % HISTORY_SERVE_WINDOW as u64);
        let hash = U256::from_be_bytes(header.parent_hash.0);
        self.store.set_slot(header.number, HISTORY_STORAGE_ADDRESS, slot, hash);
        let patches = std::mem::take(&mut self.patches);
        for patch in &patches {
            apply_patch(&mut self.store, header.number, patch.clone());
        }
        patches
    }

    fn execute_pool(&mut self, header: &Header) -> (Vec<MinedTx>, Vec<Dropped>) {
        let number = header.number;
        let base_fee = header.base_fee_per_gas.unwrap_or_default();
        if self.pool.len() == 0 {
            return (Vec::new(), Vec::new());
        }
        let mut picker = self.pool.pick(base_fee, |sender| nonce_at(&self.store, sender, number));
        let db = Building { store: &mut self.store, blocks: &self.blocks, block: number };
        let mut evm = evm::evm(db, evm::cfg(self.genesis.chain_id), evm::block_env(header));
        let mut totals = Totals { gas_left: header.gas_limit, gas_used: 0, logs: 0 };
        let (mut mined, mut dropped) = (Vec::new(), Vec::new());
        while let Some(pooled) = picker.next(&self.pool) {
            if pooled.tx.gas_limit() > totals.gas_left {
                continue;
            }
            let (hash, sender, nonce) = (pooled.hash, pooled.tx.signer(), pooled.tx.nonce());
            match execute(&mut evm, pooled, base_fee, &mut totals) {
                Ok(tx) => {
                    mined.push(tx);
                    picker.offer(&self.pool, sender, nonce + 1);
                }
                Err(reason) => dropped.push(Dropped { hash, reason }),
            }
            self.pool.remove(hash);
        }
        drop(evm);
        let stale = self.pool.remove_stale(|sender| nonce_at(&self.store, sender, number));
        dropped.extend(stale.into_iter().map(|hash| Dropped { hash, reason: "its nonce is used".to_owned() }));
        (mined, dropped)
    }

    /// Fills in what the transactions decide.
    fn close_block(&self, header: &mut Header, transactions: &[MinedTx]) {
        header.state_root = self.store.commitment(header.state_root, header.number);
        if transactions.is_empty() {
            return;
        }
        let envelopes: Vec<_> = transactions.iter().map(|tx| tx.tx.inner()).collect();
        let receipts: Vec<_> = transactions.iter().map(|tx| &tx.receipt).collect();
        header.transactions_root = proofs::calculate_transaction_root(&envelopes);
        header.receipts_root = proofs::calculate_receipt_root(&receipts);
        header.gas_used = transactions.iter().map(|tx| tx.gas_used).sum();
        header.logs_bloom = transactions.iter().fold(Bloom::ZERO, |bloom, tx| bloom | tx.receipt.bloom());
    }

    fn append(&mut self, block: Block) -> Arc<Block> {
        let block = Arc::new(block);
        let number = block.header.number;
        self.hash_index.insert(block.hash, number);
        for (index, tx) in block.transactions.iter().enumerate() {
            self.tx_index.insert(tx.hash, (number, index));
        }
        self.blocks.push(Arc::clone(&block));
        self.store.forget_before(self.height().saturating_sub(self.genesis.history_blocks));
        block
    }
}

pub(super) fn blank_header(gas_limit: u64, beneficiary: Address) -> Header {
    Header {
        ommers_hash: EMPTY_OMMER_ROOT_HASH,
        beneficiary,
        transactions_root: EMPTY_ROOT_HASH,
        receipts_root: EMPTY_ROOT_HASH,
        withdrawals_root: Some(EMPTY_ROOT_HASH),
        gas_limit,
        blob_gas_used: Some(0),
        excess_blob_gas: Some(0),
        parent_beacon_block_root: Some(B256::ZERO),
        requests_hash: Some(EMPTY_REQUESTS_HASH),
        ..Header::default()
    }
}

fn nonce_at(store: &Store, sender: Address, block: u64) -> u64 {
    store.account(sender, block).map_or(0, |info| info.nonce)
}

fn apply_patch(store: &mut Store, block: u64, patch: Patch) {
    let change = |store: &mut Store, address: Address, change: &dyn Fn(AccountInfo) -> AccountInfo| {
        let info = change(store.account(address, block).cloned().unwrap_or_default());
        store.set_account(block, address, Some(info).filter(|info| !info.is_empty()));
    };
    match patch {
        Patch::Balance { address, wei } => change(store, address, &|info| info.with_balance(wei)),
        Patch::Nonce { address, nonce } => change(store, address, &|info| info.with_nonce(nonce)),
        Patch::Code { address, code } => {
            change(store, address, &|info| info.with_code(bytecode(&code)));
        }
        Patch::Storage { address, slot, value } => store.set_slot(block, address, slot, value),
    }
}

/// Running sums over the transactions of a block.
struct Totals {
    gas_left: u64,
    gas_used: u64,
    logs: u64,
}

fn execute(
    evm: &mut MainnetEvm<MainnetContext<Building<'_>>>,
    pooled: &PoolTx,
    base_fee: u64,
    totals: &mut Totals,
) -> Result<MinedTx, String> {
    let result = evm.transact_commit(evm::tx_env(&pooled.tx)).map_err(|error| match error {
        EVMError::Transaction(invalid) => invalid.to_string(),
        other => other.to_string(),
    })?;
    let gas_used = result.tx_gas_used();
    totals.gas_left = totals.gas_left.saturating_sub(gas_used);
    totals.gas_used += gas_used;
    let first_log = totals.logs;
    let contract_address = result.created_address();
    let (outcome, output, logs) = match result {
        ExecutionResult::Success { output, logs, .. } => (Outcome::Success, output.into_data(), logs),
        ExecutionResult::Revert { output, .. } => (Outcome::Revert, output, Vec::new()),
        ExecutionResult::Halt { reason, .. } => (Outcome::Halt(format!("{reason:?}")), Bytes::new(), Vec::new()),
    };
    totals.logs += logs.len() as u64;
    let status = Eip658Value::Eip658(outcome == Outcome::Success);
    let receipt = Receipt { status, cumulative_gas_used: totals.gas_used, logs };
    Ok(MinedTx {
        hash: pooled.hash,
        tx: pooled.tx.clone(),
        receipt: envelope(pooled.tx.tx_type(), receipt.into()),
        gas_used,
        effective_gas_price: pooled.tx.effective_gas_price(Some(base_fee)),
        contract_address,
        output,
        outcome,
        first_log,
    })
}

fn envelope(tx_type: TxType, receipt: ReceiptWithBloom<Receipt>) -> ReceiptEnvelope {
    match tx_type {
        TxType::Legacy => ReceiptEnvelope::Legacy(receipt),
        TxType::Eip2930 => ReceiptEnvelope::Eip2930(receipt),
        TxType::Eip1559 => ReceiptEnvelope::Eip1559(receipt),
        TxType::Eip4844 => ReceiptEnvelope::Eip4844(receipt),
        TxType::Eip7702 => ReceiptEnvelope::Eip7702(receipt),
    }
}
