//! What calls leave in the log.

use crate::terms::{Channel, LedgerState, VirtualChannel, VirtualState};
use crate::{Amount, Error, Position};
use alloy_primitives::{Address, B256};

/// An event of the contract; `id` is that of a life of a ledger channel, `vc` that of a virtual channel.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, clippy::large_enum_variant)]
pub enum Event {
    Opened { id: B256, params: Channel, nonce: u64, deposit_a: Amount, way: u8 },
    Confirmed { id: B256, deposit_b: Amount, way: u8 },
    Refunded { id: B256 },
    Closed { id: B256, pay_a: Amount },
    Registered { id: B256, state: LedgerState, mix: B256, deadline: u64 },
    Refuted { id: B256, state: LedgerState, mix: B256 },
    Concluded { id: B256, pay_a: Amount, pay_b: Amount },
    Escrowed { id: B256, lock_root: B256, locks: u8, amount: Amount },
    Settled { id: B256, vc: B256, index: u8, pay_a: Amount, pay_b: Amount },
    Disclosed { vc: B256, params: VirtualChannel },
    VirtualRegistered { vc: B256, state: VirtualState, mix: B256, deadline: u64 },
    VirtualRefuted { vc: B256, state: VirtualState, mix: B256 },
    VirtualConcluded { vc: B256, out_a: Amount },
    Finalised { vc: B256, out_a: Amount },
    NanoRegistered { ch: B256, entry: B256, position: Position },
    NanoStepped { ch: B256, entry: B256, d_a: Amount, mover: u8, steps_left: u16, input: Vec<u8>, next: Vec<u8> },
    Revealed { hash: B256, secret: B256 },
    Deposited { id: B256, payer: Address, side: u8, amount: Amount, way: u8 },
    Adjusted { id: B256, seq: u16, side: u8, amount: Amount },
    Skipped { index: u64, reason: Error },
    Vaulted { asset: Address, owner: Address, amount: Amount },
    Withdrawn { asset: Address, owner: Address, to: Address, amount: Amount },
}
