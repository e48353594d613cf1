//! `perunika virtual close`

use crate::commands::common::{MoneyArgs, applied, channel_id, json};
use crate::exit::Result;
use crate::output::Output;
use alloy::primitives::B256;
use perunika_client::Client;
use perunika_client::types::Close;

/// End a virtual channel: its outcome goes into the ledger channels. No transaction.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The channel.
    #[arg(value_parser = channel_id)]
    id: B256,
    #[command(flatten)]
    money: MoneyArgs,
}

/// Ends it and waits until the outcome is in this node's ledger channel.
pub(crate) async fn run(args: Args, client: &Client, output: Output) -> Result<()> {
    let key = args.money.key();
    let body = Close { force: false, wait_s: args.money.wait_s() };
    let done = applied(client.close_virtual(args.id, &body, &key).await?, &key)?;
    output.result(&json(&done)?, || format!("{} is closed", args.id));
    Ok(())
}
