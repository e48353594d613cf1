//! S27, P9: whatever the filter accepts has one result and uses one amount of gas, wherever and by whomever it is run.

mod support;

use alloy_primitives::{B256, U256, keccak256};
use perunika_core::nano::{Evaluator, NoResult, Outcome, Run};
use perunika_nano::{Machine, check};
use support::chain::{Frame, Place, execute};
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

/// Two places with nothing in common: block, sender, account, gas of the transaction, and a cold or warm registry.
fn places() -> [Place; 2] {
    let [here, there] = Place::two();
    [here, Place { warm: true, ..there }]
}

/// Runs one program everywhere; whether it has a result.
fn compare(machine: &Machine, program: &Program, what: &str) -> bool {
    let off_chain = plain(machine.step(&program.run()));
    for place in places() {
        assert_eq!(off_chain, expected(&program.run(), &execute(program, &place)), "{what}: {place:?}");
    }
    off_chain.is_ok()
}

#[test]
fn s27_admitted_programs_have_one_result_and_one_price() {
    let machine = Machine::new();
    let (mut results, mut asking) = (0, 0);
    for seed in 0..PROGRAMS {
        let program = Program::new(seed, context(1_000 + u128::from(seed), 10, 7), &published());
        assert_eq!(check(&program.code), Ok(()), "seed {seed}");
        let result = compare(&machine, &program, &format!("seed {seed}"));
        results += u64::from(result);
        asking += u64::from(result && program.asks);
    }
    println!("{results} of {PROGRAMS} programs have a result, {asking} of them can ask the registry");
    assert!(2 * results >= PROGRAMS, "the generator makes too few programs that mean something");
    assert!(asking >= PROGRAMS / 20, "too few ask the registry");
}

#[test]
fn s27_random_bytes_never_trip_the_filter_and_run_the_same_if_admitted() {
    let machine = Machine::new();
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
        compare(&machine, &program, &hex::encode(&program.code));
        returned += u64::from(execute(&program, &Place::two()[0]).result.is_ok());
    }
    println!("{admitted} of {RANDOM_CODES} random codes are admitted, {returned} of them return");
    assert!(admitted >= RANDOM_CODES / 20 && returned > 100);
}

/// Leaves at 0 what the interface returns, with dA from the top of the stack.
const RETURN_DA: &str = "6020526000604052600060605260805f52600060805260a05ff3";

fn with(code: Vec<u8>, gas: u32) -> Program {
    let mut program = Program::new(0, context(1_000, 10, 7), &published());
    (program.code, program.gas) = (code, gas);
    program
}

#[test]
fn s27_who_touched_the_registry_decides_nothing() {
    let question =
        format!("7f6adc799c{}5f527f{}60045260205f60245f60e4355afa50", "00".repeat(28), hex::encode(published()[0].0));
    // A call that costs 6,000 gas; whether it had them is what A gets.
    let code = hex::decode(question + "5f5f5f5f60075afa" + RETURN_DA).unwrap();
    assert_eq!(check(&code), Ok(()));
    let machine = Machine::new();
    let mut seen = [0; 3];
    for gas in 2_000..12_000 {
        let program = with(code.clone(), gas);
        let outcome = machine.step(&program.run());
        // Around the bounds every unit counts; elsewhere some do.
        if gas % 50 == 0 || seen.iter().any(|count| (1..60).contains(count)) {
            compare(&machine, &program, &format!("gas {gas}"));
        }
        seen[outcome.map_or(2, |outcome| usize::from(outcome.da == 1))] += 1;
    }
    assert!(seen.iter().all(|count| *count > 60), "the test shows nothing: {seen:?}");
}

/// Pieces of a question, writes that may spoil it, and noise.
fn spoilt_question(rng: &mut Rng) -> String {
    let selector = format!("7f6adc799c{}", "00".repeat(28));
    let mut code = String::new();
    for _ in 0..2 + rng.below(5) {
        // An offset that is small and known, or small and not known.
        let to = match rng.below(3) {
            0 => format!("60{:02x}", rng.below(40)),
            1 => format!("60{:02x}35", rng.pick(&[0x44u8, 0x64, 0x84])),
            _ => "5f".into(),
        };
        code += &match rng.below(12) {
            0..=4 => format!("{selector}{}52", rng.pick(&["5f", "5f", "5f", "6001", "6020"])),
            5 => "600735600452".into(),
            6 => format!("5f35{to}52"),
            7 => format!("60ff{to}53"),
            8 => format!("60{:02x}6044{to}37", rng.below(34)),
            9 => format!("60{:02x}6020{to}5e", rng.below(34)),
            10 => rng.pick(&["5b", "5f50", "8050", "345050", "9050"]).into(),
            // A jump that is never taken.
            _ => "5f5f57".into(),
        };
    }
    code += &format!(
        "6020{}60{}{}",
        rng.pick(&["5f", "6040"]),
        rng.pick(&["24", "24", "24", "23", "25"]),
        rng.pick(&["5f", "5f", "6001"])
    );
    code += "60e4355afa60005260015f5f5f5260806000525f602052";
    code + "5f60405260005f60605260805260a05ff3"
}

#[test]
fn s27_no_question_that_the_filter_lets_through_is_another_one() {
    let machine = Machine::new();
    let mut rng = Rng(0x5e1ec7);
    let mut admitted = 0;
    for _ in 0..20_000 {
        let code = hex::decode(spoilt_question(&mut rng)).unwrap();
        if check(&code).is_err() {
            continue;
        }
        admitted += 1;
        let mut program = with(code, 100_000);
        // Words of the context are the unknown offsets.
        program.context.total = rng.below(40).into();
        program.context.da = 0;
        program.context.steps_left = 1 + rng.below(39) as u16;
        let frame = execute(&program, &Place::two()[0]);
        // The machine breaks off at any question but the one.
        assert_eq!(
            plain(machine.step(&program.run())),
            expected(&program.run(), &frame),
            "{}",
            hex::encode(&program.code)
        );
    }
    println!("{admitted} of 20000 questions are admitted");
    assert!((1_000..15_000).contains(&admitted));
}
