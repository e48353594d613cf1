//! Parameters and ids of ledger and virtual channels (protocol 2.3 objects).

use crate::encode::{Domain, Words};
use crate::sig::SECP256K1;
use crate::signed::{Amount, Lock};
use alloc::vec::Vec;
use alloy_primitives::{Address, B256, keccak256};
use serde::{Deserialize, Serialize};

/// Most participants of a virtual channel are `MAX_LINKS + 1` (protocol 2.3: n ≤ 16).
pub const MAX_LINKS: usize = 16;
/// Most locks in a State.
pub const MAX_LOCKS: usize = 128;
/// Most nanocontracts of a State of a ledger channel.
pub const MAX_NANOS: usize = 255;
/// Most nanocontracts of a State of a virtual channel.
pub const MAX_VIRTUAL_NANOS: usize = 64;

/// One of the two parties of a channel. Versions of A are even, of B odd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Side {
    /// Party 0.
    A,
    /// Party 1.
    B,
}

impl Side {
    /// The other party.
    pub fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    /// 0 or 1, as an index and as the parity of the versions that this party proposes.
    pub fn index(self) -> usize {
        self as usize
    }

    /// Whose proposal a version is.
    pub fn of_version(ver: u64) -> Self {
        if ver.is_multiple_of(2) { Self::A } else { Self::B }
    }

    /// The lowest version above `ver` that this party may propose.
    pub fn next_version(self, ver: u64) -> u64 {
        if Self::of_version(ver + 1) == self { ver + 1 } else { ver + 2 }
    }
}

/// A party of a ledger channel: the account that holds the money and the key that signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// Deposits, pays gas, receives.
    pub owner: Address,
    /// Address of the signing key (scheme 1).
    pub key: Address,
}

/// The slot-key fields of a ledger channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelParams {
    /// Party 0.
    pub a: Party,
    /// Party 1.
    pub b: Party,
    /// Zero address for ETH.
    pub asset: Address,
    /// Refutation period C, seconds.
    pub challenge: u32,
    /// Window w of one forced step, seconds.
    pub window: u32,
    /// Most forced steps of a nanocontract.
    pub k_max: u16,
    /// Tells several channels of one pair apart.
    pub lane: u16,
}

impl ChannelParams {
    /// Key of the slots that all lives of this channel share.
    pub fn slot_key(&self) -> B256 {
        Words::new()
            .address(self.a.owner)
            .address(self.b.owner)
            .uint(SECP256K1.into())
            .address(self.a.key)
            .uint(SECP256K1.into())
            .address(self.b.key)
            .address(self.asset)
            .uint(self.challenge.into())
            .uint(self.window.into())
            .uint(self.k_max.into())
            .uint(self.lane.into())
            .keccak()
    }

    /// Id of the life with this nonce.
    pub fn id(&self, domain: &Domain, nonce: u64) -> B256 {
        Words::new().hash(domain.separator()).tag(b'L').hash(self.slot_key()).uint(nonce.into()).keccak()
    }

    /// The party on a side.
    pub fn party(&self, side: Side) -> &Party {
        match side {
            Side::A => &self.a,
            Side::B => &self.b,
        }
    }

    /// The side that signs with `key`.
    pub fn side_of(&self, key: Address) -> Option<Side> {
        [Side::A, Side::B].into_iter().find(|s| self.party(*s).key == key)
    }
}

/// All parameters of a virtual channel, with the full lists behind the hashes that the chain sees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirtualParams {
    /// Keys of the participants in path order: `ends[0]`, the hubs, `ends[1]`.
    pub path: Vec<Address>,
    /// Ids of the ledger channels between them.
    pub links: Vec<B256>,
    /// Fee of each hub.
    pub fees: Vec<Amount>,
    /// Zero address for ETH.
    pub asset: Address,
    /// What `ends[0]` puts in.
    pub init_a: Amount,
    /// What `ends[1]` puts in.
    pub init_b: Amount,
    /// After this second an unregistered channel is worth its initial split.
    pub t_exp: u64,
    /// Refutation period, seconds.
    pub challenge: u32,
    /// Window of one forced step, seconds.
    pub window: u32,
    /// Most forced steps.
    pub k_max: u16,
    /// Chosen at random by the initiator.
    pub nonce: u128,
    /// Hash of each participant's activation secret, in path order.
    pub hashes: Vec<B256>,
}

impl VirtualParams {
    /// The keys of the hubs.
    pub fn mids(&self) -> &[Address] {
        let n = self.path.len();
        self.path.get(1..n.saturating_sub(1)).unwrap_or_default()
    }

    /// Number of links, `n`.
    pub fn length(&self) -> usize {
        self.links.len()
    }

    /// `ends[0]` or `ends[1]`.
    pub fn end(&self, side: Side) -> Address {
        let last = self.path.len().saturating_sub(1);
        self.path.get(if side == Side::A { 0 } else { last }).copied().unwrap_or_default()
    }

    /// a + b.
    pub fn total(&self) -> Amount {
        self.init_a.saturating_add(self.init_b)
    }

    /// Hash over the keys of the hubs, each with its scheme.
    pub fn mids_hash(&self) -> B256 {
        self.mids().iter().fold(Words::new(), |w, k| w.uint(SECP256K1.into()).address(*k)).keccak()
    }

    /// Hash over the ids of the links.
    pub fn links_hash(&self) -> B256 {
        self.links.iter().fold(Words::new(), |w, id| w.hash(*id)).keccak()
    }

    /// Hash over the fees.
    pub fn fees_hash(&self) -> B256 {
        self.fees.iter().fold(Words::new(), |w, fee| w.uint(*fee)).keccak()
    }

    /// Hash over the hashes of the activation secrets.
    pub fn act(&self) -> B256 {
        self.hashes.iter().fold(Words::new(), |w, h| w.hash(*h)).keccak()
    }

    /// Id of the virtual channel.
    pub fn id(&self, domain: &Domain) -> B256 {
        let params = Words::new()
            .uint(SECP256K1.into())
            .address(self.end(Side::A))
            .uint(SECP256K1.into())
            .address(self.end(Side::B))
            .hash(self.mids_hash())
            .hash(self.links_hash())
            .hash(self.fees_hash())
            .address(self.asset)
            .uint(self.init_a)
            .uint(self.init_b)
            .uint(self.t_exp.into())
            .uint(self.challenge.into())
            .uint(self.window.into())
            .uint(self.k_max.into())
            .uint(self.nonce)
            .uint(1)
            .hash(self.act())
            .keccak();
        Words::new().hash(domain.separator()).tag(b'V').hash(params).keccak()
    }

    /// φ of link `link` (0-based): the fees of the hubs to its right.
    pub fn fees_from(&self, link: usize) -> Option<Amount> {
        self.fees.iter().skip(link).try_fold(0u128, |sum, fee| sum.checked_add(*fee))
    }

    /// The lock of link `link` (0-based); `left_is_a` says how that link is oriented.
    pub fn lock(&self, id: B256, link: usize, left_is_a: bool) -> Option<Lock> {
        let left = self.init_a.checked_add(self.fees_from(link)?)?;
        Some(Lock { vc: id, left_is_a, left, right: self.init_b })
    }
}

/// Key of the slots of a nanocontract, `entry` being the struct hash of its [`Entry`](crate::signed::Entry): bound to one channel, so that an equal one of another one does not reach it (S56).
pub fn nano_slot(domain: &Domain, ch: B256, entry: B256) -> B256 {
    Words::new().hash(domain.separator()).tag(b'N').hash(ch).hash(entry).keccak()
}

/// Where the Adjudicator's `deploy` puts nanocontract code: CREATE2 with salt 0 of a prefix that returns what follows it.
pub fn code_address(domain: &Domain, code: &[u8]) -> Address {
    let size = u16::try_from(code.len()).unwrap_or(u16::MAX).to_be_bytes();
    // PUSH2 size, DUP1, PUSH1 10, PUSH0, CODECOPY, PUSH0, RETURN
    let mut init = Vec::from([0x61, size[0], size[1], 0x80, 0x60, 0x0a, 0x5f, 0x39, 0x5f, 0xf3]);
    init.extend_from_slice(code);
    domain.adjudicator.create2(B256::ZERO, keccak256(init))
}

/// Hash of an activation secret.
pub fn secret_hash(secret: B256) -> B256 {
    keccak256(secret)
}
