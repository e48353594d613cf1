use super::deposits::CONSENT_MAX;
use super::proto::Envelope;
use super::*;
use perunika_core::funding::Funding;
use perunika_core::message::{Consent, NanoTerms, Note};
use perunika_core::nano::{CODE_MAX, INPUT_MAX, STORAGE_MAX};
use perunika_core::params::Side;
use perunika_core::sig::Signature;
use perunika_core::signed::{Adjust, MAX_AMOUNT, MAX_REFERENCE};
use perunika_core::{Address, B256};
use proptest::prelude::*;
use prost::Message as _;

fn address(n: u8) -> Address {
    Address::repeat_byte(n)
}

fn id(n: u8) -> B256 {
    B256::repeat_byte(n)
}

fn sig(n: u8) -> Signature {
    Signature([n; 64])
}

fn params() -> ChannelParams {
    ChannelParams {
        a: Party { owner: address(1), key: address(2) },
        b: Party { owner: address(3), key: address(4) },
        asset: Address::ZERO,
        challenge: 120,
        window: 60,
        k_max: 80,
        lane: 65_535,
    }
}

fn virtual_params() -> VirtualParams {
    VirtualParams {
        path: (0..17).map(address).collect(),
        links: (0..16).map(id).collect(),
        fees: (0..15).collect(),
        asset: address(9),
        init_a: MAX_AMOUNT,
        init_b: 0,
        t_exp: (1 << 40) - 1,
        challenge: u32::MAX,
        window: 1,
        k_max: 80,
        nonce: u128::MAX,
        hashes: (0..17).map(id).collect(),
    }
}

fn close() -> Close {
    Close {
        id: id(1),
        dep_a: 5,
        dep_b: 6,
        out_a: 7,
        total: 8,
        locks: 128,
        entries: id(2),
        receiver_a: address(1),
        receiver_b: address(2),
        not_after: 77,
    }
}

fn terms() -> Terms {
    Terms { asset: address(1), init_a: 2, init_b: 3, t_exp: 4, challenge: 5, window: 6, k_max: 7 }
}

fn noted(reference: Vec<u8>) -> Message {
    let note = Some(Note { amount: 3, reference });
    Message::Item { ch: id(1), ver: 4, base: 0, def_a: 5, sig: sig(1), cosign: false, note }
}

#[test]
fn a_reference_has_a_bound_and_is_not_empty() {
    for (length, said) in [(0, "empty"), (MAX_REFERENCE + 1, "257")] {
        let error = decode(&encode(&noted(vec![9; length]))).unwrap_err().to_string();
        assert!(error.contains("reference") && error.contains(said), "{error}");
    }
}

fn nano_terms() -> NanoTerms {
    let (code_hash, storage) = (id(6), vec![1; STORAGE_MAX]);
    NanoTerms { total: MAX_AMOUNT, da0: 5, mover0: 1, code_hash, gas: u32::MAX, k_max: u16::MAX, storage }
}

fn nano_offer(terms: NanoTerms) -> Message {
    Message::NanoOffer { ch: id(1), nid: id(4), terms, code: vec![0x5b; CODE_MAX], until: (1 << 40) - 1 }
}

fn nano_kinds() -> Vec<Message> {
    let (ch, nid, ver) = (id(1), id(4), (1 << 48) - 1);
    vec![
        nano_offer(nano_terms()),
        Message::NanoAgree { ch, nid },
        Message::NanoDecline { ch, nid, reason: "no".into() },
        Message::NanoStep { ch, nid, ver, input: vec![2; INPUT_MAX], time: (1 << 40) - 1, sig: sig(1) },
        Message::NanoStep { ch, nid, ver: 1, input: Vec::new(), time: 0, sig: sig(1) },
        Message::NanoAccept { ch, nid, ver, sig: sig(2) },
        Message::NanoRefuse { ch, nid, ver, reason: String::new() },
        Message::NanoHand { ch, nid, count: 3, input: vec![3; INPUT_MAX] },
        Message::NanoTaken { ch, nid, count: 3 },
        Message::Presign { ch, ver: 9, op: LinkOp::OpenNano { nid }, sig: sig(3) },
        Message::Propose { ch, ver: 9, base: id(7), ops: vec![LinkOp::CloseNano { nid, cur: id(5) }], sig: sig(4) },
    ]
}

fn every_kind() -> Vec<Message> {
    [nano_kinds(), deposit_kinds(), other_kinds()].concat()
}

fn every_funding() -> Vec<Funding> {
    let consent = vec![3; 64];
    vec![
        Funding::Sender { consent: consent.clone() },
        Funding::Vault { consent: vec![4; CONSENT_MAX] },
        Funding::Allowance { consent: consent.clone() },
        Funding::Permit { permit: sig(1), consent },
        Funding::Authorisation { sig: sig(2) },
        Funding::Permit2 { nonce: id(3), sig: vec![5; 65] },
    ]
}

fn adjust() -> Adjust {
    let (seq, not_after) = (u16::MAX, (1 << 40) - 1);
    Adjust { id: id(1), seq, side: 1, amount: MAX_AMOUNT, receiver: address(2), ver: (1 << 48) - 1, not_after }
}

fn uncount() -> LinkOp {
    LinkOp::Uncount { side: Side::B, amount: MAX_AMOUNT, receiver: address(2), seq: 7, not_after: (1 << 40) - 1 }
}

fn deposit_kinds() -> Vec<Message> {
    let ch = id(1);
    let agreed =
        |funding| Message::ChannelAgreed { id: ch, consent: Some(Consent { not_after: (1 << 40) - 1, funding }) };
    let others = vec![
        Message::ChannelAgreed { id: ch, consent: None },
        Message::AdjustAsk { ch },
        Message::AdjustSig { adjust: adjust(), sig: sig(3) },
        Message::Propose { ch, ver: 9, base: id(7), ops: vec![uncount()], sig: sig(4) },
        Message::Presign { ch, ver: 9, op: LinkOp::Count { deposits: [MAX_AMOUNT, 0] }, sig: sig(3) },
    ];
    let consented = |funding| Message::ChannelConsent { id: ch, consent: Consent { not_after: 1, funding } };
    let consents = every_funding().into_iter().map(consented);
    every_funding().into_iter().map(agreed).chain(consents).chain(others).collect()
}

fn other_kinds() -> Vec<Message> {
    let (ch, vc, request) = (id(1), id(2), id(3));
    let remove = |how| LinkOp::Remove { vc, how };
    let renew = LinkOp::Renew { vc, out_a: 9, next: ch };
    let ops = vec![LinkOp::Add { vc }, remove(Removal::Initial), remove(Removal::Outcome(9)), renew];
    let renews = Some(Renews { vc, out_a: 5 });
    vec![
        Message::ChannelOffer { params: params(), nonce: 3, dep_a: MAX_AMOUNT, dep_b: 0 },
        Message::ChannelAsk { asset: address(9), lane: 0 },
        Message::ChannelInfo { asset: Address::ZERO, lane: 7, owner: address(1) },
        Message::Item { ch, ver: (1 << 48) - 1, base: 0, def_a: 5, sig: sig(1), cosign: true, note: None },
        noted(vec![9; MAX_REFERENCE]),
        Message::PaymentReceipt { ch, ver: 9, sig: sig(7) },
        Message::ReceiptAsk { ch, ver: 9 },
        Message::Ack { ch, ver: 9 },
        Message::Accept { ch, ver: 9, sig: sig(2) },
        Message::Refuse { ch, ver: 9, refused: vec![vc, ch], reason: "because".into() },
        Message::Presign { ch, ver: 9, op: LinkOp::Add { vc }, sig: sig(3) },
        Message::Propose { ch, ver: 9, base: id(7), ops, sig: sig(4) },
        Message::CloseAsk { ch },
        Message::CloseSig { close: close(), sig: sig(5) },
        Message::QuoteAsk { request, path: vec![address(1), address(2)], terms: terms(), renews: None },
        Message::QuoteAsk { request, path: vec![address(1), address(2)], terms: terms(), renews },
        Message::Quote { request, hash: id(8), link: Some(ch), fee: 4 },
        Message::Quote { request, hash: id(8), link: None, fee: 0 },
        Message::QuoteRefused { request, reason: String::new() },
        Message::VcOpen { params: virtual_params(), renews: None },
        Message::VcOpen { params: virtual_params(), renews: Some(vc) },
        Message::Activate { vc, index: 16, secret: id(9).into() },
        Message::Abort { vc, reason: "no".into() },
        Message::Start { vc, sig: sig(6) },
        Message::Receipt { vc, secrets: vec![id(1).into(); 17], sigs: [sig(1), sig(2)] },
        Message::VcCloseAsk { vc },
        Message::FinalSigs { vc, out_a: 1, sigs: vec![(0, sig(1)), (16, sig(2))] },
        Message::App { data: vec![7; APP_MAX] },
    ]
}

#[test]
fn every_kind_survives_the_way_there_and_back() {
    for message in every_kind() {
        assert_eq!(decode(&encode(&message)).unwrap(), message);
    }
}

#[test]
fn what_exceeds_a_bound_is_refused_by_name() {
    let (ch, vc) = (id(1), id(2));
    let long = VirtualParams { path: vec![address(1); 18], ..virtual_params() };
    let rich = VirtualParams { init_a: MAX_AMOUNT + 1, ..virtual_params() };
    let many = vec![LinkOp::Add { vc }; OPS_MAX + 1];
    for (message, field) in [
        (Message::VcOpen { params: long, renews: None }, "path"),
        (Message::VcOpen { params: rich, renews: None }, "init_a"),
        (Message::Ack { ch, ver: 1 << 48 }, "ver"),
        (Message::Propose { ch, ver: 1, base: ch, ops: many, sig: sig(1) }, "ops"),
        (Message::App { data: vec![0; APP_MAX + 1] }, "data"),
        (Message::Activate { vc, index: 17, secret: vc.into() }, "index"),
        (Message::Receipt { vc, secrets: vec![vc.into(); 18], sigs: [sig(1); 2] }, "secrets"),
        (Message::CloseSig { close: Close { locks: 129, ..close() }, sig: sig(1) }, "locks"),
    ] {
        let error = decode(&encode(&message)).unwrap_err();
        assert!(error.to_string().contains(field), "{error}");
    }
}

#[test]
fn what_exceeds_a_bound_of_a_nanocontract_is_refused_by_name() {
    let (ch, nid) = (id(1), id(4));
    let step = |ver, input: usize, time| Message::NanoStep { ch, nid, ver, input: vec![0; input], time, sig: sig(1) };
    let code = Message::NanoOffer { ch, nid, terms: nano_terms(), code: vec![0; CODE_MAX + 1], until: 1 };
    let late = Message::NanoOffer { ch, nid, terms: nano_terms(), code: vec![0], until: 1 << 40 };
    for (message, said) in [
        (code, "`bytes of code` is 24577, the limit is 24576"),
        (late, "`until`"),
        (nano_offer(NanoTerms { storage: vec![0; STORAGE_MAX + 1], ..nano_terms() }), "`bytes of storage` is 16385"),
        (nano_offer(NanoTerms { total: MAX_AMOUNT + 1, ..nano_terms() }), "`total`"),
        (nano_offer(NanoTerms { da0: MAX_AMOUNT + 1, ..nano_terms() }), "`da0`"),
        (nano_offer(NanoTerms { total: 4, ..nano_terms() }), "`da0` is above `total`"),
        (nano_offer(NanoTerms { mover0: 2, ..nano_terms() }), "`mover0` is 2, the limit is 1"),
        (step(1 << 48, 0, 0), "`ver`"),
        (step(1, INPUT_MAX + 1, 0), "`bytes of input` is 16385, the limit is 16384"),
        (step(1, 0, 1 << 40), "`time`"),
        (Message::NanoAccept { ch, nid, ver: 1 << 48, sig: sig(1) }, "`ver`"),
        (Message::NanoRefuse { ch, nid, ver: 1 << 48, reason: String::new() }, "`ver`"),
        (Message::NanoHand { ch, nid, count: 1 << 48, input: Vec::new() }, "`count`"),
        (Message::NanoHand { ch, nid, count: 1, input: vec![0; INPUT_MAX + 1] }, "`bytes of input`"),
        (Message::NanoTaken { ch, nid, count: 1 << 48 }, "`count`"),
    ] {
        let error = decode(&encode(&message)).unwrap_err().to_string();
        assert!(error.contains(said), "{error} instead of {said}");
    }
}

#[test]
fn reasons_about_a_nanocontract_are_cut_and_too_long_ones_refused() {
    let (ch, nid, long) = (id(1), id(4), "a".repeat(REASON_MAX + 1));
    for message in [
        Message::NanoDecline { ch, nid, reason: long.clone() },
        Message::NanoRefuse { ch, nid, ver: 1, reason: long.clone() },
    ] {
        let (Message::NanoDecline { reason, .. } | Message::NanoRefuse { reason, .. }) =
            decode(&encode(&message)).unwrap()
        else {
            panic!("another kind")
        };
        assert_eq!(reason.len(), REASON_MAX);
    }
    let nano = proto::Nano { ch: ch.to_vec(), nid: nid.to_vec() };
    let kind = Some(Kind::NanoRefuse(proto::NanoRefuse { nano, ver: 1, reason: long }));
    let error = decode(&Envelope { kind, ..Envelope::default() }.encode_to_vec()).unwrap_err().to_string();
    assert!(error.contains("`reason` has 513 bytes"), "{error}");
}

#[test]
fn changes_of_nanocontracts_are_read_strictly() {
    let op = |removal, out_a: Vec<u8>, next: Vec<u8>| {
        let op = proto::LinkOp { vc: vec![1; 32], removal, out_a, next, ..proto::LinkOp::default() };
        let kind = Kind::Presign(proto::Presign { ch: vec![1; 32], ver: 1, op, sig: vec![1; 64] });
        decode(&Envelope { kind: Some(kind), ..Envelope::default() }.encode_to_vec())
    };
    assert!(op(4, vec![], vec![]).is_ok() && op(5, vec![], vec![2; 32]).is_ok());
    for (read, said) in [
        (op(4, vec![], vec![2; 32]), "`next`"),
        (op(4, vec![0; 16], vec![]), "`out_a`"),
        (op(5, vec![], vec![]), "`next`"),
        (op(5, vec![0; 16], vec![2; 32]), "`out_a`"),
        (op(8, vec![], vec![]), "known are 0 to 7"),
    ] {
        let error = read.unwrap_err().to_string();
        assert!(error.contains(said), "{error} instead of {said}");
    }
}

#[test]
fn changes_of_deposits_are_read_strictly() {
    let op = |op: proto::LinkOp| {
        let kind = Kind::Presign(proto::Presign { ch: vec![1; 32], ver: 1, op, sig: vec![1; 64] });
        decode(&Envelope { kind: Some(kind), ..Envelope::default() }.encode_to_vec())
    };
    let (count, uncount) = (write_op(&LinkOp::Count { deposits: [1, 2] }), write_op(&uncount()));
    assert!(op(count.clone()).is_ok() && op(uncount.clone()).is_ok());
    let inner = uncount.uncount.clone().unwrap();
    let with = |inner: proto::Uncount| proto::LinkOp { uncount: Some(inner), ..uncount.clone() };
    for (read, said) in [
        (op(proto::LinkOp { vc: vec![1; 32], ..count.clone() }), "`vc`"),
        (op(proto::LinkOp { out_a: vec![0; 16], ..count.clone() }), "`out_a`"),
        (op(proto::LinkOp { next: vec![1; 32], ..uncount.clone() }), "`next`"),
        (op(proto::LinkOp { removal: 7, ..count.clone() }), "`uncount`"),
        (op(proto::LinkOp { removal: 6, ..uncount.clone() }), "`count`"),
        (op(proto::LinkOp { count: count.count.clone(), ..uncount.clone() }), "both"),
        (op(proto::LinkOp { vc: vec![1; 32], removal: 0, ..count.clone() }), "`count`"),
        (op(write_op(&LinkOp::Count { deposits: [MAX_AMOUNT + 1, 0] })), "`dep_a`"),
        (op(with(proto::Uncount { side: 2, ..inner.clone() })), "`side` is 2"),
        (op(with(proto::Uncount { seq: 1 << 16, ..inner.clone() })), "`seq`"),
        (op(with(proto::Uncount { not_after: 1 << 40, ..inner.clone() })), "`not_after`"),
        (op(with(proto::Uncount { receiver: vec![1; 19], ..inner.clone() })), "`receiver`"),
    ] {
        let error = read.unwrap_err().to_string();
        assert!(error.contains(said), "{error} instead of {said}");
    }
    for (wrong, said) in [
        (Adjust { side: 2, ..adjust() }, "`side`"),
        (Adjust { ver: 1 << 48, ..adjust() }, "`ver`"),
        (Adjust { amount: MAX_AMOUNT + 1, ..adjust() }, "`amount`"),
        (Adjust { not_after: 1 << 40, ..adjust() }, "`not_after`"),
    ] {
        let error = decode(&encode(&Message::AdjustSig { adjust: wrong, sig: sig(1) })).unwrap_err().to_string();
        assert!(error.contains(said), "{error} instead of {said}");
    }
}

#[test]
fn what_pays_a_deposit_is_read_strictly() {
    let read = |not_after, funding: Vec<u8>| {
        let consent = Some(proto::Consent { not_after, funding });
        let kind = Some(Kind::ChannelAgreed(proto::ChannelAgreed { id: vec![1; 32], consent }));
        decode(&Envelope { kind, ..Envelope::default() }.encode_to_vec())
    };
    assert!(read(1, [vec![0], vec![1; 64]].concat()).is_ok());
    for (read, said) in [
        (read(1 << 40, [vec![0], vec![1; 64]].concat()), "`not_after`"),
        (read(1, Vec::new()), "empty"),
        (read(1, vec![6; 65]), "way 6"),
        (read(1, vec![0]), "no signature"),
        (read(1, [vec![3], vec![1; 63]].concat()), "`permit`"),
        (read(1, [vec![3], vec![1; 64]].concat()), "no signature"),
        (read(1, [vec![4], vec![1; 65]].concat()), "`funding`"),
        (read(1, [vec![5], vec![1; 32]].concat()), "no signature"),
        (read(1, [vec![5], vec![1; 31]].concat()), "`nonce`"),
        (read(1, [vec![1], vec![1; CONSENT_MAX + 1]].concat()), "the limit"),
    ] {
        let error = read.unwrap_err().to_string();
        assert!(error.contains(said), "{error} instead of {said}");
    }
}

#[test]
fn fields_of_another_length_are_refused() {
    let version = |ch: Vec<u8>| {
        Envelope { kind: Some(Kind::Ack(proto::Version { ch, ver: 1 })), ..Envelope::default() }.encode_to_vec()
    };
    assert!(decode(&version(vec![1; 32])).is_ok());
    for len in [0, 31, 33] {
        let error = decode(&version(vec![1; len])).unwrap_err();
        assert_eq!(error.to_string(), format!("`ch` has {len} bytes instead of 32"));
    }
}

#[test]
fn an_unknown_kind_and_an_empty_message_are_refused() {
    assert!(decode(&[]).is_err());
    assert!(decode(&[0xfa, 0x07, 0x00]).is_err());
}

#[test]
fn a_long_reason_is_cut_between_characters() {
    let message = Message::Abort { vc: id(1), reason: "ž".repeat(REASON_MAX) };
    let Message::Abort { reason, .. } = decode(&encode(&message)).unwrap() else { panic!("another kind") };
    assert_eq!(reason.len(), REASON_MAX);
}

proptest! {
    #[test]
    fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        let _ = decode(&bytes);
    }

    #[test]
    fn a_damaged_message_never_panics(kind in 0usize..64, at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let kinds = every_kind();
        let mut bytes = encode(&kinds[kind % kinds.len()]);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(message) = decode(&bytes) {
            prop_assert_eq!(decode(&encode(&message)).unwrap(), message);
        }
    }
}
