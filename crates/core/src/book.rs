//! Payments of one object: the update log, and which payments of mine are in which version.

use crate::body::Body;
use crate::log::UpdateLog;
use crate::params::Side;
use crate::signed::Amount;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// A payment of mine that is signed but not known to be durable at the payee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pending {
    pub(crate) tag: u64,
    pub(crate) ver: u64,
    pub(crate) amount: Amount,
    pub(crate) cosign: bool,
}

/// A payment that waits until it may be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Wish {
    pub(crate) tag: u64,
    pub(crate) amount: Amount,
    pub(crate) cosign: bool,
}

/// Update log and payments of a ledger channel, or of a virtual channel at one of its ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Book {
    pub(crate) log: UpdateLog,
    pub(crate) pending: Vec<Pending>,
    /// Payments that were voided by a crossing proposal wait here too, so it is durable.
    pub(crate) queue: VecDeque<Wish>,
    pub(crate) payments: u64,
}

impl Book {
    pub(crate) fn new(me: Side, genesis: Body) -> Self {
        Self { log: UpdateLog::new(me, genesis), pending: Vec::new(), queue: VecDeque::new(), payments: 0 }
    }

    /// Takes the payments that version `ver` (mine) holds: they are applied.
    pub(crate) fn take_applied(&mut self, ver: u64) -> Vec<Pending> {
        let (held, open) = self.pending.iter().copied().partition(|p| p.ver <= ver);
        self.pending = open;
        held
    }

    /// Takes the stream payments up to `ver` that wait for nothing but the payee's durable acknowledgement.
    pub(crate) fn take_delivered(&mut self, ver: u64) -> Vec<Pending> {
        let (held, open) = self.pending.iter().copied().partition(|p| p.ver <= ver && !p.cosign);
        self.pending = open;
        held
    }

    /// A version of the peer became `cur`; it was built on my version `base`. Payments above it are void and queue again,
    /// exactly those (protocol 1.4(10)); the others are applied.
    pub(crate) fn voided_above(&mut self, base: u64) -> Vec<Pending> {
        let applied = self.take_applied(base);
        for lost in core::mem::take(&mut self.pending).into_iter().rev() {
            self.queue.push_front(Wish { tag: lost.tag, amount: lost.amount, cosign: lost.cosign });
        }
        applied
    }
}
