//! The owner's agreement to an opening that the other side sends (protocol 3.4), and where its own deposit comes from.
//!
//! What is signed here lets the Adjudicator take exactly the deposit that the OpenAuth names, for this channel, until its last
//! second, and nothing else: the id binds the asset, the owners and the contract.

use crate::handle::ChainHandle;
use alloy::eips::BlockId;
use alloy::primitives::{Bytes, U256};
use perunika_contracts::token;
use perunika_core::funding::{Funding, PERMIT2, TokenPayment};
use perunika_core::params::{ChannelParams, Side};
use perunika_core::sig::Signature;
use perunika_core::signed::{Eip712, OpenAuth};
use perunika_core::{Address, B256};

/// How the owner pays deposits of a token into channels that others open, when its vault does not hold enough.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Way {
    /// In a transaction of its own.
    #[default]
    None,
    /// Out of its allowance to the Adjudicator.
    Allowance,
    /// By an ERC-2612 permit.
    Permit,
    /// By EIP-3009.
    Eip3009,
    /// By Permit2, which it has allowed to take the token.
    Permit2,
}

impl ChainHandle {
    /// Signs for one opening, or says why it does not: then the opening takes two transactions.
    pub async fn authorise(
        &self,
        params: &ChannelParams,
        side: Side,
        terms: OpenAuth,
        way: Way,
    ) -> Result<Funding, String> {
        if params.party(side).owner != self.owner {
            return Err("the channel names another owner".to_owned());
        }
        let (asset, amount) = (params.asset, [terms.dep_a, terms.dep_b][side.index()]);
        let consent = self.key.sign_digest(self.config.domain().digest(terms.struct_hash()))?.0.to_vec();
        if amount == 0 {
            return Ok(Funding::Sender { consent });
        }
        let held = self.holdings(&[asset]).await.map_err(|error| error.to_string())?.pop().unwrap_or_default();
        if held.vault_settled >= U256::from(amount) {
            return Ok(Funding::Vault { consent });
        }
        if asset.is_zero() || way == Way::None {
            return Err("the vault does not hold the deposit".to_owned());
        }
        if held.balance < U256::from(amount) {
            return Err("the account does not hold the deposit".to_owned());
        }
        let payment = TokenPayment { owner: self.owner, token: asset, amount, terms };
        match way {
            Way::None | Way::Allowance if held.allowance < U256::from(amount) => {
                Err("the token does not allow the Adjudicator to take the deposit".to_owned())
            }
            Way::None | Way::Allowance => Ok(Funding::Allowance { consent }),
            Way::Permit => Ok(Funding::Permit { permit: self.permit(&payment).await?, consent }),
            Way::Eip3009 => self.authorisation(&payment).await,
            Way::Permit2 => self.permit2(&payment).await,
        }
    }

    async fn permit(&self, payment: &TokenPayment) -> Result<Signature, String> {
        let [separator, nonce] =
            self.ask(payment.token, [token::separator_call(), token::nonce_call(self.owner)]).await?;
        self.key.sign_digest(payment.permit(separator.into(), &self.config.domain(), nonce))
    }

    async fn authorisation(&self, payment: &TokenPayment) -> Result<Funding, String> {
        let [separator] = self.ask(payment.token, [token::separator_call()]).await?;
        let sig = self.key.sign_digest(payment.authorisation(separator.into(), &self.config.domain()))?;
        Ok(Funding::Authorisation { sig })
    }

    async fn permit2(&self, payment: &TokenPayment) -> Result<Funding, String> {
        let [allowed] = self.ask(payment.token, [token::allowance_call(self.owner, PERMIT2)]).await?;
        if allowed < U256::from(payment.amount) {
            return Err("the token does not allow Permit2 to take the deposit".to_owned());
        }
        let domain = self.config.domain();
        // Permit2 wants a number that was not used; signed twice for one opening, it is the same.
        let nonce: B256 = domain.digest(payment.terms.struct_hash());
        let sig = full(self.key.sign_digest(payment.permit2(&domain, nonce))?);
        Ok(Funding::Permit2 { nonce, sig })
    }

    /// Numbers that a token must know.
    async fn ask<const N: usize>(&self, token: Address, calls: [Bytes; N]) -> Result<[U256; N], String> {
        let calls = calls.map(|call| (token, call));
        let answers = self.rpc.reads(&calls, BlockId::latest()).await.map_err(|error| error.to_string())?;
        let mut numbers = [U256::ZERO; N];
        for (number, answer) in numbers.iter_mut().zip(answers) {
            let data = answer.map_err(|error| format!("the token does not know it: {error}"))?;
            *number = token::number(&data).map_err(|_| "the token does not know this way to pay".to_owned())?;
        }
        Ok(numbers)
    }
}

/// The 65 bytes of old, which every version of Permit2 takes.
fn full(sig: Signature) -> Vec<u8> {
    let Signature(mut compact) = sig;
    let odd = compact[32] >> 7;
    compact[32] &= 0x7f;
    [&compact[..], &[27 + odd]].concat()
}
