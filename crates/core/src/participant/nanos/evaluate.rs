//! Running code: what a step is told, what the registry knows, and how much a peer may make this node run.

use crate::chain::Watch;
use crate::instance::{Instance, Live};
use crate::io::Output;
use crate::nano::{Context, NoResult, Outcome, Run};
use crate::participant::Participant;
use crate::signed::Nano;
use alloc::vec::Vec;
use alloy_primitives::{Address, B256, keccak256};

/// Most gas that steps of one peer may use here in a second; what is above it is not answered, and comes again.
const PEER_GAS: u64 = 20_000_000;

/// A time behind every deadline, seconds.
const LATE_S: u64 = 1 << 39;

/// From where a step starts.
#[derive(Clone, Copy)]
pub(super) struct Position<'a> {
    pub(super) nano: Nano,
    pub(super) storage: &'a [u8],
    /// The application's clock and the time itself, seconds.
    pub(super) clock: (u64, u64),
    /// What the registry knows at the head counts, not only what is final: for a step on the chain.
    pub(super) head: bool,
}

impl<'a> Position<'a> {
    /// The newest version, off chain: both clocks show the time of the step.
    pub(super) fn newest(live: &'a Live, time: u64) -> Self {
        Self { nano: live.top.nano, storage: &live.top.storage, clock: (time, time), head: false }
    }
}

impl Participant {
    /// What the code makes of an input of the mover.
    pub(super) fn run(&self, instance: &Instance, from: &Position<'_>, input: &[u8]) -> Result<Outcome, NoResult> {
        if from.nano.steps_left == 0 {
            return Err(NoResult::Reverted("it is over".into()));
        }
        let revealed = self.revealed(from.head);
        let run = self.told(instance, from, input, &revealed).ok_or(NoResult::Broken)?;
        self.evaluator.step(&run)
    }

    /// The result as a version, its storage, and the gas that it took.
    pub(super) fn result(
        &self,
        instance: &Instance,
        from: &Position<'_>,
        ver: u64,
        input: &[u8],
    ) -> Result<(Nano, Vec<u8>, u64), NoResult> {
        let Outcome { storage, da, mover, steps_left, gas } = self.run(instance, from, input)?;
        Ok((Nano { ver, da, mover, steps_left, storage_hash: keccak256(&storage), ..from.nano }, storage, gas))
    }

    /// Everything that the step asks the registry about was read; what was not is from now on.
    pub(super) fn knows_secrets(&mut self, ch: B256, nid: B256, from: &Position<'_>, input: &[u8]) -> bool {
        let asked = self.nanos.get(&(ch, nid)).and_then(|instance| {
            let revealed = self.revealed(from.head);
            Some(self.evaluator.asks(&self.told(instance, from, input, &revealed)?))
        });
        let unread: Vec<B256> =
            asked.unwrap_or_default().into_iter().filter(|hash| !self.chain.revealed.contains_key(hash)).collect();
        for hash in &unread {
            if self.chain.watched_secrets.insert(*hash) {
                self.outputs.push(Output::Watch(Watch::Revealed(*hash)));
            }
        }
        unread.is_empty()
    }

    /// Publishes an input of 32 bytes if the code would look for it in the registry once it is late: then only that keeps its worth.
    pub(super) fn publish_if_sought(&mut self, ch: B256, nid: B256, input: &[u8]) {
        let (Ok(secret), Some(instance)) = (B256::try_from(input), self.nanos.get(&(ch, nid))) else { return };
        let (hash, Some(live)) = (keccak256(secret), &instance.live) else { return };
        if self.secrets.contains_key(&hash) || self.chain.revealed.get(&hash).is_some_and(|seen| seen.settled > 0) {
            return;
        }
        let position = Position { clock: (LATE_S, LATE_S), ..Position::newest(live, LATE_S) };
        let sought =
            self.told(instance, &position, input, &[]).is_some_and(|run| self.evaluator.asks(&run).contains(&hash));
        if sought && instance.is_me(live.top.nano.mover) {
            self.publish(secret);
        }
    }

    fn told<'a>(
        &'a self,
        instance: &Instance,
        from: &Position<'a>,
        input: &'a [u8],
        revealed: &'a [(B256, u64)],
    ) -> Option<Run<'a>> {
        let (nano, (time, absolute)) = (from.nano, from.clock);
        let context = Context {
            ch: nano.ch,
            entry: nano.entry,
            total: instance.terms.total,
            da: nano.da,
            steps_left: nano.steps_left,
            time,
            absolute,
            registry: self.config.domain.adjudicator,
        };
        let code = self.codes.get(&instance.terms.code_hash)?;
        Some(Run { code, gas: instance.terms.gas, context, storage: from.storage, caller: nano.mover, input, revealed })
    }

    fn revealed(&self, head: bool) -> Vec<(B256, u64)> {
        let seconds =
            self.chain.revealed.iter().map(|(hash, seen)| (*hash, if head { seen.head } else { seen.settled }));
        seconds.filter(|(_, second)| *second > 0).collect()
    }

    /// Whether a peer may make this node run something more in this second.
    pub(super) fn may_run(&self, peer: Address) -> bool {
        self.peer_gas.get(&peer).is_none_or(|(second, gas)| *second != self.env.now_ms / 1_000 || *gas < PEER_GAS)
    }

    /// A peer made this node run so much.
    pub(super) fn has_run(&mut self, peer: Address, gas: u64) {
        let second = self.env.now_ms / 1_000;
        let spent = self.peer_gas.entry(peer).or_default();
        if spent.0 != second {
            *spent = (second, 0);
        }
        spent.1 = spent.1.saturating_add(gas);
    }
}
