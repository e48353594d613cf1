//! Fair coins, tossed for money (`contracts/src/nano/CoinToss.sol`).
//!
//! Both stake one coin a toss. A commits to a bit, B answers with its own, A opens: equal bits are heads, and A has won the two coins of
//! that toss. Whoever stalls loses all tosses that are not decided.

use crate::{App, Malformed, Player, words};
use alloy_primitives::{B256, keccak256};
use perunika_core::{message::NanoTerms, params::Side, signed::Amount};

const UNANSWERED: u8 = 2;

/// The storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tosses {
    /// Tosses that A has won.
    pub heads: u8,
    /// Tosses that B has won.
    pub tails: u8,
    /// Tosses that are not decided.
    pub open: u8,
    /// B's bit in the present toss.
    pub answer: Option<bool>,
    /// What A committed to in the present toss; `None`: A has to do so first.
    pub commitment: Option<B256>,
}

impl Tosses {
    /// Before the first of `tosses` tosses.
    pub fn new(tosses: u8) -> Self {
        Self { heads: 0, tails: 0, open: tosses, answer: None, commitment: None }
    }

    /// As the code has it.
    pub fn encode(&self) -> Vec<u8> {
        let answer = self.answer.map_or(UNANSWERED, u8::from);
        let numbers = [self.heads, self.tails, self.open, answer].map(words::word);
        words::encode(&[numbers.as_slice(), &[self.commitment.unwrap_or_default()]].concat())
    }

    /// Reads a storage.
    ///
    /// # Errors
    /// It is not one of this app.
    pub fn decode(storage: &[u8]) -> Result<Self, Malformed> {
        let mut read = words::Words::new(App::CoinToss, 5, storage)?;
        let (heads, tails, open) = (read.number()?, read.number()?, read.number()?);
        let answer = match read.number()? {
            0_u8 => Some(false),
            1 => Some(true),
            UNANSWERED => None,
            _ => return Err(malformed("the answer is no bit")),
        };
        let commitment = Some(read.hash()?).filter(|hash| !hash.is_zero());
        if answer.is_some() && commitment.is_none() {
            return Err(malformed("answered before the commitment"));
        }
        Ok(Self { heads, tails, open, answer, commitment })
    }

    /// Who moves; `None` after the last toss.
    pub fn mover(&self) -> Option<Side> {
        match (self.open, self.commitment, self.answer) {
            (0, ..) => None,
            (_, Some(_), None) => Some(Side::B),
            _ => Some(Side::A),
        }
    }

    /// How many tosses are decided: the number of the present one, from 0.
    pub fn number(&self) -> u16 {
        u16::from(self.heads) + u16::from(self.tails)
    }

    /// Steps to the end.
    pub fn steps(&self) -> u16 {
        2 * u16::from(self.open) + u16::from(self.commitment.is_none()) - u16::from(self.answer.is_some())
    }
}

fn malformed(why: &'static str) -> Malformed {
    Malformed { app: App::CoinToss, why }
}

/// `tosses` (1 to 255) tosses for `coin` each, both parties staking `coin * tosses`. `None` if there are no tosses or the stakes do not fit.
pub fn terms(tosses: u8, coin: Amount) -> Option<NanoTerms> {
    let stake = coin.checked_mul(tosses.into()).filter(|stake| *stake > 0)?;
    let total = stake.checked_mul(2).filter(|total| *total <= perunika_core::signed::MAX_AMOUNT)?;
    let start = Tosses::new(tosses);
    Some(App::CoinToss.terms(total, stake, Side::A, start.steps(), start.encode()))
}

/// A's bit and what hides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hidden {
    /// The bit.
    pub bit: bool,
    /// Never used for another toss.
    pub nonce: B256,
}

impl Hidden {
    /// What A shows before B answers.
    pub fn commitment(&self) -> B256 {
        keccak256(words::encode(&[words::word(self.bit), self.nonce]))
    }
}

/// A's first input.
pub fn commit(hidden: Hidden) -> Vec<u8> {
    hidden.commitment().to_vec()
}

/// B's input.
pub fn answer(bit: bool) -> Vec<u8> {
    words::word(bit).to_vec()
}

/// A's input after B's; `next` hides the bit of the next toss, `None` after the last.
pub fn open(hidden: Hidden, next: Option<Hidden>) -> Vec<u8> {
    let next = next.map(|next| next.commitment()).unwrap_or_default();
    words::encode(&[words::word(hidden.bit), hidden.nonce, next])
}

/// A party that draws its bits from a seed. The seed is secret, and of A used for one nanocontract only: who has seen a bit and its nonce
/// recognises their commitment.
#[derive(Clone, Copy)]
pub struct Tosser {
    seed: B256,
}

impl Tosser {
    /// Draws from `seed`.
    pub fn new(seed: B256) -> Self {
        Self { seed }
    }

    /// The bit of toss `number`, and what hides it if this party is A.
    pub fn hidden(&self, number: u16) -> Hidden {
        let nonce = self.draw(b"nonce", number);
        Hidden { bit: self.draw(b"bit", number)[31] & 1 == 1, nonce }
    }

    fn draw(&self, what: &[u8], number: u16) -> B256 {
        keccak256([self.seed.as_slice(), what, &number.to_be_bytes()].concat())
    }
}

impl std::fmt::Debug for Tosser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tosser(..)")
    }
}

impl Player for Tosser {
    fn input(&self, side: Side, storage: &[u8]) -> Result<Option<Vec<u8>>, Malformed> {
        let tosses = Tosses::decode(storage)?;
        if tosses.mover() != Some(side) {
            return Ok(None);
        }
        let mine = self.hidden(tosses.number());
        Ok(Some(match (side, tosses.commitment) {
            (Side::B, _) => answer(mine.bit),
            (Side::A, None) => commit(mine),
            (Side::A, Some(commitment)) if commitment == mine.commitment() => {
                open(mine, (tosses.open > 1).then(|| self.hidden(tosses.number() + 1)))
            }
            (Side::A, Some(_)) => return Err(malformed("another seed made the commitment")),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn storage_survives_encoding() {
        let mut tosses =
            Tosses { heads: 3, tails: 1, open: 2, answer: Some(true), commitment: Some(B256::repeat_byte(9)) };
        assert_eq!(Tosses::decode(&tosses.encode()), Ok(tosses));
        assert_eq!((tosses.mover(), tosses.steps(), tosses.number()), (Some(Side::A), 3, 4));
        tosses.answer = None;
        assert_eq!((tosses.mover(), tosses.steps()), (Some(Side::B), 4));
        tosses.commitment = None;
        assert_eq!((tosses.mover(), tosses.steps()), (Some(Side::A), 5));
        assert_eq!(Tosses::decode(&tosses.encode()), Ok(tosses));
        tosses.answer = Some(true);
        assert!(Tosses::decode(&tosses.encode()).is_err());
        assert!(Tosses::decode(&[0; 159]).is_err());
        assert!(Tosses::decode(&[0xff; 160]).is_err());
    }

    #[test]
    fn the_total_is_both_stakes() {
        let two = terms(2, 1).expect("fits");
        assert_eq!((two.total, two.da0, two.k_max), (4, 2, 5));
        assert_eq!(terms(0, 1), None);
        assert_eq!(terms(1, 0), None);
        assert_eq!(terms(1, u128::MAX), None);
        assert_eq!(terms(1, 1 << 95), None);
    }

    #[test]
    fn a_tosser_does_not_open_what_it_did_not_commit_to() {
        let tosser = Tosser::new(B256::repeat_byte(1));
        let mut tosses = Tosses::new(1);
        tosses.commitment = Some(Tosser::new(B256::repeat_byte(2)).hidden(0).commitment());
        tosses.answer = Some(false);
        assert!(tosser.input(Side::A, &tosses.encode()).is_err());
        assert_eq!(tosser.input(Side::B, &tosses.encode()), Ok(None));
    }

    #[test]
    fn no_nonce_is_used_twice_and_both_bits_occur() {
        let tosser = Tosser::new(B256::repeat_byte(1));
        let all: Vec<Hidden> = (0..255).map(|number| tosser.hidden(number)).collect();
        let nonces: std::collections::BTreeSet<B256> = all.iter().map(|hidden| hidden.nonce).collect();
        assert_eq!(nonces.len(), 255);
        let ones = all.iter().filter(|hidden| hidden.bit).count();
        assert!((90..165).contains(&ones), "{ones}");
    }
}
