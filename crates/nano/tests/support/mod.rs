//! What the tests share.
#![allow(dead_code, clippy::unwrap_used)]

pub(crate) mod chain;
pub(crate) mod echo;
pub(crate) mod ground;
pub(crate) mod program;
pub(crate) mod rng;

use alloy_primitives::{Address, B256, Bytes, U256};
use perunika_core::nano::Context;

pub(crate) const APPS: [&str; 4] = ["CoinToss", "HashChain", "HashLock", "TicTacToe"];

/// Runtime code of an app.
pub(crate) fn app(name: &str) -> Vec<u8> {
    let path = format!("{}/../../contracts/artifacts/nano/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let artifact: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let code: Bytes = serde_json::from_value(artifact["deployedBytecode"].clone()).unwrap();
    code.to_vec()
}

/// A context in which nothing but these numbers is special.
pub(crate) fn context(total: u128, da: u128, steps_left: u16) -> Context {
    Context {
        ch: B256::repeat_byte(1),
        entry: B256::repeat_byte(2),
        total,
        da,
        steps_left,
        time: 500,
        absolute: 500,
        registry: Address::repeat_byte(0xad),
    }
}

/// `abi.encode` of words.
pub(crate) fn words(words: &[U256]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes::<32>()).collect()
}

/// A registry that answers everything from the mapping at `place`.
pub(crate) fn tiny_registry(place: u8) -> Vec<u8> {
    let mut code = hex::decode("6004355f52" /* hash to memory */).unwrap();
    code.extend([0x60, place, 0x60, 0x20, 0x52]);
    code.extend(hex::decode("60405f20545f5260205ff3").unwrap());
    code
}
