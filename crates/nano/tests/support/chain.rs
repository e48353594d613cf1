//! A chain with the Adjudicator, for its registry, and a contract that calls a step with the gas that it is told.

use super::{ground::registry_slot, program::Program};
use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::{SolCall, sol};
use perunika_contracts::runtime_code;
use perunika_core::{Domain, nano::Context as StepContext};
use revm::{
    Context, InspectEvm, Inspector, MainBuilder, MainContext,
    context::{BlockEnv, CfgEnv, TxEnv},
    context_interface::transaction::{AccessList, AccessListItem},
    database::InMemoryDB,
    interpreter::{CallInputs, CallOutcome, InstructionResult},
    primitives::{TxKind, hardfork::SpecId},
    state::{AccountInfo, Bytecode},
};
use std::sync::LazyLock;

sol! {
    struct Ctx {
        bytes32 ch;
        bytes32 entry;
        uint256 total;
        uint256 dA;
        uint256 stepsLeft;
        uint256 time;
        uint256 absolute;
        address registry;
    }
    function step(Ctx ctx, bytes state, uint8 caller, bytes input);
}

/// Where the contract is that calls steps.
const CALLER: Address = Address::repeat_byte(0xca);
/// Places in the storage layout where the registry's mapping may be.
const MAPPINGS: std::ops::Range<u64> = 0..16;

/// Everything that differs between two runs of one step on one chain.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) code_at: Address,
    /// Slots and balance of the account that holds the code.
    pub(crate) salt: u64,
    pub(crate) sender: Address,
    pub(crate) block: BlockEnv,
    pub(crate) gas_limit: u64,
    /// Whether the registry's slots were touched before.
    pub(crate) warm: bool,
}

impl Place {
    pub(crate) fn two() -> [Self; 2] {
        let early = BlockEnv {
            number: U256::from(7),
            timestamp: U256::from(1_000),
            basefee: 0,
            beneficiary: Address::repeat_byte(0xc1),
            prevrandao: Some(B256::repeat_byte(0x11)),
            gas_limit: 30_000_000,
            ..BlockEnv::default()
        };
        let late = BlockEnv {
            number: U256::from(99_999_999),
            timestamp: U256::from(1) << 40,
            basefee: 1_000,
            beneficiary: Address::repeat_byte(0xc2),
            prevrandao: Some(B256::repeat_byte(0x22)),
            gas_limit: 60_000_000,
            ..BlockEnv::default()
        };
        let first = Self {
            code_at: Address::repeat_byte(0x31),
            salt: 1,
            sender: Address::repeat_byte(0x51),
            block: early,
            gas_limit: 4_000_000,
            warm: false,
        };
        let second = Self {
            code_at: Address::repeat_byte(0x32),
            salt: 0x1234_5678,
            sender: Address::repeat_byte(0x52),
            block: late,
            gas_limit: 1 << 24,
            warm: false,
        };
        [first, second]
    }
}

/// What a call frame left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) result: InstructionResult,
    pub(crate) output: Bytes,
    pub(crate) gas: u64,
}

impl Frame {
    pub(crate) fn of(inputs: &CallInputs, outcome: &CallOutcome) -> Self {
        let (result, output) = (*outcome.instruction_result(), outcome.output().clone());
        let left = if result.is_ok_or_revert() { outcome.gas().remaining() } else { 0 };
        Self { result, output, gas: inputs.gas_limit - left }
    }
}

/// No immutable of it matters to what a step may ask.
static ADJUDICATOR: LazyLock<AccountInfo> = LazyLock::new(|| {
    let code = runtime_code(&Domain { chain_id: 1, adjudicator: Address::ZERO });
    AccountInfo::from_bytecode(Bytecode::new_legacy(code.into()))
});

/// Calls the account in the first word with the gas in the second and the rest as calldata.
fn caller() -> Vec<u8> {
    hex::decode("604036038060405f375f5f825f5f35602035fa00").unwrap()
}

/// Runs the step of `program` in a transaction; the frame of its code.
pub(crate) fn execute(program: &Program, place: &Place) -> Frame {
    let data = [
        &word(U256::from_be_slice(place.code_at.as_slice()))[..],
        &word(U256::from(program.gas)),
        &calldata(&program.context, program),
    ]
    .concat();
    let registry = program.context.registry;
    // In a real step the Adjudicator itself is always warm.
    let slots = if place.warm { slots(program).map(|(slot, _)| slot).collect() } else { Vec::new() };
    let warm = vec![AccessListItem { address: registry, storage_keys: slots }];
    let tx = TxEnv::builder()
        .caller(place.sender)
        .kind(TxKind::Call(CALLER))
        .data(data.into())
        .gas_limit(place.gas_limit)
        .gas_price(place.block.basefee.into())
        .access_list(AccessList(warm))
        .build()
        .unwrap();
    let mut cfg = CfgEnv::new();
    cfg.set_spec_and_mainnet_gas_params(SpecId::OSAKA);
    let watch = Watch { at: place.code_at, frame: None };
    let mut evm = Context::mainnet()
        .with_db(state(program, place))
        .with_cfg(cfg)
        .with_block(place.block.clone())
        .build_mainnet_with_inspector(watch);
    let result = evm.inspect_one_tx(tx).unwrap();
    assert!(result.is_success(), "{result:?}");
    evm.inspector.frame.unwrap()
}

fn state(program: &Program, place: &Place) -> InMemoryDB {
    let mut db = InMemoryDB::default();
    let rich = AccountInfo { balance: U256::from(place.salt) << 100, ..AccountInfo::default() };
    let with_code = |code: &[u8]| AccountInfo {
        balance: U256::from(place.salt),
        ..AccountInfo::from_bytecode(Bytecode::new_legacy(code.to_vec().into()))
    };
    db.insert_account_info(place.sender, rich);
    db.insert_account_info(place.code_at, with_code(&program.code));
    db.insert_account_info(CALLER, with_code(&caller()));
    db.insert_account_info(program.context.registry, ADJUDICATOR.clone());
    for at in 0..64 {
        let _ = db.insert_account_storage(place.code_at, U256::from(at), U256::from(place.salt + at));
    }
    for (slot, second) in slots(program) {
        let _ = db.insert_account_storage(program.context.registry, slot.into(), U256::from(second));
    }
    db
}

/// The registry's slots for what the program may ask about, and what they hold.
fn slots(program: &Program) -> impl Iterator<Item = (B256, u64)> {
    let of = |place| program.revealed.iter().map(move |(hash, second)| (registry_slot(*hash, place), *second));
    MAPPINGS.flat_map(of)
}

fn word(number: U256) -> [u8; 32] {
    number.to_be_bytes()
}

fn calldata(context: &StepContext, program: &Program) -> Vec<u8> {
    let ctx = Ctx {
        ch: context.ch,
        entry: context.entry,
        total: U256::from(context.total),
        dA: U256::from(context.da),
        stepsLeft: U256::from(context.steps_left),
        time: U256::from(context.time),
        absolute: U256::from(context.absolute),
        registry: context.registry,
    };
    let (state, input) = (program.storage.clone().into(), program.input.clone().into());
    stepCall { ctx, state, caller: program.caller, input }.abi_encode()
}

struct Watch {
    at: Address,
    frame: Option<Frame>,
}

impl<CTX> Inspector<CTX> for Watch {
    fn call_end(&mut self, _: &mut CTX, inputs: &CallInputs, outcome: &mut CallOutcome) {
        if inputs.bytecode_address == self.at {
            self.frame = Some(Frame::of(inputs, outcome));
        }
    }
}
