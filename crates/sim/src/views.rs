//! What a node was last told of each object on the chain: like the real driver, the simulated one tells only what has changed.

use alloy_primitives::B256;
use perunika_core::chain::{ChainUpdate, EscrowView, LedgerView, RecordView, Seen, Watch};
use std::collections::BTreeMap;

/// By slot key, id of a life and id of a virtual channel.
#[derive(Debug, Default)]
pub(crate) struct Views {
    ledgers: BTreeMap<B256, Seen<LedgerView>>,
    escrows: BTreeMap<B256, Seen<EscrowView>>,
    records: BTreeMap<B256, Seen<RecordView>>,
}

impl Views {
    /// The update without what was told before.
    pub(crate) fn news(&mut self, mut update: ChainUpdate) -> ChainUpdate {
        update.ledgers.retain(|(key, view)| self.ledgers.insert(*key, *view) != Some(*view));
        update.escrows.retain(|(id, view)| self.escrows.insert(*id, *view) != Some(*view));
        update.records.retain(|(vc, view)| self.records.insert(*vc, *view) != Some(*view));
        update
    }

    /// Nobody watches it any more.
    pub(crate) fn forget(&mut self, watch: &Watch) {
        match watch {
            Watch::Ledger(params) => drop(self.ledgers.remove(&params.slot_key())),
            Watch::Escrow(id) => drop(self.escrows.remove(id)),
            Watch::Record(vc) => drop(self.records.remove(vc)),
            Watch::Nano { .. } | Watch::Revealed(_) => {}
        }
    }
}
