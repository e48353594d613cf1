//! Virtual channels: S1, S5, S23, and ends that defend themselves alone.

use perunika_core::chain::{Call, RecordView};
use perunika_core::params::VirtualParams;
use perunika_sim::{Adversary, ETH, Stage};

/// A virtual channel in which A has paid `latest` times; version and split of each.
fn history(seed: u64, latest: usize) -> (Stage, VirtualParams, Vec<(u64, u128)>) {
    let mut stage = Stage::new(seed, 2);
    let params = stage.open(ETH, ETH);
    let vc = stage.vc();
    let newest = |stage: &Stage| {
        let e = stage.world.nodes[0].participant.as_ref().and_then(|p| p.evidence(vc)).expect("evidence");
        (e.state.ver, e.state.def_a)
    };
    let mut versions = vec![newest(&stage)];
    for _ in 0..latest {
        stage.world.pay(0, vc, ETH / 10);
        versions.push(newest(&stage));
    }
    (stage, params, versions)
}

fn outcome(stage: &Stage) -> RecordView {
    stage.world.record(&stage.virtual_params())
}

#[test]
fn s1_old_versions_registered_before_the_end_of_the_term_are_refuted() {
    for latest in 1..=4 {
        for old in 0..latest {
            for lead in [60, 21, 1] {
                let (mut stage, params, versions) = history(440, latest);
                let mut adversary = Adversary::new(&[0]);
                adversary.strike(&mut stage.world);
                stage.world.run_to(params.t_exp - lead - 1);
                let (ver, def_a) = versions[old];
                let call = adversary.register_virtual(&stage.world, &params, ver, def_a).expect("signed");
                let taken = stage.world.call_as(0, &call);
                assert!(taken.is_ok() || lead == 1, "{taken:?}");
                stage.finish();
                assert_eq!(outcome(&stage), RecordView::Concluded { out_a: versions[latest].1 });
                let gain = ETH / 10 * latest as u128;
                assert_eq!(stage.world.gain(2), gain as i128, "old {old}, latest {latest}, lead {lead}");
                assert!(stage.world.gain(1) > 0, "the hub has its fee");
            }
        }
    }
}

/// The other end and the hub are gone: the end registers by tExp − m_safe and gets its share from the escrow (I8, I9).
#[test]
fn i8_an_end_alone_registers_in_time_and_is_paid() {
    let (mut stage, params, versions) = history(441, 3);
    let mut adversary = Adversary::new(&[0, 1]);
    adversary.strike(&mut stage.world);
    let margin = stage.world.nodes[2].participant.as_ref().map(|_| 10).expect("it runs");
    let registered = |w: &perunika_sim::World| matches!(w.record(&params), RecordView::Disputed(_));
    assert!(stage.world.run_until(300_000, registered));
    assert!(stage.world.ground.time() <= params.t_exp - margin, "{} of {}", stage.world.ground.time(), params.t_exp);
    stage.finish();
    assert_eq!(outcome(&stage), RecordView::Concluded { out_a: versions[3].1 });
    assert_eq!(stage.world.gain(2), (3 * ETH / 10) as i128);
}

/// Nobody registers: an end that owns less than it put in lets the term pass, and gets more than its share.
#[test]
fn never_registered_pays_the_initial_split() {
    let (mut stage, _, _) = history(442, 3);
    let mut adversary = Adversary::new(&[1, 2]);
    adversary.strike(&mut stage.world);
    stage.finish();
    assert_eq!(outcome(&stage), RecordView::None);
    assert_eq!(stage.world.gain(0), 0, "the initial split, and no fee without an outcome (S35)");
}

/// A delayed refuter of a virtual channel.
#[test]
fn s1_s37_a_delayed_refuter_is_in_time() {
    let (mut stage, params, versions) = history(443, 3);
    let mut adversary = Adversary::new(&[0]);
    stage.world.nodes[2].chain_delay_ms = 108_000;
    adversary.strike(&mut stage.world);
    let call = adversary.register_virtual(&stage.world, &params, versions[0].0, versions[0].1).expect("signed");
    stage.world.call_as(0, &call).expect("registers");
    stage.finish();
    assert_eq!(outcome(&stage), RecordView::Concluded { out_a: versions[3].1 });
}

fn corrupt_ends(seed: u64) -> (Stage, Adversary, VirtualParams) {
    let mut stage = Stage::new(seed, 2);
    let params = stage.open(ETH, ETH);
    let mut adversary = Adversary::new(&[0, 1, 2]);
    adversary.strike(&mut stage.world);
    (stage, adversary, params)
}

/// In the block at `time`: what each call would do there.
fn at(stage: &mut Stage, time: u64, calls: &[Call]) -> Vec<bool> {
    stage.world.run_to(time - 1);
    calls.iter().map(|call| stage.world.call_as(0, call).is_ok()).collect()
}

#[test]
fn s5_register_and_finalise_at_the_end_of_the_term() {
    for (offset, works) in [(-1i64, true), (0, true), (1, false)] {
        for certificate in [true, false] {
            let (mut stage, adversary, params) = corrupt_ends(444);
            let call = if certificate {
                adversary.finalise(&stage.world, &params, 0)
            } else {
                adversary.register_virtual(&stage.world, &params, 5, 0)
            };
            let time = params.t_exp.checked_add_signed(offset).expect("a time");
            let result = at(&mut stage, time, &[call.expect("signed")]);
            assert_eq!(result, [works], "at {offset} of tExp, certificate {certificate}");
        }
    }
}

#[test]
fn s5_refute_finalise_and_conclude_at_the_end_of_a_dispute() {
    for (offset, open) in [(-1i64, true), (0, true), (1, false), (2, false)] {
        let (mut stage, adversary, params) = corrupt_ends(445);
        let register = adversary.register_virtual(&stage.world, &params, 5, 0).expect("signed");
        stage.world.call_as(0, &register).expect("registers");
        stage.world.run_for(1_500);
        let RecordView::Disputed(dispute) = outcome(&stage) else { panic!("a dispute") };
        let refute = adversary.refute_virtual(&stage.world, &params, 6, ETH).expect("signed");
        let finalise = adversary.finalise(&stage.world, &params, ETH).expect("signed");
        let conclude = adversary.conclude_virtual(&stage.world, &params).expect("the pre-image");
        let time = dispute.refute_end.checked_add_signed(offset).expect("a time");
        let results = at(&mut stage, time, &[refute, finalise, conclude]);
        assert_eq!(results, [open, open, !open], "at {offset} of R");
    }
}
