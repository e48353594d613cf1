// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IAdjudicator} from "../../src/interfaces/IAdjudicator.sol";
import {Context} from "../../src/interfaces/INanocontract.sol";

/// @dev A nanocontract that does what the mover says, allowed or not: the first byte of the input chooses.
contract Puppet {
    /// @dev Returns what follows, as it is.
    bytes1 internal constant ANSWER = 0x00;
    bytes1 internal constant REVERT = 0x01;
    bytes1 internal constant BURN = 0x02;
    /// @dev Gives the move to the other one and remembers all that it was told, and the gas that it was given.
    bytes1 internal constant WITNESS = 0x03;
    /// @dev Tries to change something in the Adjudicator, then looks at itself there.
    bytes1 internal constant REENTER = 0x04;
    /// @dev Leaves a state of as many zeros as follow says.
    bytes1 internal constant LONG = 0x05;

    function step(Context calldata ctx, bytes calldata state, uint8 caller, bytes calldata input)
        external
        returns (bytes memory next, uint256 dA, uint256 mover, uint256 stepsLeft)
    {
        uint256 gas = gasleft();
        bytes1 what = input[0];
        if (what == ANSWER) {
            bytes memory answer = input[1:];
            assembly {
                return(add(answer, 32), mload(answer))
            }
        }
        if (what == REVERT) revert("no");
        if (what == BURN) {
            assembly {
                invalid()
            }
        }
        if (what == WITNESS) next = abi.encode(ctx, caller, gas, keccak256(state));
        if (what == LONG) next = new bytes(abi.decode(input[1:], (uint256)));
        if (what == REENTER) next = reenter(ctx);
        return (next, ctx.dA, 1 - caller, ctx.stepsLeft - 1);
    }

    function reenter(Context calldata ctx) private returns (bytes memory) {
        IAdjudicator adjudicator = IAdjudicator(ctx.registry);
        (bool revealed,) = ctx.registry.call{gas: 30_000}(abi.encodeCall(adjudicator.reveal, ("secret")));
        (bool deployed,) = ctx.registry.call{gas: 60_000}(abi.encodeCall(adjudicator.deploy, (hex"00")));
        (bool withdrawn,) =
            ctx.registry.call{gas: 30_000}(abi.encodeCall(adjudicator.withdraw, (address(0), address(this), 1)));
        return abi.encode(revealed || deployed || withdrawn, adjudicator.nano(ctx.ch, ctx.entry).stepsLeft);
    }
}
