//! Downloads that are worth more than the stake of their channel.

#![allow(clippy::unwrap_used)]

mod support;

use alloy::providers::{Provider as _, RootProvider};
use perunika_client::fresh_key;
use perunika_client::types::{Fetch, JobState, OpenVirtual, Pay, Wei};
use perunika_core::B256;
use perunika_core::info::VirtualStage;
use perunika_core::io::Event;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use support::shop::{finished, offer, some_chunks};
use support::{ETH, Running, World, applied, triangle, until};

/// Of 200 chunks for 1,000 wei each a stake pays for 20.
const CHUNKS: u64 = 200;
const STAKE: u128 = 20_000;

struct Scene {
    alice: Running,
    hub: Running,
    bob: Running,
    vc: B256,
    content: Vec<u8>,
    fetch: Fetch,
}

async fn scene(world: &World) -> Scene {
    let [alice, hub, bob] = triangle(world).await;
    let vc = alice.open_virtual(hub.key(), bob.key(), STAKE).await;
    until(|| async { bob.api.virtual_channel(vc).await.is_ok_and(|v| v.stage == VirtualStage::Active) }).await;
    let (file, output) = (bob.files.path().join("film"), alice.files.path().join("film"));
    let content: Vec<u8> = (0..CHUNKS as u32 * 10_000 - 77).map(|i| (i.wrapping_mul(i) >> 7) as u8).collect();
    std::fs::write(&file, &content).unwrap();
    let (offer, output) = (offer(&bob, &file).await, output.display().to_string());
    let fetch = Fetch { offer, output, channel: None, renew_fee_max: None };
    Scene { alice, hub, bob, vc, content, fetch }
}

/// What a node earned or paid in all virtual channels of its own, and their number.
async fn through_all(node: &Running) -> (i128, usize) {
    let all = node.api.virtuals().await.unwrap();
    let side = |v: &perunika_client::types::Virtual| usize::from(v.role != perunika_client::types::Role::EndA);
    let gain = |v: &perunika_client::types::Virtual| Some(v.mine?.0 as i128 - v.stakes[side(v)].0 as i128);
    (all.iter().filter_map(gain).sum(), all.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_worth_ten_times_the_stake_is_bought_through_renewals() {
    let world = World::new(3).await;
    let Scene { alice, hub, bob, vc, content, fetch } = scene(&world).await;
    let mut events = bob.node.engine().events();
    let arrivals = tokio::spawn(async move {
        let (mut at, mut renewed) = (Vec::new(), 0);
        while at.len() < CHUNKS as usize {
            match events.recv().await.unwrap() {
                Event::Received { .. } => at.push(Instant::now()),
                Event::VirtualRenewed { .. } => renewed += 1,
                _ => {}
            }
        }
        (at, renewed)
    });
    let job = alice.api.fetch(&fetch, &fresh_key()).await.unwrap();
    let job = finished(&alice, &job).await;
    assert_eq!((job.state, job.reason.as_deref()), (JobState::Done, None));
    assert_eq!(std::fs::read(&fetch.output).unwrap(), content);
    assert_eq!((u64::from(job.chunks_done), job.payments, job.spent_wei), (CHUNKS, CHUNKS, Wei(200_000)));
    let (at, renewed) = arrivals.await.unwrap();
    let pause = at.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
    println!("longest pause between two payments: {pause:?}");
    assert!(pause < Duration::from_secs(1), "{pause:?}");
    assert_eq!(renewed, 9);
    assert_eq!(through_all(&bob).await, (200_000, 10));
    assert_eq!(through_all(&alice).await, (-200_000, 10));
    let first = alice.api.virtual_channel(vc).await.unwrap();
    assert!(first.renewed_by.is_some() && first.stage == VirtualStage::Done, "{first:?}");
    // No transaction but the openings, which a reorganisation may have made come in twice.
    let sent = hub.api.transactions().await.unwrap();
    assert!(sent.iter().all(|sent| ["open", "confirm"].contains(&sent.name.as_str())), "{sent:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_buyer_that_restarts_amid_renewals_pays_everything_once() {
    let world = World::new(3).await;
    let Scene { mut alice, bob, content, fetch, .. } = scene(&world).await;
    let job = alice.api.fetch(&fetch, &fresh_key()).await.unwrap();
    until(|| async { some_chunks(&alice, &job).await }).await;
    for _ in 0..3 {
        let before = alice.api.virtuals().await.unwrap().len();
        until(|| async { alice.api.virtuals().await.unwrap().len() > before || is_done(&alice, &job.id).await }).await;
        alice = alice.restart().await;
    }
    let job = finished(&alice, &job).await;
    assert_eq!((job.state, job.reason.as_deref()), (JobState::Done, None));
    assert_eq!(std::fs::read(&fetch.output).unwrap(), content);
    assert_eq!(through_all(&bob).await.0, 200_000);
}

async fn is_done(node: &Running, job: &str) -> bool {
    node.api.job(job).await.unwrap().state == JobState::Done
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_renewals_a_download_ends_with_its_stake() {
    let world = World::new(3).await;
    let Scene { alice, bob, fetch, .. } = scene(&world).await;
    let body = Fetch { renew_fee_max: Some(Wei(0)), ..fetch };
    let job = alice.api.fetch(&body, &fresh_key()).await.unwrap();
    let job = finished(&alice, &job).await;
    assert_eq!((job.state, job.chunks_done, job.spent_wei), (JobState::Failed, 20, Wei(STAKE)));
    let reason = job.reason.unwrap();
    assert!(reason.contains("enough left"), "{reason}");
    assert_eq!(through_all(&bob).await, (STAKE as i128, 1));
    // Allowed later, it goes on where it stopped.
    let more = Fetch { renew_fee_max: Some(Wei(ETH)), ..body };
    let job = alice.api.fetch(&more, &fresh_key()).await.unwrap();
    let job = finished(&alice, &job).await;
    assert_eq!((job.state, job.spent_wei), (JobState::Done, Wei(200_000)));
}

/// The chain's clock jumps to where the term is nearly over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_channel_is_renewed_by_itself() {
    let world = World::new(3).await;
    let [alice, hub, bob] = triangle(&world).await;
    let wish =
        json!({ "hubs": [hub.key()], "peer": bob.key(), "amount": "1000", "fee_max": ETH.to_string(), "renew": true });
    let wish: OpenVirtual = serde_json::from_value(wish).unwrap();
    let vc = applied(alice.api.open_virtual(&wish, &fresh_key()).await.unwrap());
    let pay: Pay = serde_json::from_value(json!({ "amount": "300" })).unwrap();
    alice.api.pay_virtual(vc, &pay, &fresh_key()).await.unwrap();

    let expires = alice.api.virtual_channel(vc).await.unwrap().expires;
    let jump = expires - 150 - alice.api.info().await.unwrap().chain_time;
    let provider = RootProvider::<alloy::network::Ethereum>::new_http(world.chain.url().parse().unwrap());
    let _: Value = provider.raw_request("evm_increaseTime".into(), json!([jump])).await.unwrap();
    let _: Value = provider.raw_request("evm_mine".into(), json!([])).await.unwrap();

    until(|| async { bob.api.virtual_channel(vc).await.unwrap().renewed_by.is_some() }).await;
    let next = bob.api.virtual_channel(vc).await.unwrap().renewed_by.unwrap();
    let next = bob.api.virtual_channel(next).await.unwrap();
    assert_eq!((next.stage, next.mine, next.theirs), (VirtualStage::Active, Some(Wei(300)), Some(Wei(700))));
    assert!(next.expires > expires && next.renews == Some(vc), "{next:?}");
    // Where one of them wants an end, nothing follows.
    bob.api.close_virtual(next.id.channel, &Default::default(), &fresh_key()).await.unwrap();
    let last = alice.api.virtual_channel(next.id.channel).await.unwrap();
    assert!(!last.kept && last.renewed_by.is_none(), "{last:?}");
}
