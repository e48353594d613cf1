// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Entry, NanoStep} from "../types/Structs.sol";
import {IAdjudicator} from "../interfaces/IAdjudicator.sol";
import {Context, INanocontract} from "../interfaces/INanocontract.sol";

/// @dev One step of foreign code: read-only, with exactly the gas that was agreed, and with a result that is checked to the
///      last bit (protocol 2.7). Whatever goes wrong reverts: a failing step never has an effect.
library Steps {
    /// @dev What a step results in.
    struct Outcome {
        uint256 dA;
        uint256 mover;
        uint256 stepsLeft;
        bytes next;
    }

    uint256 private constant STATE_MAX = 16_384;
    uint256 private constant INPUT_MAX = 16_384;

    /// @dev More than the instructions between the look at the gas and the call cost.
    uint256 private constant CALL_RESERVE = 500;

    /// @dev Of what is returned: where the bytes must begin, and with their length behind, the head before them.
    uint256 private constant BYTES_AT = 128;
    uint256 private constant HEAD = 160;

    function run(Entry calldata entry, NanoStep calldata step, Context memory context, uint256 mover)
        internal
        view
        returns (Outcome memory outcome)
    {
        if (step.code.codehash != entry.codeHash) revert IAdjudicator.WrongCode();
        if (step.state.length > STATE_MAX || step.input.length > INPUT_MAX) revert IAdjudicator.TooLong();
        bytes memory data = abi.encodeCall(INanocontract.step, (context, step.state, uint8(mover), step.input));
        _call(step.code, entry.gas, data);
        _read(outcome);
        if (outcome.dA > context.total || outcome.mover > 1 || outcome.stepsLeft >= context.stepsLeft) {
            revert IAdjudicator.InvalidStep();
        }
    }

    /// @dev All but one 64th of what is left can be passed on; if that is less than agreed, nothing is called.
    function _call(address code, uint256 gas_, bytes memory data) private view {
        if (gasleft() * 63 / 64 < gas_ + CALL_RESERVE) revert IAdjudicator.InsufficientGas();
        bool ok;
        assembly ("memory-safe") {
            ok := staticcall(gas_, code, add(data, 32), mload(data), 0, 0)
        }
        if (!ok) revert IAdjudicator.StepFailed();
    }

    /// @dev Decodes (bytes next, uint256 dA, uint256 mover, uint256 stepsLeft) from what was returned, in the one form that a
    ///      compiler gives it.
    function _read(Outcome memory outcome) private pure {
        uint256 offset;
        uint256 length;
        uint256 size;
        assembly ("memory-safe") {
            size := returndatasize()
            if iszero(lt(size, HEAD)) {
                let at := mload(0x40)
                returndatacopy(at, 0, HEAD)
                offset := mload(at)
                returndatacopy(outcome, 32, 96) // dA, mover, stepsLeft
                length := mload(add(at, 128))
            }
        }
        if (offset != BYTES_AT || length > STATE_MAX || size < HEAD + length) revert IAdjudicator.InvalidStep();
        bytes memory next = new bytes(length);
        assembly ("memory-safe") {
            returndatacopy(add(next, 32), HEAD, length)
        }
        outcome.next = next;
    }
}
