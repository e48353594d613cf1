//! An offer: everything that a buyer needs, in one line of text.

use super::CHUNK_MAX;
use alloy_primitives::keccak256;
use perunika_core::signed::{Amount, MAX_AMOUNT};
use perunika_core::{Address, B256};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

const PREFIX: &str = "perunika2";
/// Most chunks of a file.
pub(crate) const CHUNKS_MAX: u64 = 1 << 20;
const TEXT_MAX: usize = 1_024;

/// A file for sale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Key of the seller.
    pub seller: Address,
    /// Where the seller is, `host:port`.
    pub place: String,
    /// Name of the file, without folders.
    pub name: String,
    /// Its size, bytes.
    pub size: u64,
    /// Size of a chunk, bytes; the last one may be shorter.
    pub chunk_bytes: u32,
    /// Price of one chunk, in the smallest unit of `asset`.
    pub price: Amount,
    /// What is paid with, and nothing else counts; zero address for ETH.
    pub asset: Address,
    /// Merkle root over the chunks.
    pub root: B256,
}

/// A text that is no offer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not an offer: {0}")]
pub struct BadOffer(String);

impl Offer {
    /// Number of chunks.
    pub fn chunks(&self) -> u32 {
        let chunks = self.size.div_ceil(u64::from(self.chunk_bytes.max(1)));
        u32::try_from(chunks).unwrap_or(u32::MAX)
    }

    /// Size of a chunk in bytes.
    pub(crate) fn chunk_len(&self, index: u32) -> usize {
        let start = u64::from(index) * u64::from(self.chunk_bytes);
        self.size.saturating_sub(start).min(u64::from(self.chunk_bytes)) as usize
    }

    /// What is wrong with it, if anything.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.size == 0 {
            return Err("the file is empty".into());
        }
        if self.chunk_bytes == 0 || self.chunk_bytes > CHUNK_MAX {
            return Err(format!("a chunk has between 1 and {CHUNK_MAX} bytes"));
        }
        if self.size.div_ceil(u64::from(self.chunk_bytes)) > CHUNKS_MAX {
            return Err(format!("the file has more than {CHUNKS_MAX} chunks; choose larger ones"));
        }
        if self.price.checked_mul(u128::from(self.chunks())).is_none_or(|all| all > MAX_AMOUNT) {
            return Err("the price of the whole file is above 2^96 - 1".into());
        }
        if self.name.len() > 255 || self.place.len() > 300 || self.name.chars().any(char::is_control) {
            return Err("the name is too long or not printable".into());
        }
        Ok(())
    }
}

impl fmt::Display for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = postcard::to_stdvec(self).map_err(|_| fmt::Error)?;
        let check = keccak256(&bytes);
        bytes.extend_from_slice(&check[..4]);
        write!(f, "{PREFIX}{}", bs58::encode(bytes).into_string())
    }
}

impl FromStr for Offer {
    type Err = BadOffer;

    fn from_str(text: &str) -> Result<Self, BadOffer> {
        let bad = |reason: &str| BadOffer(reason.to_string());
        let digits = text.trim().strip_prefix(PREFIX).ok_or_else(|| bad("it does not begin with perunika2"))?;
        if digits.len() > TEXT_MAX {
            return Err(bad("it is too long"));
        }
        let bytes =
            bs58::decode(digits).into_vec().map_err(|_| bad("it has a character that does not belong there"))?;
        let (body, check) = bytes.split_last_chunk::<4>().ok_or_else(|| bad("it is too short"))?;
        if keccak256(body)[..4] != check[..] {
            return Err(bad("a character is missing or wrong"));
        }
        let offer: Self = postcard::from_bytes(body).map_err(|_| bad("it is of another version"))?;
        offer.check().map_err(BadOffer)?;
        Ok(offer)
    }
}

#[cfg(test)]
pub(crate) fn example() -> Offer {
    Offer {
        seller: Address::repeat_byte(7),
        place: "127.0.0.1:9735".into(),
        name: "film.mkv".into(),
        size: 250_001,
        chunk_bytes: 100_000,
        price: 1_000_000_000,
        asset: Address::ZERO,
        root: B256::repeat_byte(9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_survives_as_text() {
        let text = example().to_string();
        assert!(text.len() < 230, "{text}");
        let other = Offer { asset: Address::repeat_byte(3), ..example() };
        assert_eq!(other.to_string().parse(), Ok(other));
        assert_eq!(text.parse(), Ok(example()));
        assert_eq!(format!(" {text}\n").parse(), Ok(example()));
        assert_eq!((example().chunks(), example().chunk_len(2)), (3, 50_001));
    }

    #[test]
    fn a_mistyped_offer_is_refused() {
        let text = example().to_string();
        for at in PREFIX.len()..text.len() {
            let other = if text.as_bytes()[at] == b'z' { "y" } else { "z" };
            let mut wrong = text.clone();
            wrong.replace_range(at..=at, other);
            assert!(wrong.parse::<Offer>().is_err());
            assert!(text[..at].parse::<Offer>().is_err());
        }
    }

    #[test]
    fn impossible_offers_are_refused() {
        let wrong = [
            Offer { size: 0, ..example() },
            Offer { chunk_bytes: 0, ..example() },
            Offer { chunk_bytes: CHUNK_MAX + 1, ..example() },
            Offer { size: u64::MAX, ..example() },
            Offer { price: MAX_AMOUNT, ..example() },
            Offer { name: "a\nb".into(), ..example() },
        ];
        for offer in wrong {
            assert!(offer.to_string().parse::<Offer>().is_err(), "{offer:?}");
        }
    }
}
