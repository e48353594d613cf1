//! What nobody may send over a link: items, proposals, countersignatures, Closes.

use super::scene::Scene;
use crate::story::ETH;
use alloy_primitives::B256;
use perunika_core::body::{Body, Change};
use perunika_core::chain::Call;
use perunika_core::io::Command;
use perunika_core::log::{MAX_ITEMS, MAX_JUMP};
use perunika_core::message::Message;
use perunika_core::sig::Signature;
use perunika_core::signed::{Close, Eip712, MAX_VERSION};
use perunika_core::tree;
use std::collections::BTreeSet;

const GAIN: i128 = ETH as i128;

/// Nothing that a key ever signs.
pub(super) fn garbage() -> Signature {
    Signature([7; 64])
}

/// An item that is wrong by one thing only, for every such thing (1.4(1), (2), (9), (10)).
pub(super) fn items(scene: &mut Scene) {
    let right = scene.paid(GAIN);
    let base = scene.cur();
    let mine = scene.side();
    let far = base.ver.max(right.ver) + MAX_JUMP + 2;
    let wrong = [
        ("an item that takes", scene.paid(-GAIN)),
        ("an item under a version of its payee", scene.split(&base, mine.other().next_version(base.ver), GAIN)),
        ("an item that jumps too far", scene.split(&base, mine.next_version(far), GAIN)),
        ("an item at the last version", scene.split(&base, MAX_VERSION, GAIN)),
        ("an item behind the last version", scene.split(&base, MAX_VERSION + 1, GAIN)),
        ("an item of more than there is", Body { def_a: base.total + ETH, ..right.clone() }),
        ("an item at its own base", scene.split(&base, base.ver, GAIN)),
    ];
    for (what, next) in wrong {
        // What gives the honest side more than all works against A only.
        if next.def_a > next.total && scene.honest != 0 {
            continue;
        }
        let item = scene.item(&next, base.ver, scene.sign(&next), true);
        scene.must_refuse(what, next.ver, item);
        if !scene.faults.is_empty() {
            return;
        }
    }
    let unsigned = scene.item(&right, base.ver, garbage(), false);
    scene.must_refuse("an item without a signature", right.ver, unsigned);
    let message = scene.pays(&right, false);
    scene.must_take("a right item", right.ver, message);
    older_items(scene);
}

/// Behind a higher version a lower one says nothing, whatever it gives.
fn older_items(scene: &mut Scene) {
    let high = scene.cur();
    let high = scene.split(&high, high.ver + 200, GAIN);
    let message = scene.pays(&high, false);
    scene.must_take("a version further on", high.ver, message);
    let lower = scene.split(&high, high.ver - 100, GAIN);
    let item = scene.item(&lower, high.ver, scene.sign(&lower), false);
    scene.must_refuse("an item below another one", lower.ver, item);
}

/// A proposal that is wrong by one thing only.
pub(super) fn proposals(scene: &mut Scene) {
    let cur = scene.cur();
    let mine = scene.side();
    let next = |ver: u64| cur.with(ver, &Change::none()).expect("nothing but a version");
    let propose = |next: &Body, base: B256, sig: Signature| Message::Propose {
        ch: next.ch,
        ver: next.ver,
        base,
        ops: Vec::new(),
        sig,
    };
    let right = next(mine.next_version(cur.ver));
    let far = next(mine.next_version(cur.ver + MAX_JUMP + 2));
    let theirs = next(mine.other().next_version(cur.ver));
    let last = Body { ver: MAX_VERSION, ..right.clone() };
    let wrong = [
        ("a proposal on another base", propose(&right, B256::repeat_byte(5), scene.sign(&right))),
        ("a proposal without a signature", propose(&right, cur.hash(), garbage())),
        ("a proposal that jumps too far", propose(&far, cur.hash(), scene.sign(&far))),
        ("a proposal under a version of its receiver", propose(&theirs, cur.hash(), scene.sign(&theirs))),
        ("a proposal at the last version", propose(&last, cur.hash(), scene.sign(&last))),
    ];
    for (what, message) in wrong {
        let Message::Propose { ver, .. } = &message else { continue };
        scene.must_refuse(what, *ver, message.clone());
        if !scene.faults.is_empty() {
            return;
        }
    }
    let message = propose(&right, cur.hash(), scene.sign(&right));
    scene.world.strings.loot.content(right.clone());
    scene.must_take("a right proposal", right.ver, message);
}

/// Something of the honest party is unanswered: nothing below it counts, and only a true countersignature answers it.
pub(super) fn below_what_is_out(scene: &mut Scene) {
    let cur = scene.cur();
    let tag = scene.pay(ETH, true);
    let Some(item) = scene.answers().find_map(|m| match m {
        Message::Item { ver, def_a, .. } => Some((*ver, *def_a)),
        _ => None,
    }) else {
        return scene.fault("nothing was paid".into());
    };
    let lower = scene.split(&cur, scene.side().next_version(cur.ver), GAIN);
    if lower.ver < item.0 {
        let message = scene.item(&lower, cur.ver, scene.sign(&lower), false);
        scene.must_refuse("an item below what the payee has signed", lower.ver, message);
        let same = cur.with(lower.ver, &Change::none()).expect("nothing but a version");
        let (ch, ver, base, ops, sig) = (same.ch, same.ver, cur.hash(), Vec::new(), scene.sign(&same));
        let message = Message::Propose { ch, ver, base, ops, sig };
        scene.must_refuse("a proposal below what its receiver has signed", same.ver, message);
    }
    let accept = Message::Accept { ch: cur.ch, ver: item.0, sig: garbage() };
    scene.must_refuse("a countersignature of nobody", item.0, accept);
    let applied = matches!(scene.world.reply(scene.honest, tag), Some(perunika_core::io::Reply::Applied { .. }));
    scene.expect(!applied, "a payment was called applied that nobody countersigned");
    let next = Body { ver: item.0, def_a: item.1, ..cur };
    scene.world.strings.loot.content(next.clone());
    let accept = Message::Accept { ch: next.ch, ver: next.ver, sig: scene.sign(&next) };
    scene.must_take("a true countersignature", next.ver, accept);
}

/// Whoever was paid countersigns that before it says anything of its own (1.4(10)).
pub(super) fn paid_and_pays(scene: &mut Scene) {
    let next = scene.paid(GAIN);
    let message = scene.pays(&next, false);
    scene.must_take("a right item", next.ver, message);
    scene.listen();
    scene.pay(ETH / 2, false);
    let order: Vec<bool> = scene
        .answers()
        .filter_map(|m| match m {
            Message::Accept { .. } => Some(true),
            Message::Item { .. } => Some(false),
            _ => None,
        })
        .collect();
    scene.expect(order.first() == Some(&true), "1.4(10): a payment was sent over an item that is not countersigned");
}

/// The payer stops when too much is unacknowledged (1.4(10)).
pub(super) fn silent_payee(scene: &mut Scene) {
    let payments = MAX_ITEMS + 20;
    for _ in 0..payments {
        scene
            .world
            .command(scene.honest, Command::Pay { ch: scene.ch, amount: 1, cosign: false, reference: Vec::new() });
    }
    scene.world.run_for(200);
    let items: BTreeSet<u64> =
        scene.answers().filter_map(|m| if let Message::Item { ver, .. } = m { Some(*ver) } else { None }).collect();
    scene.expect(items.len() <= MAX_ITEMS, "1.4(10): more items are out than may be");
}

fn close_of(scene: &mut Scene) -> Close {
    let cur = scene.cur();
    Close {
        id: scene.ch,
        dep_a: cur.dep_a,
        dep_b: cur.dep_b,
        out_a: cur.def_a,
        total: cur.total,
        locks: 0,
        entries: tree::empty_entries(),
        receiver_a: scene.channel.a.owner,
        receiver_b: scene.channel.b.owner,
        not_after: scene.world.ground.time() + 550,
    }
}

fn close_sig(scene: &Scene, close: Close) -> Message {
    let digest = scene.world.ground.domain.digest(close.struct_hash());
    let sig = perunika_core::sig::RawKey::sign(&scene.world.raw_key(scene.corrupt), digest);
    Message::CloseSig { close, sig }
}

fn signed_a_close(scene: &Scene) -> bool {
    scene.answers().any(|m| matches!(m, Message::CloseSig { .. }))
}

fn must_not_close(scene: &mut Scene, what: &str, message: Message) {
    scene.say(message);
    if signed_a_close(scene) {
        scene.fault(format!("a Close was signed: {what}"));
    }
}

/// B is shown Closes that are wrong by one thing only; then the right one, and what comes behind it (1.4(12)).
pub(super) fn closes(scene: &mut Scene) {
    let right = close_of(scene);
    let (thief, now) = (scene.world.nodes[0].owner, scene.world.ground.time());
    let locked = Close { locks: 1, total: right.total - ETH, out_a: right.out_a - ETH, ..right };
    let wrong = [
        ("another split", Close { out_a: right.total, ..right }),
        ("less money", Close { total: right.total - ETH, ..right }),
        ("other deposits", Close { dep_a: right.dep_a - ETH, total: right.total - ETH, ..right }),
        ("locks that there are not", Close { locks: 1, ..right }),
        ("other entries", Close { entries: B256::repeat_byte(1), ..right }),
        ("money kept back in locks", locked),
        ("another receiver", Close { receiver_b: thief, ..right }),
        ("for years", Close { not_after: now + 100_000_000, ..right }),
        ("of the past", Close { not_after: now.saturating_sub(5), ..right }),
    ];
    for (what, close) in wrong {
        let message = close_sig(scene, close);
        must_not_close(scene, what, message);
        if !scene.faults.is_empty() {
            return post_close(scene, close);
        }
    }
    must_not_close(scene, "without a signature", Message::CloseSig { close: right, sig: garbage() });
    let next = scene.paid(GAIN);
    let message = scene.pays(&next, true);
    scene.must_take("an item behind a Close that nobody signed", next.ver, message);
    if scene.faults.is_empty() {
        behind_the_close(scene);
    }
}

/// The corrupt one brings the Close to the chain.
fn post_close(scene: &mut Scene, close: Close) {
    let digest = scene.world.ground.domain.digest(close.struct_hash());
    let theirs = scene.answers().find_map(|m| if let Message::CloseSig { sig, .. } = m { Some(*sig) } else { None });
    let mine = perunika_core::sig::RawKey::sign(&scene.world.raw_key(scene.corrupt), digest);
    let mut sigs = [theirs; 2];
    sigs[scene.corrupt] = Some(mine);
    let lock_root = B256::ZERO;
    let _ = scene.world.call_as(scene.corrupt, &Call::Close { params: scene.channel, close, lock_root, sigs });
    scene.world.run_for(3_000);
}

/// A Close is signed: nothing is taken until it can no longer be used.
fn behind_the_close(scene: &mut Scene) {
    let right = close_of(scene);
    let message = close_sig(scene, right);
    scene.say(message);
    scene.expect(signed_a_close(scene), "a right Close was not signed");
    for wait_s in [1, 100] {
        scene.world.run_for(wait_s * 1_000);
        let next = scene.paid(GAIN);
        let message = scene.item(&next, next.ver, scene.sign(&next), true);
        scene.must_refuse("1.4(12): an item behind a Close", next.ver, message);
        let second = Close { not_after: right.not_after + 50, ..right };
        let message = close_sig(scene, second);
        must_not_close(scene, "a second one while the first is valid", message);
    }
    post_close(scene, right);
}

/// B has something unanswered: no Close is signed over it; nor during a dispute.
pub(super) fn close_too_early(scene: &mut Scene) {
    let right = close_of(scene);
    scene.pay(ETH, false);
    let message = close_sig(scene, right);
    must_not_close(scene, "over something unanswered", message);
    post_close(scene, right);
}

/// A has something unanswered and is asked for the end.
pub(super) fn asked_too_early(scene: &mut Scene) {
    scene.pay(ETH, false);
    let message = Message::CloseAsk { ch: scene.ch };
    must_not_close(scene, "by A, over something unanswered", message);
    scene.world.run_for(1_000);
    scene.expect(!signed_a_close(scene), "A signed a Close over something unanswered");
}

/// A dispute runs, or has just been concluded: nothing is signed or accepted any more (1.4(7)).
pub(super) fn disputed(scene: &mut Scene) {
    let cur = scene.cur();
    let Some(sigs) = scene.both(&cur) else { return scene.fault("the newest State is not signed by both".into()) };
    let (state, roots) = (cur.state(), cur.roots());
    if scene.world.call_as(scene.corrupt, &Call::Register { params: scene.channel, state, roots, sigs }).is_err() {
        return scene.fault("the newest State cannot be registered".into());
    }
    let seen =
        scene.world.run_until(6_000, |w| w.ledger_of(scene.honest, scene.ch).is_some_and(|l| l.refute_end.is_some()));
    scene.expect(seen, "the dispute is not seen");
    let next = scene.paid(GAIN);
    let item = scene.item(&next, cur.ver, scene.sign(&next), true);
    scene.must_refuse("1.4(7): an item during a dispute", next.ver, item);
    if scene.corrupt == 0 {
        let message = {
            let close = close_of(scene);
            close_sig(scene, close)
        };
        must_not_close(scene, "1.4(7): during a dispute", message);
    }
    if !scene.faults.is_empty() {
        return;
    }
    conclude_at_the_head(scene);
}

fn conclude_at_the_head(scene: &mut Scene) {
    let Some(dispute) = scene.world.slot(&scene.channel).dispute else { return };
    scene.world.nodes[scene.honest].chain_delay_ms = 20_000;
    scene.world.run_to(dispute.refute_end + 1);
    let Some(state) = dispute.state else { return };
    let call = Call::Conclude { params: scene.channel, state, roots: dispute.roots, mix: dispute.mix };
    let _ = scene.world.call_as(scene.corrupt, &call);
    let params = scene.channel;
    let concluded = scene.world.run_until(4_000, |w| w.slot(&params).phase == perunika_core::chain::Phase::Closed);
    if !concluded {
        return;
    }
    scene.world.run_for(20);
    let next = scene.paid(GAIN);
    let item = scene.item(&next, next.ver, scene.sign(&next), true);
    scene.must_refuse("1.4(7): an item behind the end at the head", next.ver, item);
}

/// The chain was not read for longer than is safe: nothing is signed or accepted (1.4(7)).
pub(super) fn blind(scene: &mut Scene) {
    scene.world.nodes[scene.honest].rpc.stopped = true;
    scene.world.run_for(12_000);
    let next = scene.paid(GAIN);
    let item = scene.item(&next, next.ver, scene.sign(&next), true);
    scene.must_refuse("1.4(7): an item while the chain is not seen", next.ver, item);
    scene.world.nodes[scene.honest].rpc.stopped = false;
    scene.world.run_for(3_000);
}

/// An old State goes to the chain, and the honest party is alone (2.3 REFUTE, END).
pub(super) fn old_state(scene: &mut Scene) {
    let body = scene.cur();
    let Some(sigs) = scene.both(&body) else { return scene.fault("the newest State is not signed by both".into()) };
    for _ in 0..3 {
        let next = scene.paid(GAIN);
        let message = scene.pays(&next, true);
        scene.must_take("a right item", next.ver, message);
    }
    let (state, roots) = (body.state(), body.roots());
    let called = scene.world.call_as(scene.corrupt, &Call::Register { params: scene.channel, state, roots, sigs });
    scene.expect(called.is_ok(), "the old State cannot be registered");
    scene.world.run_for(4_000);
}

/// Something was paid over what is out: its countersignature comes too late to count (S68).
pub(super) fn answered_too_late(scene: &mut Scene) {
    let cur = scene.cur();
    scene.pay(ETH, true);
    let item = scene
        .answers()
        .find_map(|m| if let Message::Item { ver, def_a, .. } = m { Some((*ver, *def_a)) } else { None });
    let Some((ver, def_a)) = item else { return scene.fault("nothing was paid".into()) };
    let above = scene.split(&cur, scene.side().next_version(ver), GAIN);
    let message = scene.pays(&above, false);
    scene.must_take("an item above what is out", above.ver, message);
    let late = Body { ver, def_a, ..cur };
    let accept = Message::Accept { ch: late.ch, ver, sig: scene.sign(&late) };
    scene.must_refuse("1.4(2): a countersignature below cur", ver, accept);
}

/// The peer answers to what the honest party never signed, as far as it knows: its disk may be an old copy (S9).
pub(super) fn answer_to_nothing(scene: &mut Scene) {
    let cur = scene.cur();
    let ver = scene.side().other().next_version(cur.ver + 1_000);
    let unknown = Body { ver, ..cur };
    let (ch, sig) = (unknown.ch, scene.sign(&unknown));
    scene.say(Message::Ack { ch, ver });
    scene.say(Message::Accept { ch, ver, sig });
    scene.listen();
    scene.pay(ETH, true);
    let paid = scene.answers().any(|m| matches!(m, Message::Item { .. }));
    scene.expect(!paid, "1.4(4): something was signed on a copy of which the peer knows more");
}
