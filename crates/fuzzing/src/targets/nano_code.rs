//! Bytecode that a stranger offers: the filter and the machine.

use crate::{Seed, Source, block};
use perunika_core::nano::{Context, Evaluator as _, NoResult, Outcome, Run, STORAGE_MAX};
use perunika_core::{Address, B256};
use perunika_nano::report::{Bounds, Report};
use perunika_nano::{Machine, check};
use std::sync::OnceLock;

/// More than any real step needs, little enough for thousands of runs in a second.
const GAS_MAX: u32 = 200_000;

/// Runs a step of arbitrary code twice: the result is one and the same, and within its bounds.
pub(super) fn run(bytes: &[u8]) -> bool {
    static MACHINE: OnceLock<Machine> = OnceLock::new();
    let machine = MACHINE.get_or_init(Machine::new);
    let mut source = Source::new(bytes);
    let total = source.u128() >> 32;
    let da = (source.u128() >> 32).min(total);
    let context = Context {
        ch: B256::repeat_byte(1),
        entry: B256::repeat_byte(2),
        total,
        da,
        steps_left: u16::from(source.u8()),
        time: source.u64() >> 24,
        absolute: source.u64() >> 24,
        registry: Address::repeat_byte(3),
    };
    let (gas, caller) = (u32::from(source.u16()) * 4, source.u8() % 3);
    let (storage, input) = (source.block(), source.block());
    let revealed = [(B256::repeat_byte(source.u8()), source.u64())];
    let code = source.rest();
    let run = Run { code, gas: gas.min(GAS_MAX), context, storage, caller, input, revealed: &revealed };
    let first = machine.step(&run);
    assert_eq!(first, machine.step(&run), "a step has two results");
    within(&run, &first);
    machine.asks(&run);
    let admitted = check(code).is_ok();
    assert_eq!(admitted, machine.admit(code).is_ok(), "two filters");
    let bounds = Bounds { gas, k_max: context.steps_left, storage: storage.len(), input: input.len() };
    let report = Report::new(code, bounds);
    assert_eq!(report.refusal.is_none(), admitted, "the report says something else than the filter");
    let _ = (report.dispute(), report.is_enforceable(), report.smallest_stake(total), report.to_string());
    admitted
}

fn within(run: &Run<'_>, result: &Result<Outcome, NoResult>) {
    let Ok(outcome) = result else { return };
    assert!(outcome.gas <= u64::from(run.gas), "more gas than the bound");
    assert!(outcome.da <= run.context.total, "more than there is");
    assert!(outcome.storage.len() <= STORAGE_MAX, "more storage than the contract takes");
    assert!(outcome.mover <= 1 && outcome.steps_left < run.context.steps_left, "no move of two parties that ends");
}

fn seed(code: &[u8], storage: &[u8], input: &[u8]) -> Vec<u8> {
    let head = [&[0xff; 32][..], &[5], &[0; 16], &[0xff, 0xff], &[0]].concat();
    [head, block(storage), block(input), vec![7; 9], code.to_vec()].concat()
}

pub(super) fn seeds() -> Vec<Seed> {
    // Echoes the calldata; loops until the gas is gone; asks a precompile; pushes at the very end; metadata of solc.
    let codes: [(&str, &[u8]); 6] = [
        ("echo", &[0x36, 0x5f, 0x5f, 0x37, 0x36, 0x5f, 0xf3]),
        ("loop", &[0x5b, 0x5f, 0x56]),
        ("identity", &[0x5f, 0x5f, 0x36, 0x5f, 0x60, 0x04, 0x5a, 0xfa, 0x5f, 0x5f, 0xf3]),
        ("cut_push", &[0x5f, 0x5f, 0xf3, 0x7f, 0x01]),
        ("stop", &[0]),
        ("metadata", &[0x5f, 0x5f, 0xf3, 0xfe, 0xa1, 0x64, b's', b'o', b'l', b'c', 0x43, 0, 8, 37, 0, 0x0a]),
    ];
    let mut seeds: Vec<Seed> =
        codes.iter().map(|(name, code)| ((*name).to_owned(), seed(code, &[1; 32], &[2; 32]))).collect();
    // Storage, da, mover, steps left as the Adjudicator reads them.
    let mut result = vec![0x60, 0x05, 0x60, 0x20, 0x52, 0x60, 0x01, 0x60, 0x40, 0x52, 0x60, 0x04, 0x60, 0x60, 0x52];
    result.extend([0x60, 0x80, 0x5f, 0x52, 0x60, 0xa0, 0x5f, 0xf3]);
    seeds.push(("result".into(), seed(&result, &[], &[])));
    seeds
}
