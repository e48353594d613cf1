//! The reference and the bytecode, side by side.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod abi;
mod apart;
mod code;
mod dirty;
mod evm;
mod exact;
mod mutate;
mod pair;
mod story;
mod translated;
mod tree;
mod world;

use pair::Counts;
use perunika_reference::{Call, Error};
use world::World;

/// Errors that no story meets; tests of their own do.
const APART: [&str; 3] = ["Reentered", "WrongDomain", "SlotExhausted"];

/// The value of an environment variable.
fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// Each thread tells its share; what is counted does not depend on how many there are.
fn tell_all(seeds: std::ops::Range<u64>) -> Counts {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(8);
    let share = |thread: usize| {
        let (world, mut counts) = (World::new(), Counts::default());
        for seed in seeds.clone().skip(thread).step_by(threads) {
            counts.add(&story::tell(&world, seed, 60).unwrap_or_else(|why| panic!("{why}")));
        }
        counts
    };
    std::thread::scope(|scope| {
        let told: Vec<_> = (0..threads).map(|thread| scope.spawn(move || share(thread))).collect();
        told.into_iter().fold(Counts::default(), |mut all, told| {
            all.add(&told.join().expect("a story failed; its seed is above"));
            all
        })
    })
}

/// `PERUNIKA_STORIES` says how many, `PERUNIKA_FIRST_STORY` the first seed.
#[test]
fn random_stories_end_alike() {
    let (stories, first) = (number("PERUNIKA_STORIES", 200), number("PERUNIKA_FIRST_STORY", 0));
    let counts = tell_all(first..first + stories);
    println!("{stories} stories from seed {first}: {counts:#?}");
    let often = (stories / 100).max(1);
    let rare = |count: Option<&u64>| count.copied().unwrap_or_default() < often;
    let missed: Vec<_> = Call::NAMES.into_iter().filter(|name| rare(counts.done.get(name))).collect();
    let silent: Vec<_> = Error::CUSTOM
        .iter()
        .filter_map(|error| error.name())
        .filter(|name| !APART.contains(name) && rare(counts.refused.get(name)))
        .collect();
    assert!(
        missed.is_empty() && silent.is_empty(),
        "functions that hardly succeeded: {missed:?}, errors that hardly came: {silent:?}"
    );
}

#[test]
fn the_errors_are_those_of_the_artifact() {
    let mut mine: Vec<_> = Error::CUSTOM.iter().filter_map(|error| error.name()).collect();
    let mut theirs = abi::error_names();
    mine.sort_unstable();
    theirs.sort_unstable();
    assert_eq!(mine, theirs);
    let mut functions: Vec<_> = Call::NAMES.iter().chain(&abi::View::NAMES).copied().collect();
    functions.sort_unstable();
    assert_eq!(functions, abi::INTERFACE.functions.keys().map(String::as_str).collect::<Vec<_>>());
}
