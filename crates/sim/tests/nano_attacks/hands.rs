//! Inputs that one party hands to the other: good as long as they give more, and always answered.

use crate::games::Table;
use alloy_primitives::B256;
use perunika_apps::{App, hash_chain};
use perunika_core::io::{Command, Reply};
use perunika_core::message::Message;
use perunika_core::params::Side;
use perunika_sim::ETH;

const PRICE: u128 = ETH / 1_000;

fn chain() -> (hash_chain::Payer, perunika_core::message::NanoTerms) {
    let payer = hash_chain::Payer::new(B256::repeat_byte(5), 500).expect("a length");
    let terms = hash_chain::terms(payer.anchor(), PRICE, 500, Side::A, 5).expect("a chain");
    (payer, terms)
}

/// The payee claims what it got earlier: what it got later is not lost by that.
#[test]
fn a_newer_input_survives_a_step_with_an_older_one() {
    let (payer, terms) = chain();
    let pay = |index| payer.pay(index).expect("in the chain");
    for forced in [false, true] {
        let mut table = Table::ledger(340);
        let (ch, before) = (table.ch, table.share_of_a());
        let world = table.world();
        let nid = world.open_nano(0, 1, ch, &terms, App::HashChain.code());
        world.hand_nano(0, ch, nid, pay(10));
        world.hand_nano(0, ch, nid, pay(50));
        world.make_step(1, ch, nid, pay(10));
        if forced {
            world.corrupt(0);
            world.force(1, ch);
            world.finish();
            assert_eq!(world.gain(1), 50 * PRICE as i128);
            continue;
        }
        let tag = world.close_nano(1, ch, nid);
        world.wait_reply(1, tag);
        assert!(matches!(world.reply(1, tag), Some(Reply::NanoClosed { .. })), "{:?}", world.reply(1, tag));
        assert_eq!(table.share_of_a(), before - 50 * PRICE);
        table.world().finish();
    }
}

/// A hand-over gets lost, and the payee steps with more than it: whoever handed it over hears that it came too late. If the payee steps with less, the
/// hand-over arrives after all.
#[test]
fn a_hand_over_is_answered_whatever_the_peer_steps() {
    let (payer, terms) = chain();
    let pay = |index| payer.pay(index).expect("in the chain");
    for lost in [40, 60] {
        let mut table = Table::ledger(341);
        let (ch, world) = (table.ch, table.world());
        let nid = world.open_nano(0, 1, ch, &terms, App::HashChain.code());
        world.hand_nano(0, ch, nid, pay(20));
        world.filter = Some(Box::new(|_, _, _, m| !matches!(m, Message::NanoHand { .. })));
        let tag = world.command(0, Command::HandNano { ch, nid, input: pay(lost) });
        world.run_for(200);
        // The payee knows fifty from elsewhere.
        world.make_step(1, ch, nid, pay(50));
        world.filter = None;
        world.wait_reply(0, tag);
        let (reply, live) = (world.reply(0, tag).cloned(), lost > 50);
        assert_eq!(reply == Some(Reply::Done), live, "{reply:?}");
        assert_eq!(matches!(reply, Some(Reply::Rejected { .. })), !live, "{reply:?}");
        world.close_nano(1, ch, nid);
        assert!(world.run_until(20_000, |w| w.nano_is_gone(0, ch, nid) && w.nano_is_gone(1, ch, nid)));
        world.finish();
        assert_eq!(world.gain(1), u128::from(lost.max(50)) as i128 * PRICE as i128);
    }
}
