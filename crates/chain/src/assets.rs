//! What an account holds of an asset, as the chain says.

use crate::handle::{ChainError, ChainHandle};
use crate::rpc::RpcError;
use alloy::eips::BlockId;
use alloy::primitives::{Bytes, U256};
use perunika_contracts::{token, view};
use perunika_core::Address;

/// One asset and one account. What a token does not answer, or answers with nonsense, is nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holding {
    /// What the token calls itself, printable and short. Nobody vouches for it.
    pub symbol: Option<String>,
    /// Decimals of the token, as far as it says.
    pub decimals: Option<u8>,
    /// What the account holds at the head, smallest units.
    pub balance: U256,
    /// What the Adjudicator may take of it; of ETH nothing, it is sent along.
    pub allowance: U256,
    /// What is in the account's vault at the head.
    pub vault: U256,
    /// The least of that and of what was there in the newest final block.
    pub vault_settled: U256,
}

impl ChainHandle {
    /// What the owner's account holds of these assets (zero address: ETH), in one look.
    pub async fn holdings(&self, assets: &[Address]) -> Result<Vec<Holding>, ChainError> {
        let (owner, adjudicator) = (self.owner, self.config.adjudicator);
        let now = assets.iter().flat_map(|asset| {
            let vault = (adjudicator, view::vault_call(*asset, owner));
            [
                vault,
                (*asset, token::symbol_call()),
                (*asset, token::decimals_call()),
                (*asset, token::balance_call(owner)),
                (*asset, token::allowance_call(owner, adjudicator)),
            ]
        });
        let now = self.rpc.reads(&now.collect::<Vec<_>>(), BlockId::latest()).await?;
        let then: Vec<(Address, Bytes)> =
            assets.iter().map(|asset| (adjudicator, view::vault_call(*asset, owner))).collect();
        let settled = self.head().number.saturating_sub(self.config.finality_depth);
        let then = self.rpc.reads(&then, BlockId::number(settled)).await?;
        let ether = if assets.contains(&Address::ZERO) { self.rpc.balance(owner).await? } else { U256::ZERO };
        let found = assets.iter().zip(now.chunks_exact(5)).zip(then);
        found.map(|((asset, now), then)| holding(*asset, now, then, ether)).collect()
    }

    /// Whether there is a contract at this address.
    pub async fn has_code(&self, address: Address) -> Result<bool, ChainError> {
        Ok(!self.rpc.code(address).await?.is_empty())
    }
}

type Answer = Result<Bytes, RpcError>;

fn holding(asset: Address, now: &[Answer], then: Answer, ether: U256) -> Result<Holding, ChainError> {
    let number = |answer: &Answer| answer.as_ref().ok().and_then(|data| token::number(data).ok()).unwrap_or_default();
    let [vault, symbol, decimals, balance, allowance] = now else { return Ok(Holding::default()) };
    // Of the Adjudicator itself every answer counts.
    let vault = view::vault(vault.as_ref().map_err(|error| ChainError(error.to_string()))?);
    let vault = vault.map_err(|error| ChainError(error.to_string()))?;
    let vault_settled = then.ok().and_then(|data| view::vault(&data).ok()).unwrap_or_default().min(vault);
    if asset.is_zero() {
        let (symbol, decimals) = (Some("ETH".to_owned()), Some(18));
        return Ok(Holding { symbol, decimals, balance: ether, allowance: U256::ZERO, vault, vault_settled });
    }
    Ok(Holding {
        symbol: symbol.as_ref().ok().and_then(|data| token::symbol(data)),
        decimals: decimals.as_ref().ok().and_then(|data| token::decimals(data).ok()),
        balance: number(balance),
        allowance: number(allowance),
        vault,
        vault_settled,
    })
}
