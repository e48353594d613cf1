//! `perunika virtual renew`

use crate::assets::Unit;
use crate::commands::common::{MoneyArgs, Named, answered, channel_name, id_of, json, word};
use crate::exit::Result;
use crate::output::Output;
use crate::units::{self, Money};
use perunika_client::Client;
use perunika_client::types::RenewVirtual;

/// Replace a virtual channel by a successor with a new term. No transaction; the hubs must be there.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The channel, by its id or by the other end.
    #[arg(value_name = "CHANNEL", value_parser = channel_name)]
    channel: Named,
    /// Most that all hubs together may charge; a hundredth of what is in the channel, if absent.
    #[arg(long, value_name = "AMOUNT", value_parser = units::money)]
    fee_max: Option<Money>,
    /// How long the successor lasts, like 2h; the node's default, if absent.
    #[arg(long, value_name = "TIME", value_parser = units::seconds)]
    term: Option<u64>,
    #[command(flatten)]
    money: MoneyArgs,
}

/// Renews it and waits until the successor can be used.
pub(crate) async fn run(args: Args, client: &Client, output: Output) -> Result<()> {
    let id = args.channel.virtual_channel(client).await?;
    let old = client.virtual_channel(id).await?;
    let (unit, [a, b]) = (Unit::from(&old), old.stakes);
    let fee_max = args.fee_max.as_ref().map(|fee| unit.read(fee)).transpose()?;
    let hundredth = a.0.saturating_add(b.0) / 100;
    let body = RenewVirtual {
        stakes: None,
        term: args.term,
        fee_max: fee_max.unwrap_or(hundredth).into(),
        wait_s: args.money.wait_s(),
    };
    let key = args.money.key();
    let state = async || {
        let shown = client.virtual_channel(id).await.ok()?;
        Some(format!("the old channel: {}", word(&shown.stage)))
    };
    let done = answered(output.watch(client.renew_virtual(id, &body, &key), state).await, &key)?;
    let successor = client.virtual_channel(id_of(&done)?.channel).await?;
    let fees = successor.fees.iter().map(|fee| fee.0).sum();
    output.result(&json(&successor)?, || {
        format!("{} succeeds {id}, for a fee of {}", successor.id.channel, unit.show(fees))
    });
    Ok(())
}
