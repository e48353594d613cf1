//! What is noted of a story, for whoever audits it.

use crate::auditor::Work;
use perunika_core::chain::Call;
use perunika_core::io::{Command, Event, Reply};
use perunika_core::message::Message;
use perunika_core::params::ChannelParams;
use perunika_core::signed::OpenAuth;

/// What left a node, what reached it, and what the chain did, in this order: all that an auditor needs to know.
#[derive(Clone, Debug)]
pub enum Tap {
    /// A message left a node.
    Sent {
        /// Index of the sender.
        from: usize,
        /// What it said.
        message: Message,
    },
    /// A message reached a node.
    Got {
        /// Index of the receiver.
        to: usize,
        /// Index of the sender.
        from: usize,
        /// What it said.
        message: Message,
    },
    /// What this node got last is lost: it crashed before its commit.
    Lost {
        /// Index of the node.
        node: usize,
    },
    /// A node stopped; what it was about to say is lost, though it may be durable.
    Down {
        /// Index of the node.
        node: usize,
    },
    /// A node sent a call.
    Called {
        /// Index of the node.
        node: usize,
        /// The call.
        call: Box<Call>,
    },
    /// A node started.
    Up {
        /// Index of the node.
        node: usize,
    },
    /// A node took up a head of the chain, with all news of what it watches; what it does behind this it does with this in mind.
    Shown {
        /// Index of the node.
        node: usize,
        /// Timestamp of the head, seconds.
        head: u64,
        /// Number of signatures of all keys until then.
        signed: u64,
    },
    /// A node asks its owner to sign for an opening in one transaction.
    Asked {
        /// Index of the node.
        node: usize,
        /// Slot key fields.
        params: Box<ChannelParams>,
        /// What the owner is to sign.
        terms: OpenAuth,
    },
    /// The application of a node wants something.
    Wanted {
        /// Index of the node.
        node: usize,
        /// Its tag.
        tag: u64,
        /// What.
        command: Box<Command>,
    },
    /// A node answered its application.
    Replied {
        /// Index of the node.
        node: usize,
        /// That of the command.
        tag: u64,
        /// What it said.
        reply: Box<Reply>,
    },
    /// A node told its application something.
    Reported {
        /// Index of the node.
        node: usize,
        /// What.
        event: Box<Event>,
    },
    /// A block was mined; the events behind this are its own.
    Block {
        /// Height.
        number: u64,
        /// Timestamp, seconds.
        time: u64,
    },
    /// A call of a node got into that block.
    Mined {
        /// Index of the node.
        node: usize,
        /// What it was good for.
        work: Work,
        /// False if it reverted.
        ok: bool,
    },
    /// The chain emitted an event.
    Chain(perunika_contracts::Event),
    /// The blocks above this one are gone, with everything in them.
    Reorg {
        /// Height of the newest block that is left.
        height: u64,
    },
}
