use redb::backends::InMemoryBackend;

use super::{
    block_on,
    disks::{Gate, GatedDisk},
    numbered,
};
use crate::{Store, StoreConfig};

fn gated(config: &StoreConfig) -> (Store, Gate) {
    let gate = Gate::default();
    let disk = GatedDisk { disk: InMemoryBackend::new(), gate: gate.clone() };
    (Store::on_backend(disk, config).unwrap(), gate)
}

#[test]
fn what_waits_for_the_disk_goes_in_one_transaction() {
    let (store, gate) = gated(&StoreConfig::default());
    gate.shut();
    let first = store.submit_blocking(numbered(0)).unwrap();
    gate.await_writer();
    let rest: Vec<_> = (1..=500).map(|n| store.submit_blocking(numbered(n)).unwrap()).collect();
    assert_eq!(store.get(&7u64.to_be_bytes()).unwrap(), None, "nothing is visible before it is durable");

    gate.open();
    first.wait_blocking().unwrap();
    rest.into_iter().for_each(|ticket| ticket.wait_blocking().unwrap());
    let stats = store.stats();
    assert_eq!((stats.commits, stats.batches, stats.group_max, stats.ops), (2, 501, 500, 501));
    assert!(stats.commit_time >= stats.sync_time && stats.sync_time >= stats.sync_time_max);
}

#[test]
fn no_acknowledgement_before_the_disk_answers() {
    let (store, gate) = gated(&StoreConfig::default());
    gate.shut();
    let mut ticket = store.submit_blocking(numbered(0)).unwrap();
    gate.await_writer();
    block_on(async {
        let waiting =
            std::future::poll_fn(|cx| std::task::Poll::Ready(std::pin::Pin::new(&mut ticket).poll(cx).is_pending()));
        assert!(waiting.await);
        gate.open();
        ticket.await.unwrap();
    });
}

#[test]
fn a_full_queue_makes_the_next_one_wait() {
    let (store, gate) = gated(&StoreConfig { queue_batches: 2, ..StoreConfig::default() });
    gate.shut();
    let mut tickets = vec![store.submit_blocking(numbered(0)).unwrap()];
    gate.await_writer();
    block_on(async {
        tickets.push(store.submit(numbered(1)).await.unwrap());
        tickets.push(store.submit(numbered(2)).await.unwrap());
        let mut fourth = std::pin::pin!(store.submit(numbered(3)));
        let full = std::future::poll_fn(|cx| std::task::Poll::Ready(fourth.as_mut().poll(cx).is_pending())).await;
        assert!(full, "the queue has two places");
        gate.open();
        tickets.push(fourth.await.unwrap());
        for ticket in tickets {
            ticket.await.unwrap();
        }
    });
}

#[test]
fn the_last_handle_writes_what_still_waits() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let tickets: Vec<_> = (0..50).map(|n| store.submit_blocking(numbered(n)).unwrap()).collect();
    drop((store, tickets));
    assert_eq!(Store::open(dir.path()).unwrap().scan_prefix(b"").unwrap().len(), 50);
}
