//! Ledger channels: S1, S2, S4, S5, S40, S67, S71.

use alloy_primitives::B256;
use perunika_core::body::Body;
use perunika_core::io::Command;
use perunika_core::message::{LinkOp, Message};
use perunika_core::sig::Signature;
use perunika_sim::{Adversary, ETH, Stage, Tap, signatures};

/// One link in which both sides have paid `latest` times; every version that existed.
fn history(seed: u64, latest: usize) -> (Stage, Vec<Body>) {
    let mut stage = Stage::new(seed, 1);
    let mut bodies = vec![stage.link_body(0, 0, Vec::new())];
    for i in 0..latest {
        stage.world.pay(i % 2, stage.links[0], ETH * (1 + i as u128));
        bodies.push(stage.link_body(0, 0, Vec::new()));
    }
    (stage, bodies)
}

fn sent(stage: &Stage, node: usize, name: &str) -> usize {
    let owner = stage.world.nodes[node].owner;
    stage.world.ground.receipts.iter().filter(|r| r.from == owner && r.name == name && r.result.is_ok()).count()
}

#[test]
fn s1_s23_every_old_version_is_refuted_once_and_the_latest_is_paid() {
    for latest in 1..=6 {
        for old in 0..latest {
            for corrupt in [0, 1] {
                let (mut stage, bodies) = history(400, latest);
                let mut adversary = Adversary::new(&[corrupt]);
                adversary.strike(&mut stage.world);
                let mut call = adversary.register(&stage.world, &stage.channels[0], &bodies[old]);
                if old == 0 {
                    call = constant(call);
                }
                stage.world.call_as(corrupt, &call).expect("an old version may be registered");
                stage.world.run_for(10_000);
                stage.finish();
                let honest = 1 - corrupt;
                let share = bodies[latest].def_a as i128 - 10 * ETH as i128;
                let expected = if honest == 0 { share } else { -share };
                assert_eq!(stage.world.gain(honest), expected, "old {old}, latest {latest}, by {corrupt}");
                assert_eq!(sent(&stage, honest, "refute"), 1, "one refutation is enough (I10)");
            }
        }
    }
}

fn constant(call: perunika_core::chain::Call) -> perunika_core::chain::Call {
    use perunika_core::chain::Call;
    let Call::Register { params, mut state, .. } = call else { unreachable!() };
    [state.dep_a, state.dep_b, state.total, state.def_a] = [0; 4];
    Call::Register { params, state, roots: Default::default(), sigs: [None, None] }
}

/// A refuter whose transactions take all the time that the refutation period leaves.
#[test]
fn s1_s37_a_refuter_delayed_to_the_safety_margin_is_in_time() {
    let (mut stage, bodies) = history(401, 4);
    let mut adversary = Adversary::new(&[0]);
    stage.world.nodes[1].chain_delay_ms = 110_000 - 2_000;
    adversary.strike(&mut stage.world);
    let call = adversary.register(&stage.world, &stage.channels[0], &bodies[1]);
    stage.world.call_as(0, &call).expect("registers");
    stage.finish();
    let share = bodies[4].def_a as i128 - 10 * ETH as i128;
    assert_eq!(stage.world.gain(1), -share);
}

/// Versions that were never signed, or by one party only.
#[test]
fn s2_forged_versions_are_refused() {
    let (mut stage, bodies) = history(402, 3);
    let mut adversary = Adversary::new(&[0]);
    adversary.strike(&mut stage.world);
    for ver in [1, 2, 3, 9, 1 << 20] {
        for def_a in [0, ETH, 20 * ETH] {
            let body = Body { ver, def_a, ..bodies[3].clone() };
            let call = adversary.register(&stage.world, &stage.channels[0], &body);
            assert!(stage.world.call_as(0, &call).is_err(), "version {ver}, {def_a} to A");
        }
    }
    stage.finish();
}

#[test]
fn s67_a_peer_that_fell_silent_before_any_state_costs_nothing() {
    for honest in [0, 1] {
        let mut stage = Stage::new(403, 1);
        stage.world.corrupt(1 - honest);
        let ch = stage.links[0];
        stage.world.command(honest, Command::CloseChannel { ch, force: true });
        stage.finish();
        assert_eq!(stage.world.gain(honest), 0, "its deposit is back");
    }
}

/// A silent peer with States and an unanswered stream in both directions of the log.
#[test]
fn a_silent_peer_is_left_by_force_with_the_newest_accepted_share() {
    let (mut stage, bodies) = history(404, 3);
    for _ in 0..5 {
        stage.world.stream(0, stage.links[0], ETH / 10);
    }
    stage.world.run_for(1_000);
    stage.world.corrupt(0);
    let ch = stage.links[0];
    stage.world.command(1, Command::CloseChannel { ch, force: true });
    stage.finish();
    let share = bodies[3].def_a as i128 - 10 * ETH as i128;
    assert_eq!(stage.world.gain(1), -share + (ETH / 2) as i128, "the stream was received and counts");
}

/// Each of register, refute, conclude at deadline −1, 0, +1: exactly one of refute and conclude works (S5).
#[test]
fn s5_refute_and_conclude_at_the_deadline() {
    for (offset, refutes) in [(-1i64, true), (0, true), (1, false), (2, false)] {
        let (mut stage, bodies) = history(405, 4);
        let mut adversary = Adversary::new(&[0, 1]);
        adversary.strike(&mut stage.world);
        let params = stage.channels[0];
        let old = adversary.register(&stage.world, &params, &bodies[1]);
        stage.world.call_as(0, &old).expect("registers");
        stage.world.run_for(1_500);
        let refute_end = stage.world.slot(&params).dispute.expect("a dispute").refute_end;
        // The call runs in the next block.
        stage.world.run_to(refute_end.checked_add_signed(offset - 1).expect("a time"));
        let refute = adversary.refute(&stage.world, &params, &bodies[4]);
        let conclude = adversary.conclude(&stage.world, &params).expect("the pre-image");
        let results = (stage.world.call_as(1, &refute).is_ok(), stage.world.call_as(1, &conclude).is_ok());
        assert_eq!(results, (refutes, !refutes), "at {offset} of the deadline");
    }
}

/// From the first sight of a dispute on, nothing is signed for that channel, whatever the peer sends.
#[test]
fn s40_nothing_is_signed_while_a_dispute_is_visible() {
    let (mut stage, bodies) = history(406, 2);
    let ch = stage.links[0];
    stage.world.stream(0, ch, ETH / 10);
    stage.world.run_for(500);
    let streamed = stage.link_body(1, 0, Vec::new());
    let mut adversary = Adversary::new(&[0]);
    adversary.strike(&mut stage.world);
    let old = adversary.register(&stage.world, &stage.channels[0], &bodies[1]);
    stage.world.call_as(0, &old).expect("registers");
    stage.world.run_for(1_500);
    let quiet_from = stage.world.taps.len();
    let next = Body { ver: streamed.ver + 2, def_a: streamed.def_a - ETH, ..streamed.clone() };
    let messages = [
        adversary.item(&stage.world, 0, &streamed, bodies[2].ver, true),
        adversary.item(&stage.world, 0, &next, streamed.ver, true),
        Message::CloseAsk { ch },
        propose(&stage, &adversary, &streamed),
    ];
    for message in messages {
        stage.world.inject(0, 1, message);
        stage.world.run_for(200);
    }
    let new_signature = stage.world.taps[quiet_from..].iter().any(|(_, tap)| match tap {
        Tap::Sent { from: 1, message } => signatures(message).iter().any(|sig| {
            [&streamed, &next].iter().any(|b| sig.verifies(b.digest(&stage.world.ground.domain), stage.world.key(1)))
        }),
        _ => false,
    });
    assert!(!new_signature, "a signature left during the dispute");
    stage.finish();
    let share = streamed.def_a as i128 - 10 * ETH as i128;
    assert_eq!(stage.world.gain(1), -share);
}

fn propose(stage: &Stage, adversary: &Adversary, base: &Body) -> Message {
    let next = Body { ver: base.ver + 4, ..base.clone() };
    let Message::Item { ch, ver, sig, .. } = adversary.item(&stage.world, 0, &next, base.ver, true) else {
        unreachable!()
    };
    Message::Propose { ch, ver, base: base.hash(), ops: Vec::new(), sig }
}

/// A pre-signature that runs into an item is answered by the item under a higher version, but not in a dispute: that would be a
/// new signature (S40).
#[test]
fn s40_no_item_is_made_again_during_a_dispute() {
    let (mut stage, bodies) = history(407, 2);
    let ch = stage.links[0];
    let adversary = Adversary::new(&[0]);
    let old = adversary.register(&stage.world, &stage.channels[0], &bodies[1]);
    stage.world.corrupt(0);
    stage.world.stream(1, ch, ETH / 10);
    stage.world.run_for(200);
    let paid = newest_item(&stage, 1);
    run_into(&mut stage, ch, paid);
    let again = newest_item(&stage, 1);
    assert!(again > paid, "it is made again while all is well");
    stage.world.call_as(0, &old).expect("registers");
    stage.world.run_for(1_500);
    run_into(&mut stage, ch, again);
    assert_eq!(newest_item(&stage, 1), again, "an item was signed during the dispute");
    stage.finish();
}

fn run_into(stage: &mut Stage, ch: B256, ver: u64) {
    let op = LinkOp::Add { vc: B256::repeat_byte(7) };
    stage.world.inject(0, 1, Message::Presign { ch, ver, op, sig: Signature([3; 64]) });
    stage.world.run_for(200);
}

/// Highest version of the items that a node sent.
fn newest_item(stage: &Stage, node: usize) -> u64 {
    let items = stage.world.taps.iter().filter_map(|(_, tap)| match tap {
        Tap::Sent { from, message: Message::Item { ver, .. } } if *from == node => Some(*ver),
        _ => None,
    });
    items.max().expect("an item was sent")
}

/// A Close that both signed ends a dispute; the old record and the old States mean nothing to the next life (S62, S71).
#[test]
fn s71_s62_close_during_a_dispute_then_a_new_life() {
    let (mut stage, bodies) = history(407, 3);
    let (params, ch) = (stage.channels[0], stage.links[0]);
    let adversary = Adversary::new(&[1]);
    let old = adversary.register(&stage.world, &params, &bodies[1]);
    stage.world.nodes[0].chain_delay_ms = 5_000;
    stage.world.command(0, Command::CloseChannel { ch, force: false });
    stage.world.run_for(200);
    let close = adversary.heard(&stage.world).find_map(|m| match m {
        Message::CloseSig { close, .. } => Some(*close),
        _ => None,
    });
    let close = adversary.close(&stage.world, &params, close.expect("Alice signed it"));
    stage.world.call_as(1, &old).expect("registers");
    stage.world.run_for(1_100);
    let mix = adversary.conclude(&stage.world, &params);
    stage.world.call_as(1, &close).expect("a Close ends a dispute");
    stage.world.run_for(10_000);
    assert_eq!(stage.world.slot(&params).nonce, 1, "the life is over");
    stage.world.nodes[0].chain_delay_ms = 0;
    let second = stage.world.open_channel(0, 1, 2 * ETH, 3 * ETH);
    assert_ne!(second, ch);
    for call in [Some(old), Some(close), mix, Some(adversary.refute(&stage.world, &params, &bodies[3]))] {
        assert!(call.is_none_or(|c| stage.world.call_as(1, &c).is_err()), "nothing of the old life works");
    }
    stage.world.pay(0, second, ETH);
    stage.world.close_channel(0, second);
    stage.finish();
    let share = bodies[3].def_a as i128 - 10 * ETH as i128;
    assert_eq!(stage.world.gain(0), share - ETH as i128);
}
