//! Virtual channels that overlap, and participants that vanish at every step.

use alloy_primitives::Address;
use perunika_core::info::VirtualStage;
use perunika_core::io::{Command, Reply};
use perunika_core::message::Message;
use perunika_core::policy::Policy;
use perunika_sim::{ETH, Network, Path, World, quick_policy};

/// I9: the rest of the term, C of the virtual channel, C of the link, 3·m_safe and the nodes' patience, under [`quick_policy`].
const LONG_MS: u64 = 130_000;

/// Messages of creation and closing only, so that enumerating them is short.
fn counts(message: &Message) -> bool {
    !matches!(message, Message::ChannelAsk { .. } | Message::ChannelInfo { .. } | Message::ChannelOffer { .. })
}

/// Stops a node for ever once it has received `k` messages.
fn stop_after(world: &mut World, node: usize, k: usize, mut act: impl FnMut(&mut World)) {
    let key = world.key(node);
    let seen = std::rc::Rc::new(std::cell::Cell::new(0));
    let counter = seen.clone();
    world.filter = Some(Box::new(move |_, _, to, message| {
        if to == key && counts(message) {
            counter.set(counter.get() + 1);
        }
        true
    }));
    act(world);
    world.run_until(20_000, |_| seen.get() >= k);
    if seen.get() >= k {
        world.stop(node);
        world.nodes[node].down_ms = u64::MAX - 1;
    }
    world.filter = None;
}

/// Everybody else gets out by themselves: the locks of the virtual channel first, then on demand the rest.
fn others_get_out(mut path: Path, what: &str) {
    let gone: Vec<usize> = path.nodes.iter().copied().filter(|n| path.world.nodes[*n].participant.is_none()).collect();
    let free = path.world.run_until(LONG_MS, World::no_lock_is_left);
    assert!(free, "{what}: {:?}", stages(&path.world));
    path.world.finish();
    for hub in (1..path.last()).filter(|h| !gone.contains(h)) {
        let gain = path.world.gain(hub);
        assert!(gain >= 0, "{what}: hub {hub} lost {gain}");
    }
}

fn stages(world: &World) -> Vec<VirtualStage> {
    world.virtual_ids().iter().flat_map(|vc| world.virtual_everywhere(*vc)).map(|v| v.stage).collect()
}

/// Gone after each message of the creation: 1 while the story goes that far.
fn gone_in_creation(hubs: usize, node: usize) {
    for k in 1.. {
        let mut path = Path::open(100 + k as u64, hubs, &quick_policy());
        let nodes = path.nodes.clone();
        stop_after(&mut path.world, node, k, |w| {
            w.ask_virtual(&nodes, 10 * ETH, 10 * ETH);
        });
        if path.world.nodes[node].participant.is_some() {
            assert!(k > 5, "{k}");
            return;
        }
        others_get_out(path, &format!("{hubs} hubs, node {node} gone after message {k} of creation"));
    }
}

/// Gone after each message of the closing, after payments both ways.
fn gone_in_closing(hubs: usize, node: usize) {
    for k in 1.. {
        let mut path = Path::open(200 + k as u64, hubs, &quick_policy());
        let (nodes, last) = (path.nodes.clone(), path.last());
        let vc = path.world.open_virtual(&nodes, 10 * ETH, 10 * ETH);
        path.insist_on_share(vc, 0, last, 4 * ETH, true);
        path.insist_on_share(vc, last, 0, 15 * ETH, true);
        path.world.run_for(3_000);
        stop_after(&mut path.world, node, k, |w| {
            w.command(0, Command::CloseVirtual { vc });
        });
        if path.world.nodes[node].participant.is_some() {
            assert!(k > 3, "{k}");
            return;
        }
        others_get_out(path, &format!("{hubs} hubs, node {node} gone after message {k} of closing"));
    }
}

#[test]
fn the_only_hub_is_gone_at_each_step_of_creation() {
    gone_in_creation(1, 1);
}

#[test]
fn the_only_hub_is_gone_at_each_step_of_closing() {
    gone_in_closing(1, 1);
}

#[test]
fn the_second_of_two_hubs_is_gone_at_each_step_of_creation() {
    gone_in_creation(2, 2);
}

#[test]
fn the_first_of_two_hubs_is_gone_at_each_step_of_closing() {
    gone_in_closing(2, 1);
}

#[test]
fn the_first_end_is_gone_at_each_step_of_creation() {
    gone_in_creation(1, 0);
}

#[test]
fn the_first_end_is_gone_at_each_step_of_closing() {
    gone_in_closing(1, 0);
}

#[test]
fn the_far_end_is_gone_at_each_step_of_creation() {
    gone_in_creation(1, 2);
}

#[test]
fn the_far_end_is_gone_at_each_step_of_closing() {
    gone_in_closing(1, 2);
}

#[test]
fn the_ends_use_the_channel_while_the_hub_is_away() {
    let mut path = Path::open(300, 1, &quick_policy());
    let vc = path.world.open_virtual(&[0, 1, 2], 10 * ETH, 10 * ETH);
    path.world.run_for(1_000);
    path.world.stop(1);
    path.insist_on_share(vc, 0, 2, 5 * ETH, true);
    path.insist_on_share(vc, 2, 0, 14 * ETH, false);
    path.world.restart(1);
    path.world.run_for(1_000);
    path.world.close_virtual(2, vc);
    path.world.finish();
    assert_eq!(path.world.gain(2), 4 * ETH as i128);
    assert!(path.world.gain(1) > 0);
}

#[test]
fn a_channel_that_nobody_closes_is_closed_in_time() {
    let mut path = Path::open(301, 2, &quick_policy());
    let vc = path.world.open_virtual(&[0, 1, 2, 3], 10 * ETH, 10 * ETH);
    path.insist_on_share(vc, 0, 3, 5 * ETH, false);
    assert!(path.world.run_until(60_000, |w| w.no_virtual_is_open()));
    let disputes = path.world.ground.receipts.iter().filter(|r| r.name.contains("irtual")).count();
    assert_eq!(disputes, 0);
    path.world.finish();
    assert_eq!(path.world.gain(3), 5 * ETH as i128);
}

/// Twenty at once over the same links, opened from both sides at one instant.
fn overlap(seed: u64, hubs: usize, rough: bool) {
    let mut path = Path::open(seed, hubs, &quick_policy());
    path.world.network = if rough { Network::rough() } else { Network { delay_max_ms: 60, ..Network::steady(40) } };
    let there: Vec<usize> = path.nodes.clone();
    let back: Vec<usize> = there.iter().rev().copied().collect();
    let tags: Vec<(usize, u64)> = (0..10)
        .flat_map(|_| [&there, &back])
        .map(|way| {
            let keys = way[1..].iter().map(|n| path.world.key(*n)).collect();
            let term = Some(1_000);
            let wish = Command::OpenVirtual {
                asset: Address::ZERO,
                path: keys,
                stake: ETH,
                peer_stake: ETH,
                term,
                fee_max: u128::MAX,
                renew: false,
            };
            (way[0], path.world.command(way[0], wish))
        })
        .collect();
    let answered = |w: &World| tags.iter().all(|(node, tag)| w.reply(*node, *tag).is_some());
    assert!(path.world.run_until(30_000, answered), "seed {seed}");
    let opened: Vec<_> = tags
        .iter()
        .filter_map(|(node, tag)| match path.world.reply(*node, *tag) {
            Some(Reply::Opened(vc)) => Some((*node, *vc)),
            _ => None,
        })
        .collect();
    let enough = if rough { 10 } else { 20 };
    assert!(opened.len() >= enough, "seed {seed}: {} opened", opened.len());
    let last = path.last();
    for (node, vc) in &opened {
        path.world.command(*node, Command::Pay { ch: *vc, amount: ETH / 10, cosign: false, reference: Vec::new() });
    }
    path.world.run_for(10_000);
    for (node, vc) in &opened {
        assert_eq!(path.world.peer_share(last - *node, *vc), Some(ETH * 9 / 10), "seed {seed}");
    }
    path.world.finish();
    (1..last).for_each(|hub| assert!(path.world.gain(hub) > 0, "seed {seed}"));
}

#[test]
fn twenty_channels_side_by_side_from_both_ends() {
    (400..405).for_each(|seed| overlap(seed, 1, false));
    overlap(410, 3, false);
}

#[test]
fn twenty_channels_side_by_side_in_a_rough_network() {
    (420..424).for_each(|seed| overlap(seed, 1, true));
}

#[test]
fn slow_blocks_change_nothing() {
    for (seed, gone) in [(500, None), (501, Some(0)), (502, Some(1)), (503, Some(2))] {
        let slow =
            Policy { m_safe: 30, challenge: 90, window: 90, close_lead: 60, patience: 30, term: 300, ..quick_policy() };
        let mut path = Path::open(seed, 1, &slow);
        path.world.block_ms = 12_000;
        let vc = path.insist_on_virtual(10 * ETH, 10 * ETH, 300);
        path.insist_on_share(vc, 0, 2, 5 * ETH, true);
        path.insist_on_share(vc, 2, 0, 13 * ETH, true);
        if let Some(node) = gone {
            path.world.stop(node);
            path.world.nodes[node].down_ms = u64::MAX - 1;
        }
        let free = path.world.run_until(800_000, World::no_lock_is_left);
        assert!(free, "seed {seed}: {:?}", stages(&path.world));
        path.world.finish();
    }
}
