//! A ledger channel as one of its parties remembers it.

use crate::body::Body;
use crate::book::Book;
use crate::chain::{LedgerView, TxKey};
use crate::encode::Domain;
use crate::funding::{Funding, Source};
use crate::mutant::guard;
use crate::params::{ChannelParams, Side};
use crate::sig::Signature;
use crate::signed::{Adjust, Amount, Close, Lock};
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
    /// Of A and B, as agreed; once it is open, as the newest State counts them.
    pub(crate) deposits: [Amount; 2],
    pub(crate) life: Life,
    pub(crate) book: Book,
    pub(crate) draining: bool,
    pub(crate) closing: Option<Closing>,
    /// This party wants to end it through the chain.
    pub(crate) force: bool,
    /// Where this party's deposit comes from.
    pub(crate) from: Source,
    /// While it is agreed: B's consent, with which A opens at once.
    pub(crate) consent: Option<Agreement>,
    /// The same the other way: A's consent, with which B opens at once, and not A.
    pub(crate) sponsored: Option<Agreement>,
    /// A deposit of this party on its way.
    pub(crate) top_up: Option<TopUp>,
    /// A withdrawal of either party on its way.
    pub(crate) withdrawal: Option<Withdrawal>,
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

/// The agreement of one party that the other one opens and confirms at once. Once it is out the channel may come about until its
/// last second.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Agreement {
    pub(crate) not_after: u64,
    pub(crate) word: Word,
}

/// What the owner said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Word {
    /// Nothing yet; nothing has left its node.
    Asked,
    /// Yes, and where the deposit comes from.
    Given(Funding),
    /// It was given, and is not used any more as far as this node knows: kept until it cannot be used.
    Spent,
}

impl Agreement {
    pub(crate) fn given(not_after: u64, funding: Funding) -> Self {
        Self { not_after, word: Word::Given(funding) }
    }
}

/// A deposit that was sent to the chain, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TopUp {
    pub(crate) key: TxKey,
    /// This party's deposit when it is there.
    pub(crate) target: Amount,
    pub(crate) not_after: u64,
}

/// From the State that counts less to the end of the [`Adjust`] that pays it out (protocol 0.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Withdrawal {
    /// `ver` is 0 until both have signed that State.
    pub(crate) adjust: Adjust,
    /// Of the other party than the one that withdraws.
    pub(crate) sig: Option<Signature>,
}

impl Withdrawal {
    pub(crate) fn side(&self) -> Side {
        if self.adjust.side == 0 { Side::A } else { Side::B }
    }
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
            from: Source::Wallet,
            consent: None,
            sponsored: None,
            top_up: None,
            withdrawal: None,
            link: LinkMemory::default(),
        }
    }

    pub(crate) fn peer(&self) -> Address {
        self.params.party(self.me.other()).key
    }

    /// The slot shows this life, open. Its deposits change by `deposit`, which gives, and by an `Adjust` that both agreed on.
    pub(crate) fn is_open_in(&self, view: &LedgerView) -> bool {
        view.phase == crate::chain::Phase::Open && view.nonce == self.nonce
    }

    /// What a side deposited and no State counts yet: it belongs to that side.
    pub(crate) fn uncounted(&self, view: &LedgerView, side: Side) -> Amount {
        let counted = self.book.log.cur().body.deposits()[side.index()];
        if self.is_open_in(view) { view.deposits()[side.index()].saturating_sub(counted) } else { 0 }
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
