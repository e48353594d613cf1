//! What the application holds: the way in for commands and payloads.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use libp2p::swarm::ConnectionId;
use tokio::sync::{
    mpsc::{self, error::TrySendError},
    oneshot,
};

use crate::{BULK_MAX, Binding, CONTROL_MAX, NetConfig, NetEvent, Payload, PeerAddr, PeerKey, driver};

/// Entry point.
#[derive(Debug)]
pub struct Net;

/// Why the network cannot start or obey.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetError {
    /// An address to listen on is not ours or is taken.
    #[error("cannot listen on {addr} ({}): {source}", if *.quic { "UDP, for QUIC" } else { "TCP" })]
    Listen {
        /// Which port: UDP or TCP.
        quic: bool,
        /// The address in the configuration.
        addr: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The transport could not be set up.
    #[error("cannot set up the transport: {0}")]
    Transport(String),
    /// The network has been shut down.
    #[error("the network of this node has been shut down")]
    Stopped,
}

/// Why a payload was not taken. None of it was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// No session with this peer at the moment.
    #[error("{0} is not connected")]
    NotConnected(PeerKey),
    /// The peer takes less than we send.
    #[error("too much is waiting for {0} already")]
    QueueFull(PeerKey),
    /// Our own fault: the payload exceeds its class.
    #[error("{bytes} bytes are too many for one message, the limit is {max}")]
    TooLarge {
        /// Size of the payload.
        bytes: usize,
        /// Limit of its class.
        max: usize,
    },
}

impl Net {
    /// Starts listening and returns once every address is bound. Needs a tokio runtime with I/O and time. Dropping the
    /// last handle shuts the network down; dropping the receiver of events ends every session.
    pub async fn start(
        config: NetConfig,
        binding: Arc<dyn Binding>,
    ) -> Result<(NetHandle, mpsc::Receiver<NetEvent>), NetError> {
        driver::start(config, binding).await
    }
}

/// Commands to a running network. Clones share it.
#[derive(Clone, Debug)]
pub struct NetHandle {
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) local_addrs: Arc<[SocketAddr]>,
    pub(crate) peer_id: Arc<[u8]>,
}

#[derive(Debug)]
pub(crate) enum Command {
    Add(PeerAddr),
    Hint(PeerAddr),
    Forget(PeerKey),
    Remove(PeerKey),
    Drop(PeerKey, String),
    Shutdown(oneshot::Sender<()>),
}

impl NetHandle {
    /// Remembers where a peer is, connects to it, and connects again whenever the connection is lost. The newest of its places are
    /// tried first.
    pub async fn add_peer(&self, addr: PeerAddr) -> Result<(), NetError> {
        self.commands.send(Command::Add(addr)).await.map_err(|_| NetError::Stopped)
    }

    /// What somebody else says of where a peer is: tried after what is known. A peer that was not added is called three times and then
    /// forgotten.
    pub async fn hint_peer(&self, addr: PeerAddr) -> Result<(), NetError> {
        self.commands.send(Command::Hint(addr)).await.map_err(|_| NetError::Stopped)
    }

    /// Forgets a peer of whom there are only hints; one that was added stays. A connection that stands goes on.
    pub async fn forget_peer(&self, peer: PeerKey) -> Result<(), NetError> {
        self.commands.send(Command::Forget(peer)).await.map_err(|_| NetError::Stopped)
    }

    /// Forgets a peer's address and ends its connection. The peer may still come by itself.
    pub async fn remove_peer(&self, peer: PeerKey) -> Result<(), NetError> {
        self.commands.send(Command::Remove(peer)).await.map_err(|_| NetError::Stopped)
    }

    /// Ends the connection of a peer that broke the application's protocol, and tells it why. Its address is kept: whether it is
    /// called again is the same question as after any lost connection. Never waits.
    pub fn drop_connection(&self, peer: PeerKey, what: impl Into<String>) {
        // If the queue is full the peer will misbehave again.
        let _ = self.commands.try_send(Command::Drop(peer, what.into()));
    }

    /// Hands a payload to the peer's connection, or says at once why not. Delivery is not acknowledged here: if the
    /// connection ends, what was queued may be lost, and `Disconnected` says so.
    pub fn send(&self, peer: PeerKey, payload: Payload) -> Result<(), SendError> {
        check_size(&payload)?;
        let outbox = self.registry.outbox(peer)?;
        let (queue, bytes) = outbox.queue_for(payload);
        queue.try_send(bytes).map_err(|error| match error {
            TrySendError::Full(_) => SendError::QueueFull(peer),
            TrySendError::Closed(_) => SendError::NotConnected(peer),
        })
    }

    /// The same, but waits for room in the queue: the way to send many bulk messages.
    pub async fn send_when_ready(&self, peer: PeerKey, payload: Payload) -> Result<(), SendError> {
        check_size(&payload)?;
        let outbox = self.registry.outbox(peer)?;
        let (queue, bytes) = outbox.queue_for(payload);
        queue.send(bytes).await.map_err(|_| SendError::NotConnected(peer))
    }

    /// Peers with a session at this moment.
    pub fn connected(&self) -> Vec<PeerKey> {
        self.registry.lock().keys().copied().collect()
    }

    /// False once the network has been shut down.
    pub fn is_running(&self) -> bool {
        !self.commands.is_closed()
    }

    /// Where we listen, with real ports.
    pub fn local_addrs(&self) -> Vec<SocketAddr> {
        self.local_addrs.to_vec()
    }

    /// Our transport identity, as [`Binding`] sees it.
    pub fn peer_id(&self) -> &[u8] {
        &self.peer_id
    }

    /// Says goodbye to all peers and frees the ports. Returns when that is done, within a few seconds.
    pub async fn shutdown(&self) {
        let (done, wait) = oneshot::channel();
        // If the driver is gone already there is nothing to wait for.
        if self.commands.send(Command::Shutdown(done)).await.is_ok() {
            let _ = wait.await;
        }
    }
}

fn check_size(payload: &Payload) -> Result<(), SendError> {
    let (bytes, max) = match payload {
        Payload::Control(bytes) => (bytes.len(), CONTROL_MAX),
        Payload::Bulk(bytes) => (bytes.len(), BULK_MAX),
    };
    if bytes > max { Err(SendError::TooLarge { bytes, max }) } else { Ok(()) }
}

/// The queues of all live sessions.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    outboxes: Mutex<HashMap<PeerKey, Outbox>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Outbox {
    session: ConnectionId,
    control: mpsc::Sender<Vec<u8>>,
    bulk: mpsc::Sender<Vec<u8>>,
}

/// The session's ends of the queues.
#[derive(Debug)]
pub(crate) struct Inbox {
    pub(crate) control: mpsc::Receiver<Vec<u8>>,
    pub(crate) bulk: mpsc::Receiver<Vec<u8>>,
}

impl Outbox {
    fn queue_for(self, payload: Payload) -> (mpsc::Sender<Vec<u8>>, Vec<u8>) {
        match payload {
            Payload::Control(bytes) => (self.control, bytes),
            Payload::Bulk(bytes) => (self.bulk, bytes),
        }
    }
}

impl Registry {
    /// Opens the queues of a session.
    pub(crate) fn open(&self, peer: PeerKey, session: ConnectionId, control: usize, bulk: usize) -> Inbox {
        let (control, control_end) = mpsc::channel(control.max(1));
        let (bulk, bulk_end) = mpsc::channel(bulk.max(1));
        self.lock().insert(peer, Outbox { session, control, bulk });
        Inbox { control: control_end, bulk: bulk_end }
    }

    /// Closes them, unless a later session of the peer has taken the place.
    pub(crate) fn close(&self, peer: PeerKey, session: ConnectionId) {
        let mut outboxes = self.lock();
        if outboxes.get(&peer).is_some_and(|outbox| outbox.session == session) {
            outboxes.remove(&peer);
        }
    }

    fn outbox(&self, peer: PeerKey) -> Result<Outbox, SendError> {
        self.lock().get(&peer).cloned().ok_or(SendError::NotConnected(peer))
    }

    /// Nothing that can panic runs under the lock.
    fn lock(&self) -> MutexGuard<'_, HashMap<PeerKey, Outbox>> {
        self.outboxes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
