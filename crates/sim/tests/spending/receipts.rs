//! Payments with a reference come with a receipt, whatever the network and the processes do.

use perunika_core::B256;
use perunika_core::io::{Command, Event, Reply};
use perunika_core::message::{Message, Note};
use perunika_core::sig::Signature;
use perunika_core::signed::{Eip712 as _, PaymentReceipt};
use perunika_sim::{CrashPoint, ETH, Network, Path, Rng, Tap, World, quick_policy};

const MILLI: u128 = ETH / 1_000;

fn pay(world: &mut World, node: usize, ch: B256, amount: u128, cosign: bool, reference: &str) -> u64 {
    world.command(node, Command::Pay { ch, amount, cosign, reference: reference.into() })
}

/// The receipt of an answer, once its signature is checked.
fn receipt(world: &World, node: usize, tag: u64, payee: usize) -> PaymentReceipt {
    let Some(Reply::Receipted { receipt, sig, signer, .. }) = world.reply(node, tag) else {
        panic!("no receipt: {:?}", world.reply(node, tag));
    };
    assert_eq!(*signer, world.key(payee));
    assert!(sig.verifies(world.ground.domain.digest(receipt.struct_hash()), *signer));
    receipt.clone()
}

/// References that a node was paid for, with their amounts.
fn received(world: &World, node: usize) -> Vec<(String, u128)> {
    let of = |event: &Event| match event {
        Event::Received { reference, amount, .. } if !reference.is_empty() => {
            Some((String::from_utf8(reference.clone()).expect("text"), *amount))
        }
        _ => None,
    };
    world.nodes[node].events.iter().filter_map(of).collect()
}

fn receipts_sent(world: &World) -> usize {
    let is = |tap: &Tap| matches!(tap, Tap::Sent { message: Message::PaymentReceipt { .. }, .. });
    world.taps.iter().filter(|(_, tap)| is(tap)).count()
}

#[test]
fn a_reference_travels_and_a_receipt_comes_back() {
    for (hubs, cosign) in [(0, true), (0, false), (1, true), (1, false)] {
        let mut path = Path::open(1, hubs, &quick_policy());
        let last = path.last();
        let ch = if hubs == 0 { path.links[0] } else { path.insist_on_virtual(50 * ETH, 50 * ETH, 1_000) };
        path.world.stream(0, ch, MILLI);
        path.world.run_for(3_000);
        assert_eq!(receipts_sent(&path.world), 0, "nobody asked for a receipt");
        let tag = pay(&mut path.world, 0, ch, 5 * MILLI, cosign, "order 17");
        path.world.wait_reply(0, tag);
        let signed = receipt(&path.world, 0, tag, last);
        assert_eq!((signed.ch, signed.amount, signed.reference), (ch, 5 * MILLI, b"order 17".to_vec()));
        assert_eq!(received(&path.world, last), [("order 17".to_string(), 5 * MILLI)]);
        assert_eq!(receipts_sent(&path.world), 1);
        path.world.finish();
    }
}

#[test]
fn every_reference_is_seen_once_in_a_rough_network_with_crossing_payments() {
    for seed in 100..140 {
        let mut path = Path::open(seed, 0, &quick_policy());
        let ch = path.links[0];
        path.world.network = Network::rough();
        let mut rng = Rng::new(seed);
        let mut noted = [Vec::new(), Vec::new()];
        let mut plain = [0u128; 2];
        for n in 0..40 {
            let node = rng.below(2) as usize;
            let amount = u128::from(rng.between(1, 99)) * MILLI;
            if rng.chance(400) {
                let name = format!("{node}-{n}");
                let tag = pay(&mut path.world, node, ch, amount, rng.chance(500), &name);
                noted[node].push((tag, name, amount));
            } else {
                path.world.stream(node, ch, amount);
                plain[node] += amount;
            }
            path.world.run_for(rng.below(120));
        }
        path.world.network = Network::steady(10);
        path.world.run_for(60_000);
        for node in [0, 1] {
            let mut expected: Vec<(String, u128)> = noted[node].iter().map(|(_, name, x)| (name.clone(), *x)).collect();
            for (tag, name, amount) in &noted[node] {
                let signed = receipt(&path.world, node, *tag, 1 - node);
                assert_eq!((signed.reference, signed.amount), (name.as_bytes().to_vec(), *amount), "seed {seed}");
            }
            let mut got = received(&path.world, 1 - node);
            got.sort();
            expected.sort();
            assert_eq!(got, expected, "seed {seed}");
        }
        let out = |node: usize| plain[node] + noted[node].iter().map(|(_, _, amount)| amount).sum::<u128>();
        assert_eq!(path.world.share(1, ch), Some(100 * ETH + out(0) - out(1)), "seed {seed}");
        path.world.finish();
    }
}

#[test]
fn a_lost_receipt_is_asked_for_and_is_the_same_again() {
    let mut path = Path::open(2, 0, &quick_policy());
    let ch = path.links[0];
    path.world.filter = Some(Box::new(|_, _, _, message| !matches!(message, Message::PaymentReceipt { .. })));
    let tag = pay(&mut path.world, 0, ch, MILLI, true, "a");
    let next = pay(&mut path.world, 0, ch, MILLI, true, "b");
    let plain = path.world.stream(0, ch, MILLI);
    path.world.run_for(6_000);
    assert_eq!((path.world.reply(0, tag), path.world.reply(0, next)), (None, None));
    assert_eq!(path.world.reply(0, plain), None, "it stands behind a payment that waits");
    path.world.filter = None;
    path.world.run_for(6_000);
    for (tag, name) in [(tag, "a"), (next, "b")] {
        assert_eq!(receipt(&path.world, 0, tag, 1).reference, name.as_bytes());
    }
    let of_a = |tap: &Tap| match tap {
        Tap::Sent { message: Message::PaymentReceipt { sig, ver, .. }, .. } => Some((*ver, *sig)),
        _ => None,
    };
    let mut sent: Vec<(u64, Signature)> = path.world.taps.iter().filter_map(|(_, tap)| of_a(tap)).collect();
    assert!(sent.len() > 2, "{sent:?}");
    sent.dedup_by(|a, b| a == b);
    assert_eq!(sent.len(), 2, "{sent:?}");
    path.world.finish();
}

#[test]
fn a_crash_at_each_commit_of_either_side_loses_no_receipt() {
    for node in [0, 1] {
        for point in [CrashPoint::BeforeCommit, CrashPoint::AfterCommit] {
            for commit in 1..10 {
                let mut path = Path::open(200 + commit, 0, &quick_policy());
                let ch = path.links[0];
                let start = path.world.nodes[node].commits;
                path.world.nodes[node].crash_at = Some((start + commit, point));
                let names = ["a", "b", "c"];
                for name in names {
                    path.world.run_until(20_000, |w| w.nodes[0].participant.is_some());
                    pay(&mut path.world, 0, ch, MILLI, name == "b", name);
                    path.world.run_for(3_000);
                }
                path.world.run_for(20_000);
                let paid = (path.world.share(1, ch).expect("the channel") - 100 * ETH) / MILLI;
                let mut names: Vec<String> = received(&path.world, 1).into_iter().map(|(name, _)| name).collect();
                names.dedup();
                let signed = path.world.nodes[0].events.iter().filter(|e| matches!(e, Event::Receipted { .. })).count();
                let what = format!("node {node}, commit {commit}, {point:?}: {names:?}, {signed} receipts");
                // An event that the process took with it is the driver's to keep; the money is not.
                assert!((2..=3).contains(&paid), "{what}");
                assert!(signed as u128 + 1 >= paid && names.len() as u128 + 1 >= paid, "{what}");
                path.world.finish();
            }
        }
    }
}

#[test]
fn a_false_receipt_shows_who_is_to_blame() {
    let mut path = Path::open(3, 0, &quick_policy());
    let ch = path.links[0];
    path.world.filter = Some(Box::new(|_, _, _, message| !matches!(message, Message::PaymentReceipt { .. })));
    let tag = pay(&mut path.world, 0, ch, MILLI, true, "a");
    path.world.run_for(3_000);
    let ver = path.world.ledger_of(0, ch).expect("the channel").version;
    path.world.filter = None;
    let blamed = |w: &World| w.nodes[0].events.iter().any(|e| matches!(e, Event::Misbehaved { .. }));
    // Of another version, or after the true one, it says nothing.
    path.world.inject(1, 0, Message::PaymentReceipt { ch, ver: ver + 2, sig: Signature([1; 64]) });
    path.world.run_for(50);
    assert!(!blamed(&path.world));
    path.world.inject(1, 0, Message::PaymentReceipt { ch, ver, sig: Signature([1; 64]) });
    path.world.run_for(50);
    assert!(blamed(&path.world));
    assert_eq!(path.world.reply(0, tag), None);
    path.world.run_for(6_000);
    receipt(&path.world, 0, tag, 1);
}

/// A payer that lies about what an item pays gets no receipt, and the money counts all the same.
#[test]
fn a_note_beyond_the_item_is_no_payment() {
    for (amount, reference) in [(2 * MILLI, vec![1]), (0, vec![1]), (MILLI, vec![1; 257]), (MILLI, vec![])] {
        let mut path = Path::open(4, 0, &quick_policy());
        let ch = path.links[0];
        let lie = Note { amount, reference: reference.clone() };
        path.world.pay(0, ch, MILLI);
        let before = received(&path.world, 1).len();
        path.world.run_for(1_000);
        let info = path.world.ledger_of(0, ch).expect("the channel");
        let body = perunika_sim::ledger_body(&info, Vec::new());
        let next = perunika_core::body::Body { ver: body.ver + 2, def_a: body.def_a - MILLI, ..body.clone() };
        let sig = perunika_core::sig::RawKey::sign(&path.world.raw_key(0), next.digest(&path.world.ground.domain));
        let item =
            Message::Item { ch, ver: next.ver, base: body.ver, def_a: next.def_a, sig, cosign: false, note: Some(lie) };
        path.world.corrupt(0);
        path.world.inject(0, 1, item);
        path.world.run_for(200);
        assert_eq!(path.world.share(1, ch), Some(100 * ETH + 2 * MILLI), "{amount} {reference:?}");
        assert_eq!((received(&path.world, 1).len(), receipts_sent(&path.world)), (before, 0));
    }
}

/// A payee that never signs its receipts holds up nothing for ever: the payment is answered without one, the next one goes out.
#[test]
fn a_withheld_receipt_holds_nothing_up_for_ever() {
    let mut path = Path::open(5, 0, &quick_policy());
    let ch = path.links[0];
    path.world.filter = Some(Box::new(|_, _, _, message| !matches!(message, Message::PaymentReceipt { .. })));
    let first = pay(&mut path.world, 0, ch, MILLI, true, "a");
    let second = pay(&mut path.world, 0, ch, MILLI, false, "b");
    path.world.run_for(20_000);
    assert_eq!((path.world.reply(0, first), path.world.reply(0, second)), (None, None));
    path.world.run_for(100_000);
    assert!(matches!(path.world.reply(0, first), Some(Reply::Applied { .. })));
    assert!(matches!(path.world.reply(0, second), Some(Reply::Delivered { .. })));
    assert_eq!(path.world.share(1, ch), Some(100 * ETH + 2 * MILLI));
    path.world.finish();
}
