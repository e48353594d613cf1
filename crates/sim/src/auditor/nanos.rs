//! Nanocontracts: what every signature on a version says, what the chain made of it, and whether both did what the code does (P9).

use super::contents::{Books, Content};
use super::proofs::Proofs;
use super::{Auditor, lock_of};
use crate::notebook::Line;
use alloy_primitives::{Address, B256, keccak256};
use perunika_contracts::Event;
use perunika_core::Domain;
use perunika_core::message::{Message, NanoTerms};
use perunika_core::nano::{Context, Evaluator, Outcome, Run};
use perunika_core::params::VirtualParams;
use perunika_core::sig::Signature;
use perunika_core::signed::{Eip712, Entry, Lock, Nano};
use perunika_nano::Machine;
use std::collections::BTreeMap;

/// Offers of one name that are remembered.
pub(super) const OFFERS: usize = 3;

/// How many versions below a step its base is looked for.
const LOOK_BACK: usize = 64;

/// A version of a nanocontract, with who is known to have signed it.
#[derive(Clone, Debug)]
struct Played {
    nano: Nano,
    storage: Vec<u8>,
    signers: Vec<Address>,
}

/// A nanocontract as one State added it.
#[derive(Debug)]
struct Game {
    entry: Entry,
    versions: BTreeMap<u64, Vec<Played>>,
}

/// A nanocontract as the chain has it.
#[derive(Clone, Copy, Debug)]
pub(super) struct OnChain {
    /// Its storage hash is zero until a step is forced: registrations do not say it.
    pub(super) nano: Nano,
    n_ref: u64,
    last: u64,
    stepped: bool,
}

/// Everything about nanocontracts that was said.
#[derive(Debug, Default)]
pub(super) struct Games {
    offers: BTreeMap<(B256, B256), Vec<NanoTerms>>,
    codes: BTreeMap<B256, Vec<u8>>,
    games: BTreeMap<(B256, B256), Game>,
    /// Newest version with both signatures in the hands of a node.
    tops: BTreeMap<(usize, B256, B256), u64>,
    revealed: Vec<(B256, u64)>,
    /// By channel and Entry.
    pub(super) chain: BTreeMap<(B256, B256), OnChain>,
    /// When the dispute of a channel was opened, and when its refutation ends, seconds.
    disputes: BTreeMap<B256, (u64, u64)>,
    storages: BTreeMap<B256, Vec<u8>>,
    /// Closes that a node signed: until when they are valid, seconds.
    closes: BTreeMap<(usize, B256), u64>,
}

/// A dispute, times in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dispute {
    pub(super) opened: u64,
    /// R.
    pub(super) refute_end: u64,
}

/// From where a step starts.
struct From<'a> {
    nano: Nano,
    storage: &'a [u8],
    clock: (u64, u64),
}

impl Games {
    /// Offers are public: whoever signs a State may name them before the auditor saw the call to open them.
    pub(super) fn offered(&mut self, message: &Message) {
        if let Message::NanoOffer { ch, nid, terms, code, .. } = message {
            self.codes.entry(terms.code_hash).or_insert_with(|| code.clone());
            self.storages.insert(keccak256(&terms.storage), terms.storage.clone());
            // A name may come again for something else, and a corrupt party may offer something else under the name of
            // what it was offered: what is talked about shows in what is signed.
            let offers = self.offers.entry((*ch, *nid)).or_default();
            offers.retain(|known| known != terms);
            offers.insert(0, terms.clone());
            offers.truncate(OFFERS);
        }
    }

    /// A State holds these.
    pub(super) fn adopt(&mut self, ch: B256, content: &Content) {
        for entry in content.nanos() {
            let offers = self.offers.get(&(ch, entry.nid)).into_iter().flatten();
            let Some(terms) = { offers }.find(|t| t.entry(entry.nid, entry.born) == *entry) else { continue };
            let storage = terms.storage.clone();
            let genesis = Played { nano: entry.genesis(ch), storage, signers: Vec::new() };
            let new = || Game { entry: *entry, versions: BTreeMap::from([(0, vec![genesis])]) };
            self.games.entry((ch, entry.struct_hash())).or_insert_with(new);
        }
    }

    fn run(&self, machine: &Machine, domain: &Domain, entry: &Entry, from: &From<'_>, input: &[u8]) -> Option<Outcome> {
        let Nano { ch, da, mover, steps_left, .. } = from.nano;
        let (time, absolute) = from.clock;
        let registry = domain.adjudicator;
        let context =
            Context { ch, entry: from.nano.entry, total: entry.total, da, steps_left, time, absolute, registry };
        let (code, gas, storage, caller) = (self.codes.get(&entry.code_hash)?, entry.gas, from.storage, mover);
        machine.step(&Run { code, gas, context, storage, caller, input, revealed: &self.revealed }).ok()
    }

    /// Notes a signed step. False if its signature is over nothing that the code makes of it.
    fn step(&mut self, machine: &Machine, domain: &Domain, proofs: &Proofs, step: &Step<'_>) -> bool {
        let keys: Vec<(B256, B256)> = self.of(step.ch, step.nid);
        keys.into_iter().any(|key| self.step_of(machine, domain, proofs, key, step))
    }

    fn of(&self, ch: B256, nid: B256) -> Vec<(B256, B256)> {
        let all = self.games.range((ch, B256::ZERO)..=(ch, B256::repeat_byte(0xff)));
        all.filter(|(_, game)| game.entry.nid == nid).map(|(key, _)| *key).collect()
    }

    fn step_of(
        &mut self,
        machine: &Machine,
        domain: &Domain,
        proofs: &Proofs,
        key: (B256, B256),
        step: &Step<'_>,
    ) -> bool {
        let Some(game) = self.games.get(&key) else { return false };
        let entry = game.entry;
        let below = game.versions.range(..step.ver).rev().flat_map(|(_, all)| all);
        let mut result = |base: &Played| {
            let from = From { nano: base.nano, storage: &base.storage, clock: (step.time, step.time) };
            let outcome = self.run(machine, domain, &entry, &from, step.input)?;
            let nano = after(&base.nano, step.ver, &outcome);
            let fits = proofs.verifies(nano.struct_hash(), step.by, step.sig);
            fits.then_some(Played { nano, storage: outcome.storage, signers: vec![step.by] })
        };
        let turn = below.filter(|base| usize::from(base.nano.mover) == step.side && base.nano.steps_left > 0);
        let turn = turn.take(LOOK_BACK);
        let Some(played) = turn.filter_map(&mut result).next() else { return false };
        self.storages.insert(played.nano.storage_hash, played.storage.clone());
        if !self.countersigned(proofs, key, step.ver, step.by, step.sig)
            && let Some(game) = self.games.get_mut(&key)
        {
            game.versions.entry(step.ver).or_default().push(played);
        }
        true
    }

    fn countersigned(&mut self, proofs: &Proofs, key: (B256, B256), ver: u64, by: Address, sig: &Signature) -> bool {
        let Some(game) = self.games.get_mut(&key) else { return false };
        for played in game.versions.get_mut(&ver).into_iter().flatten() {
            if proofs.verifies(played.nano.struct_hash(), by, sig) {
                if !played.signers.contains(&by) {
                    played.signers.push(by);
                }
                return true;
            }
        }
        false
    }

    /// Until when the Close that a node signed can be used, seconds.
    pub(super) fn closing_until(&self, node: usize, ch: B256) -> Option<u64> {
        self.closes.get(&(node, ch)).copied()
    }

    /// A node signed a Close of this channel.
    pub(super) fn is_closing(&self, node: usize, ch: B256) -> bool {
        self.closes.contains_key(&(node, ch))
    }

    /// Steps that a node signed, durably, without a word: it has both signatures.
    pub(super) fn recall(&mut self, node: usize, key: Address, proofs: &Proofs) {
        let mut found = Vec::new();
        for (at, game) in &mut self.games {
            for (ver, all) in &mut game.versions {
                for played in all.iter_mut().filter(|p| *ver > 0 && !p.signers.contains(&key)) {
                    if proofs.line(played.nano.struct_hash(), key).is_some() {
                        played.signers.push(key);
                        found.push((*at, *ver));
                    }
                }
            }
        }
        found.into_iter().for_each(|(at, ver)| self.pair(node, at, ver));
    }

    /// When a node signed a version of a nanocontract, ms.
    fn signed_at(&self, ch: B256, nid: B256, ver: u64, key: Address, proofs: &Proofs) -> Option<Line> {
        let games = self.of(ch, nid).into_iter().filter_map(|at| self.games.get(&at));
        let mut all = games.flat_map(|game| game.versions.get(&ver).into_iter().flatten());
        all.find_map(|played| proofs.line(played.nano.struct_hash(), key))
    }

    /// How many nanocontracts of a channel are registered.
    pub(super) fn disputed(&self, ch: B256) -> usize {
        self.chain.range((ch, B256::ZERO)..=(ch, B256::repeat_byte(0xff))).count()
    }

    /// How many steps of a nanocontract can be forced.
    pub(super) fn steps_of(&self, entry: B256) -> usize {
        let game = self.games.iter().find(|((_, hash), _)| *hash == entry);
        game.map_or(usize::from(u16::MAX), |(_, game)| usize::from(game.entry.k_max))
    }

    /// When the refutation of a dispute ends, and when it was opened, seconds.
    pub(super) fn dispute(&self, ch: B256) -> Option<Dispute> {
        self.disputes.get(&ch).map(|(opened, refute_end)| Dispute { opened: *opened, refute_end: *refute_end })
    }

    /// Most steps of the nanocontracts that are registered; none if no one is.
    pub(super) fn longest(&self, ch: B256) -> Option<u64> {
        let registered = self.chain.range((ch, B256::ZERO)..=(ch, B256::repeat_byte(0xff)));
        registered.filter_map(|(key, _)| self.games.get(key).map(|game| u64::from(game.entry.k_max))).max()
    }

    /// The chain takes back what it said.
    pub(super) fn forget_chain(&mut self) {
        self.chain.clear();
        self.disputes.clear();
        self.revealed.clear();
    }

    /// The chain made a step.
    fn stepped(&mut self, to: Nano, now: u64) {
        let Some(old) = self.chain.get_mut(&(to.ch, to.entry)) else { return };
        let last = if now <= old.n_ref { 0 } else { now };
        *old = OnChain { nano: Nano { ver: old.nano.ver, ..to }, last, stepped: true, ..*old };
    }

    /// A node has both signatures of a version.
    fn pair(&mut self, node: usize, key: (B256, B256), ver: u64) {
        let top = self.tops.entry((node, key.0, key.1)).or_default();
        *top = ver.max(*top);
    }

    fn top(&self, node: usize, ch: B256, entry: &Entry) -> Nano {
        let hash = entry.struct_hash();
        let ver = self.tops.get(&(node, ch, hash)).copied().unwrap_or_default();
        let both = |p: &&Played| ver == 0 || p.signers.len() == 2;
        let known = self.games.get(&(ch, hash)).and_then(|game| game.versions.get(&ver)?.iter().find(both));
        known.map_or_else(|| entry.genesis(ch), |played| played.nano)
    }

    /// What a party is owed of an open nanocontract: what its newest version gives it, or what the rules made of that version or
    /// a higher one on the chain.
    pub(super) fn due(&self, node: usize, ch: B256, entry: &Entry, side: usize) -> u128 {
        let top = self.top(node, ch, entry);
        let chain = self.chain.get(&(ch, entry.struct_hash())).filter(|chain| chain.nano.ver >= top.ver);
        part(entry, chain.map_or(top.da, |chain| chain.nano.da), side)
    }
}

/// What a side gets of a nanocontract.
pub(super) fn part(entry: &Entry, da: u128, side: usize) -> u128 {
    let da = da.min(entry.total);
    if side == 0 { da } else { entry.total - da }
}

fn after(base: &Nano, ver: u64, outcome: &Outcome) -> Nano {
    let Outcome { da, mover, steps_left, .. } = *outcome;
    Nano { ver, da, mover, steps_left, storage_hash: keccak256(&outcome.storage), ..*base }
}

/// A signed step.
struct Step<'a> {
    ch: B256,
    nid: B256,
    ver: u64,
    input: &'a [u8],
    time: u64,
    sig: &'a Signature,
    by: Address,
    side: usize,
}

/// What a change of a channel may name.
pub(super) struct Known<'a> {
    pub(super) ch: B256,
    pub(super) keys: [Address; 2],
    pub(super) virtuals: &'a BTreeMap<B256, VirtualParams>,
    pub(super) games: &'a Games,
    /// Which offer of a name is meant: 0 is the newest.
    pub(super) offer: usize,
}

impl Books for Known<'_> {
    fn lock(&self, vc: B256) -> Option<Lock> {
        lock_of(self.virtuals.get(&vc)?, vc, self.ch, self.keys)
    }

    fn entry(&self, nid: B256, born: u64) -> Option<Entry> {
        Some(self.games.offers.get(&(self.ch, nid))?.get(self.offer)?.entry(nid, born))
    }

    fn part_of_a(&self, entry: &Entry, cur: B256) -> Option<u128> {
        let game = self.games.games.get(&(self.ch, entry.struct_hash()))?;
        game.versions.values().flatten().find(|p| p.nano.struct_hash() == cur).map(|p| p.nano.da)
    }
}

impl Auditor {
    /// Signatures on versions of nanocontracts.
    pub(super) fn sent_nano(&mut self, from: usize, message: &Message) {
        let honest = self.honest(from);
        match message {
            Message::NanoStep { ch, nid, ver, input, time, sig } => {
                if !self.is_new_signature(from, *nid, *ver, sig) {
                    return;
                }
                let by = self.key(from);
                let Some(side) = self.objects.get(ch).and_then(|o| o.side(by)) else { return };
                let step = Step { ch: *ch, nid: *nid, ver: *ver, input, time: *time, sig, by, side };
                let derived = self.games.step(&self.machine, &self.domain, &self.proofs, &step);
                if honest && !derived {
                    let text =
                        format!("P9: {} signed version {ver} of {nid}, which the code does not make", self.name(from));
                    self.fault(text);
                }
                let said = self.games.signed_at(*ch, *nid, *ver, by, &self.proofs);
                if said.is_none_or(|line| line.at_ms + super::rules::FRESH_MS >= self.now_ms) {
                    self.check_steppable(from, (*ch, *nid), said, "signed a step of");
                }
            }
            Message::NanoAccept { ch, nid, ver, sig } if self.is_new_signature(from, *nid, *ver, sig) => {
                let by = self.key(from);
                let keys = self.games.of(*ch, *nid);
                let (games, proofs) = (&mut self.games, &self.proofs);
                let signed = keys.into_iter().find(|key| games.countersigned(proofs, *key, *ver, by, sig));
                if let Some(key) = signed {
                    self.games.pair(from, key, *ver);
                } else if honest {
                    let text =
                        format!("{} signed version {ver} of {nid} and nobody can tell what it says", self.name(from));
                    self.fault(text);
                }
                let said = self.games.signed_at(*ch, *nid, *ver, by, &self.proofs);
                // What a crash held back is told again.
                if said.is_none_or(|line| line.at_ms + super::rules::FRESH_MS >= self.now_ms) {
                    self.check_steppable(from, (*ch, *nid), said, "countersigned a step of");
                }
            }
            Message::NanoTaken { ch, nid, .. } if !self.taken_before(from, message) => {
                self.check_steppable(from, (*ch, *nid), None, "took an input for");
            }
            Message::CloseSig { close, .. } if honest => {
                if self.games.closing_until(from, close.id) != Some(close.not_after) {
                    self.check_close(from, close);
                }
                self.games.closes.insert((from, close.id), close.not_after);
            }
            _ => {}
        }
    }

    fn taken_before(&mut self, from: usize, message: &Message) -> bool {
        let Message::NanoTaken { nid, count, .. } = message else { return true };
        let known = self.taken.entry((from, *nid)).or_default();
        let old = *count <= *known;
        *known = (*known).max(*count);
        old
    }

    /// A countersignature on a step reached the node that made it.
    pub(super) fn got_nano(&mut self, to: usize, from: Address, message: &Message) {
        if let Message::NanoAccept { ch, nid, ver, sig } = message {
            let mine = self.key(to);
            let proofs = &self.proofs;
            for key in self.games.of(*ch, *nid) {
                let all = self.games.games.get(&key).and_then(|game| game.versions.get(ver)).into_iter().flatten();
                let fits = |p: &Played| p.signers.contains(&mine) && proofs.verifies(p.nano.struct_hash(), from, sig);
                if all.into_iter().any(fits) {
                    self.games.pair(to, key, *ver);
                }
            }
        }
    }

    /// 1.4(12), S69: a nanocontract moves only while every State that could count holds it, and nothing is frozen.
    fn check_steppable(&mut self, node: usize, (ch, nid): (B256, B256), signed: Option<Line>, what: &str) {
        if !self.honest(node) {
            return;
        }
        let key = self.key(node);
        let Some(object) = self.objects.get(&ch) else { return };
        let known = self.knowledge.get(&(node, ch));
        let cur = known.map(|k| k.cur).unwrap_or_default();
        let open = known.into_iter().flat_map(|k| k.signed.range(cur..));
        let leaves = open.filter_map(|ver| object.signed_by(*ver, key)).any(|content| content.nano(nid).is_none());
        let now = self.time();
        let closed = self.games.closes.get(&(node, ch)).is_some_and(|until| now <= *until);
        let disputed = self.saw_dispute(node, ch, signed);
        let frozen = self.finals.contains_key(&(node, ch));
        if leaves || closed || frozen || disputed {
            let text = format!(
                "1.4(12), S69: {} {what} {nid} (leaves the State: {leaves}, Close: {closed}, Final: {frozen}, \
                 dispute: {disputed})",
                self.name(node)
            );
            self.fault(text);
        }
    }

    /// 1.4(12): whoever signs the closing of a nanocontract means its newest version.
    pub(super) fn check_closings(&mut self, node: usize, ch: B256, ver: u64) {
        let key = self.key(node);
        let content = self.objects.get(&ch).and_then(|o| o.signed_by(ver, key));
        let closed = content.map(|c| c.closed.clone()).unwrap_or_default();
        for (entry, cur) in closed {
            let top = self.games.top(node, ch, &entry);
            if top.struct_hash() != cur {
                let text =
                    format!("1.4(12): {} closed {} at another version than its newest", self.name(node), entry.nid);
                self.fault(text);
            }
        }
    }

    /// The chain's side, without a look at what it may have broken.
    pub(super) fn note_nano_event(&mut self, event: &Event) {
        let now = self.chain.time;
        match event {
            Event::Registered { id, refute_end, .. } => {
                let challenge = self.record.challenge(*id).unwrap_or_default();
                self.games.disputes.insert(*id, (refute_end.saturating_sub(challenge), *refute_end));
            }
            Event::VirtualRegistered { vc, refute_end, .. } => {
                let challenge = self.virtuals.get(vc).map(|p| u64::from(p.challenge)).unwrap_or_default();
                self.games.disputes.insert(*vc, (refute_end.saturating_sub(challenge), *refute_end));
            }
            Event::Revealed { hash, .. } => self.games.revealed.push((*hash, now)),
            Event::NanoRegistered { ch, entry, ver, da, mover, steps_left, n_ref } => {
                let (ch, entry, ver, da, mover, steps_left) = (*ch, *entry, *ver, *da, *mover, *steps_left);
                let nano = Nano { ch, entry, ver, da, mover, steps_left, storage_hash: B256::ZERO };
                self.games.chain.insert((ch, entry), OnChain { nano, n_ref: *n_ref, last: 0, stepped: false });
            }
            Event::NanoStepped { ch, entry, da, mover, steps_left, next, .. } => {
                let storage_hash = keccak256(next);
                let to = Nano {
                    ch: *ch,
                    entry: *entry,
                    ver: 0,
                    da: *da,
                    mover: *mover,
                    steps_left: *steps_left,
                    storage_hash,
                };
                self.games.storages.insert(storage_hash, next.clone());
                self.games.stepped(to, now);
            }
            _ => {}
        }
    }

    /// The chain's side.
    pub(super) fn nano_event(&mut self, event: &Event) {
        let now = self.chain.time;
        match event {
            Event::NanoRegistered { ch, entry, ver, n_ref, .. } => {
                self.check_registered((*ch, *entry), *ver, *n_ref, now);
            }
            Event::NanoStepped { .. } => self.check_forced(event, now),
            Event::Concluded { id, .. } => self.check_duration(*id, now),
            Event::VirtualConcluded { vc, .. } => self.check_duration(*vc, now),
            _ => {}
        }
        self.note_nano_event(event);
    }

    fn check_registered(&mut self, key: (B256, B256), ver: u64, n_ref: u64, now: u64) {
        let entry = key.1;
        if let Some(old) = self.games.chain.get(&key) {
            if ver <= old.nano.ver || n_ref != old.n_ref {
                self.fault(format!("I2: {entry} went back to version {ver} or moved its deadline"));
            }
        } else {
            let (_, refute_end) = self.games.disputes.get(&key.0).copied().unwrap_or_default();
            let window = self.window_of(key.0);
            if now <= refute_end || now > refute_end + window || n_ref != now + window {
                self.fault(format!("2.3: {entry} was registered at {now}, R is {refute_end}"));
            }
        }
        if now > n_ref {
            self.fault(format!("2.3: {entry} was refuted after nRef"));
        }
    }

    /// P9: a forced step is what the code makes of the registered position under the clock of the dispute.
    fn check_forced(&mut self, event: &Event, now: u64) {
        let Event::NanoStepped { ch, entry, da, mover, steps_left, input, next } = event else { return };
        let Some(old) = self.games.chain.get(&(*ch, *entry)).copied() else {
            return self.fault(format!("2.3: a step of {entry} that is not registered"));
        };
        let (da, mover, steps_left, storage_hash) = (*da, *mover, *steps_left, keccak256(next));
        let to = Nano { da, mover, steps_left, storage_hash, ..old.nano };
        let provisional = now <= old.n_ref;
        let late = now > old.n_ref.max(old.last) + self.window_of(to.ch);
        if to.steps_left >= old.nano.steps_left || late || (provisional && old.stepped) {
            self.fault(format!("2.3: a step of {} beyond its number or its time", to.entry));
        }
        let (opened, _) = self.games.disputes.get(&to.ch).copied().unwrap_or_default();
        let time = if old.stepped { now.saturating_sub(old.n_ref.saturating_sub(opened)) } else { opened };
        let starts = self.starts(&old);
        if starts.is_empty() {
            self.audit.unknown_steps += 1;
            return;
        }
        let result = |(entry, nano, storage): &(Entry, Nano, Vec<u8>)| {
            let from = From { nano: *nano, storage, clock: (time, now) };
            let outcome = self.games.run(&self.machine, &self.domain, entry, &from, input)?;
            Some(after(nano, to.ver, &outcome))
        };
        let results: Vec<Option<Nano>> = starts.iter().map(result).collect();
        if !results.contains(&Some(to)) {
            self.fault(format!("P9: the chain made {to:?} of a step that gives {results:?}"));
        }
        self.audit.forced_steps += 1;
    }

    /// From where a step may start: where the last one ended, or else every known version that may be the registered one.
    fn starts(&self, at: &OnChain) -> Vec<(Entry, Nano, Vec<u8>)> {
        let Some(game) = self.games.games.get(&(at.nano.ch, at.nano.entry)) else { return Vec::new() };
        let versions = game.versions.get(&at.nano.ver).into_iter().flatten().map(|played| played.nano);
        let is_it = |nano: &Nano| Nano { storage_hash: at.nano.storage_hash, ..*nano } == at.nano;
        let nanos = if at.stepped { vec![at.nano] } else { versions.filter(is_it).collect() };
        let with_storage = |nano: Nano| Some((game.entry, nano, self.games.storages.get(&nano.storage_hash)?.clone()));
        nanos.into_iter().filter_map(with_storage).collect()
    }

    pub(super) fn window_of(&self, ch: B256) -> u64 {
        let ledger = self.record.window(ch);
        ledger.or_else(|| self.virtuals.get(&ch).map(|p| p.window.into())).unwrap_or_default()
    }

    /// I9: a dispute with nanocontracts is over (2 + kMax)·w after R, kMax being that of the nanocontracts in it.
    fn check_duration(&mut self, ch: B256, now: u64) {
        let Some((_, refute_end)) = self.games.disputes.get(&ch).copied() else { return };
        let Some(object) = self.objects.get(&ch) else { return };
        let parties: Vec<usize> = object.keys.iter().filter_map(|key| self.node_of(*key)).collect();
        let at_home = |n: &usize| self.honest(*n) && self.people[*n].away_s == 0;
        let Some(node) = parties.into_iter().find(at_home) else { return };
        let k_max = self.games.longest(ch);
        // States whose nanocontracts nobody registers wait for their window only.
        let steps = k_max.map_or(1, |k_max| 2 + k_max) * self.window_of(ch);
        let slack = 3 * self.people[node].m_safe();
        if now > refute_end + steps + slack {
            self.fault(format!("I9: {ch} was concluded at {now}, R was {refute_end}, its steps take {steps} s"));
        }
    }
}
