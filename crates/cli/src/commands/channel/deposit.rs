//! `perunika channel deposit`

use crate::assets::{CostArgs, Unit, source};
use crate::commands::common::{MoneyArgs, Named, answered, channel_name, json};
use crate::exit::Result;
use crate::output::Output;
use crate::units::{self, Money};
use perunika_client::Client;
use perunika_client::types::{Deposit, EstimateWish, Source};

/// Add to this node's deposit in an open ledger channel: one transaction, and a version that both sign.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The channel, by its id or by the other party.
    #[arg(value_name = "CHANNEL", value_parser = channel_name)]
    channel: Named,
    /// How much, like 0.5eth or 5USDC.
    #[arg(value_parser = units::money)]
    amount: Money,
    /// Where it comes from: wallet, the account, or vault.
    #[arg(long, value_name = "WHERE", default_value = "wallet", value_parser = source)]
    from: Source,
    #[command(flatten)]
    cost: CostArgs,
    #[command(flatten)]
    money: MoneyArgs,
}

/// Sends it and waits until a version counts it.
pub(crate) async fn run(args: Args, client: &Client, output: Output) -> Result<()> {
    let id = args.channel.ledger(client).await?;
    let unit = Unit::from(&client.channel(id).await?);
    let (amount, from) = (unit.read(&args.amount)?, args.from);
    let wish = EstimateWish::Deposit { channel: id, amount: amount.into(), from };
    args.cost.agree(&wish, args.money.repeats(), client, output).await?;
    let body = Deposit { amount: amount.into(), from, wait_s: args.money.wait_s() };
    let key = args.money.key();
    let state = async || {
        let channel = client.channel(id).await.ok()?;
        (channel.uncounted.0 > 0)
            .then(|| format!("{} are deposited and not counted yet", unit.show(channel.uncounted.0)))
    };
    let done = answered(output.watch(client.deposit_channel(id, &body, &key), state).await, &key)?;
    let now = client.channel(id).await?.deposit.0;
    output.result(&json(&done)?, || {
        format!("{} deposited; {id} counts {} of this node", unit.show(amount), unit.show(now))
    });
    Ok(())
}
