//! The owner's own money outside of channels: its vault, and what tokens allow the Adjudicator to take.

use super::{Participant, tx_key};
use crate::chain::{Call, TxKey, TxOutcome};
use crate::io::{Fault, Move, Reply};
use alloc::string::ToString;

impl Participant {
    /// Sends it once; what became of it is told when it is in a block.
    pub(super) fn move_money(&mut self, tag: u64, moved: Move) -> Result<(), Fault> {
        self.unlimited()?;
        let owner = self.config.owner;
        let call = match moved {
            Move::FundVault { asset, amount } => Call::FundVault { asset, owner, amount },
            Move::WithdrawVault { asset, amount, to } => Call::Withdraw { asset, to, amount },
            Move::Approve { token, amount } => Call::Approve { token, amount },
        };
        let (kind, name) = (call.name(), self.draw());
        self.move_tags.insert(tx_key(kind, name, 0), tag);
        // Who repeats it later shall not find both in a block.
        let deadline = self.now() + self.policy().close_validity;
        self.submit(kind, name, 0, call, Some(deadline));
        Ok(())
    }

    pub(super) fn moved(&mut self, key: TxKey, outcome: &TxOutcome) {
        let Some(tag) = self.move_tags.remove(&key) else { return };
        let reply = match outcome {
            TxOutcome::Mined { .. } => Reply::Done,
            TxOutcome::Failed { reason } => Reply::Refused(Fault::Chain(reason.to_string())),
        };
        self.reply(tag, reply);
    }
}
