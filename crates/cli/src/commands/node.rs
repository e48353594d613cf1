//! `perunika node`

use super::background::Background;
use super::common::{NodeArgs, client, read_config};
use crate::exit::{Error, Result};
use crate::notify::{READY, STOPPING, notify};
use crate::output::Output;
use crate::signals::{self, Signals};
use alloy::primitives::Address;
use perunika_chain::ConnectError;
use perunika_node::daemon::{self, NodeError, Options};
use perunika_node::folder::Folder;
use serde_json::json;
use std::fmt;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tracing_subscriber::EnvFilter;

/// A peer that is there answers long before.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(50);

/// Run the node of a folder until it is told to stop.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    password: PasswordArgs,
    /// Return once the node answers; it goes on in the background, with its log in node.log and its process id in node.pid.
    #[arg(long)]
    background: bool,
    /// How to log, on the standard error; RUST_LOG says what, `info` if it is not set.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
    /// End when the standard input ends.
    #[arg(long, hide = true)]
    until_stdin_closes: bool,
}

/// Lines for people, or for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum LogFormat {
    /// One line for each event.
    Text,
    /// One JSON object for each event.
    Json,
}

/// How long the node may take to end once it was told to.
const STOP_MAX: Duration = Duration::from_secs(10);

/// What opens the keystore.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct PasswordArgs {
    /// File with the password of the keystore on its first line; the environment variable PERUNIKA_PASSWORD, if absent.
    #[arg(long, value_name = "PATH")]
    password_file: Option<PathBuf>,
}

impl PasswordArgs {
    /// The password.
    pub(crate) fn read(&self) -> Result<String> {
        let password = match &self.password_file {
            Some(path) => {
                let text = std::fs::read_to_string(path);
                let text = text.map_err(|e| Error::user(format!("{} cannot be read: {e}", path.display())))?;
                text.lines().next().unwrap_or_default().to_owned()
            }
            None => std::env::var("PERUNIKA_PASSWORD").unwrap_or_default(),
        };
        if password.is_empty() {
            let ways = "set PERUNIKA_PASSWORD or name a file with --password-file";
            return Err(Error::user(format!("the keystore needs a password: {ways}")));
        }
        Ok(password)
    }
}

/// Runs it.
pub(crate) async fn run(args: Args, node: &NodeArgs, output: Output) -> Result<()> {
    let dir = node.path()?;
    read_config(&dir)?;
    let password = args.password.read()?;
    if args.background {
        let started = start(&dir, &password).await?;
        output.result(&started.to_json(), || started.to_string());
        return Ok(());
    }
    log(args.log_format)?;

    let folder = Folder::new(&dir);
    let node = daemon::run(&folder, &password, Options::default()).await.map_err(fault)?;
    drop(password);
    let url = node.api_url();
    // Before anybody hears that the node runs, and so may end it.
    let mut signals = Signals::listen();
    output.result(&json!({ "api": url }), || format!("the node runs, API at {url}; Ctrl-C ends it"));
    notify(READY);
    tokio::select! {
        ended = node.stopped() => return ended.map_err(fault),
        () = signals.next() => {}
        () = signals::parent_gone(args.until_stdin_closes) => {}
    }
    notify(STOPPING);
    tracing::info!("the node stops");
    // Whatever is cut off here is not lost: nothing leaves the node before it is durable.
    tokio::select! {
        ended = node.shutdown() => ended.map_err(fault),
        () = tokio::time::sleep(STOP_MAX) => {
            Err(Error::other(format!("the node did not stop within {} s and was ended", STOP_MAX.as_secs())))
        }
        () = signals.next() => Err(Error::other("the node was told twice to stop and was ended at once")),
    }
}

fn log(format: LogFormat) -> Result<()> {
    let filter = match std::env::var("RUST_LOG") {
        Ok(text) => EnvFilter::try_new(&text).map_err(|e| Error::user(format!("RUST_LOG cannot be read: {e}")))?,
        Err(_) => EnvFilter::new("info"),
    };
    let colours = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.json().init(),
    }
    Ok(())
}

/// A node that was started in the background.
#[derive(Debug)]
pub(crate) struct Started {
    pid: u32,
    api: String,
    /// Peers that did not answer in time.
    missing: Vec<Address>,
}

impl Started {
    /// For programs.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        json!({ "api": self.api, "pid": self.pid, "missing_peers": self.missing })
    }
}

impl fmt::Display for Started {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the node runs in the background, API at {}; `kill {}` ends it", self.api, self.pid)?;
        match &self.missing[..] {
            [] => Ok(()),
            missing => write!(f, "; not connected yet: {missing:?}"),
        }
    }
}

/// Starts the node of a folder in the background; returns once it answers, and its peers do or had time to.
pub(crate) async fn start(dir: &Path, password: &str) -> Result<Started> {
    let folder = Folder::new(dir);
    // Of an earlier run: what answers there may be another node by now.
    let _ = std::fs::remove_file(folder.api_address());
    let args = ["--dir".to_owned(), dir.display().to_string(), "node".into()];
    let (log, pid) = (dir.join("node.log"), dir.join("node.pid"));
    let mut node = Background::start("the node", &args, &[("PERUNIKA_PASSWORD", password)], &log, &pid)?;
    let client = node
        .wait_until(async || {
            let client = client(dir).ok()?;
            client.health().await.ok().map(|_| client)
        })
        .await?;
    let wanted: Vec<Address> = read_config(dir)?.net.peers.iter().map(|peer| peer.key.0.into()).collect();
    let since = Instant::now();
    loop {
        let connected = client.info().await?.connected;
        let missing: Vec<Address> = wanted.iter().filter(|peer| !connected.contains(peer)).copied().collect();
        if missing.is_empty() || since.elapsed() > CONNECT_LIMIT {
            let api = std::fs::read_to_string(folder.api_address()).unwrap_or_default().trim().to_owned();
            return Ok(Started { pid: node.id(), api, missing });
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Whose fault it is that the node does not run.
fn fault(error: NodeError) -> Error {
    match error {
        NodeError::Chain(ConnectError::InvalidUrl { .. }) => Error::user(error),
        NodeError::Chain(_) => Error::chain(error),
        NodeError::Keystore(_) | NodeError::Key(_) | NodeError::Config(_) | NodeError::Folder(_) => Error::user(error),
        NodeError::Api { .. } | NodeError::Net(_) | NodeError::Store(_) => Error::other(error),
        NodeError::Engine(_) | NodeError::Broken(_) => Error::other(error),
    }
}
