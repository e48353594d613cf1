// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Context, INanocontract} from "../interfaces/INanocontract.sol";
import {Registry} from "./Registry.sol";
import {BadInput, BadState, Turns} from "./Turns.sol";

/// @title A payment against a secret, in one link of a path
/// @notice The payee, who is the mover from the start, takes `amount` by revealing the secret in time; otherwise all stays as it
///         was at the opening, which is the refund. "In time" is real time. Until `alone` the secret alone is enough. After it,
///         the secret pays only if the registry saw it by `deadline`, and then for ever. What the registry saw everybody sees:
///         nobody can show a secret so late that a hub cannot use it in its own link, and all links of a path can have the same
///         times. One step.
contract HashLock is INanocontract {
    /// @dev abi.encode of this is the state, before and after.
    struct Lock {
        bytes32 hash; // keccak256 of the secret, which is 32 bytes
        uint96 amount;
        uint8 payer; // 0 = A, 1 = B
        uint40 deadline; // seconds since the epoch; at this second the registry may still see the secret
        uint40 alone; // seconds since the epoch, at most `deadline`; at this second the secret alone is still enough
    }

    uint256 private constant STATE_BYTES = 5 * 32;

    /// @dev The payer has nothing to do here.
    error NotThePayee();
    /// @dev Not the preimage of the lock's hash.
    error WrongSecret();
    /// @dev The secret alone is not enough any more, and the registry has not seen it: the payee can still publish it.
    error NotPublished();
    /// @dev The deadline has passed, and the registry did not see the secret by then.
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
        if (lock.payer > 1 || lock.alone > lock.deadline) revert BadState();
        if (caller == lock.payer) revert NotThePayee();
        if (input.length != 32) revert BadInput();
        if (keccak256(input) != lock.hash) revert WrongSecret();
        if (ctx.absolute > lock.alone) {
            uint256 seen = Registry.revealedAt(lock.hash);
            if (seen == 0 && ctx.absolute <= lock.deadline) revert NotPublished();
            if (seen == 0 || seen > lock.deadline) revert TooLate();
        }
        return (state, Turns.pay(ctx.dA, ctx.total, lock.payer, lock.amount), caller, 0);
    }
}
