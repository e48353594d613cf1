//! QUIC, TCP, and both.

use std::{net::UdpSocket, sync::Arc, time::Duration};

use super::node::{Node, Toy, config, key};
use crate::{Net, NetError, Payload, PeerAddr, Reason, TransportSecret, Ways};

const QUIC: Ways = Ways { quic: true, tcp: false };
const TCP: Ways = Ways { quic: false, tcp: true };

async fn by(id: u8, ways: Ways) -> Node {
    let mut config = config(id);
    config.ways = ways;
    Node::with(config, Toy::new(id)).await
}

async fn bulk_both_ways(alice: &mut Node, bob: &mut Node) {
    let bytes: Vec<u8> = (0..crate::BULK_MAX).map(|i| (i * 31) as u8).collect();
    alice.handle.send(bob.key, Payload::Bulk(bytes.clone())).unwrap();
    bob.handle.send(alice.key, Payload::Bulk(bytes.clone())).unwrap();
    assert_eq!(bob.expect_message(alice.key).await.1, bytes);
    assert_eq!(alice.expect_message(bob.key).await.1, bytes);
}

#[tokio::test]
async fn nodes_talk_over_quic_alone_and_over_tcp_alone() {
    for ways in [QUIC, TCP] {
        let (mut alice, mut bob) = (by(1, ways).await, by(2, ways).await);
        alice.join(&mut bob).await;
        alice.check_talk(&mut bob).await;
        bulk_both_ways(&mut alice, &mut bob).await;
        alice.handle.shutdown().await;
        assert_eq!(bob.expect_disconnected(alice.key).await, Reason::ByPeer("this node is shutting down".into()));
    }
}

#[tokio::test]
async fn nodes_without_a_common_way_do_not_meet() {
    let (mut alice, bob) = (by(1, QUIC).await, by(2, TCP).await);
    alice.handle.add_peer(bob.addr()).await.unwrap();
    assert!(matches!(alice.expect_refused().await, Reason::Unreachable(_)));
}

#[tokio::test]
async fn a_listener_has_one_port_for_both_ways() {
    let both = Node::new(1).await;
    let (mut over_quic, mut over_tcp) = (by(2, QUIC).await, by(3, TCP).await);
    over_quic.handle.add_peer(both.addr()).await.unwrap();
    over_quic.expect_connected(both.key).await;
    over_tcp.handle.add_peer(both.addr()).await.unwrap();
    over_tcp.expect_connected(both.key).await;
}

/// The UDP port of the peer swallows everything, as a firewall would.
#[tokio::test]
async fn where_quic_is_blocked_tcp_takes_over() {
    let (mut alice, mut bob) = (Node::new(1).await, by(2, TCP).await);
    let hole = UdpSocket::bind(bob.port_addr()).unwrap();
    alice.join(&mut bob).await;
    hole.set_read_timeout(Some(super::node::PATIENCE)).unwrap();
    assert!(hole.recv_from(&mut [0; 2048]).unwrap().0 >= 1200, "QUIC was tried first");
    alice.check_talk(&mut bob).await;
}

#[tokio::test]
async fn a_udp_port_that_is_taken_is_named() {
    let squatter = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut second = config(2);
    second.listen = vec![squatter.local_addr().unwrap()];
    let error = Net::start(second.clone(), Arc::new(Toy::new(2))).await.err().unwrap();
    assert!(matches!(error, NetError::Listen { quic: true, .. }), "{error}");
    assert!(error.to_string().contains("UDP, for QUIC"), "{error}");
    // Without QUIC the port is free.
    second.ways = TCP;
    Net::start(second, Arc::new(Toy::new(2))).await.unwrap();
}

#[tokio::test]
async fn over_quic_too_a_peer_is_who_it_proves_to_be() {
    let (mut alice, mut bob) = (by(1, QUIC).await, by(2, QUIC).await);
    // Somebody else answers at the address.
    alice.handle.add_peer(PeerAddr { key: key(9), ..bob.addr() }).await.unwrap();
    assert!(matches!(alice.expect_refused().await, Reason::Incompatible(crate::Mismatch::WrongPeer { .. })));
    assert!(matches!(bob.expect_refused().await, Reason::ByPeer(_)));

    // A hello that vouches for another transport key than the one that TLS proved.
    let mut forged = Toy::new(3);
    forged.forge = true;
    let mut config = config(3);
    config.ways = QUIC;
    let mut mallory = Node::with(config, forged).await;
    mallory.handle.add_peer(bob.addr()).await.unwrap();
    assert!(matches!(bob.expect_refused().await, Reason::Incompatible(crate::Mismatch::Identity(_))));
    assert!(matches!(mallory.expect_refused().await, Reason::ByPeer(_)));
}

/// The hello is bound to the key that the transport proved: with the same bytes under another transport key it is worth nothing.
#[tokio::test]
async fn a_stolen_hello_is_worth_nothing_over_quic() {
    let (thief_id, victim) = (4, Toy::new(5));
    struct Replay(crate::Hello, Toy);
    impl crate::Binding for Replay {
        fn hello(&self, _: &[u8]) -> crate::Hello {
            self.0.clone()
        }
        fn verify(&self, remote: &[u8], hello: &crate::Hello) -> Result<crate::PeerKey, String> {
            self.1.verify(remote, hello)
        }
    }
    let mut bob = by(2, QUIC).await;
    let victims_node = by(5, QUIC).await;
    let stolen = crate::Binding::hello(&victim, victims_node.handle.peer_id());
    let mut config = config(thief_id);
    config.ways = QUIC;
    config.secret = TransportSecret::new([thief_id; 32]);
    let (thief, _events) = Net::start(config, Arc::new(Replay(stolen, victim))).await.unwrap();
    thief.add_peer(bob.addr()).await.unwrap();
    assert!(matches!(bob.expect_refused().await, Reason::Incompatible(crate::Mismatch::Identity(_))));
}

/// Every task of Bob's is gone at once, without a word. His next run tells whoever still believes in the old connection.
#[test]
fn a_peer_that_dies_over_quic_is_noticed_when_it_is_back() {
    let runtime = || tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (ours, theirs) = (runtime(), runtime());
    let quick = |id: u8| {
        let mut config = config(id);
        config.ways = QUIC;
        config.timing.alive_every = Duration::from_millis(50);
        config.timing.silence_max = Duration::from_secs(600);
        config
    };
    let mut alice = ours.block_on(Node::with(quick(1), Toy::new(1)));
    let mut bob = theirs.block_on(Node::with(quick(2), Toy::new(2)));
    let addr = bob.port_addr();
    ours.block_on(alice.join(&mut bob));
    drop(theirs);
    drop(bob);
    ours.block_on(async {
        let mut again = quick(2);
        again.listen = vec![addr];
        let mut bob = Node::with(again, Toy::new(2)).await;
        let reason = alice.expect_disconnected(bob.key).await;
        assert!(matches!(reason, Reason::Lost(_)), "{reason}");
        super::reconnect::await_connected(&mut alice, bob.key).await;
        bob.expect_connected(alice.key).await;
        alice.check_talk(&mut bob).await;
    });
}
