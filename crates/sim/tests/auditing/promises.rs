//! P1–P10, each broken by a doctored record or by a participant who is wrong on purpose.

use super::{expect, expect_at_end, story};
use alloy_primitives::{B256, U256};
use perunika_contracts::Event;
use perunika_core::body::{Body, Change};
use perunika_core::io::{Command, Event as Told, Reply};
use perunika_core::message::Message;
use perunika_sim::{Adversary, ETH, Stage, Tap, Work};

fn tap(path: &mut perunika_sim::Path, tap: Tap) {
    let now = path.world.now_ms;
    path.world.taps.push((now, tap));
}

/// A later version of the virtual channel, signed by a node on the record, whatever its rules say.
fn item(path: &mut perunika_sim::Path, node: usize, base: u64, ver: u64, def_a: u128) -> Message {
    let ch = path.world.virtual_ids()[0];
    let genesis = Body::virtual_genesis(ch, 10 * ETH, 10 * ETH);
    let body = genesis.with(ver, &Change::Split(def_a)).expect("a split");
    let digest = body.digest(&path.world.ground.domain);
    let sig = path.world.sign_against_rules(node, digest);
    Message::Item { ch, ver, base, def_a, sig, cosign: true, note: None }
}

#[test]
fn p1_an_account_that_got_less_than_the_contract_said() {
    expect_at_end("P1", |path| {
        let vault = Event::Withdrawn {
            asset: Default::default(),
            owner: path.world.nodes[0].owner,
            to: path.world.nodes[1].owner,
            amount: U256::from(7),
        };
        tap(path, Tap::Chain(vault));
    });
}

#[test]
fn p2_whoever_wants_out_and_stays_in() {
    expect("I9", |path| {
        let ch = path.links[0];
        tap(path, Tap::Wanted { node: 0, tag: 1, command: Box::new(Command::CloseChannel { ch, force: true }) });
        let (height, time) = (path.world.ground.chain.height(), path.world.ground.time());
        for later in 1..200 {
            path.world.taps.push((path.world.now_ms, Tap::Block { number: height + later, time: time + later }));
        }
    });
}

#[test]
fn p2_a_dispute_without_an_end() {
    let mut path = story();
    let ch = path.links[0];
    path.world.command(0, Command::CloseChannel { ch, force: true });
    path.world.run_for(200_000);
    path.world.taps.retain(|(_, tap)| !matches!(tap, Tap::Chain(Event::Concluded { .. } | Event::Escrowed { .. })));
    let faults = path.world.audit().faults;
    assert!(faults.iter().any(|f| f.contains("I9")), "{faults:?}");
}

#[test]
fn p4_two_outcomes() {
    let mut path = story();
    let vc = path.world.virtual_ids()[0];
    path.world.close_virtual(0, vc);
    let settled = Event::Settled { id: path.links[0], vc, index: 0, pay_a: 10 * ETH, pay_b: 10 * ETH };
    tap(&mut path, Tap::Chain(settled));
    let faults = path.world.audit().faults;
    assert!(faults.iter().any(|f| f.contains("I3")), "{faults:?}");
}

#[test]
fn p5_money_that_is_left_behind() {
    let mut path = story();
    let vc = path.world.virtual_ids()[0];
    path.world.close_virtual(0, vc);
    path.world.drain();
    path.world.taps.retain(|(_, tap)| !matches!(tap, Tap::Chain(Event::Closed { .. })));
    let faults = path.world.audit_end().faults;
    assert!(faults.iter().any(|f| f.contains("P5")), "{faults:?}");
}

#[test]
fn p6_two_honest_parties_that_know_different_states() {
    let mut path = story();
    path.world.run_for(30_000);
    let last = |tap: &Tap| matches!(tap, Tap::Got { to: 0, message: Message::Accept { .. }, .. });
    path.world.taps.retain(|(_, tap)| !last(tap));
    let faults = path.world.audit().faults;
    assert!(faults.iter().any(|f| f.contains("P6")), "{faults:?}");
}

#[test]
fn p6_a_dispute_without_a_cause() {
    let mut stage = Stage::new(1, 1);
    stage.world.watch_closely();
    stage.world.pay(0, stage.links[0], ETH);
    stage.world.run_for(200_000);
    let body = stage.link_body(0, 0, Vec::new());
    let call = Adversary::new(&[0, 1]).register(&stage.world, &stage.channels[0], &body);
    let now = stage.world.now_ms;
    stage.world.taps.push((now, Tap::Called { node: 0, call: Box::new(call) }));
    let faults = stage.world.audit().faults;
    assert!(faults.iter().any(|f| f.contains("P6")), "{faults:?}");
}

#[test]
fn p7_a_signature_below_the_mark() {
    expect("P7: alice signed version 4", |path| {
        for ver in [8, 4] {
            let message = item(path, 0, 2, ver, 5 * ETH);
            tap(path, Tap::Sent { from: 0, message });
        }
    });
}

#[test]
fn p7_a_signature_that_the_key_never_made() {
    expect("nobody can tell", |path| {
        let ch = path.world.virtual_ids()[0];
        let genesis = Body::virtual_genesis(ch, 10 * ETH, 10 * ETH);
        let body = genesis.with(8, &Change::Split(4 * ETH)).expect("a split");
        // Off the record: as if a step's signature had left without the step.
        let sig = perunika_core::sig::RawKey::sign(&path.world.raw_key(0), body.digest(&path.world.ground.domain));
        let message = Message::Item { ch, ver: 8, base: 2, def_a: 4 * ETH, sig, cosign: true, note: None };
        tap(path, Tap::Sent { from: 0, message });
    });
}

#[test]
fn p8_two_registrations_of_one_channel() {
    expect("I10", |path| {
        let (object, detail) = (path.links[0], B256::ZERO);
        let work = Work { name: "register", object, detail, count: 1 };
        tap(path, Tap::Mined { node: 0, work, ok: true });
        tap(path, Tap::Mined { node: 0, work: Work { name: "refute", ..work }, ok: true });
    });
}

#[test]
fn p8_what_a_reorganisation_takes_may_be_sent_again() {
    let mut path = story();
    let height = path.world.ground.chain.height();
    let work = Work { name: "register", object: path.links[0], detail: B256::ZERO, count: 1 };
    for number in [height + 1, height + 1] {
        let time = path.world.ground.time() + 1;
        tap(&mut path, Tap::Block { number, time });
        tap(&mut path, Tap::Mined { node: 0, work, ok: true });
        tap(&mut path, Tap::Reorg { height });
    }
    let faults = path.world.audit().faults;
    assert!(!faults.iter().any(|f| f.contains("I10")), "{faults:?}");
}

#[test]
fn p10_a_payment_that_is_reported_twice() {
    expect("P10", |path| {
        let report = path.world.taps.iter().rev().find_map(|(_, tap)| match tap {
            Tap::Reported { event, .. } if matches!(**event, Told::Received { .. }) => Some(tap.clone()),
            _ => None,
        });
        tap(path, report.expect("somebody was paid"));
    });
}

#[test]
fn p10_a_version_on_a_base_that_was_given_up() {
    expect("P10", |path| {
        let message = item(path, 0, 0, 8, 4 * ETH);
        tap(path, Tap::Sent { from: 0, message });
    });
}

#[test]
fn s57_a_payment_that_nobody_made() {
    expect("S57", |path| {
        let ch = path.world.virtual_ids()[0];
        let event = Told::Received { ch, ver: 900, amount: 1, share: 1, reference: Vec::new() };
        tap(path, Tap::Reported { node: 2, event: Box::new(event) });
    });
}

/// The corrupt payer shows somebody else the signature of a payment as an answer to nothing, then pays: the payee is right to
/// take it.
#[test]
fn s57_a_signature_that_comes_before_what_it_is_over() {
    let mut path = story();
    let vc = path.world.virtual_ids()[0];
    let accepted = path.world.virtual_of(2, vc).expect("the payee's view").accepted;
    path.world.corrupt(0);
    path.world.follow();
    let body = Body::virtual_genesis(vc, 10 * ETH, 10 * ETH).with(accepted + 2, &Change::Split(4 * ETH));
    let said = Adversary::new(&[0]).item(&path.world, 0, &body.expect("a split"), accepted, true);
    let Message::Item { ch, ver, sig, .. } = said else { unreachable!() };
    for (to, message) in [(1, Message::Accept { ch, ver, sig }), (2, said)] {
        path.world.inject(0, to, message);
        path.world.run_for(500);
    }
    assert_eq!(path.world.virtual_of(2, vc).expect("the payee's view").accepted, accepted + 2);
    path.world.follow();
    assert!(path.world.faults().is_empty(), "{:?}", path.world.faults());
}

#[test]
fn an_answer_that_is_not_true() {
    expect("1.4(6)", |path| {
        let ch = path.world.virtual_ids()[0];
        tap(path, Tap::Replied { node: 0, tag: 1, reply: Box::new(Reply::Applied { ch, ver: 900 }) });
    });
    expect("1.4(6)", |path| {
        let ch = path.world.virtual_ids()[0];
        tap(path, Tap::Replied { node: 0, tag: 1, reply: Box::new(Reply::Delivered { ch, ver: 900 }) });
    });
}

#[test]
fn the_other_partys_parity() {
    expect("1.4(1)", |path| {
        let message = item(path, 0, 2, 7, 4 * ETH);
        tap(path, Tap::Sent { from: 0, message });
    });
}

#[test]
fn an_item_that_lowers_the_share_of_its_payee() {
    expect("1.4(10): bob accepted", |path| {
        let message = item(path, 0, 2, 8, 9 * ETH);
        let ch = path.world.virtual_ids()[0];
        tap(path, Tap::Sent { from: 0, message: message.clone() });
        tap(path, Tap::Got { to: 2, from: 0, message });
        tap(path, Tap::Sent { from: 2, message: Message::Ack { ch, ver: 8 } });
    });
}

#[test]
fn a_jump_that_is_too_far() {
    expect("1.4(2): bob accepted a jump", |path| {
        let ver = 2 + (1 << 17);
        let message = item(path, 0, 2, ver, 4 * ETH);
        let ch = path.world.virtual_ids()[0];
        tap(path, Tap::Sent { from: 0, message: message.clone() });
        tap(path, Tap::Got { to: 2, from: 0, message });
        tap(path, Tap::Sent { from: 2, message: Message::Ack { ch, ver } });
    });
}

#[test]
fn a_signature_in_a_dispute() {
    let mut path = story();
    let vc = path.world.virtual_ids()[0];
    path.world.command(0, Command::ForceVirtual { vc });
    path.world.run_for(8_000);
    let message = item(&mut path, 0, 2, 8, 4 * ETH);
    tap(&mut path, Tap::Sent { from: 0, message });
    let faults = path.world.audit().faults;
    assert!(faults.iter().any(|f| f.contains("1.4(7)")), "{faults:?}");
}
