// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {INanocontract} from "../../src/interfaces/INanocontract.sol";
import {CoinToss} from "../../src/nano/CoinToss.sol";
import {BadInput, BadState, NoParty, Over} from "../../src/nano/Turns.sol";
import {Game} from "../support/Game.sol";

contract CoinTossTest is Game {
    uint8 private constant NONE = 2;
    uint256 private constant COIN = 1 ether;
    /// @dev Gas of any step, with the call around it.
    uint256 private constant MOST = 10_000;

    INanocontract private app = committed("CoinToss");

    function nonce(uint256 number) private pure returns (bytes32) {
        return keccak256(abi.encode("nonce", number));
    }

    function commitment(uint256 bit, uint256 number) private pure returns (bytes32) {
        return keccak256(abi.encode(bit, nonce(number)));
    }

    function opening(uint256 bit, uint256 number, bytes32 next) private pure returns (bytes memory) {
        return abi.encode(bit, nonce(number), next);
    }

    function storage0(uint8 tosses, bytes32 first) private pure returns (bytes memory) {
        return encoded(0, 0, tosses, NONE, first);
    }

    function encoded(uint8 heads, uint8 tails, uint8 open, uint8 answer, bytes32 first)
        private
        pure
        returns (bytes memory)
    {
        return abi.encode(heads, tails, open, answer, first);
    }

    /// @dev Both stake one coin a toss; A has to commit first.
    function opened(uint8 tosses) private {
        uint256 total = 2 * COIN * tosses;
        begin(app, total, total / 2, 0, 2 * uint256(tosses) + 1, storage0(tosses, 0));
    }

    /// @dev One toss that B's answer decides: A's bit is always 1.
    function toss(uint256 number, bool heads, bool last) private {
        step(abi.encode(heads ? 1 : 0));
        step(opening(1, number, last ? bytes32(0) : commitment(1, number + 1)));
    }

    // ------------------------------------------------------------------------------------------ the tree of Fig. 11

    /// @dev Two coins, two units staked by each: (x_a, x_b) begins at (2, 2); heads takes y_a = 2 from x_a, tails y_b = 2 from x_b, and that
    ///      is paid out to A and to B. What A has been paid for good is what it gets if it stalls; B likewise.
    function node(uint256 paidA, uint256 paidB) private {
        uint256 total = 4 * COIN;
        if (ctx.stepsLeft == 0) {
            // A leaf: all is paid out.
            eq(paidA + paidB, total, "nothing is left");
            over(paidA);
            return;
        }
        // B is to answer: if it stalls, A gets all but what B has been paid.
        stands(total - paidB, 1, ctx.stepsLeft);
        uint256 snapshot = vm.snapshotState();
        step(abi.encode(uint256(1)));
        // A is to open: if it stalls, it has what it has been paid.
        stands(paidA, 0, ctx.stepsLeft);
        vm.revertToState(snapshot);
    }

    function test_two_coins_give_the_tree_of_the_figure() public {
        opened(2);
        stands(2 * COIN, 0, 5);
        step(abi.encode(commitment(1, 0)));
        node(0, 0);
        uint256 root = vm.snapshotState();

        toss(0, true, false);
        node(2 * COIN, 0);
        uint256 afterHeads = vm.snapshotState();
        toss(1, true, true);
        node(4 * COIN, 0);
        vm.revertToState(afterHeads);
        toss(1, false, true);
        node(2 * COIN, 2 * COIN);

        vm.revertToState(root);
        toss(0, false, false);
        node(0, 2 * COIN);
        uint256 afterTails = vm.snapshotState();
        toss(1, true, true);
        node(2 * COIN, 2 * COIN);
        vm.revertToState(afterTails);
        toss(1, false, true);
        node(0, 4 * COIN);
    }

    function test_equal_bits_are_heads() public {
        for (uint256 a; a < 2; ++a) {
            for (uint256 b; b < 2; ++b) {
                opened(1);
                step(abi.encode(commitment(a, 0)));
                stands(2 * COIN, 1, 2);
                step(abi.encode(b));
                stands(0, 0, 1);
                step(opening(a, 0, 0));
                over(a == b ? 2 * COIN : 0);
            }
        }
    }

    function test_the_commitment_can_be_in_the_entry() public {
        begin(app, 2 * COIN, COIN, 1, 2, storage0(1, commitment(0, 0)));
        step(abi.encode(uint256(1)));
        stands(0, 0, 1);
        step(opening(0, 0, 0));
        over(0);
    }

    // --------------------------------------------------------------------------------------------------- refusals

    function test_a_commits_to_something() public {
        opened(1);
        refused(CoinToss.NoCommitment.selector, abi.encode(bytes32(0)));
        refused(BadInput.selector, "");
        refused(BadInput.selector, bytes.concat(commitment(1, 0), hex"00"));
        refused(CoinToss.NotYourTurn.selector, 1, abi.encode(commitment(1, 0)));
        refused(NoParty.selector, 2, abi.encode(commitment(1, 0)));
    }

    function test_b_answers_with_a_bit() public {
        opened(1);
        step(abi.encode(commitment(1, 0)));
        refused(CoinToss.NotABit.selector, abi.encode(uint256(2)));
        refused(CoinToss.NotABit.selector, abi.encode(type(uint256).max));
        refused(BadInput.selector, hex"01");
        refused(CoinToss.NotYourTurn.selector, 0, abi.encode(uint256(1)));
    }

    function test_a_opens_what_it_committed_to() public {
        opened(2);
        step(abi.encode(commitment(1, 0)));
        step(abi.encode(uint256(0)));
        bytes32 next = commitment(0, 1);
        refused(CoinToss.WrongOpening.selector, opening(0, 0, next));
        refused(CoinToss.WrongOpening.selector, opening(1, 1, next));
        refused(BadInput.selector, abi.encode(uint256(1), nonce(0)));
        refused(BadInput.selector, bytes.concat(opening(1, 0, next), hex"00"));
        refused(CoinToss.NoCommitment.selector, opening(1, 0, 0));
        refused(CoinToss.NotYourTurn.selector, 1, opening(1, 0, next));

        opened(1);
        step(abi.encode(commitment(1, 0)));
        step(abi.encode(uint256(0)));
        refused(BadInput.selector, abi.encode(uint256(1), nonce(0)));
        refused(BadInput.selector, bytes.concat(opening(1, 0, 0), hex"00"));
    }

    /// @dev A commitment to 2 would otherwise be tails, whatever B says.
    function test_a_commitment_to_no_bit_cannot_be_opened() public {
        opened(1);
        step(abi.encode(commitment(2, 0)));
        step(abi.encode(uint256(0)));
        refused(CoinToss.NotABit.selector, opening(2, 0, 0));
    }

    function test_after_the_last_toss_it_is_over() public {
        opened(1);
        step(abi.encode(commitment(1, 0)));
        toss(0, true, true);
        refused(Over.selector, abi.encode(commitment(1, 1)));
        ctx.stepsLeft = 9;
        refused(BadState.selector, abi.encode(commitment(1, 1)));
    }

    function test_an_entry_with_too_few_steps_cannot_begin() public {
        opened(2);
        ctx.stepsLeft = 4;
        refused(CoinToss.TooFewSteps.selector, abi.encode(commitment(1, 0)));
    }

    function test_no_state_that_cannot_be() public {
        opened(2);
        bytes32 c = commitment(1, 0);
        bytes[7] memory bad = [
            bytes(""),
            bytes.concat(storage0(2, 0), hex"00"),
            encoded(1, 1, 0, NONE, c), // nothing is open
            encoded(0, 0, 2, 3, c),
            encoded(0, 0, 2, 1, 0), // answered before the commitment
            encoded(0, 0, 3, NONE, c), // 4 coins do not divide into 3 tosses
            encoded(255, 255, 255, NONE, c)
        ];
        for (uint256 i; i < bad.length; ++i) {
            state = bad[i];
            ctx.stepsLeft = 1_000;
            refused(BadState.selector, 0, abi.encode(c));
        }
        state = abi.encode(uint256(256), 0, 2, 2, c);
        refusedByDecoder(abi.encode(c));
    }

    // ------------------------------------------------------------------------------------------------------- fuzz

    /// @dev Whatever both do, stalling is never better than any way on, and both bits decide each toss.
    function test_whole_games(uint256 seed) public {
        uint8 tosses = uint8(within(seed, 1, 8));
        opened(tosses);
        uint256 heads;
        step(abi.encode(commitment(bitOf(seed, 0), 0)));
        for (uint256 i; i < tosses; ++i) {
            uint256 answer = bitOf(seed, 100 + i);
            uint256 most = ctx.dA;
            step(abi.encode(answer));
            uint256 least = ctx.dA;
            check(least <= most, "least is at most most");
            step(opening(bitOf(seed, i), i, i + 1 == tosses ? bytes32(0) : commitment(bitOf(seed, i + 1), i + 1)));
            check(ctx.dA >= least, "A does not regret to have opened");
            check(ctx.dA <= most, "B does not regret to have answered");
            if (answer == bitOf(seed, i)) ++heads;
        }
        over(2 * COIN * heads);
        atMost(dearest, MOST, "gas of a step");
    }

    function bitOf(uint256 seed, uint256 i) private pure returns (uint256) {
        return uint256(keccak256(abi.encode(seed, i))) & 1;
    }

    /// @dev Made-up states never lead out of bounds.
    function test_no_state_leads_out_of_bounds(
        uint256 coin,
        uint8 steps,
        uint8[4] memory numbers,
        bytes32 nonce_,
        uint8 caller,
        uint8 bit
    ) public {
        bytes32 c = keccak256(abi.encode(uint256(bit), nonce_));
        uint8[3] memory tossed = [numbers[0] % 8, numbers[1] % 8, numbers[2] % 8];
        uint256 total = within(coin, 0, 1e20) * (uint256(tossed[0]) + tossed[1] + tossed[2]);
        begin(app, total, 0, 0, steps, encoded(tossed[0], tossed[1], tossed[2], numbers[3] % 4, c));
        bool any = refusedOrWithinBounds(caller % 2, abi.encode(bit));
        any = refusedOrWithinBounds(caller % 2, abi.encode(bit, nonce_, nonce_)) || any;
        bool whole = coinWhole(total, tossed) && tossed[2] > 0 && steps >= 2 * tossed[2] && numbers[3] % 4 < 3;
        if (!whole) check(!any, "a state that cannot be was stepped");
    }

    function coinWhole(uint256 total, uint8[3] memory tossed) private pure returns (bool) {
        uint256 n = uint256(tossed[0]) + tossed[1] + tossed[2];
        return n != 0 && total % (2 * n) == 0;
    }
}
