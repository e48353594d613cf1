//! The channel key vouches for the transport identity (an EIP-712 `Identity`, never valid on chain).

use perunika_core::Domain;
use perunika_core::sig::{MemoryKey, RawKey as _, Signature};
use perunika_core::signed::{Eip712 as _, Identity};
use perunika_net::{Binding, Hello, PROTOCOL_VERSION, PeerKey};
use std::time::{SystemTime, UNIX_EPOCH};

/// Bit 0 requires the only feature there is, the channel protocol of this version.
const FEATURES: u64 = 1;

/// Signs and checks hellos.
#[derive(Debug)]
pub(crate) struct ChannelBinding {
    key: MemoryKey,
    domain: Domain,
}

impl ChannelBinding {
    pub(crate) fn new(key: MemoryKey, domain: Domain) -> Self {
        Self { key, domain }
    }
}

impl Binding for ChannelBinding {
    fn hello(&self, my_peer_id: &[u8]) -> Hello {
        let issued = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let identity = Identity { peer: my_peer_id.to_vec(), key: self.key.address(), issued };
        Hello {
            version: PROTOCOL_VERSION,
            feature_bits: FEATURES,
            chain_id: self.domain.chain_id,
            adjudicator: self.domain.adjudicator.into_array(),
            key: PeerKey(self.key.address().into_array()),
            issued,
            signature: self.key.sign(self.domain.digest(identity.struct_hash())).0,
        }
    }

    fn verify(&self, remote_peer_id: &[u8], hello: &Hello) -> Result<PeerKey, String> {
        let identity = Identity { peer: remote_peer_id.to_vec(), key: hello.key.0.into(), issued: hello.issued };
        let digest = self.domain.digest(identity.struct_hash());
        let signer = Signature(hello.signature).recover(digest);
        if signer == Some(identity.key) {
            Ok(hello.key)
        } else {
            Err("the channel key did not sign this transport identity".into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use perunika_core::{Address, B256};

    fn binding(key: u8, adjudicator: u8) -> ChannelBinding {
        let key = MemoryKey::new(B256::repeat_byte(key), B256::ZERO).unwrap();
        ChannelBinding::new(key, Domain { chain_id: 1, adjudicator: Address::repeat_byte(adjudicator) })
    }

    #[test]
    fn a_hello_counts_for_its_transport_identity_key_and_contract_only() {
        let hello = binding(1, 1).hello(b"alice");
        assert_eq!(binding(2, 1).verify(b"alice", &hello), Ok(hello.key));
        assert!(binding(2, 1).verify(b"mallory", &hello).is_err());
        assert!(binding(2, 2).verify(b"alice", &hello).is_err());
        let stolen = Hello { key: binding(3, 1).hello(b"alice").key, ..hello.clone() };
        assert!(binding(2, 1).verify(b"alice", &stolen).is_err());
        let later = Hello { issued: hello.issued + 1, ..hello };
        assert!(binding(2, 1).verify(b"alice", &later).is_err());
    }
}
