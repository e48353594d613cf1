//! Calls of the core as calldata.

use crate::abi::{self, Adjudicator, CloseTerms, LockTerms, State, VirtualState, amount, time, version};
use crate::{money, nano};
use alloy_primitives::aliases::U40;
use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::SolCall;
use perunika_core::chain::{Call, Opener, Roots};
use perunika_core::params::{ChannelParams, Side, VirtualParams};
use perunika_core::sig::Signature;
use perunika_core::signed::{self, Close, Lock};
use perunika_core::{Domain, tree};

/// The contract gives a slot fewer lives than this (R, the life and the version share one word).
const NONCE_MAX: u64 = 0x3fff;

/// A call as the chain wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// The token that is called; none: the Adjudicator.
    pub token: Option<Address>,
    /// Selector and arguments.
    pub data: Bytes,
    /// Wei sent along.
    pub value: U256,
    /// Another way to say the same, to be tried where `data` would revert: a lock is settled by one function if the outcome of
    /// its virtual channel is recorded, and by another if that channel expired without a record.
    pub otherwise: Option<Bytes>,
}

/// A call that the contract cannot be told. Always a mistake of the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodeError {
    /// A number exceeds its field.
    TooLarge(&'static str),
    /// The id that a call names belongs to no life of the slot.
    UnknownLife,
    /// The root over the entries does not follow from what the call carries.
    MissingRoots,
    /// A party that is not the sender has not signed.
    MissingSignature,
    /// A total exceeds the deposits that it counts.
    NegativeEscrow,
    /// Ether with a call of a batch, which takes none, or a call of a token.
    NotInBatch,
}

impl std::fmt::Display for EncodeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooLarge(field) => write!(f, "{field} is too large for the contract"),
            Self::UnknownLife => f.write_str("the channel id belongs to no life of this channel's slot"),
            Self::MissingRoots => f.write_str("the roots given do not make up the entries of the State"),
            Self::MissingSignature => f.write_str("a party that does not send the call has not signed"),
            Self::NegativeEscrow => f.write_str("the total exceeds the counted deposits"),
            Self::NotInBatch => f.write_str("a batch has calls of the Adjudicator without ether"),
        }
    }
}

impl std::error::Error for EncodeError {}

impl Encoded {
    pub(crate) fn new(call: impl SolCall) -> Self {
        Self { token: None, data: call.abi_encode().into(), value: U256::ZERO, otherwise: None }
    }

    pub(crate) fn with_value(self, wei: u128) -> Self {
        Self { value: U256::from(wei), ..self }
    }
}

/// Calldata and value of `call` for the Adjudicator of `domain`, to be sent by `sender`.
pub fn encode_call(call: &Call, domain: &Domain, sender: Address) -> Result<Encoded, EncodeError> {
    Ok(match call {
        Call::Open { params, nonce, value } => {
            let call = Adjudicator::openCall { params: abi::channel(params), nonce: time("nonce", *nonce)? };
            Encoded::new(call).with_value(*value)
        }
        Call::Confirm { params, id, dep_a, value } => Encoded::new(Adjudicator::confirmCall {
            params: abi::channel(params),
            nonce: nonce_of(params, *id, domain)?,
            depositA: amount("depositA", *dep_a)?,
        })
        .with_value(*value),
        Call::Refund { params } => Encoded::new(Adjudicator::refundCall { params: abi::channel(params) }),
        Call::Close { params, close, lock_root, sigs } => Encoded::new(Adjudicator::closeCall {
            params: abi::channel(params),
            terms: close_terms(close, *lock_root)?,
            signatures: both(params, sigs, sender)?,
        }),
        Call::Register { params, state, roots, sigs } => Encoded::new(Adjudicator::registerCall {
            params: abi::channel(params),
            state: ledger_state(state, *roots)?,
            signatures: if state.ver == 0 { Bytes::new() } else { both(params, sigs, sender)? },
        }),
        Call::Refute { params, state, roots, sigs } => Encoded::new(Adjudicator::refuteCall {
            params: abi::channel(params),
            state: ledger_state(state, *roots)?,
            signatures: both(params, sigs, sender)?,
        }),
        Call::Conclude { params, state, roots, mix } => Encoded::new(Adjudicator::concludeCall {
            params: abi::channel(params),
            state: ledger_state(state, *roots)?,
            mix: *mix,
        }),
        Call::Settle { params, nonce, lock, index, proof, virtual_params } => {
            settle(params, *nonce, lock, *index, proof, virtual_params)?
        }
        Call::RegisterNanos { home, state, roots, mix, claims } => {
            nano::register(home, state, *roots, *mix, claims, sender)?
        }
        Call::RefuteNanos { home, claims } => nano::refute(home, claims, sender)?,
        Call::Execute { home, entry, step } => nano::execute(home, entry, step)?,
        Call::Deploy { code } => Encoded::new(Adjudicator::deployCall { code: code.clone().into() }),
        Call::Reveal { secret } => Encoded::new(Adjudicator::revealCall { secret: *secret }),
        Call::Withdraw { .. }
        | Call::FundVault { .. }
        | Call::OpenWith { .. }
        | Call::ConfirmWith { .. }
        | Call::OpenBoth { .. }
        | Call::Deposit { .. }
        | Call::Adjust { .. }
        | Call::Approve { .. }
        | Call::Batch { .. } => return money::encode(call, domain, sender),
        Call::RegisterVirtual { params, state, roots, sigs, secrets, opener } => {
            register_virtual(params, virtual_state(state, *roots)?, sigs, secrets, opener.as_ref(), sender)?
        }
        Call::RefuteVirtual { params, state, roots, sigs } => Encoded::new(Adjudicator::refuteVirtualCall {
            params: abi::virtual_channel(params)?,
            state: virtual_state(state, *roots)?,
            signatures: joined(sigs),
        }),
        Call::ConcludeVirtual { params, state, roots, mix } => Encoded::new(Adjudicator::concludeVirtualCall {
            params: abi::virtual_channel(params)?,
            state: virtual_state(state, *roots)?,
            mix: *mix,
        }),
        Call::Finalise { params, out_a, sigs } => Encoded::new(Adjudicator::finaliseCall {
            params: abi::virtual_channel(params)?,
            mids: params.mids().iter().copied().map(abi::key).collect(),
            outA: amount("outA", *out_a)?,
            signatures: joined(sigs),
        }),
    })
}

/// The address of an end's key needs no authorisation; any other account shows its `WatchAuth`.
fn register_virtual(
    params: &VirtualParams,
    state: VirtualState,
    sigs: &[Signature; 2],
    secrets: &[B256],
    opener: Option<&Opener>,
    sender: Address,
) -> Result<Encoded, EncodeError> {
    let by_key = [params.end(Side::A), params.end(Side::B)].contains(&sender);
    let params = abi::virtual_channel(params)?;
    let (signatures, secrets) = (joined(sigs), secrets.to_vec());
    let Some(opener) = opener.filter(|_| !by_key) else {
        return Ok(Encoded::new(Adjudicator::registerVirtualCall { params, state, signatures, secrets }));
    };
    let auth = abi::WatchAuth {
        notBefore: time("notBefore", opener.not_before)?,
        notAfter: time("notAfter", opener.not_after)?,
        signature: opener.sig.0.to_vec().into(),
    };
    let opener = abi::Opener { position: opener.position, mids: Vec::new(), auth };
    Ok(Encoded::new(Adjudicator::registerVirtualForCall { params, state, signatures, secrets, opener }))
}

fn settle(
    params: &ChannelParams,
    nonce: u64,
    lock: &Lock,
    index: usize,
    proof: &[B256],
    virtual_params: &VirtualParams,
) -> Result<Encoded, EncodeError> {
    let (params, nonce) = (abi::channel(params), time("nonce", nonce)?);
    let terms =
        LockTerms { leftIsA: lock.left_is_a, left: amount("left", lock.left)?, right: amount("right", lock.right)? };
    let (index, proof) = (U256::from(index), proof.to_vec());
    let expired = Adjudicator::settleExpiredCall {
        params: params.clone(),
        nonce,
        virtualParams: abi::virtual_channel(virtual_params)?,
        lock: terms.clone(),
        index,
        proof: proof.clone(),
    };
    let recorded = Adjudicator::settleCall { params, nonce, vc: lock.vc, lock: terms, index, proof };
    Ok(Encoded { otherwise: Some(expired.abi_encode().into()), ..Encoded::new(recorded) })
}

/// The life that an id names; the contract wants its number.
pub(crate) fn nonce_of(params: &ChannelParams, id: B256, domain: &Domain) -> Result<U40, EncodeError> {
    let nonce = (0..NONCE_MAX).find(|nonce| params.id(domain, *nonce) == id).ok_or(EncodeError::UnknownLife)?;
    time("nonce", nonce)
}

pub(crate) fn joined<'a>(sigs: impl IntoIterator<Item = &'a Signature>) -> Bytes {
    sigs.into_iter().flat_map(|sig| sig.0).collect()
}

/// Of the parties whose owner does not send the call: sending is signing, and the contract wants nothing superfluous.
pub(crate) fn both(
    params: &ChannelParams,
    sigs: &[Option<Signature>; 2],
    sender: Address,
) -> Result<Bytes, EncodeError> {
    let mut needed = Vec::with_capacity(2);
    for side in [Side::A, Side::B] {
        if params.party(side).owner != sender {
            needed.push(sigs[side.index()].as_ref().ok_or(EncodeError::MissingSignature)?);
        }
    }
    Ok(joined(needed))
}

fn close_terms(close: &Close, lock_root: B256) -> Result<CloseTerms, EncodeError> {
    if close.entries != tree::entries(lock_root, B256::ZERO) {
        return Err(EncodeError::MissingRoots);
    }
    let deposits = close.dep_a.checked_add(close.dep_b).ok_or(EncodeError::TooLarge("deposits"))?;
    let escrowed = deposits.checked_sub(close.total).ok_or(EncodeError::NegativeEscrow)?;
    Ok(CloseTerms {
        depA: amount("depA", close.dep_a)?,
        depB: amount("depB", close.dep_b)?,
        outA: amount("outA", close.out_a)?,
        escrowed: amount("escrow", escrowed)?,
        locks: close.locks,
        lockRoot: lock_root,
        receiverA: close.receiver_a,
        receiverB: close.receiver_b,
        notAfter: time("notAfter", close.not_after)?,
    })
}

/// The contract takes the two roots instead of what they make up.
pub(crate) fn ledger_state(state: &signed::State, roots: Roots) -> Result<State, EncodeError> {
    let Roots { locks: lock_root, nanos: nano_root } = roots;
    if state.entries != tree::entries(lock_root, nano_root) {
        return Err(EncodeError::MissingRoots);
    }
    Ok(State {
        ver: version(state.ver)?,
        depA: amount("depA", state.dep_a)?,
        depB: amount("depB", state.dep_b)?,
        total: amount("total", state.total)?,
        defA: amount("defA", state.def_a)?,
        nanos: state.nanos,
        locks: state.locks,
        lockRoot: lock_root,
        nanoRoot: nano_root,
    })
}

/// Of a virtual channel the contract computes everything but these.
pub(crate) fn virtual_state(state: &signed::State, roots: Roots) -> Result<VirtualState, EncodeError> {
    if !roots.locks.is_zero() || state.entries != tree::entries(B256::ZERO, roots.nanos) {
        return Err(EncodeError::MissingRoots);
    }
    let (ver, share) = (version(state.ver)?, amount("defA", state.def_a)?);
    Ok(VirtualState { ver, defA: share, nanos: state.nanos, nanoRoot: roots.nanos })
}

#[cfg(test)]
mod tests {
    use super::*;
    use perunika_core::params::Party;

    const DOMAIN: Domain = Domain { chain_id: 1, adjudicator: Address::repeat_byte(9) };

    fn params() -> ChannelParams {
        let party = |owner, key| Party { owner: Address::repeat_byte(owner), key: Address::repeat_byte(key) };
        ChannelParams {
            a: party(1, 3),
            b: party(2, 4),
            asset: Address::ZERO,
            challenge: 120,
            window: 60,
            k_max: 80,
            lane: 0,
        }
    }

    fn state(ver: u64) -> signed::State {
        signed::State {
            ch: params().id(&DOMAIN, 0),
            ver,
            dep_a: 7,
            dep_b: 5,
            total: 12,
            def_a: 4,
            nanos: 0,
            locks: 0,
            entries: tree::empty_entries(),
        }
    }

    fn register(state: signed::State, sigs: [Option<Signature>; 2]) -> Call {
        Call::Register { params: params(), state, roots: Roots::default(), sigs }
    }

    fn signatures(call: &Call, sender: Address) -> Result<Vec<u8>, EncodeError> {
        let encoded = encode_call(call, &DOMAIN, sender)?;
        Ok(Adjudicator::registerCall::abi_decode(&encoded.data).expect("register").signatures.to_vec())
    }

    #[test]
    fn only_those_who_do_not_send_sign() {
        let (a, b) = (Signature([0xaa; 64]), Signature([0xbb; 64]));
        let call = register(state(2), [Some(a), Some(b)]);
        assert_eq!(signatures(&call, params().a.owner), Ok(b.0.to_vec()));
        assert_eq!(signatures(&call, params().b.owner), Ok(a.0.to_vec()));
        assert_eq!(signatures(&call, Address::ZERO), Ok([a.0, b.0].concat()));
        let call = register(state(2), [None, Some(b)]);
        assert_eq!(signatures(&call, params().a.owner), Ok(b.0.to_vec()));
        assert_eq!(signatures(&call, params().b.owner), Err(EncodeError::MissingSignature));
        let zero = signed::State { dep_a: 0, dep_b: 0, total: 0, def_a: 0, ..state(0) };
        assert_eq!(signatures(&register(zero, [None, None]), params().b.owner), Ok(vec![]));
    }

    #[test]
    fn deposits_travel_as_value() {
        let open = Call::Open { params: params(), nonce: 3, value: 77 };
        let encoded = encode_call(&open, &DOMAIN, Address::ZERO).expect("encodes");
        assert_eq!(encoded.value, U256::from(77));
        let decoded = Adjudicator::openCall::abi_decode(&encoded.data).expect("open");
        assert_eq!((decoded.nonce, decoded.params), (U40::from(3), abi::channel(&params())));
    }

    #[test]
    fn the_id_of_a_confirm_names_the_life() {
        let confirm = |id| Call::Confirm { params: params(), id, dep_a: 7, value: 5 };
        let encoded = encode_call(&confirm(params().id(&DOMAIN, 21)), &DOMAIN, Address::ZERO).expect("encodes");
        let decoded = Adjudicator::confirmCall::abi_decode(&encoded.data).expect("confirm");
        assert_eq!((decoded.nonce, encoded.value), (U40::from(21), U256::from(5)));
        let error = encode_call(&confirm(B256::ZERO), &DOMAIN, Address::ZERO).expect_err("no such life");
        assert_eq!(error, EncodeError::UnknownLife);
    }

    #[test]
    fn numbers_are_never_cut() {
        let too_much = signed::State { dep_a: 1 << 96, ..state(2) };
        let sigs = [Some(Signature([0; 64])); 2];
        assert_eq!(signatures(&register(too_much, sigs), Address::ZERO), Err(EncodeError::TooLarge("depA")));
        let too_new = signed::State { ver: 1 << 48, ..state(2) };
        assert_eq!(signatures(&register(too_new, sigs), Address::ZERO), Err(EncodeError::TooLarge("version")));
    }

    #[test]
    fn roots_must_make_up_the_entries() {
        let roots = Roots { locks: B256::repeat_byte(1), nanos: B256::ZERO };
        let call = Call::Conclude { params: params(), state: state(2), roots, mix: B256::ZERO };
        assert_eq!(encode_call(&call, &DOMAIN, Address::ZERO), Err(EncodeError::MissingRoots));
    }
}
