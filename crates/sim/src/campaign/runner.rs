//! Many stories on several threads, each thread with whole stories of its own.

use super::{Failure, Options, Totals, story, tell};
use alloy_primitives::Bytes;
use std::cell::RefCell;
use std::process::{Command, ExitCode};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

thread_local! {
    /// Where the last panic of this thread was.
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// What to run.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    first: u64,
    seeds: u64,
    threads: usize,
    trace: bool,
}

/// `--seeds N [--first-seed N] [--threads T]`, or `--seed N [--trace]`. `adjudicator`: creation code to deploy instead of the
/// embedded one.
pub fn command(args: &[String], adjudicator: Option<Bytes>) -> ExitCode {
    let wanted = match parse(args) {
        Ok(wanted) => wanted,
        Err(why) => {
            eprintln!("{why}\nusage: perunika-sim --seeds N [--first-seed N] [--threads T] | --seed N [--trace]");
            return ExitCode::from(2);
        }
    };
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        PLACE.with_borrow_mut(|last| *last = place);
    }));
    let started = Instant::now();
    if wanted.trace {
        for seed in wanted.first..wanted.first.saturating_add(wanted.seeds) {
            tell(seed, &Options { trace: true, adjudicator: adjudicator.clone() })
                .1
                .iter()
                .for_each(|line| println!("{line}"));
        }
    }
    let (totals, failures) = run(wanted, &Options { trace: false, adjudicator });
    println!("{totals}{:<34} {:>12.1}", "seconds", started.elapsed().as_secs_f64());
    for failure in &failures {
        println!("\n{failure}commit {}", commit());
        println!("replay: cargo run --release -p perunika-sim -- --seed {} --trace", failure.seed);
    }
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn parse(args: &[String]) -> Result<Wanted, String> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut wanted = Wanted { first: 0, seeds: 100, threads, trace: false };
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        let mut number = || -> Result<u64, String> {
            let text = rest.next().ok_or_else(|| format!("{arg} needs a number"))?;
            text.parse().map_err(|_| format!("{text} is no number"))
        };
        match arg.as_str() {
            "--seeds" => wanted.seeds = number()?,
            "--first-seed" => wanted.first = number()?,
            "--threads" => wanted.threads = usize::try_from(number()?.max(1)).map_err(|e| e.to_string())?,
            "--seed" => (wanted.first, wanted.seeds) = (number()?, 1),
            "--trace" => wanted.trace = true,
            other => return Err(format!("{other} is not known")),
        }
    }
    Ok(wanted)
}

/// The stories of these seeds; the failures come in the order of their seeds.
fn run(wanted: Wanted, options: &Options) -> (Totals, Vec<Failure>) {
    let next = AtomicU64::new(wanted.first);
    let end = wanted.first.saturating_add(wanted.seeds);
    let stop = AtomicBool::new(false);
    let totals = Mutex::new(Totals::default());
    let failures = Mutex::new(Vec::<Failure>::new());
    std::thread::scope(|scope| {
        for _ in 0..wanted.threads {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        break;
                    }
                    match caught(seed, options) {
                        Ok(told) => totals.lock().expect("no thread panics with it").add(&told),
                        Err(failure) => {
                            eprintln!(
                                "seed {} fails: {}",
                                failure.seed,
                                failure.faults.first().map_or("", String::as_str)
                            );
                            let mut all = failures.lock().expect("no thread panics with it");
                            all.push(failure);
                            stop.store(all.len() >= 20, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().expect("no thread panics with it");
    failures.sort_by_key(|failure| failure.seed);
    (totals.into_inner().expect("no thread panics with it"), failures)
}

/// A story; a failure is told again with a trace.
fn caught(seed: u64, options: &Options) -> Result<Totals, Failure> {
    story(seed, options).map_err(|failure| match story(seed, &Options { trace: true, ..options.clone() }) {
        Err(again) if again.faults == failure.faults => again,
        Err(again) => {
            let why = "told twice, the story went otherwise".to_owned();
            Failure { faults: [vec![why], failure.faults, again.faults].concat(), ..again }
        }
        Ok(_) => {
            let why = "told again, it went well: the story is not a function of its seed".to_owned();
            Failure { faults: [failure.faults, vec![why]].concat(), ..failure }
        }
    })
}

/// Where the last panic of this thread was, if the hook is there.
pub(super) fn last_place() -> String {
    PLACE.with_borrow(|place| if place.is_empty() { String::new() } else { format!(" at {place}") })
}

/// The commit that is checked out, for the reader of a failure.
fn commit() -> String {
    let asked = Command::new("git").args(["describe", "--always", "--dirty", "--abbrev=40"]).output();
    let told = asked.ok().filter(|o| o.status.success()).and_then(|o| String::from_utf8(o.stdout).ok());
    told.map_or_else(|| "unknown".to_owned(), |text| text.trim().to_owned())
}
