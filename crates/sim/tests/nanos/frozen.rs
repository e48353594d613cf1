//! S69: no step, no countersignature and no handed input after a Final, after a Close, or while the nanocontract is being closed.

use crate::games::{Table, board, code};
use alloy_primitives::B256;
use perunika_apps::{hash_chain, tic_tac_toe};
use perunika_core::io::{Command, Event, Reply};
use perunika_core::message::{LinkOp, Message};
use perunika_core::params::Side;
use perunika_sim::{ETH, Tap, World};

/// Answers of a node to steps and handed inputs, from the `from`th thing that happened on.
fn answers(world: &World, node: usize, from: usize) -> usize {
    let answer = |tap: &Tap| match tap {
        Tap::Sent { from, message } => {
            *from == node && matches!(message, Message::NanoAccept { .. } | Message::NanoTaken { .. })
        }
        _ => false,
    };
    world.taps[from..].iter().filter(|(_, tap)| answer(tap)).count()
}

fn reports(world: &World, node: usize) -> usize {
    let reported = |e: &&Event| matches!(e, Event::NanoStepped { .. } | Event::NanoHanded { .. });
    world.nodes[node].events.iter().filter(reported).count()
}

/// Holds back the answers to a kind of message.
fn hold(table: &mut Table, kind: fn(&Message) -> bool) {
    table.world().filter = Some(Box::new(move |_, _, _, message| !kind(message)));
}

/// A wants the game closed in which B is to move and B agrees; A's countersignature is held back. From then on no step of it counts.
#[test]
fn s69_no_step_while_a_nanocontract_is_being_closed() {
    let mut table = Table::ledger(90);
    let nid = table.open(&board());
    let (ch, [a, b]) = (table.ch, table.ends);
    table.world().make_step(a, ch, nid, tic_tac_toe::place(4));
    let closes =
        |m: &Message| matches!(m, Message::Presign { op: LinkOp::CloseNano { .. }, .. } | Message::Propose { .. });
    hold(&mut table, closes);
    table.world().close_nano(b, ch, nid);
    table.world().run_for(500);
    // B, the mover, has signed the closing. Its own application cannot step any more …
    let from = table.path.world.taps.len();
    let tag = table.world().step_nano(b, ch, nid, tic_tac_toe::place(0));
    assert!(matches!(table.reply(Side::B, tag), Some(Reply::Refused(_))));
    let stepped = table.path.world.taps[from..]
        .iter()
        .any(|(_, tap)| matches!(tap, Tap::Sent { message: Message::NanoStep { .. }, .. }));
    assert!(!stepped, "no step was signed");
    table.world().filter = None;
    let gone = |w: &World| w.nanos_of(a, ch).is_empty() && w.nanos_of(b, ch).is_empty();
    assert!(table.world().run_until(20_000, gone));
    assert_eq!(table.share_of_a(), 100 * ETH + ETH / 2);
    table.world().finish();
}

/// A step that crosses the closing: either the step counts and the game goes on, or the closing does. Never both.
#[test]
fn s69_a_step_that_crosses_the_closing() {
    for lead in [0, 5, 10, 15, 20, 25] {
        let mut table = Table::ledger(91);
        let nid = table.open(&board());
        let (ch, [a, b]) = (table.ch, table.ends);
        table.world().make_step(a, ch, nid, tic_tac_toe::place(4));
        let before = table.path.world.nano_of(a, ch, nid).and_then(|n| n.version).map(|v| v.ver);
        // A gives up the game in which it is B's turn; B steps just then.
        table.world().close_nano(a, ch, nid);
        table.world().run_for(lead);
        table.world().step_nano(b, ch, nid, tic_tac_toe::place(0));
        table.world().run_for(10_000);
        let versions = [a, b].map(|n| table.path.world.nano_of(n, ch, nid).and_then(|n| n.version).map(|v| v.ver));
        assert_eq!(versions[0], versions[1], "lead {lead}");
        if versions[0].is_some() {
            assert!(versions[0] > before, "lead {lead}: it is open, so the step counts");
            table.play(nid, crate::games::won_by_a());
        }
        table.world().finish();
    }
}

/// After the first signature on a Close, steps and handed inputs are neither accepted nor reported.
#[test]
fn s69_nothing_moves_after_a_close() {
    let mut table = Table::ledger(92);
    let (ch, [a, b]) = (table.ch, table.ends);
    let nid = table.open(&board());
    let close = Command::CloseChannel { ch, force: false };
    let tag = table.world().command(b, close.clone());
    assert!(matches!(table.reply(Side::B, tag), Some(Reply::Refused(_))), "no Close with a nanocontract open");
    // A's word is enough to try the same from outside.
    table.world().inject(a, b, Message::CloseAsk { ch });
    table.world().run_for(1_000);
    let close_sent =
        |w: &World| w.taps.iter().any(|(_, t)| matches!(t, Tap::Sent { message: Message::CloseSig { .. }, .. }));
    assert!(!close_sent(&table.path.world), "no Close is signed with a nanocontract open");
    hold(&mut table, |m| matches!(m, Message::CloseSig { .. }));
    table.play(nid, crate::games::won_by_a());
    table.world().command(b, close);
    assert!(table.world().run_until(20_000, close_sent), "then the channel closes");
    let (from, told) = (table.path.world.taps.len(), reports(&table.path.world, b));
    for node in [a, b] {
        let tag = table.world().offer_nano(node, ch, &board(), code(&board()), None);
        table.world().run_for(100);
        assert!(matches!(table.path.world.reply(node, tag), Some(Reply::Refused(_))));
    }
    assert_eq!((answers(&table.path.world, b, from), reports(&table.path.world, b)), (0, told));
    table.world().finish();
}

/// S69 for a virtual channel: with a nanocontract open no Final is signed; behind a Final nothing is opened.
#[test]
fn s69_no_final_with_a_nanocontract_open_and_none_behind_it() {
    let mut table = Table::over(93, 1);
    let (ch, [a, b]) = (table.ch, table.ends);
    let nid = table.open(&board());
    let tag = table.world().command(a, Command::CloseVirtual { vc: ch });
    assert!(matches!(table.reply(Side::A, tag), Some(Reply::Refused(_))), "no Final with a nanocontract open");
    table.world().inject(b, a, Message::VcCloseAsk { vc: ch });
    table.world().run_for(2_000);
    let signed =
        |w: &World| w.taps.iter().any(|(_, t)| matches!(t, Tap::Sent { message: Message::FinalSigs { .. }, .. }));
    assert!(!signed(&table.path.world), "no Final is signed with a nanocontract open");
    hold(&mut table, |m| matches!(m, Message::FinalSigs { .. }));
    table.play(nid, crate::games::won_by_a());
    table.world().command(a, Command::CloseVirtual { vc: ch });
    assert!(table.world().run_until(20_000, signed));
    let tag = table.world().offer_nano(b, ch, &board(), code(&board()), None);
    table.world().run_for(1_000);
    assert!(!matches!(table.path.world.reply(b, tag), Some(Reply::NanoOpened { .. })));
    let offer = Message::NanoOffer {
        ch,
        nid: B256::repeat_byte(9),
        terms: board(),
        code: code(&board()).to_vec(),
        until: table.path.world.ground.time() + 20,
    };
    table.world().inject(b, a, offer);
    table.world().run_for(500);
    assert!(table.path.world.nano_of(a, ch, B256::repeat_byte(9)).is_none());
    table.world().finish();
}

/// A preimage that comes when its nanocontract is being closed is not taken, and not reported as paid.
#[test]
fn s69_no_preimage_is_taken_while_its_chain_is_being_closed() {
    let mut table = Table::ledger(94);
    let payer = hash_chain::Payer::new(B256::repeat_byte(5), 100).expect("a length");
    let terms = hash_chain::terms(payer.anchor(), ETH / 1_000, 100, Side::A, 1).expect("a chain");
    let nid = table.open(&terms);
    let (ch, [a, b]) = (table.ch, table.ends);
    hold(&mut table, |m| matches!(m, Message::Presign { op: LinkOp::CloseNano { .. }, .. } | Message::Propose { .. }));
    table.world().close_nano(b, ch, nid);
    table.world().run_for(500);
    let (from, told) = (table.path.world.taps.len(), reports(&table.path.world, b));
    let hand = Message::NanoHand { ch, nid, count: 1, input: payer.pay(10).expect("in the chain") };
    table.world().inject(a, b, hand);
    table.world().run_for(500);
    assert_eq!((answers(&table.path.world, b, from), reports(&table.path.world, b)), (0, told));
    table.world().filter = None;
    table.world().finish();
    assert_eq!(table.path.world.gain(b), 0);
}
