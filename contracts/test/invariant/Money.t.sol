// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IShared} from "../../src/interfaces/IShared.sol";
import {FundingFixture} from "../support/FundingFixture.sol";
import {MoneyHandler} from "./MoneyHandler.sol";

/// @dev S18, S20, S51: of every asset that is honest, whatever pairs do with it and with others, each pair has exactly what it
///      brought, and the Adjudicator exactly what it owes.
contract MoneyTest is FundingFixture {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    MoneyHandler private handler;

    function setUp() public override {
        super.setUp();
        handler = new MoneyHandler(adjudicator);
    }

    function list() private view returns (bytes4[] memory selectors) {
        selectors = new bytes4[](12);
        selectors[0] = handler.open.selector;
        selectors[1] = handler.open.selector;
        selectors[2] = handler.deposit.selector;
        selectors[3] = handler.fund.selector;
        selectors[4] = handler.adjust.selector;
        selectors[5] = handler.close.selector;
        selectors[6] = handler.closeAll.selector;
        selectors[7] = handler.dispute.selector;
        selectors[8] = handler.withdraw.selector;
        selectors[9] = handler.turn.selector;
        selectors[10] = handler.open.selector;
        selectors[11] = handler.deposit.selector;
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function targetSelectors() external view returns (FuzzSelector[] memory selectors) {
        selectors = new FuzzSelector[](1);
        selectors[0] = FuzzSelector(address(handler), list());
    }

    /// @dev I1 for ether and for the honest token, to the last unit.
    /// forge-config: default.invariant.runs = 24
    function invariant_I1_of_every_honest_asset() public view {
        address[2] memory assets = [address(0), address(handler.token_())];
        for (uint256 i = 0; i < 2; ++i) {
            uint256 owed;
            for (uint256 pair = 0; pair < handler.PAIRS(); ++pair) {
                uint256 inside;
                if (handler.assetOf(pair) == assets[i]) {
                    IShared.ChannelInfo memory info = adjudicator.channel(handler.channelOfPair(pair));
                    inside = uint256(info.depositA) + info.depositB;
                }
                eq(inside + handler.purse(pair, assets[i]), handler.ENDOWMENT(), "money of a pair");
                for (uint256 side = 0; side < 2; ++side) {
                    inside += adjudicator.vault(assets[i], handler.account(pair, side));
                }
                owed += inside;
            }
            eq(held(assets[i], address(adjudicator)), owed, "holdings");
        }
    }

    /// @dev The run was not in vain.
    function afterInvariant() external view {
        if (handler.calls() < 50) return;
        check(handler.successes() * 100 >= handler.calls() * 30, "too few calls succeed");
    }

    function test_the_handler_reaches_every_call() public {
        bytes4[] memory selectors = list();
        for (uint256 i = 0; i < 2_000; ++i) {
            uint256 seed = uint256(keccak256(abi.encode("money", i)));
            (bool ok, bytes memory reason) =
                address(handler).call(abi.encodeWithSelector(selectors[seed % selectors.length], seed >> 8));
            if (!ok) {
                assembly {
                    revert(add(reason, 32), mload(reason))
                }
            }
        }
        invariant_I1_of_every_honest_asset();
        string[12] memory actions = [
            "open",
            "confirm",
            "both",
            "refund",
            "deposit",
            "fund",
            "adjust",
            "close",
            "batch",
            "register",
            "conclude",
            "withdraw"
        ];
        for (uint256 i = 0; i < actions.length; ++i) {
            check(handler.succeeded(actions[i]) > 0, actions[i]);
        }
    }
}
