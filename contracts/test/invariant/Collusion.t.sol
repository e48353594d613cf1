// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IShared} from "../../src/interfaces/IShared.sol";
import {Fixture} from "../support/Fixture.sol";
import {CollusionHandler} from "./CollusionHandler.sol";

/// @dev S18, S51, S53, S64, S71: whatever colluding pairs sign and call in whatever order, no pair gets anything but its own
///      money, and all of it is always accounted for.
contract CollusionTest is Fixture {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    CollusionHandler private handler;

    /// @dev Somebody honest, who has a channel from the start and does nothing.
    uint96 private constant HONEST = 77 ether;

    function setUp() public override {
        super.setUp();
        openBoth(ledger(), HONEST, 0);
        handler = new CollusionHandler(adjudicator);
        for (uint256 i = 0; i < 4; ++i) {
            handler.newPath(uint256(keccak256(abi.encode("first", i))));
            handler.fund(i);
            handler.fund(i + 4);
        }
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function targetSelectors() external view returns (FuzzSelector[] memory selectors) {
        selectors = new FuzzSelector[](1);
        bytes4[] memory list = new bytes4[](13);
        list[0] = handler.fund.selector;
        list[1] = handler.close.selector;
        list[2] = handler.dispute.selector;
        list[3] = handler.conclude.selector;
        list[4] = handler.concludeStale.selector;
        list[5] = handler.newPath.selector;
        list[6] = handler.disputeVirtual.selector;
        list[7] = handler.concludeVirtual.selector;
        list[8] = handler.finalise.selector;
        list[9] = handler.settle.selector;
        list[10] = handler.withdraw.selector;
        list[11] = handler.wait.selector;
        list[12] = handler.wait.selector;
        selectors[0] = FuzzSelector(address(handler), list);
    }

    /// @dev I1, in total and for each pair, to the last wei: what a pair brought is in its purse, in its open channel or in
    ///      its escrows.
    function invariant_I1_every_pair_has_exactly_its_own_money() public view {
        uint256 owed = HONEST;
        for (uint256 pair = 0; pair < handler.PAIRS(); ++pair) {
            IShared.ChannelInfo memory info = adjudicator.channel(handler.channelOf(pair));
            uint256 inside = uint256(info.depositA) + info.depositB;
            for (uint256 i = 0; i < handler.endedCount(); ++i) {
                (uint256 of_, uint40 nonce,) = handler.ended(i);
                if (of_ != pair) continue;
                inside += adjudicator.escrow(adjudicator.channelId(handler.channelOf(pair), nonce)).left;
            }
            eq(inside + handler.purse(pair), handler.ENDOWMENT(), "money of a pair");
            for (uint256 side = 0; side < 3; ++side) {
                inside += adjudicator.vault(address(0), handler.account(pair, side));
            }
            owed += inside;
        }
        eq(address(adjudicator).balance, owed, "holdings");
    }

    function invariant_I2_I3_records_grow_and_outcomes_stay() public {
        for (uint256 i = 0; i < handler.paths(); ++i) {
            handler.observe(i);
        }
    }

    /// @dev The run was not in vain: a good share of the calls succeeded.
    function afterInvariant() external view {
        if (handler.calls() < 50) return;
        check(handler.successes() * 100 >= handler.calls() * 40, "too few calls succeed");
    }

    /// @dev A fixed long run reaches every kind of call.
    function test_the_handler_reaches_every_call() public {
        bytes4[13] memory list = [
            handler.fund.selector,
            handler.close.selector,
            handler.dispute.selector,
            handler.conclude.selector,
            handler.concludeStale.selector,
            handler.newPath.selector,
            handler.disputeVirtual.selector,
            handler.concludeVirtual.selector,
            handler.finalise.selector,
            handler.settle.selector,
            handler.withdraw.selector,
            handler.wait.selector,
            handler.settle.selector
        ];
        for (uint256 i = 0; i < 3_000; ++i) {
            uint256 seed = uint256(keccak256(abi.encode("run", i)));
            (bool ok, bytes memory reason) = address(handler).call(abi.encodeWithSelector(list[seed % 13], seed >> 8));
            if (!ok) {
                assembly {
                    revert(add(reason, 32), mload(reason))
                }
            }
        }
        invariant_I1_every_pair_has_exactly_its_own_money();
        string[16] memory actions = [
            "open",
            "confirm",
            "refund",
            "close",
            "register",
            "version 0",
            "tower",
            "refute",
            "conclude",
            "register virtual",
            "refute virtual",
            "conclude virtual",
            "finalise",
            "settle",
            "settle expired",
            "withdraw"
        ];
        for (uint256 i = 0; i < actions.length; ++i) {
            check(handler.succeeded(actions[i]) > 0, actions[i]);
        }
    }
}
