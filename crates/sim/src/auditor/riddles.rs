//! Messages that nobody can read yet: what they build on was swallowed by a crash and will be said again, or comes in a moment.

use super::{Auditor, signature_in};
use alloy_primitives::{Address, B256};
use perunika_core::message::Message;

/// How long a signature may stay a riddle, ms.
const PATIENCE_MS: u64 = 60_000;
/// Most riddles that are kept: an adversary may set any number.
const MOST: usize = 512;

/// A message that waits for its explanation.
#[derive(Debug)]
pub(super) struct Riddle {
    at_ms: u64,
    whose: Whose,
    message: Message,
}

#[derive(Clone, Copy, Debug)]
enum Whose {
    Said { from: usize },
    Heard { to: usize, from: Address },
}

impl Riddle {
    pub(super) fn said(at_ms: u64, from: usize, message: &Message) -> Self {
        Self { at_ms, whose: Whose::Said { from }, message: message.clone() }
    }

    pub(super) fn heard(at_ms: u64, to: usize, from: Address, message: &Message) -> Self {
        Self { at_ms, whose: Whose::Heard { to, from }, message: message.clone() }
    }

    fn about(&self) -> Option<B256> {
        signature_in(&self.message).map(|(ch, _, _)| ch)
    }
}

impl Auditor {
    pub(super) fn wonder(&mut self, riddle: Riddle) {
        if self.riddles.len() == MOST {
            let speaker = |r: &Riddle| matches!(r.whose, Whose::Said { from } if self.honest(from));
            let useless = self.riddles.iter().position(|r| !speaker(r)).unwrap_or_default();
            self.riddles.remove(useless);
        }
        self.riddles.push(riddle);
    }

    /// Something new is known of this object, or of all.
    pub(super) fn solve(&mut self, ch: Option<B256>) {
        let mut progress = true;
        while progress && !self.riddles.is_empty() {
            progress = false;
            let all = std::mem::take(&mut self.riddles);
            for riddle in all {
                let concerned = ch.is_none() || riddle.about() == ch;
                if concerned && self.solved(&riddle) {
                    progress = true;
                } else {
                    self.riddles.push(riddle);
                }
            }
        }
    }

    fn solved(&mut self, riddle: &Riddle) -> bool {
        let Some((ch, ver, _)) = signature_in(&riddle.message) else { return true };
        match riddle.whose {
            Whose::Said { from } => {
                let derived = self.derive(self.key(from), &riddle.message);
                if derived {
                    self.signed(from, ch, ver, &riddle.message);
                }
                derived
            }
            Whose::Heard { to, from } => {
                let Some((_, _, sig)) = signature_in(&riddle.message) else { return true };
                let contents = self.objects.get(&ch).into_iter().flat_map(|o| o.all_signed_by(ver, from));
                let known = { contents }.any(|content| self.proofs.verifies(content.hash(ch), from, sig));
                if known && self.honest(to) {
                    self.got(to, from, &riddle.message);
                }
                known
            }
        }
    }

    /// What honest nodes signed must have been explained by now.
    pub(super) fn give_up_riddles(&mut self, patience: bool) {
        let now = self.now_ms;
        let late = |r: &Riddle| !patience || now > r.at_ms + PATIENCE_MS;
        if !self.riddles.iter().any(late) {
            return;
        }
        let (late, kept) = std::mem::take(&mut self.riddles).into_iter().partition(late);
        self.riddles = kept;
        for riddle in late {
            let (Whose::Said { from }, Some((ch, ver, _))) = (riddle.whose, signature_in(&riddle.message)) else {
                continue;
            };
            if self.honest(from) {
                let text = format!("{} signed version {ver} of {ch} and nobody can tell what it says", self.name(from));
                self.fault(text);
            }
        }
    }

    pub(super) fn give_up_late_riddles(&mut self) {
        self.give_up_riddles(true);
    }
}
