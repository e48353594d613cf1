//! What several subcommands share.

use crate::exit::{Error, Result};
use crate::output::Output;
use alloy::primitives::{Address, B256};
use perunika_client::types::{ChannelId, Done, Outcome};
use perunika_client::{Client, ClientError, fresh_key};
use perunika_core::info::{LedgerStage, VirtualStage};
use perunika_node::config::Config;
use perunika_node::folder::Folder;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A peer that is there answers long before.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(50);

/// Which node is meant.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct NodeArgs {
    /// The node's folder, `$PERUNIKA_DIR` or else `~/.perunika` if absent; of quickstart and play, an empty folder for all its files
    /// instead of a temporary one.
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) dir: Option<PathBuf>,
}

impl NodeArgs {
    /// Where the node's files are.
    pub(crate) fn path(&self) -> Result<PathBuf> {
        let named = self.dir.clone().or_else(|| std::env::var_os("PERUNIKA_DIR").map(PathBuf::from));
        if let Some(dir) = named.filter(|dir| !dir.as_os_str().is_empty()) {
            return Ok(dir);
        }
        let home = std::env::home_dir().filter(|home| !home.as_os_str().is_empty());
        let home = home.ok_or_else(|| Error::user("there is no home folder; name the node's folder with --dir"))?;
        Ok(home.join(".perunika"))
    }

    /// A client of the node, which must have been set up and must run.
    pub(crate) fn client(&self) -> Result<Client> {
        client(&self.path()?)
    }
}

/// A client of the node in a folder.
pub(crate) fn client(dir: &Path) -> Result<Client> {
    read_config(dir)?;
    let folder = Folder::new(dir);
    let read = |path: PathBuf| std::fs::read_to_string(path).ok();
    let (Some(address), Some(token)) = (read(folder.api_address()), read(folder.token())) else {
        let dir = dir.display();
        return Err(Error::user(format!("the node in {dir} has never run; `perunika --dir {dir} node` starts it")));
    };
    let address = address.trim();
    let base = if address.contains("://") { address.to_owned() } else { format!("http://{address}") };
    Ok(Client::new(&base, &token))
}

/// The settings of a node that was set up.
pub(crate) fn read_config(dir: &Path) -> Result<Config> {
    let folder = Folder::new(dir);
    if !folder.config().exists() {
        let dir = dir.display();
        return Err(Error::user(format!("there is no node in {dir}; `perunika --dir {dir} init` makes one")));
    }
    Config::read(&folder.config()).map_err(Error::user)
}

impl From<ClientError> for Error {
    fn from(error: ClientError) -> Self {
        match &error {
            ClientError::Unreachable { .. } => {
                Error::other(format!("{error}; is it running? `perunika node` starts it"))
            }
            ClientError::Broken { .. } | ClientError::Unreadable { .. } => Error::other(error),
            ClientError::Refused { code, message, .. } => match code.as_str() {
                "peer" => Error::peer(message),
                "chain" => Error::chain(message),
                "bad_request" | "unauthorized" | "forbidden" | "not_found" | "conflict" | "limit" | "too_large"
                | "refused" => Error::user(message),
                "unknown" => Error::unknown(message),
                _ => Error::other(message),
            },
        }
    }
}

/// Waits a while for peers that the node knows; whoever is not there then is the call's problem.
pub(crate) async fn wait_connected(client: &Client, peers: &[Address], output: Output) -> Result<()> {
    let known: Vec<Address> = client.peers().await?.iter().map(|peer| peer.key).collect();
    let wanted: Vec<Address> = peers.iter().copied().filter(|peer| known.contains(peer)).collect();
    let connected = async {
        let start = Instant::now();
        loop {
            let here = client.info().await?.connected;
            if wanted.iter().all(|peer| here.contains(peer)) || start.elapsed() > CONNECT_LIMIT {
                return Ok(());
            }
            tokio::time::sleep(POLL).await;
        }
    };
    output.watch(connected, async || Some("waiting for the peers".to_owned())).await
}

/// How a call that moves money is repeated.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct MoneyArgs {
    /// Repeat an earlier call instead of making a new one: with the same key it is done once at most.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// How long to wait for the result.
    #[arg(long, value_name = "TIME", value_parser = crate::units::seconds)]
    wait: Option<u64>,
}

impl MoneyArgs {
    /// The key of this call.
    pub(crate) fn key(&self) -> String {
        self.key.clone().unwrap_or_else(fresh_key)
    }

    /// An earlier call is repeated: what it costs was agreed to.
    pub(crate) fn repeats(&self) -> bool {
        self.key.is_some()
    }

    /// Seconds to wait for the result.
    pub(crate) fn wait_s(&self) -> Option<u64> {
        self.wait
    }
}

/// What became of a call that moves money; an error if it was not done, or if nobody knows yet.
pub(crate) fn answered(answer: std::result::Result<Done, ClientError>, key: &str) -> Result<Done> {
    match answer {
        Ok(done) => applied(done, key),
        // The call may have arrived.
        Err(error @ ClientError::Broken { .. }) => {
            Err(Error::unknown(format!("{error}; the same command with --key {key} tells what became of it")))
        }
        Err(error) => Err(error.into()),
    }
}

/// What was done; an error if it was not, or if nobody knows yet.
pub(crate) fn applied(done: Done, key: &str) -> Result<Done> {
    let reason = done.reason.as_deref().unwrap_or("no reason was given");
    match done.result {
        Outcome::Applied => Ok(done),
        Outcome::Rejected => Err(Error::peer(reason)),
        Outcome::Unknown => {
            Err(Error::unknown(format!("not known yet ({reason}); the same command with --key {key} tells")))
        }
    }
}

/// Reads 32 bytes in hexadecimal. The text never appears in the error.
pub(crate) fn private_key(text: &str) -> std::result::Result<B256, String> {
    text.parse().map_err(|_| "not a private key: 32 bytes in hexadecimal are expected".into())
}

/// Reads the id of a channel.
pub(crate) fn channel_id(text: &str) -> std::result::Result<B256, String> {
    text.parse().map_err(|_| "not a channel id: 0x and 64 hexadecimal digits are expected".into())
}

/// How people name a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// By its id.
    Id(B256),
    /// By the other party, if there is only one with it.
    Peer(Address),
}

/// Reads the id of a channel, or a peer.
pub(crate) fn channel_name(text: &str) -> std::result::Result<Named, String> {
    let wrong = "not a channel id (0x and 64 hexadecimal digits), nor the key of a peer (0x and 40)";
    channel_id(text).map(Named::Id).or_else(|_| peer(text).map(Named::Peer)).map_err(|_| wrong.into())
}

impl Named {
    /// The ledger channel that is meant.
    pub(crate) async fn ledger(self, client: &Client) -> Result<B256> {
        let Self::Peer(peer) = self else { return Ok(self.id()) };
        let all = client.channels().await?;
        let with_peer = all.iter().filter(|channel| channel.peer == peer);
        one(with_peer.map(|channel| (channel.id.channel, channel.stage == LedgerStage::Closed)), "ledger", peer)
    }

    /// The virtual channel that is meant.
    pub(crate) async fn virtual_channel(self, client: &Client) -> Result<B256> {
        let Self::Peer(peer) = self else { return Ok(self.id()) };
        let all = client.virtuals().await?;
        let over = |stage| matches!(stage, VirtualStage::Aborted | VirtualStage::Done);
        let with_peer = all.iter().filter(|channel| channel.peer == Some(peer));
        one(with_peer.map(|channel| (channel.id.channel, over(channel.stage))), "virtual", peer)
    }

    fn id(self) -> B256 {
        match self {
            Self::Id(id) => id,
            Self::Peer(_) => B256::ZERO,
        }
    }
}

/// The only one that is not over, else the only one at all.
fn one(channels: impl Iterator<Item = (B256, bool)>, kind: &str, peer: Address) -> Result<B256> {
    let (over, alive): (Vec<_>, Vec<_>) = channels.partition(|(_, over)| *over);
    let meant = if alive.is_empty() { over } else { alive };
    match meant[..] {
        [(id, _)] => Ok(id),
        [] => Err(Error::user(format!("there is no {kind} channel with {peer}"))),
        _ => Err(Error::user(format!("there are {} {kind} channels with {peer}; name one by its id", meant.len()))),
    }
}

/// Reads the key of a peer; of `0x…@host:port` the part before the `@`.
pub(crate) fn peer(text: &str) -> std::result::Result<Address, String> {
    let key = text.split_once('@').map_or(text, |(key, _)| key);
    key.parse().map_err(|_| "not the key of a peer: 0x and 40 hexadecimal digits are expected".into())
}

/// An answer of the node as JSON.
pub(crate) fn json(answer: &impl serde::Serialize) -> Result<Value> {
    serde_json::to_value(answer).map_err(|e| Error::other(format!("the answer cannot be shown: {e}")))
}

/// An absolute path, which need not exist.
pub(crate) fn absolute(path: &Path) -> Result<String> {
    let path = std::path::absolute(path).map_err(|e| Error::user(format!("{}: {e}", path.display())))?;
    path.into_os_string().into_string().map_err(|_| Error::user("the path is not valid UTF-8"))
}

/// The id of the channel that a call was about.
pub(crate) fn id_of(done: &Done) -> Result<ChannelId> {
    done.id.ok_or_else(|| Error::other("the node did not name the channel"))
}

/// The name of a stage, as JSON has it.
pub(crate) fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}
