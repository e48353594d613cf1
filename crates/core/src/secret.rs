//! Secrets that pass through messages and records.

use alloy_primitives::B256;
use core::fmt;
use serde::{Deserialize, Serialize};

/// 32 bytes that debug output does not show, so that no log line can. Not wiped: an activation secret is revealed to its peers
/// in the end, and to the chain in a dispute.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub B256);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl From<B256> for Secret {
    fn from(bytes: B256) -> Self {
        Self(bytes)
    }
}

impl AsRef<[u8]> for Secret {
    fn as_ref(&self) -> &[u8] {
        self.0.as_slice()
    }
}
