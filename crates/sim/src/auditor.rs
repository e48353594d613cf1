//! An auditor who knows nothing of the participants' code: from the messages that left and reached the honest nodes and from the
//! chain's events it works out who is owed what, and compares (protocol 2.4, I1–I10; P1–P10).
//!
//! It reads the record as it grows and looks after every entry at what that entry can have broken. It can follow a world from its
//! start ([`World::watch_closely`]) or read the whole record afterwards ([`World::audit`]): the same code, the same faults.

mod agreement;
mod balances;
mod chain;
mod claims;
mod conduct;
mod contents;
mod deposits;
mod duties;
mod finish;
mod nanos;
mod outcomes;
mod people;
mod proofs;
mod record;
mod riddles;
mod rules;
mod words;
mod work;

use crate::notebook::Line;
use crate::world::{Tap, World};
use alloy_primitives::{Address, B256};
use contents::{Content, Entries, Item, Object, Outcome};
use deposits::Deposits;
use duties::Duties;
use nanos::{Games, Known, OFFERS};
use people::Person;
use perunika_core::Domain;
use perunika_core::message::{LinkOp, Message};
use perunika_core::params::VirtualParams;
use perunika_core::sig::Signature;
use perunika_core::signed::Lock;
use perunika_nano::Machine;
use proofs::Proofs;
use record::Record;
use riddles::Riddle;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use words::Word;
use work::Labour;

pub use work::Work;

/// What an audit found.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    /// Broken promises, in words; empty if all is well.
    pub faults: Vec<String>,
    /// Number of messages that honest nodes sent.
    pub messages: usize,
    /// Forced steps that were computed again, with the same result.
    pub forced_steps: usize,
    /// Forced steps from a storage that nobody ever told.
    pub unknown_steps: usize,
    /// What each honest owner must have gained at the end of a story.
    pub predictions: Vec<Prediction>,
}

/// What an owner gained in a story, fees for gas not counted (negative: lost), and what the auditor says about it, wei.
#[derive(Clone, Debug)]
pub struct Prediction {
    /// Name of the node.
    pub name: String,
    /// At least this.
    pub low: i128,
    /// At most this; `None` where a corrupt peer may give something away.
    pub high: Option<i128>,
    /// What it was.
    pub gained: i128,
}

/// What one node knows of one object, as far as its messages show.
#[derive(Debug, Default)]
struct Knowledge {
    /// Newest version that it accepted.
    cur: u64,
    /// Hash of what it accepted under this version, where the peer signed several contents.
    held: Option<B256>,
    /// What it may still go by: the peer's pre-signature came before its own, perhaps too early to be kept.
    maybe: Option<u64>,
    /// Newest version with both signatures in its hands.
    top: u64,
    /// Versions that it signed.
    signed: BTreeSet<u64>,
    /// Versions for which it received the peer's signature.
    got: BTreeMap<u64, Vec<B256>>,
    /// When they came last, by version, ms.
    got_ms: BTreeMap<u64, u64>,
    /// Newest item of its own that the peer has durably.
    acked: u64,
}

/// Everything that the auditor knows.
#[derive(Debug)]
pub(crate) struct Auditor {
    /// Holds every rule of conduct, every word and every deadline too: set where the auditor follows from the start. Whoever only
    /// looks back at a scene of a test, in which an honest node may be played by hand, holds what costs money.
    strict: bool,
    people: Vec<Person>,
    domain: Domain,
    machine: Arc<Machine>,
    proofs: Proofs,
    now_ms: u64,
    /// How much of the record was read.
    read: usize,
    objects: BTreeMap<B256, Object>,
    virtuals: BTreeMap<B256, VirtualParams>,
    signatures: BTreeMap<(Address, B256, u64), Signature>,
    finals: BTreeMap<(usize, B256), u128>,
    knowledge: BTreeMap<(usize, B256), Knowledge>,
    certificates: BTreeMap<(usize, B256, u128), BTreeSet<u8>>,
    /// When the secret of a node in a virtual channel left, ms.
    revealed: BTreeMap<(usize, B256), u64>,
    /// Ends that let go of a virtual channel without having signed anything of it: they never will.
    abandoned: BTreeSet<(usize, B256)>,
    /// How locks were removed by both parties of a link: virtual channel, link.
    agreed: BTreeMap<(B256, B256), BTreeSet<Outcome>>,
    /// What could be concluded since a dispute began, by node and object.
    frozen: BTreeMap<(usize, B256), Vec<Content>>,
    /// Locks that a node had, and those that it agreed to remove: node, link, virtual channel.
    locked: BTreeSet<(usize, B256, B256)>,
    removed: BTreeSet<(usize, B256, B256)>,
    /// What a node quoted under the hash of a secret: link and fee.
    quotes: BTreeMap<(usize, B256), (Option<B256>, u128)>,
    /// The virtual channel that got the secret behind a hash.
    drafts: BTreeMap<(usize, B256), B256>,
    /// Objects that ever had nanocontracts.
    with_nanos: BTreeSet<B256>,
    /// Objects about which something was said, and when, ms.
    restless: BTreeMap<B256, u64>,
    /// Objects that an application wants to end by force.
    forced: BTreeSet<B256>,
    /// Objects that an application wants to end at all.
    ending: BTreeSet<B256>,
    duties: Duties,
    deposits: Deposits,
    labour: Labour,
    words: Vec<(usize, Word)>,
    /// Newest payment that was reported, by node and object.
    received: BTreeMap<(usize, B256), (u64, u128)>,
    /// Blocks that a reorganisation can take.
    depth: u64,
    chain: chain::Books,
    record: Record,
    games: Games,
    /// Handed inputs that a node took, by name of the nanocontract.
    taken: BTreeMap<(usize, B256), u64>,
    riddles: Vec<Riddle>,
    /// Faults that were told already, without their time.
    told: BTreeSet<String>,
    audit: Audit,
}

impl World {
    /// Lets the auditor follow everything from now on; meant for the start of a story.
    pub fn watch_closely(&mut self) {
        let mut auditor = Box::new(Auditor::new(self));
        auditor.strict = true;
        self.auditor = Some(auditor);
        self.follow();
    }

    /// What the auditor who follows has found so far.
    pub fn faults(&self) -> &[String] {
        self.auditor.as_ref().map_or(&[], |auditor| &auditor.audit.faults)
    }

    /// The auditor who follows takes up what is new.
    pub fn follow(&mut self) {
        if let Some(mut auditor) = self.auditor.take() {
            auditor.follow(self);
            self.auditor = Some(auditor);
        }
    }

    /// What the auditor who follows says at the end of a story, when everybody should be out ([`World::drain`]); of the whole
    /// record, if nobody followed.
    pub fn last_audit(&mut self) -> Audit {
        let Some(mut auditor) = self.auditor.take() else { return self.audit_end() };
        auditor.follow(self);
        auditor.check_always(self);
        auditor.check_end(self);
        let audit = auditor.audit.clone();
        self.auditor = Some(auditor);
        audit
    }

    /// Checks everything that can be checked at any time.
    pub fn audit(&self) -> Audit {
        self.read_all().audit
    }

    /// The audit of a story that is over.
    pub fn audit_end(&self) -> Audit {
        let mut auditor = self.read_all();
        auditor.check_end(self);
        auditor.audit
    }

    fn read_all(&self) -> Auditor {
        let mut auditor = Auditor::new(self);
        auditor.follow(self);
        auditor.check_always(self);
        auditor
    }
}

impl Auditor {
    fn new(world: &World) -> Self {
        let domain = world.ground.domain;
        Self {
            strict: world.auditor.is_some(),
            people: Vec::new(),
            domain,
            machine: world.machine.clone(),
            proofs: Proofs::new(&domain, world.notebook.clone()),
            now_ms: 0,
            read: 0,
            objects: BTreeMap::new(),
            virtuals: BTreeMap::new(),
            signatures: BTreeMap::new(),
            finals: BTreeMap::new(),
            knowledge: BTreeMap::new(),
            certificates: BTreeMap::new(),
            revealed: BTreeMap::new(),
            abandoned: BTreeSet::new(),
            agreed: BTreeMap::new(),
            frozen: BTreeMap::new(),
            locked: BTreeSet::new(),
            removed: BTreeSet::new(),
            quotes: BTreeMap::new(),
            drafts: BTreeMap::new(),
            with_nanos: BTreeSet::new(),
            restless: BTreeMap::new(),
            forced: BTreeSet::new(),
            ending: BTreeSet::new(),
            duties: Duties::default(),
            deposits: Deposits::default(),
            labour: Labour::default(),
            words: Vec::new(),
            received: BTreeMap::new(),
            depth: 0,
            chain: chain::Books::default(),
            record: Record::default(),
            games: Games::default(),
            taken: BTreeMap::new(),
            riddles: Vec::new(),
            told: BTreeSet::new(),
            audit: Audit::default(),
        }
    }

    /// Reads what is new in the record.
    fn follow(&mut self, world: &World) {
        self.meet(world);
        // A test may have thrown the record away.
        self.read = self.read.min(world.taps.len());
        let mut mined = false;
        while let Some((at, tap)) = world.taps.get(self.read) {
            self.read += 1;
            self.now_ms = *at;
            let next = world.taps.get(self.read).map(|(_, tap)| tap);
            mined |= matches!(tap, Tap::Chain(_) | Tap::Reorg { .. });
            self.take(tap, next);
            if !matches!(next, Some(Tap::Chain(_))) {
                self.settle_block();
            }
            if !matches!(next, Some(Tap::Sent { .. } | Tap::Replied { .. } | Tap::Reported { .. })) {
                self.check_words();
            }
        }
        if mined {
            self.now_ms = world.now_ms;
            self.check_holdings(world);
        }
    }

    fn take(&mut self, tap: &Tap, next: Option<&Tap>) {
        match tap {
            Tap::Sent { from, message } => self.sent(*from, message),
            Tap::Got { to, from, message } => {
                let lost = matches!(next, Some(Tap::Lost { node }) if node == to);
                if !lost && self.honest(*to) {
                    self.got(*to, self.key(*from), message);
                }
            }
            Tap::Called { node, call } => {
                self.called(*node, call);
                self.check_cause(*node, call);
            }
            Tap::Replied { node, tag, reply } => {
                if matches!(**reply, perunika_core::io::Reply::Refused(_)) {
                    self.duties.take_back(*node, *tag);
                }
                self.replied(*node, reply);
            }
            Tap::Reported { node, event } => self.reported(*node, event),
            Tap::Wanted { node, tag, command } => {
                self.note_force(command);
                self.wanted(*node, *tag, command);
            }
            Tap::Down { node } => self.went_down(*node),
            Tap::Up { node } => self.people[*node].up_ms = self.now_ms,
            Tap::Shown { node, head, signed } => self.people[*node].heads.push((*signed, *head)),
            Tap::Asked { node, params, terms } => self.asked(*node, params, *terms),
            Tap::Lost { .. } => {}
            Tap::Block { .. } | Tap::Chain(_) | Tap::Mined { .. } | Tap::Reorg { .. } => self.take_chain(tap),
        }
    }

    fn fault(&mut self, text: String) {
        if self.told.insert(text.clone()) {
            self.audit.faults.push(format!("at {} ms: {text}", self.now_ms));
        }
    }

    fn sent(&mut self, from: usize, message: &Message) {
        let honest = self.honest(from);
        self.audit.messages += usize::from(honest);
        if honest {
            self.check_form(from, message);
        }
        match message {
            Message::VcOpen { params, .. } => self.learn_virtual(params),
            Message::NanoOffer { ch, .. } => {
                self.games.offered(message);
                self.solve(Some(*ch));
            }
            Message::Activate { vc, .. } if honest && !self.revealed.contains_key(&(from, *vc)) => {
                self.revealed.insert((from, *vc), self.now_ms);
                self.check_reveal(from, *vc);
            }
            Message::FinalSigs { vc, out_a, sigs } => self.sent_final(from, *vc, *out_a, sigs),
            Message::ChannelOffer { .. } => self.offered(from, message),
            Message::AdjustSig { adjust, .. } if honest => self.adjusts(from, *adjust),
            Message::Ack { ch, ver } if honest => self.accepted(from, *ch, *ver),
            _ => self.sent_nano(from, message),
        }
        let Some((ch, ver, sig)) = signature_in(message) else { return };
        let new = self.is_new_signature(from, ch, ver, sig);
        // A corrupt party may show its signature before it says of what, and explain it later, and not only in one way.
        let retold = !honest && matches!(message, Message::Propose { .. } | Message::Item { .. });
        if !new && !retold && self.is_explained(from, ch, ver, sig) {
            return;
        }
        if self.derive(self.key(from), message) {
            self.signed(from, ch, ver, message);
            self.solve(Some(ch));
        } else if new {
            self.wonder(Riddle::said(self.now_ms, from, message));
        }
    }

    /// What this signature is over is known.
    fn is_explained(&self, from: usize, ch: B256, ver: u64, sig: &Signature) -> bool {
        let key = self.key(from);
        let contents = self.objects.get(&ch).into_iter().flat_map(|object| object.all_signed_by(ver, key));
        { contents }.any(|content| self.proofs.verifies(content.hash(ch), key, sig))
    }

    /// What it says is known now.
    fn signed(&mut self, from: usize, ch: B256, ver: u64, message: &Message) {
        self.adopt_nanos(ch, ver);
        self.agreed_on(ch, ver);
        self.note_uncount(ch, ver);
        if !self.honest(from) {
            return;
        }
        self.check_order(from, ch, ver);
        self.check_proposal(from, ch, ver, message);
        self.check_not_frozen(from, ch, ver);
        self.check_removals(from, ch, ver);
        self.check_closings(from, ch, ver);
        self.check_counted(from, ch, ver);
        self.knowledge.entry((from, ch)).or_default().signed.insert(ver);
        if matches!(message, Message::Accept { .. }) {
            self.accepted(from, ch, ver);
        }
        let came_ms = self.knowledge.get(&(from, ch)).and_then(|known| known.got_ms.get(&ver).copied());
        let before = came_ms.is_some_and(|came_ms| came_ms < self.now_ms);
        // Of what the peer signed under its proposal before it was made, a node may know nothing any more.
        let doubtful = before && matches!(message, Message::Presign { .. } | Message::Propose { .. });
        self.pair_up(from, ch, ver, doubtful);
        self.touched(from, ch);
    }

    fn got(&mut self, to: usize, from: Address, message: &Message) {
        if let Message::FinalSigs { vc, out_a, sigs } = message {
            self.note_finals(to, *vc, *out_a, sigs);
        }
        self.got_nano(to, from, message);
        self.offered(to, message);
        if let Message::Ack { ch, ver } = message {
            let known = self.knowledge.entry((to, *ch)).or_default();
            known.acked = known.acked.max(*ver);
        }
        let Some((ch, ver, sig)) = signature_in(message) else { return };
        let Some(object) = self.objects.get(&ch) else {
            return self.wonder(Riddle::heard(self.now_ms, to, from, message));
        };
        let hashes: Vec<B256> = object.all_signed_by(ver, from).map(|content| content.hash(ch)).collect();
        match hashes.iter().find(|hash| self.proofs.verifies(**hash, from, sig)) {
            Some(hash) => {
                let known = self.knowledge.entry((to, ch)).or_default();
                known.got_ms.insert(ver, self.now_ms);
                let got = known.got.entry(ver).or_default();
                got.retain(|known| known != hash);
                got.push(*hash);
                self.recall(to, ch, ver);
                // A proposal that says the same as a pre-signature of one's own is refused all the same.
                let doubtful = matches!(message, Message::Propose { .. } | Message::Item { .. });
                self.pair_up(to, ch, ver, doubtful);
                self.touched(to, ch);
            }
            None => self.wonder(Riddle::heard(self.now_ms, to, from, message)),
        }
    }

    /// The node holds both signatures of a version: it is accepted, unless something newer is. `doubtful`: it may have let go of
    /// what the peer signed, because it was not of the same mind at that moment.
    fn pair_up(&mut self, node: usize, ch: B256, ver: u64, doubtful: bool) {
        let key = self.key(node);
        let Some(object) = self.objects.get(&ch) else { return };
        let Some(own) = object.signed_by(ver, key) else { return };
        let hash = own.hash(ch);
        let knowledge = self.knowledge.entry((node, ch)).or_default();
        let both = knowledge.signed.contains(&ver) && knowledge.got.get(&ver).is_some_and(|got| got.contains(&hash));
        // What the peer signed a while ago may have been let go of, as are items below the payee's newest word.
        let doubtful = doubtful || ver < knowledge.acked;
        if both && ver == knowledge.cur && !doubtful {
            // Its countersignature came after all.
            knowledge.maybe = None;
        }
        if both && ver > knowledge.cur.min(knowledge.top) && ver >= knowledge.cur {
            let unsure = (doubtful && ver > knowledge.cur).then_some(knowledge.cur);
            knowledge.maybe = unsure.map(|cur| knowledge.maybe.map_or(cur, |maybe| maybe.min(cur)));
            knowledge.cur = ver;
            knowledge.held = Some(hash);
            knowledge.top = knowledge.top.max(ver);
        }
    }

    /// Of a node that crashed: a signature that became durable and never left counts for what it accepted.
    fn recall(&mut self, node: usize, ch: B256, ver: u64) {
        let key = self.key(node);
        if !self.people[node].crashed {
            return;
        }
        let Some(object) = self.objects.get_mut(&ch) else { return };
        let mine = |hash: B256| self.proofs.line(hash, key).is_some();
        let Some(content) = object.versions.get_mut(&ver).into_iter().flatten().find(|c| mine(c.hash(ch))) else {
            return;
        };
        if !content.signers.contains(&key) {
            content.signers.push(key);
        }
        self.knowledge.entry((node, ch)).or_default().signed.insert(ver);
        self.agreed_on(ch, ver);
    }

    /// It may have signed what it got last, and made it durable, without a word.
    fn went_down(&mut self, node: usize) {
        self.people[node].crashed = true;
        self.people[node].restarts += 1;
        self.games.recall(node, self.people[node].key, &self.proofs);
        let of_node = self.knowledge.iter().filter(|((n, _), _)| *n == node);
        let open = of_node.flat_map(|((_, ch), known)| known.got.range(known.top + 1..).map(|(ver, _)| (*ch, *ver)));
        for (ch, ver) in open.collect::<Vec<_>>() {
            self.recall(node, ch, ver);
            self.pair_up(node, ch, ver, false);
            self.touched(node, ch);
        }
    }

    fn accepted(&mut self, node: usize, ch: B256, ver: u64) {
        self.check_acceptance(node, ch, ver);
        let held = self.chosen(node, ch, ver).map(|content| content.hash(ch));
        let knowledge = self.knowledge.entry((node, ch)).or_default();
        if ver > knowledge.cur || knowledge.held.is_none() {
            knowledge.maybe = None;
            knowledge.held = held;
        }
        knowledge.cur = knowledge.cur.max(ver);
        self.touched(node, ch);
    }

    /// Which of the contents that the peer signed under a version a node took: the one that it signed itself, or the last one that came and
    /// does not lower its share.
    fn chosen(&self, node: usize, ch: B256, ver: u64) -> Option<&Content> {
        let object = self.objects.get(&ch)?;
        let key = self.key(node);
        let side = object.side(key)?;
        let peer = object.keys[1 - side];
        let known = self.knowledge.get(&(node, ch));
        let got = known.and_then(|k| k.got.get(&ver)).map(Vec::as_slice).unwrap_or_default();
        let least = self.accepted_content(node, ch).map_or(0, |content| content.share(side));
        let by_peer = || object.all_signed_by(ver, peer);
        let in_order = got.iter().rev().filter_map(|hash| by_peer().find(|c| c.hash(ch) == *hash));
        let own = by_peer().find(|c| c.signers.contains(&key));
        own.or_else(|| in_order.clone().find(|c| c.share(side) >= least)).or_else(|| in_order.clone().next())
    }

    /// What a node accepted last.
    fn accepted_content(&self, node: usize, ch: B256) -> Option<&Content> {
        let object = self.objects.get(&ch)?;
        let side = object.side(self.key(node))?;
        let genesis = || object.versions.get(&0)?.first();
        let Some(known) = self.knowledge.get(&(node, ch)) else { return genesis() };
        let held = known.held.and_then(|hash| object.versions.get(&known.cur)?.iter().find(|c| c.hash(ch) == hash));
        held.or_else(|| object.signed_by(known.cur, object.keys[1 - side])).or_else(genesis)
    }

    fn derive(&mut self, by: Address, message: &Message) -> bool {
        let Some((ch, ver, sig)) = signature_in(message) else { return false };
        let virtuals = &self.virtuals;
        let Some(object) = self.objects.get_mut(&ch) else { return false };
        let proofs = &self.proofs;
        let keys = object.keys;
        let books = |offer: usize| Known { ch, keys, virtuals, games: &self.games, offer };
        match message {
            Message::Item { base, def_a, .. } => {
                object.item(ch, Item { ver, base: *base, def_a: *def_a }, by, sig, proofs)
            }
            Message::Start { .. } => {
                let def_a = object.versions[&0][0].def_a;
                object.item(ch, Item { ver, base: 0, def_a }, by, sig, proofs)
            }
            Message::Presign { op, .. } => {
                let ops = [*op];
                (0..offers(&ops)).any(|offer| {
                    let books = books(offer);
                    object.change(ch, &Entries { ver, base: None, ops: &ops, books: &books }, by, sig, proofs)
                })
            }
            Message::Propose { base, ops, .. } => {
                let base = Some(*base);
                (0..offers(ops)).any(|offer| {
                    let books = books(offer);
                    object.change(ch, &Entries { ver, base, ops, books: &books }, by, sig, proofs)
                })
            }
            _ => object.countersigned(ch, ver, by, sig, proofs),
        }
    }

    fn adopt_nanos(&mut self, ch: B256, ver: u64) {
        let contents = self.objects.get(&ch).and_then(|o| o.versions.get(&ver)).into_iter().flatten();
        for content in contents.filter(|content| !content.nanos().is_empty()) {
            self.with_nanos.insert(ch);
            self.games.adopt(ch, content);
        }
    }

    fn learn_virtual(&mut self, params: &VirtualParams) {
        if !is_sound(params) {
            return;
        }
        let vc = params.id(&self.domain);
        if self.virtuals.insert(vc, params.clone()).is_none() {
            self.objects.entry(vc).or_insert_with(|| Object::virtual_channel(params));
            self.solve(None);
        }
    }

    fn position(&self, node: usize, vc: B256) -> Option<usize> {
        self.virtuals.get(&vc)?.path.iter().position(|k| *k == self.key(node))
    }

    /// Timestamp of the block that is mined at this moment, seconds.
    fn time(&self) -> u64 {
        (crate::ground::START + 2 + self.now_ms / 1_000).max(self.chain.time)
    }

    /// The same at the moment of a signature.
    fn time_at(&self, signed: Option<Line>) -> u64 {
        signed.map_or_else(|| self.time(), |line| crate::ground::START + 2 + line.at_ms / 1_000)
    }
}

/// How many offers of a name these changes may be about.
fn offers(ops: &[LinkOp]) -> usize {
    if ops.iter().any(|op| matches!(op, LinkOp::OpenNano { .. })) { OFFERS } else { 1 }
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
