//! Slots of an object: the call that reads them and the answer in types of the core.
//!
//! The chain stores a hash instead of a registered State; [`Slots::stored`] is that hash, and [`Slots::fill`] puts the State and
//! its mix into the view once a matching [`Preimage`] is found.

use crate::abi::{self, Adjudicator};
use crate::event::{Event, Preimage, Stored};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_sol_types::SolCall;
use perunika_core::chain::{DisputeView, EscrowView, LedgerView, NanoView, Phase, RecordView, Roots};
use perunika_core::params::ChannelParams;

/// A view, and what is stored of the registered State if a dispute runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slots<T> {
    /// The view; its dispute lacks State and mix until [`Slots::fill`].
    pub view: T,
    /// The stored hash of a running dispute.
    pub stored: Option<Stored>,
}

/// An answer that is not one of the Adjudicator's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the answer to a view of the Adjudicator is malformed")
    }
}

impl std::error::Error for Malformed {}

/// Something with at most one running dispute.
pub trait Disputed {
    /// The dispute, if one runs.
    fn dispute_mut(&mut self) -> Option<&mut DisputeView>;
}

impl Disputed for LedgerView {
    fn dispute_mut(&mut self) -> Option<&mut DisputeView> {
        self.dispute.as_mut()
    }
}

impl Disputed for RecordView {
    fn dispute_mut(&mut self) -> Option<&mut DisputeView> {
        match self {
            Self::Disputed(dispute) => Some(dispute),
            _ => None,
        }
    }
}

impl<T: Disputed> Slots<T> {
    /// Puts State and mix into the dispute if they are the pre-image of what is stored. Says whether they are.
    pub fn fill(&mut self, preimage: &Preimage) -> bool {
        if self.stored != Some(preimage.stored()) {
            return false;
        }
        let Some(dispute) = self.view.dispute_mut() else { return false };
        (dispute.state, dispute.roots, dispute.mix) = (Some(preimage.state), preimage.roots, preimage.mix);
        true
    }
}

/// Calldata of the view of a ledger channel's slots.
pub fn ledger_call(params: &ChannelParams) -> Bytes {
    Adjudicator::channelCall { params: abi::channel(params) }.abi_encode().into()
}

/// Reads the answer to [`ledger_call`].
pub fn ledger(answer: &[u8]) -> Result<Slots<LedgerView>, Malformed> {
    let info = Adjudicator::channelCall::abi_decode_returns(answer).map_err(|_| Malformed)?;
    // The end of the dispute is that of its nanocontracts, where these make it later than the time to register them does.
    let dispute = info.disputed.then(|| running(info.ver.to(), info.deadline.to(), info.nanos, info.finalAt.to()));
    let view = LedgerView {
        phase: phase(info.phase)?,
        nonce: info.nonce.to(),
        seq: info.seq,
        dep_a: info.depositA.to(),
        dep_b: info.depositB.to(),
        dispute,
    };
    Ok(Slots { view, stored: dispute.map(|_| Stored(info.stored.to_be_bytes())) })
}

/// Calldata of the view of the escrow of the life `id`.
pub fn escrow_call(id: B256) -> Bytes {
    Adjudicator::escrowCall { id }.abi_encode().into()
}

/// Reads the answer to [`escrow_call`].
pub fn escrow(answer: &[u8]) -> Result<EscrowView, Malformed> {
    let info = Adjudicator::escrowCall::abi_decode_returns(answer).map_err(|_| Malformed)?;
    Ok(EscrowView { root: info.lockRoot, left: info.left.to(), settled: info.settled, locks: info.locks })
}

/// Calldata of the view of the record of the virtual channel `vc`.
pub fn record_call(vc: B256) -> Bytes {
    Adjudicator::recordCall { vc }.abi_encode().into()
}

/// Reads the answer to [`record_call`].
pub fn record(answer: &[u8]) -> Result<Slots<RecordView>, Malformed> {
    let info = Adjudicator::recordCall::abi_decode_returns(answer).map_err(|_| Malformed)?;
    let (view, stored) = match info.status {
        0 => (RecordView::None, None),
        1 => {
            let dispute = running(info.ver.to(), info.deadline.to(), info.nanos, info.nanosEnd.to());
            (RecordView::Disputed(dispute), Some(Stored(info.stored.to_be_bytes())))
        }
        2 => (RecordView::Concluded { out_a: info.outA.to() }, None),
        _ => return Err(Malformed),
    };
    Ok(Slots { view, stored })
}

/// The two slots of a nanocontract.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NanoSlots {
    /// The view, without storage and input; `None` if it is not registered.
    pub view: Option<NanoView>,
    /// A step was forced on the registered version: an event has the storage that it left.
    pub forced: bool,
}

impl NanoSlots {
    /// A step was forced, and the event that has its storage was not put in yet.
    pub fn lacks_storage(&self) -> bool {
        self.forced && self.view.as_ref().is_some_and(|view| view.storage.is_none())
    }

    /// Puts in what an event of this nanocontract says, if it is about the step that led here. Says whether it is.
    pub fn fill(&mut self, event: &Event) -> bool {
        let (Some(view), Event::NanoStepped { da, mover, steps_left, input, next, .. }) = (&mut self.view, event)
        else {
            return false;
        };
        let led_here = self.forced
            && (*da, *mover, *steps_left) == (view.da, view.mover, view.steps_left)
            && keccak256(next) == view.storage_hash;
        if led_here {
            (view.storage, view.input) = (Some(next.clone()), Some(input.clone()));
        }
        led_here
    }
}

/// Calldata of the view of a nanocontract's slots, by the id of its channel and the struct hash of its Entry.
pub fn nano_call(ch: B256, entry: B256) -> Bytes {
    Adjudicator::nanoCall { ch, entry }.abi_encode().into()
}

/// Reads the answer to [`nano_call`].
pub fn nano(answer: &[u8]) -> Result<NanoSlots, Malformed> {
    let info = Adjudicator::nanoCall::abi_decode_returns(answer).map_err(|_| Malformed)?;
    let n_ref: u64 = info.nRef.to();
    let view = (n_ref != 0).then(|| NanoView {
        ver: info.ver.to(),
        n_ref,
        last: info.last.to(),
        steps_left: info.stepsLeft,
        mover: info.mover,
        da: info.dA.to(),
        storage_hash: info.storageHash,
        storage: None,
        input: None,
    });
    Ok(NanoSlots { view, forced: info.forced })
}

/// Calldata of the view that says when the secret with this hash was published.
pub fn revealed_call(hash: B256) -> Bytes {
    Adjudicator::revealedAtCall { hash }.abi_encode().into()
}

/// Reads the answer to [`revealed_call`]: seconds since the epoch; 0 if never.
pub fn revealed(answer: &[u8]) -> Result<u64, Malformed> {
    let time = Adjudicator::revealedAtCall::abi_decode_returns(answer).map_err(|_| Malformed)?;
    time.try_into().map_err(|_| Malformed)
}

/// Calldata of the view of `owner`'s balance in the vault.
pub fn vault_call(asset: Address, owner: Address) -> Bytes {
    Adjudicator::vaultCall { asset, owner }.abi_encode().into()
}

/// Reads the answer to [`vault_call`], in the smallest unit of the asset.
pub fn vault(answer: &[u8]) -> Result<U256, Malformed> {
    Adjudicator::vaultCall::abi_decode_returns(answer).map_err(|_| Malformed)
}

fn running(ver: u64, refute_end: u64, nanos: bool, end: u64) -> DisputeView {
    let nanos_end = if nanos { end } else { 0 };
    DisputeView { ver, refute_end, nanos, state: None, roots: Roots::default(), mix: B256::ZERO, nanos_end }
}

fn phase(value: u8) -> Result<Phase, Malformed> {
    Ok(match value {
        0 => Phase::Virgin,
        1 => Phase::Funding,
        2 => Phase::Open,
        3 => Phase::Closed,
        _ => return Err(Malformed),
    })
}
