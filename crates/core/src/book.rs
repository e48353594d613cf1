//! Payments of one object: the update log, and which payments of mine are in which version.

use crate::body::Body;
use crate::budget::Charge;
use crate::log::UpdateLog;
use crate::message::{LinkOp, Note};
use crate::params::Side;
use crate::sig::Signature;
use crate::signed::{Amount, Entry, Lock};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

/// A payment of mine that is signed but not known to be durable at the payee.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pending {
    pub(crate) ver: u64,
    pub(crate) wish: Wish,
}

/// A payment that waits until it may be signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Wish {
    pub(crate) tag: u64,
    pub(crate) amount: Amount,
    pub(crate) cosign: bool,
    /// Empty if none: a payment with one is followed by nothing until the payee has it, so that it is seen by itself.
    pub(crate) reference: Vec<u8>,
    /// Where it is counted already, however often it is signed.
    pub(crate) charge: Option<Charge>,
}

impl Wish {
    pub(crate) fn note(&self) -> Option<Note> {
        let note = || Note { amount: self.amount, reference: self.reference.clone() };
        (!self.reference.is_empty()).then(note)
    }
}

/// A payment with a reference: at the payer, the payee has it and the receipt has not come; at the payee, the newest one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Noted {
    pub(crate) tag: u64,
    pub(crate) ver: u64,
    pub(crate) cosigned: bool,
    pub(crate) note: Note,
}

/// What may be forgotten in a crash of the talk about entries: it is asked again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct UpdateMemory {
    /// The peer's newest pre-signature that this party could not answer yet.
    pub(crate) presign: Option<(u64, LinkOp, Signature)>,
    /// The peer signed something else at a version that this party signed: party A proposes.
    pub(crate) mismatch: bool,
    /// Changes that the peer refused, by subject, and until when (ms) they are not proposed again.
    pub(crate) cool: BTreeMap<B256, (LinkOp, u64)>,
    /// Not before this time (ms) is an unanswered proposal replaced by another.
    pub(crate) retry_ms: u64,
    /// Version of the stream item whose countersignature was asked for, so that the channel becomes quiet.
    pub(crate) flushed: u64,
    /// A pre-signature of this node stands in the way of the peer's stream (protocol 1.4(10)).
    pub(crate) break_in: bool,
    /// When (ms) the peer's last stream item came.
    pub(crate) item_ms: Option<u64>,
}

/// The entries of a State that the chain could have fixed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lists {
    pub(crate) locks: Vec<Lock>,
    pub(crate) nanos: Vec<Entry>,
}

/// Update log and payments of a ledger channel, or of a virtual channel at one of its ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Book {
    pub(crate) log: UpdateLog,
    pub(crate) pending: Vec<Pending>,
    /// Payments that were voided by a crossing proposal wait here too, so it is durable.
    pub(crate) queue: VecDeque<Wish>,
    pub(crate) payments: u64,
    /// A payment of mine whose receipt is missing. The next one with a reference waits for it.
    pub(crate) unreceipted: Option<Noted>,
    /// Since when (ms) its receipt is asked for.
    #[serde(skip)]
    pub(crate) asked_ms: Option<u64>,
    /// The newest payment with a reference that I accepted: its receipt may be asked for again.
    pub(crate) received: Option<Noted>,
    /// While a dispute runs: the entries of every State that could be concluded. A countersignature that comes when nobody can
    /// refute any more moves the log on, but not the chain (S74).
    pub(crate) disputed: Vec<Lists>,
    #[serde(skip)]
    pub(crate) updates: UpdateMemory,
}

impl Book {
    pub(crate) fn new(me: Side, genesis: Body) -> Self {
        Self {
            log: UpdateLog::new(me, genesis),
            pending: Vec::new(),
            queue: VecDeque::new(),
            payments: 0,
            unreceipted: None,
            asked_ms: None,
            received: None,
            disputed: Vec::new(),
            updates: UpdateMemory::default(),
        }
    }

    /// The entries of every State that the chain could accept against this party, or could have accepted since the dispute began.
    /// A stream item has those of the State below it, so that one of them speaks for all.
    pub(crate) fn possible(&self) -> impl Iterator<Item = (&[Lock], &[Entry])> + '_ {
        let proposals = self.log.own().iter().filter(|o| !o.is_item());
        let items = self.log.own().iter().filter(|o| o.is_item());
        let own = proposals.chain(items.take(1)).map(|own| &own.body);
        let accepted = [Some(&self.log.top().body), self.log.item().map(|i| &i.body)].into_iter().flatten();
        let enforceable = accepted.chain(own).map(|b| (b.locks.as_slice(), b.nanos.as_slice()));
        enforceable.chain(self.disputed.iter().map(|l| (l.locks.as_slice(), l.nanos.as_slice())))
    }

    /// Keeps what could be concluded now; true if something is new.
    pub(crate) fn remember(&mut self) -> bool {
        let mut new: Vec<Lists> = Vec::new();
        for (locks, nanos) in self.possible() {
            let same = |l: &Lists| l.locks == locks && l.nanos == nanos;
            if !self.disputed.iter().any(same) && !new.iter().any(same) {
                new.push(Lists { locks: locks.to_vec(), nanos: nanos.to_vec() });
            }
        }
        let some = !new.is_empty();
        self.disputed.extend(new);
        some
    }

    /// The nanocontract is in every State that the chain could accept: it may be stepped (protocol 1.4(2), (12)).
    pub(crate) fn holds_nano_firmly(&self, entry: &Entry) -> bool {
        self.possible().all(|(_, nanos)| nanos.contains(entry))
    }

    /// Some such State holds it.
    pub(crate) fn may_hold_nano(&self, nid: B256) -> bool {
        self.possible().any(|(_, nanos)| nanos.iter().any(|e| e.nid == nid))
    }

    /// Takes the payments that version `ver` (mine) holds: they are applied.
    pub(crate) fn take_applied(&mut self, ver: u64) -> Vec<Pending> {
        self.take(|p| p.ver <= ver)
    }

    /// Takes the stream payments up to `ver` that wait for nothing but the payee's durable acknowledgement.
    pub(crate) fn take_delivered(&mut self, ver: u64) -> Vec<Pending> {
        self.take(|p| p.ver <= ver && !p.wish.cosign)
    }

    fn take(&mut self, done: impl Fn(&Pending) -> bool) -> Vec<Pending> {
        let (held, open) = core::mem::take(&mut self.pending).into_iter().partition(done);
        self.pending = open;
        held
    }

    /// A version of the peer became `cur`; it was built on my version `base`. Payments above it are void and queue again,
    /// exactly those (protocol 1.4(10)); the others are applied.
    pub(crate) fn voided_above(&mut self, base: u64) -> Vec<Pending> {
        let applied = self.take_applied(base);
        for lost in core::mem::take(&mut self.pending).into_iter().rev() {
            self.queue.push_front(lost.wish);
        }
        applied
    }

    /// What version `ver` of mine asks a receipt for.
    pub(crate) fn note_of(&self, ver: u64) -> Option<Note> {
        self.pending.iter().rev().find(|p| p.ver == ver)?.wish.note()
    }

    /// A payment with a reference is not with the payee yet: nothing follows it, so it is the last one.
    pub(crate) fn waits_for_payee(&self) -> bool {
        self.pending.last().is_some_and(|p| !p.wish.reference.is_empty())
    }
}
