// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {CloseTerms, LockTerms, State} from "../types/Structs.sol";
import {ChannelWord} from "../types/ChannelWord.sol";
import {EscrowWord} from "../types/EscrowWord.sol";

/// @dev Who gets what at the end. Nothing here reverts on amounts: whatever two colluding parties signed is clamped
///      (protocol 0.3, S64), and no more leaves than came in.
library Split {
    /// @dev A's part of `total`: the default plus what registered nanocontracts moved, kept within [0, total].
    function share(uint256 defA, int256 acc, uint256 total) internal pure returns (uint256) {
        unchecked {
            int256 a = int256(defA) + acc; // both below 2^128 in magnitude
            if (a < 0) return 0;
            return uint256(a) > total ? total : uint256(a);
        }
    }

    /// @dev `outA` of `total` to A and the rest to B; uncounted deposits return to their side.
    ///      The predicate held when the terms were accepted: counted deposits do not exceed the deposits, nor outA total.
    function cash(ChannelWord c, uint256 depA, uint256 depB, uint256 total, uint256 outA)
        internal
        pure
        returns (uint256 payA, uint256 payB)
    {
        unchecked {
            payA = outA + c.depositA() - depA;
            payB = total - outA + c.depositB() - depB;
        }
    }

    /// @dev The two sides of a lock whose left side is due `leftDue`, out of at most `left` of the escrow.
    function lock(LockTerms calldata l, uint256 leftDue, uint256 left)
        internal
        pure
        returns (uint256 toLeft, uint256 toRight)
    {
        uint256 stake = uint256(l.left) + l.right;
        if (stake > left) stake = left;
        toLeft = leftDue > stake ? stake : leftDue;
        unchecked {
            toRight = stake - toLeft;
        }
    }
}
