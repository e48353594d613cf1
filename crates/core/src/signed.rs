//! Every type that is ever signed (protocol 2.3 objects), with its EIP-712 struct hash.

use crate::encode::Words;
use crate::params::Side;
use alloc::vec::Vec;
use alloy_primitives::{Address, B256, keccak256};
use serde::{Deserialize, Serialize};

/// An amount in the asset's smallest unit (wei for ETH); at most [`MAX_AMOUNT`].
pub type Amount = u128;
/// Amounts are `uint96` in every signed type.
pub const MAX_AMOUNT: Amount = (1 << 96) - 1;
/// Versions are `uint48`; the last one is never signed.
pub const MAX_VERSION: u64 = (1 << 48) - 1;

/// A type with an EIP-712 struct hash.
pub trait Eip712 {
    /// `hashStruct` of docs/encoding.md.
    fn struct_hash(&self) -> B256;
}

macro_rules! eip712 {
    ($name:ident, $type_string:literal, |$s:ident, $w:ident| $body:expr) => {
        impl Eip712 for $name {
            fn struct_hash(&self) -> B256 {
                let $s = self;
                let $w = Words::of_type($type_string);
                $body.keccak()
            }
        }
    };
}

/// A version of a ledger or virtual channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Channel id.
    pub ch: B256,
    /// Version, u48; its parity names the proposer.
    pub ver: u64,
    /// Deposit of A that this State counts.
    pub dep_a: Amount,
    /// Deposit of B that this State counts.
    pub dep_b: Amount,
    /// What the two own together outside of locks.
    pub total: Amount,
    /// A's share of `total` by default; B's is the rest.
    pub def_a: Amount,
    /// Number of open nanocontracts.
    pub nanos: u8,
    /// Number of locks.
    pub locks: u8,
    /// Root over locks and nanocontracts.
    pub entries: B256,
}

impl State {
    /// What a side owns in cash by default.
    pub fn share(&self, side: Side) -> Amount {
        match side {
            Side::A => self.def_a,
            Side::B => self.total.saturating_sub(self.def_a),
        }
    }

    /// The same deposits, locks and nanocontracts: only the split of the cash may differ.
    pub fn is_alike(&self, other: &Self) -> bool {
        let parts = |s: &Self| (s.ch, s.dep_a, s.dep_b, s.total, s.nanos, s.locks, s.entries);
        parts(self) == parts(other)
    }
}

eip712!(
    State,
    "State(bytes32 ch,uint48 ver,uint96 depA,uint96 depB,uint96 total,uint96 defA,uint8 nanos,uint8 locks,bytes32 entries)",
    |s, w| w
        .hash(s.ch)
        .uint(s.ver.into())
        .uint(s.dep_a)
        .uint(s.dep_b)
        .uint(s.total)
        .uint(s.def_a)
        .uint(s.nanos.into())
        .uint(s.locks.into())
        .hash(s.entries)
);

/// A nanocontract as it stands in a State (a leaf, never signed on its own).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Name, unique in the channel for ever.
    pub nid: B256,
    /// Version of the State that adds it.
    pub born: u64,
    /// What the nanocontract holds.
    pub total: Amount,
    /// A's default share at the start.
    pub da0: Amount,
    /// Who moves first (0 = A).
    pub mover0: u8,
    /// EXTCODEHASH of its code.
    pub code_hash: B256,
    /// Gas bound of one step.
    pub gas: u32,
    /// Most forced steps.
    pub k_max: u16,
    /// Hash of the initial storage.
    pub storage0: B256,
}

impl Entry {
    /// B's default share at the start.
    pub fn db0(&self) -> Amount {
        self.total.saturating_sub(self.da0)
    }

    /// Version 0: the constant initial state, which nobody signs (protocol 1.4(1)).
    pub fn genesis(&self, ch: B256) -> Nano {
        Nano {
            ch,
            entry: self.struct_hash(),
            ver: 0,
            da: self.da0,
            mover: self.mover0,
            steps_left: self.k_max,
            storage_hash: self.storage0,
        }
    }
}

eip712!(
    Entry,
    "Entry(bytes32 nid,uint48 born,uint96 total,uint96 dA0,uint8 mover0,bytes32 codeHash,uint32 gas,uint16 kMax,bytes32 storage0)",
    |s, w| w
        .hash(s.nid)
        .uint(s.born.into())
        .uint(s.total)
        .uint(s.da0)
        .uint(s.mover0.into())
        .hash(s.code_hash)
        .uint(s.gas.into())
        .uint(s.k_max.into())
        .hash(s.storage0)
);

/// Money of a link that follows the outcome of virtual channel `vc` (a leaf, never signed on its own).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// Id of the virtual channel.
    pub vc: B256,
    /// True if the link's A is its left party, the one nearer to `ends[0]`.
    pub left_is_a: bool,
    /// What the left party put in.
    pub left: Amount,
    /// What the right party put in.
    pub right: Amount,
}

eip712!(Lock, "Lock(bytes32 vc,bool leftIsA,uint96 left,uint96 right)", |s, w| w
    .hash(s.vc)
    .uint(s.left_is_a.into())
    .uint(s.left)
    .uint(s.right));

/// A version of a nanocontract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nano {
    /// Channel id.
    pub ch: B256,
    /// Struct hash of its [`Entry`].
    pub entry: B256,
    /// Version, u48.
    pub ver: u64,
    /// What A gets if the next mover stalls.
    pub da: Amount,
    /// Next mover (0 = A).
    pub mover: u8,
    /// Forced steps left.
    pub steps_left: u16,
    /// Hash of the storage.
    pub storage_hash: B256,
}

eip712!(
    Nano,
    "Nano(bytes32 ch,bytes32 entry,uint48 ver,uint96 dA,uint8 mover,uint16 stepsLeft,bytes32 storageHash)",
    |s, w| w
        .hash(s.ch)
        .hash(s.entry)
        .uint(s.ver.into())
        .uint(s.da)
        .uint(s.mover.into())
        .uint(s.steps_left.into())
        .hash(s.storage_hash)
);

/// The final outcome of a virtual channel, signed by all participants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Final {
    /// Id of the virtual channel.
    pub vc: B256,
    /// What `ends[0]` gets.
    pub out_a: Amount,
}

eip712!(Final, "Final(bytes32 vc,uint96 outA)", |s, w| w.hash(s.vc).uint(s.out_a));

/// The cooperative end of a ledger channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Close {
    /// Channel id.
    pub id: B256,
    /// Deposit of A that is counted.
    pub dep_a: Amount,
    /// Deposit of B that is counted.
    pub dep_b: Amount,
    /// What A gets of `total`.
    pub out_a: Amount,
    /// What is paid out; the rest of the counted deposits stands in locks.
    pub total: Amount,
    /// Number of locks.
    pub locks: u8,
    /// Root over the locks.
    pub entries: B256,
    /// Receives A's money.
    pub receiver_a: Address,
    /// Receives B's money.
    pub receiver_b: Address,
    /// Last second at which it is valid.
    pub not_after: u64,
}

eip712!(
    Close,
    "Close(bytes32 id,uint96 depA,uint96 depB,uint96 outA,uint96 total,uint8 locks,bytes32 entries,address receiverA,address receiverB,uint40 notAfter)",
    |s, w| w
        .hash(s.id)
        .uint(s.dep_a)
        .uint(s.dep_b)
        .uint(s.out_a)
        .uint(s.total)
        .uint(s.locks.into())
        .hash(s.entries)
        .address(s.receiver_a)
        .address(s.receiver_b)
        .uint(s.not_after.into())
);

/// Pays part of one side's deposit out of an open channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adjust {
    /// Channel id.
    pub id: B256,
    /// Must equal the slot's counter; works once.
    pub seq: u16,
    /// 0 = A, 1 = B.
    pub side: u8,
    /// What is paid out.
    pub amount: Amount,
    /// Who receives it.
    pub receiver: Address,
    /// The level-1 State that counts less; for the signers only.
    pub ver: u64,
    /// Last second at which it is valid.
    pub not_after: u64,
}

eip712!(
    Adjust,
    "Adjust(bytes32 id,uint16 seq,uint8 side,uint96 amount,address receiver,uint48 ver,uint40 notAfter)",
    |s, w| w
        .hash(s.id)
        .uint(s.seq.into())
        .uint(s.side.into())
        .uint(s.amount)
        .address(s.receiver)
        .uint(s.ver.into())
        .uint(s.not_after.into())
);

/// An owner's consent to an opening, or to a deposit (which names the other side's as 0).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenAuth {
    /// Channel id.
    pub id: B256,
    /// Deposit of A.
    pub dep_a: Amount,
    /// Deposit of B.
    pub dep_b: Amount,
    /// Last second at which it is valid.
    pub not_after: u64,
}

eip712!(OpenAuth, "OpenAuth(bytes32 id,uint96 depA,uint96 depB,uint40 notAfter)", |s, w| w
    .hash(s.id)
    .uint(s.dep_a)
    .uint(s.dep_b)
    .uint(s.not_after.into()));

/// Lets `tower` open a dispute in the name of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchAuth {
    /// Channel id, ledger or virtual.
    pub id: B256,
    /// The account that may register.
    pub tower: Address,
    /// First second.
    pub not_before: u64,
    /// Last second.
    pub not_after: u64,
}

eip712!(WatchAuth, "WatchAuth(bytes32 id,address tower,uint40 notBefore,uint40 notAfter)", |s, w| w
    .hash(s.id)
    .address(s.tower)
    .uint(s.not_before.into())
    .uint(s.not_after.into()));

/// Lets anybody post one step of a nanocontract in the mover's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepAuth {
    /// Channel id.
    pub ch: B256,
    /// Struct hash of the [`Entry`].
    pub entry: B256,
    /// Version that it starts from.
    pub ver: u64,
    /// Steps left that it starts from.
    pub steps_left: u16,
    /// Hash of the storage that it starts from.
    pub storage_hash: B256,
    /// Hash of the input.
    pub input_hash: B256,
}

eip712!(
    StepAuth,
    "StepAuth(bytes32 ch,bytes32 entry,uint48 ver,uint16 stepsLeft,bytes32 storageHash,bytes32 inputHash)",
    |s, w| w
        .hash(s.ch)
        .hash(s.entry)
        .uint(s.ver.into())
        .uint(s.steps_left.into())
        .hash(s.storage_hash)
        .hash(s.input_hash)
);

/// Longest reference of a payment, bytes.
pub const MAX_REFERENCE: usize = 256;

/// The payee's statement that it accepted a payment with this reference. Never valid on chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentReceipt {
    /// Channel id, ledger or virtual.
    pub ch: B256,
    /// Version that holds the payment.
    pub ver: u64,
    /// How much.
    pub amount: Amount,
    /// As the payer gave it, 1 to [`MAX_REFERENCE`] bytes.
    pub reference: Vec<u8>,
}

eip712!(PaymentReceipt, "PaymentReceipt(bytes32 ch,uint48 ver,uint96 amount,bytes reference)", |s, w| w
    .hash(s.ch)
    .uint(s.ver.into())
    .uint(s.amount)
    .hash(keccak256(&s.reference)));

/// The statement of a channel key that a transport identity is its own. Never valid on chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Bytes of the libp2p peer id.
    pub peer: Vec<u8>,
    /// Address of the channel key.
    pub key: Address,
    /// When it was signed, seconds since the epoch.
    pub issued: u64,
}

eip712!(Identity, "Identity(bytes peer,address key,uint64 issued)", |s, w| w
    .hash(keccak256(&s.peer))
    .address(s.key)
    .uint(s.issued.into()));
