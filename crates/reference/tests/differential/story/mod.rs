//! Random sequences of calls, each from one seed.

mod entries;
mod ledger;
mod money;
mod nanos;
mod virtuals;

use crate::mutate::mutate;
use crate::pair::{At, Counts, Pair};
use crate::world::{PEOPLE, PLAIN, Rng, START, Virtual, World, key, owner};
use alloy_primitives::{Address, B256, keccak256};
use perunika_apps::App;
use perunika_reference::{Call, Channel, Entry, Event, LockTerms, Record};
use std::collections::BTreeMap;

/// Returns its input as it is.
///
/// PUSH2 324 CALLDATALOAD PUSH1 4 ADD DUP1 CALLDATALOAD SWAP1 PUSH1 32 ADD DUP2 SWAP1 PUSH0 CALLDATACOPY PUSH0 RETURN
pub(crate) const PUPPET: &[u8] =
    &[0x61, 0x01, 0x44, 0x35, 0x60, 0x04, 0x01, 0x80, 0x35, 0x90, 0x60, 0x20, 0x01, 0x81, 0x90, 0x5f, 0x37, 0x5f, 0xf3];

/// The secret of the hash locks.
const SECRET: B256 = B256::repeat_byte(0x5e);

/// A story that is being told.
pub(crate) struct Story {
    pub(crate) world: World,
    pub(crate) rng: Rng,
    pub(crate) time: u64,
    number: u64,
    /// Locks behind a root.
    locks: BTreeMap<B256, Vec<(B256, LockTerms)>>,
    /// Nanocontracts behind a root.
    nanos: BTreeMap<B256, Vec<Entry>>,
    /// What hashes to a storage hash.
    storages: BTreeMap<B256, Vec<u8>>,
    /// What most of it is about: two channels and a virtual channel.
    focus: ([usize; 2], usize),
    /// Whether it is a story about the nanocontracts of one channel.
    nano_story: bool,
    /// Wei of the call that is being made, where that decides.
    value: Option<u128>,
}

/// Of a channel of either kind.
#[derive(Clone)]
enum Home {
    Ledger(Channel),
    Virtual(Box<Virtual>),
}

/// What is done with a call before it is sent.
pub(crate) type Before<'a> = &'a mut dyn FnMut(&mut Pair, At, &Call) -> Result<(), String>;

/// Tells the story of a seed in `length` calls.
pub(crate) fn tell(world: &World, seed: u64, length: usize) -> Result<Counts, String> {
    tell_with(world, seed, length, &mut |_, _, _| Ok(()))
}

/// The same, with something done before each call.
pub(crate) fn tell_with(world: &World, seed: u64, length: usize, before: Before<'_>) -> Result<Counts, String> {
    let mut rng = Rng(seed);
    // Half of the stories are about plain channels, so that these get as far as they did when there were no others.
    let channels = if seed % 4 < 2 { PLAIN } else { world.channels.len() };
    let focus = ([rng.below(channels), rng.below(channels)], rng.below(world.virtuals.len()));
    let mut story = Story {
        world: world.clone(),
        rng,
        focus,
        nano_story: seed % 2 == 1,
        value: None,
        time: START,
        number: 100,
        locks: BTreeMap::new(),
        nanos: BTreeMap::new(),
        storages: BTreeMap::new(),
    };
    let mut told = Vec::new();
    for step in 0..length {
        story.pass_time();
        let (at, call) = story.next_call(step);
        told.push(format!("{} {:?} {call:?}", at.time - START, at.sender));
        let context = |why: String, told: &[String]| {
            let last: Vec<_> =
                told.iter().rev().take(3).rev().map(|line| line.chars().take(900).collect::<String>()).collect();
            format!("seed {seed}, call {step}: {why}\n{}", last.join("\n"))
        };
        before(&mut story.world.pair, at, &call).map_err(|why| context(why, &told))?;
        let result = story.world.pair.call(at, &call).map_err(|why| context(why, &told))?;
        story.remember(result.unwrap_or_default());
        if story.rng.chance(4) || step + 1 == length {
            let time = story.time;
            story.world.same_views(time).map_err(|why| context(why, &told))?;
        }
    }
    Ok(story.world.pair.counts)
}

impl Story {
    /// To a moment around a deadline, or a little further, or not at all.
    fn pass_time(&mut self) {
        self.number += 1;
        if self.rng.chance(if self.nano_story { 75 } else { 55 }) {
            return;
        }
        let deadlines = self.deadlines();
        let target = if deadlines.is_empty() || self.rng.chance(25) {
            self.time + self.rng.next() % 3
        } else {
            // Mostly the next ones: a story that jumps to the last deadline is soon over.
            let reach = if self.rng.chance(80) { 2 } else { 100 };
            let near = self.rng.below(deadlines.len().min(reach));
            (deadlines[near] + self.rng.next() % 3) - 1
        };
        self.time = self.time.max(target);
    }

    /// All that are not over, in order.
    fn deadlines(&mut self) -> Vec<u64> {
        let terms = self.rng.chance(12);
        let r = &self.world.pair.reference;
        let mut all = Vec::new();
        for params in &self.world.channels {
            let info = r.channel(params);
            if info.disputed {
                all.extend([info.deadline, info.deadline + u64::from(params.window), info.final_at]);
            }
        }
        for v in &self.world.virtuals {
            let window = u64::from(v.params.window);
            match r.records.get(&v.id) {
                None if terms => all.extend([v.params.t_exp, v.params.t_exp - window]),
                None => {}
                Some(Record::Disputed(d)) => all.extend([d.deadline, d.deadline + window]),
                Some(Record::Concluded { .. }) => {}
            }
        }
        for ((ch, _), position) in &r.nanos {
            let window = self.window(*ch);
            all.extend([position.n_ref, position.n_ref.max(position.last) + window]);
        }
        all.retain(|deadline| deadline + 1 >= self.time);
        all.sort_unstable();
        all.dedup();
        all
    }

    fn window(&self, ch: B256) -> u64 {
        let of_virtual = self.world.virtuals.iter().find(|v| v.id == ch).map(|v| v.params.window);
        let r = &self.world.pair.reference;
        let of_ledger =
            self.world.channels.iter().find(|params| r.channel(params).id == ch).map(|params| params.window);
        of_virtual.or(of_ledger).unwrap_or(1).into()
    }

    fn remember(&mut self, events: Vec<Event>) {
        for event in events {
            if matches!(event, Event::VirtualConcluded { .. } | Event::Finalised { .. }) && self.rng.chance(80) {
                self.focus.1 = self.rng.below(self.world.virtuals.len());
            }
            if let Event::NanoStepped { next, .. } = event {
                self.storages.insert(keccak256(&next), next);
            }
        }
    }

    fn next_call(&mut self, step: usize) -> (At, Call) {
        self.value = None;
        let sender = self.anybody();
        let codes = [PUPPET, App::TicTacToe.code(), App::HashLock.code()];
        let (sender, mut call) = match self.rng.below(100) {
            0..=93 if step < codes.len() => (sender, Call::Deploy { code: codes[step].to_vec() }),
            0..=85 if self.nano_story && self.focus.1.is_multiple_of(2) => self.virtual_call(sender),
            0..=85 if self.nano_story => self.ledger_call(sender),
            0..=54 => self.ledger_call(sender),
            55..=82 => self.virtual_call(sender),
            83..=90 => self.settlement(sender),
            91 => self.batch(sender),
            92..=93 => self.vault_call(sender),
            94..=96 => (sender, Call::Reveal { secret: self.rng.pick(&[SECRET, B256::ZERO, B256::repeat_byte(1)]) }),
            97 => (sender, Call::Deploy { code: self.some_code() }),
            98 => self.batch(sender),
            _ => self.vault_call(sender),
        };
        let mut at = At { sender, value: 0, time: self.time, number: self.number };
        if call.is_payable() {
            at.value = self.value.unwrap_or_else(|| self.deposit());
        }
        if self.rng.chance(12) {
            mutate(&mut call, &mut self.rng);
        }
        if self.rng.chance(4) {
            at.sender = self.anybody();
        }
        if self.rng.chance(1) {
            at.number = 1;
        }
        if self.rng.chance(1) {
            at.value = 1;
        }
        at.value = at.value.min(self.world.pair.reference.money.balance(at.sender));
        (at, call)
    }

    pub(super) fn anybody(&mut self) -> Address {
        let person = self.rng.below(PEOPLE + 1);
        if self.rng.chance(70) { owner(person) } else { key(person) }
    }

    fn deposit(&mut self) -> u128 {
        match self.rng.below(20) {
            0 => (1 << 96) - 1,
            1 => 1 << 96,
            2 => 0,
            _ => self.rng.upto(6),
        }
    }

    fn some_code(&mut self) -> Vec<u8> {
        match self.rng.below(9) {
            0..=2 => PUPPET.to_vec(),
            3..=4 => App::TicTacToe.code().to_vec(),
            5 => App::HashLock.code().to_vec(),
            6 => vec![0xef, 0x00],
            7 => Vec::new(),
            _ => vec![0; 24_577],
        }
    }
}
