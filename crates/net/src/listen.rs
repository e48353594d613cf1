//! The ports on which a node is called.

use std::{
    io,
    net::{IpAddr, SocketAddr, TcpListener, UdpSocket},
    time::Duration,
};

use futures::StreamExt as _;
use libp2p::{Multiaddr, Swarm, core::transport::ListenerId, multiaddr::Protocol, swarm::SwarmEvent};

use crate::{NetError, Ways, driver::Behaviour, quic};

/// How often the system may choose a port whose twin is taken.
const CHOICES_MAX: usize = 32;
const FREED_POLL: Duration = Duration::from_millis(2);

/// Binds all addresses and returns those that came of it, each with its real port. TCP and QUIC share the number of the port.
pub(crate) async fn all(
    swarm: &mut Swarm<Behaviour>,
    wanted: &[SocketAddr],
    ways: Ways,
) -> Result<Vec<SocketAddr>, NetError> {
    let mut found = Vec::new();
    for addr in wanted {
        found.push(both(swarm, *addr, ways).await?);
    }
    Ok(found)
}

async fn both(swarm: &mut Swarm<Behaviour>, wanted: SocketAddr, ways: Ways) -> Result<SocketAddr, NetError> {
    let failed = |quic: bool| move |source: io::Error| NetError::Listen { quic, addr: wanted, source };
    if !ways.tcp {
        return match ways.quic {
            true => Ok(one(swarm, quic::multiaddr(wanted)).await.map_err(failed(true))?.1),
            false => Err(NetError::Transport("neither QUIC nor TCP is allowed".into())),
        };
    }
    for choice in 1.. {
        refuse_taken(wanted).map_err(failed(false))?;
        let (listener, bound) = one(swarm, tcp_multiaddr(wanted)).await.map_err(failed(false))?;
        let bound = SocketAddr::new(wanted.ip(), bound.port());
        if !ways.quic {
            return Ok(bound);
        }
        match one(swarm, quic::multiaddr(bound)).await {
            Ok(_) => return Ok(bound),
            // The system chose the port for TCP; another program may have it for UDP.
            Err(_) if wanted.port() == 0 && choice < CHOICES_MAX => {
                swarm.remove_listener(listener);
            }
            Err(error) => return Err(failed(true)(error)),
        }
    }
    Err(NetError::Transport("no port is free for both TCP and UDP".into()))
}

/// Listens on one address and waits until it is bound.
async fn one(swarm: &mut Swarm<Behaviour>, addr: Multiaddr) -> io::Result<(ListenerId, SocketAddr)> {
    let listener = swarm.listen_on(addr).map_err(io::Error::other)?;
    loop {
        match swarm.select_next_some().await {
            SwarmEvent::NewListenAddr { listener_id, address } if listener_id == listener => {
                let bound = any_socket_addr(&address);
                return bound.map(|addr| (listener, addr)).ok_or_else(|| io::Error::other("the listener has no port"));
            }
            SwarmEvent::ListenerClosed { listener_id, reason, .. } if listener_id == listener => {
                return Err(reason.err().unwrap_or_else(|| io::Error::other("the listener closed")));
            }
            SwarmEvent::ListenerError { listener_id, error } if listener_id == listener => return Err(error),
            _ => {}
        }
    }
}

/// libp2p shares TCP ports (`SO_REUSEPORT`): without this, two nodes on one address would take turns with the calls.
fn refuse_taken(addr: SocketAddr) -> io::Result<()> {
    if addr.port() == 0 { Ok(()) } else { TcpListener::bind(addr).map(drop) }
}

/// Waits until nobody holds these UDP ports: connections that were closed keep theirs for a moment.
pub(crate) async fn freed(addrs: &[SocketAddr]) {
    for addr in addrs {
        while UdpSocket::bind(addr).is_err() {
            tokio::time::sleep(FREED_POLL).await;
        }
    }
}

/// `/ip4/…/tcp/…`
pub(crate) fn tcp_multiaddr(addr: SocketAddr) -> Multiaddr {
    Multiaddr::from(addr.ip()).with(Protocol::Tcp(addr.port()))
}

/// IP address and port, whatever the way.
pub(crate) fn any_socket_addr(addr: &Multiaddr) -> Option<SocketAddr> {
    let mut parts = addr.iter();
    let ip: IpAddr = match parts.next()? {
        Protocol::Ip4(ip) => ip.into(),
        Protocol::Ip6(ip) => ip.into(),
        _ => return None,
    };
    match parts.next()? {
        Protocol::Tcp(port) | Protocol::Udp(port) => Some(SocketAddr::new(ip, port)),
        _ => None,
    }
}
