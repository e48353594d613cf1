//! What no story meets.

use super::evm::{Ended, Evm};
use super::pair::{At, Counts, Pair, mapping};
use super::world::{START, WEALTH, World, channel, owner};
use super::{abi, evm};
use alloy_primitives::{Address, B256, U256};
use perunika_reference::{Call, Error, LIVES, Phase, Slot};

fn at(sender: Address) -> At {
    At { sender, value: 0, time: START, number: 100 }
}

#[test]
fn a_clock_of_milliseconds_is_refused() {
    let refused = Evm::deployed_at(u64::from(u32::MAX) + 1).map(|_| ()).unwrap_err();
    assert_eq!(abi::error(&refused), Some(Error::WrongDomain));
    assert!(Evm::deployed_at(u64::from(u32::MAX)).is_ok());
}

#[test]
fn a_slot_has_as_many_lives_as_it_says() {
    let params = channel(0, 1, 5, 5, 5, 0);
    for (nonce, expected) in [(LIVES - 1, None), (LIVES, Some(Error::SlotExhausted))] {
        let mut pair = Pair::new();
        pair.account(owner(0), WEALTH, &[], false);
        pair.reference.slots.insert(params.slot_key(), Slot { nonce, phase: Phase::Closed });
        let word = U256::from(3) << 248 | U256::from(nonce) << 208;
        pair.evm.set_slot(mapping(params.slot_key(), U256::from(2)), word);
        let result = pair.call(at(owner(0)), &Call::Open { params, nonce }).unwrap();
        assert_eq!(result.err(), expected);
    }
}

/// Whatever it is paid, it calls the contract with the calldata behind its code and notes what came back: slot 0 is 1 if the call went well, slot 1 the
/// first word that it returned.
fn caller(contract: Address, data: &[u8]) -> Vec<u8> {
    let size = (data.len() as u16).to_be_bytes();
    let head = |start: u16| {
        let start = start.to_be_bytes();
        let mut code = vec![0x61, size[0], size[1], 0x61, start[0], start[1], 0x5f, 0x39]; // CODECOPY(0, start, size)
        code.extend([0x60, 32, 0x61, 0x80, 0x00, 0x61, size[0], size[1], 0x5f, 0x5f, 0x73]); // CALL(gas, contract, 0, 0, size, 0x8000, 32)
        code.extend(contract.0.0);
        code.extend([0x5a, 0xf1, 0x5f, 0x55, 0x61, 0x80, 0x00, 0x51, 0x60, 1, 0x55, 0x00]); // SSTORE both
        code
    };
    let mut code = head(head(0).len() as u16);
    code.extend_from_slice(data);
    code
}

#[test]
fn s21_a_receiver_that_calls_back_finds_every_entry_point_locked() {
    let world = World::new();
    let (params, v) = (world.channels[0], world.virtuals[0].params);
    let contract = world.pair.evm.domain.adjudicator;
    let (state, virtual_state) = (Default::default(), Default::default());
    let (signatures, secrets, mix) = (Vec::new(), Vec::new(), B256::ZERO);
    let calls = [
        Call::Open { params, nonce: 0 },
        Call::Confirm { params, nonce: 0, deposit_a: 0 },
        Call::Refund { params },
        Call::Close { params, terms: Default::default(), signatures: signatures.clone() },
        Call::Register { params, state, signatures: signatures.clone() },
        Call::RegisterFor { params, state, signatures: signatures.clone(), by_b: false, auth: Default::default() },
        Call::Refute { params, state, signatures: signatures.clone() },
        Call::Conclude { params, state, mix },
        Call::RegisterVirtual {
            params: v,
            state: virtual_state,
            signatures: signatures.clone(),
            secrets: secrets.clone(),
        },
        Call::RegisterVirtualFor {
            params: v,
            state: virtual_state,
            signatures: signatures.clone(),
            secrets,
            opener: Default::default(),
        },
        Call::RefuteVirtual { params: v, state: virtual_state, signatures: signatures.clone() },
        Call::ConcludeVirtual { params: v, state: virtual_state, mix },
        Call::Finalise { params: v, mids: Vec::new(), out_a: 0, signatures },
        Call::RegisterNano { params, state, mix, claims: Default::default() },
        Call::RegisterVirtualNano { params: v, state: virtual_state, mix, claims: Default::default() },
        Call::RefuteNano { params, claims: Default::default() },
        Call::RefuteVirtualNano { params: v, claims: Default::default() },
        Call::Execute { params, entry: Default::default(), step: Default::default() },
        Call::ExecuteVirtual { params: v, entry: Default::default(), step: Default::default() },
        Call::Settle { params, nonce: 0, vc: B256::ZERO, lock: Default::default(), index: 0, proof: Vec::new() },
        Call::SettleExpired {
            params,
            nonce: 0,
            virtual_params: v,
            lock: Default::default(),
            index: 0,
            proof: Vec::new(),
        },
        Call::Withdraw { asset: Address::ZERO, to: owner(0), amount: 1 },
        Call::FundVault { asset: Address::ZERO, owner: owner(0), amount: 0 },
        Call::OpenWith { params, opening: Default::default(), funding_a: Vec::new() },
        Call::ConfirmWith { params, opening: Default::default(), funding_b: Vec::new() },
        Call::OpenBoth { params, opening: Default::default(), funding_a: Vec::new(), funding_b: Vec::new() },
        Call::Deposit { params, nonce: 0, side: 0, amount: 0, not_after: 0, funding: Vec::new() },
        Call::Adjust { params, terms: Default::default(), signatures: Vec::new() },
        Call::Batch { gas_each: 0, calls: Vec::new() },
    ];
    let locked: Vec<_> = calls.iter().map(Call::name).collect();
    let open = ["deploy", "reveal"];
    assert!(Call::NAMES.iter().all(|name| locked.contains(name) || open.contains(name)), "every function is tried");
    for call in calls {
        // A withdrawal passes on all the gas, so that the receiver could do whatever it likes.
        let mut pair = Pair::new();
        pair.account(owner(0), WEALTH, &[], false);
        let receiver = Address::repeat_byte(0x77);
        pair.evm.set_account(receiver, 0, &caller(contract, &abi::calldata(&call)));
        let vault = mapping(owner(0).into_word(), mapping(B256::ZERO, U256::ZERO));
        pair.evm.set_slot(vault, U256::from(5));
        let code = pair.evm.code(contract);
        pair.evm.set_account(contract, 5, &code);
        let withdraw = Call::Withdraw { asset: Address::ZERO, to: receiver, amount: 5 };
        let ended = pair.evm.call(owner(0), 0, abi::calldata(&withdraw), START, 100);
        assert!(matches!(ended, Ended::Well { .. }), "{} {ended:?}", call.name());
        assert_eq!(pair.evm.balance(receiver), 5);
        let first = pair.evm.slot(receiver, U256::from(1)).to_be_bytes::<32>();
        assert_eq!(pair.evm.slot(receiver, U256::ZERO), U256::ZERO, "{} was not locked", call.name());
        assert_eq!(abi::error(&first[..4]), Some(Error::Reentered), "{}", call.name());
    }
}

#[test]
fn s26_any_gas_limit_has_the_whole_effect_or_none() {
    let world = World::new();
    // Owner 2 refuses, owner 3 burns: whoever calls with little gas must not decide what lands in the vault.
    let params = world.channels[2];
    let mut ready = world.pair.clone();
    ready.call(At { value: 3, ..at(params.owner_a) }, &Call::Open { params, nonce: 0 }).unwrap().unwrap();
    let refund = abi::calldata(&Call::Refund { params });
    let mut kinds = std::collections::BTreeSet::new();
    for gas in (30_000..260_000).step_by(1_500) {
        let mut pair = ready.clone();
        match pair.evm.call_with_gas(params.owner_a, 0, refund.clone(), START, 101, gas) {
            Ended::Well { .. } => {
                pair.reference.call(&env(params.owner_a), &Call::Refund { params }).unwrap();
                kinds.insert("done");
            }
            Ended::Reverted(data) => {
                assert_eq!(abi::error(&data), Some(Error::InsufficientGas));
                kinds.insert("refused");
            }
            Ended::Halted(_) => drop(kinds.insert("halted")),
        }
        pair.same_state().unwrap();
    }
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), ["done", "halted", "refused"]);
}

fn env(sender: Address) -> perunika_reference::Env<'static> {
    perunika_reference::Env::new(sender, START, evm::block_hash(100))
}

#[test]
fn s14_after_a_fork_ids_and_signatures_are_those_of_the_new_chain() {
    let mut evm = Evm::new();
    evm.fork(2);
    let world = World::over_pair(Pair::over(evm));
    let mut counts = Counts::default();
    for seed in 2_000_000..2_000_010 {
        counts.add(&super::story::tell(&world, seed, 60).unwrap_or_else(|why| panic!("{why}")));
    }
    assert!(counts.done.len() > 12, "{counts:?}");
}
