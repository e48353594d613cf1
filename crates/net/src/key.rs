//! Names of peers, and where to find them.

use std::{fmt, net::Ipv6Addr, str::FromStr};

/// The Ethereum address of a peer's channel key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerKey(pub [u8; 20]);

impl From<[u8; 20]> for PeerKey {
    fn from(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for PeerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("0x")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PeerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for PeerKey {
    type Err = BadPeerAddr;

    /// `0x` and 40 hexadecimal digits of either case.
    fn from_str(text: &str) -> Result<Self, BadPeerAddr> {
        let bad = || BadPeerAddr(format!("`{text}` is not an address of the form 0x and 40 hexadecimal digits"));
        let digits = text.strip_prefix("0x").filter(|digits| digits.len() == 40).ok_or_else(bad)?;
        let mut key = [0; 20];
        for (byte, pair) in key.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
            let [high, low] = [pair[0], pair[1]].map(|digit| char::from(digit).to_digit(16));
            *byte = (high.ok_or_else(bad)? * 16 + low.ok_or_else(bad)?) as u8;
        }
        Ok(Self(key))
    }
}

/// A peer and where it listens, written `0x<address>@host:port`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PeerAddr {
    /// Who must answer there.
    pub key: PeerKey,
    /// A name or an IP address; an IPv6 address without brackets.
    pub host: String,
    /// The TCP port.
    pub port: u16,
}

/// A peer's address that cannot be read, in words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadPeerAddr(String);

impl PeerAddr {
    /// `host:port`, with brackets around an IPv6 address.
    pub fn place(&self) -> String {
        let Self { host, port, .. } = self;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }
}

impl fmt::Display for PeerAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.key, self.place())
    }
}

impl FromStr for PeerAddr {
    type Err = BadPeerAddr;

    fn from_str(text: &str) -> Result<Self, BadPeerAddr> {
        let form = || BadPeerAddr(format!("`{text}` is not of the form 0x<address>@host:port"));
        let (key, place) = text.split_once('@').ok_or_else(form)?;
        let (host, port) = place.rsplit_once(':').ok_or_else(form)?;
        let port = port.parse().ok().filter(|port| *port != 0);
        let port = port.ok_or_else(|| BadPeerAddr(format!("`{text}` has no port between 1 and 65535")))?;
        let host = parse_host(host).ok_or_else(|| BadPeerAddr(format!("`{text}` has no usable host")))?;
        Ok(Self { key: key.parse()?, host, port })
    }
}

fn parse_host(host: &str) -> Option<String> {
    if let Some(inner) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        return inner.parse::<Ipv6Addr>().ok().map(|ip| ip.to_string());
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-' || c == '_';
    (!host.is_empty() && host.len() <= 253 && host.chars().all(plain)).then(|| host.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "0x00112233445566778899aabbccddeeff01234567";

    #[test]
    fn an_address_survives_writing_and_reading() {
        for place in ["127.0.0.1:4000", "hub.example.org:1", "[::1]:65535", "my_host-2:443"] {
            let text = format!("{KEY}@{place}");
            assert_eq!(text.parse::<PeerAddr>().unwrap().to_string(), text);
        }
        let upper = format!("0x{}@h:1", KEY[2..].to_uppercase());
        assert_eq!(upper.parse::<PeerAddr>().unwrap().key.to_string(), KEY);
    }

    #[test]
    fn anything_else_is_refused() {
        let host = |host: &str| format!("{KEY}@{host}");
        for text in [
            String::new(),
            "host:1".into(),
            KEY.into(),
            host("host"),
            host("host:0"),
            host("host:70000"),
            host(":1"),
            host("::1:1"),
            host("[host]:1"),
            host("a b:1"),
            host("a@b:1"),
            host(&format!("{}:1", "a".repeat(254))),
            format!("{}@h:1", &KEY[2..]),
            format!("{}0@h:1", KEY),
            format!("0x{}@h:1", "é".repeat(20)),
            format!("0x{}@h:1", "+1".repeat(20)),
        ] {
            assert!(text.parse::<PeerAddr>().is_err(), "{text}");
        }
    }
}
