//! The end of every test: heal the network, let everybody get out, audit.

use super::Audit;
use crate::world::{Network, World};
use alloy_primitives::B256;
use perunika_core::info::{LedgerStage, VirtualStage};
use perunika_core::io::Command;

/// How long cooperation is given before the chain is used, ms.
const COOPERATION_MS: u64 = 20_000;

impl World {
    /// Heals the network, ends everything, and audits the whole story. Panics with the seed if a promise is broken.
    pub fn finish(&mut self) -> Audit {
        self.drain();
        let audit = self.last_audit();
        if !audit.faults.is_empty() {
            self.show_trace();
        }
        assert!(audit.faults.is_empty(), "seed {}:\n{}", self.seed(), audit.faults.join("\n"));
        audit
    }

    /// Prints the story, if `PERUNIKA_TRACE` asks for it.
    fn show_trace(&self) {
        if std::env::var_os("PERUNIKA_TRACE").is_some() {
            self.trace.iter().for_each(|line| println!("{line}"));
        }
    }

    /// Heals the network and ends everything, with the peer's help where it lives and through the chain elsewhere.
    pub fn drain(&mut self) {
        self.network = Network::steady(10);
        self.filter = None;
        self.run_until(COOPERATION_MS, |w| w.nodes.iter().all(|n| n.participant.is_some() || n.down_ms == u64::MAX));
        self.close_virtuals();
        self.run_until(COOPERATION_MS, Self::no_virtual_is_open);
        if !self.no_virtual_is_open() {
            let last = self.last_expiry_ms();
            let bound = last.saturating_sub(self.now_ms) + self.settlement_ms();
            self.run_until(bound, Self::no_virtual_is_open);
        }
        self.close_ledgers(false);
        self.run_until(COOPERATION_MS * 3, Self::no_ledger_is_open);
        self.close_ledgers(true);
        self.run_until(2 * self.settlement_ms(), Self::no_ledger_is_open);
        self.run_for(5_000);
    }

    fn live(&self) -> impl Iterator<Item = (usize, &perunika_core::Participant)> {
        self.nodes.iter().enumerate().filter_map(|(i, n)| Some((i, n.participant.as_ref()?)))
    }

    /// No running participant has a lock left.
    pub fn no_virtual_is_open(&self) -> bool {
        self.live().all(|(_, p)| p.virtuals().iter().all(|v| v.stage == VirtualStage::Done))
    }

    /// No money of a running participant is in the lock of an open ledger channel.
    pub fn no_lock_is_left(&self) -> bool {
        self.live().all(|(_, p)| p.ledgers().iter().all(|l| l.stage == LedgerStage::Closed || l.locked == 0))
    }

    /// No running participant has money in a channel.
    pub fn no_ledger_is_open(&self) -> bool {
        self.live().all(|(_, p)| p.ledgers().iter().all(|l| l.stage == LedgerStage::Closed))
    }

    fn close_virtuals(&mut self) {
        let all: Vec<(usize, B256)> = self
            .live()
            .flat_map(|(n, p)| p.virtuals().into_iter().map(move |v| (n, v)))
            .filter(|(_, v)| v.stage == VirtualStage::Active && v.mine.is_some())
            .map(|(n, v)| (n, v.id))
            .collect();
        for (node, vc) in all {
            self.command(node, Command::CloseVirtual { vc });
        }
    }

    fn close_ledgers(&mut self, force: bool) {
        let all: Vec<(usize, B256)> = self
            .live()
            .flat_map(|(n, p)| p.ledgers().into_iter().map(move |l| (n, l)))
            .filter(|(_, l)| l.stage != LedgerStage::Closed)
            .map(|(n, l)| (n, l.id))
            .collect();
        for (node, ch) in all {
            self.command(node, Command::CloseChannel { ch, force });
        }
    }

    fn last_expiry_ms(&self) -> u64 {
        let all = self.live().flat_map(|(_, p)| p.virtuals()).map(|v| v.params.t_exp).max().unwrap_or_default();
        all.saturating_sub(crate::ground::START + 2) * 1_000
    }

    /// C + (2 + …)·w of the slowest object and the nodes' patience (I9), ms.
    fn settlement_ms(&self) -> u64 {
        let ledgers = self.live().flat_map(|(_, p)| p.ledgers()).map(|l| l.params.challenge);
        let virtuals = self.live().flat_map(|(_, p)| p.virtuals()).map(|v| v.params.challenge);
        let slowest = ledgers.chain(virtuals).max().unwrap_or_default();
        u64::from(slowest) * 2_000 + 120_000
    }
}
