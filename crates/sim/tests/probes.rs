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
