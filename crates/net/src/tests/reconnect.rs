use super::node::{Node, Toy, config, key};
use crate::{NetEvent, Reason};

/// Waits for a connection, past failed attempts.
async fn await_connected(node: &mut Node, peer: crate::PeerKey) {
    loop {
        match node.event().await {
            NetEvent::Connected { peer: found, .. } if found == peer => return,
            NetEvent::Refused { reason: Reason::Unreachable(_) | Reason::Lost(_), .. } => {}
            event => panic!("{event:?}"),
        }
    }
}

async fn at_port(id: u8, addr: std::net::SocketAddr) -> Node {
    let mut config = config(id);
    config.listen = vec![addr];
    Node::with(config, Toy::new(id)).await
}

#[tokio::test]
async fn a_restarted_peer_is_found_again() {
    let (mut alice, mut bob) = (Node::new(1).await, Node::new(2).await);
    alice.join(&mut bob).await;
    for _ in 0..3 {
        let addr = bob.port_addr();
        bob.handle.shutdown().await;
        alice.expect_disconnected(bob.key).await;
        bob = at_port(2, addr).await;
        await_connected(&mut alice, bob.key).await;
        bob.expect_connected(alice.key).await;
        alice.check_talk(&mut bob).await;
    }
}

#[test]
fn a_peer_that_dies_without_a_word_is_found_again() {
    let runtime = || tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (ours, theirs) = (runtime(), runtime());
    let mut alice = ours.block_on(Node::new(1));
    let mut bob = theirs.block_on(Node::new(2));
    let addr = bob.port_addr();
    ours.block_on(async {
        alice.join(&mut bob).await;
    });
    // Every task of Bob's is gone at once.
    drop(theirs);
    ours.block_on(async {
        let reason = alice.expect_disconnected(bob.key).await;
        assert!(matches!(reason, Reason::Lost(_)), "{reason}");
        let mut bob = at_port(2, addr).await;
        await_connected(&mut alice, bob.key).await;
        bob.expect_connected(alice.key).await;
        alice.check_talk(&mut bob).await;
    });
}

#[tokio::test]
async fn a_peer_that_is_not_there_yet_is_called_until_it_is() {
    let mut alice = Node::new(1).await;
    let bob = Node::new(2).await;
    let addr = bob.addr();
    let port = bob.port_addr();
    bob.handle.shutdown().await;
    alice.handle.add_peer(addr).await.unwrap();
    for _ in 0..3 {
        assert!(matches!(alice.expect_refused().await, Reason::Unreachable(_)));
    }
    let mut bob = at_port(2, port).await;
    await_connected(&mut alice, bob.key).await;
    bob.expect_connected(alice.key).await;
}

/// After `Connected` there may be nothing but the messages: no second connection, no loss.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn simultaneous_calls_make_one_connection() {
    for _ in 0..20 {
        let (mut alice, mut bob) = (Node::new(1).await, Node::new(2).await);
        let (to_bob, to_alice) = (bob.addr(), alice.addr());
        let calls = tokio::join!(alice.handle.add_peer(to_bob), bob.handle.add_peer(to_alice));
        calls.0.unwrap();
        calls.1.unwrap();
        tokio::join!(alice.expect_connected(key(2)), bob.expect_connected(key(1)));
        for _ in 0..20 {
            alice.check_talk(&mut bob).await;
        }
        assert_eq!((alice.handle.connected(), bob.handle.connected()), (vec![bob.key], vec![alice.key]));
    }
}

#[tokio::test]
async fn a_call_to_a_connected_peer_changes_nothing() {
    let (mut alice, mut bob) = (Node::new(1).await, Node::new(2).await);
    alice.join(&mut bob).await;
    alice.handle.add_peer(bob.addr()).await.unwrap();
    bob.handle.add_peer(alice.addr()).await.unwrap();
    alice.check_talk(&mut bob).await;
}
