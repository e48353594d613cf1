//! `perunika channel show`

use crate::assets::Unit;
use crate::commands::common::{Named, channel_name, json, word};
use crate::exit::Result;
use crate::output::Output;
use crate::table::Table;
use perunika_client::Client;
use perunika_client::types::{Channel, Wei, Withdrawing};

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
    let unit = Unit::from(channel);
    let show = |amount: Wei| unit.show(amount.0);
    let mut table = Table::new(["channel", &channel.id.channel.to_string()]);
    table
        .row(["chain", &channel.id.chain.to_string()])
        .row(["contract", &channel.id.adjudicator.to_string()])
        .row(["asset", &asset(channel)])
        .row(["lane", &channel.lane.to_string()])
        .row(["peer", &channel.peer.to_string()])
        .row(["stage", &word(&channel.stage)])
        .row(["mine", &show(channel.mine)])
        .row(["theirs", &show(channel.theirs)])
        .row(["in virtual channels", &format!("{} ({})", show(channel.locked), channel.locks)])
        .row(["my deposit", &show(channel.deposit)])
        .row(["their deposit", &show(channel.peer_deposit)])
        .row(["version signed by both", &channel.version.to_string()])
        .row(["version accepted", &channel.accepted.to_string()])
        .row(["unanswered signatures", &channel.outstanding.to_string()]);
    for (name, more) in [("my", channel.uncounted), ("their", channel.peer_uncounted)] {
        if more.0 > 0 {
            table.row([format!("{name} deposit not counted yet"), show(more)]);
        }
    }
    if let Some(Withdrawing { party, amount, receiver, .. }) = &channel.withdrawing {
        table.row(["withdrawal under way", &format!("{} of {party} to {receiver}", show(*amount))]);
    }
    if let Some(end) = channel.refute_end {
        table.row(["refutation ends", &format!("{end} (seconds since the epoch)")]);
    }
    table.to_string()
}

fn asset(channel: &Channel) -> String {
    match &channel.symbol {
        Some(symbol) if channel.id.asset.is_zero() => symbol.clone(),
        Some(symbol) => format!("{symbol} ({})", channel.id.asset),
        None => channel.id.asset.to_string(),
    }
}
