//! Every probe once: an honest node in each position that a guard is for, with all its guards (docs/mutants.md).

use perunika_sim::campaign::{Options, story};

#[test]
fn every_probe_finds_its_guard_in_place() {
    let seeds = perunika_sim::probe_seeds();
    assert!(seeds.len() > 50, "only {} probes", seeds.len());
    let failed: Vec<String> =
        seeds.into_iter().filter_map(|seed| story(seed, &Options::default()).err()).map(|f| f.to_string()).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// The signer's own mark is on the disk with every signature: without it nothing but the log would stand between an old copy and a
/// second content.
#[test]
fn s8_s9_what_the_signer_signed_is_durable() {
    let mut world = perunika_sim::World::new(1, &["alice", "bob"]);
    let ch = world.open_channel(0, 1, perunika_sim::ETH, perunika_sim::ETH);
    world.pay(0, ch, 1_000);
    let key = [b"g".as_slice(), ch.as_slice()].concat();
    for node in [0, 1] {
        let before = world.disk(node).get(&key).cloned();
        assert!(before.is_some(), "node {node} keeps no mark of what its signer signed");
        world.pay(node, ch, 1_000);
        assert_ne!(world.disk(node).get(&key).cloned(), before, "the mark of node {node} did not move");
    }
}
