//! Many peers at once, some of which behave badly: the others do not notice.

use std::time::{Duration, Instant};

use futures::future::join_all;
use tokio::task::JoinHandle;

use super::node::{Node, PATIENCE, Toy, config, key};
use super::reconnect::await_connected;
use crate::{Class, NetEvent, NetHandle, Payload, PeerKey, TransportSecret, Ways};

/// One that only calls, over one of the two ways.
async fn guest(number: u16) -> Node {
    let mut bytes = [0xee; 32];
    bytes[..2].copy_from_slice(&number.to_be_bytes());
    let mut toy = Toy::new(0);
    toy.hello.key.0.copy_from_slice(&bytes[..20]);
    let mut config = config(0);
    config.secret = TransportSecret::new(bytes);
    config.listen = Vec::new();
    let over_quic = number.is_multiple_of(2);
    config.ways = Ways { quic: over_quic, tcp: !over_quic };
    config.limits.event_queue = 8;
    config.timing.quic_max = PATIENCE;
    Node::with(config, toy).await
}

fn small(text: &str) -> Payload {
    Payload::Control(text.as_bytes().to_vec())
}

/// Sends as fast as it is let.
fn flood(from: NetHandle, to: PeerKey) -> JoinHandle<()> {
    tokio::spawn(async move { while from.send_when_ready(to, small("flood")).await.is_ok() {} })
}

/// The application of Alice reads nothing while Mallory sends what she can. When it reads again, at most Mallory's allowance stands
/// before what Bob said meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_fills_nothing_but_its_own_allowance() {
    let mut config = config(1);
    config.limits.event_queue = 4096;
    let mut alice = Node::with(config, Toy::new(1)).await;
    let (mut mallory, mut bob) = (Node::new(6).await, Node::new(2).await);
    mallory.join(&mut alice).await;
    bob.join(&mut alice).await;
    // Whatever a session begins with comes before its first message.
    mallory.check_talk(&mut alice).await;
    bob.check_talk(&mut alice).await;
    let flooding = flood(mallory.handle.clone(), alice.key);
    // Small messages take eight units of 512 each.
    let allowance = 64;
    wait(|| alice.events.len() >= allowance).await;
    bob.handle.send(alice.key, small("bob")).unwrap();
    wait(|| alice.events.len() > allowance).await;
    let mut before = 0;
    let bytes = loop {
        match alice.event().await {
            NetEvent::Message { peer, .. } if peer == mallory.key => before += 1,
            NetEvent::Message { peer, bytes, .. } if peer == bob.key => break bytes,
            event => panic!("{event:?}"),
        }
    };
    assert_eq!((before, bytes.as_slice()), (allowance, &b"bob"[..]));
    flooding.abort();
}

async fn wait(holds: impl Fn() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < PATIENCE, "it never held");
        tokio::task::yield_now().await;
    }
}

/// Passes on what Alice and Bob say to each other, and reads what the others say.
fn serve(mut hub: Node, alice: PeerKey, bob: PeerKey) -> JoinHandle<()> {
    tokio::spawn(async move {
        while let Some(event) = hub.events.recv().await {
            let NetEvent::Message { peer, bytes, .. } = event else { continue };
            let to = if peer == alice { bob } else { alice };
            if peer == alice || peer == bob {
                hub.handle.send(to, Payload::Control(bytes)).unwrap();
            }
        }
    })
}

/// Times of messages that go from Alice over the hub to Bob and back, sorted.
async fn round_trips(alice: &mut Node, bob: &mut Node, hub: PeerKey) -> Vec<Duration> {
    let mut times = Vec::new();
    for round in 0..100 {
        let begin = Instant::now();
        let text = format!("ping {round}");
        alice.handle.send(hub, small(&text)).unwrap();
        assert_eq!(bob.expect_message(hub).await, (Class::Control, text.clone().into_bytes()));
        bob.handle.send(hub, small(&text)).unwrap();
        assert_eq!(alice.expect_message(hub).await, (Class::Control, text.into_bytes()));
        times.push(begin.elapsed());
    }
    times.sort_unstable();
    times
}

/// A thousand peers are connected. Twenty send as fast as they can, twenty read nothing of what the hub has for them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_peers_leave_the_latency_of_two_alone() {
    const PEERS: u16 = 1_000;
    let mut limits = config(9);
    limits.limits.inbound_pending_max = 1_024;
    let hub = Node::with(limits, Toy::new(9)).await;
    let (mut alice, mut bob) = (Node::new(1).await, Node::new(2).await);
    let (hub_key, hub_addr, hub_handle) = (hub.key, hub.addr(), hub.handle.clone());
    let serving = serve(hub, key(1), key(2));
    for end in [&mut alice, &mut bob] {
        end.handle.add_peer(hub_addr.clone()).await.unwrap();
        end.expect_connected(hub_key).await;
    }
    // An end may hear of its session before the hub does.
    wait(|| hub_handle.connected().len() == 2).await;
    let alone = round_trips(&mut alice, &mut bob, hub_key).await;

    let mut guests = Vec::new();
    for first in (0..PEERS).step_by(25) {
        let arrivals = (first..first + 25).map(|number| async move { guest(number).await });
        let mut arrived = join_all(arrivals).await;
        for guest in &arrived {
            guest.handle.add_peer(hub_addr.clone()).await.unwrap();
        }
        join_all(arrived.iter_mut().map(|guest| await_connected(guest, hub_key))).await;
        guests.append(&mut arrived);
    }
    wait(|| hub_handle.connected().len() == usize::from(PEERS) + 2).await;
    let crowded = round_trips(&mut alice, &mut bob, hub_key).await;

    // The mute ones: their queues, and everything on the way, are full.
    for guest in &guests[..20] {
        let mut sent = 0;
        let bulk = || Payload::Bulk(vec![0; 256 << 10]);
        while hub_handle.send(guest.key, bulk()).is_ok() {
            sent += 1;
            assert!(sent < 100, "there must be an end");
        }
    }
    let floods: Vec<JoinHandle<()>> = guests[20..40].iter().map(|g| flood(g.handle.clone(), hub_key)).collect();
    let abused = round_trips(&mut alice, &mut bob, hub_key).await;
    for (name, times) in [("alone", &alone), ("1000 peers", &crowded), ("20 flood, 20 are mute", &abused)] {
        println!("round trip, {name}: median {:?}, 95 % below {:?}", times[50], times[94]);
    }
    // A generous bound: on a busy machine everything shares two cores with the flood itself.
    assert!(abused[50] < Duration::from_secs(1), "{abused:?}");
    floods.iter().for_each(JoinHandle::abort);
    serving.abort();
}
