// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ICore} from "./ICore.sol";
import {IExtension} from "./IExtension.sol";

/// @title The Adjudicator: holds all deposits, decides all disputes
/// @notice Ledger channels are named by their parameters (`Channel`); one slot serves one life after another, told apart by a
///         nonce. Virtual channels are named by theirs (`VirtualChannel`) and leave one record each. Whoever acts until a
///         deadline acts at `now <= deadline`; what comes after comes at `now > deadline`.
/// @dev Amounts are in the smallest unit of the asset, times in seconds since the epoch. The types that are signed, and the
///      ids, are those of docs/encoding.md. `signatures` holds 64 bytes of each signer, A first. In a call on a ledger channel,
///      that of the side whose owner is the sender is left out: sending is signing.
///
///      At one address, in two halves: the Adjudicator has the code of `ICore` itself and runs that of `IExtension` where its
///      extension has it.
interface IAdjudicator is ICore, IExtension {}
