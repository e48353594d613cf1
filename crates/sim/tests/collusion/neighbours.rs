//! Paths of three links: everybody but one hub is corrupt, its two neighbours foremost. And a corrupt hub against an end.

use perunika_core::chain::RecordView;
use perunika_core::io::Command;
use perunika_core::message::Message;
use perunika_sim::{Adversary, ETH, Stage};

/// The neighbour on one side lets go of the lock at the certificate; the other side keeps it, with or without a record that
/// says the opposite.
fn one_sided(seed: u64, hub: usize, link: usize, out_a: u128, record: bool) {
    let mut stage = Stage::new(seed, 3);
    let params = stage.open(ETH, ETH);
    let base = stage.link_body(hub, link, vec![stage.lock(link)]);
    let corrupt: Vec<usize> = (0..=3).filter(|n| *n != hub).collect();
    let mut adversary = Adversary::new(&corrupt);
    adversary.strike(&mut stage.world);
    let neighbour = if link == hub { hub + 1 } else { hub - 1 };
    let message = adversary.final_message(&stage.world, &params, out_a);
    stage.world.inject(neighbour, hub, message);
    stage.world.run_for(1_000);
    assert!(adversary.finalise(&stage.world, &params, out_a).is_some(), "the certificate is complete");
    let (ver, split) = stage.removal_heard(&adversary, link).expect("the hub offers the removal");
    let accept = adversary.accept(&stage.world, neighbour, &stage.removed(&base, ver, split));
    stage.world.inject(neighbour, hub, accept);
    stage.world.run_for(500);
    assert_eq!(stage.world.ledger_of(hub, stage.links[link]).expect("the link").locks, 0);
    if record {
        let call = adversary.register_virtual(&stage.world, &params, 7, 2 * ETH - out_a).expect("signed");
        stage.world.call_as(if hub == 0 { 3 } else { 0 }, &call).expect("registers");
    }
    stage.finish();
}

#[test]
fn s34_i7_a_hub_between_corrupt_neighbours_keeps_its_duty() {
    for hub in [1, 2] {
        for link in [hub - 1, hub] {
            for out_a in [0, 2 * ETH] {
                for record in [false, true] {
                    println!("hub {hub}, link {link}, out {out_a}, record {record}");
                    one_sided(900, hub, link, out_a, record);
                }
            }
        }
    }
}

/// Without every signature on one Final no hub removes anything, whatever split is offered.
#[test]
fn s34_no_removal_without_a_certificate_or_at_another_split() {
    for with_certificate in [false, true] {
        let mut stage = Stage::new(901, 2);
        let params = stage.open(ETH, ETH);
        let vc = stage.vc();
        let base = stage.link_body(1, 0, vec![stage.lock(0)]);
        let mut adversary = Adversary::new(&[0, 2]);
        adversary.strike(&mut stage.world);
        if with_certificate {
            let message = adversary.final_message(&stage.world, &params, ETH);
            stage.world.inject(0, 1, message);
            stage.world.run_for(200);
        }
        use perunika_core::message::{LinkOp, Removal};
        use perunika_core::sig::RawKey;
        for how in [Removal::Initial, Removal::Outcome(0), Removal::Outcome(2 * ETH), Removal::Outcome(u128::MAX)] {
            let out = match how {
                Removal::Initial => ETH + params.fees[0],
                Removal::Outcome(out) => out.min(2 * ETH + params.fees[0]),
            };
            for ver in [base.ver + 2, base.ver + 4, base.ver + 3] {
                let next = stage.removed(&base, ver, out);
                let sig = stage.world.raw_key(0).sign(next.digest(&stage.world.ground.domain));
                let op = LinkOp::Remove { vc, how };
                stage.world.inject(0, 1, Message::Presign { ch: stage.links[0], ver, op, sig });
                let ops = vec![op];
                stage.world.inject(0, 1, Message::Propose { ch: stage.links[0], ver, base: base.hash(), ops, sig });
                stage.world.run_for(100);
                let signed = adversary.sign(&stage.world, next.digest(&stage.world.ground.domain), stage.world.key(1));
                assert!(signed.is_none(), "the hub signed {how:?} with a certificate: {with_certificate}");
            }
        }
        stage.finish();
    }
}

/// The hub alone is corrupt. The ends have closed; Bob waits for the removal. The hub takes the link to the chain with the lock
/// and signs the removal when nobody can refute any more. Bob must get what the certificate says.
#[test]
fn s74_i8_an_end_whose_hub_signs_the_removal_too_late() {
    let mut stage = Stage::new(902, 2);
    let params = stage.open(ETH, ETH);
    let vc = stage.vc();
    stage.world.pay(0, vc, ETH / 2);
    let base = stage.link_body(2, 1, vec![stage.lock(1)]);
    let (hub, link) = (stage.world.key(1), stage.links[1]);
    stage.world.filter = Some(Box::new(move |_, from, _, m| {
        from != hub
            || !matches!(m, Message::Presign { ch, .. } | Message::Propose { ch, .. } | Message::Accept { ch, .. } if *ch == link)
    }));
    stage.world.command(0, Command::CloseVirtual { vc });
    stage.world.run_for(3_000);
    let mut adversary = Adversary::new(&[1]);
    adversary.strike(&mut stage.world);
    stage.world.filter = None;
    assert!(adversary.finalise(&stage.world, &params, ETH / 2).is_some(), "the certificate is complete");
    let register = adversary.register(&stage.world, &stage.channels[1], &base);
    stage.world.call_as(1, &register).expect("the newest State may be registered");
    stage.world.run_for(2_000);
    let refute_end = stage.world.slot(&stage.channels[1]).dispute.expect("a dispute").refute_end;
    stage.world.run_to(refute_end + 1);
    let (ver, split) = stage.removal_heard(&adversary, 1).expect("Bob offered the removal");
    let accept = adversary.accept(&stage.world, 1, &stage.removed(&base, ver, split));
    stage.world.inject(1, 2, accept);
    stage.world.run_for(300);
    let conclude = adversary.conclude(&stage.world, &stage.channels[1]).expect("the pre-image");
    let _ = stage.world.call_as(1, &conclude);
    stage.finish();
    assert_eq!(stage.world.record(&params), RecordView::Concluded { out_a: ETH / 2 });
    assert_eq!(stage.world.gain(2), (ETH / 2) as i128);
}

/// The certificate stays incomplete because the other hub is corrupt, so the locks stay firm: still one Final only (I6), also
/// after a restart.
#[test]
fn s3_s34_a_hub_signs_one_final_while_the_certificate_is_incomplete() {
    let mut stage = Stage::new(903, 3);
    let params = stage.open(ETH, ETH);
    let mut adversary = Adversary::new(&[0, 2, 3]);
    adversary.strike(&mut stage.world);
    for (round, out_a) in [ETH / 3, 0, 2 * ETH, ETH].into_iter().enumerate() {
        if round == 2 {
            stage.world.stop(1);
            stage.world.restart(1);
            for peer in [0, 2, 3] {
                stage.world.reconnect(1, peer);
            }
        }
        let Message::FinalSigs { vc, out_a, mut sigs } = adversary.final_message(&stage.world, &params, out_a) else {
            unreachable!()
        };
        sigs.retain(|(i, _)| [0, 3].contains(i));
        stage.world.inject(0, 1, Message::FinalSigs { vc, out_a, sigs });
        stage.world.run_for(300);
    }
    let signed = |out_a: &u128| adversary.sign_final(&stage.world, &params, *out_a).iter().any(|(i, _)| *i == 1);
    let finals: Vec<u128> = [ETH / 3, 0, 2 * ETH, ETH].into_iter().filter(signed).collect();
    assert_eq!(finals, [ETH / 3]);
    stage.finish();
}
