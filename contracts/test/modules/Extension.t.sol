// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {AdjudicatorExtension} from "../../src/AdjudicatorExtension.sol";
import {ICore} from "../../src/interfaces/ICore.sol";
import {IExtension} from "../../src/interfaces/IExtension.sol";
import {Channel} from "../../src/types/Structs.sol";
import {Fixture} from "../support/Fixture.sol";

/// @dev The two halves of the Adjudicator. (That they store alike is checked where they are compiled, scripts/build.mjs.)
contract ExtensionTest is Fixture {
    function extension() private view returns (address) {
        return address(uint160(uint256(keccak256(abi.encodePacked(hex"d694", address(adjudicator), hex"01")))));
    }

    function test_the_extension_lies_where_anybody_can_compute_and_is_the_same_everywhere() public {
        eq(extension().codehash, keccak256(type(AdjudicatorExtension).runtimeCode), "code");
        address first = extension();
        setUp();
        check(extension() != first, "another Adjudicator, another account");
        eq(extension().codehash, first.codehash, "the same code");
    }

    function test_the_extension_speaks_for_the_adjudicator() public view {
        Channel memory c = ledger();
        check(
            adjudicator.channelId(c, 0) != IExtension(extension()).channelId(c, 0),
            "asked itself, it has another domain"
        );
        eq(
            adjudicator.channelId(c, 0),
            keccak256(abi.encode(adjudicator.domainSeparator(), bytes1("L"), keccak256(abi.encode(c)), uint256(0))),
            "id"
        );
    }

    function test_the_extension_holds_nothing_and_knows_no_channel() public {
        Channel memory c = ledger();
        vm.prank(alice);
        vm.expectRevert();
        ICore(extension()).open{value: 1}(c, 0);
        openDefault();
        eq(adjudicator.channel(c).phase, 2, "open");
        eq(IExtension(extension()).channel(c).phase, 0, "its own storage is empty");
    }

    function test_no_ether_comes_in_through_the_fallback() public {
        bytes[3] memory calls =
            [none, abi.encodeCall(adjudicator.domainSeparator, ()), abi.encodeCall(adjudicator.reveal, ("secret"))];
        for (uint256 i = 0; i < calls.length; ++i) {
            vm.prank(alice);
            (bool ok,) = address(adjudicator).call{value: 1}(calls[i]);
            check(!ok, "with ether");
            (ok,) = address(adjudicator).call(calls[i]);
            check(ok == (i > 0), "without");
        }
    }

    function test_what_neither_half_knows_is_refused() public {
        (bool ok, bytes memory result) = address(adjudicator).call(hex"12345678");
        check(!ok && result.length == 0, "an unknown selector");
    }
}
