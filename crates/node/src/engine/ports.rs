//! What the engine needs from the outside, small enough to be played by a test.

use perunika_core::Address;
use perunika_core::B256;
use perunika_core::chain::{Call, TxKey, TxOutcome, Watch};
use perunika_core::io::{Command, Input, Reply};
use perunika_core::message::Message;
use perunika_core::params::{ChannelParams, Side};
use perunika_core::participant::Participant;
use perunika_core::signed::OpenAuth;
use perunika_net::Credit;
use tokio::sync::oneshot;

/// The way to the peers. Never waits: what cannot be sent now is lost, and the protocol sends it again.
pub trait Peers: Send {
    /// Sends a message.
    fn send(&self, to: Address, message: &Message);
    /// Ends the connection of a peer that broke the protocol.
    fn drop_connection(&self, peer: Address, reason: &str);
}

/// The way to the chain. Never waits.
pub trait Chain: Send {
    /// Asks for a transaction; twice under one key while pending is once.
    fn submit(&self, key: TxKey, call: Call, deadline: Option<u64>);
    /// Asks the owner to sign that the other side may open this channel in one transaction; answered by [`Input::Authorised`].
    fn authorise(&self, params: ChannelParams, side: Side, terms: OpenAuth);
    /// Asks to follow an object.
    fn watch(&self, watch: Watch);
    /// The object is over.
    fn unwatch(&self, watch: Watch);
}

/// An answer that is given once everything that it may depend on is durable.
pub(crate) type Answer = Box<dyn FnOnce() + Send>;
/// A question about the participant.
pub(crate) type Question = Box<dyn FnOnce(&Participant) -> Answer + Send>;

/// Something for the engine to do.
pub(crate) enum Work {
    /// News from peers or the chain.
    Input(Input),
    /// What a peer said, and its part of what the peer may have waiting.
    Message(Input, Credit),
    /// The end of a transaction.
    Transaction(TxEnd),
    /// A reorg removed the transaction with this hash.
    Removed(B256),
    /// A wish of the application.
    Command(Command, oneshot::Sender<Reply>),
    /// A question of the application.
    Question(Question),
    /// Events up to this number need not be kept.
    Acknowledge(u64, oneshot::Sender<u64>),
    /// Finish what is under way, then stop.
    Stop,
}

/// The end of a transaction, as the chain driver tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxEnd {
    /// As given with [`Chain::submit`].
    pub key: TxKey,
    /// The contract function.
    pub name: String,
    /// The result.
    pub outcome: TxOutcome,
    /// Hash, block, gas and fee in wei, if it was included.
    pub cost: Option<TxCost>,
}

/// What an included transaction cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TxCost {
    /// Its hash.
    pub hash: B256,
    /// Block that includes it.
    pub block: u64,
    /// Gas used.
    pub gas: u64,
    /// What the sender paid, wei.
    pub fee: u128,
}
