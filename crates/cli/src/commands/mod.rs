//! One file per subcommand.

mod devnet;

use crate::exit::Result;
use crate::output::Output;
use clap::{Parser, Subcommand};

/// Payment, state and virtual channels on Ethereum.
#[derive(Debug, Parser)]
#[command(name = "perunika", version, propagate_version = true, max_term_width = 100)]
pub(crate) struct Cli {
    /// Print one JSON value instead of text.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Devnet(devnet::Args),
}

/// Runs the command that was asked for.
pub(crate) async fn run(cli: Cli) -> Result<()> {
    let output = Output { json: cli.json };
    match cli.command {
        Command::Devnet(args) => devnet::run(args, output).await,
    }
}
