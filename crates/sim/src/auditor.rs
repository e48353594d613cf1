//! An auditor who knows nothing of the participants' code: from the messages that left and reached the honest nodes and from the
//! chain's events it works out who is owed what, and compares (protocol 2.4, I1–I10).

mod claims;
mod contents;
mod finish;
mod nanos;
mod record;

use crate::world::{Tap, World};
use alloy_primitives::{Address, B256};
use contents::{Entries, Item, Object, Outcome};
use nanos::{Games, Known};
use perunika_contracts::Event;
use perunika_core::Domain;
use perunika_core::chain::Call;
use perunika_core::message::Message;
use perunika_core::params::VirtualParams;
use perunika_core::sig::Signature;
use perunika_core::signed::{Eip712, Final, Lock};
use record::Record;
use std::collections::{BTreeMap, BTreeSet};

/// What an audit found.
#[derive(Debug, Default)]
pub struct Audit {
    /// Broken promises, in words; empty if all is well.
    pub faults: Vec<String>,
    /// Number of messages that honest nodes sent.
    pub messages: usize,
    /// Forced steps that were computed again, with the same result.
    pub forced_steps: usize,
    /// Forced steps from a storage that nobody ever told.
    pub unknown_steps: usize,
}

/// What one node knows of one object, as far as its messages show.
#[derive(Debug, Default)]
struct Knowledge {
    /// Newest version that it accepted.
    cur: u64,
    /// Newest version with both signatures in its hands.
    top: u64,
    /// Versions that it signed.
    signed: BTreeSet<u64>,
    /// Versions for which it received the peer's signature.
    got: BTreeSet<u64>,
}

pub(super) struct Auditor<'w> {
    world: &'w World,
    domain: Domain,
    now_ms: u64,
    objects: BTreeMap<B256, Object>,
    virtuals: BTreeMap<B256, VirtualParams>,
    signatures: BTreeMap<(Address, B256, u64), Signature>,
    finals: BTreeMap<(usize, B256), u128>,
    knowledge: BTreeMap<(usize, B256), Knowledge>,
    certificates: BTreeMap<(usize, B256, u128), BTreeSet<u8>>,
    revealed: BTreeSet<(usize, B256)>,
    stopped: BTreeSet<usize>,
    /// Ends that let go of a virtual channel without having signed anything of it: they never will.
    abandoned: BTreeSet<(usize, B256)>,
    outcomes: BTreeMap<B256, BTreeSet<Outcome>>,
    record: Record,
    games: Games,
    /// Handed inputs that a node took, by name of the nanocontract.
    taken: BTreeMap<(usize, B256), u64>,
    audit: Audit,
}

impl World {
    /// Checks everything that can be checked at any time.
    pub fn audit(&self) -> Audit {
        let mut auditor = Auditor::new(self);
        auditor.read();
        auditor.check_always();
        auditor.audit
    }
}

impl<'w> Auditor<'w> {
    fn new(world: &'w World) -> Self {
        Self {
            world,
            domain: world.ground.domain,
            now_ms: 0,
            objects: BTreeMap::new(),
            virtuals: BTreeMap::new(),
            signatures: BTreeMap::new(),
            finals: BTreeMap::new(),
            knowledge: BTreeMap::new(),
            certificates: BTreeMap::new(),
            revealed: BTreeSet::new(),
            stopped: BTreeSet::new(),
            abandoned: BTreeSet::new(),
            outcomes: BTreeMap::new(),
            record: Record::default(),
            games: Games::default(),
            taken: BTreeMap::new(),
            audit: Audit::default(),
        }
    }

    fn read(&mut self) {
        // Parameters are public: whoever signs a lock may name it before the auditor saw the call to create it.
        for (_, tap) in &self.world.taps {
            if let Tap::Sent { message: Message::VcOpen { params, .. }, .. } = tap
                && is_sound(params)
            {
                let vc = params.id(&self.domain);
                self.objects.entry(vc).or_insert_with(|| Object::virtual_channel(params));
                self.virtuals.insert(vc, params.clone());
            }
            if let Tap::Sent { message, .. } = tap {
                self.games.offered(message);
            }
        }
        for (index, (at, tap)) in self.world.taps.iter().enumerate() {
            self.now_ms = *at;
            match tap {
                Tap::Sent { from, message } => self.sent(*from, message),
                Tap::Got { to, from, message } => {
                    let next = self.world.taps.get(index + 1).map(|(_, tap)| tap);
                    let lost = matches!(next, Some(Tap::Lost { node }) if node == to);
                    if !lost && self.honest(*to) {
                        self.got(*to, self.key(*from), message);
                    }
                }
                Tap::Called { node, call } => self.called(*node, call),
                Tap::Chain(event) => self.event(event),
                Tap::Down { node } => drop(self.stopped.insert(*node)),
                Tap::Lost { .. } => {}
            }
        }
    }

    fn honest(&self, node: usize) -> bool {
        self.world.nodes[node].honest
    }

    fn honest_nodes(&self) -> Vec<usize> {
        (0..self.world.nodes.len()).filter(|n| self.honest(*n)).collect()
    }

    fn key(&self, node: usize) -> Address {
        self.world.nodes[node].key
    }

    fn fault(&mut self, text: String) {
        self.audit.faults.push(format!("at {} ms: {text}", self.now_ms));
    }

    fn name(&self, node: usize) -> &str {
        &self.world.nodes[node].name
    }

    fn event(&mut self, event: &Event) {
        if let Event::Confirmed { id, dep_b } = event
            && let Some((params, dep_a)) = self.record.funding(*id)
        {
            self.objects.insert(*id, Object::ledger(params, [dep_a, *dep_b]));
        }
        self.nano_event(event);
        let faults = self.record.follow(event);
        faults.into_iter().for_each(|f| self.fault(f));
    }

    fn sent(&mut self, from: usize, message: &Message) {
        let honest = self.honest(from);
        self.audit.messages += usize::from(honest);
        match message {
            Message::Activate { vc, .. } if honest && self.revealed.insert((from, *vc)) => self.check_reveal(from, *vc),
            Message::FinalSigs { vc, out_a, sigs } => self.sent_final(from, *vc, *out_a, sigs),
            Message::Ack { ch, ver } if honest => self.accepted(from, *ch, *ver),
            _ => self.sent_nano(from, message),
        }
        let Some((ch, ver, sig)) = signature_in(message) else { return };
        if !self.is_new_signature(from, ch, ver, sig) {
            return;
        }
        let derived = self.derive(self.key(from), message);
        self.adopt_nanos(ch, ver);
        if !honest {
            return;
        }
        if !derived {
            let text = format!("{} signed version {ver} of {ch} and nobody can tell what it says", self.name(from));
            return self.fault(text);
        }
        self.check_not_frozen(from, ch, ver);
        self.check_removals(from, ch, ver);
        self.check_closings(from, ch, ver);
        self.knowledge.entry((from, ch)).or_default().signed.insert(ver);
        if matches!(message, Message::Accept { .. }) {
            self.accepted(from, ch, ver);
        }
        self.pair_up(from, ch, ver);
    }

    fn got(&mut self, to: usize, from: Address, message: &Message) {
        if let Message::FinalSigs { vc, out_a, sigs } = message {
            self.note_finals(to, *vc, *out_a, sigs);
        }
        self.got_nano(to, from, message);
        let Some((ch, ver, sig)) = signature_in(message) else { return };
        let known = self.objects.get(&ch).and_then(|o| o.signed_by(ver, from)).map(|c| c.hash(ch));
        if known.is_some_and(|hash| crate::signing::verifies(sig, self.domain.digest(hash), from)) {
            self.knowledge.entry((to, ch)).or_default().got.insert(ver);
            self.pair_up(to, ch, ver);
        }
    }

    /// The node holds both signatures of a version: it is accepted, unless something newer is.
    fn pair_up(&mut self, node: usize, ch: B256, ver: u64) {
        let key = self.key(node);
        let Some(object) = self.objects.get(&ch) else { return };
        let Some(side) = object.side(key) else { return };
        let both = object.signed_by(ver, key).is_some_and(|c| c.signers.contains(&object.keys[1 - side]));
        let knowledge = self.knowledge.entry((node, ch)).or_default();
        if both && knowledge.signed.contains(&ver) && knowledge.got.contains(&ver) && ver >= knowledge.cur {
            knowledge.cur = ver;
            knowledge.top = knowledge.top.max(ver);
        }
    }

    fn accepted(&mut self, node: usize, ch: B256, ver: u64) {
        let knowledge = self.knowledge.entry((node, ch)).or_default();
        knowledge.cur = knowledge.cur.max(ver);
    }

    /// P7: never two contents with one version. Signatures are deterministic, so two contents are two signatures.
    fn is_new_signature(&mut self, from: usize, ch: B256, ver: u64, sig: &Signature) -> bool {
        let old = self.signatures.insert((self.key(from), ch, ver), *sig);
        if old.is_some_and(|old| old != *sig) && self.honest(from) {
            let text = format!("P7: {} signed two contents of {ch} with version {ver}", self.name(from));
            self.fault(text);
        }
        old != Some(*sig)
    }

    fn derive(&mut self, by: Address, message: &Message) -> bool {
        let Some((ch, ver, sig)) = signature_in(message) else { return false };
        let virtuals = &self.virtuals;
        let domain = self.domain;
        let Some(object) = self.objects.get_mut(&ch) else { return false };
        let keys = object.keys;
        let books = Known { ch, keys, virtuals, games: &self.games };
        match message {
            Message::Item { base, def_a, .. } => {
                object.item(ch, Item { ver, base: *base, def_a: *def_a }, by, sig, &domain)
            }
            Message::Start { .. } => {
                let def_a = object.versions[&0][0].def_a;
                object.item(ch, Item { ver, base: 0, def_a }, by, sig, &domain)
            }
            Message::Presign { op, .. } => {
                let ops = [*op];
                object.change(ch, &Entries { ver, base: None, ops: &ops, books: &books }, by, sig, &domain)
            }
            Message::Propose { base, ops, .. } => {
                object.change(ch, &Entries { ver, base: Some(*base), ops, books: &books }, by, sig, &domain)
            }
            _ => object.countersigned(ch, ver, by, sig, &domain),
        }
    }

    fn adopt_nanos(&mut self, ch: B256, ver: u64) {
        let contents = self.objects.get(&ch).and_then(|o| o.versions.get(&ver)).into_iter().flatten();
        contents.for_each(|content| self.games.adopt(ch, content));
    }

    fn sent_final(&mut self, from: usize, vc: B256, out_a: u128, sigs: &[(u8, Signature)]) {
        self.note_finals(from, vc, out_a, sigs);
        let Some(index) = self.position(from, vc).filter(|_| self.honest(from)) else { return };
        if sigs.iter().all(|(i, _)| usize::from(*i) != index) {
            return;
        }
        if self.abandoned.contains(&(from, vc)) {
            self.fault(format!("2.3 abort: {} signed a Final of {vc}, which it had abandoned", self.name(from)));
        }
        let old = self.finals.insert((from, vc), out_a);
        if old.is_some_and(|old| old != out_a) {
            let text = format!("I6: {} signed two Finals of {vc}", self.name(from));
            self.fault(text);
        }
        let last = self.virtuals[&vc].path.len() - 1;
        let known = self.certificates.get(&(from, vc, out_a)).cloned().unwrap_or_default();
        let hub = index > 0 && index < last;
        if old.is_none() && hub && !(known.contains(&0) && known.contains(&(last as u8))) {
            let text = format!("2.3 close: {} signed a Final without both ends' signatures", self.name(from));
            self.fault(text);
        }
        if old.is_none() && !self.revealed.contains(&(from, vc)) {
            let text = format!("2.3 close: {} signed a Final with its secret unrevealed", self.name(from));
            self.fault(text);
        }
    }

    fn note_finals(&mut self, node: usize, vc: B256, out_a: u128, sigs: &[(u8, Signature)]) {
        let Some(params) = self.virtuals.get(&vc) else { return };
        let digest = self.domain.digest(Final { vc, out_a }.struct_hash());
        let set = self.certificates.entry((node, vc, out_a)).or_default();
        for (index, sig) in sigs.iter().filter(|(i, _)| usize::from(*i) < params.path.len()) {
            if !set.contains(index) && crate::signing::verifies(sig, digest, params.path[usize::from(*index)]) {
                set.insert(*index);
            }
        }
    }

    fn position(&self, node: usize, vc: B256) -> Option<usize> {
        self.virtuals.get(&vc)?.path.iter().position(|k| *k == self.key(node))
    }

    /// I5: a secret leaves only over locks that are firm on every link of the node.
    fn check_reveal(&mut self, node: usize, vc: B256) {
        let Some(index) = self.position(node, vc) else { return };
        let links = &self.virtuals[&vc].links;
        let mine: Vec<B256> = links[index.saturating_sub(1)..(index + 1).min(links.len())].to_vec();
        for link in mine {
            let holds = |ver: u64| {
                let object = self.objects.get(&link)?;
                let key = self.key(node);
                Some(object.signed_by(ver, key).is_some_and(|c| c.holds(vc)))
            };
            let Some(known) = self.knowledge.get(&(node, link)) else { continue };
            // A crash may have swallowed its own signature after the commit; then the peer's is what it goes by.
            let peers = |ver: &u64| {
                let object = self.objects.get(&link)?;
                let peer = object.keys.into_iter().find(|k| *k != self.key(node))?;
                object.signed_by(*ver, peer).filter(|c| c.holds(vc)).map(|_| *ver)
            };
            let silent =
                known.got.range(known.top + 1..).rev().find_map(peers).filter(|_| self.stopped.contains(&node));
            let top = silent.unwrap_or(known.top);
            let firm = silent.is_some() || (top > 0 && holds(top) == Some(true));
            let pending = known.signed.range(top..).all(|ver| holds(*ver) == Some(true));
            if !firm || !pending {
                let text = format!("I5: {} revealed its secret of {vc} over a lock that is not firm", self.name(node));
                self.fault(text);
            }
        }
    }

    fn check_not_frozen(&mut self, node: usize, ch: B256, ver: u64) {
        if self.finals.contains_key(&(node, ch)) {
            let text = format!("1.4(12): {} signed version {ver} of {ch} after its Final", self.name(node));
            self.fault(text);
        }
        if self.abandoned.contains(&(node, ch)) {
            let text = format!("2.3 abort: {} signed version {ver} of {ch}, which it had abandoned", self.name(node));
            self.fault(text);
        }
    }

    /// An end that has signed no version and no Final: no outcome but the initial split is possible.
    fn signed_nothing(&self, node: usize, vc: B256) -> bool {
        let end = self.objects.get(&vc).is_some_and(|o| o.side(self.key(node)).is_some());
        let versions = self.knowledge.get(&(node, vc)).is_some_and(|known| !known.signed.is_empty());
        end && !versions && !self.finals.contains_key(&(node, vc))
    }

    /// A lock is removed only with a certificate, with a concluded record, after tExp, or at the start by whoever never
    /// reveals, or as an end never signs.
    fn check_removals(&mut self, node: usize, ch: B256, ver: u64) {
        let key = self.key(node);
        let content = self.objects.get(&ch).and_then(|o| o.signed_by(ver, key));
        for (vc, outcome) in content.map(|c| c.removed.clone()).unwrap_or_default() {
            let Some(params) = self.virtuals.get(&vc) else { continue };
            let (people, t_exp) = (params.path.len(), params.t_exp);
            let time = time_at(self.now_ms);
            let allowed = match outcome {
                Some(out_a) => {
                    // Its own signature may have been lost in a crash on the way out.
                    let known = self.certificates.get(&(node, vc, out_a)).cloned().unwrap_or_default();
                    let mine = self.position(node, vc).filter(|i| !known.contains(&(*i as u8)));
                    known.len() + usize::from(mine.is_some()) == people || self.record.concluded(vc) == Some(out_a)
                }
                None => {
                    let expired = time > t_exp && !self.record.has(vc);
                    let unsigned = self.signed_nothing(node, vc);
                    if !expired && unsigned {
                        self.abandoned.insert((node, vc));
                    }
                    expired || !self.revealed.contains(&(node, vc)) || unsigned
                }
            };
            if !allowed {
                let text =
                    format!("2.3 close: {} removed the lock of {vc} at {outcome:?} without a right", self.name(node));
                self.fault(text);
            }
        }
    }

    /// States that an honest node sends to the chain are its signatures too (protocol 2.3: sending is signing).
    fn called(&mut self, node: usize, call: &Call) {
        if let Call::Register { state, .. } | Call::Refute { state, .. } = call
            && state.ver > 0
            && let Some(object) = self.objects.get(&state.ch)
        {
            let key = self.key(node);
            let other = object.signed_by(state.ver, key).is_some_and(|c| c.hash(state.ch) != state.struct_hash());
            if other && self.honest(node) {
                let text = format!("P7: {} registered another content of version {}", self.name(node), state.ver);
                self.fault(text);
            }
        }
    }
}

/// Timestamp of the block that is mined at this moment, seconds.
fn time_at(now_ms: u64) -> u64 {
    crate::ground::START + 2 + now_ms / 1_000
}

/// The signature over a version of an object that a message carries.
fn signature_in(message: &Message) -> Option<(B256, u64, &Signature)> {
    match message {
        Message::Item { ch, ver, sig, .. }
        | Message::Accept { ch, ver, sig }
        | Message::Presign { ch, ver, sig, .. }
        | Message::Propose { ch, ver, sig, .. } => Some((*ch, *ver, sig)),
        Message::Start { vc, sig } => Some((*vc, 1, sig)),
        _ => None,
    }
}

/// The lock of a virtual channel in one of its links.
fn lock_of(params: &VirtualParams, vc: B256, link: B256, keys: [Address; 2]) -> Option<Lock> {
    let index = params.links.iter().position(|l| *l == link)?;
    let fees: u128 = params.fees[index..].iter().sum();
    let left_is_a = params.path[index] == keys[0];
    Some(Lock { vc, left_is_a, left: params.init_a + fees, right: params.init_b })
}

/// Nobody honest looks twice at others: lists of another length than the path, amounts without a sum.
fn is_sound(params: &VirtualParams) -> bool {
    let lock = params.lock(B256::ZERO, 0, true);
    let fits = params.links.len() + 1 == params.path.len() && params.fees.len() + 1 == params.links.len();
    fits && lock.is_some_and(|l| l.left.checked_add(l.right).is_some())
}
