//! What a participant sees of the chain and what it asks the chain to do.
//!
//! Views are slot contents read at a block, never deltas of events: a reorg is just another view (S38, S39).

pub use crate::funding::{Funding, PERMIT2, TokenPayment};
use crate::params::{ChannelParams, Side, VirtualParams};
use crate::sig::Signature;
use crate::signed::{Adjust, Amount, Close, Entry, Lock, Nano, OpenAuth, State};
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
    /// Last second of its registered nanocontracts (`acc.end`), or, if there are none, anything up to the last second at which
    /// they could be registered.
    pub nanos_end: u64,
}

impl DisputeView {
    /// Last second of the dispute: only after it `conclude` works (protocol 2.3).
    pub fn final_at(&self, window: u32) -> u64 {
        if self.nanos { self.nano_window_end(window).max(self.nanos_end) } else { self.refute_end }
    }

    /// Last second at which a nanocontract can be registered for the first time.
    pub fn nano_window_end(&self, window: u32) -> u64 {
        self.refute_end.saturating_add(window.into())
    }
}

/// A registered nanocontract: its two slots, and what the events say of its storage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NanoView {
    /// Registered version.
    pub ver: u64,
    /// Last second at which a higher version is taken; steps follow after it.
    pub n_ref: u64,
    /// When the last forced step came, behind `n_ref`; 0 before the first.
    pub last: u64,
    /// Forced steps left.
    pub steps_left: u16,
    /// Next mover (0 = A).
    pub mover: u8,
    /// What A gets if it stalls.
    pub da: Amount,
    /// Hash of the storage.
    pub storage_hash: B256,
    /// The storage, if the last change was a forced step.
    pub storage: Option<Vec<u8>>,
    /// Input of that step.
    pub input: Option<Vec<u8>>,
}

impl NanoView {
    /// Last second at which the mover may move.
    pub fn step_end(&self, window: u32) -> u64 {
        self.n_ref.max(self.last).saturating_add(window.into())
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

impl LedgerView {
    /// Of A and B.
    pub fn deposits(&self) -> [Amount; 2] {
        [self.dep_a, self.dep_b]
    }
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

/// Names a nanocontract on the chain: channel id, ledger or virtual, and struct hash of the Entry.
pub type NanoName = (B256, B256);

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
    /// Registered nanocontracts; none: not registered.
    pub nanos: Vec<(NanoName, Seen<Option<NanoView>>)>,
    /// By hash of a secret: when it was published, seconds; 0 if never.
    pub revealed: Vec<(B256, Seen<u64>)>,
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
    /// Slots of a nanocontract.
    Nano {
        /// Channel id, ledger or virtual.
        ch: B256,
        /// Struct hash of its Entry.
        entry: B256,
    },
    /// When the secret with this hash was published.
    Revealed(B256),
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

/// In which channel a nanocontract stands; calls carry its parameters.
#[allow(clippy::large_enum_variant, reason = "a call lives for a moment")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Home {
    /// A ledger channel.
    Ledger(ChannelParams),
    /// A virtual channel.
    Virtual(VirtualParams),
}

/// One forced step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForcedStep {
    /// Account whose code runs.
    pub code: Address,
    /// Storage before the step.
    pub storage: Vec<u8>,
    /// What the mover says.
    pub input: Vec<u8>,
    /// `StepAuth` of the mover's key; none where the sender is the mover.
    pub auth: Option<Signature>,
}

/// One nanocontract that is registered, or refuted by a higher version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NanoClaim {
    /// As it stands in the State.
    pub entry: Entry,
    /// Its index there; of no meaning in a refutation.
    pub index: usize,
    /// Its siblings; empty in a refutation.
    pub proof: Vec<B256>,
    /// The version; `ch` and `entry` fit the rest.
    pub version: Nano,
    /// Signatures of A and B; none of version 0. Of a ledger channel the sender's may be missing.
    pub sigs: [Option<Signature>; 2],
    /// The mover's provisional step.
    pub step: Option<ForcedStep>,
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
        /// Its roots; it has no locks.
        roots: Roots,
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
        /// Its roots; it has no locks.
        roots: Roots,
        /// Signatures of both ends.
        sigs: [Signature; 2],
    },
    /// Fixes the outcome after the dispute.
    ConcludeVirtual {
        /// The parameters.
        params: VirtualParams,
        /// The registered State.
        state: State,
        /// Its roots, from the event.
        roots: Roots,
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
    /// Registers nanocontracts of the State that the dispute has fixed.
    RegisterNanos {
        /// The channel.
        home: Home,
        /// The registered State.
        state: State,
        /// Its roots.
        roots: Roots,
        /// From the event.
        mix: B256,
        /// Which, in any order.
        claims: Vec<NanoClaim>,
    },
    /// Replaces registered nanocontracts by higher versions.
    RefuteNanos {
        /// The channel.
        home: Home,
        /// Which, in any order.
        claims: Vec<NanoClaim>,
    },
    /// Forces one step.
    Execute {
        /// The channel.
        home: Home,
        /// As it stands in the State.
        entry: Entry,
        /// The step.
        step: ForcedStep,
    },
    /// Puts a nanocontract's code where everybody can find it ([`code_address`](crate::params::code_address)).
    Deploy {
        /// Runtime bytecode.
        code: Vec<u8>,
    },
    /// Publishes a secret (protocol 6.3).
    Reveal {
        /// The secret.
        secret: B256,
    },
    /// Takes money out of one's vault.
    Withdraw {
        /// Zero address for ETH.
        asset: Address,
        /// Receiver.
        to: Address,
        /// How much, at most what the vault holds.
        amount: Amount,
    },
    /// Pays into somebody's vault.
    FundVault {
        /// Zero address for ETH, which is sent along; a token comes out of the sender's allowance.
        asset: Address,
        /// Whose vault.
        owner: Address,
        /// How much.
        amount: Amount,
    },
    /// [`Self::Open`] for any asset, paid in any way.
    OpenWith {
        /// Slot key fields.
        params: ChannelParams,
        /// What both agree on; `dep_a` is deposited.
        terms: OpenAuth,
        /// Where it comes from.
        funding: Funding,
        /// Ether sent along.
        value: Amount,
    },
    /// [`Self::Confirm`] for any asset, paid in any way, by anybody.
    ConfirmWith {
        /// Slot key fields.
        params: ChannelParams,
        /// What both agree on; `dep_b` is deposited.
        terms: OpenAuth,
        /// Where it comes from.
        funding: Funding,
        /// Ether sent along.
        value: Amount,
    },
    /// Opens and confirms at once, by anybody.
    OpenBoth {
        /// Slot key fields.
        params: ChannelParams,
        /// What both agree on.
        terms: OpenAuth,
        /// Where the deposits of A and B come from.
        fundings: [Funding; 2],
        /// Ether sent along.
        value: Amount,
    },
    /// Adds to a deposit of an open channel. The sender pays, in any way.
    Deposit {
        /// Slot key fields.
        params: ChannelParams,
        /// Id of the life.
        id: B256,
        /// Whose deposit becomes more.
        side: Side,
        /// How much.
        amount: Amount,
        /// Last second at which it is valid.
        not_after: u64,
        /// Where it comes from; the sender is its owner.
        funding: Funding,
        /// Ether sent along.
        value: Amount,
    },
    /// Pays part of a deposit out of an open channel.
    Adjust {
        /// Slot key fields.
        params: ChannelParams,
        /// What was signed.
        adjust: Adjust,
        /// Signatures of A and B; the sender's may be missing.
        sigs: [Option<Signature>; 2],
    },
    /// Not of the Adjudicator but of a token: allows the Adjudicator to take this much from now on.
    Approve {
        /// The token.
        token: Address,
        /// How much.
        amount: Amount,
    },
    /// Several calls one after the other, without ether; one that fails is passed over.
    Batch {
        /// Gas that each gets.
        gas_each: u64,
        /// In this order.
        calls: Vec<Call>,
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
            Self::RegisterNanos { home: Home::Ledger(_), .. } => "registerNano",
            Self::RegisterNanos { home: Home::Virtual(_), .. } => "registerVirtualNano",
            Self::RefuteNanos { home: Home::Ledger(_), .. } => "refuteNano",
            Self::RefuteNanos { home: Home::Virtual(_), .. } => "refuteVirtualNano",
            Self::Execute { home: Home::Ledger(_), .. } => "execute",
            Self::Execute { home: Home::Virtual(_), .. } => "executeVirtual",
            Self::Deploy { .. } => "deploy",
            Self::Reveal { .. } => "reveal",
            Self::Withdraw { .. } => "withdraw",
            Self::FundVault { .. } => "fundVault",
            Self::OpenWith { .. } => "openWith",
            Self::ConfirmWith { .. } => "confirmWith",
            Self::OpenBoth { .. } => "openBoth",
            Self::Deposit { .. } => "deposit",
            Self::Adjust { .. } => "adjust",
            Self::Approve { .. } => "approve",
            Self::Batch { .. } => "batch",
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
