//! Read-only views of channels for people and programs.

use crate::message::NanoTerms;
use crate::params::{ChannelParams, Side, VirtualParams};
use crate::sig::Signature;
use crate::signed::{Adjust, Amount, Entry, Nano};
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
    /// What A and B deposited beyond that, as the head shows it.
    pub uncounted: [Amount; 2],
    /// A withdrawal under way.
    pub withdrawing: Option<Adjust>,
    /// This node's cash, and what it gets of open nanocontracts by default.
    pub mine: Amount,
    /// The peer's.
    pub theirs: Amount,
    /// What this node can spend: without nanocontracts.
    pub spendable: Amount,
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

/// Where a nanocontract stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NanoStage {
    /// This node proposed it; the peer has not answered.
    Proposed,
    /// The peer proposed it; this node has not answered.
    Offered,
    /// Agreed; the State with it is being signed.
    Agreed,
    /// Open.
    Open,
    /// Over, or given up by the mover: the State without it is being signed.
    Closing,
    /// A dispute of its channel runs.
    Disputed,
}

/// A nanocontract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NanoInfo {
    /// Channel id, ledger or virtual.
    pub ch: B256,
    /// Its name.
    pub nid: B256,
    /// Which side this node is.
    pub me: Side,
    /// The peer's key.
    pub peer: Address,
    /// Where it stands.
    pub stage: NanoStage,
    /// What it was agreed to be.
    pub terms: NanoTerms,
    /// As it stands in the State, once it does.
    pub entry: Option<Entry>,
    /// The newest version that both signed (version 0: that nobody needs to sign).
    pub version: Option<Nano>,
    /// Signatures of A and B on it.
    pub sigs: [Option<Signature>; 2],
    /// Storage of that version; in a dispute, as the chain has it.
    pub storage: Vec<u8>,
    /// What A gets if the next mover stalls; in a dispute, as the chain has it.
    pub da: Amount,
    /// Next mover (0 = A).
    pub mover: u8,
    /// Forced steps left; 0: over.
    pub steps_left: u16,
    /// It is this node's turn.
    pub my_turn: bool,
    /// A step of this node waits for its countersignature, or to be forced.
    pub outstanding: bool,
    /// Why the peer did not countersign it, in its words.
    pub refused: Option<alloc::string::String>,
    /// Number of inputs that are kept for a dispute.
    pub prepared: usize,
    /// Second, chain time, until which this node must have acted; in a dispute only.
    pub deadline: Option<u64>,
}
