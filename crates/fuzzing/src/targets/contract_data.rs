//! What a chain answers about the contract: events, views, reasons and code.

use super::spoken::told;
use crate::{Seed, Source};
use perunika_contracts::view::{self, NanoSlots};
use perunika_contracts::{Event, is_adjudicator, is_extension, revert_reason};
use perunika_core::chain::NanoView;
use perunika_core::{Address, B256, Domain};

/// The first byte says which decoder.
pub(super) fn run(bytes: &[u8]) -> bool {
    let mut source = Source::new(bytes);
    match source.u8() % 9 {
        0 => view::ledger(source.rest()).is_ok(),
        1 => view::escrow(source.rest()).is_ok(),
        2 => view::record(source.rest()).is_ok(),
        3 => view::nano(source.rest()).is_ok(),
        4 => view::revealed(source.rest()).is_ok(),
        5 => view::vault(source.rest()).is_ok(),
        6 => !revert_reason(source.rest()).is_empty(),
        7 => {
            let code = source.rest();
            is_adjudicator(code, &Domain { chain_id: 1, adjudicator: Address::ZERO }) || is_extension(code)
        }
        _ => event(&mut source),
    }
}

fn event(source: &mut Source<'_>) -> bool {
    let topics: Vec<B256> = (0..source.below(5)).map(|_| source.array().into()).collect();
    let Some(event) = Event::decode(&topics, source.rest()) else { return false };
    match &event {
        Event::Registered { preimage, .. } | Event::Refuted { preimage, .. } => drop(preimage.stored()),
        Event::VirtualRegistered { vc, preimage, .. } | Event::VirtualRefuted { vc, preimage } => {
            preimage.with_total(*vc, u128::MAX).stored();
        }
        Event::NanoStepped { da, mover, steps_left, .. } => {
            let (da, mover, steps_left) = (*da, *mover, *steps_left);
            let (storage_hash, storage, input) = (B256::ZERO, None, None);
            let view = NanoView { ver: 1, n_ref: 1, last: 0, steps_left, mover, da, storage_hash, storage, input };
            let filled = NanoSlots { view: Some(view), forced: true }.fill(&event);
            assert!(!filled, "no storage has the hash zero");
        }
        _ => {}
    }
    let _ = (event.object(), event.nano(), event.secret());
    true
}

pub(super) fn seeds() -> Vec<Seed> {
    let mut seeds = Vec::new();
    for (at, (which, answer)) in told().answers.iter().enumerate() {
        seeds.push((format!("view_{which}_{at}"), [&[*which][..], answer].concat()));
    }
    let mut seen = std::collections::BTreeSet::new();
    for (topics, data) in &told().logs {
        if topics.first().is_some_and(|signature| seen.insert(*signature)) {
            let topics_bytes: Vec<u8> = topics.iter().flat_map(|topic| topic.0).collect();
            let bytes = [&[8, topics.len() as u8][..], &topics_bytes, data].concat();
            seeds.push((format!("event_{}", seen.len()), bytes));
        }
    }
    let text = "08c379a0000000000000000000000000000000000000000000000000000000000000002000000000000000000000000000000000000000000000000000000000000000026e6f000000000000000000000000000000000000000000000000000000000000";
    let reason = alloy_primitives::hex::decode(text).expect("hexadecimal");
    seeds.push(("reason".into(), [&[6][..], &reason].concat()));
    seeds
}
