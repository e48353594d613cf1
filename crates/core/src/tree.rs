//! The two trees of a State: dense lists, padded with zero words (protocol 2.3 objects).

use crate::signed::Eip712;
use alloc::vec::Vec;
use alloy_primitives::{B256, keccak256};

/// Hash of an inner node.
pub fn node(left: B256, right: B256) -> B256 {
    let mut bytes = [0u8; 65];
    bytes[0] = 1;
    bytes[1..33].copy_from_slice(left.as_slice());
    bytes[33..].copy_from_slice(right.as_slice());
    keccak256(bytes)
}

/// Hash of a leaf.
pub fn leaf(item: &impl Eip712) -> B256 {
    let mut bytes = [0u8; 33];
    bytes[1..].copy_from_slice(item.struct_hash().as_slice());
    keccak256(bytes)
}

/// Root over a list; the empty list has root 0.
pub fn root<T: Eip712>(items: &[T]) -> B256 {
    levels(items).last().and_then(|top| top.first().copied()).unwrap_or_default()
}

/// Siblings of leaf `index` from the leaf upwards; `None` if there is no such leaf.
pub fn proof<T: Eip712>(items: &[T], index: usize) -> Option<Vec<B256>> {
    (index < items.len()).then(|| {
        let levels = levels(items);
        let below_root = &levels[..levels.len() - 1];
        below_root.iter().enumerate().map(|(depth, level)| level[(index >> depth) ^ 1]).collect()
    })
}

/// `entries` of a State from the roots of its two lists.
pub fn entries(lock_root: B256, nano_root: B256) -> B256 {
    node(lock_root, nano_root)
}

/// `entries` of a State without locks and nanocontracts.
pub fn empty_entries() -> B256 {
    entries(B256::ZERO, B256::ZERO)
}

fn levels<T: Eip712>(items: &[T]) -> Vec<Vec<B256>> {
    let mut level: Vec<B256> = items.iter().map(leaf).collect();
    if level.is_empty() {
        return Vec::new();
    }
    level.resize(level.len().next_power_of_two(), B256::ZERO);
    let mut levels = Vec::from([level]);
    while let Some(last) = levels.last().filter(|l| l.len() > 1) {
        let above = last.chunks_exact(2).map(|pair| node(pair[0], pair[1])).collect();
        levels.push(above);
    }
    levels
}
