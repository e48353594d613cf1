//! Filters that clients install and poll.

use std::collections::BTreeMap;

use alloy::rpc::types::Filter;

/// The most filters installed; the oldest goes first.
const MAX_FILTERS: usize = 256;

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Blocks,
    Logs(Box<Filter>),
}

#[derive(Clone, Debug)]
pub(super) struct Installed {
    pub(super) kind: Kind,
    /// The first block that was not polled yet.
    pub(super) next: u64,
}

#[derive(Debug, Default)]
pub(super) struct Filters {
    installed: BTreeMap<u64, Installed>,
    ids: u64,
}

impl Filters {
    /// Installs a filter that starts after block `height`.
    pub(super) fn install(&mut self, kind: Kind, height: u64) -> u64 {
        self.ids += 1;
        self.installed.insert(self.ids, Installed { kind, next: height + 1 });
        if self.installed.len() > MAX_FILTERS {
            self.installed.pop_first();
        }
        self.ids
    }

    pub(super) fn get_mut(&mut self, id: u64) -> Option<&mut Installed> {
        self.installed.get_mut(&id)
    }

    pub(super) fn uninstall(&mut self, id: u64) -> bool {
        self.installed.remove(&id).is_some()
    }

    /// After blocks were dropped, their successors are news.
    pub(super) fn clamp(&mut self, height: u64) {
        for filter in self.installed.values_mut() {
            filter.next = filter.next.min(height + 1);
        }
    }
}
