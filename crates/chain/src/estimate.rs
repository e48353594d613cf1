//! What a call would cost, before it is sent.

use crate::handle::{ChainError, ChainHandle};
use crate::rpc::{Rpc, RpcError, Trial};
use perunika_contracts::{Encoded, encode_call};
use perunika_core::Address;
use perunika_core::chain::Call;

/// Gas of a call and its price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// Gas that it would use on the present state.
    pub gas: u64,
    /// Most that the sender would offer for a unit of gas now, in wei, tip included.
    pub gas_price_wei: u128,
}

/// Why there is no estimate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EstimateError {
    /// The call would fail now; why, in words.
    #[error("{0}")]
    Fails(String),
    /// The chain does not say.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

impl ChainHandle {
    /// Runs a call of the owner without sending it.
    pub async fn estimate(&self, call: &Call) -> Result<Estimate, EstimateError> {
        let encoded = encode_call(call, &self.config.domain(), self.owner);
        let encoded = encoded.map_err(|error| EstimateError::Fails(error.to_string()))?;
        let tried = rehearse(&self.rpc, self.owner, self.config.adjudicator, &encoded).await;
        let (_, gas) = tried.map_err(|error| match error {
            RpcError::Reverted(_) | RpcError::Refused(_) => EstimateError::Fails(error.to_string()),
            RpcError::Unreachable(_) | RpcError::Missing(_) => EstimateError::Chain(error.into()),
        })?;
        Ok(Estimate { gas, gas_price_wei: self.gas_price().await? })
    }
}

/// Runs a call without sending it, and says how much gas it needs.
pub(crate) async fn rehearse(
    rpc: &Rpc,
    sender: Address,
    adjudicator: Address,
    encoded: &Encoded,
) -> Result<(Trial, u64), RpcError> {
    let to = Some(encoded.token.unwrap_or(adjudicator));
    let mut trial = Trial { from: sender, to, value: encoded.value, data: encoded.data.clone() };
    if let Err(first) = rpc.try_next(&trial).await {
        let (RpcError::Reverted(_), Some(otherwise)) = (&first, &encoded.otherwise) else { return Err(first) };
        trial.data = otherwise.clone();
        rpc.try_next(&trial).await?;
    }
    let gas = rpc.estimate_gas(&trial).await?;
    Ok((trial, gas))
}
