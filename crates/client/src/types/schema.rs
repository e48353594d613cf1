//! Schemas of what other crates define: the document of the API says how they look in JSON.

use super::Wei;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;

/// A string of one shape.
macro_rules! text {
    ($(#[doc = $doc:literal] $name:ident as $shown:literal = $pattern:literal;)*) => {$(
        #[doc = $doc]
        pub(crate) struct $name;

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                $shown.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "description": $doc.trim(), "pattern": $pattern })
            }
        }
    )*};
}

text! {
    /// Address of 20 bytes: of an account, a contract, or a channel key.
    AddressHex as "Address" = "^0x[0-9a-fA-F]{40}$";
    /// 32 bytes: an id or a hash.
    HashHex as "Hash" = "^0x[0-9a-fA-F]{64}$";
    /// 64 bytes: a compact secp256k1 signature (EIP-2098).
    SignatureHex as "Signature" = "^0x[0-9a-fA-F]{128}$";
    /// Any number of bytes.
    BytesHex as "Bytes" = "^0x([0-9a-fA-F]{2})*$";
    /// 16 bytes.
    NonceHex as "Nonce" = "^0x[0-9a-fA-F]{32}$";
}

impl JsonSchema for Wei {
    fn schema_name() -> Cow<'static, str> {
        "Wei".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "An amount in the asset's smallest unit (wei for ETH): a decimal number of at most 2^96 - 1.",
            "pattern": "^[0-9]{1,29}$",
        })
    }
}

/// The core's enum of the same name, which knows nothing of JSON schemas.
macro_rules! stages {
    ($name:ident, $core:ty, $shown:literal, $doc:literal, [$($variant:ident),*]) => {
        pub(crate) struct $name;

        impl $name {
            /// All of them: a new stage does not compile until it is listed here.
            fn all() -> Vec<$core> {
                let listed = |stage: $core| match stage { $(<$core>::$variant => stage),* };
                vec![$(listed(<$core>::$variant)),*]
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                $shown.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "description": $doc, "enum": Self::all() })
            }
        }
    };
}

stages!(
    LedgerStageName,
    perunika_core::info::LedgerStage,
    "LedgerStage",
    "Where a ledger channel stands.",
    [Agreed, Funding, Open, Closing, Disputed, Closed]
);
stages!(
    SourceName,
    perunika_core::funding::Source,
    "Source",
    "The owner's account, or the owner's vault in the Adjudicator.",
    [Wallet, Vault]
);
stages!(
    VirtualStageName,
    perunika_core::info::VirtualStage,
    "VirtualStage",
    "Where a virtual channel stands for this node.",
    [Locking, Revealed, Active, Closing, Certified, Aborted, Done]
);
stages!(
    NanoStageName,
    perunika_core::info::NanoStage,
    "NanoStage",
    "Where a nanocontract stands.",
    [Proposed, Offered, Agreed, Open, Closing, Disputed]
);
