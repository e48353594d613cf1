//! The deployed bytecode in revm, without blocks: a call gets the time and the block hash that the test wants.

use super::abi::RawLog;
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use perunika_core::Domain;
use revm::bytecode::Bytecode;
use revm::context::result::{ExecutionResult, Output};
use revm::context::{CfgEnv, TxEnv};
use revm::database::CacheDB;
use revm::database_interface::DBErrorMarker;
use revm::handler::MainnetContext;
use revm::primitives::{TxKind, hardfork::SpecId};
use revm::state::AccountInfo;
use revm::{Context, DatabaseRef, ExecuteCommitEvm, ExecuteEvm, MainBuilder, MainContext, MainnetEvm};
use std::collections::BTreeMap;

pub(crate) const CHAIN_ID: u64 = 31337;
/// Gas of every call.
pub(crate) const GAS: u64 = 15_000_000;
const DEPLOYER: Address = Address::repeat_byte(0xdd);

/// Nothing but the hashes of blocks, and of these none that has number 0.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Hashes;

#[derive(Debug)]
pub(crate) struct Never;

impl std::fmt::Display for Never {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("never")
    }
}

impl std::error::Error for Never {}
impl DBErrorMarker for Never {}

/// Hash of the block with this number.
pub(crate) fn block_hash(number: u64) -> B256 {
    if number == 0 { B256::ZERO } else { keccak256(number.to_be_bytes()) }
}

impl DatabaseRef for Hashes {
    type Error = Never;

    fn basic_ref(&self, _: Address) -> Result<Option<AccountInfo>, Never> {
        Ok(None)
    }

    fn code_by_hash_ref(&self, _: B256) -> Result<Bytecode, Never> {
        Ok(Bytecode::default())
    }

    fn storage_ref(&self, _: Address, _: U256) -> Result<U256, Never> {
        Ok(U256::ZERO)
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, Never> {
        Ok(block_hash(number))
    }
}

/// What became of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Well {
        logs: Vec<RawLog>,
        output: Bytes,
    },
    Reverted(Bytes),
    /// Broken off: out of gas, or an invalid instruction.
    Halted(String),
}

/// What a call changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Changed {
    /// Of the contract.
    pub(crate) storage: BTreeMap<U256, U256>,
    /// Of every account that it touched, wei.
    pub(crate) balances: BTreeMap<Address, u128>,
}

/// A chain with one Adjudicator.
pub(crate) struct Evm {
    machine: MainnetEvm<MainnetContext<CacheDB<Hashes>>>,
    pub(crate) domain: Domain,
}

impl Clone for Evm {
    fn clone(&self) -> Self {
        let mut evm = Self { machine: machine(self.db().clone()), domain: self.domain };
        evm.fork(self.domain.chain_id);
        evm
    }
}

fn machine(db: CacheDB<Hashes>) -> MainnetEvm<MainnetContext<CacheDB<Hashes>>> {
    let context = Context::mainnet().with_db(db).with_cfg(cfg()).modify_block_chained(|block| {
        block.gas_limit = 30_000_000;
        block.basefee = 0;
    });
    context.build_mainnet()
}

/// `PERUNIKA_ADJUDICATOR`: a file with other creation code, in hexadecimal.
fn mutant() -> Option<String> {
    std::env::var("PERUNIKA_ADJUDICATOR").ok()
}

fn creation_code() -> Bytes {
    let Some(file) = mutant() else { return perunika_contracts::creation_code() };
    std::fs::read_to_string(file).expect("a readable file").trim().parse().expect("hexadecimal")
}

fn cfg() -> CfgEnv {
    let mut cfg = CfgEnv::new().with_chain_id(CHAIN_ID);
    cfg.set_spec_and_mainnet_gas_params(SpecId::OSAKA);
    cfg.disable_nonce_check = true;
    cfg.disable_eip3607 = true;
    cfg.disable_base_fee = true;
    // The contract fills what EIP-170 admits; what stands in the place of a guard must not be found by its size.
    if mutant().is_some() {
        cfg.limit_contract_code_size = Some(usize::MAX);
        cfg.limit_contract_initcode_size = Some(usize::MAX);
    }
    cfg
}

impl Evm {
    /// Deploys the contract.
    pub(crate) fn new() -> Self {
        Self::deployed_at(1_900_000_000).expect("the clock counts seconds")
    }

    /// Deploys the contract at a time; gives the revert data if it refuses.
    pub(crate) fn deployed_at(time: u64) -> Result<Self, Bytes> {
        let domain = Domain { chain_id: CHAIN_ID, adjudicator: DEPLOYER.create(0) };
        let mut evm = Self { machine: machine(CacheDB::new(Hashes)), domain };
        let tx = TxEnv::builder()
            .caller(DEPLOYER)
            .kind(TxKind::Create)
            .data(creation_code())
            .gas_limit(GAS)
            .chain_id(Some(CHAIN_ID))
            .build()
            .unwrap();
        match evm.transact(tx, time, 10) {
            Ended::Well { .. } => Ok(evm),
            Ended::Reverted(data) => Err(data),
            Ended::Halted(why) => panic!("the deployment broke off: {why}"),
        }
    }

    /// The chain goes on under another id.
    pub(crate) fn fork(&mut self, chain_id: u64) {
        self.machine.ctx.cfg.chain_id = chain_id;
        self.domain.chain_id = chain_id;
    }

    fn db(&self) -> &CacheDB<Hashes> {
        &self.machine.ctx.journaled_state.database
    }

    fn db_mut(&mut self) -> &mut CacheDB<Hashes> {
        &mut self.machine.ctx.journaled_state.database
    }

    fn at(&mut self, time: u64, number: u64) -> &mut MainnetEvm<MainnetContext<CacheDB<Hashes>>> {
        self.machine.ctx.block.number = U256::from(number);
        self.machine.ctx.block.timestamp = U256::from(time);
        &mut self.machine
    }

    fn transact(&mut self, tx: TxEnv, time: u64, number: u64) -> Ended {
        ended(self.at(time, number).transact_commit(tx).expect("a valid transaction"))
    }

    /// Sends a call and keeps what it did.
    pub(crate) fn call(&mut self, from: Address, value: u128, data: Vec<u8>, time: u64, number: u64) -> Ended {
        self.call_with_gas(from, value, data, time, number, GAS)
    }

    /// The same with another gas limit.
    pub(crate) fn call_with_gas(
        &mut self,
        from: Address,
        value: u128,
        data: Vec<u8>,
        time: u64,
        number: u64,
        gas: u64,
    ) -> Ended {
        let tx = TxEnv::builder()
            .caller(from)
            .kind(TxKind::Call(self.domain.adjudicator))
            .value(U256::from(value))
            .data(data.into())
            .gas_limit(gas)
            .chain_id(Some(self.domain.chain_id))
            .build()
            .unwrap();
        self.transact(tx, time, number)
    }

    /// What a call would do and change, without doing it.
    pub(crate) fn probe(
        &mut self,
        from: Address,
        value: u128,
        data: Vec<u8>,
        time: u64,
        number: u64,
    ) -> (Ended, Changed) {
        let tx = TxEnv::builder()
            .caller(from)
            .kind(TxKind::Call(self.domain.adjudicator))
            .value(U256::from(value))
            .data(data.into())
            .gas_limit(GAS)
            .chain_id(Some(self.domain.chain_id))
            .build()
            .unwrap();
        let done = self.at(time, number).transact(tx).expect("a valid transaction");
        let mut changed = Changed::default();
        for (address, account) in done.state {
            if address == self.domain.adjudicator {
                let slots = account.storage.iter().filter(|(_, slot)| slot.is_changed());
                changed.storage = slots.map(|(at, slot)| (*at, slot.present_value)).collect();
            }
            changed.balances.insert(address, account.info.balance.to());
        }
        (ended(done.result), changed)
    }

    /// Asks and keeps nothing.
    pub(crate) fn ask(&mut self, data: Vec<u8>, time: u64) -> Ended {
        let tx = TxEnv::builder()
            .caller(Address::ZERO)
            .kind(TxKind::Call(self.domain.adjudicator))
            .data(data.into())
            .gas_limit(GAS)
            .chain_id(Some(self.domain.chain_id))
            .build()
            .unwrap();
        ended(self.at(time, 10).transact(tx).expect("a valid transaction").result)
    }

    /// Gives an account wei and code.
    pub(crate) fn set_account(&mut self, address: Address, wei: u128, code: &[u8]) {
        let mut info = AccountInfo::from_balance(U256::from(wei));
        if !code.is_empty() {
            info = info.with_code(Bytecode::new_legacy(code.to_vec().into()));
        }
        self.db_mut().insert_account_info(address, info);
    }

    /// Puts a word into the contract's storage.
    pub(crate) fn set_slot(&mut self, slot: U256, value: U256) {
        self.set_slot_of(self.domain.adjudicator, slot, value);
    }

    /// Puts a word into an account's storage.
    pub(crate) fn set_slot_of(&mut self, account: Address, slot: U256, value: U256) {
        self.db_mut().insert_account_storage(account, slot, value).unwrap();
    }

    pub(crate) fn balance(&self, account: Address) -> u128 {
        self.db().cache.accounts.get(&account).map_or(0, |account| account.info.balance.to())
    }

    /// The contract's whole storage.
    pub(crate) fn storage(&self) -> BTreeMap<U256, U256> {
        let account = &self.db().cache.accounts[&self.domain.adjudicator];
        account.storage.iter().filter(|(_, value)| !value.is_zero()).map(|(slot, value)| (*slot, *value)).collect()
    }

    pub(crate) fn slot(&self, account: Address, slot: U256) -> U256 {
        self.db()
            .cache
            .accounts
            .get(&account)
            .and_then(|account| account.storage.get(&slot))
            .copied()
            .unwrap_or_default()
    }

    pub(crate) fn code(&self, account: Address) -> Vec<u8> {
        let info = self.db().cache.accounts.get(&account).map(|account| &account.info);
        let code =
            info.and_then(|info| info.code.clone().or_else(|| self.db().cache.contracts.get(&info.code_hash).cloned()));
        code.map(|code| code.original_bytes().to_vec()).unwrap_or_default()
    }
}

fn ended(result: ExecutionResult) -> Ended {
    match result {
        ExecutionResult::Success { output, logs, .. } => {
            let output = match output {
                Output::Call(data) | Output::Create(data, _) => data,
            };
            let logs = logs.into_iter().map(|log| (log.topics().to_vec(), log.data.data.to_vec())).collect();
            Ended::Well { logs, output }
        }
        ExecutionResult::Revert { output, .. } => Ended::Reverted(output),
        ExecutionResult::Halt { reason, .. } => Ended::Halted(format!("{reason:?}")),
    }
}
