//! The random adversary against honest nodes: whatever she does, the auditor finds nothing, and everybody honest gets out.

use alloy_primitives::{Address, B256};
use perunika_core::io::Command;
use perunika_sim::{ETH, Mallory, Path, Rng, quick_policy};

struct Story {
    path: Path,
    mallory: Mallory,
    rng: Rng,
}

impl Story {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed ^ 0x3a11);
        let hubs = rng.between(1, 3) as usize;
        let mut path = Path::open(seed, hubs, &quick_policy());
        let people = path.nodes.len() as u64;
        let mask = rng.between(1, (1 << people) - 2);
        let corrupt: Vec<usize> = (0..path.nodes.len()).filter(|n| mask >> n & 1 == 1).collect();
        let mut mallory = Mallory::new(&corrupt);
        mallory.watch(&mut path.world);
        path.world.tracing = std::env::var_os("PERUNIKA_TRACE").is_some();
        println!("seed {seed}: {corrupt:?} of {people} are corrupt");
        Self { path, mallory, rng }
    }

    fn some_node(&mut self) -> usize {
        self.rng.below(self.path.nodes.len() as u64) as usize
    }

    fn move_of_an_application(&mut self) {
        let node = self.some_node();
        let Some(participant) = &self.path.world.nodes[node].participant else { return };
        let mut channels: Vec<B256> = participant.ledgers().iter().map(|l| l.id).collect();
        let virtuals: Vec<B256> = participant.virtuals().iter().filter(|v| v.mine.is_some()).map(|v| v.id).collect();
        channels.extend(virtuals.iter().rev().take(3));
        match self.rng.below(10) {
            0..=6 => {
                let ch = channels[self.rng.below(channels.len() as u64) as usize];
                let amount = u128::from(self.rng.between(1, 1_000)) * (ETH / 1_000);
                let cosign = self.rng.chance(400);
                self.path.world.command(node, Command::Pay { ch, amount, cosign, reference: Vec::new() });
            }
            7 | 8 => {
                let mut way = self.path.nodes.clone();
                if self.rng.chance(500) {
                    way.reverse();
                }
                let path = way[1..].iter().map(|n| self.path.world.key(*n)).collect();
                let (stake, peer_stake) =
                    (u128::from(self.rng.between(1, 10)) * ETH, u128::from(self.rng.below(10)) * ETH);
                let term = Some(self.rng.between(37, 140));
                let renew = self.rng.chance(100);
                let wish = Command::OpenVirtual {
                    asset: Address::ZERO,
                    path,
                    stake,
                    peer_stake,
                    term,
                    fee_max: u128::MAX,
                    renew,
                };
                self.path.world.command(way[0], wish);
            }
            _ => {
                if let Some(vc) = virtuals.last().copied() {
                    self.path.world.command(node, Command::CloseVirtual { vc });
                }
            }
        }
    }

    fn run(&mut self) {
        let strike = self.rng.below(25);
        for turn in 0..60 {
            if turn == strike {
                self.mallory.strike(&mut self.path.world, &mut self.rng);
            }
            for _ in 0..self.rng.below(3) {
                self.move_of_an_application();
            }
            for _ in 0..4 {
                self.mallory.act(&mut self.path.world, &mut self.rng);
                let pause = self.rng.below(300);
                self.path.world.run_for(pause);
            }
            if self.rng.chance(60) {
                let pause = self.rng.between(2_000, 15_000);
                self.path.world.run_for(pause);
            }
        }
        for _ in 0..40 {
            self.mallory.act(&mut self.path.world, &mut self.rng);
            self.path.world.run_for(500);
        }
        self.mallory.rest(&mut self.path.world);
        self.path.world.finish();
    }
}

#[test]
fn whatever_the_random_adversary_does_nobody_honest_loses() {
    let number = |name| std::env::var(name).ok().and_then(|s: String| s.parse().ok());
    let (first, seeds) = (number("PERUNIKA_SEED").unwrap_or(14), number("PERUNIKA_SEEDS").unwrap_or(8));
    let mut failed = 0;
    for seed in first..first + seeds {
        let outcome = std::panic::catch_unwind(|| {
            let mut story = Story::new(seed);
            story.run();
            println!("seed {seed}: {}, {} actions", story.mallory.plan(), story.mallory.actions());
        });
        failed += u64::from(outcome.is_err());
    }
    assert_eq!(failed, 0, "stories failed");
}
