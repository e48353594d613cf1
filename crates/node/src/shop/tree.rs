//! The Merkle tree over the chunks of a file: leaf 0x00 ‖ chunk, node 0x01, padded with zero words to a power of two.

use alloy_primitives::{B256, Keccak256};

/// Hash of a chunk.
pub(crate) fn leaf(chunk: &[u8]) -> B256 {
    let mut hash = Keccak256::new();
    hash.update([0]);
    hash.update(chunk);
    hash.finalize()
}

/// All levels, the leaves first.
#[derive(Clone, Debug)]
pub(crate) struct Tree(Vec<Vec<B256>>);

impl Tree {
    /// Over at least one leaf.
    pub(crate) fn new(mut leaves: Vec<B256>) -> Self {
        leaves.resize(leaves.len().max(1).next_power_of_two(), B256::ZERO);
        let mut levels = vec![leaves];
        while let Some(last) = levels.last().filter(|level| level.len() > 1) {
            let above = last.chunks_exact(2).map(|pair| perunika_core::tree::node(pair[0], pair[1])).collect();
            levels.push(above);
        }
        Self(levels)
    }

    pub(crate) fn root(&self) -> B256 {
        self.0.last().and_then(|top| top.first()).copied().unwrap_or_default()
    }

    pub(crate) fn leaf(&self, index: u32) -> Option<B256> {
        self.0.first()?.get(index as usize).copied()
    }

    /// Siblings from the leaf upwards.
    pub(crate) fn proof(&self, index: u32) -> Vec<B256> {
        let below = &self.0[..self.0.len() - 1];
        below
            .iter()
            .enumerate()
            .filter_map(|(depth, level)| level.get((index as usize >> depth) ^ 1))
            .copied()
            .collect()
    }
}

/// Whether the leaf is number `index` of `chunks` under the root.
pub(crate) fn verify(root: B256, chunks: u32, index: u32, leaf: B256, proof: &[B256]) -> bool {
    let depth = chunks.max(1).next_power_of_two().trailing_zeros() as usize;
    if index >= chunks || proof.len() != depth {
        return false;
    }
    let top = proof.iter().enumerate().fold(leaf, |below, (level, sibling)| {
        if index >> level & 1 == 0 {
            perunika_core::tree::node(below, *sibling)
        } else {
            perunika_core::tree::node(*sibling, below)
        }
    });
    top == root
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_chunk_proves_itself_and_nothing_else() {
        for count in 1..20u32 {
            let leaves: Vec<B256> = (0..count).map(|i| leaf(&i.to_be_bytes())).collect();
            let tree = Tree::new(leaves.clone());
            for index in 0..count {
                let proof = tree.proof(index);
                let own = leaves[index as usize];
                assert!(verify(tree.root(), count, index, own, &proof));
                assert!(!verify(tree.root(), count, index, leaf(b"other"), &proof));
                assert!(!verify(tree.root(), count, index + 1, own, &proof));
                assert!(!verify(tree.root(), count * 2, index, own, &proof));
            }
        }
    }
}
