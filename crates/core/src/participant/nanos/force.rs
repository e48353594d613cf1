//! Nanocontracts in a dispute: what is registered, refuted and forced, and when (protocol 2.3 NANO and EXEC).
//!
//! Like the rest of the planner a function of what is durable and what the slots show.

use super::batches::{fingerprint, into_batches};
use super::evaluate::Position;
use super::offers::{BYTE_GAS, REGISTER_GAS, STEP_GAS};
use super::steps::words_of;
use crate::chain::{Call, DisputeView, ForcedStep, Home, NanoClaim, NanoView, RecordView, TxKey, Watch};
use crate::instance::{Authorised, Instance, Version};
use crate::io::{Event, Fault, Output, Reply};
use crate::mutant::{duty, guard};
use crate::nano::Outcome;
use crate::params::{Side, code_address, nano_slot};
use crate::participant::{Participant, tx_key};
use crate::sig::Signature;
use crate::signed::{Amount, Eip712, Entry, Nano, StepAuth};
use crate::tree;
use alloc::vec::Vec;
use alloy_primitives::{B256, keccak256};

/// How often the plan is made again while the head stays the same, milliseconds.
const REPLAN_MS: u64 = 1_000;

/// A dispute whose State, and with it the list of nanocontracts, is fixed.
struct Fixed {
    ch: B256,
    home: Home,
    dispute: DisputeView,
    challenge: u32,
    window: u32,
    nanos: Vec<Entry>,
}

/// Why an input is thought of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Why {
    /// Somebody decided on it: it is followed whatever it gives.
    Order,
    /// It was kept for this position: it must give no less than stalling.
    Kept,
    /// It was handed over for an earlier one: it must give more.
    Left,
}

/// From where a forced step would start.
struct Place<'a> {
    nano: Nano,
    storage: &'a [u8],
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
        let none = || Fault::Caller("there is no such nanocontract in the State that is in dispute".into());
        let fixed = self.fixed(ch).ok_or_else(none)?;
        let entry = fixed.nanos.iter().find(|entry| entry.nid == nid).copied().ok_or_else(none)?;
        let (nano, storage) = self.stands(&fixed, &entry).ok_or_else(none)?;
        let clock = self.clock(&fixed);
        let position = Position { nano, storage: &storage, clock, head: true };
        let instance = self.nanos.get(&(ch, nid)).ok_or_else(none)?;
        if !instance.is_me(nano.mover) {
            return Err(Fault::Caller("it is the other party's turn".into()));
        }
        if instance.authorised.as_ref().is_some_and(|a| a.is_for(&nano) && a.input != input) {
            return Err(Fault::Caller("another step was sent to the chain already".into()));
        }
        self.run(instance, &position, &input).map_err(|no| Fault::Caller(words_of(&no)))?;
        if let Some(instance) = self.nano_mut(ch, nid) {
            instance.forced = Some((nano.steps_left, input));
        }
        self.reply(tag, Reply::Done);
        self.chain.planned_nanos.remove(&ch);
        self.plan_nanos(ch);
        Ok(())
    }

    /// Where a nanocontract of the fixed State stands now: on the chain, or by this party's newest version if it is not
    /// registered; and its storage.
    fn stands(&self, fixed: &Fixed, entry: &Entry) -> Option<(Nano, Vec<u8>)> {
        let (instance, version) = self.newest(fixed.ch, entry)?;
        let Some(view) = self.nano_view(fixed.ch, entry.struct_hash()) else {
            return Some((version.nano, version.storage));
        };
        let storage = self.storage_of(instance, &version, view)?;
        Some((on_chain(&version.nano, view), storage))
    }

    /// Registers, refutes and steps whatever it is time for.
    pub(in crate::participant) fn plan_nanos(&mut self, ch: B256) {
        // Running code is the dearest thing here: once for each head, and then now and then.
        let (head, now_ms) = (self.chain.head.hash, self.env.now_ms);
        let again = |(at, ms): &(B256, u64)| *at != head || *ms + REPLAN_MS <= now_ms;
        if !self.chain.planned_nanos.get(&ch).is_none_or(again) {
            return;
        }
        let Some(fixed) = self.fixed(ch) else { return };
        self.chain.planned_nanos.insert(ch, (head, now_ms));
        for entry in &fixed.nanos {
            self.watch_nano(ch, entry.struct_hash());
            self.tell_forced(ch, entry);
        }
        if self.now() <= fixed.dispute.refute_end {
            return self.send_codes(&fixed);
        }
        let (mut claims, mut refutes) = (Vec::new(), Vec::new());
        for (index, entry) in fixed.nanos.iter().enumerate() {
            let hash = entry.struct_hash();
            let Some(seen) = self.chain.nanos.get(&(ch, hash)) else { continue };
            match seen.head.clone() {
                _ if self.is_claimed(ch, hash) => {}
                None => claims.extend(self.claim(&fixed, index, entry)),
                Some(view) => {
                    let refutation = self.refutation(&fixed, entry, &view);
                    refutes.extend(refutation.map(|claim| (view.n_ref, claim)));
                    self.plan_step(&fixed, entry, &view);
                }
            }
        }
        self.submit_claims(&fixed, claims);
        self.submit_refutes(&fixed, refutes);
    }

    /// Code that will be needed goes to the chain before its time comes.
    fn send_codes(&mut self, fixed: &Fixed) {
        for entry in &fixed.nanos {
            self.publish_secrets_of(fixed.ch, entry.nid);
            let Some((_, version)) = self.newest(fixed.ch, entry) else { continue };
            let place = Place { nano: version.nano, storage: &version.storage };
            if self.choose(fixed, entry.nid, &place).is_some() {
                self.deployed(entry.code_hash);
            } else {
                self.ask_turn(fixed, entry, &version.nano, fixed.dispute.nano_window_end(fixed.window));
            }
        }
    }

    /// What this party will say by force comes too late for a deadline that is near, unless it is published now (protocol 6.3).
    fn publish_secrets_of(&mut self, ch: B256, nid: B256) {
        let Some(instance) = self.nanos.get(&(ch, nid)) else { return };
        let live = instance.live.as_ref();
        let own = live.and_then(|l| l.own.as_ref()).map(|own| &own.input);
        let others = live.and_then(|l| l.handed.as_ref()).into_iter().chain(&instance.prepared);
        let inputs: Vec<Vec<u8>> = own.into_iter().chain(others).filter(|input| input.len() == 32).cloned().collect();
        for input in inputs {
            self.publish_if_sought(ch, nid, &input);
        }
    }

    /// The State that the dispute stands at is one that this party knows, with nanocontracts.
    fn fixed(&self, ch: B256) -> Option<Fixed> {
        let dispute = self.dispute_of(ch).filter(|d| d.nanos)?;
        dispute.state?;
        let lists =
            self.book(ch)?.possible().map(|(_, nanos)| nanos).find(|nanos| tree::root(nanos) == dispute.roots.nanos)?;
        let (home, challenge, window) = match (self.ledgers.get(&ch), self.virtuals.get(&ch)) {
            (Some(l), _) => (Home::Ledger(l.params), l.params.challenge, l.params.window),
            (None, Some(v)) => (Home::Virtual(v.params.clone()), v.params.challenge, v.params.window),
            (None, None) => return None,
        };
        Some(Fixed { ch, home, dispute, challenge, window, nanos: lists.to_vec() })
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
        let end = fixed.dispute.nano_window_end(fixed.window);
        if !duty!("2.3-nano-register", self.now() <= end) {
            return None;
        }
        let (instance, version) = self.newest(fixed.ch, entry)?;
        let (me, turn) = (instance.me, instance.is_me(version.nano.mover) && version.nano.steps_left > 0);
        let (unregistered, stalled) = (instance.share(entry.da0), instance.share(version.nano.da));
        let place = Place { nano: version.nano, storage: &version.storage };
        let choice = self.choose(fixed, entry.nid, &place);
        let best = choice.as_ref().map(|(_, outcome)| self.hope(fixed, entry, outcome));
        if choice.is_none() {
            self.ask_turn(fixed, entry, &version.nano, end);
        }
        let step = choice.filter(|_| self.deployed(entry.code_hash));
        let step = step.and_then(|(input, _)| self.forced_step(fixed, &version.nano, &version.storage, input));
        // Without its step it is registered only for what it gives already, or so that the step can follow.
        let urgent = turn && stalled >= unregistered && self.now() + self.policy().m_safe >= end;
        let hoped = best.filter(|_| step.is_some() || urgent).unwrap_or(if urgent { entry.total } else { 0 });
        let gain = stalled.max(hoped).saturating_sub(unregistered);
        if gain == 0 || gain < self.claim_cost(step.as_ref()) {
            return None;
        }
        let proof = tree::proof(&fixed.nanos, index)?;
        let sigs = without_sender(fixed, me, version.sigs);
        Some(NanoClaim { entry: *entry, index, proof, version: version.nano, sigs, step })
    }

    /// The most that can come of a step for this party.
    fn hope(&self, fixed: &Fixed, entry: &Entry, outcome: &Outcome) -> Amount {
        let share = self.nanos.get(&(fixed.ch, entry.nid)).map(|n| n.share(outcome.da)).unwrap_or_default();
        if outcome.steps_left > 0 { entry.total } else { share }
    }

    /// What a registration costs in gas, at the price of the policy: for less it is not worth it (S47).
    fn claim_cost(&self, step: Option<&ForcedStep>) -> Amount {
        let bytes = step.map_or(0, |s| s.storage.len() + s.input.len()) as u64;
        let gas = REGISTER_GAS + BYTE_GAS * bytes + if step.is_some() { STEP_GAS } else { 0 };
        Amount::from(gas).saturating_mul(self.policy().nano.gas_price)
    }

    /// The peer registered an older version than this party has.
    fn refutation(&mut self, fixed: &Fixed, entry: &Entry, view: &NanoView) -> Option<NanoClaim> {
        let (instance, version) = self.newest(fixed.ch, entry)?;
        let me = instance.me;
        if !duty!("2.3-nano-refute", self.now() <= view.n_ref && version.nano.ver > view.ver) {
            return None;
        }
        let place = Place { nano: version.nano, storage: &version.storage };
        let choice = self.choose(fixed, entry.nid, &place);
        let step = choice.filter(|_| self.deployed(entry.code_hash));
        let step = step.and_then(|(input, _)| self.forced_step(fixed, &version.nano, &version.storage, input));
        let sigs = without_sender(fixed, me, version.sigs);
        Some(NanoClaim { entry: *entry, index: 0, proof: Vec::new(), version: version.nano, sigs, step })
    }

    /// It is the mover's turn on the chain, and this party is the mover.
    fn plan_step(&mut self, fixed: &Fixed, entry: &Entry, view: &NanoView) {
        let now = self.now();
        let end = view.step_end(fixed.window);
        let mine = self.nanos.get(&(fixed.ch, entry.nid)).is_some_and(|n| n.is_me(view.mover));
        if view.steps_left == 0 || !duty!("2.3-nano-execute", mine && now <= end) {
            return;
        }
        let Some((nano, storage)) = self.stands(fixed, entry) else { return };
        let place = Place { nano, storage: &storage };
        let Some((input, _)) = self.choose(fixed, entry.nid, &place) else {
            return self.ask_turn(fixed, entry, &nano, end);
        };
        if !self.deployed(entry.code_hash) || now <= view.n_ref {
            return;
        }
        let Some(step) = self.forced_step(fixed, &nano, &storage, input) else { return };
        let slot = nano_slot(&self.config.domain, fixed.ch, entry.struct_hash());
        let call = Call::Execute { home: fixed.home.clone(), entry: *entry, step };
        self.chain.nano_calls.insert(tx_key("execute", slot, view.steps_left.into()));
        self.submit("execute", slot, view.steps_left.into(), call, Some(end));
    }

    /// The storage behind the hash that the chain shows.
    fn storage_of(&self, instance: &Instance, version: &Version, view: &NanoView) -> Option<Vec<u8>> {
        let own = instance.live.as_ref().and_then(|live| live.own.as_ref()).map(|own| &own.storage);
        let known = [view.storage.as_ref(), Some(&version.storage), own, Some(&instance.terms.storage)];
        known.into_iter().flatten().find(|storage| keccak256(storage) == view.storage_hash).cloned()
    }

    /// The first input at hand that the rules take here: the step that was signed already, what the application orders, what the
    /// peer handed over, what the application prepared. Only an order is followed if it is no better than stalling.
    fn choose(&mut self, fixed: &Fixed, nid: B256, place: &Place<'_>) -> Option<(Vec<u8>, Outcome)> {
        let instance = self.nanos.get(&(fixed.ch, nid))?;
        if !instance.is_me(place.nano.mover) || place.nano.steps_left == 0 {
            return None;
        }
        // What was signed or handed over speaks of the newest version only.
        let live = instance.live.as_ref().filter(|l| {
            l.top.nano.storage_hash == place.nano.storage_hash && l.top.nano.steps_left == place.nano.steps_left
        });
        let own = live.and_then(|l| l.own.as_ref()).map(|own| &own.input);
        let handed = live.and_then(|l| l.handed.as_ref());
        // It may have been behind a step that claimed less: what it still adds at this position is claimed by another step.
        let left = instance.live.as_ref().filter(|_| live.is_none()).and_then(|l| l.handed.as_ref());
        let ordered =
            instance.forced.as_ref().filter(|(left, _)| *left == place.nano.steps_left).map(|(_, input)| input);
        // What the key signed for this position is said, and nothing else.
        let bound = instance.authorised.as_ref().filter(|a| a.is_for(&place.nano)).map(|a| a.input.clone());
        let stalling = instance.share(place.nano.da);
        let clock = self.clock(fixed);
        let position = Position { nano: place.nano, storage: place.storage, clock, head: true };
        let orders = ordered.into_iter().map(|input| (Why::Order, input));
        let others = own.into_iter().map(|input| (Why::Kept, input)).chain(orders);
        let others = others.chain(handed.into_iter().chain(&instance.prepared).map(|input| (Why::Kept, input)));
        let others = others.chain(left.into_iter().map(|input| (Why::Left, input)));
        let at_hand = others.map(|(why, input)| (why, input.clone())).collect();
        let inputs: Vec<(Why, Vec<u8>)> = bound.map_or(at_hand, |input| Vec::from([(Why::Order, input)]));
        for (why, input) in inputs {
            if !self.knows_secrets(fixed.ch, nid, &position, &input) {
                continue;
            }
            let instance = self.nanos.get(&(fixed.ch, nid))?;
            let Ok(outcome) = self.run(instance, &position, &input) else { continue };
            let share = instance.share(outcome.da);
            let as_good = share == stalling && outcome.steps_left > 0;
            if why == Why::Order || share > stalling || (why == Why::Kept && as_good) {
                return Some((input, outcome));
            }
        }
        None
    }

    /// In a dispute the application's clock stands still: every mover has its window.
    fn clock(&self, fixed: &Fixed) -> (u64, u64) {
        (fixed.dispute.refute_end.saturating_sub(fixed.challenge.into()), self.now())
    }

    fn forced_step(&mut self, fixed: &Fixed, nano: &Nano, storage: &[u8], input: Vec<u8>) -> Option<ForcedStep> {
        let entry = fixed.nanos.iter().find(|entry| entry.struct_hash() == nano.entry)?;
        let code = code_address(&self.config.domain, self.codes.get(&entry.code_hash)?);
        // The account of an end is not its key; a party of a ledger channel sends for itself.
        let auth = if matches!(fixed.home, Home::Virtual(_)) {
            Some(self.authorise(fixed.ch, entry.nid, nano, &input)?)
        } else {
            None
        };
        Some(ForcedStep { code, storage: storage.to_vec(), input, auth })
    }

    /// One input for each position, so that nobody has two to choose from; [`Self::choose`] keeps to it.
    fn authorise(&mut self, ch: B256, nid: B256, nano: &Nano, input: &[u8]) -> Option<Signature> {
        let Nano { entry, ver, steps_left, storage_hash, .. } = *nano;
        let wanted = Authorised { ver, steps_left, storage_hash, input: input.to_vec() };
        let known = self.nanos.get(&(ch, nid))?.authorised.as_ref();
        let another = known.is_some_and(|known| known.is_for(nano) && known.input != input);
        if !guard!("2.3-one-step-auth", !another) {
            return None;
        }
        if known != Some(&wanted) {
            self.nano_mut(ch, nid)?.authorised = Some(wanted);
        }
        let input_hash = keccak256(input);
        Some(self.signer.sign_step_auth(&StepAuth { ch, entry, ver, steps_left, storage_hash, input_hash }))
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
        let end = fixed.dispute.nano_window_end(fixed.window);
        let Some(state) = fixed.dispute.state else { return };
        let (roots, mix) = (fixed.dispute.roots, fixed.dispute.mix);
        for claims in self.batches("registerNanos", fixed.ch, claims) {
            let (home, number) = (fixed.home.clone(), fingerprint(&claims));
            self.remember_claims(tx_key("registerNanos", fixed.ch, number), &claims);
            let call = Call::RegisterNanos { home, state, roots, mix, claims };
            self.submit("registerNanos", fixed.ch, number, call, Some(end));
        }
    }

    fn submit_refutes(&mut self, fixed: &Fixed, refutes: Vec<(u64, NanoClaim)>) {
        let Some(deadline) = refutes.iter().map(|(n_ref, _)| *n_ref).min() else { return };
        let claims = refutes.into_iter().map(|(_, claim)| claim).collect();
        for claims in self.batches("refuteNanos", fixed.ch, claims) {
            let number = fingerprint(&claims);
            self.remember_claims(tx_key("refuteNanos", fixed.ch, number), &claims);
            let call = Call::RefuteNanos { home: fixed.home.clone(), claims };
            self.submit("refuteNanos", fixed.ch, number, call, Some(deadline));
        }
    }

    /// What goes together. What was in a call that failed is sent one by one, so that one bad claim does not sink the others; one
    /// that failed alone goes without its step, which can still follow.
    fn batches(&self, kind: &'static str, ch: B256, claims: Vec<NanoClaim>) -> Vec<Vec<NanoClaim>> {
        let failed = |key: &TxKey| self.chain.failed_nanos.contains(key);
        if !claims.iter().any(|claim| self.chain.claimed_nanos.get(&(ch, claim.version.entry)).is_some_and(failed)) {
            return into_batches(claims);
        }
        let single = |mut claim: NanoClaim| {
            let alone = tx_key(kind, ch, fingerprint(core::slice::from_ref(&claim)));
            claim.step.take_if(|_| failed(&alone));
            Vec::from([claim])
        };
        claims.into_iter().map(single).collect()
    }

    fn remember_claims(&mut self, key: TxKey, claims: &[NanoClaim]) {
        self.chain.nano_calls.insert(key);
        let names = claims.iter().map(|claim| ((claim.version.ch, claim.version.entry), key));
        self.chain.claimed_nanos.extend(names);
    }

    /// A registration or refutation of it is under way.
    fn is_claimed(&self, ch: B256, entry: B256) -> bool {
        let key = self.chain.claimed_nanos.get(&(ch, entry));
        key.is_some_and(|key| self.in_flight.contains(key) || self.cooling.contains_key(key))
    }

    /// A call about nanocontracts failed: perhaps a reorg took the code away, perhaps one of several claims was to blame.
    pub(in crate::participant) fn nano_call_failed(&mut self, key: TxKey) {
        if !self.chain.nano_calls.remove(&key) {
            return;
        }
        self.chain.failed_nanos.insert(key);
        let codes: Vec<TxKey> = self.codes.keys().map(|hash| tx_key("deploy", *hash, 0)).collect();
        self.mined.retain(|mined| !codes.contains(mined));
        self.chain.planned_nanos.clear();
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

    /// Last second, chain time, at which this party can still do something about a nanocontract in dispute.
    pub(in crate::participant) fn nano_deadline(&self, instance: &Instance) -> Option<u64> {
        let fixed = self.fixed(instance.ch)?;
        let entry = fixed.nanos.iter().find(|entry| entry.nid == instance.nid)?;
        let (_, version) = self.newest(instance.ch, entry)?;
        match self.nano_view(instance.ch, entry.struct_hash()) {
            None => Some(fixed.dispute.nano_window_end(fixed.window)),
            Some(view) if version.nano.ver > view.ver => Some(view.n_ref),
            Some(view) if view.steps_left > 0 && instance.is_me(view.mover) => Some(view.step_end(fixed.window)),
            Some(_) => None,
        }
    }

    /// What the chain has of it: storage (if known), A's part, mover, steps left.
    pub(in crate::participant) fn nano_on_chain(&self, instance: &Instance) -> Option<(Vec<u8>, Amount, u8, u16)> {
        let fixed = self.fixed(instance.ch)?;
        let entry = fixed.nanos.iter().find(|entry| entry.nid == instance.nid)?;
        let (_, version) = self.newest(instance.ch, entry)?;
        let view = self.nano_view(instance.ch, entry.struct_hash())?;
        let storage = self.storage_of(instance, &version, view).unwrap_or_default();
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
