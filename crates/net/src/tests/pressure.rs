use super::node::{Node, Toy, config, key};
use crate::{BULK_MAX, Class, Payload, SendError};

/// A node that lets hardly anything wait for its application.
async fn sluggish(id: u8) -> Node {
    let mut config = config(id);
    config.limits.event_queue = 1;
    Node::with(config, Toy::new(id)).await
}

fn numbered(number: usize) -> Payload {
    let mut bytes = vec![0; BULK_MAX];
    bytes[..8].copy_from_slice(&(number as u64).to_be_bytes());
    Payload::Bulk(bytes)
}

/// Sends until nothing more is taken, everywhere on the way. Returns how many were.
async fn fill(from: &Node, to: crate::PeerKey) -> usize {
    let mut sent = 0;
    let patience = std::time::Duration::from_millis(300);
    // The buffers on the way are full when the queue stays full.
    while tokio::time::timeout(patience, from.handle.send_when_ready(to, numbered(sent))).await.is_ok() {
        sent += 1;
        assert!(sent < 1000, "there must be an end");
    }
    sent
}

#[tokio::test]
async fn a_slow_peer_holds_up_its_own_bulk_and_nobody_else() {
    let (mut alice, mut slow, mut carol) = (Node::new(1).await, sluggish(2).await, Node::new(3).await);
    alice.join(&mut slow).await;
    alice.join(&mut carol).await;

    let sent = fill(&alice, slow.key).await;
    assert_eq!(alice.handle.send(slow.key, numbered(sent)), Err(SendError::QueueFull(slow.key)));
    alice.check_talk(&mut carol).await;

    // A control message overtakes the bulk that still waits here.
    alice.handle.send(slow.key, Payload::Control(b"urgent".to_vec())).unwrap();
    let mut overtaken = None;
    for arrived in 0..sent {
        let (mut class, mut bytes) = slow.expect_message(alice.key).await;
        if class == Class::Control {
            overtaken = Some(sent - arrived);
            (class, bytes) = slow.expect_message(alice.key).await;
        }
        assert_eq!((class, &bytes[..8]), (Class::Bulk, &(arrived as u64).to_be_bytes()[..]));
        assert_eq!(bytes.len(), BULK_MAX);
    }
    assert!(overtaken.unwrap() >= 8, "the whole queue of bulk was overtaken: {overtaken:?}");
    alice.check_talk(&mut slow).await;
}

#[tokio::test]
async fn many_bulk_messages_flow_to_a_reader() {
    let (mut alice, mut bob) = (Node::new(1).await, sluggish(2).await);
    alice.join(&mut bob).await;
    let handle = alice.handle.clone();
    let sending = tokio::spawn(async move {
        for number in 0..64 {
            handle.send_when_ready(key(2), numbered(number)).await.unwrap();
        }
    });
    for number in 0..64u64 {
        let (class, bytes) = bob.expect_message(alice.key).await;
        assert_eq!((class, &bytes[..8]), (Class::Bulk, &number.to_be_bytes()[..]));
    }
    sending.await.unwrap();
}
