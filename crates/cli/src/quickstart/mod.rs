//! `perunika quickstart`: the whole story on one machine, with real processes.

mod goods;
mod house;
mod print;
mod process;
mod report;
mod story;
mod transfer;

use crate::commands::common::private_key;
use crate::exit::{Error, Result};
use crate::output::Output;
use crate::signals;
use crate::units::{self, Wei};
use alloy::primitives::B256;
use house::House;
use std::path::{Path, PathBuf};

/// Run the whole story on this machine: a chain, three nodes, a file sold through a virtual channel, a hub that dies.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Sell this file instead of generated data.
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,
    /// Size of the generated data.
    #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = units::size, conflicts_with = "file")]
    size: u64,
    /// Size of a chunk; each is paid for by itself.
    #[arg(long, value_name = "SIZE", default_value = "16KiB", value_parser = units::size)]
    chunk: u64,
    /// Price of a chunk.
    #[arg(long, value_name = "AMOUNT", default_value = "1gwei", value_parser = units::amount)]
    price: Wei,
    /// What alice puts into the virtual channel.
    #[arg(long, value_name = "AMOUNT", default_value = "0.01eth", value_parser = units::amount)]
    stake: Wei,
    /// Use the chain at this URL instead of the embedded one.
    #[arg(long, value_name = "URL", requires = "funder_key")]
    rpc: Option<String>,
    /// Private key of an account on that chain that pays for the deployment and gives each node an ether.
    #[arg(long, value_name = "HEX", env = "PERUNIKA_FUNDER_KEY", hide_env_values = true, value_parser = private_key)]
    funder_key: Option<B256>,
}

/// Tells the story. Whatever happens, no process is left behind.
pub(crate) async fn run(args: Args, dir: Option<&Path>, output: Output) -> Result<()> {
    let temporary;
    let dir = match dir {
        Some(dir) => std::path::absolute(dir).map_err(|e| Error::user(format!("{}: {e}", dir.display())))?,
        None => {
            let made = tempfile::Builder::new().prefix("perunika-").tempdir();
            temporary = made.map_err(|e| Error::other(format!("there is no room for temporary files: {e}")))?;
            temporary.path().to_owned()
        }
    };
    let mut house = House::new(dir, output)?;
    let told = tokio::select! {
        told = story::tell(&args, &mut house) => told,
        () = signals::stop() => return Err(Error::other("interrupted")),
    };
    let report = told.inspect_err(|_| eprint!("{}", house.log_tails()))?;
    drop(house);
    output.result(&report.to_json(), || print::report(&report));
    match report.broken_promises().first() {
        None => Ok(()),
        Some(sentence) => Err(Error::other(sentence)),
    }
}
