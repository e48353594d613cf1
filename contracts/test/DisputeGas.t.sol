// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {NanoStep, NanoVersion} from "../src/types/Structs.sol";
import {Figures} from "./support/Figures.sol";
import {Claim, NanoFixture} from "./support/NanoFixture.sol";

/// @dev Gas of whole transactions about nanocontracts, measured as in Gas.t.sol: all slots new, versions with random hashes,
///      sent by an owner, so that one signature each is checked.
contract DisputeGasTest is NanoFixture, Figures {
    bytes private state = abi.encode(keccak256("a state of one word"));

    function isVirtual() internal pure override returns (bool) {
        return false;
    }

    /// @dev Code that gives one answer whatever it is told: eight instructions, less than 100 gas.
    function constant_(bytes memory next) private pure returns (bytes memory) {
        bytes memory blob = answer(next, HELD - DA0, 1, K - 1);
        bytes memory result = new bytes(blob.length - 1);
        for (uint256 i = 0; i < result.length; ++i) {
            result[i] = blob[i + 1];
        }
        return abi.encodePacked(bytes1(0x61), uint16(result.length), bytes7(0x80600a5f395ff3), result);
    }

    function newer(uint256 i) private view returns (NanoVersion memory) {
        return NanoVersion(70_000, DA0 + 1, uint8(i % 2), K, keccak256(state));
    }

    /// @dev As the client sends them: of claims in the order of the list, each meets a known node above its trailing zeros.
    function upToKnown(bytes32[] memory proof, uint256 i) private pure returns (bytes32[] memory short_) {
        uint256 length;
        while ((i >> length) & 1 == 0) ++length;
        short_ = new bytes32[](length);
        for (uint256 k = 0; k < length; ++k) {
            short_[k] = proof[k];
        }
    }

    function registerMany(uint256 count) private {
        begin(count);
        Claim[] memory claims = new Claim[](count);
        for (uint256 i = 0; i < count; ++i) {
            NanoVersion memory v = newer(i);
            claims[i] = claim(i, v);
            claims[i].signatures = signHash(secretKey(1), nanoHash(ch, entries[i], v));
            if (i > 0) claims[i].proof = upToKnown(claims[i].proof, i);
        }
        send(alice, registering(claims));
    }

    function test_register_1() public {
        registerMany(1);
        note("register_1_nano", 118_000 + HANDED_ON);
    }

    function test_register_4() public {
        registerMany(4);
        note("register_4_nanos", 295_000 + HANDED_ON);
    }

    function test_register_16() public {
        registerMany(16);
        note("register_16_nanos", 990_000 + HANDED_ON);
    }

    function test_register_version_zero() public {
        begin(1);
        send(alice, registering(one(claim(0, zero(0)))));
        note("register_nano_version_0", 0);
    }

    function test_refute() public {
        begin(1);
        send(alice, registering(one(claim(0, zero(0)))));
        NanoVersion memory v = newer(0);
        Claim memory higher = claim(0, v);
        higher.signatures = signHash(secretKey(1), nanoHash(ch, entries[0], v));
        higher.proof = new bytes32[](0);
        send(alice, refuting(one(higher)));
        note("refute_nano", 0);
    }

    /// @dev The first step of a nanocontract at version 0 whose state is `before`.
    function arrive(bytes memory before, bytes memory next) private {
        code = adjudicator.deploy(constant_(next));
        start = before;
        begin(1);
        send(alice, registering(one(claim(0, zero(0)))));
        pass(R + 1 + W + 1);
    }

    /// @dev As little of an app as there can be: a state of one byte, which becomes empty, and no input.
    function test_execute_without_app() public {
        arrive(hex"01", "");
        send(alice, executing(0, NanoStep(code, hex"01", "", none)));
        note("execute_without_app", 60_000 + HANDED_ON);
        pass(finalAt() + 1);
        send(carol, concluding());
        note("conclude_with_nanos", 0);
    }

    function test_execute_with_one_word_of_state_and_input() public {
        arrive(state, abi.encode(keccak256("the next state")));
        send(alice, executing(0, NanoStep(code, state, abi.encode(keccak256("an input")), none)));
        note("execute_one_word", 0);
    }

    function test_execute_by_anybody() public {
        arrive(hex"01", "");
        bytes memory auth = signStep(secretKey(0), 0, zero(0), "");
        send(carol, executing(0, NanoStep(code, hex"01", "", auth)));
        note("execute_without_app_by_anybody", 0);
    }

    function test_reveal() public {
        adjudicator.reveal(keccak256("a secret"));
        note("reveal", 0);
    }

    function test_deploy() public {
        adjudicator.deploy(constant_(state));
        note("deploy_code_of_202_bytes", 0);
    }
}
