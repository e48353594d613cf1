// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Fixture} from "../support/Fixture.sol";

/// @dev What an answer of the registry costs.
contract RegistryPriceTest is Fixture {
    bytes32 private constant UNKNOWN = "never revealed";

    /// @dev The sender decides which slots are warm, and must not decide by that what a step can still pay for.
    function test_S27_an_answer_costs_the_same_whoever_asked_before() public view {
        adjudicator.domainSeparator(); // the contract itself is always warm in a step
        (bool cold, uint256 gasCold) = ask(UNKNOWN, 100_000);
        (bool warm, uint256 gasWarm) = ask(UNKNOWN, 100_000);
        check(cold && warm, "answers");
        check(gasCold > 2_100, "the first one is cold");
        eq(gasWarm, gasCold, "gas");
    }

    function testFuzz_S27_whoever_asked_before_one_gets_an_answer_for_the_same_gas(uint256 limit) public view {
        adjudicator.domainSeparator();
        limit = within(limit, 100, 6_000);
        (bool cold,) = ask(UNKNOWN, limit);
        ask(UNKNOWN, 100_000);
        (bool warm,) = ask(UNKNOWN, limit);
        check(warm == cold, "both or none");
    }

    function ask(bytes32 hash, uint256 limit) private view returns (bool answered, uint256 used) {
        address registry = address(adjudicator);
        bytes memory question = abi.encodeCall(adjudicator.revealedAt, (hash));
        assembly ("memory-safe") {
            let length := mload(question)
            used := gas()
            answered := staticcall(limit, registry, add(question, 32), length, 0, 0)
            used := sub(used, gas())
        }
    }
}
