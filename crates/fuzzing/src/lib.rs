//! What is fuzzed, as functions of bytes: every decoder of something that others wrote, and whole nodes.
//!
//! `fuzz/` runs them under libFuzzer; the tests of this crate replay the committed corpora without it, and
//! `cargo run -p perunika-fuzzing` writes seeds and repeats a crash. See `docs/fuzzing.md`.
#![allow(clippy::expect_used, reason = "an expectation that does not hold is what is looked for")]

mod source;
mod targets;

pub use source::{Source, block};
pub use targets::TARGETS;

use std::panic::PanicHookInfo;

/// An input with a name for its file.
pub type Seed = (String, Vec<u8>);

/// One thing that is fuzzed.
#[derive(Clone, Copy)]
pub struct Target {
    /// Name of the target and of the folder of its corpus.
    pub name: &'static str,
    /// What bytes become here, and what must hold; for people.
    pub about: &'static str,
    /// Runs one input and panics if something that must hold does not. Says whether the input was one that is accepted, as far as
    /// there is such a thing.
    pub run: fn(&[u8]) -> bool,
    /// Inputs to start from, made by the code that writes such bytes.
    pub seeds: fn() -> Vec<Seed>,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Whether a panic is a finding. The library of the store's file format panics on damaged pages, and the store makes an error of it.
pub fn is_finding(panic: &PanicHookInfo<'_>) -> bool {
    panic.location().is_none_or(|place| !place.file().contains("/redb-"))
}

/// The target of this name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
