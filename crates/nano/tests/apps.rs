//! The nanocontracts of `contracts/src/nano`, as the Solidity compiler makes them.

mod support;

use alloy_primitives::{B256, U256, keccak256};
use perunika_core::nano::{Evaluator, NoResult, Run};
use perunika_nano::{Machine, check};
use support::{APPS, app, context, words};

const ALONE: u64 = 900;
const DEADLINE: u64 = 1_000;
const SECRET: [u8; 32] = [7; 32];

/// A lock of 40 of 100 that A pays.
fn lock() -> Vec<u8> {
    words(&[keccak256(SECRET).into(), U256::from(40), U256::ZERO, U256::from(DEADLINE), U256::from(ALONE)])
}

fn claim<'a>(code: &'a [u8], storage: &'a [u8], absolute: u64, revealed: &'a [(B256, u64)]) -> Run<'a> {
    let mut context = context(100, 100, 1);
    context.absolute = absolute;
    Run { code, gas: 200_000, context, storage, caller: 1, input: &SECRET, revealed }
}

#[test]
fn the_filter_takes_what_the_compiler_makes() {
    for name in APPS {
        assert_eq!(check(&app(name)), Ok(()), "{name}");
    }
}

#[test]
fn a_lock_pays_against_the_secret() {
    let (code, storage) = (app("HashLock"), lock());
    let outcome = Machine::new().step(&claim(&code, &storage, ALONE, &[])).unwrap();
    assert_eq!((outcome.da, outcome.mover, outcome.steps_left), (60, 1, 0));
    assert_eq!(outcome.storage, storage);
}

#[test]
fn when_the_secret_alone_is_not_enough_a_lock_asks_the_registry() {
    let (code, storage) = (app("HashLock"), lock());
    let machine = Machine::new();
    let hash = keccak256(SECRET);
    let at = |absolute, revealed: &[(B256, u64)]| {
        machine.step(&claim(&code, &storage, absolute, revealed)).map(|outcome| outcome.da)
    };
    for (absolute, error) in [(ALONE + 1, "NotPublished()"), (DEADLINE, "NotPublished()"), (DEADLINE + 1, "TooLate()")]
    {
        let none = Err(NoResult::Reverted(format!("custom error 0x{}", hex::encode(&keccak256(error)[..4]))));
        assert_eq!(at(absolute, &[]), none, "{absolute}");
        assert_eq!(at(absolute, &[(B256::ZERO, 1)]), none, "{absolute}");
        assert_eq!(at(absolute, &[(B256::ZERO, 1), (hash, ALONE)]), Ok(60), "{absolute}");
    }
    assert_eq!(at(DEADLINE + 1, &[(hash, DEADLINE)]), Ok(60));
    assert!(at(DEADLINE + 1, &[(hash, DEADLINE + 1)]).is_err());
}

#[test]
fn one_step_takes_far_less_than_a_millisecond() {
    let (code, storage) = (app("HashLock"), lock());
    let machine = Machine::new();
    let revealed = [(keccak256(SECRET), DEADLINE)];
    let run = claim(&code, &storage, DEADLINE + 1, &revealed);
    let start = std::time::Instant::now();
    for _ in 0..1_000 {
        machine.step(&run).unwrap();
    }
    let each = start.elapsed() / 1_000;
    println!("a step of HashLock that asks the registry: {each:?}");
    assert!(each.as_micros() < 1_000, "{each:?}");
}
