use super::node::{Node, Toy, config, key};
use crate::{BULK_MAX, CONTROL_MAX, Class, Net, NetError, NetEvent, Payload, Reason, SendError};

#[tokio::test]
async fn peers_meet_and_talk() {
    let mut alice = Node::new(1).await;
    let mut toy = Toy::new(2);
    toy.hello.feature_bits = 0b1000;
    let mut bob = Node::with(config(2), toy).await;

    alice.handle.add_peer(bob.addr()).await.unwrap();
    assert_eq!(alice.event().await, NetEvent::Connected { peer: bob.key, features: 0b1000 });
    assert_eq!(bob.event().await, NetEvent::Connected { peer: alice.key, features: 0b10 });
    assert_eq!((alice.handle.connected(), bob.handle.connected()), (vec![bob.key], vec![alice.key]));
    alice.check_talk(&mut bob).await;
}

#[tokio::test]
async fn order_is_kept_in_both_directions_at_once() {
    let (mut alice, mut bob) = (Node::new(1).await, Node::new(2).await);
    alice.join(&mut bob).await;
    let number = |n: u32| Payload::Control(n.to_be_bytes().to_vec());
    for n in 0..1000 {
        alice.handle.send(bob.key, number(n)).unwrap();
        bob.handle.send(alice.key, number(n)).unwrap();
    }
    for n in 0..1000u32 {
        assert_eq!(bob.expect_message(alice.key).await.1, n.to_be_bytes());
        assert_eq!(alice.expect_message(bob.key).await.1, n.to_be_bytes());
    }
}

#[tokio::test]
async fn every_size_up_to_the_limit_arrives_whole() {
    let (mut alice, mut bob) = (Node::new(1).await, Node::new(2).await);
    alice.join(&mut bob).await;
    let bytes = |size: usize| (0..size).map(|i| (i * 7) as u8).collect::<Vec<_>>();
    for size in [0, 1, 127, 128, CONTROL_MAX] {
        alice.handle.send(bob.key, Payload::Control(bytes(size))).unwrap();
        assert_eq!(bob.expect_message(alice.key).await, (Class::Control, bytes(size)));
    }
    for size in [0, 1, 64 << 10, (64 << 10) + 1, BULK_MAX] {
        alice.handle.send(bob.key, Payload::Bulk(bytes(size))).unwrap();
        assert_eq!(bob.expect_message(alice.key).await, (Class::Bulk, bytes(size)));
    }
}

#[tokio::test]
async fn what_cannot_be_sent_is_said_at_once() {
    let (mut alice, mut bob) = (Node::new(1).await, Node::new(2).await);
    alice.join(&mut bob).await;
    let too_large = |max: usize| SendError::TooLarge { bytes: max + 1, max };
    let (control, bulk) = (Payload::Control(vec![0; CONTROL_MAX + 1]), Payload::Bulk(vec![0; BULK_MAX + 1]));
    assert_eq!(alice.handle.send(bob.key, control), Err(too_large(CONTROL_MAX)));
    assert_eq!(alice.handle.send_when_ready(bob.key, bulk).await, Err(too_large(BULK_MAX)));
    let nobody = alice.handle.send(key(9), Payload::Control(vec![]));
    assert_eq!(nobody, Err(SendError::NotConnected(key(9))));
    alice.check_talk(&mut bob).await;
}

#[tokio::test]
async fn host_names_are_looked_up() {
    let (mut alice, mut bob) = (Node::new(1).await, Node::new(2).await);
    let mut addr = bob.addr();
    addr.host = "localhost".into();
    alice.handle.add_peer(addr).await.unwrap();
    loop {
        // `localhost` may mean ::1 first, where nobody listens.
        match alice.event().await {
            NetEvent::Connected { .. } => break,
            NetEvent::Refused { reason: Reason::Unreachable(_), .. } => {}
            event => panic!("{event:?}"),
        }
    }
    bob.expect_connected(alice.key).await;
}

#[tokio::test]
async fn a_removed_peer_is_told_and_not_called_again() {
    let (mut alice, mut bob) = (Node::new(1).await, Node::new(2).await);
    alice.join(&mut bob).await;
    alice.handle.remove_peer(bob.key).await.unwrap();
    assert_eq!(alice.expect_disconnected(bob.key).await, Reason::Removed);
    assert_eq!(bob.expect_disconnected(alice.key).await, Reason::ByPeer("not wanted any more".into()));
    assert!(alice.handle.connected().is_empty());
    // A third node shows that the network goes on, without a sign of the removed one.
    let mut carol = Node::new(3).await;
    carol.join(&mut alice).await;
    carol.check_talk(&mut alice).await;
}

#[tokio::test]
async fn shutdown_says_goodbye_delivers_what_is_queued_and_frees_the_port() {
    let (mut alice, mut bob) = (Node::new(1).await, Node::new(2).await);
    alice.join(&mut bob).await;
    for n in 0..100 {
        alice.handle.send(bob.key, Payload::Control(vec![n])).unwrap();
    }
    alice.handle.shutdown().await;
    for n in 0..100 {
        assert_eq!(bob.expect_message(alice.key).await.1, [n]);
    }
    assert_eq!(bob.expect_disconnected(alice.key).await, Reason::ByPeer("this node is shutting down".into()));
    assert_eq!(alice.expect_disconnected(bob.key).await, Reason::ShuttingDown);
    while let Some(event) = alice.events.recv().await {
        assert!(matches!(event, NetEvent::Places { .. }), "{event:?}");
    }
    assert!(matches!(alice.handle.add_peer(bob.addr()).await, Err(NetError::Stopped)));
    std::net::TcpListener::bind(alice.port_addr()).unwrap();
}

#[tokio::test]
async fn dropping_the_last_handle_stops_everything() {
    let (mut alice, mut bob) = (Node::new(1).await, Node::new(2).await);
    alice.join(&mut bob).await;
    let Node { handle, mut events, .. } = alice;
    drop(handle);
    bob.expect_disconnected(key(1)).await;
    while events.recv().await.is_some() {}
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let alice = Node::new(1).await;
    let mut second = config(2);
    second.listen = alice.handle.local_addrs();
    let error = Net::start(second, std::sync::Arc::new(Toy::new(2))).await.err().unwrap();
    let port = alice.port_addr().port().to_string();
    assert!(
        error.to_string().starts_with("cannot listen on 127.0.0.1:") && error.to_string().contains(&port),
        "{error}"
    );
}

#[tokio::test]
async fn a_peer_that_breaks_the_application_s_protocol_loses_its_connection_and_nobody_else_does() {
    let (mut alice, mut bob, mut carol) = (Node::new(1).await, Node::new(2).await, Node::new(3).await);
    bob.join(&mut alice).await;
    carol.join(&mut alice).await;
    alice.handle.drop_connection(bob.key, "nonsense");
    let blamed = |event| matches!(event, NetEvent::PeerMisbehaved { reason, .. } if reason.contains("nonsense"));
    assert!(blamed(alice.event().await));
    let ended = |event| matches!(event, NetEvent::Disconnected { reason: Reason::Misbehaved(_), .. });
    assert!(ended(alice.event().await));
    let told = |event| matches!(event, NetEvent::Disconnected { reason: Reason::ByPeer(what), .. } if what.contains("nonsense"));
    assert!(told(bob.event().await));
    alice.check_talk(&mut carol).await;
}
