//! Nothing is spent beyond a budget, and everything is counted once.

use alloy_primitives::Address;
use perunika_core::B256;
use perunika_core::budget::Limits;
use perunika_core::funding::Source;
use perunika_core::io::{Command, Fault, Reply};
use perunika_core::policy::Policy;
use perunika_sim::{CrashPoint, ETH, Network, Path, Rng, World, quick_policy};

const MILLI: u128 = ETH / 1_000;
const BUDGET: B256 = B256::repeat_byte(0xb0);

fn set(world: &mut World, limits: Option<Limits>) {
    let tag = world.command(0, Command::SetBudget { budget: BUDGET, limits });
    assert_eq!(world.reply(0, tag), Some(&Reply::Done));
}

fn day(limit: u128) -> Option<Limits> {
    Some(Limits { per_day: Some(limit), ..Limits::default() })
}

fn within(world: &mut World, command: Command) -> u64 {
    world.command(0, Command::Within { budget: BUDGET, command: Box::new(command) })
}

fn pay(world: &mut World, ch: B256, amount: u128, cosign: bool) -> u64 {
    within(world, Command::Pay { ch, amount, cosign, reference: Vec::new() })
}

fn spent(world: &World) -> u128 {
    world.nodes[0].participant.as_ref().and_then(|p| p.budget(BUDGET)).map(|b| b.spent).expect("the budget")
}

fn limited(world: &World, tag: u64) -> bool {
    matches!(world.reply(0, tag), Some(Reply::Refused(Fault::Limit(_))))
}

#[test]
fn payments_that_race_to_the_limit_stop_at_it() {
    for seed in 0..10 {
        let mut path = Path::open(seed, 0, &quick_policy());
        let ch = path.links[0];
        set(&mut path.world, day(10 * MILLI));
        path.world.network = Network::rough();
        let mut rng = Rng::new(seed);
        let tags: Vec<u64> = (0..30)
            .map(|n| {
                path.world.run_for(rng.below(20));
                pay(&mut path.world, ch, MILLI, n % 3 == 0)
            })
            .collect();
        path.world.run_for(20_000);
        assert_eq!(tags.iter().filter(|tag| limited(&path.world, **tag)).count(), 20, "seed {seed}");
        assert_eq!((spent(&path.world), path.world.share(1, ch)), (10 * MILLI, Some(100 * ETH + 10 * MILLI)));
        path.world.crash(0);
        path.world.run_for(5_000);
        assert_eq!(spent(&path.world), 10 * MILLI, "seed {seed}");
        let tag = pay(&mut path.world, ch, 1, false);
        assert!(limited(&path.world, tag), "seed {seed}");
        path.world.finish();
    }
}

/// Payments of both sides void each other and are signed again: that counts once.
#[test]
fn what_is_signed_again_after_a_crossing_counts_once() {
    for seed in 20..50 {
        let mut path = Path::open(seed, 0, &quick_policy());
        let ch = path.links[0];
        set(&mut path.world, day(u128::MAX));
        path.world.network = if seed % 2 == 0 { Network::rough() } else { Network::steady(20) };
        let mut rng = Rng::new(seed);
        let mut sum = 0;
        for n in 0..20 {
            let amount = u128::from(rng.between(1, 900)) * MILLI;
            sum += amount;
            pay(&mut path.world, ch, amount, n % 2 == 0);
            path.world.command(1, Command::Pay { ch, amount: MILLI, cosign: n % 2 == 1, reference: Vec::new() });
            path.world.run_for(rng.below(60));
        }
        path.world.network = Network::steady(10);
        path.world.run_for(30_000);
        assert_eq!(path.world.share(1, ch), Some(100 * ETH + sum - 20 * MILLI), "seed {seed}");
        assert_eq!(spent(&path.world), sum, "seed {seed}");
        path.world.finish();
    }
}

/// A crash before or after each commit: what is counted is what was paid.
#[test]
fn a_crash_at_each_commit_counts_nothing_twice_and_forgets_nothing() {
    for point in [CrashPoint::BeforeCommit, CrashPoint::AfterCommit] {
        for commit in 1..14 {
            let mut path = Path::open(60 + commit, 0, &quick_policy());
            let ch = path.links[0];
            set(&mut path.world, day(5 * MILLI));
            let start = path.world.nodes[0].commits;
            path.world.nodes[0].crash_at = Some((start + commit, point));
            for n in 0..8 {
                // The node may be down.
                if path.world.nodes[0].participant.is_some() {
                    pay(&mut path.world, ch, MILLI, n % 2 == 0);
                }
                path.world.run_for(700);
            }
            path.world.run_for(30_000);
            let paid = path.world.share(1, ch).expect("the channel") - 100 * ETH;
            assert_eq!(spent(&path.world), paid, "commit {commit}, {point:?}");
            // What is asked of a node that is down is lost.
            assert!((MILLI..=5 * MILLI).contains(&paid), "commit {commit}, {point:?}: {paid}");
            path.world.finish();
        }
    }
}

#[test]
fn what_was_never_signed_is_given_back() {
    let mut path = Path::open(80, 0, &quick_policy());
    let ch = path.links[0];
    set(&mut path.world, day(1_800 * MILLI));
    for _ in 0..1_800 {
        pay(&mut path.world, ch, MILLI, false);
    }
    assert_eq!(spent(&path.world), 1_800 * MILLI);
    path.world.command(0, Command::CloseChannel { ch, force: false });
    assert_eq!(spent(&path.world), 1_024 * MILLI, "1.4(10): at most 2^10 items were signed");
    path.world.finish();
    assert_eq!(path.world.gain(1), 1_024 * MILLI as i128);
}

#[test]
fn a_revoked_budget_ends_what_waits() {
    let mut path = Path::open(81, 0, &quick_policy());
    let ch = path.links[0];
    set(&mut path.world, day(u128::MAX));
    let tags: Vec<u64> = (0..1_100).map(|_| pay(&mut path.world, ch, MILLI, false)).collect();
    set(&mut path.world, None);
    path.world.run_for(20_000);
    assert_eq!(tags.iter().filter(|tag| limited(&path.world, **tag)).count(), 1_100 - 1_024);
    let tag = pay(&mut path.world, ch, 1, false);
    assert!(limited(&path.world, tag));
    path.world.finish();
}

#[test]
fn a_virtual_channel_counts_with_its_fee_and_only_if_it_comes_about() {
    let policy = Policy { fee_base: 7 * MILLI, fee_ppm_per_day: 0, ..quick_policy() };
    let mut path = Path::open(82, 1, &policy);
    let keys: Vec<_> = [1, 2].map(|node| path.world.key(node)).into();
    let wish = |stake: u128, fee_max: u128| Command::OpenVirtual {
        asset: Address::ZERO,
        path: keys.clone(),
        stake,
        peer_stake: 0,
        term: None,
        fee_max,
        renew: false,
    };
    set(&mut path.world, day(ETH));
    let tag = within(&mut path.world, wish(ETH - 6 * MILLI, 7 * MILLI));
    assert!(limited(&path.world, tag), "stake and greatest fee are above the limit");
    // The hub never answers the creation.
    let hub = path.world.key(1);
    path.world.filter = Some(Box::new(move |_, from, _, message| {
        from != hub || matches!(message, perunika_core::message::Message::Quote { .. })
    }));
    let tag = within(&mut path.world, wish(ETH / 2, ETH / 2));
    path.world.run_for(2_000);
    assert_eq!(spent(&path.world), ETH / 2 + 7 * MILLI, "the real fee");
    path.world.wait_reply(0, tag);
    path.world.filter = None;
    path.world.run_for(60_000);
    assert_eq!(spent(&path.world), 0, "{:?}", path.world.virtual_ids());
    let tag = within(&mut path.world, wish(ETH / 2, ETH / 2));
    path.world.wait_reply(0, tag);
    assert!(matches!(path.world.reply(0, tag), Some(Reply::Opened(_))), "{:?}", path.world.reply(0, tag));
    assert_eq!(spent(&path.world), ETH / 2 + 7 * MILLI);
    path.world.finish();
}

#[test]
fn a_channel_counts_its_deposit_and_other_peers_are_refused() {
    let mut world = World::with_policy(83, &["alice", "bob", "carol"], &quick_policy());
    let (bob, carol) = (world.key(1), world.key(2));
    set(&mut world, Some(Limits { peers: vec![bob], per_payment: Some(ETH), ..Limits::default() }));
    let open = |peer, deposit| Command::OpenChannel {
        asset: Address::ZERO,
        from: Source::Wallet,
        peer,
        deposit,
        peer_deposit: 0,
        lane: 0,
    };
    for (peer, deposit) in [(carol, ETH), (bob, ETH + 1)] {
        let tag = within(&mut world, open(peer, deposit));
        assert!(limited(&world, tag));
    }
    let tag = within(&mut world, open(bob, ETH));
    world.wait_reply(0, tag);
    assert!(matches!(world.reply(0, tag), Some(Reply::Opened(_))), "{:?}", world.reply(0, tag));
    assert_eq!(spent(&world), ETH);
}
