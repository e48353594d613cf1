//! What a peer says: the protobuf messages of the node.

use crate::Seed;
use perunika_node::wire::{Received, encode_with, places, receive, where_is};

/// Whatever is understood is written back and read again as the same thing.
pub(super) fn run(bytes: &[u8]) -> bool {
    let Ok(received) = receive(bytes) else { return false };
    let written = match &received {
        Received::Message(message, told) => encode_with(message, told),
        Received::WhereIs(keys) => where_is(keys),
        Received::Places(told) => places(told),
    };
    assert_eq!(receive(&written).as_ref(), Ok(&received), "what was understood is written as something else");
    true
}

pub(super) fn seeds() -> Vec<Seed> {
    let spoken = super::spoken::messages();
    let named = |(name, message): &(String, _)| (name.clone(), encode_with(message, &[]));
    let mut seeds: Vec<Seed> = spoken.iter().map(named).collect();
    let place = "0x00112233445566778899aabbccddeeff01234567@hub.example.org:9735".parse().expect("an address");
    seeds.push(("where_is".into(), where_is(&[perunika_core::Address::repeat_byte(1)])));
    seeds.push(("places".into(), places(&[place])));
    seeds
}
