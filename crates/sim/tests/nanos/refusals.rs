//! Bad input is refused before anything is signed, and the reason says what is wrong.

use crate::games::{Table, board, code, lock, tosses};
use alloy_primitives::{B256, keccak256};
use perunika_apps::tic_tac_toe;
use perunika_core::io::{Command, Event, Fault, Reply};
use perunika_core::message::{Message, NanoTerms};
use perunika_core::params::Side;
use perunika_core::policy::Policy;
use perunika_sim::{ETH, Path, Tap, quick_policy, signatures};

/// Signatures that have left so far.
fn signed(table: &Table) -> usize {
    let of = |tap: &Tap| match tap {
        Tap::Sent { message, .. } => {
            signatures(message).len() + usize::from(matches!(message, Message::NanoStep { .. }))
        }
        _ => 0,
    };
    table.path.world.taps.iter().map(|(_, tap)| of(tap)).sum()
}

/// The first party refuses to propose it, and the second one to be offered it; both say why.
fn refused_on_both_sides(table: &mut Table, terms: &NanoTerms, code: &[u8], reason: &str) {
    let (ch, [a, b]) = (table.ch, table.ends);
    let before = signed(table);
    let tag = table.world().offer_nano(a, ch, terms, code, None);
    let Some(Reply::Refused(Fault::Caller(why))) = table.reply(Side::A, tag) else {
        panic!("{reason}: {:?}", table.reply(Side::A, tag));
    };
    assert!(why.contains(reason), "{why}");
    let (nid, until) = (keccak256(reason), table.path.world.ground.time() + 50);
    let offer = Message::NanoOffer { ch, nid, terms: terms.clone(), code: code.to_vec(), until };
    table.world().inject(a, b, offer);
    table.world().run_for(500);
    let asked = |e: &Event| matches!(e, Event::NanoOffered { nid: n, .. } if *n == nid);
    assert!(!table.path.world.nodes[b].events.iter().any(asked), "{reason}: the application was asked");
    let said = table.path.world.taps.iter().find_map(|(_, tap)| match tap {
        Tap::Sent { message: Message::NanoDecline { nid: n, reason, .. }, .. } if *n == nid => Some(reason.clone()),
        _ => None,
    });
    assert!(said.as_deref().is_some_and(|said| said.contains(reason)), "{reason}: {said:?}");
    assert_eq!(signed(table), before, "{reason}: something was signed");
}

#[test]
fn terms_that_cannot_be_enforced_are_refused_with_the_reason() {
    for mut table in [Table::ledger(70), Table::over(71, 1)] {
        let good = board();
        let app = code(&good);
        let with = |change: &dyn Fn(&mut NanoTerms)| {
            let mut terms = good.clone();
            change(&mut terms);
            terms
        };
        let cases: [(&str, NanoTerms); 9] = [
            ("longer than 16384 bytes", with(&|t| t.storage = vec![0; 16_385])),
            ("gas bound", with(&|t| t.gas = 8_000_001)),
            ("gas bound", with(&|t| t.gas = 0)),
            ("more forced steps", with(&|t| t.k_max = 81)),
            ("more forced steps", with(&|t| t.k_max = 0)),
            ("out of range", with(&|t| t.mover0 = 2)),
            ("out of range", with(&|t| t.da0 = t.total + 1)),
            ("a dispute may cost", with(&|t| (t.total, t.da0) = (1_000, 500))),
            ("enough cash", with(&|t| (t.total, t.da0) = (202 * ETH, 101 * ETH))),
        ];
        for (reason, terms) in cases {
            refused_on_both_sides(&mut table, &terms, app, reason);
        }
        refused_on_both_sides(&mut table, &good, code(&tosses()), "the hash that the terms name");
        refused_on_both_sides(&mut table, &good, &vec![0; 24_577], "24,576 bytes");
        table.world().finish();
    }
}

/// S27: code whose result could differ between two places is refused whatever the terms say.
#[test]
fn s27_code_that_reads_its_surroundings_is_refused() {
    let mut table = Table::ledger(72);
    // PUSH0, PUSH0, then: SLOAD, TIMESTAMP, BALANCE, GAS, CREATE, SELFDESTRUCT, DELEGATECALL, BLOCKHASH.
    for byte in [0x54, 0x42, 0x31, 0x5a, 0xf0, 0xff, 0xf4, 0x40] {
        let bad = [0x5f, 0x5f, byte, 0x5f, 0x5f, 0xf3];
        let terms = NanoTerms { code_hash: keccak256(bad), ..board() };
        let why = perunika_nano::check(&bad).expect_err("the filter refuses it").to_string();
        refused_on_both_sides(&mut table, &terms, &bad, &why);
    }
    table.world().finish();
}

/// S65: a channel that allows fewer steps than the node's policy.
#[test]
fn s65_more_steps_than_the_channel_allows() {
    let policy = Policy { k_max: 8, ..quick_policy() };
    let path = Path::open(73, 0, &policy);
    let (ch, ends) = (path.links[0], [0, 1]);
    let mut table = Table { path, ch, ends };
    refused_on_both_sides(&mut table, &board(), code(&board()), "more forced steps");
    let terms = tosses();
    assert!(terms.k_max <= 8);
    table.open(&terms);
    table.world().finish();
}

/// A virtual channel that ends before the nanocontract could be answered, played and closed.
#[test]
fn a_deadline_that_cannot_be_met() {
    let mut path = Path::open(74, 1, &quick_policy());
    let nodes = path.nodes.clone();
    let ch = path.world.open_virtual(&nodes, 10 * ETH, 10 * ETH);
    let mut table = Table { path, ch, ends: [0, 2] };
    refused_on_both_sides(&mut table, &board(), code(&board()), "ends before");
    // A time to answer that is over, or further away than any term.
    let (a, b, mut ledger) = (0, 1, Table::ledger(75));
    for (until, nid) in [(1, B256::repeat_byte(1)), (u64::MAX, B256::repeat_byte(2))] {
        let offer = Message::NanoOffer { ch: ledger.ch, nid, terms: board(), code: code(&board()).to_vec(), until };
        ledger.world().inject(a, b, offer);
        ledger.world().run_for(200);
        let known = ledger.path.world.nano_of(b, ledger.ch, nid);
        assert!(known.is_none(), "{known:?}");
    }
    ledger.world().finish();
}

fn refused(table: &Table, side: Side, tag: u64, reason: &str) {
    let Some(Reply::Refused(fault)) = table.reply(side, tag) else { panic!("{:?}", table.reply(side, tag)) };
    let Fault::Caller(why) = fault else { panic!("{fault:?}") };
    assert!(why.contains(reason), "{why}");
}

/// Steps: by the wrong player, against the rules, too long, twice, after the end.
#[test]
fn steps_that_are_none_are_refused_before_they_are_signed() {
    for mut table in [Table::ledger(76), Table::over(77, 1)] {
        let nid = table.open(&board());
        let (ch, [a, b]) = (table.ch, table.ends);
        let before = signed(&table);
        let tag = table.world().step_nano(b, ch, nid, tic_tac_toe::place(0));
        refused(&table, Side::B, tag, "other party's turn");
        let tag = table.world().step_nano(a, ch, nid, tic_tac_toe::place(9));
        refused(&table, Side::A, tag, "does not allow this step");
        let tag = table.world().step_nano(a, ch, nid, vec![0; 16_385]);
        refused(&table, Side::A, tag, "longer than 16,384 bytes");
        let tag = table.world().step_nano(a, ch, B256::ZERO, vec![0]);
        refused(&table, Side::A, tag, "no such nanocontract");
        let tag = table.world().command(a, Command::HandNano { ch, nid, input: vec![0] });
        refused(&table, Side::A, tag, "own turn");
        assert_eq!(signed(&table), before);

        table.world().step_nano(a, ch, nid, tic_tac_toe::place(4));
        let tag = table.world().step_nano(a, ch, nid, tic_tac_toe::place(5));
        refused(&table, Side::A, tag, "not answered yet");
        table.world().run_for(1_000);
        table.play(nid, crate::games::won_by_a());
        for node in [a, b] {
            let tag = table.world().step_nano(node, ch, nid, tic_tac_toe::place(8));
            let side = if node == a { Side::A } else { Side::B };
            refused(&table, side, tag, "no such nanocontract");
        }
        table.world().finish();
    }
}

/// Stakes count as spent: what is in nanocontracts cannot be paid, locked or staked again (S11).
#[test]
fn s11_a_stake_is_spent_once() {
    let mut table = Table::ledger(78);
    let big = tic_tac_toe::terms(60 * ETH, 60 * ETH, Side::A).expect("stakes");
    let nid = table.open(&big);
    refused_on_both_sides(&mut table, &big, code(&big), "enough cash");
    let (ch, [a, b]) = (table.ch, table.ends);
    for node in [a, b] {
        let tag = table.world().command(node, Command::Pay { ch, amount: 41 * ETH, cosign: true, reference: vec![] });
        table.world().wait_reply(node, tag);
        assert!(!matches!(table.path.world.reply(node, tag), Some(Reply::Applied { .. })));
    }
    table.world().pay(a, ch, 40 * ETH);
    table.play(nid, crate::games::won_by_a());
    assert_eq!(table.share_of_a(), 120 * ETH);
    table.world().finish();
}

/// A node that brings no evaluator along, or whose application says no code at all, is asked nothing: see the filter's tests. Here: unknown channels.
#[test]
fn offers_in_channels_of_others_are_declined() {
    let mut table = Table::ledger(79);
    let terms = lock(B256::repeat_byte(1));
    let offer = Message::NanoOffer {
        ch: B256::repeat_byte(7),
        nid: B256::repeat_byte(8),
        terms: terms.clone(),
        code: code(&terms).to_vec(),
        until: table.path.world.ground.time() + 20,
    };
    table.world().inject(0, 1, offer);
    table.world().run_for(500);
    let text = table.path.world.trace.last().expect("an answer");
    assert!(text.contains("NanoDecline") && text.contains("no such channel"), "{text}");
    table.world().finish();
}
