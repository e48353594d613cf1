//! `perunika channel open`

use crate::commands::common::{MoneyArgs, answered, id_of, json, peer, wait_connected, word};
use crate::exit::Result;
use crate::output::Output;
use crate::units::{self, Amount, Wei};
use alloy::primitives::Address;
use perunika_client::Client;
use perunika_client::types::{OpenChannel, Source};
use perunika_core::info::LedgerStage;

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
        asset: Address::ZERO,
        amount: args.deposit.into(),
        peer_amount: args.peer_deposit.into(),
        lane: args.lane,
        from: Source::Wallet,
        wait_s: args.money.wait_s(),
    };
    let key = args.money.key();
    wait_connected(client, &[args.peer], output).await?;
    let state = async || {
        let all = client.channels().await.ok()?;
        let newest = all.iter().filter(|c| c.peer == args.peer && c.lane == args.lane).find(|c| is_opening(c.stage))?;
        Some(format!("the ledger channel {}: {}", newest.id.channel, word(&newest.stage)))
    };
    let done = answered(output.watch(client.open_channel(&body, &key), state).await, &key)?;
    let id = id_of(&done)?.channel;
    output.result(&json(&done)?, || format!("{id} is open, with {} of this node in it", Amount(args.deposit)));
    Ok(())
}

fn is_opening(stage: LedgerStage) -> bool {
    matches!(stage, LedgerStage::Agreed | LedgerStage::Funding)
}
