//! Virtual channels that nobody should agree to: S36, S48, S59, S60.

use perunika_core::message::{Message, Terms};
use perunika_core::params::{Side, VirtualParams, secret_hash};
use perunika_core::{Address, B256};
use perunika_sim::{Adversary, ETH, Stage, Tap};

/// Alice (0) asks the others for quotes in her own name, and holds the answers.
fn quoted(seed: u64, links: usize) -> (Stage, Adversary, VirtualParams) {
    let mut stage = Stage::new(seed, links);
    let mut adversary = Adversary::new(&[0]);
    adversary.strike(&mut stage.world);
    let params = ask(&mut stage, &adversary, 1);
    (stage, adversary, params)
}

fn terms(stage: &Stage) -> Terms {
    let t_exp = stage.world.ground.time() + 150;
    Terms { asset: Address::ZERO, init_a: ETH, init_b: ETH, t_exp, challenge: 120, window: 60, k_max: 80 }
}

/// One round of quotes and the parameters that they make up.
fn ask(stage: &mut Stage, adversary: &Adversary, nonce: u128) -> VirtualParams {
    let path: Vec<Address> = stage.world.nodes.iter().map(|n| n.key).collect();
    let terms = terms(stage);
    let request = B256::with_last_byte(nonce as u8);
    for to in 1..path.len() {
        stage.world.inject(0, to, Message::QuoteAsk { request, path: path.clone(), terms, renews: None });
    }
    stage.world.run_for(100);
    let inbox = &stage.world.nodes[0].inbox;
    let answer = |key: &Address| {
        inbox.iter().find_map(|(from, m)| match m {
            Message::Quote { request: r, hash, link, fee } if from == key && *r == request => {
                Some((*hash, *link, *fee))
            }
            _ => None,
        })
    };
    let answers: Vec<_> = path[1..].iter().map(|key| answer(key).expect("a quote")).collect();
    let hubs = answers.len() - 1;
    let _ = adversary;
    let own = secret_hash(B256::repeat_byte(nonce as u8));
    VirtualParams {
        links: std::iter::once(stage.links[0]).chain(answers[..hubs].iter().filter_map(|a| a.1)).collect(),
        fees: answers[..hubs].iter().map(|a| a.2).collect(),
        hashes: std::iter::once(own).chain(answers.iter().map(|a| a.0)).collect(),
        path,
        asset: terms.asset,
        init_a: terms.init_a,
        init_b: terms.init_b,
        t_exp: terms.t_exp,
        challenge: terms.challenge,
        window: terms.window,
        k_max: terms.k_max,
        nonce,
    }
}

type Spoil = Box<dyn Fn(&mut VirtualParams)>;

/// Every way in which the parameters can differ from what was quoted or from what is sound.
fn spoils() -> Vec<(&'static str, Spoil)> {
    fn spoil(f: impl Fn(&mut VirtualParams) + 'static) -> Spoil {
        Box::new(f)
    }
    vec![
        ("C = 1", spoil(|p| p.challenge = 1)),
        ("C too long", spoil(|p| p.challenge = u32::MAX)),
        ("w = 0", spoil(|p| p.window = 0)),
        ("w too long", spoil(|p| p.window = u32::MAX)),
        ("kMax", spoil(|p| p.k_max = u16::MAX)),
        ("tExp past", spoil(|p| p.t_exp = 0)),
        ("tExp soon", spoil(|p| p.t_exp -= 100)),
        ("tExp far", spoil(|p| p.t_exp = u64::MAX)),
        ("asset", spoil(|p| p.asset = Address::repeat_byte(1))),
        ("stake a", spoil(|p| p.init_a += 1)),
        ("stake b", spoil(|p| p.init_b = u128::MAX)),
        ("both stakes", spoil(|p| (p.init_a, p.init_b) = (u128::MAX, u128::MAX))),
        ("fee 0", spoil(|p| p.fees[0] = 0)),
        ("fee max", spoil(|p| p.fees[0] = u128::MAX)),
        ("no fees", spoil(|p| p.fees.clear())),
        ("a fee more", spoil(|p| p.fees.push(1))),
        (
            "4,000 hubs",
            spoil(|p| p.path = (0..4_002u32).map(|i| Address::left_padding_from(&i.to_be_bytes())).collect()),
        ),
        (
            "17 links",
            spoil(|p| {
                let last = p.path.pop().expect("an end");
                while p.path.len() < 17 {
                    p.path.push(Address::repeat_byte(p.path.len() as u8));
                }
                p.path.push(last);
            }),
        ),
        ("no hub", spoil(|p| p.path = vec![p.path[0], p.path[2]])),
        ("a loop", spoil(|p| p.path[2] = p.path[0])),
        ("the hub twice", spoil(|p| p.path.insert(2, p.path[1]))),
        ("a link twice", spoil(|p| p.links[1] = p.links[0])),
        ("another's link", spoil(|p| p.links[0] = B256::repeat_byte(9))),
        ("links swapped", spoil(|p| p.links.reverse())),
        ("no links", spoil(|p| p.links.clear())),
        ("another hash for the hub", spoil(|p| p.hashes[1] = B256::repeat_byte(3))),
        ("no hashes", spoil(|p| p.hashes.clear())),
        ("a hash more", spoil(|p| p.hashes.push(B256::ZERO))),
        ("reversed path", spoil(|p| p.path.reverse())),
        ("empty path", spoil(|p| p.path.clear())),
    ]
}

fn adopted(stage: &Stage) -> usize {
    (1..stage.world.nodes.len())
        .filter_map(|n| stage.world.nodes[n].participant.as_ref())
        .map(|p| p.virtuals().len())
        .sum()
}

#[test]
fn s59_s48_s36_unsound_parameters_are_refused_and_nothing_is_stored() {
    let (mut stage, _, params) = quoted(560, 2);
    let disks = [1, 2].map(|n| stage.world.disk(n));
    for (name, spoil) in spoils() {
        let mut bad = params.clone();
        spoil(&mut bad);
        // What the far end cannot know does not concern its own lock.
        let anybody = !["fee 0", "fee max", "another's link", "another hash for the hub"].contains(&name);
        for to in if anybody { 1..=2 } else { 1..=1 } {
            stage.world.inject(0, to, Message::VcOpen { params: bad.clone(), renews: None });
        }
        stage.world.run_for(300);
        assert_eq!(adopted(&stage), 0, "{name}");
        assert_eq!([1, 2].map(|n| stage.world.disk(n)), disks, "{name}: something was stored");
    }
    let locked = stage.world.taps.iter().any(|(_, tap)| {
        matches!(tap, Tap::Sent { from: 1 | 2, message: Message::Presign { .. } | Message::Activate { .. } })
    });
    assert!(!locked, "a lock was signed");
    stage.world.inject(0, 1, Message::VcOpen { params, renews: None });
    stage.world.run_for(300);
    assert_eq!(adopted(&stage), 1, "the sound one is taken");
    stage.finish();
}

/// Quotes asked for unsound terms are refused too.
#[test]
fn s59_s36_no_quote_for_unsound_terms() {
    let mut stage = Stage::new(561, 2);
    let path: Vec<Address> = stage.world.nodes.iter().map(|n| n.key).collect();
    let good = terms(&stage);
    let bad = [
        Terms { challenge: 1, ..good },
        Terms { challenge: u32::MAX, ..good },
        Terms { window: 1, ..good },
        Terms { k_max: u16::MAX, ..good },
        Terms { t_exp: 0, ..good },
        Terms { t_exp: u64::MAX, ..good },
        Terms { init_a: u128::MAX, ..good },
        Terms { init_b: u128::MAX, init_a: 1, ..good },
        Terms { init_a: 0, init_b: 0, ..good },
        Terms { init_a: 1 << 96, ..good },
        Terms { asset: Address::repeat_byte(1), ..good },
    ];
    stage.world.corrupt(0);
    for (i, terms) in bad.into_iter().enumerate() {
        let request = B256::with_last_byte(i as u8);
        for to in [1, 2] {
            stage.world.inject(0, to, Message::QuoteAsk { request, path: path.clone(), terms, renews: None });
        }
    }
    for hops in [1, 2, 18, 4_000] {
        let path = (0..hops).map(|_| path[0]).collect();
        stage.world.inject(0, 1, Message::QuoteAsk { request: B256::ZERO, path, terms: good, renews: None });
    }
    stage.world.run_for(500);
    let quotes = stage.world.nodes[0].inbox.iter().filter(|(_, m)| matches!(m, Message::Quote { .. })).count();
    assert_eq!(quotes, 0);
    // A flood of good ones is bounded.
    for i in 0..300u32 {
        let request = B256::left_padding_from(&i.to_be_bytes());
        stage.world.inject(0, 1, Message::QuoteAsk { request, path: path.clone(), terms: good, renews: None });
    }
    stage.world.run_for(500);
    let quotes = stage.world.nodes[0].inbox.iter().filter(|(_, m)| matches!(m, Message::Quote { .. })).count();
    assert!(quotes > 0 && quotes <= 64, "{quotes}");
    stage.finish();
}

/// One quote opens one virtual channel: the same activation hash under another nonce, stake or link is refused.
#[test]
fn s60_a_replayed_quote_opens_no_second_channel() {
    let (mut stage, _, params) = quoted(562, 2);
    for to in [1, 2] {
        stage.world.inject(0, to, Message::VcOpen { params: params.clone(), renews: None });
    }
    stage.world.run_for(200);
    assert_eq!(adopted(&stage), 2);
    for nonce in [2, 3, u128::MAX] {
        let again = VirtualParams { nonce, ..params.clone() };
        for to in [1, 2] {
            stage.world.inject(0, to, Message::VcOpen { params: again.clone(), renews: None });
        }
    }
    stage.world.run_for(200);
    assert_eq!(adopted(&stage), 2, "a hash was used twice");
    // A second round of quotes, with the hash of the first for the hub.
    let adversary = Adversary::new(&[0]);
    let mut second = ask(&mut stage, &adversary, 7);
    second.hashes[1] = params.hashes[1];
    stage.world.inject(0, 1, Message::VcOpen { params: second, renews: None });
    stage.world.run_for(200);
    assert_eq!(adopted(&stage), 2, "the hash of another channel");
    stage.finish();
}

/// Quotes are void after a restart, and a hash that was bound once stays bound on the disk.
#[test]
fn s60_s9_quotes_are_void_after_a_restart() {
    for bound in [false, true] {
        let (mut stage, _, params) = quoted(563, 2);
        if bound {
            stage.world.inject(0, 1, Message::VcOpen { params: params.clone(), renews: None });
            stage.world.run_for(200);
        }
        stage.world.stop(1);
        stage.world.restart(1);
        let (hub, alice) = (1, 0);
        stage.world.reconnect(alice, hub);
        let other = VirtualParams { nonce: 99, ..params.clone() };
        stage.world.inject(0, 1, Message::VcOpen { params: other, renews: None });
        stage.world.run_for(300);
        let known = stage.world.nodes[1].participant.as_ref().map(|p| p.virtuals().len());
        assert_eq!(known, Some(usize::from(bound)), "bound {bound}");
        stage.finish();
    }
}

/// The same secret is never shown for two channels: what the hub revealed opens exactly one id.
#[test]
fn s60_the_secret_of_one_channel_does_not_activate_another() {
    let mut stage = Stage::new(564, 2);
    let params = stage.open(ETH / 2, ETH / 2);
    let first = stage.vc();
    stage.world.close_virtual(0, first);
    let vc = stage.world.open_virtual(&[0, 1, 2], ETH / 2, ETH / 2);
    let second = stage.world.virtual_of(0, vc).expect("known").params;
    for (one, two) in params.hashes.iter().zip(&second.hashes) {
        assert_ne!(one, two, "an activation hash was used again");
    }
    let mut adversary = Adversary::new(&[0, 2]);
    adversary.strike(&mut stage.world);
    let mixed = VirtualParams { hashes: params.hashes.clone(), ..second.clone() };
    assert!(adversary.secrets(&stage.world, &mixed).is_some(), "all secrets of the first are public");
    let call = adversary.register_virtual(&stage.world, &mixed, 3, 0).expect("signed by both ends");
    let _ = stage.world.call_as(0, &call);
    stage.params = Some(second);
    assert_eq!(mixed.end(Side::A), stage.world.key(0));
    stage.finish();
}
