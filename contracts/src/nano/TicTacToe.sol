// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Context, INanocontract} from "../interfaces/INanocontract.sol";
import {BadInput, BadState, Turns} from "./Turns.sol";

/// @title Tic-tac-toe for a stake
/// @notice Three in a row takes everything, a full board gives both their stakes back, and whoever stalls loses. The mover of the Entry
///         begins. At most nine steps.
/// @dev The state is 16 bytes: A's stake (uint96), A's squares (uint16) and B's (uint16), where bit i is square i, row by row.
contract TicTacToe is INanocontract {
    uint256 private constant STATE_BYTES = 16;
    uint256 private constant FULL = 0x1ff;

    /// @dev No such square, or somebody has it.
    error NotFree();
    /// @dev The Entry does not leave enough steps for the free squares.
    error TooFewSteps();

    /// @param input one byte, the square: 0 to 8
    function step(Context calldata ctx, bytes calldata state, uint8 caller, bytes calldata input)
        external
        pure
        returns (bytes memory next, uint256 dA, uint256 mover, uint256 stepsLeft)
    {
        Turns.begin(caller, ctx.stepsLeft);
        (uint96 stakeA, uint256 mine, uint256 theirs) = decoded(state, caller);
        if (stakeA > ctx.total) revert BadState();
        uint256 free = 9 - count(mine | theirs);
        // The last step must not leave somebody to stall in an unfinished game.
        if (ctx.stepsLeft < free) revert TooFewSteps();

        if (input.length != 1) revert BadInput();
        uint256 square = 1 << uint8(input[0]);
        if (square & FULL == 0 || square & (mine | theirs) != 0) revert NotFree();
        mine |= square;

        mover = Turns.other(caller);
        next = caller == 0
            ? abi.encodePacked(stakeA, uint16(mine), uint16(theirs))
            : abi.encodePacked(stakeA, uint16(theirs), uint16(mine));
        if (row(mine)) return (next, Turns.forfeit(mover, ctx.total), mover, 0);
        if (free == 1) return (next, stakeA, mover, 0);
        return (next, Turns.forfeit(mover, ctx.total), mover, free - 1);
    }

    function decoded(bytes calldata state, uint8 caller)
        private
        pure
        returns (uint96 stakeA, uint256 mine, uint256 theirs)
    {
        if (state.length != STATE_BYTES) revert BadState();
        uint256 word = uint128(bytes16(state));
        stakeA = uint96(word >> 32);
        (mine, theirs) = caller == 0 ? ((word >> 16) & 0xffff, word & 0xffff) : (word & 0xffff, (word >> 16) & 0xffff);
        if ((mine | theirs) > FULL || mine & theirs != 0 || (mine | theirs) == FULL || row(mine) || row(theirs)) {
            revert BadState();
        }
        // Whoever began is at most one square ahead when it is the other's turn.
        (uint256 placed, uint256 faced) = (count(mine), count(theirs));
        if (placed > faced || faced > placed + 1) revert BadState();
    }

    /// @dev Whether three of `squares` lie in one line.
    function row(uint256 squares) private pure returns (bool) {
        return squares & 0x007 == 0x007 || squares & 0x038 == 0x038 || squares & 0x1c0 == 0x1c0 // rows
            || squares & 0x049 == 0x049 || squares & 0x092 == 0x092 || squares & 0x124 == 0x124 // columns
            || squares & 0x111 == 0x111 || squares & 0x054 == 0x054; // diagonals
    }

    function count(uint256 squares) private pure returns (uint256 bits) {
        for (; squares != 0; squares &= squares - 1) {
            ++bits;
        }
    }
}
