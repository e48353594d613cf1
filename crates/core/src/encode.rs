//! Words, EIP-712 struct hashes and the domain (docs/encoding.md).

use alloc::vec::Vec;
use alloy_primitives::{Address, B256, U256, keccak256};
use serde::{Deserialize, Serialize};

/// A growing list of 32-byte words: `abi.encode` of static values.
#[derive(Default)]
pub(crate) struct Words(Vec<u8>);

impl Words {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Starts an EIP-712 struct: its first word is the hash of its type string.
    pub(crate) fn of_type(type_string: &str) -> Self {
        Self::new().hash(keccak256(type_string))
    }

    pub(crate) fn uint(mut self, value: u128) -> Self {
        self.0.extend_from_slice(&U256::from(value).to_be_bytes::<32>());
        self
    }

    pub(crate) fn hash(mut self, value: B256) -> Self {
        self.0.extend_from_slice(value.as_slice());
        self
    }

    pub(crate) fn address(self, value: Address) -> Self {
        self.hash(value.into_word())
    }

    /// A `bytes1`: left-aligned, unlike numbers.
    pub(crate) fn tag(mut self, value: u8) -> Self {
        let mut word = [0u8; 32];
        word[0] = value;
        self.0.extend_from_slice(&word);
        self
    }

    pub(crate) fn keccak(&self) -> B256 {
        keccak256(&self.0)
    }
}

/// The EIP-712 domain: one Adjudicator on one chain. Everything signed or named is bound to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Domain {
    /// The chain's id (EIP-155).
    pub chain_id: u64,
    /// Address of the Adjudicator.
    pub adjudicator: Address,
}

impl Domain {
    /// The domain separator, `D` in docs/encoding.md.
    pub fn separator(&self) -> B256 {
        Words::of_type("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
            .hash(keccak256("Perunika"))
            .hash(keccak256("1"))
            .uint(u128::from(self.chain_id))
            .address(self.adjudicator)
            .keccak()
    }

    /// The digest that is signed for a struct with hash `struct_hash`.
    pub fn digest(&self, struct_hash: B256) -> B256 {
        let mut bytes = [0u8; 66];
        bytes[0] = 0x19;
        bytes[1] = 0x01;
        bytes[2..34].copy_from_slice(self.separator().as_slice());
        bytes[34..].copy_from_slice(struct_hash.as_slice());
        keccak256(bytes)
    }
}
