// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IShared} from "../../src/interfaces/IShared.sol";
import {Fixture} from "../support/Fixture.sol";
import {Puppet} from "../support/Puppet.sol";
import {NanoHandler} from "./NanoHandler.sol";

/// @dev Conservation with nanocontracts: whatever two sign and force, their channel pays out exactly what it holds, in time.
contract NanoInvariantTest is Fixture {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    NanoHandler private handler;

    /// @dev Somebody honest, who has a channel from the start and does nothing.
    uint96 private constant HONEST = 77 ether;

    function setUp() public override {
        super.setUp();
        openBoth(ledger(alice, carol, HUB_KEY, A_END_KEY, 9), HONEST, 0);
        handler = new NanoHandler(adjudicator, adjudicator.deploy(address(new Puppet()).code));
        handler.learn();
    }

    function actions() private view returns (bytes4[] memory list) {
        list = new bytes4[](9);
        list[0] = handler.begin_.selector;
        list[1] = handler.claim_.selector;
        list[2] = handler.claim_.selector;
        list[3] = handler.step_.selector;
        list[4] = handler.step_.selector;
        list[5] = handler.conclude_.selector;
        list[6] = handler.close_.selector;
        list[7] = handler.wait_.selector;
        list[8] = handler.wait_.selector;
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function targetSelectors() external view returns (FuzzSelector[] memory selectors) {
        selectors = new FuzzSelector[](1);
        selectors[0] = FuzzSelector(address(handler), actions());
    }

    function invariant_I1_money_is_conserved_with_nanos() public view {
        IShared.ChannelInfo memory info = handler.channel();
        uint256 inside = uint256(info.depositA) + info.depositB;
        eq(inside + handler.purses(), handler.ENDOWMENT(), "money of the two");
        eq(address(adjudicator).balance, HONEST + inside, "holdings");
    }

    function invariant_what_accrued_is_the_sum_of_the_nanos() public view {
        check(handler.accruedSum() == handler.expectedSum(), "sum");
    }

    function invariant_S65_the_end_is_bounded() public view {
        IShared.ChannelInfo memory info = handler.channel();
        if (info.disputed) atMost(info.finalAt, info.deadline + (2 + 5) * uint256(W), "finalAt");
    }

    /// @dev A fixed long run reaches every kind of call.
    function test_the_handler_reaches_every_call() public {
        bytes4[] memory list = actions();
        for (uint256 i = 0; i < 2_500; ++i) {
            uint256 seed = uint256(keccak256(abi.encode("run", i)));
            (bool ok, bytes memory reason) =
                address(handler).call(abi.encodeWithSelector(list[seed % list.length], seed >> 8));
            if (!ok) {
                assembly {
                    revert(add(reason, 32), mload(reason))
                }
            }
            invariant_I1_money_is_conserved_with_nanos();
            invariant_what_accrued_is_the_sum_of_the_nanos();
            invariant_S65_the_end_is_bounded();
        }
        string[7] memory names = ["begin", "register", "refute", "execute", "conclude", "conclude within", "close"];
        for (uint256 i = 0; i < names.length; ++i) {
            check(handler.succeeded(names[i]) > 2, names[i]);
        }
    }
}
