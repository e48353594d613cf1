//! What no story meets.

use super::evm::{Ended, Evm};
use super::pair::{At, Counts, Pair, mapping};
use super::world::{START, WEALTH, World, channel, owner, token};
use super::{abi, code, evm};
use alloy_primitives::{Address, B256, U256, keccak256};
use perunika_reference::{Call, Channel, Error, LIVES, Opening, Phase, Slot, authorisation, hash, permit_signature};

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

/// One call of each entry point that may not be called from within another.
fn entry_points(world: &World) -> Vec<Call> {
    let (params, v) = (world.channels[0], world.virtuals[0].params);
    let (state, virtual_state) = (Default::default(), Default::default());
    let (signatures, secrets, mix) = (Vec::new(), Vec::new(), B256::ZERO);
    let calls = vec![
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
    calls
}

#[test]
fn s21_a_receiver_that_calls_back_finds_every_entry_point_locked() {
    let world = World::new();
    let contract = world.pair.evm.domain.adjudicator;
    for call in entry_points(&world) {
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
        locked_out(&pair, receiver, &call);
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

#[test]
fn s21_a_token_that_calls_back_finds_every_entry_point_locked() {
    let world = World::new();
    let contract = world.pair.evm.domain.adjudicator;
    let asset = Address::repeat_byte(0x77);
    let params = Channel { asset, ..world.channels[0] };
    let opening = Opening { nonce: 0, deposit_a: 5, deposit_b: 0, not_after: START };
    let digest = |id| hash::digest(world.pair.reference.domain, hash::open_auth(id, [5, 0], START));
    for call in entry_points(&world) {
        let mut pair = Pair::new();
        pair.account(owner(0), WEALTH, &[], false);
        pair.evm.set_account(asset, 0, &code::reentrant(contract, &abi::calldata(&call)));
        let id = pair.reference.channel_id(&params, 0);
        let permitted = [&[3], &permit_signature(owner(0), contract, 5, START)[..]].concat();
        let authorised = [&[4], &authorisation(owner(0), contract, 5, START + 1, digest(id))[..]].concat();
        let opens =
            [vec![], vec![2], permitted, authorised].map(|funding_a| Call::OpenWith { params, opening, funding_a });
        let vault = Call::FundVault { asset, owner: owner(0), amount: 5 };
        for way_in in opens.into_iter().chain([vault]) {
            let mut pair = pair.clone();
            let ended = pair.evm.call(owner(0), 0, abi::calldata(&way_in), START, 100);
            assert!(matches!(ended, Ended::Well { .. }), "{} {way_in:?} {ended:?}", call.name());
            locked_out(&pair, asset, &call);
            let way_out = match way_in {
                Call::OpenWith { .. } => Call::Refund { params },
                _ => Call::Withdraw { asset, to: owner(1), amount: 5 },
            };
            pair.evm.set_slot_of(asset, U256::from(1), U256::ZERO);
            let ended = pair.evm.call(owner(0), 0, abi::calldata(&way_out), START, 101);
            assert!(matches!(ended, Ended::Well { .. }), "{} {way_out:?} {ended:?}", call.name());
            locked_out(&pair, asset, &call);
        }
    }
}

/// The frame in which tokens are paid out is a function of the contract, for itself alone.
#[test]
fn s20_nobody_else_pushes_tokens() {
    let mut pair = World::new().pair;
    let contract = pair.evm.domain.adjudicator;
    let words = [token(0), owner(0), Address::with_last_byte(1)].map(|account| account.into_word()).concat();
    let push = [&keccak256("push(address,address,uint256)")[..4], &words[..]].concat();
    let batch = abi::batch(200_000, vec![push.clone()]);
    pair.evm.set_slot_of(token(0), U256::from_be_slice(contract.into_word().as_slice()), U256::from(5));
    let before = pair.evm.slot(token(0), U256::from_be_slice(owner(0).into_word().as_slice()));
    for sender in [owner(0), owner(1), token(0), Address::ZERO] {
        let ended = pair.evm.call(sender, 0, push.clone(), START, 100);
        let Ended::Reverted(data) = ended else { panic!("{ended:?}") };
        assert_eq!(abi::error(&data), Some(Error::NotOwner));
        assert!(matches!(pair.evm.call(sender, 0, batch.clone(), START, 100), Ended::Well { .. }));
    }
    assert_eq!(pair.evm.slot(token(0), U256::from_be_slice(owner(0).into_word().as_slice())), before);
}

/// The call that `account` made was refused by the lock.
fn locked_out(pair: &Pair, account: Address, call: &Call) {
    let first = pair.evm.slot(account, U256::from(1)).to_be_bytes::<32>();
    assert_eq!(pair.evm.slot(account, U256::ZERO), U256::ZERO, "{} was not locked", call.name());
    assert_eq!(abi::error(&first[..4]), Some(Error::Reentered), "{}", call.name());
}

#[test]
fn s26_any_gas_limit_pays_a_token_out_or_not_at_all() {
    let world = World::new();
    for number in [0, 1, 4, 6, 7] {
        let params = Channel { asset: token(number), ..world.channels[0] };
        let mut ready = world.pair.clone();
        let opening = Opening { nonce: 0, deposit_a: 3, deposit_b: 0, not_after: START };
        ready.call(at(params.owner_a), &Call::OpenWith { params, opening, funding_a: Vec::new() }).unwrap().unwrap();
        let refund = abi::calldata(&Call::Refund { params });
        let mut kinds = std::collections::BTreeSet::new();
        for gas in (30_000..330_000).step_by(1_500) {
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
}

/// A call that succeeds alone with `gas_each` succeeds in a batch, whatever the gas of the batch: or there is no batch.
#[test]
fn a_batch_gives_each_call_its_gas_or_none() {
    let world = World::new();
    let mut ready = world.pair.clone();
    let vault = Call::FundVault { asset: Address::ZERO, owner: owner(0), amount: 9 };
    ready.call(At { value: 9, ..at(owner(0)) }, &vault).unwrap().unwrap();
    let withdraw = abi::calldata(&Call::Withdraw { asset: Address::ZERO, to: owner(1), amount: 4 });
    for tail in [0, 4_000, 20_000] {
        // Nobody reads what follows the arguments.
        let call = [&withdraw[..], &vec![0; tail]].concat();
        let run = |gas_each: u64, gas: u64| {
            let mut pair = ready.clone();
            let ended = pair.evm.call_with_gas(owner(0), 0, abi::batch(gas_each, vec![call.clone()]), START, 101, gas);
            (ended, pair.evm.balance(owner(1)) - ready.evm.balance(owner(1)))
        };
        let enough = (20_000..400_000).step_by(50).find(|gas_each| run(*gas_each, 5_000_000).1 == 4).unwrap();
        let mut kinds = std::collections::BTreeSet::new();
        // Less is no transaction (EIP-7623).
        let data = abi::batch(enough, vec![call.clone()]);
        let tokens: u64 = data.iter().map(|byte| if *byte == 0 { 1 } else { 4 }).sum();
        for gas in (21_000 + 10 * tokens..2_500_000).step_by(97) {
            match run(enough, gas) {
                (Ended::Well { .. }, 4) => drop(kinds.insert("done")),
                (Ended::Well { .. }, _) => panic!("{tail} bytes more, {gas} gas, {enough} each: passed over"),
                (Ended::Reverted(data), _) => {
                    assert_eq!(abi::error(&data), Some(Error::InsufficientGas));
                    kinds.insert("refused");
                }
                (Ended::Halted(_), _) => drop(kinds.insert("halted")),
            }
            if kinds.contains("done") {
                break;
            }
        }
        assert!(kinds.contains("done") && (tail > 0 || kinds.contains("refused")), "{kinds:?}");
    }
}
