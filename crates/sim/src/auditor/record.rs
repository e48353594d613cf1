//! The chain's side of the books, from events alone.

use alloy_primitives::{Address, B256};
use perunika_contracts::Event;
use perunika_core::params::{ChannelParams, Side};
use std::collections::BTreeMap;

/// The number of the way in which a vault pays (protocol 3.4).
const VAULT: u8 = 1;

/// One life of a ledger channel.
#[derive(Debug, Default)]
pub(super) struct Life {
    pub(super) params: Option<ChannelParams>,
    /// What is in it of A and B while it is open: put in, and not taken out.
    pub(super) deposits: [u128; 2],
    /// Put in for A and B so far.
    pub(super) put: [u128; 2],
    /// Taken out by A and B while it was open.
    pub(super) taken: [u128; 2],
    /// What the slot showed since which height: deposits, number of Adjusts so far.
    shown: Vec<(u64, [u128; 2], u16)>,
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

impl Life {
    /// Number of Adjusts so far.
    fn seq(&self) -> u16 {
        self.shown.last().map_or(0, |(_, _, seq)| *seq)
    }

    /// The same as the block of this height shows it.
    pub(super) fn seq_at(&self, height: u64) -> u16 {
        self.shown.iter().rev().find(|(at, _, _)| *at <= height).map_or(0, |(_, _, seq)| *seq)
    }

    /// The most that a block up to this height showed of each side's deposit.
    pub(super) fn most_until(&self, height: u64) -> [u128; 2] {
        let shown = self.shown.iter().filter(|(at, _, _)| *at <= height).map(|(_, deposits, _)| *deposits);
        shown.fold([0, 0], |most, now| [most[0].max(now[0]), most[1].max(now[1])])
    }
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
    /// What all vaults hold, by asset (zero address for ETH).
    vaults: BTreeMap<Address, i128>,
    /// Timestamp of the block that is read, seconds, and its height.
    pub(super) time: u64,
    pub(super) height: u64,
    /// What somebody gave to another one, by asset: out of a vault, or as a deposit.
    gifts: BTreeMap<(Address, Address), i128>,
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
            Event::Opened { id, params, dep_a, way, .. } => {
                let life = self.lives.entry(*id).or_default();
                (life.params, life.deposits[0], life.put[0]) = (Some(*params), *dep_a, *dep_a);
                self.came(*id, Side::A, params.a.owner, *way, *dep_a);
            }
            Event::Confirmed { id, dep_b, way } => {
                let time = self.time;
                let life = self.lives.entry(*id).or_default();
                (life.deposits[1], life.put[1], life.confirmed) = (*dep_b, *dep_b, Some(time));
                let owner = life.params.map(|p| p.b.owner).unwrap_or_default();
                self.came(*id, Side::B, owner, *way, *dep_b);
            }
            Event::Deposited { id, payer, side, amount, way } => {
                let side = if *side == 0 { Side::A } else { Side::B };
                let life = self.lives.entry(*id).or_default();
                life.deposits[side.index()] += amount;
                life.put[side.index()] += amount;
                if life.over || life.disputed.is_some() {
                    faults.push(format!("3.3: a deposit into {id}, which is not open or disputed"));
                }
                self.came(*id, side, *payer, *way, *amount);
            }
            Event::Adjusted { id, seq, side, amount } => {
                let (side, height) = (usize::from(*side), self.height);
                let life = self.lives.entry(*id).or_default();
                if life.over || life.disputed.is_some() || life.seq() != *seq || life.deposits[side] < *amount {
                    faults.push(format!("I1: Adjust {seq} of {id} took {amount} of {:?}", life.deposits));
                }
                life.deposits[side] = life.deposits[side].saturating_sub(*amount);
                life.taken[side] += amount;
                life.shown.push((height, life.deposits, seq + 1));
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
            Event::Vaulted { asset, amount, .. } => {
                *self.vaults.entry(*asset).or_default() += amount.to::<u128>() as i128;
            }
            Event::Withdrawn { asset, owner, to, amount } => {
                let amount = amount.to::<u128>();
                *self.vaults.entry(*asset).or_default() -= amount as i128;
                self.give(*asset, *owner, *to, amount);
            }
            _ => self.follow_dispute(event, &mut faults),
        }
        faults
    }

    /// A deposit came in.
    fn came(&mut self, id: B256, side: Side, payer: Address, way: u8, amount: u128) {
        let (height, life) = (self.height, self.lives.entry(id).or_default());
        life.shown.push((height, life.deposits, life.seq()));
        let Some(params) = life.params else { return };
        if way == VAULT {
            *self.vaults.entry(params.asset).or_default() -= amount as i128;
        }
        self.give(params.asset, payer, params.party(side).owner, amount);
    }

    fn give(&mut self, asset: Address, from: Address, to: Address, amount: u128) {
        *self.gifts.entry((asset, to)).or_default() += amount as i128;
        *self.gifts.entry((asset, from)).or_default() -= amount as i128;
    }

    /// What others gave to an account, less what it gave to others.
    pub(super) fn gifts(&self, asset: Address, owner: Address) -> i128 {
        self.gifts.get(&(asset, owner)).copied().unwrap_or_default()
    }

    /// Zero address for ETH.
    pub(super) fn asset(&self, id: B256) -> Option<Address> {
        Some(self.lives.get(&id)?.params?.asset)
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

    /// What the contract must hold of an asset: deposits and escrows that were not paid out, and the vaults.
    pub(super) fn owed(&self, asset: Address) -> i128 {
        let of_asset = self.lives.values().filter(|life| life.params.is_some_and(|p| p.asset == asset));
        let lives = of_asset.map(|life| {
            let in_it = (life.deposits[0] + life.deposits[1]) as i128;
            in_it - (life.paid[0] + life.paid[1]) as i128
        });
        lives.sum::<i128>() + self.vaults.get(&asset).copied().unwrap_or_default()
    }
}
