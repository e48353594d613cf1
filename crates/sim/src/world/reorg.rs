//! Reorganisations, and what becomes of the transactions in the blocks that they drop.

use super::{Tap, World};
use crate::ground::Queued;

/// What becomes of the transactions of dropped blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// As if they had never been sent.
    Lost,
    /// They wait for the next block, in their order.
    Back,
    /// They wait for the next block, in another order.
    Shuffled,
    /// Some are lost, the others come back after up to so many seconds.
    Some {
        /// Longest wait, seconds.
        late_s: u64,
    },
}

impl World {
    /// Drops the last `depth` blocks with their transactions, and shows everybody what is left.
    pub fn reorg(&mut self, depth: u64) {
        self.reorg_with(depth, Fate::Lost);
    }

    /// The same; the transactions meet a fate.
    pub fn reorg_with(&mut self, depth: u64, fate: Fate) {
        let calls = self.ground.reorg(depth);
        self.tally.reorgs += 1;
        self.tally.reorged_blocks += depth;
        let height = self.ground.chain.height();
        self.tap(Tap::Reorg { height });
        self.tapped = self.tapped.min(self.ground.events.len());
        self.give_back(calls, fate);
        self.show_chain();
    }

    fn give_back(&mut self, mut calls: Vec<Queued>, fate: Fate) {
        match fate {
            Fate::Lost => calls.clear(),
            Fate::Back => {}
            Fate::Shuffled => {
                for last in (1..calls.len()).rev() {
                    calls.swap(last, self.rng.below(last as u64 + 1) as usize);
                }
            }
            Fate::Some { late_s } => {
                calls.retain(|_| self.rng.chance(600));
                let time = self.ground.time();
                calls.iter_mut().for_each(|call| call.hold_until = time + self.rng.below(late_s + 1));
            }
        }
        // The driver watches them again, under the wishes that they were sent for.
        for call in &calls {
            if let Some(wish) = self.spent.remove(&call.ticket) {
                self.tickets.insert(call.ticket, wish);
            }
        }
        calls.append(&mut self.ground.queue);
        self.ground.queue = calls;
    }
}
