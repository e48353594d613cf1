//! Bytecode as compilers write it.

use alloy_primitives::{Bytes, hex};
use serde::Deserialize;
use thiserror::Error;

/// Why there is no code in a file. Whoever wrote the file has to look.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NoCode {
    /// Neither JSON nor hex.
    #[error("this is neither the JSON of a compiler nor hex")]
    Unknown,
    /// JSON of something else.
    #[error("there is no deployedBytecode in this JSON")]
    NoBytecode,
    /// An interface, or an abstract contract.
    #[error("the code is empty: is this an interface?")]
    Empty,
    /// Code with gaps.
    #[error("the code is not complete: it calls a library that has an address of its own; make its functions internal")]
    Unlinked,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Artifact {
    deployed_bytecode: Bytecode,
}

/// Of `scripts/nano.mjs` and Hardhat, and of Foundry.
#[derive(Deserialize)]
#[serde(untagged)]
enum Bytecode {
    Text(String),
    Object { object: String },
}

/// The runtime code in `text`: the JSON that `contracts/scripts/nano.mjs`, Foundry or Hardhat writes, or hex of the runtime code.
///
/// # Errors
/// There is none in it.
pub fn runtime_code(text: &str) -> Result<Bytes, NoCode> {
    let text = text.trim();
    let hex = if text.starts_with('{') {
        let artifact: Artifact = serde_json::from_str(text).map_err(|_| NoCode::NoBytecode)?;
        match artifact.deployed_bytecode {
            Bytecode::Text(hex) | Bytecode::Object { object: hex } => hex,
        }
    } else {
        text.to_owned()
    };
    if hex.contains("__$") {
        return Err(NoCode::Unlinked);
    }
    let code = hex::decode(hex).map_err(|_| NoCode::Unknown)?;
    if code.is_empty() { Err(NoCode::Empty) } else { Ok(code.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_compilers_write() {
        let code = Ok(Bytes::from_static(&[0x60, 0x01]));
        assert_eq!(runtime_code("0x6001\n"), code);
        assert_eq!(runtime_code("6001"), code);
        assert_eq!(runtime_code(r#"{"abi":[],"deployedBytecode":"0x6001"}"#), code);
        assert_eq!(runtime_code(r#"{"deployedBytecode":{"object":"0x6001","linkReferences":{}}}"#), code);
    }

    #[test]
    fn says_why_there_is_no_code() {
        assert_eq!(runtime_code("pragma solidity"), Err(NoCode::Unknown));
        assert_eq!(runtime_code("0x600"), Err(NoCode::Unknown));
        assert_eq!(runtime_code(r#"{"bytecode":"0x6001"}"#), Err(NoCode::NoBytecode));
        assert_eq!(runtime_code(r#"{"deployedBytecode":"0x"}"#), Err(NoCode::Empty));
        assert_eq!(runtime_code(""), Err(NoCode::Empty));
        let gap = r#"{"deployedBytecode":"0x60__$0123456789abcdef0123456789abcdef01$__01"}"#;
        assert_eq!(runtime_code(gap), Err(NoCode::Unlinked));
    }
}
