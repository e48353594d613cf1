//! Everybody is honest and nothing breaks.

use perunika_sim::World;

const ETH: u128 = 1_000_000_000_000_000_000;

#[test]
fn a_ledger_channel_opens_pays_both_ways_and_closes() {
    let mut world = World::new(1, &["alice", "ingrid"]);
    let id = world.open_channel(0, 1, 10 * ETH, 5 * ETH);
    world.pay(0, id, ETH);
    world.pay(1, id, 3 * ETH);
    world.pay(0, id, 2 * ETH);
    world.close_channel(0, id);
    assert_eq!(world.gain(0), 0);
    assert_eq!(world.gain(1), 0);
    assert_eq!(world.ground.balance(world.ground.domain.adjudicator), 0);
    world.finish();
}

#[test]
fn a_virtual_channel_over_one_hub_opens_pays_and_closes() {
    let mut world = World::new(2, &["alice", "ingrid", "bob"]);
    let left = world.open_channel(0, 1, 10 * ETH, 10 * ETH);
    let right = world.open_channel(1, 2, 10 * ETH, 10 * ETH);
    let vc = world.open_virtual(&[0, 1, 2], ETH, ETH);
    for _ in 0..10 {
        world.pay(0, vc, ETH / 100);
    }
    world.pay(2, vc, ETH / 50);
    world.close_virtual(0, vc);
    world.close_channel(0, left);
    world.close_channel(1, right);
    let fee = world.gain(1);
    assert!(fee > 0);
    assert_eq!(world.gain(2), (ETH / 10 - ETH / 50) as i128);
    assert_eq!(world.gain(0), -((ETH / 10 - ETH / 50) as i128) - fee);
    assert_eq!(world.ground.balance(world.ground.domain.adjudicator), 0);
    world.finish();
}

#[test]
fn a_stream_on_a_link_does_not_block_a_new_virtual_channel() {
    let mut world = World::new(3, &["alice", "ingrid", "bob"]);
    let left = world.open_channel(0, 1, 10 * ETH, 10 * ETH);
    world.open_channel(1, 2, 10 * ETH, 10 * ETH);
    for _ in 0..20 {
        world.stream(0, left, 1_000);
    }
    let vc = world.open_virtual(&[0, 1, 2], ETH, 0);
    assert_eq!(world.ledger_of(1, left).map(|l| l.deposits[1] + 20_000 - l.mine), Some(0));
    world.close_virtual(2, vc);
}

#[test]
fn a_payment_that_crosses_a_pre_signature_blocks_nothing() {
    for (payer, opener) in [(0, 1), (1, 1), (0, 0), (1, 0)] {
        let mut world = World::new(4, &["alice", "ingrid", "bob"]);
        let left = world.open_channel(0, 1, 10 * ETH, 10 * ETH);
        world.open_channel(1, 2, 10 * ETH, 10 * ETH);
        let path = if opener == 0 { [0, 1, 2] } else { [2, 1, 0] };
        for wait in 0..60 {
            let tag = world.ask_virtual(&path, 1_000, 1_000);
            world.run_for(wait);
            world.pay(payer, left, 10);
            let opener = path[0];
            world.wait_reply(opener, tag);
            let reply = world.reply(opener, tag).cloned();
            let Some(perunika_core::io::Reply::Opened(vc)) = reply else {
                panic!("{payer} {opener} {wait}: {reply:?}")
            };
            world.close_virtual(path[0], vc);
        }
    }
}
