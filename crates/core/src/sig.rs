//! Compact secp256k1 signatures: exactly one accepted encoding (protocol 3.6, S15).

use alloy_primitives::{Address, B256, keccak256};
use core::fmt;
use k256::ecdsa::{RecoveryId, Signature as Ecdsa, SigningKey, VerifyingKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Scheme byte of secp256k1.
pub const SECP256K1: u8 = 1;

/// EIP-2098: `r ‖ yParity << 255 | s`, low `s`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature(pub [u8; 64]);

impl Signature {
    /// The address whose key signed `digest`, or `None` if this is not a valid encoding.
    pub fn recover(&self, digest: B256) -> Option<Address> {
        let mut bytes = self.0;
        let odd = bytes[32] & 0x80 != 0;
        bytes[32] &= 0x7f;
        let sig = Ecdsa::from_slice(&bytes).ok()?;
        if sig.normalize_s().is_some() {
            return None;
        }
        let id = RecoveryId::new(odd, false);
        let key = VerifyingKey::recover_from_prehash(digest.as_slice(), &sig, id).ok()?;
        Some(address_of(&key))
    }

    /// Whether `key` signed `digest`.
    pub fn verifies(&self, digest: B256, key: Address) -> bool {
        self.recover(digest) == Some(key)
    }

    /// From a slice of exactly 64 bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({:02x}{:02x}..)", self.0[0], self.0[1])
    }
}

impl Serialize for Signature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = <alloy_primitives::Bytes as Deserialize>::deserialize(deserializer)?;
        Self::from_slice(&bytes).ok_or_else(|| serde::de::Error::custom("a signature has 64 bytes"))
    }
}

/// What holds a channel key. It signs whatever it is given: only [`crate::signer::Signer`] may call it.
pub trait RawKey {
    /// Address of the key.
    fn address(&self) -> Address;
    /// Signs a digest (RFC 6979, low s).
    fn sign(&self, digest: B256) -> Signature;
    /// Activation secret of a draft: a PRF under a key of its own (protocol 2.3 activation).
    fn activation_secret(&self, draft: B256) -> B256;
}

/// A channel key and an activation key in memory.
pub struct MemoryKey {
    key: SigningKey,
    activation: B256,
}

impl MemoryKey {
    /// From the two secrets; `None` if `secret` is not a valid secp256k1 scalar.
    pub fn new(secret: B256, activation: B256) -> Option<Self> {
        Some(Self { key: SigningKey::from_slice(secret.as_slice()).ok()?, activation })
    }
}

impl fmt::Debug for MemoryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemoryKey({})", self.address())
    }
}

impl RawKey for MemoryKey {
    fn address(&self) -> Address {
        address_of(self.key.verifying_key())
    }

    fn sign(&self, digest: B256) -> Signature {
        // INVARIANT: a valid key signs any 32-byte digest.
        #[allow(clippy::expect_used)]
        let (sig, id) = self.key.sign_prehash_recoverable(digest.as_slice()).expect("32-byte digest");
        let mut bytes: [u8; 64] = sig.to_bytes().into();
        bytes[32] |= u8::from(id.is_y_odd()) << 7;
        Signature(bytes)
    }

    fn activation_secret(&self, draft: B256) -> B256 {
        let mut bytes = [0u8; 64];
        bytes[..32].copy_from_slice(self.activation.as_slice());
        bytes[32..].copy_from_slice(draft.as_slice());
        keccak256(bytes)
    }
}

fn address_of(key: &VerifyingKey) -> Address {
    let point = key.to_encoded_point(false);
    Address::from_slice(&keccak256(&point.as_bytes()[1..])[12..])
}
