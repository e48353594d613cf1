//! What connected peers tell each other about where they can be called. It comes over a connection that has proved who speaks, and it
//! is about the speaker alone; whoever answers at such a place must prove the key again.

use std::net::{IpAddr, SocketAddr};

use crate::{PeerAddr, PeerKey, book::PLACES_MAX, frame::Places};

/// Longest `host:port`, bytes.
const PLACE_MAX: usize = 253 + 1 + 5;

/// What we tell: the announced places, and where we listen.
pub(crate) fn ours(announce: &[String], listening: &[SocketAddr]) -> Places {
    let announced = announce.iter().filter(|place| place.len() <= PLACE_MAX).take(PLACES_MAX).cloned().collect();
    Places { announced, listening: listening.iter().take(PLACES_MAX).map(ToString::to_string).collect() }
}

/// Where the peer can be called, the best place first; `from` is where its connection comes from. Says what is wrong if the peer is
/// at fault.
pub(crate) fn theirs(key: PeerKey, from: Option<IpAddr>, told: &Places) -> Result<Vec<PeerAddr>, String> {
    if told.announced.len() > PLACES_MAX || told.listening.len() > PLACES_MAX {
        return Err(format!("more than {PLACES_MAX} places of one kind"));
    }
    let mut places = Vec::new();
    for text in &told.announced {
        let place = Some(text).filter(|text| text.len() <= PLACE_MAX);
        let place = place.and_then(|text| format!("{key}@{text}").parse::<PeerAddr>().ok());
        places.push(place.ok_or("an announced place that is not host:port")?);
    }
    for text in &told.listening {
        let addr: SocketAddr = text.parse().map_err(|_| "a listener that is not ip:port")?;
        if let Some(ip) = reachable(addr.ip(), from).filter(|_| addr.port() != 0) {
            places.push(PeerAddr { key, host: ip.to_string(), port: addr.port() });
        }
    }
    let mut seen: Vec<PeerAddr> = Vec::new();
    places.retain(|place| {
        let fresh = !seen.contains(place);
        seen.push(place.clone());
        fresh
    });
    places.truncate(PLACES_MAX);
    Ok(places)
}

/// The address of a listener as seen from here. One on all addresses is where its calls come from; one on loopback is nobody's but
/// that machine's.
fn reachable(listening: IpAddr, from: Option<IpAddr>) -> Option<IpAddr> {
    if listening.is_unspecified() {
        return from.map(|ip| ip.to_canonical());
    }
    let near = !listening.is_loopback() || from.is_some_and(|ip| ip.to_canonical().is_loopback());
    near.then_some(listening)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: PeerKey = PeerKey([7; 20]);

    fn told(announced: &[&str], listening: &[&str]) -> Places {
        let owned = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
        Places { announced: owned(announced), listening: owned(listening) }
    }

    fn seen(from: &str, told: &Places) -> Vec<String> {
        theirs(KEY, Some(from.parse().unwrap()), told).unwrap().iter().map(PeerAddr::place).collect()
    }

    #[test]
    fn a_listener_is_where_its_calls_come_from_unless_it_says_better() {
        assert_eq!(seen("192.0.2.5", &told(&[], &["0.0.0.0:9735"])), ["192.0.2.5:9735"]);
        assert_eq!(seen("2001:db8::5", &told(&[], &["[::]:9735"])), ["[2001:db8::5]:9735"]);
        assert_eq!(seen("192.0.2.5", &told(&[], &["198.51.100.1:1", "127.0.0.1:2"])), ["198.51.100.1:1"]);
        assert_eq!(seen("127.0.0.1", &told(&[], &["127.0.0.1:2"])), ["127.0.0.1:2"]);
        let both = told(&["hub.example.org:9735"], &["0.0.0.0:9735"]);
        assert_eq!(seen("192.0.2.5", &both), ["hub.example.org:9735", "192.0.2.5:9735"]);
        assert_eq!(seen("192.0.2.5", &told(&[], &[])), [""; 0]);
    }

    #[test]
    fn there_are_few_of_them_and_each_once() {
        let many = told(&["a:1", "a:1", "b:1", "c:1"], &["1.1.1.1:1", "2.2.2.2:1"]);
        assert_eq!(seen("192.0.2.5", &many), ["a:1", "b:1", "c:1", "1.1.1.1:1"]);
    }

    #[test]
    fn nonsense_is_the_peer_s_fault() {
        for bad in [
            told(&["a"], &[]),
            told(&["a:0"], &[]),
            told(&["a b:1"], &[]),
            told(&[&format!("{}:1", "a".repeat(400))], &[]),
            told(&["a:1"; 5], &[]),
            told(&[], &["host:1"]),
            told(&[], &["1.1.1.1:1"; 5]),
        ] {
            assert!(theirs(KEY, None, &bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_we_tell_can_be_read() {
        let listening: Vec<SocketAddr> = vec!["0.0.0.0:5".parse().unwrap(), "[::]:5".parse().unwrap()];
        let places = theirs(KEY, Some(IpAddr::from([192, 0, 2, 1])), &ours(&["h:1".into()], &listening)).unwrap();
        assert_eq!(places.len(), 2, "{places:?}");
    }
}
