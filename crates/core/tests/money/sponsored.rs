use crate::pair::{Owner, Pair, TOKEN};
use alloy_primitives::Address;
use perunika_core::chain::Call;
use perunika_core::funding::Funding;
use perunika_core::info::LedgerStage;
use perunika_core::io::{Command, Event, Fault, Input, Reply};
use perunika_core::message::Message;

fn ask(pair: &mut Pair, asset: Address, deposits: [u128; 2]) {
    let [deposit, peer_deposit] = deposits;
    let peer = pair.key(1);
    pair.command(0, 1, Command::AskOpening { peer, asset, deposit, peer_deposit, lane: 0 });
}

fn names(pair: &Pair) -> Vec<(usize, &'static str)> {
    pair.calls.iter().map(|(n, _, call)| (*n, call.name())).collect()
}

#[test]
fn the_peer_sends_what_the_owner_signed() {
    let mut pair = Pair::new();
    ask(&mut pair, TOKEN, [100, 30]);
    assert_eq!(names(&pair), [(1, "openBoth")]);
    let Some(Call::OpenBoth { terms, fundings, value: 0, .. }) = pair.called("openBoth") else { panic!() };
    assert_eq!((terms.dep_a, terms.dep_b), (100, 30));
    assert_eq!(fundings, [Funding::Vault { consent: vec![7; 64] }, Funding::Sender { consent: vec![] }]);
    pair.mine("openBoth");
    pair.settle();
    assert!(matches!(pair.replies[..], [(1, Reply::Opened(_))]));
    assert_eq!([0, 1].map(|n| pair.ledger(n).stage), [LedgerStage::Open; 2]);
}

#[test]
fn whoever_pays_for_nobody_says_so() {
    for (asset, deposits) in [(Address::ZERO, [100, 0]), (TOKEN, [49, 0])] {
        let mut pair = Pair::new();
        ask(&mut pair, asset, deposits);
        assert!(matches!(&pair.replies[..], [(1, Reply::Refused(Fault::Peer(_)))]), "{:?}", pair.replies);
        assert_eq!(pair.calls, []);
        // It could, all the same: A forgets nothing before the final chain says that it cannot any more.
        pair.block(119);
        pair.settle();
        assert_eq!(pair.ledger(0).stage, LedgerStage::Agreed);
        pair.block(2);
        pair.settle();
        assert!(pair.knows_nothing(0));
    }
}

/// The peer said no and did it nevertheless: A has a channel, and knows it.
#[test]
fn a_channel_that_the_peer_refused_and_opened_is_open() {
    let mut pair = Pair::new();
    ask(&mut pair, Address::ZERO, [100, 0]);
    let view = &mut pair.view.head;
    (view.phase, view.dep_a) = (perunika_core::chain::Phase::Open, 100);
    pair.block(1);
    pair.settle();
    assert_eq!([0, 1].map(|n| pair.ledger(n).stage), [LedgerStage::Open; 2]);
    assert!(pair.events.iter().any(|(n, event)| *n == 0 && matches!(event, Event::ChannelOpen(_))));
}

/// What A's owner has signed once may open the channel, whatever A wants then.
#[test]
fn a_new_wish_does_not_forget_what_the_owner_signed() {
    let mut pair = Pair::new();
    pair.lost = |m| matches!(m, Message::ChannelConsent { .. });
    ask(&mut pair, TOKEN, [100, 0]);
    let ch = pair.ledger(0).id;
    pair.command(0, 2, Command::CloseChannel { ch, force: true });
    pair.owner = Owner::Refuses;
    ask(&mut pair, TOKEN, [60, 0]);
    ask(&mut pair, TOKEN, [100, 0]);
    assert_eq!((pair.ledger(0).stage, pair.ledger(0).deposits), (LedgerStage::Agreed, [100, 0]));
}

#[test]
fn an_owner_who_cannot_pay_by_signature_is_told() {
    for owner in [Owner::Refuses, Owner::Says(Funding::Sender { consent: vec![7; 64] })] {
        let mut pair = Pair::new();
        pair.owner = owner;
        ask(&mut pair, TOKEN, [100, 0]);
        assert!(matches!(&pair.replies[..], [(1, Reply::Refused(Fault::Caller(_)))]), "{:?}", pair.replies);
        assert!(pair.calls.is_empty() && pair.knows_nothing(0));
    }
}

/// What has not left the node does not leave it after the peer said no.
#[test]
fn a_refusal_before_the_owner_signed_ends_it() {
    let mut pair = Pair::new();
    pair.lost = |m| matches!(m, Message::ChannelAgreed { .. });
    ask(&mut pair, TOKEN, [100, 0]);
    pair.owner = Owner::Waits;
    let (id, from) = (pair.ledger(1).id, pair.key(1));
    let agreed = Message::ChannelAgreed { id, consent: None };
    pair.input(0, Input::Message { from, message: agreed });
    let no = Message::Refuse { ch: id, ver: 0, refused: vec![], reason: "no".into() };
    pair.input(0, Input::Message { from, message: no });
    assert!(pair.knows_nothing(0) && matches!(&pair.replies[..], [(1, Reply::Refused(Fault::Peer(_)))]));
    let funding = Ok(Funding::Vault { consent: vec![7; 64] });
    pair.input(0, Input::Authorised { id, not_after: 1_120, funding });
    assert_eq!(pair.calls, []);
}

#[test]
fn a_crash_before_the_owner_answered_asks_it_again() {
    let mut pair = Pair::new();
    pair.lost = |m| matches!(m, Message::ChannelAgreed { .. });
    ask(&mut pair, TOKEN, [100, 0]);
    pair.owner = Owner::Waits;
    let (id, from) = (pair.ledger(1).id, pair.key(1));
    pair.input(0, Input::Message { from, message: Message::ChannelAgreed { id, consent: None } });
    pair.restart(0);
    pair.owner = Owner::Signs;
    pair.block(3);
    assert_eq!(names(&pair), [(1, "openBoth")]);
}

#[test]
fn a_lost_consent_is_sent_again_and_a_crash_forgets_none() {
    let mut pair = Pair::new();
    pair.lost = |m| matches!(m, Message::ChannelConsent { .. });
    ask(&mut pair, TOKEN, [100, 0]);
    assert_eq!(pair.calls, []);
    pair.restart(0);
    pair.lost = |_| false;
    pair.block(3);
    assert_eq!(names(&pair), [(1, "openBoth")]);
    pair.restart(1);
    pair.mine("openBoth");
    pair.settle();
    assert_eq!([0, 1].map(|n| pair.ledger(n).stage), [LedgerStage::Open; 2]);
}

#[test]
fn what_the_chain_does_not_take_is_told_to_a() {
    let mut pair = Pair::new();
    ask(&mut pair, TOKEN, [100, 0]);
    pair.fail("openBoth");
    assert!(matches!(&pair.replies[..], [(1, Reply::Refused(Fault::Peer(_)))]), "{:?}", pair.replies);
    // Once: a consent that the chain takes in a trial and not in a block would cost gas again and again.
    for _ in 0..10 {
        pair.block(5);
    }
    assert_eq!(names(&pair), [(1, "openBoth")]);
    // It was in a block all the same.
    pair.mine("openBoth");
    pair.settle();
    assert_eq!([0, 1].map(|n| pair.ledger(n).stage), [LedgerStage::Open; 2]);
}

/// A's consent must bring A's deposit: B would pay what the sender of the call pays.
#[test]
fn a_cannot_let_b_pay_her_deposit() {
    let mut pair = Pair::new();
    pair.lost = |m| matches!(m, Message::ChannelConsent { .. });
    ask(&mut pair, TOKEN, [100, 0]);
    let id = pair.ledger(0).id;
    let consent =
        perunika_core::message::Consent { not_after: 1_100, funding: Funding::Sender { consent: vec![7; 64] } };
    let from = pair.key(0);
    pair.input(1, Input::Message { from, message: Message::ChannelConsent { id, consent } });
    assert_eq!(pair.calls, []);
}
