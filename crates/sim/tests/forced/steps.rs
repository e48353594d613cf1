//! The end of execution and of the channel's time: S25, S31, S65.

use crate::scene::Scene;
use alloy_primitives::{hex, keccak256};
use perunika_core::message::NanoTerms;
use perunika_sim::ETH;

/// The opponent makes each of its steps in the last second; the honest party always has a whole window, and everything is over in time.
#[test]
fn s25_steps_at_the_deadline_leave_a_whole_window() {
    for hubs in [0, 1] {
        // A (corrupt) is to move: squares 2, 7, 8 are left for it, B answers.
        let mut scene = Scene::board_after(220, hubs, &[0, 3]);
        scene.deploy(0);
        scene.force(1);
        scene.strike(0);
        let (ch, nid, b, window) = (scene.ch, scene.nid, scene.ends[1], scene.window());
        // Four would win for B: it takes 4, then 5.
        let refute_end = scene.dispute().refute_end;
        scene.before(refute_end + window);
        let call = scene.register(0, &scene.top(), None);
        if let Err(why) = scene.call(0, &call) {
            assert!(scene.view().is_some(), "{why}");
        } else {
            scene.world.run_for(1_100);
        }
        let squares = [(6u8, 4u8), (7, 5)];
        for (mine, answer) in squares {
            let Some(view) = scene.view() else { panic!("not registered") };
            let deadline = view.step_end(window as u32);
            let at = scene.top().moved_to(&view);
            scene.world.prepare_nano(b, ch, nid, vec![vec![answer]]);
            scene.before(deadline);
            let step = scene.execute(0, &at, vec![mine]);
            scene.call(0, &step).expect("the last second");
            scene.world.run_for(1_100);
            let stepped = scene.view().expect("registered");
            assert_eq!((stepped.last, stepped.mover), (deadline, 1));
            assert_eq!(stepped.step_end(window as u32), deadline + window, "a whole window for the other one");
            scene.world.run_until(10_000, |w| w.registered(ch, &at.entry).is_some_and(|v| v.mover == 0));
        }
        let view = scene.view().expect("registered");
        assert_eq!((view.steps_left, view.da), (0, 0), "B has three in a row");
        let over = scene.conclude();
        assert!(over <= refute_end + (2 + 9) * window + 15, "I9");
        scene.finish();
        assert_eq!(scene.gain(1), ETH as i128);
    }
}

/// One second after its deadline a step is none, and the default of that position is paid.
#[test]
fn s25_a_step_after_the_deadline_is_none() {
    let mut scene = Scene::board_after(221, 0, &[0, 3]);
    scene.deploy(0);
    scene.force(1);
    scene.strike(0);
    let registered = {
        let (ch, entry) = (scene.ch, scene.top().entry);
        scene.world.run_until(60_000, move |w| w.registered(ch, &entry).is_some())
    };
    assert!(registered, "B, for whom A's silence is worth everything, registers it");
    let view = scene.view().expect("registered");
    scene.before(view.step_end(scene.window() as u32) + 1);
    let step = scene.execute(0, &scene.top(), vec![1]);
    assert!(scene.call(0, &step).is_err());
    scene.conclude();
    scene.finish();
    assert_eq!(scene.gain(1), ETH as i128, "A stalled");
}

/// A nanocontract that never moves as ransom: cash is paid at the end of the dispute, its own money by default at the end of the term at the latest.
#[test]
fn s31_a_stuck_nanocontract_delays_by_its_windows_only() {
    for (hubs, last_second) in [(0, false), (0, true), (1, false), (1, true)] {
        let stuck = hex!("5f5ffd");
        let terms = NanoTerms {
            total: 2 * ETH,
            da0: ETH / 2,
            mover0: 0,
            code_hash: keccak256(stuck),
            gas: 30_000,
            k_max: 80,
            storage: Vec::new(),
        };
        let mut scene = Scene::new(222, hubs, &terms, &stuck);
        scene.world.pay(scene.ends[0], scene.ch, 5 * ETH);
        scene.deploy(0);
        scene.force(1);
        scene.strike(0);
        let (refute_end, window) = (scene.dispute().refute_end, scene.window());
        scene.before(if last_second { refute_end + window } else { refute_end + 1 });
        let call = scene.register(0, &scene.history[0], None);
        scene.call(0, &call).expect("anybody may register version 0");
        let at = scene.history[0].clone();
        let registered = scene.world.ground.time() + 1;
        scene.before(registered + window + 1);
        let step = scene.execute(0, &at, vec![1]);
        assert!(scene.call(0, &step).is_err(), "the code says no");
        let over = scene.conclude();
        // nRef + w, not eighty windows.
        assert!(over <= registered + 2 * window + 15, "over at {over}, registered at {registered}");
        scene.finish();
        assert_eq!(scene.gain(1), 5 * ETH as i128, "{hubs} hubs: cash and the default split");
    }
}
