//! Many stories on several threads, each thread with whole stories of its own.

use super::{Failure, Options, Totals, story};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
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

/// `--seeds N [--first-seed N] [--threads T]`, or `--seed N [--trace]`.
pub fn command(args: &[String]) -> ExitCode {
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
    let (totals, failures) = run(wanted);
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
fn run(wanted: Wanted) -> (Totals, Vec<Failure>) {
    let next = AtomicU64::new(wanted.first);
    let end = wanted.first.saturating_add(wanted.seeds);
    let stop = AtomicBool::new(false);
    let totals = Mutex::new(Totals::default());
    let failures = Mutex::new(Vec::<Failure>::new());
    let options = Options { trace: wanted.trace };
    std::thread::scope(|scope| {
        for _ in 0..wanted.threads {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        break;
                    }
                    match caught(seed, &options) {
                        Ok(told) => totals.lock().expect("no thread panics with it").add(&told),
                        Err(failure) => {
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

/// A story in which a panic is a failure like any other; a failure without a trace is told again with one.
pub(super) fn caught(seed: u64, options: &Options) -> Result<Totals, Failure> {
    let told = caught_once(seed, options);
    match told {
        Err(failure) if !options.trace && failure.tail.is_empty() => {
            Err(match caught_once(seed, &Options { trace: true }) {
                Err(again) if again.faults == failure.faults => again,
                Err(again) => Failure {
                    faults: [vec!["told twice, the story went otherwise".to_owned()], failure.faults, again.faults]
                        .concat(),
                    ..again
                },
                Ok(_) => Failure {
                    faults: [
                        failure.faults,
                        vec!["told again, it went well: a story is not a function of its seed".into()],
                    ]
                    .concat(),
                    ..failure
                },
            })
        }
        other => other,
    }
}

/// A story in which a panic is a failure like any other, told once.
pub(crate) fn caught_once(seed: u64, options: &Options) -> Result<Totals, Failure> {
    catch_unwind(AssertUnwindSafe(|| story(seed, options))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned())).unwrap_or_default();
        Err(Failure {
            seed,
            faults: vec![format!("panic at {}: {text}", PLACE.with_borrow(String::clone))],
            ..Failure::default()
        })
    })
}

/// The commit that is checked out, for the reader of a failure.
fn commit() -> String {
    let asked = Command::new("git").args(["describe", "--always", "--dirty", "--abbrev=40"]).output();
    let told = asked.ok().filter(|o| o.status.success()).and_then(|o| String::from_utf8(o.stdout).ok());
    told.map_or_else(|| "unknown".to_owned(), |text| text.trim().to_owned())
}
