//! What a node was last told of each object on the chain: like the real driver, the simulated one tells only what has changed.

use crate::ground::Horizon;
use alloy_primitives::B256;
use perunika_core::chain::{ChainUpdate, EscrowView, LedgerView, NanoView, RecordView, Seen, Watch};
use std::collections::BTreeMap;

/// By slot key, id of a life, id of a virtual channel, channel and Entry, hash of a secret.
#[derive(Clone, Debug, Default)]
pub(crate) struct Views {
    /// What the chain looked like when all of it was told.
    pub(crate) horizon: Option<Horizon>,
    ledgers: BTreeMap<B256, Seen<LedgerView>>,
    escrows: BTreeMap<B256, Seen<EscrowView>>,
    records: BTreeMap<B256, Seen<RecordView>>,
    nanos: BTreeMap<(B256, B256), Seen<Option<NanoView>>>,
    revealed: BTreeMap<B256, Seen<u64>>,
}

impl Views {
    /// The update without what was told before.
    pub(crate) fn news(&mut self, mut update: ChainUpdate) -> ChainUpdate {
        update.ledgers.retain(|(key, view)| self.ledgers.insert(*key, *view) != Some(*view));
        update.escrows.retain(|(id, view)| self.escrows.insert(*id, *view) != Some(*view));
        update.records.retain(|(vc, view)| self.records.insert(*vc, *view) != Some(*view));
        update.nanos.retain(|(at, view)| self.nanos.insert(*at, view.clone()).as_ref() != Some(view));
        update.revealed.retain(|(hash, time)| self.revealed.insert(*hash, *time) != Some(*time));
        update
    }

    pub(crate) fn knows_ledger(&self, slot: B256) -> bool {
        self.ledgers.contains_key(&slot)
    }

    pub(crate) fn knows_record(&self, vc: B256) -> bool {
        self.records.contains_key(&vc)
    }

    pub(crate) fn knows_escrow(&self, id: B256) -> bool {
        self.escrows.contains_key(&id)
    }

    /// Nobody watches it any more.
    pub(crate) fn forget(&mut self, watch: &Watch) {
        match watch {
            Watch::Ledger(params) => drop(self.ledgers.remove(&params.slot_key())),
            Watch::Escrow(id) => drop(self.escrows.remove(id)),
            Watch::Record(vc) => drop(self.records.remove(vc)),
            Watch::Nano { ch, entry } => drop(self.nanos.remove(&(*ch, *entry))),
            Watch::Revealed(hash) => drop(self.revealed.remove(hash)),
        }
    }
}
