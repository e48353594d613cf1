//! The preimage registry as a step sees it: the Adjudicator's own code over the slots that `reveal` writes.

use alloy_primitives::{Address, B256, U256, keccak256, map::U256Map};
use alloy_sol_types::{SolCall, sol};
use revm::{
    Database,
    state::{AccountInfo, Bytecode},
};
use std::convert::Infallible;

sol! {
    function revealedAt(bytes32 hash) returns (uint256 second);
}

/// Selector of `revealedAt(bytes32)`.
pub(crate) const REVEALED_AT: [u8; 4] = revealedAtCall::SELECTOR;

/// Places in the storage layout among which the registry's mapping is looked for.
const PLACES: u8 = 64;

/// The Adjudicator as the callee of a step.
#[derive(Clone, Debug)]
pub(crate) struct Registry {
    /// Its account. The code has zeros for its immutables: what a step may ask does not depend on them.
    account: AccountInfo,
    /// Place of the mapping from hash to second in the storage layout; 0 until it was found.
    place: U256,
}

impl Registry {
    /// The registry with this runtime code. `slot_of` says which slot the code reads when it is asked for a hash.
    pub(crate) fn new(code: &[u8], slot_of: impl FnOnce(&Self, B256) -> Option<U256>) -> Option<Self> {
        let account = AccountInfo::from_bytecode(Bytecode::new_legacy(code.to_vec().into()));
        let mut registry = Self { account, place: U256::ZERO };
        let hash = keccak256("where is it?");
        let slot = slot_of(&registry, hash)?;
        registry.place = (0..PLACES).map(U256::from).find(|place| slot_at(hash, *place) == slot)?;
        Some(registry)
    }

    fn slot(&self, hash: B256) -> U256 {
        slot_at(hash, self.place)
    }
}

/// Solidity's place for the value of `key` in the mapping at `place`.
fn slot_at(key: B256, place: U256) -> U256 {
    keccak256([key.0, place.to_be_bytes()].concat()).into()
}

/// The accounts that a step can reach: the registry and nothing else.
#[derive(Debug)]
pub(crate) struct World<'a> {
    pub(crate) address: Address,
    pub(crate) registry: Option<&'a Registry>,
    revealed: &'a [(B256, u64)],
    /// Seconds by slot, made when the first one is read: most steps ask nothing.
    slots: Option<U256Map<u64>>,
    /// The slot that was read last.
    pub(crate) read: Option<U256>,
    /// The hashes that the step asked about.
    pub(crate) asked: Vec<B256>,
}

impl<'a> World<'a> {
    /// With `registry` at `address`, which knows when these hashes' secrets were published.
    pub(crate) fn new(address: Address, registry: Option<&'a Registry>, revealed: &'a [(B256, u64)]) -> Self {
        Self { address, registry, revealed, slots: None, read: None, asked: Vec::new() }
    }
}

impl Database for World<'_> {
    type Error = Infallible;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, Infallible> {
        Ok(self.registry.filter(|_| address == self.address).map(|registry| registry.account.clone()))
    }

    fn code_by_hash(&mut self, _: B256) -> Result<Bytecode, Infallible> {
        Ok(Bytecode::default())
    }

    fn storage(&mut self, _: Address, slot: U256) -> Result<U256, Infallible> {
        self.read = Some(slot);
        let Some(registry) = self.registry else { return Ok(U256::ZERO) };
        let seconds = self.revealed.iter().map(|(hash, second)| (registry.slot(*hash), *second));
        let slots = self.slots.get_or_insert_with(|| seconds.collect());
        Ok(slots.get(&slot).copied().map(U256::from).unwrap_or_default())
    }

    fn block_hash(&mut self, _: u64) -> Result<B256, Infallible> {
        Ok(B256::ZERO)
    }
}
