//! Nanocontracts that a channel may have.

use super::{PUPPET, SECRET, START, Story};
use crate::tree::root;
use alloy_primitives::{B256, U256, keccak256};
use perunika_apps::{hash_lock, tic_tac_toe};
use perunika_core::params::Side;
use perunika_reference::{Entry, hash};

impl Story {
    /// Up to three nanocontracts that the channel may have.
    pub(super) fn nano_list(&mut self, k_max: u16) -> (B256, u8) {
        if self.rng.chance(if self.nano_story { 10 } else { 40 }) {
            return (B256::ZERO, 0);
        }
        let count = self.rng.below(4) + usize::from(self.nano_story);
        let list: Vec<Entry> = (0..count).map(|number| self.entry(number, k_max)).collect();
        let leaves: Vec<B256> = list.iter().map(|entry| hash::leaf(hash::entry(entry))).collect();
        let root = root(&leaves);
        self.nanos.insert(root, list);
        (root, count as u8)
    }

    pub(super) fn entry(&mut self, number: usize, k_max: u16) -> Entry {
        let nid = B256::from(U256::from(number + 10 * self.rng.below(2)));
        let base = Entry { nid, born: 1, ..Entry::default() };
        let mut entry = match self.rng.below(5) {
            0..=1 => {
                let first = self.rng.pick(&[Side::A, Side::B]);
                let terms = tic_tac_toe::terms(1, 2, first).unwrap();
                self.keep(&terms.storage);
                let storage0 = keccak256(&terms.storage);
                let k_max = if k_max >= 9 { 9 } else { k_max };
                let mover0 = first.index() as u8;
                Entry { total: 3, d_a0: 1, mover0, code_hash: terms.code_hash, gas: 10_000, k_max, storage0, ..base }
            }
            2 => {
                let deadline = START + 20 + self.rng.next() % 20;
                let until = hash_lock::Until::new(deadline, 10).unwrap();
                let payer = self.rng.pick(&[Side::A, Side::B]);
                let lock = hash_lock::Lock { hash: keccak256(SECRET), amount: 1, payer, until };
                let terms = hash_lock::terms(lock).unwrap();
                self.keep(&terms.storage);
                Entry {
                    total: 1,
                    d_a0: u128::from(payer.index() == 0),
                    mover0: payer.other().index() as u8,
                    code_hash: terms.code_hash,
                    gas: 20_000,
                    k_max: k_max.min(1),
                    storage0: keccak256(&terms.storage),
                    ..base
                }
            }
            _ => {
                let total = self.rng.pick(&[0, 2, 5, (1 << 96) - 1]);
                self.keep(&[]);
                Entry {
                    total,
                    d_a0: self.amount_within(total),
                    mover0: self.rng.below(2) as u8,
                    code_hash: keccak256(PUPPET),
                    gas: 30_000,
                    k_max: self.rng.below(usize::from(k_max) + 1) as u16,
                    storage0: keccak256([]),
                    ..base
                }
            }
        };
        if self.rng.chance(4) {
            entry.gas = u32::MAX;
        }
        if self.rng.chance(if self.nano_story { 3 } else { 8 }) {
            match self.rng.below(8) {
                6..=7 => entry.gas = u32::MAX,
                0 => entry.k_max = k_max + 1,
                1 => entry.gas = u32::MAX,
                2 => entry.gas = 10,
                3 => entry.total = 1 << 96,
                4 => entry.mover0 = 2,
                _ => entry.d_a0 = self.odd_amount(),
            }
        }
        entry
    }

    pub(super) fn keep(&mut self, storage: &[u8]) {
        self.storages.insert(keccak256(storage), storage.to_vec());
    }
}
