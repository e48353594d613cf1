//! The protobuf messages of `/perunika/1`, field by field. Tags are never reused.
//!
//! Addresses are 20 bytes, hashes and ids 32, signatures 64; amounts are 16 bytes, big-endian, in the smallest unit of
//! the asset.

use prost::{Message, Oneof};

#[derive(Clone, PartialEq, Message)]
pub(super) struct Envelope {
    #[prost(
        oneof = "Kind",
        tags = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42"
    )]
    pub(super) kind: Option<Kind>,
    /// Beside a message with a path: where its participants are. Alone: the answer to a question.
    #[prost(message, repeated, tag = "101")]
    pub(super) places: Vec<Place>,
    /// Alone: where are these keys?
    #[prost(bytes = "vec", repeated, tag = "102")]
    pub(super) asked: Vec<Vec<u8>>,
}

/// `place` is `host:port`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Place {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) key: Vec<u8>,
    #[prost(string, tag = "2")]
    pub(super) place: String,
}

#[derive(Clone, PartialEq, Oneof)]
pub(super) enum Kind {
    #[prost(message, tag = "1")]
    ChannelOffer(ChannelOffer),
    #[prost(message, tag = "2")]
    ChannelAsk(Lane),
    #[prost(message, tag = "3")]
    ChannelInfo(ChannelInfo),
    #[prost(message, tag = "4")]
    ChannelAgreed(ChannelAgreed),
    #[prost(message, tag = "5")]
    Item(Item),
    #[prost(message, tag = "6")]
    Ack(Version),
    #[prost(message, tag = "7")]
    Accept(SignedVersion),
    #[prost(message, tag = "8")]
    Refuse(Refuse),
    #[prost(message, tag = "9")]
    Presign(Presign),
    #[prost(message, tag = "10")]
    Propose(Propose),
    #[prost(message, tag = "11")]
    CloseAsk(Id),
    #[prost(message, tag = "12")]
    CloseSig(Box<CloseSig>),
    #[prost(message, tag = "13")]
    QuoteAsk(QuoteAsk),
    #[prost(message, tag = "14")]
    Quote(Quote),
    #[prost(message, tag = "15")]
    QuoteRefused(Reasoned),
    #[prost(message, tag = "16")]
    VcOpen(Box<VcOpen>),
    #[prost(message, tag = "17")]
    Activate(Activate),
    #[prost(message, tag = "18")]
    Abort(Reasoned),
    #[prost(message, tag = "19")]
    Start(Start),
    #[prost(message, tag = "20")]
    Receipt(Receipt),
    #[prost(message, tag = "21")]
    VcCloseAsk(Id),
    #[prost(message, tag = "22")]
    FinalSigs(FinalSigs),
    #[prost(message, tag = "23")]
    App(App),
    #[prost(message, tag = "30")]
    PaymentReceipt(SignedVersion),
    #[prost(message, tag = "31")]
    ReceiptAsk(Version),
    #[prost(message, tag = "32")]
    NanoOffer(Box<NanoOffer>),
    #[prost(message, tag = "33")]
    NanoAgree(Nano),
    #[prost(message, tag = "34")]
    NanoDecline(NanoDecline),
    #[prost(message, tag = "35")]
    NanoStep(NanoStep),
    #[prost(message, tag = "36")]
    NanoAccept(NanoAccept),
    #[prost(message, tag = "37")]
    NanoRefuse(NanoRefuse),
    #[prost(message, tag = "38")]
    NanoHand(NanoHand),
    #[prost(message, tag = "39")]
    NanoTaken(NanoTaken),
    #[prost(message, tag = "40")]
    AdjustAsk(Id),
    #[prost(message, tag = "41")]
    AdjustSig(Box<AdjustSig>),
    #[prost(message, tag = "42")]
    ChannelConsent(ChannelConsent),
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Party {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) owner: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) key: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ChannelParams {
    #[prost(message, required, tag = "1")]
    pub(super) a: Party,
    #[prost(message, required, tag = "2")]
    pub(super) b: Party,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) asset: Vec<u8>,
    #[prost(uint32, tag = "4")]
    pub(super) challenge: u32,
    #[prost(uint32, tag = "5")]
    pub(super) window: u32,
    #[prost(uint32, tag = "6")]
    pub(super) k_max: u32,
    #[prost(uint32, tag = "7")]
    pub(super) lane: u32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ChannelOffer {
    #[prost(message, required, tag = "1")]
    pub(super) params: ChannelParams,
    #[prost(uint64, tag = "2")]
    pub(super) nonce: u64,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) dep_a: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    pub(super) dep_b: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Lane {
    #[prost(uint32, tag = "1")]
    pub(super) lane: u32,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) asset: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ChannelInfo {
    #[prost(uint32, tag = "1")]
    pub(super) lane: u32,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) owner: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) asset: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ChannelAgreed {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) id: Vec<u8>,
    #[prost(message, optional, tag = "2")]
    pub(super) consent: Option<Consent>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ChannelConsent {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) id: Vec<u8>,
    #[prost(message, required, tag = "2")]
    pub(super) consent: Consent,
}

/// `funding` is what the contract takes (docs/encoding.md, Funding): a byte that names the way, and what that way needs.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Consent {
    #[prost(uint64, tag = "1")]
    pub(super) not_after: u64,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) funding: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Id {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) id: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Item {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) ch: Vec<u8>,
    #[prost(uint64, tag = "2")]
    pub(super) ver: u64,
    #[prost(uint64, tag = "3")]
    pub(super) base: u64,
    #[prost(bytes = "vec", tag = "4")]
    pub(super) def_a: Vec<u8>,
    #[prost(bytes = "vec", tag = "5")]
    pub(super) sig: Vec<u8>,
    #[prost(bool, tag = "6")]
    pub(super) cosign: bool,
    #[prost(message, optional, tag = "7")]
    pub(super) note: Option<Note>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Note {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) amount: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) reference: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Version {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) ch: Vec<u8>,
    #[prost(uint64, tag = "2")]
    pub(super) ver: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct SignedVersion {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) ch: Vec<u8>,
    #[prost(uint64, tag = "2")]
    pub(super) ver: u64,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) sig: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Refuse {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) ch: Vec<u8>,
    #[prost(uint64, tag = "2")]
    pub(super) ver: u64,
    #[prost(bytes = "vec", repeated, tag = "3")]
    pub(super) refused: Vec<Vec<u8>>,
    #[prost(string, tag = "4")]
    pub(super) reason: String,
}

/// `removal` is 0 for an addition, 1 for a removal at the initial split, 2 for one with `out_a`, 3 for one with `out_a` and the
/// addition of `next`. 4 opens the nanocontract with the name `vc`, 5 closes it at the version with the hash `next`. 6 is `count`
/// and 7 is `uncount`; both are about no `vc`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct LinkOp {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) vc: Vec<u8>,
    #[prost(uint32, tag = "2")]
    pub(super) removal: u32,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) out_a: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    pub(super) next: Vec<u8>,
    #[prost(message, optional, tag = "5")]
    pub(super) count: Option<Count>,
    #[prost(message, optional, tag = "6")]
    pub(super) uncount: Option<Uncount>,
}

/// Deposits that are counted from now on.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Count {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) dep_a: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) dep_b: Vec<u8>,
}

/// A withdrawal; `side` is 0 for A.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Uncount {
    #[prost(uint32, tag = "1")]
    pub(super) side: u32,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) amount: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) receiver: Vec<u8>,
    #[prost(uint32, tag = "4")]
    pub(super) seq: u32,
    #[prost(uint64, tag = "5")]
    pub(super) not_after: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Presign {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) ch: Vec<u8>,
    #[prost(uint64, tag = "2")]
    pub(super) ver: u64,
    #[prost(message, required, tag = "3")]
    pub(super) op: LinkOp,
    #[prost(bytes = "vec", tag = "4")]
    pub(super) sig: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Propose {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) ch: Vec<u8>,
    #[prost(uint64, tag = "2")]
    pub(super) ver: u64,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) base: Vec<u8>,
    #[prost(message, repeated, tag = "4")]
    pub(super) ops: Vec<LinkOp>,
    #[prost(bytes = "vec", tag = "5")]
    pub(super) sig: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Close {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) dep_a: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) dep_b: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    pub(super) out_a: Vec<u8>,
    #[prost(bytes = "vec", tag = "5")]
    pub(super) total: Vec<u8>,
    #[prost(uint32, tag = "6")]
    pub(super) locks: u32,
    #[prost(bytes = "vec", tag = "7")]
    pub(super) entries: Vec<u8>,
    #[prost(bytes = "vec", tag = "8")]
    pub(super) receiver_a: Vec<u8>,
    #[prost(bytes = "vec", tag = "9")]
    pub(super) receiver_b: Vec<u8>,
    #[prost(uint64, tag = "10")]
    pub(super) not_after: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct CloseSig {
    #[prost(message, required, tag = "1")]
    pub(super) close: Close,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) sig: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Adjust {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) id: Vec<u8>,
    #[prost(uint32, tag = "2")]
    pub(super) seq: u32,
    #[prost(uint32, tag = "3")]
    pub(super) side: u32,
    #[prost(bytes = "vec", tag = "4")]
    pub(super) amount: Vec<u8>,
    #[prost(bytes = "vec", tag = "5")]
    pub(super) receiver: Vec<u8>,
    #[prost(uint64, tag = "6")]
    pub(super) ver: u64,
    #[prost(uint64, tag = "7")]
    pub(super) not_after: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct AdjustSig {
    #[prost(message, required, tag = "1")]
    pub(super) adjust: Adjust,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) sig: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Terms {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) asset: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) init_a: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) init_b: Vec<u8>,
    #[prost(uint64, tag = "4")]
    pub(super) t_exp: u64,
    #[prost(uint32, tag = "5")]
    pub(super) challenge: u32,
    #[prost(uint32, tag = "6")]
    pub(super) window: u32,
    #[prost(uint32, tag = "7")]
    pub(super) k_max: u32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct QuoteAsk {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) request: Vec<u8>,
    #[prost(bytes = "vec", repeated, tag = "2")]
    pub(super) path: Vec<Vec<u8>>,
    #[prost(message, required, tag = "3")]
    pub(super) terms: Terms,
    #[prost(message, optional, tag = "4")]
    pub(super) renews: Option<Renews>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Renews {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) vc: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) out_a: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct VcOpen {
    #[prost(message, required, tag = "1")]
    pub(super) params: VirtualParams,
    #[prost(bytes = "vec", optional, tag = "2")]
    pub(super) renews: Option<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Quote {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) request: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) hash: Vec<u8>,
    #[prost(bytes = "vec", optional, tag = "3")]
    pub(super) link: Option<Vec<u8>>,
    #[prost(bytes = "vec", tag = "4")]
    pub(super) fee: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Reasoned {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) id: Vec<u8>,
    #[prost(string, tag = "2")]
    pub(super) reason: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct VirtualParams {
    #[prost(bytes = "vec", repeated, tag = "1")]
    pub(super) path: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "2")]
    pub(super) links: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "3")]
    pub(super) fees: Vec<Vec<u8>>,
    #[prost(message, required, tag = "4")]
    pub(super) terms: Terms,
    #[prost(bytes = "vec", tag = "5")]
    pub(super) nonce: Vec<u8>,
    #[prost(bytes = "vec", repeated, tag = "6")]
    pub(super) hashes: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(super) struct Activate {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) vc: Vec<u8>,
    #[prost(uint32, tag = "2")]
    pub(super) index: u32,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) secret: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Start {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) vc: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) sig: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(super) struct Receipt {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) vc: Vec<u8>,
    #[prost(bytes = "vec", repeated, tag = "2")]
    pub(super) secrets: Vec<Vec<u8>>,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) sig_a: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    pub(super) sig_b: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct IndexedSig {
    #[prost(uint32, tag = "1")]
    pub(super) index: u32,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) sig: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct FinalSigs {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) vc: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) out_a: Vec<u8>,
    #[prost(message, repeated, tag = "3")]
    pub(super) sigs: Vec<IndexedSig>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Nano {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) ch: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) nid: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct NanoTerms {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) total: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) da0: Vec<u8>,
    #[prost(uint32, tag = "3")]
    pub(super) mover0: u32,
    #[prost(bytes = "vec", tag = "4")]
    pub(super) code_hash: Vec<u8>,
    #[prost(uint32, tag = "5")]
    pub(super) gas: u32,
    #[prost(uint32, tag = "6")]
    pub(super) k_max: u32,
    #[prost(bytes = "vec", tag = "7")]
    pub(super) storage: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct NanoOffer {
    #[prost(message, required, tag = "1")]
    pub(super) nano: Nano,
    #[prost(message, required, tag = "2")]
    pub(super) terms: NanoTerms,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) code: Vec<u8>,
    #[prost(uint64, tag = "4")]
    pub(super) until: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct NanoDecline {
    #[prost(message, required, tag = "1")]
    pub(super) nano: Nano,
    #[prost(string, tag = "2")]
    pub(super) reason: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct NanoStep {
    #[prost(message, required, tag = "1")]
    pub(super) nano: Nano,
    #[prost(uint64, tag = "2")]
    pub(super) ver: u64,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) input: Vec<u8>,
    #[prost(uint64, tag = "4")]
    pub(super) time: u64,
    #[prost(bytes = "vec", tag = "5")]
    pub(super) sig: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct NanoAccept {
    #[prost(message, required, tag = "1")]
    pub(super) nano: Nano,
    #[prost(uint64, tag = "2")]
    pub(super) ver: u64,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) sig: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct NanoRefuse {
    #[prost(message, required, tag = "1")]
    pub(super) nano: Nano,
    #[prost(uint64, tag = "2")]
    pub(super) ver: u64,
    #[prost(string, tag = "3")]
    pub(super) reason: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct NanoHand {
    #[prost(message, required, tag = "1")]
    pub(super) nano: Nano,
    #[prost(uint64, tag = "2")]
    pub(super) count: u64,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) input: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct NanoTaken {
    #[prost(message, required, tag = "1")]
    pub(super) nano: Nano,
    #[prost(uint64, tag = "2")]
    pub(super) count: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct App {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) data: Vec<u8>,
}

impl std::fmt::Debug for Activate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Activate(…)")
    }
}

impl std::fmt::Debug for Receipt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Receipt(…)")
    }
}
