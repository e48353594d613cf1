// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {Context, INanocontract} from "perunika/interfaces/INanocontract.sol";

/// Race to 21: in turn each adds 1, 2 or 3, and who reaches 21 takes everything.
///
/// State: nothing before the first step, then one byte, the sum. Input: one byte, what the mover adds.
/// Open it with 21 steps, which the longest game takes.
contract Skeleton is INanocontract {
    uint8 private constant GOAL = 21;

    error NotAMove();

    function step(Context calldata ctx, bytes calldata state, uint8 caller, bytes calldata input)
        external
        pure
        returns (bytes memory next, uint256 dA, uint256 mover, uint256 stepsLeft)
    {
        uint8 sum = state.length == 0 ? 0 : uint8(state[0]);
        if (state.length > 1 || input.length != 1) revert NotAMove();
        uint8 added = uint8(input[0]);
        if (added == 0 || added > 3 || sum + added > GOAL) revert NotAMove();

        next = abi.encodePacked(sum + added);
        // Whoever is next and stalls has lost; and whoever reached the goal has won. Both say the same: it is the mover's.
        dA = caller == 0 ? ctx.total : 0;
        mover = 1 - caller;
        // At the goal it is over: no step is left, and the default split is the result.
        stepsLeft = sum + added == GOAL ? 0 : ctx.stepsLeft - 1;
        if (stepsLeft == 0 && sum + added != GOAL) revert NotAMove();
    }
}
