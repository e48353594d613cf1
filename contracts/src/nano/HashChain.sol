// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Context, INanocontract} from "../interfaces/INanocontract.sol";
import {BadInput, BadState, Turns} from "./Turns.sol";

/// @title Payments by preimages of a hash chain (PayWord)
/// @notice The payer reveals one preimage a payment, which is 32 bytes and no signature; the payee, who is the mover from the
///         start to the end, holds the newest and turns it into money by one step whenever it likes. If the payee stalls, it has what
///         its last step paid.
contract HashChain is INanocontract {
    /// @dev abi.encode of this is the state.
    struct Chain {
        bytes32 anchor; // the preimage of number `index`; of number 0: what the payer announced
        uint96 price; // of one preimage, in the asset's smallest unit
        uint32 length; // number of the last preimage
        uint32 index; // how many are paid
        uint8 payer; // 0 = A, 1 = B
    }

    /// @dev Most preimages that one step pays, so that the work of a step is bounded (under 90 gas each).
    uint256 private constant REACH = 1_000;
    uint256 private constant STATE_BYTES = 5 * 32;

    /// @dev The payer has nothing to do here.
    error NotThePayee();
    /// @dev That preimage is paid already.
    error NotNewer();
    /// @dev Beyond the last preimage, or more than REACH beyond the last one that was paid.
    error TooFar();
    /// @dev Hashing does not lead from it to the anchor.
    error WrongPreimage();

    /// @param input abi.encode(uint256 index, bytes32 preimage)
    function step(Context calldata ctx, bytes calldata state, uint8 caller, bytes calldata input)
        external
        pure
        returns (bytes memory next, uint256 dA, uint256 mover, uint256 stepsLeft)
    {
        Turns.begin(caller, ctx.stepsLeft);
        if (state.length != STATE_BYTES) revert BadState();
        Chain memory chain = abi.decode(state, (Chain));
        if (chain.payer > 1) revert BadState();
        if (caller == chain.payer) revert NotThePayee();
        if (input.length != 64) revert BadInput();
        (uint256 index, bytes32 preimage) = abi.decode(input, (uint256, bytes32));

        if (index <= chain.index) revert NotNewer();
        uint256 count = index - chain.index;
        if (index > chain.length || count > REACH) revert TooFar();
        if (hashed(preimage, count) != chain.anchor) revert WrongPreimage();
        // Neither product nor sum can leave 256 bits: price has 96, count and index have 32.
        dA = Turns.pay(ctx.dA, ctx.total, chain.payer, count * chain.price);

        stepsLeft = index == chain.length ? 0 : ctx.stepsLeft - 1;
        chain.anchor = preimage;
        chain.index = uint32(index);
        return (abi.encode(chain), dA, caller, stepsLeft);
    }

    function hashed(bytes32 word, uint256 times) private pure returns (bytes32 result) {
        assembly ("memory-safe") {
            mstore(0, word)
            for {} times { times := sub(times, 1) } { mstore(0, keccak256(0, 32)) }
            result := mload(0)
        }
    }
}
