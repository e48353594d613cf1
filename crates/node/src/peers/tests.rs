use super::*;

fn key(id: u8) -> Address {
    Address::repeat_byte(id)
}

fn at(id: u8, port: u16) -> PeerAddr {
    PeerAddr { key: PeerKey([id; 20]), host: "h".into(), port }
}

#[test]
fn saying_the_same_again_costs_as_much_as_a_new_place() {
    let mut known = Known::default();
    let calls = (0..1_000).map(|_| known.take(key(9), vec![at(1, 1)], &[], 0).0.len()).sum::<usize>();
    assert_eq!(calls, 64);
    // Somebody who is here is not called.
    assert!(known.take(key(8), vec![at(1, 1)], &[PeerKey([1; 20])], 0).0.is_empty());
}

#[test]
fn the_oldest_hint_of_a_teller_goes_for_its_newest() {
    let mut known = Known::default();
    let (calls, gone) = known.take(key(99), (1..=20).map(|id| at(id, 1)).collect(), &[], 0);
    assert_eq!((calls.len(), gone), (16, (1..=4).map(key).collect::<Vec<_>>()));
}

#[test]
fn nobody_tells_where_a_peer_of_this_node_is_but_itself() {
    let mut known = Known::default();
    known.peers.insert(key(1), vec![at(1, 1)]);
    let (calls, _) = known.take(key(9), vec![at(1, 2), at(2, 2)], &[], 0);
    assert_eq!(calls, [at(2, 2)]);
    assert_eq!(known.place(&key(1)), Some(at(1, 1)));
    assert_eq!(known.hints.get(&key(1)), None);
    known.peers.insert(key(3), Vec::new());
    assert_eq!(known.take(key(9), vec![at(3, 2)], &[], 0).0, [at(3, 2)], "nothing was known");
}

#[test]
fn what_lasts_is_the_word_of_the_key_itself_and_is_updated() {
    let mut known = Known::default();
    known.take(key(9), vec![at(1, 1)], &[], 0);
    assert_eq!(known.make_lasting(&[key(1), key(2)]), [at(1, 1)]);
    assert!(known.make_lasting(&[key(1)]).is_empty());
    known.visit(key(1), &[at(1, 2)], 0);
    assert_eq!(known.make_lasting(&[key(1)]), [at(1, 2)]);
    known.visitors.remove(&key(1));
    known.take(key(9), vec![at(1, 3)], &[], 0);
    assert!(known.make_lasting(&[key(1)]).is_empty(), "others do not change it");
}

#[test]
fn only_who_was_asked_answers() {
    let mut known = Known::default();
    known.asked.insert(key(1), BTreeSet::from([key(3)]));
    known.asked.insert(key(2), BTreeSet::from([key(4)]));
    let told = vec![at(3, 1), at(4, 1), at(5, 1)];
    assert_eq!(known.expected(&key(1), told.clone()), [at(3, 1)]);
    assert!(known.expected(&key(9), told).is_empty());
}

#[test]
fn a_full_list_of_visitors_is_still_corrected() {
    let mut known = Known::default();
    for number in 0..VISITORS_MAX as u32 {
        let mut bytes = [0; 20];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        known.visitors.insert(bytes.into(), Vec::new());
    }
    known.visit(Address::ZERO, &[at(0, 2)], 0);
    known.visit(key(1), &[at(1, 2)], 0);
    assert_eq!(known.place(&Address::ZERO), Some(at(0, 2)));
    assert_eq!((known.visitors.len(), known.place(&key(1))), (VISITORS_MAX, None));
}

/// Nobody connects in these tests.
#[derive(Debug)]
struct Nobody;

impl perunika_net::Binding for Nobody {
    fn hello(&self, _: &[u8]) -> perunika_net::Hello {
        unreachable!("no connection")
    }

    fn verify(&self, _: &[u8], _: &perunika_net::Hello) -> Result<PeerKey, String> {
        Err("nobody is expected".into())
    }
}

#[tokio::test]
async fn a_peer_that_a_download_called_is_stored_when_the_owner_adds_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let listen = vec![std::net::SocketAddr::from(([127, 0, 0, 1], 0))];
    let config = perunika_net::NetConfig::new(perunika_net::TransportSecret::new([1; 32]), listen);
    let (net, _events) = perunika_net::Net::start(config, Arc::new(Nobody)).await.unwrap();
    let place = PeerAddr { host: "127.0.0.1".into(), ..at(2, 1) };
    let book = PeerBook::open(net.clone(), store, Tasks::default(), key(1), None, &[]).await.unwrap();
    book.connect(place.clone()).await;
    assert_eq!(book.stored(PREFIX).unwrap(), []);
    book.add(place.clone()).await.unwrap();
    assert_eq!(book.stored(PREFIX).unwrap(), [place]);
    net.shutdown().await;
}

#[test]
fn goods_and_long_code_are_overtaken_but_steps_never_are() {
    use perunika_core::message::NanoTerms;
    use perunika_core::sig::Signature;
    let (ch, nid) = (Default::default(), Default::default());
    let terms = NanoTerms { total: 1, da0: 0, mover0: 0, code_hash: ch, gas: 1, k_max: 1, storage: vec![0; BULK_FROM] };
    let offer = |code: usize| Message::NanoOffer { ch, nid, terms: terms.clone(), code: vec![0; code], until: 1 };
    assert!(is_bulky(&offer(1)) && !is_bulky(&offer(0)));
    assert!(is_bulky(&Message::App { data: vec![0; BULK_FROM + 1] }));
    let input = vec![0; perunika_core::nano::INPUT_MAX];
    let step = Message::NanoStep { ch, nid, ver: 1, input, time: 0, sig: Signature([0; 64]) };
    assert!(!is_bulky(&step));
    assert!(wire::encode(&step).len() < perunika_net::CONTROL_MAX);
}
