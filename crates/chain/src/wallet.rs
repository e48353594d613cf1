//! The account that pays, deposits and receives.

use alloy::consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy::eips::eip2718::Encodable2718;
use alloy::primitives::Bytes;
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use perunika_core::sig::Signature;
use perunika_core::{Address, B256};

/// The key of an owner account.
#[derive(Clone)]
pub struct OwnerKey(PrivateKeySigner);

impl OwnerKey {
    /// From the secret; `None` if it is not a valid secp256k1 scalar.
    pub fn from_bytes(secret: &B256) -> Option<Self> {
        PrivateKeySigner::from_bytes(secret).ok().map(Self)
    }

    /// The account's address.
    pub fn address(&self) -> Address {
        self.0.address()
    }

    /// A compact signature (EIP-2098).
    pub(crate) fn sign_digest(&self, digest: B256) -> Result<Signature, String> {
        let signature = self.0.sign_hash_sync(&digest).map_err(|error| error.to_string())?;
        Ok(Signature(signature.as_erc2098()))
    }

    /// Hash and bytes of the signed transaction.
    pub(crate) fn sign(&self, tx: TxEip1559) -> Result<(B256, Bytes), String> {
        let signature = self.0.sign_hash_sync(&tx.signature_hash()).map_err(|error| error.to_string())?;
        let envelope = TxEnvelope::from(tx.into_signed(signature));
        Ok((*envelope.tx_hash(), envelope.encoded_2718().into()))
    }
}

impl std::fmt::Debug for OwnerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OwnerKey({})", self.address())
    }
}
