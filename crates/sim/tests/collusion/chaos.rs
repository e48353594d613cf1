//! Any corrupt nodes, any moves at any time, from a seed: an adversary that knows the rules but no plan. What it cannot take is
//! checked by the auditor at the end.

use perunika_core::body::{Body, Change};
use perunika_core::chain::{Call, RecordView};
use perunika_core::io::Command;
use perunika_core::message::Message;
use perunika_core::params::VirtualParams;
use perunika_sim::{Adversary, ETH, Rng, Stage, Tap, virtual_body};

const MOVES: usize = 40;

struct Chaos {
    stage: Stage,
    adversary: Adversary,
    corrupt: Vec<usize>,
    rng: Rng,
    params: VirtualParams,
    /// Versions of V that existed, with their splits.
    versions: Vec<(u64, u128)>,
    /// States of each link that existed.
    bodies: Vec<Vec<Body>>,
}

impl Chaos {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed ^ 0xc4a05);
        let links = 2 + rng.below(2) as usize;
        let mut stage = Stage::new(seed, links);
        let mut bodies: Vec<Vec<Body>> = vec![Vec::new(); links];
        for (link, seen) in bodies.iter_mut().enumerate() {
            stage.world.pay(link, stage.links[link], ETH);
            seen.push(stage.link_body(link, link, Vec::new()));
        }
        let params = stage.open([ETH, 0][rng.below(2) as usize].max(ETH / 2), ETH);
        for (link, seen) in bodies.iter_mut().enumerate() {
            seen.push(stage.link_body(link, link, vec![stage.lock(link)]));
        }
        let corrupt: Vec<usize> = loop {
            let mask = rng.between(1, (1 << (links + 1)) - 2);
            let chosen: Vec<usize> = (0..=links).filter(|n| mask >> n & 1 == 1).collect();
            if !chosen.is_empty() {
                break chosen;
            }
        };
        let adversary = Adversary::new(&corrupt);
        Self { stage, adversary, corrupt, rng, params, versions: vec![(1, 0)], bodies }
    }

    fn trade(&mut self) {
        let vc = self.stage.vc();
        let last = self.stage.links.len();
        for _ in 0..self.rng.below(8) {
            let payer = if self.rng.chance(600) { 0 } else { last };
            self.stage.world.pay(payer, vc, ETH / 50);
            let evidence = self.stage.world.nodes[0].participant.as_ref().and_then(|p| p.evidence(vc));
            self.versions.extend(evidence.map(|e| (e.state.ver, e.state.def_a)));
        }
        if self.rng.chance(300) {
            let end = if self.rng.chance(500) { 0 } else { last };
            self.stage.world.command(end, Command::CloseVirtual { vc });
            let delay = self.rng.below(300);
            self.stage.world.run_for(delay);
        }
    }

    fn pass_time(&mut self) {
        let now = self.stage.world.ground.time();
        let mut marks = vec![self.params.t_exp];
        if let RecordView::Disputed(d) = self.stage.world.record(&self.params) {
            marks.push(d.refute_end);
        }
        let slots = self.stage.channels.iter().filter_map(|c| self.stage.world.slot(c).dispute);
        marks.extend(slots.map(|d| d.refute_end));
        let mark = marks[self.rng.below(marks.len() as u64) as usize];
        let target = (mark + self.rng.below(4)).saturating_sub([1, 2, 11, 21, 40][self.rng.below(5) as usize]);
        if self.rng.chance(300) && target > now {
            self.stage.world.run_to(target);
        } else {
            let ms = self.rng.between(10, 3_000);
            self.stage.world.run_for(ms);
        }
    }

    fn random_out(&mut self) -> u128 {
        let total = self.params.init_a + self.params.init_b;
        let known = self.versions[self.rng.below(self.versions.len() as u64) as usize].1;
        [0, total, self.params.init_a, known, ETH / 3][self.rng.below(5) as usize]
    }

    fn virtual_call(&mut self) -> Option<Call> {
        let (ver, def_a) = if self.rng.chance(500) {
            self.versions[self.rng.below(self.versions.len() as u64) as usize]
        } else {
            (self.rng.between(0, 40), self.random_out())
        };
        let out = self.random_out();
        let (world, params) = (&self.stage.world, &self.params);
        match self.rng.below(4) {
            0 => self.adversary.register_virtual(world, params, ver, def_a),
            1 => self.adversary.refute_virtual(world, params, ver, def_a),
            2 => self.adversary.finalise(world, params, out),
            _ => self.adversary.conclude_virtual(world, params),
        }
    }

    fn ledger_call(&mut self) -> Option<Call> {
        let link = self.rng.below(self.stage.links.len() as u64) as usize;
        let choice = self.rng.below(self.bodies[link].len() as u64) as usize;
        let (world, params, body) = (&self.stage.world, &self.stage.channels[link], &self.bodies[link][choice]);
        Some(match self.rng.below(4) {
            0 => self.adversary.register(world, params, body),
            1 => self.adversary.refute(world, params, body),
            2 => self.adversary.conclude(world, params)?,
            _ => self.adversary.settle(params, &[self.stage.lock(link)], 0, &self.params),
        })
    }

    fn call(&mut self) {
        let call = if self.rng.chance(500) { self.virtual_call() } else { self.ledger_call() };
        let caller = self.corrupt[self.rng.below(self.corrupt.len() as u64) as usize];
        if let Some(call) = call {
            let _ = self.stage.world.call_as(caller, &call);
        }
    }

    /// Countersigns what an honest neighbour of a corrupt node asked for, whenever that was.
    fn countersign(&mut self) {
        let link = self.rng.below(self.stage.links.len() as u64) as usize;
        let Some(node) = [link, link + 1].into_iter().find(|n| self.corrupt.contains(n)) else { return };
        let Some((ver, out)) = self.stage.removal_heard(&self.adversary, link) else { return };
        let base = self.bodies[link].last().expect("a State").clone();
        if base.locks.is_empty() {
            return;
        }
        let lock = self.stage.lock(link);
        let next = self.stage.removed(&base, ver, out.min(lock.left + lock.right));
        let accept = self.adversary.accept(&self.stage.world, node, &next);
        self.stage.world.inject(node, if node == link { link + 1 } else { link }, accept);
        self.bodies[link].push(next);
    }

    fn message(&mut self) -> Option<Message> {
        let vc = self.stage.vc();
        Some(match self.rng.below(7) {
            0 | 1 => {
                let out = self.random_out();
                self.adversary.final_message(&self.stage.world, &self.params, out)
            }
            2 => Message::VcCloseAsk { vc },
            3 => Message::Abort { vc, reason: "chaos".into() },
            4 => self.item()?,
            5 => {
                let link = self.rng.below(self.stage.links.len() as u64) as usize;
                Message::CloseAsk { ch: self.stage.links[link] }
            }
            _ => {
                let sent: Vec<&Message> = self
                    .stage
                    .world
                    .taps
                    .iter()
                    .filter_map(|(_, tap)| match tap {
                        Tap::Sent { from, message } if self.corrupt.contains(from) => Some(message),
                        _ => None,
                    })
                    .collect();
                (*sent.get(self.rng.below(sent.len() as u64) as usize)?).clone()
            }
        })
    }

    /// A payment of a corrupt end, built on any version that existed.
    fn item(&mut self) -> Option<Message> {
        let last = self.stage.links.len();
        let end = [0, last].into_iter().find(|n| self.corrupt.contains(n))?;
        let (base, def_a) = *self.versions.last()?;
        let ver = base + 1 + self.rng.below(4);
        let def_a = if end == 0 { def_a.saturating_sub(ETH / 100) } else { def_a + ETH / 100 };
        let next = virtual_body(&self.stage.world, &self.params, ver, def_a);
        next.with(ver, &Change::Split(def_a)).ok()?;
        Some(self.adversary.item(&self.stage.world, end, &next, base, self.rng.chance(500)))
    }

    fn speak(&mut self) {
        let Some(message) = self.message() else { return };
        let from = self.corrupt[self.rng.below(self.corrupt.len() as u64) as usize];
        let to = self.rng.below(self.stage.links.len() as u64 + 1) as usize;
        if from != to {
            self.stage.world.inject(from, to, message);
        }
    }

    fn run(&mut self) {
        self.trade();
        self.adversary.strike(&mut self.stage.world);
        for _ in 0..MOVES {
            match self.rng.below(4) {
                0 => self.call(),
                1 => self.speak(),
                2 => self.countersign(),
                _ => self.pass_time(),
            }
        }
        self.stage.finish();
    }
}

#[test]
fn i7_i8_i9_random_adversaries_take_nothing() {
    for seed in 1_000..1_060 {
        Chaos::new(seed).run();
    }
}
