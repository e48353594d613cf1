//! Objects that the driver follows, and what it saw of them.

use crate::preimages::Preimages;
use crate::steps::Steps;
use alloy::primitives::Bytes;
use perunika_contracts::view::{self, Disputed, Malformed, NanoSlots, Slots};
use perunika_contracts::{Event, Preimage, Stored, dispute_topics, step_topics};
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
    /// By the id of its channel and the struct hash of its Entry.
    Nano(B256, B256),
    /// By the hash of a secret.
    Revealed(B256),
}

impl Object {
    pub(crate) fn of(watch: &Watch) -> Self {
        match watch {
            Watch::Ledger(params) => Self::Ledger(params.slot_key()),
            Watch::Escrow(id) => Self::Escrow(*id),
            Watch::Record(vc) => Self::Record(*vc),
            Watch::Nano { ch, entry } => Self::Nano(*ch, *entry),
            Watch::Revealed(hash) => Self::Revealed(*hash),
        }
    }
}

/// Slots of an object at one block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum View {
    Ledger(Slots<LedgerView>),
    Escrow(EscrowView),
    Record(Slots<RecordView>),
    Nano(NanoSlots),
    Revealed(u64),
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
            Self::Escrow(_) | Self::Nano(_) | Self::Revealed(_) => None,
            Self::Record(slots) => missing(slots),
        }
    }

    /// Whether something is still to be found in events.
    pub(crate) fn is_unresolved(&mut self) -> bool {
        match self {
            Self::Nano(slots) => slots.lacks_storage(),
            _ => self.unresolved().is_some(),
        }
    }

    pub(crate) fn fill(&mut self, preimage: &Preimage) -> bool {
        match self {
            Self::Ledger(slots) => slots.fill(preimage),
            Self::Escrow(_) | Self::Nano(_) | Self::Revealed(_) => false,
            Self::Record(slots) => slots.fill(preimage),
        }
    }

    fn is_disputed(&self) -> bool {
        match self {
            Self::Ledger(slots) => slots.stored.is_some(),
            Self::Escrow(_) | Self::Revealed(_) => false,
            Self::Record(slots) => slots.stored.is_some(),
            Self::Nano(slots) => slots.view.is_some(),
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
        self.head.is_unresolved() || self.settled.is_unresolved()
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
            (Object::Nano(ch, entry), View::Nano(head), View::Nano(settled)) => {
                let seen = Seen { head: head.view.clone(), settled: settled.view.clone() };
                update.nanos.push(((ch, entry), seen));
            }
            (Object::Revealed(hash), View::Revealed(head), View::Revealed(settled)) => {
                update.revealed.push((hash, Seen { head: *head, settled: *settled }));
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
    /// Under which events about it stand: a life, the channel of a nanocontract, or itself.
    pub(crate) id: B256,
    preimages: Preimages,
    steps: Steps,
    pub(crate) search: Search,
    pub(crate) unresolved: bool,
}

impl Watched {
    pub(crate) fn new(watch: Watch, domain: &Domain) -> Self {
        let id = match &watch {
            Watch::Ledger(params) => life_zero(params, domain),
            Watch::Escrow(id) | Watch::Record(id) | Watch::Nano { ch: id, .. } | Watch::Revealed(id) => *id,
        };
        Self {
            watch,
            answer: Bytes::new(),
            id,
            stale: true,
            touched: 0,
            seen: None,
            preimages: Preimages::default(),
            steps: Steps::default(),
            search: Search::default(),
            unresolved: false,
        }
    }

    /// Calldata of the view.
    pub(crate) fn call(&self) -> Bytes {
        match &self.watch {
            Watch::Ledger(params) => view::ledger_call(params),
            Watch::Escrow(id) => view::escrow_call(*id),
            Watch::Record(vc) => view::record_call(*vc),
            Watch::Nano { ch, entry } => view::nano_call(*ch, *entry),
            Watch::Revealed(hash) => view::revealed_call(*hash),
        }
    }

    /// Reads an answer of a block before the contract, where nothing was, or of a later one.
    pub(crate) fn read_early(&self, answer: &[u8]) -> Result<View, Malformed> {
        match &self.watch {
            _ if !answer.is_empty() => self.read(answer),
            Watch::Ledger(_) => Ok(View::Ledger(Slots::default())),
            Watch::Escrow(_) => Ok(View::Escrow(EscrowView::default())),
            Watch::Record(_) => Ok(View::Record(Slots::default())),
            Watch::Nano { .. } => Ok(View::Nano(NanoSlots::default())),
            Watch::Revealed(_) => Ok(View::Revealed(0)),
        }
    }

    /// Reads an answer.
    pub(crate) fn read(&self, answer: &[u8]) -> Result<View, Malformed> {
        Ok(match &self.watch {
            Watch::Ledger(_) => View::Ledger(view::ledger(answer)?),
            Watch::Escrow(_) => View::Escrow(view::escrow(answer)?),
            Watch::Record(_) => View::Record(view::record(answer)?),
            Watch::Nano { .. } => View::Nano(view::nano(answer)?),
            Watch::Revealed(_) => View::Revealed(view::revealed(answer)?),
        })
    }

    /// The id under which events about the slots in this view stand.
    pub(crate) fn id_of(&self, view: &View, domain: &Domain) -> B256 {
        match (&self.watch, view) {
            (Watch::Ledger(params), View::Ledger(slots)) => params.id(domain, slots.view.nonce),
            (Watch::Ledger(params), _) => life_zero(params, domain),
            (Watch::Escrow(id) | Watch::Record(id) | Watch::Nano { ch: id, .. } | Watch::Revealed(id), _) => *id,
        }
    }

    /// Topics of the events that have what the view lacks.
    pub(crate) fn topics(&self) -> Vec<B256> {
        match self.watch {
            Watch::Nano { .. } => step_topics().to_vec(),
            _ => dispute_topics().to_vec(),
        }
    }

    /// Takes note of an event under its id.
    pub(crate) fn learn(&mut self, event: Event) {
        match (&self.watch, &event) {
            (Watch::Nano { entry, .. }, Event::NanoStepped { entry: of, .. }) if entry == of => self.steps.learn(event),
            (Watch::Nano { .. }, _) => {}
            _ => self.preimages.learn(&event),
        }
    }

    /// Puts what is known from events into a view. Says whether it lacks nothing then.
    pub(crate) fn complete(&self, view: &mut View) -> bool {
        if let Some(preimage) = view.unresolved().and_then(|stored| self.preimages.find(stored)) {
            view.fill(preimage);
        }
        if let View::Nano(slots) = view {
            self.steps.fill(slots);
        }
        !view.is_unresolved()
    }

    /// Once no dispute is in sight.
    pub(crate) fn forget(&mut self) {
        self.preimages.forget();
        self.steps.forget();
        self.search = Search::default();
    }

    pub(crate) fn may_search(&self, now: Instant) -> bool {
        self.search.retry_at.is_none_or(|at| now >= at)
    }
}

fn life_zero(params: &ChannelParams, domain: &Domain) -> B256 {
    params.id(domain, 0)
}
