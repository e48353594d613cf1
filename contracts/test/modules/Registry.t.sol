// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IShared} from "../../src/interfaces/IShared.sol";
import {Fixture} from "../support/Fixture.sol";

contract RegistryTest is Fixture {
    function test_a_secret_is_seen_once() public {
        bytes32 hash = keccak256(abi.encode(bytes32("secret")));
        eq(adjudicator.revealedAt(hash), 0, "never");
        vm.expectEmit();
        emit IShared.Revealed(hash, "secret");
        vm.prank(carol);
        adjudicator.reveal("secret");
        eq(adjudicator.revealedAt(hash), NOW, "when");
        pass(NOW + 5);
        vm.recordLogs();
        adjudicator.reveal("secret");
        eq(vm.getRecordedLogs().length, 0, "nothing happens");
        eq(adjudicator.revealedAt(hash), NOW, "the first time counts");
        eq(adjudicator.revealedAt(keccak256(abi.encode(bytes32("another")))), 0, "another");
    }

    function where(bytes memory code) private view returns (address) {
        bytes memory init = bytes.concat(hex"61", bytes2(uint16(code.length)), hex"80600a5f395ff3", code);
        bytes32 hash = keccak256(abi.encodePacked(bytes1(0xff), address(adjudicator), bytes32(0), keccak256(init)));
        return address(uint160(uint256(hash)));
    }

    function testFuzz_code_is_where_everybody_expects_it(bytes memory code) public {
        vm.assume(code.length > 0 && code.length <= 24_576 && code[0] != 0xef);
        address account = adjudicator.deploy(code);
        eq(account, where(code), "address");
        eq(account.codehash, keccak256(code), "code");
        eq(adjudicator.deploy(code), account, "harmless if it is there");
    }

    function test_the_longest_code() public {
        bytes memory code = new bytes(24_576);
        eq(adjudicator.deploy(code).codehash, keccak256(code), "code");
    }

    function test_what_cannot_be_deployed_reverts() public {
        for (uint256 i = 0; i < 3; ++i) {
            bytes memory code = i == 0 ? bytes(hex"ef00") : new bytes(i == 1 ? 24_577 : 65_536 + 5);
            vm.expectRevert(IShared.DeploymentFailed.selector);
            adjudicator.deploy(code);
        }
    }

    /// @dev Somebody may have sent ether to the address before.
    function test_money_at_the_address_stops_nobody() public {
        bytes memory code = hex"5f5ff3";
        vm.deal(where(code), 1);
        eq(adjudicator.deploy(code).codehash, keccak256(code), "code");
    }
}
