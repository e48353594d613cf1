//! The bytecode of both halves, and the check that an address holds exactly them.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use perunika_core::Domain;
use serde::Deserialize;
use std::sync::LazyLock;

pub(crate) const ARTIFACT: &str = include_str!("../../../contracts/artifacts/Adjudicator.json");

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Code {
    bytecode: Bytes,
    deployed_bytecode: Bytes,
    extension_deployed_bytecode: Bytes,
}

// INVARIANT: the artifact is part of the build, and the tests below read it.
#[allow(clippy::expect_used)]
static CODE: LazyLock<Code> =
    LazyLock::new(|| serde_json::from_str(ARTIFACT).expect("the committed artifact has bytecode"));

const CHAINID: u8 = 0x46;
const PUSH1: u8 = 0x60;
const PUSH32: u8 = 0x7f;

/// What the deploying transaction carries; the constructor takes no arguments and creates the second half.
pub fn creation_code() -> Bytes {
    CODE.bytecode.clone()
}

/// The runtime code that a deployment leaves at `domain.adjudicator` on `domain.chain_id`.
///
/// The compiled code has a `PUSH32 0` in place of each immutable, which are the chain's id and the domain separator. The code
/// compares the former with `CHAINID`, so the placeholder behind that opcode is the chain's id and the other the separator.
pub fn runtime_code(domain: &Domain) -> Vec<u8> {
    let mut code = CODE.deployed_bytecode.to_vec();
    let chain_id = U256::from(domain.chain_id).to_be_bytes::<32>();
    let separator = domain.separator().0;
    for (at, behind_chain_id) in placeholders(&code) {
        code[at..at + 32].copy_from_slice(if behind_chain_id { &chain_id } else { &separator });
    }
    code
}

/// EXTCODEHASH of the Adjudicator of `domain`.
pub fn runtime_code_hash(domain: &Domain) -> B256 {
    keccak256(runtime_code(domain))
}

/// Whether `code`, read at `domain.adjudicator` on the chain `domain.chain_id`, is the Adjudicator's. It is worth nothing without
/// its second half: see [`is_extension`].
pub fn is_adjudicator(code: &[u8], domain: &Domain) -> bool {
    code == runtime_code(domain)
}

/// Where the second half of the Adjudicator at `adjudicator` lies: the first account that it created.
pub fn extension_address(adjudicator: Address) -> Address {
    // H(RLP(adjudicator, 1))
    Address::from_word(keccak256([&[0xd6, 0x94], adjudicator.as_slice(), &[0x01]].concat()))
}

/// The code that a deployment leaves at [`extension_address`]. It has no immutables: it is the same everywhere.
pub fn extension_code() -> Bytes {
    CODE.extension_deployed_bytecode.clone()
}

/// Whether `code`, read at [`extension_address`], is that of the second half. The first one runs what lies there on its own
/// storage and money, so that whoever checks only the first has checked nothing.
pub fn is_extension(code: &[u8]) -> bool {
    code == CODE.extension_deployed_bytecode.as_ref()
}

/// Where the immutables stand: offset of the 32 bytes, and whether the opcode before the push is `CHAINID`.
fn placeholders(code: &[u8]) -> Vec<(usize, bool)> {
    let mut found = Vec::new();
    let (mut at, mut previous) = (0, 0);
    while let Some(&op) = code.get(at) {
        let pushed = if (PUSH1..=PUSH32).contains(&op) { usize::from(op - PUSH1) + 1 } else { 0 };
        if op == PUSH32 && code.get(at + 1..at + 33) == Some(&[0; 32]) {
            found.push((at + 1, previous == CHAINID));
        }
        previous = op;
        at += 1 + pushed;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain() -> Domain {
        Domain { chain_id: 31337, adjudicator: Address::repeat_byte(7) }
    }

    #[test]
    fn immutables_are_one_chain_id_and_the_separator() {
        let kinds: Vec<bool> = placeholders(&CODE.deployed_bytecode).iter().map(|p| p.1).collect();
        assert_eq!(kinds.iter().filter(|chain_id| **chain_id).count(), 1, "{kinds:?}");
        assert!(kinds.len() >= 2, "no separator: {kinds:?}");
    }

    #[test]
    fn the_extension_has_no_immutables() {
        assert!(placeholders(&CODE.extension_deployed_bytecode).is_empty());
    }

    #[test]
    fn code_of_another_domain_is_foreign() {
        let code = runtime_code(&domain());
        assert!(is_adjudicator(&code, &domain()));
        assert!(!is_adjudicator(&code, &Domain { chain_id: 1, ..domain() }));
        assert!(!is_adjudicator(&code, &Domain { adjudicator: Address::repeat_byte(8), ..domain() }));
        assert!(!is_adjudicator(&CODE.deployed_bytecode, &domain()));
        assert!(!is_adjudicator(&extension_code(), &domain()));
        assert!(!is_adjudicator(&[], &domain()));
        assert!(!is_extension(&code));
        assert!(!is_extension(&[]));
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let (code, extension) = (runtime_code(&domain()), extension_code());
        for at in (0..code.len()).step_by(997) {
            let mut changed = code.clone();
            changed[at] ^= 1;
            assert!(!is_adjudicator(&changed, &domain()), "byte {at}");
        }
        for at in (0..extension.len()).step_by(997) {
            let mut changed = extension.to_vec();
            changed[at] ^= 1;
            assert!(!is_extension(&changed), "byte {at} of the second half");
        }
    }

    #[test]
    fn fits_the_code_size_limit() {
        assert!(runtime_code(&domain()).len() <= 24_576);
        assert!(extension_code().len() <= 24_576);
        assert!(creation_code().len() > runtime_code(&domain()).len() + extension_code().len());
        assert!(creation_code().len() <= 49_152, "EIP-3860");
    }
}
