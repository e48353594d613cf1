//! `perunika channel close`

use crate::commands::common::{MoneyArgs, applied, channel_id, json};
use crate::exit::Result;
use crate::output::Output;
use alloy::primitives::B256;
use perunika_client::Client;
use perunika_client::types::Close;

/// End a ledger channel: one transaction, which pays both parties.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The channel.
    #[arg(value_parser = channel_id)]
    id: B256,
    /// Through a dispute, without the peer; takes the refutation period.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    money: MoneyArgs,
}

/// Ends it and waits for the chain.
pub(crate) async fn run(args: Args, client: &Client, output: Output) -> Result<()> {
    let key = args.money.key();
    let body = Close { force: args.force, wait_s: args.money.wait_s() };
    let done = applied(client.close_channel(args.id, &body, &key).await?, &key)?;
    output.result(&json(&done)?, || format!("{} is closed", args.id));
    Ok(())
}
