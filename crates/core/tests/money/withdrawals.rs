use crate::pair::{Pair, owner};
use crate::top_ups::top_up;
use alloy_primitives::Address;
use perunika_core::B256;
use perunika_core::body::{Body, Change};
use perunika_core::chain::{Call, DisputeView, Roots};
use perunika_core::funding::Source;
use perunika_core::io::{Command, Event, Fault, Input, Reply};
use perunika_core::message::{LinkOp, Message};
use perunika_core::params::Side;
use perunika_core::sig::RawKey as _;

/// A has 100 and B 50.
pub(crate) fn opened() -> Pair {
    let mut pair = Pair::new();
    let (peer, asset) = (pair.key(1), Address::ZERO);
    let (deposit, peer_deposit, lane, from) = (100, 50, 0, Source::Wallet);
    pair.command(0, 1, Command::OpenChannel { peer, asset, deposit, peer_deposit, lane, from });
    pair.mine("openBoth");
    pair.settle();
    assert!(matches!(pair.replies[..], [(1, Reply::Opened(_))]));
    pair
}

pub(crate) fn pay(pair: &mut Pair, n: usize, tag: u64, amount: u128) {
    let ch = pair.ledger(n).id;
    pair.command(n, tag, Command::Pay { ch, amount, cosign: true, reference: vec![] });
    assert!(matches!(pair.replies.last(), Some((_, Reply::Applied { .. }))), "{:?}", pair.replies);
}

fn withdraw(pair: &mut Pair, n: usize, tag: u64, amount: u128) {
    let ch = pair.ledger(n).id;
    pair.command(n, tag, Command::Withdraw { ch, amount, to: Source::Wallet });
}

#[test]
fn a_withdrawal_is_paid_and_the_channel_goes_on() {
    for n in 0..2 {
        let mut pair = opened();
        pay(&mut pair, 0, 2, 10);
        withdraw(&mut pair, n, 3, 40);
        let Some(Call::Adjust { adjust, sigs, .. }) = pair.called("adjust") else { panic!("{:?}", pair.calls) };
        assert_eq!((adjust.amount, adjust.side, adjust.receiver), (40, n as u8, owner(n as u8)));
        assert!(sigs[n].is_none() && sigs[1 - n].is_some());
        pair.mine("adjust");
        assert_eq!(pair.replies.len(), 2, "not final");
        pair.settle();
        assert_eq!(pair.replies[2], (3, Reply::Done));
        let deposits = if n == 0 { [60, 50] } else { [100, 10] };
        assert_eq!([0, 1].map(|n| pair.ledger(n).deposits), [deposits; 2]);
        assert_eq!(pair.events.iter().filter(|(_, e)| matches!(e, Event::Withdrawn { .. })).count(), 2);
        pay(&mut pair, 1 - n, 4, 5);
        withdraw(&mut pair, 1 - n, 5, 1);
        pair.mine("adjust");
        pair.settle();
        assert_eq!(pair.replies.last(), Some(&(5, Reply::Done)));
    }
}

/// What was won from the peer is not of the own deposit: it stays.
#[test]
fn no_more_is_withdrawn_than_is_counted_and_in_hand() {
    let mut pair = opened();
    pay(&mut pair, 0, 2, 30);
    withdraw(&mut pair, 0, 3, 71);
    withdraw(&mut pair, 1, 4, 51);
    withdraw(&mut pair, 1, 5, 0);
    let refused = |(_, reply): &(u64, Reply)| matches!(reply, Reply::Refused(Fault::Caller(_)));
    assert!(pair.replies[2..].iter().all(refused) && pair.replies.len() == 5, "{:?}", pair.replies);
    withdraw(&mut pair, 1, 6, 50);
    pair.mine("adjust");
    pair.settle();
    assert_eq!((pair.ledger(1).mine, pair.ledger(1).deposits), (30, [100, 0]));
}

/// While the Adjust may be used nobody signs a State that counts what it pays out, nor anything else of a deposit.
#[test]
fn nothing_is_counted_while_a_withdrawal_is_out() {
    let mut pair = opened();
    withdraw(&mut pair, 0, 2, 40);
    assert!(pair.called("adjust").is_some());
    pair.view.head.dep_a += 7;
    pair.block(1);
    pair.settle();
    assert_eq!([0, 1].map(|n| pair.ledger(n).deposits), [[60, 50]; 2]);
    top_up(&mut pair, 0, 3, 1);
    assert!(matches!(pair.replies.last(), Some((3, Reply::Refused(_)))), "one at a time");
    pay(&mut pair, 0, 4, 5);
    pair.mine("adjust");
    pair.settle();
    assert_eq!([0, 1].map(|n| pair.ledger(n).deposits), [[67, 50]; 2]);
    assert_eq!(pair.ledger(0).mine, 62);
}

#[test]
fn a_withdrawal_that_is_never_sent_is_counted_again() {
    let mut pair = opened();
    withdraw(&mut pair, 0, 2, 40);
    for _ in 0..31 {
        pair.block(10);
    }
    assert_eq!([0, 1].map(|n| pair.ledger(n).deposits), [[60, 50]; 2], "the final chain is not past its end");
    pair.settle();
    pair.block(1);
    assert!(matches!(pair.replies.last(), Some((2, Reply::Refused(Fault::Peer(_))))));
    assert_eq!([0, 1].map(|n| pair.ledger(n).deposits), [[100, 50]; 2]);
    withdraw(&mut pair, 0, 3, 10);
    pair.mine("adjust");
    pair.settle();
    assert_eq!(pair.replies.last(), Some(&(3, Reply::Done)));
}

#[test]
fn a_crash_at_any_point_of_a_withdrawal_loses_nothing() {
    let kinds: [fn(&Message) -> bool; 4] = [
        |m| matches!(m, Message::Presign { .. } | Message::Propose { .. }),
        |m| matches!(m, Message::Accept { .. }),
        |m| matches!(m, Message::AdjustSig { .. }),
        |_| false,
    ];
    for (who, crashes) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        for lost in kinds {
            let mut pair = opened();
            pair.lost = lost;
            withdraw(&mut pair, who, 2, 40);
            pair.restart(crashes);
            pair.lost = |_| false;
            for _ in 0..5 {
                pair.block(3);
            }
            pair.mine("adjust");
            pair.restart(crashes);
            pair.settle();
            pair.block(3);
            let deposits = if who == 0 { [60, 50] } else { [100, 10] };
            assert_eq!([0, 1].map(|n| pair.ledger(n).deposits), [deposits; 2]);
            assert_eq!(pair.ledger(0).withdrawing, None);
            pay(&mut pair, 0, 9, 5);
        }
    }
}

/// B has signed a State above the newest that still counts what A wants out: it could be registered against neither any more.
#[test]
fn an_adjust_is_signed_only_when_no_state_counts_more() {
    let mut pair = opened();
    // B's payment is under way: A does not hear of it.
    pair.lost = |m| matches!(m, Message::Item { .. });
    let ch = pair.ledger(1).id;
    pair.command(1, 2, Command::Pay { ch, amount: 1, cosign: true, reference: vec![] });
    pair.lost = |_| false;
    withdraw(&mut pair, 0, 3, 40);
    pair.block(3);
    pair.block(3);
    pair.mine("adjust");
    pair.settle();
    assert_eq!([0, 1].map(|n| pair.ledger(n).deposits), [[60, 50]; 2]);
    assert_eq!((pair.ledger(0).mine, pair.ledger(1).mine), (61, 49));
}

/// What is paid meanwhile cannot be withdrawn: the wish ends, and nothing waits for it.
#[test]
fn a_withdrawal_that_is_not_affordable_any_more_stops_nothing() {
    let mut pair = opened();
    let ch = pair.ledger(0).id;
    pair.lost = |m| matches!(m, Message::Item { .. });
    pair.command(0, 2, Command::Pay { ch, amount: 60, cosign: false, reference: vec![] });
    withdraw(&mut pair, 0, 3, 50);
    assert!(matches!(pair.replies.last(), Some((3, Reply::Refused(Fault::Caller(_))))), "{:?}", pair.replies);
    withdraw(&mut pair, 0, 4, 40);
    pair.lost = |_| false;
    for _ in 0..3 {
        pair.block(3);
    }
    pair.mine("adjust");
    pair.settle();
    assert_eq!((pair.ledger(0).mine, pair.ledger(1).mine), (0, 110));
}

#[test]
fn where_two_withdrawals_cross_the_first_party_goes_first() {
    let mut pair = opened();
    pair.lost = |m| matches!(m, Message::Presign { .. } | Message::Propose { .. });
    withdraw(&mut pair, 0, 2, 40);
    withdraw(&mut pair, 1, 3, 20);
    pair.lost = |_| false;
    for _ in 0..3 {
        pair.block(3);
    }
    assert!(matches!(pair.replies[..], [_, (3, Reply::Refused(Fault::Peer(_)))]), "{:?}", pair.replies);
    pair.mine("adjust");
    pair.settle();
    assert_eq!([0, 1].map(|n| pair.ledger(n).deposits), [[60, 50]; 2]);
    withdraw(&mut pair, 1, 4, 20);
    pair.mine("adjust");
    pair.settle();
    assert_eq!(pair.replies[2..], [(2, Reply::Done), (4, Reply::Done)]);
}

fn dispute() -> DisputeView {
    let roots = Roots { locks: B256::ZERO, nanos: B256::ZERO };
    DisputeView { ver: 1, refute_end: 2_000, nanos: false, state: None, roots, mix: B256::ZERO, nanos_end: 0 }
}

#[test]
fn in_a_dispute_nothing_is_withdrawn() {
    let mut pair = opened();
    pair.lost = |m| matches!(m, Message::AdjustSig { .. });
    withdraw(&mut pair, 0, 2, 40);
    pair.view.head.dispute = Some(dispute());
    pair.block(1);
    pair.lost = |_| false;
    pair.block(3);
    assert!(pair.called("adjust").is_none());
}

/// Each of these is signed as it should be, and would be taken if its numbers were right, as the last one is.
#[test]
fn no_change_of_deposits_is_signed_that_the_chain_does_not_bear_out() {
    let mut pair = opened();
    let (ch, from) = (pair.ledger(0).id, pair.key(0));
    let uncount = |side, amount, seq, not_after| LinkOp::Uncount { side, amount, receiver: owner(0), seq, not_after };
    let genesis = Body::ledger_genesis(ch, 100, 50);
    let mut propose = |op, deposits: [u128; 2]| {
        let body = genesis.with(2, &Change::Deposits(deposits)).expect("solvent");
        let sig = crate::pair::key(0).sign(body.digest(&crate::pair::domain()));
        let message = Message::Propose { ch, ver: 2, base: genesis.hash(), ops: vec![op], sig };
        pair.input(1, Input::Message { from, message });
        pair.ledger(1).deposits
    };
    let time = 1_100;
    let wrong = [
        (uncount(Side::A, 0, 0, time), [100, 50]),
        (uncount(Side::A, 10, 1, time), [90, 50]),
        (uncount(Side::A, 10, 0, 999), [90, 50]),
        (uncount(Side::A, 10, 0, 9_999), [90, 50]),
        (uncount(Side::B, 10, 0, time), [100, 40]),
        (uncount(Side::A, 10, 0, time), [80, 50]),
        (LinkOp::Count { deposits: [101, 50] }, [101, 50]),
        (LinkOp::Count { deposits: [99, 50] }, [99, 50]),
        (LinkOp::Count { deposits: [100, 50] }, [100, 50]),
    ];
    for (op, deposits) in wrong {
        assert_eq!(propose(op, deposits), [100, 50], "{op:?}");
    }
    assert_eq!(propose(uncount(Side::A, 10, 0, time), [90, 50]), [90, 50]);
}
