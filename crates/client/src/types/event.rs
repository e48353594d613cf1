//! What happens at a node, one after the other.

use super::schema::{AddressHex, BytesHex, HashHex};
use super::{ChannelId, Party, Receipt, Reference, Wei};
use alloy_primitives::Bytes;
use perunika_core::{Address, B256};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Something that happened. Each event has a number of its own, in the order in which they happened; it is written together
/// with what it tells of, so that a crash neither loses nor doubles it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// Its number; strictly increasing, not always by one.
    pub cursor: u64,
    /// When the node took note of it, milliseconds since 1970 by the node's clock.
    pub time_ms: u64,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened. Programs skip types that they do not know: more may come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum EventKind {
    /// A ledger channel can be used.
    ChannelOpen {
        /// The channel.
        id: ChannelId,
    },
    /// A ledger channel ended.
    ChannelClosed {
        /// The channel.
        id: ChannelId,
    },
    /// A payment arrived and is durable.
    PaymentReceived {
        /// The channel, ledger or virtual.
        id: ChannelId,
        /// Version that holds it.
        version: u64,
        /// How much.
        amount: Wei,
        /// This node's share from then on.
        share: Wei,
        /// What it was for, if the payer said so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reference: Option<Reference>,
    },
    /// A payee signed for a payment of this node that had a reference.
    ReceiptReceived {
        /// What it signed.
        receipt: Receipt,
    },
    /// A ledger channel counts other deposits from now on.
    DepositsCounted {
        /// The channel.
        id: ChannelId,
        /// Of A and B.
        deposits: [Wei; 2],
    },
    /// Part of a deposit was paid out of an open ledger channel, for good.
    Withdrawn {
        /// The channel.
        id: ChannelId,
        /// Whose deposit.
        party: Party,
        /// How much.
        amount: Wei,
    },
    /// A virtual channel can be used by its ends.
    VirtualOpen {
        /// The channel.
        id: ChannelId,
    },
    /// A virtual channel is over for this node.
    VirtualClosed {
        /// The channel.
        id: ChannelId,
        /// What the first end got; none if it never was in use.
        out_a: Option<Wei>,
    },
    /// A virtual channel has a successor that can be used by its ends.
    VirtualRenewed {
        /// The one that ended.
        old: ChannelId,
        /// Its successor.
        new: ChannelId,
    },
    /// A dispute was seen on the chain.
    Dispute {
        /// The channel, ledger or virtual.
        id: ChannelId,
        /// Registered version.
        version: u64,
    },
    /// A peer proposes a nanocontract that this node could agree to; it waits for an answer.
    NanoOffered {
        /// The channel, ledger or virtual.
        id: ChannelId,
        /// Name of the nanocontract.
        #[schemars(with = "HashHex")]
        nid: B256,
        /// Its name, if it is one that every node knows.
        app: Option<String>,
        /// Hash of its code.
        #[schemars(with = "HashHex")]
        code_hash: B256,
        /// What it would hold.
        total: Wei,
        /// What A would put in.
        stake_a: Wei,
        /// Who would move first.
        first: Party,
        /// Second, chain time, until which the answer may be given.
        until: u64,
    },
    /// A nanocontract can be used.
    NanoOpen {
        /// The channel, ledger or virtual.
        id: ChannelId,
        /// Name of the nanocontract.
        #[schemars(with = "HashHex")]
        nid: B256,
    },
    /// A nanocontract did not come about.
    NanoDeclined {
        /// The channel, ledger or virtual.
        id: ChannelId,
        /// Name of the nanocontract.
        #[schemars(with = "HashHex")]
        nid: B256,
        /// In words.
        reason: String,
    },
    /// A step is signed by both, or was forced on the chain.
    NanoStepped {
        /// The channel, ledger or virtual.
        id: ChannelId,
        /// Name of the nanocontract.
        #[schemars(with = "HashHex")]
        nid: B256,
        /// Version that holds it; of a forced step the registered one.
        version: u64,
        /// Who moved.
        by: Party,
        /// What the mover said.
        #[schemars(with = "BytesHex")]
        input: Bytes,
        /// On the chain.
        forced: bool,
    },
    /// In a dispute it is this node's turn, and nothing is kept that the rules take: without a step by then the mover has stalled.
    NanoTurn {
        /// The channel, ledger or virtual.
        id: ChannelId,
        /// Name of the nanocontract.
        #[schemars(with = "HashHex")]
        nid: B256,
        /// Last second, chain time.
        deadline: u64,
    },
    /// The peer handed over an input that this node can force.
    NanoHanded {
        /// The channel, ledger or virtual.
        id: ChannelId,
        /// Name of the nanocontract.
        #[schemars(with = "HashHex")]
        nid: B256,
        /// The input.
        #[schemars(with = "BytesHex")]
        input: Bytes,
        /// What this node would get of the nanocontract with it.
        share: Wei,
    },
    /// The virtual channel ends soon: what is not finished or closed until then is decided by the chain.
    NanoMustEnd {
        /// The virtual channel.
        id: ChannelId,
        /// Name of the nanocontract.
        #[schemars(with = "HashHex")]
        nid: B256,
        /// Last second, chain time, at which a step is signed.
        deadline: u64,
    },
    /// The peer wants a nanocontract closed in which it is this node's turn: closing it here agrees.
    NanoCloseAsked {
        /// The channel, ledger or virtual.
        id: ChannelId,
        /// Name of the nanocontract.
        #[schemars(with = "HashHex")]
        nid: B256,
    },
    /// A nanocontract is over.
    NanoClosed {
        /// The channel, ledger or virtual.
        id: ChannelId,
        /// Name of the nanocontract.
        #[schemars(with = "HashHex")]
        nid: B256,
        /// What A got of it, as far as this node knows.
        a_got: Wei,
    },
    /// A peer broke the protocol.
    Misbehaved {
        /// Its key.
        #[schemars(with = "AddressHex")]
        peer: Address,
        /// In words.
        reason: String,
    },
    /// A transaction of this node was included, or failed for good.
    Transaction {
        /// The contract function.
        name: String,
        /// Its hash, if it was included.
        #[schemars(with = "Option<HashHex>")]
        hash: Option<B256>,
        /// Why it failed, if it did.
        failure: Option<String>,
    },
    /// Events that were asked for are not there any more: they were acknowledged, or more than a million waited.
    Gap {
        /// Number of the first one that may be missing.
        from: u64,
        /// Number of the last one.
        to: u64,
    },
    /// Something that this release of the client does not know.
    #[serde(other)]
    #[schemars(skip)]
    Unknown,
}

impl EventKind {
    /// As in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Self::ChannelOpen { .. } => "channel_open",
            Self::ChannelClosed { .. } => "channel_closed",
            Self::PaymentReceived { .. } => "payment_received",
            Self::ReceiptReceived { .. } => "receipt_received",
            Self::DepositsCounted { .. } => "deposits_counted",
            Self::Withdrawn { .. } => "withdrawn",
            Self::VirtualOpen { .. } => "virtual_open",
            Self::VirtualClosed { .. } => "virtual_closed",
            Self::VirtualRenewed { .. } => "virtual_renewed",
            Self::Dispute { .. } => "dispute",
            Self::NanoOffered { .. } => "nano_offered",
            Self::NanoOpen { .. } => "nano_open",
            Self::NanoDeclined { .. } => "nano_declined",
            Self::NanoStepped { .. } => "nano_stepped",
            Self::NanoTurn { .. } => "nano_turn",
            Self::NanoHanded { .. } => "nano_handed",
            Self::NanoMustEnd { .. } => "nano_must_end",
            Self::NanoCloseAsked { .. } => "nano_close_asked",
            Self::NanoClosed { .. } => "nano_closed",
            Self::Misbehaved { .. } => "misbehaved",
            Self::Transaction { .. } => "transaction",
            Self::Gap { .. } => "gap",
            Self::Unknown => "unknown",
        }
    }
}

/// Which events are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventQuery {
    /// Only what comes after this number; everything that is not acknowledged by default. `Last-Event-ID` is the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// Pages only: most elements of the answer; 100 by default, at most 1000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub limit: Option<u16>,
}

/// `POST /v1/events/ack`; the answer is the same, with the highest number that is acknowledged. A node has one such number for all who
/// read its events: what one acknowledges is forgotten for the others too, so only one of them should.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ack {
    /// This event and all before it need not be kept.
    pub cursor: u64,
}
