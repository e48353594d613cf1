//! One story from its seed: a time in which anything may happen, then a world that heals.

use super::faults::Healing;
use super::games::Secrets;
use super::plan::Plan;
use super::{Failure, Options, Totals};
use crate::mallory::Mallory;
use crate::probes;
use crate::rng::Rng;
use crate::story::ETH;
use crate::world::World;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Lines of the trace that a failure shows.
const TAIL: usize = 60;
/// How often people look at their games, ms.
const TEND_MS: u64 = 700;
/// How often the adversary acts, ms, and how often in a story.
const ACT_MS: u64 = 250;
const ACTS_MAX: u64 = 100;

/// Tells the story of a seed.
pub fn story(seed: u64, options: &Options) -> Result<Totals, Failure> {
    tell(seed, options).0
}

/// The same with the whole trace, if one is kept.
pub fn tell(seed: u64, options: &Options) -> (Result<Totals, Failure>, Vec<String>) {
    if let Some(number) = probes::of_seed(seed) {
        return probes::tell(seed, number, options);
    }
    let mut story = Story::begin(seed, options);
    // A panic in the middle is a failure with a trace like any other; the story is looked at, not told on.
    let told = catch_unwind(AssertUnwindSafe(|| {
        story.open_all();
        let stuck = story.run();
        story.judge(stuck)
    }));
    let told = told.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned())).unwrap_or_default();
        Err(story.failure(vec![format!("panic{}: {text}", super::runner::last_place())]))
    });
    (told, story.world.trace)
}

pub(super) struct Story {
    pub(super) world: World,
    pub(super) rng: Rng,
    pub(super) plan: Plan,
    pub(super) mallory: Mallory,
    pub(super) struck: bool,
    pub(super) secrets: Secrets,
    /// What ends by itself, and when.
    pub(super) healings: Vec<(u64, Healing)>,
    /// The tallest block that was final once.
    pub(super) final_height: u64,
    next_tend_ms: u64,
    /// When the adversary acts next, ms; how often she did.
    next_act_ms: u64,
    pub(super) acts: u64,
    /// Between two of her actions, ms.
    pub(super) act_ms: u64,
}

impl Story {
    fn begin(seed: u64, options: &Options) -> Self {
        let mut rng = Rng::new(seed ^ 0x5eed_0f57_0e1e_5000);
        let plan = Plan::draw(&mut rng);
        let names = ["alice", "ingrid", "julia", "klara", "lena", "mira", "bob"];
        let mut world =
            World::on_chain(seed, &names[..plan.people], &plan.policy, plan.gas_limit, options.adjudicator.clone());
        world.tracing = options.trace;
        world.note(|_| format!("{plan:?}"));
        world.block_ms = plan.bounds.block_s * 1_000;
        world.ground.depth = plan.bounds.depth;
        world.tick_ms = 1_000;
        world.watch_closely();
        let mut mallory = Mallory::new(&plan.corrupt);
        if !plan.corrupt.is_empty() {
            mallory.watch(&mut world);
        }
        let patience = (plan.bounds.depth + 10) * world.block_ms * 2;
        world.patience_ms = world.patience_ms.max(patience);
        // The contract is there in a final block before anybody looks.
        world.run_for(plan.bounds.depth * world.block_ms);
        let secrets = Secrets::new(seed);
        let final_height = world.ground.chain.height().saturating_sub(plan.bounds.depth);
        Self {
            world,
            rng,
            plan,
            mallory,
            struck: false,
            secrets,
            healings: Vec::new(),
            final_height,
            next_tend_ms: 0,
            next_act_ms: 0,
            acts: 0,
            act_ms: ACT_MS,
        }
    }

    /// Everybody has money where it is needed, and the channels of the plan are open.
    fn open_all(&mut self) {
        self.prepare_money();
        for (a, b) in self.plan.edges.clone() {
            let (mine, theirs) = (100 * ETH, if self.rng.chance(850) { 100 * ETH } else { 0 });
            self.world.open_channel_in(self.plan.asset, 0, (a, b), [mine, theirs]);
        }
        self.note_final();
        // From now on an opening may come to nothing.
        for (node, pen) in self.plan.pens.iter().enumerate() {
            self.world.nodes[node].pen = *pen;
        }
    }

    fn run(&mut self) -> Option<String> {
        // Something to break, before anything is broken.
        if self.rng.chance(400) {
            self.open_virtual();
        }
        for number in 0..self.plan.actions {
            if number == self.plan.strike_at {
                self.strike();
            }
            self.old_backup(number);
            self.act();
        }
        self.end()
    }

    pub(super) fn some_node(&mut self) -> usize {
        self.rng.below(self.plan.people as u64) as usize
    }

    fn strike(&mut self) {
        if self.plan.corrupt.is_empty() {
            return;
        }
        self.mallory.strike(&mut self.world, &mut self.rng);
        (self.struck, self.next_act_ms) = (true, self.world.now_ms);
        let plan = self.mallory.plan();
        self.world.note(|_| format!("--- the adversary strikes: {plan}"));
    }

    fn act(&mut self) {
        match self.rng.below(100) {
            0..33 => self.pay(),
            33..42 => self.move_money(),
            42..51 => self.open_virtual(),
            51..59 => self.end_virtual(),
            59..62 => self.close_ledger(),
            62..67 => self.offer_game(),
            67..75 => self.crash(),
            75..93 => self.break_something(),
            _ => {
                let pause = self.rng.below(self.plan.policy.m_safe.min(20) * 500);
                self.pass(pause);
            }
        }
        let pause = self.rng.below(500);
        self.pass(pause);
    }

    /// Lets time pass; what heals by itself does, and people look at their games.
    pub(super) fn pass(&mut self, ms: u64) {
        let until = self.world.now_ms + ms;
        loop {
            let now = self.world.now_ms;
            let due = self.healings.iter().map(|(at, _)| *at).min().unwrap_or(u64::MAX);
            let tend = if self.plan.games { self.next_tend_ms } else { u64::MAX };
            let act = if self.adversary_acts() { self.next_act_ms } else { u64::MAX };
            let stop = until.min(due).min(tend).min(act).max(now);
            self.world.run_for(stop - now);
            self.note_final();
            self.heal_due();
            if self.plan.games && self.world.now_ms >= self.next_tend_ms {
                self.tend();
                self.next_tend_ms = self.world.now_ms + TEND_MS.max(self.world.tick_ms);
            }
            if self.adversary_acts() && self.world.now_ms >= self.next_act_ms {
                self.acts += 1;
                self.next_act_ms = self.world.now_ms + self.act_ms;
                self.mallory.act(&mut self.world, &mut self.rng);
            }
            if self.world.now_ms >= until {
                break;
            }
        }
    }

    fn note_final(&mut self) {
        let final_height = self.world.ground.chain.height().saturating_sub(self.plan.bounds.depth);
        self.final_height = self.final_height.max(final_height);
    }

    /// From the strike on, until she has done enough or rests.
    fn adversary_acts(&self) -> bool {
        self.struck && self.acts < ACTS_MAX
    }

    fn judge(&mut self, stuck: Option<String>) -> Result<Totals, Failure> {
        let mut faults = self.world.last_audit().faults;
        faults.extend(stuck);
        if faults.is_empty() { Ok(self.count()) } else { Err(self.failure(faults)) }
    }

    fn failure(&self, faults: Vec<String>) -> Failure {
        let from = self.world.trace.len().saturating_sub(TAIL);
        let tail = self.world.trace[from..].to_vec();
        Failure { seed: self.world.seed(), time_ms: self.world.now_ms, faults, tail }
    }
}
