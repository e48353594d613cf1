//! Where a deposit comes from, and that its owner agrees (protocol 3.4).

use crate::token::Ask;
use crate::{Amount, Env, Error, Reference, error::require, hash, sig};
use alloy_primitives::{Address, B256, keccak256};

/// What both sides agree on.
pub(crate) struct Agreement {
    asset: Address,
    not_after: u64,
    /// Of the OpenAuth.
    struct_hash: B256,
    digest: B256,
}

impl Agreement {
    pub(crate) fn new(domain: B256, asset: Address, not_after: u64, struct_hash: B256) -> Self {
        Self { asset, not_after, struct_hash, digest: hash::digest(domain, struct_hash) }
    }
}

/// The first byte says in which way a deposit is paid; of nothing at all, the sender pays.
pub(crate) fn way(funding: &[u8]) -> u8 {
    funding.first().copied().unwrap_or_default()
}

impl Reference {
    /// Checks that `owner` agrees and collects what it deposits; gives the wei of the call that are used for it.
    pub(crate) fn fund(
        &mut self,
        env: &Env<'_>,
        agreed: &Agreement,
        owner: Address,
        amount: Amount,
        funding: &[u8],
    ) -> Result<Amount, Error> {
        let (way, rest) = (way(funding), funding.get(1..).unwrap_or_default());
        let asset = agreed.asset;
        match way {
            0 => {
                self.check_consent(env, owner, agreed.digest, rest)?;
                if asset == Address::ZERO {
                    return Ok(amount);
                }
                if amount > 0 {
                    self.pull(asset, amount, &Ask::Allowance { from: env.sender })?;
                }
            }
            1 => {
                self.check_consent(env, owner, agreed.digest, rest)?;
                self.debit(asset, owner, amount)?;
            }
            _ => {
                require(asset != Address::ZERO && amount > 0, Error::InvalidFunding)?;
                let ask = self.token_way(env, agreed, owner, amount, way, rest)?;
                self.pull(asset, amount, &ask)?;
            }
        }
        Ok(0)
    }

    /// The ways that only tokens have.
    fn token_way(
        &mut self,
        env: &Env<'_>,
        agreed: &Agreement,
        owner: Address,
        amount: Amount,
        way: u8,
        rest: &[u8],
    ) -> Result<Ask, Error> {
        Ok(match way {
            2 => {
                self.check_consent(env, owner, agreed.digest, rest)?;
                Ask::Allowance { from: owner }
            }
            3 => {
                let (permit, rest) = rest.split_at_checked(64).ok_or(Error::InvalidSignature)?;
                self.check_consent(env, owner, agreed.digest, rest)?;
                // Whatever comes of it: it may have been used before.
                self.permit(agreed.asset, owner, amount, agreed.not_after, permit);
                Ask::Allowance { from: owner }
            }
            4 => {
                require(rest.len() == 64, Error::InvalidSignature)?;
                let before = agreed.not_after + 1;
                Ask::Authorised { from: owner, before, nonce: agreed.digest, signature: rest.to_vec() }
            }
            5 => {
                let (nonce, signature) = rest.split_at_checked(32).ok_or(Error::InvalidFunding)?;
                let (nonce, signature) = (B256::from_slice(nonce), signature.to_vec());
                let (deadline, witness) = (agreed.not_after, agreed.struct_hash);
                Ask::Permit2 { from: owner, nonce, deadline, witness, signature }
            }
            _ => return Err(Error::InvalidFunding),
        })
    }

    /// The owner sends the call, or has signed the OpenAuth: with its key, or in the way of its code.
    fn check_consent(&self, env: &Env<'_>, owner: Address, digest: B256, signature: &[u8]) -> Result<(), Error> {
        if env.sender == owner {
            return require(signature.is_empty(), Error::InvalidSignature);
        }
        let by_key = sig::signer(signature, digest) == Some(owner);
        require(by_key || self.wallet_approves(owner, digest, signature), Error::InvalidSignature)
    }

    /// A wallet takes the hash of the digest for its signature.
    fn wallet_approves(&self, owner: Address, digest: B256, signature: &[u8]) -> bool {
        self.money.wallets.contains(&owner) && signature == keccak256(digest).as_slice()
    }

    /// Has a token bring so much, and no other amount.
    pub(crate) fn pull(&mut self, asset: Address, amount: Amount, ask: &Ask) -> Result<(), Error> {
        let contract = self.address;
        let before = self.token_balance(asset)?;
        let token = self.money.tokens.get_mut(&asset).ok_or(Error::UnsupportedAsset)?;
        require(token.bring(asset, contract, amount, ask), Error::TransferFailed)?;
        let came = self.token_balance(asset)?.checked_sub(before);
        require(came == Some(amount), Error::WrongDeposit)
    }

    fn token_balance(&self, asset: Address) -> Result<Amount, Error> {
        let token = self.money.tokens.get(&asset).ok_or(Error::UnsupportedAsset)?;
        Ok(token.balance(self.address))
    }

    fn permit(&mut self, asset: Address, owner: Address, amount: Amount, deadline: u64, signature: &[u8]) {
        let spender = self.address;
        if let Some(token) = self.money.tokens.get_mut(&asset) {
            token.permit(owner, spender, amount, deadline, signature);
        }
    }
}
