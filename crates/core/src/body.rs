//! A State together with the lists behind its root, and the one function that changes it (K10, R-15).

use crate::chain::Roots;
use crate::encode::Domain;
use crate::mutant::guard;
use crate::params::{MAX_LOCKS, MAX_NANOS, MAX_VIRTUAL_NANOS, Side};
use crate::signed::{Amount, Eip712, Entry, Lock, MAX_AMOUNT, State};
use crate::tree;
use alloc::vec::Vec;
use alloy_primitives::B256;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Which predicate of the contract applies to a State.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Counts deposits and may hold locks.
    Ledger,
    /// Counts none and holds none.
    Virtual,
}

/// A version of a channel with its full content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// Of a ledger or a virtual channel.
    pub kind: Kind,
    /// Channel id.
    pub ch: B256,
    /// Version.
    pub ver: u64,
    /// Deposit of A that is counted (0 in a virtual channel).
    pub dep_a: Amount,
    /// Deposit of B that is counted (0 in a virtual channel).
    pub dep_b: Amount,
    /// Owned outside of locks.
    pub total: Amount,
    /// A's share of `total`.
    pub def_a: Amount,
    /// Locks, in tree order.
    pub locks: Vec<Lock>,
    /// Open nanocontracts, in tree order.
    pub nanos: Vec<Entry>,
}

/// One change of a Body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// Re-splits the cash: A's default becomes this (a payment, a stream item).
    Split(Amount),
    /// Counts these deposits of A and B from now on: what comes is its side's cash, what goes was (protocol 0.3 top-up, withdrawal).
    Deposits([Amount; 2]),
    /// Removes and adds entries in one version (protocol 1.4(11)): removals first, locks before nanocontracts.
    Entries {
        /// Locks that go, each with what A of the link gets; the rest goes to B.
        remove: Vec<(B256, Amount)>,
        /// Locks that come, in any order; applied in order of vc.
        add: Vec<Lock>,
        /// Nanocontracts that go, each with what A gets of it.
        close: Vec<(B256, Amount)>,
        /// Nanocontracts that come, in any order; applied in order of nid.
        open: Vec<Entry>,
    },
}

impl Change {
    /// Nothing but a new version, which voids what is outstanding.
    pub fn none() -> Self {
        Self::locks(Vec::new(), Vec::new())
    }

    /// Locks only.
    pub fn locks(remove: Vec<(B256, Amount)>, add: Vec<Lock>) -> Self {
        Self::Entries { remove, add, close: Vec::new(), open: Vec::new() }
    }
}

/// Why a change is not possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
pub enum Invalid {
    /// A party would own less than nothing (S11).
    #[error("a party does not have enough in the channel")]
    Insolvent,
    /// An amount does not fit.
    #[error("an amount is out of range")]
    Overflow,
    /// Removal of what is not there.
    #[error("there is no such lock")]
    NoSuchLock,
    /// A second lock for the same virtual channel.
    #[error("there is such a lock already")]
    DuplicateLock,
    /// More than the contract accepts.
    #[error("too many locks")]
    TooManyLocks,
    /// Removal of what is not there.
    #[error("there is no such nanocontract")]
    NoSuchNano,
    /// A second one of that name.
    #[error("there is such a nanocontract already")]
    DuplicateNano,
    /// More than the contract accepts.
    #[error("too many nanocontracts")]
    TooManyNanos,
    /// The contract would refuse the State (S12).
    #[error("the contract would refuse this state")]
    Predicate,
}

impl Body {
    /// Version 0 of a ledger channel: each side has what it deposited.
    ///
    /// On chain it is the State with every number 0; off chain the counted deposits become part of
    /// version 1, so they are filled in here.
    pub fn ledger_genesis(ch: B256, dep_a: Amount, dep_b: Amount) -> Self {
        let total = dep_a.saturating_add(dep_b);
        let (locks, nanos) = (Vec::new(), Vec::new());
        Self { kind: Kind::Ledger, ch, ver: 0, dep_a, dep_b, total, def_a: dep_a, locks, nanos }
    }

    /// Version 0 of a virtual channel: its initial split.
    pub fn virtual_genesis(ch: B256, init_a: Amount, init_b: Amount) -> Self {
        let total = init_a.saturating_add(init_b);
        let (locks, nanos) = (Vec::new(), Vec::new());
        Self { kind: Kind::Virtual, ch, ver: 0, dep_a: 0, dep_b: 0, total, def_a: init_a, locks, nanos }
    }

    /// The State that is signed.
    pub fn state(&self) -> State {
        State {
            ch: self.ch,
            ver: self.ver,
            dep_a: self.dep_a,
            dep_b: self.dep_b,
            total: self.total,
            def_a: self.def_a,
            nanos: self.nanos.len().min(255) as u8,
            locks: self.locks.len().min(255) as u8,
            entries: tree::entries(self.lock_root(), self.nano_root()),
        }
    }

    /// Root over the locks.
    pub fn lock_root(&self) -> B256 {
        tree::root(&self.locks)
    }

    /// Root over the nanocontracts.
    pub fn nano_root(&self) -> B256 {
        tree::root(&self.nanos)
    }

    /// Both roots.
    pub fn roots(&self) -> Roots {
        Roots { locks: self.lock_root(), nanos: self.nano_root() }
    }

    /// Struct hash of the State: what a proposal names as its base.
    pub fn hash(&self) -> B256 {
        self.state().struct_hash()
    }

    /// The digest that both keys sign.
    pub fn digest(&self, domain: &Domain) -> B256 {
        domain.digest(self.hash())
    }

    /// What a side owns in cash by default.
    pub fn share(&self, side: Side) -> Amount {
        match side {
            Side::A => self.def_a,
            Side::B => self.total.saturating_sub(self.def_a),
        }
    }

    /// What a side can spend: its share less what it has in nanocontracts by default; none if they hold more than it has.
    pub fn cash(&self, side: Side) -> Option<Amount> {
        let held = self.nanos.iter().try_fold(0u128, |sum, e| {
            let stake = if side == Side::A { e.da0 } else { e.total.checked_sub(e.da0)? };
            sum.checked_add(stake)
        });
        self.share(side).checked_sub(held?)
    }

    /// The nanocontract of that name, if it is open.
    pub fn nano(&self, nid: B256) -> Option<&Entry> {
        self.nanos.iter().find(|e| e.nid == nid)
    }

    /// The lock of a virtual channel, if there is one.
    pub fn lock(&self, vc: B256) -> Option<&Lock> {
        self.locks.iter().find(|l| l.vc == vc)
    }

    /// The same content under another version with one change applied.
    pub fn with(&self, ver: u64, change: &Change) -> Result<Self, Invalid> {
        let mut next = self.clone();
        next.ver = ver;
        match change {
            Change::Split(def_a) => next.def_a = *def_a,
            Change::Deposits(counted) => next.count_deposits(*counted)?,
            Change::Entries { remove, add, close, open } => {
                next.remove_locks(remove)?;
                next.close_nanos(close)?;
                next.add_locks(add)?;
                next.open_nanos(open)?;
            }
        }
        next.check()?;
        Ok(next)
    }

    /// The Body after a payment by `from`.
    pub fn after_payment(&self, from: Side, amount: Amount) -> Result<Change, Invalid> {
        let def_a = match from {
            Side::A => self.def_a.checked_sub(amount),
            Side::B => self.def_a.checked_add(amount).filter(|a| *a <= self.total),
        };
        def_a.map(Change::Split).ok_or(Invalid::Insolvent)
    }

    /// The contract's own acceptance predicate, and that locks equal the escrow (protocol 2.3, S12).
    pub fn check(&self) -> Result<(), Invalid> {
        if !guard!("2.3-locks-max", self.locks.len() <= MAX_LOCKS) {
            return Err(Invalid::TooManyLocks);
        }
        if !guard!("2.3-def-within-total", self.def_a <= self.total) {
            return Err(Invalid::Predicate);
        }
        let most = if self.kind == Kind::Virtual { MAX_VIRTUAL_NANOS } else { MAX_NANOS };
        if !guard!("2.3-nanos-max", self.nanos.len() <= most) {
            return Err(Invalid::TooManyNanos);
        }
        let solvent = self.cash(Side::A).is_some() && self.cash(Side::B).is_some();
        if !guard!("1.4.9-solvency", solvent) {
            return Err(Invalid::Insolvent); // S11
        }
        if self.kind == Kind::Virtual {
            let plain = self.dep_a == 0 && self.dep_b == 0 && self.locks.is_empty() && self.total <= MAX_AMOUNT;
            return if plain { Ok(()) } else { Err(Invalid::Predicate) };
        }
        let deposits = self.dep_a.checked_add(self.dep_b).filter(|d| *d <= MAX_AMOUNT).ok_or(Invalid::Overflow)?;
        let locked = self.locked().ok_or(Invalid::Overflow)?;
        let whole = guard!("2.3-escrow", self.total.checked_add(locked) == Some(deposits));
        if whole { Ok(()) } else { Err(Invalid::Predicate) }
    }

    fn locked(&self) -> Option<Amount> {
        self.locks.iter().try_fold(0u128, |sum, l| sum.checked_add(l.left)?.checked_add(l.right))
    }

    fn count_deposits(&mut self, [dep_a, dep_b]: [Amount; 2]) -> Result<(), Invalid> {
        let changed = |share: Amount, old: Amount, new: Amount| {
            let sum = share.checked_add(new).ok_or(Invalid::Overflow)?;
            sum.checked_sub(old).ok_or(Invalid::Insolvent)
        };
        let def_b = changed(self.share(Side::B), self.dep_b, dep_b)?;
        self.def_a = changed(self.def_a, self.dep_a, dep_a)?;
        self.total = self.def_a.checked_add(def_b).ok_or(Invalid::Overflow)?;
        (self.dep_a, self.dep_b) = (dep_a, dep_b);
        Ok(())
    }

    /// The deposits that it counts, of A and B.
    pub fn deposits(&self) -> [Amount; 2] {
        [self.dep_a, self.dep_b]
    }

    /// Removals in ascending order of index, the last leaf filling each gap.
    fn remove_locks(&mut self, remove: &[(B256, Amount)]) -> Result<(), Invalid> {
        let mut gone: Vec<(usize, Amount)> = Vec::with_capacity(remove.len());
        for (vc, to_a) in remove {
            let index = self.locks.iter().position(|l| l.vc == *vc).ok_or(Invalid::NoSuchLock)?;
            gone.push((index, *to_a));
        }
        gone.sort_unstable();
        if gone.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err(Invalid::NoSuchLock);
        }
        let vcs: Vec<(B256, Amount)> = gone.iter().map(|(i, to_a)| (self.locks[*i].vc, *to_a)).collect();
        for (vc, to_a) in vcs {
            let index = self.locks.iter().position(|l| l.vc == vc).ok_or(Invalid::NoSuchLock)?;
            let lock = self.locks.swap_remove(index);
            let value = lock.left.checked_add(lock.right).ok_or(Invalid::Overflow)?;
            if !guard!("2.3-removal-within-lock", to_a <= value) {
                return Err(Invalid::Insolvent);
            }
            self.total = self.total.checked_add(value).ok_or(Invalid::Overflow)?;
            self.def_a = self.def_a.checked_add(to_a).ok_or(Invalid::Overflow)?;
        }
        Ok(())
    }

    fn add_locks(&mut self, add: &[Lock]) -> Result<(), Invalid> {
        let mut sorted = add.to_vec();
        sorted.sort_unstable_by_key(|l| l.vc);
        for lock in sorted {
            if !guard!("2.3-duplicate-lock", self.lock(lock.vc).is_none()) {
                return Err(Invalid::DuplicateLock);
            }
            let (from_a, from_b) = if lock.left_is_a { (lock.left, lock.right) } else { (lock.right, lock.left) };
            let rest_b = self.share(Side::B).checked_sub(from_b).ok_or(Invalid::Insolvent)?;
            self.def_a = self.def_a.checked_sub(from_a).ok_or(Invalid::Insolvent)?;
            self.total = self.def_a.checked_add(rest_b).ok_or(Invalid::Overflow)?;
            self.locks.push(lock);
        }
        Ok(())
    }

    /// Each gives what its newest version says instead of what it began with; removals as for locks.
    fn close_nanos(&mut self, close: &[(B256, Amount)]) -> Result<(), Invalid> {
        let mut gone: Vec<(usize, Amount)> = Vec::with_capacity(close.len());
        for (nid, da) in close {
            let index = self.nanos.iter().position(|e| e.nid == *nid).ok_or(Invalid::NoSuchNano)?;
            gone.push((index, *da));
        }
        gone.sort_unstable();
        if gone.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err(Invalid::NoSuchNano);
        }
        let nids: Vec<(B256, Amount)> = gone.iter().map(|(i, da)| (self.nanos[*i].nid, *da)).collect();
        for (nid, da) in nids {
            let index = self.nanos.iter().position(|e| e.nid == nid).ok_or(Invalid::NoSuchNano)?;
            let entry = self.nanos.swap_remove(index);
            if !guard!("2.3-closing-within-total", da <= entry.total) {
                return Err(Invalid::Insolvent);
            }
            let rest = self.def_a.checked_sub(entry.da0).ok_or(Invalid::Insolvent)?;
            self.def_a = rest.checked_add(da).ok_or(Invalid::Overflow)?;
        }
        Ok(())
    }

    /// They are paid from the cash of both, so that neither `total` nor `def_a` changes (protocol 2.3).
    fn open_nanos(&mut self, open: &[Entry]) -> Result<(), Invalid> {
        let mut sorted = open.to_vec();
        sorted.sort_unstable_by_key(|e| e.nid);
        for entry in sorted {
            if !guard!("2.3-duplicate-nano", self.nano(entry.nid).is_none()) {
                return Err(Invalid::DuplicateNano);
            }
            if entry.da0 > entry.total || !guard!("2.3-born", entry.born == self.ver) {
                return Err(Invalid::Predicate);
            }
            self.nanos.push(entry);
        }
        Ok(())
    }
}
