//! `perunika virtual show`

use crate::assets::Unit;
use crate::commands::common::{Named, channel_name, json, word};
use crate::exit::Result;
use crate::output::Output;
use crate::table::Table;
use perunika_client::Client;
use perunika_client::types::Virtual;

/// Show everything about a virtual channel.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The channel, by its id or by the other party.
    #[arg(value_name = "CHANNEL", value_parser = channel_name)]
    channel: Named,
}

/// Prints it.
pub(crate) async fn run(args: Args, client: &Client, output: Output) -> Result<()> {
    let channel = client.virtual_channel(args.channel.virtual_channel(client).await?).await?;
    output.result(&json(&channel)?, || facts(&channel));
    Ok(())
}

fn facts(channel: &Virtual) -> String {
    let unit = Unit::from(channel);
    let mut table = Table::new(["channel", &channel.id.channel.to_string()]);
    let [a, b] = channel.stakes;
    let fees: Vec<String> = channel.fees.iter().map(|fee| unit.show(fee.0)).collect();
    table
        .row(["chain", &channel.id.chain.to_string()])
        .row(["contract", &channel.id.adjudicator.to_string()])
        .row(["asset", channel.symbol.as_deref().unwrap_or(&channel.id.asset.to_string())])
        .row(["role", &word(&channel.role)]);
    for (position, key) in channel.path.iter().enumerate() {
        table.row([format!("participant {position}"), key.to_string()]);
    }
    table
        .row(["stage", &word(&channel.stage)])
        .row(["stakes", &format!("{} and {}", unit.show(a.0), unit.show(b.0))])
        .row(["fees", &fees.join(", ")])
        .row(["expires", &format!("{} (seconds since the epoch)", channel.expires)]);
    if let (Some(mine), Some(theirs)) = (channel.mine, channel.theirs) {
        table
            .row(["mine", &unit.show(mine.0)])
            .row(["theirs", &unit.show(theirs.0)])
            .row(["payments", &channel.payments.to_string()])
            .row(["version signed by both", &channel.version.to_string()])
            .row(["version accepted", &channel.accepted.to_string()]);
    }
    if let Some(out) = channel.out_a {
        table.row(["outcome of the first end", &unit.show(out.0)]);
    }
    table.to_string()
}
