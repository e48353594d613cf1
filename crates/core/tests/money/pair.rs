//! Two participants and a slot that the test writes: what one sends the other gets, at once.

use alloy_primitives::{Address, B256};
use perunika_core::Domain;
use perunika_core::chain::{Block, Call, ChainUpdate, LedgerView, Phase, Seen, TxKey, TxOutcome, Watch};
use perunika_core::funding::Funding;
use perunika_core::info::LedgerInfo;
use perunika_core::io::{Command, Env, Event, Input, Output, Reply};
use perunika_core::message::Message;
use perunika_core::participant::{Config, Participant};
use perunika_core::policy::{Policy, TokenPolicy};
use perunika_core::sig::MemoryKey;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The token that both take.
pub(crate) const TOKEN: Address = Address::repeat_byte(0x70);
/// What the owner of B says to an opening in one transaction.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Owner {
    /// And its vault pays.
    Signs,
    Says(Funding),
    Refuses,
    Waits,
}

pub(crate) struct Pair {
    pub(crate) parts: Vec<Participant>,
    disks: [BTreeMap<Vec<u8>, Vec<u8>>; 2],
    pub(crate) view: Seen<LedgerView>,
    pub(crate) now_ms: u64,
    head: Block,
    settled: Block,
    pub(crate) calls: Vec<(usize, TxKey, Call)>,
    pub(crate) replies: Vec<(u64, Reply)>,
    pub(crate) events: Vec<(usize, Event)>,
    pub(crate) owner: Owner,
    /// Messages of this kind are lost.
    pub(crate) lost: fn(&Message) -> bool,
    /// Sees nothing of what became final since the last block before.
    pub(crate) blind: Option<usize>,
    before: (Seen<LedgerView>, Block),
    slots: BTreeSet<B256>,
    draws: u8,
}

pub(crate) fn domain() -> Domain {
    Domain { chain_id: 1, adjudicator: Address::repeat_byte(9) }
}

fn config(n: u8) -> Config {
    let domain = domain();
    let limits =
        TokenPolicy { deposit_max: 1_000, stake_max: 1_000, fee_base: 0, ggas_price: 0, sponsored_from: Some(50) };
    let policy = Policy { tokens: BTreeMap::from([(TOKEN, limits)]), ..Policy::dev() };
    Config { domain, owner: owner(n), policy }
}

pub(crate) fn owner(n: u8) -> Address {
    Address::repeat_byte(0x80 + n)
}

pub(crate) fn key(n: u8) -> Box<MemoryKey> {
    Box::new(MemoryKey::new(B256::repeat_byte(n + 1), B256::repeat_byte(n + 1)).expect("a key"))
}

impl Pair {
    pub(crate) fn new() -> Self {
        let parts = [0, 1].map(|n| Participant::new(config(n), key(n))).into();
        let block = Block { number: 1, time: 1_000, hash: B256::repeat_byte(1) };
        let mut pair = Self {
            parts,
            disks: Default::default(),
            view: Seen::default(),
            now_ms: 1_000_000,
            head: block,
            settled: block,
            calls: Vec::new(),
            replies: Vec::new(),
            events: Vec::new(),
            owner: Owner::Signs,
            lost: |_| false,
            blind: None,
            before: (Seen::default(), block),
            slots: BTreeSet::new(),
            draws: 0,
        };
        for n in 0..2 {
            pair.begin(n);
        }
        pair
    }

    fn env(&mut self) -> Env {
        self.draws = self.draws.wrapping_add(1);
        Env { now_ms: self.now_ms, entropy: B256::repeat_byte(self.draws) }
    }

    fn begin(&mut self, n: usize) {
        let env = self.env();
        let step = self.parts[n].start(env);
        let outputs = self.commit(n, step);
        self.take(n, outputs);
        self.input(n, Input::Connected(self.key(1 - n)));
        self.show();
    }

    pub(crate) fn key(&self, n: usize) -> Address {
        self.parts[n].overview().key
    }

    fn commit(&mut self, n: usize, step: perunika_core::io::Step) -> Vec<Output> {
        step.commit(|writes| {
            for write in writes {
                match write.value {
                    Some(value) => drop(self.disks[n].insert(write.key, value)),
                    None => drop(self.disks[n].remove(&write.key)),
                }
            }
            Ok::<(), ()>(())
        })
        .expect("durable")
    }

    /// Forgets everything that is not on its disk.
    pub(crate) fn restart(&mut self, n: usize) {
        let records = self.disks[n].clone();
        self.parts[n] = Participant::restore(config(n as u8), key(n as u8), records).expect("sound records");
        self.begin(n);
    }

    pub(crate) fn input(&mut self, n: usize, input: Input) {
        let mut queue = VecDeque::from([(n, input)]);
        while let Some((n, input)) = queue.pop_front() {
            let env = self.env();
            let step = self.parts[n].handle(input, env);
            let outputs = self.commit(n, step);
            queue.extend(self.take(n, outputs));
        }
    }

    fn take(&mut self, n: usize, outputs: Vec<Output>) -> Vec<(usize, Input)> {
        let mut inputs = Vec::new();
        for output in outputs {
            match output {
                Output::Send { to, message } if to == self.key(1 - n) && !(self.lost)(&message) => {
                    inputs.push((1 - n, Input::Message { from: self.key(n), message }));
                }
                Output::Watch(Watch::Ledger(params)) => {
                    self.slots.insert(params.slot_key());
                    let ledgers = vec![(params.slot_key(), self.view)];
                    let (head, settled) = (self.head, self.settled);
                    inputs.push((n, Input::Chain(ChainUpdate { head, settled, ledgers, ..ChainUpdate::default() })));
                }
                Output::Submit { key, call, .. } => self.calls.push((n, key, call)),
                Output::Authorise { terms, .. } if self.owner != Owner::Waits => {
                    let funding = match &self.owner {
                        Owner::Says(funding) => Ok(funding.clone()),
                        Owner::Signs if [terms.dep_a, terms.dep_b][n] == 0 => {
                            Ok(Funding::Sender { consent: vec![7; 64] })
                        }
                        Owner::Signs => Ok(Funding::Vault { consent: vec![7; 64] }),
                        Owner::Refuses | Owner::Waits => Err("no".into()),
                    };
                    inputs.push((n, Input::Authorised { id: terms.id, not_after: terms.not_after, funding }));
                }
                Output::Reply { tag, reply } => self.replies.push((tag, reply)),
                Output::Event(event) => self.events.push((n, event)),
                _ => {}
            }
        }
        inputs
    }

    pub(crate) fn command(&mut self, n: usize, tag: u64, command: Command) {
        self.input(n, Input::Command { tag, command });
    }

    /// Both see the chain as it is.
    pub(crate) fn show(&mut self) {
        for n in 0..self.parts.len() {
            let blind = self.blind == Some(n);
            let (view, settled) = if blind { self.before } else { (self.view, self.settled) };
            let view = Seen { head: self.view.head, ..view };
            let ledgers = self.slots.iter().map(|slot| (*slot, view)).collect();
            let update = ChainUpdate { head: self.head, settled, ledgers, ..ChainUpdate::default() };
            self.input(n, Input::Chain(update));
        }
    }

    /// `seconds` later; what the head shows is not final yet.
    pub(crate) fn block(&mut self, seconds: u64) {
        self.now_ms += seconds * 1_000;
        self.head.number += 1;
        self.head.time += seconds;
        self.head.hash = B256::with_last_byte(self.head.number as u8);
        self.show();
        for n in 0..self.parts.len() {
            self.input(n, Input::Tick);
        }
    }

    /// Everything is final.
    pub(crate) fn settle(&mut self) {
        self.before = (self.view, self.settled);
        self.view.settled = self.view.head;
        self.settled = self.head;
        self.block(1);
    }

    /// The last call of that name.
    pub(crate) fn called(&self, name: &str) -> Option<Call> {
        self.calls.iter().rev().find(|(_, _, call)| call.name() == name).map(|(_, _, call)| call.clone())
    }

    /// The chain takes the last call of that name.
    pub(crate) fn mine(&mut self, name: &str) {
        let found = self.calls.iter().rev().find(|(_, _, call)| call.name() == name).cloned();
        let (n, key, call) = found.unwrap_or_else(|| panic!("nobody sent {name}"));
        self.apply(&call);
        self.input(n, Input::Transaction { key, outcome: TxOutcome::Mined { gas: 1 } });
        self.block(1);
    }

    pub(crate) fn fail(&mut self, name: &str) {
        let found = self.calls.iter().rev().find(|(_, _, call)| call.name() == name).cloned();
        let (n, key, _) = found.unwrap_or_else(|| panic!("nobody sent {name}"));
        self.input(n, Input::Transaction { key, outcome: TxOutcome::Failed { reason: "no".into() } });
        self.block(6);
    }

    /// Of the head, seconds.
    pub(crate) fn time(&self) -> u64 {
        self.head.time
    }

    pub(crate) fn apply(&mut self, call: &Call) {
        let head = &mut self.view.head;
        match call {
            Call::Open { value, .. } => (head.phase, head.dep_a) = (Phase::Funding, *value),
            Call::OpenWith { terms, .. } => (head.phase, head.dep_a) = (Phase::Funding, terms.dep_a),
            Call::Confirm { value, .. } => (head.phase, head.dep_b) = (Phase::Open, *value),
            Call::ConfirmWith { terms, .. } => (head.phase, head.dep_b) = (Phase::Open, terms.dep_b),
            Call::OpenBoth { terms, .. } => {
                (head.phase, head.dep_a, head.dep_b) = (Phase::Open, terms.dep_a, terms.dep_b);
            }
            Call::Deposit { side, amount, .. } => match side.index() {
                0 => head.dep_a += amount,
                _ => head.dep_b += amount,
            },
            Call::Adjust { adjust, .. } => {
                assert_eq!(adjust.seq, head.seq, "an Adjust that was used");
                head.seq += 1;
                if adjust.side == 0 { head.dep_a -= adjust.amount } else { head.dep_b -= adjust.amount }
            }
            other => panic!("{} is not played here", other.name()),
        }
    }

    pub(crate) fn knows_nothing(&self, n: usize) -> bool {
        self.parts[n].ledgers().is_empty()
    }

    pub(crate) fn ledger(&self, n: usize) -> LedgerInfo {
        self.parts[n].ledgers().pop().expect("a channel")
    }
}
