//! The first message on a connection, and what makes two nodes fit each other.

use crate::{Mismatch, PeerKey};

/// The version of frames and handshake.
pub const PROTOCOL_VERSION: u32 = 1;

/// How a node presents itself.
///
/// Feature `n` has two bits: `2n` says "I require it", `2n + 1` says "I know it". A peer that requires what we neither
/// require nor know is refused; anything else is ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Protocol version, [`PROTOCOL_VERSION`].
    pub version: u32,
    /// Two bits a feature.
    pub feature_bits: u64,
    /// The chain that holds the channels (EIP-155).
    pub chain_id: u64,
    /// The contract that holds the channels.
    pub adjudicator: [u8; 20],
    /// The channel key's address.
    pub key: PeerKey,
    /// When the channel key signed, in seconds since the epoch.
    pub issued: u64,
    /// The channel key's signature over the transport identity, opaque here.
    pub signature: [u8; 64],
}

/// Ties transport identities to channel keys. Implemented by whoever holds the channel key.
pub trait Binding: Send + Sync + 'static {
    /// Our hello, with a signature that binds the key to `my_peer_id` (a libp2p peer id in bytes).
    fn hello(&self, my_peer_id: &[u8]) -> Hello;

    /// Checks that the hello's key really signed for `remote_peer_id`, which the transport has proved. Says why not.
    fn verify(&self, remote_peer_id: &[u8], hello: &Hello) -> Result<PeerKey, String>;
}

/// Everything that a hello can be refused for. `dialled` is who should answer, if we called.
pub(crate) fn check(
    binding: &dyn Binding,
    ours: &Hello,
    remote_peer_id: &[u8],
    theirs: &Hello,
    dialled: Option<PeerKey>,
) -> Result<PeerKey, Mismatch> {
    fits(ours, theirs)?;
    let key = binding.verify(remote_peer_id, theirs).map_err(Mismatch::Identity)?;
    if key != theirs.key {
        return Err(Mismatch::Identity(format!("signed by {key}, presented as {}", theirs.key)));
    }
    match dialled {
        _ if key == ours.key => Err(Mismatch::SameKey(key)),
        Some(expected) if expected != key => Err(Mismatch::WrongPeer { expected, found: key }),
        _ => Ok(key),
    }
}

fn fits(ours: &Hello, theirs: &Hello) -> Result<(), Mismatch> {
    if ours.version != theirs.version {
        return Err(Mismatch::Version { ours: ours.version, theirs: theirs.version });
    }
    if ours.chain_id != theirs.chain_id {
        return Err(Mismatch::ChainId { ours: ours.chain_id, theirs: theirs.chain_id });
    }
    if ours.adjudicator != theirs.adjudicator {
        return Err(Mismatch::Adjudicator { ours: ours.adjudicator, theirs: theirs.adjudicator });
    }
    match unknown_required(ours.feature_bits, theirs.feature_bits) {
        Some(bit) => Err(Mismatch::Feature { bit }),
        None => Ok(()),
    }
}

/// The lowest bit that `theirs` requires and `ours` does not know.
fn unknown_required(ours: u64, theirs: u64) -> Option<u32> {
    const REQUIRED: u64 = 0x5555_5555_5555_5555;
    let known = (ours | ours >> 1) & REQUIRED;
    let missing = theirs & REQUIRED & !known;
    (missing != 0).then(|| missing.trailing_zeros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn required_features_must_be_known() {
        for (ours, theirs, missing) in [
            (0, 0, None),
            (0, 0b10, None),
            (0, 0b01, Some(0)),
            (0b01, 0b01, None),
            (0b10, 0b01, None),
            (0b0110, 0b0101, None),
            (0b0010, 0b0101, Some(2)),
            (0, 1 << 63, None),
            (0, 1 << 62, Some(62)),
            (1 << 63, 1 << 62, None),
            // Knowing feature 1 as optional (bit 3) does not help with feature 2 (bit 4).
            (1 << 3, 1 << 4, Some(4)),
        ] {
            assert_eq!(unknown_required(ours, theirs), missing, "{ours:b} {theirs:b}");
        }
    }
}
