//! Which claims share a transaction.

use super::offers::{BYTE_GAS, REGISTER_GAS, STEP_GAS};
use crate::chain::NanoClaim;
use crate::encode::Words;
use crate::nano::STORAGE_MAX;
use crate::signed::Eip712;
use alloc::vec::Vec;
use alloy_primitives::keccak256;

/// Most nanocontracts of one transaction.
const CLAIMS: usize = 16;
/// Most gas of one transaction: well below EIP-7825.
const GAS: u64 = 12_000_000;
/// Most calldata of one transaction: well below the 128 KiB that nodes take.
const BYTES: usize = 90_000;
/// Calldata of a claim without step and proof, at most.
const CLAIM_BYTES: usize = 1_500;
/// Gas of one byte of an event.
const EVENT_GAS: u64 = 8;

/// As many as fit a transaction.
pub(super) fn into_batches(claims: Vec<NanoClaim>) -> Vec<Vec<NanoClaim>> {
    let mut batches: Vec<Vec<NanoClaim>> = Vec::new();
    let (mut gas, mut bytes) = (0, 0);
    for claim in claims {
        let (more_gas, more_bytes) = weight(&claim);
        let fits = gas + more_gas <= GAS && bytes + more_bytes <= BYTES;
        match batches.last_mut() {
            Some(batch) if batch.len() < CLAIMS && fits => {
                (gas, bytes) = (gas + more_gas, bytes + more_bytes);
                batch.push(claim);
            }
            _ => {
                (gas, bytes) = (more_gas, more_bytes);
                batches.push(Vec::from([claim]));
            }
        }
    }
    batches
}

/// Gas and calldata of one claim, at most.
fn weight(claim: &NanoClaim) -> (u64, usize) {
    let said = claim.step.as_ref().map_or(0, |step| step.storage.len() + step.input.len());
    let bytes = CLAIM_BYTES + 32 * claim.proof.len() + said;
    let events = EVENT_GAS * (STORAGE_MAX + said) as u64;
    let step = claim.step.as_ref().map_or(0, |_| STEP_GAS + u64::from(claim.entry.gas) * 64 / 63 + events);
    (REGISTER_GAS + step + BYTE_GAS * bytes as u64, bytes)
}

/// Names a batch: asked for again unchanged it is the same wish.
pub(super) fn fingerprint(claims: &[NanoClaim]) -> u128 {
    let words = claims.iter().fold(Words::new(), |words, claim| {
        let said = claim.step.as_ref().map(|step| keccak256(&step.input)).unwrap_or_default();
        words.hash(claim.version.struct_hash()).uint(claim.step.is_some().into()).hash(said)
    });
    let hash = words.keccak();
    u128::from_be_bytes(core::array::from_fn(|i| hash[i]))
}
