//! A node with ten thousand channels to a thousand peers.

#![allow(clippy::unwrap_used)]

mod support;

use alloy::providers::{Provider as _, RootProvider};
use alloy_primitives::{U256, keccak256};
use perunika_client::fresh_key;
use perunika_client::types::{Channel, PageQuery, Pay, Wei};
use perunika_core::chain::{Block, ChainUpdate, LedgerView, Phase, Seen};
use perunika_core::info::LedgerStage;
use perunika_core::io::{Env, Input, Step, Write};
use perunika_core::message::Message;
use perunika_core::params::{ChannelParams, Party};
use perunika_core::participant::{Config, Participant};
use perunika_core::policy::Policy;
use perunika_core::sig::MemoryKey;
use perunika_core::{Address, B256, Domain};
use perunika_store::{Op, Store, WriteBatch};
use serde_json::json;
use std::time::{Duration, Instant};
use support::{ETH, Running, World, open_channels, until};

const PEERS: u64 = 1_000;
const LANES: u16 = 10;
const DEPOSIT: u128 = 7;

/// Slot key fields of the channels, this node being B.
fn channels(me: Party) -> Vec<ChannelParams> {
    let address = |n: u64| Address::from_slice(&keccak256(n.to_be_bytes())[12..]);
    let channel = |peer: u64, lane: u16| {
        let a = Party { owner: address(2 * peer), key: address(2 * peer + 1) };
        ChannelParams { a, b: me, asset: Address::ZERO, challenge: 120, window: 60, k_max: 80, lane }
    };
    (0..LANES).flat_map(|lane| (0..PEERS).map(move |peer| channel(peer, lane))).collect()
}

/// Writes what a node writes that agreed to all these channels and saw them open, behind what it has written already.
fn fill_store(store: &Store, key: MemoryKey, owner: Address, domain: Domain, channels: &[ChannelParams]) {
    let policy = Policy::dev();
    let records = store.scan_prefix(b"core/").unwrap().into_iter().map(|(key, value)| (key[5..].to_vec(), value));
    let mut participant = Participant::restore(Config { domain, owner, policy }, Box::new(key), records).unwrap();
    let env = |block: u64| Env { now_ms: block * 1_000, entropy: keccak256(block.to_be_bytes()) };
    let open = LedgerView { phase: Phase::Open, dep_a: DEPOSIT, dep_b: DEPOSIT, ..LedgerView::default() };
    for (round, batch) in (1u64..).zip(channels.chunks(PEERS as usize)) {
        let block = Block { number: round, time: round, hash: B256::ZERO };
        let mut agreed = Step::default();
        for params in batch {
            let message = Message::ChannelOffer { params: *params, nonce: 0, dep_a: DEPOSIT, dep_b: DEPOSIT };
            agreed = agreed.and(participant.handle(Input::Message { from: params.a.key, message }, env(round)));
        }
        commit(store, agreed);
        let ledgers = batch.iter().map(|p| (p.slot_key(), Seen { head: open, settled: open })).collect();
        let update = ChainUpdate { head: block, settled: block, ledgers, ..ChainUpdate::default() };
        commit(store, participant.handle(Input::Chain(update), env(round)));
    }
}

fn commit(store: &Store, step: Step) {
    let durable = |writes: Vec<Write>| {
        let ops = writes.into_iter().map(|write| {
            let key = [b"core/", write.key.as_slice()].concat();
            match write.value {
                Some(value) => Op::Put { key, value },
                None => Op::Delete { key },
            }
        });
        store.commit_blocking(ops.collect::<WriteBatch>())
    };
    drop(step.commit(durable).unwrap());
}

/// Makes the chain show the channels as open, as if both parties had deposited.
async fn fill_chain(provider: &RootProvider, domain: Domain, known: &ChannelParams, channels: &[ChannelParams]) {
    let place = |key: B256, index: u64| keccak256([key.0, U256::from(index).to_be_bytes()].concat());
    let mut mapping = None;
    for index in 0..16 {
        let at = U256::from_be_bytes(place(known.slot_key(), index).0);
        if provider.get_storage_at(domain.adjudicator, at).await.unwrap() != U256::ZERO {
            mapping = Some(index);
        }
    }
    let mapping = mapping.expect("the contract keeps its channels in a mapping");
    let word: U256 = (U256::from(2) << 248) | (U256::from(DEPOSIT) << 96) | U256::from(DEPOSIT);
    for params in channels {
        let call = json!([domain.adjudicator, place(params.slot_key(), mapping), B256::from(word)]);
        let _: bool = provider.raw_request("anvil_setStorageAt".into(), call).await.unwrap();
    }
    let all = U256::from(channels.len()) * U256::from(2 * DEPOSIT) + U256::from(2 * ETH);
    let _: serde_json::Value =
        provider.raw_request("anvil_setBalance".into(), json!([domain.adjudicator, all])).await.unwrap();
    for _ in 0..3 {
        let _: serde_json::Value = provider.raw_request("evm_mine".into(), json!([])).await.unwrap();
    }
}

/// Milliseconds of the median of countersigned payments through a channel.
async fn pay(payer: &Running, ch: B256) -> Duration {
    let mut took = Vec::new();
    for _ in 0..50 {
        let start = Instant::now();
        let wish = Pay { amount: Wei(1), asset: None, ..serde_json::from_value(json!({"amount": "1"})).unwrap() };
        payer.api.pay_channel(ch, &wish, &fresh_key()).await.unwrap();
        took.push(start.elapsed());
    }
    took.sort_unstable();
    took[took.len() / 2]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_channels_to_a_thousand_peers() {
    let world = World::new(2).await;
    let (alice, bob) = (world.start(0, true).await, world.start(1, false).await);
    bob.connect(&alice).await;
    let ch = bob.open_channel(alice.key(), ETH, ETH).await;
    until(|| async { open_channels(&alice).await == 1 }).await;
    let before = pay(&bob, ch).await;

    let identity = alice.node.identity();
    let me = Party { owner: identity.owner, key: identity.key };
    let known = bob.node.engine().query(move |p| p.ledger(ch).unwrap().params).await.unwrap();
    let folder = alice.folder;
    alice.node.shutdown().await.unwrap();
    let channels = channels(me);
    let (data, key) = (perunika_node::folder::Folder::new(folder.path()).data(), world.channel_key(0));
    let (domain, filled) = (world.domain, channels.clone());
    let filling = move || fill_store(&Store::open(data).unwrap(), key, identity.owner, domain, &filled);
    tokio::task::spawn_blocking(filling).await.unwrap();
    let provider = RootProvider::new_http(world.chain.url().parse().unwrap());
    fill_chain(&provider, world.domain, &known, &channels).await;

    let start = Instant::now();
    let alice = Running::start(folder).await;
    let answering = start.elapsed();
    let listing = Instant::now();
    let asked = PageQuery { limit: Some(500), ..PageQuery::default() };
    assert_eq!(alice.api.page::<Channel>("/v1/channels", &asked).await.unwrap().items.len(), 500);
    let listing = listing.elapsed();
    until(|| async { open_channels(&alice).await == channels.len() + 1 }).await;
    let reading = start.elapsed();
    println!("answers after {answering:?}, a page of 500 takes {listing:?}, all read after {reading:?}");
    assert!(answering < Duration::from_secs(10) && reading < Duration::from_secs(60), "{answering:?} {reading:?}");
    assert!(listing < Duration::from_secs(1), "{listing:?}");

    bob.connect(&alice).await;
    let after = pay(&bob, ch).await;
    println!("a payment took {before:?} before, {after:?} with 10,000 more channels");
    assert!(after < 4 * before + Duration::from_millis(20), "{before:?} {after:?}");
    let open = alice.api.channels().await.unwrap();
    assert!(open.iter().all(|channel| channel.stage == LedgerStage::Open));
}
