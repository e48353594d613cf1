//! `perunika devnet`: a chain for development, in this process.

use super::background::Background;
use super::deploy;
use crate::exit::{Error, Result};
use crate::ledger::Ledger;
use crate::output::Output;
use crate::{signals, units};
use alloy::primitives::{Address, U256};
use perunika_devnet::{Config, Server, StartError};
use serde_json::json;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

const LOG: &str = "devnet.log";
const PID: &str = "devnet.pid";

/// Run a development chain: an EVM behind JSON-RPC, with ten funded accounts whose keys everybody knows.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    order: Option<Order>,
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
    /// Keep the chain in this file, and go on from there if it exists. What an older chain started with (--fund) stays.
    #[arg(long, value_name = "PATH")]
    state: Option<PathBuf>,
    /// Deploy the Adjudicator, where `perunika init` looks for it.
    #[arg(long)]
    deploy: bool,
    /// Return once the chain answers; it goes on in the background, with its log in devnet.log and its process id in
    /// devnet.pid, both in this folder.
    #[arg(long)]
    background: bool,
    /// Write the URL of the endpoint to this file once it answers.
    #[arg(long, value_name = "PATH")]
    record: Option<PathBuf>,
    /// End when the standard input ends.
    #[arg(long, hide = true)]
    until_stdin_closes: bool,
}

/// What a running development chain is told.
#[derive(Debug, clap::Subcommand)]
enum Order {
    /// Move the clock of a running development chain forward, as if so much time had passed.
    Warp {
        /// How far, like 10min.
        #[arg(value_parser = units::seconds)]
        time: u64,
        /// The chain.
        #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8545")]
        rpc: String,
    },
}

/// Runs the chain until it is told to stop.
pub(crate) async fn run(args: Args, output: Output) -> Result<()> {
    if let Some(Order::Warp { time, rpc }) = args.order {
        return warp(time, &rpc, output).await;
    }
    if args.background {
        return start(&args, output).await;
    }
    let (listen, chain_id, state) = (args.listen, args.chain_id, args.state.clone());
    let mut config = Config { listen, chain_id, state, ..Config::default() };
    config.block_time = (args.block_time > 0).then(|| Duration::from_secs(args.block_time));
    config.accounts.extend(args.fund.iter().map(|(address, wei)| (*address, U256::from(*wei))));
    let server = Server::start(config).await.map_err(|e| match e {
        StartError::NotLoopback(_) | StartError::State(_) => Error::user(e),
        e => Error::chain(e),
    })?;
    let url = server.url();
    let adjudicator = if args.deploy { Some(deployed(&url).await?) } else { None };
    if let Some(path) = &args.record {
        record(path, &url)?;
    }
    output.result(&json!({ "url": url, "chain_id": args.chain_id, "adjudicator": adjudicator }), || {
        let contract = adjudicator.map(|address| format!(", Adjudicator {address}")).unwrap_or_default();
        format!("chain {} at {url}{contract}; Ctrl-C ends it", args.chain_id)
    });
    tokio::select! {
        () = signals::stop() => {}
        () = signals::parent_gone(args.until_stdin_closes) => {}
    }
    server.shutdown().await;
    Ok(())
}

/// Puts the contract on a chain that does not have it yet.
async fn deployed(url: &str) -> Result<Address> {
    let address = deploy::first_address();
    if Ledger::new(url)?.code(address).await?.is_empty() {
        return Ok(deploy::deploy(url, perunika_devnet::dev_key(0)).await?.address);
    }
    Ok(address)
}

/// Starts the chain in the background.
async fn start(args: &Args, output: Output) -> Result<()> {
    let made = tempfile::tempdir().map_err(|e| Error::other(format!("there is no room for temporary files: {e}")))?;
    let record = args.record.clone().unwrap_or_else(|| made.path().join("url"));
    // Of an earlier chain.
    let _ = std::fs::remove_file(&record);
    let mut words: Vec<String> = ["devnet", "--listen"].map(str::to_owned).into();
    words.extend([args.listen.to_string(), "--chain-id".into(), args.chain_id.to_string()]);
    words.extend(["--block-time".into(), format!("{}s", args.block_time)]);
    words.extend(["--record".into(), record.display().to_string()]);
    words.extend(args.fund.iter().flat_map(|(address, wei)| ["--fund".into(), format!("{address}={wei}wei")]));
    words.extend(args.state.iter().flat_map(|path| ["--state".to_owned(), path.display().to_string()]));
    words.extend(args.deploy.then(|| "--deploy".to_owned()));
    let mut chain = Background::start("the chain", &words, &[], Path::new(LOG), Path::new(PID))?;
    let url = chain.wait_until(async || std::fs::read_to_string(&record).ok()).await?;
    let (id, pid) = (args.chain_id, chain.id());
    let adjudicator = args.deploy.then(deploy::first_address);
    output.result(&json!({ "url": url, "chain_id": id, "adjudicator": adjudicator, "pid": pid }), || {
        let contract = adjudicator.map(|address| format!(", Adjudicator {address}")).unwrap_or_default();
        format!("chain {id} runs in the background at {url}{contract}; `kill {pid}` ends it")
    });
    Ok(())
}

async fn warp(seconds: u64, rpc: &str, output: Output) -> Result<()> {
    let ledger = Ledger::new(rpc)?;
    ledger.chain_id().await?;
    let moved = ledger.warp(seconds).await;
    moved.map_err(|_| {
        Error::user(format!("the clock of the chain at {rpc} cannot be moved: it is no development chain"))
    })?;
    let now = ledger.time(ledger.head().await?).await?;
    output.result(&json!({ "time": now }), || format!("the chain's time is {now} now, {seconds} s later"));
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
