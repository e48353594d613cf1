//! The thefts of the paper, replayed against one record per virtual channel: K1–K5.

use perunika_core::body::Body;
use perunika_core::chain::{Call, RecordView};
use perunika_core::params::VirtualParams;
use perunika_core::signed::State;
use perunika_sim::{Adversary, ETH, Stage};

fn corrupt_ends(seed: u64) -> (Stage, Adversary, VirtualParams) {
    let mut stage = Stage::new(seed, 2);
    let params = stage.open(ETH, ETH);
    let mut adversary = Adversary::new(&[0, 2]);
    adversary.strike(&mut stage.world);
    (stage, adversary, params)
}

fn outcome(stage: &Stage) -> u128 {
    match stage.world.record(&stage.virtual_params()) {
        RecordView::Concluded { out_a } => out_a,
        other => panic!("not concluded: {other:?}"),
    }
}

/// Posts in order; `true`: must be taken.
fn post(stage: &mut Stage, calls: Vec<(Call, bool)>) {
    for (call, taken) in calls {
        let result = stage.world.call_as(0, &call);
        assert_eq!(result.is_ok(), taken, "{}: {result:?}", call.name());
        stage.world.run_for(1_500);
    }
}

#[test]
fn k1_s3_two_states_with_one_version_give_one_outcome() {
    for (first, second) in [(0, 2 * ETH), (2 * ETH, 0)] {
        let (mut stage, adversary, params) = corrupt_ends(201);
        let calls = vec![
            (adversary.register_virtual(&stage.world, &params, 7, first).expect("signed"), true),
            (adversary.register_virtual(&stage.world, &params, 7, second).expect("signed"), false),
            (adversary.refute_virtual(&stage.world, &params, 7, second).expect("signed"), false),
            (adversary.refute_virtual(&stage.world, &params, 6, second).expect("signed"), false),
        ];
        post(&mut stage, calls);
        stage.finish();
        assert_eq!(outcome(&stage), first);
        assert_eq!(stage.world.gain(0) + stage.world.gain(1) + stage.world.gain(2), 0, "nothing appears or vanishes");
    }
}

#[test]
fn k2_s4_a_party_overwrites_its_own_state_upwards_only() {
    let (mut stage, adversary, params) = corrupt_ends(202);
    let calls = vec![
        (adversary.register_virtual(&stage.world, &params, 3, 0).expect("signed"), true),
        (adversary.refute_virtual(&stage.world, &params, 9, 2 * ETH).expect("signed"), true),
        (adversary.refute_virtual(&stage.world, &params, 5, 0).expect("signed"), false),
        (adversary.register_virtual(&stage.world, &params, 3, 0).expect("signed"), false),
    ];
    post(&mut stage, calls);
    stage.finish();
    assert_eq!(outcome(&stage), 2 * ETH);
}

/// The newer state comes in the last second, and the hub forwards nothing: every link reads the same number.
#[test]
fn k3_the_newer_state_comes_last_and_the_hub_need_not_forward_it() {
    let (mut stage, adversary, params) = corrupt_ends(203);
    let old = adversary.register_virtual(&stage.world, &params, 3, 0).expect("signed");
    post(&mut stage, vec![(old, true)]);
    let RecordView::Disputed(dispute) = stage.world.record(&params) else { panic!("a dispute") };
    stage.world.run_to(dispute.refute_end - 1);
    let newer = adversary.refute_virtual(&stage.world, &params, 4, 2 * ETH).expect("signed");
    post(&mut stage, vec![(newer, true)]);
    stage.finish();
    assert_eq!(outcome(&stage), 2 * ETH);
}

/// Only Alice is corrupt: she registers what gives her everything and tries to conclude before Bob has answered.
#[test]
fn k4_s5_no_conclusion_before_the_refutation_period_is_over() {
    let mut stage = Stage::new(204, 2);
    let params = stage.open(ETH, ETH);
    let vc = stage.vc();
    for _ in 0..4 {
        stage.world.pay(0, vc, ETH / 10);
    }
    let before = stage.world.nodes[0].participant.as_ref().and_then(|p| p.evidence(vc)).expect("evidence");
    stage.world.pay(0, vc, ETH / 10);
    stage.world.nodes[2].chain_delay_ms = 100_000;
    let mut adversary = Adversary::new(&[0]);
    adversary.strike(&mut stage.world);
    let old = adversary.register_virtual(&stage.world, &params, before.state.ver, before.state.def_a);
    stage.world.call_as(0, &old.expect("Bob signed it")).expect("registers");
    stage.world.run_for(1_500);
    let RecordView::Disputed(dispute) = stage.world.record(&params) else { panic!("a dispute") };
    while stage.world.ground.time() < dispute.refute_end {
        let conclude = adversary.conclude_virtual(&stage.world, &params).expect("the pre-image");
        assert!(
            stage.world.call_as(0, &conclude).is_err(),
            "at {} of {}",
            stage.world.ground.time(),
            dispute.refute_end
        );
        stage.world.run_for(5_000.min((dispute.refute_end - stage.world.ground.time()).max(1) * 1_000));
    }
    stage.finish();
    assert_eq!(stage.world.gain(2), (ETH / 2) as i128);
    assert!(stage.world.gain(1) > 0, "the fee");
}

#[test]
fn k5_s2_version_0_is_a_constant_that_nobody_supplies() {
    let (mut stage, adversary, params) = corrupt_ends(205);
    for def_a in [0, 1, ETH, 2 * ETH] {
        let forged = adversary.register_virtual(&stage.world, &params, 0, def_a).expect("signed");
        assert!(stage.world.call_as(0, &forged).is_err(), "version 0 of V at {def_a}");
    }
    let genesis = Body::ledger_genesis(stage.links[0], 10 * ETH, 10 * ETH);
    for def_a in [0, 5 * ETH, 10 * ETH, 20 * ETH] {
        let body = Body { def_a, ..genesis.clone() };
        let call = adversary.register(&stage.world, &stage.channels[0], &body);
        assert!(stage.world.call_as(0, &call).is_err(), "version 0 of L at {def_a}");
    }
    let (params, entries) = (stage.channels[0], perunika_core::tree::empty_entries());
    let ch = stage.links[0];
    let state = State { ch, ver: 0, dep_a: 0, dep_b: 0, total: 0, def_a: 0, nanos: 0, locks: 0, entries };
    let constant = Call::Register { params, state, roots: Default::default(), sigs: [None, None] };
    stage.world.call_as(0, &constant).expect("the constant, as the first registration");
    stage.world.run_for(5_000);
    let refuted = stage.world.slot(&params).dispute.expect("a dispute");
    assert!(refuted.ver > 0, "any signed version refutes it: the hub did");
    stage.finish();
}
