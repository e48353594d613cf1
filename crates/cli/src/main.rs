//! The `perunika` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    perunika_cli::main()
}
