//! One participant with open channels, and whatever peers, the chain and programs may say to it.

use super::look::look;
use super::spoken::{Disk, PEOPLE, told};
use crate::{Seed, Source, block};
use perunika_core::chain::{Block, ChainUpdate, LedgerView, RecordView, TxOutcome};
use perunika_core::io::{Command, Env, Event, Input, Output, Step};
use perunika_core::message::Message;
use perunika_core::participant::Config;
use perunika_core::policy::Policy;
use perunika_core::{Address, B256, Participant, funding};
use perunika_nano::Machine;
use perunika_node::wire;
use perunika_sim::short_terms;
use std::sync::Arc;

/// Most inputs of one run.
const INPUTS_MAX: usize = 32;

/// The participant and what surrounds it.
struct Rig {
    node: usize,
    participant: Participant,
    disk: Disk,
    now_ms: u64,
    head: Block,
    submitted: Vec<perunika_core::chain::TxKey>,
}

/// Nothing that is said makes it panic, and what it wrote can be read again.
pub(super) fn run(bytes: &[u8]) -> bool {
    let mut source = Source::new(bytes);
    let at = source.below(told().disks.len());
    let mut rig = Rig::new(at);
    let mut heeded = false;
    for _ in 0..INPUTS_MAX {
        if source.is_empty() {
            break;
        }
        heeded |= rig.act(&mut source);
    }
    look(&rig.participant);
    restore(rig.node, &rig.disk, short_terms());
    heeded
}

/// A participant with channels of all kinds has an ordinary day under this policy.
pub(super) fn lives_with(policy: Policy) {
    let mut rig = Rig::with_policy(PEOPLE + 1, policy);
    for message in told().messages.iter().map(|(_, message)| message) {
        for peer in [0, 2] {
            let from = told().people[peer].key_address();
            rig.input(Input::Message { from, message: message.clone() });
        }
        rig.now_ms += 3_000;
        rig.input(Input::Tick);
    }
}

fn restore(node: usize, disk: &Disk, policy: Policy) -> Participant {
    let owner = told().people[node].owner;
    let config = Config { domain: told().domain, owner, policy };
    let records = disk.iter().map(|(key, value)| (key.clone(), value.clone()));
    let restored = Participant::restore(config, Box::new(told().people[node].pen()), records);
    restored.expect("what was written can be read").with_evaluator(Arc::new(Machine::new()))
}

impl Rig {
    fn new(at: usize) -> Self {
        Self::with_policy(at, short_terms())
    }

    fn with_policy(at: usize, policy: Policy) -> Self {
        let (node, disk) = (at % PEOPLE, told().disks[at].clone());
        let update = told().updates[at].clone();
        let head = update.head;
        let participant = restore(node, &disk, policy);
        let mut rig = Self { node, participant, disk, now_ms: 1_000, head, submitted: Vec::new() };
        let step = rig.participant.start(rig.env());
        rig.take(step);
        rig.input(Input::Chain(update));
        for peer in (0..PEOPLE).filter(|peer| *peer != node) {
            rig.input(Input::Connected(told().people[peer].key_address()));
        }
        rig
    }

    fn env(&self) -> Env {
        Env { now_ms: self.now_ms, entropy: B256::with_last_byte(self.now_ms as u8) }
    }

    /// Says whether it was heeded: something was written or left.
    fn input(&mut self, input: Input) -> bool {
        let step = self.participant.handle(input, self.env());
        self.take(step)
    }

    fn take(&mut self, step: Step) -> bool {
        let disk = &mut self.disk;
        let written = !step.writes().is_empty();
        let outputs = step.commit(|writes| {
            for write in writes {
                match write.value {
                    Some(value) => drop(disk.insert(write.key, value)),
                    None => drop(disk.remove(&write.key)),
                }
            }
            Ok::<(), ()>(())
        });
        let outputs = outputs.unwrap_or_default();
        let said = outputs.iter().any(|output| !matches!(output, Output::Event(Event::Misbehaved { .. })));
        for output in outputs {
            if let Output::Submit { key, .. } = output {
                self.submitted.push(key);
            }
        }
        written || said
    }

    fn act(&mut self, source: &mut Source<'_>) -> bool {
        match source.u8() % 10 {
            0 => self.hear(source.u8(), source.block()),
            1 | 2 => {
                let Some((_, message)) = source.pick(told().messages.as_slice()) else { return false };
                let mut bytes = wire::encode(message);
                let from = source.u8();
                source.edit(&mut bytes);
                self.hear(from, &bytes)
            }
            3 => match postcard::from_bytes::<Command>(source.block()) {
                Ok(command) => self.input(Input::Command { tag: 7, command }),
                Err(_) => false,
            },
            4 => {
                self.now_ms = self.now_ms.saturating_add(u64::from(source.u16()) * 16);
                self.input(Input::Tick)
            }
            5 => self.block(source),
            6 => match postcard::from_bytes::<ChainUpdate>(source.block()) {
                Ok(update) => self.input(Input::Chain(possible(update))),
                Err(_) => false,
            },
            7 => {
                let peer = told().people[source.below(PEOPLE)].key_address();
                self.input(if source.u8().is_multiple_of(2) {
                    Input::Connected(peer)
                } else {
                    Input::Disconnected(peer)
                })
            }
            8 => {
                let Some(key) = source.pick(&self.submitted).copied() else { return false };
                let outcome = match source.u8() % 2 {
                    0 => TxOutcome::Mined { gas: source.u64() },
                    _ => TxOutcome::Failed { reason: "no".into() },
                };
                self.input(Input::Transaction { key, outcome })
            }
            _ => self.known_slot(source),
        }
    }

    /// From one of the peers, or from a stranger.
    fn hear(&mut self, from: u8, bytes: &[u8]) -> bool {
        let Ok(message) = wire::decode(bytes) else { return false };
        let person = told().people.get(usize::from(from) % 4);
        let from = person.map_or(Address::repeat_byte(9), |person| person.key_address());
        self.input(Input::Message { from, message })
    }

    /// A new head with any number and time.
    fn block(&mut self, source: &mut Source<'_>) -> bool {
        let (number, time) = match source.u8() % 2 {
            0 => (self.head.number.saturating_add(1), self.head.time.saturating_add(u64::from(source.u16()))),
            _ => (source.u64(), source.u64()),
        };
        let settled = self.head;
        self.head = Block { number, time, hash: source.array().into() };
        self.input(Input::Chain(ChainUpdate { head: self.head, settled, ..ChainUpdate::default() }))
    }

    /// Another content of a slot that this participant watches.
    fn known_slot(&mut self, source: &mut Source<'_>) -> bool {
        let mut update = ChainUpdate { head: self.head, settled: self.head, ..ChainUpdate::default() };
        let mut bytes = Vec::new();
        for known in &told().updates {
            let (ledgers, records) = (&known.ledgers, &known.records);
            if let (Some((key, seen)), 0) = (source.pick(ledgers), source.u8() % 2) {
                bytes.extend(postcard::to_allocvec(&seen.head).unwrap_or_default());
                source.edit(&mut bytes);
                let view: Result<LedgerView, _> = postcard::from_bytes(&bytes);
                update
                    .ledgers
                    .extend(view.map(|view| (*key, perunika_core::chain::Seen { head: view, settled: view })));
                break;
            }
            if let Some((vc, seen)) = source.pick(records) {
                bytes.extend(postcard::to_allocvec(&seen.head).unwrap_or_default());
                source.edit(&mut bytes);
                let view: Result<RecordView, _> = postcard::from_bytes(&bytes);
                update.records.extend(view.map(|view| (*vc, perunika_core::chain::Seen { head: view, settled: view })));
                break;
            }
        }
        self.input(Input::Chain(possible(update)))
    }
}

/// What the fields of the contract can hold: 96 bits of an amount, 40 of a time, 48 of a version. Blocks are the node's own word.
fn possible(mut update: ChainUpdate) -> ChainUpdate {
    const AMOUNT: u128 = (1 << 96) - 1;
    const TIME: u64 = (1 << 40) - 1;
    const VERSION: u64 = (1 << 48) - 1;
    let dispute = |view: &mut perunika_core::chain::DisputeView| {
        view.ver &= VERSION;
        view.refute_end &= TIME;
        view.nanos_end &= TIME;
        if let Some(state) = &mut view.state {
            state.ver &= VERSION;
            for amount in [&mut state.dep_a, &mut state.dep_b, &mut state.total, &mut state.def_a] {
                *amount &= AMOUNT;
            }
        }
    };
    for view in update.ledgers.iter_mut().flat_map(|(_, seen)| [&mut seen.head, &mut seen.settled]) {
        (view.dep_a, view.dep_b, view.nonce) = (view.dep_a & AMOUNT, view.dep_b & AMOUNT, view.nonce & TIME);
        view.dispute.iter_mut().for_each(dispute);
    }
    for view in update.records.iter_mut().flat_map(|(_, seen)| [&mut seen.head, &mut seen.settled]) {
        match view {
            RecordView::None => {}
            RecordView::Disputed(view) => dispute(view),
            RecordView::Concluded { out_a } => *out_a &= AMOUNT,
        }
    }
    for view in update.escrows.iter_mut().flat_map(|(_, seen)| [&mut seen.head, &mut seen.settled]) {
        view.left &= AMOUNT;
    }
    let nanos = update.nanos.iter_mut().flat_map(|(_, seen)| [&mut seen.head, &mut seen.settled]);
    for view in nanos.flatten() {
        (view.ver, view.n_ref, view.last) = (view.ver & VERSION, view.n_ref & TIME, view.last & TIME);
        view.da &= AMOUNT;
    }
    update
}

pub(super) fn seeds() -> Vec<Seed> {
    let mut seeds = Vec::new();
    let messages = &told().messages;
    for at in 0..told().disks.len() {
        // Everything that was said, by everybody, and a tick.
        let mut bytes = vec![at as u8];
        for index in 0..messages.len() {
            bytes.extend([1, index as u8, (at + index) as u8 % 3, 0]);
        }
        bytes.extend([4, 0xff, 0x0f]);
        seeds.push((format!("heard_{at}"), bytes));
    }
    for (name, message) in messages.iter().filter(|(_, message)| !matches!(message, Message::App { .. })) {
        seeds.push((format!("said_{name}"), [&[3, 0, 0][..], &block(&wire::encode(message)), &[4, 0, 1]].concat()));
    }
    let commands = [
        Command::OpenChannel {
            peer: told().people[1].key_address(),
            asset: Address::ZERO,
            deposit: 5,
            peer_deposit: 6,
            lane: 1,
            from: funding::Source::Wallet,
        },
        Command::CloseChannel { ch: told().links[0], force: true },
        Command::Pay { ch: told().links[0], amount: 1_000, cosign: false, reference: vec![1] },
        Command::SendApp { to: told().people[1].key_address(), data: vec![2] },
    ];
    for (at, command) in commands.iter().enumerate() {
        let bytes = postcard::to_allocvec(command).expect("a command serialises");
        seeds.push((format!("command_{at}"), [&[0, 3][..], &block(&bytes), &[4, 0, 1]].concat()));
    }
    for (at, update) in told().updates.iter().enumerate() {
        let bytes = postcard::to_allocvec(update).expect("an update serialises");
        seeds.push((
            format!("update_{at}"),
            [&[at as u8 % 3 + 3, 6][..], &block(&bytes), &[9, 0, 0, 1, 3, 0, 5, 9]].concat(),
        ));
    }
    seeds.push((
        "late_block".into(),
        [&[0, 5, 1][..], &[9; 8], &[0, 0, 0, 0x80, 0, 0, 0, 0], &[7; 32], &[4, 1, 1]].concat(),
    ));
    seeds
}
