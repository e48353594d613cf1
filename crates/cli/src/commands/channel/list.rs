//! `perunika channel list`

use crate::commands::common::{json, word};
use crate::exit::Result;
use crate::output::Output;
use crate::table::Table;
use crate::units::Amount;
use perunika_client::Client;
use perunika_client::types::Channel;

/// List the ledger channels of this node.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Prints them.
pub(crate) async fn run(_: Args, client: &Client, output: Output) -> Result<()> {
    let channels = client.channels().await?;
    output.result(&json(&channels)?, || table(&channels));
    Ok(())
}

fn table(channels: &[Channel]) -> String {
    let mut table = Table::new(["channel", "peer", "stage", ">mine", ">theirs", ">in virtual channels", ">version"]);
    for channel in channels {
        table.row([
            channel.id.channel.to_string(),
            channel.peer.to_string(),
            word(&channel.stage),
            Amount(channel.mine.0).to_string(),
            Amount(channel.theirs.0).to_string(),
            Amount(channel.locked.0).to_string(),
            channel.version.to_string(),
        ]);
    }
    table.to_string()
}
