//! Secrets in the registry of the chain (protocol 6.3).

use crate::chain::{Call, Watch};
use crate::io::{Fault, Output, Reply};
use crate::participant::{Participant, record};
use alloy_primitives::{B256, keccak256};

impl Participant {
    /// Publishes a secret, and does so again until a final block has it.
    pub(in crate::participant) fn reveal(&mut self, tag: u64, secret: B256) -> Result<(), Fault> {
        self.publish(secret);
        self.reply(tag, Reply::Done);
        Ok(())
    }

    pub(super) fn publish(&mut self, secret: B256) {
        let hash = keccak256(secret);
        if self.chain.watched_secrets.insert(hash) {
            self.outputs.push(Output::Watch(Watch::Revealed(hash)));
        }
        self.secrets.insert(hash, secret);
        self.told.push(record(b's', hash, &secret));
        self.plan_secrets();
    }

    /// What is not on the chain yet goes there.
    pub(in crate::participant) fn plan_secrets(&mut self) {
        let seen = |hash: &B256| self.chain.revealed.get(hash).copied().unwrap_or_default();
        let missing: alloc::vec::Vec<B256> =
            self.secrets.iter().filter(|(hash, _)| seen(hash).head == 0).map(|(_, secret)| *secret).collect();
        let done: alloc::vec::Vec<B256> = self.secrets.keys().filter(|hash| seen(hash).settled > 0).copied().collect();
        for secret in missing {
            self.submit("reveal", keccak256(secret), 0, Call::Reveal { secret }, None);
        }
        for hash in done {
            self.secrets.remove(&hash);
            self.forget(b's', hash);
        }
    }
}
