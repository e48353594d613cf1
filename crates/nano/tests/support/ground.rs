//! A chain with the real Adjudicator and one channel of two owners, whose nanocontracts are forced.

use super::chain::Frame;
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_sol_types::{SolCall, SolValue, sol};
use perunika_contracts::{encode_call, extension_address, extension_code, revert_reason, runtime_code};
use perunika_core::chain::{Call, ForcedStep, Home, NanoClaim, Roots};
use perunika_core::params::{ChannelParams, Party, code_address, secret_hash};
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
        let halves = [
            (domain.adjudicator, runtime_code(&domain).into()),
            (extension_address(domain.adjudicator), extension_code()),
        ];
        for (address, code) in halves {
            db.insert_account_info(address, AccountInfo::from_bytecode(Bytecode::new_legacy(code)));
        }
        for owner in [params.a.owner, params.b.owner] {
            let balance = U256::from(1u128 << 100);
            db.insert_account_info(owner, AccountInfo { balance, ..AccountInfo::default() });
        }
        let mut ground = Self { domain, params, now: START, gas_limit: 1 << 24, keys, db };
        ground.must(0, &Call::Open { params, nonce: 0, value: DEPOSIT });
        let id = params.id(&domain, 0);
        ground.must(1, &Call::Confirm { params, id, dep_a: DEPOSIT, value: DEPOSIT });
        ground
    }

    pub(crate) fn id(&self) -> B256 {
        self.params.id(&self.domain, 0)
    }

    /// The account that deposits and sends for a side.
    pub(crate) fn owner(&self, side: usize) -> Address {
        [self.params.a.owner, self.params.b.owner][side]
    }

    /// A call by an owner, in which `slots` of the Adjudicator are warm; the frame at `watched`.
    pub(crate) fn call(&mut self, side: usize, call: &Call, slots: &[B256], watched: Option<Address>) -> Sent {
        let encoded = encode_call(call, &self.domain, self.owner(side)).unwrap();
        self.send(side, encoded.data, encoded.value, slots, watched)
    }

    fn must(&mut self, side: usize, call: &Call) -> u64 {
        let sent = self.call(side, call, &[], None);
        assert!(
            sent.result.is_success(),
            "{}: {:?}",
            call.name(),
            sent.result.output().map(|data| revert_reason(data))
        );
        sent.result.tx_gas_used()
    }

    /// A transaction in a block of its own, in which `slots` of the Adjudicator are warm; the frame at `watched`.
    fn send(&mut self, side: usize, data: Bytes, value: U256, slots: &[B256], watched: Option<Address>) -> Sent {
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

    pub(crate) fn deploy(&mut self, code: &[u8]) -> Address {
        self.must(0, &Call::Deploy { code: code.to_vec() });
        code_address(&self.domain, code)
    }

    /// When it was published.
    pub(crate) fn reveal(&mut self, secret: B256) -> (B256, u64) {
        self.must(0, &Call::Reveal { secret });
        (secret_hash(secret), self.now)
    }

    /// Opens a dispute over a State with these nanocontracts, registers all of them at version 0, and waits until they can be
    /// stepped. Returns when the dispute was opened, and the gas of all registrations.
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
        let mut gas = self.must(0, &Call::Register { params: self.params, state, roots, sigs });
        let opened = self.now;
        // The test's chain hashes numbers.
        let mix = keccak256((self.now - START + 1_000 - 1).to_string());
        self.now += u64::from(CHALLENGE);
        let claims: Vec<NanoClaim> = (0..entries.len()).map(|index| claim(self.id(), entries, index)).collect();
        for some in claims.chunks(40) {
            let home = Home::Ledger(self.params);
            gas += self.must(1, &Call::RegisterNanos { home, state, roots, mix, claims: some.to_vec() });
        }
        self.now += u64::from(WINDOW) + 1;
        (opened, gas)
    }

    pub(crate) fn execute(&mut self, entry: &signed::Entry, step: ForcedStep, mover: usize, slots: &[B256]) -> Sent {
        let code = step.code;
        let call = Call::Execute { home: Home::Ledger(self.params), entry: *entry, step };
        self.call(mover, &call, slots, Some(code))
    }

    pub(crate) fn info(&mut self, entry: &signed::Entry) -> NanoInfo {
        let call = nanoCall { ch: self.id(), entry: entry.struct_hash() };
        let sent = self.send(0, call.abi_encode().into(), U256::ZERO, &[], None);
        nanoCall::abi_decode_returns(sent.result.output().unwrap()).unwrap()
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

/// Version 0, which nobody signs.
fn claim(ch: B256, entries: &[signed::Entry], index: usize) -> NanoClaim {
    let entry = entries[index];
    NanoClaim {
        entry,
        index,
        proof: tree::proof(entries, index).unwrap(),
        version: signed::Nano {
            ch,
            entry: entry.struct_hash(),
            ver: 0,
            da: entry.da0,
            mover: entry.mover0,
            steps_left: entry.k_max,
            storage_hash: entry.storage0,
        },
        sigs: [None, None],
        step: None,
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
