//! `perunika completions` and `perunika man`: what shells and manual readers want to know about the other commands.

use crate::exit::{Error, Result};
use crate::output::Output;
use clap::CommandFactory;
use clap_complete::Shell;
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;

/// Print a script that completes the commands in a shell.
///
/// In bash, for instance: `source <(perunika completions bash)`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The shell.
    shell: Shell,
}

/// Write the manual pages.
#[derive(Debug, clap::Args)]
pub(crate) struct ManArgs {
    /// Where they go.
    dir: PathBuf,
}

/// Prints it.
pub(crate) fn run(args: &Args, output: Output) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::Cli::command(), "perunika", &mut script);
    if output.json {
        let script = String::from_utf8(script).map_err(Error::other)?;
        output.result(&json!({ "shell": args.shell.to_string(), "script": script }), String::new);
        return Ok(());
    }
    // A reader that has gone needs no script.
    let _ = std::io::stdout().lock().write_all(&script);
    Ok(())
}

/// Writes them, one for each command.
pub(crate) fn man(args: &ManArgs, output: Output) -> Result<()> {
    let unusable = |e| Error::user(format!("{} cannot be written: {e}", args.dir.display()));
    std::fs::create_dir_all(&args.dir).map_err(unusable)?;
    clap_mangen::generate_to(super::Cli::command(), &args.dir).map_err(unusable)?;
    let dir = args.dir.display();
    output.result(&json!({ "dir": args.dir }), || format!("the manual pages are in {dir}"));
    Ok(())
}
