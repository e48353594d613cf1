//! What the store holds of the core: damaged records give an error, and what is read does not break the node later.

use super::look::look;
use super::spoken::{Disk, told};
use crate::{Seed, Source, block};
use alloy_primitives::keccak256;
use perunika_core::io::{Env, Input};
use perunika_core::participant::Config;
use perunika_core::policy::Policy;
use perunika_core::sig::{MemoryKey, RawKey as _};
use perunika_core::{Address, B256, Domain, Participant};

/// Records one after the other: length and bytes of the key, length and bytes of the value.
fn records(bytes: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut source = Source::new(bytes);
    let mut records = Vec::new();
    while !source.is_empty() {
        let length = usize::from(source.u8());
        records.push((source.take(length).to_vec(), source.block().to_vec()));
    }
    records
}

fn bytes(disk: &Disk) -> Vec<u8> {
    let record = |(key, value): (&Vec<u8>, &Vec<u8>)| [&[key.len() as u8][..], key, &block(value)].concat();
    disk.iter().flat_map(record).collect()
}

fn key() -> MemoryKey {
    let secret = keccak256("a key for fuzzing");
    MemoryKey::new(secret, keccak256(secret)).expect("a hash is a valid key")
}

/// Restores a participant and looks at it from all sides.
pub(super) fn run(bytes: &[u8]) -> bool {
    let domain = Domain { chain_id: 1, adjudicator: Address::repeat_byte(1) };
    let config = Config { domain, owner: Address::repeat_byte(2), policy: Policy::dev() };
    let Ok(mut participant) = Participant::restore(config, Box::new(key()), records(bytes)) else { return false };
    let env = |now_ms| Env { now_ms, entropy: B256::repeat_byte(3) };
    let _ = participant.start(env(0));
    look(&participant);
    let peer = participant.ledgers().first().map_or(key().address(), |ledger| ledger.peer);
    let _ = participant.handle(Input::Connected(peer), env(1));
    let _ = participant.handle(Input::Tick, env(1_000));
    look(&participant);
    true
}

pub(super) fn seeds() -> Vec<Seed> {
    told().disks.iter().enumerate().map(|(at, disk)| (format!("disk_{at}"), bytes(disk))).collect()
}
