//! From a fresh substream to a peer with a name.
//!
//! Both sides send their hello. Each checks the other's. The side with the larger key then accepts; the side with the
//! smaller key asks the driver, which grants one session a peer, and accepts in turn. So a session exists only if both
//! hellos were good, and both sides agree on which of several it is.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use futures::{
    AsyncReadExt as _, AsyncWriteExt as _,
    io::{BufReader, ReadHalf, WriteHalf},
};
use libp2p::{PeerId, Stream, swarm::ConnectionId};
use tokio::sync::{mpsc, oneshot};

use crate::{
    Binding, NetConfig, NetEvent, PeerKey, Reason,
    driver::Note,
    frame::{Accept, Body, Close, GREETING_MAX, ReadError, WireHello, read_frame},
    handle::{Inbox, Registry},
    hello,
    reason::quoted,
};

/// What all sessions share.
pub(crate) struct Shared {
    pub(crate) config: NetConfig,
    pub(crate) binding: Arc<dyn Binding>,
    pub(crate) peer_id: Arc<[u8]>,
    pub(crate) instance: u64,
    /// Where we listen.
    pub(crate) listening: Vec<SocketAddr>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) events: mpsc::Sender<NetEvent>,
    pub(crate) notes: mpsc::Sender<Note>,
}

/// Who is at the other end, before it has said so.
pub(crate) struct Remote {
    pub(crate) connection: ConnectionId,
    pub(crate) peer_id: PeerId,
    pub(crate) addr: String,
    /// Its IP address.
    pub(crate) ip: Option<IpAddr>,
    /// Whom we called; `None` if the other side called.
    pub(crate) dialled: Option<PeerKey>,
}

/// A request for the one session with a peer.
pub(crate) struct Admit {
    pub(crate) connection: ConnectionId,
    pub(crate) key: PeerKey,
    pub(crate) instance: u64,
    pub(crate) dialled_by_us: bool,
    /// Whether ours is the smaller key. If it is not, the peer has decided already.
    pub(crate) ours_to_decide: bool,
    pub(crate) answer: oneshot::Sender<Option<Inbox>>,
}

/// A named peer and the queues of its session.
pub(crate) struct Greeted {
    pub(crate) key: PeerKey,
    pub(crate) features: u64,
    pub(crate) inbox: Inbox,
}

/// The two halves of the substream.
pub(crate) struct Link {
    pub(crate) reader: BufReader<ReadHalf<Stream>>,
    pub(crate) writer: WriteHalf<Stream>,
}

impl Link {
    pub(crate) fn new(stream: Stream) -> Self {
        let (reader, writer) = stream.split();
        Self { reader: BufReader::new(reader), writer }
    }

    async fn write(&mut self, body: Body) -> Result<(), Reason> {
        write(&mut self.writer, body).await
    }

    async fn read(&mut self) -> Result<Body, Reason> {
        read_frame(&mut self.reader, GREETING_MAX).await.map_err(Reason::from)
    }
}

pub(crate) async fn write(writer: &mut WriteHalf<Stream>, body: Body) -> Result<(), Reason> {
    let mut bytes = Vec::new();
    body.write_to(&mut bytes);
    writer.write_all(&bytes).await.map_err(lost)?;
    writer.flush().await.map_err(lost)
}

pub(crate) fn lost(error: std::io::Error) -> Reason {
    Reason::Lost(error.to_string())
}

impl From<ReadError> for Reason {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Malformed(what) => Self::Misbehaved(what),
            ReadError::Io(error) => lost(error),
        }
    }
}

impl From<Close> for Reason {
    fn from(close: Close) -> Self {
        if close.duplicate { Self::Duplicate } else { Self::ByPeer(quoted(&close.reason)) }
    }
}

/// The whole handshake. The caller limits its time.
pub(crate) async fn greet(shared: &Shared, link: &mut Link, remote: &Remote) -> Result<Greeted, Reason> {
    let ours = shared.binding.hello(&shared.peer_id);
    link.write(Body::Hello(WireHello::new(&ours, shared.instance))).await?;
    let wire = match link.read().await? {
        Body::Hello(wire) => wire,
        Body::Close(close) => return Err(close.into()),
        _ => return Err(Reason::Misbehaved("another frame before the hello".into())),
    };
    let theirs = wire.parse().map_err(Reason::Misbehaved)?;
    let remote_id = remote.peer_id.to_bytes();
    let key = hello::check(shared.binding.as_ref(), &ours, &remote_id, &theirs, remote.dialled)?;

    let ours_to_decide = ours.key < key;
    if !ours_to_decide {
        link.write(Body::Accept(Accept {})).await?;
    }
    match link.read().await? {
        Body::Accept(_) => {}
        Body::Close(close) => return Err(close.into()),
        _ => return Err(Reason::Misbehaved("another frame before the session was accepted".into())),
    }
    let inbox = admit(shared, remote, key, wire.instance, ours_to_decide).await?;
    if ours_to_decide {
        link.write(Body::Accept(Accept {})).await?;
    }
    Ok(Greeted { key, features: theirs.feature_bits, inbox })
}

async fn admit(
    shared: &Shared,
    remote: &Remote,
    key: PeerKey,
    instance: u64,
    ours_to_decide: bool,
) -> Result<Inbox, Reason> {
    let (answer, granted) = oneshot::channel();
    let request = Admit {
        connection: remote.connection,
        key,
        instance,
        dialled_by_us: remote.dialled.is_some(),
        ours_to_decide,
        answer,
    };
    shared.notes.send(Note::Admit(request)).await.map_err(|_| Reason::ShuttingDown)?;
    granted.await.map_err(|_| Reason::ShuttingDown)?.ok_or(Reason::Duplicate)
}
