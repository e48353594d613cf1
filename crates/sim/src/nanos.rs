//! The moves that every story with nanocontracts needs, each until it is done.

use crate::play::PATIENCE_MS;
use crate::world::World;
use alloy_primitives::B256;
use perunika_core::info::{NanoInfo, NanoStage};
use perunika_core::io::{Command, Reply};
use perunika_core::message::NanoTerms;

impl World {
    /// Proposes a nanocontract; the tag of the reply. `within`: how long the peer may take, seconds.
    pub fn offer_nano(&mut self, node: usize, ch: B256, terms: &NanoTerms, code: &[u8], within: Option<u64>) -> u64 {
        self.command(node, Command::OpenNano { ch, terms: terms.clone(), code: code.to_vec(), within })
    }

    /// Answers an offer; the tag of the reply. `refuse`: why not.
    pub fn answer_nano(&mut self, node: usize, ch: B256, nid: B256, refuse: Option<&str>) -> u64 {
        self.command(node, Command::AnswerNano { ch, nid, refuse: refuse.map(Into::into) })
    }

    /// The offers that wait for an answer of this node.
    pub fn offers(&self, node: usize, ch: B256) -> Vec<B256> {
        self.nanos_of(node, ch).iter().filter(|n| n.stage == NanoStage::Offered).map(|n| n.nid).collect()
    }

    /// Opens a nanocontract that `a` proposes and `b` accepts, and waits until both can use it.
    pub fn open_nano(&mut self, a: usize, b: usize, ch: B256, terms: &NanoTerms, code: &[u8]) -> B256 {
        self.open_nanos(a, b, ch, std::slice::from_ref(terms), code)[0]
    }

    /// The same for many at once; in the order of `terms`.
    pub fn open_nanos(&mut self, a: usize, b: usize, ch: B256, terms: &[NanoTerms], code: &[u8]) -> Vec<B256> {
        let tags: Vec<u64> = terms.iter().map(|terms| self.offer_nano(a, ch, terms, code, None)).collect();
        let offered = |w: &Self| w.offers(b, ch).len() == tags.len();
        assert!(self.run_until(PATIENCE_MS, offered), "not offered: {:?}", self.reply(a, tags[0]));
        for nid in self.offers(b, ch) {
            self.answer_nano(b, ch, nid, None);
        }
        let all = |w: &Self| tags.iter().all(|tag| w.reply(a, *tag).is_some());
        assert!(self.run_until(PATIENCE_MS, all), "not opened: {:?}", self.nanos_of(a, ch));
        let opened = |tag: &u64| match self.reply(a, *tag) {
            Some(Reply::NanoOpened { nid, .. }) => *nid,
            other => panic!("the nanocontract did not open: {other:?}"),
        };
        let nids: Vec<B256> = tags.iter().map(opened).collect();
        let ready = |w: &Self| nids.iter().all(|nid| [a, b].iter().all(|n| w.nano_is_open(*n, ch, *nid)));
        assert!(self.run_until(PATIENCE_MS, ready), "the peer has it open");
        nids
    }

    /// A step of this node; the tag of the reply.
    pub fn step_nano(&mut self, node: usize, ch: B256, nid: B256, input: Vec<u8>) -> u64 {
        self.command(node, Command::StepNano { ch, nid, input, force_after: None })
    }

    /// A step that both sign, however it takes.
    pub fn make_step(&mut self, node: usize, ch: B256, nid: B256, input: Vec<u8>) {
        let tag = self.step_nano(node, ch, nid, input);
        self.wait_reply(node, tag);
        let reply = self.reply(node, tag);
        assert!(matches!(reply, Some(Reply::Stepped { .. })), "{reply:?}");
    }

    /// Hands the peer an input for its next step, and waits until the peer has it.
    pub fn hand_nano(&mut self, node: usize, ch: B256, nid: B256, input: Vec<u8>) {
        let tag = self.command(node, Command::HandNano { ch, nid, input });
        self.wait_reply(node, tag);
        assert_eq!(self.reply(node, tag), Some(&Reply::Done));
    }

    /// Keeps inputs for a dispute.
    pub fn prepare_nano(&mut self, node: usize, ch: B256, nid: B256, inputs: Vec<Vec<u8>>) {
        let tag = self.command(node, Command::PrepareNano { ch, nid, inputs });
        assert_eq!(self.reply(node, tag), Some(&Reply::Done));
    }

    /// Wants a nanocontract closed at its newest version; the tag of the reply.
    pub fn close_nano(&mut self, node: usize, ch: B256, nid: B256) -> u64 {
        self.command(node, Command::CloseNano { ch, nid })
    }

    /// A nanocontract as a node sees it.
    pub fn nano_of(&self, node: usize, ch: B256, nid: B256) -> Option<NanoInfo> {
        self.nodes[node].participant.as_ref()?.nano(ch, nid)
    }

    /// The nanocontracts of a channel as a node sees them, offers included.
    pub fn nanos_of(&self, node: usize, ch: B256) -> Vec<NanoInfo> {
        self.nodes[node].participant.as_ref().map(|p| p.nanos(ch)).unwrap_or_default()
    }

    /// Whether a node can step it, as far as it knows.
    pub fn nano_is_open(&self, node: usize, ch: B256, nid: B256) -> bool {
        self.nano_of(node, ch, nid).is_some_and(|n| n.stage == NanoStage::Open)
    }

    /// Whether a node has nothing left of it.
    pub fn nano_is_gone(&self, node: usize, ch: B256, nid: B256) -> bool {
        self.nano_of(node, ch, nid).is_none()
    }

    /// Forces the end of a channel, ledger or virtual, through the chain.
    pub fn force(&mut self, node: usize, ch: B256) -> u64 {
        let command = match self.ledger_of(node, ch) {
            Some(_) => Command::CloseChannel { ch, force: true },
            None => Command::ForceVirtual { vc: ch },
        };
        self.command(node, command)
    }
}
