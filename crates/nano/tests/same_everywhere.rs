//! S27, P9: whatever the filter accepts has one result and uses one amount of gas, wherever and by whomever it is run.

mod support;

use alloy_primitives::{B256, U256, keccak256};
use perunika_core::nano::{Evaluator, NoResult, Outcome, Run};
use perunika_nano::{Machine, check};
use support::chain::{Frame, Place, adjudicator, execute};
use support::context;
use support::program::Program;
use support::rng::Rng;

const PROGRAMS: u64 = 2_000;
const RANDOM_CODES: u64 = 20_000;

fn published() -> Vec<(B256, u64)> {
    vec![(keccak256("one"), 400), (keccak256("two"), 700), (keccak256("never"), 0)]
}

/// What the Adjudicator makes of a frame: an independent reading of the rules in `Steps.sol`.
fn expected(run: &Run<'_>, frame: &Frame) -> Result<Outcome, NoResult> {
    if frame.result.is_revert() {
        return Err(NoResult::Reverted(String::new()));
    }
    if !frame.result.is_ok() {
        return Err(NoResult::Broken);
    }
    let out = &frame.output;
    let word = |at: usize| U256::from_be_slice(&out[32 * at..32 * at + 32]);
    let invalid = Err(NoResult::OutOfBounds(""));
    if out.len() < 160 || word(0) != U256::from(128) || word(4) > U256::from(16_384) {
        return invalid;
    }
    let len = word(4).to::<usize>();
    let fits = out.len() >= 160 + len;
    let total = U256::from(run.context.total);
    if !fits || word(1) > total || word(2) > U256::ONE || word(3) >= U256::from(run.context.steps_left) {
        return invalid;
    }
    Ok(Outcome {
        storage: out[160..160 + len].to_vec(),
        da: word(1).to(),
        mover: word(2).to(),
        steps_left: word(3).to(),
        gas: frame.gas,
    })
}

/// The same without the words.
fn plain(result: Result<Outcome, NoResult>) -> Result<Outcome, NoResult> {
    result.map_err(|error| match error {
        NoResult::Reverted(_) => NoResult::Reverted(String::new()),
        NoResult::OutOfBounds(_) => NoResult::OutOfBounds(""),
        NoResult::Broken => NoResult::Broken,
    })
}

/// Runs one program everywhere; whether it has a result, and whether the machine refuses one that the chain would take.
fn compare(machine: &Machine, program: &Program, seed: u64) -> (bool, bool) {
    let [here, there] = Place::two().map(|place| execute(program, &place));
    assert_eq!(here, there, "seed {seed}");
    let chain = expected(&program.run(), &here);
    let off_chain = plain(machine.step(&program.run()));
    let refused = off_chain != chain;
    if refused {
        // Only because the gas of a question depends on what the transaction touched before.
        assert!(program.asks && off_chain == Err(NoResult::Broken), "seed {seed}: {off_chain:?}, {chain:?}");
    }
    if let Ok(outcome) = &off_chain {
        let warm = execute(program, &Place { warm: true, ..Place::two()[0].clone() });
        let gas = warm.gas;
        assert!(gas <= outcome.gas, "seed {seed}");
        assert_eq!(expected(&program.run(), &warm), Ok(Outcome { gas, ..outcome.clone() }), "seed {seed}");
    }
    (off_chain.is_ok(), refused)
}

#[test]
fn s27_admitted_programs_have_one_result_and_one_price() {
    let machine = Machine::with_registry(&adjudicator());
    let (mut results, mut asking, mut refused) = (0, 0, 0);
    for seed in 0..PROGRAMS {
        let program = Program::new(seed, context(1_000 + u128::from(seed), 10, 7), &published());
        assert_eq!(check(&program.code), Ok(()), "seed {seed}");
        let (result, too_careful) = compare(&machine, &program, seed);
        results += u64::from(result);
        asking += u64::from(result && program.asks);
        refused += u64::from(too_careful);
    }
    println!(
        "{results} of {PROGRAMS} programs have a result, {asking} of them can ask the registry; {refused} refused off chain only"
    );
    assert!(2 * results >= PROGRAMS, "the generator makes too few programs that mean something");
    assert!(asking >= PROGRAMS / 20, "too few ask the registry");
    assert!(refused <= PROGRAMS / 100, "the machine refuses what the chain takes");
}

#[test]
fn s27_random_bytes_never_trip_the_filter_and_run_the_same_if_admitted() {
    let machine = Machine::with_registry(&adjudicator());
    let mut rng = Rng(0xf117e5);
    let (mut admitted, mut returned) = (0, 0);
    for seed in 0..RANDOM_CODES {
        let len = rng.below(40) as usize;
        let mut code = rng.bytes(len);
        // Mostly bytes that mean something, else hardly any code is admitted.
        for byte in &mut code {
            if !rng.one_in(8) {
                *byte = rng.pick(&[
                    0x01, 0x03, 0x0a, 0x14, 0x20, 0x34, 0x35, 0x36, 0x37, 0x39, 0x3d, 0x3e, 0x50, 0x51, 0x52, 0x53,
                    0x56, 0x57, 0x58, 0x59, 0x5a, 0x5b, 0x5e, 0x5f, 0x60, 0x61, 0x80, 0x81, 0x90, 0x91, 0xf3, 0xfa,
                    0xfd, 0xfe,
                ]);
            }
        }
        if check(&code).is_err() {
            continue;
        }
        admitted += 1;
        let mut program = Program::new(seed, context(1_000, 10, 7), &published());
        program.code = code;
        program.asks = false;
        let [here, there] = Place::two().map(|place| execute(&program, &place));
        assert_eq!(here, there, "{}", hex::encode(&program.code));
        assert_eq!(plain(machine.step(&program.run())), expected(&program.run(), &here));
        returned += u64::from(here.result.is_ok());
    }
    println!("{admitted} of {RANDOM_CODES} random codes are admitted, {returned} of them return");
    assert!(admitted >= RANDOM_CODES / 20 && returned > 100);
}
