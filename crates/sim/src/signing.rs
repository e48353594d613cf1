//! Who signed what: recovering a signer is the dearest thing that a simulation does, and most signatures are looked at many times.
//!
//! What is remembered is a pure function of its arguments, so that remembering changes no story, only its time. The participants
//! under test verify by themselves, as they do everywhere.

use alloy_primitives::{Address, B256};
use perunika_core::sig::{MemoryKey, RawKey, Signature};
use revm::precompile::{Crypto, PrecompileHalt, install_crypto};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Once;

/// What `ecrecover` is asked: digest, signature, recovery id.
type Asked = (B256, [u8; 64], u8);

thread_local! {
    /// Digest and signature, and whose it is.
    static KNOWN: RefCell<HashMap<(B256, [u8; 64]), Address>> = RefCell::default();
    /// What the EVM asked for besides; the answer as a word.
    static RECOVERED: RefCell<HashMap<Asked, Option<[u8; 32]>>> = RefCell::default();
}

/// Forgets what earlier stories on this thread signed, and lets the EVM remember too.
pub(crate) fn begin() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        install_crypto(Recall);
    });
    KNOWN.with_borrow_mut(HashMap::clear);
    RECOVERED.with_borrow_mut(HashMap::clear);
}

/// Whether `key` signed `digest`, as [`Signature::verifies`] says.
pub(crate) fn verifies(sig: &Signature, digest: B256, key: Address) -> bool {
    let known = KNOWN.with_borrow(|known| known.get(&(digest, sig.0)).copied());
    known.map_or_else(|| sig.recover(digest).inspect(|signer| remember(digest, sig.0, *signer)), Some) == Some(key)
}

fn remember(digest: B256, sig: [u8; 64], signer: Address) {
    KNOWN.with_borrow_mut(|known| known.insert((digest, sig), signer));
}

/// The key of a node; what it signs need not be recovered.
pub(crate) struct Remembering(pub(crate) MemoryKey);

impl RawKey for Remembering {
    fn address(&self) -> Address {
        self.0.address()
    }

    fn sign(&self, digest: B256) -> Signature {
        let sig = self.0.sign(digest);
        remember(digest, sig.0, self.0.address());
        sig
    }

    fn activation_secret(&self, draft: B256) -> B256 {
        self.0.activation_secret(draft)
    }
}

/// The EVM's cryptography, with a memory for `ecrecover`.
#[derive(Debug)]
struct Recall;

impl Crypto for Recall {
    fn secp256k1_ecrecover(&self, sig: &[u8; 64], recid: u8, msg: &[u8; 32]) -> Result<[u8; 32], PrecompileHalt> {
        let asked = (B256::from(*msg), *sig, recid);
        // What was signed here has a low s, and so fits the compact form; what has a high one is never found.
        let mut compact = *sig;
        compact[32] |= recid << 7;
        let signed = KNOWN.with_borrow(|known| known.get(&(asked.0, compact)).copied()).filter(|_| sig[32] & 0x80 == 0);
        if let Some(signer) = signed {
            return Ok(signer.into_word().0);
        }
        if let Some(word) = RECOVERED.with_borrow(|known| known.get(&asked).copied()) {
            return word.ok_or(PrecompileHalt::Secp256k1RecoverFailed);
        }
        let word = revm::precompile::secp256k1::ecrecover(sig.into(), recid, msg.into()).ok().map(|word| word.0);
        RECOVERED.with_borrow_mut(|known| known.insert(asked, word));
        word.ok_or(PrecompileHalt::Secp256k1RecoverFailed)
    }
}
