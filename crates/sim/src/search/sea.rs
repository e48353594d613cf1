//! The search itself: level by level, a level being the number of actions.

use super::engine::{Engine, Move, State};
use super::model::Model;
use std::collections::{HashMap, HashSet, VecDeque};

/// What is wrong, and how it came about.
#[derive(Clone, Debug)]
pub struct Found {
    /// In words.
    pub fault: String,
    /// All moves from the start.
    pub path: Vec<String>,
}

/// What a search went through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Different states.
    pub states: usize,
    /// Moves from one state to another.
    pub moves: usize,
    /// Messages of corrupt peers that changed nothing.
    pub ignored: usize,
    /// Longest shortest path.
    pub depth: usize,
    /// Different states of the honest participant.
    pub minds: usize,
    /// Different states of the chain.
    pub chains: usize,
    /// Inputs that the honest participant was given.
    pub inputs: usize,
    /// Calls that the bytecode ran.
    pub calls: usize,
    /// Ends in which the honest participant got out alone.
    pub ends: usize,
    /// False: the limit of states was reached first.
    pub complete: bool,
}

impl Engine {
    /// Goes through all states that can be reached from `starts` with at most `steps` messages, commands and calls that change
    /// something, and any number of honest transactions, looks and units of time, until `last` is the time.
    pub(crate) fn search(&mut self, model: &dyn Model, starts: &[State], bounds: Reach) -> Result<Totals, Found> {
        let mut sea = Sea::default();
        let mut level: VecDeque<(State, Origin)> = starts.iter().map(|state| (state.clone(), None)).collect();
        let mut totals = Totals { complete: true, ..Totals::default() };
        for step in 0..=bounds.steps {
            let mut next: Vec<(State, Origin)> = Vec::new();
            let mut waiting: HashSet<State> = HashSet::new();
            while let Some((state, origin)) = level.pop_front() {
                if sea.ids.contains_key(&state) {
                    continue;
                }
                if sea.states.len() >= bounds.limit {
                    totals.complete = false;
                    continue;
                }
                let at = sea.enter(state.clone(), origin);
                let rests = origin.is_none_or(|(_, _, rests)| rests) || state.time >= bounds.last;
                if (rests || !model.may_wait(self, &state))
                    && let Err(fault) = self.check_end(model, &state)
                {
                    return Err(self.found(model, &sea, at, bounds.last, None, fault));
                }
                let moves = match self.expand(model, &state, bounds.last, step < bounds.steps) {
                    Ok(moves) => moves,
                    Err(fault) => {
                        let (step, fault) = *fault;
                        return Err(self.found(model, &sea, at, bounds.last, Some(step), fault));
                    }
                };
                totals.moves += moves.len();
                for (index, (taken, after)) in moves.into_iter().enumerate() {
                    let origin = Some((at, index as u16, matches!(taken, Move::Time)));
                    let free = matches!(taken, Move::Mine(..) | Move::Look | Move::Time);
                    if sea.ids.contains_key(&after) {
                        continue;
                    }
                    if free {
                        level.push_back((after, origin));
                    } else if waiting.insert(after.clone()) {
                        next.push((after, origin));
                    }
                }
            }
            level = next.into();
        }
        totals.states = sea.states.len();
        totals.depth = sea.depths.iter().copied().max().unwrap_or_default().into();
        totals.ignored = self.ignored;
        (totals.minds, totals.chains) = (self.minds.len(), self.chain.len());
        (totals.inputs, totals.calls, totals.ends) = (self.minds.runs, self.chain.runs, self.ends.len());
        Ok(totals)
    }

    /// The way to a fault, in words.
    fn found(&mut self, model: &dyn Model, sea: &Sea, at: u32, last: u16, step: Option<Move>, fault: String) -> Found {
        let mut way = vec![(at, 0)];
        while let Some((parent, index, _)) = sea.origins[way[way.len() - 1].0 as usize] {
            way.push((parent, index));
        }
        way.reverse();
        let mut path = vec![model.describe(self, &sea.states[way[0].0 as usize])];
        for pair in way.windows(2) {
            let moves = self.expand(model, &sea.states[pair[0].0 as usize], last, true).unwrap_or_default();
            let taken = moves.get(usize::from(pair[0].1)).map(|(step, _)| step.clone());
            let text = taken.map(|step| model.tell(&step)).unwrap_or_default();
            path.push(format!("{text}\n      {}", model.describe(self, &sea.states[pair[1].0 as usize])));
        }
        match step {
            Some(step) => path.push(model.tell(&step)),
            None => drop(self.end(model, &sea.states[at as usize], &mut path)),
        }
        Found { fault, path }
    }
}

/// How far a search goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reach {
    /// Messages, commands and corrupt calls that change something, at most.
    pub(crate) steps: usize,
    /// The last point of time.
    pub(crate) last: u16,
    /// States at most.
    pub(crate) limit: usize,
}

/// From which state by which of its moves, and whether that was time.
type Origin = Option<(u32, u16, bool)>;

/// The states that were reached.
#[derive(Default)]
struct Sea {
    states: Vec<State>,
    ids: HashMap<State, u32>,
    origins: Vec<Origin>,
    depths: Vec<u16>,
}

impl Sea {
    fn enter(&mut self, state: State, origin: Origin) -> u32 {
        let id = self.states.len() as u32;
        self.depths.push(origin.map_or(0, |(parent, _, _)| self.depths[parent as usize] + 1));
        self.ids.insert(state.clone(), id);
        self.states.push(state);
        self.origins.push(origin);
        id
    }
}
