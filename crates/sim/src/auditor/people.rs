//! Who is who, who speaks for himself, and who was within the bounds that the promises presuppose.

use super::Auditor;
use crate::notebook::Line;
use crate::world::World;
use alloy_primitives::Address;
use perunika_core::policy::Policy;

/// So long after its view was healed a node may still go by what it saw before, ms.
const BLIND_MS: u64 = 3_000;

/// One node.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) name: String,
    pub(super) key: Address,
    pub(super) owner: Address,
    /// False from the moment on at which the adversary speaks for it.
    pub(super) honest: bool,
    /// It runs.
    pub(super) runs: bool,
    /// It stopped at least once.
    pub(super) crashed: bool,
    /// How often it started, the first time not counted.
    pub(super) restarts: usize,
    /// It sees the chain late.
    pub(super) lags: bool,
    /// How often it began to.
    pub(super) lapses: usize,
    lags_ms: u64,
    /// When it started last, ms.
    pub(super) up_ms: u64,
    /// Heads of the chain that it took up with all news: number of signatures of all keys until then, timestamp in seconds.
    pub(super) heads: Vec<(u64, u64)>,
    /// It does not run, or its way to the chain takes longer than the promises allow for.
    pub(super) away: bool,
    /// How long it was away so far, in chain time, seconds.
    pub(super) away_s: u64,
    /// When messages of it were last lost or late, ms.
    pub(super) trouble_ms: u64,
    pub(super) policy: Policy,
}

impl Person {
    /// Finality + inclusion + margin, seconds.
    pub(super) fn m_safe(&self) -> u64 {
        self.policy.m_safe
    }

    /// Timestamp of the head by which it went when it signed this; without a signature, of the newest that it took up, seconds.
    pub(super) fn head_at(&self, signed: Option<Line>) -> u64 {
        let known =
            signed.map_or(self.heads.len(), |line| self.heads.partition_point(|(until, _)| *until < line.first));
        known.checked_sub(1).map_or(0, |last| self.heads[last].1)
    }

    /// It was signed before the last start: a crash held it back, and what is said now was decided then.
    pub(super) fn is_held_back(&self, signed: Option<Line>) -> bool {
        signed.is_some_and(|line| line.at_ms < self.up_ms)
    }
}

impl Auditor {
    /// Looks who is there, and who is still honest.
    pub(super) fn meet(&mut self, world: &World) {
        self.depth = world.ground.depth;
        for (index, node) in world.nodes.iter().enumerate() {
            if index == self.people.len() {
                self.people.push(Person {
                    name: node.name.clone(),
                    key: node.key,
                    owner: node.owner,
                    honest: true,
                    runs: true,
                    crashed: false,
                    restarts: 0,
                    lags: false,
                    lapses: 0,
                    lags_ms: 0,
                    up_ms: 0,
                    heads: Vec::new(),
                    away: false,
                    away_s: 0,
                    trouble_ms: 0,
                    policy: node.policy.clone(),
                });
            }
            let person = &mut self.people[index];
            person.honest &= node.honest;
            person.runs = node.participant.is_some();
            if world.sees_less(index) {
                person.lags_ms = world.now_ms + BLIND_MS;
            }
            let lags = person.lags_ms > world.now_ms;
            person.lapses += usize::from(lags && !person.lags);
            person.lags = lags;
            person.away = world.is_away(index);
            person.trouble_ms = world.trouble_ms(index);
            self.proofs.set_honest(person.key, person.honest);
        }
    }

    /// Chain time went on: whoever is away was away for that long.
    pub(super) fn time_passed(&mut self, seconds: u64) {
        for person in &mut self.people {
            // A chain that stands still keeps everybody away.
            if person.away || seconds > person.policy.m_safe {
                person.away_s += seconds;
            }
        }
    }

    pub(super) fn honest(&self, node: usize) -> bool {
        self.people[node].honest
    }

    pub(super) fn honest_nodes(&self) -> Vec<usize> {
        (0..self.people.len()).filter(|n| self.honest(*n)).collect()
    }

    pub(super) fn key(&self, node: usize) -> Address {
        self.people[node].key
    }

    pub(super) fn node_of(&self, key: Address) -> Option<usize> {
        self.people.iter().position(|p| p.key == key)
    }

    pub(super) fn is_honest_key(&self, key: Address) -> bool {
        self.people.iter().any(|p| p.honest && p.key == key)
    }

    pub(super) fn name(&self, node: usize) -> &str {
        &self.people[node].name
    }
}
