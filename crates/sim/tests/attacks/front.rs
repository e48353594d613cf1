//! Whoever orders transactions: S23, S37.

use crate::paper::calls;
use perunika_core::chain::Call;
use perunika_core::io::Command;
use perunika_sim::{Adversary, ETH, Stage};

/// A channel with four versions; the payer is corrupt and has registered the oldest.
fn disputed(seed: u64) -> (Stage, Adversary, Vec<perunika_core::body::Body>) {
    let mut stage = Stage::new(seed, 1);
    let ch = stage.links[0];
    let mut bodies = Vec::new();
    for _ in 0..4 {
        stage.world.pay(0, ch, ETH);
        bodies.push(stage.link_body(1, 0, Vec::new()));
    }
    let mut adversary = Adversary::new(&[0]);
    adversary.strike(&mut stage.world);
    let call = adversary.register(&stage.world, &stage.channels[0], &bodies[0]);
    stage.world.call_as(0, &call).expect("an old one");
    (stage, adversary, bodies)
}

/// The victim's refutation waits in the pool; before it come a lower version, a copy of it, or both, block after block. The newest State
/// stands all the same, and the victim needs one refutation.
#[test]
fn s23_front_runners_of_a_refutation_change_nothing() {
    for plan in 0..3 {
        let (mut stage, adversary, bodies) = disputed(730 + plan);
        let owner = stage.world.nodes[0].owner;
        let waits = |w: &perunika_sim::World| {
            w.ground
                .queue
                .iter()
                .any(|q| matches!(q.call, Call::Refute { .. } | Call::Register { .. }) && q.from != owner)
        };
        assert!(stage.world.run_until(60_000, waits), "the refutation is in the pool");
        if plan != 1 {
            let lower = adversary.refute(&stage.world, &stage.channels[0], &bodies[1]);
            stage.world.ground.submit_blind(owner, &lower).expect("sent");
        }
        if plan != 0 {
            let copy = adversary.refute(&stage.world, &stage.channels[0], &bodies[3]);
            stage.world.ground.submit_blind(owner, &copy).expect("the same State");
        }
        stage.world.ground.queue.sort_by_key(|q| q.from != owner);
        stage.world.run_for(2_000);
        let dispute = stage.world.slot(&stage.channels[0]).dispute.expect("it runs");
        assert_eq!(dispute.ver, bodies[3].ver, "the newest one");
        stage.finish();
        assert_eq!(stage.world.gain(1), 4 * ETH as i128);
        assert!(calls(&stage, 1) <= 4, "a bounded number of calls (I10): {}", calls(&stage, 1));
    }
}

/// A copy of the victim's `settle` comes first: the lock pays the same, once, and to the same.
#[test]
fn s23_a_front_runner_of_settle_pays_the_victim() {
    let mut stage = Stage::new(733, 2);
    stage.open(ETH, ETH);
    let vc = stage.vc();
    stage.world.pay(0, vc, ETH / 4);
    let mut adversary = Adversary::new(&[0]);
    adversary.strike(&mut stage.world);
    stage.world.command(2, Command::ForceVirtual { vc });
    stage.world.run_for(1_000);
    let link = stage.links[0];
    stage.world.command(1, Command::CloseChannel { ch: link, force: true });
    let owner = stage.world.nodes[0].owner;
    let waits = |w: &perunika_sim::World| {
        w.ground.queue.iter().any(|q| matches!(q.call, Call::Settle { .. }) && q.from != owner)
    };
    assert!(stage.world.run_until(400_000, waits), "the hub settles");
    let copies: Vec<Call> =
        stage.world.ground.queue.iter().filter(|q| q.from != owner).map(|q| q.call.clone()).collect();
    for call in &copies {
        let _ = stage.world.ground.submit_blind(owner, call);
    }
    stage.world.ground.queue.sort_by_key(|q| q.from != owner);
    stage.world.run_for(3_000);
    stage.finish();
    assert!(stage.world.gain(1) > 0, "the hub has its fee: {}", stage.world.gain(1));
    assert_eq!(stage.world.gain(2), (ETH / 4) as i128);
}

/// S37: one adversary registers old States in all channels of a hub at once, and a block takes one honest call in every three seconds. All refutations are in time.
#[test]
fn s37_a_mass_exit_through_narrow_blocks() {
    const CHANNELS: usize = 5;
    let names = ["hub", "p1", "p2", "p3", "p4", "p5"];
    let mut world = perunika_sim::World::with_policy(734, &names, &perunika_sim::short_terms());
    let mut old = Vec::new();
    for peer in 1..=CHANNELS {
        let ch = world.open_channel(0, peer, 10 * ETH, 10 * ETH);
        world.pay(0, ch, ETH);
        let info = world.ledger_of(0, ch).expect("open");
        old.push((info.params, perunika_sim::ledger_body(&info, Vec::new())));
        world.pay(peer, ch, 3 * ETH);
    }
    let corrupt: Vec<usize> = (1..=CHANNELS).collect();
    let mut adversary = Adversary::new(&corrupt);
    adversary.strike(&mut world);
    for (peer, (params, body)) in (1..).zip(&old) {
        let call = adversary.register(&world, params, body);
        world.call_as(peer, &call).expect("an old one");
    }
    let hub = world.nodes[0].owner;
    let mut turn = 0;
    for _ in 0..60 {
        // Every honest call gets a block of its own, three seconds behind the one before.
        let now = world.ground.time();
        for queued in world.ground.queue.iter_mut().filter(|q| q.from == hub && q.hold_until == 0) {
            turn = (turn + 3).max(now + 2);
            queued.hold_until = turn;
        }
        world.run_for(500);
    }
    for (params, body) in &old {
        let dispute = world.slot(params).dispute.expect("it runs");
        assert!(dispute.ver > body.ver, "refuted in time");
    }
    world.finish();
    assert_eq!(world.gain(0), 2 * (CHANNELS as i128) * ETH as i128);
}
