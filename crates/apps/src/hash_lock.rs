//! A payment against a secret, in one link of a path (`contracts/src/nano/HashLock.sol`).
//!
//! The payee, who is the mover, takes the amount by the secret alone until a margin before the deadline, and after that only if the registry saw the
//! secret by the deadline, where all others of the path see it too.

use crate::{App, Malformed, Player, app::party, words};
use alloy_primitives::{B256, keccak256};
use perunika_core::{
    message::NanoTerms,
    params::Side,
    signed::{Amount, MAX_AMOUNT},
};

/// Until when a secret pays, in seconds since the epoch, real time. The same in all links of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Until {
    alone: u64,
    deadline: u64,
}

impl Until {
    /// Up to `margin` seconds before `deadline` it is enough to show the secret; after that the registry must have seen it by `deadline`.
    ///
    /// The margin is what the payer of a link, if it learns the secret in the last second, has left to claim or to publish it in its own: at least
    /// `m_safe` (finality, inclusion and a margin) of every party of the path.
    ///
    /// `None` if the margin is zero or longer than there is time before the deadline, or if the deadline does not fit into 40 bits.
    pub fn new(deadline: u64, margin: u64) -> Option<Self> {
        if margin == 0 {
            return None;
        }
        Self::checked(deadline, deadline.checked_sub(margin)?)
    }

    /// The last second at which the secret alone is enough.
    pub fn alone(self) -> u64 {
        self.alone
    }

    /// The last second at which the registry may see the secret.
    pub fn deadline(self) -> u64 {
        self.deadline
    }

    /// As the code takes it, which lets a peer offer no margin at all.
    fn checked(deadline: u64, alone: u64) -> Option<Self> {
        (alone <= deadline && deadline < 1 << 40).then_some(Self { alone, deadline })
    }
}

/// The storage, which no step changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lock {
    /// keccak256 of the secret's 32 bytes.
    pub hash: B256,
    /// What the secret pays, in the asset's smallest unit.
    pub amount: Amount,
    /// Whose money it is.
    pub payer: Side,
    /// Until when it pays.
    pub until: Until,
}

impl Lock {
    /// As the code has it.
    pub fn encode(&self) -> Vec<u8> {
        let (payer, until) = (words::word(party(self.payer)), self.until);
        words::encode(&[
            self.hash,
            words::word(self.amount),
            payer,
            words::word(until.deadline),
            words::word(until.alone),
        ])
    }

    /// Reads a storage.
    ///
    /// # Errors
    /// It is not one of this app.
    pub fn decode(storage: &[u8]) -> Result<Self, Malformed> {
        let mut read = words::Words::new(App::HashLock, 5, storage)?;
        let (hash, amount) = (read.hash()?, read.number()?);
        let payer = words::side(App::HashLock, read.number()?)?;
        let malformed = |why| Malformed { app: App::HashLock, why };
        let until = Until::checked(read.number()?, read.number()?);
        let until =
            until.ok_or(malformed("the times are no times, or the secret alone pays for longer than it pays"))?;
        if amount > MAX_AMOUNT {
            return Err(malformed("a number is out of its type"));
        }
        Ok(Self { hash, amount, payer, until })
    }
}

/// A lock that holds just its amount. `None` if that is zero or does not fit, or if there is no margin.
pub fn terms(lock: Lock) -> Option<NanoTerms> {
    if lock.amount == 0 || lock.amount > MAX_AMOUNT || lock.until.alone == lock.until.deadline {
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
        Lock { hash, amount: 12, payer: Side::B, until: Until::new(1_800_000_000, 60).unwrap() }
    }

    #[test]
    fn storage_survives_encoding() {
        assert_eq!(Lock::decode(&lock().encode()), Ok(lock()));
        assert!(Lock::decode(&lock().encode()[..128]).is_err());
        let bad = Lock { amount: 1 << 96, ..lock() };
        assert!(Lock::decode(&bad.encode()).is_err());
        assert_eq!(terms(bad), None);
        assert_eq!(terms(Lock { amount: 0, ..lock() }), None);
    }

    #[test]
    fn the_secret_alone_pays_until_a_margin_before_the_deadline() {
        let until = Until::new(1_000, 30).unwrap();
        assert_eq!((until.alone(), until.deadline()), (970, 1_000));
        for (deadline, margin) in [(1_000, 0), (1_000, 1_001), (1 << 40, 30), (u64::MAX, u64::MAX), (u64::MAX, 1)] {
            assert_eq!(Until::new(deadline, margin), None, "{margin} before {deadline}");
        }
        assert!(Until::new((1 << 40) - 1, (1 << 40) - 1).is_some());
    }

    #[test]
    fn times_that_the_code_refuses_are_no_storage() {
        let with = |deadline, alone| Lock::decode(&Lock { until: Until { alone, deadline }, ..lock() }.encode());
        assert!(with(1_000, 1_001).is_err());
        assert!(with(1 << 40, 1_000).is_err());
        // The code takes it, so it can be read; nobody here offers it.
        let no_margin = with(1_000, 1_000).unwrap();
        assert_eq!((no_margin.until.alone(), terms(no_margin)), (1_000, None));
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
