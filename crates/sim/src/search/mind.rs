//! The honest participant of a search: the production machine, copied before each input, every state numbered.

use super::contract::{ChainId, Contract};
use super::digest::{Aged, Digest};
use crate::signing::Remembering;
use crate::views::Views;
use alloy_primitives::{Address, B256, keccak256};
use perunika_core::Participant;
use perunika_core::chain::{Call, TxKey, TxOutcome, Watch};
use perunika_core::io::{Command, Env, Event, Input, Output, Reply};
use perunika_core::message::Message;
use perunika_core::participant::Config;
use perunika_core::sig::{MemoryKey, RawKey, Signature};
use perunika_nano::Machine;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

/// A key that signs each digest once and remembers it.
#[derive(Clone)]
pub(crate) struct Key {
    inner: Arc<Remembering>,
    address: Address,
    signed: Arc<Mutex<HashMap<B256, Signature>>>,
}

impl Key {
    pub(crate) fn new(name: &str) -> Self {
        let secret = keccak256(format!("key of {name}"));
        let key = MemoryKey::new(secret, keccak256(secret)).expect("a hash is a valid key");
        let inner = Arc::new(Remembering(key));
        Self { address: inner.address(), inner, signed: Arc::default() }
    }
}

impl RawKey for Key {
    fn address(&self) -> Address {
        self.address
    }

    fn sign(&self, digest: B256) -> Signature {
        let mut signed = self.signed.lock().expect("nobody panics in here");
        *signed.entry(digest).or_insert_with(|| self.inner.sign(digest))
    }

    fn activation_secret(&self, draft: B256) -> B256 {
        self.inner.activation_secret(draft)
    }
}

/// Longer than every period that the participant measures with its own clock, milliseconds.
const LONGEST_MS: u64 = 15_000;

/// A state of the participant.
pub(crate) type MindId = u32;

/// A participant and what its chain driver knows.
pub(crate) struct Mind {
    pub(crate) participant: Participant,
    watches: Vec<Watch>,
    views: Views,
}

/// What a participant did about an input.
#[derive(Debug)]
pub(crate) struct Reaction {
    pub(crate) next: MindId,
    pub(crate) messages: Vec<(Address, Message)>,
    pub(crate) calls: Vec<(TxKey, Call)>,
    pub(crate) refused: bool,
    pub(crate) accused: bool,
}

/// What a participant takes.
#[derive(Clone, Debug)]
pub(crate) enum Stimulus {
    /// From a peer.
    Message(Address, Message),
    /// From the application; the number tells it apart.
    Command(u64, Command),
    /// What became of a transaction.
    Transaction(TxKey, bool),
    /// The chain as it is, and as it is final; the number tells blocks apart that leave the contract as it was.
    Look { now: (ChainId, u64), settled: (ChainId, u64), block: u32 },
    /// A connection stands.
    Connected(Address),
    /// Time passed.
    Tick,
    /// The next point of time is near; the newest block is still the old one.
    LateTick,
}

/// All states of the honest participant that were reached.
pub(crate) struct Minds {
    key: Key,
    states: Vec<Mind>,
    ids: HashMap<u128, MindId>,
    reactions: HashMap<(MindId, u128), Rc<Reaction>>,
    /// Inputs that were handled.
    pub(crate) runs: usize,
}

impl Minds {
    /// A participant without a past, in state 0.
    pub(crate) fn new(config: Config, key: Key, now_ms: u64) -> Self {
        let mut participant = Participant::new(config, Box::new(key.clone())).with_evaluator(Arc::new(Machine::new()));
        // Without a past there is nothing to watch.
        let _ = participant.start(Env { now_ms, entropy: B256::ZERO });
        let mut minds = Self { key, states: Vec::new(), ids: HashMap::new(), reactions: HashMap::new(), runs: 0 };
        minds.number(Mind { participant, watches: Vec::new(), views: Views::default() }, now_ms);
        minds
    }

    /// Number of states.
    pub(crate) fn len(&self) -> usize {
        self.states.len()
    }

    pub(crate) fn get(&self, id: MindId) -> &Participant {
        &self.states[id as usize].participant
    }

    fn number(&mut self, mind: Mind, now_ms: u64) -> MindId {
        let mut digest = Aged::new(now_ms, LONGEST_MS);
        // A hasher takes everything.
        let _ = mind.participant.write_out(&mut digest);
        digest.push(&mind.watches);
        let next = self.states.len() as MindId;
        let id = *self.ids.entry(digest.finish()).or_insert(next);
        if id == next {
            self.states.push(mind);
        }
        id
    }

    /// What the participant in state `at` does about a stimulus at `now_ms`.
    pub(crate) fn react(&mut self, chain: &mut Contract, at: MindId, stimulus: &Stimulus, now_ms: u64) -> Rc<Reaction> {
        let key = (at, Digest::of(&(stimulus, now_ms)));
        if let Some(known) = self.reactions.get(&key) {
            return known.clone();
        }
        let mut mind = self.fork(at);
        let done = self.feel(chain, &mut mind, stimulus, now_ms);
        let reaction = Rc::new(Reaction { next: self.number(mind, now_ms), ..done });
        self.reactions.insert(key, reaction.clone());
        reaction
    }

    /// A copy that is not numbered.
    pub(crate) fn fork(&self, at: MindId) -> Mind {
        let Mind { participant, watches, views } = &self.states[at as usize];
        let participant = participant.fork(Box::new(self.key.clone()));
        Mind { participant, watches: watches.clone(), views: views.clone() }
    }

    /// The same for a copy that is not numbered; `next` is of no meaning.
    pub(crate) fn feel(&mut self, chain: &mut Contract, mind: &mut Mind, stimulus: &Stimulus, now_ms: u64) -> Reaction {
        self.runs += 1;
        let input = match stimulus {
            Stimulus::Message(from, message) => Input::Message { from: *from, message: message.clone() },
            Stimulus::Command(tag, command) => Input::Command { tag: *tag, command: command.clone() },
            Stimulus::Transaction(key, good) => {
                let outcome =
                    if *good { TxOutcome::Mined { gas: 0 } } else { TxOutcome::Failed { reason: String::new() } };
                Input::Transaction { key: *key, outcome }
            }
            Stimulus::Look { now, settled, block } => {
                Input::Chain(mind.views.news(chain.observe(&mind.watches, *now, *settled, *block)))
            }
            Stimulus::Connected(peer) => Input::Connected(*peer),
            Stimulus::Tick | Stimulus::LateTick => Input::Tick,
        };
        // The same draw for the same input, whatever happened before: equal states stay equal.
        let entropy = match stimulus {
            Stimulus::Command(tag, _) => keccak256(tag.to_be_bytes()),
            other => keccak256(Digest::of(other).to_be_bytes()),
        };
        let step = mind.participant.handle(input, Env { now_ms, entropy });
        let outputs = step.commit(|_| Ok::<(), ()>(())).unwrap_or_default();
        let mut done = Reaction { next: 0, messages: Vec::new(), calls: Vec::new(), refused: false, accused: false };
        for output in outputs {
            match output {
                Output::Send { to, message } => done.messages.push((to, message)),
                Output::Submit { key, call, .. } => done.calls.push((key, call)),
                Output::Watch(watch) if !mind.watches.contains(&watch) => mind.watches.push(watch),
                Output::Watch(_) => {}
                Output::Unwatch(watch) => {
                    mind.watches.retain(|w| *w != watch);
                    mind.views.forget(&watch);
                }
                Output::Reply { reply: Reply::Refused(_), .. } => done.refused = true,
                Output::Event(Event::Misbehaved { .. }) => done.accused = true,
                // Its owner never answers.
                Output::Reply { .. } | Output::Event(_) | Output::Authorise { .. } => {}
            }
        }
        done
    }
}
