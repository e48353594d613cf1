//! A chain with the real Adjudicator and one channel of two owners, whose nanocontracts are forced.

use super::chain::Frame;
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_sol_types::{SolCall, SolValue, sol};
use perunika_contracts::{encode_call, revert_reason, runtime_code};
use perunika_core::chain::{Call, Roots};
use perunika_core::params::{ChannelParams, Party};
use perunika_core::sig::{MemoryKey, RawKey};
use perunika_core::signed::{self, Eip712};
use perunika_core::{Domain, tree};
use revm::{
    Context, InspectCommitEvm, Inspector, MainBuilder, MainContext,
    context::{BlockEnv, CfgEnv, TxEnv, result::ExecutionResult},
    context_interface::transaction::{AccessList, AccessListItem},
    database::InMemoryDB,
    interpreter::{CallInputs, CallOutcome},
    primitives::{TxKind, hardfork::SpecId},
    state::{AccountInfo, Bytecode},
};

sol! {
    #![sol(all_derives)]

    struct Channel {
        address ownerA;
        address ownerB;
        uint8 schemeA;
        bytes32 keyA;
        uint8 schemeB;
        bytes32 keyB;
        address asset;
        uint32 challenge;
        uint32 window;
        uint16 kMax;
        uint16 lane;
    }

    struct State {
        uint48 ver;
        uint96 depA;
        uint96 depB;
        uint96 total;
        uint96 defA;
        uint8 nanos;
        uint8 locks;
        bytes32 lockRoot;
        bytes32 nanoRoot;
    }

    struct Entry {
        bytes32 nid;
        uint48 born;
        uint96 total;
        uint96 dA0;
        uint8 mover0;
        bytes32 codeHash;
        uint32 gas;
        uint16 kMax;
        bytes32 storage0;
    }

    struct NanoVersion {
        uint48 ver;
        uint96 dA;
        uint8 mover;
        uint16 stepsLeft;
        bytes32 storageHash;
    }

    struct NanoStep {
        address code;
        bytes state;
        bytes input;
        bytes auth;
    }

    struct NanoClaim {
        Entry entry;
        uint16 index;
        bytes32[] proof;
        NanoVersion version;
        bytes signatures;
        NanoStep step;
    }

    struct NanoInfo {
        uint48 ver;
        uint40 nRef;
        uint40 last;
        uint16 stepsLeft;
        uint8 mover;
        bool forced;
        uint96 dA;
        bytes32 storageHash;
    }

    function registerNano(Channel params, State state, bytes32 mix, NanoClaim[] claims);
    function execute(Channel params, Entry entry, NanoStep step);
    function reveal(bytes32 secret);
    function deploy(bytes code) returns (address account);
    function nano(bytes32 ch, bytes32 entry) returns (NanoInfo info);

    error StepFailed();
    error InvalidStep();
}

pub(crate) const WINDOW: u32 = 100;
const CHALLENGE: u32 = 1_000;
const START: u64 = 1_900_000_000;
const DEPOSIT: u128 = 1_000_000_000;
const K_MAX: u16 = 100;

/// What a transaction did, and what the frame did that was watched.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) result: ExecutionResult,
    pub(crate) frame: Option<Frame>,
}

pub(crate) struct Ground {
    pub(crate) domain: Domain,
    pub(crate) params: ChannelParams,
    pub(crate) now: u64,
    /// Of every transaction.
    pub(crate) gas_limit: u64,
    keys: [MemoryKey; 2],
    db: InMemoryDB,
}

impl Ground {
    /// With the channel open.
    pub(crate) fn new() -> Self {
        let domain = Domain { chain_id: 31_337, adjudicator: Address::repeat_byte(0xad) };
        let keys = [1, 2].map(|byte| MemoryKey::new(B256::repeat_byte(byte), B256::ZERO).unwrap());
        let party = |side: usize| Party { owner: Address::repeat_byte(0xa0 + side as u8), key: keys[side].address() };
        let params = ChannelParams {
            a: party(0),
            b: party(1),
            asset: Address::ZERO,
            challenge: CHALLENGE,
            window: WINDOW,
            k_max: K_MAX,
            lane: 0,
        };
        let mut db = InMemoryDB::default();
        let code = Bytecode::new_legacy(runtime_code(&domain).into());
        db.insert_account_info(domain.adjudicator, AccountInfo::from_bytecode(code));
        for owner in [params.a.owner, params.b.owner] {
            let balance = U256::from(1u128 << 100);
            db.insert_account_info(owner, AccountInfo { balance, ..AccountInfo::default() });
        }
        let mut ground = Self { domain, params, now: START, gas_limit: 1 << 24, keys, db };
        ground.call(0, &Call::Open { params, nonce: 0, value: DEPOSIT });
        let id = params.id(&domain, 0);
        ground.call(1, &Call::Confirm { params, id, dep_a: DEPOSIT, value: DEPOSIT });
        ground
    }

    pub(crate) fn id(&self) -> B256 {
        self.params.id(&self.domain, 0)
    }

    /// The account that deposits and sends for a side.
    pub(crate) fn owner(&self, side: usize) -> Address {
        [self.params.a.owner, self.params.b.owner][side]
    }

    fn call(&mut self, side: usize, call: &Call) {
        let encoded = encode_call(call, &self.domain, self.owner(side)).unwrap();
        let sent = self.send(side, encoded.data, encoded.value, &[], None);
        assert!(sent.result.is_success(), "{:?}", sent.result);
    }

    /// A transaction in a block of its own, in which `slots` of the Adjudicator are warm; the frame at `watched`.
    pub(crate) fn send(
        &mut self,
        side: usize,
        data: Bytes,
        value: U256,
        slots: &[B256],
        watched: Option<Address>,
    ) -> Sent {
        self.now += 1;
        let owner = self.owner(side);
        let list = AccessListItem { address: self.domain.adjudicator, storage_keys: slots.to_vec() };
        let nonce = self.db.cache.accounts[&owner].info.nonce;
        let tx = TxEnv::builder()
            .caller(owner)
            .kind(TxKind::Call(self.domain.adjudicator))
            .data(data)
            .value(value)
            .nonce(nonce)
            .chain_id(Some(self.domain.chain_id))
            .gas_limit(self.gas_limit)
            .access_list(AccessList(if slots.is_empty() { Vec::new() } else { vec![list] }))
            .build()
            .unwrap();
        let mut cfg = CfgEnv::new().with_chain_id(self.domain.chain_id);
        cfg.set_spec_and_mainnet_gas_params(SpecId::OSAKA);
        let block = BlockEnv {
            number: U256::from(self.now - START + 1_000),
            timestamp: U256::from(self.now),
            gas_limit: 60_000_000,
            basefee: 0,
            ..BlockEnv::default()
        };
        let mut evm = Context::mainnet()
            .with_db(core::mem::take(&mut self.db))
            .with_cfg(cfg)
            .with_block(block)
            .build_mainnet_with_inspector(Watch { at: watched, frame: None });
        let result = evm.inspect_tx_commit(tx).unwrap();
        self.db = evm.ctx.journaled_state.database;
        Sent { result, frame: evm.inspector.frame }
    }

    pub(crate) fn ask<C: SolCall>(&mut self, call: C) -> C::Return {
        let sent = self.send(0, call.abi_encode().into(), U256::ZERO, &[], None);
        C::abi_decode_returns(sent.result.output().unwrap()).unwrap()
    }

    pub(crate) fn deploy(&mut self, code: &[u8]) -> Address {
        self.ask(deployCall { code: code.to_vec().into() })
    }

    /// When it was published.
    pub(crate) fn reveal(&mut self, secret: B256) -> (B256, u64) {
        self.ask(revealCall { secret });
        (keccak256(secret), self.now)
    }

    /// Opens a dispute over a State with these nanocontracts, registers all of them at version 0, and waits until they can be
    /// stepped. Returns when the dispute was opened, and the gas of the registrations.
    pub(crate) fn dispute(&mut self, entries: &[signed::Entry]) -> (u64, u64) {
        let roots = Roots { locks: B256::ZERO, nanos: tree::root(entries) };
        let state = signed::State {
            ch: self.id(),
            ver: 2,
            dep_a: DEPOSIT,
            dep_b: DEPOSIT,
            total: 2 * DEPOSIT,
            def_a: DEPOSIT,
            nanos: entries.len() as u8,
            locks: 0,
            entries: tree::entries(roots.locks, roots.nanos),
        };
        let digest = self.domain.digest(state.struct_hash());
        let sigs = self.keys.each_ref().map(|key| Some(key.sign(digest)));
        self.call(0, &Call::Register { params: self.params, state, roots, sigs });
        let opened = self.now;
        // The test's chain hashes numbers.
        let mix = keccak256((self.now - START + 1_000 - 1).to_string());
        self.now += u64::from(CHALLENGE);
        let claims: Vec<NanoClaim> = (0..entries.len()).map(|index| claim(entries, index)).collect();
        let mut gas = 0;
        for some in claims.chunks(40) {
            let call = registerNanoCall {
                params: channel(&self.params),
                state: on_chain(&state, roots),
                mix,
                claims: some.to_vec(),
            };
            let sent = self.send(1, call.abi_encode().into(), U256::ZERO, &[], None);
            assert!(sent.result.is_success(), "{:?}", sent.result.output().map(|data| revert_reason(data)));
            gas += sent.result.tx_gas_used();
        }
        self.now += u64::from(WINDOW) + 1;
        (opened, gas)
    }

    pub(crate) fn execute(&mut self, entry: &signed::Entry, step: NanoStep, mover: usize, slots: &[B256]) -> Sent {
        let code = step.code;
        let call = executeCall { params: channel(&self.params), entry: entry_on_chain(entry), step };
        self.send(mover, call.abi_encode().into(), U256::ZERO, slots, Some(code))
    }

    pub(crate) fn info(&mut self, entry: &signed::Entry) -> NanoInfo {
        let ch = self.id();
        self.ask(nanoCall { ch, entry: entry.struct_hash() })
    }

    /// Another chain that goes on from here.
    pub(crate) fn fork(&self) -> Self {
        let keys = [1, 2].map(|byte| MemoryKey::new(B256::repeat_byte(byte), B256::ZERO).unwrap());
        Self {
            domain: self.domain,
            params: self.params,
            now: self.now,
            gas_limit: self.gas_limit,
            keys,
            db: self.db.clone(),
        }
    }
}

fn claim(entries: &[signed::Entry], index: usize) -> NanoClaim {
    let entry = &entries[index];
    NanoClaim {
        entry: entry_on_chain(entry),
        index: index as u16,
        proof: tree::proof(entries, index).unwrap(),
        version: NanoVersion {
            ver: alloy_primitives::aliases::U48::ZERO,
            dA: entry.da0.try_into().unwrap(),
            mover: entry.mover0,
            stepsLeft: entry.k_max,
            storageHash: entry.storage0,
        },
        signatures: Bytes::new(),
        step: NanoStep { code: Address::ZERO, state: Bytes::new(), input: Bytes::new(), auth: Bytes::new() },
    }
}

fn channel(params: &ChannelParams) -> Channel {
    Channel {
        ownerA: params.a.owner,
        ownerB: params.b.owner,
        schemeA: 1,
        keyA: params.a.key.into_word(),
        schemeB: 1,
        keyB: params.b.key.into_word(),
        asset: params.asset,
        challenge: params.challenge,
        window: params.window,
        kMax: params.k_max,
        lane: params.lane,
    }
}

fn on_chain(state: &signed::State, roots: Roots) -> State {
    State {
        ver: state.ver.try_into().unwrap(),
        depA: state.dep_a.try_into().unwrap(),
        depB: state.dep_b.try_into().unwrap(),
        total: state.total.try_into().unwrap(),
        defA: state.def_a.try_into().unwrap(),
        nanos: state.nanos,
        locks: state.locks,
        lockRoot: roots.locks,
        nanoRoot: roots.nanos,
    }
}

fn entry_on_chain(entry: &signed::Entry) -> Entry {
    Entry {
        nid: entry.nid,
        born: entry.born.try_into().unwrap(),
        total: entry.total.try_into().unwrap(),
        dA0: entry.da0.try_into().unwrap(),
        mover0: entry.mover0,
        codeHash: entry.code_hash,
        gas: entry.gas,
        kMax: entry.k_max,
        storage0: entry.storage0,
    }
}

/// The slot of `hash` in the registry's mapping at `place`.
pub(crate) fn registry_slot(hash: B256, place: u64) -> B256 {
    keccak256((hash, U256::from(place)).abi_encode())
}

struct Watch {
    at: Option<Address>,
    frame: Option<Frame>,
}

impl<CTX> Inspector<CTX> for Watch {
    fn call_end(&mut self, _: &mut CTX, inputs: &CallInputs, outcome: &mut CallOutcome) {
        if Some(inputs.bytecode_address) == self.at {
            self.frame = Some(Frame::of(inputs, outcome));
        }
    }
}
