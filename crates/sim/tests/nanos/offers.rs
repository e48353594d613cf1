//! Proposing a nanocontract and answering: within the named time, after it, with a reason, crossing.

use crate::games::{Table, board, code, tosses};
use alloy_primitives::B256;
use perunika_core::io::{Event, Fault, Reply};
use perunika_core::params::Side;
use perunika_sim::World;

fn declined(world: &World, node: usize) -> Vec<String> {
    let reason = |e: &Event| if let Event::NanoDeclined { reason, .. } = e { Some(reason.clone()) } else { None };
    world.nodes[node].events.iter().filter_map(reason).collect()
}

/// Proposes and waits until the peer has the offer.
fn offered(table: &mut Table, from: Side, within: Option<u64>) -> (u64, B256) {
    let (ch, [a, b]) = (table.ch, table.ends);
    let (node, peer) = if from == Side::A { (a, b) } else { (b, a) };
    let known = table.path.world.offers(peer, ch);
    let tag = table.world().offer_nano(node, ch, &board(), code(&board()), within);
    assert!(table.world().run_until(2_000, |w| w.offers(peer, ch).len() > known.len()));
    let new = table.path.world.offers(peer, ch).into_iter().find(|nid| !known.contains(nid));
    (tag, new.expect("an offer"))
}

#[test]
fn a_refusal_brings_its_reason_and_leaves_nothing_behind() {
    for mut table in [Table::ledger(30), Table::over(31, 1)] {
        let (ch, [a, b]) = (table.ch, table.ends);
        let version = table.path.world.share(a, ch);
        let (tag, nid) = offered(&mut table, Side::A, None);
        table.world().answer_nano(b, ch, nid, Some("not on Sundays"));
        table.world().wait_reply(a, tag);
        assert_eq!(table.reply(Side::A, tag), Some(&Reply::Refused(Fault::Peer("not on Sundays".into()))));
        assert_eq!(declined(&table.path.world, a), ["not on Sundays"]);
        assert!([a, b].iter().all(|n| table.path.world.nanos_of(*n, ch).is_empty()));
        assert_eq!(table.path.world.share(a, ch), version);
        table.world().finish();
    }
}

/// The answer counts until the last second of the named time, however late that is.
#[test]
fn a_late_answer_counts_within_the_named_time() {
    for mut table in [Table::ledger(32), Table::over(33, 1)] {
        let (ch, [a, b]) = (table.ch, table.ends);
        let (tag, nid) = offered(&mut table, Side::A, Some(300));
        table.world().run_for(290_000);
        assert_eq!(table.reply(Side::A, tag), None, "nothing is decided yet");
        table.world().answer_nano(b, ch, nid, None);
        table.world().wait_reply(a, tag);
        assert_eq!(table.reply(Side::A, tag), Some(&Reply::NanoOpened { ch, nid }));
        table.play(nid, crate::games::won_by_a());
        table.world().finish();
    }
}

/// After the time both have forgotten it; an answer is refused here, and a yes on the wire changes nothing.
#[test]
fn an_answer_after_the_named_time_is_none() {
    let mut table = Table::ledger(34);
    let (ch, [a, b]) = (table.ch, table.ends);
    let (tag, nid) = offered(&mut table, Side::A, Some(20));
    table.world().run_for(25_000);
    assert!(matches!(table.reply(Side::A, tag), Some(Reply::Refused(Fault::Peer(_)))));
    assert!([a, b].iter().all(|n| table.path.world.nano_is_gone(*n, ch, nid)));
    let late = table.world().answer_nano(b, ch, nid, None);
    assert!(matches!(table.reply(Side::B, late), Some(Reply::Refused(Fault::Caller(_)))));
    table.world().inject(b, a, perunika_core::message::Message::NanoAgree { ch, nid });
    table.world().run_for(5_000);
    assert!(table.path.world.nanos_of(a, ch).is_empty());
    table.world().finish();
}

/// A yes that is on its way when the time ends: whatever becomes of it, both agree, and nothing is stuck.
#[test]
fn a_yes_that_crosses_the_end_of_its_time_leaves_both_agreed() {
    for delay in [900, 1_000, 1_100, 2_500] {
        let mut table = Table::ledger(35);
        let (ch, [a, b]) = (table.ch, table.ends);
        let (_, nid) = offered(&mut table, Side::A, Some(20));
        table.world().network = perunika_sim::Network::steady(delay);
        table.world().run_for(19_000);
        table.world().answer_nano(b, ch, nid, None);
        table.world().run_for(120_000);
        let open = [a, b].map(|n| table.path.world.nano_is_open(n, ch, nid));
        assert_eq!(open[0], open[1], "delay {delay}: {:?}", table.path.world.nanos_of(a, ch));
        assert!(open[0] || table.path.world.nanos_of(b, ch).is_empty(), "delay {delay}");
        table.world().pay(a, ch, 1_000);
        if open[0] {
            table.play(nid, crate::games::drawn());
        }
        table.world().finish();
    }
}

/// Both propose at the same time, several each, and answer in any order: all open, none waits for another.
#[test]
fn crossing_proposals_all_open_side_by_side() {
    for mut table in [Table::ledger(36), Table::over(37, 1)] {
        let (ch, [a, b]) = (table.ch, table.ends);
        let mut tags = Vec::new();
        for terms in [board(), tosses(), board()] {
            tags.push((a, table.world().offer_nano(a, ch, &terms, code(&terms), None)));
            tags.push((b, table.world().offer_nano(b, ch, &terms, code(&terms), None)));
        }
        let all = |w: &World| w.offers(a, ch).len() == 3 && w.offers(b, ch).len() == 3;
        assert!(table.world().run_until(5_000, all));
        for node in [a, b] {
            for nid in table.path.world.offers(node, ch) {
                table.world().answer_nano(node, ch, nid, None);
            }
        }
        let opened =
            |w: &World| tags.iter().all(|(n, tag)| matches!(w.reply(*n, *tag), Some(Reply::NanoOpened { .. })));
        assert!(table.world().run_until(10_000, opened), "{:?}", table.path.world.nanos_of(a, ch));
        table.world().finish();
    }
}

/// One that is never answered keeps nothing waiting.
#[test]
fn an_unanswered_proposal_blocks_nothing() {
    let mut table = Table::ledger(38);
    let (ch, [a, b]) = (table.ch, table.ends);
    let (_, forgotten) = offered(&mut table, Side::A, Some(600));
    let (_, other) = offered(&mut table, Side::B, Some(600));
    table.world().pay(a, ch, 1_000);
    table.world().pay(b, ch, 500);
    let nid = table.open_beside(&board());
    table.play(nid, crate::games::won_by_a());
    assert!(table.path.world.nano_of(b, ch, forgotten).is_some() && table.path.world.nano_of(a, ch, other).is_some());
    // The channel closes all the same.
    table.world().finish();
}

/// An offer that the peer does not hear at first is sent again; one that is heard twice is one.
#[test]
fn offers_survive_a_lost_connection() {
    let mut table = Table::ledger(39);
    let (ch, [a, b]) = (table.ch, table.ends);
    let tag = table.world().offer_nano(a, ch, &board(), code(&board()), None);
    table.world().stop(b);
    table.world().run_for(3_000);
    table.world().restart(b);
    assert!(table.world().run_until(10_000, |w| w.offers(b, ch).len() == 1));
    table.world().run_for(6_000);
    let events = &table.path.world.nodes[b].events;
    assert_eq!(events.iter().filter(|e| matches!(e, Event::NanoOffered { .. })).count(), 1);
    let nid = table.path.world.offers(b, ch)[0];
    table.world().answer_nano(b, ch, nid, None);
    table.world().wait_reply(a, tag);
    assert_eq!(table.reply(Side::A, tag), Some(&Reply::NanoOpened { ch, nid }));
    table.play(nid, crate::games::drawn());
    table.world().finish();
}
