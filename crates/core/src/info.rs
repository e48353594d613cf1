//! Read-only views of channels for people and programs.

use crate::params::{ChannelParams, Side, VirtualParams};
use crate::signed::Amount;
use alloc::vec::Vec;
use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

/// Where a ledger channel stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LedgerStage {
    /// Agreed between the parties, nothing on chain.
    Agreed,
    /// A's deposit is on its way or waits for B's.
    Funding,
    /// Payments work.
    Open,
    /// A cooperative end is under way.
    Closing,
    /// A dispute runs.
    Disputed,
    /// Over.
    Closed,
}

/// A ledger channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerInfo {
    /// Channel id.
    pub id: B256,
    /// Slot key fields.
    pub params: ChannelParams,
    /// Nonce of this life.
    pub nonce: u64,
    /// Which side this node is.
    pub me: Side,
    /// The peer's key.
    pub peer: Address,
    /// Where it stands.
    pub stage: LedgerStage,
    /// Counted deposits of A and B.
    pub deposits: [Amount; 2],
    /// This node's cash.
    pub mine: Amount,
    /// The peer's cash.
    pub theirs: Amount,
    /// In locks of virtual channels.
    pub locked: Amount,
    /// Number of locks.
    pub locks: usize,
    /// Newest co-signed version.
    pub version: u64,
    /// Newest accepted version.
    pub accepted: u64,
    /// Signatures of this node that are unanswered.
    pub outstanding: usize,
    /// Last second of refutation, if a dispute runs.
    pub refute_end: Option<u64>,
    /// Second, chain time, until which this party must have acted.
    pub deadline: Option<u64>,
    /// Cash that this party can enforce alone with what it holds.
    pub claimable: Amount,
}

/// Where a virtual channel stands for one participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VirtualStage {
    /// Locks are being added.
    Locking,
    /// This participant has revealed its secret.
    Revealed,
    /// All secrets are known; the ends can use it.
    Active,
    /// The ends drain it, or Finals are being collected.
    Closing,
    /// The certificate is complete; locks are being removed.
    Certified,
    /// Given up before this participant revealed its secret.
    Aborted,
    /// No lock of it is left here.
    Done,
}

/// A virtual channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirtualInfo {
    /// Its id.
    pub id: B256,
    /// Parameters.
    pub params: VirtualParams,
    /// Position of this node in the path.
    pub index: usize,
    /// Where it stands.
    pub stage: VirtualStage,
    /// For an end: its share.
    pub mine: Option<Amount>,
    /// For an end: the other end's share.
    pub theirs: Option<Amount>,
    /// For an end: newest co-signed version.
    pub version: u64,
    /// For an end: newest accepted version.
    pub accepted: u64,
    /// Payments sent and received by this end.
    pub payments: u64,
    /// Outcome of the certificate or the record, if there is one.
    pub out_a: Option<Amount>,
    /// The virtual channel that this one succeeds.
    pub renews: Option<B256>,
    /// Its successor, as soon as that can be used.
    pub renewed_by: Option<B256>,
    /// A renewal is under way, as far as this participant knows.
    pub renewing: bool,
    /// At the end that opened it: it is renewed whenever its term is about to end.
    pub kept: bool,
    /// Second, chain time, until which this participant must have acted, or the end of the term.
    pub deadline: Option<u64>,
    /// At an end: what it can enforce alone with what it holds.
    pub claimable: Option<Amount>,
}

/// Everything a participant knows about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overview {
    /// Key of this node.
    pub key: Address,
    /// Account of this node.
    pub owner: Address,
    /// Connected peers.
    pub connected: Vec<Address>,
    /// Chain time, seconds.
    pub chain_time: u64,
    /// Height of the head.
    pub head: u64,
}
