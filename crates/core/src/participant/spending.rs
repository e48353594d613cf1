//! Commands on somebody's budget: what they spend is counted in the step that makes it possible to sign.

use super::{Participant, refused};
use crate::book::Wish;
use crate::budget::{Budget, Charge, DAY, Held, Limits};
use crate::io::{Command, Fault, Reply};
use crate::signed::Amount;
use alloc::vec::Vec;
use alloy_primitives::{Address, B256};

impl Participant {
    /// Runs a command on a budget.
    pub(super) fn on_command_within(&mut self, tag: u64, budget: B256, command: Command) -> Result<(), Fault> {
        if matches!(command, Command::Within { .. } | Command::SetBudget { .. }) {
            return Err(Fault::Caller("a budget is no part of this command".into()));
        }
        if command.plays() && self.signer.budget(budget).is_none_or(|b| b.limits.bind()) {
            // What a nanocontract may cost is not known before it is played.
            return Err(Fault::Limit(
                "nanocontracts cannot be counted in a budget: whoever has limits cannot use them".into(),
            ));
        }
        self.spender = Some(budget);
        let result = self.run_command(tag, command);
        self.spender = None;
        result
    }

    pub(super) fn set_budget(&mut self, tag: u64, budget: B256, limits: Option<Limits>) -> Result<(), Fault> {
        if !self.signer.set_budget(budget, limits) {
            return Err(Fault::Caller("there are too many budgets".into()));
        }
        self.reply(tag, Reply::Done);
        Ok(())
    }

    /// A budget with its counters.
    pub fn budget(&self, id: B256) -> Option<&Budget> {
        self.signer.budget(id)
    }

    /// Ids of all budgets.
    pub fn budgets(&self) -> Vec<B256> {
        self.signer.budgets().collect()
    }

    /// The node's own clock, seconds: whoever sets the end of a budget looks at that and not at the chain's.
    fn own_clock(&self) -> u64 {
        self.env.now_ms / 1_000
    }

    /// Counts a spending on the budget of the command that runs; none: there is no limit.
    pub(super) fn charge(&mut self, spend: Spend, object: Option<B256>) -> Result<Option<Charge>, Fault> {
        let Some(budget) = self.spender else { return Ok(None) };
        self.charge_to(budget, spend, object).map(Some)
    }

    /// The same for a budget that was remembered.
    pub(super) fn charge_to(&mut self, budget: B256, spend: Spend, object: Option<B256>) -> Result<Charge, Fault> {
        let day = self.now() / DAY;
        self.signer.charge(budget, spend.on(day), object, self.own_clock()).map_err(refused)?;
        Ok(Charge { budget, day })
    }

    /// Refuses early what could not be counted later.
    pub(super) fn may_spend(&self, spend: Spend) -> Result<(), Fault> {
        let Some(budget) = self.spender else { return Ok(()) };
        let day = self.now() / DAY;
        self.signer.may_spend(budget, &spend.on(day), self.own_clock()).map_err(refused)
    }

    /// What moves the owner's own money is for whoever has no limits.
    pub(super) fn unlimited(&self) -> Result<(), Fault> {
        let limited = |id: B256| self.signer.budget(id).is_none_or(|b| b.limits.bind());
        if self.spender.is_some_and(limited) {
            return Err(Fault::Limit("the owner's own money is moved by whoever has no limits".into()));
        }
        Ok(())
    }

    /// Zero address for ETH.
    pub fn asset_of(&self, ch: B256) -> Option<Address> {
        let ledger = self.ledgers.get(&ch).map(|l| l.params.asset);
        ledger.or_else(|| self.virtuals.get(&ch).map(|v| v.params.asset))
    }

    /// A payment that was never signed, or is void, and will not be tried again.
    pub(super) fn uncharge(&mut self, ch: B256, wish: &Wish) {
        if let (Some(Charge { budget, day }), Some(peer), Some(asset)) =
            (wish.charge, self.peer_of(ch), self.asset_of(ch))
        {
            self.signer.give_back(budget, &Spend { peer, asset, amount: wish.amount }.on(day));
        }
    }
}

/// What a command would spend, on whom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spend {
    pub(super) peer: Address,
    /// Zero address for ETH.
    pub(super) asset: Address,
    pub(super) amount: Amount,
}

impl Spend {
    fn on(self, day: u64) -> Held {
        let Self { peer, asset, amount } = self;
        Held { peer, amount, day, asset }
    }
}
