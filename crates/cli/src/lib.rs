//! The `perunika` command, as a library that its binary and the fuzzers call.

mod assets;
mod commands;
mod exit;
#[doc(hidden)]
pub mod fuzzing;
mod ledger;
mod notify;
mod output;
mod play;
mod quickstart;
mod signals;
mod table;
mod units;

use clap::Parser;
use std::process::ExitCode;

/// Does what the arguments of this process say.
pub fn main() -> ExitCode {
    let cli = match commands::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() && !asks_for_help(&error) => return fail(&exit::parse_error(&error)),
        Err(error) => error.exit(),
    };
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(e) => return fail(&exit::Error::other(format!("no threads to work with: {e}"))),
    };
    let ended = runtime.block_on(commands::run(cli));
    // A thread that is still busy does not hold up the end.
    runtime.shutdown_background();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

fn asks_for_help(error: &clap::Error) -> bool {
    error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
}

fn fail(error: &exit::Error) -> ExitCode {
    eprintln!("error: {error}");
    error.code()
}
