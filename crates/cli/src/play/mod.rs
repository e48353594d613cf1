//! `perunika play`: a nanocontract from the first step to the chain, on one machine, with real processes.

mod clock;
mod game;
mod leave;
mod player;
mod report;
mod town;

use crate::commands::common::private_key;
use crate::exit::{Error, Result};
use crate::output::Output;
use crate::signals;
use crate::units::{self, Wei};
use alloy::primitives::B256;
use std::path::{Path, PathBuf};
use town::Town;

/// Play a game for money between two nodes, over two hubs.
#[derive(Clone, Debug, clap::Subcommand)]
pub(crate) enum Command {
    Tictactoe(Args),
}

/// Tic-tac-toe: a chain, two players and two hubs; one player leaves, and the other collects what the rules give.
///
/// Two people take turns at this terminal: each types a square, or `leave`, which ends the process of its node at once. With --dir the
/// nodes' folders can be looked at meanwhile from another terminal, as with `perunika --dir FOLDER/alice nano show KEY`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Nobody is asked: alice plays as well as one can, bob takes the first square that is free.
    #[arg(long)]
    scripted: bool,
    /// What each player stakes.
    #[arg(long, value_name = "AMOUNT", default_value = "0.05eth", value_parser = units::amount)]
    stake: Wei,
    /// With --scripted: who leaves: alice, bob or nobody.
    #[arg(long, value_name = "WHO", default_value = "bob", value_parser = leaver, requires = "scripted")]
    leaves: Leaver,
    /// With --scripted: after how many steps of the two.
    #[arg(long, value_name = "STEPS", default_value_t = 4, value_parser = clap::value_parser!(u8).range(0..7), requires = "scripted")]
    after: u8,
    /// Use the development chain at this URL instead of the embedded one.
    #[arg(long, value_name = "URL", requires = "funder_key")]
    rpc: Option<String>,
    /// Private key of an account on that chain that pays for the deployment and gives each node what it needs.
    #[arg(long, value_name = "HEX", env = "PERUNIKA_FUNDER_KEY", hide_env_values = true, value_parser = private_key)]
    funder_key: Option<B256>,
}

/// Who does not play to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leaver {
    /// The player with this name.
    Player(town::Who),
    /// Both play to the end.
    Nobody,
}

fn leaver(text: &str) -> std::result::Result<Leaver, String> {
    match text {
        "alice" => Ok(Leaver::Player(town::Who::Alice)),
        "bob" => Ok(Leaver::Player(town::Who::Bob)),
        "nobody" => Ok(Leaver::Nobody),
        _ => Err("alice, bob or nobody is expected".into()),
    }
}

/// Plays. Whatever happens, no process is left behind.
pub(crate) async fn run(command: Command, dir: Option<&Path>, output: Output) -> Result<()> {
    let Command::Tictactoe(args) = command;
    let temporary;
    let dir = match dir {
        Some(dir) => std::path::absolute(dir).map_err(|e| Error::user(format!("{}: {e}", dir.display())))?,
        None => {
            let made = tempfile::Builder::new().prefix("perunika-").tempdir();
            temporary = made.map_err(|e| Error::other(format!("there is no room for temporary files: {e}")))?;
            temporary.path().to_owned()
        }
    };
    if output.json && !args.scripted {
        return Err(Error::user("with --json nobody can be asked: add --scripted"));
    }
    tokio::select! {
        told = Box::pin(tell(&args, dir, output)) => told,
        () = signals::stop() => Err(Error::other("interrupted")),
    }
}

async fn tell(args: &Args, dir: PathBuf, output: Output) -> Result<()> {
    let town = Town::new(dir, output)?;
    let told = game::tell(args, &town).await;
    let report = told.inspect_err(|_| eprint!("{}", town.log_tails()))?;
    drop(town);
    output.result(&report.to_json(), || report.to_text());
    match report.broken_promises().first() {
        None => Ok(()),
        Some(sentence) => Err(Error::other(sentence)),
    }
}
