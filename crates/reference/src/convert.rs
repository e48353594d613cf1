//! Calls of the core in the contract's terms.

use crate::terms::{
    AdjustTerms, Channel, CloseTerms, Entry, Key, LedgerState, LockTerms, NanoClaim, NanoClaims, NanoStep, NanoVersion,
    Opener, Opening, VirtualChannel, VirtualState, WatchAuth,
};
use crate::{Call, LIVES, Record, Reference};
use alloy_primitives::{Address, B256};
use perunika_core::chain::{self, ForcedStep, Home, Roots};
use perunika_core::params::{ChannelParams, Side, VirtualParams};
use perunika_core::sig::Signature;
use perunika_core::signed::{self, Nano, State};

impl From<&ChannelParams> for Channel {
    fn from(p: &ChannelParams) -> Self {
        Self {
            owner_a: p.a.owner,
            owner_b: p.b.owner,
            key_a: Key::of(p.a.key),
            key_b: Key::of(p.b.key),
            asset: p.asset,
            challenge: p.challenge,
            window: p.window,
            k_max: p.k_max,
            lane: p.lane,
        }
    }
}

impl From<&VirtualParams> for VirtualChannel {
    fn from(p: &VirtualParams) -> Self {
        Self {
            a: Key::of(p.end(Side::A)),
            b: Key::of(p.end(Side::B)),
            mids: p.mids_hash(),
            links: p.links_hash(),
            fees: p.fees_hash(),
            asset: p.asset,
            init_a: p.init_a,
            init_b: p.init_b,
            t_exp: p.t_exp,
            challenge: p.challenge,
            window: p.window,
            k_max: p.k_max,
            nonce: p.nonce,
            act_mode: 1,
            act: p.act(),
        }
    }
}

impl From<&signed::Entry> for Entry {
    fn from(e: &signed::Entry) -> Self {
        Self {
            nid: e.nid,
            born: e.born,
            total: e.total,
            d_a0: e.da0,
            mover0: e.mover0,
            code_hash: e.code_hash,
            gas: e.gas,
            k_max: e.k_max,
            storage0: e.storage0,
        }
    }
}

impl From<&Nano> for NanoVersion {
    fn from(v: &Nano) -> Self {
        Self { ver: v.ver, d_a: v.da, mover: v.mover, steps_left: v.steps_left, storage_hash: v.storage_hash }
    }
}

impl From<&ForcedStep> for NanoStep {
    fn from(step: &ForcedStep) -> Self {
        let auth = step.auth.map(|sig| sig.0.to_vec()).unwrap_or_default();
        Self { code: step.code, state: step.storage.clone(), input: step.input.clone(), auth }
    }
}

impl LedgerState {
    /// A State of a ledger channel with its roots.
    pub fn of(s: &State, roots: Roots) -> Self {
        Self {
            ver: s.ver,
            dep_a: s.dep_a,
            dep_b: s.dep_b,
            total: s.total,
            def_a: s.def_a,
            nanos: s.nanos,
            locks: s.locks,
            lock_root: roots.locks,
            nano_root: roots.nanos,
        }
    }
}

impl VirtualState {
    /// A State of a virtual channel with its roots.
    pub fn of(s: &State, roots: Roots) -> Self {
        Self { ver: s.ver, def_a: s.def_a, nanos: s.nanos, nano_root: roots.nanos }
    }
}

impl Reference {
    /// What the core's call tells the contract when `sender` sends it; none if it lacks a signature or names a life that no slot has.
    pub fn translate(&self, sender: Address, call: &chain::Call) -> Option<Call> {
        Some(match call {
            chain::Call::Open { params, nonce, .. } => Call::Open { params: params.into(), nonce: *nonce },
            chain::Call::Confirm { params, id, dep_a, .. } => {
                Call::Confirm { params: params.into(), nonce: self.nonce_of(params, *id)?, deposit_a: *dep_a }
            }
            chain::Call::Refund { params } => Call::Refund { params: params.into() },
            chain::Call::Close { params, close, lock_root, sigs } => {
                let terms = CloseTerms {
                    dep_a: close.dep_a,
                    dep_b: close.dep_b,
                    out_a: close.out_a,
                    escrowed: close.dep_a.checked_add(close.dep_b)?.checked_sub(close.total)?,
                    locks: close.locks,
                    lock_root: *lock_root,
                    receiver_a: close.receiver_a,
                    receiver_b: close.receiver_b,
                    not_after: close.not_after,
                };
                Call::Close { params: params.into(), terms, signatures: both(params, sigs, sender)? }
            }
            chain::Call::Register { params, state, roots, sigs } => {
                let signatures = if state.ver == 0 { Vec::new() } else { both(params, sigs, sender)? };
                Call::Register { params: params.into(), state: LedgerState::of(state, *roots), signatures }
            }
            chain::Call::Refute { params, state, roots, sigs } => Call::Refute {
                params: params.into(),
                state: LedgerState::of(state, *roots),
                signatures: both(params, sigs, sender)?,
            },
            chain::Call::Conclude { params, state, roots, mix } => {
                Call::Conclude { params: params.into(), state: LedgerState::of(state, *roots), mix: *mix }
            }
            chain::Call::RegisterVirtual { params, state, roots, sigs, secrets, opener } => register_virtual(
                params,
                VirtualState::of(state, *roots),
                joined(sigs),
                secrets,
                opener.as_ref(),
                sender,
            ),
            chain::Call::RefuteVirtual { params, state, roots, sigs } => Call::RefuteVirtual {
                params: params.into(),
                state: VirtualState::of(state, *roots),
                signatures: joined(sigs),
            },
            chain::Call::ConcludeVirtual { params, state, roots, mix } => {
                Call::ConcludeVirtual { params: params.into(), state: VirtualState::of(state, *roots), mix: *mix }
            }
            chain::Call::Finalise { params, out_a, sigs } => Call::Finalise {
                params: params.into(),
                mids: params.mids().iter().copied().map(Key::of).collect(),
                out_a: *out_a,
                signatures: joined(sigs),
            },
            chain::Call::Settle { params, nonce, lock, index, proof, virtual_params } => {
                self.settlement(params, *nonce, lock, *index, proof, virtual_params)?
            }
            chain::Call::RegisterNanos { .. } | chain::Call::RefuteNanos { .. } | chain::Call::Execute { .. } => {
                return of_nanocontracts(sender, call);
            }
            chain::Call::Deploy { code } => Call::Deploy { code: code.clone() },
            chain::Call::Reveal { secret } => Call::Reveal { secret: *secret },
            chain::Call::Withdraw { .. }
            | chain::Call::FundVault { .. }
            | chain::Call::OpenWith { .. }
            | chain::Call::ConfirmWith { .. }
            | chain::Call::OpenBoth { .. }
            | chain::Call::Deposit { .. }
            | chain::Call::Adjust { .. }
            | chain::Call::Batch { .. } => return self.of_money(sender, call),
            chain::Call::Approve { .. } => return None, // of a token
        })
    }

    /// A call that brings or fetches money, or a batch; no other.
    fn of_money(&self, sender: Address, call: &chain::Call) -> Option<Call> {
        Some(match call {
            chain::Call::Withdraw { asset, to, amount } => Call::Withdraw { asset: *asset, to: *to, amount: *amount },
            chain::Call::FundVault { asset, owner, amount } => {
                Call::FundVault { asset: *asset, owner: *owner, amount: *amount }
            }
            chain::Call::OpenWith { params, terms, funding, .. } => Call::OpenWith {
                params: params.into(),
                opening: self.opening(params, terms)?,
                funding_a: funding.encode(),
            },
            chain::Call::ConfirmWith { params, terms, funding, .. } => Call::ConfirmWith {
                params: params.into(),
                opening: self.opening(params, terms)?,
                funding_b: funding.encode(),
            },
            chain::Call::OpenBoth { params, terms, fundings: [of_a, of_b], .. } => Call::OpenBoth {
                params: params.into(),
                opening: self.opening(params, terms)?,
                funding_a: of_a.encode(),
                funding_b: of_b.encode(),
            },
            chain::Call::Deposit { params, id, side, amount, not_after, funding, .. } => Call::Deposit {
                params: params.into(),
                nonce: self.nonce_of(params, *id)?,
                side: side.index() as u8,
                amount: *amount,
                not_after: *not_after,
                funding: funding.encode(),
            },
            chain::Call::Adjust { params, adjust, sigs } => {
                let signed::Adjust { seq, side, amount, receiver, ver, not_after, .. } = *adjust;
                let terms = AdjustTerms { seq, side, amount, receiver, ver, not_after };
                Call::Adjust { params: params.into(), terms, signatures: both(params, sigs, sender)? }
            }
            chain::Call::Batch { gas_each, calls } => {
                let calls = calls.iter().map(|call| self.translate(sender, call)).collect::<Option<_>>()?;
                Call::Batch { gas_each: *gas_each, calls }
            }
            _ => return None,
        })
    }

    fn opening(&self, params: &ChannelParams, terms: &signed::OpenAuth) -> Option<Opening> {
        let (deposit_a, deposit_b, not_after) = (terms.dep_a, terms.dep_b, terms.not_after);
        Some(Opening { nonce: self.nonce_of(params, terms.id)?, deposit_a, deposit_b, not_after })
    }

    fn nonce_of(&self, params: &ChannelParams, id: B256) -> Option<u64> {
        let params = Channel::from(params);
        (0..LIVES).find(|nonce| self.channel_id(&params, *nonce) == id)
    }

    /// By the outcome, where one is recorded; as expired, where none is.
    fn settlement(
        &self,
        params: &ChannelParams,
        nonce: u64,
        lock: &signed::Lock,
        index: usize,
        proof: &[B256],
        virtual_params: &VirtualParams,
    ) -> Option<Call> {
        let (params, vc, index, proof) = (params.into(), lock.vc, u64::try_from(index).ok()?, proof.to_vec());
        let lock = LockTerms { left_is_a: lock.left_is_a, left: lock.left, right: lock.right };
        Some(match self.records.get(&vc) {
            Some(Record::Concluded { .. }) => Call::Settle { params, nonce, vc, lock, index, proof },
            _ => Call::SettleExpired { params, nonce, virtual_params: virtual_params.into(), lock, index, proof },
        })
    }
}

/// A call on nanocontracts; no other.
fn of_nanocontracts(sender: Address, call: &chain::Call) -> Option<Call> {
    Some(match call {
        chain::Call::RegisterNanos { home, state, roots, mix, claims } => match home {
            Home::Ledger(params) => Call::RegisterNano {
                params: params.into(),
                state: LedgerState::of(state, *roots),
                mix: *mix,
                claims: claimed(home, claims, sender)?,
            },
            Home::Virtual(params) => Call::RegisterVirtualNano {
                params: params.into(),
                state: VirtualState::of(state, *roots),
                mix: *mix,
                claims: claimed(home, claims, sender)?,
            },
        },
        chain::Call::RefuteNanos { home, claims } => {
            let claims = claimed(home, claims, sender)?;
            match home {
                Home::Ledger(params) => Call::RefuteNano { params: params.into(), claims },
                Home::Virtual(params) => Call::RefuteVirtualNano { params: params.into(), claims },
            }
        }
        chain::Call::Execute { home, entry, step } => {
            let (entry, step) = (entry.into(), step.into());
            match home {
                Home::Ledger(params) => Call::Execute { params: params.into(), entry, step },
                Home::Virtual(params) => Call::ExecuteVirtual { params: params.into(), entry, step },
            }
        }
        _ => return None,
    })
}

fn register_virtual(
    params: &VirtualParams,
    state: VirtualState,
    signatures: Vec<u8>,
    secrets: &[B256],
    opener: Option<&chain::Opener>,
    sender: Address,
) -> Call {
    let by_key = [params.end(Side::A), params.end(Side::B)].contains(&sender);
    let (params, secrets) = (params.into(), secrets.to_vec());
    match opener.filter(|_| !by_key) {
        None => Call::RegisterVirtual { params, state, signatures, secrets },
        Some(o) => {
            let auth = WatchAuth { not_before: o.not_before, not_after: o.not_after, signature: o.sig.0.to_vec() };
            let opener = Opener { position: o.position, mids: Vec::new(), auth };
            Call::RegisterVirtualFor { params, state, signatures, secrets, opener }
        }
    }
}

fn joined<'a>(sigs: impl IntoIterator<Item = &'a Signature>) -> Vec<u8> {
    sigs.into_iter().flat_map(|sig| sig.0).collect()
}

/// Of the parties whose owner does not send the call.
fn both(params: &ChannelParams, sigs: &[Option<Signature>; 2], sender: Address) -> Option<Vec<u8>> {
    let needed = [Side::A, Side::B].into_iter().filter(|side| params.party(*side).owner != sender);
    needed.map(|side| sigs[side.index()].as_ref()).collect::<Option<Vec<_>>>().map(joined)
}

fn claimed(home: &Home, claims: &[chain::NanoClaim], sender: Address) -> Option<NanoClaims> {
    let mut all = NanoClaims::default();
    for claim in claims {
        let signatures = match (home, &claim.sigs) {
            _ if claim.version.ver == 0 => Vec::new(),
            (Home::Ledger(params), sigs) => both(params, sigs, sender)?,
            (Home::Virtual(_), sigs) => joined(sigs.iter().map(Option::as_ref).collect::<Option<Vec<_>>>()?),
        };
        claim.proof.iter().for_each(|sibling| all.evidence.extend_from_slice(sibling.as_slice()));
        all.evidence.extend_from_slice(&signatures);
        all.steps.extend(claim.step.as_ref().map(NanoStep::from));
        all.list.push(NanoClaim {
            entry: (&claim.entry).into(),
            index: u16::try_from(claim.index).ok()?,
            depth: u8::try_from(claim.proof.len()).ok()?,
            step: claim.step.is_some(),
            version: (&claim.version).into(),
        });
    }
    Some(all)
}
