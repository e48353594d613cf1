//! One folder of tests: what callers rely on, and disks that fail.

mod crash;
mod disks;
mod faults;
mod group;
mod opening;

use crate::{Store, WriteBatch};

/// `number` under its own big-endian key.
fn numbered(number: u64) -> WriteBatch {
    WriteBatch::new().put(number.to_be_bytes(), number.to_le_bytes())
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn a_batch_is_applied_in_order() {
    let store = Store::in_memory().unwrap();
    store
        .commit_blocking(WriteBatch::new().put("a", "1").delete("a").put("b", "2").put("b", "3").delete("never"))
        .unwrap();
    assert_eq!(store.get(b"a").unwrap(), None);
    assert_eq!(store.get(b"b").unwrap(), Some(b"3".to_vec()));
}

#[test]
fn scans_are_ordered_and_keep_to_the_prefix() {
    let store = Store::in_memory().unwrap();
    let keys: [&[u8]; 6] = [b"c/2", b"c/1", b"d", b"c", b"c/\xff\xff", b"b"];
    store.commit_blocking(keys.into_iter().fold(WriteBatch::new(), |batch, key| batch.put(key, key))).unwrap();

    let scan = |prefix: &[u8]| store.scan_prefix(prefix).unwrap().into_iter().map(|(key, _)| key).collect::<Vec<_>>();
    assert_eq!(scan(b"c/"), [&b"c/1"[..], b"c/2", b"c/\xff\xff"]);
    assert_eq!(scan(b"c/\xff"), [&b"c/\xff\xff"[..]]);
    assert_eq!(scan(b"").len(), keys.len());
    assert!(scan(b"x").is_empty());
}

#[test]
fn later_submissions_win() {
    let store = Store::in_memory().unwrap();
    let tickets: Vec<_> =
        (0..100u64).map(|n| store.submit_blocking(WriteBatch::new().put("k", n.to_le_bytes())).unwrap()).collect();
    tickets.into_iter().for_each(|ticket| ticket.wait_blocking().unwrap());
    assert_eq!(store.get(b"k").unwrap(), Some(99u64.to_le_bytes().to_vec()));
}
