//! What two corrupt parties may sign: S55, S65. Nobody else loses, and the dispute ends in its time.

use crate::scene::{STAKE, Scene};
use alloy_primitives::B256;
use perunika_core::chain::{Call, Home, RecordView};
use perunika_core::sig::RawKey;
use perunika_core::signed::{Eip712, Entry, Nano, State};
use perunika_core::tree;
use perunika_sim::{Adversary, ETH, Position};

/// Both ends of the virtual channel, corrupt, sign a State of their own; the honest hub is between them.
fn registered_by_both(scene: &mut Scene, nanos: u8, root: B256, def_a: u128) -> u64 {
    let Home::Virtual(params) = scene.home.clone() else { panic!("a virtual channel") };
    let adversary = Adversary::new(&scene.ends.clone());
    let (ch, ver) = (scene.ch, 1_000);
    let entries = tree::entries(B256::ZERO, root);
    let state = State { ch, ver, dep_a: 0, dep_b: 0, total: 2 * STAKE, def_a, nanos, locks: 0, entries };
    let digest = scene.world.ground.domain.digest(state.struct_hash());
    let sigs = scene.ends.map(|n| scene.world.raw_key(n).sign(digest));
    let template = adversary.register_virtual(&scene.world, &params, 1, STAKE).expect("they have all secrets");
    let Call::RegisterVirtual { params, secrets, opener, .. } = template else { unreachable!() };
    let call = Call::RegisterVirtual { params, state, roots: roots(root), sigs, secrets, opener };
    scene.call(0, &call).expect("both signed it");
    scene.world.run_for(1_500);
    scene.dispute().refute_end
}

fn roots(nanos: B256) -> perunika_core::chain::Roots {
    perunika_core::chain::Roots { locks: B256::ZERO, nanos }
}

/// A root that nobody can open: nothing can be registered, the State is concluded one window after R, and the hub is as it was.
#[test]
fn s55_a_root_that_nobody_can_open_is_concluded_by_default() {
    let mut scene = Scene::board(260, 1);
    scene.strike(0);
    scene.strike(1);
    let refute_end = registered_by_both(&mut scene, 3, B256::repeat_byte(0xee), ETH);
    let window = scene.window();
    scene.before(refute_end + 1);
    let at = scene.history[0].clone();
    let call = scene.register(0, &at, None);
    assert!(scene.call(0, &call).is_err(), "no proof leads to that root");
    let Home::Virtual(params) = scene.home.clone() else { unreachable!() };
    let adversary = Adversary::new(&scene.ends.clone());
    scene.before(refute_end + window);
    let conclude = adversary.conclude_virtual(&scene.world, &params).expect("the pre-image");
    assert!(scene.call(0, &conclude).is_err(), "its window is not over");
    scene.before(refute_end + window + 1);
    scene.call(0, &conclude).expect("nobody can keep it open");
    scene.world.run_for(1_500);
    assert_eq!(scene.world.record(&params), RecordView::Concluded { out_a: ETH });
    scene.finish();
    assert!(scene.world.gain(1) >= 0, "the hub has its fee at least");
}

/// More steps than the channel allows, more steps left than the Entry has, more than there is: all refused on chain.
#[test]
fn s65_steps_beyond_the_channels_are_refused_on_chain() {
    let good = Scene::board(261, 1).history[0].entry;
    let bad = Entry { k_max: 81, nid: B256::repeat_byte(1), ..good };
    let mut entries = [good, bad];
    entries.sort_by_key(|entry| entry.nid);
    let mut scene = Scene::board(262, 1);
    scene.strike(0);
    scene.strike(1);
    let refute_end = registered_by_both(&mut scene, 2, tree::root(&entries), STAKE);
    scene.before(refute_end + 1);
    let version = |scene: &Scene, entry: Entry, change: &dyn Fn(&mut Nano)| {
        let mut nano = entry.genesis(scene.ch);
        nano.ver = 2;
        change(&mut nano);
        let digest = scene.world.ground.domain.digest(nano.struct_hash());
        let sigs = scene.ends.map(|n| Some(scene.world.raw_key(n).sign(digest)));
        Position { entry, nano, sigs, storage: scene.history[0].storage.clone() }
    };
    let refused = [
        ("kMax above the channel's", version(&scene, bad, &|_| ())),
        ("stepsLeft above kMax", version(&scene, good, &|n| n.steps_left = 10)),
        ("dA above the total", version(&scene, good, &|n| n.da = good.total + 1)),
        ("a third mover", version(&scene, good, &|n| n.mover = 2)),
    ];
    for (what, at) in refused {
        let call = scene.world.register_nanos(&scene.home, &entries, &[(at, None)]).expect("a dispute");
        assert!(scene.call(0, &call).is_err(), "{what}");
    }
    let fine = version(&scene, good, &|n| n.steps_left = 9);
    let call = scene.world.register_nanos(&scene.home, &entries, &[(fine, None)]).expect("a dispute");
    scene.call(0, &call).expect("what is within the bounds is registered");
    scene.world.run_for(1_500);
    let bound = refute_end + (2 + 9) * scene.window();
    assert!(scene.dispute().final_at(scene.window() as u32) <= bound);
    scene.finish();
    assert!(scene.world.gain(1) >= 0, "the hub is neutral (I7)");
}

/// Whoever concludes leaves a nanocontract out: the other party's registration counts all the same, and one that nobody registers counts its default.
#[test]
fn s55_nanocontracts_left_out_count_their_default() {
    for registers in [false, true] {
        let mut scene = Scene::board_after(263, 0, &[0, 3, 1]);
        scene.force(1);
        scene.strike(1);
        if !registers {
            // A has better things to do: it gets the default, which is its own stake.
            scene.strike(0);
        }
        let Home::Ledger(params) = scene.home.clone() else { panic!("a ledger channel") };
        let (refute_end, window) = (scene.dispute().refute_end, scene.window());
        scene.before(refute_end + window + 1);
        let adversary = Adversary::new(&[1]);
        let conclude = adversary.conclude(&scene.world, &params).expect("the pre-image");
        let early = scene.call(1, &conclude);
        assert_eq!(early.is_ok(), !registers, "{early:?}");
        if registers {
            scene.conclude();
        } else {
            scene.world.run_for(1_500);
        }
        assert_eq!(scene.da(), if registers { 2 * ETH } else { ETH });
        scene.finish();
        assert_eq!(scene.gain(0), if registers { ETH as i128 } else { 0 });
    }
}
