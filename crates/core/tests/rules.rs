//! The update rules of one object, one rule a test (protocol 1.4).

use alloy_primitives::{Address, B256};
use perunika_core::body::{Body, Change, Invalid};
use perunika_core::log::{Accepted, BREAK_IN, MAX_JUMP, OwnKind, Refused, UpdateLog};
use perunika_core::params::Side;
use perunika_core::sig::{MemoryKey, RawKey, Signature};
use perunika_core::signed::{Entry, Lock, MAX_VERSION, State};
use perunika_core::{Domain, tree};

const CH: B256 = B256::repeat_byte(7);

struct Pair {
    domain: Domain,
    keys: [MemoryKey; 2],
    log: UpdateLog,
}

impl Pair {
    /// B's log of a channel in which each has 100; the test plays A.
    fn new() -> Self {
        let domain = Domain { chain_id: 1, adjudicator: Address::repeat_byte(9) };
        let key = |n: u8| MemoryKey::new(B256::repeat_byte(n), B256::repeat_byte(n)).expect("a key");
        let log = UpdateLog::new(Side::B, Body::ledger_genesis(CH, 100, 100));
        Self { domain, keys: [key(1), key(2)], log }
    }

    fn sign(&self, side: Side, body: &Body) -> Signature {
        self.keys[side.index()].sign(body.digest(&self.domain))
    }

    fn item(&mut self, ver: u64, def_a: u128) -> Result<Accepted, Refused> {
        let mut body = self.log.cur().body.clone();
        body.ver = ver;
        body.def_a = def_a;
        let sig = self.sign(Side::A, &body);
        self.item_signed(ver, def_a, sig)
    }

    fn item_signed(&mut self, ver: u64, def_a: u128, sig: Signature) -> Result<Accepted, Refused> {
        let (domain, key) = (self.domain, self.keys[0].address());
        self.log.accept_item(ver, def_a, sig, |body, sig| sig.verifies(body.digest(&domain), key))
    }

    fn propose(&self, base: B256, ver: u64, change: &Change) -> Result<Body, Refused> {
        let body = self.log.cur().body.with(ver, change).unwrap_or_else(|_| self.log.cur().body.clone());
        let sig = self.sign(Side::A, &body);
        let (domain, key) = (self.domain, self.keys[0].address());
        self.log.check_proposal(base, ver, change, &sig, |body, sig| sig.verifies(body.digest(&domain), key))
    }

    fn countersign(&mut self) {
        let body = self.log.cur().body.clone();
        let sig = self.sign(Side::B, &body);
        self.log.countersigned(sig);
    }

    fn own_item(&mut self, ver: u64, def_a: u128) {
        let body = self.log.newest().with(ver, &Change::Split(def_a)).expect("solvent");
        let sig = self.sign(Side::B, &body);
        let base = self.log.newest().ver;
        self.log.signed(body, sig, OwnKind::Item { base });
    }
}

#[test]
fn an_item_moves_cur_and_not_the_top() {
    let mut pair = Pair::new();
    assert_eq!(pair.item(2, 90), Ok(Accepted::New));
    assert_eq!((pair.log.cur().body.ver, pair.log.top().body.ver), (2, 0));
    assert_eq!(pair.item(2, 90), Ok(Accepted::Known));
    pair.countersign();
    assert_eq!(pair.log.top().body.ver, 2);
    assert!(pair.log.quiet());
}

#[test]
fn a_version_of_the_wrong_parity_is_refused() {
    assert_eq!(Pair::new().item(3, 90), Err(Refused::BadVersion));
}

#[test]
fn s44_a_jump_beyond_the_bound_is_refused() {
    let mut pair = Pair::new();
    assert_eq!(pair.item(MAX_JUMP + 2, 90), Err(Refused::BadVersion));
    assert_eq!(pair.item(MAX_VERSION - 1, 90), Err(Refused::BadVersion));
    assert_eq!(pair.item(MAX_JUMP, 90), Ok(Accepted::New));
}

#[test]
fn k9_an_older_version_never_replaces_a_newer_one() {
    let mut pair = Pair::new();
    pair.item(8, 90).expect("new");
    assert_eq!(pair.item(6, 80), Err(Refused::OldVersion));
    assert_eq!(pair.item(8, 80), Err(Refused::OldVersion));
}

#[test]
fn a_falling_share_is_refused() {
    let mut pair = Pair::new();
    pair.item(2, 90).expect("new");
    assert_eq!(pair.item(4, 91), Err(Refused::ShareFalls));
    assert_eq!(pair.item(4, 90), Ok(Accepted::New));
}

#[test]
fn r20_a_split_beyond_the_total_is_refused_and_changes_nothing() {
    let mut pair = Pair::new();
    let before = pair.log.clone();
    assert_eq!(pair.item(2, 201), Err(Refused::Invalid(Invalid::Predicate)));
    assert_eq!(pair.log, before);
}

#[test]
fn a_signature_over_something_else_is_refused() {
    let mut pair = Pair::new();
    let other = pair.log.cur().body.with(2, &Change::Split(80)).expect("solvent");
    let sig = pair.sign(Side::A, &other);
    assert_eq!(pair.item_signed(2, 90, sig), Err(Refused::BadSignature));
}

#[test]
fn crossing_the_lower_version_is_void() {
    let mut pair = Pair::new();
    pair.own_item(3, 110);
    assert_eq!(pair.item(2, 90), Err(Refused::OldVersion));
    assert_eq!(pair.item(4, 90), Ok(Accepted::New));
    assert!(pair.log.own().is_empty(), "my version 3 is void");
}

#[test]
fn a_proposal_on_another_base_is_refused() {
    let mut pair = Pair::new();
    let old = pair.log.cur().body.hash();
    for ver in 1..=1_000 {
        pair.item(2 * ver, 100 - u128::from(ver) / 20).expect("new");
    }
    let none = Change::none();
    assert_eq!(pair.propose(old, 2_002, &none), Err(Refused::WrongBase), "s57: the payee's items stay");
    let base = pair.log.cur().body.hash();
    assert!(pair.propose(base, 2_002, &none).is_ok());
}

#[test]
fn s68_a_countersignature_below_cur_changes_nothing() {
    let mut pair = Pair::new();
    pair.own_item(1, 110);
    let mine = pair.log.own()[0].body.clone();
    pair.item(2, 90).expect("new");
    let sig = pair.sign(Side::A, &mine);
    let accepted = pair.log.accept_answer(1, sig, |_, _| true);
    assert_eq!(accepted, Ok(false));
    assert_eq!(pair.log.cur().body.ver, 2);
}

#[test]
fn firm_means_in_every_enforceable_state() {
    let mut pair = Pair::new();
    pair.own_item(1, 150);
    assert!(!pair.log.firm(|b| b.def_a == 100));
    assert!(pair.log.firm(|b| b.def_a >= 100));
    assert_eq!(pair.log.enforceable().len(), 2);
}

#[test]
fn a_frozen_object_accepts_nothing() {
    let mut pair = Pair::new();
    pair.log.freeze();
    assert_eq!(pair.item(2, 90), Err(Refused::Frozen));
}

#[test]
fn a_payee_breaks_in_far_above_the_stream() {
    let mut pair = Pair::new();
    pair.item(2, 90).expect("new");
    pair.countersign();
    assert!(pair.log.proposal_version() >= 2 + BREAK_IN);
    assert_eq!(Side::of_version(pair.log.proposal_version()), Side::B);
}

#[test]
fn acknowledged_items_are_forgotten_but_the_newest() {
    let mut pair = Pair::new();
    for n in 0..10u64 {
        pair.own_item(1 + 2 * n, 101 + u128::from(n));
    }
    pair.log.acknowledged(15);
    assert_eq!(pair.log.own().first().map(|o| o.body.ver), Some(15));
    assert_eq!(pair.log.items_ahead(), 2);
}

#[test]
fn the_empty_root_is_a_node_of_two_zeros() {
    assert_eq!(Body::ledger_genesis(CH, 1, 1).state().entries, tree::node(B256::ZERO, B256::ZERO));
    let State { nanos, locks, .. } = Body::ledger_genesis(CH, 1, 1).state();
    assert_eq!((nanos, locks), (0, 0));
}

#[test]
fn s12_no_more_locks_than_the_contract_takes() {
    let lock = |n: u8| Lock { vc: B256::repeat_byte(n), left_is_a: true, left: 1, right: 1 };
    let genesis = Body::ledger_genesis(B256::repeat_byte(1), 1_000, 1_000);
    let most = genesis.with(2, &Change::locks(Vec::new(), (0..128).map(lock).collect())).expect("128 locks");
    let one_more = most.with(4, &Change::locks(Vec::new(), vec![lock(200)]));
    assert_eq!(one_more, Err(Invalid::TooManyLocks));
}

#[test]
fn s12_no_more_nanocontracts_than_the_contract_takes() {
    let open = |count: u16, ver: u64| {
        let entry = |n: u16| Entry {
            nid: B256::left_padding_from(&n.to_be_bytes()),
            born: ver,
            total: 2,
            da0: 1,
            mover0: 0,
            code_hash: B256::ZERO,
            gas: 1,
            k_max: 1,
            storage0: B256::ZERO,
        };
        let open = (0..count).map(entry).collect();
        Change::Entries { remove: Vec::new(), add: Vec::new(), close: Vec::new(), open }
    };
    let ledger = Body::ledger_genesis(B256::repeat_byte(1), 1_000, 1_000);
    assert!(ledger.with(2, &open(255, 2)).is_ok());
    assert_eq!(ledger.with(2, &open(256, 2)), Err(Invalid::TooManyNanos));
    let virt = Body::virtual_genesis(B256::repeat_byte(1), 1_000, 1_000);
    assert!(virt.with(2, &open(64, 2)).is_ok());
    assert_eq!(virt.with(2, &open(65, 2)), Err(Invalid::TooManyNanos));
}
