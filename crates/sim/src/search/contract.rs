//! The chain of a search: the Adjudicator's bytecode over slots that are copied, compared and numbered.
//!
//! A state of the chain is the storage of the contract and the wealth of the accounts; the time is given with each call. Every
//! answer is remembered, so that no call is run twice.

use super::digest::Digest;
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use perunika_contracts::{
    Event, Preimage, Stored, encode_call, extension_address, extension_code, revert_reason, runtime_code, view,
};
use perunika_core::Domain;
use perunika_core::chain::{Block, Call, ChainUpdate, EscrowView, LedgerView, NanoView, RecordView, Seen, Watch};
use perunika_core::params::{ChannelParams, code_address};
use revm::context::result::{ExecutionResult, Output};
use revm::context::{BlockEnv, CfgEnv, TxEnv};
use revm::primitives::{TxKind, hardfork::SpecId};
use revm::state::{AccountInfo, Bytecode};
use revm::{Context, Database, ExecuteEvm, MainBuilder, MainContext};
use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;

/// What every account has at the start, wei.
pub(crate) const WEALTH: u128 = 1_000_000;
/// Hash of the block before, always: the contract mixes it into what it stores.
const MIX: B256 = B256::repeat_byte(0x5e);
const GAS: u64 = 16_000_000;

/// A state of the chain.
pub(crate) type ChainId = u32;

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Slots {
    storage: BTreeMap<U256, U256>,
    balances: BTreeMap<Address, U256>,
}

/// All states of the chain that were reached.
pub(crate) struct Contract {
    pub(crate) domain: Domain,
    codes: HashMap<Address, (Bytecode, B256)>,
    states: Vec<Slots>,
    ids: HashMap<Slots, ChainId>,
    answers: HashMap<(ChainId, u128, Address, u64), Result<ChainId, String>>,
    read: HashMap<(ChainId, Bytes), Bytes>,
    preimages: BTreeMap<Stored, Preimage>,
    totals: BTreeMap<B256, u128>,
    steps: Vec<Event>,
    /// Broken on purpose: a dispute is over at once.
    pub(crate) hasty: bool,
    /// Calls that were run.
    pub(crate) runs: usize,
}

impl Contract {
    /// A fresh contract, in state 0. Nanocontracts of these codes lie on the chain already.
    pub(crate) fn new(owners: &[Address], apps: &[&[u8]]) -> Self {
        crate::signing::begin();
        let domain = Domain { chain_id: 31_337, adjudicator: Address::repeat_byte(0xad) };
        let code = |code: &[u8]| (Bytecode::new_raw(Bytes::copy_from_slice(code)), keccak256(code));
        let mut codes: HashMap<Address, (Bytecode, B256)> =
            apps.iter().map(|app| (code_address(&domain, app), code(app))).collect();
        codes.insert(domain.adjudicator, code(&runtime_code(&domain)));
        codes.insert(extension_address(domain.adjudicator), code(&extension_code()));
        let balances = owners.iter().map(|owner| (*owner, U256::from(WEALTH))).collect();
        let slots = Slots { storage: BTreeMap::new(), balances };
        Self {
            domain,
            codes,
            states: vec![slots.clone()],
            ids: HashMap::from([(slots, 0)]),
            answers: HashMap::new(),
            read: HashMap::new(),
            preimages: BTreeMap::new(),
            totals: BTreeMap::new(),
            steps: Vec::new(),
            hasty: false,
            runs: 0,
        }
    }

    /// Number of states.
    pub(crate) fn len(&self) -> usize {
        self.states.len()
    }

    /// Wei of an account.
    pub(crate) fn balance(&self, at: ChainId, account: Address) -> u128 {
        self.states[at as usize].balances.get(&account).map(|wei| wei.to::<u128>()).unwrap_or_default()
    }

    /// What a call at `time`, seconds, leads to, or why it reverts.
    pub(crate) fn call(&mut self, at: ChainId, from: Address, call: &Call, time: u64) -> Result<ChainId, String> {
        if matches!(call, Call::Deploy { .. }) {
            return Ok(at);
        }
        let key = (at, Digest::of(call), from, time);
        if let Some(answer) = self.answers.get(&key) {
            return answer.clone();
        }
        let answer = self.run_call(at, from, call, time);
        self.answers.insert(key, answer.clone());
        answer
    }

    fn run_call(&mut self, at: ChainId, from: Address, call: &Call, time: u64) -> Result<ChainId, String> {
        let encoded = encode_call(call, &self.domain, from).map_err(|error| error.to_string())?;
        let hurry = if self.hasty && matches!(call, Call::Conclude { .. }) { 10_000 } else { 0 };
        let mut reason = String::new();
        for data in std::iter::once(encoded.data).chain(encoded.otherwise) {
            match self.run(at, from, encoded.value, data, time + hurry) {
                Ok((slots, _)) => return Ok(self.number(slots)),
                Err(why) => reason = why,
            }
        }
        Err(reason)
    }

    fn number(&mut self, slots: Slots) -> ChainId {
        let next = self.states.len() as ChainId;
        let id = *self.ids.entry(slots.clone()).or_insert(next);
        if id == next {
            self.states.push(slots);
        }
        id
    }

    fn run(
        &mut self,
        at: ChainId,
        from: Address,
        value: U256,
        data: Bytes,
        time: u64,
    ) -> Result<(Slots, Bytes), String> {
        self.runs += 1;
        let slots = &self.states[at as usize];
        let db = Ledger { adjudicator: self.domain.adjudicator, slots, codes: &self.codes };
        let mut cfg = CfgEnv::new().with_chain_id(self.domain.chain_id);
        cfg.set_spec_and_mainnet_gas_params(SpecId::OSAKA);
        cfg.disable_nonce_check = true;
        cfg.disable_base_fee = true;
        let block = BlockEnv { number: U256::from(1_000), timestamp: U256::from(time), ..BlockEnv::default() };
        let tx = TxEnv::builder()
            .caller(from)
            .kind(TxKind::Call(self.domain.adjudicator))
            .value(value)
            .data(data)
            .gas_limit(GAS)
            .gas_price(0)
            .chain_id(Some(self.domain.chain_id))
            .build()
            .map_err(|error| format!("{error:?}"))?;
        let mut evm = Context::mainnet().with_db(db).with_cfg(cfg).with_block(block).build_mainnet();
        let done = evm.transact(tx).map_err(|error| error.to_string())?;
        let (output, logs) = match done.result {
            ExecutionResult::Success { output: Output::Call(output), logs, .. } => (output, logs),
            ExecutionResult::Success { .. } => return Err("a creation".into()),
            ExecutionResult::Revert { output, .. } => return Err(revert_reason(&output)),
            ExecutionResult::Halt { reason, .. } => return Err(format!("{reason:?}")),
        };
        let mut after = slots.clone();
        for (address, account) in done.state {
            if address == self.domain.adjudicator {
                for (slot, value) in account.storage {
                    match value.present_value {
                        U256::ZERO => drop(after.storage.remove(&slot)),
                        value => drop(after.storage.insert(slot, value)),
                    }
                }
            }
            if address == self.domain.adjudicator || after.balances.contains_key(&address) {
                after.balances.insert(address, account.info.balance);
            }
        }
        let events: Vec<Event> =
            logs.iter().filter_map(|log| Event::decode(log.data.topics(), &log.data.data)).collect();
        events.into_iter().for_each(|event| self.keep(event));
        Ok((after, output))
    }

    fn keep(&mut self, event: Event) {
        match &event {
            Event::Registered { preimage, .. } | Event::Refuted { preimage, .. } => {
                self.preimages.insert(preimage.stored(), *preimage);
            }
            Event::Disclosed { vc, total, .. } => drop(self.totals.insert(*vc, *total)),
            Event::VirtualRegistered { vc, preimage, .. } | Event::VirtualRefuted { vc, preimage } => {
                let whole = preimage.with_total(*vc, self.totals.get(vc).copied().unwrap_or_default());
                self.preimages.insert(whole.stored(), whole);
            }
            Event::NanoStepped { .. } if !self.steps.contains(&event) => self.steps.push(event),
            _ => {}
        }
    }

    fn look(&mut self, at: ChainId, data: Bytes) -> Bytes {
        if let Some(answer) = self.read.get(&(at, data.clone())) {
            return answer.clone();
        }
        let (_, answer) = self.run(at, Address::ZERO, U256::ZERO, data.clone(), 1).expect("a view answers");
        self.read.insert((at, data), answer.clone());
        answer
    }

    fn fill<T: view::Disputed>(&self, mut slots: view::Slots<T>) -> T {
        if let Some(preimage) = slots.stored.and_then(|stored| self.preimages.get(&stored)) {
            slots.fill(preimage);
        }
        slots.view
    }

    /// The slots of a ledger channel.
    pub(crate) fn ledger(&mut self, at: ChainId, params: &ChannelParams) -> LedgerView {
        let answer = self.look(at, view::ledger_call(params));
        self.fill(view::ledger(&answer).expect("a ledger view"))
    }

    /// The record of a virtual channel.
    pub(crate) fn record(&mut self, at: ChainId, vc: B256) -> RecordView {
        let answer = self.look(at, view::record_call(vc));
        self.fill(view::record(&answer).expect("a record view"))
    }

    /// The escrow of a life.
    pub(crate) fn escrow(&mut self, at: ChainId, id: B256) -> EscrowView {
        let answer = self.look(at, view::escrow_call(id));
        view::escrow(&answer).expect("an escrow view")
    }

    /// A nanocontract, with the storage that its last forced step left.
    pub(crate) fn nano(&mut self, at: ChainId, ch: B256, entry: B256) -> Option<NanoView> {
        let answer = self.look(at, view::nano_call(ch, entry));
        let mut slots = view::nano(&answer).expect("a nano view");
        let about = |event: &&Event| event.nano() == Some((ch, entry));
        let steps: Vec<&Event> = self.steps.iter().filter(about).collect();
        steps.into_iter().rev().any(|event| slots.fill(event));
        slots.view
    }

    /// When a secret was published, seconds; 0 if never.
    pub(crate) fn revealed(&mut self, at: ChainId, hash: B256) -> u64 {
        let answer = self.look(at, view::revealed_call(hash));
        view::revealed(&answer).expect("a time")
    }

    /// What a driver reports at `time`, seconds, `settled` being what is final, as of `settled_time`.
    pub(crate) fn observe(
        &mut self,
        watches: &[Watch],
        now: (ChainId, u64),
        settled: (ChainId, u64),
        number: u32,
    ) -> ChainUpdate {
        let mut update = ChainUpdate { head: block(now, number), settled: block(settled, 0), ..Default::default() };
        let (head, settled) = (now.0, settled.0);
        for watch in watches {
            match watch {
                Watch::Ledger(params) => {
                    let seen = Seen { head: self.ledger(head, params), settled: self.ledger(settled, params) };
                    update.ledgers.push((params.slot_key(), seen));
                }
                Watch::Escrow(id) => {
                    let seen = Seen { head: self.escrow(head, *id), settled: self.escrow(settled, *id) };
                    update.escrows.push((*id, seen));
                }
                Watch::Record(vc) => {
                    let seen = Seen { head: self.record(head, *vc), settled: self.record(settled, *vc) };
                    update.records.push((*vc, seen));
                }
                Watch::Nano { ch, entry } => {
                    let seen = Seen { head: self.nano(head, *ch, *entry), settled: self.nano(settled, *ch, *entry) };
                    update.nanos.push(((*ch, *entry), seen));
                }
                Watch::Revealed(hash) => {
                    let seen = Seen { head: self.revealed(head, *hash), settled: self.revealed(settled, *hash) };
                    update.revealed.push((*hash, seen));
                }
            }
        }
        update
    }
}

/// Blocks differ where their states, their times or what they hold do.
fn block((state, time): (ChainId, u64), number: u32) -> Block {
    let mut word = [0u8; 16];
    word[..4].copy_from_slice(&state.to_be_bytes());
    word[4..12].copy_from_slice(&time.to_be_bytes());
    word[12..].copy_from_slice(&number.to_be_bytes());
    Block { number: 1_000, time, hash: keccak256(word) }
}

struct Ledger<'a> {
    adjudicator: Address,
    slots: &'a Slots,
    codes: &'a HashMap<Address, (Bytecode, B256)>,
}

impl Database for Ledger<'_> {
    type Error = Infallible;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, Infallible> {
        let balance = self.slots.balances.get(&address).copied();
        let info = match self.codes.get(&address) {
            Some((code, hash)) => AccountInfo::new(balance.unwrap_or_default(), 1, *hash, code.clone()),
            None => match balance {
                Some(balance) => AccountInfo { balance, ..AccountInfo::default() },
                None => return Ok(None),
            },
        };
        Ok(Some(info))
    }

    fn code_by_hash(&mut self, _: B256) -> Result<Bytecode, Infallible> {
        Ok(Bytecode::default())
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, Infallible> {
        let known = if address == self.adjudicator { self.slots.storage.get(&slot).copied() } else { None };
        Ok(known.unwrap_or_default())
    }

    fn block_hash(&mut self, _: u64) -> Result<B256, Infallible> {
        Ok(MIX)
    }
}
