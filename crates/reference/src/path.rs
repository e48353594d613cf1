//! Ways up in the trees of a State.

use crate::hash::node;
use alloy_primitives::B256;

/// The node to which the siblings lead from the leaf at `index`, and its own index in its level.
pub(crate) fn climb(leaf: B256, index: u64, siblings: &[B256]) -> (B256, u64) {
    siblings.iter().fold((leaf, index), |(below, index), sibling| {
        let above = if index % 2 == 0 { node(below, *sibling) } else { node(*sibling, below) };
        (above, index / 2)
    })
}

/// Whether the siblings lead from the leaf at `index` to the root.
pub(crate) fn leads(leaf: B256, index: u64, siblings: &[B256], root: B256) -> bool {
    climb(leaf, index, siblings) == (root, 0)
}

/// Deepest tree of nanocontracts.
const DEPTH_MAX: usize = 8;

/// What the proofs of one call have shown of a tree: of each level, the sibling that was passed last.
pub(crate) struct Known {
    root: B256,
    passed: [Option<(B256, u64)>; DEPTH_MAX + 1],
}

impl Known {
    pub(crate) fn new(root: B256) -> Self {
        Self { root, passed: [None; DEPTH_MAX + 1] }
    }

    /// Whether the siblings lead from the leaf to the root, or to a node that is known; if so, they are known as well.
    pub(crate) fn admits(&mut self, leaf: B256, index: u64, siblings: &[B256]) -> bool {
        if siblings.len() > DEPTH_MAX {
            return false;
        }
        for (level, sibling) in siblings.iter().enumerate() {
            self.passed[level] = Some((*sibling, (index >> level) ^ 1));
        }
        let reached = climb(leaf, index, siblings);
        reached == (self.root, 0) || Some(reached) == self.passed[siblings.len()]
    }
}
