//! The one task that owns the swarm, the address book, and the decision which session stays.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use futures::StreamExt as _;
use libp2p::{
    Multiaddr, Swarm, SwarmBuilder,
    connection_limits::{self, ConnectionLimits},
    core::ConnectedPoint,
    identity::Keypair,
    noise,
    swarm::{ConnectionId, NetworkBehaviour, SwarmEvent, dial_opts::DialOpts},
    tcp, yamux,
};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
    time::{sleep_until, timeout},
};

use crate::{
    Binding, Limits, NetConfig, NetError, NetEvent, NetHandle, PeerAddr, PeerKey, Reason, Ways,
    book::Book,
    calls::{Calls, Permit},
    handle::{Command, Registry},
    handshake::{Admit, Remote, Shared},
    listen::{self, any_socket_addr, tcp_multiaddr},
    quic::{self, Quic},
    reason::quoted,
    session,
    streams::{self, Opened},
};

/// How long all sessions together may take to say goodbye.
const SHUTDOWN_MAX: Duration = Duration::from_secs(4);
/// libp2p's limit for opening a substream.
const SUBSTREAM_MAX: Duration = Duration::from_secs(10);
const COMMAND_QUEUE: usize = 64;
const NOTE_QUEUE: usize = 1024;

#[derive(NetworkBehaviour)]
#[behaviour(prelude = "libp2p::swarm::derive_prelude")]
pub(crate) struct Behaviour {
    limits: connection_limits::Behaviour,
    streams: streams::Behaviour,
}

/// What sessions and lookups tell the driver.
pub(crate) enum Note {
    Admit(Admit),
    /// A session's task is done; `lived` is set if there was a session.
    Ended {
        connection: ConnectionId,
        lived: Option<Duration>,
    },
    /// A connected peer said where it can be called.
    Places {
        key: PeerKey,
        places: Vec<PeerAddr>,
    },
    Resolved {
        key: PeerKey,
        place: String,
        found: Result<SocketAddr, String>,
        permit: Permit,
    },
}

/// A connection, from the moment that we hear of it.
struct Conn {
    addr: String,
    ip: Option<IpAddr>,
    dialled: Option<PeerKey>,
    /// Known once the session is granted.
    key: Option<PeerKey>,
    /// Whether it has a task, which then reports its end.
    started: bool,
    /// Taken when used.
    stop: Option<oneshot::Sender<Reason>>,
    /// Where to call over TCP if this call over QUIC comes to nothing.
    or_tcp: Option<SocketAddr>,
    /// Held by an outgoing call until there is a session.
    permit: Option<Permit>,
}

impl Conn {
    fn new(addr: String, ip: Option<IpAddr>, dialled: Option<PeerKey>) -> Self {
        Self { addr, ip, dialled, key: None, started: false, stop: None, or_tcp: None, permit: None }
    }

    fn stop(&mut self, reason: Reason) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(reason);
        }
    }
}

/// The session that stays, and the one that waits for its end.
struct Live {
    connection: ConnectionId,
    instance: u64,
    dialled_by_us: bool,
    since: Instant,
    successor: Option<Admit>,
}

impl Live {
    /// Whether the session stays although its peer asks for another. A peer calls only while it knows of no session. So
    /// either its call crossed ours and both are young, or it has lost this session: by a restart, or on its side only.
    fn stays(&self, request: &Admit, call_max: Duration) -> bool {
        let crossed = self.dialled_by_us != request.dialled_by_us && self.since.elapsed() <= call_max;
        self.instance == request.instance && crossed
    }
}

struct Driver {
    swarm: Swarm<Behaviour>,
    shared: Arc<Shared>,
    book: Book,
    calls: Calls,
    conns: HashMap<ConnectionId, Conn>,
    live: HashMap<PeerKey, Live>,
    /// UDP ports to be free at the end.
    quic_addrs: Vec<SocketAddr>,
    /// Sessions and lookups.
    tasks: JoinSet<()>,
}

pub(crate) async fn start(
    config: NetConfig,
    binding: Arc<dyn Binding>,
) -> Result<(NetHandle, mpsc::Receiver<NetEvent>), NetError> {
    let mut swarm = build_swarm(&config)?;
    let local_addrs = listen::all(&mut swarm, &config.listen, config.ways).await?;
    let peer_id: Arc<[u8]> = swarm.local_peer_id().to_bytes().into();
    let registry = Arc::new(Registry::default());
    // Room for the first events, so that nobody has to be reading yet.
    let (events, application) = mpsc::channel(config.limits.event_queue.max(1) + local_addrs.len());
    let (notes, noted) = mpsc::channel(NOTE_QUEUE);
    let (commands, commanded) = mpsc::channel(COMMAND_QUEUE);
    for addr in &local_addrs {
        let _ = events.try_send(NetEvent::Listening { addr: *addr });
    }
    let book = Book::new(&config.timing);
    let shared = Arc::new(Shared {
        config,
        binding,
        peer_id: Arc::clone(&peer_id),
        instance: rand::random(),
        listening: local_addrs.clone(),
        registry: Arc::clone(&registry),
        events,
        notes,
    });
    let driver = Driver {
        swarm,
        book,
        calls: Calls::default(),
        conns: HashMap::new(),
        live: HashMap::new(),
        quic_addrs: if shared.config.ways.quic { local_addrs.clone() } else { Vec::new() },
        shared,
        tasks: JoinSet::new(),
    };
    tokio::spawn(driver.run(commanded, noted));
    Ok((NetHandle { commands, registry, local_addrs: local_addrs.into(), peer_id }, application))
}

fn build_swarm(config: &NetConfig) -> Result<Swarm<Behaviour>, NetError> {
    let transport = |error: &dyn std::fmt::Display| NetError::Transport(error.to_string());
    // The copy is wiped by the call.
    let keypair = Keypair::ed25519_from_bytes(config.secret.0).map_err(|error| transport(&error))?;
    let Limits { inbound_max, inbound_pending_max, per_identity_max, .. } = config.limits;
    let limits = ConnectionLimits::default()
        .with_max_pending_incoming(Some(inbound_pending_max))
        .with_max_established_incoming(Some(inbound_max))
        .with_max_established_per_peer(Some(per_identity_max));
    let handshake_max = config.timing.handshake_max;
    let quic = Quic::new(&config.secret, &config.timing)?;
    let swarm = SwarmBuilder::with_existing_identity(keypair)
        .with_tokio()
        .with_tcp(tcp::Config::new(), noise::Config::new, yamux::Config::default)
        .map_err(|error| transport(&error))?
        .with_other_transport(|_| quic)
        .map_err(|error| transport(&error))?
        .with_behaviour(|_| Behaviour {
            limits: connection_limits::Behaviour::new(limits),
            streams: streams::Behaviour::default(),
        })
        .map_err(|error| transport(&error))?
        .with_swarm_config(|swarm| {
            swarm.with_idle_connection_timeout(handshake_max).with_max_negotiating_inbound_streams(4)
        })
        .with_connection_timeout(handshake_max)
        .build();
    Ok(swarm)
}

impl Driver {
    async fn run(mut self, mut commands: mpsc::Receiver<Command>, mut notes: mpsc::Receiver<Note>) {
        let done = loop {
            let due = self.book.next_due(self.calls.free());
            tokio::select! {
                event = self.swarm.select_next_some() => self.on_swarm(event),
                // Never `None`: `shared` holds a sender.
                Some(note) = notes.recv() => self.on_note(note),
                command = commands.recv() => match command {
                    Some(Command::Add(addr)) => self.add_peer(addr),
                    Some(Command::Hint(addr)) => self.hint_peer(addr),
                    Some(Command::Forget(key)) => self.book.forget(key),
                    Some(Command::Remove(key)) => self.remove_peer(key),
                    Some(Command::Drop(key, what)) => self.drop_connection(key, &what),
                    Some(Command::Shutdown(done)) => break Some(done),
                    None => break None,
                },
                () = until(due) => self.dial_due(),
                Some(_) = self.tasks.join_next() => {}
            }
        };
        // `timeout` bounds peers that do not listen to goodbyes; what is left is cut off with the swarm.
        let _ = timeout(SHUTDOWN_MAX, self.say_goodbye(&mut notes)).await;
        let listened = std::mem::take(&mut self.quic_addrs);
        drop(self);
        let _ = timeout(SHUTDOWN_MAX, listen::freed(&listened)).await;
        if let Some(done) = done {
            let _ = done.send(());
        }
    }

    async fn say_goodbye(&mut self, notes: &mut mpsc::Receiver<Note>) {
        for conn in self.conns.values_mut() {
            conn.stop(Reason::ShuttingDown);
        }
        for live in self.live.values_mut() {
            live.successor = None;
        }
        while !self.tasks.is_empty() {
            tokio::select! {
                _ = self.swarm.select_next_some() => {}
                late = notes.recv() => drop(late),
                Some(_) = self.tasks.join_next() => {}
            }
        }
    }

    fn add_peer(&mut self, addr: PeerAddr) {
        let connected = self.live.contains_key(&addr.key);
        self.book.add(addr, connected, Instant::now());
    }

    fn hint_peer(&mut self, addr: PeerAddr) {
        let connected = self.live.contains_key(&addr.key);
        self.book.hint(addr, connected, Instant::now());
    }

    fn remove_peer(&mut self, key: PeerKey) {
        let _ = self.book.remove(key);
        for conn in self.conns.values_mut().filter(|conn| conn.key == Some(key) || conn.dialled == Some(key)) {
            conn.stop(Reason::Removed);
        }
    }

    /// The application found that the peer breaks the protocol above this one.
    fn drop_connection(&mut self, key: PeerKey, what: &str) {
        for conn in self.conns.values_mut().filter(|conn| conn.key == Some(key)) {
            conn.stop(Reason::Misbehaved(what.into()));
        }
    }

    fn dial_due(&mut self) {
        while let Some((addr, round)) = self.book.take_due(Instant::now(), self.calls.free()) {
            let Some(permit) = self.calls.permit(self.book.is_hint(addr.key)) else {
                // Not after what `free` said; the call counts as made.
                self.book.failed(addr.key, Instant::now(), rand::random());
                continue;
            };
            let notes = self.shared.notes.clone();
            let lookup_max = self.shared.config.timing.handshake_max;
            self.tasks.spawn(async move {
                let found = timeout(lookup_max, resolve(&addr, round)).await;
                let found = found.unwrap_or_else(|_| Err("the name lookup took too long".into()));
                let _ = notes.send(Note::Resolved { key: addr.key, place: addr.place(), found, permit }).await;
            });
        }
    }

    fn on_note(&mut self, note: Note) {
        match note {
            Note::Admit(request) => self.admit(request),
            Note::Ended { connection, lived } => self.on_ended(connection, lived),
            Note::Places { key, places } => self.book.learn(key, &places),
            Note::Resolved { key, place, found, permit } => match found {
                Ok(addr) => self.dial(key, place, addr, permit),
                Err(error) => self.attempt_failed(key, place, Reason::Unreachable(error)),
            },
        }
    }

    fn dial(&mut self, key: PeerKey, place: String, addr: SocketAddr, permit: Permit) {
        if !self.book.contains(key) {
            return;
        }
        if self.live.contains_key(&key) {
            // It called us while we looked its name up.
            self.book.connected(key);
            return;
        }
        let Ways { quic, tcp } = self.shared.config.ways;
        let conn = Conn { permit: Some(permit), ..Conn::new(place, Some(addr.ip()), Some(key)) };
        if quic {
            self.call(Conn { or_tcp: tcp.then_some(addr), ..conn }, key, quic::multiaddr(addr));
        } else {
            self.call(conn, key, tcp_multiaddr(addr));
        }
    }

    fn call(&mut self, conn: Conn, key: PeerKey, addr: Multiaddr) {
        // Over TCP a port of its own: with the listener's port, a quick second call would collide with the first one's remains.
        let opts = DialOpts::unknown_peer_id().address(addr).allocate_new_port().build();
        let connection = opts.connection_id();
        self.conns.insert(connection, conn);
        if let Err(error) = self.swarm.dial(opts)
            && let Some(conn) = self.conns.remove(&connection)
        {
            self.call_failed(conn, key, Reason::Unreachable(in_full(&error)));
        }
    }

    /// Nobody answered: the other way, if there is one left.
    fn call_failed(&mut self, conn: Conn, key: PeerKey, reason: Reason) {
        match conn.or_tcp {
            Some(addr) if self.book.contains(key) && !self.live.contains_key(&key) => {
                tracing::debug!(peer = %key, addr = %conn.addr, %reason, "no answer over QUIC, trying TCP");
                let again = Conn { permit: conn.permit, ..Conn::new(conn.addr, conn.ip, Some(key)) };
                self.call(again, key, tcp_multiaddr(addr));
            }
            _ => self.attempt_failed(key, conn.addr, reason),
        }
    }

    fn attempt_failed(&mut self, key: PeerKey, addr: String, reason: Reason) {
        tracing::debug!(peer = %key, %addr, %reason, "call failed");
        self.book.failed(key, Instant::now(), rand::random());
        let _ = self.shared.events.try_send(NetEvent::Refused { addr, reason });
    }

    fn on_swarm(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(BehaviourEvent::Streams(opened)) => self.on_opened(opened),
            SwarmEvent::ConnectionEstablished {
                connection_id,
                endpoint: ConnectedPoint::Listener { send_back_addr, .. },
                ..
            } => {
                let ip = any_socket_addr(&send_back_addr).map(|addr| addr.ip());
                self.conns.insert(connection_id, Conn::new(place_of(&send_back_addr), ip, None));
            }
            SwarmEvent::OutgoingConnectionError { connection_id, error, .. } => {
                self.never_talked(connection_id, Reason::Unreachable(in_full(&error)));
            }
            SwarmEvent::ConnectionClosed { connection_id, cause, .. } => {
                let cause = cause.map_or_else(|| "it was never used".into(), |cause| in_full(&cause));
                self.never_talked(connection_id, Reason::Lost(cause));
            }
            SwarmEvent::IncomingConnectionError { send_back_addr, error, .. } => {
                let reason = Reason::Unreachable(format!("the caller did not get through: {}", in_full(&error)));
                let _ = self.shared.events.try_send(NetEvent::Refused { addr: place_of(&send_back_addr), reason });
            }
            _ => {}
        }
    }

    /// Starts the session's task.
    fn on_opened(&mut self, opened: Opened) {
        let Opened { connection, remote: peer_id, stream } = opened;
        let stream = match stream {
            Ok(stream) => stream,
            Err(error) => {
                self.never_talked(connection, Reason::Unreachable(error));
                self.swarm.close_connection(connection);
                return;
            }
        };
        let Some(conn) = self.conns.get_mut(&connection) else { return };
        if conn.dialled.is_some_and(|key| !self.book.contains(key)) {
            // Removed while we were calling.
            self.conns.remove(&connection);
            self.swarm.close_connection(connection);
            return;
        }
        let (stop, stopped) = oneshot::channel();
        conn.stop = Some(stop);
        conn.started = true;
        let remote = Remote { connection, peer_id, addr: conn.addr.clone(), ip: conn.ip, dialled: conn.dialled };
        self.tasks.spawn(session::run(Arc::clone(&self.shared), remote, stream, stopped));
    }

    /// A connection is gone. If it had a task, that task finds out and reports.
    fn never_talked(&mut self, connection: ConnectionId, reason: Reason) {
        if self.conns.get(&connection).is_some_and(|conn| !conn.started)
            && let Some(conn) = self.conns.remove(&connection)
        {
            match conn.dialled {
                Some(key) => self.call_failed(conn, key, reason),
                None => {
                    let _ = self.shared.events.try_send(NetEvent::Refused { addr: conn.addr, reason });
                }
            }
        }
    }

    /// One session a peer. See the handshake for why the other side cannot disagree.
    fn admit(&mut self, request: Admit) {
        let Some(live) = self.live.get_mut(&request.key) else { return self.grant(request) };
        let call_max = 2 * self.shared.config.timing.handshake_max + SUBSTREAM_MAX;
        if request.ours_to_decide && live.stays(&request, call_max) {
            let _ = request.answer.send(None);
            return;
        }
        if let Some(overtaken) = live.successor.replace(request) {
            let _ = overtaken.answer.send(None);
        }
        if let Some(conn) = self.conns.get_mut(&live.connection) {
            conn.stop(Reason::Replaced);
        }
    }

    fn grant(&mut self, request: Admit) {
        let Admit { connection, key, instance, dialled_by_us, answer, .. } = request;
        // Its task has ended in the meantime.
        let Some(conn) = self.conns.get_mut(&connection) else { return };
        conn.key = Some(key);
        conn.permit = None;
        let Limits { control_queue, bulk_queue, .. } = self.shared.config.limits;
        let inbox = self.shared.registry.open(key, connection, control_queue, bulk_queue);
        self.live.insert(key, Live { connection, instance, dialled_by_us, since: Instant::now(), successor: None });
        self.book.connected(key);
        // If nobody takes it, the task's end is on its way here.
        let _ = answer.send(Some(inbox));
    }

    fn on_ended(&mut self, connection: ConnectionId, lived: Option<Duration>) {
        self.swarm.close_connection(connection);
        let Some(conn) = self.conns.remove(&connection) else { return };
        let now = Instant::now();
        if let Some(key) = conn.dialled {
            self.book.failed(key, now, rand::random());
        }
        let Some(key) = conn.key else { return };
        self.shared.registry.close(key, connection);
        if self.live.get(&key).is_some_and(|live| live.connection == connection) {
            let successor = self.live.remove(&key).and_then(|live| live.successor);
            self.book.lost(key, lived.unwrap_or_default(), now, rand::random());
            if let Some(successor) = successor {
                self.grant(successor);
            }
        }
    }
}

/// Waits for ever if nobody is due.
async fn until(due: Option<Instant>) {
    match due {
        Some(at) => sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

/// Looks the host up, and takes the next of several addresses in each round.
async fn resolve(addr: &PeerAddr, round: usize) -> Result<SocketAddr, String> {
    let found: Vec<_> = match addr.host.parse::<IpAddr>() {
        Ok(ip) => vec![SocketAddr::new(ip, addr.port)],
        Err(_) => {
            let found = tokio::net::lookup_host((addr.host.as_str(), addr.port)).await;
            found.map_err(|error| format!("cannot look {} up: {error}", addr.host))?.collect()
        }
    };
    let index = round.checked_rem(found.len());
    index.map(|index| found[index]).ok_or_else(|| format!("{} has no address", addr.host))
}

/// An error and its causes, without what a cause merely repeats.
fn in_full(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    quoted(&text)
}

/// For people: `ip:port` where possible.
fn place_of(addr: &Multiaddr) -> String {
    any_socket_addr(addr).map_or_else(|| addr.to_string(), |addr| addr.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_crossing_calls_of_one_process_leave_the_first_session() {
        let call_max = Duration::from_secs(30);
        let stays = |age_s: u64, dialled_by_us: bool, instance: u64| {
            let live = Live {
                connection: ConnectionId::new_unchecked(1),
                instance: 7,
                dialled_by_us: true,
                since: Instant::now().checked_sub(Duration::from_secs(age_s)).unwrap(),
                successor: None,
            };
            let (answer, _) = oneshot::channel();
            let connection = ConnectionId::new_unchecked(2);
            let key = PeerKey([1; 20]);
            live.stays(&Admit { connection, key, instance, dialled_by_us, ours_to_decide: true, answer }, call_max)
        };
        assert!(stays(0, false, 7), "both called at once");
        assert!(!stays(0, true, 7), "our own older call is lost");
        assert!(!stays(0, false, 8), "the peer has restarted");
        assert!(!stays(31, false, 7), "the peer would have known of so old a session");
    }
}
