//! The hunt: stories without a guard, from the first seed on, until one breaks a promise that it keeps with all guards.

use super::table::{self, Mutant};
use crate::campaign::{Failure, Options, story};
use crate::probes;
use std::process::{Command, ExitCode};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A story that takes longer than this does not end: that is a broken promise, too.
const ENDLESS: Duration = Duration::from_secs(60);
/// Between two looks at the stories that run.
const LOOK: Duration = Duration::from_millis(50);
/// Longest text of a fault in the table.
const SAID: usize = 110;

/// What to hunt.
struct Wanted {
    mutants: Vec<Mutant>,
    seeds: u64,
    threads: usize,
    /// Probes only.
    probes: bool,
    /// In this process, for its parent.
    alone: bool,
}

/// See [`super::command`].
pub(super) fn command(args: &[String]) -> ExitCode {
    let wanted = match parse(args) {
        Ok(wanted) => wanted,
        Err(why) => {
            eprintln!("{why}\nusage: perunika-sim mutants [--seeds N] [--threads T] [--probes] [NAME | NAME+NAME]...");
            return ExitCode::from(2);
        }
    };
    std::panic::set_hook(Box::new(|_| {}));
    if wanted.alone {
        let found = hunt(&wanted.mutants[0], &wanted);
        println!("{}", found.map_or_else(|| "not found".to_owned(), |(seed, said)| format!("{seed} | {said}")));
        return ExitCode::SUCCESS;
    }
    hunt_all(&wanted)
}

fn parse(args: &[String]) -> Result<Wanted, String> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut wanted = Wanted { mutants: Vec::new(), seeds: 2_000, threads, probes: false, alone: false };
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        let mut number = || -> Result<u64, String> {
            let text = rest.next().ok_or_else(|| format!("{arg} needs a number"))?;
            text.parse().map_err(|_| format!("{text} is no number"))
        };
        match arg.as_str() {
            "--seeds" => wanted.seeds = number()?,
            "--threads" => wanted.threads = usize::try_from(number()?.max(1)).map_err(|e| e.to_string())?,
            "--probes" => wanted.probes = true,
            "--alone" => wanted.alone = true,
            name if name.starts_with('-') => return Err(format!("{name} is not known")),
            name => wanted.mutants.push(of_page(name)),
        }
    }
    if wanted.mutants.is_empty() {
        wanted.mutants = table::mutants(table::PAGE);
    }
    Ok(wanted)
}

fn of_page(name: &str) -> Mutant {
    let known = table::mutants(table::PAGE).into_iter().find(|mutant| mutant.name() == name);
    known.unwrap_or_else(|| Mutant::named(name))
}

/// Each mutant in a process of its own: what it breaks may be the process.
fn hunt_all(wanted: &Wanted) -> ExitCode {
    let (started, mut missed) = (Instant::now(), 0);
    println!("| mutant | seed | what was said | s |\n|---|---|---|---|");
    for mutant in &wanted.mutants {
        let from = Instant::now();
        let row = in_child(mutant, wanted);
        missed += u64::from(row == "not found");
        let row = if row == "not found" { format!("NOT FOUND | nothing in {} seeds", wanted.seeds) } else { row };
        println!("| `{}` | {row} | {:.1} |", mutant.name(), from.elapsed().as_secs_f64());
    }
    let (all, seconds) = (wanted.mutants.len(), started.elapsed().as_secs_f64());
    println!("\n{all} mutants, {missed} not found, {seconds:.0} s");
    if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn in_child(mutant: &Mutant, wanted: &Wanted) -> String {
    let me = std::env::current_exe().expect("a running program has a file");
    let (seeds, threads) = (wanted.seeds.to_string(), wanted.threads.to_string());
    let mut args = vec!["mutants", "--alone", "--seeds", &seeds, "--threads", &threads];
    args.extend(wanted.probes.then_some("--probes"));
    let name = mutant.seed.map_or_else(|| mutant.name(), |seed| format!("{}@{seed}", mutant.name()));
    args.push(&name);
    let told = Command::new(me).args(args).output().expect("it can be started once more");
    let text = String::from_utf8_lossy(&told.stdout).trim().to_owned();
    if told.status.success() { text } else { format!("? | the process ended: {}", told.status) }
}

/// Seeds `first`, `first + step`, … below `end`.
#[derive(Clone, Copy)]
struct Seeds {
    first: u64,
    step: u64,
    end: u64,
}

/// A seed that finds the mutant, and what was said: the seed of the page, if it still does; or else the lowest one of a probe; or
/// else the lowest one.
fn hunt(mutant: &Mutant, wanted: &Wanted) -> Option<(u64, String)> {
    be_without(mutant);
    let end = wanted.seeds;
    let known = mutant.seed.into_iter().map(|seed| Seeds { first: seed, step: 1, end: seed + 1 });
    let probes = Seeds { first: probes::TURN, step: probes::EVERY, end };
    let all = known.chain([probes, Seeds { first: 0, step: 1, end }].into_iter().take(1 + usize::from(!wanted.probes)));
    all.into_iter().find_map(|seeds| first_found(mutant, seeds, wanted.threads))
}

fn first_found(mutant: &Mutant, mut seeds: Seeds, threads: usize) -> Option<(u64, String)> {
    loop {
        let failure = first_failure(seeds, threads)?;
        if keeps_with_all(failure.seed, mutant) {
            return Some((failure.seed, said(&failure)));
        }
        seeds.first = failure.seed + seeds.step;
    }
}

/// Nothing but the guard is missing: with it the same story keeps its promises.
fn keeps_with_all(seed: u64, mutant: &Mutant) -> bool {
    perunika_core::mutant::remove(&[]);
    let kept = story(seed, &Options::default()).is_ok();
    be_without(mutant);
    kept
}

fn be_without(mutant: &Mutant) {
    perunika_core::mutant::remove(&mutant.without.iter().map(String::as_str).collect::<Vec<_>>());
}

/// The failure with the lowest of these seeds.
fn first_failure(seeds: Seeds, threads: usize) -> Option<Failure> {
    let next = AtomicU64::new(seeds.first);
    let below = AtomicU64::new(seeds.end);
    let found = Mutex::new(None::<Failure>);
    let running: Vec<Mutex<Option<(u64, Instant)>>> = (0..threads).map(|_| Mutex::new(None)).collect();
    std::thread::scope(|scope| {
        let workers: Vec<_> = running
            .iter()
            .map(|mine| {
                scope.spawn(|| {
                    loop {
                        let seed = next.fetch_add(seeds.step, Ordering::Relaxed);
                        if seed >= below.load(Ordering::Relaxed) {
                            break;
                        }
                        *mine.lock().expect("no thread panics with it") = Some((seed, Instant::now()));
                        if let Err(failure) = story(seed, &Options::default())
                            && below.fetch_min(seed, Ordering::Relaxed) > seed
                        {
                            let mut found = found.lock().expect("no thread panics with it");
                            if found.as_ref().is_none_or(|other| other.seed > seed) {
                                *found = Some(failure);
                            }
                        }
                    }
                    *mine.lock().expect("no thread panics with it") = None;
                })
            })
            .collect();
        while workers.iter().any(|worker| !worker.is_finished()) {
            std::thread::sleep(LOOK);
            let stories = running.iter().filter_map(|story| *story.lock().expect("no thread panics with it"));
            if let Some((seed, _)) = stories.into_iter().find(|(_, since)| since.elapsed() > ENDLESS) {
                // Such a thread cannot be stopped; the process can.
                println!("{seed} | the story does not end");
                std::process::exit(0);
            }
        }
    });
    found.into_inner().expect("no thread panics with it")
}

/// What the auditor said first, in one line that fits a table.
fn said(failure: &Failure) -> String {
    let text = failure.faults.first().map_or("", String::as_str).replace(['\n', '|'], " ");
    let mut short: String = text.chars().take(SAID).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
