//! What calls are told. Numbers may be wider here than on the chain, where they would not even be read.

use crate::{Amount, hash::Hasher};
use alloy_primitives::{Address, B256};

/// What signs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// 1 is secp256k1, 2 is P-256.
    pub scheme: u8,
    /// Of scheme 1: an address, left-padded; of scheme 2: the hash of the public key.
    pub key: B256,
}

impl Key {
    /// The key of scheme 1 with this address.
    pub fn of(address: Address) -> Self {
        Self { scheme: 1, key: address.into_word() }
    }

    /// The account of the key; only one of scheme 1 has one, of another it is nobody's.
    pub fn account(&self) -> Address {
        if self.scheme == 1 { Address::from_word(self.key) } else { Address::ZERO }
    }
}

/// The parameters of a ledger channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Channel {
    /// The account of A.
    pub owner_a: Address,
    /// The account of B.
    pub owner_b: Address,
    /// The key of A.
    pub key_a: Key,
    /// The key of B.
    pub key_b: Key,
    /// Zero for ETH.
    pub asset: Address,
    /// C, seconds.
    pub challenge: u32,
    /// w, seconds.
    pub window: u32,
    /// Most forced steps of a nanocontract.
    pub k_max: u16,
    /// Tells channels of one pair apart.
    pub lane: u16,
}

impl Channel {
    /// What names the slot of all lives.
    pub fn slot_key(&self) -> B256 {
        Hasher::new()
            .address(self.owner_a)
            .address(self.owner_b)
            .key(&self.key_a)
            .key(&self.key_b)
            .address(self.asset)
            .number(self.challenge)
            .number(self.window)
            .number(self.k_max)
            .number(self.lane)
            .finish()
    }
}

/// The parameters of a virtual channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VirtualChannel {
    /// The key of `ends[0]`.
    pub a: Key,
    /// The key of `ends[1]`.
    pub b: Key,
    /// Hash of the keys of the hubs.
    pub mids: B256,
    /// Hash of the ids of the links.
    pub links: B256,
    /// Hash of the fees.
    pub fees: B256,
    /// Zero for ETH.
    pub asset: Address,
    /// What `ends[0]` puts in.
    pub init_a: Amount,
    /// What `ends[1]` puts in.
    pub init_b: Amount,
    /// Last second at which it can be registered, since the epoch.
    pub t_exp: u64,
    /// C, seconds.
    pub challenge: u32,
    /// w, seconds.
    pub window: u32,
    /// Most forced steps of a nanocontract.
    pub k_max: u16,
    /// Chosen by the initiator.
    pub nonce: u128,
    /// 1: everybody reveals a secret.
    pub act_mode: u8,
    /// Hash of the hashes of the secrets.
    pub act: B256,
}

/// A State of a ledger channel, with the two roots behind its `entries`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LedgerState {
    /// Version.
    pub ver: u64,
    /// Deposit of A that is counted.
    pub dep_a: Amount,
    /// Deposit of B that is counted.
    pub dep_b: Amount,
    /// Cash and nanocontracts; the rest of the counted deposits stands in locks.
    pub total: Amount,
    /// A's part of `total` by default.
    pub def_a: Amount,
    /// Number of nanocontracts.
    pub nanos: u8,
    /// Number of locks.
    pub locks: u8,
    /// Over the locks.
    pub lock_root: B256,
    /// Over the nanocontracts.
    pub nano_root: B256,
}

/// A State of a virtual channel: what the parameters do not give.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VirtualState {
    /// Version.
    pub ver: u64,
    /// The part of `ends[0]` by default.
    pub def_a: Amount,
    /// Number of nanocontracts.
    pub nanos: u8,
    /// Over the nanocontracts.
    pub nano_root: B256,
}

/// The terms of a Close.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CloseTerms {
    /// Deposit of A that is counted.
    pub dep_a: Amount,
    /// Deposit of B that is counted.
    pub dep_b: Amount,
    /// A's part of the cash.
    pub out_a: Amount,
    /// What stands in locks.
    pub escrowed: Amount,
    /// Number of locks.
    pub locks: u8,
    /// Over the locks.
    pub lock_root: B256,
    /// Zero stands for the owner.
    pub receiver_a: Address,
    /// Zero stands for the owner.
    pub receiver_b: Address,
    /// Last second at which it holds.
    pub not_after: u64,
}

/// What both parties agree on when they open a life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Opening {
    /// Of the life.
    pub nonce: u64,
    /// Deposit of A.
    pub deposit_a: Amount,
    /// Deposit of B.
    pub deposit_b: Amount,
    /// Last second at which it holds.
    pub not_after: u64,
}

/// A withdrawal while the channel stays open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AdjustTerms {
    /// How many there were before in this life.
    pub seq: u16,
    /// Whose deposit becomes less: 0 is A, 1 is B.
    pub side: u8,
    /// By how much.
    pub amount: Amount,
    /// Zero stands for the owner.
    pub receiver: Address,
    /// Of the State that counts less.
    pub ver: u64,
    /// Last second at which it holds.
    pub not_after: u64,
}

/// A lock, less the id of its virtual channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LockTerms {
    /// A of the link is its left party.
    pub left_is_a: bool,
    /// What the left party put in.
    pub left: Amount,
    /// What the right party put in.
    pub right: Amount,
}

/// What lets the sender open a dispute for somebody else's key.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WatchAuth {
    /// First second at which it holds.
    pub not_before: u64,
    /// Last second.
    pub not_after: u64,
    /// Of the key.
    pub signature: Vec<u8>,
}

/// For whom the dispute of a virtual channel is opened.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Opener {
    /// In the path; 0 is `ends[0]`.
    pub position: u8,
    /// The keys of the hubs; not needed by an end.
    pub mids: Vec<Key>,
    /// Without a signature, the sender must be the account of the key.
    pub auth: WatchAuth,
}

/// A nanocontract as the State has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entry {
    /// Its name.
    pub nid: B256,
    /// Version of the State that added it.
    pub born: u64,
    /// What it holds.
    pub total: Amount,
    /// A's part at first.
    pub d_a0: Amount,
    /// Who moves first; 0 is A.
    pub mover0: u8,
    /// Of the runtime code.
    pub code_hash: B256,
    /// Of one step.
    pub gas: u32,
    /// Most forced steps.
    pub k_max: u16,
    /// Hash of the first storage.
    pub storage0: B256,
}

/// A version of a nanocontract.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NanoVersion {
    /// Version; 0 is the Entry's.
    pub ver: u64,
    /// A's part if the mover stalls.
    pub d_a: Amount,
    /// Who moves; 0 is A.
    pub mover: u8,
    /// Forced steps left.
    pub steps_left: u16,
    /// Hash of the storage.
    pub storage_hash: B256,
}

/// One forced step.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NanoStep {
    /// The account that has the code.
    pub code: Address,
    /// The storage before.
    pub state: Vec<u8>,
    /// What the mover says.
    pub input: Vec<u8>,
    /// The mover's StepAuth; empty if it sends the call itself.
    pub auth: Vec<u8>,
}

/// One claim on a nanocontract.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NanoClaim {
    /// As the State has it.
    pub entry: Entry,
    /// Its index there.
    pub index: u16,
    /// How many siblings of it the evidence has.
    pub depth: u8,
    /// It brings a provisional step.
    pub step: bool,
    /// The version.
    pub version: NanoVersion,
}

/// The claims of one call.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NanoClaims {
    /// In any order.
    pub list: Vec<NanoClaim>,
    /// Of each: its siblings, then its signatures.
    pub evidence: Vec<u8>,
    /// Of those that bring one.
    pub steps: Vec<NanoStep>,
}
