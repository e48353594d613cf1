//! What an adversary can make an honest party spend (I10, P8).

use perunika_core::io::Command;
use perunika_core::message::Message;
use perunika_sim::{Adversary, ETH, Stage, Tap, World};

/// Transactions of a node in blocks, by name.
fn mined(world: &World, node: usize, name: &str) -> usize {
    let owner = world.nodes[node].owner;
    world.ground.receipts.iter().filter(|r| r.from == owner && r.name == name).count()
}

/// The payer has items out that the payee never answers, and registers. The payee then countersigns one after another: each makes
/// the payer's newest State newer, and would cost it a refutation that only helps the payee.
#[test]
fn i10_countersignatures_one_by_one_cost_no_refutation_each() {
    let mut stage = Stage::new(480, 1);
    let ch = stage.links[0];
    stage.world.pay(0, ch, ETH);
    let mut adversary = Adversary::new(&[1]);
    adversary.strike(&mut stage.world);
    let base = stage.link_body(0, 0, Vec::new());
    for _ in 0..5 {
        stage.world.stream(0, ch, ETH / 10);
        stage.world.run_for(100);
    }
    let mut items: Vec<(u64, u128)> = stage
        .world
        .taps
        .iter()
        .filter_map(|(_, tap)| match tap {
            Tap::Sent { from: 0, message: Message::Item { ver, def_a, .. } } if *ver > base.ver => Some((*ver, *def_a)),
            _ => None,
        })
        .collect();
    items.sort_unstable();
    items.dedup();
    assert_eq!(items.len(), 5, "all are out");
    stage.world.command(0, Command::CloseChannel { ch, force: true });
    stage.world.run_for(3_000);
    for (ver, def_a) in items {
        let body = base.with(ver, &perunika_core::body::Change::Split(def_a)).expect("a split");
        let accept = adversary.accept(&stage.world, 1, &body);
        stage.world.inject(1, 0, accept);
        stage.world.run_for(4_000);
    }
    stage.finish();
    assert_eq!(mined(&stage.world, 0, "register") + mined(&stage.world, 0, "refute"), 1);
}

/// What stands is worse than the newest State: it is refuted all the same.
#[test]
fn i10_a_registration_by_the_peer_is_refuted_once() {
    let mut stage = Stage::new(481, 1);
    let ch = stage.links[0];
    stage.world.pay(1, ch, ETH);
    let old = stage.link_body(0, 0, Vec::new());
    stage.world.pay(1, ch, ETH);
    let mut adversary = Adversary::new(&[1]);
    adversary.strike(&mut stage.world);
    let call = adversary.register(&stage.world, &stage.channels[0], &old);
    stage.world.call_as(1, &call).expect("the old State can be registered");
    stage.world.run_for(10_000);
    stage.finish();
    assert_eq!(mined(&stage.world, 0, "register") + mined(&stage.world, 0, "refute"), 1);
    assert_eq!(stage.world.gain(0), 2 * ETH as i128);
}
