//! Accounts and storage, with every value they had within a window of blocks.
//!
//! Each account and each slot keeps its own short history, so that reading at a past block is one binary search, and
//! dropping the last blocks touches only what they changed. Nothing is ever wiped as a whole: since EIP-6780 a contract
//! can only be destroyed in the transaction that creates it, and so never after its storage came here.

use std::collections::VecDeque;

use alloy::primitives::{Address, B256, U256, keccak256, map::HashMap};
use revm::state::{Account, AccountInfo};

/// The values of one thing, each from a block on; blocks ascend.
#[derive(Clone, Debug)]
struct Versions<T>(Vec<(u64, T)>);

impl<T> Default for Versions<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: PartialEq> Versions<T> {
    fn at(&self, block: u64) -> Option<&T> {
        match self.0.last() {
            Some((from, value)) if *from <= block => Some(value),
            _ => {
                let later = self.0.partition_point(|(from, _)| *from <= block);
                later.checked_sub(1).map(|index| &self.0[index].1)
            }
        }
    }

    /// Sets the value from `block` on, and says whether this is the first change in that block.
    fn set(&mut self, block: u64, value: T) -> bool {
        match self.0.last_mut() {
            Some((from, last)) if *from == block => {
                *last = value;
                false
            }
            _ => {
                self.0.push((block, value));
                true
            }
        }
    }

    fn drop_from(&mut self, block: u64) {
        self.0.truncate(self.0.partition_point(|(from, _)| *from < block));
    }

    fn drop_before(&mut self, block: u64) {
        self.0.drain(..self.0.partition_point(|(from, _)| *from < block));
    }
}

#[derive(Clone, Debug, Default)]
struct Entry {
    info: Versions<Option<AccountInfo>>,
    storage: HashMap<U256, Versions<U256>>,
}

/// What a block changed: an account, or one of its slots.
type Key = (Address, Option<U256>);

#[derive(Clone, Debug, Default)]
pub(super) struct Store {
    accounts: HashMap<Address, Entry>,
    /// The changes of each block that can still be undone, oldest first.
    journal: VecDeque<(u64, Vec<Key>)>,
    oldest: u64,
}

impl Store {
    /// The first block whose state is still known.
    pub(super) fn oldest(&self) -> u64 {
        self.oldest
    }

    pub(super) fn account(&self, address: Address, block: u64) -> Option<&AccountInfo> {
        self.accounts.get(&address)?.info.at(block)?.as_ref()
    }

    pub(super) fn slot(&self, address: Address, slot: U256, block: u64) -> U256 {
        self.accounts
            .get(&address)
            .and_then(|entry| entry.storage.get(&slot))
            .and_then(|versions| versions.at(block))
            .copied()
            .unwrap_or_default()
    }

    pub(super) fn set_account(&mut self, block: u64, address: Address, info: Option<AccountInfo>) {
        if self.accounts.entry(address).or_default().info.set(block, info) {
            self.changes(block).push((address, None));
        }
    }

    pub(super) fn set_slot(&mut self, block: u64, address: Address, slot: U256, value: U256) {
        let versions = self.accounts.entry(address).or_default().storage.entry(slot).or_default();
        if versions.set(block, value) {
            self.changes(block).push((address, Some(slot)));
        }
    }

    /// Takes over what a transaction did to one account.
    pub(super) fn commit(&mut self, block: u64, address: Address, account: Account) {
        if !account.is_touched() {
            return;
        }
        if account.is_selfdestructed() || account.is_empty() {
            if self.account(address, block).is_some() {
                self.set_account(block, address, None);
            }
            return;
        }
        for (slot, value) in account.changed_storage_slots() {
            self.set_slot(block, address, *slot, value.present_value());
        }
        if self.account(address, block) != Some(&account.info) {
            self.set_account(block, address, Some(account.info));
        }
    }

    /// A hash over `parent` and everything that `block` changed.
    pub(super) fn commitment(&self, parent: B256, block: u64) -> B256 {
        let Some((_, keys)) = self.journal.back().filter(|(last, _)| *last == block) else { return parent };
        let mut keys: Vec<_> = keys.iter().collect();
        keys.sort_unstable();
        let mut bytes = Vec::with_capacity(32 + keys.len() * 124);
        bytes.extend_from_slice(parent.as_slice());
        for (address, slot) in keys {
            bytes.extend_from_slice(address.as_slice());
            match slot {
                Some(slot) => {
                    bytes.extend_from_slice(&slot.to_be_bytes::<32>());
                    bytes.extend_from_slice(&self.slot(*address, *slot, block).to_be_bytes::<32>());
                }
                None => {
                    let info = self.account(*address, block).cloned().unwrap_or_default();
                    bytes.extend_from_slice(&info.nonce.to_be_bytes());
                    bytes.extend_from_slice(&info.balance.to_be_bytes::<32>());
                    bytes.extend_from_slice(info.code_hash.as_slice());
                }
            }
        }
        keccak256(bytes)
    }

    /// Undoes every change of `block` and of those after it.
    pub(super) fn drop_from(&mut self, block: u64) {
        while self.journal.back().is_some_and(|(last, _)| *last >= block) {
            let Some((_, keys)) = self.journal.pop_back() else { return };
            for (address, slot) in keys {
                let Some(entry) = self.accounts.get_mut(&address) else { continue };
                match slot {
                    None => entry.info.drop_from(block),
                    Some(slot) => {
                        if let Some(versions) = entry.storage.get_mut(&slot) {
                            versions.drop_from(block);
                        }
                    }
                }
            }
        }
    }

    /// Forgets the state of the blocks before `oldest`.
    pub(super) fn forget_before(&mut self, oldest: u64) {
        self.oldest = self.oldest.max(oldest);
        while self.journal.front().is_some_and(|(first, _)| *first <= oldest) {
            let Some((block, keys)) = self.journal.pop_front() else { return };
            for (address, slot) in keys {
                let Some(entry) = self.accounts.get_mut(&address) else { continue };
                match slot {
                    None => entry.info.drop_before(block),
                    Some(slot) => {
                        let Some(versions) = entry.storage.get_mut(&slot) else { continue };
                        versions.drop_before(block);
                        if matches!(versions.0.as_slice(), [(_, value)] if value.is_zero()) {
                            entry.storage.remove(&slot);
                        }
                    }
                }
            }
        }
    }

    fn changes(&mut self, block: u64) -> &mut Vec<Key> {
        if self.journal.back().is_none_or(|(last, _)| *last != block) {
            self.journal.push_back((block, Vec::new()));
        }
        let index = self.journal.len() - 1;
        &mut self.journal[index].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Address = Address::repeat_byte(1);
    const SLOT: U256 = U256::ONE;

    fn filled() -> Store {
        let mut store = Store::default();
        for block in 0..10u64 {
            store.set_slot(block, A, SLOT, U256::from(block + 100));
            store.set_account(block, A, Some(AccountInfo::default().with_nonce(block)));
        }
        store
    }

    #[test]
    fn each_block_sees_its_own_values() {
        let store = filled();
        for block in 0..10u64 {
            assert_eq!(store.slot(A, SLOT, block), U256::from(block + 100));
            assert_eq!(store.account(A, block).map(|info| info.nonce), Some(block));
        }
        assert_eq!(store.slot(A, SLOT, 50), U256::from(109));
    }

    #[test]
    fn dropping_blocks_restores_what_was() {
        let mut store = filled();
        store.drop_from(4);
        assert_eq!(store.slot(A, SLOT, 20), U256::from(103));
        store.set_slot(4, A, SLOT, U256::ZERO);
        assert_eq!(store.slot(A, SLOT, 4), U256::ZERO);
        store.drop_from(0);
        assert_eq!(store.slot(A, SLOT, 20), U256::ZERO);
        assert!(store.account(A, 20).is_none());
    }

    #[test]
    fn forgetting_keeps_the_window() {
        let mut store = filled();
        store.forget_before(6);
        assert_eq!(store.oldest(), 6);
        for block in 6..10u64 {
            assert_eq!(store.slot(A, SLOT, block), U256::from(block + 100));
        }
        assert_eq!(store.accounts[&A].storage[&SLOT].0.len(), 4);
    }

    #[test]
    fn a_slot_set_back_to_zero_is_forgotten_in_the_end() {
        let mut store = filled();
        store.set_slot(10, A, SLOT, U256::ZERO);
        store.forget_before(10);
        assert!(store.accounts[&A].storage.is_empty());
    }
}
