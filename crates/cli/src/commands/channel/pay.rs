//! `perunika channel pay`

use crate::assets::Unit;
use crate::commands::common::{MoneyArgs, Named, answered, channel_name, json};
use crate::exit::Result;
use crate::output::Output;
use crate::units::{self, Money};
use perunika_client::types::{Done, Pay, Reference};
use perunika_client::{Client, ClientError};

/// Pay through a ledger channel. No transaction.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The channel, by its id or by the other party.
    #[arg(value_name = "CHANNEL", value_parser = channel_name)]
    channel: Named,
    /// How much, like 5gwei or 0.5USDC.
    #[arg(value_parser = units::money)]
    amount: Money,
    /// Do not wait for the payee's signature; it is enough that the payee holds the payment durably.
    #[arg(long)]
    stream: bool,
    /// What it is for, up to 256 bytes; the payee sees it and signs a receipt.
    #[arg(long, value_name = "TEXT", value_parser = Reference::parse)]
    reference: Option<Reference>,
    #[command(flatten)]
    money: MoneyArgs,
}

impl Args {
    /// The channel.
    pub(crate) fn channel(&self) -> Named {
        self.channel
    }

    /// What the amount is in; the node refuses it if the channel is of another asset.
    pub(crate) async fn unit(&self, client: &Client) -> Result<Unit> {
        Unit::of_all(&[&self.amount], client).await
    }

    /// The key of this call, and its body.
    pub(crate) fn call(&self, unit: &Unit) -> Result<(String, Pay)> {
        let body = Pay {
            amount: unit.read(&self.amount)?.into(),
            asset: Some(unit.asset),
            countersign: !self.stream,
            reference: self.reference.clone(),
            wait_s: self.money.wait_s(),
        };
        Ok((self.money.key(), body))
    }

    /// Says what became of it.
    pub(crate) fn report(
        &self,
        answer: std::result::Result<Done, ClientError>,
        (key, unit): (&str, &Unit),
        output: Output,
    ) -> Result<()> {
        let paid = unit.show(unit.read(&self.amount)?);
        let done = answered(answer, key)?;
        let signed = if done.countersigned == Some(true) { "signed by both" } else { "held by the payee" };
        let version = done.version.map(|version| format!(", version {version}")).unwrap_or_default();
        let receipt = done.receipt.as_ref().map(json).transpose()?;
        output.result(&json(&done)?, || {
            let receipt = receipt.map(|receipt| format!("\nreceipt: {receipt}")).unwrap_or_default();
            format!("paid {paid}, {signed}{version}{receipt}")
        });
        Ok(())
    }
}

/// Pays and waits for the answer.
pub(crate) async fn run(args: Args, client: &Client, output: Output) -> Result<()> {
    let id = args.channel.ledger(client).await?;
    let unit = args.unit(client).await?;
    let (key, body) = args.call(&unit)?;
    args.report(client.pay_channel(id, &body, &key).await, (&key, &unit), output)
}
