//! Crashes, reorganisations and a slow chain during a forced game: S8, S37, S38.

use crate::scene::Scene;
use perunika_core::chain::Call;
use perunika_sim::{CrashPoint, ETH, World};

/// B is to move, has its answers prepared, and A, silent off chain, registers the position before B can: B has to force its step after nRef, and wins by
/// A's silence.
fn won_by_force(seed: u64, hubs: usize, trouble: impl FnOnce(&mut Scene)) -> Scene {
    let mut scene = Scene::board_after(seed, hubs, &[0]);
    let (ch, nid, b) = (scene.ch, scene.nid, scene.ends[1]);
    scene.world.prepare_nano(b, ch, nid, vec![vec![4]]);
    scene.strike(0);
    trouble(&mut scene);
    scene.world.force(b, ch);
    let home = scene.home.clone();
    let disputed = move |w: &World| w.dispute_at(&home).is_some();
    assert!(scene.world.run_until(60_000, disputed), "no dispute");
    scene
}

/// A's registration, without a step, in the first second.
fn a_registers(scene: &mut Scene) {
    let refute_end = scene.dispute().refute_end;
    scene.before(refute_end + 1);
    let call = scene.register(0, &scene.top(), None);
    scene.call(0, &call).expect("anybody may");
}

fn check(mut scene: Scene, what: &str) {
    scene.conclude();
    assert_eq!(scene.da(), 0, "{what}: A stalled");
    scene.finish();
    assert_eq!(scene.gain(1), ETH as i128, "{what}");
}

#[test]
fn s8_a_crash_at_each_commit_of_a_forced_game() {
    // A crash before the first commit swallows the command; a person gives it again.
    for (point, first) in [(CrashPoint::BeforeCommit, 2), (CrashPoint::AfterCommit, 1)] {
        for commit in first.. {
            let mut scene = won_by_force(280, 0, |scene| {
                let node = &mut scene.world.nodes[1];
                node.crash_at = Some((node.commits + commit, point));
            });
            a_registers(&mut scene);
            scene.conclude();
            let crashed = scene.world.nodes[1].crash_at.is_none();
            check(scene, &format!("commit {commit}, {point:?}"));
            if !crashed {
                assert!(commit > 2, "{commit}");
                break;
            }
        }
    }
}

/// Most of what a node does in a dispute writes nothing: it is a function of the chain. So it crashes in every second too.
#[test]
fn s8_a_crash_in_each_second_of_a_forced_game() {
    for second in 0..70 {
        let mut scene = won_by_force(285, 0, |_| ());
        let refute_end = scene.dispute().refute_end;
        let crash = scene.world.ground.time() + second;
        let crash_now = |scene: &mut Scene| {
            scene.world.run_to(crash);
            scene.world.crash(1);
        };
        if crash < refute_end {
            crash_now(&mut scene);
            a_registers(&mut scene);
        } else {
            a_registers(&mut scene);
            crash_now(&mut scene);
        }
        check(scene, &format!("crash after {second} s"));
    }
}

/// Every transaction of the honest party vanishes once, the code's own too.
#[test]
fn s38_each_transaction_of_a_forced_game_vanishes_once() {
    for hubs in [0, 1] {
        for name in ["register", "deploy", "registerNano", "execute", "conclude"] {
            let mut scene = won_by_force(281, hubs, |_| ());
            let owner = scene.world.nodes[scene.ends[1]].owner;
            let is = move |n: &str| {
                n == name || n == name.replace("register", "registerVirtual") || n == format!("{name}Virtual")
            };
            let sent = move |w: &World| {
                let last = w.ground.receipts.last();
                last.is_some_and(|r| r.from == owner && is(r.name) && r.result.is_ok())
            };
            if name == "execute" {
                a_registers(&mut scene);
            }
            let seen = scene.world.run_until(200_000, sent);
            // The dispute was opened before this loop begins.
            assert!(seen || name == "register", "{name}: {:?}", scene.world.ground.receipts.last());
            scene.world.reorg(1);
            check(scene, &format!("{name} vanishes, {hubs} hubs"));
        }
    }
}

/// A's registration vanishes under B's step that was built on it.
#[test]
fn s38_a_registration_vanishes_under_the_refutation() {
    let mut scene = Scene::board_after(282, 0, &[0, 3, 1]);
    let old = scene.history[1].clone();
    scene.deploy(1);
    scene.force(0);
    scene.strike(1);
    let refute_end = scene.dispute().refute_end;
    scene.before(refute_end + 1);
    scene.world.nodes[0].chain_delay_ms = 2_000;
    let call = scene.register(1, &old, Some(vec![4]));
    scene.call(1, &call).expect("anybody may");
    let (ch, entry) = (scene.ch, old.entry);
    let newest = scene.top().nano.ver;
    let refuted = move |w: &World| w.registered(ch, &entry).is_some_and(|view| view.ver == newest);
    assert!(scene.world.run_until(60_000, refuted));
    scene.world.reorg(4);
    scene.world.nodes[0].chain_delay_ms = 0;
    scene.conclude();
    assert_eq!(scene.da(), 2 * ETH, "A has two in a row, and B stalls");
    scene.finish();
}

/// Transactions that take all the time that a window leaves.
#[test]
fn s37_a_chain_as_slow_as_the_margins_allow() {
    let mut scene = won_by_force(283, 0, |_| ());
    // Seen a second late, mined a second later.
    scene.world.nodes[1].chain_delay_ms = (scene.window() - 3) * 1_000;
    a_registers(&mut scene);
    check(scene, "slow");
}

/// A code that somebody else has deployed already is found there.
#[test]
fn code_that_is_on_the_chain_already_is_used() {
    let mut scene = won_by_force(284, 0, |_| ());
    let code = scene.code.clone();
    scene.call(0, &Call::Deploy { code }).expect("anybody may");
    a_registers(&mut scene);
    check(scene, "deployed before");
}
