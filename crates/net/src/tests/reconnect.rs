use super::node::{Node, Toy, config, key};
use crate::{NetEvent, Reason};

/// Waits for a connection, past failed attempts.
pub(super) async fn await_connected(node: &mut Node, peer: crate::PeerKey) {
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
    // Over TCP, where the system says goodbye. Over QUIC nobody does; that is tested with the ways.
    let over_tcp = |id: u8| {
        let mut config = config(id);
        config.ways.quic = false;
        Node::with(config, Toy::new(id))
    };
    let mut alice = ours.block_on(over_tcp(1));
    let mut bob = theirs.block_on(over_tcp(2));
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

#[tokio::test]
async fn peers_say_where_they_can_be_called() {
    let mut config = config(2);
    config.announce = vec!["bob.example.org:9735".into()];
    let (mut alice, mut bob) = (Node::new(1).await, Node::with(config, Toy::new(2)).await);
    alice.join(&mut bob).await;
    let places: Vec<String> = alice.expect_places(bob.key).await.iter().map(ToString::to_string).collect();
    assert_eq!(places, [format!("{}@bob.example.org:9735", bob.key), bob.addr().to_string()]);
    assert_eq!(bob.expect_places(alice.key).await, [alice.addr()]);
}

/// Bob moves to another port and calls. When he is gone the next time, Alice finds him there, although nobody told her.
#[tokio::test]
async fn a_peer_that_moved_and_called_is_found_at_its_new_place() {
    let (mut alice, mut bob) = (Node::new(1).await, Node::new(2).await);
    alice.join(&mut bob).await;
    let old = bob.port_addr();
    bob.handle.shutdown().await;
    alice.expect_disconnected(bob.key).await;
    // Nobody else gets the old port meanwhile.
    let _taken = std::net::TcpListener::bind(old).unwrap();

    let bob = Node::new(2).await;
    let new = bob.port_addr();
    bob.handle.add_peer(alice.addr()).await.unwrap();
    await_connected(&mut alice, bob.key).await;
    assert_eq!(alice.expect_places(bob.key).await, [bob.addr()]);
    bob.handle.shutdown().await;
    alice.expect_disconnected(bob.key).await;

    let mut bob = at_port(2, new).await;
    await_connected(&mut alice, bob.key).await;
    bob.expect_connected(alice.key).await;
    alice.check_talk(&mut bob).await;
}

#[tokio::test]
async fn a_peer_that_is_forgotten_stays_connected_but_is_not_called_again() {
    let (mut alice, mut bob) = (Node::new(1).await, Node::new(2).await);
    alice.handle.hint_peer(bob.addr()).await.unwrap();
    alice.expect_connected(bob.key).await;
    bob.expect_connected(alice.key).await;
    alice.handle.forget_peer(bob.key).await.unwrap();
    alice.check_talk(&mut bob).await;
    let port = bob.port_addr();
    bob.handle.shutdown().await;
    alice.expect_disconnected(bob.key).await;
    // A third node shows that time passed without a call.
    let bob = at_port(2, port).await;
    let mut carol = Node::new(3).await;
    for _ in 0..3 {
        carol.join(&mut alice).await;
        carol.handle.remove_peer(alice.key).await.unwrap();
        alice.expect_disconnected(carol.key).await;
        carol.expect_disconnected(alice.key).await;
    }
    assert!(bob.handle.connected().is_empty());
}
