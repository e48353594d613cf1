// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Check} from "./Check.sol";

/// @dev Gas of whole transactions (run with --isolate: every call is a transaction of its own, with intrinsic gas, calldata and
///      cold storage). scripts/snapshots.mjs gathers and compares what is noted.
abstract contract Figures is Check {
    /// @dev What the way to the extension adds to a call: its account, which is cold (2,600), the look for a function in the first
    ///      half (500), the call handed on, and a domain separator that is computed. The bounds of its operations are those from
    ///      before there were two halves, and this.
    uint256 internal constant HANDED_ON = 3_400;

    /// @dev What the last call used, and that it was not above `most` (0: whatever it was).
    function note(string memory operation, uint256 most) internal {
        note(operation, used(), most);
    }

    /// @dev So much: of several calls, or a share of one.
    function note(string memory operation, uint256 gas, uint256 most) internal {
        vm.writeFile(string.concat("cache/gas/", operation), vm.toString(gas));
        if (most != 0) atMost(gas, most, operation);
    }

    function used() internal view returns (uint256 gas) {
        gas = vm.lastCallGas().gasTotalUsed;
        check(gas > 21_000, "run with --isolate");
    }
}
