//! A libp2p peer that gets as far as the substream and then does as it likes.

use std::net::SocketAddr;

use futures::{AsyncReadExt as _, AsyncWriteExt as _, StreamExt as _};
use libp2p::{
    Multiaddr, Stream, SwarmBuilder, identity::Keypair, multiaddr::Protocol, noise, swarm::SwarmEvent, tcp, yamux,
};
use tokio::{task::JoinHandle, time::timeout};

use super::node::{Node, PATIENCE, Toy, config, key};
use crate::{
    Binding as _, NetEvent, PeerKey, Reason,
    frame::{Accept, Body, FRAME_MAX, Fragment, Places, WireHello, read_frame},
    streams,
};

pub(super) struct Rogue {
    stream: Stream,
    peer_id: Vec<u8>,
    toy: Toy,
    driver: JoinHandle<()>,
}

impl Drop for Rogue {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Rogue {
    /// Connects and opens the substream.
    pub(super) async fn connect(id: u8, to: SocketAddr) -> Self {
        let mut swarm = SwarmBuilder::with_existing_identity(Keypair::ed25519_from_bytes([id; 32]).unwrap())
            .with_tokio()
            .with_tcp(tcp::Config::new(), noise::Config::new, yamux::Config::default)
            .unwrap()
            .with_behaviour(|_| streams::Behaviour::default())
            .unwrap()
            .build();
        let peer_id = swarm.local_peer_id().to_bytes();
        swarm.dial(Multiaddr::from(to.ip()).with(Protocol::Tcp(to.port()))).unwrap();
        let stream = loop {
            if let SwarmEvent::Behaviour(opened) = timeout(PATIENCE, swarm.select_next_some()).await.unwrap() {
                break opened.stream.unwrap();
            }
        };
        let driver = tokio::spawn(async move {
            loop {
                swarm.select_next_some().await;
            }
        });
        Self { stream, peer_id, toy: Toy::new(id), driver }
    }

    async fn raw(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    async fn send(&mut self, body: Body) {
        let mut bytes = Vec::new();
        body.write_to(&mut bytes);
        self.raw(&bytes).await;
    }

    async fn read(&mut self) -> Body {
        timeout(PATIENCE, read_frame(&mut self.stream, FRAME_MAX)).await.unwrap().unwrap()
    }

    fn hello(&self, instance: u64) -> Body {
        Body::Hello(WireHello::new(&self.toy.hello(&self.peer_id), instance))
    }

    /// Greets like an honest peer with a larger key.
    async fn greet(&mut self, instance: u64) {
        self.send(self.hello(instance)).await;
        self.send(Body::Accept(Accept {})).await;
        assert!(matches!(self.read().await, Body::Hello(_)));
        assert_eq!(self.read().await, Body::Accept(Accept {}));
    }

    /// Reads up to the other side's last word.
    async fn farewell(&mut self) -> String {
        loop {
            match self.read().await {
                Body::Close(close) => {
                    let mut rest = Vec::new();
                    self.stream.close().await.unwrap();
                    timeout(PATIENCE, self.stream.read_to_end(&mut rest)).await.unwrap().unwrap();
                    return close.reason;
                }
                Body::Alive(_) | Body::Places(_) => {}
                body => panic!("{body:?}"),
            }
        }
    }
}

async fn expect_misbehaved(node: &mut Node, peer: PeerKey, what: &str) {
    match node.event().await {
        NetEvent::PeerMisbehaved { peer: found, reason } if found == peer => assert!(reason.contains(what), "{reason}"),
        event => panic!("{event:?}"),
    }
    assert!(matches!(node.expect_disconnected(peer).await, Reason::Misbehaved(_)));
}

#[tokio::test]
async fn a_session_that_breaks_the_protocol_is_lost_alone() {
    let (mut alice, mut bob) = (Node::new(1).await, Node::new(2).await);
    bob.join(&mut alice).await;
    let fragment = |size, last| Body::Bulk(Fragment { piece: vec![0; size].into(), last });
    let encoded = |bodies: &[Body]| {
        let mut bytes = Vec::new();
        bodies.iter().for_each(|body| body.clone().write_to(&mut bytes));
        bytes
    };
    let cases = [
        (vec![0xff, 0xff, 0xff, 0x7f], "a frame of 268435455 bytes"),
        (vec![0xff, 0xff, 0xff, 0xff, 0x01], "more than four bytes"),
        (vec![0x80, 0x00], "padded"),
        (vec![0x02, 0xff, 0xff], "not protobuf"),
        (vec![0x02, 0x7a, 0x00], "unknown type"),
        (encoded(&[Body::Accept(Accept {})]), "a second handshake"),
        (encoded(&vec![Body::Places(Places::default()); 2]), "for a second time"),
        (encoded(&[Body::Places(Places { listening: vec!["x".into()], ..Places::default() })]), "not ip:port"),
        (encoded(&[fragment(0, false)]), "an empty fragment"),
        (encoded(&vec![fragment(200_000, false); 6]), "a bulk message of more than"),
    ];
    for (round, (bytes, what)) in cases.into_iter().enumerate() {
        let mut rogue = Rogue::connect(7, alice.port_addr()).await;
        rogue.greet(round as u64).await;
        alice.expect_connected(key(7)).await;
        rogue.raw(&bytes).await;
        expect_misbehaved(&mut alice, key(7), what).await;
        let told = rogue.farewell().await;
        assert!(told.contains(what) && told.starts_with("this breaks the protocol"), "{told}");
        alice.check_talk(&mut bob).await;
    }
}

#[tokio::test]
async fn nothing_but_a_hello_opens_a_connection() {
    let mut alice = Node::new(1).await;
    let mut bytes = Vec::new();
    Body::Hello(WireHello::default()).write_to(&mut bytes);
    let mut early = Vec::new();
    Body::Accept(Accept {}).write_to(&mut early);
    let cases = [
        (bytes, "an adjudicator of 0 bytes"),
        (early, "before the hello"),
        (vec![0x81, 0x08], "at most 1024"),
        (b"\x05GET /".to_vec(), "not protobuf"),
    ];
    for (bytes, what) in cases {
        let mut rogue = Rogue::connect(7, alice.port_addr()).await;
        rogue.raw(&bytes).await;
        let reason = alice.expect_refused().await;
        assert!(matches!(&reason, Reason::Misbehaved(found) if found.contains(what)), "{reason} is not: {what}");
    }
}

#[tokio::test]
async fn messages_before_the_session_is_accepted_are_refused() {
    let mut alice = Node::new(1).await;
    let mut rogue = Rogue::connect(7, alice.port_addr()).await;
    rogue.send(rogue.hello(0)).await;
    rogue.send(Body::Control("too early".into())).await;
    assert!(matches!(alice.expect_refused().await, Reason::Misbehaved(_)));
}

#[tokio::test]
async fn an_identity_taken_from_another_peer_is_refused() {
    let mut alice = Node::new(1).await;
    let mut thief = Rogue::connect(7, alice.port_addr()).await;
    // A hello that is valid for the transport key that Bob really has.
    let stolen = Toy::new(2).hello(b"the peer id of Bob");
    thief.send(Body::Hello(WireHello::new(&stolen, 0))).await;
    assert!(alice.expect_refused().await.to_string().contains("the identity does not hold"));
    assert!(matches!(thief.read().await, Body::Hello(_)));
    assert!(thief.farewell().await.contains("the identity does not hold"));
}

#[tokio::test]
async fn silence_ends_the_handshake_and_the_session() {
    let mut impatient = config(1);
    impatient.timing.handshake_max = std::time::Duration::from_millis(300);
    impatient.timing.silence_max = std::time::Duration::from_millis(300);
    let mut alice = Node::with(impatient, Toy::new(1)).await;

    let mute = Rogue::connect(7, alice.port_addr()).await;
    assert!(matches!(alice.expect_refused().await, Reason::HandshakeTimeout(_)));
    drop(mute);

    let mut quiet = Rogue::connect(8, alice.port_addr()).await;
    quiet.greet(0).await;
    alice.expect_connected(key(8)).await;
    assert!(matches!(alice.expect_disconnected(key(8)).await, Reason::Silent(_)));
    assert_eq!(quiet.farewell().await, "nothing was heard for too long");
}

#[tokio::test]
async fn a_peer_that_comes_back_replaces_its_old_session() {
    let mut alice = Node::new(1).await;
    let mut first = Rogue::connect(7, alice.port_addr()).await;
    first.greet(1).await;
    alice.expect_connected(key(7)).await;
    // The same process again, then a restarted one; the old connections still stand.
    for instance in [1, 2] {
        let mut again = Rogue::connect(7, alice.port_addr()).await;
        again.greet(instance).await;
        assert_eq!(alice.expect_disconnected(key(7)).await, Reason::Replaced);
        alice.expect_connected(key(7)).await;
        again.send(Body::Control("here again".into())).await;
        assert_eq!(alice.expect_message(key(7)).await.1, b"here again");
        std::mem::swap(&mut first, &mut again);
    }
}

#[tokio::test]
async fn one_identity_cannot_take_all_connections() {
    let mut small = config(1);
    small.limits.per_identity_max = 2;
    let mut alice = Node::with(small, Toy::new(1)).await;
    let _one = Rogue::connect(7, alice.port_addr()).await;
    let _two = Rogue::connect(7, alice.port_addr()).await;
    let three = tokio::spawn(Rogue::connect(7, alice.port_addr()));
    assert!(alice.expect_refused().await.to_string().contains("limit"));
    three.abort();
    let mut bob = Node::new(2).await;
    bob.join(&mut alice).await;
}
