//! Payments by preimages of a hash chain, PayWord (`contracts/src/nano/HashChain.sol`).
//!
//! The payer hands over one preimage a payment; the payee, who is the mover from the start to the end, turns the newest into money by one step
//! whenever it likes.

use crate::{App, Malformed, Player, app::party, words};
use alloy_primitives::{B256, keccak256};
use perunika_core::{
    message::NanoTerms,
    params::Side,
    signed::{Amount, MAX_AMOUNT},
};
use thiserror::Error;

/// Most preimages that one step pays.
pub const REACH: u32 = 1_000;
/// Most preimages of a chain that [`Payer`] makes: 32 MiB.
pub const LENGTH_MAX: u32 = 1 << 20;

/// The storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Preimage number `index`; number 0 is what the payer announced.
    pub anchor: B256,
    /// Of one preimage, in the asset's smallest unit.
    pub price: Amount,
    /// Number of the last preimage.
    pub length: u32,
    /// How many a step has paid.
    pub index: u32,
    /// Whose money it is.
    pub payer: Side,
}

impl Chain {
    /// As the code has it.
    pub fn encode(&self) -> Vec<u8> {
        let [length, index] = [self.length, self.index].map(words::word);
        let payer = words::word(party(self.payer));
        words::encode(&[self.anchor, words::word(self.price), length, index, payer])
    }

    /// Reads a storage.
    ///
    /// # Errors
    /// It is not one of this app.
    pub fn decode(storage: &[u8]) -> Result<Self, Malformed> {
        let mut read = words::Words::new(App::HashChain, 5, storage)?;
        let (anchor, price, length, index) = (read.hash()?, read.number()?, read.number()?, read.number()?);
        let payer = words::side(App::HashChain, read.number()?)?;
        if price > MAX_AMOUNT {
            return Err(malformed("a number is out of its type"));
        }
        Ok(Self { anchor, price, length, index, payer })
    }
}

fn malformed(why: &'static str) -> Malformed {
    Malformed { app: App::HashChain, why }
}

/// Steps for a chain of `length` payments: enough to claim all, and two in which the payee turns payments into money before that. In a dispute each step holds up
/// the channel for a window, so that nobody should offer many more.
pub fn steps(length: u32) -> u16 {
    u16::try_from(length.div_ceil(REACH)).unwrap_or(u16::MAX).saturating_add(2)
}

/// A chain of `length` payments of `price` that begins at `anchor`. `k_max` steps can pay `k_max * REACH` preimages at most, and the payee
/// accepts no more. `None` if there is nothing to pay, the sum does not fit, or there are too few steps for the whole chain.
pub fn terms(anchor: B256, price: Amount, length: u32, payer: Side, k_max: u16) -> Option<NanoTerms> {
    let total = price.checked_mul(length.into()).filter(|total| (1..=MAX_AMOUNT).contains(total))?;
    if u64::from(length) > u64::from(k_max) * u64::from(REACH) {
        return None;
    }
    let storage = Chain { anchor, price, length, index: 0, payer }.encode();
    let da0 = if payer == Side::A { total } else { 0 };
    Some(App::HashChain.terms(total, da0, payer.other(), k_max, storage))
}

/// The payee's input, and what the payer hands over: preimage `index` and its number.
pub fn preimage(index: u32, preimage: B256) -> Vec<u8> {
    words::encode(&[words::word(index), preimage])
}

/// Reads what the payer handed over.
fn read(input: &[u8]) -> Option<(u32, B256)> {
    let mut read = words::Words::new(App::HashChain, 2, input).ok()?;
    Some((read.number().ok()?, read.hash().ok()?))
}

fn hashed(from: B256, times: u32) -> B256 {
    (0..times).fold(from, |word, _| keccak256(word))
}

/// The payer: all its preimages, from a seed.
#[derive(Clone)]
pub struct Payer {
    /// Number i is at i.
    preimages: Vec<B256>,
}

impl std::fmt::Debug for Payer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Payer").field("length", &self.length()).finish_non_exhaustive()
    }
}

impl Payer {
    /// A chain of `length` payments. The seed is secret and used for one chain only. `None` above [`LENGTH_MAX`].
    pub fn new(seed: B256, length: u32) -> Option<Self> {
        if length > LENGTH_MAX {
            return None;
        }
        let mut preimages: Vec<B256> = std::iter::successors(Some(keccak256(seed)), |word| Some(keccak256(word)))
            .take(length as usize + 1)
            .collect();
        preimages.reverse();
        Some(Self { preimages })
    }

    /// What it announces.
    pub fn anchor(&self) -> B256 {
        self.preimages.first().copied().unwrap_or_default()
    }

    /// How many payments the chain has.
    pub fn length(&self) -> u32 {
        u32::try_from(self.preimages.len().saturating_sub(1)).unwrap_or(LENGTH_MAX)
    }

    /// What to hand over to have paid `index` times in all; `None` beyond the end.
    pub fn pay(&self, index: u32) -> Option<Vec<u8>> {
        self.preimages.get(index as usize).map(|word| preimage(index, *word))
    }
}

/// Why a payment was not accepted; all are the payer's fault, save that an honest payer may send a payment twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotPaid {
    /// Not two words.
    #[error("that is no preimage and its number")]
    Garbled,
    /// Not above the newest.
    #[error("preimage {0} or a later one is known already")]
    NotNewer(u32),
    /// Beyond the chain, or beyond what the steps that are left can claim.
    #[error("preimage {0} is beyond what can be claimed")]
    TooFar(u32),
    /// Hashing does not lead to the newest.
    #[error("that is not preimage {0}")]
    Wrong(u32),
}

/// The payee: the newest preimage that it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payee {
    price: Amount,
    length: u32,
    index: u32,
    newest: B256,
}

impl Payee {
    /// Holds what the storage has.
    pub fn new(chain: &Chain) -> Self {
        Self { price: chain.price, length: chain.length, index: chain.index, newest: chain.anchor }
    }

    /// How many payments it holds, those included that steps have paid.
    pub fn index(&self) -> u32 {
        self.index
    }

    /// Takes what the payer handed over, and says what it is worth, in the asset's smallest unit. It is money only as long as the payee can force it:
    /// `chain` and `steps_left` are those of the nanocontract now.
    ///
    /// # Errors
    /// It is not worth anything; the payee still holds what it held.
    pub fn receive(&mut self, chain: &Chain, steps_left: u16, input: &[u8]) -> Result<Amount, NotPaid> {
        let (index, word) = read(input).ok_or(NotPaid::Garbled)?;
        if index <= self.index {
            return Err(NotPaid::NotNewer(index));
        }
        let claimable = u64::from(chain.index) + u64::from(steps_left) * u64::from(REACH);
        if index > self.length || u64::from(index) > claimable {
            return Err(NotPaid::TooFar(index));
        }
        let count = index - self.index;
        if hashed(word, count) != self.newest {
            return Err(NotPaid::Wrong(index));
        }
        (self.index, self.newest) = (index, word);
        Ok(self.price.saturating_mul(count.into()))
    }
}

impl Player for Payee {
    /// Claims as much as one step can.
    fn input(&self, side: Side, storage: &[u8]) -> Result<Option<Vec<u8>>, Malformed> {
        let chain = Chain::decode(storage)?;
        if side == chain.payer || chain.index >= self.index {
            return Ok(None);
        }
        let index = self.index.min(chain.index.saturating_add(REACH));
        let word = hashed(self.newest, self.index - index);
        Ok(Some(preimage(index, word)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: u32 = 3_000;

    fn payer() -> Payer {
        Payer::new(B256::repeat_byte(3), LENGTH).unwrap()
    }

    fn chain() -> Chain {
        Chain { anchor: payer().anchor(), price: 5, length: LENGTH, index: 0, payer: Side::A }
    }

    #[test]
    fn storage_survives_encoding() {
        let chain = Chain { index: 17, ..chain() };
        assert_eq!(Chain::decode(&chain.encode()), Ok(chain));
        assert!(Chain::decode(&chain.encode()[1..]).is_err());
        assert!(Chain::decode(&Chain { price: 1 << 96, ..chain }.encode()).is_err());
    }

    #[test]
    fn a_chain_can_be_claimed_to_its_end() {
        let anchor = B256::ZERO;
        let all = terms(anchor, 5, 3_000, Side::A, 3).unwrap();
        assert_eq!((all.total, all.da0, all.mover0), (15_000, 15_000, 1));
        assert_eq!(terms(anchor, 5, 3_001, Side::A, 3), None);
        assert_eq!(terms(anchor, 5, 0, Side::A, 3), None);
        assert_eq!(terms(anchor, 0, 5, Side::A, 3), None);
        assert_eq!(terms(anchor, MAX_AMOUNT, 2, Side::A, 3), None);
        assert_eq!(terms(anchor, 1, 1, Side::B, 1).unwrap().da0, 0);
        assert_eq!((steps(0), steps(1), steps(1_000), steps(1_001), steps(u32::MAX)), (2, 3, 3, 4, u16::MAX));
    }

    #[test]
    fn a_payment_is_worth_what_it_is_ahead() {
        let (payer, chain) = (payer(), chain());
        let mut payee = Payee::new(&chain);
        assert_eq!(payee.receive(&chain, 3, &payer.pay(1).unwrap()), Ok(5));
        assert_eq!(payee.receive(&chain, 3, &payer.pay(11).unwrap()), Ok(50));
        assert_eq!(payee.receive(&chain, 3, &payer.pay(11).unwrap()), Err(NotPaid::NotNewer(11)));
        assert_eq!(payee.receive(&chain, 3, &payer.pay(3).unwrap()), Err(NotPaid::NotNewer(3)));
        let wrong = preimage(12, B256::ZERO);
        assert_eq!(payee.receive(&chain, 3, &wrong), Err(NotPaid::Wrong(12)));
        assert_eq!(payee.receive(&chain, 3, &wrong[1..]), Err(NotPaid::Garbled));
        assert_eq!(payee.index(), 11);
        assert_eq!(payer.pay(LENGTH + 1), None);
    }

    #[test]
    fn what_no_step_can_claim_is_not_accepted() {
        let (payer, chain) = (payer(), chain());
        let mut payee = Payee::new(&chain);
        assert_eq!(payee.receive(&chain, 1, &payer.pay(1_001).unwrap()), Err(NotPaid::TooFar(1_001)));
        assert_eq!(payee.receive(&chain, 1, &payer.pay(1_000).unwrap()), Ok(5_000));
        assert_eq!(payee.receive(&chain, 0, &payer.pay(1_001).unwrap()), Err(NotPaid::TooFar(1_001)));
        let beyond = preimage(LENGTH + 1, B256::ZERO);
        assert_eq!(payee.receive(&chain, 80, &beyond), Err(NotPaid::TooFar(LENGTH + 1)));
    }

    #[test]
    fn a_payee_claims_in_steps_that_reach() {
        let (payer, mut chain) = (payer(), chain());
        let mut payee = Payee::new(&chain);
        assert_eq!(payee.input(Side::B, &chain.encode()), Ok(None));
        payee.receive(&chain, 3, &payer.pay(2_345).unwrap()).unwrap();
        assert_eq!(payee.input(Side::A, &chain.encode()), Ok(None));
        for index in [1_000, 2_000, 2_345] {
            assert_eq!(payee.input(Side::B, &chain.encode()), Ok(payer.pay(index)));
            let (_, anchor) = read(&payer.pay(index).unwrap()).unwrap();
            chain = Chain { anchor, index, ..chain };
        }
        assert_eq!(payee.input(Side::B, &chain.encode()), Ok(None));
    }

    #[test]
    fn seeds_give_different_chains_of_bounded_length() {
        assert_ne!(Payer::new(B256::ZERO, 5).unwrap().anchor(), Payer::new(B256::repeat_byte(1), 5).unwrap().anchor());
        assert!(Payer::new(B256::ZERO, LENGTH_MAX + 1).is_none());
        assert_eq!(payer().length(), LENGTH);
    }
}
