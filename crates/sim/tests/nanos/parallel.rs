//! Any number of nanocontracts side by side: none waits for another.

use crate::games::{Table, board, won_by_a};
use perunika_core::io::Reply;
use perunika_sim::{Network, World};

const GAMES: usize = 100;

/// Plays the moves of all these games, each as soon as it can be; how long it took, ms of virtual time, without opening and closing.
fn play_all(table: &mut Table, nids: &[alloy_primitives::B256]) -> u64 {
    let players = won_by_a();
    let (ch, ends, begun) = (table.ch, table.ends, table.path.world.now_ms);
    loop {
        let mut waiting = Vec::new();
        for nid in nids {
            let Some((mover, input)) = table.next(*nid, players) else { continue };
            let node = ends[mover.index()];
            waiting.push((node, table.path.world.step_nano(node, ch, *nid, input)));
        }
        if waiting.is_empty() {
            return table.path.world.now_ms - begun;
        }
        let stepped =
            |w: &World| waiting.iter().all(|(n, tag)| matches!(w.reply(*n, *tag), Some(Reply::Stepped { .. })));
        assert!(table.path.world.run_until(60_000, stepped), "a step is not answered");
    }
}

/// A hundred games in one channel over a link with 100 ms delay, stepped together, take as long as one.
fn a_hundred_take_as_long_as_one(mut one: Table, mut many: Table, games: usize) {
    let mut times = Vec::new();
    for (table, games) in [(&mut one, 1), (&mut many, games)] {
        let nids = table.open_many(&vec![board(); games]);
        table.world().run_for(3_000);
        table.world().network = Network::steady(100);
        times.push(play_all(table, &nids));
        let (ch, ends) = (table.ch, table.ends);
        let gone = |w: &World| ends.iter().all(|n| w.nanos_of(*n, ch).is_empty());
        assert!(table.world().run_until(30_000, gone), "all are closed by themselves");
        let won = games as u128 * perunika_sim::ETH / 2;
        let stake = if table.ends[1] == 1 { 100 } else { 50 } * perunika_sim::ETH;
        assert_eq!(table.share_of_a(), stake + won);
        table.world().finish();
        assert_eq!(table.disputes(), 0);
    }
    // Seven steps of 200 ms each: the mover's signature there, the countersignature back.
    assert_eq!(times, [1_400, 1_400], "ms of virtual time for one game and for {games}");
}

#[test]
fn a_hundred_nanocontracts_step_in_the_time_of_one() {
    a_hundred_take_as_long_as_one(Table::ledger(50), Table::ledger(51), GAMES);
}

/// In a virtual channel there is room for 64, and the contract counts them.
#[test]
fn sixty_in_a_virtual_channel_step_in_the_time_of_one() {
    a_hundred_take_as_long_as_one(Table::over(52, 1), Table::over(53, 1), 60);
}

/// A step that nobody answers keeps no other one waiting.
#[test]
fn a_step_without_an_answer_blocks_nothing() {
    let mut table = Table::ledger(54);
    let nids = table.open_many(&[board(), board()]);
    let (ch, stuck) = (table.ch, nids[0]);
    table.world().filter = Some(Box::new(
        move |_, _, _, message| !matches!(message, perunika_core::message::Message::NanoStep { nid, .. } if *nid == stuck),
    ));
    let tag = table.world().step_nano(0, ch, stuck, vec![4]);
    table.world().run_for(1_000);
    table.play(nids[1], won_by_a());
    table.world().pay(0, ch, 1_000);
    table.world().pay(1, ch, 1_000);
    let third = table.open(&board());
    table.play(third, won_by_a());
    assert_eq!(table.path.world.reply(0, tag), None);
    table.world().filter = None;
    table.world().wait_reply(0, tag);
    assert!(matches!(table.path.world.reply(0, tag), Some(Reply::Stepped { .. })), "sent again until it is answered");
    table.world().finish();
}
