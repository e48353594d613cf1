//! `perunika channel withdraw`

use crate::assets::{CostArgs, Unit, source};
use crate::commands::common::{MoneyArgs, Named, answered, channel_name, json};
use crate::exit::Result;
use crate::output::Output;
use crate::units::{self, Money};
use perunika_client::Client;
use perunika_client::types::{EstimateWish, Source, Withdraw};

/// Take part of this node's deposit out of a ledger channel that stays open: one transaction, with the peer's signature.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The channel, by its id or by the other party.
    #[arg(value_name = "CHANNEL", value_parser = channel_name)]
    channel: Named,
    /// How much, at most what is left of the own deposit.
    #[arg(value_parser = units::money)]
    amount: Money,
    /// Where it goes: wallet, the account, or vault.
    #[arg(long, value_name = "WHERE", default_value = "wallet", value_parser = source)]
    to: Source,
    #[command(flatten)]
    cost: CostArgs,
    #[command(flatten)]
    money: MoneyArgs,
}

/// Asks the peer, sends it and waits until it is final.
pub(crate) async fn run(args: Args, client: &Client, output: Output) -> Result<()> {
    let id = args.channel.ledger(client).await?;
    let unit = Unit::from(&client.channel(id).await?);
    let amount = unit.read(&args.amount)?;
    args.cost.agree(&EstimateWish::Withdraw { channel: id }, args.money.repeats(), client, output).await?;
    let body = Withdraw { amount: amount.into(), to: args.to, wait_s: args.money.wait_s() };
    let key = args.money.key();
    let state = async || {
        let under_way = client.channel(id).await.ok()?.withdrawing?;
        Some(format!("{} are on their way to {}", unit.show(under_way.amount.0), under_way.receiver))
    };
    let done = answered(output.watch(client.withdraw_channel(id, &body, &key), state).await, &key)?;
    output.result(&json(&done)?, || format!("{} withdrawn from {id}", unit.show(amount)));
    Ok(())
}
