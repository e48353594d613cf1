//! `perunika init`

use super::common::NodeArgs;
use super::node::PasswordArgs;
use crate::exit::{Error, Result};
use crate::ledger::Ledger;
use crate::output::Output;
use alloy::primitives::Address;
use perunika_core::Domain;
use perunika_net::PeerAddr;
use perunika_node::config::{Preset, Template};
use perunika_node::folder::{Folder, Identity};
use perunika_node::keys::Phrase;
use serde_json::json;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Set up a node: keys, encrypted with a password, and an annotated config file.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// JSON-RPC endpoint of an Ethereum node that you trust.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8545")]
    rpc: String,
    /// The Adjudicator contract.
    #[arg(long, value_name = "ADDRESS")]
    adjudicator: Address,
    /// Id that the chain must have; the chain is asked, if absent.
    #[arg(long, value_name = "ID")]
    chain_id: Option<u64>,
    /// Where peers connect.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9735")]
    listen: SocketAddr,
    /// Where the API listens.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9736")]
    api: SocketAddr,
    /// Serve as a hub: let virtual channels of others lead through this node, for a fee.
    #[arg(long)]
    hub: bool,
    /// A peer to stay connected with, 0x<key>@host:port (may be repeated).
    #[arg(long, value_name = "PEER")]
    peer: Vec<PeerAddr>,
    /// Times for mainnet (hours) instead of a development chain (seconds).
    #[arg(long)]
    mainnet: bool,
    /// Restore the keys from the seed phrase in this file instead of drawing new ones.
    #[arg(long, value_name = "PATH")]
    phrase_file: Option<PathBuf>,
    #[command(flatten)]
    password: PasswordArgs,
}

/// Makes the folder; nothing is written if anything is wrong.
pub(crate) async fn run(args: Args, node: &NodeArgs, output: Output) -> Result<()> {
    let dir = node.path()?;
    let folder = Folder::new(&dir);
    if folder.config().exists() || folder.keystore().exists() {
        return Err(Error::user(format!("there is a node in {} already; nothing was changed", dir.display())));
    }
    let password = args.password.read()?;
    let phrase = phrase(args.phrase_file.as_deref())?;
    let chain_id = match args.chain_id {
        Some(id) => id,
        None => Ledger::new(&args.rpc)?.chain_id().await?,
    };
    let domain = Domain { chain_id, adjudicator: args.adjudicator };
    let template = Template {
        listen: args.listen,
        api: args.api,
        hub: args.hub,
        peers: args.peer,
        preset: if args.mainnet { Preset::Mainnet } else { Preset::Dev },
        ..Template::new(&args.rpc, domain)
    };
    let Identity { key, owner } = folder.init(&template, &phrase, &password).map_err(Error::other)?;

    let words = phrase.words();
    let address = format!("{key}@{}", args.listen);
    let json = json!({ "dir": dir, "key": key, "owner": owner, "address": address, "phrase": *words });
    output.result(&json, || {
        let dir = dir.display();
        let node = format!("node     {key}\naddress  {address}\naccount  {owner} (pays deposits and gas: fund it)");
        let next = format!("`perunika --dir {dir} node` starts it.");
        format!(
            "{node}\nfolder   {dir}\n\nSeed phrase, to be kept on paper and shown to nobody:\n\n    {}\n\n{next}",
            *words
        )
    });
    Ok(())
}

fn phrase(file: Option<&std::path::Path>) -> Result<Phrase> {
    let Some(path) = file else { return Phrase::generate().map_err(Error::other) };
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|e| Error::user(format!("{} cannot be read: {e}", path.display())))?;
    Phrase::parse(text.trim()).map_err(Error::user)
}
