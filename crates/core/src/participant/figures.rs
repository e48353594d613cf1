//! What is going on, in numbers: for monitoring.

use super::Participant;
use super::views::stage;
use crate::chain::{DisputeView, RecordView};
use crate::info::{LedgerStage, VirtualStage};
use crate::ledger::Life;
use alloc::collections::{BTreeMap, BTreeSet};
use alloy_primitives::{Address, B256};

/// Numbers about all channels of a participant. Times are seconds of the chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// The chain's time now.
    pub chain_time: u64,
    /// Ledger channels by stage.
    pub ledgers: BTreeMap<LedgerStage, usize>,
    /// Virtual channels by stage.
    pub virtuals: BTreeMap<VirtualStage, usize>,
    /// Signatures of this participant that the peer has not answered.
    pub unanswered: usize,
    /// Payments that wait until they may be signed.
    pub queued: usize,
    /// Transactions that were asked for and are not final.
    pub in_flight: usize,
    /// Whether the head of the chain is young enough to sign by (protocol 1.4(7)).
    pub sees_chain: bool,
    /// Nearest end of a refutation period on chain, of a ledger or a virtual channel.
    pub refutation: Option<u64>,
    /// Nearest end of term of a virtual channel that is not over.
    pub expiry: Option<u64>,
}

impl Participant {
    /// Counts.
    pub fn figures(&self) -> Figures {
        let mut figures = Figures {
            chain_time: self.now(),
            in_flight: self.in_flight.len(),
            sees_chain: self.sees_the_chain(),
            ..Figures::default()
        };
        for ledger in self.ledgers.values() {
            let view = self.ledger_view(ledger).head;
            *figures.ledgers.entry(stage(ledger, &view)).or_default() += 1;
            figures.count_book(&ledger.book);
            if ledger.life != Life::Closed {
                figures.count_dispute(view.dispute.as_ref());
            }
        }
        for virt in self.virtuals.values() {
            *figures.virtuals.entry(virt.stage()).or_default() += 1;
            if virt.done {
                continue;
            }
            if let Some(book) = &virt.book {
                figures.count_book(book);
            }
            figures.expiry = nearer(figures.expiry, virt.params.t_exp);
            figures.count_dispute(self.disputed(virt.id).as_ref());
        }
        figures
    }

    /// Whether there is a ledger channel with this peer that is not over.
    pub fn has_channel_with(&self, peer: Address) -> bool {
        self.ledgers.values().any(|ledger| ledger.peer() == peer && ledger.life != Life::Closed)
    }

    /// Everybody in the path of a virtual channel that is not over, this participant included.
    pub fn companions(&self) -> BTreeSet<Address> {
        let live = self.virtuals.values().filter(|virt| !virt.done);
        live.flat_map(|virt| virt.params.path.iter().copied()).collect()
    }

    fn disputed(&self, vc: B256) -> Option<DisputeView> {
        match self.record(vc)?.head {
            RecordView::Disputed(dispute) => Some(dispute),
            _ => None,
        }
    }
}

impl Figures {
    fn count_book(&mut self, book: &crate::book::Book) {
        self.unanswered += book.log.own().len();
        self.queued += book.queue.len();
    }

    fn count_dispute(&mut self, dispute: Option<&DisputeView>) {
        if let Some(dispute) = dispute {
            self.refutation = nearer(self.refutation, dispute.refute_end);
        }
    }
}

fn nearer(known: Option<u64>, other: u64) -> Option<u64> {
    Some(known.map_or(other, |known| known.min(other)))
}
