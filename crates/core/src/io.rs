//! The core's contract with the outside: inputs come in, outputs go out once what they depend on is durable.

use crate::budget::Limits;
use crate::chain::{Call, ChainUpdate, TxKey, TxOutcome, Watch};
use crate::funding::{Funding, Source};
use crate::message::{Message, NanoTerms};
use crate::params::{ChannelParams, Side};
use crate::sig::Signature;
use crate::signed::{Amount, OpenAuth, PaymentReceipt};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

/// Something that happens to a participant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A message from an authenticated peer.
    Message {
        /// Address of the peer's channel key.
        from: Address,
        /// What it said.
        message: Message,
    },
    /// A connection to this peer stands.
    Connected(Address),
    /// It broke.
    Disconnected(Address),
    /// News from the chain.
    Chain(ChainUpdate),
    /// What became of a transaction.
    Transaction {
        /// As given with [`Output::Submit`].
        key: TxKey,
        /// The result.
        outcome: TxOutcome,
    },
    /// The owner has answered [`Output::Authorise`].
    Authorised {
        /// Id of the channel.
        id: B256,
        /// As asked.
        not_after: u64,
        /// Where the deposit comes from, with what the owner signed for it; or why there is none.
        funding: Result<Funding, String>,
    },
    /// The application wants something.
    Command {
        /// Comes back in [`Output::Reply`].
        tag: u64,
        /// What.
        command: Command,
    },
    /// Time passed.
    Tick,
}

/// Time and randomness of one input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Env {
    /// Monotonic time, milliseconds. Deadlines on chain are compared with the head's timestamp plus what passed since it
    /// arrived, never with the wall clock.
    pub now_ms: u64,
    /// Fresh random bytes.
    pub entropy: B256,
}

/// What the application can ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Opens a ledger channel, this node being A.
    OpenChannel {
        /// The other party.
        peer: Address,
        /// Zero address for ETH.
        asset: Address,
        /// What this node deposits.
        deposit: Amount,
        /// What the peer is asked to deposit.
        peer_deposit: Amount,
        /// Tells several channels of one pair apart.
        lane: u16,
        /// Where this node's deposit comes from.
        from: Source,
    },
    /// The same, but the peer sends the transaction and pays for it: this node's owner only signs (protocol 0.3 funding).
    AskOpening {
        /// The other party.
        peer: Address,
        /// Zero address for ETH.
        asset: Address,
        /// What this node deposits.
        deposit: Amount,
        /// What the peer is asked to deposit.
        peer_deposit: Amount,
        /// Tells several channels of one pair apart.
        lane: u16,
    },
    /// Adds to this node's deposit in an open channel; the reply comes when a State counts it.
    Deposit {
        /// Channel id.
        ch: B256,
        /// How much.
        amount: Amount,
        /// Where it comes from.
        from: Source,
    },
    /// Takes part of this node's deposit out of an open channel; the reply comes when the payment is final.
    Withdraw {
        /// Channel id.
        ch: B256,
        /// How much: at most what a State counts of this node's deposit, and its cash.
        amount: Amount,
        /// Where it goes.
        to: Source,
    },
    /// Moves money of the owner outside of channels; the reply comes when it is in a block. Sent once, and forgotten in a crash.
    Move(Move),
    /// Pays through a channel, ledger or virtual.
    Pay {
        /// Channel id.
        ch: B256,
        /// How much.
        amount: Amount,
        /// True: ask for a countersignature, the reply comes when it is there. False: a stream item, the reply comes when the
        /// payee has it durably.
        cosign: bool,
        /// Travels with it and comes back in a signed receipt; at most [`MAX_REFERENCE`](crate::signed::MAX_REFERENCE)
        /// bytes, none if empty.
        reference: Vec<u8>,
    },
    /// A command whose spending is counted in a budget, and refused beyond its limits.
    Within {
        /// The budget.
        budget: B256,
        /// What.
        command: Box<Command>,
    },
    /// Makes a budget or changes its limits; ends it if there are none.
    SetBudget {
        /// Its id.
        budget: B256,
        /// What may be spent.
        limits: Option<Limits>,
    },
    /// Ends a ledger channel.
    CloseChannel {
        /// Channel id.
        ch: B256,
        /// Through a dispute, without the peer.
        force: bool,
    },
    /// Opens a virtual channel, this node being `ends[0]`.
    OpenVirtual {
        /// Hubs in path order, then the other end.
        path: Vec<Address>,
        /// Stake of this node.
        stake: Amount,
        /// Stake of the other end.
        peer_stake: Amount,
        /// Of the links that it runs over; zero address for ETH.
        asset: Address,
        /// Seconds; the policy's if none.
        term: Option<u64>,
        /// Most that all fees together may be.
        fee_max: Amount,
        /// Renew it before its term ends, again and again, each time for at most `fee_max`.
        renew: bool,
    },
    /// Replaces a virtual channel of which this node is `ends[0]` by a successor over the same links (protocol 2.3 renewal).
    RenewVirtual {
        /// Its id.
        vc: B256,
        /// Stakes of both ends in the successor; what each end has got, if none.
        stakes: Option<[Amount; 2]>,
        /// Seconds; the policy's if none.
        term: Option<u64>,
        /// Most that all fees together may be.
        fee_max: Amount,
    },
    /// Asks what a virtual channel would cost, without opening it.
    Quote {
        /// Hubs in path order, then the other end.
        path: Vec<Address>,
        /// Stake of this node.
        stake: Amount,
        /// Stake of the other end.
        peer_stake: Amount,
        /// Of the links that it would run over; zero address for ETH.
        asset: Address,
        /// Seconds; the policy's if none.
        term: Option<u64>,
    },
    /// Ends a virtual channel.
    CloseVirtual {
        /// Its id.
        vc: B256,
    },
    /// Proposes a nanocontract; the reply comes when it is open.
    OpenNano {
        /// Channel id, ledger or virtual.
        ch: B256,
        /// What it is to be.
        terms: NanoTerms,
        /// Runtime bytecode.
        code: Vec<u8>,
        /// How long the peer may take to answer, seconds; the policy's if none.
        within: Option<u64>,
    },
    /// Answers a peer's offer ([`Event::NanoOffered`]).
    AnswerNano {
        /// Channel id.
        ch: B256,
        /// Name of the nanocontract.
        nid: B256,
        /// None: yes. Otherwise why not.
        refuse: Option<String>,
    },
    /// Makes this node's next step; the reply comes when it is countersigned. While a dispute runs it is kept and forced as soon
    /// as the chain allows.
    StepNano {
        /// Channel id.
        ch: B256,
        /// Name of the nanocontract.
        nid: B256,
        /// What this node says.
        input: Vec<u8>,
        /// After this many seconds without a countersignature it is forced on the chain, and the channel with it ends.
        force_after: Option<u64>,
    },
    /// Keeps an input that is forced in a dispute when it is this node's turn and the rules take it: a secret to be revealed,
    /// a move that needs no more thought. Replaces what was kept before.
    PrepareNano {
        /// Channel id.
        ch: B256,
        /// Name of the nanocontract.
        nid: B256,
        /// Tried in this order; at most 16.
        inputs: Vec<Vec<u8>>,
    },
    /// Hands the peer an input for its own next step; the reply comes when the peer has it durably. A hash-chain payment is that.
    HandNano {
        /// Channel id.
        ch: B256,
        /// Name of the nanocontract.
        nid: B256,
        /// The input.
        input: Vec<u8>,
    },
    /// Wants a nanocontract closed at what its newest version says. The peer agrees if it is over, or if this node is the mover.
    CloseNano {
        /// Channel id.
        ch: B256,
        /// Name of the nanocontract.
        nid: B256,
    },
    /// Publishes a secret in the preimage registry of the chain (protocol 6.3).
    Reveal {
        /// The secret.
        secret: B256,
    },
    /// Ends a virtual channel through the chain, now: registers its newest State.
    ForceVirtual {
        /// Its id.
        vc: B256,
    },
    /// Sends bytes to the application of a peer.
    SendApp {
        /// To whom.
        to: Address,
        /// What.
        data: Vec<u8>,
    },
}

/// A transaction of the owner about its own money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Move {
    /// Into its own vault.
    FundVault {
        /// Zero address for ETH.
        asset: Address,
        /// How much.
        amount: Amount,
    },
    /// Out of its own vault.
    WithdrawVault {
        /// Zero address for ETH.
        asset: Address,
        /// How much.
        amount: Amount,
        /// Receiver.
        to: Address,
    },
    /// Allows the Adjudicator to take this much of a token from now on, instead of what it was allowed before.
    Approve {
        /// The token.
        token: Address,
        /// How much.
        amount: Amount,
    },
}

impl Command {
    /// It stakes money in a nanocontract, moves it there or may lose some of it, or gives away a secret that may be worth some.
    pub(crate) fn plays(&self) -> bool {
        matches!(
            self,
            Self::OpenNano { .. }
                | Self::AnswerNano { refuse: None, .. }
                | Self::StepNano { .. }
                | Self::PrepareNano { .. }
                | Self::HandNano { .. }
                | Self::CloseNano { .. }
                | Self::Reveal { .. }
        )
    }

    /// The channel that it is about.
    pub(crate) fn object(&self) -> Option<B256> {
        match self {
            Self::Pay { ch, .. }
            | Self::CloseChannel { ch, .. }
            | Self::Deposit { ch, .. }
            | Self::Withdraw { ch, .. } => Some(*ch),
            Self::RenewVirtual { vc, .. } | Self::CloseVirtual { vc } | Self::ForceVirtual { vc } => Some(*vc),
            Self::OpenNano { ch, .. }
            | Self::AnswerNano { ch, .. }
            | Self::StepNano { ch, .. }
            | Self::PrepareNano { ch, .. }
            | Self::HandNano { ch, .. }
            | Self::CloseNano { ch, .. } => Some(*ch),
            Self::Within { command, .. } => command.object(),
            Self::OpenChannel { .. }
            | Self::AskOpening { .. }
            | Self::OpenVirtual { .. }
            | Self::Quote { .. }
            | Self::SetBudget { .. }
            | Self::Move(_)
            | Self::Reveal { .. }
            | Self::SendApp { .. } => None,
        }
    }
}

/// Result of a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// The channel is open; its id.
    Opened(B256),
    /// The channel is closed.
    Closed(B256),
    /// The payment is in the state that both signed (protocol 1.4(6)).
    Applied {
        /// Channel id.
        ch: B256,
        /// Version that holds it.
        ver: u64,
    },
    /// The payee has it durably; a countersignature comes later.
    Delivered {
        /// Channel id.
        ch: B256,
        /// Version that holds it.
        ver: u64,
    },
    /// A payment with a reference arrived, and the payee has signed for it.
    Receipted {
        /// True if the payment is in a state that both signed; false if the countersignature comes later.
        cosigned: bool,
        /// What the payee signed; it names the channel and the version.
        receipt: PaymentReceipt,
        /// Its signature.
        sig: Signature,
        /// Address of its channel key.
        signer: Address,
    },
    /// The peer signed something higher without it.
    Rejected {
        /// In words.
        reason: String,
    },
    /// Nothing was signed: the command was refused here.
    Refused(Fault),
    /// What a virtual channel would cost now.
    Quoted {
        /// Fee of each hub, in path order.
        fees: Vec<Amount>,
        /// End of the term that was asked for.
        t_exp: u64,
    },
    /// Done; nothing to report.
    Done,
    /// The nanocontract is open; its name.
    NanoOpened {
        /// Channel id.
        ch: B256,
        /// Name of the nanocontract.
        nid: B256,
    },
    /// The nanocontract is closed, or the dispute decided it.
    NanoClosed {
        /// Channel id.
        ch: B256,
        /// Name of the nanocontract.
        nid: B256,
    },
    /// The step is signed by both.
    Stepped {
        /// Channel id.
        ch: B256,
        /// Name of the nanocontract.
        nid: B256,
        /// Version that holds it.
        ver: u64,
    },
    /// The peer did not countersign the step. This node's signature is out: it stands until the peer signs, or is forced.
    Unknown {
        /// In words.
        reason: String,
    },
}

/// Whose fault it is that a command was refused, in words for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fault {
    /// The caller asked for something impossible.
    Caller(String),
    /// A peer refused or did not answer.
    Peer(String),
    /// The chain is in the way.
    Chain(String),
    /// A budget does not allow it.
    Limit(String),
}

/// Something the application may want to know. Drivers store these: new ones come last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A ledger channel can be used.
    ChannelOpen(B256),
    /// A ledger channel ended; what this node was paid, deposits included.
    ChannelClosed {
        /// Channel id.
        ch: B256,
    },
    /// A payment arrived and is durable.
    Received {
        /// Channel id.
        ch: B256,
        /// Version that holds it.
        ver: u64,
        /// How much.
        amount: Amount,
        /// This node's share from now on.
        share: Amount,
        /// As the payer gave it; empty if none.
        reference: Vec<u8>,
    },
    /// A virtual channel can be used by its ends.
    VirtualOpen(B256),
    /// A virtual channel is over for this participant: no lock of it is left.
    VirtualClosed {
        /// Its id.
        vc: B256,
        /// What `ends[0]` got; none if it never was activated or expired.
        out_a: Option<Amount>,
    },
    /// A virtual channel has a successor that can be used by its ends.
    VirtualRenewed {
        /// Id of the one that ended.
        old: B256,
        /// Id of its successor.
        new: B256,
    },
    /// A dispute was seen on chain.
    Dispute {
        /// Channel id, ledger or virtual.
        ch: B256,
        /// Registered version.
        ver: u64,
    },
    /// Bytes from the application of a peer.
    App {
        /// From whom.
        from: Address,
        /// What.
        data: Vec<u8>,
    },
    /// A peer broke the protocol. The driver may drop the connection.
    Misbehaved {
        /// Who.
        peer: Address,
        /// In words.
        reason: String,
    },
    /// The payee signed for a payment of this node.
    Receipted {
        /// What it signed.
        receipt: PaymentReceipt,
        /// Its signature.
        sig: Signature,
        /// Address of its channel key.
        signer: Address,
    },
    /// A peer proposes a nanocontract that passed every check; it waits for [`Command::AnswerNano`].
    NanoOffered {
        /// Channel id.
        ch: B256,
        /// Name of the nanocontract.
        nid: B256,
        /// What it would be.
        terms: NanoTerms,
        /// Chain time, seconds, until which the answer may be given.
        until: u64,
    },
    /// A nanocontract can be used.
    NanoOpen {
        /// Channel id.
        ch: B256,
        /// Name of the nanocontract.
        nid: B256,
    },
    /// A nanocontract did not come about.
    NanoDeclined {
        /// Channel id.
        ch: B256,
        /// Name of the nanocontract.
        nid: B256,
        /// In words.
        reason: String,
    },
    /// A step is signed by both, or was forced on the chain.
    NanoStepped {
        /// Channel id.
        ch: B256,
        /// Name of the nanocontract.
        nid: B256,
        /// Version; the registered one if it was forced.
        ver: u64,
        /// Who moved (0 = A).
        by: u8,
        /// What the mover said.
        input: Vec<u8>,
        /// On the chain.
        forced: bool,
    },
    /// In a dispute it is this node's turn and nothing is kept that the rules take: a [`Command::StepNano`] is needed.
    NanoTurn {
        /// Channel id.
        ch: B256,
        /// Name of the nanocontract.
        nid: B256,
        /// Last second, chain time.
        deadline: u64,
    },
    /// The peer handed over an input that this node can force.
    NanoHanded {
        /// Channel id.
        ch: B256,
        /// Name of the nanocontract.
        nid: B256,
        /// The input.
        input: Vec<u8>,
        /// What this node would get of the nanocontract with it.
        share: Amount,
    },
    /// The peer wants a nanocontract closed in which it is this node's turn: [`Command::CloseNano`] agrees.
    NanoCloseAsked {
        /// Channel id.
        ch: B256,
        /// Name of the nanocontract.
        nid: B256,
    },
    /// The virtual channel ends soon, and this nanocontract with it: what is not finished or closed until then is decided by the
    /// chain.
    NanoMustEnd {
        /// Channel id.
        ch: B256,
        /// Name of the nanocontract.
        nid: B256,
        /// Last second, chain time, at which a step is signed.
        deadline: u64,
    },
    /// A nanocontract is over and out of the channel's State, or the chain decided it.
    NanoClosed {
        /// Channel id.
        ch: B256,
        /// Name of the nanocontract.
        nid: B256,
        /// What A got of it, as far as this node knows.
        da: Amount,
    },
    /// The channel counts other deposits from now on.
    DepositsCounted {
        /// Channel id.
        ch: B256,
        /// Of A and B.
        deposits: [Amount; 2],
    },
    /// Part of a deposit was paid out of an open channel, in a final block.
    Withdrawn {
        /// Channel id.
        ch: B256,
        /// Whose deposit (0 = A).
        side: u8,
        /// How much.
        amount: Amount,
    },
}

/// What a participant wants from the outside.
#[allow(clippy::large_enum_variant, reason = "an output lives for a moment")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// To a peer; lost if it is not connected (it is sent again).
    Send {
        /// Address of the peer's channel key.
        to: Address,
        /// What.
        message: Message,
    },
    /// To the chain, by this participant's owner account.
    Submit {
        /// Asked for twice under one key, it is sent once while pending.
        key: TxKey,
        /// The call.
        call: Call,
        /// Last second at which it is of use.
        deadline: Option<u64>,
    },
    /// To whoever holds the owner's account: sign that the other side may open this channel in one transaction, and name where this
    /// side's deposit comes from without another one. Answered by [`Input::Authorised`].
    Authorise {
        /// Slot key fields.
        params: ChannelParams,
        /// Which side this node is.
        side: Side,
        /// What both agree on.
        terms: OpenAuth,
    },
    /// To the chain driver.
    Watch(Watch),
    /// To the chain driver: this object is over.
    Unwatch(Watch),
    /// To the application.
    Reply {
        /// As given with the command.
        tag: u64,
        /// The result.
        reply: Reply,
    },
    /// To the application.
    Event(Event),
}

/// One durable record: a key and its new value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// Key.
    pub key: Vec<u8>,
    /// Value; `None` deletes.
    pub value: Option<Vec<u8>>,
}

/// The effect of one input: writes, and outputs that may be released only once the writes are durable.
///
/// The outputs are private so that nobody can have them without [`Step::commit`].
#[must_use = "the writes must become durable"]
#[derive(Debug, Default)]
pub struct Step {
    pub(crate) writes: Vec<Write>,
    pub(crate) outputs: Vec<Output>,
}

impl Step {
    /// The writes, all or nothing.
    pub fn writes(&self) -> &[Write] {
        &self.writes
    }

    /// What happened, for drivers that make it durable together with the writes. Nobody else may hear of it before.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.outputs.iter().filter_map(|output| match output {
            Output::Event(event) => Some(event),
            _ => None,
        })
    }

    /// Hands the writes to `durable` and, if it succeeds, gives the outputs.
    pub fn commit<E>(self, durable: impl FnOnce(Vec<Write>) -> Result<(), E>) -> Result<Vec<Output>, E> {
        durable(self.writes)?;
        Ok(self.outputs)
    }

    /// For drivers that commit asynchronously: the writes, and the outputs under a seal that is broken only afterwards.
    pub fn split(self) -> (Vec<Write>, Sealed) {
        (self.writes, Sealed(self.outputs))
    }

    /// Joins the effect of a later input, so that several inputs share one commit.
    pub fn and(mut self, later: Self) -> Self {
        self.writes.extend(later.writes);
        self.outputs.extend(later.outputs);
        self
    }

    /// Nothing to write and nothing to do.
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty() && self.outputs.is_empty()
    }
}

/// Outputs whose writes are not durable yet.
#[must_use = "outputs behind a durable write must be released"]
#[derive(Debug, Default)]
pub struct Sealed(Vec<Output>);

impl Sealed {
    /// To be called once the writes of the same [`Step`] are durable, and only then.
    pub fn release_after_durable_write(self) -> Vec<Output> {
        self.0
    }
}
