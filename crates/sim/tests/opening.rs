//! Opening ledger channels: refusals, deposits that do not come or are not what was agreed, doubled answers.

use alloy_primitives::Address;
use perunika_core::chain::Call;
use perunika_core::funding::Source;
use perunika_core::info::LedgerStage;
use perunika_core::io::{Command, Fault, Reply};
use perunika_core::message::Message;
use perunika_core::policy::Policy;
use perunika_sim::{ETH, Path, World, quick_policy};

fn ask(world: &mut World, peer_deposit: u128) -> u64 {
    let peer = world.key(1);
    world.command(
        0,
        Command::OpenChannel {
            asset: Address::ZERO,
            from: Source::Wallet,
            peer,
            deposit: 10 * ETH,
            peer_deposit,
            lane: 0,
        },
    )
}

/// The first node's ledger channels.
fn stages(world: &World, node: usize) -> Vec<LedgerStage> {
    world.nodes[node].participant.iter().flat_map(|p| p.ledgers()).map(|l| l.stage).collect()
}

#[test]
fn a_channel_opens_with_one_deposit_only() {
    let mut path = Path::bare(1, 0, &quick_policy());
    let tag = ask(&mut path.world, 0);
    path.world.wait_reply(0, tag);
    let Some(Reply::Opened(id)) = path.world.reply(0, tag).cloned() else { panic!("not opened") };
    path.world.run_for(3_000);
    path.world.pay(0, id, ETH);
    path.world.finish();
    assert_eq!(path.world.gain(1), ETH as i128);
}

#[test]
fn a_peer_that_does_not_want_it_refuses_and_nothing_is_deposited() {
    let no = Policy { accept_channels: false, ..quick_policy() };
    let small = Policy { deposit_max: ETH, ..quick_policy() };
    let slow = Policy { m_safe: 1_000, ..quick_policy() };
    for policy in [no, small, slow] {
        let mut path = Path::bare(2, 0, &policy);
        let tag = ask(&mut path.world, 2 * ETH);
        path.world.wait_reply(0, tag);
        assert!(matches!(path.world.reply(0, tag), Some(Reply::Refused(Fault::Peer(_)))));
        path.world.finish();
        assert!(path.world.ground.receipts.is_empty());
    }
}

#[test]
fn impossible_wishes_are_refused_at_once() {
    let mut path = Path::bare(3, 0, &quick_policy());
    let (me, peer) = (path.world.key(0), path.world.key(1));
    let wishes = [(me, ETH, ETH), (peer, 0, 0), (peer, u128::MAX, 1), (peer, 1 << 96, 0)];
    for (peer, deposit, peer_deposit) in wishes {
        let tag = path.world.command(
            0,
            Command::OpenChannel { asset: Address::ZERO, from: Source::Wallet, peer, deposit, peer_deposit, lane: 0 },
        );
        assert!(matches!(path.world.reply(0, tag), Some(Reply::Refused(Fault::Caller(_)))), "{deposit}");
    }
    path.world.finish();
}

#[test]
fn a_silent_peer_is_given_up() {
    let mut path = Path::bare(4, 0, &quick_policy());
    path.world.filter = Some(Box::new(|_, _, _, _: &Message| false));
    let tag = ask(&mut path.world, ETH);
    path.world.wait_reply(0, tag);
    assert!(matches!(path.world.reply(0, tag), Some(Reply::Refused(Fault::Peer(_)))));
    path.world.finish();
    assert!(path.world.ground.receipts.is_empty());
}

#[test]
fn a_peer_that_never_confirms_costs_a_refund_only() {
    let mut path = Path::bare(5, 0, &quick_policy());
    let tag = ask(&mut path.world, ETH);
    let agreed =
        |w: &World| stages(w, 0).contains(&LedgerStage::Agreed) || stages(w, 0).contains(&LedgerStage::Funding);
    assert!(path.world.run_until(10_000, agreed));
    path.world.stop(1);
    path.world.run_for(30_000);
    assert_eq!(stages(&path.world, 0), [LedgerStage::Funding]);
    path.world.finish();
    assert!(
        matches!(path.world.reply(0, tag), Some(Reply::Refused(Fault::Chain(_)))),
        "{:?}",
        path.world.reply(0, tag)
    );
    assert_eq!(path.world.gain(0), 0);
    let names: Vec<&str> = path.world.ground.receipts.iter().map(|r| r.name).collect();
    assert_eq!(names, ["open", "refund"]);
}

#[test]
fn b_does_not_confirm_another_deposit_than_agreed() {
    let mut path = Path::bare(6, 0, &quick_policy());
    path.world.nodes[0].chain_delay_ms = 3_600_000;
    ask(&mut path.world, ETH);
    assert!(path.world.run_until(10_000, |w| stages(w, 1).contains(&LedgerStage::Agreed)));
    let params = path.world.nodes[1].participant.as_ref().and_then(|p| p.ledgers().first().map(|l| l.params));
    let call = Call::Open { params: params.expect("agreed"), nonce: 0, value: 9 * ETH };
    path.world.call_as(0, &call).expect("the contract takes any deposit");
    path.world.run_for(20_000);
    assert!(path.world.ground.receipts.iter().all(|r| r.name != "confirm"));
    path.world.nodes[0].chain_delay_ms = 0;
    path.world.finish();
    assert_eq!([path.world.gain(0), path.world.gain(1)], [0, 0]);
}

#[test]
fn a_refused_opening_can_be_repeated_with_other_deposits() {
    let mut path = Path::bare(7, 0, &quick_policy());
    let agreed = |_, _, _, m: &Message| !matches!(m, Message::ChannelAgreed { .. });
    path.world.filter = Some(Box::new(agreed));
    let tag = ask(&mut path.world, 2 * ETH);
    path.world.wait_reply(0, tag);
    path.world.filter = None;
    let tag = ask(&mut path.world, 3 * ETH);
    path.world.wait_reply(0, tag);
    assert!(matches!(path.world.reply(0, tag), Some(Reply::Opened(_))), "{:?}", path.world.reply(0, tag));
    path.world.finish();
}

#[test]
fn a_slot_is_used_again_after_its_life() {
    let mut path = Path::bare(8, 0, &quick_policy());
    for round in 0..3 {
        let id = path.world.open_channel(0, 1, 10 * ETH, 5 * ETH);
        path.world.pay(round % 2, id, ETH);
        path.world.close_channel(1 - round % 2, id);
    }
    path.world.finish();
    assert_eq!(path.world.gain(1), ETH as i128);
}

#[test]
fn a_second_wish_for_the_same_channel_changes_nothing() {
    let mut path = Path::bare(9, 0, &quick_policy());
    let first = ask(&mut path.world, ETH);
    let second = ask(&mut path.world, ETH);
    path.world.wait_reply(0, first);
    assert!(matches!(path.world.reply(0, second), Some(Reply::Refused(Fault::Caller(_)))));
    let Some(Reply::Opened(id)) = path.world.reply(0, first).cloned() else { panic!("not opened") };
    path.world.run_for(3_000);
    path.world.pay(1, id, ETH / 2);
    let (from, to) = (1, 0);
    path.world.inject(from, to, Message::ChannelAgreed { id, consent: None });
    path.world.run_for(3_000);
    assert_eq!(path.world.share(0, id), Some(10 * ETH + ETH / 2));
    path.world.finish();
    assert_eq!(path.world.gain(0), ETH as i128 / 2);
}
