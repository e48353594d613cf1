//! Nanocontracts in a dispute: what is registered, refuted and forced, and when (protocol 2.3 NANO and EXEC).
//!
//! Like the rest of the planner a function of what is durable and what the slots show.

use super::steps::Position;
use crate::chain::{Call, DisputeView, ForcedStep, Home, NanoClaim, NanoView, RecordView, Watch};
use crate::encode::Words;
use crate::instance::{Instance, Version};
use crate::io::{Event, Fault, Output, Reply};
use crate::nano::Outcome;
use crate::params::{Side, code_address, nano_slot};
use crate::participant::{Participant, tx_key};
use crate::sig::Signature;
use crate::signed::{Amount, Eip712, Entry, Nano, StepAuth};
use crate::tree;
use alloc::vec::Vec;
use alloy_primitives::{B256, keccak256};

/// Most nanocontracts of one transaction.
const BATCH: usize = 16;
/// Most gas of the steps of one transaction.
const BATCH_GAS: u64 = 10_000_000;

/// A dispute whose State, and with it the list of nanocontracts, is fixed.
struct Fixed {
    ch: B256,
    home: Home,
    dispute: DisputeView,
    challenge: u32,
    window: u32,
    nanos: Vec<Entry>,
}

/// From where a forced step would start.
struct Place<'a> {
    nano: Nano,
    storage: &'a [u8],
    first: bool,
    n_ref: u64,
}

impl Participant {
    /// A dispute of this channel is seen at the head.
    pub(super) fn in_dispute(&self, ch: B256) -> bool {
        self.dispute_of(ch).is_some()
    }

    fn dispute_of(&self, ch: B256) -> Option<DisputeView> {
        if let Some(ledger) = self.ledgers.get(&ch) {
            return self.ledger_view(ledger).head.dispute;
        }
        match self.record(ch)?.head {
            RecordView::Disputed(dispute) => Some(dispute),
            RecordView::None | RecordView::Concluded { .. } => None,
        }
    }

    /// A registered nanocontract as the head has it.
    pub(super) fn nano_view(&self, ch: B256, entry: B256) -> Option<&NanoView> {
        self.chain.nanos.get(&(ch, entry))?.head.as_ref()
    }

    pub(super) fn unwatch_nano(&mut self, ch: B256, entry: B256) {
        if self.chain.watched_nanos.remove(&(ch, entry)) {
            self.chain.nanos.remove(&(ch, entry));
            self.outputs.push(Output::Unwatch(Watch::Nano { ch, entry }));
        }
    }

    /// While a dispute runs a step is kept, and forced when the chain allows.
    pub(super) fn step_by_force(&mut self, tag: u64, ch: B256, nid: B256, input: Vec<u8>) -> Result<(), Fault> {
        let instance = self.nanos.get(&(ch, nid));
        let here = instance
            .and_then(|n| self.nano_on_chain(n).map(|place| place.3).or(Some(n.live.as_ref()?.top.nano.steps_left)));
        let (Some(steps_left), Some(instance)) = (here, self.nano_mut(ch, nid)) else {
            return Err(Fault::Caller("there is no such nanocontract, or it is not open".into()));
        };
        instance.forced = Some((steps_left, input));
        self.reply(tag, Reply::Done);
        self.plan_nanos(ch);
        Ok(())
    }

    /// Registers, refutes and steps whatever it is time for.
    pub(in crate::participant) fn plan_nanos(&mut self, ch: B256) {
        let Some(fixed) = self.fixed(ch) else { return };
        for entry in &fixed.nanos {
            self.watch_nano(ch, entry.struct_hash());
            self.tell_forced(ch, entry);
        }
        self.send_codes(&fixed);
        if self.now() <= fixed.dispute.refute_end {
            return;
        }
        let (mut claims, mut refutes) = (Vec::new(), Vec::new());
        for (index, entry) in fixed.nanos.iter().enumerate() {
            let hash = entry.struct_hash();
            let Some(seen) = self.chain.nanos.get(&(ch, hash)) else { continue };
            match seen.head.clone() {
                None => claims.extend(self.claim(&fixed, index, entry)),
                Some(view) => {
                    refutes.extend(self.refutation(&fixed, entry, &view));
                    self.plan_step(&fixed, entry, &view);
                }
            }
        }
        self.submit_claims(&fixed, claims);
        self.submit_refutes(&fixed, refutes);
    }

    /// Code that will be needed goes to the chain before its time comes.
    fn send_codes(&mut self, fixed: &Fixed) {
        let registered = |entry: &Entry| self.nano_view(fixed.ch, entry.struct_hash()).is_some();
        let waiting: Vec<&Entry> = fixed.nanos.iter().filter(|entry| !registered(entry)).collect();
        for entry in waiting {
            let Some((instance, version)) = self.newest(fixed.ch, entry) else { continue };
            let place = Place { nano: version.nano, storage: &version.storage, first: true, n_ref: 0 };
            if self.choose(fixed, instance, &place).is_some() {
                self.deployed(entry.code_hash);
            } else {
                self.ask_turn(fixed, entry, &version.nano, fixed.dispute.nano_window_end(fixed.window));
            }
        }
    }

    /// The State that the dispute stands at is one that this party knows, with nanocontracts.
    fn fixed(&self, ch: B256) -> Option<Fixed> {
        let dispute = self.dispute_of(ch).filter(|d| d.nanos)?;
        dispute.state?;
        let lists = self.book(ch)?.possible().find(|lists| tree::root(&lists.nanos) == dispute.roots.nanos)?;
        let (home, challenge, window) = match (self.ledgers.get(&ch), self.virtuals.get(&ch)) {
            (Some(l), _) => (Home::Ledger(l.params), l.params.challenge, l.params.window),
            (None, Some(v)) => (Home::Virtual(v.params.clone()), v.params.challenge, v.params.window),
            (None, None) => return None,
        };
        Some(Fixed { ch, home, dispute, challenge, window, nanos: lists.nanos })
    }

    fn watch_nano(&mut self, ch: B256, entry: B256) {
        if self.chain.watched_nanos.insert((ch, entry)) {
            self.outputs.push(Output::Watch(Watch::Nano { ch, entry }));
        }
    }

    /// My newest version of a nanocontract that the fixed State holds.
    fn newest(&self, ch: B256, entry: &Entry) -> Option<(&Instance, Version)> {
        let instance = self.nanos.get(&(ch, entry.nid))?;
        let live = instance.live.as_ref().filter(|live| live.entry == *entry);
        let genesis = || Version::genesis(ch, entry, instance.terms.storage.clone(), 0);
        Some((instance, live.map_or_else(genesis, |live| live.top.clone())))
    }

    /// The first registration, if it gives this party more than the default of the State, or may.
    fn claim(&mut self, fixed: &Fixed, index: usize, entry: &Entry) -> Option<NanoClaim> {
        if self.now() > fixed.dispute.nano_window_end(fixed.window) {
            return None;
        }
        let (instance, version) = self.newest(fixed.ch, entry)?;
        let me = instance.me;
        let place = Place { nano: version.nano, storage: &version.storage, first: true, n_ref: 0 };
        let unregistered = instance.share(entry.da0);
        let stalled = instance.share(version.nano.da);
        let choice = self.choose(fixed, instance, &place);
        let stepped = choice.as_ref().map(|(_, outcome)| (instance.share(outcome.da), outcome.steps_left));
        let better = stalled > unregistered
            || stepped.is_some_and(|(share, left)| share > unregistered || (left > 0 && share == unregistered));
        if !better {
            return None;
        }
        let ready = choice.is_some() && self.deployed(entry.code_hash);
        let step = choice.filter(|_| ready);
        let step = step.and_then(|(input, _)| self.forced_step(fixed, &version.nano, &version.storage, input));
        // Worth nothing yet without the step.
        if step.is_none() && stalled <= unregistered {
            return None;
        }
        let proof = tree::proof(&fixed.nanos, index)?;
        let sigs = without_sender(fixed, me, version.sigs);
        Some(NanoClaim { entry: *entry, index, proof, version: version.nano, sigs, step })
    }

    /// The peer registered an older version than this party has.
    fn refutation(&mut self, fixed: &Fixed, entry: &Entry, view: &NanoView) -> Option<NanoClaim> {
        let (instance, version) = self.newest(fixed.ch, entry)?;
        let me = instance.me;
        if self.now() > view.n_ref || version.nano.ver <= view.ver {
            return None;
        }
        let place = Place { nano: version.nano, storage: &version.storage, first: true, n_ref: 0 };
        let choice = self.choose(fixed, instance, &place);
        let step = choice.filter(|_| self.deployed(entry.code_hash));
        let step = step.and_then(|(input, _)| self.forced_step(fixed, &version.nano, &version.storage, input));
        let (version, sigs) = (version.nano, without_sender(fixed, me, version.sigs));
        Some(NanoClaim { entry: *entry, index: 0, proof: Vec::new(), version, sigs, step })
    }

    /// It is the mover's turn on the chain, and this party is the mover.
    fn plan_step(&mut self, fixed: &Fixed, entry: &Entry, view: &NanoView) {
        let now = self.now();
        let end = view.step_end(fixed.window);
        let Some((instance, version)) = self.newest(fixed.ch, entry) else { return };
        if view.steps_left == 0 || !instance.is_me(view.mover) || now > end {
            return;
        }
        let storage = self.storage_of(instance, &version, view);
        let Some(storage) = storage else { return };
        let nano = on_chain(&version.nano, view);
        let first = view.last == 0 && view.input.is_none();
        let place = Place { nano, storage: &storage, first, n_ref: view.n_ref };
        let Some((input, _)) = self.choose(fixed, instance, &place) else {
            return self.ask_turn(fixed, entry, &nano, end);
        };
        if now <= view.n_ref || !self.deployed(entry.code_hash) {
            return;
        }
        let Some(step) = self.forced_step(fixed, &nano, &storage, input) else { return };
        let slot = nano_slot(&self.config.domain, fixed.ch, entry.struct_hash());
        let call = Call::Execute { home: fixed.home.clone(), entry: *entry, step };
        self.submit("execute", slot, view.steps_left.into(), call, Some(end));
    }

    /// The storage behind the hash that the chain shows.
    fn storage_of(&self, instance: &Instance, version: &Version, view: &NanoView) -> Option<Vec<u8>> {
        let own = instance.live.as_ref().and_then(|live| live.own.as_ref()).map(|own| &own.storage);
        let known = [view.storage.as_ref(), Some(&version.storage), own, Some(&instance.terms.storage)];
        known.into_iter().flatten().find(|storage| keccak256(storage) == view.storage_hash).cloned()
    }

    /// The first input at hand that the rules take here and that does not make things worse than stalling: the step that was
    /// signed already, what the peer handed over, what the application prepared.
    fn choose(&self, fixed: &Fixed, instance: &Instance, place: &Place<'_>) -> Option<(Vec<u8>, Outcome)> {
        if !instance.is_me(place.nano.mover) || place.nano.steps_left == 0 {
            return None;
        }
        // What was signed or handed over speaks of the newest version only.
        let live = instance.live.as_ref().filter(|l| {
            l.top.nano.storage_hash == place.nano.storage_hash && l.top.nano.steps_left == place.nano.steps_left
        });
        let own = live.and_then(|l| l.own.as_ref()).map(|own| &own.input);
        let handed = live.and_then(|l| l.handed.as_ref());
        let forced =
            instance.forced.as_ref().filter(|(left, _)| *left == place.nano.steps_left).map(|(_, input)| input);
        let position = Position { nano: place.nano, storage: place.storage, clock: self.clock(fixed, place) };
        let stalling = instance.share(place.nano.da);
        let helps = |outcome: &Outcome| {
            let share = instance.share(outcome.da);
            share > stalling || (share == stalling && outcome.steps_left > 0)
        };
        let inputs = own.into_iter().chain(forced).chain(handed).chain(&instance.prepared);
        let mut tried = inputs.filter_map(|input| Some((input.clone(), self.run(instance, &position, input).ok()?)));
        tried.find(|(_, outcome)| helps(outcome))
    }

    /// The application's clock stands still from the opening of the dispute to the end of the nanocontract's refutation.
    fn clock(&self, fixed: &Fixed, place: &Place<'_>) -> (u64, u64) {
        let opened = fixed.dispute.refute_end.saturating_sub(fixed.challenge.into());
        let now = self.now();
        let time = if place.first { opened } else { now.saturating_sub(place.n_ref.saturating_sub(opened)) };
        (time, now)
    }

    fn forced_step(&self, fixed: &Fixed, nano: &Nano, storage: &[u8], input: Vec<u8>) -> Option<ForcedStep> {
        let entry = fixed.nanos.iter().find(|entry| entry.struct_hash() == nano.entry)?;
        let code = self.codes.get(&entry.code_hash)?;
        // The account of an end is not its key; a party of a ledger channel sends for itself.
        let auth = matches!(fixed.home, Home::Virtual(_)).then(|| {
            self.signer.sign_step_auth(&StepAuth {
                ch: fixed.ch,
                entry: nano.entry,
                ver: nano.ver,
                steps_left: nano.steps_left,
                storage_hash: keccak256(storage),
                input_hash: keccak256(&input),
            })
        });
        let code = code_address(&self.config.domain, code);
        Some(ForcedStep { code, storage: storage.to_vec(), input, auth })
    }

    /// Whether the code is where a forced step finds it; if not, it is sent there.
    fn deployed(&mut self, hash: B256) -> bool {
        if self.mined.contains(&tx_key("deploy", hash, 0)) {
            return true;
        }
        if let Some(code) = self.codes.get(&hash).cloned() {
            self.submit("deploy", hash, 0, Call::Deploy { code }, None);
        }
        false
    }

    fn submit_claims(&mut self, fixed: &Fixed, claims: Vec<NanoClaim>) {
        let deadline = Some(fixed.dispute.nano_window_end(fixed.window));
        let Some(state) = fixed.dispute.state else { return };
        let (roots, mix) = (fixed.dispute.roots, fixed.dispute.mix);
        for claims in batches(claims) {
            let (home, number) = (fixed.home.clone(), fingerprint(&claims));
            let call = Call::RegisterNanos { home, state, roots, mix, claims };
            self.submit("registerNanos", fixed.ch, number, call, deadline);
        }
    }

    fn submit_refutes(&mut self, fixed: &Fixed, refutes: Vec<NanoClaim>) {
        for claims in batches(refutes) {
            let number = fingerprint(&claims);
            let call = Call::RefuteNanos { home: fixed.home.clone(), claims };
            self.submit("refuteNanos", fixed.ch, number, call, None);
        }
    }

    /// Nothing at hand fits: the application is asked, once for each position.
    fn ask_turn(&mut self, fixed: &Fixed, entry: &Entry, nano: &Nano, deadline: u64) {
        let (ch, nid) = (fixed.ch, entry.nid);
        let Some(instance) = self.nanos.get_mut(&(ch, nid)) else { return };
        let mine = instance.is_me(nano.mover) && nano.steps_left > 0;
        if !mine || instance.memory.turn_told == Some(nano.steps_left) {
            return;
        }
        instance.memory.turn_told = Some(nano.steps_left);
        self.event(Event::NanoTurn { ch, nid, deadline });
    }

    /// Somebody forced a step: the application hears of it, and whoever waits for this step.
    fn tell_forced(&mut self, ch: B256, entry: &Entry) {
        let Some(view) = self.nano_view(ch, entry.struct_hash()).cloned() else { return };
        let Some(input) = view.input else { return };
        let nid = entry.nid;
        let Some(instance) = self.nanos.get_mut(&(ch, nid)) else { return };
        let told = instance.memory.forced_told;
        if told.is_some_and(|(left, _)| left == view.steps_left) {
            return;
        }
        let live = instance.live.as_ref();
        let mine = live.and_then(|l| l.own.as_ref()).is_some_and(|own| own.input == input);
        let start = live.map(|l| l.top.nano).filter(|top| top.ver == view.ver).map(|top| top.mover);
        let by = told.map(|(_, mover)| mover).or(start).unwrap_or(1 - view.mover.min(1));
        instance.memory.forced_told = Some((view.steps_left, view.mover));
        let tag = instance.memory.step_tag.take().filter(|_| mine);
        self.event(Event::NanoStepped { ch, nid, ver: view.ver, by, input, forced: true });
        if let Some(tag) = tag {
            self.reply(tag, Reply::Stepped { ch, nid, ver: view.ver });
        }
    }

    pub(in crate::participant) fn reveal(&mut self, tag: u64, secret: B256) -> Result<(), Fault> {
        let hash = keccak256(secret);
        if self.chain.watched_secrets.insert(hash) {
            self.outputs.push(Output::Watch(Watch::Revealed(hash)));
            self.told.push(crate::participant::record(b's', hash, &()));
        }
        self.submit("reveal", hash, 0, Call::Reveal { secret }, None);
        self.reply(tag, Reply::Done);
        Ok(())
    }

    /// Last second, chain time, at which this party can still do something about a nanocontract in dispute.
    pub(in crate::participant) fn nano_deadline(&self, instance: &Instance) -> Option<u64> {
        let dispute = self.dispute_of(instance.ch).filter(|d| d.nanos)?;
        let (window, _) = self.times_of(instance.ch)?;
        let live = instance.live.as_ref()?;
        match self.nano_view(instance.ch, live.entry.struct_hash()) {
            None => Some(dispute.nano_window_end(window)),
            Some(view) if live.top.nano.ver > view.ver => Some(view.n_ref),
            Some(view) if view.steps_left > 0 && instance.is_me(view.mover) => Some(view.step_end(window)),
            Some(_) => None,
        }
    }

    /// What the chain has of it: storage (if known), A's part, mover, steps left.
    pub(in crate::participant) fn nano_on_chain(&self, instance: &Instance) -> Option<(Vec<u8>, Amount, u8, u16)> {
        let live = instance.live.as_ref()?;
        let view = self.nano_view(instance.ch, live.entry.struct_hash())?;
        let storage = self.storage_of(instance, &live.top, view).unwrap_or_default();
        Some((storage, view.da, view.mover, view.steps_left))
    }
}

/// In a ledger channel sending it is signing it (protocol 2.3).
fn without_sender(fixed: &Fixed, me: Side, mut sigs: [Option<Signature>; 2]) -> [Option<Signature>; 2] {
    if matches!(fixed.home, Home::Ledger(_)) {
        sigs[me.index()] = None;
    }
    sigs
}

fn on_chain(nano: &Nano, view: &NanoView) -> Nano {
    let NanoView { ver, da, mover, steps_left, storage_hash, .. } = *view;
    Nano { ver, da, mover, steps_left, storage_hash, ..*nano }
}

/// As many as fit a transaction.
fn batches(claims: Vec<NanoClaim>) -> Vec<Vec<NanoClaim>> {
    let mut batches: Vec<Vec<NanoClaim>> = Vec::new();
    let gas = |claim: &NanoClaim| if claim.step.is_some() { u64::from(claim.entry.gas) } else { 0 };
    let mut used = 0;
    for claim in claims {
        let more = gas(&claim);
        match batches.last_mut() {
            Some(batch) if batch.len() < BATCH && used + more <= BATCH_GAS => {
                used += more;
                batch.push(claim);
            }
            _ => {
                used = more;
                batches.push(Vec::from([claim]));
            }
        }
    }
    batches
}

/// Names a batch: asked for again unchanged it is the same wish.
fn fingerprint(claims: &[NanoClaim]) -> u128 {
    let words = claims.iter().fold(Words::new(), |w, c| {
        w.hash(c.version.struct_hash())
            .uint(c.step.is_some().into())
            .hash(c.step.as_ref().map(|s| keccak256(&s.input)).unwrap_or_default())
    });
    let hash = words.keccak();
    u128::from_be_bytes(core::array::from_fn(|i| hash[i]))
}
