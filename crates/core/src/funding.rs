//! Where deposits come from (protocol 3.4), and what owners sign for tokens (docs/encoding.md, Funding).

use crate::encode::{Domain, Words};
use crate::sig::Signature;
use crate::signed::{Amount, Eip712, OpenAuth};
use alloc::vec::Vec;
use alloy_primitives::{Address, B256, U256, address, keccak256};
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

/// Where this node's own money comes from, and goes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The owner's account: ether sent along, or an allowance of a token to the Adjudicator.
    #[default]
    Wallet,
    /// The owner's vault in the Adjudicator.
    Vault,
}

impl Source {
    /// What the owner writes into a call that it sends itself.
    pub fn funding(self) -> Funding {
        match self {
            Self::Wallet => Funding::Sender { consent: Vec::new() },
            Self::Vault => Funding::Vault { consent: Vec::new() },
        }
    }

    /// Ether that goes along with a deposit of `amount`.
    pub fn value(self, asset: Address, amount: Amount) -> Amount {
        if self == Self::Wallet && asset == Address::ZERO { amount } else { 0 }
    }
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

/// Where Permit2 lies on every chain.
pub const PERMIT2: Address = address!("000000000022D473030F116dDEE9F6B43aC78BA3");

/// The deposit of one side as a token sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenPayment {
    /// Who pays.
    pub owner: Address,
    /// The token.
    pub token: Address,
    /// The deposit, smallest units.
    pub amount: u128,
    /// What both sides agree on; it also says until when.
    pub terms: OpenAuth,
}

impl TokenPayment {
    /// What [`Funding::Permit`] signs: the digest of an ERC-2612 permit, of a token with this domain separator that asks for this
    /// nonce next.
    pub fn permit(&self, separator: B256, domain: &Domain, nonce: U256) -> B256 {
        let of = "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)";
        let words = Words::of_type(of).address(self.owner).address(domain.adjudicator).uint(self.amount);
        digest(separator, words.hash(nonce.into()).uint(self.terms.not_after.into()).keccak())
    }

    /// What [`Funding::Authorisation`] signs: the digest of an EIP-3009 authorisation, of a token with this domain separator.
    pub fn authorisation(&self, separator: B256, domain: &Domain) -> B256 {
        let of = "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)";
        let words = Words::of_type(of).address(self.owner).address(domain.adjudicator).uint(self.amount).uint(0);
        let words = words.uint(u128::from(self.terms.not_after) + 1).hash(domain.digest(self.terms.struct_hash()));
        digest(separator, words.keccak())
    }

    /// What [`Funding::Permit2`] signs.
    pub fn permit2(&self, domain: &Domain, nonce: B256) -> B256 {
        let permitted = Words::of_type("TokenPermissions(address token,uint256 amount)").address(self.token);
        let of = "PermitWitnessTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline,OpenAuth witness)OpenAuth(bytes32 id,uint96 depA,uint96 depB,uint40 notAfter)TokenPermissions(address token,uint256 amount)";
        let words = Words::of_type(of).hash(permitted.uint(self.amount).keccak()).address(domain.adjudicator);
        let words = words.hash(nonce).uint(self.terms.not_after.into()).hash(self.terms.struct_hash());
        let separator = Words::of_type("EIP712Domain(string name,uint256 chainId,address verifyingContract)")
            .hash(keccak256("Permit2"))
            .uint(domain.chain_id.into())
            .address(PERMIT2);
        digest(separator.keccak(), words.keccak())
    }
}

/// EIP-712, of another contract's domain.
fn digest(separator: B256, struct_hash: B256) -> B256 {
    keccak256([&[0x19, 0x01], separator.as_slice(), struct_hash.as_slice()].concat())
}
