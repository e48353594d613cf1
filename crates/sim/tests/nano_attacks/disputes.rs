//! What a party can still do in a dispute, and what it had better not.

use crate::codes::{DIP, GATE, NEVER, terms};
use crate::games::Table;
use crate::scene::Scene;
use alloy_primitives::B256;
use perunika_apps::{App, hash_chain, tic_tac_toe};
use perunika_core::body::Change;
use perunika_core::chain::Home;
use perunika_core::io::{Event, Fault, Reply};
use perunika_core::message::{LinkOp, Message, NanoTerms};
use perunika_core::params::Side;
use perunika_sim::{Adversary, ETH, World};

fn turns(world: &World, node: usize) -> usize {
    world.nodes[node].events.iter().filter(|e| matches!(e, Event::NanoTurn { .. })).count()
}

fn forced(world: &World, node: usize) -> usize {
    world.nodes[node].events.iter().filter(|e| matches!(e, Event::NanoStepped { forced: true, .. })).count()
}

/// The peer agrees, gets the signed State that opens the nanocontract, says no word more and registers it: this node, for which the nanocontract never
/// opened, plays it from what the dispute has fixed.
#[test]
fn an_opening_that_only_the_chain_has_can_be_played() {
    let mut table = Table::ledger(310);
    let (ch, world) = (table.ch, table.world());
    let terms = terms(GATE, NEVER);
    world.offer_nano(0, ch, &terms, GATE, None);
    assert!(world.run_until(5_000, |w| !w.offers(1, ch).is_empty()));
    let nid = world.offers(1, ch)[0];
    world.corrupt(1);
    world.inject(1, 0, Message::NanoAgree { ch, nid });
    let signed = |w: &World| {
        w.nodes[1].inbox.iter().find_map(|(_, message)| match message {
            Message::Presign { ver, op: LinkOp::OpenNano { .. }, .. } | Message::Propose { ver, .. } => Some(*ver),
            _ => None,
        })
    };
    assert!(world.run_until(20_000, |w| signed(w).is_some()), "A signs the State first");
    let ver = signed(world).expect("just now");
    let info = world.ledger_of(0, ch).expect("open");
    let entry = terms.entry(nid, ver);
    let change = Change::Entries { remove: vec![], add: vec![], close: vec![], open: vec![entry] };
    let body = perunika_sim::ledger_body(&info, Vec::new()).with(ver, &change).expect("a State");
    let register = Adversary::new(&[1]).register(world, &info.params, &body);
    world.call_as(1, &register).expect("both signed it");
    world.run_for(2_500);
    assert_eq!(world.dispute_at(&Home::Ledger(info.params)).map(|d| d.ver), Some(ver));
    let tag = world.step_nano(0, ch, nid, vec![1]);
    assert_eq!(world.reply(0, tag), Some(&Reply::Done));
    let done = |w: &World| w.registered(ch, &entry).is_some_and(|v| (v.steps_left, v.da) == (0, ETH));
    assert!(world.run_until(60_000, done), "{:?}", world.registered(ch, &entry));
    world.finish();
    assert_eq!(world.gain(0), ETH as i128);
}

/// The application answers a turn in a dispute with nonsense, hears why, and answers again.
#[test]
fn a_step_against_the_rules_is_refused_in_a_dispute_too() {
    for hubs in [0, 1] {
        let mut scene = Scene::board_after(311, hubs, &[0, 3]);
        scene.strike(1);
        scene.force(0);
        let (ch, nid) = (scene.ch, scene.nid);
        assert!(scene.world.run_until(10_000, |w| turns(w, 0) == 1), "A is asked");
        for (input, why) in [(tic_tac_toe::place(0), "does not allow"), (vec![0; 16_385], "longer than")] {
            let tag = scene.world.step_nano(0, ch, nid, input);
            let Some(Reply::Refused(Fault::Caller(reason))) = scene.world.reply(0, tag) else {
                panic!("{:?}", scene.world.reply(0, tag));
            };
            assert!(reason.contains(why), "{reason}");
        }
        scene.world.run_for(3_000);
        let tag = scene.world.step_nano(0, ch, nid, tic_tac_toe::place(1));
        assert_eq!(scene.world.reply(0, tag), Some(&Reply::Done));
        scene.conclude();
        assert_eq!((forced(&scene.world, 0), scene.da()), (1, 2 * ETH), "{hubs} hubs: A stepped, B stalled");
        scene.finish();
    }
}

/// A step after which the other party could take everything by saying nothing: nobody takes it by itself, but an order is an order.
#[test]
fn an_ordered_step_is_played_although_it_looks_worse_for_the_moment() {
    let terms = NanoTerms { da0: ETH / 2, ..terms(DIP, 0) };
    for ordered in [false, true] {
        let mut scene = Scene::new(312, 0, &terms, DIP);
        let (ch, nid) = (scene.ch, scene.nid);
        scene.strike(1);
        scene.world.prepare_nano(0, ch, nid, vec![vec![1]]);
        scene.force(0);
        if ordered {
            let tag = scene.world.step_nano(0, ch, nid, vec![2]);
            assert_eq!(scene.world.reply(0, tag), Some(&Reply::Done));
        }
        scene.conclude();
        let expected = if ordered { (1, 0) } else { (0, ETH / 2) };
        assert_eq!((forced(&scene.world, 0), scene.da()), expected, "ordered: {ordered}");
        scene.finish();
    }
}

/// The application does not answer in time for the registration: it is made all the same, in the last moment, so that an answer can follow.
#[test]
fn a_mover_that_has_no_input_yet_registers_in_the_last_moment() {
    for hubs in [0, 1] {
        let mut scene = Scene::new(313, hubs, &terms(GATE, NEVER), GATE);
        let (ch, nid) = (scene.ch, scene.nid);
        scene.strike(1);
        scene.force(0);
        let end = scene.dispute().refute_end + scene.window();
        scene.world.run_to(end - 6);
        assert_eq!((turns(&scene.world, 0), scene.view()), (1, None), "nothing to register yet");
        scene.world.run_to(end);
        assert!(scene.view().is_some(), "registered, a margin before the end");
        let tag = scene.world.step_nano(0, ch, nid, vec![1]);
        assert_eq!(scene.world.reply(0, tag), Some(&Reply::Done));
        scene.conclude();
        assert_eq!(scene.da(), ETH, "{hubs} hubs");
        scene.finish();
    }
}

/// What a registration costs in gas is not spent for less.
#[test]
fn a_gain_below_the_gas_of_its_registration_is_left() {
    let payer = hash_chain::Payer::new(B256::repeat_byte(5), 500).expect("a length");
    let price = 4_000_000_000_000;
    let terms = hash_chain::terms(payer.anchor(), price, 500, Side::A, 1).expect("a chain");
    for (handed, paid) in [(1, 0), (10, 0), (300, 300)] {
        let mut scene = Scene::new(314, 0, &terms, App::HashChain.code());
        let (ch, nid) = (scene.ch, scene.nid);
        scene.world.hand_nano(0, ch, nid, payer.pay(handed).expect("in the chain"));
        scene.strike(0);
        scene.force(1);
        scene.conclude();
        assert_eq!(scene.view().is_some(), paid > 0, "{handed} units of {price} wei");
        scene.finish();
        assert_eq!(scene.gain(1), i128::from(paid) * price as i128);
    }
}
