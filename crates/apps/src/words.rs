//! ABI encoding of static values: 32 bytes each.

use crate::{App, Malformed};
use alloy_primitives::{B256, U256};
use perunika_core::params::Side;

/// Words as bytes.
pub(crate) fn encode(words: &[B256]) -> Vec<u8> {
    words.concat()
}

/// A number as a word.
pub(crate) fn word(value: impl Into<u128>) -> B256 {
    U256::from(value.into()).into()
}

/// A storage of exactly `N` words, read one by one.
pub(crate) struct Words<'a> {
    app: App,
    words: std::slice::ChunksExact<'a, u8>,
}

impl<'a> Words<'a> {
    pub(crate) fn new(app: App, count: usize, storage: &'a [u8]) -> Result<Self, Malformed> {
        if storage.len() != count * 32 {
            return Err(Malformed { app, why: "it has another length" });
        }
        Ok(Self { app, words: storage.chunks_exact(32) })
    }

    /// The next word.
    pub(crate) fn hash(&mut self) -> Result<B256, Malformed> {
        self.words.next().map(B256::from_slice).ok_or(Malformed { app: self.app, why: "it is too short" })
    }

    /// The next word as a number that fits `T`.
    pub(crate) fn number<T: TryFrom<u128>>(&mut self) -> Result<T, Malformed> {
        let value = U256::from_be_bytes(self.hash()?.0);
        let fits = u128::try_from(value).ok().and_then(|value| T::try_from(value).ok());
        fits.ok_or(Malformed { app: self.app, why: "a number is out of its type" })
    }
}

/// A party as the code counts them.
pub(crate) fn side(app: App, index: u8) -> Result<Side, Malformed> {
    match index {
        0 => Ok(Side::A),
        1 => Ok(Side::B),
        _ => Err(Malformed { app, why: "the payer is neither A nor B" }),
    }
}
