//! Findings of the paper's review about nanocontracts that are theft (R-…), and a defect of a peer implementation (G3).

use crate::scene::{STAKE, Scene};
use perunika_apps::tic_tac_toe;
use perunika_core::chain::{Call, Home};
use perunika_sim::{Adversary, ETH};

/// a nanocontract is closed and its stakes are in another one. Every version of the first is registered against the State that the dispute
/// has fixed, under its own Entry and under that of the second: none is taken.
#[test]
fn r36_r37_a_closed_nanocontract_does_not_come_back() {
    let mut scene = Scene::board_after(340, 0, &[0, 1]);
    let (ch, nid) = (scene.ch, scene.nid);
    let old = scene.history.clone();
    scene.world.close_nano(0, ch, nid);
    let gone = |w: &perunika_sim::World| [0, 1].iter().all(|n| w.nano_is_gone(*n, ch, nid));
    assert!(scene.world.run_until(20_000, gone), "closed");
    let terms = tic_tac_toe::terms(ETH, ETH, perunika_core::params::Side::A).expect("stakes");
    let second = scene.world.open_nano(0, 1, ch, &terms, &scene.code.clone());
    let entry = scene.world.position_of(0, ch, second).expect("open").entry;
    assert_ne!(old[0].entry.born, entry.born);
    scene.strike(0);
    scene.force(1);
    let end = scene.dispute().refute_end;
    scene.before(end + 2);
    for position in &old {
        let mut disguised = position.clone();
        disguised.entry = entry;
        for (entries, at) in [(vec![position.entry], position), (vec![entry], position), (vec![entry], &disguised)] {
            if let Some(call) = scene.world.register_nanos(&scene.home, &entries, &[(at.clone(), None)]) {
                assert!(scene.call(0, &call).is_err() || at.nano.ver == 0, "version {} came back", at.nano.ver);
            }
        }
    }
    assert!(scene.world.registered(ch, &old[0].entry).is_none(), "the old one is on the chain");
    scene.finish();
    assert!(scene.gain(1) >= 0, "{}", scene.gain(1));
}

/// G3: a channel without an application of its own holds a nanocontract. In the first second in which its versions may be registered, and in every
/// later one of the window, nobody can conclude over the mover's head.
#[test]
fn g3_nanocontracts_have_their_window_whatever_their_channel_is() {
    for hubs in [0, 1] {
        let mut scene = Scene::board_after(341, hubs, &[0]);
        let adversary = Adversary::new(&[scene.ends[0]]);
        scene.strike(0);
        scene.force(1);
        let end = scene.dispute().refute_end;
        for second in [end, end + 1, end + 2, end + scene.window()] {
            scene.before(second);
            let conclude = match scene.home.clone() {
                Home::Ledger(params) => adversary.conclude(&scene.world, &params),
                Home::Virtual(params) => adversary.conclude_virtual(&scene.world, &params),
            };
            if let Some(call) = conclude {
                assert!(scene.call(0, &call).is_err(), "{hubs} hubs: concluded at R + {}", second - end);
            }
        }
        scene.finish();
        assert!(scene.gain(1) >= 0);
    }
}

/// a nanocontract takes its own total out of the channel, and no more.
#[test]
fn r55_a_nanocontract_blocks_its_own_stakes_only() {
    let mut scene = Scene::board(342, 0);
    let spendable = |scene: &Scene, node: usize| scene.world.ledger_of(node, scene.ch).expect("open").spendable;
    assert_eq!([spendable(&scene, 0), spendable(&scene, 1)], [STAKE - ETH, STAKE - ETH]);
    let ch = scene.ch;
    scene.world.pay(0, ch, STAKE - ETH);
    scene.world.pay(1, ch, 2 * (STAKE - ETH));
    assert_eq!(spendable(&scene, 1), 0);
    scene.finish();
}

/// a step is meant for one storage, and comes with a version that has another: nothing of it is taken.
#[test]
fn r49_a_step_is_not_executed_on_another_storage() {
    let mut scene = Scene::board_after(343, 0, &[0, 1, 2]);
    scene.deploy(0);
    let (old, top) = (scene.history[1].clone(), scene.top());
    scene.strike(0);
    scene.force(1);
    let end = scene.dispute().refute_end;
    scene.before(end + 1);
    // After three squares it is B's turn in the newest version, as it was after one.
    let step = scene.world.forced_step(1, &scene.home, &old, &scene.code, tic_tac_toe::place(4));
    let claim = |at: &perunika_sim::Position, step| (at.clone(), step);
    let wrong =
        scene.world.register_nanos(&scene.home, &[top.entry], &[claim(&top, Some(step.clone()))]).expect("a dispute");
    assert!(scene.call(1, &wrong).is_err(), "the step of another storage");
    let right = scene.world.register_nanos(&scene.home, &[top.entry], &[claim(&top, None)]).expect("a dispute");
    let _ = scene.call(1, &right);
    scene.world.run_for(1_500);
    let view = scene.view().expect("registered");
    assert_eq!((view.ver, view.storage_hash), (top.nano.ver, top.nano.storage_hash));
    scene.before(view.n_ref + 1);
    let execute = Call::Execute { home: scene.home.clone(), entry: top.entry, step };
    assert!(scene.call(1, &execute).is_err(), "executed on what it was not meant for");
    scene.finish();
}
