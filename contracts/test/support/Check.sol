// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "./Vm.sol";

/// @dev Assertions that name both values when they fail.
abstract contract Check {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    error NotEqual(string what, uint256 got, uint256 want);
    error NotEqualWord(string what, bytes32 got, bytes32 want);
    error NotTrue(string what);
    error TooMuch(string what, uint256 got, uint256 most);

    function eq(uint256 got, uint256 want, string memory what) internal pure {
        if (got != want) revert NotEqual(what, got, want);
    }

    function eq(bytes32 got, bytes32 want, string memory what) internal pure {
        if (got != want) revert NotEqualWord(what, got, want);
    }

    function eq(address got, address want, string memory what) internal pure {
        if (got != want) revert NotEqualWord(what, bytes32(bytes20(got)), bytes32(bytes20(want)));
    }

    function check(bool condition, string memory what) internal pure {
        if (!condition) revert NotTrue(what);
    }

    function atMost(uint256 got, uint256 most, string memory what) internal pure {
        if (got > most) revert TooMuch(what, got, most);
    }

    /// @dev A value within [low, high] drawn from `seed`.
    function within(uint256 seed, uint256 low, uint256 high) internal pure returns (uint256) {
        return low + seed % (high - low + 1);
    }
}
