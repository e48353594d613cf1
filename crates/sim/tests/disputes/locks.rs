//! A link goes to the chain while a virtual channel lives over it: escrow, and settlement by record, certificate and expiry.

use perunika_core::io::Command;
use perunika_sim::{Adversary, ETH, Stage};

fn used(seed: u64) -> Stage {
    let mut stage = Stage::new(seed, 2);
    stage.open(ETH, ETH);
    let vc = stage.vc();
    for _ in 0..4 {
        stage.world.pay(0, vc, ETH / 8);
    }
    stage
}

/// Whoever forces whichever link: the virtual channel goes on, ends cooperatively, and the escrow pays its outcome.
#[test]
fn a_link_is_forced_while_the_virtual_channel_lives_on() {
    for (node, link) in [(0, 0), (1, 0), (1, 1), (2, 1)] {
        let mut stage = used(420);
        let vc = stage.vc();
        stage.world.command(node, Command::CloseChannel { ch: stage.links[link], force: true });
        stage.world.run_for(20_000);
        stage.world.pay(0, vc, ETH / 4);
        stage.world.command(0, Command::CloseVirtual { vc });
        stage.finish();
        assert_eq!(stage.world.gain(2), (3 * ETH / 4) as i128, "link {link} forced by {node}");
        assert!(stage.world.gain(1) > 0, "the fee");
    }
}

/// Both links are forced at once, and both ends are gone: the locks are worth the initial split (never registered).
#[test]
fn s32_forced_links_without_a_record_pay_the_initial_split() {
    let mut stage = used(421);
    let mut adversary = Adversary::new(&[0, 2]);
    adversary.strike(&mut stage.world);
    for link in [0, 1] {
        stage.world.command(1, Command::CloseChannel { ch: stage.links[link], force: true });
    }
    stage.finish();
    assert_eq!(stage.world.gain(1), 0);
}

/// The peer of a forced link registers the State before the lock; the hub refutes, and the record pays.
#[test]
fn s1_an_old_state_without_the_lock_is_refuted() {
    for link in [0, 1] {
        let mut stage = Stage::new(422, 2);
        stage.world.pay(2 * link, stage.links[link], ETH);
        let old = stage.link_body(link, link, Vec::new());
        let params = stage.open(ETH, ETH);
        let mut adversary = Adversary::new(&[0, 2]);
        adversary.strike(&mut stage.world);
        let call = adversary.register(&stage.world, &stage.channels[link], &old);
        stage.world.call_as(2 * link, &call).expect("registers");
        let out_a = if link == 0 { 0 } else { 2 * ETH };
        let record = adversary.register_virtual(&stage.world, &params, 3, out_a).expect("signed");
        stage.world.call_as(0, &record).expect("registers");
        stage.finish();
        assert!(stage.world.gain(1) >= ETH as i128, "{}", stage.world.gain(1));
    }
}
