//! A node without sockets on a store in memory.

use super::spoken::told;
use super::store_file::place;
use perunika_core::participant::Config;
use perunika_node::fuzzing::{Rig, rig};
use perunika_store::{Store, WriteBatch};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// The owner's token.
pub(super) const TOKEN: &str = "0123456789abcdef0123456789abcdef";
/// How long one answer may take: what waits for a peer or the chain waits in vain.
pub(super) const PATIENCE: Duration = Duration::from_millis(25);

pub(super) fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().expect("a runtime")
}

/// A store with the records of the node `at` of the story and these ones.
pub(super) fn store(at: Option<usize>, others: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) -> Store {
    let store = Store::in_memory().expect("a store in memory");
    let records = at.into_iter().flat_map(|at| &told().disks[at]);
    let core = records.map(|(key, value)| ([b"core/", key.as_slice()].concat(), value.clone()));
    let batch = core.chain(others).fold(WriteBatch::new(), |batch, (key, value)| batch.put(key, value));
    store.commit_blocking(batch).expect("a write to memory");
    store
}

/// Starts it.
pub(super) async fn start(store: Store, node: usize) -> Result<Rig, String> {
    let person = &told().people[node];
    let config = Config { domain: told().domain, owner: person.owner, policy: perunika_sim::short_terms() };
    rig(store, perunika_net::fuzzing::stopped(), config, Box::new(person.pen()), TOKEN, place()).await
}
