// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IAdjudicator} from "../../src/interfaces/IAdjudicator.sol";
import {NanoVersion} from "../../src/types/Structs.sol";
import {NanoFixture} from "../support/NanoFixture.sol";

/// @dev The phases, to the second.
abstract contract NanoPhases is NanoFixture {
    function test_register_refute_execute_conclude() public {
        begin(3);
        register(1, version(4, DA0 + 11, 1, K));
        check(sum() == 11, "what the version moves");
        refute(1, version(6, DA0 - 7, 0, 3));
        check(sum() == -7, "what the higher version moves");
        pass(R + 1 + W + 1);
        execute(1, 0, start, answer("next", DA0 + 1_000, 1, 2));
        IAdjudicator.NanoInfo memory info = nanoInfo(1);
        eq(info.ver, 6, "ver");
        eq(info.nRef, R + 1 + W, "nRef");
        eq(info.last, R + 1 + W + 1, "last");
        eq(info.stepsLeft, 2, "stepsLeft");
        eq(info.mover, 1, "mover");
        eq(info.dA, DA0 + 1_000, "dA");
        eq(info.storageHash, keccak256("next"), "storage");
        check(info.forced, "forced");
        eq(outcome(), DEF_A + 1_000, "A gets what the nanocontract moved to her");
    }
}

contract LedgerNanoPhasesTest is NanoPhases {
    function isVirtual() internal pure override returns (bool) {
        return false;
    }
}

contract VirtualNanoPhasesTest is NanoPhases {
    function isVirtual() internal pure override returns (bool) {
        return true;
    }
}
