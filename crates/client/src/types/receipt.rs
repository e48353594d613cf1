//! References of payments, and the receipts that the payee signs for them.

use super::schema::{AddressHex, SignatureHex};
use super::{ChannelId, Wei};
use alloy_primitives::B512;
use perunika_core::sig::Signature;
use perunika_core::signed::{Eip712 as _, MAX_REFERENCE, PaymentReceipt};
use perunika_core::{Address, Domain};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;

/// What a payment is for: 1 to 256 bytes. In JSON it is text, or 0x-hexadecimal if it is no plain text (or begins with `0x`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference(Vec<u8>);

impl Reference {
    /// From bytes; none if there are too many, or none at all.
    pub fn new(bytes: Vec<u8>) -> Option<Self> {
        (1..=MAX_REFERENCE).contains(&bytes.len()).then_some(Self(bytes))
    }

    /// As it is in JSON.
    pub fn parse(text: &str) -> Result<Self, String> {
        let bytes = match text.strip_prefix("0x") {
            Some(digits) => {
                hex::decode(digits).map_err(|_| "a reference that begins with 0x is hexadecimal".to_string())?
            }
            None => text.as_bytes().to_vec(),
        };
        Self::new(bytes).ok_or_else(|| format!("a reference has between 1 and {MAX_REFERENCE} bytes"))
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let plain = |text: &&str| !text.starts_with("0x") && !text.contains(char::is_control);
        match std::str::from_utf8(&self.0).ok().filter(plain) {
            Some(text) => f.write_str(text),
            None => write!(f, "0x{}", hex::encode(&self.0)),
        }
    }
}

impl Serialize for Reference {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Reference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Reference {
    fn schema_name() -> Cow<'static, str> {
        "Reference".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "What a payment is for, 1 to 256 bytes: text, or 0x-hexadecimal if it is no plain text.",
            "minLength": 1,
            "maxLength": 514,
        })
    }
}

/// The payee's signed statement that it accepted a payment (`PaymentReceipt` of docs/encoding.md).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Receipt {
    /// The channel, ledger or virtual.
    pub id: ChannelId,
    /// Version that holds the payment.
    pub version: u64,
    /// How much was paid.
    pub amount: Wei,
    /// What it was for.
    pub reference: Reference,
    /// Address of the payee's channel key.
    #[schemars(with = "AddressHex")]
    pub signer: Address,
    /// Its signature, 64 bytes (EIP-2098).
    #[schemars(with = "SignatureHex")]
    pub signature: B512,
}

impl Receipt {
    /// Whether [`Self::signer`] signed it. Needs no node; whether the signer is the right one is for the caller to compare.
    pub fn verify(&self) -> bool {
        let receipt = PaymentReceipt {
            ch: self.id.channel,
            ver: self.version,
            amount: self.amount.0,
            reference: self.reference.0.clone(),
        };
        let domain = Domain { chain_id: self.id.chain, adjudicator: self.id.adjudicator };
        Signature(self.signature.0).verifies(domain.digest(receipt.struct_hash()), self.signer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_comes_back_as_it_was_given() {
        for text in ["order 17", "0x00ff", "Grüße", "0x307831"] {
            assert_eq!(Reference::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Reference::parse("0x616263").unwrap().to_string(), "abc");
        assert_eq!(Reference::parse("a\nb").unwrap().to_string(), "0x610a62");
        assert!(Reference::parse("").is_err() && Reference::parse("0x").is_err() && Reference::parse("0xz").is_err());
        assert!(Reference::parse(&"x".repeat(256)).is_ok() && Reference::parse(&"x".repeat(257)).is_err());
    }
}
