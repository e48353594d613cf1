// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IShared} from "../../src/interfaces/IShared.sol";
import {Channel, Opening} from "../../src/types/Structs.sol";
import {FundingFixture} from "../support/FundingFixture.sol";
import {SilentToken, Token} from "../support/Token.sol";

contract OpeningsTest is FundingFixture {
    Channel private c;

    function setUp() public override {
        super.setUp();
        c = channelOf(address(token));
    }

    function both(Channel memory c_, Opening memory o, bytes memory fundingA, bytes memory fundingB)
        private
        view
        returns (bytes memory)
    {
        return abi.encodeCall(adjudicator.openBoth, (c_, o, fundingA, fundingB));
    }

    /// @dev Opens with the given ways, and looks at who paid.
    function opensBoth(uint8 wayA, uint8 wayB, address sender, Channel memory c_) private {
        Opening memory o = usual();
        uint256 gift = held(c_.asset, address(adjudicator));
        bytes memory fundingA = fundingBy(wayA, ANNA_KEY, c_, o, ALICE_STAKE, sender == anna);
        bytes memory fundingB = fundingBy(wayB, BEN_KEY, c_, o, BOB_STAKE, sender == ben);
        uint256 value = uint256(wayA == SENDER ? ALICE_STAKE : 0) + (wayB == SENDER ? BOB_STAKE : 0);
        if (c_.asset != address(0)) {
            approve(token, sender, address(adjudicator), value);
            value = 0;
        }
        works(sender, value, both(c_, o, fundingA, fundingB));

        IShared.ChannelInfo memory info = adjudicator.channel(c_);
        eq(info.phase, 2, "phase");
        eq(info.depositA, ALICE_STAKE, "deposit of A");
        eq(info.depositB, BOB_STAKE, "deposit of B");
        eq(held(c_.asset, address(adjudicator)) - gift, uint256(ALICE_STAKE) + BOB_STAKE, "holdings");
        eq(adjudicator.vault(c_.asset, anna) + adjudicator.vault(c_.asset, ben), 0, "vaults");
        address payerA = wayA == SENDER ? sender : anna;
        address payerB = wayB == SENDER ? sender : ben;
        address[3] memory all = [anna, ben, carol];
        for (uint256 i = 0; i < 3; ++i) {
            uint256 paid = uint256(payerA == all[i] ? ALICE_STAKE : 0) + (payerB == all[i] ? BOB_STAKE : 0);
            eq(held(c_.asset, all[i]), 1e30 - paid, "who paid");
        }
    }

    function test_all_ways_and_senders_open_in_one_transaction() public {
        address[3] memory senders = [anna, ben, carol];
        for (uint8 wayA = 0; wayA < WAYS; ++wayA) {
            for (uint8 wayB = 0; wayB < WAYS; ++wayB) {
                for (uint256 i = 0; i < 3; ++i) {
                    // A permit sets its owner's allowance to A's deposit, and B's would have to come out of it too.
                    if (wayA == PERMIT && wayB == SENDER && senders[i] == anna) continue;
                    uint256 snapshot = vm.snapshotState();
                    opensBoth(wayA, wayB, senders[i], c);
                    vm.revertToState(snapshot);
                }
            }
        }
    }

    function test_ether_is_paid_with_the_call_or_out_of_the_vault() public {
        address[3] memory senders = [anna, ben, carol];
        for (uint8 ways = 0; ways < 4; ++ways) {
            for (uint256 i = 0; i < 3; ++i) {
                uint256 snapshot = vm.snapshotState();
                opensBoth(ways % 2, ways / 2, senders[i], channelOf(address(0)));
                vm.revertToState(snapshot);
            }
        }
    }

    function test_one_deposit_after_the_other_in_every_way() public {
        Opening memory o = usual();
        for (uint8 way = 0; way < WAYS; ++way) {
            for (uint256 relayed = 0; relayed < 2; ++relayed) {
                uint256 snapshot = vm.snapshotState();
                bytes memory funding = fundingBy(way, ANNA_KEY, c, o, ALICE_STAKE, true);
                if (way == SENDER) approve(token, anna, address(adjudicator), ALICE_STAKE);
                works(anna, 0, abi.encodeCall(adjudicator.openWith, (c, o, funding)));
                eq(adjudicator.channel(c).phase, 1, "waits for B");
                eq(adjudicator.channel(c).depositA, ALICE_STAKE, "deposit of A");
                address sender = relayed == 1 ? carol : ben;
                funding = fundingBy(way, BEN_KEY, c, o, BOB_STAKE, relayed == 0);
                if (way == SENDER) approve(token, sender, address(adjudicator), BOB_STAKE);
                works(sender, 0, abi.encodeCall(adjudicator.confirmWith, (c, o, funding)));
                eq(adjudicator.channel(c).phase, 2, "open");
                eq(adjudicator.channel(c).depositB, BOB_STAKE, "deposit of B");
                eq(token.balanceOf(address(adjudicator)), 1 + uint256(ALICE_STAKE) + BOB_STAKE, "holdings");
                vm.revertToState(snapshot);
            }
        }
    }

    function test_the_first_deposit_is_sent_by_its_owner() public {
        Opening memory o = usual();
        bytes memory funding = fundingBy(ALLOWANCE, ANNA_KEY, c, o, ALICE_STAKE, false);
        bytes memory call_ = abi.encodeCall(adjudicator.openWith, (c, o, funding));
        fails(IShared.NotOwner.selector, carol, 0, call_);
        fails(IShared.NotOwner.selector, ben, 0, call_);
    }

    function test_A_takes_tokens_back_before_B_confirms() public {
        Opening memory o = usual();
        approve(token, anna, address(adjudicator), ALICE_STAKE);
        works(anna, 0, abi.encodeCall(adjudicator.openWith, (c, o, none)));
        works(anna, 0, abi.encodeCall(adjudicator.refund, (c)));
        eq(token.balanceOf(anna), 1e30, "paid back");
        // What was signed for that life opens no other.
        bytes memory fundingA = fundingBy(ALLOWANCE, ANNA_KEY, c, o, ALICE_STAKE, false);
        bytes memory fundingB = fundingBy(ALLOWANCE, BEN_KEY, c, o, BOB_STAKE, false);
        fails(IShared.WrongNonce.selector, carol, 0, both(c, o, fundingA, fundingB));
        o.nonce = 1;
        fails(IShared.InvalidSignature.selector, carol, 0, both(c, o, fundingA, fundingB));
    }

    /// @dev The errors of the three who check signatures.
    function refusal(uint8 way) private pure returns (bytes4) {
        return way >= AUTHORISATION ? IShared.TransferFailed.selector : IShared.InvalidSignature.selector;
    }

    function test_S14_an_agreement_is_to_one_life_on_these_deposits_until_then() public {
        for (uint8 way = 0; way < WAYS; ++way) {
            uint256 snapshot = vm.snapshotState();
            Opening memory o = usual();
            bytes memory fundingB = fundingBy(way, BEN_KEY, c, o, BOB_STAKE, false);
            approve(token, anna, address(adjudicator), type(uint256).max);

            Opening memory other = usual();
            other.depositA += 1;
            fails(refusal(way), anna, 0, both(c, other, none, fundingB));
            other = usual();
            other.depositB -= 1;
            fails(refusal(way), anna, 0, both(c, other, none, fundingB));
            other = usual();
            other.notAfter += 1;
            fails(refusal(way), anna, 0, both(c, other, none, fundingB));
            Channel memory lane = channelOf(address(token));
            lane.lane = 1;
            fails(refusal(way), anna, 0, both(lane, o, none, fundingB));
            lane = channelOf(address(token));
            lane.keyB = keyOf(HUB_KEY);
            fails(refusal(way), anna, 0, both(lane, o, none, fundingB));
            works(anna, 0, both(c, o, none, fundingB));
            vm.revertToState(snapshot);
        }
    }

    function test_S14_one_sides_agreement_is_not_the_others() public {
        Opening memory o = opening(ALICE_STAKE, ALICE_STAKE);
        for (uint8 way = 0; way < WAYS; ++way) {
            uint256 snapshot = vm.snapshotState();
            bytes memory own = fundingBy(way, ANNA_KEY, c, o, ALICE_STAKE, false);
            approve(token, carol, address(adjudicator), type(uint256).max);
            fails(refusal(way), carol, 0, both(c, o, own, own));
            // The same two with their sides exchanged are another channel.
            Channel memory turned = c;
            (turned.ownerA, turned.ownerB) = (c.ownerB, c.ownerA);
            bytes memory other = fundingBy(way, BEN_KEY, c, o, ALICE_STAKE, false);
            fails(refusal(way), carol, 0, both(turned, o, other, own));
            vm.revertToState(snapshot);
        }
    }

    function test_an_agreement_ends(uint256 by) public {
        Opening memory o = usual();
        bytes memory fundingA = fundingBy(ALLOWANCE, ANNA_KEY, c, o, ALICE_STAKE, false);
        bytes memory fundingB = fundingBy(AUTHORISATION, BEN_KEY, c, o, BOB_STAKE, false);
        uint256 snapshot = vm.snapshotState();
        pass(uint256(o.notAfter) + 1 + by % 1e6);
        fails(IShared.Expired.selector, carol, 0, both(c, o, fundingA, fundingB));
        fails(IShared.Expired.selector, anna, 0, abi.encodeCall(adjudicator.openWith, (c, o, none)));
        fails(IShared.Expired.selector, ben, 0, abi.encodeCall(adjudicator.confirmWith, (c, o, none)));
        vm.revertToState(snapshot);
        pass(o.notAfter);
        works(carol, 0, both(c, o, fundingA, fundingB));
    }

    function test_every_byte_of_a_funding_counts() public {
        for (uint8 way = 0; way < WAYS; ++way) {
            uint256 snapshot = vm.snapshotState();
            Opening memory o = usual();
            approve(token, anna, address(adjudicator), type(uint256).max);
            bytes memory funding = fundingBy(way, BEN_KEY, c, o, BOB_STAKE, false);
            vm.prank(ben);
            token.approve(address(adjudicator), 0); // an allowance would do without its permit
            if (way == ALLOWANCE) continue;
            uint256 from = way == SENDER || way == VAULT ? 1 : 0;
            for (uint256 i = from; i < funding.length; i += 7) {
                bytes memory changed = bytes.concat(funding);
                changed[i] ^= 0x10;
                (bool ok,) = attempt(anna, 0, both(c, o, none, changed));
                check(!ok, "changed");
            }
            (bool longer,) = attempt(anna, 0, both(c, o, none, bytes.concat(funding, hex"00")));
            check(!longer, "longer");
            assembly {
                mstore(funding, sub(mload(funding), 1))
            }
            (bool shorter,) = attempt(anna, 0, both(c, o, none, funding));
            check(!shorter, "shorter");
            vm.revertToState(snapshot);
        }
    }

    function test_no_funding_that_is_too_short_or_unknown() public {
        Opening memory o = usual();
        approve(token, ben, address(adjudicator), type(uint256).max);
        approve(token, anna, address(adjudicator), type(uint256).max);
        for (uint8 way = WAYS; way < 255; ++way) {
            fails(IShared.InvalidFunding.selector, anna, 0, both(c, o, none, abi.encodePacked(way)));
        }
        for (uint8 way = PERMIT; way < WAYS; ++way) {
            for (uint256 length = 0; length < 64; length += 9) {
                (bool ok,) = attempt(ben, 0, both(c, o, none, abi.encodePacked(way, new bytes(length))));
                check(!ok, "too short");
            }
        }
    }

    function test_who_sends_signs_nothing_beside() public {
        Opening memory o = usual();
        bytes memory fundingB = fundingBy(ALLOWANCE, BEN_KEY, c, o, BOB_STAKE, false);
        approve(token, anna, address(adjudicator), type(uint256).max);
        bytes memory more = abi.encodePacked(SENDER, signHash(ANNA_KEY, authOf(c, o)));
        fails(IShared.InvalidSignature.selector, anna, 0, both(c, o, more, fundingB));
    }

    function test_a_signature_is_all_that_somebody_needs_who_deposits_nothing() public {
        Opening memory o = opening(ALICE_STAKE, 0);
        approve(token, anna, address(adjudicator), ALICE_STAKE);
        fails(IShared.InvalidSignature.selector, anna, 0, both(c, o, none, none));
        bytes memory consent = signHash(BEN_KEY, authOf(c, o));
        works(anna, 0, both(c, o, none, abi.encodePacked(SENDER, consent)));
        eq(adjudicator.channel(c).phase, 2, "open");
    }

    /// @dev Who deposits nothing has nothing to authorise: of a token that takes every call, everybody would agree to all.
    function test_a_token_that_takes_every_call_agrees_for_nobody() public {
        SilentToken silent = new SilentToken();
        Channel memory c_ = channelOf(address(silent));
        for (uint8 way = ALLOWANCE; way < WAYS; ++way) {
            for (uint96 amount = 0; amount < 2; ++amount) {
                Opening memory o = opening(0, amount);
                bytes memory funding = abi.encodePacked(way, new bytes(64));
                (bool ok,) = attempt(anna, 0, both(c_, o, none, funding));
                check(!ok, "nobody agreed");
            }
        }
        fails(
            IShared.InvalidFunding.selector,
            anna,
            0,
            both(c_, opening(0, 0), none, abi.encodePacked(AUTHORISATION, new bytes(64)))
        );
    }

    function test_S19_ether_and_tokens_do_not_mix() public {
        Opening memory o = usual();
        approve(token, anna, address(adjudicator), type(uint256).max);
        bytes memory fundingB = fundingBy(ALLOWANCE, BEN_KEY, c, o, BOB_STAKE, false);
        fails(IShared.WrongDeposit.selector, anna, 1, both(c, o, none, fundingB));
        fails(IShared.WrongDeposit.selector, anna, 1, abi.encodeCall(adjudicator.openWith, (c, o, none)));
        fails(IShared.UnsupportedAsset.selector, anna, ALICE_STAKE, abi.encodeCall(adjudicator.open, (c, 0)));
        works(anna, 0, abi.encodeCall(adjudicator.openWith, (c, o, none)));
        fails(
            IShared.UnsupportedAsset.selector, ben, BOB_STAKE, abi.encodeCall(adjudicator.confirm, (c, 0, ALICE_STAKE))
        );
        fails(IShared.WrongDeposit.selector, carol, 1, abi.encodeCall(adjudicator.confirmWith, (c, o, fundingB)));
        works(carol, 0, abi.encodeCall(adjudicator.confirmWith, (c, o, fundingB)));

        Channel memory e = channelOf(address(0));
        bytes memory consent = signHash(BEN_KEY, authOf(e, o));
        for (uint8 way = ALLOWANCE; way < WAYS; ++way) {
            fails(
                IShared.InvalidFunding.selector,
                anna,
                ALICE_STAKE,
                both(e, o, none, abi.encodePacked(way, new bytes(64), consent))
            );
        }
        bytes memory sender = abi.encodePacked(SENDER, consent);
        uint256 sum = uint256(ALICE_STAKE) + BOB_STAKE;
        fails(IShared.WrongDeposit.selector, anna, sum - 1, both(e, o, none, sender));
        fails(IShared.WrongDeposit.selector, anna, sum + 1, both(e, o, none, sender));
        fails(IShared.WrongDeposit.selector, anna, ALICE_STAKE, both(e, o, none, sender));
        fails(IShared.WrongDeposit.selector, anna, 0, abi.encodeCall(adjudicator.openWith, (e, o, none)));
        works(anna, sum, both(e, o, none, sender));
    }

    function test_an_asset_that_is_no_token_is_refused() public {
        address[3] memory assets = [address(1), carol, address(adjudicator)];
        for (uint256 i = 0; i < 3; ++i) {
            Channel memory c_ = channelOf(assets[i]);
            (bool ok,) = attempt(anna, 0, abi.encodeCall(adjudicator.openWith, (c_, usual(), none)));
            check(!ok, "no token");
        }
    }

    function test_S13_deposits_stay_below_2_to_the_96() public {
        uint96 most = type(uint96).max;
        token.mint(anna, most);
        token.mint(ben, most);
        approve(token, anna, address(adjudicator), type(uint256).max);
        approve(token, ben, address(adjudicator), type(uint256).max);
        Opening memory o = opening(most, 1);
        bytes memory agreed = abi.encodePacked(ALLOWANCE, signHash(BEN_KEY, authOf(c, o)));
        fails(IShared.WrongDeposit.selector, anna, 0, both(c, o, none, agreed));
        fails(IShared.WrongDeposit.selector, anna, 0, abi.encodeCall(adjudicator.openWith, (c, o, none)));
        o = opening(most - 1, 1);
        works(anna, 0, abi.encodeCall(adjudicator.openWith, (c, o, none)));
        o.depositB = 2;
        fails(IShared.WrongDeposit.selector, ben, 0, abi.encodeCall(adjudicator.confirmWith, (c, o, none)));
        o.depositB = 1;
        works(ben, 0, abi.encodeCall(adjudicator.confirmWith, (c, o, none)));
        eq(adjudicator.channel(c).depositA, most - 1, "deposit of A");
        eq(adjudicator.channel(c).depositB, 1, "deposit of B");
    }

    /// @dev Words of a Channel and of an Opening, in all that open: a bit that their type does not have.
    function test_S13_every_dirty_word_of_an_opening_is_refused() public {
        Opening memory o = opening(0, 0);
        bytes memory agreed = abi.encodePacked(SENDER, signHash(BEN_KEY, authOf(c, o)));
        bytes[2] memory calls = [abi.encodeCall(adjudicator.openWith, (c, o, none)), both(c, o, none, agreed)];
        for (uint256 k = 0; k < 2; ++k) {
            for (uint256 i = 0; i < 15; ++i) {
                bytes memory changed = bytes.concat(calls[k]);
                assembly {
                    let at := add(changed, add(36, shl(5, i)))
                    mstore(at, or(mload(at), shl(247, 1)))
                }
                (bool ok,) = attempt(anna, 0, changed);
                check(!ok, "dirty");
            }
            uint256 snapshot = vm.snapshotState();
            works(anna, 0, calls[k]);
            vm.revertToState(snapshot);
        }
    }

    function test_phases_and_lives_of_every_opening() public {
        Opening memory o = usual();
        approve(token, anna, address(adjudicator), type(uint256).max);
        approve(token, ben, address(adjudicator), type(uint256).max);
        bytes memory agreed = abi.encodePacked(ALLOWANCE, signHash(BEN_KEY, authOf(c, o)));
        fails(IShared.WrongPhase.selector, ben, 0, abi.encodeCall(adjudicator.confirmWith, (c, o, none)));
        o.nonce = 1;
        fails(IShared.WrongNonce.selector, anna, 0, abi.encodeCall(adjudicator.openWith, (c, o, none)));
        fails(IShared.WrongNonce.selector, anna, 0, both(c, o, none, agreed));
        o.nonce = 0;
        works(anna, 0, abi.encodeCall(adjudicator.openWith, (c, o, none)));
        // A's own haste does not stop what B agreed to: it confirms.
        fails(IShared.WrongPhase.selector, anna, 0, both(c, o, none, agreed));
        Opening memory other = usual();
        other.nonce = 1;
        fails(IShared.WrongNonce.selector, ben, 0, abi.encodeCall(adjudicator.confirmWith, (c, other, none)));
        other = usual();
        other.depositA -= 1;
        fails(IShared.WrongDeposit.selector, ben, 0, abi.encodeCall(adjudicator.confirmWith, (c, other, none)));
        works(carol, 0, abi.encodeCall(adjudicator.confirmWith, (c, o, agreed)));
        fails(IShared.WrongPhase.selector, anna, 0, abi.encodeCall(adjudicator.openWith, (c, o, none)));
        fails(IShared.WrongPhase.selector, ben, 0, abi.encodeCall(adjudicator.confirmWith, (c, o, none)));
        fails(IShared.WrongPhase.selector, anna, 0, both(c, o, none, agreed));

        works(carol, 0, signedClose(c, closing(c, o, ALICE_STAKE)));
        fails(IShared.WrongNonce.selector, anna, 0, both(c, o, none, agreed));
        o.nonce = 1;
        fails(IShared.InvalidSignature.selector, anna, 0, both(c, o, none, agreed));
        agreed = abi.encodePacked(ALLOWANCE, signHash(BEN_KEY, authOf(c, o)));
        works(anna, 0, both(c, o, none, agreed));
        eq(adjudicator.channel(c).nonce, 1, "the next life");
    }

    function test_owners_are_two_accounts_in_every_opening() public {
        Opening memory o = opening(0, 0);
        Channel memory c_ = channelOf(address(token));
        c_.ownerA = address(0);
        fails(IShared.InvalidOwners.selector, ben, 0, both(c_, o, none, none));
        c_.ownerA = ben;
        fails(IShared.InvalidOwners.selector, ben, 0, both(c_, o, none, none));
        c_.ownerB = address(0);
        fails(IShared.InvalidOwners.selector, ben, 0, both(c_, o, none, none));
    }

    /// @dev S41: somebody shows the permit to the token before the opening does.
    function test_S41_a_permit_that_is_used_already_is_no_obstacle() public {
        Opening memory o = usual();
        bytes memory permit = permitBy(BEN_KEY, token, BOB_STAKE, o.notAfter);
        bytes memory fundingB = abi.encodePacked(PERMIT, permit, signHash(BEN_KEY, authOf(c, o)));
        (uint8 v, bytes32 r, bytes32 s) = expanded(permit);
        vm.prank(carol);
        token.permit(ben, address(adjudicator), BOB_STAKE, o.notAfter, v, r, s);
        approve(token, anna, address(adjudicator), ALICE_STAKE);
        works(anna, 0, both(c, o, none, fundingB));
    }

    /// @dev S41: neither EIP-3009's nor Permit2's authorisation is of use to anybody but the Adjudicator.
    function test_S41_an_authorisation_cannot_be_used_first() public {
        Opening memory o = usual();
        bytes32 auth = authOf(c, o);
        (uint8 v, bytes32 r, bytes32 s) = expanded(authorisationBy(BEN_KEY, token, BOB_STAKE, o.notAfter, auth));
        bytes32 nonce = digestOf(auth);
        vm.prank(carol);
        vm.expectRevert();
        token.receiveWithAuthorization(ben, address(adjudicator), BOB_STAKE, 0, uint256(o.notAfter) + 1, nonce, v, r, s);
    }

    function expanded(bytes memory signature) private pure returns (uint8 v, bytes32 r, bytes32 s) {
        uint256 vs;
        assembly {
            r := mload(add(signature, 32))
            vs := mload(add(signature, 64))
        }
        return (uint8(27 + (vs >> 255)), r, bytes32(vs & (type(uint256).max >> 1)));
    }

    function test_events_tell_all_of_an_opening() public {
        Opening memory o = usual();
        bytes memory fundingB = fundingBy(VAULT, BEN_KEY, c, o, BOB_STAKE, false);
        approve(token, anna, address(adjudicator), ALICE_STAKE);
        bytes32 id = adjudicator.channelId(c, 0);
        bytes memory small = abi.encodePacked(
            uint8(0), c.schemeA, c.schemeB, c.challenge, c.window, c.kMax, c.lane, uint40(0), ALICE_STAKE
        );
        vm.expectEmit();
        emit IShared.Opened(id, anna, ben, c.keyA, c.keyB, address(token), uint256(bytes32(small)));
        vm.expectEmit();
        emit IShared.Confirmed(id, (uint256(VAULT) << 96) | BOB_STAKE);
        vm.expectEmit();
        emit Token.Transfer(anna, address(adjudicator), ALICE_STAKE);
        works(anna, 0, both(c, o, none, fundingB));
    }

    function test_a_vault_pays_no_more_than_it_holds() public {
        Opening memory o = usual();
        bytes memory fundingB = fundingBy(VAULT, BEN_KEY, c, o, BOB_STAKE - 1, false);
        approve(token, anna, address(adjudicator), ALICE_STAKE);
        fails(IShared.InsufficientVault.selector, anna, 0, both(c, o, none, fundingB));
        fillVault(address(token), ben, 1);
        works(anna, 0, both(c, o, none, fundingB));
        eq(adjudicator.vault(address(token), ben), 0, "vault");
    }

    function test_a_vault_of_another_asset_does_not_pay() public {
        Opening memory o = usual();
        fillVault(address(0), ben, BOB_STAKE);
        approve(token, anna, address(adjudicator), ALICE_STAKE);
        bytes memory fundingB = abi.encodePacked(VAULT, signHash(BEN_KEY, authOf(c, o)));
        fails(IShared.InsufficientVault.selector, anna, 0, both(c, o, none, fundingB));
    }
}
