// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IShared} from "../../src/interfaces/IShared.sol";
import {AdjustTerms, Channel, CloseTerms, LockTerms, Opening, State} from "../../src/types/Structs.sol";
import {FundingFixture} from "../support/FundingFixture.sol";
import {Payouts} from "../../src/modules/Payouts.sol";
import {Behaviour, HostileToken, Token} from "../support/Token.sol";

/// @dev S20: tokens that do what they like hurt nobody who has not chosen them, and of these none more than the token can.
contract TokensTest is FundingFixture {
    uint96 private constant PAY_A = ALICE_STAKE + 17;
    uint96 private constant PAY_B = BOB_STAKE - 17;

    HostileToken private hostile;
    Channel private c;

    function newToken() internal override returns (Token) {
        hostile = new HostileToken();
        return hostile;
    }

    function setUp() public override {
        super.setUp();
        c = channelOf(address(hostile));
    }

    function opens(uint8 way) private returns (bytes4 said) {
        Opening memory o = usual();
        bytes memory fundingB = fundingBy(way, BEN_KEY, c, o, BOB_STAKE, false);
        approve(hostile, anna, address(adjudicator), ALICE_STAKE);
        (, bytes memory result) = attempt(anna, 0, abi.encodeCall(adjudicator.openBoth, (c, o, none, fundingB)));
        return bytes4(result);
    }

    function test_S20_what_arrives_must_be_the_amount() public {
        bytes4[14] memory errors;
        errors[uint256(Behaviour.Fee)] = IShared.WrongDeposit.selector;
        errors[uint256(Behaviour.Bonus)] = IShared.WrongDeposit.selector;
        // What could not come out does not come in.
        errors[uint256(Behaviour.False)] = IShared.TransferFailed.selector;
        errors[uint256(Behaviour.Short)] = IShared.TransferFailed.selector;
        errors[uint256(Behaviour.Two)] = IShared.TransferFailed.selector;
        errors[uint256(Behaviour.Denies)] = IShared.TransferFailed.selector;
        errors[uint256(Behaviour.Reverts)] = IShared.TransferFailed.selector;
        errors[uint256(Behaviour.FloodsAndReverts)] = IShared.TransferFailed.selector;
        errors[uint256(Behaviour.Burns)] = IShared.TransferFailed.selector;
        for (uint256 i = 0; i < errors.length; ++i) {
            if (Behaviour(i) == Behaviour.Burns) continue; // burns whatever the sender gave
            uint256 snapshot = vm.snapshotState();
            hostile.behave(Behaviour(i), Behaviour.Honest);
            eq(bytes32(opens(ALLOWANCE)), bytes32(errors[i]), "error");
            eq(adjudicator.channel(c).phase, errors[i] == 0 ? 2 : 0, "phase");
            vm.revertToState(snapshot);
        }
    }

    function test_S20_the_vault_counts_what_arrives_too() public {
        approve(hostile, anna, address(adjudicator), 1_000);
        bytes memory call_ = abi.encodeCall(adjudicator.fundVault, (address(hostile), ben, 1_000));
        hostile.behave(Behaviour.Fee, Behaviour.Honest);
        fails(IShared.WrongDeposit.selector, anna, 0, call_);
        hostile.behave(Behaviour.False, Behaviour.Honest);
        fails(IShared.TransferFailed.selector, anna, 0, call_);
        hostile.behave(Behaviour.Nothing, Behaviour.Honest);
        fails(IShared.WrongDeposit.selector, anna, 1, call_);
        works(anna, 0, call_);
        eq(adjudicator.vault(address(hostile), ben), 1_000, "vault");
        fails(
            IShared.InvalidOwners.selector,
            anna,
            0,
            abi.encodeCall(adjudicator.fundVault, (address(hostile), address(0), 1))
        );
    }

    function closes() private returns (uint256 used) {
        Opening memory o = usual();
        bytes memory call_ = signedClose(c, closing(c, o, PAY_A));
        uint256 before = gasleft();
        works(carol, 0, call_);
        return before - gasleft();
    }

    function test_S20_S22_what_a_token_does_not_pay_lands_in_the_vault() public {
        openAsset(c, ALICE_STAKE, BOB_STAKE);
        bool[14] memory vaulted;
        vaulted[uint256(Behaviour.False)] = true;
        vaulted[uint256(Behaviour.Reverts)] = true;
        vaulted[uint256(Behaviour.FloodsAndReverts)] = true;
        vaulted[uint256(Behaviour.Burns)] = true;
        // These have moved it, which is undone: nobody is paid and credited at once.
        vaulted[uint256(Behaviour.Short)] = true;
        vaulted[uint256(Behaviour.Two)] = true;
        vaulted[uint256(Behaviour.Denies)] = true;
        for (uint256 i = 0; i < vaulted.length; ++i) {
            uint256 snapshot = vm.snapshotState();
            uint256[2] memory had = [hostile.balanceOf(anna), hostile.balanceOf(ben)];
            hostile.behave(Behaviour.Honest, Behaviour(i));
            atMost(closes(), 400_000, "gas");
            eq(adjudicator.channel(c).phase, 3, "closed");
            eq(adjudicator.vault(address(hostile), anna), vaulted[i] ? PAY_A : 0, "vault of A");
            eq(adjudicator.vault(address(hostile), ben), vaulted[i] ? PAY_B : 0, "vault of B");
            if (vaulted[i]) {
                eq(hostile.balanceOf(anna), had[0], "A, who is owed it, was not paid");
                eq(hostile.balanceOf(ben), had[1], "B, who is owed it, was not paid");
                hostile.behave(Behaviour.Honest, Behaviour.Honest);
                works(ben, 0, abi.encodeCall(adjudicator.withdraw, (address(hostile), carol, PAY_B)));
                eq(adjudicator.vault(address(hostile), ben), 0, "taken");
            }
            vm.revertToState(snapshot);
        }
    }

    /// @dev What others hold of a token that moves and denies it cannot be drawn by a pair that is paid twice.
    function test_S20_nobody_is_paid_twice_out_of_what_others_hold() public {
        fillVault(address(hostile), carol, 1_000);
        openAsset(c, ALICE_STAKE, BOB_STAKE);
        hostile.behave(Behaviour.Honest, Behaviour.Denies);
        closes();
        hostile.behave(Behaviour.Honest, Behaviour.Honest);
        works(anna, 0, abi.encodeCall(adjudicator.withdraw, (address(hostile), anna, PAY_A)));
        works(ben, 0, abi.encodeCall(adjudicator.withdraw, (address(hostile), ben, PAY_B)));
        eq(hostile.balanceOf(anna), 1e30 - ALICE_STAKE + PAY_A, "A");
        eq(hostile.balanceOf(ben), 1e30 - BOB_STAKE + PAY_B, "B");
        works(carol, 0, abi.encodeCall(adjudicator.withdraw, (address(hostile), carol, 1_000)));
        eq(hostile.balanceOf(address(adjudicator)), 1, "what was a gift");
    }

    /// @dev The frame of a payout is the Adjudicator's own: as its sender, nobody else calls it, through a batch neither.
    function test_S20_nobody_else_pushes() public {
        fillVault(address(hostile), anna, 1_000);
        bytes memory call_ = abi.encodeCall(Payouts.push, (address(hostile), carol, 5));
        fails(IShared.NotOwner.selector, anna, 0, call_);
        bytes[] memory calls = new bytes[](1);
        calls[0] = call_;
        vm.expectEmit();
        emit IShared.Skipped(0, IShared.NotOwner.selector);
        works(anna, 0, abi.encodeCall(adjudicator.batch, (200_000, calls)));
        eq(hostile.balanceOf(carol), 1e30, "nothing moved");
        // Nor does the token, while it is asked to pay.
        hostile.plan(address(adjudicator), call_);
        hostile.behave(Behaviour.Honest, Behaviour.Reenters);
        hostile.expectRefusal(IShared.NotOwner.selector);
        works(anna, 0, abi.encodeCall(adjudicator.withdraw, (address(hostile), anna, 7)));
        eq(hostile.attempts(), 1, "tried");
    }

    function test_S20_a_blacklisted_owner_does_not_stop_the_other_and_may_pay_out_elsewhere() public {
        openAsset(c, ALICE_STAKE, BOB_STAKE);
        hostile.blacklist(ben);
        closes();
        eq(hostile.balanceOf(anna), 1e30 - ALICE_STAKE + PAY_A, "A is paid");
        eq(adjudicator.vault(address(hostile), ben), PAY_B, "B's part waits");
        fails(
            IShared.TransferFailed.selector,
            ben,
            0,
            abi.encodeCall(adjudicator.withdraw, (address(hostile), ben, PAY_B))
        );
        works(ben, 0, abi.encodeCall(adjudicator.withdraw, (address(hostile), carol, PAY_B)));
        eq(hostile.balanceOf(carol), 1e30 + PAY_B, "paid elsewhere");
    }

    function test_S20_a_withdrawal_that_does_not_work_takes_nothing() public {
        fillVault(address(hostile), anna, 1_000);
        uint256 had = hostile.balanceOf(anna);
        Behaviour[6] memory bad = [
            Behaviour.False,
            Behaviour.Reverts,
            Behaviour.FloodsAndReverts,
            Behaviour.Short,
            Behaviour.Two,
            Behaviour.Denies
        ];
        for (uint256 i = 0; i < bad.length; ++i) {
            hostile.behave(Behaviour.Honest, bad[i]);
            fails(
                IShared.TransferFailed.selector,
                anna,
                0,
                abi.encodeCall(adjudicator.withdraw, (address(hostile), anna, 1_000))
            );
            eq(adjudicator.vault(address(hostile), anna), 1_000, "vault");
            eq(hostile.balanceOf(anna), had, "and pays nothing");
        }
    }

    /// @dev A token that takes balances away pays as long as it lasts; what it does not pay is owed in the vault.
    function test_S20_a_rebasing_token_hurts_its_own_channels_only() public {
        Token other = new Token();
        other.mint(anna, 1e30);
        other.mint(ben, 1e30);
        Channel memory d = channelOf(address(other));
        openAsset(c, ALICE_STAKE, BOB_STAKE);
        openAsset(d, ALICE_STAKE, BOB_STAKE);
        hostile.rebase(address(adjudicator), 50);
        closes();
        works(carol, 0, signedClose(d, closing(d, usual(), PAY_A)));
        eq(other.balanceOf(anna), 1e30 - ALICE_STAKE + PAY_A, "A of the other channel");
        eq(other.balanceOf(ben), 1e30 - BOB_STAKE + PAY_B, "B of the other channel");
        uint256 paid = hostile.balanceOf(anna) + ALICE_STAKE - 1e30;
        uint256 owed = adjudicator.vault(address(hostile), anna) + adjudicator.vault(address(hostile), ben);
        eq(paid + owed, uint256(PAY_A) + PAY_B, "paid or owed");
    }

    function test_S20_a_token_that_is_gone_pays_nobody_and_stops_nothing() public {
        openAsset(c, ALICE_STAKE, BOB_STAKE);
        vm.etch(address(hostile), none);
        closes();
        eq(adjudicator.vault(address(hostile), anna), PAY_A, "vault of A");
        fails(
            IShared.TransferFailed.selector,
            ben,
            0,
            abi.encodeCall(adjudicator.withdraw, (address(hostile), ben, PAY_B))
        );
    }

    function test_S26_no_gas_limit_pushes_tokens_into_the_vault() public {
        openAsset(c, ALICE_STAKE, BOB_STAKE);
        hostile.behave(Behaviour.Honest, Behaviour.Picky);
        bytes memory call_ = signedClose(c, closing(c, usual(), PAY_A));
        uint256 succeeded;
        for (uint256 limit = 40_000; limit < 350_000; limit += 2_000) {
            uint256 snapshot = vm.snapshotState();
            vm.prank(carol);
            (bool ok,) = address(adjudicator).call{gas: limit}(call_);
            if (ok) {
                ++succeeded;
                eq(adjudicator.vault(address(hostile), anna), 0, "vault of A");
                eq(adjudicator.vault(address(hostile), ben), 0, "vault of B");
            }
            vm.revertToState(snapshot);
        }
        check(succeeded > 50, "enough gas is enough");
    }

    /// @dev S21: from a token that is asked to pay in or out, every call is refused.
    function test_S21_a_token_finds_every_call_locked() public {
        plan();
        Opening memory o = usual();
        hostile.behave(Behaviour.Reenters, Behaviour.Reenters);
        approve(hostile, anna, address(adjudicator), type(uint256).max);
        approve(hostile, ben, address(adjudicator), type(uint256).max);
        works(anna, 0, abi.encodeCall(adjudicator.openWith, (c, o, none)));
        works(ben, 0, abi.encodeCall(adjudicator.confirmWith, (c, o, none)));
        works(anna, 0, abi.encodeCall(adjudicator.deposit, (c, 0, 0, 5, o.notAfter, none)));
        works(anna, 0, abi.encodeCall(adjudicator.fundVault, (address(hostile), ben, 7)));
        works(ben, 0, abi.encodeCall(adjudicator.withdraw, (address(hostile), carol, 7)));
        closes();
        o.nonce = 1;
        bytes memory agreed = abi.encodePacked(ALLOWANCE, signHash(BEN_KEY, authOf(c, o)));
        works(anna, 0, abi.encodeCall(adjudicator.openBoth, (c, o, none, agreed)));
        eq(hostile.attempts(), 9 * 13, "every call from every place, and none went through");
    }

    function plan() private {
        Opening memory o;
        AdjustTerms memory a;
        CloseTerms memory t;
        State memory s;
        LockTerms memory l;
        bytes[13] memory calls = [
            abi.encodeCall(adjudicator.open, (c, 0)),
            abi.encodeCall(adjudicator.confirm, (c, 0, 0)),
            abi.encodeCall(adjudicator.refund, (c)),
            abi.encodeCall(adjudicator.openWith, (c, o, none)),
            abi.encodeCall(adjudicator.confirmWith, (c, o, none)),
            abi.encodeCall(adjudicator.openBoth, (c, o, none, none)),
            abi.encodeCall(adjudicator.deposit, (c, 0, 0, 0, uint40(NOW), none)),
            abi.encodeCall(adjudicator.adjust, (c, a, none)),
            abi.encodeCall(adjudicator.close, (c, t, none)),
            abi.encodeCall(adjudicator.register, (c, s, none)),
            abi.encodeCall(adjudicator.settle, (c, 0, 0, l, 0, new bytes32[](0))),
            abi.encodeCall(adjudicator.withdraw, (address(hostile), address(this), 1)),
            abi.encodeCall(adjudicator.batch, (0, new bytes[](0)))
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            hostile.plan(address(adjudicator), calls[i]);
        }
    }

    /// @dev S18: what a token of its own lets a pair do to the books stays in that token's book.
    function test_S18_a_pair_with_its_own_token_gets_nobodys_money() public {
        Token other = new Token();
        other.mint(carol, 1e30);
        fillVaultOf(other, carol);
        vm.deal(address(adjudicator), 1e20);
        openAsset(c, ALICE_STAKE, BOB_STAKE);
        // The token pretends that the Adjudicator holds all there is, and lets everybody have it.
        hostile.mint(address(adjudicator), type(uint128).max);
        hostile.behave(Behaviour.Honest, Behaviour.Bonus);
        closes();
        eq(other.balanceOf(address(adjudicator)), 1_000, "other tokens");
        eq(address(adjudicator).balance, 1e20, "ether");
        fails(
            IShared.InsufficientVault.selector, anna, 0, abi.encodeCall(adjudicator.withdraw, (address(other), anna, 1))
        );
        fails(IShared.InsufficientVault.selector, anna, 0, abi.encodeCall(adjudicator.withdraw, (address(0), anna, 1)));
    }

    function fillVaultOf(Token other, address owner) private {
        fillVault(address(other), owner, 1_000);
    }

    function test_tokens_are_paid_to_receivers_and_into_vaults() public {
        openAsset(c, ALICE_STAKE, BOB_STAKE);
        CloseTerms memory t = closing(c, usual(), PAY_A);
        (t.receiverA, t.receiverB) = (carol, address(adjudicator));
        bytes memory call_ = signedClose(c, t);
        vm.expectEmit();
        emit Token.Transfer(address(adjudicator), carol, PAY_A);
        vm.expectEmit();
        emit IShared.Vaulted(address(hostile), ben, PAY_B);
        works(carol, 0, call_);
        eq(hostile.balanceOf(carol), 1e30 + PAY_A, "receiver of A");
        eq(adjudicator.vault(address(hostile), ben), PAY_B, "vault of B");
        fails(
            IShared.InvalidReceiver.selector,
            ben,
            0,
            abi.encodeCall(adjudicator.withdraw, (address(hostile), address(adjudicator), PAY_B))
        );
    }

    /// @dev A receiver that does not accept: the owner, who is known to be able to act, gets it in its own vault.
    function test_what_a_receiver_refuses_is_its_owners() public {
        openAsset(c, ALICE_STAKE, BOB_STAKE);
        hostile.blacklist(bob);
        CloseTerms memory t = closing(c, usual(), PAY_A);
        t.receiverA = bob;
        works(carol, 0, signedClose(c, t));
        eq(adjudicator.vault(address(hostile), anna), PAY_A, "vault of the owner");
        eq(adjudicator.vault(address(hostile), bob), 0, "vault of the receiver");
    }

    function test_a_dispute_pays_tokens() public {
        bytes32 id = openAsset(c, ALICE_STAKE, BOB_STAKE);
        State memory s = plain(5, PAY_A);
        bytes memory sigB = signState(BOB_KEY, id, s);
        works(anna, 0, abi.encodeCall(adjudicator.register, (c, s, sigB)));
        bytes32 mix = mixNow();
        pass(NOW + C + 1);
        works(carol, 0, abi.encodeCall(adjudicator.conclude, (c, s, mix)));
        eq(hostile.balanceOf(anna), 1e30 - ALICE_STAKE + PAY_A, "A");
        eq(hostile.balanceOf(ben), 1e30 - BOB_STAKE + PAY_B, "B");
    }
}
