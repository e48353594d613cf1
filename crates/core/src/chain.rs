//! What a participant sees of the chain and what it asks the chain to do.
//!
//! Views are slot contents read at a block, never deltas of events: a reorg is just another view (S38, S39).

use crate::params::{ChannelParams, VirtualParams};
use crate::sig::Signature;
use crate::signed::{Amount, Close, Lock, State};
use alloc::vec::Vec;
use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

/// A block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// Height.
    pub number: u64,
    /// Timestamp, seconds.
    pub time: u64,
    /// Hash.
    pub hash: B256,
}

/// Phase of a ledger channel's slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// Never used.
    #[default]
    Virgin,
    /// A has deposited; B has not confirmed.
    Funding,
    /// Signed states count.
    Open,
    /// The last life ended.
    Closed,
}

/// Roots of the two lists behind `entries` of a State; what the contract takes instead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roots {
    /// Over the locks.
    pub locks: B256,
    /// Over the nanocontracts.
    pub nanos: B256,
}

/// A running dispute: slot S1, or the record of a virtual channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisputeView {
    /// Registered version.
    pub ver: u64,
    /// R: last second of refutation.
    pub refute_end: u64,
    /// The registered State has nanocontracts.
    pub nanos: bool,
    /// The pre-image from the event; `None` if the event was not found (yet).
    pub state: Option<State>,
    /// The roots behind it, from the same event.
    pub roots: Roots,
    /// The value mixed into the stored hash.
    pub mix: B256,
}

impl DisputeView {
    /// Last second of the dispute: only after it `conclude` works (no nanocontract is registered yet).
    pub fn final_at(&self, window: u32) -> u64 {
        self.refute_end.saturating_add(if self.nanos { window.into() } else { 0 })
    }
}

/// Slots S0 and S1 of a ledger channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerView {
    /// Phase of the current life.
    pub phase: Phase,
    /// Nonce of the current life (of the next one if `Closed`).
    pub nonce: u64,
    /// Counter of adjustments.
    pub seq: u16,
    /// Deposit of A.
    pub dep_a: Amount,
    /// Deposit of B.
    pub dep_b: Amount,
    /// The dispute, if one runs.
    pub dispute: Option<DisputeView>,
}

/// Locks of a finished life that are not settled yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EscrowView {
    /// Root over the locks; zero if there is no escrow.
    pub root: B256,
    /// What is left.
    pub left: Amount,
    /// Bit i: lock i is settled.
    pub settled: u128,
    /// Number of locks.
    pub locks: u8,
}

/// The record of a virtual channel.
#[allow(clippy::large_enum_variant, reason = "a view is copied, never stored by the thousand")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecordView {
    /// Never registered.
    #[default]
    None,
    /// In dispute, or past it and not concluded.
    Disputed(DisputeView),
    /// The outcome is fixed.
    Concluded {
        /// What `ends[0]` gets.
        out_a: Amount,
    },
}

/// The same object at the head and at the newest final block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen<T> {
    /// At the head.
    pub head: T,
    /// At the newest final block.
    pub settled: T,
}

/// News from the chain: both blocks, and the watched objects that may have changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainUpdate {
    /// The newest block.
    pub head: Block,
    /// The newest final block.
    pub settled: Block,
    /// By slot key.
    pub ledgers: Vec<(B256, Seen<LedgerView>)>,
    /// By channel id (of the life that ended).
    pub escrows: Vec<(B256, Seen<EscrowView>)>,
    /// By id of the virtual channel.
    pub records: Vec<(B256, Seen<RecordView>)>,
}

/// What the chain driver must follow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Watch {
    /// Slots of a ledger channel, by slot key.
    Ledger(ChannelParams),
    /// Escrow of a life, by channel id.
    Escrow(B256),
    /// Record of a virtual channel, by id.
    Record(B256),
}

/// By what right an account opens the dispute of a virtual channel: the `WatchAuth` of a participant's key names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opener {
    /// Position of the participant in the path.
    pub position: u8,
    /// First second at which the authorisation is valid.
    pub not_before: u64,
    /// Last second.
    pub not_after: u64,
    /// The key's signature on the `WatchAuth`.
    pub sig: Signature,
}

/// A call of the Adjudicator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Call {
    /// By A, with her deposit as value.
    Open {
        /// Slot key fields.
        params: ChannelParams,
        /// Nonce of the life to open.
        nonce: u64,
        /// Deposit, sent along.
        value: Amount,
    },
    /// By B, with his deposit as value.
    Confirm {
        /// Slot key fields.
        params: ChannelParams,
        /// Id of the life.
        id: B256,
        /// A's deposit, as B expects it.
        dep_a: Amount,
        /// Deposit, sent along.
        value: Amount,
    },
    /// By A in `Funding`.
    Refund {
        /// Slot key fields.
        params: ChannelParams,
    },
    /// Cooperative end.
    Close {
        /// Slot key fields.
        params: ChannelParams,
        /// What was signed.
        close: Close,
        /// Root over the locks.
        lock_root: B256,
        /// Signatures of A and B; the sender's may be missing.
        sigs: [Option<Signature>; 2],
    },
    /// Opens (or refutes) a dispute of a ledger channel.
    Register {
        /// Slot key fields.
        params: ChannelParams,
        /// The State; of version 0 all numbers are 0.
        state: State,
        /// Its roots.
        roots: Roots,
        /// Signatures of A and B; the sender's may be missing.
        sigs: [Option<Signature>; 2],
    },
    /// Replaces the registered State by a higher version.
    Refute {
        /// Slot key fields.
        params: ChannelParams,
        /// The State.
        state: State,
        /// Its roots.
        roots: Roots,
        /// Signatures of A and B; the sender's may be missing.
        sigs: [Option<Signature>; 2],
    },
    /// Pays out after the dispute.
    Conclude {
        /// Slot key fields.
        params: ChannelParams,
        /// The registered State.
        state: State,
        /// Its roots, from the event.
        roots: Roots,
        /// From the event.
        mix: B256,
    },
    /// Opens (or refutes) a dispute of a virtual channel, by an end's account.
    RegisterVirtual {
        /// The parameters.
        params: VirtualParams,
        /// The State.
        state: State,
        /// Signatures of both ends.
        sigs: [Signature; 2],
        /// All activation secrets.
        secrets: Vec<B256>,
        /// Lets this participant's account open the dispute; none is needed by the key's own address.
        opener: Option<Opener>,
    },
    /// Replaces the registered State by a higher version.
    RefuteVirtual {
        /// The parameters.
        params: VirtualParams,
        /// The State.
        state: State,
        /// Signatures of both ends.
        sigs: [Signature; 2],
    },
    /// Fixes the outcome after the dispute.
    ConcludeVirtual {
        /// The parameters.
        params: VirtualParams,
        /// The registered State.
        state: State,
        /// From the event.
        mix: B256,
    },
    /// Fixes the outcome with a certificate.
    Finalise {
        /// The parameters.
        params: VirtualParams,
        /// What `ends[0]` gets.
        out_a: Amount,
        /// Signatures in path order.
        sigs: Vec<Signature>,
    },
    /// Pays one lock of a finished life.
    Settle {
        /// Slot key fields of the link.
        params: ChannelParams,
        /// Nonce of the life that ended.
        nonce: u64,
        /// The lock.
        lock: Lock,
        /// Its index.
        index: usize,
        /// Its siblings.
        proof: Vec<B256>,
        /// The virtual channel it follows.
        virtual_params: VirtualParams,
    },
    /// Takes one's balance out of the vault.
    Withdraw {
        /// Zero address for ETH.
        asset: Address,
        /// Receiver.
        to: Address,
    },
}

impl Call {
    /// The contract function, for people.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Open { .. } => "open",
            Self::Confirm { .. } => "confirm",
            Self::Refund { .. } => "refund",
            Self::Close { .. } => "close",
            Self::Register { .. } => "register",
            Self::Refute { .. } => "refute",
            Self::Conclude { .. } => "conclude",
            Self::RegisterVirtual { .. } => "registerVirtual",
            Self::RefuteVirtual { .. } => "refuteVirtual",
            Self::ConcludeVirtual { .. } => "concludeVirtual",
            Self::Finalise { .. } => "finalise",
            Self::Settle { .. } => "settle",
            Self::Withdraw { .. } => "withdraw",
        }
    }
}

/// Names one wish for a transaction; asked for twice it is sent once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TxKey(pub B256);

/// What became of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TxOutcome {
    /// Included and successful.
    Mined {
        /// Gas used.
        gas: u64,
    },
    /// Included and reverted, or refused by the node.
    Failed {
        /// In words.
        reason: alloc::string::String,
    },
}
