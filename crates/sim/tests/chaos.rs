//! Random stories: everybody does anything at any time, nodes crash, networks break; at the end nobody honest has lost.

use alloy_primitives::Address;
use perunika_core::io::Command;
use perunika_core::message::Message;
use perunika_sim::{CrashPoint, ETH, Network, Path, Rng, World, quick_policy};
use std::cell::Cell;
use std::rc::Rc;

/// Who cannot talk to whom at the moment.
type Cut = Rc<Cell<Option<(usize, usize)>>>;

struct Chaos {
    path: Path,
    rng: Rng,
    cut: Cut,
}

impl Chaos {
    fn new(seed: u64, hubs: usize) -> Self {
        let mut path = Path::bare(seed, hubs, &quick_policy());
        path.world.watch_closely();
        for left in 0..=hubs {
            path.links.push(path.world.open_channel(left, left + 1, 100 * ETH, 100 * ETH));
        }
        let cut: Cut = Rc::default();
        let keys: Vec<_> = path.nodes.iter().map(|n| path.world.key(*n)).collect();
        let now = cut.clone();
        path.world.filter = Some(Box::new(move |_, from, to, _: &Message| {
            now.get().is_none_or(|(a, b)| ![(keys[a], keys[b]), (keys[b], keys[a])].contains(&(from, to)))
        }));
        Self { path, rng: Rng::new(seed ^ 0xc4a05), cut }
    }

    fn some_node(&mut self) -> usize {
        self.rng.below(self.path.nodes.len() as u64) as usize
    }

    fn act(&mut self) {
        match self.rng.below(100) {
            0..45 => self.pay(),
            45..57 => self.open(),
            57..63 => self.close_virtual(),
            63..65 => self.close_ledger(),
            65..75 => self.crash(),
            75..82 => {
                let world = &mut self.path.world;
                world.network = match self.rng.below(3) {
                    0 => Network::steady(20),
                    1 => Network::rough(),
                    _ => Network { drop: 400, ..Network::rough() },
                };
            }
            82..90 => {
                let (a, b) = (self.some_node(), self.some_node());
                self.cut.set((a != b && self.rng.chance(600)).then_some((a, b)));
            }
            90..94 => {
                let node = self.some_node();
                self.path.world.nodes[node].chain_delay_ms = self.rng.below(2_500);
            }
            _ => {
                let pause = self.rng.below(8_000);
                self.path.world.run_for(pause);
            }
        }
    }

    fn pay(&mut self) {
        let node = self.some_node();
        let Some(participant) = &self.path.world.nodes[node].participant else { return };
        let mut channels: Vec<_> = participant.ledgers().iter().map(|l| l.id).collect();
        channels.extend(participant.virtuals().iter().filter(|v| v.mine.is_some()).map(|v| v.id));
        if channels.is_empty() {
            return;
        }
        let ch = channels[self.rng.below(channels.len() as u64) as usize];
        for _ in 0..=self.rng.below(5) {
            let amount = u128::from(self.rng.between(1, 1_000)) * (ETH / 1_000);
            let cosign = self.rng.chance(400);
            self.path.world.command(node, Command::Pay { ch, amount, cosign, reference: Vec::new() });
        }
    }

    fn open(&mut self) {
        let mut way = self.path.nodes.clone();
        if self.rng.chance(500) {
            way.reverse();
        }
        let path = way[1..].iter().map(|n| self.path.world.key(*n)).collect();
        let (stake, peer_stake) = (u128::from(self.rng.between(1, 20)) * ETH, u128::from(self.rng.below(20)) * ETH);
        let term = Some(self.rng.between(37, 140));
        let wish = Command::OpenVirtual {
            asset: Address::ZERO,
            path,
            stake,
            peer_stake,
            term,
            fee_max: u128::MAX,
            renew: false,
        };
        self.path.world.command(way[0], wish);
    }

    fn close_virtual(&mut self) {
        let node = if self.rng.chance(500) { 0 } else { self.path.last() };
        let Some(participant) = &self.path.world.nodes[node].participant else { return };
        let ids: Vec<_> = participant.virtuals().iter().map(|v| v.id).collect();
        if !ids.is_empty() {
            let vc = ids[self.rng.below(ids.len() as u64) as usize];
            self.path.world.command(node, Command::CloseVirtual { vc });
        }
    }

    fn close_ledger(&mut self) {
        let node = self.some_node();
        let ch = self.path.links[self.rng.below(self.path.links.len() as u64) as usize];
        let force = self.rng.chance(300);
        self.path.world.command(node, Command::CloseChannel { ch, force });
    }

    fn crash(&mut self) {
        let node = self.some_node();
        let this = &mut self.path.world.nodes[node];
        if this.participant.is_none() {
            return;
        }
        this.down_ms = self.rng.between(500, 4_000);
        match self.rng.below(3) {
            0 => this.crash_at = Some((this.commits + self.rng.between(1, 6), CrashPoint::BeforeCommit)),
            1 => this.crash_at = Some((this.commits + self.rng.between(1, 6), CrashPoint::AfterCommit)),
            _ => self.path.world.crash(node),
        }
    }
}

fn chaos(seed: u64) {
    let mut chaos = Chaos::new(seed, 1 + (seed % 2) as usize);
    for _ in 0..60 {
        chaos.act();
        let pause = chaos.rng.below(700);
        chaos.path.world.run_for(pause);
    }
    let world: &mut World = &mut chaos.path.world;
    for node in &mut world.nodes {
        node.chain_delay_ms = 0;
        node.crash_at = None;
    }
    world.finish();
    for hub in 1..chaos.path.last() {
        assert!(chaos.path.world.ground.balance(chaos.path.world.ground.domain.adjudicator) == 0, "seed {seed}, {hub}");
    }
}

#[test]
fn nobody_loses_in_any_of_many_random_stories() {
    let seeds = std::env::var("PERUNIKA_SEEDS").ok().and_then(|s| s.parse().ok()).unwrap_or(40);
    let first = std::env::var("PERUNIKA_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(0);
    (first..first + seeds).for_each(chaos);
}
