//! `perunika quickstart`: the whole story on one machine, with real processes.

mod calls;
mod dispute;
mod goods;
pub(crate) mod house;
mod phase;
mod print;
pub(crate) mod process;
pub(crate) mod report;
mod story;
mod torture;
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
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Sell this file instead of generated data.
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,
    /// Size of the generated data; 64MiB if absent, with --torture 1MiB.
    #[arg(long, value_name = "SIZE", value_parser = units::size, conflicts_with = "file")]
    size: Option<u64>,
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
    /// Before the end, alice cheats: she registers an old state of the virtual channel. Needs a development chain.
    #[arg(long)]
    dispute: bool,
    /// Tell small stories, with and without a dispute, and kill nodes (SIGKILL) at so many moments.
    #[arg(long, value_name = "MOMENTS", conflicts_with_all = ["dispute", "file"])]
    torture: Option<u64>,
    /// What the moments of --torture are drawn from.
    #[arg(long, value_name = "NUMBER", requires = "torture")]
    seed: Option<u64>,
}

impl Args {
    /// Size of the generated data, bytes.
    fn size(&self) -> u64 {
        self.size.unwrap_or(if self.torture.is_some() { 1 << 20 } else { 64 << 20 })
    }
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
    tokio::select! {
        told = Box::pin(tell(&args, dir, output)) => told,
        () = signals::stop() => Err(Error::other("interrupted")),
    }
}

async fn tell(args: &Args, dir: PathBuf, output: Output) -> Result<()> {
    if let Some(moments) = args.torture {
        return torture::run(args, moments, &dir, output).await;
    }
    let house = House::new(dir, output, false)?;
    let told = story::tell(args, &house).await;
    let report = told.inspect_err(|_| eprint!("{}", house.log_tails()))?;
    drop(house);
    output.result(&report.to_json(), || print::report(&report));
    match report.broken_promises().first() {
        None => Ok(()),
        Some(sentence) => Err(Error::other(sentence)),
    }
}
