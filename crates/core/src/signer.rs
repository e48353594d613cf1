//! The signer: it holds the key and refuses whatever could hurt its owner, whatever the rest of the node believes.
//!
//! One durable high-water mark per object (protocol 1.4(4)), at most one `Final` per virtual channel and the freeze after it
//! (1.4(12)), each activation draft for one virtual channel only (2.3 activation), and no payment beyond its budget. Every grant changes a [`Guard`] that must be
//! durable before the signature leaves.

use crate::body::Body;
use crate::budget::{Budget, Held, Limits, MAX_BUDGETS};
use crate::encode::Domain;
use crate::mutant::guard;
use crate::params::nano_slot;
use crate::sig::{RawKey, Signature};
use crate::signed::{
    Adjust, Amount, Close, Eip712, Final, Identity, MAX_VERSION, Nano, PaymentReceipt, State, StepAuth, WatchAuth,
};
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloy_primitives::{Address, B256};
use core::fmt;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What is remembered per object. Written before the signature leaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guard {
    /// Highest version signed.
    pub ver: u64,
    /// Struct hash of what was signed at that version.
    pub content: B256,
    /// Struct hash of the `Final` or the newest `Close`; no State is signed while it is set.
    pub ending: Option<B256>,
    /// Last second of a signed `Close`; `None` behind a `Final`, which freezes for ever.
    pub ending_until: Option<u64>,
    /// Set while a signed `Adjust` may be used.
    pub cap: Option<Cap>,
}

/// What a signed `Adjust` leaves: no State that counts more is signed until it has been used or cannot be used any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cap {
    /// Struct hash of the `Adjust`.
    pub adjust: B256,
    /// Whose deposit (0 = A).
    pub side: u8,
    /// Most that a State may count of it.
    pub most: Amount,
    /// Counter of the slot that uses it up.
    pub seq: u16,
    /// Its last second.
    pub until: u64,
}

impl Cap {
    fn allows(&self, state: &State) -> bool {
        let counted = if self.side == 0 { state.dep_a } else { state.dep_b };
        counted <= self.most
    }
}

/// Why the signer refuses. Reaching one of these is a defect of the node, never of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Another content was signed at this version.
    #[error("the signer signed another content with this version")]
    Equivocation,
    /// A higher version was signed.
    #[error("the signer signed a higher version")]
    BelowHighWaterMark,
    /// A `Final` or `Close` was signed.
    #[error("the signer has ended this channel")]
    Ended,
    /// The last version is never signed.
    #[error("there is no version left")]
    VersionExhausted,
    /// Another `Adjust` was signed that may still be used, or the State counts what one may pay out.
    #[error("the signer has signed a withdrawal that may still be used")]
    Withdrawing,
    /// The draft belongs to another virtual channel (S60).
    #[error("the activation draft was used for another virtual channel")]
    DraftUsed,
    /// The contract would refuse this State.
    #[error("the contract would refuse this state")]
    Invalid,
    /// There is no such budget any more.
    #[error("the token was revoked")]
    NoBudget,
    /// The last second of its budget is over.
    #[error("the token has expired")]
    Expired,
    /// One payment above the limit of its budget.
    #[error("the amount is above what this token may spend at once")]
    PaymentLimit,
    /// All payments to a peer above the limit of their budget.
    #[error("this token may not spend that much more on this peer")]
    PeerLimit,
    /// All payments of a day above the limit of their budget.
    #[error("this token may not spend that much more today")]
    DayLimit,
    /// The budget is in another asset.
    #[error("this token may not spend anything of this asset")]
    AssetNotAllowed,
    /// The budget names other peers.
    #[error("this token may not spend anything on this peer")]
    PeerNotAllowed,
}

/// A key behind its guards.
pub struct Signer {
    key: Box<dyn RawKey + Send>,
    domain: Domain,
    guards: BTreeMap<B256, Guard>,
    drafts: BTreeMap<B256, B256>,
    budgets: BTreeMap<B256, Budget>,
    dirty_guards: BTreeSet<B256>,
    dirty_drafts: BTreeSet<B256>,
    dirty_budgets: BTreeSet<B256>,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("key", &self.key.address()).finish_non_exhaustive()
    }
}

impl Signer {
    /// A signer without a past.
    pub fn new(key: Box<dyn RawKey + Send>, domain: Domain) -> Self {
        Self {
            key,
            domain,
            guards: BTreeMap::new(),
            drafts: BTreeMap::new(),
            budgets: BTreeMap::new(),
            dirty_guards: BTreeSet::new(),
            dirty_drafts: BTreeSet::new(),
            dirty_budgets: BTreeSet::new(),
        }
    }

    /// A copy with the same memory behind a key that the caller brings again.
    pub(crate) fn fork(&self, key: Box<dyn RawKey + Send>) -> Self {
        Self {
            key,
            domain: self.domain,
            guards: self.guards.clone(),
            drafts: self.drafts.clone(),
            budgets: self.budgets.clone(),
            dirty_guards: self.dirty_guards.clone(),
            dirty_drafts: self.dirty_drafts.clone(),
            dirty_budgets: self.dirty_budgets.clone(),
        }
    }

    /// Everything that it remembers.
    pub(crate) fn write_out(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        write!(out, "{:?}{:?}{:?}", self.guards, self.drafts, self.budgets)
    }

    /// Address of the key.
    pub fn address(&self) -> Address {
        self.key.address()
    }

    /// Restores what was durable.
    pub fn restore_guard(&mut self, object: B256, guard: Guard) {
        self.guards.insert(object, guard);
    }

    /// Restores what was durable.
    pub fn restore_draft(&mut self, draft: B256, vc: B256) {
        self.drafts.insert(draft, vc);
    }

    /// Restores what was durable.
    pub fn restore_budget(&mut self, id: B256, budget: Budget) {
        self.budgets.insert(id, budget);
    }

    /// A budget with its counters.
    pub fn budget(&self, id: B256) -> Option<&Budget> {
        self.budgets.get(&id)
    }

    /// Ids of all budgets.
    pub fn budgets(&self) -> impl Iterator<Item = B256> {
        self.budgets.keys().copied()
    }

    /// Makes a budget, changes its limits (the counters stay), or ends it. False: there are too many.
    pub(crate) fn set_budget(&mut self, id: B256, limits: Option<Limits>) -> bool {
        match limits {
            Some(limits) if self.budgets.contains_key(&id) || self.budgets.len() < MAX_BUDGETS => {
                let budget = self.budgets.entry(id).or_default();
                if budget.limits.asset != limits.asset {
                    // Amounts of another asset say nothing of this one.
                    *budget = Budget::default();
                }
                budget.limits = limits;
            }
            Some(_) => return false,
            None => drop(self.budgets.remove(&id)),
        }
        self.dirty_budgets.insert(id);
        true
    }

    /// Whether a budget allows this much more; counts nothing. `at` is the node's own clock, seconds.
    pub(crate) fn may_spend(&self, id: B256, spend: &Held, at: u64) -> Result<(), Refusal> {
        self.budgets.get(&id).ok_or(Refusal::NoBudget)?.allows(spend, at)
    }

    /// Counts a spending, before it is signed; for a channel that may come to nothing, under its id.
    pub(crate) fn charge(&mut self, id: B256, spend: Held, object: Option<B256>, at: u64) -> Result<(), Refusal> {
        let budget = self.budgets.get_mut(&id).ok_or(Refusal::NoBudget)?;
        budget.charge(&spend, at)?;
        if let Some(object) = object {
            budget.hold(object, spend);
        }
        self.dirty_budgets.insert(id);
        Ok(())
    }

    /// Takes back what was counted for something that will never be signed.
    pub(crate) fn give_back(&mut self, id: B256, spend: &Held) {
        if let Some(budget) = self.budgets.get_mut(&id) {
            budget.give_back(spend);
            self.dirty_budgets.insert(id);
        }
    }

    /// A channel came about, or did not.
    pub(crate) fn settle_charge(&mut self, object: B256, happened: bool) {
        for (id, budget) in self.budgets.iter_mut().filter(|(_, budget)| budget.holds(object)) {
            budget.settle(object, happened);
            self.dirty_budgets.insert(*id);
        }
    }

    /// What was counted for a renewal is counted for the channel that may still come of it.
    pub(crate) fn move_charge(&mut self, from: B256, to: B256) {
        for (id, budget) in self.budgets.iter_mut().filter(|(_, budget)| budget.holds(from)) {
            budget.move_hold(from, to);
            self.dirty_budgets.insert(*id);
        }
    }

    /// Signs that a payment with a reference was accepted. The acceptance is durable before this leaves.
    pub(crate) fn sign_receipt(&self, receipt: &PaymentReceipt) -> Signature {
        self.key.sign(self.domain.digest(receipt.struct_hash()))
    }

    /// Signs a State (protocol 1.4(4)).
    pub fn sign_state(&mut self, body: &Body) -> Result<Signature, Refusal> {
        let state = body.state();
        let content = state.struct_hash();
        body.check().map_err(|_| Refusal::Invalid)?;
        self.admit(&state, content)?;
        Ok(self.key.sign(self.domain.digest(content)))
    }

    /// Records that my account is about to send this State to the chain: sending it is signing it (protocol 2.3).
    pub fn record_sent(&mut self, body: &Body) -> Result<(), Refusal> {
        let state = body.state();
        if self.guards.get(&state.ch).is_some_and(|g| g.ver > state.ver) {
            return Ok(());
        }
        self.admit_version(&state, state.struct_hash())
    }

    /// Signs a version of a nanocontract; a signed `Final` or `Close` of its channel freezes it too (protocol 1.4(12)).
    pub fn sign_nano(&mut self, nano: &Nano) -> Result<Signature, Refusal> {
        let content = nano.struct_hash();
        let ended = self.guards.get(&nano.ch).is_some_and(|g| g.ending.is_some());
        if !guard!("1.4.12-sealed-nano", !ended) {
            return Err(Refusal::Ended);
        }
        self.admit_object(nano_slot(&self.domain, nano.ch, nano.entry), nano.ver, content)?;
        Ok(self.key.sign(self.domain.digest(content)))
    }

    /// Lets an account force one step in the key's name. It names the storage that it starts from, so it speaks of that step only.
    pub fn sign_step_auth(&self, auth: &StepAuth) -> Signature {
        self.key.sign(self.domain.digest(auth.struct_hash()))
    }

    /// Forgets a nanocontract that is in no enforceable State any more.
    pub(crate) fn forget_nano(&mut self, slot: B256) {
        self.guards.remove(&slot);
        self.dirty_guards.remove(&slot);
    }

    /// Signs the one `Final` of a virtual channel.
    pub fn sign_final(&mut self, last: &Final) -> Result<Signature, Refusal> {
        let hash = last.struct_hash();
        let guard = self.guards.entry(last.vc).or_default();
        if !guard!("1.4.4-one-final", guard.ending.is_none_or(|signed| signed == hash)) {
            return Err(Refusal::Ended);
        }
        guard.ending = Some(hash);
        guard.ending_until = None;
        self.dirty_guards.insert(last.vc);
        Ok(self.key.sign(self.domain.digest(hash)))
    }

    /// Signs a `Close`; until it can no longer be used nothing else is signed for this channel.
    pub fn sign_close(&mut self, close: &Close) -> Result<Signature, Refusal> {
        let hash = close.struct_hash();
        let guard = self.guards.entry(close.id).or_default();
        if !guard!("1.4.12-one-close", guard.ending.is_none_or(|signed| signed == hash)) {
            return Err(Refusal::Ended);
        }
        guard.ending = Some(hash);
        guard.ending_until = Some(close.not_after);
        self.dirty_guards.insert(close.id);
        Ok(self.key.sign(self.domain.digest(hash)))
    }

    /// Ends the freeze behind a `Close` whose last second, in final chain time, has passed.
    pub fn close_expired(&mut self, id: B256, final_time: u64) {
        if let Some(guard) = self.guards.get_mut(&id)
            && guard.ending_until.is_some_and(|until| guard!("1.4.12-thaw-signer", final_time > until))
        {
            guard.ending = None;
            guard.ending_until = None;
            self.dirty_guards.insert(id);
        }
    }

    /// Signs an `Adjust`, or notes that this node's own account sends it: from now on no State is signed that counts more than
    /// `most` of its side's deposit (protocol 0.3 withdrawal).
    pub fn sign_adjust(&mut self, adjust: &Adjust, most: Amount) -> Result<Signature, Refusal> {
        let hash = adjust.struct_hash();
        let guard = self.guards.entry(adjust.id).or_default();
        if !guard!("0.3-one-adjust", guard.cap.is_none_or(|cap| cap.adjust == hash)) {
            return Err(Refusal::Withdrawing);
        }
        let Adjust { side, seq, not_after: until, .. } = *adjust;
        guard.cap = Some(Cap { adjust: hash, side, most, seq, until });
        self.dirty_guards.insert(adjust.id);
        Ok(self.key.sign(self.domain.digest(hash)))
    }

    /// An `Adjust` that was used, or whose last second has passed without it, binds no more; both as final blocks show it.
    pub fn adjust_over(&mut self, id: B256, final_seq: u16, final_time: u64) {
        let over = |cap: &Cap| guard!("0.3-cap-lifted", final_seq > cap.seq || final_time > cap.until);
        if let Some(guard) = self.guards.get_mut(&id).filter(|g| g.cap.as_ref().is_some_and(over)) {
            guard.cap = None;
            self.dirty_guards.insert(id);
        }
    }

    /// Lets the node's own account open a dispute of a virtual channel in the key's name.
    pub fn sign_watch_auth(&self, auth: &WatchAuth) -> Signature {
        self.key.sign(self.domain.digest(auth.struct_hash()))
    }

    /// Signs who the transport identity belongs to.
    pub fn sign_identity(&self, identity: &Identity) -> Signature {
        self.key.sign(self.domain.digest(identity.struct_hash()))
    }

    /// Hash of the activation secret of a draft: what a quote shows.
    pub fn draft_hash(&self, draft: B256) -> B256 {
        crate::params::secret_hash(self.key.activation_secret(draft))
    }

    /// Binds a draft to a virtual channel, once and for ever.
    pub fn bind_draft(&mut self, draft: B256, vc: B256) -> Result<(), Refusal> {
        match self.drafts.get(&draft) {
            Some(bound) if guard!("2.3-draft-once", *bound == vc) => Ok(()),
            Some(_) => Err(Refusal::DraftUsed),
            None => {
                self.drafts.insert(draft, vc);
                self.dirty_drafts.insert(draft);
                Ok(())
            }
        }
    }

    /// Forgets a draft whose virtual channel was given up before its secret left.
    pub(crate) fn forget_draft(&mut self, draft: B256) {
        self.drafts.remove(&draft);
        self.dirty_drafts.remove(&draft);
    }

    /// Forgets a virtual channel that nothing can be registered of any more.
    pub(crate) fn forget_virtual(&mut self, vc: B256, draft: B256) {
        self.guards.remove(&vc);
        self.dirty_guards.remove(&vc);
        self.forget_draft(draft);
    }

    /// The activation secret of a draft that is bound to `vc`.
    pub fn reveal(&self, draft: B256, vc: B256) -> Result<B256, Refusal> {
        if guard!("2.3-draft-bound", self.drafts.get(&draft) == Some(&vc)) {
            Ok(self.key.activation_secret(draft))
        } else {
            Err(Refusal::DraftUsed)
        }
    }

    /// Guards and drafts that changed since the last call: to be made durable with the signatures.
    pub(crate) fn take_dirty(&mut self) -> SignerUpdates {
        let guards = core::mem::take(&mut self.dirty_guards);
        let drafts = core::mem::take(&mut self.dirty_drafts);
        let budgets = core::mem::take(&mut self.dirty_budgets);
        SignerUpdates {
            guards: guards.into_iter().filter_map(|k| Some((k, *self.guards.get(&k)?))).collect(),
            drafts: drafts.into_iter().filter_map(|k| Some((k, *self.drafts.get(&k)?))).collect(),
            budgets: budgets.into_iter().map(|k| (k, self.budgets.get(&k).cloned())).collect(),
        }
    }

    fn admit(&mut self, state: &State, content: B256) -> Result<(), Refusal> {
        let sealed = self.guards.get(&state.ch).is_some_and(|g| g.ending.is_some() && g.content != content);
        if !guard!("1.4.12-sealed", !sealed) {
            return Err(Refusal::Ended);
        }
        let capped = self.guards.get(&state.ch).and_then(|g| g.cap).is_some_and(|cap| !cap.allows(state));
        if !guard!("0.3-capped", !capped) {
            return Err(Refusal::Withdrawing);
        }
        self.admit_version(state, content)
    }

    fn admit_version(&mut self, state: &State, content: B256) -> Result<(), Refusal> {
        self.admit_object(state.ch, state.ver, content)
    }

    /// One content for one version, and never below what was signed (protocol 1.4(4)).
    fn admit_object(&mut self, object: B256, ver: u64, content: B256) -> Result<(), Refusal> {
        let guard = self.guards.entry(object).or_default();
        if !guard!("1.4.1-last-version", ver < MAX_VERSION) {
            return Err(Refusal::VersionExhausted);
        }
        if !guard!("1.4.4-high-water", ver >= guard.ver) {
            return Err(Refusal::BelowHighWaterMark);
        }
        let other_content = ver == guard.ver && guard.content != content && ver > 0;
        if !guard!("1.4.4-one-content", !other_content) {
            return Err(Refusal::Equivocation);
        }
        guard.ver = ver;
        guard.content = content;
        self.dirty_guards.insert(object);
        Ok(())
    }
}

/// Changes of the signer's memory.
#[derive(Default)]
pub(crate) struct SignerUpdates {
    pub(crate) guards: alloc::vec::Vec<(B256, Guard)>,
    pub(crate) drafts: alloc::vec::Vec<(B256, B256)>,
    pub(crate) budgets: alloc::vec::Vec<(B256, Option<Budget>)>,
}
