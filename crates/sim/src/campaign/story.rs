//! One story from its seed.

use super::plan::Plan;
use super::{Failure, Options, Totals};
use crate::rng::Rng;
use crate::story::ETH;
use crate::world::{CrashPoint, Network, World};
use alloy_primitives::B256;
use perunika_core::info::LedgerStage;
use perunika_core::io::{Command, Event};
use std::collections::BTreeSet;

/// Lines of the trace that a failure shows.
const TAIL: usize = 60;

/// Tells the story of a seed.
pub fn story(seed: u64, options: &Options) -> Result<Totals, Failure> {
    let mut story = Story::begin(seed, options);
    for _ in 0..story.plan.actions {
        story.act();
    }
    story.end();
    story.judge(options)
}

struct Story {
    world: World,
    rng: Rng,
    plan: Plan,
    links: Vec<B256>,
}

impl Story {
    fn begin(seed: u64, options: &Options) -> Self {
        let mut rng = Rng::new(seed ^ 0x5eed_0f57_0e1e_5000);
        let plan = Plan::draw(&mut rng);
        let names = ["alice", "ingrid", "julia", "klara", "lena", "mira", "bob"];
        let mut world = World::with_policy(seed, &names[..plan.people], &plan.policy);
        world.tracing = options.trace;
        let links = plan.edges.iter().map(|(a, b)| world.open_channel(*a, *b, 100 * ETH, 100 * ETH)).collect();
        Self { world, rng, plan, links }
    }

    fn some_node(&mut self) -> usize {
        self.rng.below(self.plan.people as u64) as usize
    }

    fn act(&mut self) {
        match self.rng.below(100) {
            0..55 => self.pay(),
            55..65 => self.open_virtual(),
            65..70 => self.close_virtual(),
            70..73 => self.close_ledger(),
            73..80 => self.crash(),
            80..88 => self.change_network(),
            88..91 => {
                let depth = self.rng.between(1, 1);
                self.world.reorg(depth);
            }
            91..95 => {
                let node = self.some_node();
                self.world.nodes[node].chain_delay_ms = self.rng.below(2_500);
            }
            _ => {
                let pause = self.rng.below(8_000);
                self.world.run_for(pause);
            }
        }
        let pause = self.rng.below(600);
        self.world.run_for(pause);
    }

    fn pay(&mut self) {
        let node = self.some_node();
        let Some(participant) = &self.world.nodes[node].participant else { return };
        let open = |l: &perunika_core::info::LedgerInfo| l.stage == LedgerStage::Open;
        let mut channels: Vec<B256> = participant.ledgers().iter().filter(|l| open(l)).map(|l| l.id).collect();
        channels.extend(participant.virtuals().iter().filter(|v| v.mine.is_some_and(|m| m > 0)).map(|v| v.id));
        if channels.is_empty() {
            return;
        }
        let ch = channels[self.rng.below(channels.len() as u64) as usize];
        for _ in 0..=self.rng.below(12) {
            let amount = u128::from(self.rng.between(1, 400)) * (ETH / 1_000);
            let cosign = self.rng.chance(200);
            self.world.command(node, Command::Pay { ch, amount, cosign, reference: Vec::new() });
        }
    }

    /// A walk over ledger channels that visits nobody twice.
    fn walk(&mut self) -> Vec<usize> {
        let mut walk = vec![self.some_node()];
        let length = self.rng.between(3, 7) as usize;
        while walk.len() < length {
            let last = walk[walk.len() - 1];
            let next: Vec<usize> = (0..self.plan.people)
                .filter(|n| !walk.contains(n) && self.plan.edges.contains(&(last.min(*n), last.max(*n))))
                .collect();
            if next.is_empty() {
                break;
            }
            walk.push(next[self.rng.below(next.len() as u64) as usize]);
        }
        walk
    }

    fn open_virtual(&mut self) {
        let walk = self.walk();
        if walk.len() < 3 {
            return;
        }
        let path = walk[1..].iter().map(|n| self.world.key(*n)).collect();
        let (stake, peer_stake) = (u128::from(self.rng.between(1, 20)) * ETH, u128::from(self.rng.below(20)) * ETH);
        let term = Some(self.rng.between(37, 140));
        let wish = Command::OpenVirtual { path, stake, peer_stake, term, fee_max: u128::MAX, renew: false };
        self.world.command(walk[0], wish);
    }

    fn close_virtual(&mut self) {
        let node = self.some_node();
        let Some(participant) = &self.world.nodes[node].participant else { return };
        let ids: Vec<_> = participant.virtuals().iter().filter(|v| v.mine.is_some()).map(|v| v.id).collect();
        if !ids.is_empty() {
            let vc = ids[self.rng.below(ids.len() as u64) as usize];
            self.world.command(node, Command::CloseVirtual { vc });
        }
    }

    fn close_ledger(&mut self) {
        let link = self.rng.below(self.links.len() as u64) as usize;
        let (a, b) = self.plan.edges[link];
        let node = if self.rng.chance(500) { a } else { b };
        let force = self.rng.chance(700);
        self.world.command(node, Command::CloseChannel { ch: self.links[link], force });
    }

    fn crash(&mut self) {
        let node = self.some_node();
        let this = &mut self.world.nodes[node];
        if this.participant.is_none() {
            return;
        }
        this.down_ms = self.rng.between(500, 4_000);
        match self.rng.below(3) {
            0 => this.crash_at = Some((this.commits + self.rng.between(1, 6), CrashPoint::BeforeCommit)),
            1 => this.crash_at = Some((this.commits + self.rng.between(1, 6), CrashPoint::AfterCommit)),
            _ => self.world.crash(node),
        }
    }

    fn change_network(&mut self) {
        self.world.network = match self.rng.below(3) {
            0 => Network::steady(20),
            1 => Network::rough(),
            _ => Network { drop: 400, ..Network::rough() },
        };
    }

    fn end(&mut self) {
        for node in &mut self.world.nodes {
            node.chain_delay_ms = 0;
            node.crash_at = None;
        }
        self.world.drain();
    }

    fn judge(&self, options: &Options) -> Result<Totals, Failure> {
        let audit = self.world.audit_end();
        if options.trace {
            self.world.trace.iter().for_each(|line| println!("{line}"));
        }
        if audit.faults.is_empty() {
            return Ok(self.totals());
        }
        let from = self.world.trace.len().saturating_sub(TAIL);
        let tail = self.world.trace[from..].to_vec();
        Err(Failure { seed: self.world.seed(), time_ms: self.world.now_ms, faults: audit.faults, tail })
    }

    fn totals(&self) -> Totals {
        use perunika_contracts::Event as Chain;
        let mut totals = Totals { stories: 1, ..self.world.tally.clone() };
        let events = self.world.nodes.iter().flat_map(|n| &n.events);
        totals.payments = events.filter(|e| matches!(e, Event::Received { .. })).count() as u64;
        let mut disputes = BTreeSet::new();
        for (_, event) in &self.world.ground.events {
            match event {
                Chain::Registered { id, .. } | Chain::VirtualRegistered { vc: id, .. } => drop(disputes.insert(*id)),
                Chain::Refuted { .. } | Chain::VirtualRefuted { .. } => totals.refutations += 1,
                Chain::Confirmed { .. } => totals.ledger_channels += 1,
                _ => {}
            }
        }
        totals.disputes = disputes.len() as u64;
        totals.transactions = self.world.ground.receipts.len() as u64;
        let opened = |n: &crate::world::Node| -> Vec<B256> {
            n.events.iter().filter_map(|e| if let Event::VirtualOpen(vc) = e { Some(*vc) } else { None }).collect()
        };
        let mut by_ends = BTreeSet::new();
        for (index, node) in self.world.nodes.iter().enumerate() {
            for vc in opened(node) {
                let Some(info) = self.world.virtual_of(index, vc) else { continue };
                if (info.index == 0 || info.index + 1 == info.params.path.len()) && by_ends.insert(vc) {
                    let hubs = info.params.path.len() - 2;
                    totals.virtual_channels[hubs.clamp(1, 5) - 1] += 1;
                }
            }
        }
        totals
    }
}
