//! The chain's side of the books, from events alone.

use alloy_primitives::{Address, B256};
use perunika_contracts::Event;
use perunika_core::params::ChannelParams;
use std::collections::BTreeMap;

/// One life of a ledger channel.
#[derive(Debug, Default)]
pub(super) struct Life {
    pub(super) params: Option<ChannelParams>,
    pub(super) deposits: [u128; 2],
    /// Paid to A and B so far, settlements included.
    pub(super) paid: [u128; 2],
    /// Escrowed for locks and not settled yet.
    pub(super) escrow: u128,
    pub(super) escrowed: u128,
    pub(super) over: bool,
    /// When B confirmed, seconds.
    confirmed: Option<u64>,
    cooperative: bool,
    pub(super) disputed: Option<u64>,
    /// Root over the locks with which it ended.
    pub(super) lock_root: B256,
    /// What each lock paid, by virtual channel.
    pub(super) settled: Vec<(B256, [u128; 2])>,
}

/// One record of a virtual channel.
#[derive(Debug, Default)]
struct Virtual {
    ver: u64,
    concluded: Option<u128>,
    /// When, seconds.
    at: u64,
}

/// Everything that the contract said.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) lives: BTreeMap<B256, Life>,
    virtuals: BTreeMap<B256, Virtual>,
    pub(super) vaults: i128,
    /// Timestamp of the block that is read, seconds.
    pub(super) time: u64,
    /// What a withdrawal gave to somebody else than the owner of the vault.
    pub(super) gifts: BTreeMap<Address, i128>,
}

impl Record {
    pub(super) fn funding(&self, id: B256) -> Option<(ChannelParams, u128)> {
        let life = self.lives.get(&id)?;
        Some((life.params?, life.deposits[0]))
    }

    /// Refutation period of a life, seconds.
    pub(super) fn challenge(&self, id: B256) -> Option<u64> {
        Some(self.lives.get(&id)?.params?.challenge.into())
    }

    /// Window of a forced step in a life, seconds.
    pub(super) fn window(&self, id: B256) -> Option<u64> {
        Some(self.lives.get(&id)?.params?.window.into())
    }

    pub(super) fn has(&self, vc: B256) -> bool {
        self.virtuals.contains_key(&vc)
    }

    pub(super) fn is_confirmed(&self, id: B256) -> bool {
        self.confirmed_at(id).is_some()
    }

    /// When B confirmed, seconds.
    pub(super) fn confirmed_at(&self, id: B256) -> Option<u64> {
        self.lives.get(&id)?.confirmed
    }

    /// When the outcome was fixed, seconds.
    pub(super) fn concluded_at(&self, vc: B256) -> Option<u64> {
        self.virtuals.get(&vc).filter(|v| v.concluded.is_some()).map(|v| v.at)
    }

    pub(super) fn concluded(&self, vc: B256) -> Option<u128> {
        self.virtuals.get(&vc)?.concluded
    }

    /// Takes an event; gives what it breaks of I1 and I2.
    pub(super) fn follow(&mut self, event: &Event) -> Vec<String> {
        let mut faults = Vec::new();
        match event {
            Event::Opened { id, params, dep_a, .. } => {
                let life = self.lives.entry(*id).or_default();
                (life.params, life.deposits[0]) = (Some(*params), *dep_a);
            }
            Event::Confirmed { id, dep_b, .. } => {
                let time = self.time;
                let life = self.lives.entry(*id).or_default();
                (life.deposits[1], life.confirmed) = (*dep_b, Some(time));
            }
            Event::Refunded { id } => {
                let life = self.lives.entry(*id).or_default();
                (life.paid, life.over) = (life.deposits, true);
            }
            Event::Escrowed { id, amount, lock_root, .. } => {
                let life = self.lives.entry(*id).or_default();
                (life.escrow, life.escrowed, life.lock_root) = (*amount, *amount, *lock_root);
                if life.cooperative {
                    life.paid[1] = life.paid[1].saturating_sub(*amount);
                }
            }
            Event::Closed { id, pay_a } => {
                let life = self.lives.entry(*id).or_default();
                let whole = life.deposits[0] + life.deposits[1] - life.escrow;
                (life.paid, life.over) = ([*pay_a, whole.saturating_sub(*pay_a)], true);
                life.cooperative = true;
                if *pay_a > whole {
                    faults.push(format!("I1: {id} paid more than it held"));
                }
            }
            Event::Settled { id, vc, pay_a, pay_b, .. } => self.settled(*id, *vc, [*pay_a, *pay_b], &mut faults),
            Event::Vaulted { amount, .. } => self.vaults += amount.to::<u128>() as i128,
            Event::Withdrawn { owner, to, amount, .. } => {
                let amount = amount.to::<u128>() as i128;
                self.vaults -= amount;
                *self.gifts.entry(*to).or_default() += amount;
                *self.gifts.entry(*owner).or_default() -= amount;
            }
            _ => self.follow_dispute(event, &mut faults),
        }
        faults
    }

    fn settled(&mut self, id: B256, vc: B256, pay: [u128; 2], faults: &mut Vec<String>) {
        let life = self.lives.entry(id).or_default();
        life.settled.push((vc, pay));
        if pay[0] + pay[1] > life.escrow {
            faults.push(format!("I1: {id} settled more than it escrowed"));
        }
        life.escrow = life.escrow.saturating_sub(pay[0] + pay[1]);
        life.paid = [life.paid[0] + pay[0], life.paid[1] + pay[1]];
    }

    fn follow_dispute(&mut self, event: &Event, faults: &mut Vec<String>) {
        match event {
            Event::Registered { id, preimage, .. } | Event::Refuted { id, preimage } => {
                let life = self.lives.entry(*id).or_default();
                if life.over || life.disputed.is_some_and(|ver| preimage.state.ver <= ver) {
                    faults.push(format!("I2: the dispute of {id} went back to version {}", preimage.state.ver));
                }
                life.disputed = Some(preimage.state.ver);
            }
            Event::Concluded { id, pay_a, pay_b } => {
                let life = self.lives.entry(*id).or_default();
                (life.paid, life.over) = ([*pay_a, *pay_b], true);
                if pay_a + pay_b + life.escrow > life.deposits[0] + life.deposits[1] {
                    faults.push(format!("I1: {id} paid more than it held"));
                }
            }
            Event::VirtualRegistered { vc, preimage, .. } | Event::VirtualRefuted { vc, preimage } => {
                let record = self.virtuals.entry(*vc).or_default();
                if record.concluded.is_some() || preimage.ver <= record.ver {
                    faults.push(format!("I2: the record of {vc} went back to version {}", preimage.ver));
                }
                record.ver = preimage.ver;
            }
            Event::VirtualConcluded { vc, out_a } | Event::Finalised { vc, out_a } => {
                let record = self.virtuals.entry(*vc).or_default();
                if record.concluded.is_some() {
                    faults.push(format!("I2: {vc} concluded twice"));
                }
                (record.concluded, record.at) = (Some(*out_a), self.time);
            }
            _ => {}
        }
    }

    /// What the contract must hold: deposits and escrows that were not paid out, and the vaults.
    pub(super) fn owed(&self) -> i128 {
        let lives = self.lives.values().map(|life| {
            let in_it = (life.deposits[0] + life.deposits[1]) as i128;
            in_it - (life.paid[0] + life.paid[1]) as i128
        });
        lives.sum::<i128>() + self.vaults
    }
}
