//! Registrations and refutations that a reorganisation takes away (S38, S63). Depth 1 is not final on this chain.

use perunika_core::body::{Body, Change};
use perunika_core::chain::RecordView;
use perunika_core::io::Command;
use perunika_core::message::Message;
use perunika_sim::{Adversary, ETH, Stage, Tap, World};

fn disputed(stage: &Stage) -> bool {
    matches!(stage.world.record(&stage.virtual_params()), RecordView::Disputed(_))
}

fn run_until_disputed(stage: &mut Stage) {
    let params = stage.virtual_params();
    let seen = |w: &World| matches!(w.record(&params), RecordView::Disputed(_));
    assert!(stage.world.run_until(300_000, seen), "it is registered");
}

/// The end's own registration vanishes again and again; it is repeated until it stays.
#[test]
fn s63_a_registration_that_vanishes_is_repeated() {
    let mut stage = Stage::new(460, 2);
    let params = stage.open(ETH, ETH);
    stage.world.pay(0, stage.vc(), ETH / 2);
    let mut adversary = Adversary::new(&[0, 1]);
    adversary.strike(&mut stage.world);
    for round in 0..3 {
        run_until_disputed(&mut stage);
        stage.world.reorg(1);
        assert!(!disputed(&stage), "round {round}");
    }
    run_until_disputed(&mut stage);
    assert!(stage.world.ground.time() <= params.t_exp);
    stage.finish();
    assert_eq!(stage.world.gain(2), (ETH / 2) as i128);
}

/// The other end opens the dispute with an old version just before tExp; the honest end answers; then the chain forgets the
/// opening. What the honest end sent must open a dispute of its own, or the channel would be worth its initial split.
#[test]
fn s63_the_opening_by_the_other_end_vanishes_after_the_answer() {
    for lead in [19, 12, 6, 3] {
        let mut stage = Stage::new(461, 2);
        let params = stage.open(ETH, ETH);
        let vc = stage.vc();
        let first = stage.world.nodes[2].participant.as_ref().and_then(|p| p.evidence(vc)).expect("evidence").state;
        stage.world.pay(0, vc, ETH / 2);
        let mut adversary = Adversary::new(&[0, 1]);
        adversary.strike(&mut stage.world);
        stage.world.run_to(params.t_exp - lead);
        let old = adversary.register_virtual(&stage.world, &params, first.ver, first.def_a).expect("signed");
        let _ = stage.world.call_as(0, &old);
        stage.world.run_for(1_000);
        stage.world.reorg(1);
        stage.world.run_for(500);
        stage.finish();
        assert_eq!(stage.world.gain(2), (ETH / 2) as i128, "lead {lead}");
    }
}

/// The same in a ledger channel: the dispute vanishes after it was answered, comes back, and is answered again.
#[test]
fn s38_a_dispute_of_a_link_that_vanishes_and_comes_back() {
    let mut stage = Stage::new(462, 1);
    let ch = stage.links[0];
    stage.world.pay(0, ch, ETH);
    let old = stage.link_body(0, 0, Vec::new());
    stage.world.pay(0, ch, ETH);
    let mut adversary = Adversary::new(&[0]);
    adversary.strike(&mut stage.world);
    let call = adversary.register(&stage.world, &stage.channels[0], &old);
    for _ in 0..3 {
        stage.world.call_as(0, &call).expect("registers");
        stage.world.run_for(1_100);
        assert!(stage.world.slot(&stage.channels[0]).dispute.is_some());
        stage.world.reorg(1);
        stage.world.run_for(3_000);
    }
    stage.world.call_as(0, &call).expect("registers");
    stage.finish();
    assert_eq!(stage.world.gain(1), 2 * ETH as i128);
}

/// The peer registers an old State, the honest party shows its newest one, and a reorganisation takes both away. Gives what was shown.
fn shown_in_a_dispute_that_vanished(stage: &mut Stage, adversary: &mut Adversary) -> Body {
    let (ch, params) = (stage.links[0], stage.channels[0]);
    stage.world.run_for(8_000);
    stage.world.ground.depth = 6;
    stage.world.pay(0, ch, ETH);
    let old = stage.link_body(0, 0, Vec::new());
    stage.world.pay(0, ch, ETH);
    let shown = stage.link_body(0, 0, Vec::new());
    adversary.strike(&mut stage.world);
    let call = adversary.register(&stage.world, &params, &old);
    let before = stage.world.ground.chain.height();
    stage.world.call_as(0, &call).expect("registers");
    let answered = |w: &World| w.slot(&params).dispute.is_some_and(|d| d.ver == shown.ver);
    assert!(stage.world.run_until(20_000, answered), "it is refuted");
    stage.world.run_for(1_000);
    stage.world.reorg(stage.world.ground.chain.height() - before);
    assert!(stage.world.slot(&params).dispute.is_none());
    stage.world.run_for(500);
    shown
}

/// The peer pays, and registers what was shown in the dispute that vanished: it does not stand for what came after it.
#[test]
fn s38_i8_a_payment_after_a_dispute_that_vanished_is_shown_in_the_next_one() {
    let mut stage = Stage::new(465, 1);
    let mut adversary = Adversary::new(&[0]);
    let shown = shown_in_a_dispute_that_vanished(&mut stage, &mut adversary);
    let params = stage.channels[0];
    let paid = shown.with(shown.ver + 2, &Change::Split(shown.def_a - ETH)).expect("a split");
    let item = adversary.item(&stage.world, 0, &paid, shown.ver, false);
    stage.world.inject(0, 1, item);
    stage.world.run_for(500);
    let call = adversary.register(&stage.world, &params, &shown);
    stage.world.call_as(0, &call).expect("registers");
    stage.finish();
    assert_eq!(stage.world.gain(1), 3 * ETH as i128);
}

/// The honest party pays, the peer pays it back and registers what was shown in the dispute that vanished. It gives the honest party
/// as much as its newest State, but the payment between the two does not, and it would come at the last moment.
#[test]
fn s38_i8_what_stands_gives_as_much_but_what_was_signed_since_does_not() {
    let mut stage = Stage::new(466, 1);
    let mut adversary = Adversary::new(&[0]);
    let shown = shown_in_a_dispute_that_vanished(&mut stage, &mut adversary);
    let (ch, params) = (stage.links[0], stage.channels[0]);
    stage.world.stream(1, ch, ETH);
    stage.world.run_for(500);
    let mine = |(_, tap): &(u64, Tap)| match tap {
        Tap::Sent { from: 1, message: Message::Item { ver, def_a, .. } } => Some((*ver, *def_a)),
        _ => None,
    };
    let (ver, def_a) = stage.world.taps.iter().filter_map(mine).max().expect("it paid");
    let paid = shown.with(ver, &Change::Split(def_a)).expect("a split");
    let back = paid.with(ver + 1, &Change::Split(shown.def_a)).expect("a split");
    let item = adversary.item(&stage.world, 0, &back, ver, false);
    stage.world.inject(0, 1, item);
    stage.world.run_for(500);
    assert_eq!(stage.link_body(1, 0, Vec::new()), back, "it is accepted");
    let call = adversary.register(&stage.world, &params, &shown);
    stage.world.call_as(0, &call).expect("registers");
    stage.world.run_for(1_500);
    let end = stage.world.slot(&params).dispute.expect("a dispute").refute_end;
    stage.world.run_to(end - 1);
    let _ = stage.world.call_as(0, &adversary.refute(&stage.world, &params, &paid));
    stage.finish();
    assert_eq!(stage.world.gain(1), 2 * ETH as i128);
}

/// Forced closing whose registration, refutation and conclusion each vanish once.
#[test]
fn s38_each_step_of_a_forced_close_vanishes_once() {
    let mut stage = Stage::new(463, 1);
    let ch = stage.links[0];
    stage.world.pay(0, ch, ETH);
    stage.world.corrupt(0);
    stage.world.command(1, Command::CloseChannel { ch, force: true });
    let params = stage.channels[0];
    assert!(stage.world.run_until(20_000, |w| w.slot(&params).dispute.is_some()));
    stage.world.reorg(1);
    assert!(stage.world.run_until(20_000, |w| w.slot(&params).dispute.is_some()), "registered again");
    assert!(stage.world.run_until(200_000, |w| w.slot(&params).nonce == 1), "concluded");
    stage.world.reorg(1);
    assert!(stage.world.run_until(20_000, |w| w.slot(&params).nonce == 1), "concluded again");
    stage.finish();
    assert_eq!(stage.world.gain(1), ETH as i128);
}

/// A certificate posted by the hub vanishes: the duty lasts until a conclusion is final.
#[test]
fn s63_the_duty_of_a_hub_outlives_a_reorganisation() {
    let mut stage = Stage::new(464, 2);
    let params = stage.open(ETH, ETH);
    let left = stage.link_body(0, 0, vec![stage.lock(0)]);
    let mut adversary = Adversary::new(&[0, 2]);
    adversary.strike(&mut stage.world);
    let message = adversary.final_message(&stage.world, &params, 2 * ETH);
    stage.world.inject(0, 1, message);
    stage.world.run_for(1_000);
    let (ver, split) = stage.removal_heard(&adversary, 0).expect("the hub offers the removal");
    let accept = adversary.accept(&stage.world, 0, &stage.removed(&left, ver, split));
    stage.world.inject(0, 1, accept);
    let concluded = |w: &World| matches!(w.record(&params), RecordView::Concluded { .. });
    for _ in 0..2 {
        assert!(stage.world.run_until(300_000, concluded), "the hub posts it");
        stage.world.reorg(1);
    }
    let late = adversary.register_virtual(&stage.world, &params, 9, 0).expect("signed");
    let _ = stage.world.call_as(0, &late);
    stage.finish();
}
