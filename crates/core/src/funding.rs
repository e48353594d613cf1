//! Where deposits come from (protocol 3.4).

use crate::sig::Signature;
use alloc::vec::Vec;
use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

/// How the deposit of one side is paid, and how its owner agrees.
///
/// `consent` is the owner's signature of the [`OpenAuth`](crate::signed::OpenAuth): 64 bytes of its key, or what a contract takes
/// (ERC-1271). There is none if the owner itself sends the call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Funding {
    /// By the sender of the call: the ether sent along, or its allowance to the Adjudicator.
    Sender {
        /// Of the owner.
        consent: Vec<u8>,
    },
    /// Out of the owner's vault.
    Vault {
        /// Of the owner.
        consent: Vec<u8>,
    },
    /// Out of the owner's allowance to the Adjudicator.
    Allowance {
        /// Of the owner.
        consent: Vec<u8>,
    },
    /// The same, given by ERC-2612 until the OpenAuth's `not_after`.
    Permit {
        /// The owner's signature of the permit.
        permit: Signature,
        /// Of the owner.
        consent: Vec<u8>,
    },
    /// By EIP-3009 until `not_after`, the nonce being the digest of the OpenAuth.
    Authorisation {
        /// The owner's signature.
        sig: Signature,
    },
    /// By Permit2 until `not_after`, with the OpenAuth as witness.
    Permit2 {
        /// Unused so far in Permit2.
        nonce: B256,
        /// The owner's signature, as Permit2 takes it.
        sig: Vec<u8>,
    },
}

impl Funding {
    /// As the contract takes it: a byte that names the way, and what that way needs.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Sender { consent } => [&[0], &consent[..]].concat(),
            Self::Vault { consent } => [&[1], &consent[..]].concat(),
            Self::Allowance { consent } => [&[2], &consent[..]].concat(),
            Self::Permit { permit, consent } => [&[3], &permit.0[..], &consent[..]].concat(),
            Self::Authorisation { sig } => [&[4], &sig.0[..]].concat(),
            Self::Permit2 { nonce, sig } => [&[5], nonce.as_slice(), &sig[..]].concat(),
        }
    }
}
