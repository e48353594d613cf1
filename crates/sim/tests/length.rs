//! Virtual channels of every length: creation in three message delays, fees exact.

use perunika_core::io::Command;
use perunika_core::message::Message;
use perunika_sim::{ETH, Network, Path, Tap, quick_policy};

const DELAY_MS: u64 = 100;

/// Milliseconds from the call to create until both ends hold the whole activation.
fn creation(path: &mut Path) -> u64 {
    path.world.run_for(5_000);
    path.world.network = Network::steady(DELAY_MS);
    let tag = path.world.ask_virtual(&path.nodes.clone(), 10 * ETH, 10 * ETH);
    let last = path.last();
    let activated = |w: &perunika_sim::World| {
        [0, last].iter().all(|n| {
            let node = w.nodes[*n].participant.as_ref();
            node.is_some_and(|p| p.virtuals().iter().any(|v| p.is_activated(v.id)))
        })
    };
    assert!(path.world.run_until(10_000, activated), "{:?}", path.world.reply(0, tag));
    let called = |(_, tap): &&(u64, Tap)| matches!(tap, Tap::Sent { message: Message::VcOpen { .. }, .. });
    let start = path.world.taps.iter().find(called).map(|(at, _)| *at).unwrap_or_default();
    let took = path.world.now_ms - start;
    path.world.wait_reply(0, tag);
    took
}

fn whole_life(hubs: usize) {
    let mut path = Path::open(40 + hubs as u64, hubs, &quick_policy());
    let took = creation(&mut path);
    assert_eq!(took, 3 * DELAY_MS, "{hubs} hubs");
    let last = path.last();
    let vc = path.world.virtual_ids()[0];
    path.world.run_for(1_000);
    path.insist_on_share(vc, 0, last, 8 * ETH, true);
    path.insist_on_share(vc, last, 0, 11 * ETH, true);
    let fees = path.world.virtual_of(0, vc).map(|v| v.params.fees).unwrap_or_default();
    path.world.close_virtual(0, vc);
    path.world.finish();
    assert_eq!(fees.len(), hubs);
    for (hub, fee) in (1..=hubs).zip(&fees) {
        assert!(*fee > 0);
        assert_eq!(path.world.gain(hub), *fee as i128);
    }
    assert_eq!(path.world.gain(last), ETH as i128);
    assert_eq!(path.world.gain(0), -(ETH as i128) - fees.iter().sum::<u128>() as i128);
}

#[test]
fn one_hub_three_delays_exact_fees() {
    whole_life(1);
}

#[test]
fn two_hubs_three_delays_exact_fees() {
    whole_life(2);
}

#[test]
fn three_hubs_three_delays_exact_fees() {
    whole_life(3);
}

#[test]
fn ten_hubs_three_delays_exact_fees() {
    whole_life(10);
}

#[test]
fn fifteen_hubs_are_the_most() {
    whole_life(15);
    let mut path = Path::open(60, 16, &quick_policy());
    let tag = path.world.ask_virtual(&path.nodes.clone(), ETH, ETH);
    let refused = path.world.reply(0, tag);
    assert!(matches!(refused, Some(perunika_core::io::Reply::Refused(_))), "{refused:?}");
    path.world.finish();
}

#[test]
fn closing_takes_five_delays_from_the_wish() {
    let mut path = Path::open(61, 3, &quick_policy());
    creation(&mut path);
    let vc = path.world.virtual_ids()[0];
    path.world.run_for(1_000);
    path.insist_on_share(vc, 0, 4, 8 * ETH, true);
    path.world.run_for(1_000);
    let start = path.world.now_ms;
    path.world.command(0, Command::CloseVirtual { vc });
    let over = |w: &perunika_sim::World| {
        w.virtual_everywhere(vc).iter().all(|v| v.stage == perunika_core::info::VirtualStage::Done)
    };
    assert!(path.world.run_until(10_000, over));
    assert_eq!(path.world.now_ms - start, 5 * DELAY_MS);
    path.world.finish();
}
