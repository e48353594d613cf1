//! `perunika fetch`

use super::common::{NodeArgs, absolute, channel_id, json};
use crate::assets::Unit;
use crate::exit::{Error, Result};
use crate::output::Output;
use crate::units::{self, Money, Size};
use alloy::primitives::B256;
use perunika_client::types::{Fetch, Job, JobState};
use perunika_client::{Client, fresh_key};
use perunika_node::shop::Offer;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

const POLL: Duration = Duration::from_millis(200);
/// Where no line can be overwritten.
const NOTE_EVERY: Duration = Duration::from_secs(1);

/// Buy a file, chunk by chunk, through a virtual channel. Started again, it goes on where it stopped.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// As `perunika serve` printed it.
    offer: String,
    /// Where the file goes.
    #[arg(short, long, value_name = "PATH")]
    output: PathBuf,
    /// The virtual channel to pay through; any active one with the seller, if absent.
    #[arg(long, value_name = "ID", value_parser = channel_id)]
    channel: Option<B256>,
    /// Most that the hubs may charge each time that the channel is renewed because its stake is spent; 0 forbids renewals; a
    /// hundredth of the stakes, if absent.
    #[arg(long, value_name = "AMOUNT", value_parser = units::money)]
    renew_fee_max: Option<Money>,
}

/// Starts the download and follows it to its end.
pub(crate) async fn run(args: Args, node: &NodeArgs, output: Output) -> Result<()> {
    let client = node.client()?;
    let unit = unit(&args, &client).await?;
    let renew_fee_max = args.renew_fee_max.as_ref().map(|fee| unit.read(fee)).transpose()?.map(Into::into);
    let body = Fetch { offer: args.offer, output: absolute(&args.output)?, channel: args.channel, renew_fee_max };
    let job = client.fetch(&body, &fresh_key()).await?;
    let job = follow(&client, job, &unit, output).await?;
    output.result(&json(&job)?, || {
        format!("{}, {} in {} payments for {}", job.output, Size(job.bytes), job.payments, unit.show(job.spent_wei.0))
    });
    Ok(())
}

/// What the seller wants to be paid in. What is no offer is the node's to refuse.
async fn unit(args: &Args, client: &Client) -> Result<Unit> {
    match args.offer.parse::<Offer>() {
        Ok(offer) if !offer.asset.is_zero() => Ok(Unit::find(offer.asset, &client.assets().await?)),
        _ => Ok(Unit::ether()),
    }
}

async fn follow(client: &Client, mut job: Job, unit: &Unit, output: Output) -> Result<Job> {
    let live = output.progress && std::io::stderr().is_terminal();
    let mut noted = Instant::now();
    loop {
        if live {
            show(&format!("\r\x1b[2K{}", progress(&job, unit)));
        } else if noted.elapsed() > NOTE_EVERY {
            output.note(&progress(&job, unit));
            noted = Instant::now();
        }
        match job.state {
            JobState::Waiting | JobState::Running => tokio::time::sleep(POLL).await,
            JobState::Done | JobState::Failed if live => break show("\n"),
            JobState::Done | JobState::Failed => break,
        }
        job = client.job(&job.id).await?;
    }
    match job.state {
        JobState::Failed => Err(Error::peer(job.reason.as_deref().unwrap_or("the download failed"))),
        _ => Ok(job),
    }
}

/// The progress is decoration: a terminal that has gone does not stop the download.
fn show(text: &str) {
    let mut err = std::io::stderr().lock();
    let _ = err.write_all(text.as_bytes());
    let _ = err.flush();
}

/// One line.
fn progress(job: &Job, unit: &Unit) -> String {
    let waiting = match (job.state, &job.reason) {
        (JobState::Waiting, Some(reason)) => format!(", waiting: {reason}"),
        (JobState::Waiting, None) => ", waiting".to_owned(),
        _ => String::new(),
    };
    format!(
        "{}/{} chunks, {:.1} MB/s, {:.0} payments/s, spent {}{waiting}",
        job.chunks_done,
        job.chunks_total,
        job.mb_per_s,
        job.payments_per_s,
        unit.show(job.spent_wei.0)
    )
}
