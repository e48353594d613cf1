//! `perunika channel open`

use crate::commands::common::{MoneyArgs, applied, id_of, json, peer};
use crate::exit::Result;
use crate::output::Output;
use crate::units::{self, Amount, Wei};
use alloy::primitives::Address;
use perunika_client::Client;
use perunika_client::types::OpenChannel;

/// Open a ledger channel: one transaction of this node, one of the peer.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The other party.
    #[arg(value_parser = peer)]
    peer: Address,
    /// What this node deposits.
    #[arg(long, value_name = "AMOUNT", value_parser = units::amount)]
    deposit: Wei,
    /// What the peer is asked to deposit.
    #[arg(long, value_name = "AMOUNT", default_value = "0", value_parser = units::amount)]
    peer_deposit: Wei,
    /// Tells several channels of one pair apart.
    #[arg(long, default_value_t = 0)]
    lane: u16,
    #[command(flatten)]
    money: MoneyArgs,
}

/// Opens it and waits until payments work.
pub(crate) async fn run(args: Args, client: &Client, output: Output) -> Result<()> {
    let body = OpenChannel {
        peer: args.peer,
        amount: args.deposit.into(),
        peer_amount: args.peer_deposit.into(),
        lane: args.lane,
        wait_s: args.money.wait_s(),
    };
    let key = args.money.key();
    let done = applied(client.open_channel(&body, &key).await?, &key)?;
    let id = id_of(&done)?.channel;
    output.result(&json(&done)?, || format!("{id} is open, with {} of this node in it", Amount(args.deposit)));
    Ok(())
}
