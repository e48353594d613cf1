//! Secrets and code (protocol 6.3, Changes 30).

use crate::{Env, Error, Event, Reference, error::require};
use alloy_primitives::{Address, B256, keccak256};
use perunika_core::nano::CODE_MAX;

/// PUSH2 length DUP1 PUSH1 10 PUSH0 CODECOPY PUSH0 RETURN: returns what follows.
fn init_code(code: &[u8]) -> Vec<u8> {
    let length = u16::try_from(code.len()).unwrap_or(u16::MAX).to_be_bytes();
    [&[0x61], &length[..], &[0x80, 0x60, 0x0a, 0x5f, 0x39, 0x5f, 0xf3], code].concat()
}

impl Reference {
    pub(crate) fn reveal(&mut self, env: &Env<'_>, log: &mut Vec<Event>, secret: B256) {
        let hash = keccak256(secret);
        self.revealed.entry(hash).or_insert_with(|| {
            log.push(Event::Revealed { hash, secret });
            env.time
        });
    }

    /// The account that `deploy` makes of code.
    pub fn code_address(&self, code: &[u8]) -> Address {
        self.address.create2(B256::ZERO, keccak256(init_code(code)))
    }

    /// Gives the account.
    pub(crate) fn deploy(&mut self, code: &[u8]) -> Result<Address, Error> {
        require(code.len() <= CODE_MAX, Error::DeploymentFailed)?;
        let account = self.code_address(code);
        if let Some(there) = self.codes.get(&account) {
            // An account without code is there and looks as if it were not; nothing can be put over it.
            return if there.is_empty() { Err(Error::DeploymentFailed) } else { Ok(account) };
        }
        // The chain keeps this byte for other kinds of code (EIP-3541).
        require(code.first() != Some(&0xef), Error::DeploymentFailed)?;
        self.codes.insert(account, code.to_vec());
        Ok(account)
    }
}
