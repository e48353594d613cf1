// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Context, INanocontract} from "../interfaces/INanocontract.sol";
import {Registry} from "./Registry.sol";
import {BadInput, BadState, Turns} from "./Turns.sol";

/// @title A payment against a secret, in one link of a path
/// @notice The payee, who is the mover from the start, takes `amount` by revealing the secret in time; otherwise all stays as it
///         was at the opening, which is the refund. "In time" is real time, and a secret that the registry saw in time counts
///         for ever: all links of a path can have the same deadline. One step.
contract HashLock is INanocontract {
    /// @dev abi.encode of this is the state, before and after.
    struct Lock {
        bytes32 hash; // keccak256 of the secret, which is 32 bytes
        uint96 amount;
        uint8 payer; // 0 = A, 1 = B
        uint40 deadline; // seconds since the epoch; at this second it still pays
    }

    uint256 private constant STATE_BYTES = 4 * 32;

    /// @dev The payer has nothing to do here.
    error NotThePayee();
    /// @dev Not the preimage of the lock's hash.
    error WrongSecret();
    /// @dev The deadline has passed, and the registry did not see the secret before.
    error TooLate();

    /// @param input the secret
    function step(Context calldata ctx, bytes calldata state, uint8 caller, bytes calldata input)
        external
        view
        returns (bytes memory next, uint256 dA, uint256 mover, uint256 stepsLeft)
    {
        Turns.begin(caller, ctx.stepsLeft);
        if (state.length != STATE_BYTES) revert BadState();
        Lock memory lock = abi.decode(state, (Lock));
        if (lock.payer > 1) revert BadState();
        if (caller == lock.payer) revert NotThePayee();
        if (input.length != 32) revert BadInput();
        if (keccak256(input) != lock.hash) revert WrongSecret();
        if (ctx.absolute > lock.deadline) {
            uint256 seen = Registry.revealedAt(lock.hash);
            if (seen == 0 || seen > lock.deadline) revert TooLate();
        }
        return (state, Turns.pay(ctx.dA, ctx.total, lock.payer, lock.amount), caller, 0);
    }
}
