//! Bodies of the requests and answers under `/v1`.
//!
//! Amounts are decimal strings in the smallest unit of the asset (wei for ETH), times are seconds since the epoch of the
//! chain, sizes bytes. Optional fields of a request may be left out.

mod asset;
mod error;
mod event;
mod evidence;
mod nano;
mod page;
mod receipt;
mod schema;
mod token;

pub use asset::{Approve, Asset, Deposit, Estimate, EstimateWish, FundVault, VaultBalance, Withdraw, WithdrawVault};
pub use error::{ErrorBody, ErrorCode, ErrorInfo};
pub use event::{Ack, Event, EventKind, EventQuery};
pub use evidence::{Evidence, EvidenceState, OpenerAuth, VirtualTerms};
pub use nano::{AnswerNano, CloseNano, HandNano, Mover, Nano, OpenNano, Party, PrepareNano, Reveal, StepNano};
pub use page::{PAGE_DEFAULT, PAGE_MAX, Page, PageQuery};
pub use receipt::{Receipt, Reference};
pub use token::{MadeToken, NewToken, Scope, Token};

pub use perunika_core::funding::Source;
use perunika_core::info::{LedgerStage, VirtualStage};
use perunika_core::signed::{Amount, MAX_AMOUNT};
use perunika_core::{Address, B256};
use schema::{AddressHex, HashHex, LedgerStageName, SourceName, VirtualStageName};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// An amount in the asset's smallest unit; in JSON a decimal string of at most 2^96 − 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wei(pub Amount);

impl fmt::Display for Wei {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl From<Amount> for Wei {
    fn from(amount: Amount) -> Self {
        Self(amount)
    }
}

impl Serialize for Wei {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Wei {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let amount = text.parse().ok().filter(|amount| digits && *amount <= MAX_AMOUNT);
        let error = || format!("`{text}` is not an amount: digits only, at most 2^96 - 1, in the smallest unit");
        amount.map(Self).ok_or_else(|| serde::de::Error::custom(error()))
    }
}

/// Names a channel, ledger or virtual, on any chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct ChannelId {
    /// Id of the chain (EIP-155).
    pub chain: u64,
    /// The contract.
    #[schemars(with = "AddressHex")]
    pub adjudicator: Address,
    /// Zero address for ETH.
    #[schemars(with = "AddressHex")]
    pub asset: Address,
    /// Id within the contract.
    #[schemars(with = "HashHex")]
    pub channel: B256,
}

/// What became of a call that moves money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Done.
    Applied,
    /// Not done, and it will not be.
    Rejected,
    /// Not known yet: it may still be done. The same call with the same key tells later.
    Unknown,
}

/// Answer to a call that moves money.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Done {
    /// What became of it.
    pub result: Outcome,
    /// The channel, as far as it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<ChannelId>,
    /// Of a call about a nanocontract: its name within the channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<HashHex>")]
    pub nid: Option<B256>,
    /// Of a payment, or a step of a nanocontract: the version that holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// Of a payment: true if both have signed that version; false if the payee holds it durably and signs later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub countersigned: Option<bool>,
    /// Of a payment with a reference: what the payee signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Receipt>,
    /// Why it was rejected or is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// `GET /v1/health`, the only call without a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Health {
    /// True while the engine runs.
    pub ok: bool,
    /// True while the chain answers.
    pub chain_online: bool,
}

/// `GET /v1/ready`, without a token like `GET /v1/health`; the status is 200 or 503.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ready {
    /// True if the node can pay and answer.
    pub ready: bool,
    /// Why not, one sentence each.
    pub reasons: Vec<String>,
}

/// `GET /v1/info`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Info {
    /// Release of the node.
    pub version: String,
    /// Address of the channel key: the node's name among peers.
    #[schemars(with = "AddressHex")]
    pub key: Address,
    /// Account that deposits and receives.
    #[schemars(with = "AddressHex")]
    pub owner: Address,
    /// Id of the chain (EIP-155).
    pub chain: u64,
    /// The contract.
    #[schemars(with = "AddressHex")]
    pub adjudicator: Address,
    /// False while the chain does not answer.
    pub chain_online: bool,
    /// Height of the chain's head.
    pub head: u64,
    /// The chain's time.
    pub chain_time: u64,
    /// What the owner account holds, if the chain answers.
    pub balance: Option<Wei>,
    /// Where peers connect.
    pub listen: Vec<String>,
    /// The node as others write it: `0x<key>@host:port`.
    pub address: Option<String>,
    /// Connected peers.
    #[schemars(with = "Vec<AddressHex>")]
    pub connected: Vec<Address>,
    /// Whether the node serves as a hub.
    pub hub: bool,
}

/// `POST /v1/peers`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddPeer {
    /// `0x<key>@host:port`
    pub address: String,
}

/// Element of `GET /v1/peers`; answer of `POST /v1/peers`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Peer {
    /// Address of its channel key.
    #[schemars(with = "AddressHex")]
    pub key: Address,
    /// `0x<key>@host:port`, if known.
    pub address: Option<String>,
    /// Whether a connection stands.
    pub connected: bool,
}

/// `POST /v1/channels`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenChannel {
    /// The other party.
    #[schemars(with = "AddressHex")]
    pub peer: Address,
    /// Zero address for ETH, the default; a token must be one of the node's config file.
    #[serde(default)]
    #[schemars(with = "AddressHex")]
    pub asset: Address,
    /// What this node deposits.
    pub amount: Wei,
    /// What the peer is asked to deposit; nothing by default.
    #[serde(default)]
    pub peer_amount: Wei,
    /// Tells several channels of one pair apart; 0 by default.
    #[serde(default)]
    pub lane: u16,
    /// Where this node's deposit comes from; the wallet by default. Not together with `peer_sends`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<SourceName>")]
    pub from: Option<Source>,
    /// True: the peer sends the transaction and pays for it, if its settings are to do so, and this node's owner only signs. The
    /// deposit then comes out of the vault if that holds enough, or as the node's config file says for the token. False by default.
    #[serde(default)]
    pub peer_sends: bool,
    /// How long to wait for the result, seconds; 60 by default, at most 600.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_s: Option<u64>,
}

/// `POST /v1/channels/{id}/pay` and `POST /v1/virtual/{id}/pay`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pay {
    /// How much.
    pub amount: Wei,
    /// What the amount is in, zero address for ETH: the payment is refused if the channel is of another asset. Not looked at, if left
    /// out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<AddressHex>")]
    pub asset: Option<Address>,
    /// True by default: wait for the payee's signature. False: until the payee holds the payment durably.
    #[serde(default = "yes")]
    pub countersign: bool,
    /// What it is for. The payee sees it and signs a receipt, for which the answer waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Reference>,
    /// How long to wait for the result, seconds; 60 by default, at most 600.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_s: Option<u64>,
}

/// `POST /v1/channels/{id}/close` and `POST /v1/virtual/{id}/close`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Close {
    /// Through a dispute, without the peer.
    #[serde(default)]
    pub force: bool,
    /// How long to wait for the result, seconds; 60 by default, at most 600.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_s: Option<u64>,
}

/// Part of a deposit on its way out of an open channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Withdrawing {
    /// Whose deposit.
    pub party: Party,
    /// How much.
    pub amount: Wei,
    /// Who receives it; the Adjudicator's own address is the vault of that party.
    #[schemars(with = "AddressHex")]
    pub receiver: Address,
    /// Last second, chain time, at which it can be paid.
    pub until: u64,
}

/// Element of `GET /v1/channels`; `GET /v1/channels/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Channel {
    /// Its id.
    pub id: ChannelId,
    /// Name of its asset in the node's config file; none if the file does not name it.
    #[serde(default)]
    pub symbol: Option<String>,
    /// Its amounts have so many digits behind the point.
    #[serde(default)]
    pub decimals: Option<u8>,
    /// The other party.
    #[schemars(with = "AddressHex")]
    pub peer: Address,
    /// Which party this node is.
    pub party: Party,
    /// Where it stands.
    #[schemars(with = "LedgerStageName")]
    pub stage: LedgerStage,
    /// This node's cash.
    pub mine: Wei,
    /// The peer's cash.
    pub theirs: Wei,
    /// In virtual channels.
    pub locked: Wei,
    /// Number of virtual channels.
    pub locks: usize,
    /// What this node deposited.
    pub deposit: Wei,
    /// What the peer deposited.
    pub peer_deposit: Wei,
    /// What this node deposited beyond that and no version counts yet, as the head of the chain shows it.
    #[serde(default)]
    pub uncounted: Wei,
    /// The same of the peer.
    #[serde(default)]
    pub peer_uncounted: Wei,
    /// A withdrawal under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawing: Option<Withdrawing>,
    /// Newest version with both signatures.
    pub version: u64,
    /// Newest accepted version.
    pub accepted: u64,
    /// Signatures of this node that are unanswered.
    pub outstanding: usize,
    /// Tells several channels of one pair apart.
    pub lane: u16,
    /// Last second of refutation, if a dispute runs.
    pub refute_end: Option<u64>,
    /// The next second, chain time, until which this node must have acted, whatever the peer does; none if there is nothing to
    /// do. The node acts by itself while it runs.
    pub deadline: Option<u64>,
    /// Cash that this node could enforce on the chain now, alone, with what it holds durably: the least of what it owns in the
    /// newest accepted version and in every newer one that it signed. What stands in locks shows in the virtual channels.
    pub claimable_now: Wei,
}

/// `POST /v1/virtual`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenVirtual {
    /// Hubs on the way, the nearest first; at least one.
    #[schemars(with = "Vec<AddressHex>")]
    pub hubs: Vec<Address>,
    /// The other end.
    #[schemars(with = "AddressHex")]
    pub peer: Address,
    /// Stake of this node.
    pub amount: Wei,
    /// Stake of the other end; nothing by default.
    #[serde(default)]
    pub peer_amount: Wei,
    /// Of the ledger channels that it runs over; zero address for ETH, the default.
    #[serde(default)]
    #[schemars(with = "AddressHex")]
    pub asset: Address,
    /// Seconds; the node's default if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub term: Option<u64>,
    /// Most that all hubs together may charge.
    pub fee_max: Wei,
    /// Renew it before its term ends, again and again, each time for at most `fee_max`; false by default.
    #[serde(default)]
    pub renew: bool,
    /// How long to wait for the result, seconds; 60 by default, at most 600.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_s: Option<u64>,
}

/// `POST /v1/quotes`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QuoteWish {
    /// Hubs on the way, the nearest first; at least one.
    #[schemars(with = "Vec<AddressHex>")]
    pub hubs: Vec<Address>,
    /// The other end.
    #[schemars(with = "AddressHex")]
    pub peer: Address,
    /// Stake of this node.
    pub amount: Wei,
    /// Stake of the other end; nothing by default.
    #[serde(default)]
    pub peer_amount: Wei,
    /// Of the ledger channels that it runs over; zero address for ETH, the default.
    #[serde(default)]
    #[schemars(with = "AddressHex")]
    pub asset: Address,
    /// Seconds; the node's default if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub term: Option<u64>,
}

/// Answer of `POST /v1/quotes`: what the hubs would charge now. It binds nobody; opening asks again and draws the term anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Quote {
    /// What each hub would charge, in path order.
    pub fees: Vec<HubFee>,
    /// All fees together.
    pub total: Wei,
    /// End of the term that they are for, chain time in seconds.
    pub expires: u64,
}

/// The price of one hub.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HubFee {
    /// Key of the hub.
    #[schemars(with = "AddressHex")]
    pub hub: Address,
    /// Its price.
    pub fee: Wei,
}

/// `POST /v1/virtual/{id}/renew`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RenewVirtual {
    /// Stakes of this node and of the other end in the successor; what each has got, if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stakes: Option<[Wei; 2]>,
    /// Seconds; the node's default if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub term: Option<u64>,
    /// Most that all hubs together may charge.
    pub fee_max: Wei,
    /// How long to wait for the result, seconds; 60 by default, at most 600.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_s: Option<u64>,
}

/// What a node is in a virtual channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The end that opened it.
    EndA,
    /// In between.
    Hub,
    /// The other end.
    EndB,
}

/// Element of `GET /v1/virtual`; `GET /v1/virtual/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Virtual {
    /// Its id.
    pub id: ChannelId,
    /// Name of its asset in the node's config file; none if the file does not name it.
    #[serde(default)]
    pub symbol: Option<String>,
    /// Its amounts have so many digits behind the point.
    #[serde(default)]
    pub decimals: Option<u8>,
    /// What this node is in it.
    pub role: Role,
    /// Keys of all participants, from end to end.
    #[schemars(with = "Vec<AddressHex>")]
    pub path: Vec<Address>,
    /// The other end, if this node is an end.
    #[schemars(with = "Option<AddressHex>")]
    pub peer: Option<Address>,
    /// Where it stands.
    #[schemars(with = "VirtualStageName")]
    pub stage: VirtualStage,
    /// Share of this node, if it is an end.
    pub mine: Option<Wei>,
    /// Share of the other end.
    pub theirs: Option<Wei>,
    /// Stakes of the two ends.
    pub stakes: [Wei; 2],
    /// Fee of each hub.
    pub fees: Vec<Wei>,
    /// End of the term, chain time.
    pub expires: u64,
    /// Newest version with both signatures, if this node is an end.
    pub version: u64,
    /// Newest accepted version.
    pub accepted: u64,
    /// Payments sent and received by this end.
    pub payments: u64,
    /// What the first end got, once it is fixed.
    pub out_a: Option<Wei>,
    /// The virtual channel that this one succeeds.
    #[schemars(with = "Option<HashHex>")]
    pub renews: Option<B256>,
    /// Its successor, as soon as that can be used.
    #[schemars(with = "Option<HashHex>")]
    pub renewed_by: Option<B256>,
    /// At the end that opened it: whether it is renewed whenever its term is about to end.
    pub kept: bool,
    /// The next second, chain time, until which this node must have acted: the end of a refutation that it has an answer to,
    /// otherwise the end of the term; none if nothing is left to do. The node acts by itself while it runs.
    pub deadline: Option<u64>,
    /// What this node could enforce on the chain now, alone, with what it holds durably, if it is an end: the least of its share
    /// in the newest accepted version and in every newer one that it signed; its stake as long as the channel is not in use.
    /// None at a hub, whose two locks pay each other whatever the outcome.
    pub claimable_now: Option<Wei>,
}

/// `POST /v1/serve`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Serve {
    /// A file that the node can read; an absolute path outside the node's folder. A token without the scope `admin` may only name
    /// files inside the folders of `[shop] serve_from`.
    pub path: String,
    /// Price of one chunk.
    pub price: Wei,
    /// What the price is in; zero address for ETH, the default.
    #[serde(default)]
    #[schemars(with = "AddressHex")]
    pub asset: Address,
    /// Size of a chunk, at most 1,000,000 bytes.
    pub chunk_bytes: u32,
}

/// Element of `GET /v1/offers`; answer of `POST /v1/serve`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Offer {
    /// What the buyer is given.
    pub offer: String,
    /// Name of the file.
    pub name: String,
    /// Its size.
    pub size: u64,
    /// Size of a chunk; the last one may be shorter.
    pub chunk_bytes: u32,
    /// Number of chunks.
    pub chunks: u32,
    /// Price of one chunk.
    pub price: Wei,
    /// What the price is in; zero address for ETH.
    #[serde(default)]
    #[schemars(with = "AddressHex")]
    pub asset: Address,
    /// Merkle root over the chunks.
    #[schemars(with = "HashHex")]
    pub root: B256,
    /// Key of the seller.
    #[schemars(with = "AddressHex")]
    pub seller: Address,
    /// Where the seller is, `host:port`.
    pub address: String,
    /// Chunks delivered since the node started.
    #[serde(default)]
    pub delivered: u64,
}

/// `POST /v1/fetch`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fetch {
    /// As the seller gave it.
    pub offer: String,
    /// Where the file goes; an absolute path outside the node's folder. Beside it, `.part` grows meanwhile. A token without the
    /// scope `admin` may only name files inside the folders of `[shop] download_to`.
    pub output: String,
    /// The virtual channel to pay through; any active one with the seller by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<HashHex>")]
    pub channel: Option<B256>,
    /// Most that the hubs may charge each time that the channel is renewed because its stake is spent: a hundredth of its stakes
    /// by default; 0 forbids renewals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renew_fee_max: Option<Wei>,
}

/// Where a download stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// The seller cannot be reached at the moment, or does not answer.
    Waiting,
    /// Chunks are coming.
    Running,
    /// The file is complete and paid.
    Done,
    /// Given up; the same call of `fetch` resumes it.
    Failed,
}

/// `GET /v1/jobs/{id}`; answer of `POST /v1/fetch`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Job {
    /// Its id.
    pub id: String,
    /// Where it stands.
    pub state: JobState,
    /// Why it waits or failed.
    pub reason: Option<String>,
    /// Name of the file.
    pub name: String,
    /// Where the file goes.
    pub output: String,
    /// The virtual channel in use.
    #[schemars(with = "Option<HashHex>")]
    pub channel: Option<B256>,
    /// Verified chunks, of this run and earlier ones.
    pub chunks_done: u32,
    /// All of them.
    pub chunks_total: u32,
    /// Verified bytes.
    pub bytes: u64,
    /// Size of the file.
    pub size: u64,
    /// Speed of this run, 10^6 bytes a second.
    pub mb_per_s: f64,
    /// Payments of this run.
    pub payments: u64,
    /// Payments a second of this run.
    pub payments_per_s: f64,
    /// Paid for this file, earlier runs included; of a token in its smallest unit.
    pub spent_wei: Wei,
    /// What is paid with; zero address for ETH.
    #[serde(default)]
    #[schemars(with = "AddressHex")]
    pub asset: Address,
}

/// Element of `GET /v1/transactions`, the oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Transaction {
    /// Its name in this list: the hash, or of one that was not included another number.
    #[schemars(with = "HashHex")]
    pub id: B256,
    /// The contract function.
    pub name: String,
    /// Its hash, if it was included.
    #[schemars(with = "Option<HashHex>")]
    pub hash: Option<B256>,
    /// Block that includes it.
    pub block: Option<u64>,
    /// Gas used.
    pub gas: u64,
    /// What it cost.
    pub fee_wei: Wei,
    /// Why it failed, if it did.
    pub failure: Option<String>,
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_decimal_strings() {
        assert_eq!(serde_json::to_string(&Wei(5)).unwrap(), "\"5\"");
        assert_eq!(serde_json::from_str::<Wei>("\"79228162514264337593543950335\"").unwrap(), Wei(MAX_AMOUNT));
        for bad in ["\"79228162514264337593543950336\"", "\"\"", "\"+1\"", "\"-1\"", "\"1e3\"", "5", "\"0x5\""] {
            assert!(serde_json::from_str::<Wei>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn unknown_fields_of_a_request_are_refused() {
        let text = r#"{"amount":"1","tip":"2"}"#;
        assert!(serde_json::from_str::<Pay>(text).unwrap_err().to_string().contains("tip"));
        assert!(serde_json::from_str::<Pay>(r#"{"amount":"1"}"#).unwrap().countersign);
    }
}
