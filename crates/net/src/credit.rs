//! How much of one peer may wait for the application. Without it a peer that sends at full speed would fill the queue that all peers
//! share, and the others would stand in line behind it.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What one peer may have waiting, in units.
const UNITS_MAX: u32 = 512;
/// Bytes of a unit.
const UNIT: usize = 1 << 10;
/// Units of the smallest message, so that their number is bounded too.
const UNITS_MIN: u32 = 8;

/// A message's part of what its sender may have waiting. Whoever has dealt with the message drops it, and the sender is heard again.
/// A clone has no part.
#[derive(Debug, Default)]
pub struct Credit {
    /// Held until it is dropped.
    _permit: Option<OwnedSemaphorePermit>,
}

impl Clone for Credit {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Credit {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Credit {}

/// The allowance of one session.
#[derive(Debug)]
pub(crate) struct Allowance(Arc<Semaphore>);

impl Allowance {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(UNITS_MAX as usize)))
    }

    /// Waits until a message of this size fits.
    pub(crate) async fn take(&self, bytes: usize) -> Credit {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(UNITS_MAX).clamp(UNITS_MIN, UNITS_MAX);
        // Never closed.
        Credit { _permit: Arc::clone(&self.0).acquire_many_owned(units).await.ok() }
    }
}
