//! `perunika channel show`

use crate::commands::common::{Named, channel_name, json, word};
use crate::exit::Result;
use crate::output::Output;
use crate::table::Table;
use crate::units::Amount;
use perunika_client::Client;
use perunika_client::types::Channel;

/// Show everything about a ledger channel.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The channel, by its id or by the other party.
    #[arg(value_name = "CHANNEL", value_parser = channel_name)]
    channel: Named,
}

/// Prints it.
pub(crate) async fn run(args: Args, client: &Client, output: Output) -> Result<()> {
    let channel = client.channel(args.channel.ledger(client).await?).await?;
    output.result(&json(&channel)?, || facts(&channel));
    Ok(())
}

fn facts(channel: &Channel) -> String {
    let mut table = Table::new(["channel", &channel.id.channel.to_string()]);
    table
        .row(["chain", &channel.id.chain.to_string()])
        .row(["contract", &channel.id.adjudicator.to_string()])
        .row(["lane", &channel.lane.to_string()])
        .row(["peer", &channel.peer.to_string()])
        .row(["stage", &word(&channel.stage)])
        .row(["mine", &Amount(channel.mine.0).to_string()])
        .row(["theirs", &Amount(channel.theirs.0).to_string()])
        .row(["in virtual channels", &format!("{} ({})", Amount(channel.locked.0), channel.locks)])
        .row(["my deposit", &Amount(channel.deposit.0).to_string()])
        .row(["their deposit", &Amount(channel.peer_deposit.0).to_string()])
        .row(["version signed by both", &channel.version.to_string()])
        .row(["version accepted", &channel.accepted.to_string()])
        .row(["unanswered signatures", &channel.outstanding.to_string()]);
    if let Some(end) = channel.refute_end {
        table.row(["refutation ends", &format!("{end} (seconds since the epoch)")]);
    }
    table.to_string()
}
