//! For fuzzing only: what a stranger's bytes meet before anything else of this crate does, without sockets.

use std::sync::Arc;

use futures::executor::block_on;
use tokio::sync::mpsc;

use crate::{
    Binding, NetHandle,
    frame::{Body, FRAME_MAX, read_frame},
    hello,
};

/// Reads frame after frame as a session does and checks hellos as a handshake does; how many frames there were. What is read is
/// written as the same thing, or this panics.
pub fn frames(mut bytes: &[u8], binding: &dyn Binding, remote_peer_id: &[u8]) -> usize {
    let mut count = 0;
    while let Ok(body) = block_on(read_frame(&mut bytes, FRAME_MAX)) {
        count += 1;
        let mut written = Vec::new();
        body.clone().write_to(&mut written);
        let again = block_on(read_frame(&mut &written[..], written.len()));
        assert!(again.is_ok_and(|again| again == body), "what was read is written as something else");
        if let Body::Hello(wire) = &body
            && let Ok(theirs) = wire.parse()
        {
            let ours = binding.hello(b"us");
            // Whether it is accepted is the binding's business.
            let _ = hello::check(binding, &ours, remote_peer_id, &theirs, Some(theirs.key));
        }
    }
    count
}

/// The handle of a network that was shut down.
pub fn stopped() -> NetHandle {
    let (commands, _) = mpsc::channel(1);
    NetHandle { commands, registry: Arc::default(), local_addrs: Arc::new([]), peer_id: Arc::new([]) }
}

/// The bytes of a hello in its frame.
pub fn hello_frame(hello: &crate::Hello) -> Vec<u8> {
    let mut out = Vec::new();
    Body::Hello(crate::frame::WireHello::new(hello, 7)).write_to(&mut out);
    out
}

/// Frames of every other kind, one after the other.
pub fn other_frames() -> Vec<u8> {
    use crate::frame::{Accept, Alive, Close, Fragment, Places};
    let mut out = Vec::new();
    let bodies = [
        Body::Accept(Accept {}),
        Body::Control("hello".into()),
        Body::Bulk(Fragment { piece: "piece".into(), last: false }),
        Body::Bulk(Fragment { piece: "last".into(), last: true }),
        Body::Alive(Alive {}),
        Body::Places(Places { announced: vec!["h:1".into()], listening: vec!["0.0.0.0:9735".into()] }),
        Body::Close(Close { reason: "bye".into(), duplicate: true }),
    ];
    bodies.into_iter().for_each(|body| body.write_to(&mut out));
    out
}
