//! Money in and out (protocol 3.4).

use crate::{Amount, Env, Error, Event, Reference, error::require};
use alloy_primitives::Address;
use std::collections::{BTreeMap, BTreeSet};

/// What accounts have, whether they take money, and what waits for them.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money {
    /// Wei, the contract's own account included.
    pub balances: BTreeMap<Address, Amount>,
    /// Accounts that refuse what they are sent, or need more than 30,000 gas to take it.
    pub refusing: BTreeSet<Address>,
    /// By asset and owner.
    pub vault: BTreeMap<(Address, Address), Amount>,
}

impl Money {
    /// What an account has, wei.
    pub fn balance(&self, account: Address) -> Amount {
        self.balances.get(&account).copied().unwrap_or_default()
    }

    fn transfer(&mut self, from: Address, to: Address, amount: Amount) {
        if amount == 0 {
            return;
        }
        *self.balances.entry(from).or_default() -= amount;
        *self.balances.entry(to).or_default() += amount;
    }
}

impl Reference {
    /// Takes the money that came with a call.
    pub(crate) fn receive(&mut self, env: &Env<'_>) {
        self.money.transfer(env.sender, self.address, env.value);
    }

    /// The contract has no function that takes money from a mere transfer, not even its own.
    fn takes(&self, account: Address) -> bool {
        account != self.address && !self.money.refusing.contains(&account)
    }

    /// Pays an owner; what it does not take waits in the vault.
    pub(crate) fn pay(&mut self, log: &mut Vec<Event>, asset: Address, owner: Address, amount: Amount) {
        if amount == 0 {
            return;
        }
        if self.takes(owner) {
            self.money.transfer(self.address, owner, amount);
            return;
        }
        *self.money.vault.entry((asset, owner)).or_default() += amount;
        log.push(Event::Vaulted { asset, owner, amount });
    }

    pub(crate) fn withdraw(
        &mut self,
        env: &Env<'_>,
        log: &mut Vec<Event>,
        asset: Address,
        to: Address,
    ) -> Result<(), Error> {
        let balance = (asset, env.sender);
        let amount = self.money.vault.get(&balance).copied().unwrap_or_default();
        require(amount > 0, Error::NothingToWithdraw)?;
        require(self.takes(to), Error::TransferFailed)?;
        self.money.vault.remove(&balance);
        self.money.transfer(self.address, to, amount);
        log.push(Event::Withdrawn { asset, owner: env.sender, to, amount });
        Ok(())
    }
}
