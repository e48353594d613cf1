//! S29: games with time. The application's clock stands still from the opening of a dispute on; real time does not.

use crate::scene::Scene;
use alloy_primitives::{B256, U256, hex, keccak256};
use perunika_apps::{App, hash_lock};
use perunika_core::io::Command;
use perunika_core::message::NanoTerms;
use perunika_core::params::Side;
use perunika_sim::{ETH, START};

/// Whoever moves takes everything until the time in the storage, by the application's clock; behind it the step reverts.
const UNTIL: &[u8] = &hex!(
    "610184 35 60a435 11 602b57"
    "60805f52 610124351560443502602052 61012435604052 60a05ff3"
    "00000000 00 5b5f5ffd"
);

fn until(deadline: u64) -> NanoTerms {
    NanoTerms {
        total: ETH,
        da0: 0,
        mover0: 0,
        code_hash: keccak256(UNTIL),
        gas: 30_000,
        k_max: 3,
        storage: U256::from(deadline).to_be_bytes_vec(),
    }
}

/// The dispute is opened in each second around the deadline; the peer is silent. Forced is what an optimistic step in that second would have been,
/// although the forced one comes a refutation period later.
#[test]
fn s29_the_clock_stands_still_from_the_opening_of_the_dispute() {
    for hubs in [0, 1] {
        for offset in -2i64..=2 {
            let deadline = START + 120;
            let mut scene = Scene::new(240, hubs, &until(deadline), UNTIL);
            let (ch, nid, a) = (scene.ch, scene.nid, scene.ends[0]);
            scene.strike(1);
            scene.world.prepare_nano(a, ch, nid, vec![vec![1]]);
            let opened = deadline.checked_add_signed(offset).expect("a time");
            // The call runs in the next block.
            scene.world.run_to(opened - 1);
            scene.world.force(a, ch);
            scene.world.run_for(1_500);
            let refute_end = scene.dispute().refute_end;
            assert_eq!(refute_end - 20, opened, "opened in this second");
            scene.conclude();
            let expected = if offset <= 0 { ETH } else { 0 };
            assert_eq!(scene.da(), expected, "{hubs} hubs, opened {offset} s behind the deadline");
            scene.finish();
            assert_eq!(scene.gain(0), expected as i128);
        }
    }
}

/// Optimistic steps around the deadline: the same rule, by the time that the step names.
#[test]
fn s29_optimistic_steps_around_the_deadline() {
    for offset in -2i64..=2 {
        let deadline = START + 60;
        let mut scene = Scene::new(241, 0, &until(deadline), UNTIL);
        let (ch, nid) = (scene.ch, scene.nid);
        scene.world.run_to(deadline.checked_add_signed(offset).expect("a time"));
        let tag = scene.world.step_nano(0, ch, nid, vec![1]);
        scene.world.run_for(2_000);
        let stepped = matches!(scene.world.reply(0, tag), Some(perunika_core::io::Reply::Stepped { .. }));
        assert_eq!(stepped, offset <= 0, "{offset} s behind the deadline: {:?}", scene.world.reply(0, tag));
        scene.finish();
    }
}

/// A step that was signed in time and never answered: it is forced after the time that the application gave the peer. It counts if the dispute was open
/// by the deadline.
#[test]
fn s29_an_unanswered_step_is_forced_in_time() {
    for (lead, counts) in [(30, true), (12, true), (4, false)] {
        let deadline = START + 120;
        let mut scene = Scene::new(242, 0, &until(deadline), UNTIL);
        let (ch, nid) = (scene.ch, scene.nid);
        scene.strike(1);
        scene.world.run_to(deadline - lead);
        scene.world.command(0, Command::StepNano { ch, nid, input: vec![1], force_after: Some(5) });
        scene.conclude();
        assert_eq!(scene.da() == ETH, counts, "signed {lead} s before the deadline");
        scene.finish();
    }
}

/// The hash-lock counts real time and the registry: a secret that was published by the deadline counts for ever, one second later never.
#[test]
fn s29_a_secret_published_by_the_deadline_counts_whenever_it_is_claimed() {
    for offset in -1i64..=1 {
        let (secret, deadline) = (B256::repeat_byte(6), START + 100);
        let lock = hash_lock::Lock { hash: keccak256(secret), amount: ETH, payer: Side::A, deadline };
        let terms = hash_lock::terms(lock).expect("an amount");
        let mut scene = Scene::new(243, 0, &terms, App::HashLock.code());
        let (ch, nid) = (scene.ch, scene.nid);
        scene.strike(0);
        scene.world.prepare_nano(1, ch, nid, vec![hash_lock::reveal(secret)]);
        scene.world.run_to(deadline.checked_add_signed(offset - 1).expect("a time"));
        scene.world.command(1, Command::Reveal { secret });
        scene.world.run_for(5_000);
        scene.force(1);
        scene.conclude();
        let paid = if offset <= 0 { 0 } else { ETH };
        assert_eq!(scene.da(), paid, "published {offset} s behind the deadline");
        scene.finish();
    }
}

/// A claim by force comes too late for a lock that ends during the dispute, unless the secret is published: the payee's node does that by itself as soon
/// as the dispute is open. A secret that it learns behind the deadline is worth nothing.
#[test]
fn s29_a_secret_is_published_when_the_dispute_opens() {
    for in_time in [true, false] {
        let (secret, deadline) = (B256::repeat_byte(6), START + 60);
        let lock = hash_lock::Lock { hash: keccak256(secret), amount: ETH, payer: Side::A, deadline };
        let terms = hash_lock::terms(lock).expect("an amount");
        let mut scene = Scene::new(244, 0, &terms, App::HashLock.code());
        let (ch, nid) = (scene.ch, scene.nid);
        scene.strike(0);
        let prepare = |scene: &mut Scene| scene.world.prepare_nano(1, ch, nid, vec![hash_lock::reveal(secret)]);
        if in_time {
            prepare(&mut scene);
        }
        scene.world.run_to(deadline - 10);
        scene.force(1);
        if !in_time {
            scene.world.run_to(deadline + 5);
            prepare(&mut scene);
        }
        scene.conclude();
        assert_eq!(scene.da(), if in_time { 0 } else { ETH }, "in time: {in_time}");
        scene.finish();
    }
}
