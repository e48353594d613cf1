//! `perunika deploy`: a fresh Adjudicator.

use super::common::private_key;
use crate::exit::{Error, Result};
use crate::ledger::Ledger;
use crate::output::Output;
use alloy::primitives::{Address, B256};
use perunika_chain::{DeployError, Deployed, OwnerKey};
use serde_json::json;

/// Deploy the Adjudicator, the contract that holds deposits and decides disputes; once for a chain is enough.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The chain.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8545")]
    rpc: String,
    /// Private key of the account that pays; the first development account of `perunika devnet`, if absent.
    #[arg(long, value_name = "HEX", env = "PERUNIKA_FUNDER_KEY", hide_env_values = true, value_parser = private_key)]
    key: Option<B256>,
}

/// Deploys it and waits for the block.
pub(crate) async fn run(args: Args, output: Output) -> Result<()> {
    let chain_id = Ledger::new(&args.rpc)?.chain_id().await?;
    let work = deploy(&args.rpc, args.key.unwrap_or_else(|| perunika_devnet::dev_key(0)));
    let deployed = output.watch(work, async || Some("waiting for the deployment's block".to_owned())).await?;
    let json = json!({
        "adjudicator": deployed.address,
        "chain_id": chain_id,
        "transaction": deployed.hash,
        "gas": deployed.gas,
    });
    output.result(&json, || format!("Adjudicator {} on chain {chain_id}, {} gas", deployed.address, deployed.gas));
    Ok(())
}

/// Where the contract is if it is the first thing that the first development account ever does.
pub(crate) fn first_address() -> Address {
    perunika_devnet::dev_address(0).create(0)
}

/// Deploys the contract from the account of `key`.
pub(crate) async fn deploy(rpc: &str, key: B256) -> Result<Deployed> {
    let owner = OwnerKey::from_bytes(&key).ok_or_else(|| Error::user("that is not a private key"))?;
    perunika_chain::deploy(rpc, &owner).await.map_err(|e| match e {
        DeployError::InvalidUrl(..) => Error::user(e),
        e => Error::chain(e),
    })
}
