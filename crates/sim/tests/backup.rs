//! S9: a node that starts on an old copy of its data. It must not happen (docs/operations.md); if it does, the peer's first word
//! tells, and the node signs nothing that it could have signed otherwise before.

use perunika_core::B256;
use perunika_core::info::LedgerStage;
use perunika_core::io::{Command, Event, Reply};
use perunika_core::message::Message;
use perunika_core::sig::RawKey as _;
use perunika_sim::{ETH, Path, World, quick_policy};

/// Starts a node on what its disk held before.
fn roll_back(world: &mut World, node: usize, old: std::collections::BTreeMap<Vec<u8>, Vec<u8>>) {
    world.stop(node);
    world.nodes[node].disk = old;
    world.restart(node);
    world.run_for(1_000);
}

fn refuses(world: &mut World, node: usize, command: Command) -> bool {
    let tag = world.command(node, command);
    world.run_for(5_000);
    matches!(world.reply(node, tag), Some(Reply::Refused(_)))
}

fn pay(ch: B256) -> Command {
    Command::Pay { ch, amount: ETH, cosign: true, reference: Vec::new() }
}

fn signed(world: &World, node: usize) -> usize {
    let carries = |message: &Message| {
        matches!(
            message,
            Message::Item { .. } | Message::Accept { .. } | Message::Propose { .. } | Message::CloseSig { .. }
        )
    };
    let by = |tap: &perunika_sim::Tap| matches!(tap, perunika_sim::Tap::Sent { from, message } if *from == node && carries(message));
    world.taps.iter().filter(|(_, tap)| by(tap)).count()
}

#[test]
fn s9_on_an_old_copy_nothing_is_signed_and_the_newest_state_is_paid() {
    let mut world = World::with_policy(901, &["alice", "bob"], &quick_policy());
    let ch = world.open_channel(0, 1, 10 * ETH, 10 * ETH);
    world.pay(0, ch, ETH);
    let old = world.disk(0);
    (0..3).for_each(|_| world.pay(0, ch, ETH));
    roll_back(&mut world, 0, old);
    let told = |e: &Event| matches!(e, Event::Misbehaved { reason, .. } if reason.contains("old copy"));
    assert!(world.nodes[0].events.iter().any(told), "{:?}", world.nodes[0].events);
    // Its own top is shown; nothing else that it signs leaves.
    let before = signed(&world, 0);
    assert!(refuses(&mut world, 0, pay(ch)));
    assert!(refuses(&mut world, 0, Command::CloseChannel { ch, force: false }));
    world.command(1, pay(ch));
    world.run_for(20_000);
    assert_eq!(signed(&world, 0), before);
    // By the chain it ends as it should: bob knows better.
    world.command(0, Command::CloseChannel { ch, force: true });
    let closed = |w: &World| w.ledger_of(0, ch).is_some_and(|l| l.stage == LedgerStage::Closed);
    assert!(world.run_until(400_000, closed));
    world.run_for(5_000);
    assert_eq!(world.gain(1), 4 * ETH as i128);
}

#[test]
fn s9_an_end_on_an_old_copy_signs_nothing_in_its_virtual_channel() {
    let mut path = Path::open(902, 1, &quick_policy());
    let vc = path.world.open_virtual(&path.nodes.clone(), 10 * ETH, 10 * ETH);
    let world = &mut path.world;
    world.pay(0, vc, ETH);
    let old = world.disk(0);
    (0..2).for_each(|_| world.pay(0, vc, ETH));
    roll_back(world, 0, old);
    assert!(refuses(world, 0, pay(vc)));
    // What it forgot is its own loss; nobody else may lose.
    world.nodes[0].honest = false;
    world.finish();
}

#[test]
fn s9_a_peer_that_invents_a_version_ends_the_channel_and_takes_nothing() {
    let mut world = World::with_policy(903, &["alice", "bob"], &quick_policy());
    let ch = world.open_channel(0, 1, 10 * ETH, 10 * ETH);
    world.pay(1, ch, ETH);
    let ver = world.ledger_of(0, ch).expect("open").accepted + 1_000;
    let sig = world.raw_key(1).sign(B256::repeat_byte(9));
    world.corrupt(1);
    world.inject(1, 0, Message::Accept { ch, ver, sig });
    world.run_for(1_000);
    assert!(refuses(&mut world, 0, pay(ch)));
    world.command(0, Command::CloseChannel { ch, force: true });
    let closed = |w: &World| w.ledger_of(0, ch).is_some_and(|l| l.stage == LedgerStage::Closed);
    assert!(world.run_until(400_000, closed));
    world.run_for(5_000);
    assert_eq!(world.gain(0), ETH as i128);
}
