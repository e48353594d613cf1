//! Money in and out (protocol 3.4).

use crate::terms::Channel;
use crate::token::{Ask, Token};
use crate::{AMOUNT_MAX, Amount, Env, Error, Event, Reference, error::require};
use alloy_primitives::Address;
use std::collections::{BTreeMap, BTreeSet};

/// What accounts have, whether they take money, and what waits for them.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money {
    /// Wei, the contract's own account included.
    pub balances: BTreeMap<Address, Amount>,
    /// Accounts that refuse what they are sent, or need more than 30,000 gas to take it.
    pub refusing: BTreeSet<Address>,
    /// Owners that are contracts which sign (ERC-1271).
    pub wallets: BTreeSet<Address>,
    /// By address.
    pub tokens: BTreeMap<Address, Token>,
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

    /// Sends so much of an asset; false if it was not accepted.
    fn send(&mut self, asset: Address, to: Address, amount: Amount) -> bool {
        let contract = self.address;
        if asset != Address::ZERO {
            return self.money.tokens.get_mut(&asset).is_some_and(|token| token.transfer(contract, to, amount));
        }
        let takes = self.takes(to);
        if takes {
            self.money.transfer(contract, to, amount);
        }
        takes
    }

    /// Pays the receiver of a side; what that does not take, or what is meant for the vault, waits there for the side's owner.
    pub(crate) fn pay(
        &mut self,
        log: &mut Vec<Event>,
        asset: Address,
        owner: Address,
        receiver: Address,
        amount: Amount,
    ) {
        if amount > 0 && (receiver == self.address || !self.send(asset, receiver, amount)) {
            self.credit(log, asset, owner, amount);
        }
    }

    /// Pays A, then B.
    pub(crate) fn pay_both(&mut self, log: &mut Vec<Event>, c: &Channel, receivers: [Address; 2], pays: [Amount; 2]) {
        self.pay(log, c.asset, c.owner_a, receivers[0], pays[0]);
        self.pay(log, c.asset, c.owner_b, receivers[1], pays[1]);
    }

    fn credit(&mut self, log: &mut Vec<Event>, asset: Address, owner: Address, amount: Amount) {
        *self.money.vault.entry((asset, owner)).or_default() += amount;
        log.push(Event::Vaulted { asset, owner, amount });
    }

    pub(crate) fn debit(&mut self, asset: Address, owner: Address, amount: Amount) -> Result<(), Error> {
        let held = self.money.vault.get(&(asset, owner)).copied().unwrap_or_default();
        require(amount <= held, Error::InsufficientVault)?;
        match held - amount {
            0 => drop(self.money.vault.remove(&(asset, owner))),
            left => drop(self.money.vault.insert((asset, owner), left)),
        }
        Ok(())
    }

    pub(crate) fn fund_vault(
        &mut self,
        env: &Env<'_>,
        log: &mut Vec<Event>,
        asset: Address,
        owner: Address,
        amount: Amount,
    ) -> Result<(), Error> {
        require(amount <= AMOUNT_MAX, Error::WrongDeposit)?;
        require(owner != Address::ZERO, Error::InvalidOwners)?;
        let ether = asset == Address::ZERO;
        require(env.value == if ether { amount } else { 0 }, Error::WrongDeposit)?;
        self.receive(env);
        self.credit(log, asset, owner, amount);
        if ether { Ok(()) } else { self.pull(asset, amount, &Ask::Allowance { from: env.sender }) }
    }

    pub(crate) fn withdraw(
        &mut self,
        env: &Env<'_>,
        log: &mut Vec<Event>,
        asset: Address,
        to: Address,
        amount: Amount,
    ) -> Result<(), Error> {
        require(amount > 0, Error::NothingToWithdraw)?;
        require(![Address::ZERO, self.address].contains(&to), Error::InvalidReceiver)?;
        self.debit(asset, env.sender, amount)?;
        log.push(Event::Withdrawn { asset, owner: env.sender, to, amount });
        require(self.send(asset, to, amount), Error::TransferFailed)
    }
}
