//! Everybody is honest and there.

use super::moves::{active, disputes, kept_policy, renew, renewals, wish};
use alloy_primitives::Address;
use perunika_core::info::VirtualStage;
use perunika_core::io::{Command, Reply};
use perunika_core::message::{LinkOp, Message};
use perunika_sim::{ETH, Network, Path, Tap, World, quick_policy};

fn ops(world: &World) -> Vec<LinkOp> {
    let sent = world.taps.iter().filter_map(|(_, tap)| match tap {
        Tap::Sent { message: Message::Presign { op, .. }, .. } => Some(vec![*op]),
        Tap::Sent { message: Message::Propose { ops, .. }, .. } => Some(ops.clone()),
        _ => None,
    });
    sent.flatten().collect()
}

/// Each end goes on with what it had; on every link the old lock gives way to the new one in one State; both fees are paid.
fn renewed_once(hubs: usize) {
    let mut path = Path::open(900 + hubs as u64, hubs, &quick_policy());
    let last = path.last();
    let old = path.world.open_virtual(&path.nodes.clone(), 10 * ETH, 10 * ETH);
    path.insist_on_share(old, 0, last, 4 * ETH, true);
    path.insist_on_share(old, last, 0, 15 * ETH, false);
    let before = ops(&path.world).len();
    let new = renew(&mut path.world, [0, last], old, None);
    let steps = ops(&path.world).split_off(before);
    assert!(!steps.is_empty() && steps.iter().all(|op| matches!(op, LinkOp::Renew { .. })), "{steps:?}");
    assert!(path.world.virtual_everywhere(old).iter().all(|v| v.stage == VirtualStage::Done));
    assert_eq!((path.world.share(0, new), path.world.share(last, new)), (Some(5 * ETH), Some(15 * ETH)));
    let info = path.world.virtual_of(0, old).expect("it is remembered");
    assert_eq!(info.renewed_by, Some(new));
    path.insist_on_share(new, last, 0, 8 * ETH, true);
    let fees: Vec<[u128; 2]> = (0..hubs)
        .map(|hub| [old, new].map(|vc| path.world.virtual_of(0, vc).expect("it is remembered").params.fees[hub]))
        .collect();
    path.world.close_virtual(0, new);
    assert_eq!(disputes(&path.world), 0);
    path.world.finish();
    assert_eq!(path.world.gain(last), -2 * ETH as i128);
    for (hub, fee) in (1..=hubs).zip(fees) {
        assert_eq!(path.world.gain(hub), (fee[0] + fee[1]) as i128, "hub {hub}");
    }
}

#[test]
fn a_renewal_keeps_every_share_over_one_to_five_hubs() {
    [1, 2, 3, 5].into_iter().for_each(renewed_once);
}

/// The buyer has spent nearly everything: fresh stakes come from the links, what was earned goes there.
#[test]
fn a_renewal_with_fresh_stakes() {
    let mut path = Path::open(910, 2, &quick_policy());
    let mut vc = path.world.open_virtual(&[0, 1, 2, 3], 10 * ETH, 0);
    for _ in 0..5 {
        path.insist_on_share(vc, 0, 3, ETH / 10, false);
        vc = renew(&mut path.world, [0, 3], vc, Some([10 * ETH, 0]));
        assert_eq!(path.world.share(0, vc), Some(10 * ETH));
    }
    path.world.close_virtual(3, vc);
    path.world.finish();
    assert_eq!(path.world.gain(3), (5 * 10 * ETH - 5 * ETH / 10) as i128);
    assert!(path.world.gain(1) > 0 && path.world.gain(2) > 0);
}

/// What the hub cannot lock any more is refused before anything is frozen: the old channel goes on.
#[test]
fn a_renewal_beyond_what_the_links_have_changes_nothing() {
    let mut path = Path::open(911, 1, &quick_policy());
    let vc = path.world.open_virtual(&[0, 1, 2], 60 * ETH, 0);
    path.insist_on_share(vc, 0, 2, 0, true);
    let tag = path.world.command(0, wish(vc, Some([60 * ETH, 0])));
    path.world.wait_reply(0, tag);
    assert!(matches!(path.world.reply(0, tag), Some(Reply::Refused(_))), "{:?}", path.world.reply(0, tag));
    assert_eq!(active(&path.world, 0), Some(vc));
    path.insist_on_share(vc, 2, 0, 50 * ETH, true);
    path.world.finish();
}

/// Between the last payment of the old channel and the first of the new one lie 5 delays to the certificate and 4 to the first
/// item: creation as ever, its call sent with the certificate.
#[test]
fn a_renewal_takes_nine_delays_from_the_freeze() {
    const DELAY_MS: u64 = 100;
    let mut path = Path::open(912, 2, &quick_policy());
    let vc = path.world.open_virtual(&[0, 1, 2, 3], 10 * ETH, 10 * ETH);
    path.world.pay(0, vc, ETH);
    path.world.run_for(1_000);
    path.world.network = Network::steady(DELAY_MS);
    let tag = path.world.command(0, wish(vc, None));
    let quoted = path.world.now_ms + 2 * DELAY_MS;
    assert!(path.world.run_until(10_000, |w| w.reply(0, tag).is_some()));
    assert!(matches!(path.world.reply(0, tag), Some(Reply::Opened(_))));
    let took = path.world.now_ms - quoted;
    assert!(took <= 9 * DELAY_MS, "{took}");
    path.world.finish();
}

/// Nobody does anything, and the channel outlives its term many times, with the shares that it had.
#[test]
fn s61_a_kept_channel_lives_on_by_itself() {
    let mut path = Path::open(913, 2, &kept_policy());
    let keys = path.nodes[1..].iter().map(|n| path.world.key(*n)).collect();
    let tag = path.world.command(
        0,
        Command::OpenVirtual {
            asset: Address::ZERO,
            path: keys,
            stake: 10 * ETH,
            peer_stake: 10 * ETH,
            term: Some(150),
            fee_max: ETH,
            renew: true,
        },
    );
    path.world.wait_reply(0, tag);
    path.world.run_for(1_000);
    for round in 1..=8 {
        let vc = active(&path.world, 0).expect("one works");
        path.insist_on_share(vc, 0, 3, 10 * ETH - round * ETH / 2, round % 2 == 0);
        path.world.run_for(100_000);
    }
    assert!(renewals(&path.world, 0) >= 8 && renewals(&path.world, 3) == renewals(&path.world, 0));
    assert_eq!(disputes(&path.world), 0);
    // The other end has had enough: it is closed, and nothing follows.
    let vc = active(&path.world, 3).expect("one works");
    path.world.close_virtual(3, vc);
    path.world.run_for(200_000);
    assert_eq!(active(&path.world, 0), None);
    path.world.finish();
    assert_eq!(path.world.gain(3), 4 * ETH as i128);
}

/// A wish for a term that its own renewal would fill is refused with a reason.
#[test]
fn a_term_too_short_to_be_renewed_is_refused() {
    let mut path = Path::open(914, 1, &kept_policy());
    let keys = path.nodes[1..].iter().map(|n| path.world.key(*n)).collect();
    let term = Some(100);
    let command = Command::OpenVirtual {
        asset: Address::ZERO,
        path: keys,
        stake: ETH,
        peer_stake: 0,
        term,
        fee_max: ETH,
        renew: true,
    };
    let tag = path.world.command(0, command);
    assert!(matches!(path.world.reply(0, tag), Some(Reply::Refused(_))));
    path.world.finish();
}

/// The hub is away when the time comes; it is back before the channel has to be closed.
#[test]
fn s61_a_renewal_waits_for_a_hub_that_is_away() {
    let mut path = Path::open(915, 1, &kept_policy());
    let keys = path.nodes[1..].iter().map(|n| path.world.key(*n)).collect();
    let (stake, fee_max, renew) = (10 * ETH, ETH, true);
    let open = Command::OpenVirtual {
        asset: Address::ZERO,
        path: keys,
        stake,
        peer_stake: 0,
        term: Some(150),
        fee_max,
        renew,
    };
    let tag = path.world.command(0, open);
    path.world.wait_reply(0, tag);
    path.world.run_for(1_000);
    let vc = active(&path.world, 0).expect("it works");
    let expires = path.world.virtual_of(0, vc).expect("it works").params.t_exp;
    path.insist_on_share(vc, 0, 2, 4 * ETH, true);
    path.world.stop(1);
    path.world.run_to(expires - 50);
    assert_eq!(active(&path.world, 0), Some(vc));
    path.world.restart(1);
    assert!(path.world.run_until(25_000, |w| renewals(w, 2) == 1));
    path.world.run_for(1_000);
    let vc = active(&path.world, 0).expect("its successor works");
    assert_eq!(path.world.share(2, vc), Some(6 * ETH));
    assert_eq!(disputes(&path.world), 0);
    path.world.finish();
}
