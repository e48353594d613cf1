//! The file changes hands, and the hub dies meanwhile.

use super::Args;
use super::calls::{ask, insist};
use super::house::House;
use crate::commands::common::absolute;
use crate::exit::{Error, Result};
use crate::units::{Size, Wei};
use alloy::primitives::B256;
use perunika_client::fresh_key;
use perunika_client::types::{Fetch, Job, JobState, Serve};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const POLL: Duration = Duration::from_millis(5);
/// Without a single chunk for so long, something is wrong.
const STALL_LIMIT: Duration = Duration::from_secs(60);

/// A file that was bought.
#[derive(Debug)]
pub(crate) struct Bought {
    /// The buyer's copy.
    pub(crate) path: PathBuf,
    /// What it cost.
    pub(crate) spent: Wei,
    /// Payments that it took.
    pub(crate) payments: u64,
    /// How many of them were made while the hub's process was dead.
    pub(crate) payments_hub_down: u64,
    /// Wall time.
    pub(crate) seconds: f64,
}

/// Sells the file to alice; kills ingrid after a quarter of the chunks and starts her again after three.
pub(crate) async fn buy(args: &Args, house: &House, goods: &Path, vc: B256) -> Result<Bought> {
    let chunk_bytes = u32::try_from(args.chunk).map_err(|_| Error::user("the chunks are too large"))?;
    let offer = Serve { path: absolute(goods)?, price: args.price.into(), asset: Default::default(), chunk_bytes };
    let offer = ask(house, &house.bob, async |bob| bob.serve(&offer).await).await?;
    house.say(&format!("bob sells {} in {} chunks of {}", Size(offer.size), offer.chunks, Size(args.chunk)));

    let start = Instant::now();
    let path = house.path("bought.bin");
    let body = Fetch { offer: offer.offer, output: absolute(&path)?, channel: Some(vc), renew_fee_max: None };
    if house.restless {
        let done = insist(house, async || buy_all(house, &body).await).await?;
        let payments = ask(house, &house.alice, async |alice| alice.virtual_channel(vc).await).await?.payments;
        let seconds = start.elapsed().as_secs_f64();
        return Ok(Bought { path, spent: done.spent_wei.0, payments, payments_hub_down: 0, seconds });
    }

    let id = ask(house, &house.alice, async |alice| alice.fetch(&body, &fresh_key()).await).await?.id;
    let quarter = u64::from(offer.chunks).div_ceil(4);
    wait_for(house, &id, quarter, 0).await?;
    house.ingrid.kill();
    let at_death = ask(house, &house.alice, async |alice| alice.job(&id).await).await?;
    house.say(&format!("ingrid is dead, after {} of {} chunks", at_death.chunks_done, at_death.chunks_total));

    let half = at_death.payments.saturating_add(u64::from(offer.chunks).div_ceil(2));
    let before_rebirth = wait_for(house, &id, quarter.saturating_mul(3), half).await?;
    house.ingrid.start()?;
    let payments_hub_down = before_rebirth.payments.saturating_sub(at_death.payments);
    house.say(&format!(
        "ingrid is back, after {} chunks; {payments_hub_down} payments went on without her",
        before_rebirth.chunks_done
    ));

    let done = wait_for(house, &id, u64::MAX, 0).await?;
    let seconds = start.elapsed().as_secs_f64();
    house.say(&format!("alice has the file, after {} payments", done.payments));
    house.ingrid.wait_ready().await?;
    Ok(Bought { path, spent: done.spent_wei.0, payments: done.payments, payments_hub_down, seconds })
}

/// Begins the download, or resumes it, and follows it to its end.
async fn buy_all(house: &House, body: &Fetch) -> Result<Job> {
    let key = fresh_key();
    let job = ask(house, &house.alice, async |alice| alice.fetch(body, &key).await).await?;
    wait_for(house, &job.id, u64::MAX, 0).await
}

/// Waits for so many chunks and payments, or for the end.
async fn wait_for(house: &House, id: &str, chunks: u64, payments: u64) -> Result<Job> {
    let (mut last, mut since) = (0, Instant::now());
    loop {
        let job = ask(house, &house.alice, async |alice| alice.job(id).await).await?;
        let done = u64::from(job.chunks_done);
        match job.state {
            JobState::Done => return Ok(job),
            JobState::Failed => return Err(Error::peer(job.reason.as_deref().unwrap_or("the download failed"))),
            JobState::Waiting | JobState::Running if done >= chunks && job.payments >= payments => return Ok(job),
            JobState::Waiting | JobState::Running => {}
        }
        if done > last {
            (last, since) = (done, Instant::now());
        }
        if since.elapsed() > STALL_LIMIT {
            let reason = job.reason.unwrap_or_else(|| "nobody says why".into());
            return Err(Error::peer(format!("no chunk arrived for {} s: {reason}", STALL_LIMIT.as_secs())));
        }
        tokio::time::sleep(POLL).await;
    }
}
