//! `perunika virtual close`

use crate::commands::common::{MoneyArgs, Named, answered, channel_name, json, word};
use crate::exit::Result;
use crate::output::Output;
use perunika_client::Client;
use perunika_client::types::Close;

/// End a virtual channel: its outcome goes into the ledger channels. No transaction, unless it is forced.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The channel, by its id or by the other end.
    #[arg(value_name = "CHANNEL", value_parser = channel_name)]
    channel: Named,
    /// Through the chain, now, without the other end: its newest state is registered, and what its nanocontracts say is played there.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    money: MoneyArgs,
}

/// Ends it and waits until the outcome is in this node's ledger channel.
pub(crate) async fn run(args: Args, client: &Client, output: Output) -> Result<()> {
    let key = args.money.key();
    let body = Close { force: args.force, wait_s: args.money.wait_s() };
    let id = args.channel.virtual_channel(client).await?;
    let state = async || {
        let shown = client.virtual_channel(id).await.ok()?;
        Some(format!("the virtual channel: {}", word(&shown.stage)))
    };
    let done = answered(output.watch(client.close_virtual(id, &body, &key), state).await, &key)?;
    output.result(&json(&done)?, || format!("{id} is closed"));
    Ok(())
}
