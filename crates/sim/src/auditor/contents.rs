//! What every signature says, derived from the messages alone.

use super::proofs::Proofs;
use alloy_primitives::{Address, B256};
use perunika_core::message::{LinkOp, Removal};
use perunika_core::params::{ChannelParams, Side, VirtualParams};
use perunika_core::sig::Signature;
use perunika_core::signed::{Eip712, Entry, Lock, State};
use perunika_core::tree;
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

/// Versions below a proposal among which its base is looked for: those that stay unanswered lie between.
const BASE_REACH: usize = 256;
/// The same of a pre-signature, which does not name its base.
const PRESIGN_REACH: usize = 64;

/// How many versions below an item are looked at for its base.
const ITEM_BASES: usize = 64;

/// How a virtual channel ended: `None` pays what was put in, `Some(a)` gives `a` to the first end.
pub(super) type Outcome = Option<u128>;

/// Locks and nanocontracts of a State; payments share them.
#[derive(Clone, Debug, Default)]
struct Lists {
    locks: Vec<Lock>,
    nanos: Vec<Entry>,
    root: OnceLock<B256>,
}

impl Lists {
    fn new(locks: Vec<Lock>, nanos: Vec<Entry>) -> Arc<Self> {
        Arc::new(Self { locks, nanos, root: OnceLock::new() })
    }

    fn root(&self) -> B256 {
        *self.root.get_or_init(|| tree::entries(tree::root(&self.locks), tree::root(&self.nanos)))
    }
}

/// The content of one version, with who is known to have signed it.
#[derive(Clone, Debug)]
pub(super) struct Content {
    pub(super) ver: u64,
    pub(super) deposits: [u128; 2],
    pub(super) total: u128,
    pub(super) def_a: u128,
    lists: Arc<Lists>,
    /// Nanocontracts that this version closed, with the hash of the version that it names.
    pub(super) closed: Vec<(Entry, B256)>,
    /// Virtual channels whose locks this version removed, with the split.
    pub(super) removed: Vec<(B256, Outcome)>,
    /// Virtual channels whose locks this version added.
    pub(super) added: Vec<B256>,
    /// Versions that it was made from, as its signers said: two may give the same.
    pub(super) bases: Vec<u64>,
    /// A stream item: a proposal of nothing but another split.
    pub(super) is_item: bool,
    /// Signed by both at once: its parity is that of party A.
    pub(super) presigned: bool,
    /// The change of the counted deposits that made it, if it counts less.
    pub(super) uncount: Option<LinkOp>,
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
            lists: Arc::default(),
            closed: Vec::new(),
            removed: Vec::new(),
            added: Vec::new(),
            bases: Vec::new(),
            is_item: false,
            presigned: false,
            uncount: None,
            signers: Vec::new(),
            hash: OnceCell::new(),
        }
    }

    fn at(&self, ver: u64) -> Self {
        Self {
            ver,
            deposits: self.deposits,
            total: self.total,
            def_a: self.def_a,
            lists: self.lists.clone(),
            closed: Vec::new(),
            removed: Vec::new(),
            added: Vec::new(),
            bases: vec![self.ver],
            is_item: false,
            presigned: false,
            uncount: None,
            signers: Vec::new(),
            hash: OnceCell::new(),
        }
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
            nanos: self.nanos().len() as u8,
            locks: self.locks().len() as u8,
            entries: self.lists.root(),
        };
        state.struct_hash()
    }

    pub(super) fn share(&self, side: usize) -> u128 {
        if side == 0 { self.def_a } else { self.total.saturating_sub(self.def_a) }
    }

    pub(super) fn locks(&self) -> &[Lock] {
        &self.lists.locks
    }

    pub(super) fn nanos(&self) -> &[Entry] {
        &self.lists.nanos
    }

    /// Only the split of the cash differs.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.total == other.total && self.deposits == other.deposits && self.lists.root() == other.lists.root()
    }

    pub(super) fn holds(&self, vc: B256) -> bool {
        self.locks().iter().any(|l| l.vc == vc)
    }

    /// The version after a payment.
    fn split(&self, ver: u64, def_a: u128) -> Option<Self> {
        (def_a <= self.total).then(|| Self { def_a, is_item: true, ..self.at(ver) })
    }

    pub(super) fn nano(&self, nid: B256) -> Option<&Entry> {
        self.nanos().iter().find(|entry| entry.nid == nid)
    }

    /// The version after changes of locks and nanocontracts; `None` if somebody cannot afford them.
    fn changed(&self, ver: u64, ops: &[LinkOp], books: &dyn Books) -> Option<Self> {
        if let Some(op) = ops.iter().find(|op| op.is_about_deposits()) {
            return if ops.len() == 1 { self.with_deposits(ver, op) } else { None };
        }
        let next = self.with_locks(ver, ops, books)?;
        let nanos = ops.iter().any(|op| matches!(op, LinkOp::OpenNano { .. } | LinkOp::CloseNano { .. }));
        if nanos { next.with_nanos(ops, books) } else { Some(next) }
    }

    /// What is counted of a deposit from now on is its side's cash, and what is counted no more was (protocol 0.3).
    fn with_deposits(&self, ver: u64, op: &LinkOp) -> Option<Self> {
        let mut next = self.at(ver);
        match *op {
            LinkOp::Count { deposits } => next.deposits = deposits,
            LinkOp::Uncount { side, amount, .. } => {
                let of = &mut next.deposits[side.index()];
                (*of, next.uncount) = (of.checked_sub(amount)?, Some(*op));
            }
            _ => return None,
        }
        let share = |side: usize| self.share(side).checked_add(next.deposits[side])?.checked_sub(self.deposits[side]);
        let (a, b) = (share(0)?, share(1)?);
        (next.def_a, next.total) = (a, a.checked_add(b)?);
        let staked = staked(self.nanos());
        (staked[0] <= a && staked[1] <= b).then_some(next)
    }

    /// A nanocontract is paid from what its parties own by default, and gives what its newest version says.
    fn with_nanos(mut self, ops: &[LinkOp], books: &dyn Books) -> Option<Self> {
        let mut nanos = self.nanos().to_vec();
        let mut gone: Vec<(usize, B256)> = Vec::new();
        for op in ops {
            if let LinkOp::CloseNano { nid, cur } = op {
                gone.push((nanos.iter().position(|entry| entry.nid == *nid)?, *cur));
            }
        }
        gone.sort_unstable();
        let gone: Vec<(Entry, B256)> = gone.into_iter().map(|(index, cur)| (nanos[index], cur)).collect();
        for (entry, cur) in gone {
            let index = nanos.iter().position(|e| e.nid == entry.nid)?;
            nanos.swap_remove(index);
            self.def_a = self.def_a.checked_sub(entry.da0)?.checked_add(books.part_of_a(&entry, cur)?)?;
            self.closed.push((entry, cur));
        }
        let mut opened: Vec<B256> =
            ops.iter().filter_map(|op| if let LinkOp::OpenNano { nid } = op { Some(*nid) } else { None }).collect();
        opened.sort_unstable();
        for nid in opened {
            nanos.push(books.entry(nid, self.ver)?);
        }
        let staked = staked(&nanos);
        let affordable = staked[0] <= self.share(0) && staked[1] <= self.share(1);
        self.lists = Lists::new(self.lists.locks.clone(), nanos);
        affordable.then_some(self)
    }

    fn with_locks(&self, ver: u64, ops: &[LinkOp], books: &dyn Books) -> Option<Self> {
        let mut next = self.at(ver);
        let mut locks = self.locks().to_vec();
        let mut cash = [self.share(0), self.share(1)];
        let mut gone: Vec<usize> = Vec::new();
        for op in ops {
            if let Some((vc, how)) = op.removed() {
                let index = self.locks().iter().position(|l| l.vc == vc)?;
                let outcome = match how {
                    Removal::Initial => None,
                    Removal::Outcome(out_a) => Some(out_a),
                };
                let paid = payoff(&self.locks()[index], outcome);
                cash = [cash[0].checked_add(paid[0])?, cash[1].checked_add(paid[1])?];
                next.removed.push((vc, outcome));
                gone.push(index);
            }
        }
        gone.sort_unstable();
        for vc in gone.iter().map(|i| self.locks()[*i].vc) {
            let index = locks.iter().position(|l| l.vc == vc)?;
            locks.swap_remove(index);
        }
        let mut added: Vec<B256> = ops.iter().filter_map(LinkOp::added).collect();
        added.sort_unstable();
        for vc in added {
            let lock = books.lock(vc)?;
            let (a, b) = if lock.left_is_a { (lock.left, lock.right) } else { (lock.right, lock.left) };
            cash = [cash[0].checked_sub(a)?, cash[1].checked_sub(b)?];
            locks.push(lock);
            next.added.push(vc);
        }
        (next.def_a, next.total) = (cash[0], cash[0] + cash[1]);
        next.lists = Lists::new(locks, self.lists.nanos.clone());
        Some(next)
    }
}

/// What nanocontracts hold of A's and of B's by default, whatever somebody says that they are.
fn staked(nanos: &[Entry]) -> [u128; 2] {
    let parts = nanos.iter().map(|e| [e.da0, e.total.saturating_sub(e.da0)]);
    parts.fold([0, 0], |sum: [u128; 2], e| [sum[0].saturating_add(e[0]), sum[1].saturating_add(e[1])])
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
    pub(super) fn countersigned(&mut self, ch: B256, ver: u64, by: Address, sig: &Signature, proofs: &Proofs) -> bool {
        for content in self.versions.get_mut(&ver).into_iter().flatten() {
            if proofs.verifies(content.hash(ch), by, sig) {
                if !content.signers.contains(&by) {
                    content.signers.push(by);
                }
                return true;
            }
        }
        false
    }

    /// Notes the version that a stream item makes. False if its signature is over something else.
    pub(super) fn item(&mut self, ch: B256, item: Item, by: Address, sig: &Signature, proofs: &Proofs) -> bool {
        if item.ver == 0 {
            // The constant split is nobody's to sign.
            return false;
        }
        let named = self.versions.get(&item.base).into_iter().flatten();
        // Nobody compares the base of an item (1.4(10)): what counts is the State that the payee has.
        let others = self.versions.range(..item.ver).rev().take(ITEM_BASES).flat_map(|(_, c)| c);
        let split = |base: &Content| base.split(item.ver, item.def_a);
        let fits = |content: &Content| proofs.verifies(content.hash(ch), by, sig);
        let found = named.filter_map(split).find(fits).or_else(|| distinct(others).filter_map(split).find(fits));
        found.is_some_and(|content| self.learn(ch, content, by, sig, proofs))
    }

    /// Notes the version that changes of entries make. `base` is a hash, or unknown.
    pub(super) fn change(
        &mut self,
        ch: B256,
        change: &Entries<'_>,
        by: Address,
        sig: &Signature,
        proofs: &Proofs,
    ) -> bool {
        let reach = if change.base.is_some() { BASE_REACH } else { PRESIGN_REACH };
        let below = self.versions.range(..change.ver).rev().take(reach).flat_map(|(_, c)| c);
        let bases = below.filter(|c| change.base.is_none_or(|hash| hash == c.hash(ch)));
        let next = bases.filter_map(|base| base.changed(change.ver, change.ops, change.books));
        let found = next.into_iter().find(|content| proofs.verifies(content.hash(ch), by, sig));
        let presigned = change.base.is_none();
        let found = found.map(|content| Content { presigned, ..content });
        found.is_some_and(|content| self.learn(ch, content, by, sig, proofs))
    }

    fn learn(&mut self, ch: B256, mut content: Content, by: Address, sig: &Signature, proofs: &Proofs) -> bool {
        if self.countersigned(ch, content.ver, by, sig, proofs) {
            let same = content.hash(ch);
            let known = self.versions.get_mut(&content.ver).into_iter().flatten().find(|c| c.hash(ch) == same);
            if let Some(known) = known {
                known.presigned |= content.presigned;
                known.is_item |= content.is_item;
                if proofs.is_honest(by) {
                    // What others called it before does not matter.
                    (known.removed, known.closed, known.uncount) = (content.removed, content.closed, content.uncount);
                }
                known.bases.extend(content.bases);
            }
        } else {
            content.signers.push(by);
            self.versions.entry(content.ver).or_default().push(content);
        }
        true
    }

    /// The content at a version that carries the signature of `key`; of a corrupt one the first of perhaps many.
    pub(super) fn signed_by(&self, ver: u64, key: Address) -> Option<&Content> {
        self.all_signed_by(ver, key).next()
    }

    /// Every content at a version that carries the signature of `key`.
    pub(super) fn all_signed_by(&self, ver: u64, key: Address) -> impl Iterator<Item = &Content> {
        self.versions.get(&ver).into_iter().flatten().filter(move |c| c.signers.contains(&key))
    }
}

/// Those whose items differ: others with the same entries give the same.
fn distinct<'a>(all: impl Iterator<Item = &'a Content>) -> impl Iterator<Item = &'a Content> {
    let mut seen: Vec<(*const Lists, u128, [u128; 2])> = Vec::new();
    all.filter(move |content| {
        let name = (Arc::as_ptr(&content.lists), content.total, content.deposits);
        let new = !seen.contains(&name);
        if new {
            seen.push(name);
        }
        new
    })
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
