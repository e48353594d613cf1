//! `perunika channel pay`

use crate::commands::common::{MoneyArgs, Named, answered, channel_name, json};
use crate::exit::Result;
use crate::output::Output;
use crate::units::{self, Amount, Wei};
use perunika_client::types::{Done, Pay, Reference};
use perunika_client::{Client, ClientError};

/// Pay through a ledger channel. No transaction.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The channel, by its id or by the other party.
    #[arg(value_name = "CHANNEL", value_parser = channel_name)]
    channel: Named,
    /// How much, like 5gwei.
    #[arg(value_parser = units::amount)]
    amount: Wei,
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

    /// The key of this call, and its body.
    pub(crate) fn call(&self) -> (String, Pay) {
        let body = Pay {
            amount: self.amount.into(),
            countersign: !self.stream,
            reference: self.reference.clone(),
            wait_s: self.money.wait_s(),
        };
        (self.money.key(), body)
    }

    /// Says what became of it.
    pub(crate) fn report(
        &self,
        answer: std::result::Result<Done, ClientError>,
        key: &str,
        output: Output,
    ) -> Result<()> {
        let done = answered(answer, key)?;
        let signed = if done.countersigned == Some(true) { "signed by both" } else { "held by the payee" };
        let version = done.version.map(|version| format!(", version {version}")).unwrap_or_default();
        let receipt = done.receipt.as_ref().map(json).transpose()?;
        output.result(&json(&done)?, || {
            let receipt = receipt.map(|receipt| format!("\nreceipt: {receipt}")).unwrap_or_default();
            format!("paid {}, {signed}{version}{receipt}", Amount(self.amount))
        });
        Ok(())
    }
}

/// Pays and waits for the answer.
pub(crate) async fn run(args: Args, client: &Client, output: Output) -> Result<()> {
    let (key, body) = args.call();
    let id = args.channel.ledger(client).await?;
    args.report(client.pay_channel(id, &body, &key).await, &key, output)
}
