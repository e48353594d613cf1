//! What buyer and seller say to each other, inside the application messages of the protocol.

use super::CHUNK_MAX;
use perunika_core::B256;
use perunika_core::signed::{Amount, MAX_AMOUNT};
use prost::{Message, Oneof};

/// Depth of the deepest tree.
const PROOF_MAX: usize = 20;
const REASON_MAX: usize = 512;

/// From buyer to seller, or back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Say {
    /// Buyer: I want the file behind this root and pay through this virtual channel.
    Start { root: B256, vc: B256 },
    /// Seller: chunks are counted from this share of mine; the chunk that is owed comes unasked.
    Started { root: B256, vc: B256, base: Amount, owed: Option<u32> },
    /// Buyer: this chunk, please.
    Want { root: B256, vc: B256, index: u32 },
    /// Seller: here it is.
    Chunk { root: B256, index: u32, data: Vec<u8>, proof: Vec<B256> },
    /// Seller: no, or not yet.
    Refused { root: B256, reason: String, later: bool },
}

#[derive(Clone, PartialEq, Message)]
struct Envelope {
    #[prost(oneof = "Kind", tags = "1, 2, 3, 4, 5")]
    kind: Option<Kind>,
}

#[derive(Clone, PartialEq, Oneof)]
enum Kind {
    #[prost(message, tag = "1")]
    Start(Session),
    #[prost(message, tag = "2")]
    Started(Session),
    #[prost(message, tag = "3")]
    Want(Session),
    #[prost(message, tag = "4")]
    Chunk(Chunk),
    #[prost(message, tag = "5")]
    Refused(Refused),
}

#[derive(Clone, PartialEq, Message)]
struct Session {
    #[prost(bytes = "vec", tag = "1")]
    root: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    vc: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    base: Vec<u8>,
    #[prost(uint32, optional, tag = "4")]
    index: Option<u32>,
}

#[derive(Clone, PartialEq, Message)]
struct Chunk {
    #[prost(bytes = "vec", tag = "1")]
    root: Vec<u8>,
    #[prost(uint32, tag = "2")]
    index: u32,
    #[prost(bytes = "vec", tag = "3")]
    data: Vec<u8>,
    /// 32 bytes each, one after the other.
    #[prost(bytes = "vec", tag = "4")]
    proof: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct Refused {
    #[prost(bytes = "vec", tag = "1")]
    root: Vec<u8>,
    #[prost(string, tag = "2")]
    reason: String,
    #[prost(bool, tag = "3")]
    later: bool,
}

impl Say {
    pub(crate) fn encode(self) -> Vec<u8> {
        let session = |root: B256, vc: B256| Session { root: root.to_vec(), vc: vc.to_vec(), ..Session::default() };
        let kind = match self {
            Self::Start { root, vc } => Kind::Start(session(root, vc)),
            Self::Started { root, vc, base, owed } => {
                Kind::Started(Session { base: base.to_be_bytes().to_vec(), index: owed, ..session(root, vc) })
            }
            Self::Want { root, vc, index } => Kind::Want(Session { index: Some(index), ..session(root, vc) }),
            Self::Chunk { root, index, data, proof } => {
                Kind::Chunk(Chunk { root: root.to_vec(), index, data, proof: proof.concat() })
            }
            Self::Refused { root, reason, later } => {
                let reason = reason.chars().take(REASON_MAX / 4).collect();
                Kind::Refused(Refused { root: root.to_vec(), reason, later })
            }
        };
        Envelope { kind: Some(kind) }.encode_to_vec()
    }

    /// `None` for anything that no correct program sends.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let id = |bytes: &[u8]| B256::try_from(bytes).ok();
        Some(match Envelope::decode(bytes).ok()?.kind? {
            Kind::Start(m) => Self::Start { root: id(&m.root)?, vc: id(&m.vc)? },
            Kind::Started(m) => {
                let base = Amount::from_be_bytes(m.base.as_slice().try_into().ok()?);
                (base <= MAX_AMOUNT).then_some(())?;
                Self::Started { root: id(&m.root)?, vc: id(&m.vc)?, base, owed: m.index }
            }
            Kind::Want(m) => Self::Want { root: id(&m.root)?, vc: id(&m.vc)?, index: m.index? },
            Kind::Chunk(m) => {
                let fits = m.data.len() <= CHUNK_MAX as usize && m.proof.len() <= 32 * PROOF_MAX;
                (fits && m.proof.len() % 32 == 0).then_some(())?;
                let proof = m.proof.chunks_exact(32).map(B256::from_slice).collect();
                Self::Chunk { root: id(&m.root)?, index: m.index, data: m.data, proof }
            }
            Kind::Refused(m) => {
                (m.reason.len() <= REASON_MAX).then_some(())?;
                Self::Refused { root: id(&m.root)?, reason: m.reason, later: m.later }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all() -> Vec<Say> {
        let (root, vc) = (B256::repeat_byte(1), B256::repeat_byte(2));
        vec![
            Say::Start { root, vc },
            Say::Started { root, vc, base: MAX_AMOUNT, owed: Some(0) },
            Say::Want { root, vc, index: u32::MAX },
            Say::Chunk { root, index: 1, data: vec![3; CHUNK_MAX as usize], proof: vec![vc; PROOF_MAX] },
            Say::Refused { root, reason: "no".into(), later: true },
        ]
    }

    #[test]
    fn everything_survives_and_fits_into_one_message() {
        for say in all() {
            let bytes = say.clone().encode();
            assert!(bytes.len() <= crate::wire::APP_MAX);
            assert_eq!(Say::decode(&bytes), Some(say));
        }
    }

    #[test]
    fn what_is_too_large_is_refused() {
        let (root, vc) = (B256::repeat_byte(1), B256::repeat_byte(2));
        let data = vec![0; CHUNK_MAX as usize + 1];
        assert_eq!(Say::decode(&Say::Chunk { root, index: 0, data, proof: vec![] }.encode()), None);
        assert_eq!(Say::decode(&Say::Started { root, vc, base: MAX_AMOUNT + 1, owed: None }.encode()), None);
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
            let _ = Say::decode(&bytes);
        }
    }
}
