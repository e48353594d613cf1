//! Ids and struct hashes, as `docs/encoding.md` has them.

use crate::Amount;
use crate::terms::{
    AdjustTerms, Channel, CloseTerms, Entry, Key, LedgerState, LockTerms, NanoVersion, VirtualChannel, VirtualState,
};
use alloy_primitives::{Address, B256, U256, keccak256};

/// Hashes a list of words.
#[derive(Default)]
pub(crate) struct Hasher(Vec<u8>);

impl Hasher {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Of an EIP-712 struct.
    pub(crate) fn of(kind: &str) -> Self {
        Self::new().word(keccak256(kind))
    }

    pub(crate) fn word(mut self, word: B256) -> Self {
        self.0.extend_from_slice(word.as_slice());
        self
    }

    pub(crate) fn number(self, number: impl Into<u128>) -> Self {
        self.word(U256::from(number.into()).into())
    }

    pub(crate) fn address(self, address: Address) -> Self {
        self.word(address.into_word())
    }

    pub(crate) fn key(self, key: &Key) -> Self {
        self.number(key.scheme).word(key.key)
    }

    /// One byte at the left.
    pub(crate) fn letter(self, letter: u8) -> Self {
        let mut word = B256::ZERO;
        word[0] = letter;
        self.word(word)
    }

    pub(crate) fn finish(self) -> B256 {
        keccak256(self.0)
    }
}

/// Hash of an inner node.
pub fn node(left: B256, right: B256) -> B256 {
    keccak256([&[1], left.as_slice(), right.as_slice()].concat())
}

/// Hash of a leaf.
pub fn leaf(struct_hash: B256) -> B256 {
    keccak256([&[0], struct_hash.as_slice()].concat())
}

/// `entries` of a State.
pub fn entries(locks: B256, nanos: B256) -> B256 {
    node(locks, nanos)
}

/// What a signature of the struct signs.
pub fn digest(domain: B256, struct_hash: B256) -> B256 {
    keccak256([&[0x19, 0x01], domain.as_slice(), struct_hash.as_slice()].concat())
}

/// The id of a life of a ledger channel.
pub fn channel_id(domain: B256, params: &Channel, nonce: u64) -> B256 {
    channel_id_of(domain, params.slot_key(), nonce)
}

/// The id of a life of the slot with this key.
pub fn channel_id_of(domain: B256, slot_key: B256, nonce: u64) -> B256 {
    Hasher::new().word(domain).letter(b'L').word(slot_key).number(nonce).finish()
}

/// The id of a virtual channel.
pub fn virtual_id(domain: B256, v: &VirtualChannel) -> B256 {
    let params = Hasher::new()
        .key(&v.a)
        .key(&v.b)
        .word(v.mids)
        .word(v.links)
        .word(v.fees)
        .address(v.asset)
        .number(v.init_a)
        .number(v.init_b)
        .number(v.t_exp)
        .number(v.challenge)
        .number(v.window)
        .number(v.k_max)
        .number(v.nonce)
        .number(v.act_mode)
        .word(v.act)
        .finish();
    Hasher::new().word(domain).letter(b'V').word(params).finish()
}

/// Hash of a list of keys.
pub fn keys(list: &[Key]) -> B256 {
    list.iter().fold(Hasher::new(), Hasher::key).finish()
}

/// Hash of the hashes of the secrets.
pub fn activation(secrets: &[B256]) -> B256 {
    secrets.iter().fold(Hasher::new(), |hasher, secret| hasher.word(keccak256(secret))).finish()
}

const STATE: &str = "State(bytes32 ch,uint48 ver,uint96 depA,uint96 depB,uint96 total,uint96 defA,uint8 nanos,uint8 locks,bytes32 entries)";

/// A State of a ledger channel.
pub fn ledger_state(ch: B256, s: &LedgerState) -> B256 {
    Hasher::of(STATE)
        .word(ch)
        .number(s.ver)
        .number(s.dep_a)
        .number(s.dep_b)
        .number(s.total)
        .number(s.def_a)
        .number(s.nanos)
        .number(s.locks)
        .word(entries(s.lock_root, s.nano_root))
        .finish()
}

/// A State of a virtual channel whose ends put in `total`.
pub fn virtual_state(vc: B256, total: Amount, s: &VirtualState) -> B256 {
    let VirtualState { ver, def_a, nanos, nano_root } = *s;
    ledger_state(vc, &LedgerState { ver, total, def_a, nanos, nano_root, ..LedgerState::default() })
}

/// A Close.
pub fn close(id: B256, t: &CloseTerms, total: Amount, receivers: [Address; 2]) -> B256 {
    Hasher::of(
        "Close(bytes32 id,uint96 depA,uint96 depB,uint96 outA,uint96 total,uint8 locks,bytes32 entries,address receiverA,address receiverB,uint40 notAfter)",
    )
    .word(id)
    .number(t.dep_a)
    .number(t.dep_b)
    .number(t.out_a)
    .number(total)
    .number(t.locks)
    .word(entries(t.lock_root, B256::ZERO))
    .address(receivers[0])
    .address(receivers[1])
    .number(t.not_after)
    .finish()
}

/// An OpenAuth.
pub fn open_auth(id: B256, deposits: [Amount; 2], not_after: u64) -> B256 {
    Hasher::of("OpenAuth(bytes32 id,uint96 depA,uint96 depB,uint40 notAfter)")
        .word(id)
        .number(deposits[0])
        .number(deposits[1])
        .number(not_after)
        .finish()
}

/// An Adjust.
pub fn adjust(id: B256, t: &AdjustTerms, receiver: Address) -> B256 {
    Hasher::of("Adjust(bytes32 id,uint16 seq,uint8 side,uint96 amount,address receiver,uint48 ver,uint40 notAfter)")
        .word(id)
        .number(t.seq)
        .number(t.side)
        .number(t.amount)
        .address(receiver)
        .number(t.ver)
        .number(t.not_after)
        .finish()
}

/// A Final.
pub fn outcome(vc: B256, out_a: Amount) -> B256 {
    Hasher::of("Final(bytes32 vc,uint96 outA)").word(vc).number(out_a).finish()
}

/// A WatchAuth.
pub fn watch_auth(id: B256, tower: Address, not_before: u64, not_after: u64) -> B256 {
    Hasher::of("WatchAuth(bytes32 id,address tower,uint40 notBefore,uint40 notAfter)")
        .word(id)
        .address(tower)
        .number(not_before)
        .number(not_after)
        .finish()
}

/// A Lock.
pub fn lock(vc: B256, l: &LockTerms) -> B256 {
    Hasher::of("Lock(bytes32 vc,bool leftIsA,uint96 left,uint96 right)")
        .word(vc)
        .number(u8::from(l.left_is_a))
        .number(l.left)
        .number(l.right)
        .finish()
}

/// An Entry.
pub fn entry(e: &Entry) -> B256 {
    Hasher::of(
        "Entry(bytes32 nid,uint48 born,uint96 total,uint96 dA0,uint8 mover0,bytes32 codeHash,uint32 gas,uint16 kMax,bytes32 storage0)",
    )
    .word(e.nid)
    .number(e.born)
    .number(e.total)
    .number(e.d_a0)
    .number(e.mover0)
    .word(e.code_hash)
    .number(e.gas)
    .number(e.k_max)
    .word(e.storage0)
    .finish()
}

/// A Nano.
pub fn nano(ch: B256, entry: B256, v: &NanoVersion) -> B256 {
    Hasher::of("Nano(bytes32 ch,bytes32 entry,uint48 ver,uint96 dA,uint8 mover,uint16 stepsLeft,bytes32 storageHash)")
        .word(ch)
        .word(entry)
        .number(v.ver)
        .number(v.d_a)
        .number(v.mover)
        .number(v.steps_left)
        .word(v.storage_hash)
        .finish()
}

/// A StepAuth.
pub fn step_auth(ch: B256, entry: B256, ver: u64, steps_left: u16, storage_hash: B256, input_hash: B256) -> B256 {
    Hasher::of("StepAuth(bytes32 ch,bytes32 entry,uint48 ver,uint16 stepsLeft,bytes32 storageHash,bytes32 inputHash)")
        .word(ch)
        .word(entry)
        .number(ver)
        .number(steps_left)
        .word(storage_hash)
        .word(input_hash)
        .finish()
}
