//! Why there is no connection, and whose fault that is.

use std::time::Duration;

use crate::PeerKey;

/// Why a connection was refused or ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// The peer is honest as far as we know, but not one we can talk to, or not the one we wanted.
    #[error("the peer does not fit: {0}")]
    Incompatible(#[from] Mismatch),
    /// The peer sent what no correct program sends.
    #[error("the peer broke the protocol: {0}")]
    Misbehaved(String),
    /// The peer told us why it went. The text is the peer's.
    #[error("the peer ended the connection: {0}")]
    ByPeer(String),
    /// Nobody answered, or not in our language.
    #[error("no connection: {0}")]
    Unreachable(String),
    /// The connection broke.
    #[error("the connection was lost: {0}")]
    Lost(String),
    /// The peer did not finish the handshake in time.
    #[error("the peer did not finish the handshake in {} ms", .0.as_millis())]
    HandshakeTimeout(Duration),
    /// Not even a sign of life.
    #[error("nothing was heard from the peer for {} ms", .0.as_millis())]
    Silent(Duration),
    /// The peer takes nothing.
    #[error("the peer read nothing for {} ms", .0.as_millis())]
    NotReading(Duration),
    /// There is a connection with this peer already.
    #[error("there is a connection already")]
    Duplicate,
    /// The peer came back on a new connection.
    #[error("a newer connection of the same peer took over")]
    Replaced,
    /// [`crate::NetHandle::remove_peer`] was called.
    #[error("the peer was removed here")]
    Removed,
    /// This node goes.
    #[error("this node is shutting down")]
    ShuttingDown,
}

/// In what a peer differs from what we need.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Mismatch {
    /// Another protocol version.
    #[error("protocol version {theirs} instead of {ours}")]
    Version {
        /// What we speak.
        ours: u32,
        /// What the peer speaks.
        theirs: u32,
    },
    /// Another chain.
    #[error("chain id {theirs} instead of {ours}")]
    ChainId {
        /// Where our channels are.
        ours: u64,
        /// Where the peer's channels are.
        theirs: u64,
    },
    /// Another contract.
    #[error("adjudicator {} instead of {}", PeerKey(*.theirs), PeerKey(*.ours))]
    Adjudicator {
        /// The contract that we use.
        ours: [u8; 20],
        /// The contract that the peer uses.
        theirs: [u8; 20],
    },
    /// The peer insists on something that this program does not know.
    #[error("feature bit {bit} is required on one side and unknown on the other")]
    Feature {
        /// The number of the bit; required ones are even.
        bit: u32,
    },
    /// The channel key does not vouch for the transport key.
    #[error("the identity does not hold: {0}")]
    Identity(String),
    /// Somebody else answers at this address.
    #[error("key {found} instead of {expected}")]
    WrongPeer {
        /// Who should answer.
        expected: PeerKey,
        /// Who does.
        found: PeerKey,
    },
    /// The peer uses our own channel key.
    #[error("both sides use the same key {0}")]
    SameKey(PeerKey),
}

impl Reason {
    /// What to tell the peer, from its point of view; `None` where it cannot hear it or need not know.
    pub(crate) fn told(&self) -> Option<String> {
        match self {
            Self::Incompatible(mismatch) => Some(mismatch.to_string()),
            Self::Misbehaved(what) => Some(format!("this breaks the protocol: {what}")),
            Self::HandshakeTimeout(_) => Some("the handshake took too long".into()),
            Self::Silent(_) => Some("nothing was heard for too long".into()),
            Self::Removed => Some("not wanted any more".into()),
            Self::Duplicate | Self::ShuttingDown => Some(self.to_string()),
            Self::ByPeer(_) | Self::Unreachable(_) | Self::Lost(_) | Self::NotReading(_) | Self::Replaced => None,
        }
    }
}

/// A peer's own words, cut to a length and characters that a log can bear.
pub(crate) fn quoted(text: &str) -> String {
    const LENGTH_MAX: usize = 200;
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LENGTH_MAX).collect()
}
