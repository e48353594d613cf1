//! What nobody may count, uncount, or pay out of an open channel (protocol 0.3 top-up, withdrawal).

use super::link::garbage;
use super::scene::Scene;
use crate::story::ETH;
use perunika_core::body::{Body, Change};
use perunika_core::chain::Call;
use perunika_core::funding::Source;
use perunika_core::io::{Command, Reply};
use perunika_core::message::{LinkOp, Message};
use perunika_core::params::Side;
use perunika_core::sig::{RawKey, Signature};
use perunika_core::signed::{Adjust, Amount, Eip712};

/// Long enough for the newest block to be final, ms.
const FINAL_MS: u64 = 6_000;
/// Blocks above a final one.
const DEPTH: u64 = 4;

/// The corrupt party's proposal of these changes, of which the first one is made; and what it signs.
fn proposal(scene: &mut Scene, ops: Vec<LinkOp>) -> (Body, Message) {
    let base = scene.cur();
    let ver = scene.side().next_version(base.ver);
    let mut counted = base.deposits();
    match ops[0] {
        LinkOp::Count { deposits } => counted = deposits,
        LinkOp::Uncount { side, amount, .. } => {
            let of = &mut counted[side.index()];
            *of = of.saturating_sub(amount);
        }
        _ => {}
    }
    let next = base.with(ver, &Change::Deposits(counted)).unwrap_or_else(|_| Body { ver, ..base.clone() });
    let sig = scene.sign(&next);
    (next, Message::Propose { ch: base.ch, ver, base: base.hash(), ops, sig })
}

fn must_refuse(scene: &mut Scene, what: &str, op: LinkOp) {
    let (next, message) = proposal(scene, vec![op]);
    scene.must_refuse(what, next.ver, message);
}

fn must_take(scene: &mut Scene, what: &str, op: LinkOp) -> Body {
    let (next, message) = proposal(scene, vec![op]);
    scene.world.strings.loot.content(next.clone());
    scene.must_take(what, next.ver, message);
    next
}

/// The corrupt party pays something in, for either side.
fn deposit(scene: &mut Scene, side: Side, amount: Amount) {
    let (params, id) = (scene.channel, scene.ch);
    let not_after = scene.world.ground.time() + 100;
    let call = Call::Deposit { params, id, side, amount, not_after, funding: Source::Wallet.funding(), value: amount };
    let sent = scene.world.call_as(scene.corrupt, &call);
    scene.expect(sent.is_ok(), "the corrupt party can deposit");
}

fn there(scene: &Scene) -> [Amount; 2] {
    scene.world.slot(&scene.channel).deposits()
}

/// From now on the newest blocks are not final.
fn far_from_final(scene: &mut Scene) {
    scene.world.ground.depth = DEPTH;
    scene.world.run_for(FINAL_MS);
}

/// What the corrupt party may take out: a little of its deposit.
fn uncount(scene: &Scene) -> LinkOp {
    let (side, receiver) = (scene.side(), scene.world.nodes[scene.corrupt].owner);
    let not_after = scene.world.ground.time() + 60;
    LinkOp::Uncount { side, amount: ETH, receiver, seq: scene.world.slot(&scene.channel).seq, not_after }
}

fn adjust_of(scene: &Scene, op: LinkOp, ver: u64) -> Adjust {
    let LinkOp::Uncount { side, amount, receiver, seq, not_after } = op else { unreachable!("it counts less") };
    Adjust { id: scene.ch, seq, side: side as u8, amount, receiver, ver, not_after }
}

fn sign(scene: &Scene, adjust: &Adjust) -> Signature {
    scene.world.raw_key(scene.corrupt).sign(scene.world.ground.domain.digest(adjust.struct_hash()))
}

/// The honest party's signature on an Adjust, if it was given since the last word.
fn signed(scene: &Scene) -> Option<(Adjust, Signature)> {
    scene.answers().find_map(|m| if let Message::AdjustSig { adjust, sig } = m { Some((*adjust, *sig)) } else { None })
}

fn post(scene: &mut Scene, adjust: Adjust, theirs: Signature) {
    let mut sigs = [None, None];
    sigs[scene.honest] = Some(theirs);
    sigs[scene.corrupt] = Some(sign(scene, &adjust));
    let called = scene.world.call_as(scene.corrupt, &Call::Adjust { params: scene.channel, adjust, sigs });
    scene.expect(called.is_ok(), "the contract takes an Adjust that both signed");
}

/// Counts of what is not there, or not for good, or somebody else's.
pub(super) fn counts(scene: &mut Scene) {
    let mut more = there(scene);
    more[scene.corrupt] += ETH;
    must_refuse(scene, "0.3: a deposit that nobody made", LinkOp::Count { deposits: more });
    let less = there(scene).map(|d| d - ETH);
    must_refuse(scene, "0.3: less without a withdrawal", LinkOp::Count { deposits: less });
    far_from_final(scene);
    let mine = scene.side();
    deposit(scene, mine, ETH);
    scene.world.run_for(1_500);
    scene.expect(there(scene) == more, "the deposit is at the head");
    must_refuse(scene, "0.3: a deposit that is not final", LinkOp::Count { deposits: more });
    if !scene.faults.is_empty() {
        // What was counted vanishes, and the corrupt party has it all the same.
        scene.world.reorg(3);
        return scene.world.run_for(FINAL_MS);
    }
    scene.listen();
    scene.world.run_for(FINAL_MS);
    let right = LinkOp::Count { deposits: more };
    let asked = scene.answers().any(|m| match m {
        Message::Presign { op, .. } => *op == right,
        Message::Propose { ops, .. } => *ops == [right],
        _ => false,
    });
    scene.expect(asked, "0.3: a deposit that is final is not counted");
}

/// The corrupt party takes something out, and wants more than that.
pub(super) fn withdraws(scene: &mut Scene) {
    far_from_final(scene);
    let op = uncount(scene);
    let LinkOp::Uncount { side, amount, receiver, seq, not_after } = op else { return };
    let far = scene.world.ground.time() + 100_000;
    let past = scene.world.ground.time() - 1;
    let wrong = [
        (
            "0.3: under a counter that is not the slot's",
            LinkOp::Uncount { side, amount, receiver, seq: seq + 1, not_after },
        ),
        ("0.3: of the other side", LinkOp::Uncount { side: side.other(), amount, receiver, seq, not_after }),
        ("0.3: nothing", LinkOp::Uncount { side, amount: 0, receiver, seq, not_after }),
        ("0.3: more than is counted", LinkOp::Uncount { side, amount: 101 * ETH, receiver, seq, not_after }),
        ("0.3: for years", LinkOp::Uncount { side, amount, receiver, seq, not_after: far }),
        ("0.3: of the past", LinkOp::Uncount { side, amount, receiver, seq, not_after: past }),
    ];
    for (what, op) in wrong {
        must_refuse(scene, what, op);
        if !scene.faults.is_empty() {
            return;
        }
    }
    let (next, message) = proposal(scene, vec![op, op]);
    scene.must_refuse("0.3: two changes of deposits in one version", next.ver, message);
    let next = must_take(scene, "a withdrawal", op);
    let Some((adjust, theirs)) = signed(scene) else { return scene.fault("a right Adjust was not signed".into()) };
    scene.expect(adjust == adjust_of(scene, op, next.ver), "0.3: another Adjust was signed than was agreed on");
    while_it_is_out(scene, op);
    post(scene, adjust, theirs);
    scene.world.run_for(1_500);
    // It is used, and not for good: a reorganisation brings it back.
    while_it_is_out(scene, op);
    scene.world.run_for(FINAL_MS);
    let again = uncount(scene);
    let next = must_take(scene, "a second withdrawal behind the first one", again);
    let Some((adjust, _)) = signed(scene) else { return scene.fault("a second Adjust was not signed".into()) };
    scene.expect(adjust == adjust_of(scene, again, next.ver), "0.3: another Adjust was signed than was agreed on");
    // This one is never used: until its last second has passed for good nothing else is signed.
    while_it_is_out(scene, again);
}

/// An Adjust may still be used: nothing that counts more, and no other one.
fn while_it_is_out(scene: &mut Scene, op: LinkOp) {
    let LinkOp::Uncount { side, amount, .. } = op else { return };
    let mut more = scene.cur().deposits();
    more[side.index()] += amount;
    must_refuse(scene, "0.3: what is about to be paid out counts again", LinkOp::Count { deposits: more });
    let second = uncount(scene);
    must_refuse(scene, "0.3: a second withdrawal", second);
    if signed(scene).is_some() {
        scene.fault("0.3: a second Adjust was signed".into());
    }
    // Payments go on.
    let next = scene.paid(ETH as i128);
    let message = scene.pays(&next, true);
    scene.must_take("a payment while an Adjust is out", next.ver, message);
}

/// The honest party takes something out; the corrupt one agrees, and then signs something else.
pub(super) fn withdrawal_of_the_other(scene: &mut Scene) {
    let tag = scene.command(Command::Withdraw { ch: scene.ch, amount: ETH, to: Source::Wallet });
    scene.world.run_for(200);
    let asked = scene.answers().find_map(|m| match m {
        Message::Presign { ver, op: op @ LinkOp::Uncount { .. }, .. } => Some((*ver, *op)),
        Message::Propose { ver, ops, .. } => Some((*ver, *ops.first()?)),
        _ => None,
    });
    let Some((ver, op)) = asked else { return scene.fault("nothing was asked for".into()) };
    let base = scene.cur();
    let mut counted = base.deposits();
    counted[scene.honest] -= ETH;
    let next = base.with(ver, &Change::Deposits(counted)).expect("less is counted");
    scene.world.strings.loot.content(next.clone());
    let (ch, sig) = (scene.ch, scene.sign(&next));
    scene.say(Message::Presign { ch, ver, op, sig });
    scene.say(Message::Accept { ch, ver, sig });
    scene.expect(scene.accepted() == ver, "what was asked for is taken");
    let right = adjust_of(scene, op, ver);
    let more = Adjust { amount: right.amount - 1, ..right };
    for (what, adjust, sig) in [
        ("another Adjust", more, sign(scene, &more)),
        ("no signature", right, garbage()),
        ("a signature over something else", right, sign(scene, &more)),
    ] {
        scene.say(Message::AdjustSig { adjust, sig });
        let sent = scene.world.ground.queue.iter().any(|q| matches!(q.call, Call::Adjust { .. }));
        scene.expect(!sent, &format!("0.3: an Adjust was sent over {what}"));
    }
    let sig = sign(scene, &right);
    scene.say(Message::AdjustSig { adjust: right, sig });
    scene.world.run_for(5_000);
    let done = scene.world.reply(scene.honest, tag) == Some(&Reply::Done);
    scene.expect(done, "0.3: a withdrawal that both signed was not made");
}

/// A withdraws; B says no, A takes the wish back by a version above it, and now B agrees to the wish, too late: what A signed above it
/// counts more and may still be completed.
pub(super) fn agreed_too_late(scene: &mut Scene) {
    let tag = scene.command(Command::Withdraw { ch: scene.ch, amount: ETH, to: Source::Wallet });
    scene.world.run_for(200);
    let asked = scene.answers().find_map(|m| match m {
        Message::Presign { ver, op: op @ LinkOp::Uncount { .. }, .. } => Some((*ver, *op)),
        Message::Propose { ver, ops, .. } => Some((*ver, *ops.first()?)),
        _ => None,
    });
    let Some((ver, op)) = asked else { return scene.fault("nothing was asked for".into()) };
    let base = scene.cur();
    let mut counted = base.deposits();
    counted[scene.honest] -= ETH;
    let next = base.with(ver, &Change::Deposits(counted)).expect("less is counted");
    scene.world.strings.loot.content(next.clone());
    let (ch, sig) = (scene.ch, scene.sign(&next));
    scene.say(Message::Refuse { ch, ver, refused: vec![op.subject()], reason: "not now".into() });
    scene.world.run_for(3_000);
    let above = scene.answers().any(|m| matches!(m, Message::Propose { ver: v, .. } if *v > ver));
    scene.expect(above, "what was refused is taken back by a version above it");
    scene.say(Message::Accept { ch, ver, sig });
    scene.expect(scene.accepted() == ver, "what was asked for is taken");
    let adjust = adjust_of(scene, op, ver);
    let sig = sign(scene, &adjust);
    scene.say(Message::AdjustSig { adjust, sig });
    let sent = scene.world.ground.queue.iter().any(|q| matches!(q.call, Call::Adjust { .. }));
    scene.expect(!sent, "0.3: an Adjust was sent although a State above may count more");
    scene.world.run_for(3_000);
    let done = scene.world.reply(scene.honest, tag) == Some(&Reply::Done);
    scene.expect(!done, "0.3: it was paid although a State above may count more");
}
