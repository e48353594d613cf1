// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Split} from "../../src/libraries/Split.sol";
import {LockTerms} from "../../src/types/Structs.sol";

/// @dev E7: whatever was signed and whatever moved, A's part of a total is within it.
contract Shares {
    function E7_share_is_within_the_total(uint96 defA, int128 acc, uint96 total) external pure {
        uint256 share = Split.share(defA, acc, total);
        assert(share <= total);
        int256 wished = int256(uint256(defA)) + acc;
        if (wished >= 0 && wished <= int256(uint256(total))) assert(int256(share) == wished);
    }
}

/// @dev E1, E6: one escrow, settled by any number of calls with any locks and any outcomes.
contract Escrow {
    uint256 private immutable AMOUNT;
    uint256 private left;
    uint256 private paid;

    constructor(uint96 amount) {
        AMOUNT = amount;
        left = amount;
    }

    function settle(LockTerms calldata lock, uint96 due, bool last) external {
        (uint256 toLeft, uint256 toRight) = Split.lock(lock, due, left);
        uint256 rest = left - toLeft - toRight;
        paid += toLeft + toRight;
        if (last) (paid, rest) = (paid + rest, 0);
        left = rest;
    }

    function E1_E6_what_left_was_there() external view {
        assert(paid + left == AMOUNT);
    }
}

/// @dev E1, E7: the nanocontracts of one dispute, registered, refuted and stepped by any number of calls. A's part, with what
///      the contract has summed up, is always what a fresh sum over both nanocontracts gives.
contract Nanos {
    uint256 private immutable TOTAL;
    uint256 private immutable FIRST; // dA0 of two entries
    uint256 private immutable SECOND;
    uint256 private first;
    uint256 private second;
    int256 private sum;

    constructor(uint96 total, uint96 firstDA0, uint96 secondDA0) {
        (TOTAL, FIRST, SECOND) = (total, firstDA0, secondDA0);
        (first, second) = (firstDA0, secondDA0);
    }

    function move(bool second_, uint96 dA) external {
        if (second_) {
            sum += int256(uint256(dA)) - int256(second);
            second = dA;
        } else {
            sum += int256(uint256(dA)) - int256(first);
            first = dA;
        }
    }

    function E7_the_sum_is_what_moved(uint96 defA) external view {
        assert(sum == int256(first) - int256(FIRST) + int256(second) - int256(SECOND));
        assert(Split.share(defA, sum, TOTAL) <= TOTAL);
    }
}
