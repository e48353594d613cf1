//! Calls that bring or fetch money, and batches.

use crate::abi::{self, Adjudicator, AdjustTerms, Opening, amount, time, version};
use crate::call::{EncodeError, Encoded, both, encode_call, nonce_of};
use crate::token;
use alloy_primitives::{Address, U256};
use perunika_core::Domain;
use perunika_core::chain::Call;
use perunika_core::params::ChannelParams;
use perunika_core::signed::{self, OpenAuth};

/// One of these calls; any other is the business of [`encode_call`].
pub(crate) fn encode(call: &Call, domain: &Domain, sender: Address) -> Result<Encoded, EncodeError> {
    Ok(match call {
        Call::OpenWith { params, terms, funding, value } => Encoded::new(Adjudicator::openWithCall {
            params: abi::channel(params),
            opening: opening(params, terms, domain)?,
            fundingA: funding.encode().into(),
        })
        .with_value(*value),
        Call::ConfirmWith { params, terms, funding, value } => Encoded::new(Adjudicator::confirmWithCall {
            params: abi::channel(params),
            opening: opening(params, terms, domain)?,
            fundingB: funding.encode().into(),
        })
        .with_value(*value),
        Call::OpenBoth { params, terms, fundings: [of_a, of_b], value } => Encoded::new(Adjudicator::openBothCall {
            params: abi::channel(params),
            opening: opening(params, terms, domain)?,
            fundingA: of_a.encode().into(),
            fundingB: of_b.encode().into(),
        })
        .with_value(*value),
        Call::Deposit { params, id, side, amount: more, not_after, funding, value } => {
            Encoded::new(Adjudicator::depositCall {
                params: abi::channel(params),
                nonce: nonce_of(params, *id, domain)?,
                side: side.index() as u8,
                amount: amount("amount", *more)?,
                notAfter: time("notAfter", *not_after)?,
                funding: funding.encode().into(),
            })
            .with_value(*value)
        }
        Call::Adjust { params, adjust, sigs } => Encoded::new(Adjudicator::adjustCall {
            params: abi::channel(params),
            terms: adjust_terms(adjust)?,
            signatures: both(params, sigs, sender)?,
        }),
        Call::FundVault { asset, owner, amount: more } => {
            let value = if asset.is_zero() { *more } else { 0 };
            let more = amount("amount", *more)?;
            Encoded::new(Adjudicator::fundVaultCall { asset: *asset, owner: *owner, amount: more }).with_value(value)
        }
        Call::Withdraw { asset, to, amount } => {
            Encoded::new(Adjudicator::withdrawCall { asset: *asset, to: *to, amount: U256::from(*amount) })
        }
        Call::Approve { token, amount } => token::approve(*token, *amount, domain),
        Call::Batch { gas_each, calls } => batch(*gas_each, calls, domain, sender)?,
        _ => return encode_call(call, domain, sender),
    })
}

/// Where a call can be said in two ways, the batch says both, and the one that does not fit is passed over.
fn batch(gas_each: u64, calls: &[Call], domain: &Domain, sender: Address) -> Result<Encoded, EncodeError> {
    let mut data = Vec::with_capacity(calls.len());
    for call in calls {
        let encoded = encode_call(call, domain, sender)?;
        if !encoded.value.is_zero() || encoded.token.is_some() {
            return Err(EncodeError::NotInBatch);
        }
        data.push(encoded.data);
        data.extend(encoded.otherwise);
    }
    Ok(Encoded::new(Adjudicator::batchCall { gasEach: U256::from(gas_each), calls: data }))
}

fn opening(params: &ChannelParams, terms: &OpenAuth, domain: &Domain) -> Result<Opening, EncodeError> {
    Ok(Opening {
        nonce: nonce_of(params, terms.id, domain)?,
        depositA: amount("depositA", terms.dep_a)?,
        depositB: amount("depositB", terms.dep_b)?,
        notAfter: time("notAfter", terms.not_after)?,
    })
}

fn adjust_terms(adjust: &signed::Adjust) -> Result<AdjustTerms, EncodeError> {
    Ok(AdjustTerms {
        seq: adjust.seq,
        side: adjust.side,
        amount: amount("amount", adjust.amount)?,
        receiver: adjust.receiver,
        ver: version(adjust.ver)?,
        notAfter: time("notAfter", adjust.not_after)?,
    })
}
