//! Payments through ledger and virtual channels: both ways, crossing, streams, closing in between.

use alloy_primitives::Address;
use perunika_core::info::VirtualStage;
use perunika_core::io::{Command, Event, Fault, Reply};
use perunika_core::message::Message;
use perunika_sim::{CrashPoint, ETH, Network, Path, Rng, Tap, World, quick_policy};

const MILLI: u128 = ETH / 1_000;

fn pair(seed: u64) -> Path {
    Path::open(seed, 0, &quick_policy())
}

/// Messages sent by honest nodes since a moment.
fn sent_since(world: &World, since: u64) -> usize {
    world.taps.iter().filter(|(at, tap)| *at >= since && matches!(tap, Tap::Sent { .. })).count()
}

#[test]
fn a_payment_costs_few_messages_and_then_there_is_silence() {
    let mut path = pair(1);
    let ch = path.links[0];
    for (cosign, bound) in [(true, 3), (false, 5)] {
        path.world.run_for(5_000);
        let start = path.world.now_ms;
        path.world.command(0, Command::Pay { ch, amount: MILLI, cosign, reference: Vec::new() });
        path.world.run_for(60_000);
        let sent = sent_since(&path.world, start);
        assert!(sent <= bound, "{sent} messages, cosign {cosign}");
    }
    path.world.finish();
}

#[test]
fn an_idle_world_is_silent() {
    let mut path = Path::open(2, 2, &quick_policy());
    let nodes = path.nodes.clone();
    let keys = nodes[1..].iter().map(|n| path.world.key(*n)).collect();
    let wish = Command::OpenVirtual {
        asset: Address::ZERO,
        path: keys,
        stake: ETH,
        peer_stake: ETH,
        term: Some(600),
        fee_max: u128::MAX,
        renew: false,
    };
    path.world.command(0, wish);
    path.world.run_for(10_000);
    assert_eq!(path.world.virtual_everywhere(path.world.virtual_ids()[0])[0].stage, VirtualStage::Active);
    path.world.stream(0, path.links[0], MILLI);
    path.world.stream(0, path.world.virtual_ids()[0], MILLI);
    path.world.run_for(5_000);
    let start = path.world.now_ms;
    path.world.run_for(120_000);
    assert_eq!(sent_since(&path.world, start), 0);
    path.world.finish();
}

#[test]
fn what_cannot_be_paid_is_refused() {
    let mut path = pair(3);
    let ch = path.links[0];
    for amount in [0, 100 * ETH + 1, u128::MAX] {
        for cosign in [true, false] {
            let tag = path.world.command(0, Command::Pay { ch, amount, cosign, reference: Vec::new() });
            let reply = path.world.reply(0, tag);
            assert!(matches!(reply, Some(Reply::Refused(Fault::Caller(_)))), "{amount}: {reply:?}");
        }
    }
    path.world.pay(0, ch, 100 * ETH);
    let tag = path.world.command(0, Command::Pay { ch, amount: 1, cosign: true, reference: Vec::new() });
    assert!(matches!(path.world.reply(0, tag), Some(Reply::Refused(Fault::Caller(_)))));
    path.world.finish();
    assert_eq!(path.world.gain(1), 100 * ETH as i128);
}

/// Both pay at the same instants; every payment ends up in the state, exactly once.
fn crossing(seed: u64, rough: bool, hubs: usize) {
    let mut path = Path::open(seed, hubs, &quick_policy());
    let last = path.last();
    let ch = if hubs == 0 { path.links[0] } else { path.insist_on_virtual(50 * ETH, 50 * ETH, 1_000) };
    let before = path.world.share(last, ch).unwrap_or_default();
    path.world.network = if rough { Network::rough() } else { Network { delay_max_ms: 30, ..Network::steady(10) } };
    let mut rng = Rng::new(seed ^ 0x5eed);
    let (mut there, mut back, mut tags) = (0, 0, Vec::new());
    for _ in 0..10 {
        let (x, y) = (u128::from(rng.between(1, 900)) * MILLI, u128::from(rng.between(1, 900)) * MILLI);
        (there, back) = (there + x, back + y);
        let cosign = rng.chance(500);
        tags.push((0, path.world.command(0, Command::Pay { ch, amount: x, cosign, reference: Vec::new() })));
        tags.push((
            last,
            path.world.command(last, Command::Pay { ch, amount: y, cosign: !cosign, reference: Vec::new() }),
        ));
        path.world.run_for(rng.below(80));
    }
    let answered = |w: &World| {
        tags.iter().all(|(n, t)| matches!(w.reply(*n, *t), Some(Reply::Applied { .. } | Reply::Delivered { .. })))
    };
    assert!(path.world.run_until(60_000, answered), "seed {seed}: {:?}", tags_of(&path.world, &tags));
    path.world.run_for(5_000);
    let expected = before + there - back;
    assert_eq!(path.world.share(last, ch), Some(expected), "seed {seed}");
    assert_eq!(path.world.peer_share(0, ch), Some(expected), "seed {seed}");
    let once = tags.iter().all(|(n, t)| path.world.nodes[*n].replies[t].len() == 1);
    assert!(once, "seed {seed}: a payment was answered twice");
    let audit = path.world.finish();
    assert!(audit.messages < 1_500, "seed {seed}: {} messages", audit.messages);
}

fn tags_of(world: &World, tags: &[(usize, u64)]) -> Vec<Option<Reply>> {
    tags.iter().map(|(n, t)| world.reply(*n, *t).cloned()).collect()
}

#[test]
fn crossing_payments_in_a_ledger_channel_all_arrive() {
    (0..60).for_each(|seed| crossing(seed, false, 0));
}

#[test]
fn crossing_payments_in_a_rough_network_all_arrive() {
    (100..160).for_each(|seed| crossing(seed, true, 0));
}

#[test]
fn crossing_payments_in_a_virtual_channel_all_arrive() {
    (200..220).for_each(|seed| crossing(seed, seed % 2 == 0, 1));
}

#[test]
fn a_stream_of_fifteen_hundred_items_arrives() {
    let mut path = Path::open(4, 1, &quick_policy());
    let vc = path.world.open_virtual(&[0, 1, 2], 50 * ETH, ETH);
    path.world.run_for(1_000);
    let start = path.world.now_ms;
    let mut tags = Vec::new();
    for n in 0..1_500 {
        tags.push((0, path.world.stream(0, vc, MILLI)));
        if n % 10 == 0 {
            path.world.run_for(10);
        }
    }
    let answered = |w: &World| tags.iter().all(|(n, t)| matches!(w.reply(*n, *t), Some(Reply::Delivered { .. })));
    assert!(path.world.run_until(20_000, answered));
    let sent = sent_since(&path.world, start);
    assert!(sent <= 2 * 1_500 + 400, "{sent} messages for 1500 payments");
    let received = path.world.nodes[2].events.iter().filter(|e| matches!(e, Event::Received { .. })).count();
    assert_eq!(received, 1_500);
    path.world.close_virtual(2, vc);
    path.world.finish();
    assert_eq!(path.world.gain(2), 1_500 * MILLI as i128);
}

#[test]
fn a_burst_beyond_the_window_waits_for_acknowledgements() {
    let mut path = pair(5);
    let ch = path.links[0];
    let tags: Vec<u64> = (0..1_800).map(|_| path.world.stream(0, ch, MILLI)).collect();
    let ahead = path.world.ledger_of(0, ch).map(|l| l.outstanding);
    assert_eq!(ahead, Some(1_024), "1.4(10): at most 2^10 items");
    let done = |w: &World| tags.iter().all(|t| matches!(w.reply(0, *t), Some(Reply::Delivered { .. })));
    assert!(path.world.run_until(20_000, done));
    path.world.finish();
    assert_eq!(path.world.gain(1), 1_800 * MILLI as i128);
}

#[test]
fn the_payee_breaks_into_a_running_stream() {
    for seed in 0..10 {
        let mut path = pair(600 + seed);
        let ch = path.links[0];
        path.world.network = Network { delay_max_ms: 60, ..Network::steady(30) };
        let mut tag = 0;
        for n in 0..200 {
            path.world.stream(0, ch, MILLI);
            if n == 100 {
                tag = path.world.command(1, Command::Pay { ch, amount: ETH, cosign: true, reference: Vec::new() });
            }
            path.world.run_for(3);
        }
        assert!(matches!(path.world.reply(1, tag), Some(Reply::Applied { .. })), "while the stream runs, seed {seed}");
        path.world.run_for(5_000);
        assert_eq!(path.world.share(1, ch), Some(100 * ETH + 200 * MILLI - ETH), "seed {seed}");
        path.world.finish();
    }
}

/// Either side crashes at each commit of a stream: nothing is lost, nothing is paid twice.
fn stream_with_crash(node: usize, commit: u64, point: CrashPoint) -> bool {
    let mut path = pair(7);
    let ch = path.links[0];
    let start = path.world.nodes[node].commits;
    path.world.nodes[node].crash_at = Some((start + commit, point));
    for step in 1..=6 {
        path.insist_on_share(ch, 0, 1, 100 * ETH - step * ETH, step % 3 == 0);
    }
    path.insist_on_share(ch, 1, 0, 100 * ETH, false);
    let crashed = path.world.nodes[node].crash_at.is_none();
    path.world.finish();
    assert_eq!(path.world.gain(1), 0, "node {node}, commit {commit}, {point:?}");
    crashed
}

#[test]
fn a_crash_at_each_item_of_a_stream_loses_nothing() {
    for node in [0, 1] {
        for point in [CrashPoint::BeforeCommit, CrashPoint::AfterCommit] {
            let crashes = (1..40).take_while(|commit| stream_with_crash(node, *commit, point)).count();
            assert!(crashes >= 6, "node {node}: {crashes}");
        }
    }
}

/// Payments of both sides are under way when one of them closes; the close completes without a dispute.
fn close_in_traffic(seed: u64, hubs: usize, closer: usize, rough: bool) {
    let mut path = Path::open(seed, hubs, &quick_policy());
    let last = path.last();
    let ch = if hubs == 0 { path.links[0] } else { path.insist_on_virtual(50 * ETH, 50 * ETH, 1_000) };
    path.world.network = if rough { Network::rough() } else { Network { delay_max_ms: 60, ..Network::steady(20) } };
    let node = if closer == 0 { 0 } else { last };
    for n in 0..30 {
        for payer in [0, last] {
            path.world.command(payer, Command::Pay { ch, amount: MILLI, cosign: n % 4 == 0, reference: Vec::new() });
        }
        if n == 15 {
            let close =
                if hubs == 0 { Command::CloseChannel { ch, force: false } } else { Command::CloseVirtual { vc: ch } };
            path.world.command(node, close);
        }
        path.world.run_for(7);
    }
    path.world.run_for(40_000);
    let registered = path.world.ground.receipts.iter().any(|r| r.name.contains("egister"));
    assert!(!registered, "seed {seed}: no dispute between honest parties");
    if hubs == 0 {
        assert!(path.world.no_ledger_is_open(), "seed {seed}: {:?}", path.world.ledger_of(0, ch));
    } else {
        assert!(path.world.no_virtual_is_open(), "seed {seed}: {:?}", path.world.virtual_everywhere(ch));
    }
    path.world.finish();
}

#[test]
fn a_ledger_channel_closes_while_payments_are_under_way() {
    (700..730).for_each(|seed| close_in_traffic(seed, 0, (seed % 2) as usize, false));
}

#[test]
fn a_virtual_channel_closes_while_payments_are_under_way() {
    (730..760).for_each(|seed| close_in_traffic(seed, 1, (seed % 2) as usize, seed % 3 == 0));
}

#[test]
fn a_virtual_channel_opens_while_its_links_carry_streams_both_ways() {
    for seed in 800..804 {
        let mut path = Path::open(seed, 1, &quick_policy());
        path.world.network = Network { delay_max_ms: 40, ..Network::steady(20) };
        let links = path.links.clone();
        let payers = [[(0, 0), (1, 1)], [(1, 0), (2, 1)], [(0, 0), (2, 1)], [(1, 0), (1, 1)]][(seed % 4) as usize];
        let tag = path.world.ask_virtual(&[0, 1, 2], ETH, ETH);
        for _ in 0..250 {
            for (payer, link) in payers {
                path.world.stream(payer, links[link], MILLI);
            }
            path.world.run_for(5);
        }
        let reply = path.world.reply(0, tag).cloned();
        assert!(matches!(reply, Some(Reply::Opened(_))), "seed {seed}, while the streams run: {reply:?}");
        path.world.finish();
    }
}

#[test]
fn a_cooperative_end_with_a_silent_peer_is_called_off_and_forced() {
    for node in [0, 1] {
        let mut path = pair(900 + node as u64);
        let ch = path.links[0];
        path.world.pay(0, ch, ETH);
        let mute = path.world.key(1 - node);
        path.world.filter = Some(Box::new(move |_, from, _, _: &Message| from != mute));
        let tag = path.world.command(node, Command::CloseChannel { ch, force: false });
        path.world.wait_reply(node, tag);
        assert!(matches!(path.world.reply(node, tag), Some(Reply::Refused(Fault::Peer(_)))));
        let tag = path.world.command(node, Command::CloseChannel { ch, force: true });
        path.world.wait_reply(node, tag);
        assert_eq!(path.world.reply(node, tag), Some(&Reply::Closed(ch)));
        path.world.finish();
        assert_eq!(path.world.gain(1), ETH as i128);
    }
}
