//! What counts as the newest: S24, S54, S56, S70.

use crate::scene::Scene;
use perunika_core::body::{Body, Change};
use perunika_core::chain::{Call, Home};
use perunika_core::io::Command;
use perunika_core::message::Message;
use perunika_core::sig::RawKey;
use perunika_core::signed::{Eip712, MAX_VERSION, Nano};
use perunika_sim::{Adversary, ETH, Position, World, quick_policy};

/// The newest State of a ledger channel, with its one nanocontract.
fn state(scene: &Scene) -> Body {
    let info = scene.world.ledger_of(scene.ends[0], scene.ch).expect("a ledger channel");
    let nanos = vec![scene.top().entry];
    Body { nanos, ..perunika_sim::ledger_body(&info, Vec::new()) }
}

/// A's payment is pending at B, who keeps quiet, registers the State below it and posts the pending one in the last second: the nanocontract, which
/// A has won by then, still counts (nanocontracts are registered after R, against the State that is fixed then).
#[test]
fn s24_a_late_parent_does_not_wipe_a_nanocontract() {
    for closing in [false, true] {
        let mut scene = Scene::board_after(200, 0, &[0, 3, 1]);
        let (ch, nid, below) = (scene.ch, scene.nid, state(&scene));
        assert_eq!((scene.top().nano.mover, scene.top().nano.da), (1, 2 * ETH), "B would have to move");
        scene.strike(1);
        // Its answer never comes: a payment, or the wish to close the nanocontract, whose newest version is A's.
        if closing {
            scene.world.close_nano(0, ch, nid);
        } else {
            scene.world.command(0, Command::Pay { ch, amount: ETH, cosign: true, reference: Vec::new() });
        }
        scene.world.run_for(500);
        let pending = pending(&scene, &below, closing);
        let Home::Ledger(params) = scene.home.clone() else { panic!("a ledger channel") };
        let adversary = Adversary::new(&[1]);
        let register = adversary.register(&scene.world, &params, &below);
        scene.call(1, &register).expect("both signed it");
        scene.world.run_for(1_500);
        let refute_end = scene.dispute().refute_end;
        scene.before(refute_end);
        let late = adversary.refute(&scene.world, &params, &pending);
        scene.call(1, &late).expect("in the last second");
        scene.conclude();
        scene.finish();
        let expected = if closing { ETH as i128 } else { ETH as i128 - ETH as i128 };
        assert_eq!(scene.gain(0), expected, "closing {closing}: A's two ETH of the board, less what it paid");
    }
}

/// The State that A has proposed.
fn pending(scene: &Scene, below: &Body, closing: bool) -> Body {
    let inbox = &scene.world.nodes[1].inbox;
    let ver = inbox.iter().rev().find_map(|(_, message)| match message {
        Message::Item { ver, .. } | Message::Presign { ver, .. } | Message::Propose { ver, .. } => Some(*ver),
        _ => None,
    });
    let change = if closing {
        let close = vec![(scene.nid, scene.top().nano.da)];
        Change::Entries { remove: Vec::new(), add: Vec::new(), close, open: Vec::new() }
    } else {
        Change::Split(below.def_a - ETH)
    };
    below.with(ver.expect("a proposal"), &change).expect("a State")
}

/// A nanocontract cannot be registered while States are still refuted, so whoever wakes up a margin before R loses nothing.
#[test]
fn s54_a_sleeper_that_wakes_before_r_loses_nothing() {
    for hubs in [0, 1] {
        let mut scene = Scene::board_after(201, hubs, &[0, 3, 1]);
        let (old, sleeper) = (scene.history[1].clone(), scene.ends[0]);
        scene.world.stop(sleeper);
        // B, who has lost, opens the dispute by itself and dies for everybody else.
        scene.force(1);
        scene.deploy(1);
        scene.strike(1);
        for second in 0..3 {
            let call = scene.register(1, &old, Some(vec![3]));
            assert!(scene.call(1, &call).is_err(), "second {second} of the dispute is too early");
            scene.world.run_for(1_000);
        }
        let refute_end = scene.dispute().refute_end;
        let margin = quick_policy().m_safe;
        scene.world.run_to(refute_end - margin);
        scene.world.restart(sleeper);
        scene.before(refute_end + 1);
        let call = scene.register(1, &old, Some(vec![3]));
        scene.call(1, &call).expect("now it is time");
        scene.conclude();
        assert_eq!(scene.da(), 2 * ETH, "{hubs} hubs: the newest version counts");
        scene.finish();
        assert_eq!(scene.gain(0), ETH as i128);
    }
}

/// The same Entry, byte for byte, in a channel of the adversary's own, with a version near the end: the slot is another one.
#[test]
fn s56_a_slot_of_another_channel_says_nothing() {
    let policy = quick_policy();
    let mut world = World::with_policy(202, &["alice", "bob", "mallory"], &policy);
    let links = [world.open_channel(0, 1, 20 * ETH, 20 * ETH), world.open_channel(1, 2, 20 * ETH, 20 * ETH)];
    let terms = perunika_apps::tic_tac_toe::terms(ETH, ETH, perunika_core::params::Side::A).expect("stakes");
    let code = perunika_apps::App::TicTacToe.code();
    let nid = world.open_nano(0, 1, links[0], &terms, code);
    for (node, square) in [(0, 0), (1, 3), (0, 1)] {
        world.make_step(node, links[0], nid, vec![square]);
    }
    let top = world.position_of(0, links[0], nid).expect("open");
    let own = world.ledger_of(1, links[1]).expect("their own channel");
    let mut adversary = Adversary::new(&[1, 2]);
    adversary.strike(&mut world);
    // In their own channel Bob, its A, gives himself everything.
    let info_body = perunika_sim::ledger_body(&own, Vec::new());
    let body = Body { ver: 2, nanos: vec![top.entry], ..info_body };
    let call = adversary.register(&world, &own.params, &body);
    world.call_as(1, &call).expect("both signed it");
    world.run_for(1_500);
    let home = Home::Ledger(own.params);
    let refute_end = world.dispute_at(&home).expect("a dispute").refute_end;
    world.run_to(refute_end);
    let nano = Nano { ch: links[1], ver: MAX_VERSION - 1, da: 0, mover: 0, steps_left: 1, ..top.nano };
    let digest = world.ground.domain.digest(nano.struct_hash());
    let sigs = [1, 2].map(|node| Some(world.raw_key(node).sign(digest)));
    let poison = Position { nano, sigs, ..top.clone() };
    let call = world.register_nanos(&home, &[top.entry], &[(poison.clone(), None)]).expect("a dispute");
    world.call_as(1, &call).expect("it is their own");
    world.run_for(1_500);
    assert_eq!(world.registered(links[1], &top.entry).map(|view| view.ver), Some(MAX_VERSION - 1));
    assert_eq!(world.registered(links[0], &top.entry), None, "the other channel's slot is untouched");

    world.force(0, links[0]);
    let closed =
        |w: &World| w.ledger_of(0, links[0]).is_some_and(|l| l.stage == perunika_core::info::LedgerStage::Closed);
    let home = Home::Ledger(world.ledger_of(0, links[0]).expect("open").params);
    assert!(world.run_until(10_000, |w| w.dispute_at(&home).is_some()));
    // Nor does the signature work there.
    let refute_end = world.dispute_at(&home).expect("a dispute").refute_end;
    world.run_to(refute_end);
    let foreign = Position { nano: Nano { ch: links[0], ..nano }, ..poison };
    let call = world.register_nanos(&home, &[top.entry], &[(foreign, None)]).expect("a dispute");
    assert!(world.call_as(1, &call).is_err(), "signed for another channel");
    assert!(world.run_until(400_000, closed));
    world.run_for(3_000);
    assert_eq!(world.gain(0), ETH as i128);
}

/// Once a nanocontract is registered the State stands, and behind nRef the nanocontract too: a State after R and a version in the second of the first
/// possible step are both too late.
#[test]
fn s70_states_after_r_and_versions_after_n_ref_are_too_late() {
    for hubs in [0, 1] {
        let mut scene = Scene::board_after(203, hubs, &[0, 3]);
        let (old, top) = (scene.history[1].clone(), scene.top());
        let newest = (hubs == 0).then(|| state(&scene));
        scene.deploy(1);
        scene.force(0);
        scene.strike(0);
        scene.strike(1);
        let refute_end = scene.dispute().refute_end;
        scene.before(refute_end + 1);
        let call = scene.register(1, &old, None);
        scene.call(1, &call).expect("the first second");
        scene.world.run_for(1_100);
        let n_ref = scene.view().expect("registered").n_ref;
        assert_eq!(n_ref, refute_end + 1 + scene.window());
        if let (Home::Ledger(params), Some(newest)) = (scene.home.clone(), newest) {
            let newer = Body { ver: newest.ver + 8, ..newest };
            let call = Adversary::new(&[0, 1]).refute(&scene.world, &params, &newer);
            assert!(scene.call(0, &call).is_err(), "a State after R");
        }
        // The last second for versions, and the first for steps: never both.
        scene.before(n_ref);
        let refute = scene.world.refute_nano(&scene.home, &top, None);
        assert!(scene.world.ground.would_succeed(scene.world.nodes[scene.ends[0]].owner, &refute));
        let step = scene.execute(1, &old, vec![4]);
        assert!(scene.call(1, &step).is_err(), "no step at nRef");
        scene.before(n_ref + 1);
        assert!(scene.call(0, &refute).is_err(), "no version in the second of the first step");
        let step = scene.execute(1, &old, vec![4]);
        scene.call(1, &step).expect("a step after nRef");
        scene.world.run_for(1_100);
        let refute = scene.world.refute_nano(&scene.home, &top, None);
        assert!(scene.call(0, &refute).is_err(), "no version after a step");
        let params_end = refute_end + (2 + 9) * scene.window();
        assert!(scene.dispute().final_at(scene.window() as u32) <= params_end, "I9");
    }
}

/// A call that is a step and a version at once in one block: the version comes first or not at all, whatever the order of transactions.
#[test]
fn s70_a_version_and_a_step_in_one_block() {
    let mut scene = Scene::board_after(204, 0, &[0, 3]);
    let (old, top) = (scene.history[1].clone(), scene.top());
    scene.deploy(1);
    scene.force(0);
    scene.strike(0);
    scene.strike(1);
    let refute_end = scene.dispute().refute_end;
    scene.before(refute_end + 1);
    let call = scene.register(1, &old, None);
    scene.call(1, &call).expect("the first second");
    scene.world.run_for(1_100);
    let n_ref = scene.view().expect("registered").n_ref;
    scene.before(n_ref + 1);
    let step = scene.execute(1, &old, vec![4]);
    let refute: Call = scene.world.refute_nano(&scene.home, &top, None);
    let [a, b] = scene.ends.map(|n| scene.world.nodes[n].owner);
    scene.world.ground.submit_blind(a, &refute).expect("sent");
    scene.world.ground.submit_blind(b, &step).expect("sent");
    scene.world.run_for(1_100);
    let results: Vec<(&str, bool)> =
        scene.world.ground.receipts.iter().rev().take(2).map(|r| (r.name, r.result.is_ok())).collect();
    assert!(results.contains(&("refuteNano", false)) && results.contains(&("execute", true)), "{results:?}");
    let view = scene.view().expect("registered");
    assert_eq!((view.ver, view.steps_left), (old.nano.ver, old.nano.steps_left.saturating_sub(1)));
}
