// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title The Adjudicator's registry of preimages, as a nanocontract asks it
library Registry {
    /// @dev Not an answer of a registry.
    error NoRegistry();

    /// @notice When the preimage of `hash` was published: seconds since the epoch, 0 if it never was.
    /// @dev Only within `step`. The filter must see where a call goes and that the remaining gas is used for nothing else
    ///      (docs/protocol.md, 2.7): hence GAS right before STATICCALL, and the address as calldata has it, in Context.registry.
    function revealedAt(bytes32 hash) internal view returns (uint256 time) {
        bool answered;
        // Scratch space alone is written.
        assembly ("memory-safe") {
            // revealedAt(bytes32)
            mstore(0, shl(224, 0x6adc799c))
            mstore(4, hash)
            answered := staticcall(gas(), calldataload(228), 0, 36, 0, 32)
            answered := and(answered, eq(returndatasize(), 32))
            time := mload(0)
        }
        if (!answered) revert NoRegistry();
    }
}
