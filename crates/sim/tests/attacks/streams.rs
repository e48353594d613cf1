//! Payments: S11, S44, S57, S68, S69, and crossing (S10).

use perunika_core::body::{Body, Change};
use perunika_core::io::{Command, Event, Reply};
use perunika_core::message::Message;
use perunika_sim::{Adversary, ETH, Stage, Tap};

/// Bob (1) has received `items` stream items that he has not countersigned; Alice (0) becomes corrupt.
fn streamed(seed: u64, items: u64) -> (Stage, Adversary, Body, Body) {
    let mut stage = Stage::new(seed, 1);
    let ch = stage.links[0];
    stage.world.pay(0, ch, ETH);
    let base = stage.link_body(1, 0, Vec::new());
    for _ in 0..items {
        stage.world.stream(0, ch, ETH / 1_000);
        if stage.world.nodes[0].participant.as_ref().is_some_and(|p| p.ledgers()[0].outstanding % 100 == 99) {
            stage.world.run_for(100);
        }
    }
    stage.world.run_for(1_000);
    let newest = stage.link_body(1, 0, Vec::new());
    let mut adversary = Adversary::new(&[0]);
    adversary.strike(&mut stage.world);
    (stage, adversary, base, newest)
}

fn propose(stage: &Stage, next: &Body, base: &Body) -> Message {
    use perunika_core::sig::RawKey;
    let sig = stage.world.raw_key(0).sign(next.digest(&stage.world.ground.domain));
    Message::Propose { ch: next.ch, ver: next.ver, base: base.hash(), ops: Vec::new(), sig }
}

pub(crate) fn received(stage: &Stage, node: usize) -> u128 {
    let amount = |e: &Event| if let Event::Received { amount, .. } = e { *amount } else { 0 };
    stage.world.nodes[node].events.iter().map(amount).sum()
}

fn state_of(stage: &Stage, node: usize) -> (u64, u64, u128) {
    let info = stage.world.ledger_of(node, stage.links[0]).expect("the channel");
    (info.version, info.accepted, info.mine)
}

#[test]
fn s57_a_stream_is_not_erased_by_a_proposal_on_the_old_base() {
    let (mut stage, adversary, base, newest) = streamed(500, 1_000);
    assert_eq!(newest.def_a, base.def_a - ETH);
    let before = state_of(&stage, 1);
    for ver in [newest.ver + 1, newest.ver + 2, newest.ver + 4, newest.ver + 4_096] {
        let next = Body { ver, ..base.clone() };
        stage.world.inject(0, 1, propose(&stage, &next, &base));
        let item = adversary.item(&stage.world, 0, &next, base.ver, true);
        stage.world.inject(0, 1, item);
        stage.world.run_for(100);
    }
    assert_eq!(state_of(&stage, 1), before);
    stage.finish();
    assert_eq!(stage.world.gain(1), 2 * ETH as i128, "the payment and the whole stream");
}

/// After an item in the middle of a stream the payer goes back behind it, by every message that carries a version.
#[test]
fn s57_the_share_of_the_payee_never_falls() {
    let (mut stage, adversary, _, newest) = streamed(501, 20);
    let before = state_of(&stage, 1);
    for (step, back) in [(2, 1), (4, ETH / 1_000), (6, ETH), (65_536, 5)] {
        let next = Body { ver: newest.ver + step, def_a: newest.def_a + back, ..newest.clone() };
        stage.world.inject(0, 1, adversary.item(&stage.world, 0, &next, newest.ver, false));
        stage.world.run_for(100);
        assert_eq!(state_of(&stage, 1), before, "{back} back at +{step}");
    }
    let good = Body { ver: newest.ver + 2, def_a: newest.def_a - ETH, ..newest.clone() };
    stage.world.inject(0, 1, adversary.item(&stage.world, 0, &good, newest.ver, false));
    stage.world.run_for(100);
    assert_eq!(state_of(&stage, 1).2, before.2 + ETH, "a real payment still works");
}

/// Versions: below or at what was signed, of the wrong party, a jump of more than 2^16, the last ones (S10, S44).
#[test]
fn s44_s10_versions_that_nobody_may_use() {
    let (mut stage, adversary, _, newest) = streamed(502, 5);
    let before = state_of(&stage, 1);
    let max = perunika_core::signed::MAX_VERSION;
    for ver in [0, 1, 2, newest.ver, newest.ver + 1, newest.ver + 65_538, 1 << 40, max - 1, max, max + 1, u64::MAX] {
        let next = Body { ver, def_a: newest.def_a - ETH, ..newest.clone() };
        for message in [
            adversary.item(&stage.world, 0, &next, newest.ver, true),
            propose(&stage, &next, &newest),
            adversary.accept(&stage.world, 0, &next),
        ] {
            stage.world.inject(0, 1, message);
            stage.world.run_for(100);
        }
    }
    let after = state_of(&stage, 1);
    assert_eq!((after.1, after.2), (before.1, before.2), "accepted version and share");
    stage.finish();
}

/// S11, S13: more than there is, in every direction.
#[test]
fn s11_items_that_overdraw_or_overflow() {
    let (mut stage, adversary, _, newest) = streamed(503, 2);
    let before = state_of(&stage, 1);
    for def_a in [newest.def_a + 1, newest.total, newest.total + 1, (1 << 96) - 1, 1 << 96, u128::MAX] {
        let next = Body { ver: newest.ver + 2, def_a, ..newest.clone() };
        stage.world.inject(0, 1, adversary.item(&stage.world, 0, &next, newest.ver, true));
        stage.world.run_for(100);
        assert_eq!(state_of(&stage, 1), before);
    }
    stage.finish();
}

/// K-th item, crash of the payee, the payer sends everything again: paid once.
#[test]
fn s57_s8_the_payee_crashes_within_a_stream() {
    for k in [1, 3, 7] {
        let mut stage = Stage::new(504, 1);
        let ch = stage.links[0];
        for _ in 0..k {
            stage.world.stream(0, ch, ETH / 10);
        }
        stage.world.run_for(15);
        stage.world.crash(1);
        for _ in k..10 {
            stage.world.stream(0, ch, ETH / 10);
        }
        stage.world.run_for(20_000);
        stage.world.pay(1, ch, ETH);
        let (_, _, mine) = state_of(&stage, 1);
        assert_eq!(mine, 10 * ETH, "k {k}: ten payments of a tenth came in and one went out");
        stage.finish();
    }
}

/// Both stream at once: proposals and items cross, and every payment arrives once.
#[test]
fn s10_s57_streams_in_both_directions() {
    let mut stage = Stage::new(505, 1);
    let ch = stage.links[0];
    for i in 0..60 {
        stage.world.stream(i % 2, ch, ETH / 100);
        stage.world.run_for([0, 3, 7, 15][i % 4]);
    }
    stage.world.stream(0, ch, ETH);
    stage.world.run_for(30_000);
    let (a, b) = (state_of(&stage, 0), state_of(&stage, 1));
    assert_eq!((a.2, b.2), (9 * ETH, 11 * ETH));
    assert_eq!(received(&stage, 0), 30 * ETH / 100);
    assert_eq!(received(&stage, 1), 30 * ETH / 100 + ETH);
    stage.finish();
}

/// An end that has signed a Final takes no item any more, and does not report it as paid.
#[test]
fn s69_items_after_a_final_are_neither_accepted_nor_reported() {
    let mut stage = Stage::new(506, 2);
    let params = stage.open(ETH, ETH);
    let vc = stage.vc();
    stage.world.pay(0, vc, ETH / 4);
    // Alice says that she is quiet; Bob signs; Alice never does.
    let mut adversary = Adversary::new(&[0]);
    adversary.strike(&mut stage.world);
    stage.world.command(2, Command::CloseVirtual { vc });
    stage.world.inject(0, 2, Message::VcCloseAsk { vc });
    stage.world.run_for(3_000);
    let signed = stage.world.taps.iter().any(|(_, tap)| {
        matches!(tap, Tap::Sent { from: 2, message: Message::FinalSigs { sigs, .. } } if sigs.iter().any(|(i, _)| *i == 2))
    });
    assert!(signed, "Bob signed his Final");
    let cur = stage.world.nodes[2].participant.as_ref().and_then(|p| p.evidence(vc)).expect("evidence").state;
    let (disk, before) = (stage.world.disk(2), received(&stage, 2));
    for step in [2, 4] {
        let next = perunika_sim::virtual_body(&stage.world, &params, cur.ver + step, cur.def_a - ETH / 8);
        stage.world.inject(0, 2, adversary.item(&stage.world, 0, &next, cur.ver, step == 2));
        stage.world.run_for(200);
    }
    assert_eq!(received(&stage, 2), before);
    assert_eq!(stage.world.disk(2), disk);
    stage.finish();
    assert_eq!(stage.world.gain(2), (ETH / 4) as i128);
}

#[test]
fn s69_items_after_a_close_are_neither_accepted_nor_reported() {
    let mut stage = Stage::new(507, 1);
    let ch = stage.links[0];
    stage.world.pay(1, ch, ETH);
    let cur = stage.link_body(0, 0, Vec::new());
    let mut adversary = Adversary::new(&[1]);
    adversary.strike(&mut stage.world);
    stage.world.command(0, Command::CloseChannel { ch, force: false });
    stage.world.inject(1, 0, Message::CloseAsk { ch });
    stage.world.run_for(500);
    let signed = adversary.heard(&stage.world).any(|m| matches!(m, Message::CloseSig { .. }));
    assert!(signed, "Alice signed the Close");
    let before = received(&stage, 0);
    let next = Body { ver: cur.ver + 2, def_a: cur.def_a + ETH, ..cur.clone() };
    let next = if next.ver % 2 == 1 { next } else { Body { ver: cur.ver + 1, ..next } };
    stage.world.inject(1, 0, adversary.item(&stage.world, 1, &next, cur.ver, true));
    stage.world.run_for(500);
    assert_eq!(received(&stage, 0), before);
    let refused = Command::Pay { ch, amount: 1, cosign: false, reference: Vec::new() };
    let tag = stage.world.command(0, refused);
    assert!(matches!(stage.world.reply(0, tag), Some(Reply::Refused(_))), "and Alice signs no payment");
    stage.finish();
    assert_eq!(stage.world.gain(0), ETH as i128);
}

/// S68: the countersignature of a lock that an accepted item has already voided. The lock is not firm, the secret stays.
#[test]
fn s68_a_countersignature_below_an_accepted_item_makes_no_lock_firm() {
    let mut stage = Stage::new(508, 2);
    stage.world.pay(2, stage.links[1], ETH);
    let cur = stage.link_body(1, 1, Vec::new());
    let bob = stage.world.key(2);
    // The hub's pre-signature reaches Bob, Bob's answers to it do not reach the hub.
    stage.world.filter = Some(Box::new(move |_, from, _, m| {
        from != bob || !matches!(m, Message::Presign { .. } | Message::Propose { .. } | Message::Accept { .. })
    }));
    stage.world.ask_virtual(&[0, 1, 2], ETH, ETH);
    stage.world.run_for(1_000);
    let vc = stage.world.nodes[1].participant.as_ref().and_then(|p| Some(p.virtuals().first()?.id));
    stage.adopt(vc.expect("the hub takes part"));
    let mut adversary = Adversary::new(&[2]);
    adversary.strike(&mut stage.world);
    stage.world.filter = None;
    let presigned = adversary.heard(&stage.world).find_map(|m| match m {
        Message::Presign { ch, ver, .. } | Message::Propose { ch, ver, .. } if *ch == stage.links[1] => Some(*ver),
        _ => None,
    });
    let locked = cur
        .with(presigned.expect("the hub pre-signed"), &Change::locks(Vec::new(), vec![stage.lock(1)]))
        .expect("a lock");
    // First an item above the pre-signature, which the hub may accept; then the countersignature below it.
    let above = Body { ver: locked.ver + 1, def_a: cur.def_a + ETH, ..cur.clone() };
    stage.world.inject(2, 1, adversary.item(&stage.world, 2, &above, cur.ver, false));
    stage.world.run_for(50);
    let accepted = stage.world.ledger_of(1, stage.links[1]).expect("the link").accepted;
    stage.world.inject(2, 1, adversary.accept(&stage.world, 2, &locked));
    stage.world.run_for(3_000);
    let revealed =
        stage.world.taps.iter().any(|(_, tap)| matches!(tap, Tap::Sent { from: 1, message: Message::Activate { .. } }));
    assert_eq!(accepted, above.ver, "the item was accepted");
    assert!(!revealed, "the secret left behind a lock that cur voids");
    stage.finish();
}
