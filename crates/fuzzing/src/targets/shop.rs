//! What buyers and sellers say, offers in one line, and the shop's records.

use crate::Seed;
use perunika_core::{Address, B256};
use perunika_node::fuzzing::{shop_message, shop_record};
use perunika_node::shop::Offer;

/// Offers and messages are written as what they were read from.
pub(super) fn run(bytes: &[u8]) -> bool {
    let offer = std::str::from_utf8(bytes).ok().and_then(|text| text.parse::<Offer>().ok());
    if let Some(offer) = &offer {
        assert_eq!(offer.to_string().parse().as_ref(), Ok(offer));
        offer.chunks();
    }
    shop_message(bytes) | shop_record(bytes) | offer.is_some()
}

pub(super) fn seeds() -> Vec<Seed> {
    let offer = Offer {
        seller: Address::repeat_byte(1),
        place: "hub.example.org:9735".into(),
        name: "song.flac".into(),
        size: 3_000_000,
        chunk_bytes: 65_536,
        price: 1_000,
        asset: Address::repeat_byte(3),
        root: B256::repeat_byte(2),
    };
    let listing = postcard::to_allocvec(&(&offer, "/srv/song.flac")).expect("a record serialises");
    let mut seeds = vec![("offer".into(), offer.to_string().into_bytes()), ("listing".into(), listing)];
    seeds.extend(perunika_node::fuzzing::shop_messages());
    seeds
}
