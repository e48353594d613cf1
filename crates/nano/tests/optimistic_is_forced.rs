//! P9, S27: a step has off chain the result and the gas that `execute` of the real Adjudicator gives it, or none in both places.

mod support;

use alloy_primitives::{B256, keccak256};
use alloy_sol_types::SolError;
use perunika_core::nano::{Context, Evaluator, NoResult, Outcome, Run};
use perunika_core::signed::{Eip712, Entry};
use perunika_nano::{Machine, check};
use support::context;
use support::ground::{Ground, InvalidStep, NanoStep, Sent, StepFailed, registry_slot};
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

fn step_of(ground: &mut Ground, program: &Program) -> NanoStep {
    NanoStep {
        code: ground.deploy(&program.code),
        state: program.storage.clone().into(),
        input: program.input.clone().into(),
        auth: Default::default(),
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

/// Whoever sends the step can make slots of the registry warm: all that changes is what the step costs. Whether it costs less.
fn same_if_warm(
    mut ground: Ground,
    program: &Program,
    entry: &Entry,
    outcome: &Outcome,
    revealed: &[(B256, u64)],
    seed: u64,
) -> bool {
    if !program.asks {
        return false;
    }
    let slots: Vec<B256> =
        (0..16).flat_map(|place| revealed.iter().map(move |(hash, _)| registry_slot(*hash, place))).collect();
    let step = step_of(&mut ground, program);
    let sent = ground.execute(entry, step, program.caller.into(), &slots);
    let gas = sent.frame.as_ref().map_or(0, |frame| frame.gas);
    assert!(gas <= outcome.gas, "seed {seed}");
    assert_taken(&mut ground, entry, &sent, &Outcome { gas, ..outcome.clone() }, seed);
    gas < outcome.gas
}

fn returned(sent: &Sent) -> bool {
    sent.frame.as_ref().is_some_and(|frame| frame.result.is_ok())
}

/// Forces the step of each program: how many have a result, how many of these can ask the registry, how many the machine
/// refuses alone, and how many cost less where the registry was touched before.
fn force(seeds: std::ops::Range<u64>) -> [u64; 4] {
    let machine = Machine::new();
    let mut ground = Ground::new();
    let revealed = [ground.reveal(keccak256("one")), ground.reveal(keccak256("two")), (keccak256("never"), 0)];
    let programs: Vec<Program> =
        seeds.clone().map(|seed| Program::new(seed, context(1_000 + u128::from(seed), 10, 7), &revealed)).collect();
    let entries: Vec<Entry> = programs.iter().zip(seeds.clone()).map(|(program, seed)| entry(program, seed)).collect();
    let (opened, _) = ground.dispute(&entries);
    let open_for_steps = ground.fork();
    let (mut results, mut asking, mut careful, mut cheaper) = (0, 0, 0, 0);
    for ((program, entry), seed) in programs.iter().zip(&entries).zip(seeds) {
        assert_eq!(check(&program.code), Ok(()), "seed {seed}");
        // Each within the time of its first step.
        let mut ground = open_for_steps.fork();
        let step = step_of(&mut ground, program);
        let sent = ground.execute(entry, step, program.caller.into(), &[]);
        let off_chain = machine.step(&Run { context: told(&ground, entry, opened), ..program.run() });
        match &off_chain {
            Ok(outcome) => {
                assert_taken(&mut ground, entry, &sent, outcome, seed);
                cheaper += u64::from(same_if_warm(open_for_steps.fork(), program, entry, outcome, &revealed, seed));
            }
            // After a question the machine counts no call that is short of gas.
            Err(NoResult::Broken) if returned(&sent) => {
                assert!(program.asks, "seed {seed}");
                careful += 1;
            }
            Err(why) => assert_refused(&sent, why, seed),
        }
        results += u64::from(off_chain.is_ok());
        asking += u64::from(off_chain.is_ok() && program.asks);
    }
    [results, asking, careful, cheaper]
}

#[test]
fn s27_p9_forced_steps_are_the_optimistic_ones() {
    let all = PROGRAMS * CHANNELS;
    let mut counts = [0; 4];
    for channel in 0..CHANNELS {
        let some = force(10_000 + channel * PROGRAMS..10_000 + (channel + 1) * PROGRAMS);
        counts = [0, 1, 2, 3].map(|i| counts[i] + some[i]);
    }
    let [results, asking, careful, cheaper] = counts;
    println!(
        "{results} of {all} programs have a result in the Adjudicator, {asking} of them can ask its registry; \
         {careful} refused off chain only; {cheaper} cost less where slots are warm"
    );
    assert!(2 * results >= all, "the generator makes too few programs that mean something");
    assert!(asking >= all / 20, "too few ask the registry");
    assert!(cheaper >= all / 20, "too few feel that the registry was touched before");
    assert!(careful <= all / 100, "the machine refuses what the chain takes");
}
