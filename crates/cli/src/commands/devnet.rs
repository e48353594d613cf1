//! `perunika devnet`: a chain for development, in this process.

use crate::exit::{Error, Result};
use crate::output::Output;
use crate::{signals, units};
use alloy::primitives::{Address, U256};
use perunika_devnet::{Config, Server, StartError};
use serde_json::json;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Run a development chain: an EVM behind JSON-RPC, with ten funded accounts whose keys everybody knows.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8545")]
    listen: SocketAddr,
    /// Chain id.
    #[arg(long, default_value_t = 31_337)]
    chain_id: u64,
    /// Time between empty blocks; a transaction gets a block at once.
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = units::seconds)]
    block_time: u64,
    /// Give an account money in the first block (may be repeated).
    #[arg(long, value_name = "ADDRESS=AMOUNT", value_parser = funded)]
    fund: Vec<(Address, units::Wei)>,
    /// Write the URL of the endpoint to this file once it answers.
    #[arg(long, value_name = "PATH")]
    record: Option<PathBuf>,
    /// End when the standard input ends.
    #[arg(long, hide = true)]
    until_stdin_closes: bool,
}

/// Runs the chain until it is told to stop.
pub(crate) async fn run(args: Args, output: Output) -> Result<()> {
    let mut config = Config { listen: args.listen, chain_id: args.chain_id, ..Config::default() };
    config.block_time = (args.block_time > 0).then(|| Duration::from_secs(args.block_time));
    config.accounts.extend(args.fund.iter().map(|(address, wei)| (*address, U256::from(*wei))));
    let server = Server::start(config).await.map_err(|e| match e {
        StartError::NotLoopback(_) => Error::user(e),
        e => Error::chain(e),
    })?;
    let url = server.url();
    if let Some(path) = &args.record {
        record(path, &url)?;
    }
    output.result(&json!({ "url": url, "chain_id": args.chain_id }), || {
        format!("chain {} at {url}; Ctrl-C ends it", args.chain_id)
    });
    tokio::select! {
        () = signals::stop() => {}
        () = signals::parent_gone(args.until_stdin_closes) => {}
    }
    server.shutdown().await;
    Ok(())
}

/// Whoever sees the file sees all of it.
fn record(path: &Path, url: &str) -> Result<()> {
    let part = path.with_extension("part");
    let written = std::fs::write(&part, url).and_then(|()| std::fs::rename(&part, path));
    written.map_err(|e| Error::user(format!("{} cannot be written: {e}", path.display())))
}

fn funded(text: &str) -> std::result::Result<(Address, units::Wei), String> {
    let (address, amount) = text.split_once('=').ok_or("expected ADDRESS=AMOUNT")?;
    let address = address.parse().map_err(|_| format!("`{address}` is not an address"))?;
    Ok((address, units::amount(amount)?))
}
