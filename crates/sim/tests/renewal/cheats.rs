//! Somebody cheats: at every step of a renewal, everything that the cheat holds goes to the chain.

use super::moves::wish;
use perunika_core::message::{Message, Renews};
use perunika_core::params::VirtualParams;
use perunika_sim::{Adversary, ETH, Stage, Tap};
use std::cell::Cell;
use std::rc::Rc;

/// A channel in use, with 1/2 and 3/2 in it.
fn scene(seed: u64, links: usize) -> Stage {
    let mut stage = Stage::new(seed, links);
    let old = stage.open(ETH, ETH).id(&stage.world.ground.domain);
    stage.world.pay(0, old, ETH / 4);
    stage.world.pay(links, old, ETH / 2);
    stage.world.pay(0, old, 3 * ETH / 4);
    stage
}

/// Lets the renewal go on until the corrupt nodes have got `k` messages; false if it does not go that far.
fn renew_until(stage: &mut Stage, corrupt: &[usize], k: usize) -> bool {
    let keys: Vec<_> = corrupt.iter().map(|n| stage.world.key(*n)).collect();
    let (seen, vc) = (Rc::new(Cell::new(0)), stage.vc());
    let counter = seen.clone();
    stage.world.filter = Some(Box::new(move |_, _, to, _| {
        counter.set(counter.get() + usize::from(keys.contains(&to)));
        true
    }));
    stage.world.command(0, wish(vc, None));
    stage.world.run_until(8_000, |_| seen.get() >= k);
    stage.world.filter = None;
    seen.get() >= k
}

/// Every virtual channel that was ever called for.
fn called_for(stage: &Stage) -> Vec<VirtualParams> {
    let mut all: Vec<VirtualParams> = Vec::new();
    for (_, tap) in &stage.world.taps {
        if let Tap::Sent { message: Message::VcOpen { params, .. }, .. } = tap
            && !all.contains(params)
        {
            all.push(params.clone());
        }
    }
    all
}

/// Both channels, at every version and split for which signatures can be had; then every link at every state that is held.
fn post_everything(stage: &mut Stage, adversary: &Adversary, corrupt: &[usize]) {
    let caller = corrupt[0];
    for params in called_for(stage) {
        for (ver, def_a) in [(1, ETH), (1, ETH / 2), (2, 3 * ETH / 4), (3, 5 * ETH / 4), (4, ETH / 2)] {
            if let Some(call) = adversary.register_virtual(&stage.world, &params, ver, def_a) {
                let _ = stage.world.call_as(caller, &call);
            }
            if let Some(call) = adversary.finalise(&stage.world, &params, def_a) {
                let _ = stage.world.call_as(caller, &call);
            }
        }
    }
    stage.world.run_for(1_500);
}

/// What the honest have whatever happens, hubs: not less than before (checked by `finish`); ends: the newest split, except that
/// fees are paid for what took effect.
fn cheated_at_each_step(seed: u64, links: usize, corrupt: &[usize], late: bool) {
    for k in 1.. {
        let mut stage = scene(seed + k as u64, links);
        if !renew_until(&mut stage, corrupt, k) {
            assert!(k > 8, "{k}");
            return;
        }
        let mut adversary = Adversary::new(corrupt);
        adversary.strike(&mut stage.world);
        if late {
            let until = stage.virtual_params().t_exp - 12;
            stage.world.run_to(until);
        }
        post_everything(&mut stage, &adversary, corrupt);
        let longest = called_for(&stage).iter().map(|p| p.t_exp + u64::from(p.challenge) + 60).max();
        stage.world.run_to(longest.unwrap_or_default());
        stage.finish();
        let fees = called_for(&stage).iter().map(|p| p.fees.iter().sum::<u128>()).sum::<u128>() as i128;
        let due = [-(ETH as i128) / 2 - fees, ETH as i128 / 2];
        for (end, due) in [(0, due[0]), (links, due[1])] {
            if !corrupt.contains(&end) {
                assert!(stage.world.gain(end) >= due, "k {k}, end {end}: {} of {due}", stage.world.gain(end));
            }
        }
    }
}

#[test]
fn s61_the_hub_cheats_at_each_step() {
    cheated_at_each_step(2_000, 2, &[1], false);
}

#[test]
fn s61_the_end_that_renews_cheats_at_each_step() {
    cheated_at_each_step(2_100, 2, &[0], false);
}

#[test]
fn s61_the_far_end_cheats_at_each_step_just_before_the_term_is_over() {
    cheated_at_each_step(2_200, 2, &[2], true);
}

#[test]
fn s61_both_ends_cheat_the_hubs_at_each_step() {
    cheated_at_each_step(2_300, 3, &[0, 3], false);
}

#[test]
fn s61_an_end_and_its_hub_cheat_the_rest_at_each_step() {
    cheated_at_each_step(2_400, 3, &[0, 1], true);
}

/// A successor whose stakes are not what the old channel left is none: nobody locks it under the quote of a renewal.
#[test]
fn s61_a_successor_with_another_split_is_refused() {
    let mut stage = scene(2_500, 2);
    let vc = stage.vc();
    stage.world.command(0, wish(vc, None));
    let called = |w: &perunika_sim::World| {
        w.taps
            .iter()
            .rev()
            .take(8)
            .any(|(_, tap)| matches!(tap, Tap::Sent { message: Message::VcOpen { renews: Some(_), .. }, .. }))
    };
    let key = stage.world.key(0);
    stage.world.filter = Some(Box::new(move |_, from, _, m| from != key || !matches!(m, Message::VcOpen { .. })));
    assert!(stage.world.run_until(8_000, called));
    stage.world.filter = None;
    let mut params = called_for(&stage).pop().expect("it was called for");
    (params.init_a, params.init_b) = (params.init_a + 1, params.init_b - 1);
    let mut adversary = Adversary::new(&[0]);
    adversary.strike(&mut stage.world);
    let forged = params.id(&stage.world.ground.domain);
    for to in [1, 2] {
        stage.world.inject(0, to, Message::VcOpen { params: params.clone(), renews: Some(vc) });
    }
    stage.world.run_for(500);
    assert!(stage.world.virtual_everywhere(forged).is_empty());
    stage.finish();
}

/// Who asks for quotes of renewals and never renews holds no lock longer than a creation may take.
#[test]
fn s61_a_promised_successor_that_never_comes_delays_little() {
    let mut stage = scene(2_600, 2);
    let (vc, key) = (stage.vc(), stage.world.key(0));
    stage.world.filter = Some(Box::new(move |_, from, _, m| from != key || !matches!(m, Message::VcOpen { .. })));
    stage.world.command(0, wish(vc, None));
    let done = |w: &perunika_sim::World| {
        w.virtual_of(1, vc).is_some_and(|v| v.out_a.is_some() && v.stage == perunika_core::info::VirtualStage::Done)
    };
    assert!(stage.world.run_until(25_000, done), "{}", stage.tail());
    stage.world.filter = None;
    stage.finish();
}

/// The hint in a quote is a hint: naming a channel of others, or an invented outcome, opens nothing.
#[test]
fn s61_the_hint_of_a_quote_is_not_believed() {
    let mut stage = scene(2_700, 2);
    let vc = stage.vc();
    let info = stage.world.virtual_of(0, vc).expect("it works");
    let terms = perunika_core::message::Terms {
        asset: info.params.asset,
        init_a: 0,
        init_b: 30 * ETH,
        t_exp: stage.world.ground.time() + 150,
        challenge: 120,
        window: 60,
        k_max: 80,
    };
    let asks = [Renews { vc, out_a: u128::MAX }, Renews { vc, out_a: 0 }, Renews { vc: Default::default(), out_a: 1 }];
    for (n, renews) in asks.into_iter().enumerate() {
        let request = alloy_primitives::B256::with_last_byte(n as u8 + 1);
        let path = info.params.path.clone();
        let before = stage.world.taps.len();
        stage.world.inject(0, 2, Message::QuoteAsk { request, path, terms, renews: Some(renews) });
        stage.world.run_for(200);
        let refused = stage.world.taps[before..].iter().any(|(_, tap)| {
            matches!(tap, Tap::Sent { from: 2, message: Message::QuoteRefused { request: r, .. } } if *r == request)
        });
        assert!(refused, "{renews:?}");
    }
    stage.finish();
}
