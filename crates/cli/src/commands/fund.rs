//! `perunika fund`: money for an account on a development chain.

use super::common::private_key;
use crate::exit::Result;
use crate::ledger::Ledger;
use crate::output::Output;
use crate::units::{self, Amount, Wei};
use alloy::primitives::{Address, B256};
use serde_json::json;

/// Send ether from a development account, so that a new node can pay deposits and gas.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Who gets it.
    account: Address,
    /// How much, like 10eth.
    #[arg(value_parser = units::amount)]
    amount: Wei,
    /// The chain.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8545")]
    rpc: String,
    /// Private key of the account that gives; the first development account of `perunika devnet`, if absent.
    #[arg(long, value_name = "HEX", env = "PERUNIKA_FUNDER_KEY", hide_env_values = true, value_parser = private_key)]
    key: Option<B256>,
}

/// Sends it and waits until it is there.
pub(crate) async fn run(args: Args, output: Output) -> Result<()> {
    let key = args.key.unwrap_or_else(|| perunika_devnet::dev_key(0));
    let ledger = Ledger::new(&args.rpc)?;
    output.watch(ledger.give(key, args.account, args.amount), async || waits()).await?;
    let balance = ledger.balance(args.account).await?;
    output.result(&json!({ "account": args.account, "balance_wei": balance.to_string() }), || {
        format!("{} holds {}", args.account, Amount(balance))
    });
    Ok(())
}

fn waits() -> Option<String> {
    Some("waiting for the transaction's block".to_owned())
}
