//! A node for tests: a handle, its events, and a toy for the signature.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{sync::mpsc, time::timeout};

use crate::{
    Binding, Class, Hello, Net, NetConfig, NetEvent, NetHandle, PROTOCOL_VERSION, PeerAddr, PeerKey, Reason,
    TransportSecret,
};

/// Far more than anything here takes; a test that waits this long has failed.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// Signs by repeating a checksum of what is bound.
#[derive(Clone)]
pub(super) struct Toy {
    pub(super) hello: Hello,
    pub(super) forge: bool,
}

impl Toy {
    pub(super) fn new(id: u8) -> Self {
        let hello = Hello {
            version: PROTOCOL_VERSION,
            feature_bits: 0b10,
            chain_id: 1337,
            adjudicator: [0xad; 20],
            key: key(id),
            issued: 1_800_000_000,
            signature: [0; 64],
        };
        Self { hello, forge: false }
    }
}

pub(super) fn key(id: u8) -> PeerKey {
    PeerKey([id; 20])
}

fn toy_signature(peer_id: &[u8], hello: &Hello) -> [u8; 64] {
    let issued = hello.issued.to_be_bytes();
    let bound = peer_id.iter().chain(&hello.key.0).chain(&issued);
    let sum = bound.fold(0xcbf2_9ce4_8422_2325u64, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3));
    std::array::from_fn(|i| sum.to_be_bytes()[i % 8])
}

impl Binding for Toy {
    fn hello(&self, my_peer_id: &[u8]) -> Hello {
        let mut hello = self.hello.clone();
        hello.signature = toy_signature(my_peer_id, &hello);
        hello.signature[0] ^= u8::from(self.forge);
        hello
    }

    fn verify(&self, remote_peer_id: &[u8], hello: &Hello) -> Result<PeerKey, String> {
        if hello.signature == toy_signature(remote_peer_id, hello) {
            Ok(hello.key)
        } else {
            Err("the signature is not by this key".into())
        }
    }
}

pub(super) struct Node {
    pub(super) handle: NetHandle,
    pub(super) events: mpsc::Receiver<NetEvent>,
    pub(super) key: PeerKey,
}

/// A configuration with a free port and short waits between calls.
pub(super) fn config(id: u8) -> NetConfig {
    let mut config = NetConfig::new(TransportSecret::new([id; 32]), vec![SocketAddr::from(([127, 0, 0, 1], 0))]);
    config.timing.redial_first = Duration::from_millis(5);
    config.timing.redial_max = Duration::from_millis(50);
    config.timing.quic_max = Duration::from_millis(500);
    config
}

impl Node {
    pub(super) async fn new(id: u8) -> Self {
        Self::with(config(id), Toy::new(id)).await
    }

    pub(super) async fn with(config: NetConfig, toy: Toy) -> Self {
        let key = toy.hello.key;
        let (handle, events) = Net::start(config, Arc::new(toy)).await.unwrap();
        let mut node = Self { handle, events, key };
        for addr in node.handle.local_addrs() {
            assert_eq!(node.event().await, NetEvent::Listening { addr });
        }
        node
    }

    pub(super) fn port_addr(&self) -> SocketAddr {
        self.handle.local_addrs()[0]
    }

    pub(super) fn addr(&self) -> PeerAddr {
        let addr = self.port_addr();
        PeerAddr { key: self.key, host: addr.ip().to_string(), port: addr.port() }
    }

    /// The next event, but for what peers say of their places.
    pub(super) async fn event(&mut self) -> NetEvent {
        loop {
            match self.any_event().await {
                NetEvent::Places { .. } => {}
                event => return event,
            }
        }
    }

    async fn any_event(&mut self) -> NetEvent {
        timeout(PATIENCE, self.events.recv()).await.expect("an event in time").expect("a running network")
    }

    /// Where this peer says that it can be called.
    pub(super) async fn expect_places(&mut self, peer: PeerKey) -> Vec<PeerAddr> {
        match self.any_event().await {
            NetEvent::Places { peer: found, places } if found == peer => places,
            event => panic!("{event:?} instead of the places of {peer}"),
        }
    }

    pub(super) async fn expect_connected(&mut self, peer: PeerKey) {
        match self.event().await {
            NetEvent::Connected { peer: found, .. } if found == peer => {}
            event => panic!("{event:?} instead of a connection with {peer}"),
        }
    }

    pub(super) async fn expect_disconnected(&mut self, peer: PeerKey) -> Reason {
        match self.event().await {
            NetEvent::Disconnected { peer: found, reason } if found == peer => reason,
            event => panic!("{event:?} instead of the loss of {peer}"),
        }
    }

    pub(super) async fn expect_refused(&mut self) -> Reason {
        match self.event().await {
            NetEvent::Refused { reason, .. } => reason,
            event => panic!("{event:?} instead of a refusal"),
        }
    }

    pub(super) async fn expect_message(&mut self, peer: PeerKey) -> (Class, Vec<u8>) {
        match self.event().await {
            NetEvent::Message { peer: found, class, bytes, .. } if found == peer => (class, bytes),
            event => panic!("{event:?} instead of a message from {peer}"),
        }
    }

    /// Connects to `other` and waits for both sides.
    pub(super) async fn join(&mut self, other: &mut Self) {
        self.handle.add_peer(other.addr()).await.unwrap();
        self.expect_connected(other.key).await;
        other.expect_connected(self.key).await;
    }

    /// One control message each way.
    pub(super) async fn check_talk(&mut self, other: &mut Self) {
        let payload = |text: &str| crate::Payload::Control(text.as_bytes().to_vec());
        self.handle.send(other.key, payload("there")).unwrap();
        assert_eq!(other.expect_message(self.key).await, (Class::Control, b"there".to_vec()));
        other.handle.send(self.key, payload("and back")).unwrap();
        assert_eq!(self.expect_message(other.key).await, (Class::Control, b"and back".to_vec()));
    }
}
