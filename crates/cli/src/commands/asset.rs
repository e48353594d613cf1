//! `perunika asset`: ETH and the tokens of the config file.

use super::common::{MoneyArgs, NodeArgs, answered, json};
use crate::assets::{CostArgs, Unit};
use crate::exit::{Error, Result};
use crate::output::Output;
use crate::table::Table;
use crate::units::{self, Money};
use perunika_client::Client;
use perunika_client::types::{Approve, Asset, EstimateWish, Wei};

/// What this node can be paid in: ETH, and the tokens of its config file.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Show them, with what the account holds.
    Show,
    Approve(Allow),
}

/// Let the contract take so much of a token from the account for deposits, instead of what it might take before: one transaction.
#[derive(Debug, clap::Args)]
pub(crate) struct Allow {
    /// How much, like 5USDC; 0USDC takes the allowance back.
    #[arg(value_parser = units::money)]
    amount: Money,
    #[command(flatten)]
    cost: CostArgs,
    #[command(flatten)]
    money: MoneyArgs,
}

impl Command {
    /// Runs it.
    pub(crate) async fn run(self, node: &NodeArgs, output: Output) -> Result<()> {
        let client = node.client()?;
        match self {
            Self::Show => show(&client, output).await,
            Self::Approve(args) => approve(args, &client, output).await,
        }
    }
}

async fn show(client: &Client, output: Output) -> Result<()> {
    let all = client.assets().await?;
    output.result(&json(&all)?, || {
        let mut table = Table::new(["asset", "contract", ">account", ">allowed to the contract", ">vault"]);
        for asset in &all {
            let show = |amount: Option<Wei>| match amount {
                Some(amount) => units::shown(amount.0, Some(&asset.symbol), Some(asset.decimals)),
                None => "not known".to_owned(),
            };
            let ether = asset.asset.is_zero();
            let address = if ether { String::new() } else { asset.asset.to_string() };
            let allowance = if ether { String::new() } else { show(asset.allowance) };
            table.row([asset.symbol.clone(), address, show(asset.balance), allowance, show(asset.vault)]);
        }
        let trouble =
            |asset: &Asset| asset.trouble.as_ref().map(|why| format!("\n{} is not used: {why}", asset.symbol));
        let troubles: String = all.iter().filter_map(trouble).collect();
        format!("{table}{troubles}")
    });
    Ok(())
}

async fn approve(args: Allow, client: &Client, output: Output) -> Result<()> {
    if args.amount.token().is_none() {
        return Err(Error::user("ETH needs no allowance; name an amount of a token, like 5USDC"));
    }
    let unit = Unit::of_all(&[&args.amount], client).await?;
    let (asset, amount) = (unit.asset, unit.read(&args.amount)?);
    let wish = EstimateWish::Approve { asset, amount: amount.into() };
    args.cost.agree(&wish, args.money.repeats(), client, output).await?;
    let (key, body) = (args.money.key(), Approve { asset, amount: amount.into(), wait_s: args.money.wait_s() });
    let waits = async || Some("waiting for the transaction's block".to_owned());
    let done = answered(output.watch(client.approve(&body, &key), waits).await, &key)?;
    output.result(&json(&done)?, || format!("the contract may take {}", unit.show(amount)));
    Ok(())
}
