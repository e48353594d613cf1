//! `perunika virtual list`

use crate::assets::Unit;
use crate::commands::common::{json, word};
use crate::exit::Result;
use crate::output::Output;
use crate::table::Table;
use perunika_client::Client;
use perunika_client::types::Virtual;

/// List the virtual channels of this node, as an end or as a hub.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Prints them.
pub(crate) async fn run(_: Args, client: &Client, output: Output) -> Result<()> {
    let channels = client.virtuals().await?;
    output.result(&json(&channels)?, || table(&channels));
    Ok(())
}

fn table(channels: &[Virtual]) -> String {
    let mut table = Table::new(["channel", "role", "peer", "stage", ">mine", ">theirs", ">payments"]);
    for channel in channels {
        let unit = Unit::from(channel);
        let share = |wei: Option<perunika_client::types::Wei>| wei.map(|w| unit.show(w.0)).unwrap_or_default();
        table.row([
            channel.id.channel.to_string(),
            word(&channel.role),
            channel.peer.map(|peer| peer.to_string()).unwrap_or_default(),
            word(&channel.stage),
            share(channel.mine),
            share(channel.theirs),
            channel.payments.to_string(),
        ]);
    }
    table.to_string()
}
