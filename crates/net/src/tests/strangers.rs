//! Peers that do not fit, and things that are no peers.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use super::node::{Node, PATIENCE, Toy, config, key};
use crate::{Mismatch, NetEvent, Reason};

/// Bob differs from Alice by `change`; both must learn why there is no connection, and Carol must not notice.
async fn check_refused(change: impl FnOnce(&mut Toy), expected: Mismatch, bob_hears: &str) {
    let (mut alice, mut carol) = (Node::new(1).await, Node::new(3).await);
    carol.join(&mut alice).await;
    let mut toy = Toy::new(2);
    change(&mut toy);
    let mut bob = Node::with(config(2), toy).await;

    bob.handle.add_peer(alice.addr()).await.unwrap();
    assert_eq!(alice.expect_refused().await, Reason::Incompatible(expected));
    let heard = bob.expect_refused().await.to_string();
    assert!(heard.contains(bob_hears), "{heard}");
    assert!(bob.handle.connected().is_empty());

    // Bob keeps calling; his calls may come between the messages.
    bob.handle.remove_peer(alice.key).await.unwrap();
    alice.handle.send(carol.key, crate::Payload::Control(b"still here".to_vec())).unwrap();
    assert_eq!(carol.expect_message(alice.key).await.1, b"still here");
}

#[tokio::test]
async fn another_version_is_refused() {
    let expected = Mismatch::Version { ours: 1, theirs: 2 };
    check_refused(|bob| bob.hello.version = 2, expected, "protocol version").await;
}

#[tokio::test]
async fn another_chain_is_refused() {
    let expected = Mismatch::ChainId { ours: 1337, theirs: 1 };
    check_refused(|bob| bob.hello.chain_id = 1, expected, "chain id").await;
}

#[tokio::test]
async fn another_adjudicator_is_refused() {
    let expected = Mismatch::Adjudicator { ours: [0xad; 20], theirs: [1; 20] };
    check_refused(|bob| bob.hello.adjudicator = [1; 20], expected, "adjudicator 0x").await;
}

#[tokio::test]
async fn an_unknown_required_feature_is_refused() {
    let change = |bob: &mut Toy| bob.hello.feature_bits = 1 << 40;
    check_refused(change, Mismatch::Feature { bit: 40 }, "feature bit 40").await;
}

#[tokio::test]
async fn a_forged_identity_is_refused() {
    let expected = Mismatch::Identity("the signature is not by this key".into());
    check_refused(|bob| bob.forge = true, expected, "the identity does not hold").await;
}

#[tokio::test]
async fn our_own_key_is_refused() {
    check_refused(|bob| bob.hello.key = key(1), Mismatch::SameKey(key(1)), "the same key").await;
}

#[tokio::test]
async fn somebody_else_at_the_address_is_refused() {
    let (mut alice, mut bob) = (Node::new(1).await, Node::new(2).await);
    let mut addr = bob.addr();
    addr.key = key(9);
    alice.handle.add_peer(addr).await.unwrap();
    let expected = Mismatch::WrongPeer { expected: key(9), found: key(2) };
    assert_eq!(alice.expect_refused().await, Reason::Incompatible(expected));
    assert!(matches!(bob.expect_refused().await, Reason::ByPeer(text) if text.contains("instead of")));
}

#[tokio::test]
async fn nobody_at_the_address_is_reported() {
    let mut alice = Node::new(1).await;
    let mut addr = alice.addr();
    addr.key = key(9);
    addr.port = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap().port()
    };
    let place = addr.place();
    alice.handle.add_peer(addr).await.unwrap();
    match alice.event().await {
        NetEvent::Refused { addr, reason: Reason::Unreachable(text) } => {
            assert_eq!(addr, place);
            assert!(text.contains("refused"), "{text}");
        }
        event => panic!("{event:?}"),
    }
}

#[tokio::test]
async fn garbage_on_the_port_costs_only_its_own_connection() {
    let (mut alice, mut carol) = (Node::new(1).await, Node::new(3).await);
    carol.join(&mut alice).await;
    let noise: Vec<u8> = (0..4096u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for garbage in
        [&b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..], &[0xff; 1000], &[0; 1000], b"\x13/multistream/1.0.0\nx", &noise]
    {
        let mut socket = TcpStream::connect(alice.port_addr()).await.unwrap();
        // The other side may have closed already.
        let _ = socket.write_all(garbage).await;
        let _ = socket.shutdown().await;
        let mut rest = Vec::new();
        let _ = timeout(PATIENCE, socket.read_to_end(&mut rest)).await.expect("the connection is closed");
        assert!(matches!(alice.expect_refused().await, Reason::Unreachable(_)));
        alice.check_talk(&mut carol).await;
    }
}
