//! Mutants: for every guard that the protocol names, the first story that shows its absence (docs/mutants.md).
//!
//! Only a build with `--cfg perunika_mutant="any"` can leave guards out while it runs; `.ci/mutants` makes one and starts it.

#[cfg(perunika_mutant = "any")]
mod hunt;
#[cfg(any(perunika_mutant = "any", test))]
mod table;

use std::process::ExitCode;

/// `mutants [--seeds N] [--threads T] [NAME...]`: hunts the mutants of the table, or those named; `A+B` is without both.
#[cfg(perunika_mutant = "any")]
pub fn command(args: &[String]) -> ExitCode {
    hunt::command(args)
}

/// This build has all its guards and no way to leave one out.
#[cfg(not(perunika_mutant = "any"))]
pub fn command(_: &[String]) -> ExitCode {
    eprintln!("this build has no mutants: .ci/mutants makes one that has");
    ExitCode::from(2)
}
