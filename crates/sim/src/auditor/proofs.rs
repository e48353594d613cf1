//! Who signed what: from the record of the keys, and by arithmetic where a key is in the adversary's hands.

use crate::notebook::{Line, Notebook};
use alloy_primitives::{Address, B256, keccak256};
use perunika_core::Domain;
use perunika_core::sig::Signature;
use std::collections::BTreeSet;

/// Answers whether a signature is what it says.
#[derive(Debug)]
pub(super) struct Proofs {
    separator: B256,
    notebook: Notebook,
    /// Keys that sign in their record or not at all.
    honest: BTreeSet<Address>,
}

impl Proofs {
    pub(super) fn new(domain: &Domain, notebook: Notebook) -> Self {
        Self { separator: domain.separator(), notebook, honest: BTreeSet::new() }
    }

    /// From now on (not) in honest hands.
    pub(super) fn set_honest(&mut self, key: Address, honest: bool) {
        if honest {
            self.honest.insert(key);
        } else {
            self.honest.remove(&key);
        }
    }

    pub(super) fn is_honest(&self, key: Address) -> bool {
        self.honest.contains(&key)
    }

    fn digest(&self, struct_hash: B256) -> B256 {
        let mut bytes = [0u8; 66];
        (bytes[0], bytes[1]) = (0x19, 0x01);
        bytes[2..34].copy_from_slice(self.separator.as_slice());
        bytes[34..].copy_from_slice(struct_hash.as_slice());
        keccak256(bytes)
    }

    /// Whether `key` signed the struct with this hash, and the signature is this one.
    pub(super) fn verifies(&self, struct_hash: B256, key: Address, sig: &Signature) -> bool {
        let digest = self.digest(struct_hash);
        if self.notebook.line(key, digest).is_some_and(|line| line.sig == *sig) {
            return true;
        }
        // Whatever an honest key signed is in the record: there is nothing else to find.
        if self.honest.contains(&key) {
            return false;
        }
        crate::signing::verifies(sig, digest, key)
    }

    /// When `key` signed the struct with this hash, sent or not.
    pub(super) fn line(&self, struct_hash: B256, key: Address) -> Option<Line> {
        self.notebook.line(key, self.digest(struct_hash))
    }
}
