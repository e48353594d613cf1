//! `perunika nano show`

use super::board::picture;
use super::name::Which;
use crate::assets::Unit;
use crate::commands::common::{json, word};
use crate::exit::Result;
use crate::output::Output;
use crate::table::Table;
use perunika_client::Client;
use perunika_client::types::Nano;

/// Show everything about a nanocontract; of those that come along also the board.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    which: Which,
}

/// Prints it.
pub(crate) async fn run(args: Args, client: &Client, output: Output) -> Result<()> {
    let nano = args.which.find(client).await?;
    output.result(&json(&nano)?, || facts(&nano));
    Ok(())
}

fn facts(nano: &Nano) -> String {
    let unit = Unit::from(nano);
    let mut table = Table::new(["nanocontract", &nano.nid.to_string()]);
    let next = if nano.mover == nano.party { "this node" } else { "the peer" };
    let version = nano.version.map_or_else(|| "none yet".to_owned(), |version| version.to_string());
    table
        .row(["channel", &nano.id.channel.to_string()])
        .row(["peer", &nano.peer.to_string()])
        .row(["this node is", &nano.party.to_string()])
        .row(["what", nano.app.as_deref().unwrap_or("own code")])
        .row(["code hash", &nano.code_hash.to_string()])
        .row(["stage", &word(&nano.stage)])
        .row(["holds", &unit.show(nano.total.0)])
        .row(["stake of this node", &unit.show(nano.stake.0)])
        .row(["if the next mover stalls", &format!("{} for this node", unit.show(nano.mine.0))])
        .row(["next mover", next])
        .row(["steps left", &format!("{} of {}", nano.steps_left, nano.steps)])
        .row(["gas bound of a step", &nano.gas.to_string()])
        .row(["version signed by both", &version])
        .row(["step under way", if nano.outstanding { "yes" } else { "no" }])
        .row(["kept for a dispute", &nano.prepared.to_string()])
        .row(["storage", &nano.storage.to_string()]);
    if let Some(reason) = &nano.refused {
        table.row(["the peer refuses", reason]);
    }
    if let Some(deadline) = nano.deadline {
        table.row(["to be done by", &format!("{deadline} (seconds of the chain)")]);
    }
    let picture = picture(nano).map(|picture| format!("\n{picture}")).unwrap_or_default();
    format!("{table}{picture}")
}
