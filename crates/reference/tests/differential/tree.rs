//! Trees of a State.

use alloy_primitives::B256;
use perunika_reference::hash;

/// Root over leaves, padded with zeros.
pub(crate) fn root(leaves: &[B256]) -> B256 {
    levels(leaves).last().map_or(B256::ZERO, |top| top[0])
}

/// Siblings of a leaf from below.
pub(crate) fn siblings(leaves: &[B256], index: usize) -> Vec<B256> {
    let levels = levels(leaves);
    let below = levels.iter().take(levels.len().saturating_sub(1)).enumerate();
    below.map(|(level, nodes)| nodes.get((index >> level) ^ 1).copied().unwrap_or_default()).collect()
}

fn levels(leaves: &[B256]) -> Vec<Vec<B256>> {
    if leaves.is_empty() {
        return Vec::new();
    }
    let mut level = leaves.to_vec();
    level.resize(leaves.len().next_power_of_two(), B256::ZERO);
    let mut levels = vec![level];
    while levels[levels.len() - 1].len() > 1 {
        let above = levels[levels.len() - 1].chunks(2).map(|pair| hash::node(pair[0], pair[1])).collect();
        levels.push(above);
    }
    levels
}
