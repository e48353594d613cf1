//! The chain: blocks, state, pool.

mod block;
mod call;
mod error;
mod evm;
mod genesis;
mod mine;
mod pool;
mod query;
mod record;
mod rewind;
mod store;
mod submit;

use std::{collections::BTreeMap, fmt, sync::Arc};

use alloy::{
    eips::eip2935::{HISTORY_STORAGE_ADDRESS, HISTORY_STORAGE_CODE},
    primitives::{Address, B256, Bytes, TxHash, U256, map::HashMap},
};
use revm::state::{AccountInfo, Bytecode};
use serde::{Deserialize, Serialize};

pub use block::{Block, Dropped, MinedTx};
pub use call::{At, CallError, CallRequest, CallResult, Outcome};
pub use error::{ChainError, TxError};
pub use genesis::{Genesis, GenesisAccount};
pub use pool::{MAX_POOL, PoolTx};
pub use query::MAX_LOGS;
pub use record::BlockRecord;
pub use rewind::MAX_SNAPSHOTS;
pub use submit::{MAX_NONCE_AHEAD, SUGGESTED_TIP, TX_GAS_CAP, UnsignedTx};

use self::{pool::Pool, rewind::Snapshot, store::Store};

/// A chain with one producer of blocks: whoever calls [`Chain::mine`].
///
/// Every method returns at once and depends on nothing but the calls before it. A clone is a chain of its own.
#[derive(Clone)]
pub struct Chain {
    genesis: Genesis,
    store: Store,
    /// By number, from the first block on.
    blocks: Vec<Arc<Block>>,
    hash_index: HashMap<B256, u64>,
    /// Block number and position of each mined transaction.
    tx_index: HashMap<TxHash, (u64, usize)>,
    pool: Pool,
    patches: Vec<Patch>,
    snapshots: BTreeMap<u64, Snapshot>,
    snapshot_ids: u64,
}

/// A change of the state that no transaction makes, at the start of the next block.
///
/// It belongs to that block: if the block is dropped, so is the change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Patch {
    /// Sets a balance.
    Balance {
        /// The account.
        address: Address,
        /// In wei.
        wei: U256,
    },
    /// Sets a nonce.
    Nonce {
        /// The account.
        address: Address,
        /// The nonce of its next transaction.
        nonce: u64,
    },
    /// Sets runtime code.
    Code {
        /// The account.
        address: Address,
        /// The code.
        code: Bytes,
    },
    /// Sets a storage slot.
    Storage {
        /// The account.
        address: Address,
        /// The slot.
        slot: U256,
        /// Its value.
        value: U256,
    },
}

impl Chain {
    /// Starts a chain.
    pub fn new(genesis: Genesis) -> Self {
        let mut store = Store::default();
        let history = AccountInfo::default().with_nonce(1).with_code(bytecode(&HISTORY_STORAGE_CODE));
        store.set_account(0, HISTORY_STORAGE_ADDRESS, Some(history));
        for (address, account) in &genesis.alloc {
            let info =
                AccountInfo::from_balance(account.balance).with_nonce(account.nonce).with_code(bytecode(&account.code));
            store.set_account(0, *address, Some(info).filter(|info| !info.is_empty()));
            for (slot, value) in &account.storage {
                store.set_slot(0, *address, *slot, *value);
            }
        }
        let mut header = mine::blank_header(genesis.gas_limit, genesis.beneficiary);
        header.timestamp = genesis.timestamp;
        header.base_fee_per_gas = Some(genesis.base_fee);
        header.state_root = store.commitment(B256::ZERO, 0);
        let hash = header.hash_slow();
        let first = Block { hash, header, transactions: Vec::new(), dropped: Vec::new(), patches: Vec::new() };
        Self {
            genesis,
            store,
            blocks: vec![Arc::new(first)],
            hash_index: HashMap::from_iter([(hash, 0)]),
            tx_index: HashMap::default(),
            pool: Pool::default(),
            patches: Vec::new(),
            snapshots: BTreeMap::new(),
            snapshot_ids: 0,
        }
    }

    /// The chain id of EIP-155.
    pub fn chain_id(&self) -> u64 {
        self.genesis.chain_id
    }

    /// What the chain started from.
    pub fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// Changes the state at the start of the next block.
    pub fn patch(&mut self, patch: Patch) {
        self.patches.push(patch);
    }
}

/// Code to be run as it is, unless it is a well-formed delegation (EIP-7702).
fn bytecode(code: &Bytes) -> Bytecode {
    Bytecode::new_raw_checked(code.clone()).unwrap_or_else(|_| Bytecode::new_legacy(code.clone()))
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chain")
            .field("chain_id", &self.chain_id())
            .field("height", &self.height())
            .field("head", &self.head().hash)
            .field("pool", &self.pool.len())
            .finish_non_exhaustive()
    }
}
