//! Every payment that was taken on is made exactly once, while locks come and go over the same link and the network loses, doubles
//! and reorders messages.

use perunika_core::io::{Command, Reply};
use perunika_core::policy::Policy;
use perunika_sim::{ETH, Network, Path, Rng, World, quick_policy};

const SEEDS: u64 = 60;

/// Commands of one side: tag and amount.
type Paid = Vec<(u64, u128)>;

fn refused(world: &World, node: usize, tag: u64) -> bool {
    matches!(world.reply(node, tag), Some(Reply::Refused(_)))
}

fn sum(world: &World, node: usize, paid: &Paid) -> u128 {
    paid.iter().filter(|(tag, _)| !refused(world, node, *tag)).map(|(_, amount)| amount).sum()
}

fn play(seed: u64) {
    // Virtual channels without a fee, closed by themselves before they expire: they leave the shares as they were.
    let policy = Policy { fee_base: 0, fee_ppm_per_day: 0, ..quick_policy() };
    let mut path = Path::open(seed, 1, &policy);
    let (link, mut rng) = (path.links[0], Rng::new(seed ^ 0x0ce));
    path.world.network = Network { delay_min_ms: 1, delay_max_ms: 120, drop: 60, double: 40, reorder: true };
    let mut paid: [Paid; 2] = Default::default();
    let mut opened = 0;
    for round in 0..40 {
        let payer = rng.below(2) as usize;
        for _ in 0..rng.between(1, 4) {
            let amount = u128::from(rng.between(1, 1_000_000));
            let cosign = rng.chance(300);
            let tag = path.world.command(payer, Command::Pay { ch: link, amount, cosign, reference: Vec::new() });
            paid[payer].push((tag, amount));
        }
        if round % 8 == 0 {
            let nodes = if rng.chance(500) { [0, 1, 2] } else { [2, 1, 0] };
            path.world.ask_virtual(&nodes, 1_000, 1_000);
            opened += 1;
        }
        path.world.run_for(rng.between(1, 300));
    }
    path.world.network = Network::steady(10);
    path.world.run_for(120_000);
    let [by_alice, by_hub] = [0, 1].map(|node| sum(&path.world, node, &paid[node]));
    let view = path.world.ledger_of(0, link).unwrap_or_else(|| panic!("seed {seed}: no link"));
    let answered = [0, 1].iter().all(|n| paid[*n].iter().all(|(tag, _)| path.world.reply(*n, *tag).is_some()));
    assert!(answered, "seed {seed}: a payment was never answered");
    assert!(opened > 0 && by_alice > 0 && by_hub > 0, "seed {seed}: nothing happened");
    assert_eq!(view.locks, 0, "seed {seed}: a lock is left");
    assert_eq!(view.mine + by_alice, 100 * ETH + by_hub, "seed {seed}: alice");
    assert_eq!(view.theirs + by_hub, 100 * ETH + by_alice, "seed {seed}: the hub");
}

#[test]
fn every_payment_is_made_exactly_once() {
    for seed in 0..SEEDS {
        play(seed);
    }
}
