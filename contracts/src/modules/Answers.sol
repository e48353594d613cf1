// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ICore} from "../interfaces/ICore.sol";
import {Store} from "./Store.sol";

/// @dev The one question that nanocontracts may ask. It is answered by the Adjudicator's own code: what an answer costs is part of
///      what a step does, and off chain that code is run alone.
abstract contract Answers is ICore, Store {
    /// @dev More than an answer costs; more than a read of a warm slot costs, and less than one of a cold slot.
    uint256 private constant ANSWER_RESERVE = 3_000;
    uint256 private constant WARM_MAX = 1_000;
    /// @dev What makes a warm read as dear as a cold one, to the unit.
    uint256 private constant BURN = 1_869;

    function revealedAt(bytes32 hash) external view returns (uint256 time) {
        // The sender of a transaction can make a slot warm, and must not decide by that how much gas a step of a nanocontract
        // has left: a warm slot costs here what a cold one costs, and whoever has too little for a cold one has none.
        assembly ("memory-safe") {
            if lt(gas(), ANSWER_RESERVE) { invalid() }
            mstore(0, hash)
            mstore(32, _firstSeen.slot)
            let slot := keccak256(0, 64)
            let before := gas()
            time := sload(slot)
            // A precompile keeps all the gas of a wrong call.
            if lt(sub(before, gas()), WARM_MAX) { pop(staticcall(BURN, 9, 0, 0, 0, 0)) }
        }
    }
}
