//! Nanocontracts and the life of their virtual channel: its end, its renewal, a dispute that never was.

use crate::games::{Table, board, won_by_a};
use alloy_primitives::{Address, B256};
use perunika_apps::{App, hash_chain, tic_tac_toe};
use perunika_core::info::VirtualStage;
use perunika_core::io::{Command, Event, Fault, Reply};
use perunika_core::params::Side;
use perunika_core::policy::Policy;
use perunika_sim::{ETH, Path, World, quick_policy};

fn table(seed: u64, term: u64, renew: bool) -> Table {
    let mut path = Path::open(seed, 1, &Policy { term, ..quick_policy() });
    let hops = path.nodes[1..].iter().map(|n| path.world.key(*n)).collect();
    let (stake, peer_stake) = (20 * ETH, 20 * ETH);
    let open = Command::OpenVirtual {
        asset: Address::ZERO,
        path: hops,
        stake,
        peer_stake,
        term: None,
        fee_max: u128::MAX,
        renew,
    };
    let tag = path.world.command(0, open);
    path.world.wait_reply(0, tag);
    let Some(Reply::Opened(ch)) = path.world.reply(0, tag).cloned() else { panic!("not open") };
    assert!(path.world.run_until(10_000, |w| w.virtual_of(2, ch).is_some_and(|v| v.version >= 1)));
    Table { path, ch, ends: [0, 2] }
}

/// The term ends while a hash chain is open: the payee folds what it holds, both close, and nothing touches the chain. A nanocontract in which somebody has
/// to decide is announced.
#[test]
fn an_open_hash_chain_is_folded_before_its_virtual_channel_ends() {
    let mut table = table(350, 200, false);
    let payer = hash_chain::Payer::new(B256::repeat_byte(5), 500).expect("a length");
    let terms = hash_chain::terms(payer.anchor(), ETH / 1_000, 500, Side::A, 1).expect("a chain");
    let (ch, [a, b]) = (table.ch, table.ends);
    let world = table.world();
    let nid = world.open_nano(a, b, ch, &terms, App::HashChain.code());
    world.hand_nano(a, ch, nid, payer.pay(50).expect("in the chain"));
    let end = world.virtual_of(a, ch).expect("open").params.t_exp;
    world.run_to(end - 1);
    assert!(world.nano_is_gone(a, ch, nid) && world.nano_is_gone(b, ch, nid), "{:?}", world.nanos_of(b, ch));
    assert!(world.virtual_everywhere(ch).iter().all(|v| v.stage == VirtualStage::Done), "closed in time");
    assert_eq!(table.disputes(), 0);
    table.world().finish();
    assert_eq!(table.path.world.gain(b), 50 * ETH as i128 / 1_000);
}

/// A virtual channel in which a nanocontract is open cannot be renewed, neither by order nor by itself; afterwards it is.
#[test]
fn a_renewal_waits_for_the_nanocontracts() {
    let mut table = table(351, 300, true);
    let (ch, [a, _]) = (table.ch, table.ends);
    let nid = table.open(&board());
    let wish = Command::RenewVirtual { vc: ch, stakes: None, term: Some(600), fee_max: u128::MAX };
    let world = table.world();
    let tag = world.command(a, wish);
    let Some(Reply::Refused(Fault::Caller(why))) = world.reply(a, tag) else { panic!("{:?}", world.reply(a, tag)) };
    assert!(why.contains("nanocontracts are open"), "{why}");
    let end = world.virtual_of(a, ch).expect("open").params.t_exp;
    world.run_to(end - 90);
    let renewing = |w: &World| w.virtual_of(0, ch).is_some_and(|v| v.renewing || v.renewed_by.is_some());
    assert!(!renewing(world), "it would take the nanocontract's channel away");
    table.play(nid, won_by_a());
    let renewed = |e: &Event| matches!(e, Event::VirtualRenewed { .. });
    let done = table.world().run_until(30_000, |w| w.nodes[0].events.iter().any(renewed));
    assert!(done, "{:?}", table.path.world.virtual_of(a, ch));
    table.world().finish();
}

/// A dispute is seen, and then a reorg takes it away: everything goes on, with new nanocontracts too.
#[test]
fn after_a_dispute_that_a_reorg_took_away_nanocontracts_are_played_again() {
    let mut table = Table::over(352, 1);
    let (ch, [a, b]) = (table.ch, table.ends);
    let old = table.open(&board());
    let world = table.world();
    let home = world.home_of(a, ch).expect("open");
    world.run_for(2_000);
    // What B did is forgotten by B: only the call is there.
    let disk = world.nodes[b].disk.clone();
    world.nodes[b].chain_delay_ms = 100;
    world.force(b, ch);
    world.stop(b);
    world.nodes[b].disk = disk;
    assert!(world.run_until(3_000, |w| w.dispute_at(&home).is_some()));
    world.run_for(100);
    world.reorg(1);
    assert_eq!(world.dispute_at(&home), None);
    world.restart(b);
    world.run_for(5_000);
    assert_eq!(world.dispute_at(&home), None);
    world.make_step(a, ch, old, tic_tac_toe::place(4));
    let new = table.open(&board());
    table.play(new, won_by_a());
    table.world().finish();
}
