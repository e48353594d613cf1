//! For searches through everything that can happen: a copy of the whole machine, and all of it that can make a difference later.

use super::Participant;
use crate::log::UpdateLog;
use crate::sig::RawKey;
use alloc::boxed::Box;
use alloc::vec::Vec;
use alloy_primitives::B256;
use core::fmt;

impl Participant {
    /// A copy that goes its own way. Whoever copies a participant brings the key again, since two that share one must never both
    /// speak to the same world.
    pub fn fork(&self, key: Box<dyn RawKey + Send>) -> Self {
        Self {
            config: self.config.clone(),
            signer: self.signer.fork(key),
            ledgers: self.ledgers.clone(),
            virtuals: self.virtuals.clone(),
            nanos: self.nanos.clone(),
            codes: self.codes.clone(),
            evaluator: self.evaluator.clone(),
            secrets: self.secrets.clone(),
            spent_names: self.spent_names.clone(),
            peer_gas: self.peer_gas.clone(),
            chain: self.chain.clone(),
            connected: self.connected.clone(),
            openings: self.openings.clone(),
            quotes: self.quotes.clone(),
            requests: self.requests.clone(),
            renewals: self.renewals.clone(),
            in_flight: self.in_flight.clone(),
            cooling: self.cooling.clone(),
            mined: self.mined.clone(),
            doubts: self.doubts.clone(),
            close_tags: self.close_tags.clone(),
            open_tags: self.open_tags.clone(),
            top_up_tags: self.top_up_tags.clone(),
            withdrawal_tags: self.withdrawal_tags.clone(),
            move_tags: self.move_tags.clone(),
            sponsored: self.sponsored,
            env: self.env,
            ticked_ms: self.ticked_ms,
            tidied_ms: self.tidied_ms,
            draws: self.draws,
            index: self.index.clone(),
            touched: self.touched.clone(),
            dirty_ledgers: self.dirty_ledgers.clone(),
            dirty_virtuals: self.dirty_virtuals.clone(),
            dirty_nanos: self.dirty_nanos.clone(),
            dirty_codes: self.dirty_codes.clone(),
            // Both are empty between two inputs.
            forgotten: Vec::new(),
            told: Vec::new(),
            spender: self.spender,
            outputs: Vec::new(),
        }
    }

    /// Writes everything that decides what this participant does from now on: two that write the same do the same. Signatures are
    /// abbreviated, so that each key must sign a content in one way only. What was read once and for all is left out (policy, key,
    /// evaluator), and so are the times of the last input, the last tick and the last tidying.
    pub fn write_out(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        let Self {
            config: _,
            signer,
            ledgers,
            virtuals,
            nanos,
            codes,
            evaluator: _,
            secrets,
            spent_names,
            peer_gas,
            chain,
            connected,
            openings,
            quotes,
            requests,
            renewals,
            in_flight,
            cooling,
            mined,
            doubts,
            close_tags,
            open_tags,
            top_up_tags,
            withdrawal_tags,
            move_tags,
            sponsored,
            env: _,
            ticked_ms: _,
            tidied_ms: _,
            draws: _,
            // Follows from ledgers and virtuals.
            index: _,
            touched,
            dirty_ledgers: _,
            dirty_virtuals: _,
            dirty_nanos: _,
            dirty_codes: _,
            forgotten: _,
            told: _,
            spender,
            outputs: _,
        } = self;
        signer.write_out(out)?;
        write!(out, "{ledgers:?}{virtuals:?}{nanos:?}{:?}{secrets:?}", codes.keys())?;
        write!(out, "{spent_names:?}{peer_gas:?}{chain:?}{connected:?}{openings:?}{quotes:?}{requests:?}")?;
        write!(
            out,
            "{renewals:?}{in_flight:?}{cooling:?}{mined:?}{doubts:?}{close_tags:?}{open_tags:?}{touched:?}{spender:?}"
        )?;
        write!(out, "{top_up_tags:?}{withdrawal_tags:?}{move_tags:?}{sponsored:?}")
    }

    /// The update log of a channel, of a virtual one at its ends.
    pub fn update_log(&self, ch: B256) -> Option<&UpdateLog> {
        self.book(ch).map(|book| &book.log)
    }
}
