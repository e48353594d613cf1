//! Participants, a network with faults and the chain, in virtual time and one thread.

mod disk;
mod network;
mod owner;
mod reorg;
mod rpc;
mod tap;

pub use network::Network;
pub use owner::Pen;
pub use reorg::Fate;
pub use rpc::Rpc;
pub use tap::Tap;

use crate::auditor::{Auditor, Work};
use crate::campaign::Totals;
use crate::ground::{Ground, START};
use crate::mallory::Strings;
use crate::notebook::{Notebook, RecordingKey};
use crate::rng::Rng;
use crate::signing::{self, Remembering};
use crate::views::Views;
use alloy_primitives::{Address, B256, Bytes, keccak256};
use disk::Desk;
use perunika_core::Participant;
use perunika_core::chain::{Call, TxKey, TxOutcome, Watch};
use perunika_core::io::{Command, Env, Event, Input, Output, Reply};
use perunika_core::message::Message;
use perunika_core::participant::Config;
use perunika_core::policy::Policy;
use perunika_core::sig::{MemoryKey, RawKey};
use perunika_nano::Machine;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::Arc;

/// Later than this a message counts as late, ms.
const LATE_MS: u64 = 2_000;

/// Where a crash hits, relative to a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrashPoint {
    /// Before the commit: its writes and its outputs are lost.
    BeforeCommit,
    /// After the commit: its writes are there, its outputs are lost.
    AfterCommit,
    /// The disk does not take the commit; the node stops as the production node does (fail-stop).
    DiskFails,
}

/// A node of the simulation.
pub struct Node {
    /// For people.
    pub name: String,
    /// Address of the channel key.
    pub key: Address,
    /// Account on chain.
    pub owner: Address,
    /// The machine; `None` while it is down (or if the adversary plays this node).
    pub participant: Option<Participant>,
    /// What is on its disk.
    pub disk: BTreeMap<Vec<u8>, Vec<u8>>,
    /// False once the adversary speaks for it.
    pub honest: bool,
    /// What it told its application.
    pub events: Vec<Event>,
    /// Replies by tag.
    pub replies: BTreeMap<u64, Vec<Reply>>,
    /// Messages that an adversary's node received.
    pub inbox: Vec<(Address, Message)>,
    /// Commits so far.
    pub commits: u64,
    /// Crash at the commit with this number.
    pub crash_at: Option<(u64, CrashPoint)>,
    /// How long it stays down, ms.
    pub down_ms: u64,
    /// Its transactions are held back for so many ms.
    pub chain_delay_ms: u64,
    /// It sees the chain so many blocks late, and its clock is as much behind.
    pub lag: u64,
    /// Faults of its view of the chain.
    pub rpc: Rpc,
    /// How its owner answers when it is asked to sign.
    pub pen: Pen,
    /// How long a commit takes at most, ms; 0: none.
    pub disk_ms: u64,
    /// An old copy of its disk.
    pub backup: Option<BTreeMap<Vec<u8>, Vec<u8>>>,
    /// It was started from an old copy of its disk, and counts as corrupt since.
    pub restored: bool,
    /// When a message from or to it was last lost or late, ms.
    pub(crate) trouble_ms: u64,
    pub(crate) policy: Policy,
    desk: Desk,
    /// Reorganisations, and height of the newest head that its driver believes.
    believed: (u64, u64),
    secret: B256,
    watches: Vec<Watch>,
    seen: Views,
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node").field("name", &self.name).finish_non_exhaustive()
    }
}

enum Happening {
    Deliver { from: usize, to: usize, epoch: u64, message: Box<Message> },
    Connect { a: usize, b: usize },
    Tick { node: usize },
    Restart { node: usize },
    Submit { node: usize, key: TxKey, call: Box<Call> },
    Whisper { from: usize, to: usize, message: Box<Message> },
    Told { node: usize, key: TxKey, outcome: TxOutcome },
    Landed { node: usize, boot: u64 },
    Answered { node: usize, input: Box<Input> },
    Block,
}

/// A call under way.
struct Ticket {
    node: usize,
    key: TxKey,
    work: Work,
}

/// What a test decides about one message.
pub type Filter = Box<dyn FnMut(u64, Address, Address, &Message) -> bool>;

/// The simulated world.
pub struct World {
    /// Virtual time, ms since the start.
    pub now_ms: u64,
    /// The chain.
    pub ground: Ground,
    /// All nodes.
    pub nodes: Vec<Node>,
    /// Network faults.
    pub network: Network,
    /// Time between two blocks, ms.
    pub block_ms: u64,
    /// Time between two ticks of a node, ms.
    pub tick_ms: u64,
    /// Nodes look at the chain so often, ms; 0: at every block.
    pub show_ms: u64,
    /// Longest time that an honest move may take, ms.
    pub patience_ms: u64,
    /// No block is made before this time, ms.
    pub dark_until_ms: u64,
    /// Who does not reach whom: from, to.
    pub cuts: BTreeSet<(usize, usize)>,
    /// A message is delivered only if this says so.
    pub filter: Option<Filter>,
    /// Every message that was delivered: time, from, to, text.
    pub trace: Vec<String>,
    /// Whether `trace` is kept: text is most of the work of a long campaign.
    pub tracing: bool,
    /// What happened so far.
    pub tally: Totals,
    /// The same for programs, with what left and what the chain did; time in ms.
    pub taps: Vec<(u64, Tap)>,
    rng: Rng,
    seed: u64,
    queue: BinaryHeap<Reverse<(u64, u64)>>,
    happenings: BTreeMap<u64, Happening>,
    next_id: u64,
    next_tag: u64,
    epochs: BTreeMap<(usize, usize), u64>,
    connected: BTreeSet<(usize, usize)>,
    last_arrival: BTreeMap<(usize, usize), u64>,
    tickets: BTreeMap<u64, Ticket>,
    /// Tickets of transactions in blocks, which a reorganisation may give back.
    spent: BTreeMap<u64, Ticket>,
    tapped: usize,
    /// By which the adversary holds her nodes.
    pub(crate) strings: Strings,
    shown_ms: u64,
    pub(crate) notebook: Notebook,
    pub(crate) auditor: Option<Box<Auditor>>,
    pub(crate) machine: Arc<Machine>,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("seed", &self.seed).field("now_ms", &self.now_ms).finish_non_exhaustive()
    }
}

impl World {
    /// Nodes with these names, all connected with each other, under the development chain's policy.
    pub fn new(seed: u64, names: &[&str]) -> Self {
        Self::with_policy(seed, names, &Policy::dev())
    }

    /// With a policy of one's own.
    pub fn with_policy(seed: u64, names: &[&str], policy: &Policy) -> Self {
        Self::on_chain(seed, names, policy, crate::ground::GAS_LIMIT, None)
    }

    /// The same where blocks have room for so much gas, with this creation code in place of the Adjudicator's.
    pub fn on_chain(seed: u64, names: &[&str], policy: &Policy, gas_limit: u64, adjudicator: Option<Bytes>) -> Self {
        signing::begin();
        let owners: Vec<Address> = names.iter().map(|n| owner::account_of(n)).collect();
        let ground = Ground::with_blocks(&owners, adjudicator, gas_limit);
        let nodes = names.iter().map(|name| new_node(name, seed, policy)).collect();
        let mut world = Self {
            now_ms: 0,
            ground,
            nodes,
            network: Network::steady(10),
            block_ms: 1_000,
            tick_ms: 500,
            show_ms: 0,
            dark_until_ms: 0,
            cuts: BTreeSet::new(),
            shown_ms: 0,
            filter: None,
            trace: Vec::new(),
            tracing: true,
            tally: Totals::default(),
            taps: Vec::new(),
            rng: Rng::new(seed),
            seed,
            queue: BinaryHeap::new(),
            happenings: BTreeMap::new(),
            next_id: 0,
            next_tag: 1,
            epochs: BTreeMap::new(),
            connected: BTreeSet::new(),
            last_arrival: BTreeMap::new(),
            tickets: BTreeMap::new(),
            spent: BTreeMap::new(),
            patience_ms: crate::play::PATIENCE_MS,
            tapped: 0,
            strings: Strings::new(seed),
            notebook: Notebook::default(),
            auditor: None,
            machine: Arc::new(Machine::new()),
        };
        world.at(1_000, Happening::Block);
        for node in 0..world.nodes.len() {
            world.boot(node);
        }
        world.connect_all();
        world
    }

    fn connect_all(&mut self) {
        for a in 0..self.nodes.len() {
            for b in a + 1..self.nodes.len() {
                self.connect(a, b);
            }
        }
    }

    /// Whether a node is outside the bounds that every promise presupposes: it does not run, or its way to the chain takes longer
    /// than half of m_safe.
    pub fn is_away(&self, node: usize) -> bool {
        let this = &self.nodes[node];
        let rpc = &this.rpc;
        let late_ms = this.chain_delay_ms + rpc.swallow_ms + (this.lag + rpc.jitter) * self.block_ms + this.disk_ms;
        this.participant.is_none() || rpc.stopped || late_ms > this.policy.m_safe * 500
    }

    /// Whether a node sees less of the chain than its head.
    pub fn sees_less(&self, node: usize) -> bool {
        let this = &self.nodes[node];
        let rpc = &this.rpc;
        this.lag + rpc.jitter + rpc.withhold + rpc.eventless > 0 || rpc.stopped || this.desk.is_behind()
    }

    /// When a message from or to a node was last lost, or later than two seconds, ms.
    pub fn trouble_ms(&self, node: usize) -> u64 {
        self.nodes[node].trouble_ms
    }

    fn trouble(&mut self, from: usize, to: usize) {
        let now = self.now_ms;
        [from, to].into_iter().for_each(|node| self.nodes[node].trouble_ms = now);
    }

    /// What this run is replayed by.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Index of the node with a key.
    pub fn index_of(&self, key: Address) -> Option<usize> {
        self.nodes.iter().position(|n| n.key == key)
    }

    /// Key of a node.
    pub fn key(&self, node: usize) -> Address {
        self.nodes[node].key
    }

    /// The raw key of a node, for an adversary who plays it.
    pub fn raw_key(&self, node: usize) -> MemoryKey {
        memory_key(self.nodes[node].secret)
    }

    /// Takes a node out of honest hands: from now on only the test speaks for it; what it receives lands in `inbox`.
    pub fn corrupt(&mut self, node: usize) {
        self.nodes[node].participant = None;
        self.nodes[node].honest = false;
        self.nodes[node].disk.clear();
        self.nodes[node].down_ms = u64::MAX;
    }

    /// Takes a node out of honest hands and lets it run on: what it sends and submits goes through the adversary's hands.
    pub fn puppet(&mut self, node: usize) {
        self.nodes[node].honest = false;
    }

    /// Puts another disk into a node that is not honest and starts it: it has forgotten, or remembers what it never should.
    pub(crate) fn rewind(&mut self, node: usize, disk: BTreeMap<Vec<u8>, Vec<u8>>) {
        if self.nodes[node].honest {
            return;
        }
        self.stop(node);
        self.nodes[node].disk = disk;
        self.restart(node);
    }

    /// A signature by the key of a node, on the record, as a node that breaks its own rules would make it.
    pub fn sign_against_rules(&mut self, node: usize, digest: B256) -> perunika_core::sig::Signature {
        let this = &self.nodes[node];
        let key = RecordingKey::new(Remembering(memory_key(this.secret)), self.notebook.clone());
        let sig = perunika_core::sig::RawKey::sign(&key, digest);
        self.notebook.seal(this.key, self.notebook.open(this.key));
        sig
    }

    /// Sends a message in the name of a node.
    pub fn inject(&mut self, from: usize, to: usize, message: Message) {
        self.post(from, to, message);
    }

    /// A call in the name of a node's owner, or why it would revert.
    pub fn call_as(&mut self, node: usize, call: &Call) -> Result<(), String> {
        let owner = self.nodes[node].owner;
        self.ground.submit(owner, call, u64::MAX)
    }

    /// Gives a command to a node; the reply comes under the tag.
    pub fn command(&mut self, node: usize, command: Command) -> u64 {
        let tag = self.next_tag;
        self.next_tag += 1;
        self.note(|w| format!("{} is told {tag}: {}", w.nodes[node].name, shortly(&command)));
        self.tap(Tap::Wanted { node, tag, command: Box::new(command.clone()) });
        self.input(node, Input::Command { tag, command });
        tag
    }

    /// The last reply under a tag.
    pub fn reply(&self, node: usize, tag: u64) -> Option<&Reply> {
        self.nodes[node].replies.get(&tag)?.last()
    }

    /// Lets `ms` pass.
    pub fn run_for(&mut self, ms: u64) {
        let until = self.now_ms + ms;
        self.run(until, |_| false);
    }

    /// Lets time pass until `done`, at most `ms`. True if it was reached.
    pub fn run_until(&mut self, ms: u64, done: impl FnMut(&Self) -> bool) -> bool {
        let until = self.now_ms + ms;
        self.run(until, done)
    }

    /// Stops a node; it restarts after its `down_ms`.
    pub fn crash(&mut self, node: usize) {
        self.stop(node);
        let down = self.nodes[node].down_ms;
        if down < u64::MAX {
            self.at(down, Happening::Restart { node });
        }
    }

    /// Stops a node until [`World::restart`].
    pub fn stop(&mut self, node: usize) {
        self.tally.crashes += u64::from(self.nodes[node].participant.is_some());
        self.tap(Tap::Down { node });
        self.note(|w| format!("{} goes down", w.nodes[node].name));
        self.nodes[node].participant = None;
        self.clear_desk(node);
        let pairs: Vec<(usize, usize)> =
            self.connected.iter().copied().filter(|(a, b)| *a == node || *b == node).collect();
        for pair in pairs {
            self.disconnect(pair);
        }
    }

    /// Starts a stopped node from its disk.
    pub fn restart(&mut self, node: usize) {
        self.boot(node);
        for other in 0..self.nodes.len() {
            if other != node && self.nodes[other].participant.is_some() {
                self.at(5, Happening::Connect { a: node.min(other), b: node.max(other) });
            }
        }
    }

    /// Connects two nodes now, whoever speaks for them.
    pub fn reconnect(&mut self, a: usize, b: usize) {
        let pair = (a.min(b), a.max(b));
        self.connect(pair.0, pair.1);
    }

    fn disconnect(&mut self, (a, b): (usize, usize)) {
        self.connected.remove(&(a, b));
        *self.epochs.entry((a, b)).or_default() += 1;
        for (one, two) in [(a, b), (b, a)] {
            let peer = self.nodes[two].key;
            if self.nodes[one].participant.is_some() {
                self.input(one, Input::Disconnected(peer));
            }
        }
    }

    fn run(&mut self, until: u64, mut done: impl FnMut(&Self) -> bool) -> bool {
        if done(self) {
            return true;
        }
        while let Some(Reverse((at, id))) = self.queue.peek().copied() {
            if at > until {
                break;
            }
            self.queue.pop();
            self.now_ms = at;
            let Some(happening) = self.happenings.remove(&id) else { continue };
            self.happen(happening);
            self.follow();
            if done(self) {
                return true;
            }
        }
        self.now_ms = until;
        false
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Deliver { from, to, epoch, message } => self.deliver(from, to, epoch, *message),
            Happening::Connect { a, b } => self.connect(a, b),
            Happening::Tick { node } => {
                if self.nodes[node].participant.is_some() {
                    self.input(node, Input::Tick);
                }
                self.at(self.tick_ms, Happening::Tick { node });
            }
            Happening::Restart { node } => self.restart(node),
            Happening::Submit { node, key, call } => self.submit(node, key, &call),
            Happening::Whisper { from, to, message } => self.post(from, to, *message),
            Happening::Told { node, key, outcome } => self.input(node, Input::Transaction { key, outcome }),
            Happening::Landed { node, boot } => self.landed(node, boot),
            Happening::Answered { node, input } => self.input(node, *input),
            Happening::Block => self.block(),
        }
    }

    fn connect(&mut self, a: usize, b: usize) {
        let alive = |n: &Node| n.participant.is_some() || n.down_ms == u64::MAX;
        if !alive(&self.nodes[a]) || !alive(&self.nodes[b]) || !self.connected.insert((a, b)) {
            return;
        }
        for (one, two) in [(a, b), (b, a)] {
            let peer = self.nodes[two].key;
            self.input(one, Input::Connected(peer));
        }
    }

    fn deliver(&mut self, from: usize, to: usize, epoch: u64, message: Message) {
        let pair = (from.min(to), from.max(to));
        if self.epochs.get(&pair).copied().unwrap_or_default() != epoch {
            self.trouble(from, to);
            return;
        }
        let (sender, receiver) = (self.nodes[from].key, self.nodes[to].key);
        let now = self.now_ms;
        if let Some(filter) = &mut self.filter
            && !filter(now, sender, receiver, &message)
        {
            self.trouble(from, to);
            return;
        }
        self.note(|w| format!("{} -> {}: {message:?}", w.nodes[from].name, w.nodes[to].name));
        self.tally.messages += 1;
        self.strings.hear(from, to, &message);
        if self.nodes[to].participant.is_none() {
            self.nodes[to].inbox.push((sender, message));
            return;
        }
        let tap = Tap::Got { to, from, message: message.clone() };
        self.input_noted(to, Some(tap), Input::Message { from: sender, message });
    }

    /// A line of the trace, if one is kept.
    pub fn note(&mut self, text: impl FnOnce(&Self) -> String) {
        if self.tracing {
            let line = format!("{} {}", self.now_ms, text(self));
            self.trace.push(line);
        }
    }

    fn tap(&mut self, tap: Tap) {
        self.taps.push((self.now_ms, tap));
    }

    fn block(&mut self) {
        if self.now_ms < self.dark_until_ms {
            return self.at(self.block_ms, Happening::Block);
        }
        self.tally.blocks += 1;
        let results = self.ground.mine(START + 2 + self.now_ms / 1_000);
        if self.tracing {
            let height = self.ground.chain.height();
            let news: Vec<String> =
                self.ground.events[self.tapped..].iter().map(|(_, e)| format!("block {height}: {e:?}")).collect();
            let ends = results.iter().filter_map(|(t, r)| Some((self.tickets.get(t)?.node, r)));
            let ends = ends.map(|(node, r)| format!("block {height}: call of {}: {r:?}", self.nodes[node].name));
            let lines: Vec<String> = ends.chain(news).collect();
            lines.into_iter().for_each(|line| self.note(|_| line));
        }
        self.tap_block();
        for (ticket, result) in results {
            let Some(Ticket { node, key, work }) = self.tickets.remove(&ticket) else { continue };
            self.tap(Tap::Mined { node, work, ok: result.is_ok() });
            self.spent.insert(ticket, Ticket { node, key, work });
            let outcome = match result {
                Ok(gas) => TxOutcome::Mined { gas },
                Err(reason) => TxOutcome::Failed { reason },
            };
            self.tell(node, key, outcome);
        }
        if self.now_ms >= self.shown_ms + self.show_ms {
            self.show_chain();
        }
        self.at(self.block_ms, Happening::Block);
    }

    fn tap_block(&mut self) {
        let (number, time) = (self.ground.chain.height(), self.ground.time());
        self.tap(Tap::Block { number, time });
        let new: Vec<Tap> = self.ground.events[self.tapped..].iter().map(|(_, e)| Tap::Chain(e.clone())).collect();
        self.tapped = self.ground.events.len();
        new.into_iter().for_each(|tap| self.tap(tap));
    }

    /// Shows the chain as it stands to every node.
    pub fn show_chain(&mut self) {
        self.shown_ms = self.now_ms;
        (0..self.nodes.len()).for_each(|node| self.show_chain_to(node));
    }

    fn boot(&mut self, node: usize) {
        self.note(|w| format!("{} starts", w.nodes[node].name));
        self.tap(Tap::Up { node });
        let env = self.env();
        let this = &mut self.nodes[node];
        let config = Config { domain: self.ground.domain, owner: this.owner, policy: this.policy.clone() };
        let key = Box::new(RecordingKey::new(Remembering(memory_key(this.secret)), self.notebook.clone()));
        let records = this.disk.iter().map(|(k, v)| (k.clone(), v.clone()));
        let restored = Participant::restore(config, key, records).expect("what was written can be read");
        let mut participant = restored.with_evaluator(self.machine.clone());
        let step = participant.start(env);
        this.participant = Some(participant);
        this.watches.clear();
        this.seen = Views::default();
        this.believed = (0, 0);
        self.take(node, None, step);
        self.show_chain_to(node);
        if self.nodes[node].commits == 0 {
            self.at(self.tick_ms, Happening::Tick { node });
            self.nodes[node].commits = 1;
        }
    }

    fn input(&mut self, node: usize, input: Input) {
        self.input_noted(node, None, input);
    }

    fn output(&mut self, node: usize, output: Output) {
        match output {
            Output::Send { to, message } => {
                let Some(to) = self.index_of(to) else { return };
                if self.nodes[node].honest || self.nodes[node].restored {
                    return self.post(node, to, message);
                }
                for (delay, to, message) in self.puppet_speaks(node, to, message) {
                    self.whisper(delay, node, to, message);
                }
            }
            Output::Submit { key, call, .. } => {
                let speaks = self.nodes[node].honest || self.nodes[node].restored;
                let held = if speaks { Some(0) } else { self.puppet_calls(node, &call) };
                if let Some(held) = held {
                    self.wish(node, key, call, held);
                }
            }
            Output::Authorise { params, side, terms } => self.authorise(node, &params, side, terms),
            Output::Watch(watch) => {
                if !self.nodes[node].watches.contains(&watch) {
                    self.nodes[node].watches.push(watch);
                    self.nodes[node].seen.horizon = None;
                }
            }
            Output::Unwatch(watch) => {
                self.nodes[node].watches.retain(|w| *w != watch);
                self.nodes[node].seen.forget(&watch);
            }
            Output::Reply { tag, reply } => {
                self.note(|w| format!("{} replies to {tag}: {reply:?}", w.nodes[node].name));
                self.tap(Tap::Replied { node, tag, reply: Box::new(reply.clone()) });
                self.nodes[node].replies.entry(tag).or_default().push(reply);
            }
            Output::Event(event) => {
                self.note(|w| format!("{} event: {event:?}", w.nodes[node].name));
                self.tap(Tap::Reported { node, event: Box::new(event.clone()) });
                self.nodes[node].events.push(event);
            }
        }
    }

    /// Says something in the name of a node after `delay_ms`.
    pub(crate) fn whisper(&mut self, delay_ms: u64, from: usize, to: usize, message: Message) {
        self.at(delay_ms, Happening::Whisper { from, to, message: Box::new(message) });
    }

    fn post(&mut self, from: usize, to: usize, message: Message) {
        self.tap(Tap::Sent { from, message: message.clone() });
        self.strings.say(from, to, &message);
        let pair = (from.min(to), from.max(to));
        if !self.connected.contains(&pair) || self.cuts.contains(&(from, to)) || self.rng.chance(self.network.drop) {
            self.trouble(from, to);
            return;
        }
        let epoch = self.epochs.get(&pair).copied().unwrap_or_default();
        let copies = if self.rng.chance(self.network.double) { 2 } else { 1 };
        for _ in 0..copies {
            let delay = self.rng.between(self.network.delay_min_ms, self.network.delay_max_ms);
            let mut arrival = self.now_ms + delay;
            if delay > LATE_MS {
                self.trouble(from, to);
            }
            if !self.network.reorder {
                let last = self.last_arrival.entry((from, to)).or_default();
                arrival = arrival.max(*last);
                *last = arrival;
            }
            let message = Box::new(message.clone());
            self.at(arrival - self.now_ms, Happening::Deliver { from, to, epoch, message });
        }
    }

    fn at(&mut self, delay_ms: u64, happening: Happening) {
        let id = self.next_id;
        self.next_id += 1;
        self.queue.push(Reverse((self.now_ms + delay_ms, id)));
        self.happenings.insert(id, happening);
    }

    fn env(&mut self) -> Env {
        self.notebook.set_time(self.now_ms);
        Env { now_ms: self.now_ms, entropy: B256::from(self.rng.bytes32()) }
    }
}

/// Without bytecode.
fn shortly(command: &Command) -> String {
    match command {
        Command::OpenNano { ch, terms, .. } => format!("OpenNano in {ch}: {terms:?}"),
        other => format!("{other:?}"),
    }
}

fn memory_key(secret: B256) -> MemoryKey {
    MemoryKey::new(secret, keccak256(secret)).expect("a hash is a valid key")
}

fn new_node(name: &str, seed: u64, policy: &Policy) -> Node {
    let secret = keccak256(format!("key of {name} under seed {seed}"));
    Node {
        name: name.into(),
        key: memory_key(secret).address(),
        owner: owner::account_of(name),
        participant: None,
        disk: BTreeMap::new(),
        honest: true,
        events: Vec::new(),
        replies: BTreeMap::new(),
        inbox: Vec::new(),
        commits: 0,
        crash_at: None,
        down_ms: 3_000,
        chain_delay_ms: 0,
        lag: 0,
        rpc: Rpc::default(),
        pen: Pen::default(),
        disk_ms: 0,
        backup: None,
        restored: false,
        desk: Desk::default(),
        believed: (0, 0),
        trouble_ms: 0,
        policy: policy.clone(),
        secret,
        watches: Vec::new(),
        seen: Views::default(),
    }
}
