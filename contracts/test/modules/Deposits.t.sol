// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IShared} from "../../src/interfaces/IShared.sol";
import {AdjustTerms, Channel, CloseTerms, Opening, State} from "../../src/types/Structs.sol";
import {FundingFixture} from "../support/FundingFixture.sol";

contract DepositsTest is FundingFixture {
    uint40 private constant LATE = uint40(NOW + 2 hours);
    uint96 private constant MORE = 1_000_000_007;

    Channel private e;
    Channel private c;
    bytes32 private id;
    bytes32 private tokenId;

    function setUp() public override {
        super.setUp();
        (e, c) = (channelOf(address(0)), channelOf(address(token)));
        id = openAsset(e, ALICE_STAKE, BOB_STAKE);
        tokenId = openAsset(c, ALICE_STAKE, BOB_STAKE);
    }

    function adding(Channel memory of_, uint8 side, uint96 amount, bytes memory funding)
        private
        view
        returns (bytes memory)
    {
        return abi.encodeCall(adjudicator.deposit, (of_, 0, side, amount, LATE, funding));
    }

    // ------------------------------------------------------------------------------------------------------- deposit

    function test_anybody_adds_to_the_side_that_it_names() public {
        address[3] memory payers = [anna, ben, carol];
        for (uint256 i = 0; i < 3; ++i) {
            for (uint8 side = 0; side < 2; ++side) {
                IShared.ChannelInfo memory before = adjudicator.channel(e);
                uint256 balance = payers[i].balance;
                vm.expectEmit();
                emit IShared.Deposited(id, payers[i], (uint256(side) << 96) | MORE);
                works(payers[i], MORE, adding(e, side, MORE, none));
                IShared.ChannelInfo memory info = adjudicator.channel(e);
                eq(info.depositA, before.depositA + (side == 0 ? MORE : 0), "A");
                eq(info.depositB, before.depositB + (side == 1 ? MORE : 0), "B");
                eq(payers[i].balance, balance - MORE, "paid");
                eq(info.seq, 0, "seq");
                eq(info.phase, 2, "phase");
                eq(info.nonce, 0, "nonce");
            }
        }
        eq(address(adjudicator).balance, uint256(ALICE_STAKE) + BOB_STAKE + 6 * MORE, "holdings");
    }

    /// @dev What an OpenAuth of the sender says about a deposit of its own.
    function topUp(uint8 side) private pure returns (Opening memory) {
        return Opening(0, side == 0 ? MORE : 0, side == 1 ? MORE : 0, LATE);
    }

    function test_the_sender_pays_in_every_way() public {
        for (uint8 way = 0; way < WAYS; ++way) {
            for (uint8 side = 0; side < 2; ++side) {
                uint256 snapshot = vm.snapshotState();
                bytes memory funding = fundingBy(way, BEN_KEY, c, topUp(side), MORE, true);
                if (way == SENDER) approve(token, ben, address(adjudicator), MORE);
                uint256 before = token.balanceOf(ben) + (way == VAULT ? MORE : 0);
                vm.expectEmit();
                emit IShared.Deposited(tokenId, ben, (uint256(way) << 104) | (uint256(side) << 96) | MORE);
                works(ben, 0, adding(c, side, MORE, funding));
                eq(adjudicator.channel(c).depositA, ALICE_STAKE + (side == 0 ? MORE : 0), "A");
                eq(adjudicator.channel(c).depositB, BOB_STAKE + (side == 1 ? MORE : 0), "B");
                eq(token.balanceOf(ben), before - MORE, "paid");
                eq(adjudicator.vault(address(token), ben), 0, "vault");
                vm.revertToState(snapshot);
            }
        }
    }

    function test_nobody_but_the_sender_pays() public {
        for (uint8 way = VAULT; way < WAYS; ++way) {
            bytes memory funding = fundingBy(way, BEN_KEY, c, topUp(0), MORE, way == VAULT || way == ALLOWANCE);
            (bool ok,) = attempt(carol, 0, adding(c, 0, MORE, funding));
            check(!ok, "not carol's");
            (ok,) = attempt(carol, 0, adding(c, 0, MORE, bytes.concat(funding, signHash(BEN_KEY, authOf(c, topUp(0))))));
            check(!ok, "not with a signature either");
        }
    }

    function test_S19_the_amount_is_what_comes() public {
        fails(IShared.WrongDeposit.selector, anna, MORE - 1, adding(e, 0, MORE, none));
        fails(IShared.WrongDeposit.selector, anna, MORE + 1, adding(e, 0, MORE, none));
        fails(IShared.WrongDeposit.selector, anna, 0, adding(e, 0, MORE, none));
        approve(token, anna, address(adjudicator), MORE);
        fails(IShared.WrongDeposit.selector, anna, MORE, adding(c, 0, MORE, none));
        works(anna, 0, adding(c, 0, MORE, none));
        fails(IShared.TransferFailed.selector, anna, 0, adding(c, 0, MORE, none));
        fillVault(address(0), anna, MORE);
        fails(IShared.WrongDeposit.selector, anna, MORE, adding(e, 0, MORE, abi.encodePacked(VAULT)));
        works(anna, 0, adding(e, 0, MORE, abi.encodePacked(VAULT)));
        for (uint8 way = ALLOWANCE; way < WAYS; ++way) {
            fails(IShared.InvalidFunding.selector, anna, 0, adding(e, 0, MORE, abi.encodePacked(way, new bytes(96))));
        }
    }

    function test_S13_bounds_of_a_deposit() public {
        fails(IShared.InvalidSide.selector, anna, MORE, adding(e, 2, MORE, none));
        fails(IShared.InvalidSide.selector, anna, MORE, adding(e, 255, MORE, none));
        works(anna, 0, adding(e, 0, 0, none));
        uint96 room = type(uint96).max - ALICE_STAKE - BOB_STAKE;
        vm.deal(anna, type(uint128).max);
        fails(IShared.WrongDeposit.selector, anna, uint256(room) + 1, adding(e, 0, room + 1, none));
        fails(IShared.WrongDeposit.selector, anna, type(uint96).max, adding(e, 1, type(uint96).max, none));
        works(anna, room, adding(e, 1, room, none));
        eq(adjudicator.channel(e).depositB, BOB_STAKE + room, "B");
        eq(adjudicator.channel(e).depositA, ALICE_STAKE, "A");
        fails(IShared.WrongDeposit.selector, anna, 1, adding(e, 0, 1, none));
        pass(LATE);
        works(anna, 0, adding(e, 0, 0, none));
        pass(LATE + 1);
        fails(IShared.Expired.selector, anna, 0, adding(e, 0, 0, none));
    }

    function test_a_deposit_is_for_one_open_life_without_a_dispute() public {
        bytes memory call_ = adding(e, 0, MORE, none);
        uint256 snapshot = vm.snapshotState();
        State memory zero;
        works(anna, 0, abi.encodeCall(adjudicator.register, (e, zero, none)));
        fails(IShared.InDispute.selector, anna, MORE, call_);
        vm.revertToState(snapshot);

        works(carol, 0, signedClose(e, closing(e, usual(), ALICE_STAKE)));
        fails(IShared.WrongPhase.selector, anna, MORE, call_);
        Opening memory o = usual();
        o.nonce = 1;
        works(anna, ALICE_STAKE, abi.encodeCall(adjudicator.openWith, (e, o, none)));
        fails(IShared.WrongPhase.selector, anna, MORE, call_);
        works(ben, BOB_STAKE, abi.encodeCall(adjudicator.confirmWith, (e, o, none)));
        fails(IShared.WrongNonce.selector, anna, MORE, call_);
        works(anna, MORE, abi.encodeCall(adjudicator.deposit, (e, 1, 0, MORE, LATE, none)));
    }

    /// @dev The old dispute of an ended life is none of the next.
    function test_a_past_dispute_does_not_stop_a_deposit() public {
        State memory zero;
        works(anna, 0, abi.encodeCall(adjudicator.register, (e, zero, none)));
        bytes32 mix = mixNow();
        pass(NOW + C + 1);
        works(carol, 0, abi.encodeCall(adjudicator.conclude, (e, zero, mix)));
        openAsset(e, 1, 1);
        works(anna, MORE, abi.encodeCall(adjudicator.deposit, (e, 1, 1, MORE, type(uint40).max, none)));
    }

    function test_what_no_state_counts_returns_to_its_side() public {
        works(carol, MORE, adding(e, 1, MORE, none));
        State memory s = plain(5, 1 ether);
        bytes memory sigB = signState(BOB_KEY, id, s);
        works(anna, 0, abi.encodeCall(adjudicator.register, (e, s, sigB)));
        bytes32 mix = mixNow();
        pass(NOW + C + 1);
        works(carol, 0, abi.encodeCall(adjudicator.conclude, (e, s, mix)));
        eq(ben.balance, 1e30 - BOB_STAKE + ALICE_STAKE + BOB_STAKE - 1 ether + MORE, "B");
    }

    /// @dev S62: a deposit of one wei does not spoil a Close that is signed already.
    function test_S62_a_deposit_does_not_spoil_a_close() public {
        bytes memory call_ = signedClose(e, closing(e, usual(), 1 ether));
        works(carol, 1, adding(e, 0, 1, none));
        works(carol, 0, call_);
        eq(anna.balance, 1e30 - ALICE_STAKE + 1 ether + 1, "A");
    }

    // -------------------------------------------------------------------------------------------------------- adjust

    function terms(uint16 seq, uint8 side, uint96 amount) private view returns (AdjustTerms memory) {
        return AdjustTerms(seq, side, amount, side == 0 ? anna : ben, 70_001, LATE);
    }

    function adjusting(Channel memory of_, AdjustTerms memory t) private view returns (bytes memory) {
        bytes32 hash = adjustHash(adjudicator.channel(of_).id, t);
        return
            abi.encodeCall(
                adjudicator.adjust, (of_, t, bytes.concat(signHash(ALICE_KEY, hash), signHash(BOB_KEY, hash)))
            );
    }

    function test_an_adjust_pays_out_of_the_deposit_of_its_side() public {
        for (uint8 side = 0; side < 2; ++side) {
            for (uint256 i = 0; i < 2; ++i) {
                Channel memory of_ = i == 0 ? e : c;
                IShared.ChannelInfo memory before = adjudicator.channel(of_);
                address owner = side == 0 ? anna : ben;
                uint256 balance = held(of_.asset, owner);
                bytes memory call_ = adjusting(of_, terms(before.seq, side, MORE));
                vm.expectEmit();
                emit IShared.Adjusted(before.id, (uint256(before.seq) << 104) | (uint256(side) << 96) | MORE);
                works(carol, 0, call_);
                IShared.ChannelInfo memory info = adjudicator.channel(of_);
                eq(info.depositA, before.depositA - (side == 0 ? MORE : 0), "A");
                eq(info.depositB, before.depositB - (side == 1 ? MORE : 0), "B");
                eq(info.seq, before.seq + 1, "seq");
                eq(info.phase, 2, "phase");
                eq(held(of_.asset, owner), balance + MORE, "paid");
            }
        }
    }

    function test_S66_an_adjust_works_once_and_in_its_turn() public {
        bytes memory first = adjusting(e, terms(0, 0, MORE));
        bytes memory second = adjusting(e, terms(1, 0, MORE));
        fails(IShared.WrongNonce.selector, carol, 0, second);
        works(carol, 0, first);
        fails(IShared.WrongNonce.selector, carol, 0, first);
        works(carol, 0, second);
        fails(IShared.WrongNonce.selector, carol, 0, second);
    }

    /// @dev One of 0 changes nothing but its number: it voids the one that is out.
    function test_an_adjust_of_nothing_voids_the_one_before() public {
        bytes memory out = adjusting(e, terms(0, 0, MORE));
        works(carol, 0, adjusting(e, terms(0, 1, 0)));
        fails(IShared.WrongNonce.selector, carol, 0, out);
        eq(adjudicator.channel(e).depositB, BOB_STAKE, "B");
    }

    function test_S13_bounds_of_an_adjust() public {
        fails(IShared.WrongDeposit.selector, carol, 0, adjusting(e, terms(0, 0, ALICE_STAKE + 1)));
        fails(IShared.WrongDeposit.selector, carol, 0, adjusting(e, terms(0, 1, BOB_STAKE + 1)));
        fails(IShared.WrongDeposit.selector, carol, 0, adjusting(e, terms(0, 1, type(uint96).max)));
        fails(IShared.InvalidSide.selector, carol, 0, adjusting(e, terms(0, 2, 1)));
        works(carol, 0, adjusting(e, terms(0, 0, ALICE_STAKE)));
        works(carol, 0, adjusting(e, terms(1, 1, BOB_STAKE)));
        fails(IShared.WrongDeposit.selector, carol, 0, adjusting(e, terms(2, 0, 1)));
        eq(address(adjudicator).balance, 0, "holdings");
    }

    function test_S13_every_dirty_word_of_an_adjust_is_refused() public {
        AdjustTerms memory t = terms(0, 0, MORE);
        bytes memory call_ = adjusting(e, t);
        // Behind the selector, eleven words of parameters, then seq to notAfter. Signatures are over the clean words.
        for (uint256 i = 0; i < 6; ++i) {
            for (uint256 bit = 160; bit < 256; bit += 19) {
                bytes memory changed = bytes.concat(call_);
                assembly {
                    let at := add(changed, add(36, shl(5, add(11, i))))
                    mstore(at, or(mload(at), shl(bit, 1)))
                }
                (bool ok,) = attempt(carol, 0, changed);
                check(!ok, "dirty");
            }
        }
        works(carol, 0, call_);
    }

    /// @dev Not even if both sign a word that is wider than its type.
    function test_S13_what_both_signed_beyond_its_width_is_refused() public {
        bytes32 typeHash = keccak256(
            "Adjust(bytes32 id,uint16 seq,uint8 side,uint96 amount,address receiver,uint48 ver,uint40 notAfter)"
        );
        bytes4[3] memory errors =
            [IShared.InvalidReceiver.selector, IShared.InvalidState.selector, IShared.Expired.selector];
        uint256[3] memory wide = [uint256(1) << 160, uint256(1) << 48, uint256(1) << 40];
        for (uint256 i = 0; i < 3; ++i) {
            uint256[6] memory t = [uint256(0), 0, 1, uint160(anna), 70_001, LATE];
            t[3 + i] = wide[i];
            bytes32 hash = keccak256(bytes.concat(typeHash, id, abi.encode(t)));
            bytes memory both = bytes.concat(signHash(ALICE_KEY, hash), signHash(BOB_KEY, hash));
            fails(errors[i], carol, 0, bytes.concat(adjudicator.adjust.selector, abi.encode(e, t, both)));
        }
    }

    function test_the_last_adjust_of_a_life() public {
        // S0: phase 8 | nonce 40 | seq 16 | depositA 96 | depositB 96
        bytes32 place = keccak256(abi.encode(adjudicator.slotKey(e), uint256(2)));
        uint256 word = uint256(vm.load(address(adjudicator), place));
        vm.store(address(adjudicator), place, bytes32(word | (uint256(65_534) << 192)));
        eq(adjudicator.channel(e).seq, 65_534, "seq");
        works(carol, 0, adjusting(e, terms(65_534, 0, 1)));
        eq(adjudicator.channel(e).nonce, 0, "nonce");
        eq(adjudicator.channel(e).phase, 2, "phase");
        fails(IShared.SlotExhausted.selector, carol, 0, adjusting(e, terms(65_535, 0, 1)));
        works(carol, 0, signedClose(e, CloseTerms(0, 0, 0, 0, 0, 0, anna, ben, LATE)));
        eq(adjudicator.channel(e).seq, 0, "the next life begins at 0");
    }

    function test_an_adjust_needs_both_keys_or_the_other_owner() public {
        AdjustTerms memory t = terms(0, 0, MORE);
        bytes32 hash = adjustHash(id, t);
        bytes memory sigA = signHash(ALICE_KEY, hash);
        bytes memory sigB = signHash(BOB_KEY, hash);
        bytes4 no = IShared.InvalidSignature.selector;
        fails(no, carol, 0, abi.encodeCall(adjudicator.adjust, (e, t, none)));
        fails(no, carol, 0, abi.encodeCall(adjudicator.adjust, (e, t, sigA)));
        fails(no, carol, 0, abi.encodeCall(adjudicator.adjust, (e, t, bytes.concat(sigB, sigA))));
        fails(no, anna, 0, abi.encodeCall(adjudicator.adjust, (e, t, sigA)));
        fails(no, anna, 0, abi.encodeCall(adjudicator.adjust, (e, t, bytes.concat(sigA, sigB))));
        fails(no, ben, 0, abi.encodeCall(adjudicator.adjust, (e, t, sigB)));
        uint256 snapshot = vm.snapshotState();
        works(anna, 0, abi.encodeCall(adjudicator.adjust, (e, t, sigB)));
        vm.revertToState(snapshot);
        works(ben, 0, abi.encodeCall(adjudicator.adjust, (e, t, sigA)));
    }

    function test_S14_an_adjust_is_for_its_channel_life_and_terms() public {
        AdjustTerms memory t = terms(0, 0, MORE);
        bytes32 hash = adjustHash(id, t);
        bytes memory both = bytes.concat(signHash(ALICE_KEY, hash), signHash(BOB_KEY, hash));
        bytes4 no = IShared.InvalidSignature.selector;
        fails(no, carol, 0, abi.encodeCall(adjudicator.adjust, (c, t, both)));
        AdjustTerms memory u = terms(0, 0, MORE);
        u.amount += 1;
        fails(no, carol, 0, abi.encodeCall(adjudicator.adjust, (e, u, both)));
        u = terms(0, 1, MORE);
        fails(no, carol, 0, abi.encodeCall(adjudicator.adjust, (e, u, both)));
        u = terms(0, 0, MORE);
        u.receiver = ben;
        fails(no, carol, 0, abi.encodeCall(adjudicator.adjust, (e, u, both)));
        u = terms(0, 0, MORE);
        u.ver += 1;
        fails(no, carol, 0, abi.encodeCall(adjudicator.adjust, (e, u, both)));
        u = terms(0, 0, MORE);
        u.notAfter += 1;
        fails(no, carol, 0, abi.encodeCall(adjudicator.adjust, (e, u, both)));
        works(carol, 0, signedClose(e, closing(e, usual(), ALICE_STAKE)));
        fails(IShared.WrongPhase.selector, carol, 0, abi.encodeCall(adjudicator.adjust, (e, t, both)));
        openAsset(e, ALICE_STAKE, BOB_STAKE);
        fails(no, carol, 0, abi.encodeCall(adjudicator.adjust, (e, t, both)));
    }

    function test_an_adjust_is_for_an_open_channel_without_a_dispute_until_notAfter() public {
        bytes memory call_ = adjusting(e, terms(0, 0, MORE));
        uint256 snapshot = vm.snapshotState();
        State memory zero;
        works(anna, 0, abi.encodeCall(adjudicator.register, (e, zero, none)));
        fails(IShared.InDispute.selector, carol, 0, call_);
        vm.revertToState(snapshot);
        pass(LATE + 1);
        fails(IShared.Expired.selector, carol, 0, call_);
        vm.revertToState(snapshot);
        pass(LATE);
        works(carol, 0, call_);
    }

    function test_an_adjust_pays_its_receiver_its_owner_or_the_vault() public {
        AdjustTerms memory t = terms(0, 0, MORE);
        t.receiver = bob;
        works(carol, 0, adjusting(e, t));
        eq(bob.balance, 1e30 + MORE, "the receiver");

        t = terms(1, 0, MORE);
        bytes32 hash = adjustHash(id, t);
        bytes memory both = bytes.concat(signHash(ALICE_KEY, hash), signHash(BOB_KEY, hash));
        t.receiver = address(0);
        uint256 before = anna.balance;
        works(carol, 0, abi.encodeCall(adjudicator.adjust, (e, t, both)));
        eq(anna.balance, before + MORE, "zero stands for the owner");

        t = terms(2, 1, MORE);
        t.receiver = address(adjudicator);
        bytes memory call_ = adjusting(e, t);
        vm.expectEmit();
        emit IShared.Vaulted(address(0), ben, MORE);
        works(carol, 0, call_);
        eq(adjudicator.vault(address(0), ben), MORE, "vault of the side's owner");
    }

    /// @dev S58: a State that counts what an Adjust took is refused; one that counts less is not.
    function test_S58_states_count_no_more_than_there_is() public {
        works(carol, 0, adjusting(e, terms(0, 0, MORE)));
        State memory s = plain(5, 1 ether);
        bytes memory sigB = signState(BOB_KEY, id, s);
        fails(IShared.InvalidState.selector, anna, 0, abi.encodeCall(adjudicator.register, (e, s, sigB)));
        (s.depA, s.total) = (s.depA - MORE, s.total - MORE);
        sigB = signState(BOB_KEY, id, s);
        works(anna, 0, abi.encodeCall(adjudicator.register, (e, s, sigB)));
    }
}
