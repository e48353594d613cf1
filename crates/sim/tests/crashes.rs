//! Crashes at every persistence point, before and after the commit.

use perunika_sim::{CrashPoint, ETH, Path, quick_policy};

/// Opens two ledger channels and a virtual one, pays both ways, streams, closes all.
fn story(seed: u64, crash: Option<(usize, u64, CrashPoint)>) -> Path {
    let mut path = Path::bare(seed, 1, &quick_policy());
    if let Some((node, commit, point)) = crash {
        path.world.nodes[node].crash_at = Some((commit, point));
    }
    path.insist_on_links();
    let left = path.links[0];
    path.insist_on_share(left, 0, 1, 99 * ETH, true);
    let vc = path.insist_on_virtual(10 * ETH, 10 * ETH, 400);
    path.insist_on_share(vc, 0, 2, 8 * ETH, true);
    path.insist_on_share(vc, 2, 0, 9 * ETH, true);
    for step in 1..=4 {
        path.insist_on_share(vc, 0, 2, 9 * ETH + 2 * ETH - step * ETH / 10, false);
    }
    path.insist_on_closing(vc);
    path.world.finish();
    path
}

fn check(path: &Path, what: &str) {
    let gains: Vec<i128> = (0..3).map(|n| path.world.gain(n)).collect();
    let paid = 6 * ETH as i128 / 10;
    assert_eq!(gains[2], -paid, "{what}: {gains:?}");
    assert!(gains[1] > ETH as i128, "{what}: the hub has its payment and its fee, {gains:?}");
    assert_eq!(gains.iter().sum::<i128>(), 0, "{what}: {gains:?}");
}

fn crash_everywhere(node: usize, point: CrashPoint) {
    let clean = story(7, None);
    check(&clean, "no crash");
    let commits = clean.world.nodes[node].commits;
    assert!(commits > 10, "{commits}");
    for commit in 2..=commits {
        let what = format!("node {node}, commit {commit}, {point:?}");
        let path = story(7, Some((node, commit, point)));
        check(&path, &what);
    }
}

#[test]
fn the_first_end_survives_a_crash_before_each_commit() {
    crash_everywhere(0, CrashPoint::BeforeCommit);
}

#[test]
fn the_first_end_survives_a_crash_after_each_commit() {
    crash_everywhere(0, CrashPoint::AfterCommit);
}

#[test]
fn the_hub_survives_a_crash_before_each_commit() {
    crash_everywhere(1, CrashPoint::BeforeCommit);
}

#[test]
fn the_hub_survives_a_crash_after_each_commit() {
    crash_everywhere(1, CrashPoint::AfterCommit);
}

#[test]
fn the_far_end_survives_a_crash_before_each_commit() {
    crash_everywhere(2, CrashPoint::BeforeCommit);
}

#[test]
fn the_far_end_survives_a_crash_after_each_commit() {
    crash_everywhere(2, CrashPoint::AfterCommit);
}
