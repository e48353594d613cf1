//! A payment against a secret, in one link of a path (`contracts/src/nano/HashLock.sol`).
//!
//! The payee, who is the mover, takes the amount by the secret until the deadline, or later if the registry saw the secret in time.

use crate::{App, Malformed, Player, app::party, words};
use alloy_primitives::{B256, keccak256};
use perunika_core::{
    message::NanoTerms,
    params::Side,
    signed::{Amount, MAX_AMOUNT},
};

/// The storage, which no step changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lock {
    /// keccak256 of the secret's 32 bytes.
    pub hash: B256,
    /// What the secret pays, in the asset's smallest unit.
    pub amount: Amount,
    /// Whose money it is.
    pub payer: Side,
    /// Seconds since the epoch; at this second it still pays. The same in all links of a path.
    pub deadline: u64,
}

impl Lock {
    /// As the code has it.
    pub fn encode(&self) -> Vec<u8> {
        let payer = words::word(party(self.payer));
        words::encode(&[self.hash, words::word(self.amount), payer, words::word(self.deadline)])
    }

    /// Reads a storage.
    ///
    /// # Errors
    /// It is not one of this app.
    pub fn decode(storage: &[u8]) -> Result<Self, Malformed> {
        let mut read = words::Words::new(App::HashLock, 4, storage)?;
        let (hash, amount) = (read.hash()?, read.number()?);
        let payer = words::side(App::HashLock, read.number()?)?;
        let deadline = read.number()?;
        if amount > MAX_AMOUNT || deadline >= 1 << 40 {
            return Err(Malformed { app: App::HashLock, why: "a number is out of its type" });
        }
        Ok(Self { hash, amount, payer, deadline })
    }
}

/// A lock that holds just its amount. `None` if that is zero or does not fit, or the deadline does not fit.
pub fn terms(lock: Lock) -> Option<NanoTerms> {
    if lock.amount == 0 || lock.amount > MAX_AMOUNT || lock.deadline >= 1 << 40 {
        return None;
    }
    let da0 = if lock.payer == Side::A { lock.amount } else { 0 };
    Some(App::HashLock.terms(lock.amount, da0, lock.payer.other(), 1, lock.encode()))
}

/// The payee's input.
pub fn reveal(secret: B256) -> Vec<u8> {
    secret.to_vec()
}

/// A payee that has the secret.
#[derive(Clone, Copy)]
pub struct Payee {
    secret: B256,
}

impl Payee {
    /// Has `secret`.
    pub fn new(secret: B256) -> Self {
        Self { secret }
    }
}

impl std::fmt::Debug for Payee {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Payee(..)")
    }
}

impl Player for Payee {
    fn input(&self, side: Side, storage: &[u8]) -> Result<Option<Vec<u8>>, Malformed> {
        let lock = Lock::decode(storage)?;
        let mine = side != lock.payer && keccak256(self.secret) == lock.hash;
        Ok(mine.then(|| reveal(self.secret)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock() -> Lock {
        let hash = keccak256(B256::repeat_byte(7));
        Lock { hash, amount: 12, payer: Side::B, deadline: 1_800_000_000 }
    }

    #[test]
    fn storage_survives_encoding() {
        assert_eq!(Lock::decode(&lock().encode()), Ok(lock()));
        assert!(Lock::decode(&lock().encode()[..96]).is_err());
        for bad in [Lock { amount: 1 << 96, ..lock() }, Lock { deadline: 1 << 40, ..lock() }] {
            assert!(Lock::decode(&bad.encode()).is_err());
            assert_eq!(terms(bad), None);
        }
    }

    #[test]
    fn the_money_is_the_payers_at_first() {
        let by_b = terms(lock()).unwrap();
        assert_eq!((by_b.total, by_b.da0, by_b.mover0, by_b.k_max), (12, 0, 0, 1));
        let by_a = terms(Lock { payer: Side::A, ..lock() }).unwrap();
        assert_eq!((by_a.da0, by_a.mover0), (12, 1));
    }

    #[test]
    fn a_payee_reveals_only_where_it_is_paid() {
        let payee = Payee::new(B256::repeat_byte(7));
        assert_eq!(payee.input(Side::A, &lock().encode()), Ok(Some(vec![7; 32])));
        assert_eq!(payee.input(Side::B, &lock().encode()), Ok(None));
        let foreign = Lock { hash: B256::ZERO, ..lock() };
        assert_eq!(payee.input(Side::A, &foreign.encode()), Ok(None));
    }
}
