//! `perunika-core` against the golden vectors that the contract's own tests check as well.
#![allow(clippy::expect_used)]

use alloy_primitives::U256;
use perunika_contracts::{Preimage, Stored};
use perunika_core::chain::{Roots, TokenPayment};
use perunika_core::params::{ChannelParams, Party, VirtualParams, code_address, nano_slot, secret_hash};
use perunika_core::sig::{MemoryKey, RawKey, Signature};
use perunika_core::signed::{
    Adjust, Close, Eip712, Entry, Final, Identity, Lock, Nano, OpenAuth, State, StepAuth, WatchAuth,
};
use perunika_core::{Address, B256, Domain, tree};
use serde_json::Value;
use std::str::FromStr;

/// One JSON object, read by the types that its fields are wanted as.
#[derive(Clone, Copy)]
struct Fields<'a>(&'a Value);

impl<'a> Fields<'a> {
    fn of(self, name: &str) -> Self {
        assert!(!self.0[name].is_null(), "no field {name}");
        Self(&self.0[name])
    }

    fn text(self, name: &str) -> &'a str {
        self.0[name].as_str().unwrap_or_else(|| panic!("{name} is no text"))
    }

    fn parse<T: FromStr>(self, name: &str) -> T {
        self.text(name).parse().unwrap_or_else(|_| panic!("{name} cannot be read"))
    }

    fn hash(self, name: &str) -> B256 {
        self.parse(name)
    }

    fn bytes(self, name: &str) -> Vec<u8> {
        hex::decode(self.text(name).trim_start_matches("0x")).expect("hex")
    }

    fn key(self, name: &str) -> Address {
        let word = self.hash(name);
        let address = Address::from_word(word);
        assert_eq!(address.into_word(), word, "{name} is left-padded");
        address
    }

    fn list(self, name: &str) -> Vec<Fields<'a>> {
        self.0[name].as_array().unwrap_or_else(|| panic!("{name} is no list")).iter().map(Fields).collect()
    }

    fn values<T: FromStr>(self, name: &str) -> Vec<T> {
        let parse = |value: Fields<'_>| {
            let text = value.0.as_str().expect("text");
            text.parse().unwrap_or_else(|_| panic!("{name}: {text}"))
        };
        self.list(name).into_iter().map(parse).collect()
    }
}

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../../contracts/vectors/encoding.json")).expect("the vectors are JSON")
}

fn domain(v: Fields<'_>) -> Domain {
    let domain = v.of("domain");
    Domain { chain_id: domain.parse("chainId"), adjudicator: domain.parse("verifyingContract") }
}

fn channel(v: Fields<'_>) -> ChannelParams {
    let c = v.of("channel");
    ChannelParams {
        a: Party { owner: c.parse("ownerA"), key: c.key("keyA") },
        b: Party { owner: c.parse("ownerB"), key: c.key("keyB") },
        asset: c.parse("asset"),
        challenge: c.parse("challenge"),
        window: c.parse("window"),
        k_max: c.parse("kMax"),
        lane: c.parse("lane"),
    }
}

fn virtual_channel(v: Fields<'_>) -> VirtualParams {
    let c = v.of("virtual");
    let mut path = vec![c.key("keyA")];
    path.extend(c.values::<B256>("midKeys").into_iter().map(Address::from_word));
    path.push(c.key("keyB"));
    VirtualParams {
        path,
        links: c.values("linkIds"),
        fees: c.values("feeList"),
        asset: c.parse("asset"),
        init_a: c.parse("initA"),
        init_b: c.parse("initB"),
        t_exp: c.parse("tExp"),
        challenge: c.parse("challenge"),
        window: c.parse("window"),
        k_max: c.parse("kMax"),
        nonce: c.parse("nonce"),
        hashes: c.values("secretHashes"),
    }
}

fn locks(v: Fields<'_>) -> Vec<Lock> {
    let lock = |l: Fields<'_>| Lock {
        vc: l.hash("vc"),
        left_is_a: l.0["leftIsA"].as_bool().expect("a bool"),
        left: l.parse("left"),
        right: l.parse("right"),
    };
    v.list("locks").into_iter().map(lock).collect()
}

fn entries(v: Fields<'_>) -> Vec<Entry> {
    let entry = |e: Fields<'_>| Entry {
        nid: e.hash("nid"),
        born: e.parse("born"),
        total: e.parse("total"),
        da0: e.parse("dA0"),
        mover0: e.parse("mover0"),
        code_hash: e.hash("codeHash"),
        gas: e.parse("gas"),
        k_max: e.parse("kMax"),
        storage0: e.hash("storage0"),
    };
    v.list("entryList").into_iter().map(entry).collect()
}

fn state(s: Fields<'_>) -> State {
    State {
        ch: s.hash("ch"),
        ver: s.parse("ver"),
        dep_a: s.parse("depA"),
        dep_b: s.parse("depB"),
        total: s.parse("total"),
        def_a: s.parse("defA"),
        nanos: s.parse("nanos"),
        locks: s.parse("locks"),
        entries: s.hash("entries"),
    }
}

#[test]
fn the_domain() {
    let json = vectors();
    let v = Fields(&json);
    assert_eq!(domain(v).separator(), v.of("domain").hash("separator"));
}

#[test]
fn ids_of_a_ledger_channel() {
    let json = vectors();
    let v = Fields(&json);
    let (params, c) = (channel(v), v.of("channel"));
    assert_eq!(params.slot_key(), c.hash("slotKey"));
    assert_eq!(params.id(&domain(v), c.parse("nonce")), c.hash("id"));
}

#[test]
fn the_id_of_a_virtual_channel_and_what_goes_into_it() {
    let json = vectors();
    let v = Fields(&json);
    let (params, c) = (virtual_channel(v), v.of("virtual"));
    assert_eq!(params.mids_hash(), c.hash("mids"));
    assert_eq!(params.links_hash(), c.hash("links"));
    assert_eq!(params.fees_hash(), c.hash("fees"));
    assert_eq!(params.act(), c.hash("act"));
    assert_eq!(params.id(&domain(v)), c.hash("id"));
    let hashes: Vec<B256> = c.values::<B256>("secrets").into_iter().map(secret_hash).collect();
    assert_eq!(hashes, params.hashes);
}

#[test]
fn leaves_of_both_kinds() {
    let json = vectors();
    let v = Fields(&json);
    for (lock, expected) in locks(v).iter().zip(v.list("locks")) {
        assert_eq!(lock.struct_hash(), expected.hash("hashStruct"));
        assert_eq!(tree::leaf(lock), expected.hash("leaf"));
    }
    for (entry, expected) in entries(v).iter().zip(v.list("entryList")) {
        assert_eq!(entry.struct_hash(), expected.hash("hashStruct"));
        assert_eq!(tree::leaf(entry), expected.hash("leaf"));
        assert_eq!(nano_slot(&domain(v), v.of("channel").hash("id"), entry.struct_hash()), expected.hash("nanoSlot"));
    }
}

#[test]
fn the_account_of_code() {
    let vectors = vectors();
    let (v, code) = (Fields(&vectors), Fields(&vectors).of("code"));
    let runtime = code.bytes("runtime");
    assert_eq!(code_address(&domain(v), &runtime), code.parse::<Address>("account"));
    assert_eq!(alloy_primitives::keccak256(&runtime), code.hash("codeHash"));
}

#[test]
fn trees_and_proofs_of_every_size() {
    let json = vectors();
    let v = Fields(&json);
    let locks = locks(v);
    for expected in v.list("trees") {
        let count: usize = expected.parse("count");
        let items = &locks[..count];
        assert_eq!(tree::root(items), expected.hash("root"), "{count}");
        let proofs = expected.list("proofs");
        assert_eq!(proofs.len(), count);
        for (index, proof) in proofs.iter().enumerate() {
            let siblings: Vec<B256> = proof
                .0
                .as_array()
                .expect("a list")
                .iter()
                .map(|s| s.as_str().expect("hex").parse().expect("a hash"))
                .collect();
            assert_eq!(tree::proof(items, index), Some(siblings), "{index} of {count}");
        }
        assert_eq!(tree::proof(items, count), None);
    }
    let gap_filled = [locks[0], locks[4], locks[2], locks[3]];
    assert_eq!(tree::root(&gap_filled), v.hash("removed"));
}

#[test]
fn roots_over_both_lists() {
    let json = vectors();
    let v = Fields(&json);
    let expected = v.of("entries");
    let (lock_root, nano_root) = (expected.hash("lockRoot"), expected.hash("nanoRoot"));
    assert_eq!(tree::root(&entries(v)), nano_root);
    assert_eq!(tree::empty_entries(), expected.hash("empty"));
    assert_eq!(tree::entries(lock_root, B256::ZERO), expected.hash("locksOnly"));
    assert_eq!(tree::entries(B256::ZERO, nano_root), expected.hash("nanosOnly"));
    assert_eq!(tree::entries(lock_root, nano_root), expected.hash("both"));
}

#[test]
fn what_owners_sign_for_tokens() {
    let text = vectors();
    let v = Fields(&text);
    let (funding, open) = (v.of("funding"), v.of("signed").of("OpenAuth"));
    let terms = OpenAuth {
        id: open.hash("id"),
        dep_a: open.parse("depA"),
        dep_b: open.parse("depB"),
        not_after: open.parse("notAfter"),
    };
    let payment =
        TokenPayment { owner: funding.parse("owner"), token: funding.parse("token"), amount: terms.dep_b, terms };
    assert_eq!((terms.dep_b, terms.not_after), (funding.parse("amount"), funding.parse("notAfter")));
    let (domain, separator) = (domain(v), funding.hash("tokenSeparator"));
    assert_eq!(payment.permit(separator, &domain, funding.parse("permitNonce")), funding.hash("permit"));
    assert_eq!(payment.authorisation(separator, &domain), funding.hash("authorisation"));
    let nonce: U256 = funding.parse("permit2Nonce");
    assert_eq!(payment.permit2(&domain, nonce.into()), funding.hash("permit2"));
}

#[test]
fn everything_that_is_signed() {
    let json = vectors();
    let v = Fields(&json);
    let domain = domain(v);
    let check = |name: &str, value: &dyn Eip712| {
        let expected = v.of("signed").of(name);
        assert_eq!(value.struct_hash(), expected.hash("hashStruct"), "{name}");
        assert_eq!(domain.digest(value.struct_hash()), expected.hash("digest"), "{name}");
    };
    let f = |name| v.of("signed").of(name);
    for name in ["State", "VirtualState", "VersionZero"] {
        check(name, &state(f(name)));
    }
    check("Nano", &nano(f("Nano")));
    check("Final", &Final { vc: f("Final").hash("vc"), out_a: f("Final").parse("outA") });
    check("Close", &close(f("Close")));
    check("Adjust", &adjust(f("Adjust")));
    check("OpenAuth", &open_auth(f("OpenAuth")));
    check("WatchAuth", &watch_auth(f("WatchAuth")));
    check("StepAuth", &step_auth(f("StepAuth")));
    let i = f("Identity");
    check("Identity", &Identity { peer: i.bytes("peer"), key: i.parse("key"), issued: i.parse("issued") });
}

fn nano(n: Fields<'_>) -> Nano {
    Nano {
        ch: n.hash("ch"),
        entry: n.hash("entry"),
        ver: n.parse("ver"),
        da: n.parse("dA"),
        mover: n.parse("mover"),
        steps_left: n.parse("stepsLeft"),
        storage_hash: n.hash("storageHash"),
    }
}

fn close(c: Fields<'_>) -> Close {
    Close {
        id: c.hash("id"),
        dep_a: c.parse("depA"),
        dep_b: c.parse("depB"),
        out_a: c.parse("outA"),
        total: c.parse("total"),
        locks: c.parse("locks"),
        entries: c.hash("entries"),
        receiver_a: c.parse("receiverA"),
        receiver_b: c.parse("receiverB"),
        not_after: c.parse("notAfter"),
    }
}

fn adjust(a: Fields<'_>) -> Adjust {
    Adjust {
        id: a.hash("id"),
        seq: a.parse("seq"),
        side: a.parse("side"),
        amount: a.parse("amount"),
        receiver: a.parse("receiver"),
        ver: a.parse("ver"),
        not_after: a.parse("notAfter"),
    }
}

fn open_auth(a: Fields<'_>) -> OpenAuth {
    OpenAuth { id: a.hash("id"), dep_a: a.parse("depA"), dep_b: a.parse("depB"), not_after: a.parse("notAfter") }
}

fn watch_auth(a: Fields<'_>) -> WatchAuth {
    WatchAuth {
        id: a.hash("id"),
        tower: a.parse("tower"),
        not_before: a.parse("notBefore"),
        not_after: a.parse("notAfter"),
    }
}

fn step_auth(a: Fields<'_>) -> StepAuth {
    StepAuth {
        ch: a.hash("ch"),
        entry: a.hash("entry"),
        ver: a.parse("ver"),
        steps_left: a.parse("stepsLeft"),
        storage_hash: a.hash("storageHash"),
        input_hash: a.hash("inputHash"),
    }
}

#[test]
fn keys_and_signatures() {
    let json = vectors();
    let v = Fields(&json);
    for key in v.list("keys") {
        let memory = MemoryKey::new(key.hash("privateKey"), B256::ZERO).expect("a key");
        assert_eq!(memory.address(), key.parse::<Address>("address"));
        assert_eq!(memory.address(), key.key("key"));
    }
    for expected in v.list("signatures") {
        let key = MemoryKey::new(expected.hash("privateKey"), B256::ZERO).expect("a key");
        let digest = expected.hash("digest");
        let signature = Signature::from_slice(&expected.bytes("signature")).expect("64 bytes");
        assert_eq!(key.sign(digest), signature, "{}", expected.text("of"));
        assert_eq!(signature.recover(digest), Some(expected.key("key")));
    }
}

#[test]
fn what_the_chain_stores_of_a_state() {
    let json = vectors();
    let v = Fields(&json);
    let expected = v.of("stored");
    let entries = v.of("entries");
    let roots = Roots { locks: entries.hash("lockRoot"), nanos: entries.hash("nanoRoot") };
    let state = state(v.of("signed").of(expected.text("of")));
    let preimage = Preimage { state, roots, mix: expected.hash("mix") };
    assert_eq!(preimage.stored(), Stored(expected.bytes("stored").try_into().expect("20 bytes")));
}
