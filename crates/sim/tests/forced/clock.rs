//! S29: games with time. The application's clock stands still from the opening of a dispute on; real time does not.

use crate::scene::Scene;
use alloy_primitives::{B256, U256, hex, keccak256};
use perunika_apps::{App, hash_lock};
use perunika_core::chain::Call;
use perunika_core::io::{Command, Reply};
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
        let stepped = matches!(scene.world.reply(0, tag), Some(Reply::Stepped { .. }));
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

/// A has to pay an ETH to B against this secret.
const SECRET: B256 = B256::repeat_byte(6);

/// A channel with a lock in it: the secret alone pays until `alone`, a published one until `deadline`.
fn locked(seed: u64, hubs: usize, alone: u64, deadline: u64) -> Scene {
    let until = hash_lock::Until::new(deadline, deadline - alone).expect("times");
    let lock = hash_lock::Lock { hash: keccak256(SECRET), amount: ETH, payer: Side::A, until };
    Scene::new(seed, hubs, &hash_lock::terms(lock).expect("an amount"), App::HashLock.code())
}

/// How the evaluator tells an error of the code.
fn custom_error(signature: &str) -> String {
    format!("custom error 0x{}", hex::encode(&keccak256(signature)[..4]))
}

/// B publishes the secret in the block with this timestamp.
fn publish(scene: &mut Scene, second: u64) {
    scene.before(second);
    scene.call(1, &Call::Reveal { secret: SECRET }).expect("anybody may");
    scene.world.run_for(1_100);
}

/// The hash-lock counts real time and the registry: a secret that was published by the deadline counts for ever, one second later never.
#[test]
fn s29_a_secret_published_by_the_deadline_counts_whenever_it_is_claimed() {
    for offset in [-50, -31, -30, -29, -1i64, 0, 1] {
        let deadline = START + 100;
        let mut scene = locked(243, 0, deadline - 30, deadline);
        let (ch, nid) = (scene.ch, scene.nid);
        scene.strike(0);
        scene.world.prepare_nano(1, ch, nid, vec![hash_lock::reveal(SECRET)]);
        scene.world.run_to(deadline.checked_add_signed(offset - 1).expect("a time"));
        scene.world.command(1, Command::Reveal { secret: SECRET });
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
        let deadline = START + 60;
        let mut scene = locked(244, 0, deadline - 5, deadline);
        let (ch, nid) = (scene.ch, scene.nid);
        scene.strike(0);
        let prepare = |scene: &mut Scene| scene.world.prepare_nano(1, ch, nid, vec![hash_lock::reveal(SECRET)]);
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

/// Attack: the payee keeps the secret until a hub has no time left for its own link. The forced step is tried in each second around `alone`, without the
/// registry, and is none behind it. Published, it is one at once, although the deadline is still to come.
#[test]
fn s29_behind_alone_a_forced_step_needs_what_everybody_sees() {
    for hubs in [0, 1] {
        for offset in -1i64..=1 {
            let published_pays = offset == 1;
            // Corrupt is the payee, who does as it likes; the secret is on the chain only if it says so.
            let alone = START + 600;
            let mut scene = locked(245, hubs, alone, alone + 300);
            scene.deploy(1);
            let at = scene.top();
            scene.strike(1);
            scene.before(alone - 45);
            scene.force(0);
            let refute_end = scene.dispute().refute_end;
            scene.before(refute_end + 1);
            let call = scene.register(1, &at, None);
            scene.call(1, &call).expect("version 0");
            scene.world.run_for(1_100);
            scene.before(alone.checked_add_signed(offset).expect("a time"));
            let step = scene.execute(1, &at, hash_lock::reveal(SECRET));
            let done = scene.call(1, &step);
            assert_eq!(done.is_ok(), offset <= 0, "{hubs} hubs, {offset} s behind alone: {done:?}");
            if published_pays {
                publish(&mut scene, alone + 3);
                scene.before(alone + 5);
                scene.call(1, &step).expect("published behind alone, by the deadline");
            }
            scene.conclude();
            assert_eq!(scene.da(), 0, "{hubs} hubs, {offset} s behind alone");
            scene.finish();
        }
    }
}

/// The same attack off chain: a step that the payee proposes behind `alone` is refused by whoever pays, until the secret is on the chain.
#[test]
fn s29_behind_alone_an_optimistic_step_needs_what_everybody_sees() {
    for (offset, published) in [(-1i64, false), (0, false), (1, false), (1, true), (29, true), (30, true)] {
        let alone = START + 100;
        let mut scene = locked(246, 0, alone, alone + 30);
        let (ch, nid) = (scene.ch, scene.nid);
        if published {
            publish(&mut scene, alone - 20);
        }
        scene.world.run_to(alone.checked_add_signed(offset).expect("a time"));
        // Behind `alone` the first tries make each of the two read the registry.
        let mut reply = String::new();
        for _ in 0..4 {
            if scene.world.nano_of(1, ch, nid).is_some() {
                let tag = scene.world.step_nano(1, ch, nid, hash_lock::reveal(SECRET));
                scene.world.run_for(2_000);
                reply = format!("{:?}", scene.world.reply(1, tag));
            }
        }
        let paid = offset <= 0 || published;
        // A lock that has paid is closed by itself.
        assert_eq!(scene.world.nano_of(1, ch, nid).is_none(), paid, "{offset} s behind alone: {reply}");
        assert!(paid || reply.contains(&custom_error("NotPublished()")), "{reply}");
        scene.finish();
        assert_eq!(scene.gain(1), if paid { ETH as i128 } else { 0 }, "{offset} s behind alone");
    }
}
