//! What the contract knows.

use crate::nanos::Position;
use crate::terms::{Channel, LedgerState, VirtualChannel, VirtualState};
use crate::{Amount, Call, Error, Event, Money, error::require, hash};
use alloy_primitives::{Address, B256};
use perunika_core::Domain;
use perunika_core::nano::{Evaluator, NoEvaluator};
use std::collections::BTreeMap;

/// The circumstances of a call.
#[derive(Clone, Copy)]
pub struct Env<'a> {
    /// Who sends it.
    pub sender: Address,
    /// Wei that come with it.
    pub value: Amount,
    /// Timestamp of the block, seconds since the epoch.
    pub time: u64,
    /// Hash of the block before; zero if the chain does not know it.
    pub mix: B256,
    /// Gas of the transaction. Only a step that is promised more than all of it fails for want of gas.
    pub gas: u64,
    /// Runs the code of nanocontracts.
    pub machine: &'a dyn Evaluator,
}

impl Env<'_> {
    /// A call without money, by `sender` at `time`, in a block after the one with the hash `mix`. No code runs.
    pub fn new(sender: Address, time: u64, mix: B256) -> Self {
        Self { sender, value: 0, time, mix, gas: 1 << 24, machine: &NoEvaluator }
    }
}

impl std::fmt::Debug for Env<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at {} with {} wei", self.sender, self.time, self.value)
    }
}

/// A running dispute about a State of one kind or the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dispute<S> {
    /// The registered State.
    pub state: S,
    /// The hash of the block before the one that registered it.
    pub mix: B256,
    /// R, the last second of refutation.
    pub deadline: u64,
}

/// What a slot holds in each phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, clippy::large_enum_variant)]
pub enum Phase {
    /// Never used.
    #[default]
    Virgin,
    /// A has deposited.
    Funding { deposit_a: Amount },
    /// B has confirmed; signed States count.
    Open { deposit_a: Amount, deposit_b: Amount, seq: u16, dispute: Option<Dispute<LedgerState>> },
    /// The life before `nonce` has ended.
    Closed,
}

/// The slot of a ledger channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot {
    /// Number of the current life, or of the next one.
    pub nonce: u64,
    /// What it is in.
    pub phase: Phase,
}

/// The record of a virtual channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Record {
    /// A dispute runs, or has run out.
    Disputed(Dispute<VirtualState>),
    /// The outcome, and version and R of the dispute before it, if there was one.
    Concluded { out_a: Amount, ver: u64, deadline: u64 },
}

/// What an ended life left in locks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Escrow {
    /// Over the locks.
    pub lock_root: B256,
    /// What no lock has paid yet.
    pub left: Amount,
    /// Bit i: lock i is settled.
    pub settled: u128,
    /// How many there are.
    pub locks: u8,
}

/// What the registered nanocontracts of a dispute amount to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Accrued {
    /// Last second at which one of them may move.
    pub end: u64,
    /// What they moved to A.
    pub sum: i128,
}

/// The Adjudicator and the accounts that it pays.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// EIP-712 domain separator.
    pub domain: B256,
    /// The contract's own account.
    pub address: Address,
    /// Balances, receivers, vault.
    pub money: Money,
    /// By slot key.
    pub slots: BTreeMap<B256, Slot>,
    /// By the id of the life.
    pub escrows: BTreeMap<B256, Escrow>,
    /// By the id of the virtual channel.
    pub records: BTreeMap<B256, Record>,
    /// By the id of the channel.
    pub accrued: BTreeMap<B256, Accrued>,
    /// By the id of the channel and the hash of the Entry.
    pub nanos: BTreeMap<(B256, B256), Position>,
    /// When secrets became public, by their hash; seconds.
    pub revealed: BTreeMap<B256, u64>,
    /// Code of the accounts that have some, apart from the contract.
    pub codes: BTreeMap<Address, Vec<u8>>,
}

impl Reference {
    /// A contract that nobody has called.
    pub fn new(domain: &Domain) -> Self {
        Self {
            domain: domain.separator(),
            address: domain.adjudicator,
            money: Money::default(),
            slots: BTreeMap::new(),
            escrows: BTreeMap::new(),
            records: BTreeMap::new(),
            accrued: BTreeMap::new(),
            nanos: BTreeMap::new(),
            revealed: BTreeMap::new(),
            codes: BTreeMap::new(),
        }
    }

    /// Runs a call: all of it happens, or, if it is refused, nothing.
    pub fn call(&mut self, env: &Env<'_>, call: &Call) -> Result<Vec<Event>, Error> {
        require(env.value == 0 || call.is_payable(), Error::NotPayable)?;
        let mut events = Vec::new();
        // Here money moves before everything is checked.
        let before =
            matches!(call, Call::Batch { .. } | Call::FundVault { .. } | Call::Withdraw { .. }) || call.takes_tokens();
        let before = before.then(|| self.clone());
        match (self.dispatch(env, &mut events, call), before) {
            (Ok(()), _) => Ok(events),
            (Err(error), None) => Err(error),
            (Err(error), Some(before)) => {
                *self = before;
                Err(error)
            }
        }
    }

    fn dispatch(&mut self, env: &Env<'_>, log: &mut Vec<Event>, call: &Call) -> Result<(), Error> {
        match call {
            Call::Open { params, nonce } => self.open(env, log, params, *nonce),
            Call::Confirm { params, nonce, deposit_a } => self.confirm(env, log, params, *nonce, *deposit_a),
            Call::Refund { params } => self.refund(env, log, params),
            Call::Close { params, terms, signatures } => self.close(env, log, params, terms, signatures),
            Call::Register { params, state, signatures } => self.register(env, log, params, state, signatures),
            Call::RegisterFor { params, state, signatures, by_b, auth } => {
                self.register_for(env, log, params, (state, signatures), *by_b, auth)
            }
            Call::Refute { params, state, signatures } => self.refute(env, log, params, state, signatures),
            Call::Conclude { params, state, mix } => self.conclude(env, log, params, state, *mix),
            Call::RegisterVirtual { params, state, signatures, secrets } => {
                self.register_virtual(env, log, params, (state, signatures), secrets, None)
            }
            Call::RegisterVirtualFor { params, state, signatures, secrets, opener } => {
                self.register_virtual(env, log, params, (state, signatures), secrets, Some(opener))
            }
            Call::RefuteVirtual { params, state, signatures } => {
                self.refute_virtual(env, log, params, (state, signatures))
            }
            Call::ConcludeVirtual { params, state, mix } => self.conclude_virtual(env, log, params, state, *mix),
            Call::Finalise { params, mids, out_a, signatures } => {
                self.finalise(env, log, params, mids, *out_a, signatures)
            }
            Call::RegisterNano { params, state, mix, claims } => {
                self.register_nano(env, log, params, (state, *mix), claims)
            }
            Call::RegisterVirtualNano { params, state, mix, claims } => {
                self.register_virtual_nano(env, log, params, (state, *mix), claims)
            }
            Call::RefuteNano { params, claims } => self.refute_nano(env, log, params, claims),
            Call::RefuteVirtualNano { params, claims } => self.refute_virtual_nano(env, log, params, claims),
            Call::Execute { params, entry, step } => self.execute(env, log, params, entry, step),
            Call::ExecuteVirtual { params, entry, step } => self.execute_virtual(env, log, params, entry, step),
            Call::Reveal { secret } => {
                self.reveal(env, log, *secret);
                Ok(())
            }
            Call::Deploy { code } => self.deploy(code).map(drop),
            Call::Settle { params, nonce, vc, lock, index, proof } => {
                self.settle(log, params, *nonce, *vc, (lock, *index, proof))
            }
            Call::SettleExpired { params, nonce, virtual_params, lock, index, proof } => {
                self.settle_expired(env, log, params, *nonce, virtual_params, (lock, *index, proof))
            }
            Call::OpenWith { params, opening, funding_a } => self.open_with(env, log, params, opening, funding_a),
            Call::ConfirmWith { params, opening, funding_b } => self.confirm_with(env, log, params, opening, funding_b),
            Call::OpenBoth { params, opening, funding_a, funding_b } => {
                self.open_both(env, log, params, opening, [funding_a, funding_b])
            }
            Call::Deposit { params, nonce, side, amount, not_after, funding } => {
                self.deposit(env, log, params, *nonce, (*side, *amount), (*not_after, funding))
            }
            Call::Adjust { params, terms, signatures } => self.adjust(env, log, params, terms, signatures),
            Call::FundVault { asset, owner, amount } => self.fund_vault(env, log, *asset, *owner, *amount),
            Call::Withdraw { asset, to, amount } => self.withdraw(env, log, *asset, *to, *amount),
            Call::Batch { gas_each, calls } => self.batch(env, log, *gas_each, calls),
        }
    }

    /// Each call has its gas or everything is undone; one that is refused changes nothing, and the next one is made.
    fn batch(&mut self, env: &Env<'_>, log: &mut Vec<Event>, gas_each: u64, calls: &[Call]) -> Result<(), Error> {
        for (index, call) in (0..).zip(calls) {
            require(gas_each < env.gas, Error::InsufficientGas)?;
            match self.call(&Env { value: 0, gas: gas_each, ..*env }, call) {
                Ok(events) => log.extend(events),
                Err(reason) => log.push(Event::Skipped { index, reason }),
            }
        }
        Ok(())
    }

    /// The id of a life of a ledger channel.
    pub fn channel_id(&self, params: &Channel, nonce: u64) -> B256 {
        hash::channel_id(self.domain, params, nonce)
    }

    /// The id of a virtual channel.
    pub fn virtual_id(&self, params: &VirtualChannel) -> B256 {
        hash::virtual_id(self.domain, params)
    }

    /// `finalAt`: the last second at which a dispute is not over (protocol 2.3).
    pub(crate) fn final_at(&self, ch: B256, deadline: u64, nanos: u8, window: u32) -> u64 {
        if nanos == 0 {
            return deadline;
        }
        let end = self.accrued.get(&ch).map_or(0, |accrued| accrued.end);
        end.max(deadline + u64::from(window))
    }

    /// A's part of `total` when a dispute ends: the default and what nanocontracts moved, kept within what there is.
    pub(crate) fn share(&self, ch: B256, def_a: Amount, nanos: u8, total: Amount) -> Amount {
        let moved = if nanos == 0 { 0 } else { self.accrued.get(&ch).map_or(0, |accrued| accrued.sum) };
        def_a.saturating_add_signed(moved).min(total)
    }
}
