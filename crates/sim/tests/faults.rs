//! Networks that drop, double, delay and reorder.

use perunika_sim::{ETH, Network, Path, quick_policy};

/// Opens, pays both ways, closes; everything completes and nobody gains or loses anything but the payments and the fees.
fn rough_story(seed: u64, hubs: usize) -> usize {
    let mut path = Path::bare(seed, hubs, &quick_policy());
    path.world.network = Network::rough();
    path.insist_on_links();
    let last = path.last();
    let vc = path.insist_on_virtual(10 * ETH, 10 * ETH, 3_000);
    path.insist_on_share(vc, 0, last, 8 * ETH, true);
    path.insist_on_share(vc, last, 0, 11 * ETH, false);
    path.insist_on_share(vc, 0, last, 7 * ETH, false);
    path.insist_on_closing(vc);
    let audit = path.world.finish();
    assert_eq!(path.world.gain(last), 3 * ETH as i128, "seed {seed}");
    for hub in 1..last {
        assert!(path.world.gain(hub) > 0, "seed {seed}");
    }
    audit.messages
}

#[test]
fn a_rough_network_breaks_nothing_over_one_hub() {
    let most = (0..200).map(|seed| rough_story(seed, 1)).max();
    assert!(most < Some(2_000), "{most:?}");
}

#[test]
fn a_rough_network_breaks_nothing_over_three_hubs() {
    let most = (1_000..1_020).map(|seed| rough_story(seed, 3)).max();
    assert!(most < Some(4_000), "{most:?}");
}
