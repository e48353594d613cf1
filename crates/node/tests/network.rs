//! Three nodes over real sockets and a development chain: ledger channels, a virtual channel, files for money, restarts.

#![allow(clippy::unwrap_used)]

mod support;

use perunika_client::types::{Close, Fetch, JobState, OpenVirtual, Outcome, Pay, QuoteWish, Wei};
use perunika_client::{ClientError, fresh_key};
use perunika_core::chain::Call;
use perunika_core::info::VirtualStage;
use perunika_core::signed::Eip712 as _;
use perunika_core::{Address, B256};
use support::shop::{finished, offer, some_chunks};
use support::{ETH, Running, World, applied, open_channels, triangle, until};

fn quote_for(hubs: &[Address], peer: Address, amount: u128) -> QuoteWish {
    QuoteWish { hubs: hubs.to_vec(), peer, amount: Wei(amount), peer_amount: Wei(0), asset: Address::ZERO, term: None }
}

fn pay(amount: u128, countersign: bool) -> Pay {
    Pay { amount: Wei(amount), asset: None, countersign, reference: None, wait_s: Some(100) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn money_moves_through_a_virtual_channel_and_back_to_the_chain() {
    let world = World::new(3).await;
    let [alice, hub, bob] = triangle(&world).await;
    let quote = alice.api.quote(&quote_for(&[hub.key()], bob.key(), ETH)).await.unwrap();
    let vc = alice.open_virtual(hub.key(), bob.key(), ETH).await;
    until(|| async { bob.api.virtual_channel(vc).await.is_ok_and(|v| v.stage == VirtualStage::Active) }).await;
    let opened = alice.api.virtual_channel(vc).await.unwrap();
    // The term is drawn anew for each, so the fees differ by a tenth at most.
    assert_eq!((quote.fees.len(), quote.fees[0].hub, quote.fees[0].fee), (1, hub.key(), quote.total));
    assert!(quote.total.0.abs_diff(opened.fees[0].0) <= quote.total.0 / 5 && quote.total.0 > 0, "{quote:?} {opened:?}");
    let refused = alice.api.quote(&quote_for(&[bob.key()], hub.key(), ETH)).await.unwrap_err();
    assert!(matches!(refused, ClientError::Refused { status: 422, .. }), "{refused}");

    let key = fresh_key();
    let first = alice.api.pay_virtual(vc, &pay(5, true), &key).await.unwrap();
    assert_eq!((first.result, first.countersigned), (Outcome::Applied, Some(true)));
    let again = alice.api.pay_virtual(vc, &pay(5, true), &key).await.unwrap();
    assert_eq!(again, first);
    let other = alice.api.pay_virtual(vc, &pay(6, true), &key).await.unwrap_err();
    assert!(matches!(other, ClientError::Refused { status: 409, .. }), "{other}");
    applied(alice.api.pay_virtual(vc, &pay(7, false), &fresh_key()).await.unwrap());
    assert_eq!(bob.api.virtual_channel(vc).await.unwrap().mine, Some(Wei(12)));
    let poor = alice.api.pay_virtual(vc, &pay(2 * ETH, true), &fresh_key()).await.unwrap_err();
    assert!(matches!(poor, ClientError::Refused { status: 422, .. }), "{poor}");

    check_evidence(&world, &alice, &bob, vc).await;

    applied(alice.api.close_virtual(vc, &Close::default(), &fresh_key()).await.unwrap());
    let channel = bob.api.channels().await.unwrap().remove(0);
    until(|| async { bob.api.channel(channel.id.channel).await.unwrap().mine == Wei(10 * ETH + 12) }).await;
    let close = Close { force: false, wait_s: Some(100) };
    applied(bob.api.close_channel(channel.id.channel, &close, &fresh_key()).await.unwrap());
    let names: Vec<String> = bob.api.transactions().await.unwrap().into_iter().map(|t| t.name).collect();
    assert!(names.contains(&"open".to_string()), "{names:?}");
    for running in [alice, hub, bob] {
        running.node.shutdown().await.unwrap();
    }
}

/// Alice can show the initial split, which is old, and the newest version that bob has signed.
async fn check_evidence(world: &World, alice: &Running, bob: &Running, vc: B256) {
    let evidence = alice.api.evidence(vc).await.unwrap();
    assert_eq!(evidence.params.params().id(&world.domain), vc);
    assert_eq!(evidence.secrets.as_ref().map(Vec::len), Some(3));
    let opener = evidence.opener.as_ref().unwrap();
    assert_eq!((opener.account, opener.position), (alice.node.identity().owner, 0));
    let newest = alice.api.virtual_channel(vc).await.unwrap().version;
    let versions: Vec<u64> = evidence.states.iter().map(|state| state.version).collect();
    assert!(versions.starts_with(&[1]) && versions.contains(&newest) && newest > 1, "{versions:?}");
    for version in [1, newest] {
        let Some(Call::RegisterVirtual { state, sigs, .. }) = evidence.register(version) else { panic!("{version}") };
        let digest = world.domain.digest(state.struct_hash());
        assert!(sigs[0].verifies(digest, alice.key()) && sigs[1].verifies(digest, bob.key()));
        assert_eq!(state.def_a == ETH, version == 1);
    }
    assert_eq!(evidence.register(newest + 2), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_survives_a_restart_of_both_sides() {
    let world = World::new(2).await;
    let (alice, bob) = (world.start(0, false).await, world.start(1, false).await);
    alice.connect(&bob).await;
    let ch = alice.open_channel(bob.key(), ETH, 0).await;
    until(|| async { open_channels(&bob).await == 1 }).await;
    applied(alice.api.pay_channel(ch, &pay(5, true), &fresh_key()).await.unwrap());
    let (alice, bob) = (alice.restart().await, bob.restart().await);
    assert_eq!(bob.api.channel(ch).await.unwrap().mine, Wei(5));
    alice.connect(&bob).await;
    until(|| async { bob.api.channel(ch).await.unwrap().mine == Wei(5) }).await;
    applied(alice.api.pay_channel(ch, &pay(5, true), &fresh_key()).await.unwrap());
    assert_eq!(bob.api.channel(ch).await.unwrap().mine, Wei(10));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn payments_go_on_while_the_chain_is_away() {
    let world = World::new(2).await;
    let (alice, bob) = (world.start(0, false).await, world.start(1, false).await);
    alice.connect(&bob).await;
    let ch = alice.open_channel(bob.key(), ETH, 0).await;
    until(|| async { open_channels(&bob).await == 1 }).await;
    world.chain.shutdown().await;
    until(|| async { !alice.api.health().await.unwrap().chain_online }).await;
    applied(alice.api.pay_channel(ch, &pay(5, true), &fresh_key()).await.unwrap());
    assert_eq!(alice.api.info().await.unwrap().balance, None);
    assert!(alice.api.health().await.unwrap().ok);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_is_bought_chunk_by_chunk_and_never_twice() {
    let world = World::new(3).await;
    let [alice, hub, bob] = triangle(&world).await;
    let vc = alice.open_virtual(hub.key(), bob.key(), ETH).await;
    until(|| async { bob.api.virtual_channel(vc).await.is_ok_and(|v| v.stage == VirtualStage::Active) }).await;

    let (file, output) = (bob.files.path().join("film"), alice.files.path().join("film"));
    let content: Vec<u8> = (0..1_234_567u32).map(|i| (i.wrapping_mul(i) >> 7) as u8).collect();
    std::fs::write(&file, &content).unwrap();
    let body = Fetch {
        offer: offer(&bob, &file).await,
        output: output.display().to_string(),
        channel: None,
        renew_fee_max: None,
    };
    let job = alice.api.fetch(&body, &fresh_key()).await.unwrap();
    // The buyer stops in the middle; the download goes on by itself afterwards.
    until(|| async { some_chunks(&alice, &job).await }).await;
    let alice = alice.restart().await;
    let job = finished(&alice, &job).await;
    assert_eq!((job.state, job.reason.as_deref()), (JobState::Done, None));
    assert_eq!(std::fs::read(&output).unwrap(), content);
    assert_eq!((job.chunks_done, job.spent_wei), (124, Wei(124_000)));
    assert_eq!(bob.api.virtual_channel(vc).await.unwrap().mine, Some(Wei(124_000)));
    let again = alice.api.fetch(&body, &fresh_key()).await.unwrap();
    assert_eq!(again.state, JobState::Done);

    // To another place it is bought again, through the same channel.
    let second = Fetch { output: alice.files.path().join("copy").display().to_string(), ..body };
    let job = alice.api.fetch(&second, &fresh_key()).await.unwrap();
    let job = finished(&alice, &job).await;
    assert_eq!((job.state, job.spent_wei), (JobState::Done, Wei(124_000)));
    assert_eq!(bob.api.virtual_channel(vc).await.unwrap().mine, Some(Wei(248_000)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seller_that_restarts_is_not_paid_twice() {
    let world = World::new(3).await;
    let [alice, hub, bob] = triangle(&world).await;
    let vc = alice.open_virtual(hub.key(), bob.key(), ETH).await;
    until(|| async { bob.api.virtual_channel(vc).await.is_ok_and(|v| v.stage == VirtualStage::Active) }).await;
    let (file, output) = (bob.files.path().join("film"), alice.files.path().join("film"));
    std::fs::write(&file, vec![7; 1_000_000]).unwrap();
    let body = Fetch {
        offer: offer(&bob, &file).await,
        output: output.display().to_string(),
        channel: None,
        renew_fee_max: None,
    };
    let job = alice.api.fetch(&body, &fresh_key()).await.unwrap();
    until(|| async { some_chunks(&alice, &job).await }).await;
    let bob = bob.restart().await;
    alice.connect(&bob).await;
    let job = finished(&alice, &job).await;
    assert_eq!((job.state, job.reason.as_deref()), (JobState::Done, None));
    assert_eq!(bob.api.virtual_channel(vc).await.unwrap().mine, Some(Wei(100_000)));
}

/// Alice knows one hub and Bob, each hub its neighbour. Nobody else has ever been in touch.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_virtual_channel_over_two_hubs_brings_strangers_together() {
    let world = World::new(4).await;
    let (alice, first) = (world.start(0, false).await, world.start(1, true).await);
    let (second, bob) = (world.start(2, true).await, world.start(3, false).await);
    for (one, other) in [(&alice, &first), (&first, &second), (&second, &bob)] {
        one.connect(other).await;
        one.open_channel(other.key(), 10 * ETH, 10 * ETH).await;
    }
    for (node, channels) in [(&first, 2), (&second, 2), (&bob, 1)] {
        until(|| async { open_channels(node).await == channels }).await;
    }
    alice.api.add_peer(&bob.node.peer_address().unwrap()).await.unwrap();
    let knows = |node: &Running, key| {
        let api = node.api.clone();
        async move { api.info().await.unwrap().connected.contains(&key) }
    };
    assert!(!knows(&alice, second.key()).await && !knows(&first, bob.key()).await);

    let open = OpenVirtual {
        hubs: vec![first.key(), second.key()],
        peer: bob.key(),
        amount: Wei(ETH),
        peer_amount: Wei(0),
        asset: Address::ZERO,
        term: None,
        fee_max: Wei(ETH),
        wait_s: Some(100),
        renew: false,
    };
    let vc = applied(alice.api.open_virtual(&open, &fresh_key()).await.unwrap());
    until(|| async { bob.api.virtual_channel(vc).await.is_ok_and(|v| v.stage == VirtualStage::Active) }).await;
    assert!(knows(&alice, second.key()).await && knows(&first, bob.key()).await);
    applied(alice.api.pay_virtual(vc, &pay(7, true), &fresh_key()).await.unwrap());

    // Everybody restarts. They find each other by what they remember, and close together.
    let mut nodes = Vec::new();
    for node in [alice, first, second, bob] {
        node.pin_port();
        node.node.shutdown().await.unwrap();
        nodes.push(node.folder);
    }
    let mut again = Vec::new();
    for folder in nodes {
        again.push(Running::start(folder).await);
    }
    for (index, node) in again.iter().enumerate() {
        for other in &again[index + 1..] {
            until(|| knows(node, other.key())).await;
        }
    }
    let close = Close { wait_s: Some(100), ..Close::default() };
    applied(again[0].api.close_virtual(vc, &close, &fresh_key()).await.unwrap());
    assert_eq!(again[3].api.virtual_channel(vc).await.unwrap().mine, Some(Wei(7)));
}

/// Both sides of a channel know where the other is, whoever called first, and still after a restart.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_party_that_was_called_calls_back_after_both_restarted() {
    let world = World::new(2).await;
    let (alice, bob) = (world.start(0, false).await, world.start(1, false).await);
    bob.pin_port();
    // Only Bob calls.
    bob.connect(&alice).await;
    alice.open_channel(bob.key(), ETH, 0).await;
    until(|| async { open_channels(&bob).await == 1 }).await;
    // Alice moves: Bob cannot find her any more, but she knows where he said that he is.
    let alice = alice.restart().await;
    until(|| async { alice.api.info().await.unwrap().connected.contains(&bob.key()) }).await;
    // And she stays where she is now, which he has learned meanwhile, durably.
    alice.pin_port();
    let bob = bob.restart().await;
    until(|| async { bob.api.info().await.unwrap().connected.contains(&alice.key()) }).await;
}
