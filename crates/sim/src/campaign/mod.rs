//! Random stories, each a pure function of its seed: a network of 2 to 7 nodes, everything that people do with it, every fault
//! that the world has; then the world heals, and everybody must have what is theirs (protocol 2.4).

mod count;
mod deeds;
mod end;
mod faults;
mod games;
mod money;
mod plan;
mod runner;
mod story;
mod totals;

use alloy_primitives::Bytes;
pub use runner::command;
pub use story::{story, tell};
pub use totals::Totals;

/// How a story is told; the trace changes nothing of what happens in it.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Keep a readable trace.
    pub trace: bool,
    /// Creation code that is deployed in the place of the Adjudicator: a contract in which a guard is missing.
    pub adjudicator: Option<Bytes>,
}

/// A story that broke a promise.
#[derive(Clone, Debug, Default)]
pub struct Failure {
    /// What replays it.
    pub seed: u64,
    /// When it was noticed, ms of virtual time.
    pub time_ms: u64,
    /// The broken promises, in words.
    pub faults: Vec<String>,
    /// The last lines of the trace.
    pub tail: Vec<String>,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "seed {} broke a promise, noticed at {} ms:", self.seed, self.time_ms)?;
        self.faults.iter().try_for_each(|fault| writeln!(f, "  {fault}"))?;
        if !self.tail.is_empty() {
            writeln!(f, "the end of the story:")?;
        }
        self.tail.iter().try_for_each(|line| writeln!(f, "  {line}"))
    }
}
