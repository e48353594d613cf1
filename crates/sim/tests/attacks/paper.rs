//! Findings of the paper's review that are theft (R-…), thefts K7, K9 and K10, and the defects that were found in a peer implementation (G1, G2).

use crate::streams::received;
use alloy_primitives::{Address, B256};
use perunika_core::body::{Body, Change};
use perunika_core::chain::{Call, Phase};
use perunika_core::info::LedgerStage;
use perunika_core::io::{Command, Reply};
use perunika_core::message::{LinkOp, Message};
use perunika_core::params::{Party, VirtualParams, secret_hash};
use perunika_core::sig::RawKey;
use perunika_core::signed::{Close, Eip712, Entry, Final, Lock, Nano, PaymentReceipt, State, StepAuth, WatchAuth};
use perunika_core::{Domain, tree};
use perunika_sim::{Adversary, ETH, Stage, Tap};
use std::collections::BTreeSet;

fn state_of(stage: &Stage, node: usize, link: usize) -> (u64, u64, u128) {
    let info = stage.world.ledger_of(node, stage.links[link]).expect("the channel");
    (info.version, info.accepted, info.mine)
}

/// Everything that is signed, with one word of each field drawn from `n`.
fn everything(n: u64) -> Vec<B256> {
    let (id, wide, who) =
        (B256::from(alloy_primitives::U256::from(n + 1)), u128::from(n + 1), Address::repeat_byte(n as u8 + 1));
    let state = State {
        ch: id,
        ver: 2,
        dep_a: 9,
        dep_b: 9,
        total: 18,
        def_a: 9,
        nanos: 0,
        locks: 0,
        entries: tree::empty_entries(),
    };
    let entry = Entry {
        nid: id,
        born: 2,
        total: 9,
        da0: 3,
        mover0: 0,
        code_hash: B256::ZERO,
        gas: 1,
        k_max: 1,
        storage0: B256::ZERO,
    };
    let nano =
        Nano { ch: id, entry: entry.struct_hash(), ver: 2, da: 3, mover: 0, steps_left: 1, storage_hash: B256::ZERO };
    let close = Close {
        id,
        dep_a: 9,
        dep_b: 9,
        out_a: 9,
        total: 18,
        locks: 0,
        entries: tree::empty_entries(),
        receiver_a: who,
        receiver_b: who,
        not_after: 5,
    };
    vec![
        state.struct_hash(),
        State { def_a: wide, ..state }.struct_hash(),
        State { ver: 4 + n, ..state }.struct_hash(),
        entry.struct_hash(),
        nano.struct_hash(),
        Nano { entry: id, ..nano }.struct_hash(),
        Nano { storage_hash: id, ..nano }.struct_hash(),
        Final { vc: id, out_a: 9 }.struct_hash(),
        close.struct_hash(),
        Close { out_a: wide, ..close }.struct_hash(),
        Lock { vc: id, left_is_a: true, left: 9, right: 9 }.struct_hash(),
        WatchAuth { id, tower: who, not_before: 0, not_after: 9 }.struct_hash(),
        StepAuth { ch: id, entry: id, ver: 2, steps_left: 1, storage_hash: id, input_hash: id }.struct_hash(),
        PaymentReceipt { ch: id, ver: 2, amount: 9, reference: vec![n as u8] }.struct_hash(),
    ]
}

/// K7, R-17, R-39: type, object, content, chain and contract are all in the digest, for everything that is ever signed.
#[test]
fn k7_no_two_things_have_one_digest() {
    let domains = [(1, 1), (1, 2), (2, 1), (2, 2)];
    let domains = domains.map(|(chain, at)| Domain { chain_id: chain, adjudicator: Address::repeat_byte(at) });
    let mut digests = BTreeSet::new();
    let mut count = 0;
    for domain in domains {
        for n in 0..8 {
            for hash in everything(n) {
                digests.insert(domain.digest(hash));
                count += 1;
            }
        }
    }
    assert_eq!(digests.len(), count);
}

/// K9, R-18, R-19: an answer with an old version, an answer on another content, a proposal under the version that the victim has just used, and one
/// below it. The victim's own payment stands, and nothing else counts.
#[test]
fn k9_old_answers_and_crossing_proposals_change_nothing() {
    let mut stage = Stage::new(700, 1);
    let ch = stage.links[0];
    stage.world.pay(0, ch, ETH);
    let old = stage.link_body(0, 0, Vec::new());
    stage.world.pay(0, ch, ETH);
    let cur = stage.link_body(0, 0, Vec::new());
    let mut adversary = Adversary::new(&[1]);
    adversary.strike(&mut stage.world);
    let tag = stage.world.command(0, Command::Pay { ch, amount: ETH, cosign: true, reference: Vec::new() });
    stage.world.run_for(100);
    let asked =
        adversary.heard(&stage.world).filter_map(|m| if let Message::Item { ver, .. } = m { Some(*ver) } else { None });
    let ver = asked.max().expect("a payment");
    let paid = Body { ver, def_a: cur.def_a - ETH, ..cur.clone() };
    let greedy = Body { ver, def_a: 0, ..cur.clone() };
    let accepts = [old.clone(), Body { ver: 0, ..old.clone() }, Body { def_a: 0, ..cur.clone() }, greedy];
    for body in accepts {
        let message = adversary.accept(&stage.world, 1, &body);
        stage.world.inject(1, 0, message);
        stage.world.run_for(30);
    }
    let sign = |stage: &Stage, body: &Body| stage.world.raw_key(1).sign(body.digest(&stage.world.ground.domain));
    for crossing in [ver, ver - 1, cur.ver + 1, cur.ver] {
        let next = Body { ver: crossing, def_a: cur.def_a - 3 * ETH, ..cur.clone() };
        let sig = sign(&stage, &next);
        let propose = Message::Propose { ch, ver: crossing, base: cur.hash(), ops: Vec::new(), sig };
        stage.world.inject(1, 0, propose);
        stage.world.inject(1, 0, adversary.item(&stage.world, 1, &next, cur.ver, true));
        stage.world.run_for(30);
    }
    assert_eq!(state_of(&stage, 0, 0).1, cur.ver, "nothing was accepted");
    assert!(stage.world.reply(0, tag).is_none(), "and nothing said of the payment");
    let message = adversary.accept(&stage.world, 1, &paid);
    stage.world.inject(1, 0, message);
    stage.world.run_for(100);
    assert_eq!(stage.world.reply(0, tag), Some(&Reply::Applied { ch, ver }));
    stage.finish();
    assert_eq!(stage.world.gain(0), -3 * ETH as i128);
}

/// K10, R-35, S11: Alice asks for locks and nanocontracts worth more than she has, one by one and together, beside her outstanding payments.
#[test]
fn k10_s11_no_stake_without_money_behind_it() {
    let mut stage = Stage::new(701, 2);
    stage.world.pay(0, stage.links[0], 9 * ETH);
    for stake in [2 * ETH, 10 * ETH, 20 * ETH, (1 << 96) - 1] {
        let tag = stage.world.ask_virtual(&[0, 1, 2], stake, 0);
        stage.world.run_for(500);
        assert!(matches!(stage.world.reply(0, tag), Some(Reply::Refused(_))), "{stake} of one ETH");
    }
    // Together: a payment of 3/5 and a stake of 3/5, in the air at once.
    let slow = stage.world.key(1);
    stage.world.filter =
        Some(Box::new(move |_, from, _, m| from != slow || !matches!(m, Message::Ack { .. } | Message::Accept { .. })));
    stage.world.stream(0, stage.links[0], 3 * ETH / 5);
    stage.world.ask_virtual(&[0, 1, 2], 3 * ETH / 5, 0);
    stage.world.run_for(3_000);
    stage.world.filter = None;
    stage.world.run_for(20_000);
    let info = stage.world.ledger_of(1, stage.links[0]).expect("the link");
    assert!(info.locked + info.theirs <= ETH, "{info:?}");
    // A corrupt Alice skips her own check: a lock that her cash does not cover is countersigned by nobody.
    let params = VirtualParams { init_a: 5 * ETH, ..cheap(&stage) };
    let mut adversary = Adversary::new(&[0]);
    adversary.strike(&mut stage.world);
    let base = stage.link_body(1, 0, Vec::new());
    let vc = params.id(&stage.world.ground.domain);
    let op = LinkOp::Add { vc };
    let next = Body { ver: base.ver + 2 - base.ver % 2, def_a: 0, total: base.total - ETH, ..base.clone() };
    let before = state_of(&stage, 1, 0);
    stage.world.inject(0, 1, Message::VcOpen { params, renews: None });
    let sig = stage.world.raw_key(0).sign(next.digest(&stage.world.ground.domain));
    stage.world.inject(0, 1, Message::Propose { ch: base.ch, ver: next.ver, base: base.hash(), ops: vec![op], sig });
    stage.world.inject(0, 1, Message::Presign { ch: base.ch, ver: next.ver, op, sig });
    stage.world.run_for(1_000);
    assert_eq!(state_of(&stage, 1, 0), before);
    stage.finish();
}

/// Parameters of a virtual channel over both links that nobody has quoted.
fn cheap(stage: &Stage) -> VirtualParams {
    let hashes = (0..3u8).map(|n| secret_hash(B256::repeat_byte(n))).collect();
    VirtualParams {
        path: stage.world.nodes.iter().map(|n| n.key).collect(),
        links: stage.links.clone(),
        fees: vec![0],
        asset: Address::ZERO,
        init_a: ETH,
        init_b: 0,
        t_exp: stage.world.ground.time() + 200,
        challenge: stage.channels[0].challenge,
        window: stage.channels[0].window,
        k_max: stage.channels[0].k_max,
        nonce: 77,
        hashes,
    }
}

/// G1: the proposer of a virtual channel signs a State whose balances are better for it than old balances less stakes. What a lock does to the
/// balances is derived by both, never sent, so that the hub's signature cannot be had for it.
#[test]
fn g1_the_balances_beside_a_lock_are_derived_and_never_sent() {
    let mut stage = Stage::new(702, 2);
    let alice = stage.world.key(0);
    stage.world.filter = Some(Box::new(move |_, from, _, m| {
        from != alice || !matches!(m, Message::Presign { .. } | Message::Propose { .. } | Message::Accept { .. })
    }));
    stage.world.ask_virtual(&[0, 1, 2], 5 * ETH, 5 * ETH);
    stage.world.run_for(1_000);
    let vc = stage.world.nodes[1]
        .participant
        .as_ref()
        .and_then(|p| Some(p.virtuals().first()?.id))
        .expect("the hub takes part");
    stage.adopt(vc);
    let base = stage.link_body(1, 0, Vec::new());
    let mut adversary = Adversary::new(&[0]);
    adversary.strike(&mut stage.world);
    stage.world.filter = None;
    let honest = base.with(base.ver + 2, &Change::locks(Vec::new(), vec![stage.lock(0)])).expect("a lock");
    let (total, versions) = (honest.total, [base.ver + 2, base.ver + 4, base.ver + 6]);
    for (ver, def_a) in versions.into_iter().zip([8 * ETH, total, honest.def_a + 1]) {
        let next = Body { ver, def_a, ..honest.clone() };
        let sig = stage.world.raw_key(0).sign(next.digest(&stage.world.ground.domain));
        let op = LinkOp::Add { vc };
        stage.world.inject(0, 1, Message::Presign { ch: base.ch, ver, op, sig });
        stage.world.inject(0, 1, Message::Propose { ch: base.ch, ver, base: base.hash(), ops: vec![op], sig });
        stage.world.run_for(100);
        let both = adversary.sign_ledger(&stage.world, &stage.channels[0], &next);
        assert!(both[1].is_none(), "the hub signed balances of the proposer's making");
    }
    stage.finish();
    assert!(stage.world.gain(1) >= 0);
}

/// G2: malformed messages about a virtual channel, of every kind; the hub's channel with their sender, and its others, work on at once.
#[test]
fn g2_malformed_creation_messages_block_no_channel() {
    let mut stage = Stage::new(703, 2);
    let good = cheap(&stage);
    let short = |n: usize| {
        let mut p = good.clone();
        match n % 6 {
            0 => p.path.truncate(2),
            1 => p.links.truncate(1),
            2 => p.fees.clear(),
            3 => p.hashes.truncate(1),
            4 => p.path.clear(),
            _ => p.links.reverse(),
        }
        p
    };
    let vc = good.id(&stage.world.ground.domain);
    stage.world.puppet(0);
    for n in 0..24 {
        stage.world.inject(0, 1, Message::VcOpen { params: short(n), renews: None });
        stage.world.inject(0, 1, Message::VcOpen { params: good.clone(), renews: Some(vc) });
        let (ch, sig) = (stage.links[0], perunika_core::sig::Signature([3; 64]));
        stage.world.inject(0, 1, Message::Presign { ch, ver: 2, op: LinkOp::Add { vc }, sig });
        stage.world.inject(0, 1, Message::Propose { ch, ver: 2, base: vc, ops: vec![LinkOp::Add { vc }; 3], sig });
        stage.world.inject(0, 1, Message::Receipt { vc, secrets: Vec::new(), sigs: [sig, sig] });
        stage.world.inject(0, 1, Message::FinalSigs { vc, out_a: 1, sigs: vec![(200, sig)] });
    }
    let start = stage.world.now_ms;
    let left = stage.world.stream(0, stage.links[0], ETH);
    let right = stage.world.stream(2, stage.links[1], ETH);
    stage.world.wait_reply(0, left);
    stage.world.wait_reply(2, right);
    assert!(stage.world.now_ms - start < 2_000, "{} ms", stage.world.now_ms - start);
    stage.open(ETH, ETH);
    let vc = stage.vc();
    stage.world.close_virtual(0, vc);
    stage.finish();
}

/// what A opens on chain is not what she offered (deposits, times); B pays nothing in, and A gets hers back.
#[test]
fn r08_b_confirms_only_what_was_agreed() {
    for lie in 0..3 {
        let mut world = perunika_sim::World::new(704 + lie, &["alice", "bob"]);
        let bob = world.key(1);
        let (a, b) = (world.nodes[0].owner, world.nodes[1].owner);
        let mut params = perunika_core::params::ChannelParams {
            a: Party { owner: a, key: world.key(0) },
            b: Party { owner: b, key: bob },
            asset: Address::ZERO,
            challenge: 120,
            window: 60,
            k_max: 80,
            lane: 0,
        };
        world.corrupt(0);
        world.inject(0, 1, Message::ChannelOffer { params, nonce: 0, dep_a: 10 * ETH, dep_b: 10 * ETH });
        world.run_for(100);
        assert!(world.nodes[0].inbox.iter().any(|(_, m)| matches!(m, Message::ChannelAgreed { .. })), "he agreed");
        let value = if lie == 0 { ETH } else { 10 * ETH };
        if lie == 1 {
            params.challenge = 20;
        }
        if lie == 2 {
            params.lane = 9;
        }
        world.call_as(0, &Call::Open { params, nonce: 0, value }).expect("she opens what she likes");
        world.run_for(60_000);
        assert_eq!(world.gain(1), 0, "he pays nothing into it");
        assert!(world.ground.receipts.iter().all(|r| r.name != "confirm"));
        world.call_as(0, &Call::Refund { params }).expect("hers alone");
        world.run_for(2_000);
        assert_eq!(world.slot(&params).phase, Phase::Closed);
    }
}

/// silence is not "not updated". The payee swallows a payment, and registers it later: the payer never heard that it had failed, and pays once.
#[test]
fn r22_silence_of_the_payee_is_no_rejection() {
    let mut stage = Stage::new(710, 1);
    let ch = stage.links[0];
    stage.world.pay(0, ch, ETH);
    let cur = stage.link_body(0, 0, Vec::new());
    let mut adversary = Adversary::new(&[1]);
    adversary.strike(&mut stage.world);
    let tag = stage.world.command(0, Command::Pay { ch, amount: ETH, cosign: true, reference: Vec::new() });
    stage.world.run_for(120_000);
    let said = stage.world.reply(0, tag).cloned();
    assert!(!matches!(said, Some(Reply::Rejected { .. } | Reply::Refused(_))), "{said:?}");
    let ver = cur.ver + 2;
    let swallowed = Body { ver, def_a: cur.def_a - ETH, ..cur };
    let call = adversary.register(&stage.world, &stage.channels[0], &swallowed);
    stage.world.call_as(1, &call).expect("the payer signed it");
    stage.finish();
    assert_eq!(stage.world.gain(1), 2 * ETH as i128, "both payments, once each");
}

/// a record of another virtual channel, made among the adversary's own keys and concluded as she likes, settles no lock of the real one.
#[test]
fn r84_a_record_of_another_virtual_channel_settles_no_lock() {
    let mut stage = Stage::new(711, 2);
    let params = stage.open(ETH, ETH);
    let left = stage.link_body(1, 0, vec![stage.lock(0)]);
    let mut adversary = Adversary::new(&[0, 2]);
    adversary.strike(&mut stage.world);
    // The same links, stakes and times, but a path of her own two keys, and secrets that she knows.
    let secret = B256::repeat_byte(9);
    let mut other = params.clone();
    other.path = vec![params.path[0], params.path[2], params.path[2]];
    other.path.swap(1, 2);
    other.hashes = vec![secret_hash(secret); 3];
    let domain = stage.world.ground.domain;
    let id = other.id(&domain);
    assert_ne!(id, stage.vc());
    let digest = domain.digest(Final { vc: id, out_a: 2 * ETH }.struct_hash());
    let sigs = other.path.iter().map(|key| adversary.sign(&stage.world, digest, *key).expect("hers")).collect();
    let finalise = Call::Finalise { params: other.clone(), out_a: 2 * ETH, sigs };
    stage.world.call_as(0, &finalise).expect("nobody else is in it");
    let register = adversary.register(&stage.world, &stage.channels[0], &left);
    stage.world.call_as(0, &register).expect("the newest State");
    stage.world.run_for(2_000);
    let end = stage.world.slot(&stage.channels[0]).dispute.expect("a dispute").refute_end;
    stage.world.run_to(end + 3);
    if let Some(conclude) = adversary.conclude(&stage.world, &stage.channels[0]) {
        let _ = stage.world.call_as(0, &conclude);
    }
    stage.world.run_for(3_000);
    let lock = stage.lock(0);
    for (lock, vp) in [(lock, &other), (Lock { vc: id, ..lock }, &other)] {
        let call = adversary.settle(&stage.channels[0], &[lock], 0, vp);
        assert!(stage.world.call_as(0, &call).is_err(), "a foreign record");
    }
    stage.finish();
    assert!(stage.world.gain(1) >= 0);
}

/// R-74, S13: an outcome beyond the total, or one that does not fit any width, is signed by nobody and taken by nobody.
#[test]
fn r74_s13_no_outcome_beyond_the_total() {
    let mut stage = Stage::new(712, 2);
    let params = stage.open(ETH, ETH);
    let mut adversary = Adversary::new(&[0, 2]);
    adversary.strike(&mut stage.world);
    for out_a in [2 * ETH + 1, 20 * ETH, (1 << 96) - 1, 1 << 96, u128::MAX] {
        let message = adversary.final_message(&stage.world, &params, out_a);
        stage.world.inject(0, 1, message.clone());
        stage.world.inject(2, 1, message);
        stage.world.run_for(300);
        assert_eq!(adversary.sign_final(&stage.world, &params, out_a).len(), 2, "the hub signed {out_a}");
        let mut sigs = adversary.sign_final(&stage.world, &params, out_a);
        sigs.insert(1, (1, sigs[0].1));
        let call = Call::Finalise { params: params.clone(), out_a, sigs: sigs.into_iter().map(|(_, s)| s).collect() };
        assert!(stage.world.call_as(0, &call).is_err());
        if let Some(call) = adversary.register_virtual(&stage.world, &params, 8, out_a) {
            assert!(stage.world.call_as(0, &call).is_err(), "a share beyond the total");
        }
    }
    stage.finish();
}

/// S13: amounts beyond 96 bits in whatever is offered: nothing is stored, and nobody falls over.
#[test]
fn s13_amounts_beyond_their_width_are_refused_off_chain() {
    let mut stage = Stage::new(713, 2);
    let params = stage.channels[0];
    stage.world.run_for(1_000);
    let disk = stage.world.disk(1);
    for amount in [(1u128 << 96) - 1, 1 << 96, u128::MAX / 2, u128::MAX] {
        let lane = perunika_core::params::ChannelParams { lane: 7, ..params };
        stage.world.inject(0, 1, Message::ChannelOffer { params: lane, nonce: 0, dep_a: amount, dep_b: amount });
        stage.world.inject(0, 1, Message::ChannelOffer { params: lane, nonce: 0, dep_a: 1, dep_b: amount });
        let mut vc = cheap(&stage);
        (vc.init_a, vc.init_b, vc.fees) = (amount, amount, vec![amount]);
        stage.world.inject(0, 1, Message::VcOpen { params: vc, renews: None });
        stage.world.run_for(200);
    }
    assert_eq!(stage.world.disk(1), disk);
    stage.finish();
}

/// S9: a node starts from an old backup and forgets what it signed. Its peer, who did not, loses nothing, whatever the forgetful one signs again.
#[test]
fn s9_a_peer_that_starts_from_an_old_backup_harms_only_itself() {
    for seed in 714..718 {
        let mut stage = Stage::new(seed, 1);
        let ch = stage.links[0];
        stage.world.pay(0, ch, ETH);
        let backup = stage.world.disk(0);
        for _ in 0..4 {
            stage.world.stream(0, ch, ETH / 2);
        }
        stage.world.pay(0, ch, ETH);
        stage.world.run_for(2_000);
        let before = received(&stage, 1);
        assert_eq!(before, 4 * ETH);
        stage.world.nodes[0].honest = false;
        stage.world.stop(0);
        stage.world.nodes[0].disk = backup;
        stage.world.restart(0);
        stage.world.run_for(3_000);
        for i in 0..6u64 {
            let (amount, cosign) = (ETH / 4, (seed + i) % 2 == 0);
            stage.world.command(0, Command::Pay { ch, amount, cosign, reference: Vec::new() });
            stage.world.run_for(300);
        }
        let owed = received(&stage, 1);
        stage.world.command(0, Command::CloseChannel { ch, force: true });
        stage.world.run_for(10_000);
        stage.finish();
        assert!(stage.world.gain(1) >= owed as i128, "seed {seed}: {} of {owed}", stage.world.gain(1));
    }
}

/// S35: every link goes to the chain with an outcome in the record: each hub has exactly its fee.
#[test]
fn s35_a_forced_outcome_pays_every_hub_its_fee() {
    let mut stage = Stage::new(719, 3);
    let params = stage.open(ETH, ETH);
    let vc = stage.vc();
    stage.world.pay(0, vc, ETH / 4);
    let mut adversary = Adversary::new(&[3]);
    adversary.strike(&mut stage.world);
    stage.world.command(0, Command::ForceVirtual { vc });
    stage.world.run_for(1_000);
    for node in [0, 1, 2] {
        for link in stage.links.clone() {
            if stage.world.ledger_of(node, link).is_some_and(|l| l.stage != LedgerStage::Closed) {
                stage.world.command(node, Command::CloseChannel { ch: link, force: true });
            }
        }
    }
    stage.finish();
    let fees: Vec<i128> = params.fees.iter().map(|f| *f as i128).collect();
    assert!(fees.iter().all(|f| *f > 0));
    assert_eq!([stage.world.gain(1), stage.world.gain(2)].to_vec(), fees);
    assert_eq!(stage.world.gain(0), -((ETH / 4) as i128) - fees.iter().sum::<i128>());
}

/// S36: one peer's virtual channels stop at the cap; another peer's do not.
#[test]
fn s36_many_tiny_channels_of_one_peer_stop_at_the_cap() {
    let policy = perunika_core::policy::Policy { virtual_max: 3, ..perunika_sim::short_terms() };
    let mut world = perunika_sim::World::with_policy(720, &["alice", "hub", "bob"], &policy);
    world.open_channel(0, 1, 10 * ETH, 10 * ETH);
    world.open_channel(1, 2, 10 * ETH, 10 * ETH);
    let mut opened = 0;
    for _ in 0..6 {
        let tag = world.ask_virtual(&[0, 1, 2], 1_000_000, 0);
        world.run_for(3_000);
        opened += usize::from(matches!(world.reply(0, tag), Some(Reply::Opened(_))));
    }
    assert_eq!(opened, 3, "of alice");
    let at_hub = world.nodes[1].participant.as_ref().map_or(0, |p| p.virtuals().len());
    assert_eq!(at_hub, 3, "the hub keeps no more of them");
    world.finish();
}

/// S60: an accomplice names the victim's hash of one virtual channel as his own in another one, so that it is activated when the victim reveals. That
/// one gives the victim exactly what it shows.
#[test]
fn s60_the_victims_hash_in_the_place_of_an_accomplice() {
    let mut stage = Stage::new(721, 2);
    let params = stage.open(ETH, ETH);
    stage.world.run_for(500);
    let mut adversary = Adversary::new(&[0, 2]);
    adversary.strike(&mut stage.world);
    // Bob's secret of the first is replaced by the hub's, which everybody knows by now; the hub's place keeps the hub's hash too.
    for at in [0, 2] {
        let mut second = params.clone();
        second.nonce ^= 5;
        second.hashes[at] = params.hashes[1];
        let disk = stage.world.disk(1);
        stage.world.inject(0, 1, Message::VcOpen { params: second, renews: None });
        stage.world.run_for(500);
        assert_eq!(stage.world.disk(1), disk, "a spent quote opens nothing");
    }
    stage.finish();
    assert!(stage.world.gain(1) >= 0);
}

/// S72: pre-signatures of a corrupt neighbour that fit nothing, before, between and after the right one: the honest side proposes above them, and what it has
/// pre-signed below is void.
#[test]
fn s72_presignatures_that_fit_nothing_in_any_order() {
    for order in 0..6u64 {
        let mut stage = Stage::new(722 + order, 2);
        let hub = stage.world.key(1);
        stage.world.filter = Some(Box::new(move |_, from, _, m| {
            from != hub || !matches!(m, Message::Presign { .. } | Message::Propose { .. } | Message::Accept { .. })
        }));
        stage.world.ask_virtual(&[0, 1, 2], ETH, ETH);
        stage.world.run_for(400);
        let vc = stage.world.nodes[0].participant.as_ref().and_then(|p| Some(p.virtuals().first()?.id)).expect("known");
        stage.adopt(vc);
        let base = stage.link_body(0, 0, Vec::new());
        let lock = stage.lock(0);
        let mut adversary = Adversary::new(&[1]);
        adversary.strike(&mut stage.world);
        stage.world.filter = None;
        let sign = |stage: &Stage, body: &Body| stage.world.raw_key(1).sign(body.digest(&stage.world.ground.domain));
        let right = base.with(base.ver + 2 - base.ver % 2, &Change::locks(Vec::new(), vec![lock])).expect("a lock");
        let wrong = Body { def_a: right.def_a - 1, ..right.clone() };
        let above = Body { ver: right.ver + 1, ..base.clone() };
        let op = LinkOp::Add { vc };
        let presign = |ver, sig| Message::Presign { ch: base.ch, ver, op, sig };
        let all = [
            presign(right.ver, sign(&stage, &wrong)),
            adversary.item(&stage.world, 1, &Body { def_a: base.def_a + 7, ..above.clone() }, base.ver, true),
            presign(right.ver, sign(&stage, &right)),
        ];
        let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
        for step in orders[order as usize] {
            stage.world.inject(1, 0, all[step].clone());
            stage.world.run_for(40);
        }
        stage.world.run_for(5_000);
        let info = stage.world.ledger_of(0, stage.links[0]).expect("the link");
        assert!(info.accepted > base.ver, "order {order}: something was taken");
        stage.finish();
        assert!(stage.world.gain(0) >= 0, "order {order}: {}", stage.world.gain(0));
    }
}

/// S16: an owner's account, and a key's own address, get code after everything was signed. Signatures are of keys, so nothing changes; and if
/// the code refuses money, it lies in the vault.
#[test]
fn s16_code_at_an_owner_or_a_key_changes_no_signature() {
    let mut stage = Stage::new(728, 1);
    let ch = stage.links[0];
    stage.world.pay(0, ch, ETH);
    let old = stage.link_body(0, 0, Vec::new());
    stage.world.pay(0, ch, ETH);
    let reverts = alloy_primitives::hex!("5f5ffd").to_vec();
    for node in [0, 1] {
        for address in [stage.world.nodes[node].owner, stage.world.nodes[node].key] {
            let code = reverts.clone().into();
            stage.world.ground.chain.patch(perunika_devnet::Patch::Code { address, code });
        }
    }
    let mut adversary = Adversary::new(&[0]);
    adversary.strike(&mut stage.world);
    stage.world.run_for(2_000);
    let call = adversary.register(&stage.world, &stage.channels[0], &old);
    stage.world.ground.submit_blind(stage.world.nodes[1].owner, &call).expect("sent");
    stage.finish();
    assert_eq!(stage.world.gain(1), 2 * ETH as i128, "in the vault");
    assert!(stage.world.ground.vault(alloy_primitives::Address::ZERO, stage.world.nodes[1].owner) > 0);
}

/// Calls of honest nodes so far that were taken.
pub(crate) fn calls(stage: &Stage, node: usize) -> usize {
    stage.world.taps.iter().filter(|(_, tap)| matches!(tap, Tap::Called { node: n, .. } if *n == node)).count()
}
