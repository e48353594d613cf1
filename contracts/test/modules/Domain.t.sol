// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Adjudicator} from "../../src/Adjudicator.sol";
import {IAdjudicator} from "../../src/interfaces/IAdjudicator.sol";
import {IShared} from "../../src/interfaces/IShared.sol";
import {Channel, CloseTerms, State} from "../../src/types/Structs.sol";
import {Fixture} from "../support/Fixture.sol";

/// @dev S14: what is signed in one context is nothing in any other.
contract ReplayTest is Fixture {
    function registers(Channel memory c, State memory s, bytes memory sigB) private returns (bool ok) {
        vm.prank(alice);
        (ok,) = address(adjudicator).call(abi.encodeCall(adjudicator.register, (c, s, sigB)));
    }

    function test_S14_states_do_not_cross_channels_chains_contracts_lives_or_types() public {
        (Channel memory c, bytes32 id) = openDefault();
        State memory s = plain(5, 1 ether);
        bytes memory sigB = signState(BOB_KEY, id, s);

        Channel memory lane = ledger(alice, bob, ALICE_KEY, BOB_KEY, 1);
        openBoth(lane, ALICE_STAKE, BOB_STAKE);
        check(!registers(lane, s, sigB), "another lane");

        Channel memory stranger = ledger(alice, carol, ALICE_KEY, BOB_KEY, 0);
        openBoth(stranger, ALICE_STAKE, BOB_STAKE);
        check(!registers(stranger, s, sigB), "another owner, the same keys");

        IAdjudicator first = adjudicator;
        adjudicator = IAdjudicator(address(new Adjudicator()));
        openBoth(c, ALICE_STAKE, BOB_STAKE);
        check(!registers(c, s, sigB), "another contract");
        adjudicator = first;

        uint256 snapshot = vm.snapshotState();
        vm.chainId(4242);
        check(adjudicator.channelId(c, 0) != id, "the id changes with the chain");
        check(!registers(c, s, sigB), "another chain");
        vm.revertToState(snapshot);
        vm.chainId(31337);

        // Other types over the same numbers.
        check(!registers(c, s, signHash(BOB_KEY, finalHash(id, s.defA))), "a Final");
        CloseTerms memory t = CloseTerms(s.depA, s.depB, s.defA, 0, 0, 0, alice, bob, uint40(NOW));
        check(!registers(c, s, signHash(BOB_KEY, closeHash(id, t))), "a Close");
        check(!registers(c, s, signDigest(BOB_KEY, stateHash(id, s))), "without the domain");
        check(
            !registers(
                c,
                s,
                signDigest(BOB_KEY, keccak256(abi.encodePacked("\x19Ethereum Signed Message:\n32", stateHash(id, s))))
            ),
            "a personal message"
        );

        check(registers(c, s, sigB), "where it belongs");
    }

    function test_the_separator_follows_the_chain_id() public {
        bytes32 before = adjudicator.domainSeparator();
        vm.chainId(4242);
        eq(
            adjudicator.domainSeparator(),
            keccak256(
                abi.encode(
                    keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                    keccak256("Perunika"),
                    keccak256("1"),
                    uint256(4242),
                    address(adjudicator)
                )
            ),
            "separator"
        );
        vm.chainId(31337);
        eq(adjudicator.domainSeparator(), before, "and back");
    }

    function test_a_chain_that_counts_milliseconds_is_refused() public {
        vm.warp(uint256(type(uint32).max) + 1);
        vm.expectRevert(IShared.WrongDomain.selector);
        new Adjudicator();
    }
}
