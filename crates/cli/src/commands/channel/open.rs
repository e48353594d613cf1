//! `perunika channel open`

use crate::assets::{CostArgs, Unit, source};
use crate::commands::common::{MoneyArgs, answered, id_of, json, peer, wait_connected, word};
use crate::exit::Result;
use crate::output::Output;
use crate::units::{self, Money};
use alloy::primitives::Address;
use perunika_client::Client;
use perunika_client::types::{EstimateWish, OpenChannel, Source};
use perunika_core::info::LedgerStage;

/// Open a ledger channel: one transaction, if the peer signs for it, or one of each.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The other party.
    #[arg(value_parser = peer)]
    peer: Address,
    /// What this node deposits, like 0.5eth or 5USDC: the channel is of that asset.
    #[arg(long, value_name = "AMOUNT", value_parser = units::money)]
    deposit: Money,
    /// What the peer is asked to deposit, of the same asset.
    #[arg(long, value_name = "AMOUNT", default_value = "0", value_parser = units::money)]
    peer_deposit: Money,
    /// Where this node's deposit comes from: wallet, the account, or vault.
    #[arg(long, value_name = "WHERE", default_value = "wallet", value_parser = source)]
    from: Source,
    /// Tells several channels of one pair apart.
    #[arg(long, default_value_t = 0)]
    lane: u16,
    /// Have the peer send the transaction and pay for it, if it does so: this node's account only signs.
    #[arg(long, conflicts_with = "from")]
    peer_sends: bool,
    #[command(flatten)]
    cost: CostArgs,
    #[command(flatten)]
    money: MoneyArgs,
}

/// Opens it and waits until payments work.
pub(crate) async fn run(args: Args, client: &Client, output: Output) -> Result<()> {
    let unit = Unit::of_all(&[&args.deposit, &args.peer_deposit], client).await?;
    let (asset, deposit) = (unit.asset, unit.read(&args.deposit)?);
    let body = OpenChannel {
        peer: args.peer,
        asset,
        amount: deposit.into(),
        peer_amount: unit.read(&args.peer_deposit)?.into(),
        lane: args.lane,
        from: (!args.peer_sends).then_some(args.from),
        peer_sends: args.peer_sends,
        wait_s: args.money.wait_s(),
    };
    let key = args.money.key();
    let (peer, amount, peer_amount, from) = (body.peer, body.amount, body.peer_amount, args.from);
    let wish = EstimateWish::OpenChannel { peer, asset, amount, peer_amount, from };
    args.cost.agree(&wish, args.money.repeats() || args.peer_sends, client, output).await?;
    wait_connected(client, &[args.peer], output).await?;
    let state = async || {
        let all = client.channels().await.ok()?;
        let newest = all
            .iter()
            .filter(|c| c.peer == args.peer && c.lane == args.lane && c.id.asset == asset)
            .find(|c| is_opening(c.stage))?;
        Some(format!("the ledger channel {}: {}", newest.id.channel, word(&newest.stage)))
    };
    let done = answered(output.watch(client.open_channel(&body, &key), state).await, &key)?;
    let id = id_of(&done)?.channel;
    output.result(&json(&done)?, || format!("{id} is open, with {} of this node in it", unit.show(deposit)));
    Ok(())
}

fn is_opening(stage: LedgerStage) -> bool {
    matches!(stage, LedgerStage::Agreed | LedgerStage::Funding)
}
