//! Many registrations at once: what fits a transaction, and what becomes of the others if one fails.

use crate::codes::{GATE, NEVER, terms};
use alloy_primitives::B256;
use perunika_contracts::encode_call;
use perunika_core::chain::Call;
use perunika_core::message::NanoTerms;
use perunika_core::policy::Policy;
use perunika_core::signed::Entry;
use perunika_sim::{ETH, Path, START, Tap, World, quick_policy};

/// Most calldata that nodes take into their pools, and most gas of a transaction (EIP-7825).
const BYTES: usize = 128 * 1_024;
const GAS: u64 = 1 << 24;

/// A and B with these nanocontracts, in all of which A is the mover and has an input at hand.
fn table(seed: u64, window: u32, terms: &[NanoTerms], input: &[u8]) -> (World, B256, Vec<Entry>) {
    let path = Path::open(seed, 0, &Policy { window, ..quick_policy() });
    let (mut world, ch) = (path.world, path.links[0]);
    let nids = world.open_nanos(0, 1, ch, terms, GATE);
    nids.iter().for_each(|nid| world.prepare_nano(0, ch, *nid, vec![input.to_vec()]));
    let entry = |nid: &B256| world.nano_of(0, ch, *nid).and_then(|n| n.entry).expect("open");
    let entries = nids.iter().map(entry).collect();
    (world, ch, entries)
}

/// The registrations that a node sent: claims, steps among them, bytes of calldata.
fn registrations(world: &World, node: usize) -> Vec<(usize, usize, usize)> {
    let (domain, owner) = (world.ground.domain, world.nodes[node].owner);
    let of = |tap: &Tap| match tap {
        Tap::Called { node: n, call } if *n == node => match &**call {
            Call::RegisterNanos { claims, .. } => {
                let bytes = encode_call(call, &domain, owner).expect("a call").data.len();
                Some((claims.len(), claims.iter().filter(|c| c.step.is_some()).count(), bytes))
            }
            _ => None,
        },
        _ => None,
    };
    world.taps.iter().filter_map(|(_, tap)| of(tap)).collect()
}

/// Twenty nanocontracts of eight thousand bytes each, with inputs of four thousand: every one is registered with its step, in transactions that are small
/// enough.
#[test]
fn twenty_large_nanocontracts_are_registered_in_transactions_that_fit() {
    let mut large = NanoTerms { total: ETH / 10, ..terms(GATE, NEVER) };
    large.storage.resize(8_000, 7);
    let (mut world, ch, entries) = table(320, 20, &vec![large; 20], &[9; 4_000]);
    world.corrupt(1);
    world.force(0, ch);
    let taken = |w: &World| entries.iter().all(|e| w.registered(ch, e).is_some_and(|v| v.da == e.total));
    assert!(world.run_until(40_000, taken), "all registered");
    let sent = registrations(&world, 0);
    assert_eq!(sent.iter().map(|(claims, ..)| claims).sum::<usize>(), 20, "each once: {sent:?}");
    assert!(sent.iter().all(|(claims, steps, bytes)| claims == steps && *bytes < BYTES), "{sent:?}");
    let used = world.ground.receipts.iter().filter(|r| r.name == "registerNano").map(|r| r.result.clone());
    let used: Vec<u64> = used.map(|gas| gas.expect("none failed")).collect();
    assert!(used.len() == sent.len() && used.iter().all(|gas| *gas < GAS), "{used:?}");
    world.finish();
    assert_eq!(world.gain(0), 2 * ETH as i128);
}

/// One of five steps fails, and the node, whose clock is late, thinks for the whole time of the registration that it works: the other four are
/// registered with their steps, and the fifth without.
#[test]
fn a_claim_that_fails_does_not_sink_the_others() {
    let (lag, window, late) = (40, 60, START + 200);
    let all = [NEVER, NEVER, late, NEVER, NEVER].map(|second| terms(GATE, second));
    let (mut world, ch, entries) = table(321, window, &all, &[1]);
    let home = world.home_of(0, ch).expect("open");
    world.run_to(START + 80);
    world.nodes[0].lag = lag;
    // The last second of refutation is as long before the end of the third as the node is late.
    world.run_to(late - lag - 21);
    world.corrupt(1);
    world.force(0, ch);
    world.run_for(1_500);
    let end = world.dispute_at(&home).expect("a dispute").refute_end;
    assert_eq!(end, late - lag);
    world.run_to(end + u64::from(window) + 1);
    let got: Vec<_> = entries.iter().map(|e| world.registered(ch, e).map(|v| (v.da, v.steps_left))).collect();
    let (step, none) = (Some((ETH, 0)), Some((0, 4)));
    assert_eq!(got, [step, step, none, step, step], "{:?}", registrations(&world, 0));
    world.nodes[0].lag = 0;
    world.finish();
    assert_eq!(world.gain(0), 4 * ETH as i128);
}
