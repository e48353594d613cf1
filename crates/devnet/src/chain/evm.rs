//! The EVM on top of the store.

use std::{convert::Infallible, sync::Arc};

use alloy::{
    consensus::{Header, Transaction as _, TxEnvelope, Typed2718, transaction::Recovered},
    primitives::{Address, B256, U256, map::AddressMap},
};
use revm::{
    Context, Database, DatabaseCommit, MainBuilder, MainContext, MainnetEvm,
    context::{BlockEnv, CfgEnv, TxEnv, either::Either},
    context_interface::block::BlobExcessGasAndPrice,
    handler::MainnetContext,
    primitives::hardfork::SpecId,
    state::{Account, AccountInfo, Bytecode},
};

use super::{block::Block, store::Store};

/// The rules of every block.
pub(super) const SPEC: SpecId = SpecId::OSAKA;

/// The state as `block` left it.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) store: &'a Store,
    pub(super) blocks: &'a [Arc<Block>],
    pub(super) block: u64,
}

impl Database for View<'_> {
    type Error = Infallible;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, Infallible> {
        Ok(self.store.account(address, self.block).cloned())
    }

    fn code_by_hash(&mut self, _: B256) -> Result<Bytecode, Infallible> {
        // The store keeps each account's code with the account.
        Ok(Bytecode::default())
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, Infallible> {
        Ok(self.store.slot(address, slot, self.block))
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, Infallible> {
        Ok(hash_of(self.blocks, number))
    }
}

/// The state of the block being made.
pub(super) struct Building<'a> {
    pub(super) store: &'a mut Store,
    pub(super) blocks: &'a [Arc<Block>],
    pub(super) block: u64,
}

impl Database for Building<'_> {
    type Error = Infallible;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, Infallible> {
        Ok(self.store.account(address, self.block).cloned())
    }

    fn code_by_hash(&mut self, _: B256) -> Result<Bytecode, Infallible> {
        Ok(Bytecode::default())
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, Infallible> {
        Ok(self.store.slot(address, slot, self.block))
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, Infallible> {
        Ok(hash_of(self.blocks, number))
    }
}

impl DatabaseCommit for Building<'_> {
    fn commit(&mut self, changes: AddressMap<Account>) {
        for (address, account) in changes {
            self.store.commit(self.block, address, account);
        }
    }
}

fn hash_of(blocks: &[Arc<Block>], number: u64) -> B256 {
    usize::try_from(number).ok().and_then(|index| blocks.get(index)).map(|block| block.hash).unwrap_or_default()
}

pub(super) fn evm<DB: Database>(db: DB, cfg: CfgEnv, block: BlockEnv) -> MainnetEvm<MainnetContext<DB>> {
    Context::mainnet().with_db(db).with_cfg(cfg).with_block(block).build_mainnet()
}

pub(super) fn cfg(chain_id: u64) -> CfgEnv {
    let mut cfg = CfgEnv::new().with_chain_id(chain_id);
    cfg.set_spec_and_mainnet_gas_params(SPEC);
    // A sender without a key may be a contract; nobody has the key of one.
    cfg.disable_eip3607 = true;
    cfg
}

/// The rules for calls: no fees, any nonce, gas up to the block's.
pub(super) fn call_cfg(chain_id: u64) -> CfgEnv {
    let mut cfg = cfg(chain_id);
    cfg.disable_nonce_check = true;
    cfg.disable_base_fee = true;
    cfg.tx_gas_limit_cap = Some(u64::MAX);
    cfg
}

pub(super) fn block_env(header: &Header) -> BlockEnv {
    BlockEnv {
        number: U256::from(header.number),
        beneficiary: header.beneficiary,
        timestamp: U256::from(header.timestamp),
        gas_limit: header.gas_limit,
        basefee: header.base_fee_per_gas.unwrap_or_default(),
        difficulty: U256::ZERO,
        prevrandao: Some(header.mix_hash),
        blob_excess_gas_and_price: Some(BlobExcessGasAndPrice { excess_blob_gas: 0, blob_gasprice: 1 }),
        slot_num: 0,
    }
}

pub(super) fn tx_env(tx: &Recovered<TxEnvelope>) -> TxEnv {
    TxEnv {
        tx_type: tx.ty(),
        caller: tx.signer(),
        gas_limit: tx.gas_limit(),
        gas_price: tx.max_fee_per_gas(),
        kind: tx.kind(),
        value: tx.value(),
        data: tx.input().clone(),
        nonce: tx.nonce(),
        chain_id: tx.chain_id(),
        access_list: tx.access_list().cloned().unwrap_or_default(),
        gas_priority_fee: tx.max_priority_fee_per_gas(),
        blob_hashes: Vec::new(),
        max_fee_per_blob_gas: 0,
        authorization_list: tx.authorization_list().unwrap_or_default().iter().cloned().map(Either::Left).collect(),
    }
}
