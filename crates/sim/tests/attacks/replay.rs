//! Signed objects in other contexts, and other encodings of signatures: S14, S15.

use perunika_core::body::Body;
use perunika_core::chain::Call;
use perunika_core::message::{LinkOp, Message, Removal};
use perunika_core::sig::Signature;
use perunika_core::signed::Close;
use perunika_core::tree;
use perunika_sim::{Adversary, ETH, Stage, signatures};

/// Every signature that Bob ever sent, offered wherever the chain or Alice's other channels would take one.
#[test]
fn s14_k7_a_signature_means_one_thing() {
    let mut stage = Stage::new(580, 2);
    stage.world.pay(0, stage.links[0], ETH);
    stage.open(ETH, ETH);
    stage.world.pay(0, stage.vc(), ETH / 4);
    let mut adversary = Adversary::new(&[0, 2]);
    adversary.strike(&mut stage.world);
    let all: Vec<Signature> = adversary.heard(&stage.world).flat_map(signatures).collect();
    assert!(all.len() > 5, "{}", all.len());
    let left = stage.link_body(1, 0, vec![stage.lock(0)]);
    let mut refused = 0;
    for sig in all {
        for call in misuses(&stage, &adversary, &left, sig) {
            assert!(stage.world.call_as(0, &call).is_err(), "{}", call.name());
            refused += 1;
        }
    }
    assert!(refused > 20);
    stage.finish();
}

/// The hub's signature `sig` as if it stood under something else: forged States, a Close, a Final, a State of V.
fn misuses(stage: &Stage, adversary: &Adversary, left: &Body, sig: Signature) -> Vec<Call> {
    let params = stage.channels[0];
    let mut calls = Vec::new();
    for (ver, def_a) in [(left.ver + 2, left.total), (left.ver, left.total), (left.ver + 1, 0)] {
        let body = Body { ver, def_a, ..left.clone() };
        calls.push(Call::Register { params, state: body.state(), roots: body.roots(), sigs: [None, Some(sig)] });
    }
    let close = Close {
        id: stage.links[0],
        dep_a: left.dep_a,
        dep_b: left.dep_b,
        out_a: left.dep_a + left.dep_b,
        total: left.dep_a + left.dep_b,
        locks: 0,
        entries: tree::empty_entries(),
        receiver_a: params.a.owner,
        receiver_b: params.b.owner,
        not_after: stage.world.ground.time() + 1_000,
    };
    calls.push(Call::Close { params, close, lock_root: Default::default(), sigs: [None, Some(sig)] });
    let vc = stage.virtual_params();
    let mut sigs = adversary.sign_final(&stage.world, &vc, 0);
    sigs.insert(1, (1, sig));
    calls.push(Call::Finalise { params: vc, out_a: 0, sigs: sigs.into_iter().map(|(_, s)| s).collect() });
    calls
}

/// n − s, the other parity, zeros, ones: exactly one encoding of each signature is taken, by nodes and by the contract.
#[test]
fn s15_other_encodings_of_a_signature_are_refused() {
    let mut stage = Stage::new(581, 1);
    stage.world.pay(0, stage.links[0], ETH);
    let cur = stage.link_body(1, 0, Vec::new());
    let mut adversary = Adversary::new(&[0]);
    adversary.strike(&mut stage.world);
    let next = Body { ver: cur.ver + 2, def_a: cur.def_a - ETH, ..cur.clone() };
    let Message::Item { ch, ver, base, def_a, sig, .. } = adversary.item(&stage.world, 0, &next, cur.ver, false) else {
        unreachable!()
    };
    let disk = stage.world.disk(1);
    for bad in misshapen(sig) {
        stage.world.inject(0, 1, Message::Item { ch, ver, base, def_a, sig: bad, cosign: true, note: None });
        stage.world.run_for(100);
        assert_eq!(stage.world.disk(1), disk, "{bad:?}");
    }
    let peer = adversary.sign_ledger(&stage.world, &stage.channels[0], &cur)[1].expect("Bob countersigned it");
    for bad in misshapen(peer) {
        let (state, roots) = (cur.state(), cur.roots());
        let call = Call::Register { params: stage.channels[0], state, roots, sigs: [None, Some(bad)] };
        assert!(stage.world.call_as(0, &call).is_err(), "{bad:?}");
    }
    stage.world.inject(0, 1, Message::Item { ch, ver, base, def_a, sig, cosign: true, note: None });
    stage.world.run_for(100);
    assert_ne!(stage.world.disk(1), disk, "the one encoding is taken");
    stage.finish();
}

fn misshapen(sig: Signature) -> Vec<Signature> {
    const ORDER: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xba, 0xae,
        0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41,
    ];
    let mut flipped = sig.0;
    flipped[32] ^= 0x80;
    let mut low = sig.0;
    low[32] &= 0x7f;
    let (mut negated, mut borrow) = ([0u8; 32], 0i16);
    for i in (0..32).rev() {
        let digit = i16::from(ORDER[i]) - i16::from(low[32 + i]) - borrow;
        borrow = i16::from(digit < 0);
        negated[i] = digit.rem_euclid(256) as u8;
    }
    let mut high = sig.0;
    high[32..].copy_from_slice(&negated);
    let mut high_flipped = high;
    high_flipped[32] ^= 0x80;
    [flipped, high, high_flipped, [0; 64], [0xff; 64], [1; 64]].map(Signature).to_vec()
}

/// The hub's pre-signature to remove a lock, replayed after another virtual channel was opened over the same link.
#[test]
fn s14_an_old_removal_does_not_touch_the_next_lock() {
    let mut stage = Stage::new(582, 2);
    stage.open(ETH, ETH);
    let vc = stage.vc();
    stage.world.pay(0, vc, ETH / 4);
    stage.world.close_virtual(0, vc);
    let second = stage.world.open_virtual(&[0, 1, 2], ETH, ETH);
    let mut adversary = Adversary::new(&[0, 2]);
    let old: Vec<Message> = adversary
        .heard(&stage.world)
        .filter(|m| matches!(m, Message::Presign { op: LinkOp::Remove { how: Removal::Outcome(_), .. }, .. }))
        .cloned()
        .collect();
    stage.world.run_for(3_000);
    adversary.strike(&mut stage.world);
    stage.adopt(second);
    let disk = stage.world.disk(1);
    for message in old {
        for from in [0, 2] {
            stage.world.inject(from, 1, message.clone());
        }
    }
    stage.world.run_for(500);
    assert_eq!(stage.world.disk(1), disk);
    stage.finish();
}
