//! Secrets in the registry of the chain: published until it is final, and read when a step asks for them.

use crate::games::Table;
use crate::scene::Scene;
use alloy_primitives::{B256, keccak256};
use perunika_apps::{App, hash_lock};
use perunika_core::chain::Call;
use perunika_core::io::{Command, Fault, Reply};
use perunika_core::message::NanoTerms;
use perunika_core::params::Side;
use perunika_sim::{CrashPoint, ETH, START, World};

const SECRET: B256 = B256::repeat_byte(6);

/// The secret alone is enough until 20 seconds before the deadline.
fn lock(deadline: u64) -> NanoTerms {
    let until = hash_lock::Until::new(deadline, 20).expect("times");
    let lock = hash_lock::Lock { hash: keccak256(SECRET), amount: ETH, payer: Side::A, until };
    hash_lock::terms(lock).expect("an amount")
}

fn published(world: &World) -> bool {
    world.ground.revealed_at(keccak256(SECRET), world.ground.chain.height()) > 0
}

/// A reorg takes the transaction away, and nobody else has it: it is sent again, also by a node that was restarted meanwhile.
#[test]
fn a_published_secret_that_a_reorg_took_away_is_published_again() {
    for restarted in [false, true] {
        let mut table = Table::ledger(330);
        let world = table.world();
        let tag = world.command(1, Command::Reveal { secret: SECRET });
        assert_eq!(world.reply(1, tag), Some(&Reply::Done));
        assert!(world.run_until(5_000, published));
        if restarted {
            world.stop(1);
        }
        world.reorg(1);
        assert!(!published(world));
        if restarted {
            world.restart(1);
        }
        assert!(world.run_until(20_000, published), "restarted: {restarted}");
        world.finish();
    }
}

/// The node crashes before the transaction has left.
#[test]
fn a_secret_is_published_after_a_crash() {
    let mut table = Table::ledger(331);
    let world = table.world();
    world.nodes[1].crash_at = Some((world.nodes[1].commits + 1, CrashPoint::AfterCommit));
    world.command(1, Command::Reveal { secret: SECRET });
    assert!(world.nodes[1].participant.is_none(), "it crashed");
    assert!(world.run_until(20_000, published));
    // Enough is enough.
    world.run_for(20_000);
    assert_eq!(world.ground.receipts.iter().filter(|r| r.name == "reveal").count(), 1);
    world.finish();
}

/// Somebody else published the secret in time, which neither party watched for. After the deadline the payee claims: both look it up.
#[test]
fn a_secret_that_somebody_else_published_is_looked_up_by_both() {
    let deadline = START + 60;
    let mut table = Table::over(332, 1);
    let (ch, [a, b]) = (table.ch, table.ends);
    let world = table.world();
    let nid = world.open_nano(a, b, ch, &lock(deadline), App::HashLock.code());
    world.run_to(deadline - 5);
    world.call_as(1, &Call::Reveal { secret: SECRET }).expect("anybody may");
    world.run_to(deadline + 5);
    let tag = world.step_nano(b, ch, nid, hash_lock::reveal(SECRET));
    let asked = world.reply(b, tag).cloned();
    assert!(matches!(asked, Some(Reply::Refused(Fault::Chain(_)))), "the registry is being read: {asked:?}");
    world.run_for(3_000);
    world.make_step(b, ch, nid, hash_lock::reveal(SECRET));
    world.run_for(5_000);
    world.finish();
    assert_eq!(world.gain(b), ETH as i128);
}

/// The same by force.
#[test]
fn a_secret_that_somebody_else_published_counts_by_force() {
    for hubs in [0, 1] {
        let deadline = START + 60;
        let mut scene = Scene::new(333, hubs, &lock(deadline), App::HashLock.code());
        let (ch, nid, payee) = (scene.ch, scene.nid, scene.ends[1]);
        scene.strike(0);
        scene.world.prepare_nano(payee, ch, nid, vec![hash_lock::reveal(SECRET)]);
        scene.world.run_to(deadline - 5);
        scene.call(0, &Call::Reveal { secret: SECRET }).expect("anybody may");
        scene.world.run_to(deadline + 5);
        scene.force(1);
        scene.conclude();
        assert_eq!(scene.da(), 0, "{hubs} hubs");
        scene.finish();
    }
}
