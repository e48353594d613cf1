// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IShared} from "../interfaces/IShared.sol";
import {AdjustTerms, Channel, CloseTerms, Entry, NanoVersion, Opening, State} from "../types/Structs.sol";

/// @dev Words of structs in calldata, read as they are. Whoever reads one bounds it, or knows that it is bounded: `open` bounds every
///      word of a Channel, and the slot key is the hash of all of them, so that those of a channel whose slot is in use are.
library Params {
    function word(Channel calldata c, uint256 index) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := calldataload(add(c, shl(5, index)))
        }
    }

    function word(Opening calldata o, uint256 index) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := calldataload(add(o, shl(5, index)))
        }
    }

    function word(State calldata s, uint256 index) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := calldataload(add(s, shl(5, index)))
        }
    }

    function word(CloseTerms calldata t, uint256 index) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := calldataload(add(t, shl(5, index)))
        }
    }

    function word(AdjustTerms calldata t, uint256 index) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := calldataload(add(t, shl(5, index)))
        }
    }

    function word(Entry calldata e, uint256 index) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := calldataload(add(e, shl(5, index)))
        }
    }

    function word(NanoVersion calldata v, uint256 index) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := calldataload(add(v, shl(5, index)))
        }
    }

    /// @dev A receiver that a call names, or the owner that a zero stands for.
    function receiver(uint256 named, address owner) internal pure returns (address) {
        if (named > type(uint160).max) revert IShared.InvalidReceiver();
        return named == 0 ? owner : address(uint160(named));
    }

    // Of a channel whose slot is in use.

    function ownerA(Channel calldata c) internal pure returns (address) {
        return address(uint160(word(c, 0)));
    }

    function ownerB(Channel calldata c) internal pure returns (address) {
        return address(uint160(word(c, 1)));
    }

    function asset(Channel calldata c) internal pure returns (address) {
        return address(uint160(word(c, 6)));
    }
}
