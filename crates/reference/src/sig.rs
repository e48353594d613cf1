//! Signatures in calls (protocol 3.6): one after the other in one byte string, and nothing behind the last.

use crate::error::require;
use crate::{Error, hash, terms::Key};
use alloy_primitives::{Address, B256, keccak256};
use p256::EncodedPoint;
use p256::ecdsa::VerifyingKey;
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use perunika_core::sig::{SECP256K1, Signature};
use std::cell::RefCell;
use std::collections::HashMap;

/// Scheme byte of P-256.
pub(crate) const P256: u8 = 2;
/// Length of a signature of scheme 1.
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
        let digest = hash::digest(domain, struct_hash);
        let by = match key.scheme {
            SECP256K1 => self.take(BYTES).and_then(|bytes| signer(bytes, digest)).map(|signer| signer.into_word()),
            P256 => self.take(2 * BYTES).and_then(|bytes| p256_signer(bytes, digest)),
            _ => return Err(Error::UnsupportedScheme),
        };
        require(by == Some(key.key), Error::InvalidSignature)
    }

    /// Nothing is left.
    pub(crate) fn end(self) -> Result<(), Error> {
        require(self.0.is_some_and(<[u8]>::is_empty), Error::InvalidSignature)
    }
}

/// Whose key signed, if this is the one encoding of a signature of scheme 1.
pub(crate) fn signer(bytes: &[u8], digest: B256) -> Option<Address> {
    Signature::from_slice(bytes).and_then(|signature| recover(signature, digest))
}

/// The key of scheme 2 that signed: r, s in the lower half, x, y.
fn p256_signer(bytes: &[u8], digest: B256) -> Option<B256> {
    let (signature, point) = bytes.split_at_checked(BYTES)?;
    let key = VerifyingKey::from_encoded_point(&EncodedPoint::from_untagged_bytes(point.into())).ok()?;
    let signature = p256::ecdsa::Signature::from_slice(signature).ok()?;
    let low = signature.normalize_s().is_none();
    (low && key.verify_prehash(digest.as_slice(), &signature).is_ok()).then(|| keccak256(point))
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

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::hex;

    #[test]
    fn the_golden_signature_of_p256() {
        let text = include_str!("../../../contracts/vectors/encoding.json");
        let vectors: serde_json::Value = serde_json::from_str(text).expect("JSON");
        let of = |name: &str| hex::decode(vectors["p256"][name].as_str().expect("a text")).expect("hex");
        let (digest, key) = (B256::from_slice(&of("digest")), B256::from_slice(&of("key")));
        assert_eq!(p256_signer(&of("signature"), digest), Some(key));
        assert_eq!(p256_signer(&of("signature"), key), None);
    }
}
