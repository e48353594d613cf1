//! Signatures in calls (protocol 3.6): one after the other in one byte string, and nothing behind the last.

use crate::error::require;
use crate::{Error, hash, terms::Key};
use alloy_primitives::{Address, B256};
use perunika_core::sig::{SECP256K1, Signature};
use std::cell::RefCell;
use std::collections::HashMap;

/// Length of a signature.
const BYTES: usize = 64;
/// Recovered signers that are remembered.
const REMEMBERED: usize = 1 << 16;

/// Evidence that a call carries, read from the front; nothing once more was asked for than there is.
pub(crate) struct Evidence<'a>(Option<&'a [u8]>);

impl<'a> Evidence<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(Some(bytes))
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.and_then(|bytes| bytes.split_at_checked(count)).unzip();
        self.0 = rest;
        head
    }

    /// The next `count` words; none if there are not that many.
    pub(crate) fn words(&mut self, count: usize) -> Option<Vec<B256>> {
        self.take(32 * count).map(|bytes| bytes.chunks_exact(32).map(B256::from_slice).collect())
    }

    /// The next signature is that of `key` on the struct.
    pub(crate) fn signature(&mut self, domain: B256, key: &Key, struct_hash: B256) -> Result<(), Error> {
        require(key.scheme == SECP256K1, Error::UnsupportedScheme)?;
        let signature = self.take(BYTES).and_then(Signature::from_slice).ok_or(Error::InvalidSignature)?;
        let signer = recover(signature, hash::digest(domain, struct_hash));
        require(signer.is_some_and(|signer| signer.into_word() == key.key), Error::InvalidSignature)
    }

    /// Nothing is left.
    pub(crate) fn end(self) -> Result<(), Error> {
        require(self.0.is_some_and(<[u8]>::is_empty), Error::InvalidSignature)
    }
}

/// A pure function, remembered because a search asks the same again and again.
fn recover(signature: Signature, digest: B256) -> Option<Address> {
    type Known = HashMap<([u8; BYTES], B256), Option<Address>>;
    thread_local!(static KNOWN: RefCell<Known> = RefCell::default());
    KNOWN.with_borrow_mut(|known| {
        if known.len() >= REMEMBERED {
            known.clear();
        }
        *known.entry((signature.0, digest)).or_insert_with(|| signature.recover(digest))
    })
}
