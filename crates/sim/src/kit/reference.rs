//! What the rules give from a position, computed without participants and without the chain.

use super::table::{Table, seat};
use crate::adversary::Position;
use alloy_primitives::keccak256;
use perunika_core::nano::{Context, Evaluator, Outcome, Run};
use perunika_core::signed::{Amount, Eip712, Entry, Nano};

/// What a side gets of a nanocontract.
pub(super) fn part(entry: &Entry, da: Amount, side: usize) -> Amount {
    if side == 0 { da } else { entry.total - da }
}

impl Table<'_> {
    /// A step from a position, as the evaluator has it at this moment.
    pub(super) fn evaluate(&self, game: usize, from: &Position, input: &[u8]) -> Option<Position> {
        let entry = &self.games[game].entry;
        let time = self.world.ground.time();
        let nano = from.nano;
        let context = Context {
            ch: self.ch,
            entry: entry.struct_hash(),
            total: entry.total,
            da: nano.da,
            steps_left: nano.steps_left,
            time,
            absolute: time,
            registry: self.world.ground.domain.adjudicator,
        };
        let (code, gas, storage, caller) = (&self.subject.code, entry.gas, &from.storage, nano.mover);
        let outcome =
            self.world.machine.step(&Run { code, gas, context, storage, caller, input, revealed: &[] }).ok()?;
        let Outcome { da, mover, steps_left, ref storage, .. } = outcome;
        let storage_hash = keccak256(storage);
        let nano = Nano { da, mover, steps_left, storage_hash, ..nano };
        Some(Position { entry: *entry, nano, sigs: [None, None], storage: outcome.storage })
    }

    /// Where it ends if these sides play on by force from a position and the others stall. Nobody makes a step that is worse
    /// for it than stalling.
    pub(super) fn reference(&mut self, game: usize, from: &Position, plays: [bool; 2]) -> Nano {
        let (time, total) = (self.world.ground.time(), self.subject.terms.total);
        let mut at = from.clone();
        while at.nano.steps_left > 0 {
            let mover = usize::from(at.nano.mover);
            if !plays[mover] {
                break;
            }
            let seat = seat(mover, &at.nano, &at.storage, total, time, true);
            let Some(input) = self.games[game].players[mover].step(&seat) else { break };
            let Some(next) = self.evaluate(game, &at, &input) else { break };
            let entry = &self.games[game].entry;
            let (stalling, stepping) = (part(entry, at.nano.da, mover), part(entry, next.nano.da, mover));
            if stepping < stalling || (stepping == stalling && next.nano.steps_left == 0) {
                break;
            }
            at = next;
        }
        at.nano
    }
}
