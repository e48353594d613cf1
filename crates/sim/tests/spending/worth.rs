//! `claimable` and `deadline`, with the numbers of protocol 2.5.

use perunika_core::B256;
use perunika_core::io::Command;
use perunika_core::policy::Policy;
use perunika_sim::{Network, World, quick_policy};

fn claimable(world: &World, node: usize, link: B256) -> u128 {
    world.ledger_of(node, link).expect("the link").claimable
}

fn of_virtual(world: &World, vc: B256) -> [Option<u128>; 3] {
    [0, 1, 2].map(|node| world.virtual_of(node, vc).expect("the virtual channel").claimable)
}

#[test]
fn the_worked_example_of_length_two() {
    let policy = Policy { fee_base: 5, fee_ppm_per_day: 0, term: 300, ..quick_policy() };
    let mut world = World::with_policy(25, &["a", "i", "b"], &policy);
    world.network = Network::steady(5);
    let l1 = world.open_channel(0, 1, 1_000, 1_200);
    let l2 = world.open_channel(1, 2, 900, 700);
    assert_eq!([(0, l1), (1, l1), (1, l2), (2, l2)].map(|(n, l)| claimable(&world, n, l)), [1_000, 1_200, 900, 700]);
    let vc = world.open_virtual(&[0, 1, 2], 600, 300);
    world.run_for(3_000);
    assert_eq!([(0, l1), (1, l1), (1, l2), (2, l2)].map(|(n, l)| claimable(&world, n, l)), [395, 900, 300, 400]);
    assert_eq!(of_virtual(&world, vc), [Some(600), None, Some(300)]);
    let t_exp = world.virtual_of(0, vc).expect("it is open").params.t_exp;
    assert_eq!(world.virtual_of(2, vc).and_then(|v| v.deadline), Some(t_exp));
    assert_eq!(world.ledger_of(0, l1).and_then(|l| l.deadline), None);

    // What was signed away is gone at once for the payer, and the payee's once it is durable there.
    world.filter = Some(Box::new(|_, _, _, _| false));
    world.stream(0, vc, 350);
    world.run_for(100);
    assert_eq!(of_virtual(&world, vc), [Some(250), None, Some(300)]);
    world.filter = None;
    world.run_for(5_000);
    assert_eq!(of_virtual(&world, vc), [Some(250), None, Some(650)]);

    world.close_virtual(0, vc);
    world.run_for(3_000);
    assert_eq!([(0, l1), (1, l1), (1, l2), (2, l2)].map(|(n, l)| claimable(&world, n, l)), [645, 1_555, 550, 1_050]);
    assert_eq!(of_virtual(&world, vc), [Some(0), None, Some(0)]);
    assert_eq!(world.virtual_of(0, vc).and_then(|v| v.deadline), None);
}

/// Who has an answer to a dispute must give it by the end of refutation; who registered the newest has nothing to do.
#[test]
fn a_dispute_sets_a_deadline_for_whoever_knows_better() {
    let mut world = World::with_policy(26, &["a", "b"], &quick_policy());
    let ch = world.open_channel(0, 1, 1_000, 0);
    world.pay(0, ch, 100);
    world.run_for(3_000);
    // A does not learn of the next payment's acceptance, and registers without it; B knows better.
    world.command(0, Command::CloseChannel { ch, force: true });
    let seen = world.run_until(30_000, |w| w.ledger_of(0, ch).is_some_and(|l| l.refute_end.is_some()));
    assert!(seen);
    for node in [0, 1] {
        let info = world.ledger_of(node, ch).expect("the channel");
        assert_eq!((info.deadline, info.claimable), (None, [900, 100][node]), "{node}");
    }
}
