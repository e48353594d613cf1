//! Why a call reverted, in words.

use crate::abi::Adjudicator::AdjudicatorErrors as Raw;
use crate::token::TokenErrors;
use alloy_sol_types::{Revert, SolError, SolInterface};

/// Most characters of a reason that a contract gives in words.
const REASON_MAX: usize = 200;

/// One sentence without a full stop for the return data of a reverted call.
pub fn revert_reason(data: &[u8]) -> String {
    if let Ok(error) = Raw::abi_decode(data) {
        return sentence(&error).to_owned();
    }
    if let Ok(error) = TokenErrors::abi_decode(data) {
        return match error {
            TokenErrors::ERC20InsufficientBalance(_) => "the account holds less of the token".to_owned(),
            TokenErrors::ERC20InsufficientAllowance(_) => "the token allows the Adjudicator to take less".to_owned(),
        };
    }
    if let Ok(revert) = Revert::abi_decode(data) {
        return format!("the call reverted: {}", printable(&revert.reason));
    }
    if data.is_empty() {
        return "the call reverted without a reason".to_owned();
    }
    format!("the call reverted with unknown data 0x{}", alloy_primitives::hex::encode(&data[..data.len().min(36)]))
}

/// A token says what it likes, and it may end on a terminal.
fn printable(reason: &str) -> String {
    reason.chars().take(REASON_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn sentence(error: &Raw) -> &'static str {
    match error {
        Raw::Reentered(_) => "the Adjudicator was called from within its own call",
        Raw::WrongDomain(_) => "this chain's clock does not count seconds",
        Raw::NotOwner(_) => "the sender is not the owner who may do this",
        Raw::WrongPhase(_) => "the channel is not in the phase that this call needs",
        Raw::WrongNonce(_) => "the channel is in another of its lives, or it is another Adjust's turn",
        Raw::SlotExhausted(_) => "the channel's slot has had all its lives, or the life all its Adjusts",
        Raw::WrongDeposit(_) => "the deposits are not the agreed ones",
        Raw::UnsupportedAsset(_) => "the asset is not supported",
        Raw::UnsupportedScheme(_) => "the signature scheme is not supported",
        Raw::InvalidOwners(_) => "the owners of the channel are not valid",
        Raw::InvalidKey(_) => "a key of the channel is not valid",
        Raw::InvalidPeriods(_) => "the periods of the channel are out of bounds",
        Raw::InvalidSide(_) => "there is no such side",
        Raw::InvalidFunding(_) => "the deposit cannot be paid in this way",
        Raw::InvalidReceiver(_) => "the Adjudicator itself cannot receive it",
        Raw::InDispute(_) => "a dispute runs",
        Raw::InvalidState(_) => "the State breaks the rules of the contract",
        Raw::InvalidSignature(_) => "a signature is not valid",
        Raw::InvalidAuthorisation(_) => "the authorisation is not valid",
        Raw::InvalidActivation(_) => "the activation secrets are not complete",
        Raw::InvalidProof(_) => "the entry is not in the list at this index",
        Raw::Expired(_) => "it is too late for this call",
        Raw::NotExpired(_) => "it is too early for this call",
        Raw::NoDispute(_) => "no dispute runs",
        Raw::NotNewer(_) => "what is registered is as new or newer",
        Raw::RefutationOver(_) => "the time to refute is over",
        Raw::RefutationRunning(_) => "the time to refute is not over",
        Raw::InvalidNano(_) => "the nanocontract cannot have this version",
        Raw::NoSuchNano(_) => "the nanocontract is not registered, or not in the State",
        Raw::NotMover(_) => "it is not the sender's move",
        Raw::WrongCode(_) => "the account does not hold the nanocontract's code",
        Raw::WrongStorage(_) => "the nanocontract's storage is another one",
        Raw::TooLong(_) => "the nanocontract's storage or input is too long",
        Raw::StepFailed(_) => "the nanocontract does not allow this step",
        Raw::InvalidStep(_) => "the step's result is out of bounds",
        Raw::DeploymentFailed(_) => "the code cannot be deployed",
        Raw::NotFinal(_) => "the dispute is not over",
        Raw::WrongPreimage(_) => "the State is not the registered one",
        Raw::NoBlockhash(_) => "the chain gives no hash of the previous block",
        Raw::AlreadyConcluded(_) => "the outcome is fixed already",
        Raw::AlreadySettled(_) => "the lock is settled already",
        Raw::NoSuchLock(_) => "the escrow has no such lock",
        Raw::InsufficientGas(_) => "the gas limit is too low for what the call has to pass on",
        Raw::InsufficientVault(_) => "the vault holds less",
        Raw::NothingToWithdraw(_) => "an amount of 0 cannot be withdrawn",
        Raw::TransferFailed(_) => "the token, or the receiver, did not let the money move",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::Adjudicator;

    #[test]
    fn says_what_went_wrong() {
        let data = Adjudicator::NotNewer {}.abi_encode();
        assert_eq!(revert_reason(&data), "what is registered is as new or newer");
        let data = Revert { reason: "why".into() }.abi_encode();
        assert_eq!(revert_reason(&data), "the call reverted: why");
        assert_eq!(revert_reason(&[]), "the call reverted without a reason");
        assert_eq!(revert_reason(&[1, 2]), "the call reverted with unknown data 0x0102");
    }
}
