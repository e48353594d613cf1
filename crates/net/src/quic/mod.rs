//! QUIC as a transport of libp2p, on quinn.
//!
//! libp2p has such a transport itself. It ties the connection to the identity with a self-signed certificate and brings a second
//! cryptographic library in C, with a build system of its own; here the transport key is shown as what it is, and the library is
//! the one that Noise uses already.

mod muxer;
mod tls;

use std::{
    collections::VecDeque,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use futures::{FutureExt as _, future::BoxFuture};
use libp2p::{
    Multiaddr, PeerId, Transport,
    core::{
        multiaddr::Protocol,
        muxing::StreamMuxerBox,
        transport::{DialOpts, ListenerId, TransportError, TransportEvent},
    },
};
use quinn::{Endpoint, EndpointConfig, TokioRuntime, TransportConfig, VarInt};
use tokio::time::timeout;

use crate::{NetError, Timing, TransportSecret};

/// What one side may have on the way to the other, bytes: bounds the memory that a peer can occupy.
const WINDOW: u32 = 1 << 20;
/// A connection has one substream; a few more are told apart from none, and dropped.
const STREAMS_MAX: u32 = 4;
/// Assumed before anything was measured: decides when the first packet is sent again.
const FIRST_RTT: Duration = Duration::from_millis(100);
/// TLS wants a name for the server. There is none; the key is checked instead.
const NO_NAME: &str = "peer";

type Connected = (PeerId, StreamMuxerBox);
type Connecting = BoxFuture<'static, io::Result<Connected>>;
type Event = TransportEvent<Connecting, io::Error>;

/// The transport: endpoints that listen, and one for each address family from which to call.
pub(crate) struct Quic {
    client: quinn::ClientConfig,
    server: quinn::ServerConfig,
    endpoint: EndpointConfig,
    connect_max: Duration,
    listeners: Vec<Listener>,
    callers: [Option<Endpoint>; 2],
    events: VecDeque<Event>,
    waker: Option<Waker>,
}

struct Listener {
    id: ListenerId,
    addr: SocketAddr,
    endpoint: Endpoint,
    next: BoxFuture<'static, Option<quinn::Incoming>>,
}

impl Listener {
    fn new(id: ListenerId, addr: SocketAddr, endpoint: Endpoint) -> Self {
        let next = next_of(&endpoint);
        Self { id, addr, endpoint, next }
    }
}

fn next_of(endpoint: &Endpoint) -> BoxFuture<'static, Option<quinn::Incoming>> {
    let endpoint = endpoint.clone();
    async move { endpoint.accept().await }.boxed()
}

impl Quic {
    pub(crate) fn new(secret: &TransportSecret, timing: &Timing) -> Result<Self, NetError> {
        let failed = |error: &dyn std::fmt::Display| NetError::Transport(error.to_string());
        let mut transport = TransportConfig::default();
        let idle_max = timing.silence_max.saturating_add(timing.alive_every);
        let idle_max = idle_max.try_into().map_err(|error| failed(&error))?;
        transport
            .max_concurrent_uni_streams(VarInt::from_u32(0))
            .max_concurrent_bidi_streams(VarInt::from_u32(STREAMS_MAX))
            .datagram_receive_buffer_size(None)
            .keep_alive_interval(Some(timing.alive_every / 2))
            .max_idle_timeout(Some(idle_max))
            .initial_rtt(FIRST_RTT)
            .stream_receive_window(VarInt::from_u32(WINDOW))
            .receive_window(VarInt::from_u32(WINDOW))
            .send_window(WINDOW.into());
        let tls::Secrets { client, server, endpoint } =
            tls::Secrets::new(&secret.0, Arc::new(transport)).map_err(|error| failed(&error))?;
        Ok(Self {
            client,
            server,
            endpoint,
            connect_max: timing.quic_max,
            listeners: Vec::new(),
            callers: [None, None],
            events: VecDeque::new(),
            waker: None,
        })
    }

    fn bind(&self, addr: SocketAddr, listens: bool) -> io::Result<Endpoint> {
        let socket = UdpSocket::bind(addr)?;
        let server = listens.then(|| self.server.clone());
        Endpoint::new(self.endpoint.clone(), server, socket, Arc::new(TokioRuntime))
    }

    /// From where to call: where we listen if one can get there from here, so that the other side sees the port that answers.
    fn caller(&mut self, to: SocketAddr) -> io::Result<Endpoint> {
        let reaches = |from: IpAddr| from.is_unspecified() || from.is_loopback() == to.ip().is_loopback();
        let listening = self.listeners.iter().find(|l| l.addr.is_ipv6() == to.is_ipv6() && reaches(l.addr.ip()));
        if let Some(listener) = listening {
            return Ok(listener.endpoint.clone());
        }
        let index = usize::from(to.is_ipv6());
        if let Some(endpoint) = &self.callers[index] {
            return Ok(endpoint.clone());
        }
        let any = if to.is_ipv6() { IpAddr::from(Ipv6Addr::UNSPECIFIED) } else { Ipv4Addr::UNSPECIFIED.into() };
        let endpoint = self.bind(SocketAddr::new(any, 0), false)?;
        self.callers[index] = Some(endpoint.clone());
        Ok(endpoint)
    }
}

/// Finishes the handshake; the name of the other side is the key that it proved.
async fn finish(connecting: quinn::Connecting, connect_max: Duration) -> io::Result<Connected> {
    let late = || io::Error::new(io::ErrorKind::TimedOut, "no answer over QUIC");
    let connection = timeout(connect_max, connecting).await.map_err(|_| late())??;
    let peer = tls::proved(&connection).ok_or_else(|| io::Error::other("the peer proved no key"))?;
    Ok((peer, StreamMuxerBox::new(muxer::Muxer::new(connection))))
}

impl Transport for Quic {
    type Output = Connected;
    type Error = io::Error;
    type ListenerUpgrade = Connecting;
    type Dial = Connecting;

    fn listen_on(&mut self, id: ListenerId, addr: Multiaddr) -> Result<(), TransportError<io::Error>> {
        let wanted = socket_addr(&addr).ok_or(TransportError::MultiaddrNotSupported(addr))?;
        let endpoint = self.bind(wanted, true).map_err(TransportError::Other)?;
        let bound = endpoint.local_addr().map_err(TransportError::Other)?;
        self.listeners.push(Listener::new(id, bound, endpoint));
        self.events.push_back(TransportEvent::NewAddress { listener_id: id, listen_addr: multiaddr(bound) });
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
        Ok(())
    }

    fn remove_listener(&mut self, id: ListenerId) -> bool {
        let before = self.listeners.len();
        self.listeners.retain(|listener| listener.id != id);
        self.listeners.len() < before
    }

    fn dial(&mut self, addr: Multiaddr, _: DialOpts) -> Result<Connecting, TransportError<io::Error>> {
        let to = socket_addr(&addr).filter(|to| to.port() != 0 && !to.ip().is_unspecified());
        let to = to.ok_or(TransportError::MultiaddrNotSupported(addr))?;
        let (endpoint, client, connect_max) =
            (self.caller(to).map_err(TransportError::Other)?, self.client.clone(), self.connect_max);
        let dial = async move {
            let connecting = endpoint.connect_with(client, to, NO_NAME).map_err(io::Error::other)?;
            finish(connecting, connect_max).await
        };
        Ok(dial.boxed())
    }

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Event> {
        let this = self.get_mut();
        if let Some(event) = this.events.pop_front() {
            return Poll::Ready(event);
        }
        let connect_max = this.connect_max;
        for listener in &mut this.listeners {
            while let Poll::Ready(incoming) = listener.next.poll_unpin(cx) {
                let Some(incoming) = incoming else {
                    // The endpoint is gone, which happens only at the end.
                    listener.next = std::future::pending().boxed();
                    break;
                };
                listener.next = next_of(&listener.endpoint);
                // Whoever cannot receive at the address that it claims occupies nothing here.
                if !incoming.remote_address_validated() {
                    // The only failure is that it may not be asked twice; then it is refused.
                    let _ = incoming.retry();
                    continue;
                }
                let send_back_addr = multiaddr(incoming.remote_address());
                let upgrade = async move { finish(incoming.accept()?, connect_max).await }.boxed();
                let local_addr = multiaddr(listener.addr);
                return Poll::Ready(TransportEvent::Incoming {
                    listener_id: listener.id,
                    upgrade,
                    local_addr,
                    send_back_addr,
                });
            }
        }
        this.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

/// `/ip4/…/udp/…/quic-v1`
pub(crate) fn multiaddr(addr: SocketAddr) -> Multiaddr {
    Multiaddr::from(addr.ip()).with(Protocol::Udp(addr.port())).with(Protocol::QuicV1)
}

/// The same backwards.
pub(crate) fn socket_addr(addr: &Multiaddr) -> Option<SocketAddr> {
    let mut parts = addr.iter();
    let ip: IpAddr = match parts.next()? {
        Protocol::Ip4(ip) => ip.into(),
        Protocol::Ip6(ip) => ip.into(),
        _ => return None,
    };
    match (parts.next()?, parts.next()?, parts.next()) {
        (Protocol::Udp(port), Protocol::QuicV1, None) => Some(SocketAddr::new(ip, port)),
        _ => None,
    }
}
