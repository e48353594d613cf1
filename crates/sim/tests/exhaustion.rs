//! The end of the version space (protocol 1.4(1)). The bound is set so high that few payments reach it.

use perunika_core::B256;
use perunika_core::info::{LedgerStage, VirtualStage};
use perunika_core::policy::Policy;
use perunika_core::signed::MAX_VERSION;
use perunika_sim::{Adversary, ETH, Path, World, ledger_body, quick_policy};

/// Versions until a channel is ended.
const USED: u64 = 60;

fn short_lived() -> Policy {
    Policy { versions_kept: MAX_VERSION - USED, ..quick_policy() }
}

fn is_closed(world: &World, node: usize, ch: B256) -> bool {
    world.ledger_of(node, ch).is_some_and(|l| l.stage == LedgerStage::Closed)
}

/// Pays a wei at a time as long as the channel is open; how much that was.
fn pay_to_the_end(world: &mut World, ch: B256, is_open: impl Fn(&World) -> bool) -> u128 {
    for paid in 0..2 * u128::from(USED) {
        if !is_open(world) {
            return paid;
        }
        world.pay(0, ch, 1);
        world.run_for(600);
    }
    panic!("seed {}: it went on for ever", world.seed());
}

#[test]
fn s44_a_channel_ends_by_itself_before_its_versions_do() {
    let mut world = World::with_policy(4401, &["alice", "bob"], &short_lived());
    let ch = world.open_channel(0, 1, ETH, ETH);
    let paid = pay_to_the_end(&mut world, ch, |w| w.ledger_of(0, ch).is_some_and(|l| l.stage == LedgerStage::Open));
    assert!(paid >= 10, "{paid}");
    assert!(world.run_until(60_000, |w| is_closed(w, 0, ch) && is_closed(w, 1, ch)), "nobody asked for it");
    assert!(world.ground.receipts.iter().all(|r| r.name != "register"), "together, without a dispute");
    assert_eq!((world.gain(0), world.gain(1)), (-(paid as i128), paid as i128));
    world.finish();
}

#[test]
fn s44_a_peer_that_runs_the_versions_to_their_end_is_left_by_the_chain() {
    let mut world = World::with_policy(4402, &["alice", "bob"], &short_lived());
    let ch = world.open_channel(0, 1, ETH, ETH);
    let adversary = Adversary::new(&[1]);
    let mut base = ledger_body(&world.ledger_of(0, ch).expect("open"), Vec::new());
    world.corrupt(1);
    let mut received = 0;
    while world.ledger_of(0, ch).is_none_or(|l| l.stage != LedgerStage::Disputed) {
        assert!(received < 20, "she takes jump after jump");
        let mut next = base.clone();
        // An item of bob, as far ahead as is accepted, that gives alice a wei.
        (next.ver, next.def_a) = ((base.ver | 1) + (1 << 16) - 2, base.def_a + 1);
        let item = adversary.item(&world, 1, &next, base.ver, false);
        world.inject(1, 0, item);
        world.run_for(1_500);
        base = next;
        received += 1;
    }
    assert!(received > 8, "the cooperative end had its chance: {received}");
    assert!(world.run_until(600_000, |w| is_closed(w, 0, ch)));
    let accepted = world.gain(0);
    assert!(accepted > 8 && accepted <= received, "{accepted} of {received}");
}

#[test]
fn s44_a_virtual_channel_ends_by_itself_and_its_links_live_on() {
    let mut path = Path::open(4403, 1, &Policy { term: 600, ..short_lived() });
    let vc = path.world.open_virtual(&path.nodes.clone(), ETH, ETH);
    let is_active = |w: &World| w.virtual_of(0, vc).is_some_and(|v| v.stage == VirtualStage::Active);
    let paid = pay_to_the_end(&mut path.world, vc, is_active);
    assert!(paid >= 10, "{paid}");
    assert!(path.world.run_until(60_000, World::no_virtual_is_open));
    for node in 0..2 {
        let link = path.world.ledger_of(node, path.links[node]).expect("a link");
        assert_eq!(link.stage, LedgerStage::Open);
    }
    path.world.finish();
}
