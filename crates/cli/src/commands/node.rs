//! `perunika node`

use super::common::{NodeArgs, read_config};
use crate::exit::{Error, Result};
use crate::output::Output;
use crate::signals;
use perunika_chain::ConnectError;
use perunika_node::daemon::{self, NodeError, Options};
use perunika_node::folder::Folder;
use serde_json::json;
use std::io::IsTerminal;
use std::path::PathBuf;
use tracing_subscriber::EnvFilter;

/// Run the node of a folder until it is told to stop.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    password: PasswordArgs,
    /// End when the standard input ends.
    #[arg(long, hide = true)]
    until_stdin_closes: bool,
}

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
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr).init();

    let folder = Folder::new(&dir);
    let node = daemon::run(&folder, &password, Options::default()).await.map_err(fault)?;
    drop(password);
    let url = node.api_url();
    output.result(&json!({ "api": url }), || format!("the node runs, API at {url}; Ctrl-C ends it"));
    tokio::select! {
        ended = node.stopped() => return ended.map_err(fault),
        () = signals::stop() => {}
        () = signals::parent_gone(args.until_stdin_closes) => {}
    }
    node.shutdown().await.map_err(fault)
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
