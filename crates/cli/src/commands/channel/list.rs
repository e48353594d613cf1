//! `perunika channel list`

use crate::assets::Unit;
use crate::commands::common::{json, word};
use crate::exit::Result;
use crate::output::Output;
use crate::table::Table;
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
        let unit = Unit::from(channel);
        table.row([
            channel.id.channel.to_string(),
            channel.peer.to_string(),
            word(&channel.stage),
            unit.show(channel.mine.0),
            unit.show(channel.theirs.0),
            unit.show(channel.locked.0),
            channel.version.to_string(),
        ]);
    }
    table.to_string()
}
