//! One call frame of the EVM, as the Adjudicator opens it.

use crate::registry::{REVEALED_AT, Registry, World};
use alloy_primitives::{Address, B256, Bytes, U256};
use revm::{
    Context, MainBuilder, MainContext, MainnetEvm,
    context::{BlockEnv, CfgEnv},
    context_interface::{ContextTr, JournalTr, LocalContextTr},
    handler::{EvmTr, FrameResult, ItemOrResult, MainnetContext},
    interpreter::{
        CallInput, CallInputs, CallScheme, CallValue, FrameInput, InstructionResult, SharedMemory,
        interpreter_action::FrameInit,
    },
    primitives::{AddressMap, HashSet, hardfork::SpecId},
    state::Bytecode,
};
use std::ops::RangeInclusive;

/// The rules of the chains on which the Adjudicator is deployed; those of the embedded chain too.
const SPEC: SpecId = SpecId::OSAKA;

/// The frame of a step stands below the Adjudicator's.
const DEPTH: usize = 1;

/// Where the code lies while it runs here; code that was admitted cannot see it.
const PLACE: Address = Address::repeat_byte(0x4e);

/// The precompiles that every chain has had since Istanbul; the later ones are missing or have another price on some.
pub(crate) const PRECOMPILES: RangeInclusive<u8> = 1..=9;

type Evm<'a> = MainnetEvm<MainnetContext<World<'a>>>;

/// How a frame ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// `STOP` or `RETURN`.
    Returned,
    /// `REVERT`; the output is the reason.
    Reverted,
    /// Out of gas, or a fault.
    Broken,
}

/// What a frame did.
#[derive(Clone, Debug)]
pub(crate) struct Ran {
    pub(crate) end: End,
    pub(crate) output: Bytes,
    /// Gas that the frame used.
    pub(crate) gas: u64,
    /// The slot of the registry that was read last.
    pub(crate) read: Option<U256>,
    /// The hashes about which the registry was asked.
    pub(crate) asked: Vec<B256>,
}

/// A static call: to whom, with what.
pub(crate) struct StaticCall<'a> {
    pub(crate) code: Bytecode,
    pub(crate) at: Address,
    pub(crate) data: Bytes,
    pub(crate) gas: u64,
    pub(crate) world: World<'a>,
}

impl<'a> StaticCall<'a> {
    /// Asks the registry itself, to see which slot it reads.
    pub(crate) fn question(registry: &'a Registry, code: Bytecode, hash: B256) -> Self {
        let data = [&REVEALED_AT[..], &hash[..]].concat().into();
        let world = World::new(Address::ZERO, Some(registry), &[]);
        Self { code, at: Address::ZERO, data, gas: 1_000_000, world }
    }

    /// The call of a step.
    pub(crate) fn step(code: Bytecode, data: Bytes, gas: u32, world: World<'a>) -> Self {
        Self { code, at: PLACE, data, gas: gas.into(), world }
    }

    /// Runs it, in a state of its own.
    pub(crate) fn run(self) -> Ran {
        let mut evm = evm(self.world);
        // Infallible: the world is in memory. A frame that reads its account's storage needs the account.
        let _ = evm.ctx.journaled_state.load_account(self.at);
        let init = first_frame(&evm, self.code, self.at, self.data, self.gas);
        let (end, output, left) = execute(&mut evm, init);
        let world = &mut evm.ctx.journaled_state.database;
        Ran { end, output, gas: self.gas - left, read: world.read, asked: std::mem::take(&mut world.asked) }
    }
}

fn evm(world: World<'_>) -> Evm<'_> {
    let mut cfg = CfgEnv::new();
    cfg.set_spec_and_mainnet_gas_params(SPEC);
    // The Adjudicator is what the transaction calls. Its answers cost the same whether a slot is warm or cold.
    let warm = AddressMap::from_iter([(world.address, HashSet::default())]);
    let mut evm = Context::mainnet().with_db(world).with_cfg(cfg).with_block(BlockEnv::default()).build_mainnet();
    evm.ctx.journaled_state.warm_precompiles(evm.precompiles.warm_addresses());
    evm.ctx.journaled_state.warm_access_list(warm);
    evm
}

fn first_frame(evm: &Evm<'_>, code: Bytecode, at: Address, data: Bytes, gas: u64) -> FrameInit {
    let call = CallInputs {
        input: CallInput::Bytes(data),
        return_memory_offset: 0..0,
        gas_limit: gas,
        reservoir: 0,
        bytecode_address: at,
        // The hash is for tools that watch; nothing that runs reads it.
        known_bytecode: (B256::ZERO, code),
        target_address: at,
        caller: evm.ctx.journaled_state.database.address,
        // Nothing moves, and no account has to be there for that.
        value: CallValue::Apparent(U256::ZERO),
        scheme: CallScheme::StaticCall,
        is_static: true,
        charged_new_account_state_gas: false,
    };
    FrameInit {
        depth: DEPTH,
        memory: SharedMemory::new_with_buffer(evm.ctx.local().shared_memory_buffer().clone()),
        frame_input: FrameInput::Call(Box::new(call)),
    }
}

/// Runs frames until the first is done: its end, its output and the gas that it leaves.
fn execute(evm: &mut Evm<'_>, init: FrameInit) -> (End, Bytes, u64) {
    frames(evm, init).map_or((End::Broken, Bytes::new(), 0), |result| {
        let result = result.into_interpreter_result();
        match result.result {
            ok if ok.is_ok() => (End::Returned, result.output, result.gas.remaining()),
            InstructionResult::Revert => (End::Reverted, result.output, result.gas.remaining()),
            _ => (End::Broken, Bytes::new(), 0),
        }
    })
}

/// The result of the first frame; `None` if it makes a call that the filter would never have let through.
fn frames(evm: &mut Evm<'_>, init: FrameInit) -> Option<FrameResult> {
    if let ItemOrResult::Result(result) = evm.frame_init(init).ok()? {
        return Some(result);
    }
    loop {
        let result = match evm.frame_run().ok()? {
            ItemOrResult::Item(init) if is_allowed(evm, &init) => match evm.frame_init(init).ok()? {
                ItemOrResult::Item(_) => continue,
                ItemOrResult::Result(result) => result,
            },
            ItemOrResult::Item(_) => return None,
            ItemOrResult::Result(result) => result,
        };
        if let Some(result) = evm.frame_return_result(result).ok()? {
            return Some(result);
        }
    }
}

/// Whether a call goes to the registry with its one question, or to a precompile.
fn is_allowed(evm: &mut Evm<'_>, init: &FrameInit) -> bool {
    let FrameInput::Call(call) = &init.frame_input else { return false };
    if call.bytecode_address == evm.ctx.journaled_state.database.address {
        let data = call.input.as_bytes(&evm.ctx);
        let asked = data.strip_prefix(&REVEALED_AT).and_then(|hash| B256::try_from(hash).ok());
        drop(data);
        let world = &mut evm.ctx.journaled_state.database;
        world.asked.extend(asked);
        return world.registry.is_some() && asked.is_some();
    }
    is_callable(call.bytecode_address)
}

/// Whether a step may call this precompile.
fn is_callable(address: Address) -> bool {
    let (high, low) = address.split_at(19);
    high.iter().all(|byte| *byte == 0) && low.iter().all(|byte| PRECOMPILES.contains(byte))
}
