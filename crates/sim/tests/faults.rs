//! Networks that drop, double, delay and reorder.

use perunika_core::info::VirtualStage;
use perunika_core::message::Message;
use perunika_sim::{ETH, Network, Path, Tap, World, quick_policy};
use std::cell::Cell;
use std::rc::Rc;

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

fn stages(world: &World) -> Vec<VirtualStage> {
    world.virtual_ids().iter().flat_map(|vc| world.virtual_everywhere(*vc)).map(|v| v.stage).collect()
}

/// Each single message of a whole life is lost once; everything completes all the same.
#[test]
fn any_single_message_may_be_lost() {
    let lose = |k: usize| {
        let mut path = Path::bare(5, 1, &quick_policy());
        let seen = Rc::new(Cell::new(0));
        let counter = seen.clone();
        path.world.filter = Some(Box::new(move |_, _, _, _: &Message| {
            counter.set(counter.get() + 1);
            counter.get() != k
        }));
        path.insist_on_links();
        let vc = path.insist_on_virtual(10 * ETH, 10 * ETH, 300);
        path.insist_on_share(vc, 0, 2, 8 * ETH, true);
        path.insist_on_share(vc, 2, 0, 11 * ETH, false);
        path.insist_on_closing(vc);
        path.world.close_channel(0, path.links[0]);
        path.world.close_channel(2, path.links[1]);
        path.world.finish();
        assert_eq!(path.world.gain(2), ETH as i128, "message {k} lost");
        seen.get()
    };
    let all = lose(usize::MAX);
    assert!(all > 40, "{all}");
    for k in 1..=all {
        lose(k);
    }
}

/// A kind of message never arrives from one node while a virtual channel is created: whoever revealed its secret waits until
/// tExp, the others let go at once, and nobody needs to be told.
#[test]
fn a_creation_without_one_kind_of_message_ends_by_itself() {
    type Kind = fn(&Message) -> bool;
    let kinds: [(&str, Kind); 7] = [
        ("VcOpen", |m| matches!(m, Message::VcOpen { .. })),
        ("Presign", |m| matches!(m, Message::Presign { .. })),
        ("Activate", |m| matches!(m, Message::Activate { .. })),
        ("Abort", |m| matches!(m, Message::Abort { .. } | Message::VcOpen { .. })),
        ("Start", |m| matches!(m, Message::Start { .. })),
        ("Receipt", |m| matches!(m, Message::Receipt { .. })),
        ("Accept", |m| matches!(m, Message::Accept { .. } | Message::Activate { .. })),
    ];
    for (name, kind) in kinds {
        for (from, to) in [(0, 1), (0, 2), (1, 0), (1, 2), (2, 3), (3, 0), (3, 1), (2, 1)] {
            let mut path = Path::open(6, 2, &quick_policy());
            let (a, b) = (path.world.key(from), path.world.key(to));
            path.world.filter = Some(Box::new(move |_, f, t, m: &Message| !(f == a && t == b && kind(m))));
            let tag = path.world.ask_virtual(&[0, 1, 2, 3], 10 * ETH, 10 * ETH);
            let what = format!("{name} lost from {from} to {to}");
            path.world.run_for(3_000);
            assert!(path.world.run_until(200_000, World::no_virtual_is_open), "{what}: {:?}", stages(&path.world));
            assert!(path.world.reply(0, tag).is_some(), "{what}: no answer to the caller");
            let sent = path.world.taps.iter().filter(|(_, t)| matches!(t, Tap::Sent { .. })).count();
            assert!(sent < 1_500, "{what}: {sent} messages");
            path.world.finish();
        }
    }
}
