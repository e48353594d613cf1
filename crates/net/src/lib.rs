//! Peers: who is at the other end, and bytes to and from it.
//!
//! Each node has a transport key of its own (ed25519). Connections run over QUIC (TLS 1.3 with that key as a raw public key) or
//! over TCP (Noise), and prove the same thing. The channel key vouches for it with a signature in
//! the [`Hello`] that both sides send first, so that a peer *is* its channel key ([`PeerKey`]) for everybody else, and no
//! key that signs states ever signs traffic. What the signature covers is the business of the caller's [`Binding`].
//!
//! One connection carries one substream, `/perunika/1`, of length-delimited protobuf frames. There are two classes of
//! payload: [`Payload::Control`] for the protocol, and [`Payload::Bulk`] for large pieces, which travels in fragments
//! that let control messages pass. Order is kept within a class for the life of a connection. Nothing is sent again on
//! the next connection: the protocol above knows what its peer has.
//!
//! Every connection has a task and bounded queues of its own, so a slow peer slows nobody else; a fast one neither, for only so much of
//! each peer may wait for the application ([`Credit`]). Whoever sends a
//! malformed or oversized frame loses the connection; see [`NetEvent::PeerMisbehaved`].
//!
//! Of two connections between the same two nodes the one with the smaller key decides which stays: it alone grants
//! sessions, one at a time, so the two sides cannot disagree.

mod book;
mod calls;
mod config;
mod credit;
mod driver;
mod frame;
#[doc(hidden)]
pub mod fuzzing;
mod handle;
mod handshake;
mod hello;
mod key;
mod listen;
mod places;
mod quic;
mod reason;
mod session;
mod streams;

#[cfg(test)]
mod tests;

pub use config::{Limits, NetConfig, NetEvent, Timing, TransportSecret, Ways};
pub use credit::Credit;
pub use frame::{BULK_MAX, CONTROL_MAX, Class, Payload};
pub use handle::{Net, NetError, NetHandle, SendError};
pub use hello::{Binding, Hello, PROTOCOL_VERSION};
pub use key::{BadPeerAddr, PeerAddr, PeerKey};
pub use reason::{Mismatch, Reason};
