//! What an honest hub must not sign, reveal or let go of (2.3 creation, activation, abort, close).

use super::hub::{Between, HUB, NEIGHBOURS};
use crate::story::ETH;
use alloy_primitives::B256;
use perunika_core::chain::{Call, RecordView};
use perunika_core::io::{Command, Event};
use perunika_core::message::{LinkOp, Message, Removal, Terms};
use perunika_core::params::VirtualParams;
use perunika_core::secret::Secret;
use perunika_core::sig::Signature;

/// Questions for what nobody should take part in (S36, S48, S59).
pub(super) fn questions(scene: &mut Between) {
    let (terms, now) = (scene.terms(), scene.world.ground.time());
    let wrong = [
        ("C of a second", Terms { challenge: 1, ..terms }),
        ("w of a second", Terms { window: 1, ..terms }),
        ("endless C", Terms { challenge: u32::MAX, ..terms }),
        ("endless steps", Terms { k_max: u16::MAX, ..terms }),
        ("a term that is nearly over", Terms { t_exp: now + 10, ..terms }),
        ("a term of years", Terms { t_exp: now + 100_000_000, ..terms }),
        ("a stake beyond the policy", Terms { init_a: 30 * ETH, ..terms }),
        ("no stake", Terms { init_a: 0, init_b: 0, ..terms }),
    ];
    for (what, terms) in wrong {
        let path = scene.path(3);
        let quoted = scene.ask(path, terms);
        scene.expect(!quoted, &format!("2.3: a quote for {what}"));
    }
    let (me, hub, far) = (scene.world.key(0), scene.world.key(HUB), scene.world.key(2));
    let mut long = scene.path(3);
    long.extend((0..15).map(|i| alloy_primitives::Address::repeat_byte(0x70 + i)));
    let paths = [
        ("a loop", vec![me, hub, me]),
        ("the hub twice", vec![me, hub, far, hub, far]),
        ("17 links", long),
        ("no hub", vec![me, hub]),
    ];
    for (what, path) in paths {
        let quoted = scene.ask(path, terms);
        scene.expect(!quoted, &format!("2.3: a quote for a path with {what}"));
    }
}

/// Parameters that differ from what was quoted, or do not fit together (S59).
pub(super) fn openings(scene: &mut Between) {
    let right = scene.params(4);
    let spare = scene.spare;
    let links = scene.links;
    let with = |change: &dyn Fn(&mut VirtualParams)| {
        let mut params = right.clone();
        change(&mut params);
        params
    };
    let wrong: Vec<(&str, usize, VirtualParams)> = vec![
        ("no fees", 0, with(&|p| p.fees.clear())),
        ("no hashes behind the hub's", 0, with(&|p| p.hashes.truncate(2))),
        ("a link more", 0, with(&|p| p.links.push(B256::repeat_byte(8)))),
        ("a link twice", 0, with(&|p| p.links[2] = p.links[1])),
        ("no such link", 0, with(&|p| p.links[0] = B256::repeat_byte(9))),
        ("another neighbour's link", 0, with(&|p| p.links[0] = spare)),
        ("another link than named", 0, with(&|p| p.links[1] = spare)),
        ("half the fee", 0, with(&|p| p.fees[0] /= 2)),
        ("another stake", 0, with(&|p| p.init_a += 1)),
        ("another term", 0, with(&|p| p.t_exp += 1)),
        ("another path", 0, with(&|p| p.path[3] = alloy_primitives::Address::repeat_byte(3))),
        ("amounts beyond all bounds", 0, with(&|p| p.fees[1] = perunika_core::signed::MAX_AMOUNT)),
        ("another's name", 2, right.clone()),
    ];
    let _ = links;
    for (what, from, params) in wrong {
        scene.open(from, &params);
        if scene.takes_part(&params) {
            return scene.expect(false, &format!("2.3: the hub takes part: {what}"));
        }
    }
    scene.open(0, &right);
    let part = scene.takes_part(&right);
    scene.expect(part, "the hub does not take part in what it quoted");
    let again = with(&|p| p.nonce += 1);
    scene.open(0, &again);
    if scene.takes_part(&again) {
        scene.expect(false, "2.3: one activation secret for two virtual channels");
    }
}

/// The answer to a lock comes before it is asked for, and is none.
pub(super) fn early_presignature(scene: &mut Between) {
    let params = scene.params(3);
    let vc = scene.id(&params);
    let op = LinkOp::Add { vc };
    let before = scene.bodies[0].ver;
    let even = (before & !1) + 2;
    let wrong = if scene.rng.chance(500) {
        (even, Signature([7; 64]))
    } else {
        let body = scene.op_body(0, &params, op, even + 40);
        (even + 40, body.map_or(Signature([7; 64]), |body| scene.sign(0, &body)))
    };
    let ch = scene.links[0];
    scene.world.inject(0, HUB, Message::Presign { ch, ver: wrong.0, op, sig: wrong.1 });
    scene.wait(40);
    scene.open(0, &params);
    let accepted = scene.world.ledger_of(HUB, ch).map_or(0, |l| l.accepted);
    scene.expect(accepted == before, "2.3: a pre-signature that does not fit was completed");
}

/// Only one link has its lock (S33); then the time is over, and the other one comes.
pub(super) fn one_lock(scene: &mut Between) {
    let params = scene.params(3);
    scene.open(0, &params);
    scene.lock(0, &params);
    scene.activate(&params);
    let early = scene.revealed(&params);
    scene.expect(!early, "2.3: the secret left over one lock");
    let sigs = scene.finals(&params, ETH, &[0, 2]);
    let signed = scene.signs_final(&params, ETH, sigs);
    scene.expect(!signed, "2.3: a Final was signed before the secret was out");
    scene.wait(11_500);
    scene.lock(1, &params);
    let late = scene.revealed(&params);
    scene.expect(!late, "2.3: the secret left when the time was over");
    let again = scene.signs(1, &params, LinkOp::Add { vc: scene.id(&params) });
    scene.expect(!again, "2.3: a lock was signed when the time was over");
}

/// No lock yet when the time is over: none is signed any more.
pub(super) fn late_lock(scene: &mut Between) {
    let params = scene.params(3);
    scene.open(0, &params);
    scene.wait(12_000);
    for side in [0, 1] {
        let op = LinkOp::Add { vc: scene.id(&params) };
        let signed = scene.signs_anew(side, &params, op);
        scene.expect(!signed, "2.3: a lock was signed when the time was over");
    }
}

/// Given up, the lock removed, and asked for once more; the other link answers late.
pub(super) fn given_up(scene: &mut Between) {
    let params = scene.params(3);
    let vc = scene.id(&params);
    scene.open(0, &params);
    scene.lock(0, &params);
    scene.world.inject(0, HUB, Message::Abort { vc, reason: "no".into() });
    scene.wait(200);
    let removed = scene.countersign(0, &params, |op| matches!(op, LinkOp::Remove { how: Removal::Initial, .. }));
    scene.expect(removed, "the hub does not let go of what was given up");
    let again = scene.signs(0, &params, LinkOp::Add { vc });
    scene.expect(!again, "2.3: a lock was signed a second time");
    if again {
        scene.lock(1, &params);
        let out = scene.revealed(&params);
        scene.expect(!out, "2.3: the secret left behind the tombstone");
    }
}

/// Given up while one lock is missing, which then comes.
pub(super) fn given_up_in_the_middle(scene: &mut Between) {
    let params = scene.params(3);
    let vc = scene.id(&params);
    scene.open(0, &params);
    scene.lock(0, &params);
    scene.world.inject(0, HUB, Message::Abort { vc, reason: "no".into() });
    scene.wait(100);
    scene.lock(1, &params);
    let out = scene.revealed(&params);
    scene.expect(!out, "2.3: the secret left behind the tombstone");
}

/// A link is in dispute when its lock is countersigned (S7): the secret stays, and so no Final is signed.
pub(super) fn disputed_link(scene: &mut Between) {
    let params = scene.params(3);
    scene.open(0, &params);
    scene.lock(0, &params);
    scene.register_link(1);
    scene.lock(1, &params);
    scene.activate(&params);
    let out = scene.revealed(&params);
    scene.expect(!out, "2.3: the secret left over a link in dispute");
    let sigs = scene.finals(&params, ETH, &[0, 2]);
    let signed = scene.signs_final(&params, ETH, sigs);
    scene.expect(!signed, "2.3: a Final was signed with the secret unrevealed");
}

/// The other link is in dispute before a lock is signed.
pub(super) fn lock_beside_a_dispute(scene: &mut Between) {
    let pay = Command::Pay { ch: scene.links[0], amount: ETH, cosign: true, reference: Vec::new() };
    let params = scene.params(3);
    scene.listen();
    scene.world.command(HUB, pay);
    scene.wait(60);
    let item = scene
        .answers(0)
        .find_map(|m| if let Message::Item { ver, def_a, .. } = m { Some((*ver, *def_a)) } else { None });
    let Some((ver, def_a)) = item else { return scene.expect(false, "the hub does not pay") };
    scene.open(0, &params);
    scene.register_link(1);
    let body = perunika_core::body::Body { ver, def_a, ..scene.bodies[0].clone() };
    scene.listen();
    let (ch, sig) = (body.ch, scene.sign(0, &body));
    scene.world.inject(0, HUB, Message::Accept { ch, ver, sig });
    scene.bodies[0] = body;
    scene.wait(300);
    let adds = |op: &LinkOp| matches!(op, LinkOp::Add { .. });
    let offered = scene.answers(0).any(|m| match m {
        Message::Presign { op, .. } => adds(op),
        Message::Propose { ops, .. } => ops.iter().any(adds),
        _ => false,
    });
    scene.expect(!offered, "2.3: a lock was signed beside a dispute");
}

/// The lock is refused and countersigned all the same, while a State without it is out: it is not firm (1.4(2)).
pub(super) fn not_firm(scene: &mut Between) {
    let params = scene.params(3);
    let vc = scene.id(&params);
    scene.open(0, &params);
    scene.lock(0, &params);
    let Some((ver, _)) = scene.offered(1, |op| matches!(op, LinkOp::Add { .. })) else {
        return scene.expect(false, "the hub offers no lock");
    };
    let ch = scene.links[1];
    scene.world.inject(2, HUB, Message::Refuse { ch, ver, refused: vec![vc], reason: "not now".into() });
    scene.wait(200);
    let body = scene.op_body(1, &params, LinkOp::Add { vc }, ver);
    let Some(body) = body else { return };
    let accept = Message::Accept { ch, ver, sig: scene.sign(2, &body) };
    scene.world.inject(2, HUB, accept);
    scene.wait(30);
    let out = scene.revealed(&params);
    let without = scene.world.ledger_of(HUB, ch).is_some_and(|l| l.outstanding > 0);
    scene.expect(!(out && without), "1.4(2): the secret left over a lock that is not firm");
}

/// A virtual channel is in use: nothing removes its locks but a certificate.
pub(super) fn in_use(scene: &mut Between) {
    let params = scene.active(3);
    let vc = scene.id(&params);
    scene.world.inject(0, HUB, Message::Abort { vc, reason: "no".into() });
    scene.wait(200);
    for how in [Removal::Initial, Removal::Outcome(0), Removal::Outcome(9 * ETH)] {
        for side in [0, 1] {
            let signed = scene.signs(side, &params, LinkOp::Remove { vc, how });
            if signed {
                scene.expect(false, &format!("2.3: a lock was removed at {how:?}"));
                return cheat(scene, &params, side);
            }
        }
    }
    let (garbage, total) = (Signature([7; 64]), params.total());
    let one = scene.finals(&params, ETH, &[0]);
    let forged = [one[0], (2, garbage)];
    let beyond = scene.finals(&params, total + 1, &[0, 2]);
    let cases = [
        ("by one end", ETH, one.clone()),
        ("with a forged signature", ETH, forged.to_vec()),
        ("beyond the total", total + 1, beyond),
    ];
    for (what, out_a, sigs) in cases {
        let signed = scene.signs_final(&params, out_a, sigs);
        scene.expect(!signed, &format!("2.3: a Final was signed {what}"));
    }
    let first = scene.finals(&params, 2 * ETH, &[0, 2]);
    let signed = scene.signs_final(&params, 2 * ETH, first);
    scene.expect(signed, "a Final of both ends was not signed");
    let second = scene.finals(&params, 7 * ETH, &[0, 2]);
    let signed = scene.signs_final(&params, 7 * ETH, second);
    scene.expect(!signed, "I6: a second Final was signed");
}

/// What the neighbour got out of one link is taken out of the other one, too.
fn cheat(scene: &mut Between, params: &VirtualParams, side: usize) {
    let out_a = if side == 0 { 0 } else { params.total() };
    scene.register(params, 9, out_a);
}

/// The certificate is complete, one neighbour lets go, and the other one does not, with or without a record that says otherwise
/// (duty, S34).
pub(super) fn one_sided(scene: &mut Between) {
    let params = scene.active(3);
    let side = usize::from(scene.rng.chance(500));
    // What costs the hub on the link that is settled first.
    let out_a = if side == 0 { params.total() } else { 0 };
    let sigs = scene.finals(&params, out_a, &[0, 2]);
    let signed = scene.signs_final(&params, out_a, sigs);
    scene.expect(signed, "a Final of both ends was not signed");
    scene.wait(300);
    let removed = scene.countersign(side, &params, |op| matches!(op, LinkOp::Remove { .. }));
    scene.expect(removed, "the hub offers no removal at a certificate");
    if scene.rng.chance(500) {
        scene.register(&params, 1, if side == 0 { 0 } else { params.total() });
        scene.wait(40_000);
    } else {
        scene.world.run_to(params.t_exp + 30);
    }
}

/// The certificate comes so late that the duty could not be done any more.
pub(super) fn late_certificate(scene: &mut Between) {
    let params = scene.active(3);
    scene.world.run_to(params.t_exp - 8);
    let sigs = scene.finals(&params, ETH, &[0, 2]);
    scene.signs_final(&params, ETH, sigs);
    let (vc, how) = (scene.id(&params), Removal::Outcome(ETH));
    let signed = scene.signs(0, &params, LinkOp::Remove { vc, how });
    scene.expect(!signed, "2.3: a lock was removed too late for the duty");
}

/// The same during a dispute.
pub(super) fn late_certificate_in_a_dispute(scene: &mut Between) {
    let params = scene.active(3);
    scene.register(&params, 5, 8 * ETH);
    let RecordView::Disputed(dispute) = scene.world.record(&params) else {
        return scene.expect(false, "nothing is registered");
    };
    scene.world.run_to(dispute.refute_end - 7);
    let sigs = scene.finals(&params, ETH, &[0, 2]);
    // The duty would end it at once.
    scene.world.nodes[HUB].chain_delay_ms = 30_000;
    scene.signs_final(&params, ETH, sigs);
    let (vc, how) = (scene.id(&params), Removal::Outcome(ETH));
    let signed = scene.signs(0, &params, LinkOp::Remove { vc, how });
    scene.expect(!signed, "2.3: a lock was removed too late for the duty in a dispute");
    scene.world.nodes[HUB].chain_delay_ms = 0;
}

/// A certificate that lacks the other hub's signature removes nothing.
pub(super) fn incomplete_certificate(scene: &mut Between) {
    let params = scene.active(4);
    let sigs = scene.finals(&params, ETH, &[0, 3]);
    let signed = scene.signs_final(&params, ETH, sigs);
    scene.expect(signed, "a Final of both ends was not signed");
    let (vc, how) = (scene.id(&params), Removal::Outcome(ETH));
    for side in [0, 1] {
        let signed = scene.signs(side, &params, LinkOp::Remove { vc, how });
        scene.expect(!signed, "I6: a lock was removed without the complete certificate");
    }
    let second = scene.finals(&params, 7 * ETH, &[0, 3]);
    let signed = scene.signs_final(&params, 7 * ETH, second);
    scene.expect(!signed, "I6: a second Final was signed");
}

/// A record is concluded at the head and not final yet; before, it is in dispute and the term is over.
pub(super) fn young_record(scene: &mut Between) {
    let params = scene.active(3);
    let vc = scene.id(&params);
    scene.world.run_to(params.t_exp - 4);
    scene.register(&params, 3, ETH);
    let RecordView::Disputed(dispute) = scene.world.record(&params) else {
        return scene.expect(false, "nothing is registered");
    };
    scene.world.run_to(params.t_exp + 4);
    let signed = scene.signs(0, &params, LinkOp::Remove { vc, how: Removal::Initial });
    scene.expect(!signed, "2.3: a lock was removed at its initial split although there is a record");
    scene.world.nodes[HUB].chain_delay_ms = 30_000;
    scene.world.run_to(dispute.refute_end + 2);
    let Some(call) = scene.adversary.conclude_virtual(&scene.world, &params) else { return };
    let _ = scene.world.call_as(0, &call);
    let wanted = params.clone();
    let concluded = scene.world.run_until(4_000, |w| matches!(w.record(&wanted), RecordView::Concluded { .. }));
    scene.expect(concluded, "the record is not concluded");
    let height = scene.world.ground.chain.height();
    scene.wait(10);
    let body =
        scene.op_body(0, &params, LinkOp::Remove { vc, how: Removal::Outcome(ETH) }, (scene.bodies[0].ver & !1) + 40);
    if let Some(body) = body {
        let (ch, ver, base, sig) = (body.ch, body.ver, scene.bodies[0].hash(), scene.sign(0, &body));
        let ops = vec![LinkOp::Remove { vc, how: Removal::Outcome(ETH) }];
        scene.listen();
        scene.world.inject(0, HUB, Message::Propose { ch, ver, base, ops, sig });
        scene.wait(60);
        let signed = scene.answers(0).any(|m| matches!(m, Message::Accept { ver: v, .. } if *v == ver));
        let offered = scene.answers(0).any(|m| matches!(m, Message::Presign { op: LinkOp::Remove { .. }, .. }));
        let young = scene.world.ground.chain.height() == height;
        scene.expect(!(young && (signed || offered)), "2.3: a lock was removed at an outcome that is not final");
    }
    scene.world.nodes[HUB].chain_delay_ms = 0;
}

/// Both neighbours vanish behind a record, or take a link to the chain: the hub gets out by itself (I7, I9).
pub(super) fn left_alone(scene: &mut Between) {
    let params = scene.active(3);
    let out_a = if scene.rng.chance(500) { 0 } else { params.total() };
    scene.register(&params, 3, out_a);
    if scene.rng.chance(500) {
        let side = usize::from(scene.rng.chance(500));
        scene.register_link(side);
    }
    scene.wait(100_000);
    let gone = [0, 1].into_iter().all(|side| {
        let slot = scene.world.slot(&scene.channels[side]);
        slot.dispute.is_some() || slot.phase == perunika_core::chain::Phase::Closed
    });
    scene.expect(gone, "I9: the hub keeps a link whose lock is decided and not removed");
}

/// The removal is countersigned when nobody can refute any more: the chain concludes with the lock (S74).
pub(super) fn removed_too_late(scene: &mut Between) {
    let params = scene.active(3);
    let side = usize::from(scene.rng.chance(500));
    let out_a = if side == 0 { 0 } else { params.total() };
    scene.register_link(side);
    let Some(dispute) = scene.world.slot(&scene.channels[side]).dispute else { return };
    let sigs = scene.finals(&params, out_a, &[0, 2]);
    scene.signs_final(&params, out_a, sigs);
    scene.world.run_to(dispute.refute_end + 1);
    scene.countersign(side, &params, |op| matches!(op, LinkOp::Remove { .. }));
    scene.wait(20_000);
}

/// The same, but the removal was offered before the dispute.
pub(super) fn removed_behind_the_dispute(scene: &mut Between) {
    let params = scene.active(3);
    let side = usize::from(scene.rng.chance(500));
    // The locked outcome gives the hub more on this link.
    let out_a = if side == 0 { 0 } else { params.total() };
    let sigs = scene.finals(&params, out_a, &[0, 2]);
    scene.signs_final(&params, out_a, sigs);
    scene.wait(300);
    let (call, node) =
        (scene.adversary.register(&scene.world, &scene.channels[side], &scene.bodies[side]), NEIGHBOURS[side]);
    let called = scene.world.call_as(node, &call);
    scene.expect(called.is_ok(), "the State of a link cannot be registered");
    scene.wait(4_000);
    let Some(dispute) = scene.world.slot(&scene.channels[side]).dispute else { return };
    scene.world.run_to(dispute.refute_end + 1);
    scene.countersign(side, &params, |op| matches!(op, LinkOp::Remove { .. }));
    scene.wait(20_000);
}

/// Receipts that say nothing.
pub(super) fn receipts(scene: &mut Between) {
    let params = scene.active(3);
    let vc = scene.id(&params);
    let body = crate::virtual_body(&scene.world, &params, 1, params.init_a);
    let sigs = [scene.sign(0, &body), scene.sign(2, &body)];
    let garbage = Signature([7; 64]);
    let secrets = vec![Secret(B256::repeat_byte(1)); 3];
    for (what, message) in [
        ("without the secrets", Message::Receipt { vc, secrets: secrets.clone(), sigs }),
        ("that nobody signed", Message::Receipt { vc, secrets: known_secrets(scene, &params), sigs: [garbage; 2] }),
    ] {
        let complaints =
            |s: &Between| s.world.nodes[HUB].events.iter().filter(|e| matches!(e, Event::Misbehaved { .. })).count();
        let before = complaints(scene);
        scene.world.inject(0, HUB, message);
        scene.wait(60);
        let noticed = complaints(scene) > before;
        scene.expect(noticed, &format!("2.3: a receipt {what} was taken"));
    }
}

fn known_secrets(scene: &Between, params: &VirtualParams) -> Vec<Secret> {
    let vc = scene.id(params);
    let hub = NEIGHBOURS.iter().flat_map(|n| scene.world.nodes[*n].inbox.iter()).find_map(|(_, m)| match m {
        Message::Activate { vc: v, secret, .. } if *v == vc => Some(*secret),
        _ => None,
    });
    let own = |p: u8| Secret(B256::repeat_byte(0x40 + p));
    vec![own(0), hub.unwrap_or(own(1)), own(2)]
}

/// Two locks of one virtual channel in one proposal.
pub(super) fn two_locks(scene: &mut Between) {
    let params = scene.params(3);
    let vc = scene.id(&params);
    scene.open(0, &params);
    let base = scene.bodies[0].clone();
    let ver = (base.ver & !1) + 40;
    let Some(lock) = params.lock(vc, 0, true) else { return };
    let mut body = base.clone();
    body.ver = ver;
    for _ in 0..2 {
        body.def_a -= lock.left;
        body.total -= lock.left + lock.right;
        body.locks.push(lock);
    }
    let (ch, ops, sig) = (base.ch, vec![LinkOp::Add { vc }; 2], scene.sign(0, &body));
    scene.listen();
    scene.world.inject(0, HUB, Message::Propose { ch, ver, base: base.hash(), ops, sig });
    scene.wait(80);
    let signed = scene.answers(0).any(|m| matches!(m, Message::Accept { ver: v, .. } if *v == ver));
    scene.expect(!signed, "2.3: two locks of one virtual channel were signed");
}

/// A Close over open locks.
pub(super) fn close_over_locks(scene: &mut Between) {
    let _ = scene.active(3);
    // The hub is B of its left link.
    let cur = &scene.bodies[0];
    let close = perunika_core::signed::Close {
        id: cur.ch,
        dep_a: cur.dep_a,
        dep_b: cur.dep_b,
        out_a: cur.def_a,
        total: cur.total,
        locks: 0,
        entries: perunika_core::tree::empty_entries(),
        receiver_a: scene.channels[0].a.owner,
        receiver_b: scene.channels[0].b.owner,
        not_after: scene.world.ground.time() + 500,
    };
    let digest = scene.world.ground.domain.digest(perunika_core::signed::Eip712::struct_hash(&close));
    let sig = perunika_core::sig::RawKey::sign(&scene.world.raw_key(0), digest);
    scene.listen();
    scene.world.inject(0, HUB, Message::CloseSig { close, sig });
    scene.wait(80);
    let theirs = scene.answers(0).find_map(|m| if let Message::CloseSig { sig, .. } = m { Some(*sig) } else { None });
    scene.expect(theirs.is_none(), "1.4(12): a Close was signed over open locks");
    if theirs.is_some() {
        let call = Call::Close { params: scene.channels[0], close, lock_root: B256::ZERO, sigs: [Some(sig), theirs] };
        let _ = scene.world.call_as(0, &call);
    }
}

/// What a successor must not be, and what an exchange of locks must not do (2.3 renewal).
pub(super) fn renewals(scene: &mut Between) {
    let old = scene.active(3);
    let vc = scene.id(&old);
    let out_a = 3 * ETH;
    let terms = Terms { init_a: out_a, init_b: old.total() - out_a, ..scene.terms() };
    let path = scene.path(3);
    let quoted = scene.ask_to_renew(path, terms, vc, out_a);
    scene.expect(quoted, "there is no quote for a successor");
    let right = scene.drawn(terms);
    let sigs = scene.finals(&old, out_a, &[0, 2]);
    let signed = scene.signs_final(&old, out_a, sigs);
    scene.expect(signed, "a Final of both ends was not signed");
    let mut other = right.clone();
    (other.init_a, other.init_b) = (out_a + ETH, terms.init_b - ETH);
    let mut more = right.clone();
    more.init_b += ETH;
    for (what, params) in [("at another split", other), ("with another sum", more)] {
        scene.open_successor(&params, vc);
        if scene.takes_part(&params) {
            return scene.expect(false, &format!("2.3: the hub takes part in a successor {what}"));
        }
    }
    scene.open_successor(&right, vc);
    let part = scene.takes_part(&right);
    scene.expect(part, "the hub does not take part in a right successor");
    let next = scene.id(&right);
    let wrong = scene.exchanges(&right, LinkOp::Renew { vc, out_a: 0, next });
    scene.expect(!wrong, "2.3: an exchange removed the old lock at another split");
    scene.world.inject(0, HUB, Message::Abort { vc: next, reason: "no".into() });
    scene.wait(60);
    let given_up = scene.exchanges(&right, LinkOp::Renew { vc, out_a, next });
    scene.expect(!given_up, "2.3: an exchange added the lock of what was given up");
}

/// A successor was asked for, and the old lock must be gone soon: it does not wait.
pub(super) fn renewal_too_late(scene: &mut Between) {
    let old = scene.active(3);
    let vc = scene.id(&old);
    let terms = Terms { init_a: 5 * ETH, init_b: 4 * ETH, ..scene.terms() };
    let path = scene.path(3);
    scene.ask_to_renew(path, terms, vc, 5 * ETH);
    scene.world.run_to(old.t_exp - 26);
    let sigs = scene.finals(&old, 5 * ETH, &[0, 2]);
    scene.signs_final(&old, 5 * ETH, sigs);
    scene.wait(700);
    let offered = scene.offered(0, |op| matches!(op, LinkOp::Remove { .. })).is_some();
    scene.expect(offered, "2.3: a lock waits for its successor into the close lead");
}
