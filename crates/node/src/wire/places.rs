//! Places beside the messages: where the participants of a path can be called. The core knows keys only.

use super::{BadMessage, decode_kind, read, write};
use crate::wire::proto::{Envelope, Place};
use perunika_core::Address;
use perunika_core::message::Message;
use perunika_core::params::MAX_LINKS;
use perunika_net::{PeerAddr, PeerKey};
use prost::Message as _;

/// Most places, and most keys, in one message: a whole path.
pub const PLACES_MAX: usize = MAX_LINKS + 1;
/// Longest `host:port`, bytes.
const PLACE_MAX: usize = 260;

/// What came from a peer.
#[allow(clippy::large_enum_variant, reason = "it lives for a moment")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// For the core, with places of the path that the message names.
    Message(Message, Vec<PeerAddr>),
    /// Where are these?
    WhereIs(Vec<Address>),
    /// There: the answer.
    Places(Vec<PeerAddr>),
}

/// The bytes of a message with places.
pub fn encode_with(message: &Message, places: &[PeerAddr]) -> Vec<u8> {
    Envelope { kind: Some(write(message)), places: written(places), asked: Vec::new() }.encode_to_vec()
}

/// A question for the places of keys.
pub fn where_is(keys: &[Address]) -> Vec<u8> {
    let asked = keys.iter().take(PLACES_MAX).map(|key| key.to_vec()).collect();
    Envelope { kind: None, places: Vec::new(), asked }.encode_to_vec()
}

/// The answer to it.
pub fn places(places: &[PeerAddr]) -> Vec<u8> {
    Envelope { kind: None, places: written(places), asked: Vec::new() }.encode_to_vec()
}

/// What the bytes say, if it is within all bounds.
pub fn receive(bytes: &[u8]) -> Result<Received, BadMessage> {
    let envelope = Envelope::decode(bytes).map_err(|error| BadMessage(format!("not a message: {error}")))?;
    let places = read::list("places", envelope.places, PLACES_MAX, |_, place| read_place(place))?;
    let asked = read::list("asked", envelope.asked, PLACES_MAX, |name, key| read::address(name, key))?;
    match envelope.kind {
        None if !asked.is_empty() && places.is_empty() => Ok(Received::WhereIs(asked)),
        None if asked.is_empty() && !places.is_empty() => Ok(Received::Places(places)),
        None => Err(BadMessage("a message of an unknown kind".into())),
        Some(kind) => {
            let message = decode_kind(kind)?;
            let with_path = matches!(message, Message::QuoteAsk { .. } | Message::VcOpen { .. });
            if !asked.is_empty() || !(with_path || places.is_empty()) {
                return Err(BadMessage("places stand beside a message without a path".into()));
            }
            Ok(Received::Message(message, places))
        }
    }
}

fn written(places: &[PeerAddr]) -> Vec<Place> {
    let place = |place: &PeerAddr| Place { key: place.key.0.to_vec(), place: place.place() };
    places.iter().take(PLACES_MAX).map(place).collect()
}

fn read_place(place: &Place) -> Result<PeerAddr, BadMessage> {
    let key = PeerKey(read::address("key", &place.key)?.into_array());
    read::at_most("bytes of a place", place.place.len(), PLACE_MAX)?;
    format!("{key}@{}", place.place).parse().map_err(|error| BadMessage(format!("`places`: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use perunika_core::B256;
    use perunika_core::message::Terms;

    fn place(id: u8) -> PeerAddr {
        PeerAddr { key: PeerKey([id; 20]), host: "hub.example.org".into(), port: 9735 }
    }

    fn quote_ask() -> Message {
        let terms = Terms { asset: Address::ZERO, init_a: 1, init_b: 2, t_exp: 3, challenge: 4, window: 5, k_max: 6 };
        Message::QuoteAsk { request: B256::repeat_byte(1), path: vec![Address::repeat_byte(1)], terms, renews: None }
    }

    #[test]
    fn places_travel_beside_messages_and_alone() {
        let told: Vec<PeerAddr> = (0..PLACES_MAX as u8).map(place).collect();
        let bytes = encode_with(&quote_ask(), &told);
        assert_eq!(receive(&bytes), Ok(Received::Message(quote_ask(), told.clone())));
        assert_eq!(super::super::decode(&bytes), Ok(quote_ask()));
        assert_eq!(receive(&places(&told)), Ok(Received::Places(told)));
        let keys = vec![Address::repeat_byte(1), Address::repeat_byte(2)];
        assert_eq!(receive(&where_is(&keys)), Ok(Received::WhereIs(keys)));
    }

    #[test]
    fn places_have_bounds() {
        let many: Vec<Place> = (0..=PLACES_MAX as u8).map(|id| written(&[place(id)]).remove(0)).collect();
        let envelope = |kind: Option<Message>, places: Vec<Place>, asked: Vec<Vec<u8>>| {
            Envelope { kind: kind.as_ref().map(write), places, asked }.encode_to_vec()
        };
        let bad = |text: &str| Place { key: vec![1; 20], place: text.into() };
        for (bytes, word) in [
            (envelope(Some(quote_ask()), many, Vec::new()), "places"),
            (envelope(Some(quote_ask()), vec![bad("nowhere")], Vec::new()), "host:port"),
            (envelope(Some(quote_ask()), vec![bad(&"a".repeat(300))], Vec::new()), "bytes of a place"),
            (envelope(Some(quote_ask()), vec![Place { key: vec![1; 19], place: "h:1".into() }], Vec::new()), "key"),
            (
                envelope(Some(Message::ChannelAsk { asset: Address::ZERO, lane: 1 }), vec![bad("h:1")], Vec::new()),
                "without a path",
            ),
            (envelope(Some(quote_ask()), Vec::new(), vec![vec![1; 20]]), "without a path"),
            (envelope(None, vec![bad("h:1")], vec![vec![1; 20]]), "unknown kind"),
            (envelope(None, Vec::new(), vec![vec![1; 20]; PLACES_MAX + 1]), "asked"),
            (envelope(None, Vec::new(), Vec::new()), "unknown kind"),
        ] {
            let error = receive(&bytes).unwrap_err();
            assert!(error.to_string().contains(word), "{error} instead of {word}");
        }
    }
}
