//! Tiny nanocontracts, written by hand, each with one property that an attack needs.

use alloy_primitives::{B256, U256, hex, keccak256};
use perunika_core::message::NanoTerms;
use perunika_sim::ETH;

/// Every step keeps the time in the storage and leaves the split as it is.
pub(crate) const STAMP: &[u8] =
    &hex!("60805f52 606435602052 6101243515604052 600160843503606052 6020608052 60a43560a052 60c05ff3");

/// A step gives A everything until the second in the storage, and nothing behind it.
pub(crate) const BEFORE: &[u8] =
    &hex!("60805f52 6101843560a435111560443502602052 6101243515604052 600160843503606052 60a05ff3");

/// A step gives everything to the other party; whoever is to answer decides.
pub(crate) const DIP: &[u8] = &hex!("60805f52 6101243560443502602052 6101243515604052 600160843503606052 60a05ff3");

/// Until the second in the storage, by the real time, the mover takes everything; behind it, nobody does anything.
pub(crate) const GATE: &[u8] = &hex!(
    "610184 35 60c435 11 602b57"
    "60805f52 610124351560443502602052 61012435604052 60a05ff3"
    "00000000 00 5b5f5ffd"
);

/// Later than any story.
pub(crate) const NEVER: u64 = 1 << 39;

/// An ETH, all of it B's until somebody moves; A begins. `second` is the first word of the storage.
pub(crate) fn terms(code: &[u8], second: u64) -> NanoTerms {
    NanoTerms {
        total: ETH,
        da0: 0,
        mover0: 0,
        code_hash: keccak256(code),
        gas: 30_000,
        k_max: 4,
        storage: B256::from(U256::from(second)).to_vec(),
    }
}
