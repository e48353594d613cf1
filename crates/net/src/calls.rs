//! How many calls may be under way at once, name lookups included.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::book::Free;

/// Calls at once.
const ALL_MAX: usize = 64;
/// Of these, calls to peers whom only others named.
const HINTED_MAX: usize = 32;

#[derive(Debug)]
pub(crate) struct Calls {
    all: Arc<Semaphore>,
    hinted: Arc<Semaphore>,
}

/// One call under way.
#[derive(Debug)]
pub(crate) struct Permit {
    _all: OwnedSemaphorePermit,
    _hinted: Option<OwnedSemaphorePermit>,
}

impl Default for Calls {
    fn default() -> Self {
        Self { all: Arc::new(Semaphore::new(ALL_MAX)), hinted: Arc::new(Semaphore::new(HINTED_MAX)) }
    }
}

impl Calls {
    pub(crate) fn free(&self) -> Free {
        let named = self.all.available_permits() > 0;
        Free { named, hinted: named && self.hinted.available_permits() > 0 }
    }

    /// `None`: too many are under way.
    pub(crate) fn permit(&self, hinted: bool) -> Option<Permit> {
        let all = Arc::clone(&self.all).try_acquire_owned().ok()?;
        let hinted = if hinted { Some(Arc::clone(&self.hinted).try_acquire_owned().ok()?) } else { None };
        Some(Permit { _all: all, _hinted: hinted })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_leave_half_of_the_calls_to_others() {
        let calls = Calls::default();
        let mut hints: Vec<_> = std::iter::from_fn(|| calls.permit(true)).collect();
        assert_eq!(hints.len(), HINTED_MAX);
        assert!(calls.free().named && !calls.free().hinted);
        let named: Vec<_> = std::iter::from_fn(|| calls.permit(false)).collect();
        assert_eq!(named.len(), ALL_MAX - HINTED_MAX);
        assert!(!calls.free().named && !calls.free().hinted);
        hints.pop();
        assert!(calls.free().named && calls.free().hinted);
    }
}
