// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Context, INanocontract} from "../interfaces/INanocontract.sol";
import {BadInput, BadState, Turns} from "./Turns.sol";

/// @title Fair coins, tossed for money
/// @notice Both stake one coin a toss. A commits to a bit, B answers with its own, A opens its commitment: equal bits are heads and A has
///         won the two coins of that toss, different bits are tails and B has. Whoever stalls loses the toss and all that are still to come, which
///         is never better than going on. One step for the first commitment, unless it is part of the storage that the Entry names, and
///         two a toss: with its opening A commits to its next bit.
contract CoinToss is INanocontract {
    /// @dev abi.encode of this is the state.
    struct Tosses {
        uint8 heads; // tosses that A has won
        uint8 tails; // tosses that B has won
        uint8 open; // tosses that are not decided
        uint8 answer; // B's bit, or UNANSWERED
        bytes32 commitment; // keccak256(abi.encode(uint256 bit, bytes32 nonce)), or 0 if A has to commit first
    }

    uint256 private constant STATE_BYTES = 5 * 32;
    uint8 private constant UNANSWERED = 2;

    /// @dev The other party has to do this step.
    error NotYourTurn();
    /// @dev The Entry does not leave enough steps for the tosses.
    error TooFewSteps();
    /// @dev Zero says that there is no commitment.
    error NoCommitment();
    /// @dev A bit is 0 or 1.
    error NotABit();
    /// @dev That is not what A committed to.
    error WrongOpening();

    /// @param input abi.encode of: A's commitment (bytes32); B's bit (uint256); or A's bit, its nonce and its commitment to the next bit
    ///        (uint256, bytes32, bytes32), where the last one is 0 after the last toss
    function step(Context calldata ctx, bytes calldata state, uint8 caller, bytes calldata input)
        external
        pure
        returns (bytes memory next, uint256 dA, uint256 mover, uint256 stepsLeft)
    {
        Turns.begin(caller, ctx.stepsLeft);
        Tosses memory t = decoded(state, ctx.total);
        uint256 needed = stepsNeeded(t);
        if (ctx.stepsLeft < needed) revert TooFewSteps();
        if (caller != toMove(t)) revert NotYourTurn();

        if (t.commitment == 0) t.commitment = commitment(input);
        else if (caller == 1) t.answer = bit(word(input));
        else decide(t, input);

        return (abi.encode(t), ifStalled(t, ctx.total), toMove(t), needed - 1);
    }

    function decoded(bytes calldata state, uint256 total) private pure returns (Tosses memory t) {
        if (state.length != STATE_BYTES) revert BadState();
        t = abi.decode(state, (Tosses));
        bool answered = t.answer != UNANSWERED;
        if (t.open == 0 || t.answer > UNANSWERED || (answered && t.commitment == 0)) revert BadState();
        // Each count of won and lost tosses must have room for all.
        if (tosses(t) > type(uint8).max) revert BadState();
        // Both stake the same whole number of units in every toss.
        if (total % (2 * tosses(t)) != 0) revert BadState();
    }

    function tosses(Tosses memory t) private pure returns (uint256) {
        return uint256(t.heads) + t.tails + t.open;
    }

    function stepsNeeded(Tosses memory t) private pure returns (uint256) {
        return 2 * uint256(t.open) + (t.commitment == 0 ? 1 : 0) - (t.answer == UNANSWERED ? 0 : 1);
    }

    function toMove(Tosses memory t) private pure returns (uint8) {
        return t.open != 0 && t.commitment != 0 && t.answer == UNANSWERED ? 1 : 0;
    }

    /// @dev What A gets if the next mover stalls: that one loses all open tosses.
    function ifStalled(Tosses memory t, uint256 total) private pure returns (uint256) {
        uint256 wins = uint256(t.heads) + (toMove(t) == 0 ? 0 : t.open);
        return total / tosses(t) * wins;
    }

    function word(bytes calldata input) private pure returns (bytes32) {
        if (input.length != 32) revert BadInput();
        return bytes32(input);
    }

    function commitment(bytes calldata input) private pure returns (bytes32 value) {
        value = word(input);
        if (value == 0) revert NoCommitment();
    }

    function bit(bytes32 value) private pure returns (uint8) {
        if (uint256(value) > 1) revert NotABit();
        return uint8(uint256(value));
    }

    function decide(Tosses memory t, bytes calldata input) private pure {
        if (input.length != 96) revert BadInput();
        if (keccak256(input[:64]) != t.commitment) revert WrongOpening();
        if (bit(bytes32(input)) == t.answer) ++t.heads;
        else ++t.tails;
        --t.open;
        t.answer = UNANSWERED;
        t.commitment = t.open == 0 ? bytes32(0) : commitment(input[64:]);
    }
}
