//! What stands between a node and the chain: an endpoint that lags, lies or stops, and the driver that believes it as far as
//! docs/chain.md says.
//!
//! The driver never goes back to an older head, reads every object again within a bound, and takes the slots of the contract for
//! what they are; so the core may see old views, a part of the news late, disputes without the State behind them, nothing at all,
//! and answers about transactions that are late or wrong. A consistent lie is not defended against. Everything here heals within
//! the bound that the world's `m_safe` contains.

use super::{Happening, Tap, Ticket, World};
use crate::auditor::Work;
use crate::ground::Horizon;
use perunika_core::chain::{Call, ChainUpdate, RecordView, Seen, TxKey, TxOutcome};
use perunika_core::io::Input;

/// Faults of the endpoint of one node. Chances are per mille.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rpc {
    /// It does not answer.
    pub stopped: bool,
    /// Several backends of different heights: up to so many blocks more behind, differently at each look.
    pub jitter: u64,
    /// News of an object that are held back at a look.
    pub withhold: u64,
    /// Disputes that are shown without the event that tells the State.
    pub eventless: u64,
    /// Transactions that are refused although they would go.
    pub refuse: u64,
    /// Longest time for which a transaction is swallowed before the driver sends it again, ms.
    pub swallow_ms: u64,
    /// How late the end of a transaction is told at most, ms.
    pub tell_ms: u64,
}

impl World {
    /// What a node is told of the chain: the blocks, and of what it watches everything that has changed, unless the second value
    /// is false. `None`: nothing.
    fn look(&mut self, node: usize) -> Option<(ChainUpdate, bool)> {
        let rpc = self.nodes[node].rpc;
        if rpc.stopped {
            return None;
        }
        let jitter = if rpc.jitter == 0 { 0 } else { self.rng.below(rpc.jitter + 1) };
        let lag = self.believable(node, self.nodes[node].lag + jitter)?;
        let this = &mut self.nodes[node];
        let horizon: Option<Horizon> = Some(self.ground.horizon(lag));
        if this.seen.horizon == horizon {
            return Some((self.ground.observe_blocks(lag), true));
        }
        this.seen.horizon = horizon;
        let mut update = self.ground.observe(&this.watches, lag);
        let mut whole = true;
        if rpc.withhold > 0 || rpc.eventless > 0 {
            whole = self.distort(node, rpc, &mut update);
        }
        Some((self.nodes[node].seen.news(update), whole))
    }

    /// The driver does not go back to an older head of the same chain.
    fn believable(&mut self, node: usize, lag: u64) -> Option<u64> {
        let height = self.ground.chain.height();
        let reorgs = self.ground.reorgs();
        let this = &mut self.nodes[node];
        let oldest = if this.believed.0 == reorgs { this.believed.1 } else { 0 };
        let shown = height.saturating_sub(lag).max(oldest.min(height));
        this.believed = (reorgs, shown);
        Some(height - shown)
    }

    /// False if news are held back.
    fn distort(&mut self, node: usize, rpc: Rpc, update: &mut ChainUpdate) -> bool {
        let rng = &mut self.rng;
        let seen = &mut self.nodes[node].seen;
        let mut held = false;
        let mut hold = |known: bool| {
            let hides = known && rng.chance(rpc.withhold);
            held |= hides;
            !hides
        };
        update.ledgers.retain(|(slot, _)| hold(seen.knows_ledger(*slot)));
        update.records.retain(|(vc, _)| hold(seen.knows_record(*vc)));
        update.escrows.retain(|(id, _)| hold(seen.knows_escrow(*id)));
        let whole = !held;
        let mut hide = |state: &mut Option<_>| {
            let hides = state.is_some() && rng.chance(rpc.eventless);
            held |= hides;
            if hides {
                *state = None;
            }
        };
        for (_, Seen { head, settled }) in &mut update.ledgers {
            [head, settled].into_iter().filter_map(|view| view.dispute.as_mut()).for_each(|d| hide(&mut d.state));
        }
        for (_, Seen { head, settled }) in &mut update.records {
            for view in [head, settled] {
                if let RecordView::Disputed(dispute) = view {
                    hide(&mut dispute.state);
                }
            }
        }
        if held {
            // It is read again at the next look.
            seen.horizon = None;
        }
        whole
    }

    /// Shows a node the chain as it stands.
    pub(super) fn show_chain_to(&mut self, node: usize) {
        if self.nodes[node].participant.is_none() {
            return;
        }
        if let Some((update, whole)) = self.look(node) {
            let tap = whole.then_some(Tap::Shown { node, head: update.head.time, signed: 0 });
            self.input_noted(node, tap, Input::Chain(update));
        }
    }

    /// A wish for a transaction on its way through the endpoint.
    pub(super) fn wish(&mut self, node: usize, key: TxKey, call: Call, held_ms: u64) {
        let rpc = self.nodes[node].rpc;
        if rpc.refuse > 0 && self.rng.chance(rpc.refuse) {
            let outcome = TxOutcome::Failed { reason: "the endpoint does not take it".into() };
            return self.at(50, Happening::Told { node, key, outcome });
        }
        let swallowed = if rpc.swallow_ms == 0 { 0 } else { self.rng.below(rpc.swallow_ms) };
        let delay = self.nodes[node].chain_delay_ms + swallowed + held_ms;
        self.at(delay, Happening::Submit { node, key, call: Box::new(call) });
    }

    pub(super) fn submit(&mut self, node: usize, key: TxKey, call: &Call) {
        // Asked for twice, it is sent once while it waits.
        if self.tickets.values().any(|wish| (wish.node, wish.key) == (node, key)) {
            return;
        }
        let ticket = self.next_id;
        self.next_id += 1;
        let owner = self.nodes[node].owner;
        self.tap(Tap::Called { node, call: Box::new(call.clone()) });
        self.note(|w| format!("{} sends {}", w.nodes[node].name, call.name()));
        match self.ground.submit(owner, call, ticket) {
            Ok(()) => {
                let work = Work::of(call, &self.ground.domain);
                self.tickets.insert(ticket, Ticket { node, key, work });
            }
            Err(reason) => {
                self.note(|w| format!("{} cannot {}: {reason}", w.nodes[node].name, call.name()));
                self.tell(node, key, TxOutcome::Failed { reason });
            }
        }
    }

    /// What became of a transaction, sooner or later.
    pub(super) fn tell(&mut self, node: usize, key: TxKey, outcome: TxOutcome) {
        let slowest = self.nodes[node].rpc.tell_ms;
        if slowest == 0 {
            return self.input(node, Input::Transaction { key, outcome });
        }
        let delay = self.rng.below(slowest);
        self.at(delay, Happening::Told { node, key, outcome });
    }
}
