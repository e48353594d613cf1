//! `perunika virtual open`

use crate::assets::Unit;
use crate::commands::common::{MoneyArgs, answered, id_of, json, peer, wait_connected, word};
use crate::exit::Result;
use crate::output::Output;
use crate::units::{self, Money};
use alloy::primitives::Address;
use perunika_client::Client;
use perunika_client::types::OpenVirtual;
use perunika_core::info::VirtualStage;

/// Open a virtual channel over one or more hubs. No transaction.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The other end.
    #[arg(value_parser = peer)]
    peer: Address,
    /// The hubs on the way, the nearest first, separated by commas.
    #[arg(long, value_name = "HUB", required = true, value_delimiter = ',', value_parser = peer)]
    via: Vec<Address>,
    /// What this node puts in, like 0.5eth or 5USDC: of the asset of the channels that it runs over.
    #[arg(long, value_name = "AMOUNT", value_parser = units::money)]
    stake: Money,
    /// What the other end puts in.
    #[arg(long, value_name = "AMOUNT", default_value = "0", value_parser = units::money)]
    peer_stake: Money,
    /// Most that all hubs together may charge; a hundredth of both stakes, if absent.
    #[arg(long, value_name = "AMOUNT", value_parser = units::money)]
    fee_max: Option<Money>,
    /// How long it lasts, like 2h; the node's default, if absent.
    #[arg(long, value_name = "TIME", value_parser = units::seconds)]
    term: Option<u64>,
    /// Renew it before its term ends, again and again, each time for at most the same fee.
    #[arg(long)]
    renew: bool,
    #[command(flatten)]
    money: MoneyArgs,
}

/// Opens it and waits until payments work.
pub(crate) async fn run(args: Args, client: &Client, output: Output) -> Result<()> {
    let unit = Unit::of_all(&[&args.stake, &args.peer_stake], client).await?;
    let (stake, peer_stake) = (unit.read(&args.stake)?, unit.read(&args.peer_stake)?);
    let hundredth = stake.saturating_add(peer_stake) / 100;
    let fee_max = args.fee_max.as_ref().map(|fee| unit.read(fee)).transpose()?;
    let body = OpenVirtual {
        hubs: args.via,
        peer: args.peer,
        amount: stake.into(),
        peer_amount: peer_stake.into(),
        asset: unit.asset,
        term: args.term,
        fee_max: fee_max.unwrap_or(hundredth).into(),
        renew: args.renew,
        wait_s: args.money.wait_s(),
    };
    let key = args.money.key();
    let others: Vec<Address> = body.hubs.iter().copied().chain([body.peer]).collect();
    wait_connected(client, &others, output).await?;
    let state = async || {
        let all = client.virtuals().await.ok()?;
        let new = all.iter().find(|v| v.peer == Some(body.peer) && is_opening(v.stage))?;
        Some(format!("the virtual channel {}: {}", new.id.channel, word(&new.stage)))
    };
    let done = answered(output.watch(client.open_virtual(&body, &key), state).await, &key)?;
    let channel = client.virtual_channel(id_of(&done)?.channel).await?;
    let fees = channel.fees.iter().map(|fee| fee.0).sum();
    output.result(&json(&channel)?, || {
        format!(
            "{} is open, with {} of this node in it, for a fee of {}",
            channel.id.channel,
            unit.show(stake),
            unit.show(fees)
        )
    });
    Ok(())
}

fn is_opening(stage: VirtualStage) -> bool {
    matches!(stage, VirtualStage::Locking | VirtualStage::Revealed)
}
