use crate::pair::{Pair, owner};
use crate::withdrawals::{opened, pay};
use alloy_primitives::Address;
use perunika_core::B256;
use perunika_core::budget::Limits;
use perunika_core::chain::Call;
use perunika_core::funding::Source;
use perunika_core::io::{Command, Event, Fault, Reply};

pub(crate) fn top_up(pair: &mut Pair, n: usize, tag: u64, amount: u128) {
    let ch = pair.ledger(n).id;
    pair.command(n, tag, Command::Deposit { ch, amount, from: Source::Wallet });
}

#[test]
fn a_deposit_counts_when_it_is_final_and_can_be_paid_with() {
    let mut pair = opened();
    top_up(&mut pair, 0, 2, 30);
    pair.mine("deposit");
    assert_eq!((pair.ledger(1).deposits, pair.ledger(1).uncounted), ([100, 50], [30, 0]));
    assert_eq!(pair.ledger(0).claimable, 130, "it is A's, counted or not");
    assert_eq!(pair.replies.len(), 1, "not final: not counted");
    pair.settle();
    assert_eq!(pair.replies[1], (2, Reply::Done));
    assert_eq!([0, 1].map(|n| pair.ledger(n).deposits), [[130, 50]; 2]);
    assert!(pair.events.iter().any(|(n, e)| *n == 1 && matches!(e, Event::DepositsCounted { .. })));
    pay(&mut pair, 0, 3, 125);
    assert_eq!((pair.ledger(0).mine, pair.ledger(1).mine), (5, 175));
}

#[test]
fn both_deposit_at_once() {
    let mut pair = opened();
    top_up(&mut pair, 0, 2, 30);
    pair.mine("deposit");
    top_up(&mut pair, 1, 3, 20);
    pair.mine("deposit");
    pair.settle();
    assert_eq!([0, 1].map(|n| pair.ledger(n).deposits), [[130, 70]; 2]);
    assert!(pair.replies.contains(&(2, Reply::Done)) && pair.replies.contains(&(3, Reply::Done)));
}

#[test]
fn what_a_stranger_deposits_is_counted_for_its_side() {
    let mut pair = opened();
    pair.view.head.dep_b += 1;
    pair.block(1);
    pair.settle();
    assert_eq!([0, 1].map(|n| pair.ledger(n).deposits), [[100, 51]; 2]);
    assert_eq!(pair.ledger(1).mine, 51);
}

/// Who pays for a transaction for each wei stops no stream with it.
#[test]
fn dust_is_its_sides_without_a_version() {
    let mut pair = opened();
    pair.view.head.dep_b += 5_000_000;
    pair.settle();
    pair.settle();
    let version = pair.ledger(0).version;
    pair.view.head.dep_b += 1;
    pair.settle();
    pair.settle();
    assert_eq!((pair.ledger(0).version, pair.ledger(1).uncounted), (version, [0, 1]));
    assert_eq!(pair.ledger(1).claimable, 5_000_051);
    top_up(&mut pair, 1, 2, 9);
    pair.mine("deposit");
    pair.settle();
    assert_eq!((pair.ledger(0).deposits, pair.ledger(1).uncounted), ([100, 5_000_060], [0, 0]));
}

/// What A sees as final B does not: payments go on, and the versions stay few.
#[test]
fn a_peer_that_sees_finality_later_stops_no_payment() {
    let mut pair = opened();
    top_up(&mut pair, 0, 2, 30);
    pair.mine("deposit");
    pair.blind = Some(1);
    pair.settle();
    for tag in 3..13 {
        pay(&mut pair, 0, tag, 1);
        pair.block(2);
    }
    assert!(pair.ledger(0).version < 60, "{}", pair.ledger(0).version);
    assert_eq!(pair.ledger(0).deposits, [100, 50]);
    pair.blind = None;
    for _ in 0..6 {
        pair.block(3);
    }
    assert_eq!([0, 1].map(|n| pair.ledger(n).deposits), [[130, 50]; 2]);
    assert!(pair.replies.contains(&(2, Reply::Done)));
}

#[test]
fn a_deposit_is_sent_once() {
    let mut pair = opened();
    top_up(&mut pair, 0, 2, 30);
    let sent = pair.calls.len();
    pair.restart(0);
    for _ in 0..40 {
        pair.block(10);
    }
    assert_eq!(pair.calls.len(), sent, "a second one would be another deposit");
    pair.settle();
    pair.settle();
    top_up(&mut pair, 0, 3, 30);
    assert_eq!(pair.calls.len(), sent + 1, "{:?}", pair.replies);
}

#[test]
fn a_deposit_that_fails_is_told_and_another_may_follow() {
    let mut pair = opened();
    top_up(&mut pair, 0, 2, 30);
    top_up(&mut pair, 0, 3, 30);
    assert!(matches!(&pair.replies[1], (3, Reply::Refused(Fault::Caller(_)))), "one at a time");
    pair.fail("deposit");
    assert!(matches!(&pair.replies[2], (2, Reply::Refused(Fault::Chain(_)))));
    top_up(&mut pair, 0, 4, 30);
    pair.mine("deposit");
    pair.settle();
    assert_eq!(pair.replies[3], (4, Reply::Done));
}

#[test]
fn a_token_with_limits_moves_none_of_the_owners_money() {
    let mut pair = opened();
    let ch = pair.ledger(0).id;
    let budget = B256::repeat_byte(5);
    let limits = Some(Limits { per_day: Some(1_000), ..Limits::default() });
    pair.command(0, 2, Command::SetBudget { budget, limits });
    let (amount, from) = (1, Source::Wallet);
    let commands = [
        Command::Deposit { ch, amount, from },
        Command::Withdraw { ch, amount, to: from },
        Command::Move(perunika_core::io::Move::WithdrawVault { asset: Address::ZERO, amount, to: owner(0) }),
    ];
    for (tag, command) in commands.into_iter().enumerate() {
        pair.command(0, 10 + tag as u64, Command::Within { budget, command: Box::new(command) });
        let Some((_, Reply::Refused(Fault::Limit(_)))) = pair.replies.last() else { panic!("{:?}", pair.replies) };
    }
    assert!(!pair.calls.iter().any(|(_, _, call)| matches!(call, Call::Deposit { .. } | Call::Withdraw { .. })));
}
