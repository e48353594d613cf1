//! Creation that stops anywhere, and everything that was held back posted later: K6, S6, S7, S32, S33, S35.

use perunika_core::message::Message;
use perunika_core::params::VirtualParams;
use perunika_sim::{Adversary, ETH, Stage, Tap};
use std::cell::RefCell;
use std::rc::Rc;

type Held = Rc<RefCell<Vec<(usize, usize, Message)>>>;

/// Starts a creation in which the corrupt nodes fall silent after `allowed` messages; gives what they held back.
fn stopped(stage: &mut Stage, corrupt: &[usize], allowed: usize) -> Held {
    let held = Held::default();
    let (sink, mut sent) = (held.clone(), 0);
    let keys: Vec<_> = stage.world.nodes.iter().map(|n| n.key).collect();
    let index = move |key| keys.iter().position(|k| *k == key).expect("a node");
    let corrupt = corrupt.to_vec();
    stage.world.filter = Some(Box::new(move |_, from, to, message| {
        let (from, to) = (index(from), index(to));
        if !corrupt.contains(&from) || corrupt.contains(&to) {
            return true;
        }
        sent += 1;
        if sent > allowed {
            sink.borrow_mut().push((from, to, message.clone()));
        }
        sent <= allowed
    }));
    let path = stage.path();
    stage.world.ask_virtual(&path, ETH, ETH);
    stage.world.run_for(4_000);
    if let Some(known) = stage.world.nodes.iter().find_map(|n| Some(n.participant.as_ref()?.virtuals().first()?.id)) {
        stage.adopt(known);
    }
    held
}

/// Everything that can be shown to the chain or to the hubs.
fn post_everything(stage: &mut Stage, adversary: &Adversary, held: &Held) {
    stage.world.filter = None;
    for (from, to, message) in held.borrow_mut().drain(..) {
        stage.world.inject(from, to, message);
    }
    stage.world.run_for(2_000);
    let Some(params) = stage.params.clone() else { return };
    for (ver, def_a) in [(1, ETH), (2, 0), (4, 2 * ETH)] {
        if let Some(call) = adversary.register_virtual(&stage.world, &params, ver, def_a) {
            let _ = stage.world.call_as(0, &call);
            stage.world.run_for(1_500);
        }
        if let Some(call) = adversary.finalise(&stage.world, &params, def_a) {
            let _ = stage.world.call_as(0, &call);
        }
    }
}

#[test]
fn k6_s6_creation_stopped_after_each_message_gives_no_option() {
    for links in [2, 3] {
        for allowed in 0..14 {
            let mut stage = Stage::new(300 + allowed as u64, links);
            let corrupt = [0, links];
            let held = stopped(&mut stage, &corrupt, allowed);
            let mut adversary = Adversary::new(&corrupt);
            adversary.strike(&mut stage.world);
            stage.world.run_for(if allowed % 2 == 0 { 500 } else { 20_000 });
            post_everything(&mut stage, &adversary, &held);
            stage.finish();
        }
    }
}

/// Only one end is corrupt: the other gets its stake back too.
#[test]
fn k6_s6_one_end_stops_and_the_other_end_loses_nothing() {
    for (seed, allowed) in (0..10).enumerate() {
        let corrupt = if seed % 2 == 0 { 0 } else { 2 };
        let mut stage = Stage::new(330 + seed as u64, 2);
        let held = stopped(&mut stage, &[corrupt], allowed);
        let mut adversary = Adversary::new(&[corrupt]);
        adversary.strike(&mut stage.world);
        post_everything(&mut stage, &adversary, &held);
        stage.finish();
        assert_eq!(stage.world.gain(2 - corrupt), 0, "allowed {allowed}");
    }
}

/// The far end never locks, and shows the first end a Final before there is any State: the first end, whose secret is out, lets
/// go with the hub all the same, long before the term is over. So does it if it learns late that nothing comes of the channel.
#[test]
fn s6_an_end_lets_go_although_its_secret_is_out() {
    for shows_final in [true, false] {
        let mut stage = Stage::new(335, 2);
        let bob = stage.world.key(2);
        stage.world.filter = Some(Box::new(move |_, from, _, message| {
            let locks = matches!(message, Message::Presign { .. } | Message::Propose { .. } | Message::Accept { .. });
            from != bob || !locks
        }));
        stage.world.ask_virtual(&[0, 1, 2], ETH, ETH);
        stage.world.run_for(3_000);
        let vc = stage.world.nodes[0].participant.as_ref().and_then(|p| Some(p.virtuals().first()?.id));
        let params = stage.adopt(vc.expect("alice takes part"));
        assert!(revealed(&stage, 0) && !revealed(&stage, 1));
        if shows_final {
            let vc = stage.vc();
            stage.world.inject(2, 0, Message::FinalSigs { vc, out_a: 0, sigs: Vec::new() });
        }
        let free =
            |w: &perunika_sim::World| w.ledger_of(0, stage.links[0]).is_some_and(|l| l.locks == 0 && l.version > 1);
        let early = (params.t_exp - stage.world.ground.time()) * 1_000 / 2;
        assert!(stage.world.run_until(early, free), "shows a Final: {shows_final}");
        stage.world.filter = None;
        stage.finish();
        assert_eq!(stage.world.gain(0), 0);
    }
}

fn revealed(stage: &Stage, node: usize) -> bool {
    stage
        .world
        .taps
        .iter()
        .any(|(_, tap)| matches!(tap, Tap::Sent { from, message: Message::Activate { .. } } if *from == node))
}

/// The right end never locks, in any way of refusing; the hub must keep its secret (I5).
#[test]
fn s33_a_hub_with_one_lock_keeps_its_secret() {
    for side in [0, 2] {
        let mut stage = Stage::new(340, 2);
        let silent = stage.world.key(side);
        stage.world.filter = Some(Box::new(move |_, from, _, message| {
            let locks = matches!(message, Message::Presign { .. } | Message::Propose { .. } | Message::Accept { .. });
            from != silent || !locks
        }));
        stage.world.ask_virtual(&[0, 1, 2], ETH, ETH);
        stage.world.run_for(3_000);
        let vc = stage.world.nodes[1].participant.as_ref().and_then(|p| Some(p.virtuals().first()?.id));
        let params = stage.adopt(vc.expect("the hub takes part"));
        assert!(!revealed(&stage, 1), "the hub showed its secret with one lock");
        let mut adversary = Adversary::new(&[0, 2]);
        adversary.strike(&mut stage.world);
        assert!(adversary.secrets(&stage.world, &params).is_none());
        stage.world.filter = None;
        stage.finish();
        assert_eq!(stage.world.gain(1), 0);
    }
}

/// Each secret shown to some and not to others, then nobody ever acts again.
#[test]
fn s32_locks_never_half_or_fully_activated_then_abandoned() {
    for links in [2, 3] {
        for mask in 0..1u32 << (links + 1) {
            let mut stage = Stage::new(350 + u64::from(mask), links);
            let keys: Vec<_> = stage.world.nodes.iter().map(|n| n.key).collect();
            stage.world.filter = Some(Box::new(move |_, from, _, message| {
                let sender = keys.iter().position(|k| *k == from).expect("a node");
                let secret = matches!(message, Message::Activate { .. } | Message::Receipt { .. });
                !secret || mask >> sender & 1 == 1
            }));
            let path = stage.path();
            stage.world.ask_virtual(&path, ETH, ETH);
            stage.world.run_for(15_000);
            let vc = stage.world.nodes[1].participant.as_ref().and_then(|p| Some(p.virtuals().first()?.id));
            stage.adopt(vc.expect("the hub takes part"));
            for end in [0, links] {
                stage.world.stop(end);
                stage.world.nodes[end].honest = false;
            }
            stage.finish();
            for hub in 1..links {
                assert_eq!(
                    stage.world.gain(hub),
                    0,
                    "links {links}, mask {mask:b}: the fee is for an outcome only (S35)"
                );
            }
        }
    }
}

/// A corrupt end disputes its link while the creation runs; the hub does not show its secret over a disputed link.
#[test]
fn s7_a_dispute_on_a_link_at_each_step_of_creation() {
    for (seed, delay) in (0..120).step_by(8).enumerate() {
        let mut stage = Stage::new(380 + seed as u64, 2);
        let link = if seed % 2 == 0 { 0 } else { 1 };
        let corrupt = 2 * link;
        let old = stage.link_body(corrupt, link, Vec::new());
        let old = old.with(old.ver, &perunika_core::body::Change::Split(old.def_a)).expect("a State");
        stage.world.ask_virtual(&[0, 1, 2], ETH, ETH);
        stage.world.run_for(delay);
        let mut adversary = Adversary::new(&[0, 2]);
        let genesis = adversary.register(&stage.world, &stage.channels[link], &old);
        let constant = constant_zero(genesis);
        stage.world.call_as(corrupt, &constant).expect("version 0");
        stage.world.run_for(20_000);
        let vc = stage.world.nodes[1].participant.as_ref().and_then(|p| Some(p.virtuals().first()?.id));
        let params: Option<VirtualParams> = vc.map(|vc| stage.adopt(vc));
        adversary.strike(&mut stage.world);
        if let Some(call) = params.and_then(|p| adversary.register_virtual(&stage.world, &p, 9, 0)) {
            let _ = stage.world.call_as(0, &call);
        }
        stage.finish();
    }
}

/// The same call with the constant version 0.
fn constant_zero(call: perunika_core::chain::Call) -> perunika_core::chain::Call {
    use perunika_core::chain::Call;
    let Call::Register { params, mut state, .. } = call else { unreachable!() };
    state.ver = 0;
    [state.dep_a, state.dep_b, state.total, state.def_a] = [0; 4];
    Call::Register { params, state, roots: Default::default(), sigs: [None, None] }
}

/// The left link is disputed while the right lock is still open: firm locks on both links are not enough then.
#[test]
fn s7_s33_no_secret_leaves_over_a_disputed_link() {
    let mut stage = Stage::new(399, 2);
    let old = stage.link_body(0, 0, Vec::new());
    let (bob, until) = (stage.world.key(2), stage.world.now_ms + 5_000);
    stage.world.filter = Some(Box::new(move |now, from, _, message| {
        let locks = matches!(message, Message::Presign { .. } | Message::Propose { .. } | Message::Accept { .. });
        from != bob || !locks || now > until
    }));
    stage.world.ask_virtual(&[0, 1, 2], ETH, ETH);
    stage.world.run_for(500);
    let mut adversary = Adversary::new(&[0]);
    let genesis = constant_zero(adversary.register(&stage.world, &stage.channels[0], &old));
    stage.world.call_as(0, &genesis).expect("version 0");
    adversary.strike(&mut stage.world);
    stage.world.run_for(1_500);
    assert!(stage.world.slot(&stage.channels[0]).dispute.is_some());
    let vc = stage.world.nodes[1].participant.as_ref().and_then(|p| Some(p.virtuals().first()?.id));
    stage.adopt(vc.expect("the hub takes part"));
    assert!(!revealed(&stage, 1));
    stage.world.run_for(12_000);
    assert!(!revealed(&stage, 1), "the secret left over a disputed link");
    stage.finish();
}
