//! What counts as a result, and what is said where there is none.

mod support;

use alloy_primitives::U256;
use alloy_sol_types::{Panic, PanicKind, Revert, SolError};
use perunika_core::nano::{CODE_MAX, Evaluator, INPUT_MAX, NoResult, Outcome, Run, STORAGE_MAX};
use perunika_nano::Machine;
use support::{context, tiny_registry, words};

/// Code that returns `data`, or reverts with it.
fn ends_with(data: &[u8], opcode: u8) -> Vec<u8> {
    let [high, low] = (data.len() as u16).to_be_bytes();
    // CODECOPY(0, 13, length), and the end; the data stands behind.
    let mut code = vec![0x61, high, low, 0x80, 0x60, 12, 0x5f, 0x39, 0x5f, opcode, 0x00, 0x00];
    code.extend(data);
    code
}

fn run(code: &[u8]) -> Run<'_> {
    Run { code, gas: 100_000, context: context(100, 50, 5), storage: &[], caller: 0, input: &[], revealed: &[] }
}

fn step(code: &[u8]) -> Result<Outcome, NoResult> {
    Machine::new().step(&run(code))
}

fn returning(data: &[u8]) -> Result<Outcome, NoResult> {
    step(&ends_with(data, 0xf3))
}

fn result(head: [U256; 4], length: U256, tail: &[u8]) -> Vec<u8> {
    [words(&head), words(&[length]), tail.to_vec()].concat()
}

fn number(n: u64) -> U256 {
    U256::from(n)
}

fn words_of(da: U256, mover: U256, steps_left: U256) -> Vec<u8> {
    result([number(128), da, mover, steps_left], U256::ZERO, &[])
}

#[test]
fn a_result_is_read_to_its_bounds() {
    let largest = returning(&words_of(number(100), number(1), number(4))).unwrap();
    assert_eq!((largest.da, largest.mover, largest.steps_left, largest.storage), (100, 1, 4, vec![]));
    let smallest = returning(&words_of(number(0), number(0), number(0))).unwrap();
    assert_eq!((smallest.da, smallest.mover, smallest.steps_left), (0, 0, 0));
}

#[test]
fn words_above_their_bounds_are_no_result() {
    let high = U256::ONE << 128;
    for da in [number(101), high, high + number(1), U256::MAX] {
        assert_eq!(returning(&words_of(da, number(0), number(0))), Err(NoResult::OutOfBounds("dA is above the total")));
    }
    for mover in [number(2), number(256), high, high + number(1)] {
        let expected = Err(NoResult::OutOfBounds("the next mover is neither A nor B"));
        assert_eq!(returning(&words_of(number(0), mover, number(0))), expected);
    }
    for left in [number(5), number(65_536), high, U256::MAX] {
        assert_eq!(
            returning(&words_of(number(0), number(0), left)),
            Err(NoResult::OutOfBounds("stepsLeft does not fall"))
        );
    }
}

#[test]
fn s28_storage_is_bounded() {
    let code = |length: u64| {
        // MSTORE(0, 128), MSTORE(128, length), RETURN(0, 160 + length)
        let push = |n: u64| [&[0x62u8][..], &n.to_be_bytes()[5..]].concat();
        [vec![0x60, 128, 0x5f, 0x52], push(length), vec![0x60, 128, 0x52], push(160 + length), vec![0x5f, 0xf3]]
            .concat()
    };
    assert_eq!(step(&code(STORAGE_MAX as u64)).map(|outcome| outcome.storage.len()), Ok(STORAGE_MAX));
    let expected = Err(NoResult::OutOfBounds("more than 16,384 bytes of storage"));
    assert_eq!(step(&code(STORAGE_MAX as u64 + 1)), expected);
}

#[test]
fn only_one_form_of_a_result_is_read() {
    let head = [number(128), number(1), number(1), number(1)];
    let invalid = Err(NoResult::OutOfBounds("it is not what the interface returns"));
    let tail = |length: u64, tail: &[u8]| returning(&result(head, number(length), tail)).map(|outcome| outcome.storage);
    assert_eq!(tail(3, b"abc"), Ok(b"abc".to_vec()), "padding is not asked for");
    assert_eq!(tail(3, b"abcdef"), Ok(b"abc".to_vec()), "nor is what stands there looked at");
    assert_eq!(tail(3, b"ab"), invalid.clone().map(|_: Outcome| vec![]));
    assert_eq!(returning(&result(head, U256::MAX, b"abc")), invalid);
    assert_eq!(returning(&words(&head)), invalid);
    assert_eq!(returning(&[]), invalid);
    for offset in [number(0), number(96), number(160), U256::ONE << 64 | number(128)] {
        let [_, rest @ ..] = head;
        let [da, mover, left] = rest;
        assert_eq!(returning(&result([offset, da, mover, left], number(0), &[0; 64])), invalid, "{offset}");
    }
    assert_eq!(step(&[0x00]), invalid, "STOP returns nothing");
}

#[test]
fn a_revert_is_told_in_words() {
    let reverted = |data: &[u8]| step(&ends_with(data, 0xfd)).unwrap_err().to_string();
    let no = "the nanocontract does not allow this step: ";
    assert_eq!(reverted(&[]), format!("{no}it gives no reason"));
    assert_eq!(reverted(&Revert::from("not your turn").abi_encode()), format!("{no}not your turn"));
    let panic = Panic::from(PanicKind::UnderOverflow).abi_encode();
    assert_eq!(reverted(&panic), format!("{no}panic: arithmetic underflow or overflow (0x11)"));
    assert_eq!(reverted(&[1, 2, 3, 4]), format!("{no}custom error 0x01020304"));
    assert_eq!(reverted(&[1, 2, 3, 4, 5]), format!("{no}custom error 0x01020304 with 0x05"));
    assert_eq!(reverted(&[1, 2]), format!("{no}it gives no reason"));
}

#[test]
fn a_reason_cannot_speak_for_the_node() {
    let text = format!("no\n\u{1b}[31m{}", "x".repeat(1_000));
    let reason = step(&ends_with(&Revert::from(text).abi_encode(), 0xfd)).unwrap_err().to_string();
    assert!(!reason.chars().any(char::is_control) && reason.len() < 300, "{reason}");
}

#[test]
fn the_gas_bound_is_exact() {
    let code = ends_with(&words_of(number(1), number(0), number(0)), 0xf3);
    let needed = step(&code).unwrap().gas;
    let with = |gas: u64| Machine::new().step(&Run { gas: gas as u32, ..run(&code) });
    assert_eq!(with(needed).map(|outcome| outcome.gas), Ok(needed));
    assert_eq!(with(needed - 1), Err(NoResult::Broken));
}

#[test]
fn s28_sizes_are_refused_with_a_reason() {
    let code = ends_with(&words_of(number(1), number(0), number(0)), 0xf3);
    let (storage, input, long) = (vec![0; STORAGE_MAX + 1], vec![0; INPUT_MAX + 1], vec![0x5b; CODE_MAX + 1]);
    let good = run(&code);
    let with_context = |da, left| Run { context: context(100, da, left), ..good };
    let bad = [
        Run { code: &[], ..good },
        Run { code: &[0xef, 1, 0], ..good },
        Run { code: &long, ..good },
        Run { gas: (1 << 24) + 1, ..good },
        Run { storage: &storage, ..good },
        Run { input: &input, ..good },
        Run { caller: 2, ..good },
        with_context(101, 5),
        with_context(0, 0),
    ];
    for run in bad {
        assert!(matches!(Machine::new().step(&run), Err(NoResult::OutOfBounds(_))), "{run:?}");
    }
    let full = Run { storage: &storage[1..], input: &input[1..], gas: 1 << 24, ..good };
    assert!(Machine::new().step(&full).is_ok());
}

#[test]
fn code_that_was_not_admitted_reaches_nobody() {
    // STATICCALL to an account, a later precompile, and the registry with another question; the result would be fine.
    let end = ends_with(&words_of(number(1), number(0), number(0)), 0xf3);
    for callee in ["6003", "60ff", "610100", "60e435"] {
        let mut code = hex::decode(format!("5f5f5f5f{callee}5afa")).unwrap();
        let shift = code.len() as u8;
        code.extend(&end);
        code[usize::from(shift) + 5] += shift;
        let run = Run { gas: 1_000_000, ..run(&code) };
        assert_eq!(Machine::with_registry(&tiny_registry(0)).step(&run).is_ok(), callee == "6003", "{callee}");
    }
}

#[test]
fn without_a_registry_nobody_is_asked() {
    // The tiny code answers, but not from a mapping.
    let machine = Machine::with_registry(&hex::decode("5f5f5260205ff3").unwrap());
    assert_eq!(format!("{machine:?}"), "Machine { registry: false }");
    assert_eq!(format!("{:?}", Machine::with_registry(&tiny_registry(63))), "Machine { registry: true }");
}

#[test]
fn admission_says_why_not() {
    let refusal = Machine::new().admit(&[0x5f, 0x54]).unwrap_err();
    assert!(refusal.starts_with("offset 1: SLOAD is not allowed"), "{refusal}");
    assert_eq!(Machine::new().admit(&[0x5f, 0x5f, 0xfd]), Ok(()));
}
