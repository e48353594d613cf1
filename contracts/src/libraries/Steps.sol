// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Entry} from "../types/Structs.sol";
import {NanoWord} from "../types/NanoWord.sol";
import {IShared} from "../interfaces/IShared.sol";
import {INanocontract} from "../interfaces/INanocontract.sol";

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

    /// @param word where the nanocontract stands
    /// @param time the app clock, seconds
    function run(
        bytes32 ch,
        bytes32 entryHash,
        Entry calldata entry,
        address code,
        bytes calldata state,
        bytes calldata input,
        NanoWord word,
        uint256 time
    ) internal view returns (Outcome memory outcome) {
        if (code.codehash != entry.codeHash) revert IShared.WrongCode();
        (uint256 total, uint256 stepsLeft) = (entry.total, word.stepsLeft());
        uint256 place;
        assembly ("memory-safe") {
            place := add(mload(0x40), 28)
            mstore(add(place, 4), ch)
            mstore(add(place, 36), entryHash)
            mstore(add(place, 68), total)
            mstore(add(place, 132), stepsLeft)
            mstore(add(place, 164), time)
            mstore(add(place, 196), timestamp())
            mstore(add(place, 228), address())
        }
        _put(place + 100, word.dA());
        _put(place + 292, word.mover());
        uint256 end = _append(place + 260, place + 4, place + 356, state, STATE_MAX);
        end = _append(place + 324, place + 4, end, input, INPUT_MAX);
        _put(place - 28, uint32(INanocontract.step.selector));
        _call(code, entry.gas, place, end - place);
        _read(outcome);
        if (outcome.dA > total || outcome.mover > 1 || outcome.stepsLeft >= stepsLeft) {
            revert IShared.InvalidStep();
        }
    }

    function _put(uint256 place, uint256 value) private pure {
        assembly ("memory-safe") {
            mstore(place, value)
        }
    }

    /// @dev Writes bytes, padded to words, at `place`, and the way there from `base` at `offsetAt`. Returns where they end.
    function _append(uint256 offsetAt, uint256 base, uint256 place, bytes calldata data, uint256 max)
        private
        pure
        returns (uint256 end)
    {
        if (data.length > max) revert IShared.TooLong();
        assembly ("memory-safe") {
            mstore(offsetAt, sub(place, base))
            mstore(place, data.length)
            place := add(place, 32)
            end := add(place, and(add(data.length, 31), not(31)))
            mstore(end, 0)
            calldatacopy(place, data.offset, data.length)
            mstore(add(place, data.length), 0)
        }
    }

    /// @dev All but one 64th of what is left can be passed on; if that is less than agreed, nothing is called.
    function _call(address code, uint256 gas_, uint256 place, uint256 size) private view {
        unchecked {
            uint256 left = gasleft();
            if (left - left / 64 < gas_ + CALL_RESERVE) revert IShared.InsufficientGas();
        }
        bool ok;
        assembly ("memory-safe") {
            ok := staticcall(gas_, code, place, size, 0, 0)
        }
        if (!ok) revert IShared.StepFailed();
    }

    /// @dev Decodes (bytes next, uint256 dA, uint256 mover, uint256 stepsLeft) from what was returned, in the one form that a
    ///      compiler gives it.
    function _read(Outcome memory outcome) private pure {
        bytes memory next;
        bool ok;
        assembly ("memory-safe") {
            let size := returndatasize()
            if iszero(lt(size, HEAD)) {
                next := mload(0x40)
                returndatacopy(next, 0, HEAD)
                let length := mload(add(next, 128))
                ok := and(eq(mload(next), BYTES_AT), iszero(gt(length, STATE_MAX)))
                ok := and(ok, iszero(lt(size, add(HEAD, length))))
                if ok {
                    returndatacopy(outcome, 32, 96) // dA, mover, stepsLeft
                    mstore(next, length)
                    returndatacopy(add(next, 32), HEAD, length)
                    mstore(add(add(next, 32), length), 0)
                    mstore(0x40, add(next, and(add(length, 95), not(31))))
                }
            }
        }
        if (!ok) revert IShared.InvalidStep();
        outcome.next = next;
    }
}
