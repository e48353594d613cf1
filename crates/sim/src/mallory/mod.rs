//! The random adversary: nodes that behave until she takes them over, and then do anything that can be composed from what they know.
//!
//! Most of her nodes go on running the production code as puppets, so that their victims go deep into the protocol before they are cheated;
//! beside it their keys sign other contents, old States come back, messages vanish, and calls are ordered to her liking.

mod calls;
mod commands;
mod craft;
mod create;
mod games;
mod garble;
mod intent;
mod loot;
mod money;
mod nanos;
mod order;
mod plays;
mod puppet;
mod records;
mod speak;

use crate::rng::Rng;
use crate::world::World;
use intent::{Action, Intent};
use std::collections::BTreeMap;

pub(crate) use puppet::Strings;

/// A disk as it was once.
type Disk = BTreeMap<Vec<u8>, Vec<u8>>;

/// Most disks of one node that are kept.
const DISKS: usize = 4;

/// Who is corrupt, and what for.
#[derive(Debug)]
pub struct Mallory {
    nodes: Vec<usize>,
    struck: bool,
    resting: bool,
    intents: Vec<Intent>,
    disks: Vec<(usize, Disk)>,
    actions: u64,
}

impl Mallory {
    /// Will control these nodes.
    pub fn new(nodes: &[usize]) -> Self {
        let (intents, disks) = (Vec::new(), Vec::new());
        Self { nodes: nodes.to_vec(), struck: false, resting: false, intents, disks, actions: 0 }
    }

    /// The nodes.
    pub fn nodes(&self) -> &[usize] {
        &self.nodes
    }

    /// What she did so far.
    pub fn actions(&self) -> u64 {
        self.actions
    }

    /// What she is after, for people.
    pub fn plan(&self) -> String {
        let names: Vec<String> = self.intents.iter().map(|intent| format!("{intent:?}")).collect();
        names.join(", ")
    }

    /// From now on everything that her nodes store, say and hear is remembered, honest as they still are.
    pub fn watch(&mut self, world: &mut World) {
        world.strings.spied.extend(self.nodes.iter().copied());
        for node in &self.nodes {
            let disk = world.nodes[*node].disk.clone();
            let domain = world.ground.domain;
            disk.iter().for_each(|(key, value)| world.strings.loot.record(key, value, &domain));
        }
    }

    /// Takes her nodes over.
    pub fn strike(&mut self, world: &mut World, rng: &mut Rng) {
        if self.struck {
            return;
        }
        self.struck = true;
        self.watch(world);
        self.intents = Intent::draw(rng);
        for node in self.nodes.clone() {
            self.know_secrets(world, node);
            if rng.chance(200) {
                world.corrupt(node);
                continue;
            }
            world.puppet(node);
            let manner = intent::manner(&self.intents, rng);
            world.strings.manners.insert(node, manner);
            if rng.chance(if self.intents.contains(&Intent::Terms) { 800 } else { 100 }) {
                // Other terms than anybody should agree to, from a node that means them.
                craft::loosen(rng, &mut world.nodes[node].policy);
                let disk = world.nodes[node].disk.clone();
                world.rewind(node, disk);
            }
        }
    }

    /// The secrets that the node has drawn and not revealed.
    fn know_secrets(&self, world: &mut World, node: usize) {
        let key = world.raw_key(node);
        let drafts = world.nodes[node].disk.keys().filter_map(|k| k.strip_prefix(b"d".as_slice()));
        let secrets: Vec<_> = drafts
            .map(|draft| perunika_core::sig::RawKey::activation_secret(&key, alloy_primitives::B256::from_slice(draft)))
            .collect();
        secrets.into_iter().for_each(|secret| world.strings.loot.secret(secret));
    }

    /// Falls silent for good: nodes stop, kept messages go their way.
    pub fn rest(&mut self, world: &mut World) {
        if !self.struck || self.resting {
            return;
        }
        self.resting = true;
        world.let_go();
        for node in &self.nodes {
            world.strings.manners.remove(node);
            world.corrupt(*node);
        }
    }

    /// A few random actions, composed from everything that is known.
    pub fn act(&mut self, world: &mut World, rng: &mut Rng) {
        if self.resting {
            return;
        }
        world.digest();
        self.copy_a_disk(world, rng);
        if !self.struck {
            return;
        }
        for _ in 0..rng.between(1, 3) {
            self.move_once(world, rng);
        }
    }

    fn move_once(&mut self, world: &mut World, rng: &mut Rng) {
        self.actions += 1;
        let node = self.nodes[rng.below(self.nodes.len() as u64) as usize];
        self.know_secrets(world, node);
        if calls::opportunity(world, rng, &self.nodes) {
            return;
        }
        match intent::action(&self.intents, rng) {
            Action::Speak(topic) => speak::speak(world, rng, node, topic),
            Action::Call => calls::call(world, rng, &self.nodes),
            Action::Nano => nanos::call(world, rng, &self.nodes),
            Action::Order => order::order(world, rng, &self.nodes),
            Action::Rewind => self.rewind(world, rng, node),
            Action::LetGo => world.let_go(),
            Action::Manner => drop(world.strings.manners.insert(node, intent::manner(&self.intents, rng))),
            Action::Command => commands::command(world, rng, node),
            Action::Play => plays::play(world, rng, &self.nodes),
        }
    }

    fn copy_a_disk(&mut self, world: &World, rng: &mut Rng) {
        if !rng.chance(60) {
            return;
        }
        let node = self.nodes[rng.below(self.nodes.len() as u64) as usize];
        let disk = &world.nodes[node].disk;
        if disk.is_empty() {
            return;
        }
        let mine = self.disks.iter().filter(|(n, _)| *n == node).count();
        if mine >= DISKS {
            let oldest = self.disks.iter().position(|(n, _)| *n == node);
            oldest.into_iter().for_each(|at| drop(self.disks.remove(at)));
        }
        self.disks.push((node, disk.clone()));
    }

    /// A node wakes up as it was; what it knows now is kept for another time.
    fn rewind(&mut self, world: &mut World, rng: &mut Rng, node: usize) {
        let mine: Vec<usize> = (0..self.disks.len()).filter(|i| self.disks[*i].0 == node).collect();
        let Some(choice) = craft::pick(rng, &mine).copied() else { return };
        if world.nodes[node].participant.is_none() {
            return;
        }
        let now = world.nodes[node].disk.clone();
        let then = std::mem::replace(&mut self.disks[choice].1, now);
        world.rewind(node, then);
    }
}
