//! Objects that the driver follows, and what it saw of them.

use crate::preimages::Preimages;
use alloy::primitives::Bytes;
use perunika_contracts::view::{self, Disputed, Malformed, Slots};
use perunika_contracts::{Preimage, Stored};
use perunika_core::chain::{ChainUpdate, EscrowView, LedgerView, RecordView, Seen, Watch};
use perunika_core::params::ChannelParams;
use perunika_core::{B256, Domain};
use tokio::time::Instant;

/// Name of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Object {
    /// By slot key.
    Ledger(B256),
    /// By the id of a life.
    Escrow(B256),
    /// By the id of a virtual channel.
    Record(B256),
}

impl Object {
    pub(crate) fn of(watch: &Watch) -> Self {
        match watch {
            Watch::Ledger(params) => Self::Ledger(params.slot_key()),
            Watch::Escrow(id) | Watch::Nano { entry: id, .. } | Watch::Revealed(id) => Self::Escrow(*id),
            Watch::Record(vc) => Self::Record(*vc),
        }
    }
}

/// Slots of an object at one block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum View {
    Ledger(Slots<LedgerView>),
    Escrow(EscrowView),
    Record(Slots<RecordView>),
}

impl View {
    /// The stored hash whose State is still to be found.
    pub(crate) fn unresolved(&mut self) -> Option<Stored> {
        fn missing<T: Disputed>(slots: &mut Slots<T>) -> Option<Stored> {
            let stored = slots.stored;
            slots.view.dispute_mut().filter(|dispute| dispute.state.is_none()).and(stored)
        }
        match self {
            Self::Ledger(slots) => missing(slots),
            Self::Escrow(_) => None,
            Self::Record(slots) => missing(slots),
        }
    }

    pub(crate) fn fill(&mut self, preimage: &Preimage) -> bool {
        match self {
            Self::Ledger(slots) => slots.fill(preimage),
            Self::Escrow(_) => false,
            Self::Record(slots) => slots.fill(preimage),
        }
    }

    fn is_disputed(&self) -> bool {
        match self {
            Self::Ledger(slots) => slots.stored.is_some(),
            Self::Escrow(_) => false,
            Self::Record(slots) => slots.stored.is_some(),
        }
    }
}

/// An object at the head and at the newest final block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) head: View,
    pub(crate) settled: View,
}

impl Pair {
    pub(crate) fn is_disputed(&self) -> bool {
        self.head.is_disputed() || self.settled.is_disputed()
    }

    pub(crate) fn is_unresolved(&mut self) -> bool {
        self.head.unresolved().is_some() || self.settled.unresolved().is_some()
    }

    /// Adds itself to the list of its kind.
    pub(crate) fn report(&self, object: Object, update: &mut ChainUpdate) {
        match (object, &self.head, &self.settled) {
            (Object::Ledger(key), View::Ledger(head), View::Ledger(settled)) => {
                update.ledgers.push((key, Seen { head: head.view, settled: settled.view }));
            }
            (Object::Escrow(id), View::Escrow(head), View::Escrow(settled)) => {
                update.escrows.push((id, Seen { head: *head, settled: *settled }));
            }
            (Object::Record(vc), View::Record(head), View::Record(settled)) => {
                update.records.push((vc, Seen { head: head.view, settled: settled.view }));
            }
            _ => tracing::error!(?object, "a view of another kind"),
        }
    }
}

/// Where the search for a State continues.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Search {
    /// Highest block that was not searched yet; none: the head.
    pub(crate) below: Option<u64>,
    /// Not before.
    pub(crate) retry_at: Option<Instant>,
}

/// An object that is followed.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) watch: Watch,
    /// To be read in any case.
    pub(crate) stale: bool,
    /// Block of the last event about it, or of the last reading without knowledge of events.
    pub(crate) touched: u64,
    /// As last reported.
    pub(crate) seen: Option<Pair>,
    /// What the node answered at the head then.
    pub(crate) answer: Bytes,
    /// Under which events about it stand: a life, or itself.
    pub(crate) id: B256,
    pub(crate) preimages: Preimages,
    pub(crate) search: Search,
    pub(crate) unresolved: bool,
}

impl Watched {
    pub(crate) fn new(watch: Watch, domain: &Domain) -> Self {
        let id = match &watch {
            Watch::Ledger(params) => life_zero(params, domain),
            Watch::Escrow(id) | Watch::Record(id) | Watch::Nano { entry: id, .. } | Watch::Revealed(id) => *id,
        };
        Self {
            watch,
            answer: Bytes::new(),
            id,
            stale: true,
            touched: 0,
            seen: None,
            preimages: Preimages::default(),
            search: Search::default(),
            unresolved: false,
        }
    }

    /// Calldata of the view.
    pub(crate) fn call(&self) -> Bytes {
        match &self.watch {
            Watch::Ledger(params) => view::ledger_call(params),
            Watch::Escrow(id) | Watch::Nano { entry: id, .. } | Watch::Revealed(id) => view::escrow_call(*id),
            Watch::Record(vc) => view::record_call(*vc),
        }
    }

    /// Reads an answer of a block before the contract, where nothing was, or of a later one.
    pub(crate) fn read_early(&self, answer: &[u8]) -> Result<View, Malformed> {
        match &self.watch {
            _ if !answer.is_empty() => self.read(answer),
            Watch::Ledger(_) => Ok(View::Ledger(Slots::default())),
            Watch::Escrow(_) | Watch::Nano { .. } | Watch::Revealed(_) => Ok(View::Escrow(EscrowView::default())),
            Watch::Record(_) => Ok(View::Record(Slots::default())),
        }
    }

    /// Reads an answer.
    pub(crate) fn read(&self, answer: &[u8]) -> Result<View, Malformed> {
        Ok(match &self.watch {
            Watch::Ledger(_) => View::Ledger(view::ledger(answer)?),
            Watch::Escrow(_) | Watch::Nano { .. } | Watch::Revealed(_) => View::Escrow(view::escrow(answer)?),
            Watch::Record(_) => View::Record(view::record(answer)?),
        })
    }

    /// The id under which events about the slots in this view stand.
    pub(crate) fn id_of(&self, view: &View, domain: &Domain) -> B256 {
        match (&self.watch, view) {
            (Watch::Ledger(params), View::Ledger(slots)) => params.id(domain, slots.view.nonce),
            (Watch::Ledger(params), _) => life_zero(params, domain),
            (Watch::Escrow(id) | Watch::Record(id) | Watch::Nano { entry: id, .. } | Watch::Revealed(id), _) => *id,
        }
    }

    pub(crate) fn may_search(&self, now: Instant) -> bool {
        self.search.retry_at.is_none_or(|at| now >= at)
    }
}

fn life_zero(params: &ChannelParams, domain: &Domain) -> B256 {
    params.id(domain, 0)
}
