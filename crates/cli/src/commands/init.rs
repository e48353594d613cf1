//! `perunika init`

use super::common::NodeArgs;
use super::deploy;
use super::node::{self, PasswordArgs};
use crate::exit::{Error, Result};
use crate::ledger::Ledger;
use crate::output::Output;
use crate::units::{self, Amount, Wei};
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
    /// The Adjudicator contract; the one that `perunika devnet --deploy` puts on its chain, if absent.
    #[arg(long, value_name = "ADDRESS")]
    adjudicator: Option<Address>,
    /// Id that the chain must have; the chain is asked, if absent.
    #[arg(long, value_name = "ID")]
    chain_id: Option<u64>,
    /// Where peers connect.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9735")]
    listen: SocketAddr,
    /// Where the API listens; on loopback, one port above --listen, if absent.
    #[arg(long, value_name = "HOST:PORT")]
    api: Option<SocketAddr>,
    /// Serve as a hub: let virtual channels of others lead through this node, for a fee.
    #[arg(long)]
    hub: bool,
    /// A peer to stay connected with, 0x<key>@host:port (may be repeated).
    #[arg(long, value_name = "PEER")]
    peer: Vec<PeerAddr>,
    /// Give the new account ether from a development account, as `perunika fund` does.
    #[arg(long, value_name = "AMOUNT", value_parser = units::amount)]
    fund: Option<Wei>,
    /// Start the node in the background, as `perunika node --background` does.
    #[arg(long)]
    start: bool,
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
pub(crate) async fn run(args: Args, place: &NodeArgs, output: Output) -> Result<()> {
    let dir = place.path()?;
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
    let adjudicator = match args.adjudicator {
        Some(address) => address,
        None => well_known(&args.rpc, chain_id).await?,
    };
    let domain = Domain { chain_id, adjudicator };
    let api = args.api.unwrap_or_else(|| api_beside(args.listen));
    let template = Template {
        listen: args.listen,
        api,
        hub: args.hub,
        peers: args.peer,
        preset: if args.mainnet { Preset::Mainnet } else { Preset::Dev },
        ..Template::new(&args.rpc, domain)
    };
    let Identity { key, owner } = folder.init(&template, &phrase, &password).map_err(Error::other)?;
    if let Some(amount) = args.fund {
        let given = Ledger::new(&args.rpc)?.give(perunika_devnet::dev_key(0), owner, amount).await;
        given.map_err(|e| e.while_doing("the node is set up, but has no money"))?;
    }
    let started = if args.start { Some(node::start(&dir, &password).await?) } else { None };

    let words = phrase.words();
    let address = format!("{key}@{}", args.listen);
    let mut json = json!({ "dir": dir, "key": key, "owner": owner, "address": address, "phrase": *words });
    if let (Some(fields), Some(started)) = (json.as_object_mut(), &started) {
        fields.insert("started".into(), started.to_json());
    }
    output.result(&json, || {
        let dir = dir.display();
        let account = match args.fund {
            Some(amount) => format!("with {}", Amount(amount)),
            None => "fund it".to_owned(),
        };
        let node = format!("node     {key}\naddress  {address}\naccount  {owner} (pays deposits and gas: {account})");
        let next = match &started {
            Some(started) => started.to_string(),
            None => format!("`perunika --dir {dir} node` starts it."),
        };
        format!(
            "{node}\nfolder   {dir}\n\nSeed phrase, to be kept on paper and shown to nobody:\n\n    {}\n\n{next}",
            *words
        )
    });
    Ok(())
}

/// The contract of `perunika devnet --deploy`, if it is there.
async fn well_known(rpc: &str, chain_id: u64) -> Result<Address> {
    let address = deploy::first_address();
    let ledger = Ledger::new(rpc)?;
    let code = ledger.code(address).await?;
    let extension = ledger.code(perunika_contracts::extension_address(address)).await?;
    let domain = Domain { chain_id, adjudicator: address };
    if perunika_contracts::is_adjudicator(&code, &domain) && perunika_contracts::is_extension(&extension) {
        return Ok(address);
    }
    let ways = "name it with --adjudicator; `perunika deploy` makes one";
    Err(Error::user(format!("the chain at {rpc} is not one of `perunika devnet --deploy`: {ways}")))
}

/// One port above, for this machine only.
fn api_beside(listen: SocketAddr) -> SocketAddr {
    let port = if listen.port() == 0 { 0 } else { listen.port().checked_add(1).unwrap_or_default() };
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn phrase(file: Option<&std::path::Path>) -> Result<Phrase> {
    let Some(path) = file else { return Phrase::generate().map_err(Error::other) };
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|e| Error::user(format!("{} cannot be read: {e}", path.display())))?;
    Phrase::parse(text.trim()).map_err(Error::user)
}
