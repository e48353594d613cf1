//! Whole games off chain, beside each other and beside payments.

use crate::games::{Table, board, drawn, lock, tosses, won_by_a};
use alloy_primitives::B256;
use perunika_apps::{Player, coin_toss, hash_chain, hash_lock};
use perunika_core::io::{Event, Reply};
use perunika_core::params::Side;
use perunika_sim::{ETH, World};

fn tossers() -> [coin_toss::Tosser; 2] {
    [coin_toss::Tosser::new(B256::repeat_byte(1)), coin_toss::Tosser::new(B256::repeat_byte(2))]
}

/// Every app to its end; nothing but the opening and the close of the channels touches the chain.
fn all_apps(mut table: Table) {
    let before = table.share_of_a();
    let nid = table.open(&board());
    assert_eq!(table.share_of_a(), before, "a stake is a share until it is lost");
    table.play(nid, won_by_a());
    assert_eq!(table.share_of_a(), before + ETH / 2);

    let nid = table.open(&board());
    table.play(nid, drawn());
    assert_eq!(table.share_of_a(), before + ETH / 2);

    let [a, b] = tossers();
    let heads = (0..2).filter(|toss| a.hidden(*toss).bit == b.hidden(*toss).bit).count() as u128;
    let nid = table.open(&tosses());
    table.play(nid, [&a, &b]);
    let tossed = before + ETH / 2 + heads * ETH / 5 - ETH / 5;
    assert_eq!(table.share_of_a(), tossed);

    let secret = B256::repeat_byte(9);
    let nid = table.open(&lock(secret));
    table.play(nid, [&hash_lock::Payee::new(secret), &hash_lock::Payee::new(secret)]);
    assert_eq!(table.share_of_a(), tossed - ETH / 100);

    assert_eq!(table.disputes(), 0, "nothing touches the chain while everybody cooperates");
    table.world().finish();
    let won = (tossed - ETH / 100) as i128 - before as i128;
    assert_eq!(table.path.world.gain(table.ends[0]) + table.fees(), won);
    assert_eq!(table.path.world.gain(table.ends[1]), -won);
}

#[test]
fn all_apps_in_a_ledger_channel() {
    all_apps(Table::ledger(10));
}

#[test]
fn all_apps_in_a_virtual_channel_over_one_hub() {
    all_apps(Table::over(11, 1));
}

#[test]
fn all_apps_in_a_virtual_channel_over_three_hubs() {
    all_apps(Table::over(12, 3));
}

/// The hubs hear nothing of it.
#[test]
fn hubs_do_not_hear_of_steps() {
    let mut table = Table::over(13, 1);
    let nid = table.open(&board());
    table.world().stop(1);
    table.world().nodes[1].down_ms = 1_000;
    table.play(nid, won_by_a());
    table.world().restart(1);
    table.world().finish();
    assert_eq!(table.path.world.gain(2), -(ETH as i128 / 2));
}

/// A hash chain: the payer hands over preimages, the payee turns the newest into money when the nanocontract is closed.
#[test]
fn handed_preimages_are_money_of_the_payee_when_it_is_closed() {
    let mut table = Table::ledger(14);
    let payer = hash_chain::Payer::new(B256::repeat_byte(5), 500).expect("a length");
    let terms = hash_chain::terms(payer.anchor(), ETH / 1_000, 500, Side::A, 1).expect("a chain");
    let nid = table.open(&terms);
    let (ch, before) = (table.ch, table.share_of_a());
    for index in [1, 2, 3, 50] {
        table.world().hand_nano(0, ch, nid, payer.pay(index).expect("in the chain"));
    }
    let handed = |w: &World| w.nodes[1].events.iter().filter(|e| matches!(e, Event::NanoHanded { .. })).count();
    assert_eq!(handed(&table.path.world), 4);
    assert_eq!(table.share_of_a(), before, "handing over signs nothing");
    let tag = table.world().close_nano(1, ch, nid);
    table.world().wait_reply(1, tag);
    assert!(matches!(table.reply(Side::B, tag), Some(Reply::NanoClosed { .. })));
    assert_eq!(table.share_of_a(), before - 50 * ETH / 1_000, "the newest was claimed first");
    table.world().finish();
    assert_eq!(table.disputes(), 0);
}

/// What is worth less than what the payee holds, or nothing at all, is not taken.
#[test]
fn older_or_wrong_preimages_are_not_taken() {
    let mut table = Table::ledger(15);
    let payer = hash_chain::Payer::new(B256::repeat_byte(5), 500).expect("a length");
    let terms = hash_chain::terms(payer.anchor(), ETH / 1_000, 500, Side::A, 1).expect("a chain");
    let nid = table.open(&terms);
    let ch = table.ch;
    table.world().hand_nano(0, ch, nid, payer.pay(9).expect("in the chain"));
    let wrong = perunika_core::message::Message::NanoHand {
        ch,
        nid,
        count: 2,
        input: hash_chain::preimage(10, B256::repeat_byte(1)),
    };
    table.world().inject(0, 1, wrong);
    let older = perunika_core::message::Message::NanoHand { ch, nid, count: 3, input: payer.pay(8).expect("there") };
    table.world().inject(0, 1, older);
    table.world().run_for(1_000);
    let shares: Vec<u128> = table.path.world.nodes[1]
        .events
        .iter()
        .filter_map(|e| if let Event::NanoHanded { share, .. } = e { Some(*share) } else { None })
        .collect();
    assert_eq!(shares, [9 * ETH / 1_000]);
    // Its own step is refused here before anything leaves.
    let tag = table
        .world()
        .command(0, perunika_core::io::Command::HandNano { ch, nid, input: hash_chain::preimage(10, B256::ZERO) });
    assert!(matches!(table.reply(Side::A, tag), Some(Reply::Refused(_))), "{:?}", table.reply(Side::A, tag));
}

/// Payments and a new virtual channel go on while games are open, and the games while payments stream.
#[test]
fn payments_and_locks_beside_games() {
    let mut table = Table::over(16, 1);
    let link = table.path.links[0];
    let (ch, players) = (table.ch, won_by_a());
    let games = table.open_many(&[board(), board(), board()]);
    let secret = B256::repeat_byte(3);
    let beside = table.path.world.open_nano(0, 1, link, &lock(secret), crate::games::code(&lock(secret)));
    for turn in 0..3 {
        table.world().pay(0, ch, ETH);
        table.world().pay(2, ch, ETH / 2);
        for nid in &games {
            assert!(table.step(*nid, players), "turn {turn}");
        }
        table.world().stream(0, link, ETH / 10);
    }
    let vc = table.path.world.open_virtual(&[0, 1, 2], ETH, ETH);
    table.path.world.make_step(1, link, beside, hash_lock::reveal(secret));
    for nid in games {
        table.play(nid, players);
    }
    assert_eq!(table.share_of_a(), 50 * ETH - 3 * ETH / 2 + 3 * ETH / 2);
    table.path.world.close_virtual(0, vc);
    table.world().finish();
    assert_eq!(table.disputes(), 0);
}

/// A game is closed early at what it gives whoever does not move.
#[test]
fn whoever_moves_may_give_up() {
    let mut table = Table::ledger(17);
    let nid = table.open(&board());
    assert!(table.step(nid, drawn()));
    let (ch, before) = (table.ch, table.share_of_a());
    // A is not the mover: B has to agree, and hears of it.
    let tag = table.world().close_nano(0, ch, nid);
    table.world().wait_reply(0, tag);
    assert!(matches!(table.reply(Side::A, tag), Some(Reply::Rejected { .. })), "{:?}", table.reply(Side::A, tag));
    let asked = |e: &Event| matches!(e, Event::NanoCloseAsked { .. });
    assert!(table.path.world.nodes[1].events.iter().any(asked));
    assert!(table.path.world.nano_of(1, ch, nid).is_some());
    let tag = table.world().close_nano(1, ch, nid);
    table.world().wait_reply(1, tag);
    assert_eq!(table.share_of_a(), before + ETH / 2, "B stalls and loses its stake");
    table.world().finish();
}

/// A player that asks for its input on a storage that is none says so; the table above relies on it.
#[test]
fn players_refuse_foreign_storages() {
    assert!(hash_lock::Payee::new(B256::ZERO).input(Side::A, &[1, 2, 3]).is_err());
}
