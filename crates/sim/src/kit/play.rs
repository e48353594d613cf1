//! How the opponent plays on the chain.

use super::table::{Table, seat};
use crate::adversary::Position;
use alloy_primitives::keccak256;
use perunika_core::chain::{Call, ForcedStep, NanoView};
use perunika_core::signed::Entry;

/// Claims of one transaction.
const BATCH: usize = 6;

impl Table<'_> {
    /// The next block is the first, or the last, in which a nanocontract can be registered.
    pub(super) fn is_time_to_register(&self, last_second: bool) -> bool {
        let Some(dispute) = self.world.dispute_at(&self.home) else { return false };
        let next = self.world.ground.time() + 1;
        if last_second { next == dispute.refute_end + self.window() } else { next == dispute.refute_end + 1 }
    }

    /// Puts the code on the chain, if it is not there yet.
    pub(super) fn deploy_code(&mut self, node: usize) {
        let code = self.subject.code.clone();
        self.world.call_as(node, &Call::Deploy { code }).expect("anybody may deploy");
        self.world.run_for(1_000);
    }

    /// The games in tree order: all were added, none was removed.
    fn entries(&self) -> Vec<Entry> {
        let mut entries: Vec<Entry> = self.games.iter().map(|game| game.entry).collect();
        entries.sort_by_key(|entry| (entry.born, entry.nid));
        entries
    }

    /// Registers the first version of each game's history, with the mover's step if that is the sender.
    pub(super) fn register_firsts(&mut self, node: usize) {
        let (entries, side) = (self.entries(), usize::from(self.ends[1] == node));
        let claims: Vec<(Position, Option<ForcedStep>)> = (0..self.games.len())
            .map(|game| {
                let first = self.games[game].history[0].clone();
                let step = self.forced_step(game, side, &first);
                (first, step)
            })
            .collect();
        for claims in claims.chunks(BATCH) {
            let call = self.world.register_nanos(&self.home, &entries, claims).expect("a dispute over these games");
            // In the last second the other party was there before, with something newer.
            let _ = self.world.call_as(node, &call);
        }
    }

    /// The step of a side from a position; `None` if it is not its turn, it does nothing or the rules do not take it.
    fn forced_step(&mut self, game: usize, side: usize, at: &Position) -> Option<ForcedStep> {
        if usize::from(at.nano.mover) != side || at.nano.steps_left == 0 {
            return None;
        }
        let (total, time) = (self.subject.terms.total, self.world.ground.time());
        let input = self.games[game].players[side].step(&seat(side, &at.nano, &at.storage, total, time, true))?;
        self.evaluate(game, at, &input)?;
        Some(self.world.forced_step(self.node(side), &self.home, at, &self.subject.code, input))
    }

    /// Forces every step that is the opponent's and that its strategy makes.
    pub(super) fn play_on(&mut self, side: usize) {
        let node = self.node(side);
        for game in 0..self.games.len() {
            let Some(view) = self.view(game) else { continue };
            let next = self.world.ground.time() + 1;
            if next <= view.n_ref || next > view.n_ref.max(view.last) + self.window() {
                continue;
            }
            let Some(at) = self.position_on_chain(game, &view) else { continue };
            let Some(step) = self.forced_step(game, side, &at) else { continue };
            let call = Call::Execute { home: self.home.clone(), entry: at.entry, step };
            let _ = self.world.call_as(node, &call);
        }
    }

    fn position_on_chain(&self, game: usize, view: &NanoView) -> Option<Position> {
        let known = self.games[game].history.iter().map(|position| &position.storage);
        let mut all = view.storage.iter().chain(known);
        let storage = all.find(|storage| keccak256(storage) == view.storage_hash)?.clone();
        Some(Position { storage, ..self.top(game).moved_to(view) })
    }
}
