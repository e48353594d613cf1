//! What peers say to each other. Transport authenticates the sender; what is signed here is signed for the chain.

use crate::funding::Funding;
use crate::params::{ChannelParams, Side, VirtualParams};
use crate::secret::Secret;
use crate::sig::Signature;
use crate::signed::{Adjust, Amount, Close, Entry};
use alloc::string::String;
use alloc::vec::Vec;
use alloy_primitives::{Address, B256, keccak256};
use serde::{Deserialize, Serialize};

/// A message between two peers. Every handler is idempotent: any of these may be lost, doubled or late.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// A proposes to open a ledger channel; B answers before A deposits.
    ChannelOffer {
        /// Slot key fields, the sender being A.
        params: ChannelParams,
        /// Nonce of the life.
        nonce: u64,
        /// What A will deposit.
        dep_a: Amount,
        /// What B is asked to deposit.
        dep_b: Amount,
    },
    /// A asks B for the fields that only B knows, before the offer.
    ChannelAsk {
        /// Zero address for ETH; echoed in the answer.
        asset: Address,
        /// Echoed in the answer.
        lane: u16,
    },
    /// B's owner account.
    ChannelInfo {
        /// As asked.
        asset: Address,
        /// As asked.
        lane: u16,
        /// B's account.
        owner: Address,
    },
    /// B will confirm once A's deposit is final, or lets A do it in the transaction that opens.
    ChannelAgreed {
        /// Id of the life.
        id: B256,
        /// B's agreement for the chain, and where its deposit comes from.
        consent: Option<Consent>,
    },
    /// A's agreement for the chain, and where its deposit comes from: B may open at once, and pays for it.
    ChannelConsent {
        /// Id of the life.
        id: B256,
        /// A's.
        consent: Consent,
    },
    /// A stream item: one-sided payment (protocol 1.4(10)).
    Item {
        /// Channel id, ledger or virtual.
        ch: B256,
        /// Version.
        ver: u64,
        /// Version that it starts from.
        base: u64,
        /// A's share from now on.
        def_a: Amount,
        /// The payer's signature.
        sig: Signature,
        /// The payer wants a countersignature.
        cosign: bool,
        /// The payer wants a receipt.
        note: Option<Note>,
    },
    /// The payee's signature on the receipt for one of the receiver's payments.
    PaymentReceipt {
        /// Channel id.
        ch: B256,
        /// Version that holds the payment.
        ver: u64,
        /// Signature over the receipt.
        sig: Signature,
    },
    /// The receipt for this payment did not come.
    ReceiptAsk {
        /// Channel id.
        ch: B256,
        /// Version that holds the payment.
        ver: u64,
    },
    /// The item is accepted and durable.
    Ack {
        /// Channel id.
        ch: B256,
        /// Version.
        ver: u64,
    },
    /// Countersignature on a version of the receiver.
    Accept {
        /// Channel id.
        ch: B256,
        /// Version.
        ver: u64,
        /// Signature over that version.
        sig: Signature,
    },
    /// Why a version of the receiver is not accepted. Voids nothing (protocol 1.4(3)).
    Refuse {
        /// Channel id.
        ch: B256,
        /// Version.
        ver: u64,
        /// The virtual channels whose locks are the reason, if any.
        refused: Vec<B256>,
        /// In words.
        reason: String,
    },
    /// Both parties of a quiet link sign the same derived State at once (protocol 2.3 lock).
    Presign {
        /// Channel id of the link.
        ch: B256,
        /// Version.
        ver: u64,
        /// The one change.
        op: LinkOp,
        /// The sender's signature.
        sig: Signature,
    },
    /// A level-1 proposal with any number of changes.
    Propose {
        /// Channel id of the link.
        ch: B256,
        /// Version.
        ver: u64,
        /// Hash of the State that it starts from.
        base: B256,
        /// The changes; none voids what is outstanding.
        ops: Vec<LinkOp>,
        /// The sender's signature.
        sig: Signature,
    },
    /// Cooperative end of a ledger channel: please stop proposing.
    CloseAsk {
        /// Channel id.
        ch: B256,
    },
    /// A signed Close.
    CloseSig {
        /// What is signed.
        close: Close,
        /// The sender's signature.
        sig: Signature,
    },
    /// Asks a participant for its part in a virtual channel.
    QuoteAsk {
        /// Chosen by the asker.
        request: B256,
        /// All keys in path order.
        path: Vec<Address>,
        /// Wished content.
        terms: Terms,
        /// The virtual channel that this one is to succeed.
        renews: Option<Renews>,
    },
    /// The answer.
    Quote {
        /// As asked.
        request: B256,
        /// Hash of the activation secret.
        hash: B256,
        /// The link to the next participant; none for the far end.
        link: Option<B256>,
        /// Its price.
        fee: Amount,
    },
    /// The answer, negative.
    QuoteRefused {
        /// As asked.
        request: B256,
        /// In words.
        reason: String,
    },
    /// The initiator's call to create a virtual channel.
    VcOpen {
        /// With the full lists.
        params: VirtualParams,
        /// The virtual channel whose lock gives way to the new one in one State (protocol 2.3 renewal).
        renews: Option<B256>,
    },
    /// An activation secret.
    Activate {
        /// Id of the virtual channel.
        vc: B256,
        /// Position of the sender.
        index: u8,
        /// The secret.
        secret: Secret,
    },
    /// The sender will never reveal its secret.
    Abort {
        /// Id of the virtual channel.
        vc: B256,
        /// In words.
        reason: String,
    },
    /// An end's signature on version 1 (= the initial split).
    Start {
        /// Id of the virtual channel.
        vc: B256,
        /// Its signature.
        sig: Signature,
    },
    /// Version 1 with both signatures, and all secrets: what a hub bills by.
    Receipt {
        /// Id of the virtual channel.
        vc: B256,
        /// All activation secrets.
        secrets: Vec<Secret>,
        /// Signatures of both ends.
        sigs: [Signature; 2],
    },
    /// Cooperative end of a virtual channel: please stop proposing.
    VcCloseAsk {
        /// Id of the virtual channel.
        vc: B256,
    },
    /// Signatures on the one Final that the sender knows, by position; its own and those that it received.
    FinalSigs {
        /// Id of the virtual channel.
        vc: B256,
        /// What `ends[0]` gets.
        out_a: Amount,
        /// Position and signature.
        sigs: Vec<(u8, Signature)>,
    },
    /// Proposes a nanocontract in a channel; nothing is signed yet.
    NanoOffer {
        /// Channel id, ledger or virtual.
        ch: B256,
        /// Its name, fresh.
        nid: B256,
        /// What it would be.
        terms: NanoTerms,
        /// Runtime bytecode.
        code: Vec<u8>,
        /// Chain time, seconds, until which the answer may be given (protocol 0.1, 𝒯).
        until: u64,
    },
    /// The receiver of an offer agrees: both add it to the State.
    NanoAgree {
        /// Channel id.
        ch: B256,
        /// Name of the nanocontract.
        nid: B256,
    },
    /// The receiver of an offer does not agree, or who offered takes it back.
    NanoDecline {
        /// Channel id.
        ch: B256,
        /// Name of the nanocontract.
        nid: B256,
        /// In words.
        reason: String,
    },
    /// The mover's next step, signed: what it results in is computed by both.
    NanoStep {
        /// Channel id.
        ch: B256,
        /// Name of the nanocontract.
        nid: B256,
        /// Version of the result.
        ver: u64,
        /// What the mover says.
        input: Vec<u8>,
        /// Chain time, seconds, at which it is made.
        time: u64,
        /// The mover's signature on the result.
        sig: Signature,
    },
    /// Countersignature on a step of the receiver.
    NanoAccept {
        /// Channel id.
        ch: B256,
        /// Name of the nanocontract.
        nid: B256,
        /// Version.
        ver: u64,
        /// Signature on that version.
        sig: Signature,
    },
    /// Why a step of the receiver is not countersigned. Voids nothing.
    NanoRefuse {
        /// Channel id.
        ch: B256,
        /// Name of the nanocontract.
        nid: B256,
        /// Version.
        ver: u64,
        /// In words.
        reason: String,
    },
    /// An input for the receiver's own next step, which it may force whenever it likes; unsigned.
    NanoHand {
        /// Channel id.
        ch: B256,
        /// Name of the nanocontract.
        nid: B256,
        /// Chosen by the sender, rising; echoed.
        count: u64,
        /// The input.
        input: Vec<u8>,
    },
    /// The input is durable at the receiver.
    NanoTaken {
        /// Channel id.
        ch: B256,
        /// Name of the nanocontract.
        nid: B256,
        /// As given.
        count: u64,
    },
    /// The sender waits for the receiver's signature on the [`Adjust`] of the withdrawal that the State provides for.
    AdjustAsk {
        /// Channel id.
        ch: B256,
    },
    /// A signed Adjust.
    AdjustSig {
        /// What is signed.
        adjust: Adjust,
        /// The sender's signature.
        sig: Signature,
    },
    /// Bytes of an application above the channel, for the same peer.
    App {
        /// Opaque.
        data: Vec<u8>,
    },
}

/// The agreement of a side's owner to an opening, for the chain: with it the other side opens in one transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// Last second at which it is valid.
    pub not_after: u64,
    /// Where the deposit of its side comes from, and the owner's signature.
    pub funding: Funding,
}

/// What a payer wants a receipt for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// How much of the item is this payment.
    pub amount: Amount,
    /// 1 to [`MAX_REFERENCE`](crate::signed::MAX_REFERENCE) bytes.
    pub reference: Vec<u8>,
}

impl Message {
    /// The channel, ledger or virtual, that it is about.
    pub(crate) fn object(&self) -> Option<B256> {
        match self {
            Self::Item { ch, .. }
            | Self::Ack { ch, .. }
            | Self::Accept { ch, .. }
            | Self::Refuse { ch, .. }
            | Self::Presign { ch, .. }
            | Self::Propose { ch, .. }
            | Self::PaymentReceipt { ch, .. }
            | Self::ReceiptAsk { ch, .. }
            | Self::NanoOffer { ch, .. }
            | Self::NanoAgree { ch, .. }
            | Self::NanoDecline { ch, .. }
            | Self::NanoStep { ch, .. }
            | Self::NanoAccept { ch, .. }
            | Self::NanoRefuse { ch, .. }
            | Self::NanoHand { ch, .. }
            | Self::NanoTaken { ch, .. }
            | Self::AdjustAsk { ch }
            | Self::CloseAsk { ch } => Some(*ch),
            Self::CloseSig { close, .. } => Some(close.id),
            Self::AdjustSig { adjust, .. } => Some(adjust.id),
            Self::Activate { vc, .. }
            | Self::Abort { vc, .. }
            | Self::Start { vc, .. }
            | Self::Receipt { vc, .. }
            | Self::VcCloseAsk { vc }
            | Self::FinalSigs { vc, .. } => Some(*vc),
            // Openings and quotes are moved by their own timers; what they create is marked as new.
            Self::ChannelOffer { .. }
            | Self::ChannelAsk { .. }
            | Self::ChannelInfo { .. }
            | Self::ChannelAgreed { .. }
            | Self::ChannelConsent { .. }
            | Self::QuoteAsk { .. }
            | Self::Quote { .. }
            | Self::QuoteRefused { .. }
            | Self::VcOpen { .. }
            | Self::App { .. } => None,
        }
    }
}

/// What a nanocontract is to be: its [`Entry`](crate::signed::Entry) less what its place in the channel gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NanoTerms {
    /// What it holds, wei.
    pub total: Amount,
    /// What A puts in, and gets if the first mover stalls, wei.
    pub da0: Amount,
    /// Who moves first (0 = A).
    pub mover0: u8,
    /// Hash of the runtime bytecode.
    pub code_hash: B256,
    /// Gas bound of one step.
    pub gas: u32,
    /// Most forced steps.
    pub k_max: u16,
    /// Initial storage.
    pub storage: Vec<u8>,
}

impl NanoTerms {
    /// As it stands in the State of version `born`.
    pub fn entry(&self, nid: B256, born: u64) -> Entry {
        let Self { total, da0, mover0, code_hash, gas, k_max, .. } = *self;
        Entry { nid, born, total, da0, mover0, code_hash, gas, k_max, storage0: keccak256(&self.storage) }
    }
}

/// One change of a channel: of its entries, that is a lock in a link or a nanocontract, or of the deposits that it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LinkOp {
    /// Adds the lock of this virtual channel.
    Add {
        /// Its id.
        vc: B256,
    },
    /// Removes it.
    Remove {
        /// Its id.
        vc: B256,
        /// With which split.
        how: Removal,
    },
    /// Removes it with an outcome and adds the lock of its successor (protocol 2.3 renewal).
    Renew {
        /// Id of the one that ends.
        vc: B256,
        /// What its `ends[0]` got.
        out_a: Amount,
        /// Id of its successor.
        next: B256,
    },
    /// Adds a nanocontract that both agreed on.
    OpenNano {
        /// Its name.
        nid: B256,
    },
    /// Removes a nanocontract at what its newest version says.
    CloseNano {
        /// Its name.
        nid: B256,
        /// Struct hash of that version: both must mean the same (protocol 1.4(12)).
        cur: B256,
    },
    /// Counts deposits that are final on the chain. Stands alone in its version.
    Count {
        /// Of A and B, from now on.
        deposits: [Amount; 2],
    },
    /// Counts less, so that it can be paid out (protocol 0.3 withdrawal). Stands alone in its version.
    Uncount {
        /// Whose deposit.
        side: Side,
        /// How much of it.
        amount: Amount,
        /// Who is to receive it.
        receiver: Address,
        /// The slot's counter of adjustments.
        seq: u16,
        /// Last second of the [`Adjust`](crate::signed::Adjust) that pays it.
        not_after: u64,
    },
}

/// What a change of the counted deposits concerns: there is one at a time.
const DEPOSITS: B256 = B256::with_last_byte(1);

impl LinkOp {
    /// What it concerns: a virtual channel (of a renewal the one that ends), or a nanocontract.
    pub fn subject(&self) -> B256 {
        match self {
            Self::Add { vc } | Self::Remove { vc, .. } | Self::Renew { vc, .. } => *vc,
            Self::OpenNano { nid } | Self::CloseNano { nid, .. } => *nid,
            Self::Count { .. } | Self::Uncount { .. } => DEPOSITS,
        }
    }

    /// The virtual channel whose lock it adds.
    pub fn added(&self) -> Option<B256> {
        match self {
            Self::Add { vc } | Self::Renew { next: vc, .. } => Some(*vc),
            Self::Remove { .. }
            | Self::OpenNano { .. }
            | Self::CloseNano { .. }
            | Self::Count { .. }
            | Self::Uncount { .. } => None,
        }
    }

    /// It changes which deposits are counted.
    pub fn is_about_deposits(&self) -> bool {
        matches!(self, Self::Count { .. } | Self::Uncount { .. })
    }

    /// The virtual channel whose lock it removes, and with which split.
    pub fn removed(&self) -> Option<(B256, Removal)> {
        match self {
            Self::Add { .. }
            | Self::OpenNano { .. }
            | Self::CloseNano { .. }
            | Self::Count { .. }
            | Self::Uncount { .. } => None,
            Self::Remove { vc, how } => Some((*vc, *how)),
            Self::Renew { vc, out_a, .. } => Some((*vc, Removal::Outcome(*out_a))),
        }
    }
}

/// Which virtual channel is to be renewed. Unsigned and unverified: it only tells whom the quote has to do with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renews {
    /// Its id.
    pub vc: B256,
    /// What its `ends[0]` has in it now: a guess of what it will get.
    pub out_a: Amount,
}

/// The split of a removal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Removal {
    /// What was put in: never activated, or expired without a record.
    Initial,
    /// With an outcome: `ends[0]` got this.
    Outcome(Amount),
}

/// What an initiator wishes; a hub quotes for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Zero address for ETH.
    pub asset: Address,
    /// Stake of `ends[0]`.
    pub init_a: Amount,
    /// Stake of `ends[1]`.
    pub init_b: Amount,
    /// End of the term, drawn once by the initiator.
    pub t_exp: u64,
    /// Refutation period, seconds.
    pub challenge: u32,
    /// Window of a forced step, seconds.
    pub window: u32,
    /// Most forced steps.
    pub k_max: u16,
}
