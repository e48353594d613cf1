//! `perunika peer`: who can be reached.

use super::common::{NodeArgs, json};
use crate::exit::{Error, Result};
use crate::output::Output;
use crate::table::Table;
use perunika_client::Client;
use perunika_net::PeerAddr;

/// Peers: add one, list them.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Remember a peer and stay connected with it.
    Add {
        /// As `perunika info` of the peer prints it: 0x<key>@host:port.
        address: String,
    },
    /// List the peers that this node knows.
    List,
}

impl Command {
    /// Runs it.
    pub(crate) async fn run(self, node: &NodeArgs, output: Output) -> Result<()> {
        match self {
            Self::Add { address } => {
                let address: PeerAddr = address.parse().map_err(Error::user)?;
                add(&address.to_string(), &node.client()?, output).await
            }
            Self::List => list(&node.client()?, output).await,
        }
    }
}

async fn add(address: &str, client: &Client, output: Output) -> Result<()> {
    let peer = client.add_peer(address).await?;
    let state = if peer.connected { "connected" } else { "not connected yet" };
    output.result(&json(&peer)?, || format!("{} is known, {state}", peer.key));
    Ok(())
}

async fn list(client: &Client, output: Output) -> Result<()> {
    let peers = client.peers().await?;
    output.result(&json(&peers)?, || {
        let mut table = Table::new(["peer", "address", "connected"]);
        for peer in &peers {
            let address = peer.address.clone().unwrap_or_default();
            let connected = if peer.connected { "yes" } else { "no" };
            table.row([peer.key.to_string(), address, connected.to_owned()]);
        }
        table.to_string()
    });
    Ok(())
}
