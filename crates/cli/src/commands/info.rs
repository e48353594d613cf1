//! `perunika info`

use super::common::{NodeArgs, json};
use crate::exit::Result;
use crate::output::Output;
use crate::table::Table;
use crate::units::Amount;
use perunika_client::types::Info;

/// Show who this node is, what its account holds and whom it is connected with.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Prints it.
pub(crate) async fn run(_: Args, node: &NodeArgs, output: Output) -> Result<()> {
    let info = node.client()?.info().await?;
    output.result(&json(&info)?, || facts(&info));
    Ok(())
}

fn facts(info: &Info) -> String {
    let mut table = Table::new(["node", &info.key.to_string()]);
    let balance = info.balance.map_or("not known".to_owned(), |wei| Amount(wei.0).to_string());
    let online = if info.chain_online { "" } else { " (does not answer)" };
    table
        .row(["address for peers", info.address.as_deref().unwrap_or("none")])
        .row(["account", &info.owner.to_string()])
        .row(["balance", &balance])
        .row(["chain", &format!("{}{online}", info.chain)])
        .row(["head", &info.head.to_string()])
        .row(["contract", &info.adjudicator.to_string()])
        .row(["hub", if info.hub { "yes" } else { "no" }])
        .row(["version", &info.version]);
    for peer in &info.connected {
        table.row(["connected with", &peer.to_string()]);
    }
    table.to_string()
}
