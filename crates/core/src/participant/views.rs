//! Read-only views for people and programs.

use super::Participant;
use crate::chain::RecordView;
use crate::info::{LedgerInfo, LedgerStage, Overview, VirtualInfo};
use crate::ledger::{Ledger, Life};
use crate::sig::Signature;
use crate::signed::{Amount, State};
use crate::virtual_channel::Virtual;
use alloc::vec::Vec;
use alloy_primitives::B256;

/// What an end could show the chain for a virtual channel right now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Newest accepted State.
    pub state: State,
    /// Signatures that are there.
    pub sigs: [Option<Signature>; 2],
    /// The activation secrets, if complete.
    pub secrets: Option<Vec<B256>>,
}

impl Participant {
    /// All ledger channels.
    pub fn ledgers(&self) -> Vec<LedgerInfo> {
        self.ledgers.values().map(|l| self.ledger_info(l)).collect()
    }

    /// One ledger channel.
    pub fn ledger(&self, id: B256) -> Option<LedgerInfo> {
        self.ledgers.get(&id).map(|l| self.ledger_info(l))
    }

    /// All virtual channels.
    pub fn virtuals(&self) -> Vec<VirtualInfo> {
        self.virtuals.values().map(|v| self.virtual_info(v)).collect()
    }

    /// One virtual channel.
    pub fn virtual_channel(&self, id: B256) -> Option<VirtualInfo> {
        self.virtuals.get(&id).map(|v| self.virtual_info(v))
    }

    /// What this end could register for a virtual channel.
    pub fn evidence(&self, vc: B256) -> Option<Evidence> {
        let virt = self.virtuals.get(&vc)?;
        let cur = virt.book.as_ref()?.log.cur();
        Some(Evidence { state: cur.body.state(), sigs: cur.sigs, secrets: virt.all_secrets() })
    }

    /// Whether this participant holds all activation secrets of a virtual channel.
    pub fn is_activated(&self, vc: B256) -> bool {
        self.virtuals.get(&vc).is_some_and(Virtual::is_active)
    }

    /// About the participant itself.
    pub fn overview(&self) -> Overview {
        Overview {
            key: self.key(),
            owner: self.config.owner,
            connected: self.connected.iter().copied().collect(),
            chain_time: self.now(),
            head: self.chain.head.number,
        }
    }

    fn ledger_info(&self, ledger: &Ledger) -> LedgerInfo {
        let log = &ledger.book.log;
        let cur = &log.cur().body;
        let view = self.ledger_view(ledger).head;
        LedgerInfo {
            id: ledger.id,
            params: ledger.params,
            nonce: ledger.nonce,
            me: ledger.me,
            peer: ledger.peer(),
            stage: stage(ledger, &view),
            deposits: ledger.deposits,
            mine: cur.share(ledger.me),
            theirs: cur.share(ledger.me.other()),
            locked: cur.locks.iter().map(|l| l.left + l.right).sum::<Amount>(),
            locks: cur.locks.len(),
            version: log.top().body.ver,
            accepted: cur.ver,
            outstanding: log.own().len(),
            refute_end: view.dispute.map(|d| d.refute_end),
        }
    }

    fn virtual_info(&self, virt: &Virtual) -> VirtualInfo {
        let book = virt.book.as_ref();
        let newest = book.map(|b| b.log.newest());
        let share = |mine: bool| {
            let (log, newest) = (&book?.log, newest.as_ref()?);
            let share = newest.share(if mine { log.me } else { log.me.other() });
            let waiting: Amount = book?.queue.iter().map(|wish| wish.amount).sum();
            Some(if mine { share.saturating_sub(waiting) } else { share.saturating_add(waiting) })
        };
        let recorded = match self.record(virt.id).map(|r| r.head) {
            Some(RecordView::Concluded { out_a }) => Some(out_a),
            _ => None,
        };
        VirtualInfo {
            id: virt.id,
            params: virt.params.clone(),
            index: virt.index,
            stage: virt.stage(),
            mine: share(true),
            theirs: share(false),
            version: book.map(|b| b.log.top().body.ver).unwrap_or_default(),
            accepted: book.map(|b| b.log.cur().body.ver).unwrap_or_default(),
            payments: book.map(|b| b.payments).unwrap_or_default(),
            out_a: recorded.or_else(|| virt.certificate().map(|(out_a, _)| out_a)),
        }
    }
}

fn stage(ledger: &Ledger, view: &crate::chain::LedgerView) -> LedgerStage {
    match ledger.life {
        Life::Closed => LedgerStage::Closed,
        Life::Agreed if view.phase == crate::chain::Phase::Funding => LedgerStage::Funding,
        Life::Agreed => LedgerStage::Agreed,
        Life::Ended { .. } => LedgerStage::Disputed,
        Life::Open if view.dispute.is_some() => LedgerStage::Disputed,
        Life::Open if ledger.draining || ledger.closing.is_some() || ledger.force => LedgerStage::Closing,
        Life::Open => LedgerStage::Open,
    }
}
