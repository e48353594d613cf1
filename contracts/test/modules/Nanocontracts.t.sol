// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IShared} from "../../src/interfaces/IShared.sol";
import {Channel, CloseTerms, Entry, NanoVersion, State, VirtualState} from "../../src/types/Structs.sol";
import {Claim, NanoFixture} from "../support/NanoFixture.sol";

/// @dev The phases of a dispute with nanocontracts, to the second. Every test runs for ledger and for virtual channels.
abstract contract NanoPhases is NanoFixture {
    function test_register_refute_execute_conclude() public {
        begin(3);
        register(1, version(4, DA0 + 11, 1, K));
        check(sum() == 11, "what the version moves");
        refute(1, version(6, DA0 - 7, 0, 3));
        check(sum() == -7, "what the higher version moves");
        pass(R + 1 + W + 1);
        execute(1, 0, start, answer("next", DA0 + 1_000, 1, 2));
        IShared.NanoInfo memory info = nanoInfo(1);
        eq(info.ver, 6, "ver");
        eq(info.nRef, R + 1 + W, "nRef");
        eq(info.last, R + 1 + W + 1, "last");
        eq(info.stepsLeft, 2, "stepsLeft");
        eq(info.mover, 1, "mover");
        eq(info.dA, DA0 + 1_000, "dA");
        eq(info.storageHash, keccak256("next"), "storage");
        check(info.forced, "forced");
        eq(outcome(), DEF_A + 1_000, "A gets what the nanocontract moved to her");
    }

    function test_registration_is_open_after_R_for_one_window() public {
        begin(1);
        bytes memory data = registering(one(claim(0, zero(0))));
        vm.warp(R);
        fails(IShared.RefutationRunning.selector, carol, data);
        vm.warp(R + 1);
        uint256 snapshot = vm.snapshotState();
        send(carol, data);
        vm.revertToState(snapshot);
        vm.warp(R + W);
        send(carol, data);
        eq(nanoInfo(0).nRef, R + 2 * W, "nRef");
        vm.revertToState(snapshot);
        vm.warp(R + W + 1);
        fails(IShared.Expired.selector, carol, data);
    }

    function test_higher_versions_until_nRef_which_never_moves() public {
        begin(1);
        pass(R + 100);
        register(0, version(4, 1, 0, K));
        uint256 nRef = R + 100 + W;
        pass(R + 200);
        refute(0, version(5, 2, 0, K));
        eq(nanoInfo(0).nRef, nRef, "nRef after a refutation");
        bytes memory data = refuting(one(claim(0, version(6, 3, 0, K))));
        vm.warp(nRef + 1);
        fails(IShared.NotNewer.selector, carol, data);
        vm.warp(nRef);
        send(carol, data);
        eq(nanoInfo(0).nRef, nRef, "nRef after another one");
        check(sum() == 3 - int256(uint256(DA0)), "sum");
    }

    function test_steps_between_nRef_and_a_window_after_the_last() public {
        begin(1);
        register(0, version(4, 1, 0, K));
        uint256 nRef = R + 1 + W;
        bytes memory data = executing(0, move(answer(start, 2, 1, K - 1)));
        vm.warp(nRef);
        fails(IShared.RefutationRunning.selector, account(0), data);
        uint256 snapshot = vm.snapshotState();
        vm.warp(nRef + 1);
        send(account(0), data);
        vm.revertToState(snapshot);
        vm.warp(nRef + W + 1);
        fails(IShared.Expired.selector, account(0), data);
        vm.warp(nRef + W);
        send(account(0), data);
        eq(end(), nRef + 2 * W, "the other one has a whole window");

        // S25: the last step came at its deadline; the answer may come as late.
        data = executing(0, move(answer(start, 3, 0, K - 2)));
        vm.warp(nRef + 2 * W + 1);
        fails(IShared.Expired.selector, account(1), data);
        vm.warp(nRef + 2 * W);
        fails(IShared.NotFinal.selector, carol, concluding());
        send(account(1), data);
        eq(finalAt(), nRef + 3 * W, "finalAt");
    }

    function test_S25_whoever_is_stepped_upon_in_the_last_second_still_has_a_window() public {
        begin(1);
        register(0, version(4, 1, 0, K));
        pass(finalAt());
        execute(0, 0, start, answer(start, HELD, 1, 1));
        pass(finalAt());
        execute(0, 1, start, answer(start, 5, 0, 0));
        eq(outcome(), uint256(DEF_A) - DA0 + 5, "the answer counts");
    }

    /// @dev Every step at its last second, as many as there may be.
    function test_S65_the_slowest_game_ends_in_time() public {
        begin(1);
        pass(R + W);
        register(0, zero(0));
        for (uint256 left = K; left > 0; --left) {
            pass(finalAt());
            execute(0, (K - left) % 2, start, answer(start, left, 1 - ((K - left) % 2), left - 1));
        }
        atMost(finalAt(), R + (2 + uint256(K)) * W, "finalAt");
        eq(finalAt(), R + (2 + uint256(K)) * W, "no earlier either: each had its window");
        eq(outcome(), uint256(DEF_A) - DA0 + 1, "outcome");
    }

    function test_a_finished_nano_ends_with_its_refutation() public {
        begin(1);
        register(0, version(4, 1, 0, 0));
        eq(end(), R + 1 + W, "end");
        refute(0, version(6, 1, 0, 2));
        eq(end(), R + 1 + 2 * W, "end, with steps left");
        refute(0, version(8, 1, 0, 0));
        eq(end(), R + 1 + 2 * W, "the end never comes nearer");
    }

    function test_nothing_touches_the_words_of_the_dispute() public {
        begin(2);
        bytes32 before = words();
        register(0, zero(0));
        refute(0, version(4, 1, 0, K));
        register(1, version(3, 2, 0, K));
        pass(R + 1 + W + 1);
        execute(0, 0, start, answer("", 2, 1, 1));
        eq(words(), before, "S0, S1 or the record");
    }

    function words() private view returns (bytes32) {
        if (!isVirtual()) {
            (uint256 s0, uint256 s1) = adjudicator.slots(adjudicator.slotKey(c));
            return keccak256(abi.encode(s0, s1));
        }
        IShared.RecordInfo memory info = adjudicator.record(ch);
        info.nanosEnd = 0;
        return keccak256(abi.encode(info));
    }

    function test_S24_late_parent_does_not_wipe_nano() public {
        for (uint256 i = 0; i < 2; ++i) {
            entries.push(entryOf(i));
        }
        registerState(3);
        bytes memory early = registering(one(claim(0, version(9, HELD, 1, 2))));
        // Whatever comes in the last second of the refutation, the nanocontracts of what stands then are registered after it.
        pass(R);
        fails(IShared.WrongPreimage.selector, carol, early);
        mix = mixNow();
        send(carol, refutingState(7));
        pass(R + 1);
        register(0, version(9, HELD, 1, 2));
        eq(outcome(), uint256(DEF_A) - DA0 + HELD, "the evidence counts");
    }

    function test_S70_no_refutation_after_R_and_no_higher_version_after_nRef() public {
        begin(1);
        register(0, version(4, 1, 0, K));
        fails(IShared.RefutationOver.selector, carol, refutingState(8));
        pass(R + 1 + W + 1);
        execute(0, 0, start, answer(start, 2, 1, 3));
        // In the block of the step.
        fails(IShared.NotNewer.selector, carol, refuting(one(claim(0, version(99, HELD, 0, K)))));
        fails(IShared.RefutationOver.selector, carol, refutingState(8));
        atMost(finalAt(), R + (2 + uint256(K)) * W, "finalAt");
        eq(outcome(), uint256(DEF_A) - DA0 + 2, "outcome");
    }

    function refutingState(uint48 ver) internal view returns (bytes memory) {
        if (isVirtual()) {
            VirtualState memory v = virtualState(ver);
            return abi.encodeCall(adjudicator.refuteVirtual, (p.v, v, signEnds(p, v)));
        }
        State memory s = ledgerState(ver);
        bytes memory both = bytes.concat(signState(ALICE_KEY, ch, s), signState(BOB_KEY, ch, s));
        return abi.encodeCall(adjudicator.refute, (c, s, both));
    }

    /// @dev The other one registers an old version as early as it can; whoever wakes up a window later refutes it.
    function test_S54_an_old_version_registered_at_once_is_refuted_in_time() public {
        begin(1);
        send(account(1), registering(one(byOwner(0, version(3, 0, 1, K), 1))));
        pass(R + 1 + W);
        refute(0, version(9, HELD, 1, 0));
        eq(outcome(), uint256(DEF_A) - DA0 + HELD, "outcome");
    }

    function byOwner(uint256 i, NanoVersion memory v, uint256 side) internal view returns (Claim memory only) {
        only = claim(i, v);
        if (!isVirtual()) only.signatures = signHash(secretKey(1 - side), nanoHash(ch, entries[i], v));
    }

    function test_S55_what_nobody_registers_counts_its_default() public {
        begin(4);
        register(2, version(4, DA0 + 5, 0, 1));
        eq(outcome(), DEF_A + 5, "the others count dA0");
    }

    function test_S31_a_nano_that_never_moves_ransoms_nothing() public {
        begin(1);
        pass(R + W);
        register(0, zero(0));
        eq(finalAt(), R + 3 * W, "its refutation and one window");
        eq(outcome(), DEF_A, "default split");
    }

    /// @dev As many as fit in a State: the end costs what it costs with one.
    function test_S30_many_nanos_cost_the_end_nothing() public {
        begin(isVirtual() ? 64 : 255);
        pass(R + W + 1);
        bytes memory data = concluding();
        uint256 gas = gasleft();
        send(carol, data);
        atMost(gas - gasleft(), 150_000, "gas of the end");
    }

    function test_no_nanos_no_window() public {
        begin(0);
        eq(finalAt(), R, "finalAt");
        eq(outcome(), DEF_A, "outcome");
    }

    function test_after_the_end_nothing_moves() public {
        begin(2);
        register(0, version(4, 1, 0, K));
        bytes memory first = registering(one(claim(1, zero(1))));
        bytes memory higher = refuting(one(claim(0, version(6, 1, 0, K))));
        bytes memory forced = executing(0, move(answer(start, 1, 1, 1)));
        outcome();
        bytes4 why = isVirtual() ? IShared.AlreadyConcluded.selector : IShared.WrongPhase.selector;
        fails(why, carol, first);
        fails(why, carol, higher);
        fails(why, account(0), forced);
    }

    function test_without_a_dispute_nothing_moves() public {
        entries.push(entryOf(0));
        fails(IShared.NoDispute.selector, carol, registering(one(claim(0, zero(0)))));
        fails(IShared.NoDispute.selector, carol, refuting(one(claim(0, zero(0)))));
        fails(IShared.NoDispute.selector, account(0), executing(0, move(answer(start, 1, 1, 1))));
    }

    function test_another_state_is_not_the_registered_one() public {
        begin(1);
        mix = keccak256("another mix");
        fails(IShared.WrongPreimage.selector, carol, registering(one(claim(0, zero(0)))));
    }

    /// @dev S64: whatever both signed for their nanocontracts, the end comes and pays no more than there is.
    function testFuzz_S64_whatever_nanos_move_the_end_pays_the_total(uint256 seed) public {
        for (uint256 i = 0; i < 3; ++i) {
            Entry memory e = entryOf(i);
            e.total = draw(seed, i, "total");
            e.dA0 = draw(seed, i, "dA0");
            e.mover0 = uint8(draw(seed, i, "mover0"));
            e.kMax = uint16(within(uint256(draw(seed, i, "kMax")), 0, 80));
            entries.push(e);
        }
        registerState(7);
        pass(R + 1);
        for (uint256 i = 0; i < 3; ++i) {
            NanoVersion memory v = version(
                uint48(draw(seed, i, "ver") | 1),
                uint96(within(draw(seed, i, "dA"), 0, entries[i].total)),
                uint8(draw(seed, i, "mover") % 2),
                uint16(within(draw(seed, i, "left"), 0, entries[i].kMax))
            );
            register(i, v);
            check(nanoInfo(i).dA == v.dA, "accepted");
        }
        atMost(outcome(), total, "no more than there is");
    }

    function draw(uint256 seed, uint256 i, string memory what) private pure returns (uint96 value) {
        uint256 x = uint256(keccak256(abi.encode(seed, i, what)));
        value = uint96(x >> 160);
        if (x % 8 == 0) value = 0;
        if (x % 8 == 1) value = type(uint96).max;
        if (x % 8 > 4) value %= 3e18;
    }
}

contract LedgerNanoPhasesTest is NanoPhases {
    function isVirtual() internal pure override returns (bool) {
        return false;
    }

    /// @dev The id of another life is another id, so what the last life registered does not exist in this one.
    function test_S71_a_new_life_knows_nothing_of_the_nanos_of_the_old() public {
        begin(1);
        register(0, version(4, 1, 0, K));
        outcome();
        bytes32 old = ch;
        ch = openBoth(c, ALICE_STAKE, BOB_STAKE);
        check(ch != old, "another id");
        eq(nanoInfo(0).nRef, 0, "not registered");
        check(sum() == 0 && end() == 0, "nothing accrued");
        registerState(7);
        vm.warp(vm.getBlockTimestamp() + C + 1);
        bytes memory late = refuting(one(claim(0, version(6, 1, 0, K))));
        fails(IShared.NoSuchNano.selector, carol, late);
        eq(outcome(), DEF_A, "nothing of the old life counts");
    }

    /// @dev The attacker registers the same Entry to the byte in a channel of its own, as high as versions go.
    function test_S56_a_slot_poisoned_from_another_channel_says_nothing() public {
        entries.push(entryOf(0));
        registerState(7);
        (Channel memory honest, bytes32 id, bytes32 mix_) = (c, ch, mix);
        c = ledger(person("mallory"), person("her other account"), ALICE_KEY, BOB_KEY, 0);
        vm.deal(c.ownerA, 1e30);
        vm.deal(c.ownerB, 1e30);
        ch = openBoth(c, ALICE_STAKE, BOB_STAKE);
        State memory s = ledgerState(7);
        bytes memory sigB = signState(BOB_KEY, ch, s);
        mix = mixNow();
        vm.prank(c.ownerA);
        adjudicator.register(c, s, sigB);
        pass(R + 1);
        register(0, version(2 ** 48 - 2, HELD, 1, 0));
        eq(nanoInfo(0).ver, 2 ** 48 - 2, "poisoned");

        (c, ch, mix) = (honest, id, mix_);
        eq(nanoInfo(0).nRef, 0, "nothing here");
        check(sum() == 0 && end() == 0, "nothing accrued");
        register(0, zero(0));
        refute(0, version(4, DA0 + 9, 1, 0));
        eq(outcome(), DEF_A + 9, "only what was signed for this channel counts");
    }

    function test_both_may_still_close_while_nanos_move() public {
        begin(1);
        register(0, version(4, 1, 0, K));
        bytes memory forced = executing(0, move(answer(start, 1, 1, 1)));
        closeBoth();
        pass(R + 1 + W + 1);
        fails(IShared.WrongPhase.selector, account(0), forced);
    }

    function closeBoth() private {
        CloseTerms memory t = CloseTerms(ALICE_STAKE, BOB_STAKE, 5, 0, 0, 0, alice, bob, uint40(R + W));
        bytes32 hash = closeHash(ch, t);
        adjudicator.close(c, t, bytes.concat(signHash(ALICE_KEY, hash), signHash(BOB_KEY, hash)));
    }
}

contract VirtualNanoPhasesTest is NanoPhases {
    function isVirtual() internal pure override returns (bool) {
        return true;
    }

    /// @dev A certificate ends the dispute until its very end, nanocontracts included.
    function test_a_certificate_until_finalAt() public {
        begin(1);
        pass(R + W);
        register(0, zero(0));
        bytes memory sigs = certificate(p, 12_345);
        pass(R + 3 * W + 1);
        vm.expectRevert(IShared.Expired.selector);
        adjudicator.finalise(p.v, p.mids, 12_345, sigs);
        vm.warp(R + 3 * W);
        adjudicator.finalise(p.v, p.mids, 12_345, sigs);
        eq(adjudicator.record(ch).outA, 12_345, "outcome");
    }
}
