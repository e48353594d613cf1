//! `perunika nano list`

use crate::assets::Unit;
use crate::commands::common::{json, word};
use crate::exit::Result;
use crate::output::Output;
use crate::table::Table;
use perunika_client::Client;
use perunika_client::types::Nano;

/// List the nanocontracts of this node, offers included.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Prints them.
pub(crate) async fn run(_: Args, client: &Client, output: Output) -> Result<()> {
    let all = client.nanos().await?;
    output.result(&json(&all)?, || table(&all));
    Ok(())
}

fn table(all: &[Nano]) -> String {
    let mut table = Table::new(["channel", "name", "what", "stage", ">holds", ">mine", ">steps left", "next"]);
    for nano in all {
        let unit = Unit::from(nano);
        table.row([
            nano.id.channel.to_string(),
            nano.nid.to_string(),
            nano.app.clone().unwrap_or_else(|| "own code".to_owned()),
            word(&nano.stage),
            unit.show(nano.total.0),
            unit.show(nano.mine.0),
            nano.steps_left.to_string(),
            if nano.mover == nano.party { "this node" } else { "the peer" }.to_owned(),
        ]);
    }
    table.to_string()
}
