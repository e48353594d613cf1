//! Whatever a store may hold beside the records of the core: a node starts on it, or says why not.

use super::rig::{runtime, start, store};
use crate::{Seed, Source, block};
use perunika_node::fuzzing::shop_record;

/// The families of keys; what follows in a key is free.
const FAMILIES: [&[u8]; 12] = [
    b"event/n/",
    b"event/next",
    b"event/acked",
    b"api/token/",
    b"api/key/",
    b"api/old/",
    b"peer/",
    b"hint/",
    b"tx/",
    b"shop/account/",
    b"shop/got/",
    b"core/",
];

/// Starts and stops a node on it.
pub(super) fn run(bytes: &[u8]) -> bool {
    let mut source = Source::new(bytes);
    let mut records = Vec::new();
    while !source.is_empty() {
        let family = source.pick(&FAMILIES).copied().unwrap_or_default();
        let length = source.below(64);
        let key = [family, source.take(length)].concat();
        let value = source.block().to_vec();
        shop_record(&value);
        records.push((key, value));
    }
    let runtime = runtime();
    let store = store(None, records);
    runtime.block_on(async {
        let Ok(rig) = start(store, 1).await else { return false };
        for path in ["/v1/events?limit=9", "/v1/transactions", "/v1/tokens", "/v1/peers", "/v1/info"] {
            super::api::get(&rig.router, path).await;
        }
        rig.stop().await;
        true
    })
}

pub(super) fn seeds() -> Vec<Seed> {
    let record = |family: u8, key: &[u8], value: &[u8]| [&[family, key.len() as u8][..], key, &block(value)].concat();
    let number = |n: u64| n.to_be_bytes();
    let event = postcard::to_allocvec(&(7u64, 0u8, perunika_core::io::Event::ChannelOpen([1; 32].into())))
        .expect("an event serialises");
    let journal = [
        record(0, &number(1), &event),
        record(0, &number(2), &event),
        record(1, &[], &number(3)),
        record(2, &[], &number(1)),
    ];
    let place = b"0x00112233445566778899aabbccddeeff01234567@h:1";
    let transaction = postcard::to_allocvec(&("open", Some([3u8; 32]), Some(5u64), 6u64, 7u128, None::<&str>))
        .expect("it serialises");
    vec![
        ("journal".into(), journal.concat()),
        ("next_event_is_the_zeroth".into(), record(1, &[], &number(0))),
        (
            "last_event_of_all".into(),
            [record(0, &number(u64::MAX), &event), record(1, &[], &number(u64::MAX))].concat(),
        ),
        ("peers".into(), [record(6, &[1; 20], place), record(7, &[1; 20], place)].concat()),
        ("transaction".into(), record(8, &[3; 32], &transaction)),
        ("core".into(), record(11, &[b'l'; 33], b"damaged")),
    ]
}
