//! A ledger channel as one of its parties remembers it.

use crate::body::Body;
use crate::book::Book;
use crate::chain::LedgerView;
use crate::encode::Domain;
use crate::mutant::guard;
use crate::params::{ChannelParams, Side};
use crate::sig::Signature;
use crate::signed::{Amount, Close, Lock};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

/// Durable state of a ledger channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ledger {
    pub(crate) id: B256,
    pub(crate) params: ChannelParams,
    /// [`ChannelParams::slot_key`], once and for all.
    pub(crate) slot: B256,
    pub(crate) nonce: u64,
    pub(crate) me: Side,
    pub(crate) deposits: [Amount; 2],
    pub(crate) life: Life,
    pub(crate) book: Book,
    pub(crate) draining: bool,
    pub(crate) closing: Option<Closing>,
    /// This party wants to end it through the chain.
    pub(crate) force: bool,
    #[serde(skip)]
    pub(crate) link: LinkMemory,
}

/// Where the channel stands, as far as this party has seen it final.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Life {
    /// Agreed off chain; this party opens or confirms it.
    Agreed,
    /// Open in a final block, with the agreed deposits.
    Open,
    /// Ended on chain. Locks of the last State are settled one by one.
    Ended {
        /// Locks in tree order, as far as this party knows them.
        locks: Vec<Lock>,
    },
    /// Nothing is left.
    Closed,
}

/// A cooperative end under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Closing {
    pub(crate) close: Close,
    pub(crate) sigs: [Option<Signature>; 2],
}

/// What may be forgotten in a crash: it is asked again.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct LinkMemory {
    /// When something unanswered was last sent, ms.
    pub(crate) sent_ms: u64,
    /// Since when (ms) it is agreed and not funded.
    pub(crate) agreed_ms: Option<u64>,
    /// This node asked for the cooperative end, so it pays for the transaction.
    pub(crate) asked_close: bool,
    /// The peer said that it drains and has nothing unanswered.
    pub(crate) peer_quiet: bool,
    /// This node said so.
    pub(crate) announced: bool,
    /// Since when (ms) it drains.
    pub(crate) draining_since_ms: Option<u64>,
    /// Since when (s) a decided lock waits for the peer's signature, by vc.
    pub(crate) decided: BTreeMap<B256, u64>,
}

impl LinkMemory {
    /// The cooperative end is called off.
    pub(crate) fn forget_close(&mut self) {
        self.asked_close = false;
        self.peer_quiet = false;
        self.announced = false;
        self.draining_since_ms = None;
    }
}

impl Ledger {
    pub(crate) fn new(domain: &Domain, params: ChannelParams, nonce: u64, me: Side, deposits: [Amount; 2]) -> Self {
        let id = params.id(domain, nonce);
        let genesis = Body::ledger_genesis(id, deposits[0], deposits[1]);
        Self {
            id,
            params,
            slot: params.slot_key(),
            nonce,
            me,
            deposits,
            life: Life::Agreed,
            book: Book::new(me, genesis),
            draining: false,
            closing: None,
            force: false,
            link: LinkMemory::default(),
        }
    }

    pub(crate) fn peer(&self) -> Address {
        self.params.party(self.me.other()).key
    }

    /// The slot shows this life, open, with the deposits that were agreed (R-08: read back, never believed).
    pub(crate) fn is_open_in(&self, view: &LedgerView) -> bool {
        view.phase == crate::chain::Phase::Open && view.nonce == self.nonce && [view.dep_a, view.dep_b] == self.deposits
    }

    /// The locks of every State that the chain could accept against this party, or could have accepted since the dispute began.
    pub(crate) fn possible_locks(&self) -> impl Iterator<Item = Vec<Lock>> + '_ {
        self.book.possible().map(|(locks, _)| locks.to_vec())
    }

    /// Any of these States holds the lock.
    pub(crate) fn some_state_holds(&self, vc: B256) -> bool {
        self.book.possible().any(|(locks, _)| locks.iter().any(|l| l.vc == vc))
    }

    /// The lock is firm (protocol 1.4(2)).
    pub(crate) fn holds_firmly(&self, vc: B256) -> bool {
        let everywhere = || self.book.possible().all(|(locks, _)| locks.iter().any(|l| l.vc == vc));
        self.book.log.cur().body.lock(vc).is_some() && guard!("1.4.2-firm", everywhere())
    }
}
