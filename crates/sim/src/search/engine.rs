//! Breadth first through everything that can happen to one honest participant whose peers are all corrupt.
//!
//! A state is small: numbers of the participant's and of the chain's state, the time, the honest transactions that are not mined
//! yet, and what the adversary has seen signed. Everything dear (the machine, the bytecode, signatures) is computed once for each
//! pair of a number and an input.

use super::contract::{ChainId, Contract};
use super::digest::Digest;
use super::mind::{MindId, Minds, Reaction, Stimulus};
use super::model::{Content, Model};
use alloy_primitives::Address;
use perunika_core::Participant;
use perunika_core::chain::{Call, TxKey};
use perunika_core::message::Message;
use std::collections::HashMap;
use std::rc::Rc;

/// Seconds between two points of time: what the policy calls `m_safe`, within which an honest transaction is mined.
pub(crate) const UNIT: u64 = 10;
/// Second 0 of the model, in seconds since the epoch.
pub(crate) const BASE: u64 = 1_900_000_000;
/// Instead of the time of a transaction that is sent just before the next point of time.
const LATE: u16 = u16::MAX;
/// Most points of time that an honest participant may need to get out alone.
const PATIENCE: u16 = 60;

/// Where everything stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) mind: MindId,
    pub(crate) chain: ChainId,
    /// What the honest participant saw of the chain last.
    pub(crate) seen: ChainId,
    /// What is final: the chain as it was at the last point of time.
    pub(crate) settled: ChainId,
    /// Points of time since the start.
    pub(crate) time: u16,
    /// Honest transactions that are not mined, by number, and since when.
    pub(crate) pending: Vec<(u32, u16)>,
    /// What carries the honest signature, or was handed over.
    pub(crate) known: u32,
    /// Commands of the application that were given.
    pub(crate) used: u32,
    /// Number of the newest State that the honest participant has accepted.
    pub(crate) accepted: u32,
}

/// What the adversary, the application or time does next.
#[derive(Clone, Debug)]
pub(crate) enum Move {
    /// A corrupt peer sends this.
    Message(Message),
    /// The honest application orders this.
    Command(perunika_core::io::Command),
    /// A corrupt account calls the contract.
    Call(Box<Call>),
    /// An honest transaction is mined.
    Mine(Box<Call>),
    /// The honest participant sees the newest block.
    Look,
    /// A unit of time passes.
    Time,
}

/// What is wrong with a move.
pub(super) type Fault = Box<(Move, String)>;

fn fault(step: Move) -> impl FnOnce(String) -> Fault {
    |why| Box::new((step, why))
}

/// What may be said in a state of the participant and of what is known, at a time.
type Menus<K, T> = HashMap<(K, u32, u16), Rc<Vec<T>>>;

/// How the honest participant comes out of a state alone: its wealth, or what is wrong.
type End = Result<u128, String>;

/// Parts of a state on which its end depends.
type EndKey = (MindId, ChainId, ChainId, u16, Vec<(u32, u16)>);

/// Everything that was reached and computed.
pub(crate) struct Engine {
    pub(crate) chain: Contract,
    pub(crate) minds: Minds,
    pub(crate) contents: Vec<Content>,
    sets: Vec<Vec<u32>>,
    set_ids: HashMap<Vec<u32>, u32>,
    submitted: Vec<(TxKey, Call)>,
    submitted_ids: HashMap<u128, u32>,
    messages: Menus<MindId, (Address, Message)>,
    calls: Menus<ChainId, (Call, ChainId)>,
    pub(super) ends: HashMap<EndKey, End>,
    owner: Address,
    /// Messages that changed nothing.
    pub(crate) ignored: usize,
    /// Honest transactions need not be mined in time: then the honest lose.
    pub(crate) careless_chain: bool,
}

impl Engine {
    pub(crate) fn new(chain: Contract, minds: Minds, owner: Address) -> Self {
        Self {
            chain,
            minds,
            contents: Vec::new(),
            sets: vec![Vec::new()],
            set_ids: HashMap::from([(Vec::new(), 0)]),
            submitted: Vec::new(),
            submitted_ids: HashMap::new(),
            messages: HashMap::new(),
            calls: HashMap::new(),
            ends: HashMap::new(),
            owner,
            ignored: 0,
            careless_chain: false,
        }
    }

    /// Nothing has happened.
    pub(crate) fn origin(&self) -> State {
        let (mind, chain, seen, settled, time) = (0, 0, 0, 0, 1);
        State { mind, chain, seen, settled, time, pending: Vec::new(), known: 0, used: 0, accepted: 0 }
    }

    /// Wei of the honest account.
    pub(crate) fn wealth(&self, chain: ChainId) -> u128 {
        self.chain.balance(chain, self.owner)
    }

    pub(crate) fn participant(&self, state: &State) -> &Participant {
        self.minds.get(state.mind)
    }

    /// What the adversary has.
    pub(crate) fn known(&self, state: &State) -> impl Iterator<Item = &Content> + '_ {
        self.sets[state.known as usize].iter().map(|id| &self.contents[*id as usize])
    }

    /// Number of a content.
    pub(crate) fn content(&mut self, content: Content) -> u32 {
        if let Some(id) = self.contents.iter().position(|known| *known == content) {
            return id as u32;
        }
        self.contents.push(content);
        (self.contents.len() - 1) as u32
    }

    fn with_known(&mut self, known: u32, new: &[u32]) -> u32 {
        let mut set = self.sets[known as usize].clone();
        set.extend(new.iter().filter(|id| !self.sets[known as usize].contains(id)));
        set.sort_unstable();
        set.dedup();
        let next = self.sets.len() as u32;
        let id = *self.set_ids.entry(set.clone()).or_insert(next);
        if id == next {
            self.sets.push(set);
        }
        id
    }

    fn number_call(&mut self, key: TxKey, call: &Call) -> u32 {
        let digest = Digest::of(&(key, call));
        let next = self.submitted.len() as u32;
        let id = *self.submitted_ids.entry(digest).or_insert(next);
        if id == next {
            self.submitted.push((key, call.clone()));
        }
        id
    }

    /// The honest participant takes one input, and the adversary learns what it says.
    pub(crate) fn apply(
        &mut self,
        model: &dyn Model,
        state: &mut State,
        stimulus: &Stimulus,
    ) -> Result<Rc<Reaction>, String> {
        let before = state.mind;
        let reaction = self.minds.react(&mut self.chain, before, stimulus, ms_of(stimulus, state.time));
        state.mind = reaction.next;
        for (key, call) in &reaction.calls {
            let id = self.number_call(*key, call);
            if !state.pending.iter().any(|(known, _)| *known == id) {
                state.pending.push((id, if matches!(stimulus, Stimulus::LateTick) { LATE } else { state.time }));
            }
        }
        if !reaction.messages.is_empty() || before != state.mind {
            let new = model.learn(self, state, before, stimulus, &reaction.messages)?;
            let new: Vec<u32> = new.into_iter().map(|content| self.content(content)).collect();
            state.known = self.with_known(state.known, &new);
            model.accept(self, state, &reaction.messages)?;
        }
        Ok(reaction)
    }

    fn look(&mut self, model: &dyn Model, state: &mut State, block: u32) -> Result<(), String> {
        state.seen = state.chain;
        let now = (state.chain, seconds(state.time));
        let settled = (state.settled, seconds(state.time - 1));
        self.apply(model, state, &Stimulus::Look { now, settled, block }).map(drop)
    }

    /// A unit of time passes; what stood until now is final.
    pub(crate) fn pass(&mut self, model: &dyn Model, state: &mut State) -> Result<(), String> {
        // The participant ticks all the time; what it still waits for is over before the next point of time.
        self.apply(model, state, &Stimulus::LateTick)?;
        state.settled = state.chain;
        state.time += 1;
        let now = state.time;
        state.pending.iter_mut().filter(|(_, since)| *since == LATE).for_each(|(_, since)| *since = now);
        self.look(model, state, 0)?;
        self.apply(model, state, &Stimulus::Tick).map(drop)
    }

    /// An honest transaction is mined, and its sender sees the block.
    pub(crate) fn mine(&mut self, model: &dyn Model, state: &mut State, index: usize) -> Result<(), String> {
        let (id, _) = state.pending.remove(index);
        let (key, call) = self.submitted[id as usize].clone();
        let result = self.chain.call(state.chain, self.owner, &call, seconds(state.time));
        if let Ok(next) = &result {
            state.chain = *next;
        }
        self.apply(model, state, &Stimulus::Transaction(key, result.is_ok()))?;
        self.look(model, state, id + 1)?;
        self.apply(model, state, &Stimulus::Tick).map(drop)
    }

    /// A corrupt account calls the contract, or says why that reverts.
    pub(crate) fn call(&mut self, state: &mut State, from: Address, call: &Call) -> Result<(), String> {
        state.chain = self.chain.call(state.chain, from, call, seconds(state.time))?;
        Ok(())
    }

    /// Lets the honest participant get its transactions through, and time pass, `units` times.
    pub(crate) fn settle(&mut self, model: &dyn Model, state: &mut State, units: u16) -> Result<(), String> {
        for _ in 0..units {
            while !state.pending.is_empty() {
                self.mine(model, state, 0)?;
            }
            self.pass(model, state)?;
        }
        Ok(())
    }

    /// What may be said and called is made anew: the bounds have changed.
    pub(crate) fn forget_menus(&mut self) {
        self.messages.clear();
        self.calls.clear();
    }

    /// Does what a script says, one thing after the other.
    pub(crate) fn play(&mut self, model: &dyn Model, state: &mut State, script: &[Act]) -> Result<(), String> {
        for act in script {
            let stimulus = match act {
                Act::Say(wanted) => {
                    let all = self.messages(model, state);
                    let (from, message) = all.iter().find(|(_, message)| wanted(message)).ok_or("no such message")?;
                    Stimulus::Message(*from, message.clone())
                }
                Act::Order(bit) => {
                    let all = model.commands(self, state);
                    let (_, command) = all.into_iter().find(|(b, _)| b == bit).ok_or("no such command")?;
                    state.used |= 1 << bit;
                    Stimulus::Command(u64::from(*bit) + 1, command)
                }
            };
            let before = state.mind;
            self.apply(model, state, &stimulus)?;
            if state.mind == before {
                return Err(format!("{stimulus:?} changed nothing"));
            }
        }
        Ok(())
    }

    /// All moves from a state, with what they lead to.
    pub(super) fn expand(
        &mut self,
        model: &dyn Model,
        state: &State,
        last: u16,
        acts: bool,
    ) -> Result<Vec<(Move, State)>, Fault> {
        let mut all = Vec::new();
        for index in 0..state.pending.len() {
            let step = Move::Mine(Box::new(self.submitted[state.pending[index].0 as usize].1.clone()));
            let mut next = state.clone();
            self.mine(model, &mut next, index).map_err(fault(step.clone()))?;
            model.check_chain(self, state, &next).map_err(fault(step.clone()))?;
            all.push((step, next));
        }
        if state.seen != state.chain {
            let mut next = state.clone();
            self.look(model, &mut next, 0).map_err(fault(Move::Look))?;
            all.push((Move::Look, next));
        }
        let late = state.pending.iter().any(|(_, since)| *since < state.time);
        if state.time < last && (!late || self.careless_chain) && model.may_wait(self, state) {
            let mut next = state.clone();
            self.pass(model, &mut next).map_err(fault(Move::Time))?;
            all.push((Move::Time, next));
        }
        if acts {
            self.expand_acts(model, state, &mut all)?;
        }
        Ok(all)
    }

    /// What the adversary and the application can do.
    fn expand_acts(&mut self, model: &dyn Model, state: &State, all: &mut Vec<(Move, State)>) -> Result<(), Fault> {
        for (from, message) in self.messages(model, state).iter() {
            let step = Move::Message(message.clone());
            let stimulus = Stimulus::Message(*from, message.clone());
            self.branch(model, state, step, &stimulus, state.used, all)?;
        }
        for (bit, command) in model.commands(self, state) {
            let tag = u64::from(bit) + 1;
            let step = Move::Command(command.clone());
            let stimulus = Stimulus::Command(tag, command);
            self.branch(model, state, step, &stimulus, state.used | 1 << bit, all)?;
        }
        for (call, chain) in self.calls(model, state).iter() {
            let next = State { chain: *chain, ..state.clone() };
            let step = Move::Call(Box::new(call.clone()));
            model.check_chain(self, state, &next).map_err(fault(step.clone()))?;
            all.push((step, next));
        }
        Ok(())
    }

    fn branch(
        &mut self,
        model: &dyn Model,
        state: &State,
        step: Move,
        stimulus: &Stimulus,
        used: u32,
        all: &mut Vec<(Move, State)>,
    ) -> Result<(), Fault> {
        let mut next = state.clone();
        match self.apply(model, &mut next, stimulus) {
            // A command that is refused was not given.
            Ok(reaction) if reaction.refused && next.mind == state.mind => {}
            Ok(_) => {
                if let Move::Message(..) = step
                    && next == *state
                {
                    self.ignored += 1;
                    return Ok(());
                }
                next.used = used;
                all.push((step, next));
            }
            Err(why) => return Err(fault(step)(why)),
        }
        Ok(())
    }

    fn messages(&mut self, model: &dyn Model, state: &State) -> Rc<Vec<(Address, Message)>> {
        let key = (state.mind, state.known, state.time);
        if let Some(known) = self.messages.get(&key) {
            return known.clone();
        }
        let all = Rc::new(model.messages(self, state));
        self.messages.insert(key, all.clone());
        all
    }

    /// The calls of corrupt accounts that change something.
    fn calls(&mut self, model: &dyn Model, state: &State) -> Rc<Vec<(Call, ChainId)>> {
        let key = (state.chain, state.known, state.time);
        if let Some(known) = self.calls.get(&key) {
            return known.clone();
        }
        let wanted = model.calls(self, state);
        let mut all: Vec<(Call, ChainId)> = Vec::new();
        for (from, call) in wanted {
            if let Ok(next) = self.chain.call(state.chain, from, &call, seconds(state.time))
                && next != state.chain
                && !all.iter().any(|(_, known)| *known == next)
            {
                all.push((call, next));
            }
        }
        let all = Rc::new(all);
        self.calls.insert(key, all.clone());
        all
    }

    /// The honest participant is alone from now on: does it get out, and with at least what it is due?
    pub(super) fn check_end(&mut self, model: &dyn Model, state: &State) -> Result<(), String> {
        let key = (state.mind, state.chain, state.settled, state.time, state.pending.clone());
        let end = match self.ends.get(&key) {
            Some(end) => end.clone(),
            None => {
                let end = self.end(model, state, &mut Vec::new());
                self.ends.insert(key, end.clone());
                end
            }
        };
        let (wealth, due) = (end?, model.due(self, state));
        if wealth < due {
            return Err(format!(
                "alone from here on the honest account ends with {wealth} wei, but {due} are due (P1)"
            ));
        }
        Ok(())
    }

    /// Its wealth after it left alone. Every transaction is mined as late as it may be.
    pub(super) fn end(&mut self, model: &dyn Model, state: &State, story: &mut Vec<String>) -> End {
        let mut mind = self.minds.fork(state.mind);
        let (mut chain, mut settled, mut time) = (state.chain, state.settled, state.time);
        let mut pending: Vec<(TxKey, Call, u16)> = Vec::new();
        for (id, since) in &state.pending {
            let (key, call) = self.submitted[*id as usize].clone();
            pending.push((key, call, *since));
        }
        let mut left = model.leave();
        for _ in 0..PATIENCE {
            let mut inputs = Vec::new();
            let (due, waiting) = pending.into_iter().partition(|(_, _, since)| *since < time);
            pending = waiting;
            for (key, call, _) in due {
                let result = self.chain.call(chain, self.owner, &call, seconds(time));
                chain = *result.as_ref().unwrap_or(&chain);
                let fate = result.as_ref().map_or_else(|why| why.clone(), |_| "mined".into());
                story.push(format!("t={time} alone, {} {fate}", super::words::call(&call)));
                inputs.push(Stimulus::Transaction(key, result.is_ok()));
            }
            let (now, settled_now) = ((chain, seconds(time)), (settled, seconds(time - 1)));
            inputs.push(Stimulus::Look { now, settled: settled_now, block: u32::MAX });
            inputs.push(Stimulus::Tick);
            inputs.extend(left.drain(..).enumerate().map(|(i, command)| Stimulus::Command(1_000 + i as u64, command)));
            for stimulus in inputs {
                let reaction = self.minds.feel(&mut self.chain, &mut mind, &stimulus, ms_of(&stimulus, time));
                pending.extend(reaction.calls.into_iter().map(|(key, call)| (key, call, time)));
            }
            let late = Stimulus::LateTick;
            let reaction = self.minds.feel(&mut self.chain, &mut mind, &late, ms_of(&late, time));
            pending.extend(reaction.calls.into_iter().map(|(key, call)| (key, call, time + 1)));
            if pending.is_empty() && model.is_out(&mind.participant) {
                return Ok(self.wealth(chain));
            }
            settled = chain;
            time += 1;
        }
        Err(format!("alone from here on the honest participant is not out after {PATIENCE} units of time (P2)"))
    }
}

/// A step of a script that leads to where a search begins.
pub(crate) enum Act {
    /// The first message of the menu that fits.
    Say(fn(&Message) -> bool),
    /// A command of the menu.
    Order(u32),
}

/// A point of time in seconds since the epoch.
pub(crate) fn seconds(time: u16) -> u64 {
    BASE + u64::from(time) * UNIT
}

/// When the participant takes an input, by its own clock, milliseconds.
fn ms_of(stimulus: &Stimulus, time: u16) -> u64 {
    let late = if matches!(stimulus, Stimulus::LateTick) { UNIT - 1 } else { 0 };
    (u64::from(time) * UNIT + late) * 1_000
}
