//! What every signature says, derived from the messages alone.

use alloy_primitives::{Address, B256};
use perunika_core::Domain;
use perunika_core::message::{LinkOp, Removal};
use perunika_core::params::{ChannelParams, Side, VirtualParams};
use perunika_core::sig::Signature;
use perunika_core::signed::{Eip712, Entry, Lock, State};
use perunika_core::tree;
use std::cell::OnceCell;
use std::collections::BTreeMap;

/// How a virtual channel ended: `None` pays what was put in, `Some(a)` gives `a` to the first end.
pub(super) type Outcome = Option<u128>;

/// The content of one version, with who is known to have signed it.
#[derive(Clone, Debug)]
pub(super) struct Content {
    pub(super) ver: u64,
    pub(super) deposits: [u128; 2],
    pub(super) total: u128,
    pub(super) def_a: u128,
    pub(super) locks: Vec<Lock>,
    pub(super) nanos: Vec<Entry>,
    /// Nanocontracts that this version closed, with the hash of the version that it names.
    pub(super) closed: Vec<(Entry, B256)>,
    /// Virtual channels whose locks this version removed, with the split.
    pub(super) removed: Vec<(B256, Outcome)>,
    pub(super) signers: Vec<Address>,
    hash: OnceCell<B256>,
}

impl Content {
    pub(super) fn genesis(deposits: [u128; 2], def_a: u128, total: u128) -> Self {
        Self {
            ver: 0,
            deposits,
            total,
            def_a,
            locks: Vec::new(),
            nanos: Vec::new(),
            closed: Vec::new(),
            removed: Vec::new(),
            signers: Vec::new(),
            hash: OnceCell::new(),
        }
    }

    fn at(&self, ver: u64) -> Self {
        let (closed, removed, signers) = (Vec::new(), Vec::new(), Vec::new());
        Self { ver, closed, removed, signers, hash: OnceCell::new(), ..self.clone() }
    }

    /// Of one object only: the hash is computed once.
    pub(super) fn hash(&self, ch: B256) -> B256 {
        *self.hash.get_or_init(|| self.state_hash(ch))
    }

    fn state_hash(&self, ch: B256) -> B256 {
        let state = State {
            ch,
            ver: self.ver,
            dep_a: self.deposits[0],
            dep_b: self.deposits[1],
            total: self.total,
            def_a: self.def_a,
            nanos: self.nanos.len() as u8,
            locks: self.locks.len() as u8,
            entries: tree::entries(tree::root(&self.locks), tree::root(&self.nanos)),
        };
        state.struct_hash()
    }

    pub(super) fn share(&self, side: usize) -> u128 {
        if side == 0 { self.def_a } else { self.total - self.def_a }
    }

    pub(super) fn holds(&self, vc: B256) -> bool {
        self.locks.iter().any(|l| l.vc == vc)
    }

    /// The version after a payment.
    fn split(&self, ver: u64, def_a: u128) -> Option<Self> {
        (def_a <= self.total).then(|| Self { def_a, ..self.at(ver) })
    }

    pub(super) fn nano(&self, nid: B256) -> Option<&Entry> {
        self.nanos.iter().find(|entry| entry.nid == nid)
    }

    /// The version after changes of locks and nanocontracts; `None` if somebody cannot afford them.
    fn changed(&self, ver: u64, ops: &[LinkOp], books: &dyn Books) -> Option<Self> {
        self.with_locks(ver, ops, books)?.with_nanos(ops, books)
    }

    /// A nanocontract is paid from what its parties own by default, and gives what its newest version says.
    fn with_nanos(mut self, ops: &[LinkOp], books: &dyn Books) -> Option<Self> {
        let mut gone: Vec<(usize, B256)> = Vec::new();
        for op in ops {
            if let LinkOp::CloseNano { nid, cur } = op {
                gone.push((self.nanos.iter().position(|entry| entry.nid == *nid)?, *cur));
            }
        }
        gone.sort_unstable();
        let gone: Vec<(Entry, B256)> = gone.into_iter().map(|(index, cur)| (self.nanos[index], cur)).collect();
        for (entry, cur) in gone {
            let index = self.nanos.iter().position(|e| e.nid == entry.nid)?;
            self.nanos.swap_remove(index);
            self.def_a = (self.def_a - entry.da0) + books.part_of_a(&entry, cur)?;
            self.closed.push((entry, cur));
        }
        let mut opened: Vec<B256> =
            ops.iter().filter_map(|op| if let LinkOp::OpenNano { nid } = op { Some(*nid) } else { None }).collect();
        opened.sort_unstable();
        for nid in opened {
            self.nanos.push(books.entry(nid, self.ver)?);
        }
        let staked = self.nanos.iter().fold([0, 0], |sum, e| [sum[0] + e.da0, sum[1] + e.total - e.da0]);
        (staked[0] <= self.share(0) && staked[1] <= self.share(1)).then_some(self)
    }

    fn with_locks(&self, ver: u64, ops: &[LinkOp], books: &dyn Books) -> Option<Self> {
        let mut next = self.at(ver);
        let mut cash = [self.share(0), self.share(1)];
        let mut gone: Vec<usize> = Vec::new();
        for op in ops {
            if let Some((vc, how)) = op.removed() {
                let index = self.locks.iter().position(|l| l.vc == vc)?;
                let outcome = match how {
                    Removal::Initial => None,
                    Removal::Outcome(out_a) => Some(out_a),
                };
                let paid = payoff(&self.locks[index], outcome);
                cash = [cash[0] + paid[0], cash[1] + paid[1]];
                next.removed.push((vc, outcome));
                gone.push(index);
            }
        }
        gone.sort_unstable();
        for vc in gone.iter().map(|i| self.locks[*i].vc) {
            let index = next.locks.iter().position(|l| l.vc == vc)?;
            next.locks.swap_remove(index);
        }
        let mut added: Vec<B256> = ops.iter().filter_map(LinkOp::added).collect();
        added.sort_unstable();
        for vc in added {
            let lock = books.lock(vc)?;
            let (a, b) = if lock.left_is_a { (lock.left, lock.right) } else { (lock.right, lock.left) };
            cash = [cash[0].checked_sub(a)?, cash[1].checked_sub(b)?];
            next.locks.push(lock);
        }
        (next.def_a, next.total) = (cash[0], cash[0] + cash[1]);
        Some(next)
    }
}

/// What A and B of a link get out of a lock.
pub(super) fn payoff(lock: &Lock, outcome: Outcome) -> [u128; 2] {
    let sum = lock.left.saturating_add(lock.right);
    let left = outcome.map_or(lock.left, |out_a| out_a.min(sum));
    if lock.left_is_a { [left, sum - left] } else { [sum - left, left] }
}

/// An object whose versions are signed: a ledger channel, or a virtual channel between its ends.
#[derive(Debug)]
pub(super) struct Object {
    /// Keys of A and B.
    pub(super) keys: [Address; 2],
    /// Slot key fields; none of a virtual channel.
    pub(super) ledger: Option<ChannelParams>,
    pub(super) versions: BTreeMap<u64, Vec<Content>>,
}

impl Object {
    pub(super) fn ledger(params: ChannelParams, deposits: [u128; 2]) -> Self {
        let genesis = Content::genesis(deposits, deposits[0], deposits[0] + deposits[1]);
        let versions = BTreeMap::from([(0, vec![genesis])]);
        Self { keys: [params.a.key, params.b.key], ledger: Some(params), versions }
    }

    pub(super) fn virtual_channel(params: &VirtualParams) -> Self {
        let genesis = Content::genesis([0, 0], params.init_a, params.total());
        let keys = [params.end(Side::A), params.end(Side::B)];
        Self { keys, ledger: None, versions: BTreeMap::from([(0, vec![genesis])]) }
    }

    pub(super) fn side(&self, key: Address) -> Option<usize> {
        self.keys.iter().position(|k| *k == key)
    }

    /// Notes a countersignature. False if it is over nothing that is known.
    pub(super) fn countersigned(&mut self, ch: B256, ver: u64, by: Address, sig: &Signature, domain: &Domain) -> bool {
        for content in self.versions.get_mut(&ver).into_iter().flatten() {
            if crate::signing::verifies(sig, domain.digest(content.hash(ch)), by) {
                if !content.signers.contains(&by) {
                    content.signers.push(by);
                }
                return true;
            }
        }
        false
    }

    /// Notes the version that a stream item makes. False if its signature is over something else.
    pub(super) fn item(&mut self, ch: B256, item: Item, by: Address, sig: &Signature, domain: &Domain) -> bool {
        let known = self.versions.get(&item.base).cloned().unwrap_or_default();
        let next = known.iter().filter_map(|base| base.split(item.ver, item.def_a)).collect();
        self.learn(ch, next, by, sig, domain)
    }

    /// Notes the version that changes of entries make. `base` is a hash, or unknown.
    pub(super) fn change(
        &mut self,
        ch: B256,
        change: &Entries<'_>,
        by: Address,
        sig: &Signature,
        domain: &Domain,
    ) -> bool {
        let below = self.versions.range(..change.ver).rev().take(64).flat_map(|(_, c)| c);
        let bases = below.filter(|c| change.base.is_none_or(|hash| hash == c.hash(ch)));
        let next = bases.filter_map(|base| base.changed(change.ver, change.ops, change.books)).collect();
        self.learn(ch, next, by, sig, domain)
    }

    fn learn(&mut self, ch: B256, next: Vec<Content>, by: Address, sig: &Signature, domain: &Domain) -> bool {
        for mut content in next {
            if !crate::signing::verifies(sig, domain.digest(content.hash(ch)), by) {
                continue;
            }
            if !self.countersigned(ch, content.ver, by, sig, domain) {
                content.signers.push(by);
                self.versions.entry(content.ver).or_default().push(content);
            }
            return true;
        }
        false
    }

    /// The content at a version that carries the signature of `key`.
    pub(super) fn signed_by(&self, ver: u64, key: Address) -> Option<&Content> {
        self.versions.get(&ver)?.iter().find(|c| c.signers.contains(&key))
    }
}

/// A stream item.
#[derive(Clone, Copy)]
pub(super) struct Item {
    pub(super) ver: u64,
    pub(super) base: u64,
    pub(super) def_a: u128,
}

/// A change of entries.
pub(super) struct Entries<'a> {
    pub(super) ver: u64,
    pub(super) base: Option<B256>,
    pub(super) ops: &'a [LinkOp],
    pub(super) books: &'a dyn Books,
}

/// What is known of the things that a change names.
pub(super) trait Books {
    /// The lock of a virtual channel in this object.
    fn lock(&self, vc: B256) -> Option<Lock>;
    /// A nanocontract as the State of version `born` adds it.
    fn entry(&self, nid: B256, born: u64) -> Option<Entry>;
    /// What A gets by the version with hash `cur` of a nanocontract.
    fn part_of_a(&self, entry: &Entry, cur: B256) -> Option<u128>;
}
