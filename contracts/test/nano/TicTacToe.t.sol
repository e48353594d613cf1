// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {INanocontract} from "../../src/interfaces/INanocontract.sol";
import {TicTacToe} from "../../src/nano/TicTacToe.sol";
import {BadInput, BadState, NoParty, Over} from "../../src/nano/Turns.sol";
import {Game} from "../support/Game.sol";

contract TicTacToeTest is Game {
    uint96 private constant STAKE_A = 3 ether;
    uint256 private constant TOTAL = 10 ether;
    /// @dev Gas of any step, with the call around it.
    uint256 private constant MOST = 9_000;

    INanocontract private app = committed("TicTacToe");

    function board(uint96 stakeA, uint16 a, uint16 b) private pure returns (bytes memory) {
        return abi.encodePacked(stakeA, a, b);
    }

    function opened(uint8 first) private {
        begin(app, TOTAL, STAKE_A, first, 9, board(STAKE_A, 0, 0));
    }

    function cell(uint256 square) private pure returns (bytes memory) {
        return abi.encodePacked(uint8(square));
    }

    function played(bytes memory squares) private {
        for (uint256 i; i < squares.length; ++i) {
            step(abi.encodePacked(squares[i]));
        }
    }

    function test_turns_alternate_and_the_staller_loses() public {
        opened(0);
        step(cell(4));
        stands(TOTAL, 1, 8);
        step(cell(0));
        stands(0, 0, 7);
        eq(keccak256(state), keccak256(board(STAKE_A, 0x010, 0x001)), "state");
        opened(1);
        step(cell(4));
        stands(0, 0, 8);
    }

    function test_every_line_wins_for_both() public {
        uint16[8] memory lines = [0x007, 0x038, 0x1c0, 0x049, 0x092, 0x124, 0x111, 0x054];
        for (uint256 i; i < 8; ++i) {
            for (uint8 winner; winner < 2; ++winner) {
                opened(winner);
                uint256 line = lines[i];
                uint256 free = 0x1ff & ~line;
                for (uint256 turn; turn < 5; ++turn) {
                    uint256 squares = turn % 2 == 0 ? line : free;
                    uint256 square = lowest(squares);
                    if (turn % 2 == 0) line &= ~(1 << square);
                    else free &= ~(1 << square);
                    step(cell(square));
                }
                over(winner == 0 ? TOTAL : 0);
                refused(Over.selector, cell(lowest(free)));
            }
        }
    }

    function lowest(uint256 squares) private pure returns (uint256 square) {
        while (squares & (1 << square) == 0) ++square;
    }

    function test_a_full_board_gives_the_stakes_back() public {
        opened(0);
        played(hex"040001070602030508");
        over(STAKE_A);
        refused(Over.selector, cell(0));
        ctx.stepsLeft = 1;
        refused(BadState.selector, cell(0));
    }

    function test_one_party_may_have_staked_all() public {
        begin(app, TOTAL, TOTAL, 1, 9, board(uint96(TOTAL), 0, 0));
        played(hex"040001070602030508");
        over(TOTAL);
    }

    function test_the_last_square_can_win() public {
        opened(0);
        played(hex"0001020304050708"); // X has 0 2 4 7, O has 1 3 5 8
        stands(0, 0, 1);
        step(cell(6));
        over(TOTAL);
    }

    function test_squares_that_are_taken_or_are_none() public {
        opened(0);
        step(cell(4));
        refused(TicTacToe.NotFree.selector, cell(4));
        refused(TicTacToe.NotFree.selector, cell(9));
        refused(TicTacToe.NotFree.selector, cell(255));
        refused(BadInput.selector, "");
        refused(BadInput.selector, hex"0000");
        step(cell(0));
        refused(TicTacToe.NotFree.selector, cell(0));
    }

    function test_nobody_moves_twice() public {
        opened(0);
        step(cell(4));
        refused(BadState.selector, 0, cell(0));
        refused(NoParty.selector, 2, cell(0));
    }

    function test_an_entry_with_too_few_steps_cannot_begin() public {
        opened(0);
        ctx.stepsLeft = 8;
        refused(TicTacToe.TooFewSteps.selector, cell(0));
        ctx.stepsLeft = 20;
        step(cell(0));
        stands(TOTAL, 1, 8);
    }

    function test_no_state_that_cannot_be() public {
        opened(0);
        bytes[9] memory bad = [
            bytes(""),
            bytes.concat(board(STAKE_A, 0, 0), hex"00"),
            board(uint96(TOTAL + 1), 0, 0),
            board(STAKE_A, 1, 1), // both have a square
            board(STAKE_A, 0x200, 1), // no such square
            board(STAKE_A, 2, 0), // A is ahead, and it is A's turn
            board(STAKE_A, 0, 3), // B is two ahead
            board(STAKE_A, 0x007, 0x118), // won
            board(STAKE_A, 0x018, 0x007) // lost
        ];
        for (uint256 i; i < bad.length; ++i) {
            state = bad[i];
            refused(BadState.selector, cell(6));
        }
    }

    /// @dev A second referee, square by square, agrees on every random game.
    function test_whole_games(uint256 seed, bool aBegins) public {
        opened(aBegins ? 0 : 1);
        uint8[9] memory owner; // 1 = A, 2 = B
        uint256 turns;
        while (ctx.stepsLeft > 0) {
            uint256 square = uint256(keccak256(abi.encode(seed, turns))) % 9;
            while (owner[square] != 0) square = (square + 1) % 9;
            uint8 mine = uint8(mover) + 1;
            owner[square] = mine;
            step(cell(square));
            ++turns;
            if (wins(owner, mine)) over(mine == 1 ? TOTAL : 0);
            else if (turns == 9) over(STAKE_A);
            else stands(mine == 1 ? TOTAL : 0, 2 - mine, 9 - turns);
        }
        atMost(dearest, MOST, "gas of a step");
    }

    function wins(uint8[9] memory owner, uint8 who) private pure returns (bool) {
        for (uint256 i; i < 3; ++i) {
            if (owner[3 * i] == who && owner[3 * i + 1] == who && owner[3 * i + 2] == who) return true;
            if (owner[i] == who && owner[i + 3] == who && owner[i + 6] == who) return true;
        }
        if (owner[4] != who) return false;
        return (owner[0] == who && owner[8] == who) || (owner[2] == who && owner[6] == who);
    }

    function test_no_state_leads_out_of_bounds(
        uint96 stakeA,
        uint256 total,
        uint16 a,
        uint16 b,
        uint16 steps,
        uint8 square
    ) public {
        begin(app, total, 0, 0, steps, board(stakeA, a % 0x400, b % 0x400));
        bool moved = refusedOrWithinBounds(0, cell(square % 10));
        moved = refusedOrWithinBounds(1, cell(square % 10)) || moved;
        if (a % 0x400 & (b % 0x400) != 0 || stakeA > total || steps == 0) {
            check(!moved, "a state that cannot be was stepped");
        }
    }
}
