//! P9, S27: a step has off chain the result and the gas that `execute` of the real Adjudicator gives it, or none in both places.

mod support;

use alloy_primitives::{B256, keccak256};
use alloy_sol_types::SolError;
use perunika_core::chain::ForcedStep;
use perunika_core::nano::{Context, Evaluator, NoResult, Outcome, Run};
use perunika_core::signed::{Eip712, Entry};
use perunika_nano::{Machine, check};
use support::context;
use support::ground::{Ground, InvalidStep, Sent, StepFailed, registry_slot};
use support::program::Program;

const PROGRAMS: u64 = 200;
const CHANNELS: u64 = 3;

fn entry(program: &Program, seed: u64) -> Entry {
    Entry {
        nid: keccak256(seed.to_be_bytes()),
        born: 2,
        total: program.context.total,
        da0: program.context.da,
        mover0: program.caller,
        code_hash: keccak256(&program.code),
        gas: program.gas,
        k_max: program.context.steps_left,
        storage0: keccak256(&program.storage),
    }
}

/// What the step is told, at the second in which it is forced.
fn told(ground: &Ground, entry: &Entry, opened: u64) -> Context {
    Context {
        ch: ground.id(),
        entry: entry.struct_hash(),
        total: entry.total,
        da: entry.da0,
        steps_left: entry.k_max,
        time: opened,
        absolute: ground.now,
        registry: ground.domain.adjudicator,
    }
}

fn step_of(ground: &mut Ground, program: &Program) -> ForcedStep {
    ForcedStep {
        code: ground.deploy(&program.code),
        storage: program.storage.clone(),
        input: program.input.clone(),
        auth: None,
    }
}

/// The chain's refusal must be the one that belongs to what the machine says.
fn assert_refused(sent: &Sent, why: &NoResult, seed: u64) {
    let selector = match why {
        NoResult::Reverted(_) | NoResult::Broken => StepFailed::SELECTOR,
        NoResult::OutOfBounds(_) => InvalidStep::SELECTOR,
    };
    assert_eq!(sent.result.output().map(|data| &data[..]), Some(&selector[..]), "seed {seed}: {why}");
}

fn assert_taken(ground: &mut Ground, entry: &Entry, sent: &Sent, outcome: &Outcome, seed: u64) {
    assert!(sent.result.is_success(), "seed {seed}: {sent:?}");
    assert_eq!(sent.frame.as_ref().map(|frame| frame.gas), Some(outcome.gas), "seed {seed}");
    let info = ground.info(entry);
    assert_eq!(info.storageHash, keccak256(&outcome.storage), "seed {seed}");
    assert_eq!(info.dA.to::<u128>(), outcome.da, "seed {seed}");
    assert_eq!((info.mover, info.stepsLeft), (outcome.mover, outcome.steps_left), "seed {seed}");
}

/// Forces a step and holds what the chain makes of it against what the machine makes of it; whether there is a result.
fn compare(ground: &mut Ground, case: &Case<'_>, slots: &[B256]) -> bool {
    let Case { machine, program, entry, opened, seed } = case;
    let step = step_of(ground, program);
    let sent = ground.execute(entry, step, program.caller.into(), slots);
    let off_chain = machine.step(&Run { context: told(ground, entry, *opened), ..program.run() });
    match &off_chain {
        Ok(outcome) => assert_taken(ground, entry, &sent, outcome, *seed),
        Err(why) => assert_refused(&sent, why, *seed),
    }
    off_chain.is_ok()
}

struct Case<'a> {
    machine: &'a Machine,
    program: &'a Program,
    entry: &'a Entry,
    /// When the dispute was opened, seconds.
    opened: u64,
    seed: u64,
}

/// Forces the step of each program: how many have a result, and how many of these can ask the registry.
fn force(seeds: std::ops::Range<u64>) -> [u64; 2] {
    let machine = Machine::new();
    let mut ground = Ground::new();
    let revealed = [ground.reveal(keccak256("one")), ground.reveal(keccak256("two")), (keccak256("never"), 0)];
    let programs: Vec<Program> =
        seeds.clone().map(|seed| Program::new(seed, context(1_000 + u128::from(seed), 10, 7), &revealed)).collect();
    let entries: Vec<Entry> = programs.iter().zip(seeds.clone()).map(|(program, seed)| entry(program, seed)).collect();
    let (opened, _) = ground.dispute(&entries);
    let slots: Vec<B256> =
        (0..16).flat_map(|place| revealed.iter().map(move |(hash, _)| registry_slot(*hash, place))).collect();
    let (mut results, mut asking) = (0, 0);
    for ((program, entry), seed) in programs.iter().zip(&entries).zip(seeds) {
        assert_eq!(check(&program.code), Ok(()), "seed {seed}");
        let case = Case { machine: &machine, program, entry, opened, seed };
        // Each within the time of its first step.
        let result = compare(&mut ground.fork(), &case, &[]);
        // Whoever sends the step may have touched the registry's slots before.
        if program.asks {
            assert_eq!(compare(&mut ground.fork(), &case, &slots), result, "seed {seed}");
        }
        results += u64::from(result);
        asking += u64::from(result && program.asks);
    }
    [results, asking]
}

#[test]
fn s27_p9_forced_steps_are_the_optimistic_ones() {
    let all = PROGRAMS * CHANNELS;
    let mut counts = [0; 2];
    for channel in 0..CHANNELS {
        let some = force(10_000 + channel * PROGRAMS..10_000 + (channel + 1) * PROGRAMS);
        counts = [0, 1].map(|i| counts[i] + some[i]);
    }
    let [results, asking] = counts;
    println!("{results} of {all} programs have a result in the Adjudicator, {asking} of them can ask its registry");
    assert!(2 * results >= all, "the generator makes too few programs that mean something");
    assert!(asking >= all / 20, "too few ask the registry");
}
