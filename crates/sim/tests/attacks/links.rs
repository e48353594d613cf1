//! Pre-signatures, proposals and items in any order between honest nodes, and their misuse (S72, S10).

use perunika_core::info::VirtualStage;
use perunika_core::message::Message;
use perunika_sim::{ETH, Network, Stage};

/// Several virtual channels, streams and closings at once over the same links, under any delays: everybody gets done.
#[test]
fn s72_s10_nobody_is_stuck_or_signs_twice() {
    for seed in 520..536 {
        let mut stage = Stage::new(seed, 2);
        stage.world.network =
            Network { delay_min_ms: 1, delay_max_ms: 150, drop: 0, double: 50, reorder: seed % 2 == 0 };
        let (left, right) = (stage.links[0], stage.links[1]);
        let mut asked = Vec::new();
        for i in 0..4 {
            asked.push((0, stage.world.ask_virtual(&[0, 1, 2], ETH / 4, ETH / 4)));
            asked.push((2, stage.world.ask_virtual(&[2, 1, 0], ETH / 4, ETH / 4)));
            stage.world.stream(0, left, ETH / 100);
            stage.world.stream(1, if i % 2 == 0 { left } else { right }, ETH / 100);
            stage.world.stream(2, right, ETH / 100);
            stage.world.run_for(20 * i);
        }
        stage.world.run_for(20_000);
        stage.world.network = Network::steady(10);
        stage.world.run_for(10_000);
        for (node, tag) in &asked {
            assert!(stage.world.reply(*node, *tag).is_some(), "seed {seed}: an unanswered creation");
        }
        for node in 0..3 {
            let infos = stage.world.nodes[node].participant.as_ref().expect("it runs").ledgers();
            for info in infos {
                assert_eq!(info.outstanding, 0, "seed {seed}: node {node} waits for ever");
            }
        }
        let used = |w: &perunika_sim::World| {
            w.nodes[0]
                .participant
                .as_ref()
                .is_some_and(|p| p.virtuals().iter().any(|v| v.stage == VirtualStage::Active))
        };
        assert!(used(&stage.world), "seed {seed}: something came of it");
        let params = stage.world.nodes[0].participant.as_ref().expect("it runs").virtuals()[0].params.clone();
        stage.params = Some(params);
        stage.finish();
    }
}

/// Nobody who is not in the virtual channel, and no neighbour over another link, ends a creation.
#[test]
fn a_stranger_cannot_abort_a_creation() {
    let mut stage = Stage::new(540, 3);
    // Julia (2) has a link with Ingrid (1), but is not in the path of Alice, Ingrid and Bob's direct link.
    stage.world.open_channel(1, 3, 10 * ETH, 10 * ETH);
    let bob = stage.world.key(3);
    stage.world.filter = Some(Box::new(move |_, from, _, m| from != bob || !matches!(m, Message::Presign { .. })));
    stage.world.ask_virtual(&[0, 1, 3], ETH, ETH);
    stage.world.run_for(1_000);
    let vc = stage.world.nodes[1].participant.as_ref().and_then(|p| Some(p.virtuals().first()?.id)).expect("known");
    use perunika_core::message::{LinkOp, Removal};
    use perunika_core::sig::Signature;
    let op = LinkOp::Remove { vc, how: Removal::Initial };
    let (ch, sig) = (stage.links[1], Signature([7; 64]));
    stage.world.nodes[2].honest = false;
    stage.world.inject(2, 1, Message::Presign { ch, ver: 2, op, sig });
    stage.world.inject(2, 1, Message::Propose { ch, ver: 3, base: vc, ops: vec![op], sig });
    stage.world.inject(2, 1, Message::Abort { vc, reason: "no".into() });
    stage.world.run_for(200);
    let info = stage.world.virtual_of(1, vc).expect("still known");
    assert_ne!(info.stage, VirtualStage::Aborted, "a stranger ended it");
    stage.world.filter = None;
    stage.adopt(vc);
    stage.world.run_for(5_000);
    assert_eq!(stage.world.virtual_of(0, vc).map(|v| v.stage), Some(VirtualStage::Active));
    stage.finish();
}
