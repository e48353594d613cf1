// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {AdjustTerms, Channel, CloseTerms, Opening, State} from "../src/types/Structs.sol";
import {Figures} from "./support/Figures.sol";
import {FundingFixture} from "./support/FundingFixture.sol";

/// @dev Gas of money in and out, measured as in Gas.t.sol: keys and signatures are random, amounts have eight non-zero bytes,
///      accounts exist and hold what is moved already, allowances stay above zero.
contract MoneyGasTest is FundingFixture, Figures {
    uint96 private constant SHARE = 2_123_456_789_012_345_679;
    uint96 private constant SOME = 123_456_789_012_345_679;
    uint256 private constant MANY = 100;

    Channel private e; // in ether
    Channel private c; // in tokens

    function setUp() public override {
        super.setUp();
        (e, c) = (channelOf(address(0)), channelOf(address(token)));
        address[2] memory owners = [anna, ben];
        for (uint256 i = 0; i < 2; ++i) {
            approve(token, owners[i], address(adjudicator), 1e30);
            fillVault(address(0), owners[i], 100 * ALICE_STAKE);
            fillVault(address(token), owners[i], 100 * ALICE_STAKE);
        }
    }

    // --------------------------------------------------------------------------------------------------------- ether

    function opensEther(Opening memory o, string memory first, string memory second) private returns (uint256 gas) {
        vm.prank(anna);
        adjudicator.open{value: o.depositA}(e, o.nonce);
        gas = used();
        if (bytes(first).length > 0) note(first, 0);
        vm.prank(ben);
        adjudicator.confirm{value: o.depositB}(e, o.nonce, o.depositA);
        if (bytes(second).length > 0) note(second, 0);
        return gas + used();
    }

    /// @dev Both owners are paid, one of whom sends.
    function closes(Channel memory of_, Opening memory o) private returns (uint256) {
        CloseTerms memory t = closing(of_, o, o.depositB == 0 ? SOME : SHARE);
        bytes memory sigB = signHash(BOB_KEY, closeHash(adjudicator.channel(of_).id, t));
        (t.receiverA, t.receiverB) = (address(0), address(0));
        vm.prank(anna);
        adjudicator.close(of_, t, sigB);
        return used();
    }

    function test_life_of_a_channel_in_ether() public {
        uint256 gas = opensEther(usual(), "", "") + closes(e, usual());
        note("life_eth", gas, 140_000);
        Opening memory o = usual();
        o.nonce = 1;
        gas = opensEther(o, "", "") + closes(e, o);
        note("life_eth_recycled", gas, 122_000);
    }

    /// @dev B's deposit comes out of its vault, which is one slot more and a close to 5,000 gas.
    function test_life_with_one_opening() public {
        Opening memory o = usual();
        bytes memory agreed = abi.encodePacked(VAULT, signHash(BEN_KEY, authOf(e, o)));
        vm.prank(anna);
        adjudicator.openBoth{value: ALICE_STAKE}(e, o, none, agreed);
        note("open_one_tx_vault", 66_000);
        note("life_eth_one_tx_vault", used() + closes(e, o), 0);
    }

    function test_open_for_a_signature() public {
        Opening memory o = opening(ALICE_STAKE, 0);
        bytes memory agreed = abi.encodePacked(SENDER, signHash(BEN_KEY, authOf(e, o)));
        vm.prank(anna);
        adjudicator.openBoth{value: ALICE_STAKE}(e, o, none, agreed);
        note("open_one_tx_eth", 0);
        note("life_eth_one_tx", used() + closes(e, o), 118_000);
    }

    function test_exit_alone() public {
        opensEther(usual(), "", "");
        State memory s = plain(70_000, SHARE + 1);
        bytes memory sigB = signState(BOB_KEY, adjudicator.channelId(e, 0), s);
        vm.prank(anna);
        adjudicator.register(e, s, sigB);
        uint256 gas = used();
        bytes32 mix = mixNow();
        pass(NOW + C + 1);
        vm.prank(anna);
        adjudicator.conclude(e, s, mix);
        note("exit_eth_unilateral", gas + used(), 122_000);
    }

    function test_more_and_less() public {
        opensEther(usual(), "", "");
        vm.prank(anna);
        adjudicator.deposit{value: SOME}(e, 0, 0, SOME, uint40(NOW + 1 hours), none);
        note("deposit_eth", 36_000);
        bytes32 id = adjudicator.channelId(e, 0);
        AdjustTerms memory t = AdjustTerms(0, 0, SOME, anna, 70_001, uint40(NOW + 1 hours));
        bytes memory sigB = signHash(BOB_KEY, adjustHash(id, t));
        t.receiver = address(0);
        vm.prank(anna);
        adjudicator.adjust(e, t, sigB);
        note("withdraw_adjust_eth", 48_000);
        t = AdjustTerms(1, 0, SOME, address(adjudicator), 70_002, uint40(NOW + 1 hours));
        sigB = signHash(BOB_KEY, adjustHash(id, t));
        vm.prank(anna);
        adjudicator.adjust(e, t, sigB);
        note("withdraw_adjust_eth_into_vault", 0);
    }

    function test_vault() public {
        vm.prank(anna);
        adjudicator.fundVault{value: SOME}(address(0), anna, SOME);
        note("fund_vault_eth", 0);
        vm.prank(anna);
        adjudicator.fundVault(address(token), anna, SOME);
        note("fund_vault_erc20", 0);
        vm.prank(anna);
        adjudicator.withdraw(address(token), anna, SOME);
        note("withdraw_erc20", 0);
    }

    // -------------------------------------------------------------------------------------------------------- tokens

    function test_life_of_a_channel_in_tokens() public {
        vm.prank(anna);
        adjudicator.openWith(c, usual(), none);
        note("open_erc20_first", 78_000);
        uint256 gas = used();
        vm.prank(ben);
        adjudicator.confirmWith(c, usual(), none);
        note("open_erc20_second", 58_000);
        gas += used() + closes(c, usual());
        note("close_erc20", 76_000);
        note("life_erc20_without_approvals", gas, 205_000);
    }

    /// @dev A sends; both pay by EIP-3009.
    function test_open_by_authorisations() public {
        Opening memory o = usual();
        bytes memory fundingA = fundingBy(AUTHORISATION, ANNA_KEY, c, o, ALICE_STAKE, true);
        bytes memory fundingB = fundingBy(AUTHORISATION, BEN_KEY, c, o, BOB_STAKE, false);
        vm.prank(anna);
        adjudicator.openBoth(c, o, fundingA, fundingB);
        note("open_one_tx_erc20_3009_both", 145_000);
    }

    function test_open_by_other_ways() public {
        uint8[3] memory ways = [VAULT, PERMIT, PERMIT2];
        string[3] memory names = ["vault", "permit", "permit2"];
        for (uint256 i = 0; i < ways.length; ++i) {
            Opening memory o = usual();
            Channel memory lane = channelOf(address(token));
            lane.lane = uint16(i);
            bytes memory fundingA = fundingBy(ways[i], ANNA_KEY, lane, o, ALICE_STAKE, true);
            bytes memory fundingB = fundingBy(ways[i], BEN_KEY, lane, o, BOB_STAKE, false);
            vm.prank(anna);
            adjudicator.openBoth(lane, o, fundingA, fundingB);
            note(string.concat("open_one_tx_erc20_", names[i], "_both"), 0);
        }
    }

    // ------------------------------------------------------------------------------------------------------- batches

    function laneOf(uint256 i) private view returns (Channel memory lane) {
        lane = channelOf(address(0));
        // Everybody but the hub has an account and a key of its own.
        lane.ownerB = vm.addr(ownerKey(i));
        lane.keyB = keyOf(clientKey(i));
    }

    function ownerKey(uint256 i) private pure returns (uint256) {
        return uint256(keccak256(abi.encode("client's account", i))) >> 1;
    }

    function clientKey(uint256 i) private pure returns (uint256) {
        return uint256(keccak256(abi.encode("client's channel key", i))) >> 1;
    }

    function test_batches() public {
        bytes[] memory calls = new bytes[](MANY);
        Opening memory o = opening(SOME, 0);
        for (uint256 i = 0; i < MANY; ++i) {
            Channel memory lane = laneOf(i);
            bytes memory agreed = abi.encodePacked(SENDER, signHash(ownerKey(i), authOf(lane, o)));
            calls[i] = abi.encodeCall(adjudicator.openBoth, (lane, o, abi.encodePacked(VAULT), agreed));
            vm.deal(lane.ownerB, 1);
        }
        vm.prank(anna);
        adjudicator.batch(300_000, calls);
        note("batch_open_100_per_channel", used() / MANY, 42_000);
        for (uint256 i = 0; i < MANY; ++i) {
            Channel memory lane = laneOf(i);
            check(adjudicator.channel(lane).phase == 2, "open");
            CloseTerms memory t = closing(lane, o, SOME / 3);
            t.receiverA = address(adjudicator);
            bytes memory sigB = signHash(clientKey(i), closeHash(adjudicator.channel(lane).id, t));
            t.receiverB = address(0);
            calls[i] = abi.encodeCall(adjudicator.close, (lane, t, sigB));
        }
        vm.prank(anna);
        adjudicator.batch(300_000, calls);
        note("batch_close_100_per_channel", used() / MANY, 38_000);
        for (uint256 i = 0; i < MANY; ++i) {
            check(adjudicator.channel(laneOf(i)).phase == 3, "closed");
        }
    }
}
