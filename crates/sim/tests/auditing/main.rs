//! The auditor notices what it is there for: each promise, broken on purpose in the record of a good story.

mod promises;

use perunika_contracts::Event;
use perunika_core::message::Message;
use perunika_core::sig::Signature;
use perunika_sim::{ETH, Path, Tap, quick_policy};

/// A good story, its virtual channel still open.
fn story() -> Path {
    let mut path = Path::open(1, 1, &quick_policy());
    path.world.watch_closely();
    let vc = path.world.open_virtual(&[0, 1, 2], 10 * ETH, 10 * ETH);
    path.insist_on_share(vc, 0, 2, 5 * ETH, true);
    path
}

/// Changes the record and expects the auditor to name the promise.
fn expect(name: &str, change: impl FnOnce(&mut Path)) {
    let mut path = story();
    let clean = path.world.audit();
    assert!(clean.faults.is_empty(), "{:?}", clean.faults);
    change(&mut path);
    let faults = path.world.audit().faults;
    assert!(faults.iter().any(|f| f.contains(name)), "{name}: {faults:?}");
}

/// The same at the end of the story.
fn expect_at_end(name: &str, change: impl FnOnce(&mut Path)) {
    let mut path = story();
    let vc = path.world.virtual_ids()[0];
    path.world.close_virtual(0, vc);
    path.world.drain();
    let clean = path.world.audit_end();
    assert!(clean.faults.is_empty(), "{:?}", clean.faults);
    change(&mut path);
    let faults = path.world.audit_end().faults;
    assert!(faults.iter().any(|f| f.contains(name)), "{name}: {faults:?}");
}

#[test]
fn two_contents_with_one_version() {
    expect("P7", |path| {
        let ch = path.world.virtual_ids()[0];
        let message =
            Message::Item { ch, ver: 2, base: 1, def_a: 1, sig: Signature([1; 64]), cosign: true, note: None };
        path.world.taps.push((0, Tap::Sent { from: 0, message }));
    });
}

#[test]
fn a_signature_over_nothing_known() {
    expect("nobody can tell", |path| {
        let ch = path.links[0];
        let message = Message::Accept { ch, ver: 77, sig: Signature([1; 64]) };
        path.world.taps.push((0, Tap::Sent { from: 1, message }));
    });
}

#[test]
fn money_that_is_not_there() {
    expect("I1", |path| {
        let event = Event::Settled { id: path.links[0], vc: path.links[1], index: 0, pay_a: 1, pay_b: 0 };
        path.world.taps.push((0, Tap::Chain(event)));
    });
}

#[test]
fn two_finals() {
    expect("I6", |path| {
        let vc = path.world.virtual_ids()[0];
        for out_a in [1, 2] {
            let message = Message::FinalSigs { vc, out_a, sigs: vec![(1, Signature([1; 64]))] };
            path.world.taps.push((0, Tap::Sent { from: 1, message }));
        }
    });
}

#[test]
fn a_secret_over_a_lock_that_is_not_firm() {
    expect("I5", |path| {
        let answer = |tap: &Tap| matches!(tap, Tap::Got { to: 1, message: Message::Presign { .. }, .. });
        path.world.taps.retain(|(_, tap)| !answer(tap));
    });
}

#[test]
fn an_outcome_without_a_participant() {
    expect("I4", |path| {
        let vc = path.world.virtual_ids()[0];
        let reveals = |tap: &Tap| matches!(tap, Tap::Sent { from: 1, message: Message::Activate { .. } });
        path.world.taps.retain(|(_, tap)| !reveals(tap));
        path.world.taps.push((0, Tap::Chain(Event::Finalised { vc, out_a: 1 })));
    });
}

#[test]
fn a_record_that_goes_back() {
    expect("I2", |path| {
        let vc = path.world.virtual_ids()[0];
        for out_a in [1, 2] {
            path.world.taps.push((0, Tap::Chain(Event::VirtualConcluded { vc, out_a })));
        }
    });
}

#[test]
fn less_than_what_was_accepted() {
    let mut path = story();
    let vc = path.world.virtual_ids()[0];
    path.world.run_for(1_000);
    path.world.close_virtual(0, vc);
    path.world.drain();
    assert!(path.world.audit_end().faults.is_empty());
    let cheat = |tap: &mut Tap| {
        if let Tap::Chain(Event::Closed { pay_a, .. }) = tap {
            *pay_a /= 2;
        }
    };
    path.world.taps.iter_mut().for_each(|(_, tap)| cheat(tap));
    let faults = path.world.audit_end().faults;
    assert!(faults.iter().any(|f| f.contains("I8")), "{faults:?}");
}
