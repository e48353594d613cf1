//! Lists in pages, and what happened, numbered.

use super::support::{ETH, Running, World, applied, until};
use futures::StreamExt as _;
use perunika_client::fresh_key;
use perunika_client::types::{Event, EventKind, Page, PageQuery, Pay, Wei};
use perunika_core::B256;
use perunika_core::info::LedgerStage;

pub async fn pair(world: &World) -> (Running, Running, B256) {
    let (alice, bob) = (world.start(0, false).await, world.start(1, false).await);
    alice.connect(&bob).await;
    let ch = alice.open_channel(bob.key(), ETH, 0).await;
    until(|| async { bob.api.channel(ch).await.is_ok_and(|channel| channel.stage == LedgerStage::Open) }).await;
    (alice, bob, ch)
}

pub fn pay(amount: u128) -> Pay {
    Pay { amount: Wei(amount), asset: None, countersign: false, reference: None, wait_s: Some(100) }
}

fn received(events: &[Event]) -> Vec<(u64, u128)> {
    let amounts = events.iter().map(|event| match &event.kind {
        EventKind::PaymentReceived { amount, .. } => Some((event.cursor, amount.0)),
        _ => None,
    });
    amounts.flatten().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_has_one_number_for_ever() {
    let world = World::new(2).await;
    let (alice, bob, ch) = pair(&world).await;
    let mut stream = Box::pin(bob.api.events(None).await.unwrap());
    for amount in 1..=5 {
        applied(alice.api.pay_channel(ch, &pay(amount), &fresh_key()).await.unwrap());
    }
    let mut seen = Vec::new();
    while received(&seen).len() < 5 {
        seen.push(stream.next().await.unwrap().unwrap());
    }
    assert_eq!(received(&seen).iter().map(|(_, amount)| *amount).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    assert!(seen.windows(2).all(|pair| pair[0].cursor < pair[1].cursor), "{seen:?}");
    assert!(seen.iter().any(|event| matches!(event.kind, EventKind::ChannelOpen { .. })));
    let sent = alice.api.events_page(None, None).await.unwrap().items;
    assert!(sent.iter().any(|event| matches!(&event.kind, EventKind::Transaction { name, .. } if name == "openBoth")));
    // A stream does not keep a node from stopping; it ends with it.
    let bob = bob.restart().await;
    while let Some(Ok(_)) = stream.next().await {}

    let page = bob.api.events_page(None, None).await.unwrap();
    assert_eq!(page.items[..seen.len()], seen);
    let some = bob.api.events_page(Some(seen[0].cursor), Some(2)).await.unwrap();
    assert_eq!(some.items, seen[1..3]);
    assert_eq!(some.next, Some(seen[2].cursor.to_string()));

    let upto = seen[2].cursor;
    assert_eq!(bob.api.acknowledge(upto).await.unwrap(), upto);
    let bob = bob.restart().await;
    assert_eq!(bob.api.events_page(None, None).await.unwrap().items[..seen.len() - 3], seen[3..]);
    let missed = bob.api.events_page(Some(0), None).await.unwrap();
    assert_eq!(missed.items[0].kind, EventKind::Gap { from: 1, to: upto });

    alice.connect(&bob).await;
    let last = bob.api.events_page(None, None).await.unwrap().items.last().unwrap().cursor;
    let mut stream = Box::pin(bob.api.events(Some(last)).await.unwrap());
    applied(alice.api.pay_channel(ch, &pay(6), &fresh_key()).await.unwrap());
    let next = stream.next().await.unwrap().unwrap();
    assert_eq!(received(&[next]), [(last + 1, 6)]);
    drop(stream);
    bob.node.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_are_read_page_by_page() {
    let world = World::new(1).await;
    let node = world.start(0, false).await;
    for index in 1..=5u8 {
        let key = perunika_core::Address::repeat_byte(index);
        node.api.add_peer(&format!("{key}@127.0.0.1:1")).await.unwrap();
    }
    let whole = node.api.peers().await.unwrap();
    assert_eq!(whole.len(), 5);
    let mut asked = PageQuery { limit: Some(2), after: None };
    let mut found = Vec::new();
    for size in [2, 2, 1] {
        let page: Page<perunika_client::types::Peer> = node.api.page("/v1/peers", &asked).await.unwrap();
        assert_eq!(page.items.len(), size);
        found.extend(page.items);
        asked.after = page.next;
    }
    assert_eq!((found, asked.after), (whole, None));
}
