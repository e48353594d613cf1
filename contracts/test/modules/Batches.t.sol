// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IShared} from "../../src/interfaces/IShared.sol";
import {Channel, CloseTerms, Opening} from "../../src/types/Structs.sol";
import {FundingFixture} from "../support/FundingFixture.sol";

/// @dev Whose ERC-1271 burns all the gas that it gets.
contract Burner {
    fallback() external {
        while (true) {}
    }
}

contract BatchesTest is FundingFixture {
    uint256 private constant EACH = 250_000;
    uint256 private constant COUNT = 5;
    uint96 private constant STAKE = 1_000_000;

    function setUp() public override {
        super.setUp();
        fillVault(address(0), anna, uint96(COUNT) * STAKE);
    }

    function laneOf(uint256 i) private view returns (Channel memory c) {
        c = channelOf(address(0));
        c.lane = uint16(i);
    }

    function openings() private view returns (bytes[] memory calls) {
        calls = new bytes[](COUNT);
        Opening memory o = opening(STAKE, 0);
        for (uint256 i = 0; i < COUNT; ++i) {
            bytes memory agreed = abi.encodePacked(SENDER, signHash(BEN_KEY, authOf(laneOf(i), o)));
            calls[i] = abi.encodeCall(adjudicator.openBoth, (laneOf(i), o, abi.encodePacked(VAULT), agreed));
        }
    }

    function closings() private view returns (bytes[] memory calls) {
        calls = new bytes[](COUNT);
        for (uint256 i = 0; i < COUNT; ++i) {
            CloseTerms memory t = closing(laneOf(i), opening(STAKE, 0), STAKE / 2);
            t.receiverA = address(adjudicator);
            bytes memory sigB = signHash(BOB_KEY, closeHash(adjudicator.channel(laneOf(i)).id, t));
            calls[i] = abi.encodeCall(adjudicator.close, (laneOf(i), t, sigB));
        }
    }

    function batch(bytes[] memory calls) private view returns (bytes memory) {
        return abi.encodeCall(adjudicator.batch, (EACH, calls));
    }

    function phases() private view returns (uint256 sum) {
        for (uint256 i = 0; i < COUNT; ++i) {
            sum = sum * 10 + adjudicator.channel(laneOf(i)).phase;
        }
    }

    function test_a_hub_opens_and_closes_many_channels() public {
        works(anna, 0, batch(openings()));
        eq(phases(), 22222, "all open");
        eq(adjudicator.vault(address(0), anna), 0, "vault");
        uint256 before = ben.balance;
        works(anna, 0, batch(closings()));
        eq(phases(), 33333, "all closed");
        eq(adjudicator.vault(address(0), anna), COUNT * STAKE / 2, "what closings pay the hub is in its vault");
        eq(ben.balance, before + COUNT * STAKE / 2, "the others are paid");
    }

    /// @dev S23: a counterparty that comes first spoils its own call only.
    function test_S23_a_stale_opening_is_passed_over() public {
        bytes[] memory calls = openings();
        // The fourth waits for B already.
        works(anna, 1, abi.encodeCall(adjudicator.open, (laneOf(3), 0)));
        vm.expectEmit();
        emit IShared.Skipped(3, IShared.WrongPhase.selector);
        works(anna, 0, batch(calls));
        eq(phases(), 22212, "all others are open");
        eq(adjudicator.vault(address(0), anna), STAKE, "and paid for");
    }

    function test_S23_a_stale_closing_is_passed_over() public {
        works(anna, 0, batch(openings()));
        bytes[] memory calls = closings();
        CloseTerms memory t = closing(laneOf(1), opening(STAKE, 0), STAKE);
        works(carol, 0, signedClose(laneOf(1), t));
        // The next life of lane 2 is open already: the signatures are of the one before.
        works(carol, 0, signedClose(laneOf(2), closing(laneOf(2), opening(STAKE, 0), STAKE)));
        openAsset(laneOf(2), STAKE, 0);
        vm.expectEmit();
        emit IShared.Skipped(1, IShared.WrongPhase.selector);
        vm.expectEmit();
        emit IShared.Skipped(2, IShared.InvalidSignature.selector);
        works(anna, 0, batch(calls));
        eq(phases(), 33233, "all others are closed");
    }

    function test_a_vault_that_runs_dry_stops_the_rest_only() public {
        works(anna, 0, abi.encodeCall(adjudicator.withdraw, (address(0), anna, uint256(STAKE) * 3)));
        works(anna, 0, batch(openings()));
        eq(phases(), 22000, "as far as it goes");
    }

    function test_a_call_is_made_as_the_sender() public {
        bytes[] memory calls = openings();
        for (uint256 i = 0; i < COUNT; ++i) {
            vm.expectEmit();
            emit IShared.Skipped(i, IShared.InvalidSignature.selector);
        }
        works(carol, 0, batch(calls));
        eq(phases(), 0, "none is carol's");
    }

    /// @dev No gas limit makes a call fail that would succeed with what it is given: the batch fails instead.
    function test_S26_no_gas_limit_skips_a_call() public {
        bytes memory call_ = batch(openings());
        uint256 succeeded;
        for (uint256 limit = 50_000; limit < 900_000; limit += 3_000) {
            uint256 snapshot = vm.snapshotState();
            vm.prank(anna);
            (bool ok,) = address(adjudicator).call{gas: limit}(call_);
            if (ok) ++succeeded;
            eq(phases(), ok ? 22222 : 0, "all or nothing");
            vm.revertToState(snapshot);
        }
        check(succeeded > 50, "enough gas is enough");
    }

    /// @dev Nor does it if the call is long, and what copying it costs comes on top: a contract that calls `batch` pays no calldata.
    ///      (A payout without its reserve gives its gas back, so that the batch could end well.)
    function test_S26_no_gas_limit_skips_a_long_call() public {
        works(anna, 0, batch(openings()));
        bytes[] memory calls = new bytes[](1);
        calls[0] = bytes.concat(closings()[0], new bytes(20_000));
        uint256 each = 70_000; // what is just enough
        while (!closes(calls, each, 2_000_000)) each += 100;
        uint256 succeeded;
        for (uint256 limit = each; limit < each + 50_000; limit += 200) {
            if (closes(calls, each, limit)) ++succeeded;
        }
        check(succeeded > 50, "enough gas is enough");
    }

    /// @dev Whether a batch of one closing closes.
    function closes(bytes[] memory calls, uint256 each, uint256 limit) private returns (bool closed) {
        uint256 snapshot = vm.snapshotState();
        vm.prank(anna);
        (bool ok,) = address(adjudicator).call{gas: limit}(abi.encodeCall(adjudicator.batch, (each, calls)));
        closed = adjudicator.channel(laneOf(0)).phase == 3;
        if (limit < 2_000_000) check(ok == closed, "passed over for want of gas");
        vm.revertToState(snapshot);
    }

    /// @dev A call that burns what it gets costs that, and stops nobody.
    function test_S26_a_burner_has_its_own_gas() public {
        Burner burner = new Burner();
        bytes[] memory calls = openings();
        Channel memory c = laneOf(0);
        c.ownerB = address(burner);
        calls[0] = abi.encodeCall(adjudicator.openBoth, (c, opening(STAKE, 0), abi.encodePacked(VAULT), none));
        uint256 before = gasleft();
        works(anna, 0, batch(calls));
        atMost(before - gasleft(), 900_000, "gas");
        eq(phases(), 2222, "all others");
    }

    function test_a_batch_takes_no_ether() public {
        (bool ok,) = attempt(anna, 1, batch(openings()));
        check(!ok, "ether");
        bytes[] memory calls = new bytes[](1);
        calls[0] = abi.encodeCall(adjudicator.open, (laneOf(0), 0));
        works(anna, 0, batch(calls));
        eq(adjudicator.channel(laneOf(0)).depositA, 0, "and gives none");
    }

    function test_what_is_no_call_is_passed_over() public {
        bytes[] memory calls = new bytes[](3);
        (calls[0], calls[1]) = (none, hex"12345678");
        calls[2] = batch(openings());
        vm.expectEmit();
        emit IShared.Skipped(0, 0);
        vm.expectEmit();
        emit IShared.Skipped(1, 0);
        works(anna, 0, abi.encodeCall(adjudicator.batch, (3_000_000, calls)));
        eq(phases(), 22222, "a batch in a batch is one");
    }

    function test_an_absurd_budget_is_refused() public {
        (bool ok,) = attempt(anna, 0, abi.encodeCall(adjudicator.batch, (type(uint256).max, openings())));
        check(!ok, "more than there is");
        fails(IShared.InsufficientGas.selector, anna, 0, abi.encodeCall(adjudicator.batch, (1 << 60, openings())));
        works(anna, 0, abi.encodeCall(adjudicator.batch, (1 << 60, new bytes[](0))));
    }
}
