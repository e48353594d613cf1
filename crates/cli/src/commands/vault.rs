//! `perunika vault`: the owner's money in the Adjudicator, outside of channels.

use super::common::{MoneyArgs, NodeArgs, answered, json};
use crate::assets::{CostArgs, Unit};
use crate::exit::Result;
use crate::output::Output;
use crate::table::Table;
use crate::units::{self, Money};
use alloy::primitives::Address;
use perunika_client::Client;
use perunika_client::types::{EstimateWish, FundVault, WithdrawVault};

/// The vault: money of this node's account in the contract, for deposits without another transaction. It can be taken out any time.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Show what is in the vault.
    Show,
    Fund(Fund),
    Withdraw(Withdraw),
}

/// Pay into the vault out of the account: one transaction. A token needs an allowance first (`perunika asset approve`).
#[derive(Debug, clap::Args)]
pub(crate) struct Fund {
    /// How much, like 0.5eth or 5USDC.
    #[arg(value_parser = units::money)]
    amount: Money,
    #[command(flatten)]
    cost: CostArgs,
    #[command(flatten)]
    money: MoneyArgs,
}

/// Take money out of the vault: one transaction.
#[derive(Debug, clap::Args)]
pub(crate) struct Withdraw {
    /// How much, like 0.5eth or 5USDC.
    #[arg(value_parser = units::money)]
    amount: Money,
    /// Who gets it; this node's account, if absent.
    #[arg(long, value_name = "ADDRESS")]
    to: Option<Address>,
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
            Self::Fund(args) => fund(args, &client, output).await,
            Self::Withdraw(args) => withdraw(args, &client, output).await,
        }
    }
}

async fn show(client: &Client, output: Output) -> Result<()> {
    let all = client.vault().await?;
    output.result(&json(&all)?, || {
        let mut table = Table::new(["asset", ">in the vault", ">in a final block"]);
        for vault in &all {
            let show = |amount| units::shown(amount, Some(&vault.symbol), Some(vault.decimals));
            table.row([vault.symbol.clone(), show(vault.amount.0), show(vault.settled.0)]);
        }
        table.to_string()
    });
    Ok(())
}

async fn fund(args: Fund, client: &Client, output: Output) -> Result<()> {
    let unit = Unit::of_all(&[&args.amount], client).await?;
    let (asset, amount) = (unit.asset, unit.read(&args.amount)?);
    let wish = EstimateWish::FundVault { asset, amount: amount.into() };
    args.cost.agree(&wish, args.money.repeats(), client, output).await?;
    let (key, body) = (args.money.key(), FundVault { asset, amount: amount.into(), wait_s: args.money.wait_s() });
    let done = answered(output.watch(client.fund_vault(&body, &key), waits).await, &key)?;
    output.result(&json(&done)?, || format!("{} paid into the vault", unit.show(amount)));
    Ok(())
}

async fn withdraw(args: Withdraw, client: &Client, output: Output) -> Result<()> {
    let unit = Unit::of_all(&[&args.amount], client).await?;
    let (asset, amount, to) = (unit.asset, unit.read(&args.amount)?, args.to);
    let wish = EstimateWish::WithdrawVault { asset, amount: amount.into(), to };
    args.cost.agree(&wish, args.money.repeats(), client, output).await?;
    let body = WithdrawVault { asset, amount: amount.into(), to, wait_s: args.money.wait_s() };
    let key = args.money.key();
    let done = answered(output.watch(client.withdraw_vault(&body, &key), waits).await, &key)?;
    output.result(&json(&done)?, || format!("{} taken out of the vault", unit.show(amount)));
    Ok(())
}

async fn waits() -> Option<String> {
    Some("waiting for the transaction's block".to_owned())
}
