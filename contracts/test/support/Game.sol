// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Context, INanocontract} from "../../src/interfaces/INanocontract.sol";
import {Check} from "./Check.sol";

/// @dev Stands for the registry of the Adjudicator.
contract SecretsSeen {
    mapping(bytes32 hash => uint256 time) public revealedAt;

    function see(bytes32 hash, uint256 time) external {
        revealedAt[hash] = time;
    }
}

/// @dev One nanocontract, played as the Adjudicator plays it: the mover moves, and what a step results in is checked as words.
abstract contract Game is Check {
    uint256 internal constant NOW = 1_800_000_000;

    SecretsSeen internal registry = new SecretsSeen();
    INanocontract internal code;
    Context internal ctx;
    bytes internal state;
    uint256 internal mover;
    /// @dev Gas of the dearest step so far, with the call around it.
    uint256 internal dearest;

    /// @dev The committed bytecode, which is what parties and chain run.
    function committed(string memory name) internal returns (INanocontract where) {
        string memory artifact = vm.readFile(string.concat("artifacts/nano/", name, ".json"));
        where = INanocontract(address(uint160(uint256(keccak256(bytes(name))))));
        vm.etch(address(where), vm.parseJsonBytes(artifact, ".deployedBytecode"));
    }

    function begin(INanocontract code_, uint256 total, uint256 dA0, uint8 mover0, uint256 kMax, bytes memory storage0)
        internal
    {
        code = code_;
        ctx = Context({
            ch: keccak256("channel"),
            entry: keccak256("entry"),
            total: total,
            dA: dA0,
            stepsLeft: kMax,
            time: NOW,
            absolute: NOW,
            registry: address(registry)
        });
        state = storage0;
        mover = mover0;
    }

    function step(bytes memory input) internal {
        step(uint8(mover), input);
    }

    /// @dev Also for a caller whose turn it is not, which the Adjudicator never lets through.
    function step(uint8 caller, bytes memory input) internal {
        uint256 gas = gasleft();
        (bytes memory next, uint256 dA, uint256 mover_, uint256 stepsLeft) = code.step(ctx, state, caller, input);
        gas -= gasleft();
        if (gas > dearest) dearest = gas;
        check(dA <= ctx.total, "dA is within the total");
        check(mover_ <= 1, "the mover is A or B");
        check(stepsLeft < ctx.stepsLeft, "the steps get fewer");
        check(next.length <= 16_384, "the state is not too long");
        (state, ctx.dA, mover, ctx.stepsLeft) = (next, dA, mover_, stepsLeft);
    }

    function refused(bytes4 why, bytes memory input) internal {
        refused(why, uint8(mover), input);
    }

    function refused(bytes4 why, uint8 caller, bytes memory input) internal {
        vm.expectRevert(why);
        code.step(ctx, state, caller, input);
    }

    function stands(uint256 dA, uint256 mover_, uint256 stepsLeft) internal view {
        eq(ctx.dA, dA, "dA");
        eq(mover, mover_, "mover");
        eq(ctx.stepsLeft, stepsLeft, "stepsLeft");
    }

    /// @dev Reverts without a word: the ABI decoder found a value out of its type.
    function refusedByDecoder(bytes memory input) internal view {
        (bool ok, bytes memory why) =
            address(code).staticcall(abi.encodeCall(INanocontract.step, (ctx, state, uint8(mover), input)));
        check(!ok && why.length == 0, "refused without a word");
    }

    /// @dev For made-up states and inputs: refused, or a result within bounds.
    function refusedOrWithinBounds(uint8 caller, bytes memory input) internal returns (bool moved) {
        try this.stepFromOutside(caller, input) {
            return true;
        } catch (bytes memory why) {
            check(bytes4(why) != NotTrue.selector, "out of bounds");
            return false;
        }
    }

    function stepFromOutside(uint8 caller, bytes memory input) external {
        step(caller, input);
    }

    function over(uint256 dA) internal view {
        eq(ctx.dA, dA, "dA at the end");
        eq(ctx.stepsLeft, 0, "no step is left");
    }
}
