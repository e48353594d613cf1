// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IShared} from "../../src/interfaces/IShared.sol";
import {Channel, CloseTerms, LockTerms, State, WatchAuth} from "../../src/types/Structs.sol";
import {Fixture} from "../support/Fixture.sol";

contract FundingTest is Fixture {
    function rejects(Channel memory c, bytes4 reason) private {
        vm.expectRevert(reason);
        vm.prank(alice);
        adjudicator.open{value: 1}(c, 0);
    }

    function test_open_then_confirm_holds_both_deposits() public {
        (Channel memory c, bytes32 id) = openDefault();
        IShared.ChannelInfo memory info = adjudicator.channel(c);
        eq(info.id, id, "id");
        eq(info.phase, 2, "phase");
        eq(info.depositA, ALICE_STAKE, "deposit of A");
        eq(info.depositB, BOB_STAKE, "deposit of B");
        check(!info.disputed, "no dispute");
        eq(address(adjudicator).balance, uint256(ALICE_STAKE) + BOB_STAKE, "holdings");
    }

    function test_either_deposit_may_be_zero() public {
        Channel memory c = ledger();
        openBoth(c, 0, 0);
        eq(adjudicator.channel(c).phase, 2, "phase");
    }

    function test_S13_parameters_at_and_beyond_their_bounds() public {
        Channel memory c = ledger();
        c.asset = address(1);
        rejects(c, IShared.UnsupportedAsset.selector);
        c = ledger();
        c.ownerB = address(0);
        rejects(c, IShared.InvalidOwners.selector);
        c.ownerB = alice;
        rejects(c, IShared.InvalidOwners.selector);
        c = ledger();
        c.keyB = c.keyA;
        rejects(c, IShared.InvalidKey.selector);
        c.keyB = 0;
        rejects(c, IShared.InvalidKey.selector);
        c.keyB = bytes32(uint256(1) << 160);
        rejects(c, IShared.InvalidKey.selector);
        c = ledger();
        c.schemeA = 3;
        rejects(c, IShared.UnsupportedScheme.selector);
        c.schemeA = 0;
        rejects(c, IShared.UnsupportedScheme.selector);
        c = ledger();
        c.challenge = 0;
        rejects(c, IShared.InvalidPeriods.selector);
        c.challenge = 2 ** 25 + 1;
        rejects(c, IShared.InvalidPeriods.selector);
        c = ledger();
        c.window = 0;
        rejects(c, IShared.InvalidPeriods.selector);
        c.window = 2 ** 25 + 1;
        rejects(c, IShared.InvalidPeriods.selector);
        c = ledger();
        c.kMax = 1025;
        rejects(c, IShared.InvalidPeriods.selector);
        c.kMax = 1024;
        c.challenge = 2 ** 25;
        c.window = 2 ** 25;
        openBoth(c, 1, 1);
    }

    function test_open_and_refund_are_for_A_confirm_for_B() public {
        Channel memory c = ledger();
        vm.expectRevert(IShared.NotOwner.selector);
        vm.prank(bob);
        adjudicator.open(c, 0);
        vm.prank(alice);
        adjudicator.open{value: 5}(c, 0);
        vm.expectRevert(IShared.NotOwner.selector);
        vm.prank(alice);
        adjudicator.confirm(c, 0, 5);
        vm.expectRevert(IShared.NotOwner.selector);
        vm.prank(bob);
        adjudicator.refund(c);
    }

    function test_confirm_names_the_life_and_the_deposit_of_A() public {
        Channel memory c = ledger();
        vm.prank(alice);
        adjudicator.open{value: 5}(c, 0);
        vm.expectRevert(IShared.WrongNonce.selector);
        vm.prank(bob);
        adjudicator.confirm(c, 1, 5);
        vm.expectRevert(IShared.WrongDeposit.selector);
        vm.prank(bob);
        adjudicator.confirm(c, 0, 4);
        vm.prank(bob);
        adjudicator.confirm(c, 0, 5);
        vm.expectRevert(IShared.WrongPhase.selector);
        vm.prank(bob);
        adjudicator.confirm(c, 0, 5);
        vm.expectRevert(IShared.WrongPhase.selector);
        vm.prank(alice);
        adjudicator.open(c, 0);
        vm.expectRevert(IShared.WrongPhase.selector);
        vm.prank(alice);
        adjudicator.refund(c);
    }

    function test_S13_deposits_stay_below_2_to_the_96() public {
        Channel memory c = ledger();
        vm.deal(alice, 2 ** 97);
        vm.deal(bob, 2 ** 97);
        vm.expectRevert(IShared.WrongDeposit.selector);
        vm.prank(alice);
        adjudicator.open{value: 2 ** 96}(c, 0);
        vm.prank(alice);
        adjudicator.open{value: 2 ** 96 - 2}(c, 0);
        vm.expectRevert(IShared.WrongDeposit.selector);
        vm.prank(bob);
        adjudicator.confirm{value: 2}(c, 0, 2 ** 96 - 2);
        vm.prank(bob);
        adjudicator.confirm{value: 1}(c, 0, 2 ** 96 - 2);
    }

    function test_refund_returns_the_deposit_and_starts_the_next_life() public {
        Channel memory c = ledger();
        uint256 before = alice.balance;
        vm.prank(alice);
        adjudicator.open{value: 5}(c, 0);
        vm.prank(alice);
        adjudicator.refund(c);
        eq(alice.balance, before, "balance");
        eq(adjudicator.channel(c).phase, 3, "phase");
        vm.expectRevert(IShared.WrongNonce.selector);
        vm.prank(alice);
        adjudicator.open(c, 0);
        vm.prank(alice);
        adjudicator.open(c, 1);
        eq(adjudicator.channel(c).nonce, 1, "nonce");
    }

    function test_a_first_life_has_nonce_0() public {
        Channel memory c = ledger();
        vm.expectRevert(IShared.WrongNonce.selector);
        vm.prank(alice);
        adjudicator.open(c, 1);
    }

    function test_a_slot_is_exhausted_before_its_lives_repeat() public {
        Channel memory c = ledger();
        bytes32 slot = keccak256(abi.encode(adjudicator.slotKey(c), findSlots(c)));
        uint256 closed = uint256(3) << 248;
        vm.store(address(adjudicator), slot, bytes32(closed | (uint256(0x3ffe) << 208)));
        openBoth(c, 1, 1);
        vm.store(address(adjudicator), slot, bytes32(closed | (uint256(0x3fff) << 208)));
        vm.expectRevert(IShared.SlotExhausted.selector);
        vm.prank(alice);
        adjudicator.open(c, 0x3fff);
    }

    /// @dev The number of the storage slot in which the mapping of channel slots lies.
    function findSlots(Channel memory c) private returns (uint256 position) {
        uint256 snapshot = vm.snapshotState();
        vm.prank(alice);
        adjudicator.open(c, 0);
        while (vm.load(address(adjudicator), keccak256(abi.encode(adjudicator.slotKey(c), position))) == 0) ++position;
        vm.revertToState(snapshot);
    }

    function test_the_event_holds_all_parameters() public {
        Channel memory c = ledger();
        c.lane = 513;
        vm.recordLogs();
        vm.prank(alice);
        adjudicator.open{value: ALICE_STAKE}(c, 0);
        (bytes32 keyA, bytes32 keyB, address asset, uint256 terms) =
            abi.decode(vm.getRecordedLogs()[0].data, (bytes32, bytes32, address, uint256));
        eq(keyA, c.keyA, "keyA");
        eq(keyB, c.keyB, "keyB");
        eq(asset, address(0), "asset");
        eq(
            bytes32(terms),
            bytes32(
                abi.encodePacked(
                    uint8(0), c.schemeA, c.schemeB, c.challenge, c.window, c.kMax, c.lane, uint40(0), ALICE_STAKE
                )
            ),
            "terms"
        );
    }
}

contract CloseTest is Fixture {
    function terms() private view returns (CloseTerms memory) {
        return CloseTerms(ALICE_STAKE, BOB_STAKE, 1 ether, 0, 0, 0, alice, bob, uint40(NOW + 1 hours));
    }

    function signBoth(bytes32 id, CloseTerms memory t) private view returns (bytes memory) {
        return bytes.concat(signHash(ALICE_KEY, closeHash(id, t)), signHash(BOB_KEY, closeHash(id, t)));
    }

    function test_close_pays_both_and_ends_the_life() public {
        (Channel memory c, bytes32 id) = openDefault();
        (uint256 a, uint256 b) = (alice.balance, bob.balance);
        adjudicator.close(c, terms(), signBoth(id, terms()));
        eq(alice.balance - a, 1 ether, "A");
        eq(bob.balance - b, uint256(ALICE_STAKE) + BOB_STAKE - 1 ether, "B");
        IShared.ChannelInfo memory info = adjudicator.channel(c);
        eq(info.phase, 3, "phase");
        eq(info.nonce, 1, "nonce");
        eq(uint256(info.depositA) + info.depositB, 0, "deposits");
        (uint256 s0,) = adjudicator.slots(adjudicator.slotKey(c));
        check(s0 != 0, "S0 is never zero again");
    }

    function test_either_owner_needs_the_other_signature_only() public {
        (Channel memory c, bytes32 id) = openDefault();
        bytes memory sigA = signHash(ALICE_KEY, closeHash(id, terms()));
        bytes memory sigB = signHash(BOB_KEY, closeHash(id, terms()));
        uint256 snapshot = vm.snapshotState();
        vm.prank(alice);
        adjudicator.close(c, terms(), sigB);
        vm.revertToState(snapshot);
        vm.prank(bob);
        adjudicator.close(c, terms(), sigA);
        vm.revertToState(snapshot);
        vm.expectRevert(IShared.InvalidSignature.selector);
        vm.prank(alice);
        adjudicator.close(c, terms(), sigA);
        vm.expectRevert(IShared.InvalidSignature.selector);
        adjudicator.close(c, terms(), bytes.concat(sigB, sigA));
        vm.expectRevert(IShared.InvalidSignature.selector);
        adjudicator.close(c, terms(), bytes.concat(sigA, sigB, hex"00"));
    }

    function test_the_owner_of_a_key_is_not_the_key() public {
        (Channel memory c, bytes32 id) = openDefault();
        bytes memory sigB = signHash(BOB_KEY, closeHash(id, terms()));
        vm.expectRevert(IShared.InvalidSignature.selector);
        vm.prank(vm.addr(ALICE_KEY));
        adjudicator.close(c, terms(), sigB);
    }

    function test_S62_close_is_dead_after_notAfter_and_in_the_next_life() public {
        (Channel memory c, bytes32 id) = openDefault();
        bytes memory both = signBoth(id, terms());
        uint256 snapshot = vm.snapshotState();
        vm.warp(NOW + 1 hours + 1);
        vm.expectRevert(IShared.Expired.selector);
        adjudicator.close(c, terms(), both);
        vm.revertToState(snapshot);
        vm.warp(NOW + 1 hours);
        adjudicator.close(c, terms(), both);
        openBoth(c, ALICE_STAKE, BOB_STAKE);
        vm.expectRevert(IShared.InvalidSignature.selector);
        adjudicator.close(c, terms(), both);
    }

    function test_S71_close_ends_a_running_dispute_for_good() public {
        (Channel memory c, bytes32 id) = openDefault();
        State memory s = plain(7, 1 ether);
        bytes memory sigB = signState(BOB_KEY, id, s);
        vm.prank(alice);
        adjudicator.register(c, s, sigB);
        bytes32 mix = mixNow();
        adjudicator.close(c, terms(), signBoth(id, terms()));
        check(!adjudicator.channel(c).disputed, "the dispute is over");

        bytes32 next = openBoth(c, ALICE_STAKE, BOB_STAKE);
        check(!adjudicator.channel(c).disputed, "the next life begins without one");
        pass(NOW + C + 1);
        vm.expectRevert(IShared.NoDispute.selector);
        adjudicator.conclude(c, s, mix);
        State memory newer = plain(8, 1 ether);
        bytes memory both = bytes.concat(signState(ALICE_KEY, next, newer), signState(BOB_KEY, next, newer));
        vm.expectRevert(IShared.NoDispute.selector);
        adjudicator.refute(c, newer, both);

        // The next life registers version 1 from the start, though version 7 was the last one of this slot.
        State memory low = plain(1, 1 ether);
        sigB = signState(BOB_KEY, next, low);
        vm.prank(alice);
        adjudicator.register(c, low, sigB);
        eq(adjudicator.channel(c).ver, 1, "ver");
        eq(adjudicator.channel(c).deadline, vm.getBlockTimestamp() + C, "R is new");
        vm.expectRevert(IShared.NotFinal.selector);
        adjudicator.conclude(c, s, mix);
    }

    function test_uncounted_deposits_return_to_their_side() public {
        (Channel memory c, bytes32 id) = openDefault();
        CloseTerms memory t = terms();
        (t.depA, t.depB, t.outA) = (10, 20, 25);
        (uint256 a, uint256 b) = (alice.balance, bob.balance);
        adjudicator.close(c, t, signBoth(id, t));
        eq(alice.balance - a, 25 + ALICE_STAKE - 10, "A");
        eq(bob.balance - b, 5 + BOB_STAKE - 20, "B");
    }

    function test_receiver_0_stands_for_the_owner() public {
        (Channel memory c, bytes32 id) = openDefault();
        CloseTerms memory t = terms();
        bytes memory both = signBoth(id, t);
        (t.receiverA, t.receiverB) = (address(0), address(0));
        bytes memory zero = signBoth(id, t);
        vm.expectRevert(IShared.InvalidSignature.selector);
        adjudicator.close(c, t, zero);
        adjudicator.close(c, t, both);
    }

    function testFuzz_S18_close_accepts_exactly_the_predicate(CloseTerms memory t, uint256 seed) public {
        (Channel memory c, bytes32 id) = openDefault();
        (t.depA, t.depB) = (uint96(t.depA % (2 * ALICE_STAKE)), uint96(t.depB % (2 * BOB_STAKE)));
        uint256 counted = uint256(t.depA) + t.depB;
        t.escrowed = seed % 3 == 0 ? 0 : uint96(t.escrowed % (counted + 2));
        t.outA = uint96(t.outA % (counted + 2));
        t.locks = seed % 2 == 0 ? 0 : t.locks;
        t.notAfter = uint40(NOW);
        (t.receiverA, t.receiverB) = (alice, bob);
        bool good = t.depA <= ALICE_STAKE && t.depB <= BOB_STAKE && t.escrowed <= counted
            && t.outA <= counted - t.escrowed && t.locks <= 128 && (t.locks > 0 || t.escrowed == 0);
        bytes memory both = t.escrowed <= counted ? signBoth(id, t) : none;
        if (!good) vm.expectRevert(IShared.InvalidState.selector);
        adjudicator.close(c, t, both);
        if (good) eq(address(adjudicator).balance, t.escrowed, "what is left is what stands in locks");
    }
}

contract DisputeTest is Fixture {
    Channel private c;
    bytes32 private id;

    function setUp() public override {
        super.setUp();
        (c, id) = openDefault();
    }

    function both(State memory s) private view returns (bytes memory) {
        return bytes.concat(signState(ALICE_KEY, id, s), signState(BOB_KEY, id, s));
    }

    function registerByAlice(State memory s) private returns (bytes32 mix) {
        bytes memory sigB = signState(BOB_KEY, id, s);
        vm.prank(alice);
        adjudicator.register(c, s, sigB);
        return mixNow();
    }

    function refuteBy(address sender, State memory s) private returns (bytes32 mix) {
        bytes memory signatures = both(s);
        vm.prank(sender);
        adjudicator.refute(c, s, signatures);
        return mixNow();
    }

    function test_S1_the_newest_state_wins_whatever_old_one_is_registered() public {
        for (uint48 latest = 1; latest <= 6; ++latest) {
            for (uint48 old = 0; old <= latest; ++old) {
                uint256 snapshot = vm.snapshotState();
                State memory zero;
                bytes32 mix;
                if (old == 0) {
                    vm.prank(alice);
                    adjudicator.register(c, zero, none);
                } else {
                    registerByAlice(plain(old, old * 1e17));
                }
                State memory s = plain(latest, latest * 1e17);
                pass(NOW + C);
                if (old < latest) mix = refuteBy(carol, s);
                else mix = blockhash(999);
                pass(NOW + C + 1);
                uint256 before = alice.balance;
                adjudicator.conclude(c, s, mix);
                eq(alice.balance - before, latest * 1e17, "A's payout");
                vm.revertToState(snapshot);
            }
        }
    }

    function test_S5_refutation_until_R_conclusion_after_it() public {
        State memory s = plain(2, 1 ether);
        bytes32 mix = registerByAlice(s);
        State memory newer = plain(3, 2 ether);
        bytes memory signatures = both(newer);

        pass(NOW + C);
        vm.expectRevert(IShared.NotFinal.selector);
        adjudicator.conclude(c, s, mix);
        uint256 snapshot = vm.snapshotState();
        adjudicator.refute(c, newer, signatures);
        eq(adjudicator.channel(c).deadline, NOW + C, "R does not move");
        vm.revertToState(snapshot);

        pass(NOW + C + 1);
        vm.expectRevert(IShared.RefutationOver.selector);
        adjudicator.refute(c, newer, signatures);
        vm.expectRevert(IShared.RefutationOver.selector);
        vm.prank(alice);
        adjudicator.register(c, newer, slice(signatures, 64));
        adjudicator.conclude(c, s, mix);
    }

    /// @dev The second of two signatures.
    function slice(bytes memory signatures, uint256 start) private pure returns (bytes memory part) {
        part = new bytes(64);
        for (uint256 i = 0; i < 64; ++i) {
            part[i] = signatures[start + i];
        }
    }

    function test_a_state_with_nanocontracts_is_final_only_after_R_plus_w() public {
        State memory s = plain(2, 1 ether);
        s.nanos = 1;
        s.nanoRoot = keccak256("a nanocontract");
        bytes32 mix = registerByAlice(s);
        eq(adjudicator.channel(c).finalAt, NOW + C + W, "finalAt");
        pass(NOW + C + W);
        vm.expectRevert(IShared.NotFinal.selector);
        adjudicator.conclude(c, s, mix);
        pass(NOW + C + W + 1);
        adjudicator.conclude(c, s, mix);
    }

    function test_a_blind_refutation_brings_the_flag_of_its_own_state() public {
        State memory s = plain(2, 1 ether);
        s.nanos = 1;
        registerByAlice(s);
        State memory newer = plain(3, 1 ether);
        bytes32 mix = refuteBy(carol, newer);
        eq(adjudicator.channel(c).finalAt, NOW + C, "finalAt");
        pass(NOW + C + 1);
        adjudicator.conclude(c, newer, mix);
    }

    function test_S2_version_0_is_only_the_constant_initial_state() public {
        State memory s;
        for (uint256 i = 0; i < 8; ++i) {
            s = State(0, 0, 0, 0, 0, 0, 0, 0, 0);
            if (i == 0) (s.depA, s.total) = (1, 1);
            if (i == 1) (s.depA, s.total, s.defA) = (ALICE_STAKE, ALICE_STAKE, ALICE_STAKE);
            if (i == 2) (s.depB, s.total, s.defA) = (1, 1, 1);
            if (i == 3) s.nanos = 1;
            if (i == 4) s.locks = 1;
            if (i == 5) s.lockRoot = bytes32(uint256(1));
            if (i == 6) s.nanoRoot = bytes32(uint256(1));
            if (i == 7) s = plain(0, 1 ether);
            bytes memory signatures = both(s);
            vm.expectRevert(IShared.InvalidState.selector);
            vm.prank(alice);
            adjudicator.register(c, s, none);
            vm.expectRevert(IShared.InvalidState.selector);
            vm.prank(alice);
            adjudicator.register(c, s, slice(signatures, 64));
        }
    }

    function test_S67_version_0_returns_the_deposits() public {
        State memory s;
        vm.prank(bob);
        adjudicator.register(c, s, none);
        bytes32 mix = mixNow();
        pass(NOW + C + 1);
        (uint256 a, uint256 b) = (alice.balance, bob.balance);
        adjudicator.conclude(c, s, mix);
        eq(alice.balance - a, ALICE_STAKE, "A");
        eq(bob.balance - b, BOB_STAKE, "B");
    }

    function test_version_0_never_replaces_anything_and_is_for_owners() public {
        State memory s;
        vm.expectRevert(IShared.NotOwner.selector);
        vm.prank(carol);
        adjudicator.register(c, s, none);
        WatchAuth memory auth = watchAuth(ALICE_KEY, id, carol, 0, uint40(NOW));
        vm.expectRevert(IShared.InvalidState.selector);
        vm.prank(carol);
        adjudicator.registerFor(c, s, none, false, auth);
        registerByAlice(plain(1, 1 ether));
        vm.expectRevert(IShared.NotNewer.selector);
        vm.prank(bob);
        adjudicator.register(c, s, none);
        vm.expectRevert(IShared.InvalidState.selector);
        vm.prank(bob);
        adjudicator.refute(c, s, none);
    }

    function test_S63_refute_never_opens_a_dispute() public {
        State memory s = plain(2, 1 ether);
        bytes memory signatures = both(s);
        vm.expectRevert(IShared.NoDispute.selector);
        adjudicator.refute(c, s, signatures);
    }

    function test_S42_first_registration_is_for_owners_and_their_towers() public {
        State memory s = plain(2, 1 ether);
        bytes memory signatures = both(s);
        vm.expectRevert(IShared.NotOwner.selector);
        vm.prank(carol);
        adjudicator.register(c, s, signatures);
        WatchAuth memory auth = watchAuth(HUB_KEY, id, carol, 0, uint40(NOW));
        vm.expectRevert(IShared.InvalidSignature.selector);
        vm.prank(carol);
        adjudicator.registerFor(c, s, signatures, false, auth);
        registerByAlice(s);
        refuteBy(carol, plain(3, 1 ether)); // anybody refutes
    }

    function test_S43_a_tower_acts_within_its_authorisation_only() public {
        State memory s = plain(2, 1 ether);
        bytes memory signatures = both(s);
        WatchAuth memory auth = watchAuth(BOB_KEY, id, carol, uint40(NOW + 10), uint40(NOW + 20));
        for (uint256 i = 0; i < 4; ++i) {
            uint256 snapshot = vm.snapshotState();
            vm.warp(i == 0 ? NOW + 9 : i == 1 ? NOW + 21 : i == 2 ? NOW + 10 : NOW + 20);
            if (i < 2) vm.expectRevert(IShared.InvalidAuthorisation.selector);
            vm.prank(carol);
            adjudicator.registerFor(c, s, signatures, true, auth);
            vm.revertToState(snapshot);
        }
        vm.warp(NOW + 10);
        vm.expectRevert(IShared.InvalidSignature.selector); // another tower
        vm.prank(bob);
        adjudicator.registerFor(c, s, slice(signatures, 0), true, auth);
        vm.expectRevert(IShared.InvalidSignature.selector); // of the other party
        vm.prank(carol);
        adjudicator.registerFor(c, s, signatures, false, auth);
        vm.expectRevert(IShared.InvalidSignature.selector); // never instead of a signature of the State
        vm.prank(carol);
        adjudicator.registerFor(c, s, slice(signatures, 64), true, auth);
        vm.prank(carol);
        adjudicator.registerFor(c, s, signatures, true, auth);
        // While a dispute runs it refutes, and needs no authorisation for that.
        State memory newer = plain(3, 1 ether);
        signatures = both(newer);
        auth.signature = none;
        vm.prank(carol);
        adjudicator.registerFor(c, newer, signatures, true, auth);
        eq(adjudicator.channel(c).ver, 3, "ver");
    }

    function test_S3_equal_and_lower_versions_change_nothing() public {
        registerByAlice(plain(5, 1 ether));
        for (uint48 ver = 1; ver <= 5; ++ver) {
            State memory s = plain(ver, 2 ether);
            bytes memory signatures = both(s);
            vm.expectRevert(IShared.NotNewer.selector);
            adjudicator.refute(c, s, signatures);
            vm.expectRevert(IShared.NotNewer.selector);
            vm.prank(bob);
            adjudicator.register(c, s, slice(signatures, 0));
        }
    }

    function test_S23_register_acts_as_refute_on_a_running_dispute() public {
        registerByAlice(plain(5, 1 ether));
        pass(NOW + 100);
        State memory s = plain(6, 2 ether);
        bytes memory sigA = signState(ALICE_KEY, id, s);
        vm.prank(bob);
        adjudicator.register(c, s, sigA);
        eq(adjudicator.channel(c).ver, 6, "ver");
        eq(adjudicator.channel(c).deadline, NOW + C, "R does not move");
    }

    function test_S52_refute_with_invented_deposits_reverts() public {
        registerByAlice(plain(5, 1 ether));
        for (uint256 i = 0; i < 6; ++i) {
            State memory s = plain(6, 1 ether);
            if (i == 0) (s.depA, s.total, s.defA) = (1e24, 1e24 + BOB_STAKE, 1e24);
            if (i == 1) (s.depA, s.total) = (ALICE_STAKE + 1, s.total + 1);
            if (i == 2) (s.depB, s.total) = (BOB_STAKE + 1, s.total + 1);
            if (i == 3) s.total += 1;
            if (i == 4) s.defA = s.total + 1;
            if (i == 5) s.total -= 1; // escrow without locks
            bytes memory signatures = both(s);
            vm.expectRevert(IShared.InvalidState.selector);
            adjudicator.refute(c, s, signatures);
            vm.expectRevert(IShared.InvalidState.selector);
            vm.prank(alice);
            adjudicator.register(c, s, slice(signatures, 64));
        }
    }

    function test_S52_states_of_a_past_life_are_dead() public {
        State memory s = plain(5, 1 ether);
        bytes memory signatures = both(s);
        CloseTerms memory t = CloseTerms(ALICE_STAKE, BOB_STAKE, 0, 0, 0, 0, alice, bob, uint40(NOW));
        adjudicator.close(
            c, t, bytes.concat(signHash(ALICE_KEY, closeHash(id, t)), signHash(BOB_KEY, closeHash(id, t)))
        );
        id = openBoth(c, ALICE_STAKE, BOB_STAKE);
        vm.expectRevert(IShared.InvalidSignature.selector);
        vm.prank(alice);
        adjudicator.register(c, s, slice(signatures, 64));
    }

    function test_locks_are_bounded() public {
        State memory s = plain(2, 1 ether);
        s.total -= 100;
        s.locks = 129;
        bytes memory sigB = signState(BOB_KEY, id, s);
        vm.expectRevert(IShared.InvalidState.selector);
        vm.prank(alice);
        adjudicator.register(c, s, sigB);
        s.locks = 128;
        registerByAlice(s);
    }

    function test_conclude_needs_the_registered_state_and_its_mix() public {
        State memory s = plain(5, 1 ether);
        bytes32 mix = registerByAlice(s);
        pass(NOW + C + 1);
        vm.expectRevert(IShared.WrongPreimage.selector);
        adjudicator.conclude(c, s, bytes32(uint256(mix) ^ 1));
        s.defA += 1;
        vm.expectRevert(IShared.WrongPreimage.selector);
        adjudicator.conclude(c, s, mix);
        s.defA -= 1;
        adjudicator.conclude(c, s, mix);
        vm.expectRevert(IShared.WrongPhase.selector);
        adjudicator.conclude(c, s, mix);
    }

    function test_registration_needs_a_block_hash() public {
        State memory s = plain(5, 1 ether);
        bytes memory sigB = signState(BOB_KEY, id, s);
        vm.setBlockhash(vm.getBlockNumber() - 1, 0);
        vm.expectRevert(IShared.NoBlockhash.selector);
        vm.prank(alice);
        adjudicator.register(c, s, sigB);
    }

    function test_states_do_not_count_while_funding() public {
        Channel memory other = ledger(alice, bob, ALICE_KEY, BOB_KEY, 1);
        vm.prank(alice);
        adjudicator.open{value: 5}(other, 0);
        State memory s;
        vm.expectRevert(IShared.WrongPhase.selector);
        vm.prank(alice);
        adjudicator.register(other, s, none);
    }

    function test_S55_a_root_that_nobody_can_open_does_not_stop_conclude() public {
        State memory s = plain(2, 1 ether);
        s.total -= 1000;
        s.locks = 3;
        s.lockRoot = keccak256("unknown");
        s.nanos = 255;
        s.nanoRoot = keccak256("unknown too");
        bytes32 mix = registerByAlice(s);
        pass(NOW + C + W + 1);
        adjudicator.conclude(c, s, mix);
        eq(adjudicator.escrow(id).left, 1000, "escrow");
        eq(adjudicator.escrow(id).locks, 3, "locks");
        eq(adjudicator.escrow(id).lockRoot, s.lockRoot, "lock root");
    }

    function testFuzz_S12_S64_what_is_accepted_can_be_concluded(State memory s, uint256 seed) public {
        if (seed % 4 != 0) {
            // Near the bounds, so that a good share is accepted.
            s.depA = uint96(s.depA % (uint256(ALICE_STAKE) + (seed % 3)));
            s.depB = uint96(s.depB % (uint256(BOB_STAKE) + (seed % 5)));
            uint256 counted = uint256(s.depA) + s.depB;
            s.total = seed % 2 == 0 ? uint96(counted) : uint96(s.total % (counted + 2));
            s.defA = uint96(s.defA % (uint256(s.total) + 2));
            s.locks = uint8(s.locks % 140);
        }
        bool good = s.ver > 0 && s.depA <= ALICE_STAKE && s.depB <= BOB_STAKE && s.total <= uint256(s.depA) + s.depB
            && s.defA <= s.total && s.locks <= 128 && (s.locks > 0 || s.total == uint256(s.depA) + s.depB);
        bytes memory sigB = signState(BOB_KEY, id, s);
        if (s.ver == 0) vm.assume(s.depA != 0);
        if (!good) {
            vm.expectRevert(IShared.InvalidState.selector);
            vm.prank(alice);
            adjudicator.register(c, s, sigB);
            return;
        }
        bytes32 mix = registerByAlice(s);
        pass(adjudicator.channel(c).finalAt + 1);
        (uint256 a, uint256 b) = (alice.balance, bob.balance);
        adjudicator.conclude(c, s, mix);
        eq(alice.balance - a, uint256(s.defA) + ALICE_STAKE - s.depA, "A");
        eq(bob.balance - b, uint256(s.total) - s.defA + BOB_STAKE - s.depB, "B");
        eq(address(adjudicator).balance, uint256(s.depA) + s.depB - s.total, "escrow");
    }

    function test_S13_dirty_upper_bits_are_refused() public {
        State memory s = plain(5, 1 ether);
        bytes memory sigB = signState(BOB_KEY, id, s);
        bytes memory call = abi.encodeCall(adjudicator.register, (c, s, sigB));
        // Word by word: the channel, then the numbers of the state.
        for (uint256 word = 0; word < 18; ++word) {
            if (word == 3 || word == 5) continue; // full words
            bytes memory dirty = abi.encodePacked(call);
            dirty[4 + 32 * word] = 0x01;
            vm.prank(alice);
            (bool ok,) = address(adjudicator).call(dirty);
            check(!ok, "a dirty word was accepted");
        }
        vm.prank(alice);
        (bool clean,) = address(adjudicator).call(call);
        check(clean, "the clean call");
    }
}
