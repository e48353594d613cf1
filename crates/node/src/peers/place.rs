//! How this machine is called by others.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// With an address of this machine in place of "all addresses": the one from which it would call the outside, or loopback.
pub(super) fn specific(addr: SocketAddr) -> SocketAddr {
    if !addr.ip().is_unspecified() {
        return addr;
    }
    // A UDP socket that is told where it would send to has chosen its address; nothing is sent. The targets are reserved for
    // documentation.
    let (any, outside, loopback): (SocketAddr, SocketAddr, IpAddr) = match addr {
        SocketAddr::V4(_) => {
            ((Ipv4Addr::UNSPECIFIED, 0).into(), ([192, 0, 2, 1], 9).into(), Ipv4Addr::LOCALHOST.into())
        }
        SocketAddr::V6(_) => {
            let outside = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
            ((Ipv6Addr::UNSPECIFIED, 0).into(), (outside, 9).into(), Ipv6Addr::LOCALHOST.into())
        }
    };
    let own = UdpSocket::bind(any).and_then(|socket| socket.connect(outside).and_then(|()| socket.local_addr()));
    let own = own.map(|own| own.ip()).ok().filter(|ip| !ip.is_unspecified());
    SocketAddr::new(own.unwrap_or(loopback), addr.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_on_all_addresses_is_named_by_one_that_others_can_use() {
        for text in ["10.1.2.3:5", "[2001:db8::7]:5"] {
            assert_eq!(specific(text.parse().unwrap()).to_string(), text);
        }
        for text in ["0.0.0.0:9735", "[::]:9735"] {
            let (all, one): (SocketAddr, SocketAddr) = (text.parse().unwrap(), specific(text.parse().unwrap()));
            assert!(!one.ip().is_unspecified(), "{one}");
            assert_eq!((one.is_ipv4(), one.port()), (all.is_ipv4(), 9735));
        }
    }
}
