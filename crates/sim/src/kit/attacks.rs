//! Messages that look like a step and are none.

use super::table::Table;
use crate::adversary::Position;
use crate::rng::Rng;
use perunika_core::log::MAX_JUMP;
use perunika_core::message::Message;
use perunika_core::params::Side;
use perunika_core::sig::RawKey;
use perunika_core::signed::{Eip712, Nano};

/// Ahead of everybody's clock by more than is borne, seconds.
const FUTURE_S: u64 = 60;

impl Table<'_> {
    /// Everything wrong that `side` can send at this position, given the input that would be right.
    pub(super) fn wrong_steps(&mut self, game: usize, side: usize, input: &[u8], rng: &mut Rng) -> Vec<Message> {
        let top = self.top(game).clone();
        let mut messages = self.garbled(game, &top, side, input, rng);
        // What follows is wrong only by one thing, so that there must be a right one.
        if usize::from(top.nano.mover) != side {
            return messages;
        }
        let Some(next) = self.evaluate(game, &top, input) else { return messages };
        let ver = side_version(side, top.nano.ver);
        let right = Nano { ver, ..next.nano };
        let now = self.world.ground.time();
        let total = self.subject.terms.total;
        let richer = if side == 0 { total } else { 0 };
        let wrong: Vec<(Nano, u64, u64, &str, bool)> = vec![
            (Nano { da: richer, ..right }, ver, now, "a larger share", right.da != richer),
            (Nano { mover: 1 - right.mover, ..right }, ver, now, "another mover", true),
            (Nano { steps_left: right.steps_left + 1, ..right }, ver, now, "a step more", true),
            (
                Nano { storage_hash: top.nano.storage_hash, ..right },
                ver,
                now,
                "no change",
                right.storage_hash != top.nano.storage_hash,
            ),
            (Nano { ver: ver + 1, ..right }, ver + 1, now, "the parity of the other", true),
            (Nano { ver: ver + MAX_JUMP, ..right }, ver + MAX_JUMP, now, "a version far away", true),
            (Nano { ver: top.nano.ver, ..right }, top.nano.ver, now, "the version once more", top.nano.ver > 0),
            (right, ver, now + FUTURE_S, "the future", true),
        ];
        let applies = wrong.into_iter().filter(|(.., applies)| *applies);
        let made = applies.map(|(nano, ver, time, ..)| self.signed_step(game, side, &nano, ver, input, time));
        messages.extend(made);
        messages
    }

    /// Another signature, and other inputs with the right result's signature.
    fn garbled(&mut self, game: usize, top: &Position, side: usize, input: &[u8], rng: &mut Rng) -> Vec<Message> {
        let (now, ver) = (self.world.ground.time(), side_version(side, top.nano.ver));
        let mut flipped = input.to_vec();
        if !flipped.is_empty() {
            let index = rng.below(flipped.len() as u64) as usize;
            flipped[index] ^= 1 << rng.below(8);
        }
        let longer = [input, &[0]].concat();
        let inputs = [input.to_vec(), flipped, Vec::new(), longer];
        // Signed is the position itself: no input gives it.
        inputs.iter().map(|input| self.signed_step(game, side, &top.nano, ver, input, now)).collect()
    }

    fn signed_step(&self, game: usize, side: usize, nano: &Nano, ver: u64, input: &[u8], time: u64) -> Message {
        let key = self.world.raw_key(self.node(side));
        let sig = key.sign(self.world.ground.domain.digest(nano.struct_hash()));
        Message::NanoStep { ch: self.ch, nid: self.games[game].nid, ver, input: input.to_vec(), time, sig }
    }
}

fn side_version(side: usize, ver: u64) -> u64 {
    let side = if side == 0 { Side::A } else { Side::B };
    side.next_version(ver)
}
