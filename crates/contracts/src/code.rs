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
    immutables: Immutables,
}

/// Where the words stand that the constructor writes into the code.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Immutables {
    separator: Vec<usize>,
    chain_id: Vec<usize>,
    extension: Vec<usize>,
}

// INVARIANT: the artifact is part of the build, and the tests below read it.
#[allow(clippy::expect_used)]
static CODE: LazyLock<Code> =
    LazyLock::new(|| serde_json::from_str(ARTIFACT).expect("the committed artifact has bytecode"));

/// What the deploying transaction carries; the constructor takes no arguments and creates the second half.
pub fn creation_code() -> Bytes {
    CODE.bytecode.clone()
}

/// The runtime code that a deployment leaves at `domain.adjudicator` on `domain.chain_id`.
///
/// The compiled code has zeros in place of its immutables: the domain separator, the chain's id and the address of the second half.
pub fn runtime_code(domain: &Domain) -> Vec<u8> {
    let mut code = CODE.deployed_bytecode.to_vec();
    for (offsets, word) in immutables(domain) {
        for at in offsets {
            code[*at..*at + 32].copy_from_slice(word.as_slice());
        }
    }
    code
}

fn immutables(domain: &Domain) -> [(&'static [usize], B256); 3] {
    let Immutables { separator, chain_id, extension } = &CODE.immutables;
    [
        (separator, domain.separator()),
        (chain_id, U256::from(domain.chain_id).into()),
        (extension, extension_address(domain.adjudicator).into_word()),
    ]
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

#[cfg(test)]
mod tests {
    use super::*;

    fn domain() -> Domain {
        Domain { chain_id: 31337, adjudicator: Address::repeat_byte(7) }
    }

    const PUSH1: u8 = 0x60;
    const PUSH32: u8 = 0x7f;

    /// Offsets of the words of zeros that code pushes.
    fn pushed_zeros(code: &[u8]) -> Vec<usize> {
        let (mut found, mut at) = (Vec::new(), 0);
        while let Some(&op) = code.get(at) {
            if op == PUSH32 && code.get(at + 1..at + 33) == Some(&[0; 32]) {
                found.push(at + 1);
            }
            at += 1 + if (PUSH1..=PUSH32).contains(&op) { usize::from(op - PUSH1) + 1 } else { 0 };
        }
        found
    }

    #[test]
    fn immutables_are_all_the_words_that_are_open() {
        let mut offsets: Vec<usize> = immutables(&domain()).iter().flat_map(|(offsets, _)| *offsets).copied().collect();
        offsets.sort_unstable();
        assert_eq!(offsets, pushed_zeros(&CODE.deployed_bytecode));
        assert!(immutables(&domain()).iter().all(|(offsets, word)| !offsets.is_empty() && !word.is_zero()));
        assert!(pushed_zeros(&CODE.extension_deployed_bytecode).is_empty());
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
