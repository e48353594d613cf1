//! Somebody stops or crashes, messages get lost: at every step of a renewal.

use super::moves::{active, disputes, kept_policy, wish};
use alloy_primitives::{Address, B256};
use perunika_core::info::VirtualStage;
use perunika_core::io::Command;
use perunika_core::message::Message;
use perunika_sim::{CrashPoint, ETH, Network, Path, World, quick_policy};
use std::cell::Cell;
use std::rc::Rc;

/// I9: the rest of the term, C of the virtual channel, C of the link, 3·m_safe and the nodes' patience.
const LONG_MS: u64 = 700_000;

/// A channel in use; its shares are 5 and 15.
fn scene(seed: u64, hubs: usize) -> (Path, B256) {
    let mut path = Path::open(seed, hubs, &quick_policy());
    let last = path.last();
    let vc = path.world.open_virtual(&path.nodes.clone(), 10 * ETH, 10 * ETH);
    path.insist_on_share(vc, 0, last, 4 * ETH, true);
    path.insist_on_share(vc, last, 0, 15 * ETH, true);
    path.world.run_for(3_000);
    (path, vc)
}

/// Stops `node` for ever once it got `k` messages of the renewal. False if there were fewer.
fn gone_after(path: &mut Path, vc: B256, node: usize, k: usize, stakes: Option<[u128; 2]>) -> bool {
    let (key, seen) = (path.world.key(node), Rc::new(Cell::new(0)));
    let counter = seen.clone();
    path.world.filter = Some(Box::new(move |_, _, to, _| {
        counter.set(counter.get() + usize::from(to == key));
        true
    }));
    path.world.command(0, wish(vc, stakes));
    path.world.run_until(10_000, |_| seen.get() >= k);
    path.world.filter = None;
    if seen.get() < k {
        return false;
    }
    path.world.stop(node);
    path.world.nodes[node].down_ms = u64::MAX - 1;
    true
}

fn everybody_else_gets_out(hubs: usize, node: usize, stakes: Option<[u128; 2]>) {
    for k in 1.. {
        let what = format!("{hubs} hubs, node {node} gone after message {k}");
        let (mut path, vc) = scene(1_000 + k as u64, hubs);
        if !gone_after(&mut path, vc, node, k, stakes) {
            assert!(k > 8, "{what}");
            return;
        }
        let free = path.world.run_until(LONG_MS, World::no_lock_is_left);
        assert!(free, "{what}: {:?}", path.world.virtual_everywhere(vc));
        path.world.finish();
        for hub in (1..path.last()).filter(|hub| *hub != node) {
            assert!(path.world.gain(hub) >= 0, "{what}");
        }
        for (end, share) in [(0, -5), (path.last(), 5)] {
            if end != node {
                let fees = ETH as i128;
                assert!(path.world.gain(end) >= share * ETH as i128 - fees, "{what}: {}", path.world.gain(end));
            }
        }
    }
}

#[test]
fn s61_the_only_hub_is_gone_at_each_step() {
    everybody_else_gets_out(1, 1, None);
}

#[test]
fn s61_a_hub_of_two_is_gone_at_each_step() {
    everybody_else_gets_out(2, 2, Some([10 * ETH, 0]));
}

#[test]
fn s61_the_end_that_renews_is_gone_at_each_step() {
    everybody_else_gets_out(1, 0, None);
}

#[test]
fn s61_the_far_end_is_gone_at_each_step() {
    everybody_else_gets_out(1, 2, Some([10 * ETH, ETH]));
}

/// A renewal in which a node crashes at one commit and comes back. Whatever becomes of it, the ends get a channel that works
/// before anything expires, and no record is written.
fn crashing(node: usize, crash: Option<(u64, CrashPoint)>) -> (Path, u64) {
    let (mut path, vc) = scene(1_100, 1);
    let before = path.world.nodes[node].commits;
    if let Some((commit, point)) = crash {
        path.world.nodes[node].crash_at = Some((before + commit, point));
    }
    path.world.command(0, wish(vc, None));
    let settled = |w: &World| {
        w.nodes.iter().all(|n| n.participant.is_some())
            && w.virtual_of(0, vc).is_some_and(|v| v.stage != VirtualStage::Closing)
            && active(w, 0).is_some()
            && active(w, 0) == active(w, 2)
    };
    path.world.run_for(5_000);
    let after = path.world.nodes[node].commits;
    let there = path.world.run_until(40_000, settled);
    assert!(there, "node {node}, {crash:?}: {}", tail(&path.world));
    let usable = active(&path.world, 0).expect("one works");
    assert_eq!(path.world.share(0, usable), Some(5 * ETH), "node {node}, {crash:?}");
    path.insist_on_share(usable, 0, 2, 3 * ETH, true);
    path.insist_on_closing(usable);
    assert_eq!(disputes(&path.world), 0, "node {node}, {crash:?}");
    path.world.finish();
    assert_eq!(path.world.gain(2), 7 * ETH as i128, "node {node}, {crash:?}");
    (path, after - before)
}

fn tail(world: &World) -> String {
    let from = world.trace.len().saturating_sub(60);
    world.trace[from..].join("\n")
}

fn crash_everywhere(node: usize) {
    let (_, commits) = crashing(node, None);
    for point in [CrashPoint::BeforeCommit, CrashPoint::AfterCommit] {
        for commit in 1..=commits {
            crashing(node, Some((commit, point)));
        }
    }
}

#[test]
fn s61_the_end_that_renews_crashes_at_each_commit() {
    crash_everywhere(0);
}

#[test]
fn s61_the_hub_crashes_at_each_commit() {
    crash_everywhere(1);
}

#[test]
fn s61_the_far_end_crashes_at_each_commit() {
    crash_everywhere(2);
}

/// Each single message of a renewal is lost once.
#[test]
fn s61_any_single_message_of_a_renewal_may_be_lost() {
    for k in 1.. {
        let (mut path, vc) = scene(1_200, 2);
        let seen = Rc::new(Cell::new(0));
        let counter = seen.clone();
        path.world.filter = Some(Box::new(move |_, _, _, _: &Message| {
            counter.set(counter.get() + 1);
            counter.get() != k
        }));
        path.world.command(0, wish(vc, None));
        let renewed = |w: &World| active(w, 0).is_some_and(|new| new != vc) && active(w, 3) == active(w, 0);
        assert!(path.world.run_until(30_000, renewed), "message {k} lost");
        path.world.finish();
        assert_eq!(disputes(&path.world), 0, "message {k} lost");
        if seen.get() < k {
            assert!(k > 30, "{k}");
            return;
        }
    }
}

/// A kept channel in a network that loses, doubles and reorders, with nodes that crash: it lives, or ends without the chain.
#[test]
fn s61_a_kept_channel_in_a_rough_network() {
    for seed in 1_300..1_312 {
        let mut path = Path::open(seed, 1 + (seed % 2) as usize, &kept_policy());
        let last = path.last();
        path.world.network = Network::rough();
        let keys: Vec<_> = path.nodes[1..].iter().map(|n| path.world.key(*n)).collect();
        for round in 0..6 {
            if active(&path.world, 0).is_none() {
                let (path_of, term, fee_max) = (keys.clone(), Some(150), 10 * ETH);
                let (stake, peer_stake, renew) = (4 * ETH, 4 * ETH, true);
                let open = Command::OpenVirtual {
                    asset: Address::ZERO,
                    path: path_of,
                    stake,
                    peer_stake,
                    term,
                    fee_max,
                    renew,
                };
                path.world.command(0, open);
                path.world.run_until(40_000, |w| active(w, 0).is_some() && active(w, 0) == active(w, last));
            }
            if let Some(vc) = active(&path.world, 0) {
                path.world.command(0, Command::Pay { ch: vc, amount: ETH / 10, cosign: false, reference: Vec::new() });
            }
            path.world.run_for(20_000);
            path.world.crash((seed as usize + round) % (last + 1));
            path.world.run_for(60_000);
        }
        let records = disputes(&path.world);
        path.world.finish();
        assert_eq!(records, 0, "seed {seed}: something expired or was disputed");
    }
}
