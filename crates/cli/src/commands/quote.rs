//! `perunika quote`

use super::common::{NodeArgs, json, peer, wait_connected};
use crate::assets::Unit;
use crate::exit::Result;
use crate::output::Output;
use crate::table::Table;
use crate::units::{self, Money};
use alloy::primitives::Address;
use perunika_client::types::QuoteWish;

/// Ask hubs what a virtual channel over them would cost now. Opens nothing and binds nobody.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The other end.
    #[arg(value_parser = peer)]
    peer: Address,
    /// The hubs on the way, the nearest first, separated by commas.
    #[arg(long, value_name = "HUB", required = true, value_delimiter = ',', value_parser = peer)]
    via: Vec<Address>,
    /// What this node would put in.
    #[arg(long, value_name = "AMOUNT", value_parser = units::money)]
    stake: Money,
    /// What the other end would put in.
    #[arg(long, value_name = "AMOUNT", default_value = "0", value_parser = units::money)]
    peer_stake: Money,
    /// How long it would last, like 2h; the node's default, if absent.
    #[arg(long, value_name = "TIME", value_parser = units::seconds)]
    term: Option<u64>,
}

/// Asks, and prints the fees.
pub(crate) async fn run(args: Args, node: &NodeArgs, output: Output) -> Result<()> {
    let client = node.client()?;
    let unit = Unit::of_all(&[&args.stake, &args.peer_stake], &client).await?;
    let (stake, peer_stake) = (unit.read(&args.stake)?, unit.read(&args.peer_stake)?);
    let wish = QuoteWish {
        hubs: args.via,
        peer: args.peer,
        amount: stake.into(),
        peer_amount: peer_stake.into(),
        asset: unit.asset,
        term: args.term,
    };
    let others: Vec<Address> = wish.hubs.iter().copied().chain([wish.peer]).collect();
    wait_connected(&client, &others, output).await?;
    let asking = output.watch(client.quote(&wish), async || Some("waiting for the hubs' quotes".to_owned()));
    let quote = asking.await?;
    output.result(&json(&quote)?, || {
        let mut table = Table::new(["hub", ">fee"]);
        for hub in &quote.fees {
            table.row([hub.hub.to_string(), unit.show(hub.fee.0)]);
        }
        table.row(["in all", &unit.show(quote.total.0)]);
        table.to_string()
    });
    Ok(())
}
