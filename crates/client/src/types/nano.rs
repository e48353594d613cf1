//! Nanocontracts: programs over money of a channel, run by its two parties and, in a dispute, by the chain.

use super::schema::{AddressHex, BytesHex, HashHex, NanoStageName};
use super::{ChannelId, Wei};
use alloy_primitives::Bytes;
use perunika_core::info::NanoStage;
use perunika_core::{Address, B256};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One of the two parties of a channel, as its contract counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Party {
    /// The one that opened it.
    A,
    /// The other one.
    B,
}

impl Party {
    /// As code counts them: 0 = A.
    pub fn of(index: u8) -> Self {
        if index == 0 { Self::A } else { Self::B }
    }

    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::A => "A",
            Self::B => "B",
        })
    }
}

/// Which party of a channel, seen from this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mover {
    /// This node.
    Me,
    /// The peer.
    Peer,
}

/// `POST /v1/nanos`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenNano {
    /// Id of the channel, ledger or virtual.
    #[schemars(with = "HashHex")]
    pub channel: B256,
    /// Name of a nanocontract that every node knows: `coin-toss`, `tic-tac-toe`, `hash-lock` or `hash-chain`. Either this or `code`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// Runtime bytecode, at most 24,576 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<BytesHex>")]
    pub code: Option<Bytes>,
    /// Storage before the first step, at most 16,384 bytes.
    #[serde(default)]
    #[schemars(with = "BytesHex")]
    pub storage: Bytes,
    /// Stake of this node: what it puts in, and gets if the first mover stalls.
    pub amount: Wei,
    /// Stake of the peer; nothing by default.
    #[serde(default)]
    pub peer_amount: Wei,
    /// Who moves first.
    pub first: Mover,
    /// Gas bound of one step; that of `app` if left out, with `code` it must be there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gas: Option<u32>,
    /// Most forced steps; no game may take more.
    pub steps: u16,
    /// How long the peer may take to answer, seconds; the node's default if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_within: Option<u64>,
    /// How long to wait for the result, seconds; 60 by default, at most 600.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_s: Option<u64>,
}

/// `POST /v1/nanos/{channel}/{nid}/answer`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerNano {
    /// Why not; left out to agree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refuse: Option<String>,
    /// How long to wait for the result, seconds; 60 by default, at most 600.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_s: Option<u64>,
}

/// `POST /v1/nanos/{channel}/{nid}/step`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepNano {
    /// What this node says, at most 16,384 bytes.
    #[schemars(with = "BytesHex")]
    pub input: Bytes,
    /// After this many seconds without the peer's signature the step is forced on the chain, and the channel ends there; never if left
    /// out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub force_after: Option<u64>,
    /// How long to wait for the result, seconds; 60 by default, at most 600.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_s: Option<u64>,
}

/// `POST /v1/nanos/{channel}/{nid}/prepare`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrepareNano {
    /// What may be forced in a dispute when it is this node's turn, tried in this order; at most 16. Replaces what was kept before.
    #[schemars(with = "Vec<BytesHex>", length(max = 16))]
    pub inputs: Vec<Bytes>,
}

/// `POST /v1/nanos/{channel}/{nid}/hand`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HandNano {
    /// An input for the peer's next step, which it may force whenever it likes: handing it over is as good as paying by it.
    #[schemars(with = "BytesHex")]
    pub input: Bytes,
    /// How long to wait until the peer has it durably, seconds; 60 by default, at most 600.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_s: Option<u64>,
}

/// `POST /v1/nanos/{channel}/{nid}/close`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CloseNano {
    /// How long to wait for the result, seconds; 60 by default, at most 600.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_s: Option<u64>,
}

/// `POST /v1/secrets`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reveal {
    /// 32 bytes that everybody will know.
    #[schemars(with = "HashHex")]
    pub secret: B256,
}

/// Element of `GET /v1/nanos`; `GET /v1/nanos/{channel}/{nid}`. While a dispute runs, numbers and storage are those of the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Nano {
    /// The channel, ledger or virtual.
    pub id: ChannelId,
    /// Name of its asset in the node's config file; none if the file does not name it.
    #[serde(default)]
    pub symbol: Option<String>,
    /// Its amounts have so many digits behind the point.
    #[serde(default)]
    pub decimals: Option<u8>,
    /// Its name within the channel.
    #[schemars(with = "HashHex")]
    pub nid: B256,
    /// Which party this node is.
    pub party: Party,
    /// The other party.
    #[schemars(with = "AddressHex")]
    pub peer: Address,
    /// Where it stands.
    #[schemars(with = "NanoStageName")]
    pub stage: NanoStage,
    /// Its name, if it is one that every node knows.
    pub app: Option<String>,
    /// Hash of its code.
    #[schemars(with = "HashHex")]
    pub code_hash: B256,
    /// What it holds.
    pub total: Wei,
    /// What this node put in.
    pub stake: Wei,
    /// What this node gets if the next mover stalls.
    pub mine: Wei,
    /// What the peer gets if the next mover stalls.
    pub theirs: Wei,
    /// Gas bound of one step.
    pub gas: u32,
    /// Most forced steps, as agreed.
    pub steps: u16,
    /// Steps that are left; 0: it is over.
    pub steps_left: u16,
    /// Who moves next.
    pub mover: Party,
    /// It is this node's turn.
    pub my_turn: bool,
    /// Newest version with both signatures (0: nobody needs to sign that); none before it is open.
    pub version: Option<u64>,
    /// Its storage.
    #[schemars(with = "BytesHex")]
    pub storage: Bytes,
    /// A step of this node waits for the peer's signature, or to be forced.
    pub outstanding: bool,
    /// Why the peer does not sign it, in its words.
    pub refused: Option<String>,
    /// Inputs that are kept for a dispute.
    pub prepared: usize,
    /// In a dispute: the second, chain time, until which this node must have acted; the node acts by itself as far as it knows what to
    /// say.
    pub deadline: Option<u64>,
}
