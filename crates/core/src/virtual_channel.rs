//! A virtual channel as one participant remembers it (protocol 2.3).

use crate::body::Body;
use crate::book::Book;
use crate::info::VirtualStage;
use crate::message::Message;
use crate::params::{Side, VirtualParams};
use crate::secret::Secret;
use crate::sig::Signature;
use crate::signed::Amount;
use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;
use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

/// Durable state of a virtual channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Virtual {
    pub(crate) id: B256,
    pub(crate) params: VirtualParams,
    pub(crate) index: usize,
    pub(crate) draft: B256,
    /// This participant released its secret: from now on only a certificate or the chain ends the channel.
    pub(crate) revealed: bool,
    /// Tombstone: this participant will never release its secret, or, as an end, never sign a State or a Final
    /// (protocol 2.3 abort).
    pub(crate) aborted: bool,
    pub(crate) secrets: Vec<Option<Secret>>,
    /// Chain time, seconds, by which it must be activated.
    pub(crate) act_by: u64,
    /// At an end.
    pub(crate) book: Option<Book>,
    /// Version 1 with both signatures: what hubs bill by.
    pub(crate) receipt: Option<[Signature; 2]>,
    /// At an end: the application was told that it can be used.
    pub(crate) opened: bool,
    pub(crate) draining: bool,
    /// At an end: it ends through the chain, now.
    pub(crate) force: bool,
    /// The one Final that this participant knows both ends' signatures of, or signed itself.
    pub(crate) out_a: Option<Amount>,
    pub(crate) finals: BTreeMap<u8, Signature>,
    pub(crate) done: bool,
    /// The virtual channel that this one succeeds.
    pub(crate) renews: Option<B256>,
    /// Its newest successor here.
    pub(crate) next: Option<B256>,
    /// At `ends[0]`: renewed whenever its term is about to end.
    pub(crate) keep: Option<Renewal>,
    /// At `ends[0]`: the renewal that is under way.
    pub(crate) renewal: Option<Renewal>,
    #[serde(skip)]
    pub(crate) memory: VirtualMemory,
}

/// What `ends[0]` wishes of the successor of a virtual channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Renewal {
    /// Stakes of both ends; what each end has got, if none.
    pub(crate) stakes: Option<[Amount; 2]>,
    /// Seconds; the policy's if none.
    pub(crate) term: Option<u64>,
    /// Most that all fees together may be.
    pub(crate) fee_max: Amount,
}

/// What may be forgotten in a crash.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct VirtualMemory {
    /// The other end's signature on version 1, come before the activation was complete.
    pub(crate) start_sig: Option<Signature>,
    /// The other end said that it drains and has nothing unanswered.
    pub(crate) peer_quiet: bool,
    /// This end said so.
    pub(crate) announced: bool,
    pub(crate) sent_ms: u64,
    /// A successor was quoted for: the lock waits for it, but not long.
    pub(crate) renewing: bool,
    /// Until then (ms); none before the certificate is complete.
    pub(crate) hold_until_ms: Option<u64>,
    /// A renewal by itself was given up: not before this time (ms) it is tried again.
    pub(crate) renew_again_ms: u64,
}

impl Virtual {
    pub(crate) fn new(id: B256, params: VirtualParams, index: usize, draft: B256, act_by: u64) -> Self {
        let last = params.path.len() - 1;
        let side = if index == 0 { Some(Side::A) } else { (index == last).then_some(Side::B) };
        let book = side.map(|me| Book::new(me, Body::virtual_genesis(id, params.init_a, params.init_b)));
        let secrets = vec![None; params.path.len()];
        Self {
            id,
            params,
            index,
            draft,
            revealed: false,
            aborted: false,
            secrets,
            act_by,
            book,
            receipt: None,
            opened: false,
            draining: false,
            force: false,
            out_a: None,
            finals: BTreeMap::new(),
            done: false,
            renews: None,
            next: None,
            keep: None,
            renewal: None,
            memory: VirtualMemory::default(),
        }
    }

    /// What was read of the disk has a place for this participant, and everything else at the lengths that its path asks for.
    pub(crate) fn is_sound(&self) -> bool {
        let (links, keys) = (self.params.links.len(), self.params.path.len());
        let at_an_end = self.index == 0 || self.index == links;
        links > 0
            && keys == links + 1
            && self.index < keys
            && self.secrets.len() == keys
            && self.book.is_some() == at_an_end
    }

    /// Which end this participant is.
    pub(crate) fn side(&self) -> Option<Side> {
        self.book.as_ref().map(|b| b.log.me)
    }

    /// Links of this participant: position in the path and channel id.
    pub(crate) fn my_links(&self) -> impl Iterator<Item = (usize, B256)> + '_ {
        let left = self.index.checked_sub(1);
        let right = (self.index < self.params.length()).then_some(self.index);
        left.into_iter().chain(right).map(|l| (l, self.params.links[l]))
    }

    /// Everybody else in the path.
    pub(crate) fn others(&self) -> Vec<Address> {
        let me = self.params.path[self.index];
        self.params.path.iter().copied().filter(|k| *k != me).collect()
    }

    /// All secrets, if they are complete.
    pub(crate) fn all_secrets(&self) -> Option<Vec<Secret>> {
        self.secrets.iter().copied().collect()
    }

    pub(crate) fn is_active(&self) -> bool {
        self.revealed && self.secrets.iter().all(Option::is_some)
    }

    /// The certificate: all signatures on one Final, in path order.
    pub(crate) fn certificate(&self) -> Option<(Amount, Vec<Signature>)> {
        let sigs: Option<Vec<Signature>> =
            (0..self.params.path.len()).map(|i| self.finals.get(&(i as u8)).copied()).collect();
        Some((self.out_a?, sigs?))
    }

    /// What this end put in.
    pub(crate) fn initial_share(&self) -> Amount {
        match self.side() {
            Some(Side::A) => self.params.init_a,
            Some(Side::B) => self.params.init_b,
            None => 0,
        }
    }

    pub(crate) fn stage(&self) -> VirtualStage {
        if self.done {
            VirtualStage::Done
        } else if self.aborted {
            VirtualStage::Aborted
        } else if self.certificate().is_some() {
            VirtualStage::Certified
        } else if self.draining || self.out_a.is_some() {
            VirtualStage::Closing
        } else if self.is_active() {
            VirtualStage::Active
        } else if self.revealed {
            VirtualStage::Revealed
        } else {
            VirtualStage::Locking
        }
    }

    /// Whether this participant may still let go of it at its initial split: nothing that it released can lead to another
    /// outcome. A hub's secret could; an end's could not, as long as it has signed neither a State nor a Final. Once it is active
    /// the end goes on instead.
    pub(crate) fn can_be_abandoned(&self) -> bool {
        let unsigned = self.book.as_ref().is_some_and(|b| b.log.my_high() == 0) && !self.signed_final();
        !self.done && (!self.revealed || (unsigned && !self.is_active()))
    }

    /// This participant has signed the Final.
    pub(crate) fn signed_final(&self) -> bool {
        self.finals.contains_key(&(self.index as u8))
    }

    /// Nothing hinders its creation so far, and it did not come about yet either.
    pub(crate) fn is_coming(&self) -> bool {
        !self.aborted && !self.done && !self.opened
    }

    /// What this participant tells others about the Final, once it signed or knows both ends' signatures.
    pub(crate) fn final_message(&self) -> Option<Message> {
        let sigs: Vec<(u8, Signature)> = self.finals.iter().map(|(i, s)| (*i, *s)).collect();
        let signed = self.signed_final();
        Some(Message::FinalSigs { vc: self.id, out_a: self.out_a?, sigs }).filter(|_| signed)
    }

    /// The creation needs no more messages from here.
    pub(crate) fn receipt_known(&self) -> bool {
        self.receipt.is_some() || self.book.as_ref().is_some_and(|b| b.log.top().body.ver > 0)
    }
}
