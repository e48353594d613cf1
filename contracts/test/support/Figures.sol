// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Check} from "./Check.sol";

/// @dev Gas of whole transactions (run with --isolate: every call is a transaction of its own, with intrinsic gas, calldata and
///      cold storage). scripts/snapshots.mjs gathers and compares what is noted.
abstract contract Figures is Check {
    /// @dev What the way to the extension adds to a call: its account, which is cold (2,600), the call handed on, and a domain
    ///      separator that is computed. The bounds of its operations are those from before there were two halves, and this.
    uint256 internal constant HANDED_ON = 3_600;

    /// @dev What the last call used, and that it was not above `most` (0: whatever it was).
    function note(string memory operation, uint256 most) internal {
        uint256 used = vm.lastCallGas().gasTotalUsed;
        check(used > 21_000, "run with --isolate");
        vm.writeFile(string.concat("cache/gas/", operation), vm.toString(used));
        if (most != 0) atMost(used, most, operation);
    }
}
