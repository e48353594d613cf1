//! Settings and events.

use std::{fmt, net::SocketAddr, time::Duration};

use zeroize::Zeroize as _;

use crate::{Class, Credit, PeerAddr, PeerKey, Reason};

/// The 32 secret bytes of the transport key. Wiped on drop, absent from debug output.
#[derive(Clone)]
pub struct TransportSecret(pub(crate) [u8; 32]);

impl TransportSecret {
    /// Takes the bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for TransportSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TransportSecret(..)")
    }
}

impl Drop for TransportSecret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// How to start.
#[derive(Clone, Debug)]
pub struct NetConfig {
    /// Where to listen; port 0 lets the system choose. May be empty.
    pub listen: Vec<SocketAddr>,
    /// `host:port` under which others reach this node, if that is not where it listens; peers are told.
    pub announce: Vec<String>,
    /// By which ways, both for listening (on the same port) and for calling.
    pub ways: Ways,
    /// The transport key.
    pub secret: TransportSecret,
    /// Times.
    pub timing: Timing,
    /// Bounds.
    pub limits: Limits,
}

impl NetConfig {
    /// Defaults for everything but the key and the addresses.
    pub fn new(secret: TransportSecret, listen: Vec<SocketAddr>) -> Self {
        Self {
            listen,
            announce: Vec::new(),
            ways: Ways::default(),
            secret,
            timing: Timing::default(),
            limits: Limits::default(),
        }
    }
}

/// What carries a connection. A node that has both calls over QUIC first, and over TCP if nobody answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ways {
    /// QUIC over UDP.
    pub quic: bool,
    /// TCP with Noise.
    pub tcp: bool,
}

impl Default for Ways {
    fn default() -> Self {
        Self { quic: true, tcp: true }
    }
}

/// How long things may take.
#[derive(Clone, Debug)]
pub struct Timing {
    /// From the start of a connection to both hellos accepted.
    pub handshake_max: Duration,
    /// How long a call over QUIC may take before it is given up, and TCP is tried.
    pub quic_max: Duration,
    /// How often to send a sign of life.
    pub alive_every: Duration,
    /// How long a peer may be silent, or read nothing, before it is given up; several times `alive_every`.
    pub silence_max: Duration,
    /// The wait before the first new attempt to connect; doubles with each failure, less up to a half drawn at random.
    pub redial_first: Duration,
    /// The longest wait between two attempts; a connection that lasts as long as this starts the doubling anew.
    pub redial_max: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            handshake_max: Duration::from_secs(10),
            quic_max: Duration::from_secs(3),
            alive_every: Duration::from_secs(10),
            silence_max: Duration::from_secs(35),
            redial_first: Duration::from_millis(500),
            redial_max: Duration::from_secs(60),
        }
    }
}

/// How much there may be of anything.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections that others opened.
    pub inbound_max: u32,
    /// Of those, the ones that are still before the hello.
    pub inbound_pending_max: u32,
    /// Connections with one transport identity.
    pub per_identity_max: u32,
    /// Control messages that may wait for one peer.
    pub control_queue: usize,
    /// Bulk messages that may wait for one peer.
    pub bulk_queue: usize,
    /// Events that may wait for the application. When they do, no more is read from any peer.
    pub event_queue: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            inbound_max: 4096,
            inbound_pending_max: 256,
            per_identity_max: 4,
            control_queue: 1024,
            bulk_queue: 8,
            event_queue: 1024,
        }
    }
}

/// What the application hears. For one peer the order is `Connected`, messages, `Disconnected`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NetEvent {
    /// We accept connections here.
    Listening {
        /// The address, with the real port.
        addr: SocketAddr,
    },
    /// A peer proved its key and both sides accepted each other.
    Connected {
        /// Who.
        peer: PeerKey,
        /// The peer's feature bits.
        features: u64,
    },
    /// A connected peer said where it can be called, the best place first. If its address was given to this network before, it
    /// will be called there from now on.
    Places {
        /// Who.
        peer: PeerKey,
        /// Where; at most four.
        places: Vec<PeerAddr>,
    },
    /// The connection ended. Known peers are called again.
    Disconnected {
        /// Who.
        peer: PeerKey,
        /// Why.
        reason: Reason,
    },
    /// Bytes from a peer.
    Message {
        /// Who sent them.
        peer: PeerKey,
        /// How.
        class: Class,
        /// What.
        bytes: Vec<u8>,
        /// To be dropped once the message has been dealt with.
        credit: Credit,
    },
    /// A connected peer broke the protocol; `Disconnected` follows.
    PeerMisbehaved {
        /// Who.
        peer: PeerKey,
        /// What it did.
        reason: String,
    },
    /// A connection did not come about. Dropped rather than queued when the application is behind.
    Refused {
        /// The other side's address, as far as it is known.
        addr: String,
        /// Why.
        reason: Reason,
    },
}
