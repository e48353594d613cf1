//! Certificates shown to one link only, and the duty of the hub behind them.

use perunika_core::message::Message;
use perunika_sim::{Adversary, ETH, Stage};

/// Two corrupt ends with a used virtual channel (a = b = 1 ETH) over an honest hub.
fn stage(seed: u64) -> (Stage, Adversary) {
    let mut stage = Stage::new(seed, 2);
    stage.open(ETH, ETH);
    (stage, Adversary::new(&[0, 2]))
}

/// The ends let the hub sign Final at `out_a`; the left link lets go of its lock, the right one does not.
fn release_left(stage: &mut Stage, adversary: &mut Adversary, out_a: u128) {
    let params = stage.virtual_params();
    let left = stage.link_body(0, 0, vec![stage.lock(0)]);
    adversary.strike(&mut stage.world);
    let message = adversary.final_message(&stage.world, &params, out_a);
    stage.world.inject(0, 1, message);
    stage.world.run_for(2_000);
    assert!(adversary.finalise(&stage.world, &params, out_a).is_some(), "the certificate is complete");
    let (ver, split) = stage.removal_heard(adversary, 0).expect("the hub offers the removal");
    let accept = adversary.accept(&stage.world, 0, &stage.removed(&left, ver, split));
    stage.world.inject(0, 1, accept);
    stage.world.run_for(1_000);
    assert_eq!(stage.world.ledger_of(1, stage.links[0]).expect("the link").locks, 0);
}

#[test]
fn s34_certificate_on_one_link_and_an_opposite_record_on_the_other() {
    let (mut stage, mut adversary) = stage(101);
    let params = stage.virtual_params();
    release_left(&mut stage, &mut adversary, 2 * ETH);
    let call = adversary.register_virtual(&stage.world, &params, 77, 0).expect("all signatures");
    stage.world.call_as(0, &call).expect("the ends may register what they like");
    stage.finish();
}

#[test]
fn s34_certificate_on_one_link_and_silence_on_the_other() {
    let (mut stage, mut adversary) = stage(102);
    release_left(&mut stage, &mut adversary, 2 * ETH);
    stage.finish();
}

/// The ends never show the hub their secrets. It has released its own, so it must defend itself all the same.
#[test]
fn s34_a_hub_that_never_saw_the_other_secrets_keeps_its_duty() {
    for record in [true, false] {
        let mut stage = Stage::new(103, 2);
        let hub = stage.world.key(1);
        stage.world.filter = Some(Box::new(move |_, _, to, message| {
            to != hub || !matches!(message, Message::Activate { .. } | Message::Receipt { .. })
        }));
        let params = stage.open(ETH, ETH);
        stage.world.filter = None;
        let mut adversary = Adversary::new(&[0, 2]);
        release_left(&mut stage, &mut adversary, 2 * ETH);
        if record {
            let call = adversary.register_virtual(&stage.world, &params, 77, 0).expect("all signatures");
            stage.world.call_as(0, &call).expect("the ends may register what they like");
        }
        stage.finish();
    }
}

/// Two corrupt ends show a hub two Finals: it signs one, and only over both ends' signatures (S73).
#[test]
fn s3_k1_the_hub_signs_one_final_and_only_over_both_signatures() {
    let (mut stage, mut adversary) = stage(105);
    let params = stage.virtual_params();
    adversary.strike(&mut stage.world);
    let Message::FinalSigs { vc, out_a, mut sigs } = adversary.final_message(&stage.world, &params, ETH / 2) else {
        unreachable!()
    };
    sigs.truncate(1);
    stage.world.inject(0, 1, Message::FinalSigs { vc, out_a, sigs });
    stage.world.run_for(1_000);
    assert_eq!(adversary.sign_final(&stage.world, &params, ETH / 2).len(), 2, "half a Final moves no hub (S73)");
    for out_a in [0, 2 * ETH, ETH, 2 * ETH + 1] {
        let message = adversary.final_message(&stage.world, &params, out_a);
        stage.world.inject(2, 1, message.clone());
        stage.world.inject(0, 1, message);
        stage.world.run_for(200);
    }
    let complete = |out_a: &u128| adversary.finalise(&stage.world, &params, *out_a).is_some();
    let outs: Vec<u128> = [0, ETH, 2 * ETH, 2 * ETH + 1].into_iter().filter(complete).collect();
    assert_eq!(outs, [0], "the first one");
    let register = adversary.register_virtual(&stage.world, &params, 9, 2 * ETH).expect("all signatures");
    stage.world.call_as(0, &register).expect("registers");
    stage.finish();
}

/// The link goes to the chain with the lock, and only when nobody can refute any more the left end signs the removal. What the
/// chain concludes counts, not what was signed last.
#[test]
fn s34_s74_removal_signed_after_the_refutation_of_the_link() {
    let (mut stage, mut adversary) = stage(104);
    let params = stage.virtual_params();
    let left = stage.link_body(0, 0, vec![stage.lock(0)]);
    adversary.strike(&mut stage.world);
    let message = adversary.final_message(&stage.world, &params, 0);
    stage.world.inject(0, 1, message);
    stage.world.run_for(500);
    let register = adversary.register(&stage.world, &stage.channels[0], &left);
    stage.world.call_as(0, &register).expect("the newest State may be registered");
    stage.world.run_for(2_000);
    let refute_end = stage.world.slot(&stage.channels[0]).dispute.expect("a dispute").refute_end;
    stage.world.run_to(refute_end + 1);
    let (ver, split) = stage.removal_heard(&adversary, 0).expect("the hub offered the removal");
    let accept = adversary.accept(&stage.world, 0, &stage.removed(&left, ver, split));
    stage.world.inject(0, 1, accept);
    assert!(stage.removal_heard(&adversary, 1).is_some(), "the hub offered it on the right link too");
    stage.world.run_for(500);
    let conclude = adversary.conclude(&stage.world, &stage.channels[0]).expect("the pre-image");
    stage.world.call_as(0, &conclude).expect("it is over");
    stage.finish();
}
