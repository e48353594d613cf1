//! Frames of the network and the hello that names a peer.

use crate::Seed;
use perunika_core::sig::{MemoryKey, RawKey as _, Signature};
use perunika_core::signed::{Eip712 as _, Identity};
use perunika_core::{Address, B256, Domain};
use perunika_net::fuzzing::{frames, hello_frame, other_frames};
use perunika_net::{Binding, Hello, PROTOCOL_VERSION, PeerAddr, PeerKey};

/// What the transport has proved of the other side.
const REMOTE: &[u8] = b"them";

/// Checks hellos as a node does.
struct Checker(MemoryKey);

impl Checker {
    fn new(key: u8) -> Self {
        Self(MemoryKey::new(B256::repeat_byte(key), B256::ZERO).expect("a key"))
    }

    fn domain() -> Domain {
        Domain { chain_id: 31_337, adjudicator: Address::repeat_byte(1) }
    }
}

impl Binding for Checker {
    fn hello(&self, my_peer_id: &[u8]) -> Hello {
        let (key, issued, domain) = (self.0.address(), 1_900_000_000, Self::domain());
        let identity = Identity { peer: my_peer_id.to_vec(), key, issued };
        Hello {
            version: PROTOCOL_VERSION,
            feature_bits: 1,
            chain_id: domain.chain_id,
            adjudicator: domain.adjudicator.into_array(),
            key: PeerKey(key.into_array()),
            issued,
            signature: self.0.sign(domain.digest(identity.struct_hash())).0,
        }
    }

    fn verify(&self, remote_peer_id: &[u8], hello: &Hello) -> Result<PeerKey, String> {
        let identity = Identity { peer: remote_peer_id.to_vec(), key: hello.key.0.into(), issued: hello.issued };
        let signer = Signature(hello.signature).recover(Self::domain().digest(identity.struct_hash()));
        if signer == Some(identity.key) { Ok(hello.key) } else { Err("another key signed".into()) }
    }
}

/// Reads frames until one is wrong or cut; an address of a peer is read back as it is shown.
pub(super) fn run(bytes: &[u8]) -> bool {
    if let Some(address) = std::str::from_utf8(bytes).ok().and_then(|text| text.parse::<PeerAddr>().ok()) {
        assert_eq!(address.to_string().parse(), Ok(address));
        return true;
    }
    frames(bytes, &Checker::new(1), REMOTE) > 0
}

pub(super) fn seeds() -> Vec<Seed> {
    let hello = hello_frame(&Checker::new(2).hello(REMOTE));
    vec![
        ("hello".into(), hello.clone()),
        ("session".into(), [hello, other_frames()].concat()),
        ("address".into(), "0x00112233445566778899aabbccddeeff01234567@[2001:db8::1]:9735".into()),
    ]
}
