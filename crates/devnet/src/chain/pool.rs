//! Transactions that wait for a block.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
};

use alloy::{
    consensus::{Transaction as _, TxEnvelope, transaction::Recovered},
    primitives::{Address, TxHash, map::HashMap},
};

use super::error::TxError;

/// The most transactions that the pool holds.
pub const MAX_POOL: usize = 16_384;

/// A transaction in the pool.
#[derive(Clone, Debug)]
pub struct PoolTx {
    /// Hash of the transaction.
    pub hash: TxHash,
    /// The transaction and its sender.
    pub tx: Recovered<TxEnvelope>,
    /// Order of arrival, which decides between equal tips.
    arrival: u64,
}

impl PoolTx {
    /// A transaction that goes into a block without having waited.
    pub(super) fn unqueued(tx: Recovered<TxEnvelope>) -> Self {
        Self { hash: *tx.tx_hash(), tx, arrival: 0 }
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Pool {
    senders: BTreeMap<Address, BTreeMap<u64, PoolTx>>,
    by_hash: HashMap<TxHash, (Address, u64)>,
    arrivals: u64,
}

/// The next transaction of one sender; the greatest goes into the block first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    tip: u128,
    arrival: Reverse<u64>,
    sender: Address,
    nonce: u64,
}

impl Pool {
    pub(super) fn len(&self) -> usize {
        self.by_hash.len()
    }

    pub(super) fn get(&self, hash: TxHash) -> Option<&PoolTx> {
        let (sender, nonce) = self.by_hash.get(&hash)?;
        self.senders.get(sender)?.get(nonce)
    }

    /// By sender and nonce.
    pub(super) fn iter(&self) -> impl Iterator<Item = &PoolTx> {
        self.senders.values().flat_map(BTreeMap::values)
    }

    /// The first nonce from `nonce` on that no transaction of `sender` here uses.
    pub(super) fn next_nonce(&self, sender: Address, mut nonce: u64) -> u64 {
        if let Some(queue) = self.senders.get(&sender) {
            while queue.contains_key(&nonce) {
                nonce += 1;
            }
        }
        nonce
    }

    pub(super) fn insert(&mut self, hash: TxHash, tx: Recovered<TxEnvelope>) -> Result<(), TxError> {
        let (sender, nonce) = (tx.signer(), tx.nonce());
        match self.senders.get(&sender).and_then(|queue| queue.get(&nonce)) {
            Some(old) if !outbids(&tx, &old.tx) => return Err(TxError::ReplacementUnderpriced),
            Some(old) => {
                self.by_hash.remove(&old.hash);
            }
            None if self.len() >= MAX_POOL => return Err(TxError::PoolFull(MAX_POOL)),
            None => {}
        }
        self.arrivals += 1;
        self.by_hash.insert(hash, (sender, nonce));
        self.senders.entry(sender).or_default().insert(nonce, PoolTx { hash, tx, arrival: self.arrivals });
        Ok(())
    }

    pub(super) fn remove(&mut self, hash: TxHash) -> Option<PoolTx> {
        let (sender, nonce) = self.by_hash.remove(&hash)?;
        let queue = self.senders.get_mut(&sender)?;
        let removed = queue.remove(&nonce);
        if queue.is_empty() {
            self.senders.remove(&sender);
        }
        removed
    }

    /// Takes out what can no longer run because its nonce is used.
    pub(super) fn remove_stale(&mut self, next_nonce: impl Fn(Address) -> u64) -> Vec<TxHash> {
        let mut stale = Vec::new();
        for (sender, queue) in &self.senders {
            let next = next_nonce(*sender);
            stale.extend(queue.range(..next).map(|(_, tx)| tx.hash));
        }
        for hash in &stale {
            self.remove(*hash);
        }
        stale
    }

    /// Starts picking transactions for a block: the highest tip first, then the first that came; the nonces of a
    /// sender in order.
    pub(super) fn pick(&self, base_fee: u64, next_nonce: impl Fn(Address) -> u64) -> Picker {
        let mut picker = Picker { base_fee, heap: BinaryHeap::new() };
        for sender in self.senders.keys() {
            picker.offer(self, *sender, next_nonce(*sender));
        }
        picker
    }
}

pub(super) struct Picker {
    base_fee: u64,
    heap: BinaryHeap<Candidate>,
}

impl Picker {
    /// The best transaction that is ready. It stays in the pool.
    pub(super) fn next<'a>(&mut self, pool: &'a Pool) -> Option<&'a PoolTx> {
        let best = self.heap.pop()?;
        pool.senders.get(&best.sender)?.get(&best.nonce)
    }

    /// Makes the transaction of `sender` with `nonce` ready, if there is one that pays the base fee.
    pub(super) fn offer(&mut self, pool: &Pool, sender: Address, nonce: u64) {
        let Some(tx) = pool.senders.get(&sender).and_then(|queue| queue.get(&nonce)) else { return };
        let Some(tip) = tx.tx.effective_tip_per_gas(self.base_fee) else { return };
        self.heap.push(Candidate { tip, arrival: Reverse(tx.arrival), sender, nonce });
    }
}

fn outbids(new: &Recovered<TxEnvelope>, old: &Recovered<TxEnvelope>) -> bool {
    let tenth_more = |fee: u128| fee.saturating_add((fee / 10).max(1));
    new.max_fee_per_gas() >= tenth_more(old.max_fee_per_gas())
        && new.priority_fee_or_price() >= tenth_more(old.priority_fee_or_price())
}
