// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IShared} from "../../src/interfaces/IShared.sol";
import {Context} from "../../src/interfaces/INanocontract.sol";
import {Entry, NanoClaims, NanoStep, NanoVersion} from "../../src/types/Structs.sol";
import {Claim, NanoFixture} from "../support/NanoFixture.sol";

/// @dev Which versions and which steps are taken, and from whom. Every test runs for ledger and for virtual channels.
abstract contract NanoSteps is NanoFixture {
    bytes private constant WITNESS = hex"03";

    // -------------------------------------------------------------------------------------------------- versions

    function test_version_0_is_that_of_the_entry_and_unsigned() public {
        begin(1);
        for (uint256 i = 0; i < 5; ++i) {
            NanoVersion memory v = zero(0);
            if (i == 0) v.dA += 1;
            if (i == 1) v.mover = 1;
            if (i == 2) v.stepsLeft -= 1;
            if (i == 3) v.storageHash = keccak256("other");
            Claim memory only = claim(0, v);
            if (i == 4) only.signatures = signBoth(entries[0], v);
            bytes4 why = i == 4 ? IShared.InvalidSignature.selector : IShared.InvalidNano.selector;
            fails(why, carol, registering(one(only)));
        }
        register(0, zero(0));
        fails(IShared.NotNewer.selector, carol, refuting(one(claim(0, zero(0)))));
    }

    function test_S65_a_version_stays_within_its_entry_and_the_entry_within_the_channel() public {
        for (uint256 i = 0; i < 3; ++i) {
            entries.push(entryOf(i));
        }
        entries[1].kMax = 81; // the channel has 80
        entries[2].kMax = 80;
        registerState(7);
        pass(R + 1);
        fails(IShared.InvalidNano.selector, carol, registering(one(claim(0, version(4, 1, 0, K + 1)))));
        fails(IShared.InvalidNano.selector, carol, registering(one(claim(0, version(4, HELD + 1, 0, K)))));
        fails(IShared.InvalidNano.selector, carol, registering(one(claim(0, version(4, 1, 2, K)))));
        fails(IShared.InvalidNano.selector, carol, registering(one(claim(1, version(4, 1, 0, K)))));
        fails(IShared.InvalidNano.selector, carol, registering(one(claim(1, zero(1)))));
        register(2, zero(2));
        register(0, version(4, HELD, 1, K));
    }

    function test_a_version_needs_both_signatures_on_every_field() public {
        begin(2);
        NanoVersion memory v = version(4, 9, 1, 3);
        Claim memory good = claim(0, v);
        for (uint256 i = 0; i < 9; ++i) {
            Claim memory bad = claim(0, v);
            bad.version = NanoVersion(v.ver, v.dA, v.mover, v.stepsLeft, v.storageHash);
            if (i == 0) bad.version.ver += 1;
            if (i == 1) bad.version.dA += 1;
            if (i == 2) bad.version.mover = 0;
            if (i == 3) bad.version.stepsLeft -= 1;
            if (i == 4) bad.version.storageHash = keccak256("other");
            if (i == 5) bad.signatures = bytes.concat(half(good.signatures, 1), half(good.signatures, 0));
            if (i == 6) bad.signatures = half(good.signatures, 0);
            if (i == 7) bad.signatures = bytes.concat(good.signatures, hex"00");
            if (i == 8) (bad.entry, bad.index, bad.proof) = (entries[1], 1, proofOf(leaves(), 1));
            fails(IShared.InvalidSignature.selector, carol, registering(one(bad)));
        }
        send(carol, registering(one(good)));
    }

    function half(bytes memory both, uint256 side) private pure returns (bytes memory one_) {
        one_ = new bytes(64);
        for (uint256 i = 0; i < 64; ++i) {
            one_[i] = both[64 * side + i];
        }
    }

    /// @dev S56: a version for another channel, an entry that is not in the State.
    function test_S56_what_is_signed_for_another_channel_is_nothing_here() public {
        begin(2);
        NanoVersion memory v = version(2 ** 48 - 2, HELD, 1, K);
        Claim memory foreign = claim(0, v);
        bytes32 hash = nanoHash(keccak256("another channel"), entries[0], v);
        foreign.signatures = bytes.concat(signHash(secretKey(0), hash), signHash(secretKey(1), hash));
        fails(IShared.InvalidSignature.selector, carol, registering(one(foreign)));
        Entry memory e = entryOf(7);
        Claim memory unknown = claim(0, zero(0));
        unknown.entry = e;
        fails(IShared.InvalidProof.selector, carol, registering(one(unknown)));
    }

    // ------------------------------------------------------------------------------------------- proofs and batches

    function test_a_proof_leads_to_its_own_index_of_the_state() public {
        begin(5);
        for (uint256 i = 0; i < 6; ++i) {
            Claim memory bad = claim(3, zero(3));
            if (i == 0) bad.index = 2;
            if (i == 1) bad.index = 3 + 8;
            if (i == 2) bad.proof = new bytes32[](2);
            if (i == 3) bad.proof[1] = 0;
            if (i == 4) bad.proof = new bytes32[](9);
            if (i == 5) bad.index = 5;
            bytes4 why = i == 1 || i == 5 ? IShared.NoSuchNano.selector : IShared.InvalidProof.selector;
            fails(why, carol, registering(one(bad)));
        }
        register(3, zero(3));
    }

    /// @dev Behind a first full proof, each needs only the siblings up to one that was shown before.
    function test_proofs_of_one_call_may_be_short() public {
        begin(7);
        uint8[7] memory lengths = [3, 0, 1, 0, 2, 0, 1];
        Claim[] memory claims = new Claim[](7);
        for (uint256 i = 0; i < 7; ++i) {
            claims[i] = shortened(i, lengths[i]);
        }
        bytes memory whole = registering(claims);
        // One sibling less, and nothing is known where the proof ends.
        for (uint256 i = 0; i < 7; ++i) {
            if (lengths[i] == 0) continue;
            claims[i] = shortened(i, lengths[i] - 1);
            fails(IShared.InvalidProof.selector, carol, registering(claims));
            claims[i] = shortened(i, lengths[i]);
        }
        // In another order nothing is known either.
        (claims[0], claims[1]) = (claims[1], claims[0]);
        fails(IShared.InvalidProof.selector, carol, registering(claims));
        (claims[0], claims[1]) = (claims[1], claims[0]);
        // Nor does a short proof show what is not there.
        claims[3].entry.nid = keccak256("another nid");
        fails(IShared.InvalidProof.selector, carol, registering(claims));
        send(carol, whole);
        for (uint256 i = 0; i < 7; ++i) {
            eq(nanoInfo(i).nRef, R + 1 + W, "registered");
        }
    }

    function shortened(uint256 i, uint256 length) private view returns (Claim memory short_) {
        short_ = claim(i, zero(i));
        bytes32[] memory proof = new bytes32[](length);
        for (uint256 k = 0; k < length; ++k) {
            proof[k] = short_.proof[k];
        }
        short_.proof = proof;
    }

    function test_nobody_spoils_a_batch_by_coming_first() public {
        begin(3);
        Claim[] memory claims = new Claim[](3);
        claims[0] = claim(0, version(4, 10, 0, K));
        claims[1] = claim(1, version(4, 20, 0, K));
        claims[2] = claim(2, zero(2));
        register(1, version(5, 25, 0, K)); // a higher one
        register(2, zero(2)); // the same
        send(carol, registering(claims));
        eq(nanoInfo(0).dA, 10, "the first is registered");
        eq(nanoInfo(1).dA, 25, "the higher one stays");
        fails(IShared.NotNewer.selector, carol, registering(claims));
        fails(IShared.NotNewer.selector, carol, refuting(claims));
        claims[0] = claim(0, version(6, 11, 0, K));
        send(carol, refuting(claims));
        check(sum() == 11 + 25 - 2 * int256(uint256(DA0)), "sum");
    }

    /// @dev The first claim is passed over, and the others still lean on its proof.
    function test_nobody_spoils_short_proofs_by_coming_first() public {
        begin(2);
        Claim[] memory claims = new Claim[](2);
        claims[0] = claim(0, version(4, 10, 0, K));
        claims[1] = claim(1, version(4, 20, 0, K));
        claims[1].proof = new bytes32[](0);
        register(0, version(5, 15, 0, K));
        send(carol, registering(claims));
        eq(nanoInfo(0).dA, 15, "the higher one stays");
        eq(nanoInfo(1).dA, 20, "the other is registered");
    }

    /// @dev A claim that is passed over takes its own siblings, signatures and step, and no others.
    function test_each_claim_takes_what_belongs_to_it() public {
        begin(3);
        Claim[] memory claims = new Claim[](3);
        claims[0] = claim(0, version(4, 10, 0, K));
        claims[0].steps = single(moveTo(0, 10, 11));
        claims[1] = claim(1, version(4, 20, 0, K));
        claims[1].steps = single(moveTo(1, 20, 21));
        claims[2] = claim(2, version(4, 30, 0, K));
        register(0, version(5, 15, 0, K));
        send(carol, registering(claims));
        eq(nanoInfo(0).dA, 15, "passed over");
        eq(nanoInfo(1).dA, 21, "stepped");
        eq(nanoInfo(2).dA, 30, "registered");
    }

    /// @dev A's provisional step from version 4.
    function moveTo(uint256 i, uint96 from, uint256 to) private view returns (NanoStep memory) {
        bytes memory input = answer("next", to, 1, K - 1);
        return NanoStep(code, start, input, signStep(secretKey(0), i, version(4, from, 0, K), input));
    }

    function test_nothing_is_missing_and_nothing_is_left() public {
        begin(2);
        Claim[] memory claims = new Claim[](2);
        claims[0] = claim(0, version(4, 10, 0, K));
        claims[0].steps = single(moveTo(0, 10, 11));
        claims[1] = claim(1, zero(1));
        register(1, zero(1)); // so that the last claim is passed over
        for (uint256 i = 0; i < 7; ++i) {
            NanoClaims memory all = packed(claims);
            bytes4 why = IShared.InvalidNano.selector;
            if (i == 0) all.steps = new NanoStep[](0);
            if (i == 1) all.steps = new NanoStep[](2);
            if (i == 1) all.steps[0] = claims[0].steps[0];
            if (i == 2) all.list[1].step = true;
            if (i == 3) all.list[0].step = false;
            if (i > 3) why = IShared.InvalidSignature.selector;
            if (i == 4) all.evidence = bytes.concat(all.evidence, hex"00");
            if (i == 5) all.list[1].version = version(4, 10, 0, K); // the evidence lacks its signatures
            if (i == 6) (why, all.list[1].depth) = (IShared.InvalidProof.selector, 2);
            fails(why, carol, registering(all));
        }
        send(carol, registering(claims));
    }

    function test_a_refutation_registers_nothing_new() public {
        begin(2);
        register(0, zero(0));
        fails(IShared.NoSuchNano.selector, carol, refuting(one(claim(1, version(4, 1, 0, K)))));
    }

    function test_the_same_version_with_another_content_changes_nothing() public {
        begin(1);
        register(0, version(4, 10, 0, K));
        fails(IShared.NotNewer.selector, carol, refuting(one(claim(0, version(4, 11, 0, K)))));
        eq(nanoInfo(0).dA, 10, "I2");
    }

    // ----------------------------------------------------------------------------------------- who may force a step

    function test_only_the_mover_moves() public {
        begin(1);
        register(0, version(4, 1, 1, K));
        pass(R + 1 + W + 1);
        bytes memory data = executing(0, move(answer(start, 2, 0, 1)));
        fails(IShared.NotMover.selector, account(0), data);
        fails(IShared.NotMover.selector, carol, data);
        send(account(1), data);
    }

    function test_a_StepAuth_is_for_one_input_to_one_position() public {
        begin(2);
        NanoVersion memory v = version(4, 1, 1, K);
        register(0, v);
        register(1, v);
        pass(R + 1 + W + 1);
        bytes memory input = answer(start, 2, 1, K - 1);
        bytes memory auth = signStep(secretKey(1), 0, v, input);
        bytes4 why = IShared.InvalidSignature.selector;
        fails(why, carol, executing(0, NanoStep(code, start, answer(start, 3, 1, K - 1), auth)));
        fails(why, carol, executing(1, NanoStep(code, start, input, auth)));
        fails(why, carol, executing(0, NanoStep(code, start, input, bytes.concat(auth, hex"00"))));
        bytes memory wrong = signStep(secretKey(0), 0, v, input);
        fails(why, carol, executing(0, NanoStep(code, start, input, wrong)));
        NanoVersion memory other = version(5, 1, 1, K);
        wrong = signStep(secretKey(1), 0, other, input);
        fails(why, carol, executing(0, NanoStep(code, start, input, wrong)));
        other = version(4, 1, 1, K - 1);
        wrong = signStep(secretKey(1), 0, other, input);
        fails(why, carol, executing(0, NanoStep(code, start, input, wrong)));
        send(carol, executing(0, NanoStep(code, start, input, auth)));
        // The state and the mover are the same again, but not the number of steps left.
        fails(why, carol, executing(0, NanoStep(code, start, input, auth)));
    }

    // ------------------------------------------------------------------------------------------------ the step itself

    function test_S27_only_the_code_and_the_state_that_were_agreed() public {
        begin(1);
        register(0, zero(0));
        pass(R + 1 + W + 1);
        bytes memory input = answer(start, 2, 1, 1);
        address other = adjudicator.deploy(bytes.concat(code.code, hex"00"));
        for (uint256 i = 0; i < 4; ++i) {
            address other_ = [address(0), other, address(adjudicator), address(4)][i];
            fails(IShared.WrongCode.selector, account(0), executing(0, NanoStep(other_, start, input, none)));
        }
        fails(IShared.WrongStorage.selector, account(0), executing(0, NanoStep(code, "Start", input, none)));
        send(account(0), executing(0, NanoStep(code, start, input, none)));
    }

    function test_a_step_that_fails_has_no_effect() public {
        begin(1);
        register(0, zero(0));
        pass(R + 1 + W + 1);
        bytes32 before = keccak256(abi.encode(nanoInfo(0), sum(), end()));
        fails(IShared.StepFailed.selector, account(0), executing(0, move(hex"01")));
        fails(IShared.StepFailed.selector, account(0), executing(0, move(hex"02")));
        eq(keccak256(abi.encode(nanoInfo(0), sum(), end())), before, "no effect");
    }

    /// @dev Results are 256-bit words: nothing is cut to a narrower type before it is checked.
    function test_a_result_is_checked_as_words() public {
        begin(1);
        register(0, zero(0));
        pass(R + 1 + W + 1);
        uint256 cut = 1 << 96;
        bytes[13] memory bad = [
            answer("", uint256(HELD) + 1, 0, 1),
            answer("", cut, 0, 1),
            answer("", type(uint256).max, 0, 1),
            answer("", 1, 2, 1),
            answer("", 1, 256, 1),
            answer("", 1, type(uint256).max, 1),
            answer("", 1, 0, K),
            answer("", 1, 0, uint256(1) << 16),
            answer("", 1, 0, type(uint256).max),
            bytes.concat(hex"00", abi.encode(uint256(160), 1, 0, 1, 0, 0)),
            bytes.concat(hex"00", abi.encode(uint256(128), 1, 0, 1)),
            bytes.concat(hex"00", abi.encode(uint256(128), 1, 0, 1, 33), new bytes(32)),
            bytes.concat(hex"00", abi.encode(uint256(128), 1, 0, 1, type(uint256).max), new bytes(32))
        ];
        for (uint256 i = 0; i < bad.length; ++i) {
            fails(IShared.InvalidStep.selector, account(0), executing(0, move(bad[i])));
        }
        fails(IShared.InvalidStep.selector, account(0), executing(0, move(hex"00")));
        send(account(0), executing(0, move(answer("next", HELD, 1, K - 1))));
        eq(nanoInfo(0).storageHash, keccak256("next"), "storage");
        eq(nanoInfo(0).dA, HELD, "dA");
    }

    function testFuzz_the_state_that_a_step_leaves_is_kept_to_the_byte(bytes memory next, uint256 dA) public {
        vm.assume(next.length < 3_000);
        begin(1);
        register(0, zero(0));
        pass(R + 1 + W + 1);
        dA %= uint256(HELD) + 1;
        execute(0, 0, start, answer(next, dA, 1, 3));
        eq(nanoInfo(0).storageHash, keccak256(next), "storage");
        execute(0, 1, next, answer(start, 3, 0, 2));
        check(sum() == 3 - int256(uint256(DA0)), "sum");
    }

    function test_S28_the_largest_step_is_forced_and_nothing_larger() public {
        begin(2);
        entries[0].gas = 2_000_000;
        restart();
        bytes memory large = new bytes(16_384);
        for (uint256 i = 0; i < large.length; i += 32) {
            bytes32 word = keccak256(abi.encode(i));
            assembly {
                mstore(add(add(large, 32), i), word)
            }
        }
        NanoVersion memory v = version(4, 1, 0, K);
        v.storageHash = keccak256(large);
        register(0, v);
        pass(vm.getBlockTimestamp() + W + 1);
        bytes memory input = new bytes(16_385);
        input[0] = 0x03;
        fails(IShared.TooLong.selector, account(0), executing(0, NanoStep(code, large, input, none)));
        NanoStep memory step = NanoStep(code, large, bytes.concat(hex"05", abi.encode(16_385)), none);
        fails(IShared.InvalidStep.selector, account(0), executing(0, step));
        // A large input, and the largest state.
        step.input = bytes.concat(hex"05", abi.encode(16_384), new bytes(16_384 - 33));
        bytes memory data = executing(0, step);
        atMost(data.length, 128 * 1024, "size of the transaction");
        uint256 gas = gasleft();
        send(account(0), data);
        atMost(21_000 + 16 * data.length + (gas - gasleft()), 1 << 24, "gas of the transaction");
        eq(nanoInfo(0).storageHash, keccak256(new bytes(16_384)), "storage");
    }

    /// @dev As `begin`, after entries were changed: in a new dispute of another channel.
    function restart() private {
        if (isVirtual()) {
            Path memory q = path(3, ALICE_STAKE, BOB_STAKE, 2);
            q.v.tExp = uint40(R + 1 days);
            q.vc = virtualIdOf(q.v);
            (p.v, p.vc, p.secrets, ch) = (q.v, q.vc, q.secrets, q.vc);
        } else {
            c.lane = 1;
            ch = openBoth(c, ALICE_STAKE, BOB_STAKE);
        }
        registerState(7);
        pass(vm.getBlockTimestamp() + C + 1);
    }

    function test_S28_a_state_that_is_too_long_is_never_forced() public {
        begin(1);
        bytes memory large = new bytes(16_385);
        NanoVersion memory v = version(4, 1, 0, K);
        v.storageHash = keccak256(large);
        register(0, v);
        pass(R + 1 + W + 1);
        fails(IShared.TooLong.selector, account(0), executing(0, NanoStep(code, large, hex"03", none)));
    }

    /// @dev Whatever gas a call is given, it has its whole effect, with exactly the agreed gas for the code, or none.
    function test_S26_every_gas_limit_has_full_effect_or_none() public {
        begin(1);
        register(0, zero(0));
        pass(R + 1 + W + 1);
        bytes memory data = executing(0, move(WITNESS));
        uint256 snapshot = vm.snapshotState();
        uint256 gas = gasleft();
        send(account(0), data);
        bytes32 full = keccak256(abi.encode(nanoInfo(0), end(), sum()));
        gas = gas - gasleft() + STEP_GAS;
        vm.revertToState(snapshot);
        bytes32 empty = keccak256(abi.encode(nanoInfo(0), end(), sum()));
        check(full != empty, "there is an effect");
        uint256 successes;
        for (uint256 limit = 0; limit < 2 * gas; limit += 1_733) {
            successes += tryWith(limit, data, full, empty) ? 1 : 0;
            vm.revertToState(snapshot);
        }
        // To the unit, where the gas for the code just suffices.
        uint256 least = leastGas(gas, data);
        for (uint256 limit = least - 200; limit < least + 1_000; ++limit) {
            check(tryWith(limit, data, full, empty) == (limit >= least), "one threshold");
            vm.revertToState(snapshot);
        }
        check(successes > 50 && successes * 1_733 < 2 * gas, "both happen");
    }

    function leastGas(uint256 gas, bytes memory data) private returns (uint256) {
        (uint256 low, uint256 high) = (0, 2 * gas);
        uint256 snapshot = vm.snapshotState();
        while (low + 1 < high) {
            uint256 middle = (low + high) / 2;
            vm.prank(account(0));
            (bool ok,) = address(adjudicator).call{gas: middle}(data);
            if (ok) high = middle;
            else low = middle;
            vm.revertToState(snapshot);
        }
        return high;
    }

    function tryWith(uint256 limit, bytes memory data, bytes32 full, bytes32 empty) private returns (bool ok) {
        vm.prank(account(0));
        (ok,) = address(adjudicator).call{gas: limit}(data);
        // The code remembers the gas that it was given, so this also says that it is always the same.
        eq(keccak256(abi.encode(nanoInfo(0), end(), sum())), ok ? full : empty, "full effect or none");
    }

    // ------------------------------------------------------------------------------------- what a step is told, and when

    function witnessed(uint256 time, uint256 absolute, NanoVersion memory before, uint8 caller)
        private
        view
        returns (bytes memory)
    {
        Context memory ctx = Context(
            ch, entryHash(entries[0]), HELD, before.dA, before.stepsLeft, time, absolute, address(adjudicator)
        );
        return abi.encode(ctx, caller);
    }

    /// @dev The state that a witness left begins with what it was told; behind it the gas and the hash of the state before.
    function forceWitness(uint256 side, bytes memory state) private returns (bytes memory next, uint256 gas) {
        vm.recordLogs();
        execute(0, side, state, WITNESS);
        return lastNext();
    }

    function lastNext() private returns (bytes memory next, uint256 gas) {
        bytes memory data = vm.getRecordedLogs()[0].data;
        (,,,, next) = abi.decode(data, (uint96, uint8, uint16, bytes, bytes));
        eq(nanoInfo(0).storageHash, keccak256(next), "the event has the state");
        (,, gas,) = abi.decode(next, (Context, uint8, uint256, bytes32));
    }

    function told(bytes memory next, bytes memory want) private pure {
        bytes memory got = new bytes(want.length);
        for (uint256 i = 0; i < want.length; ++i) {
            got[i] = next[i];
        }
        eq(keccak256(got), keccak256(want), "what the step was told");
    }

    /// @dev The app clock stands still from the opening of the dispute on: who is slow within its window takes no time from the other.
    function test_what_a_step_is_told_and_the_clock() public {
        begin(1);
        pass(R + 500);
        register(0, zero(0));
        uint256 nRef = R + 500 + W;
        pass(nRef + 77);
        (bytes memory next, uint256 gas) = forceWitness(0, start);
        told(next, witnessed(NOW, nRef + 77, version(0, DA0, 0, K), 0));
        atMost(gas, STEP_GAS, "gas of the code");
        atMost(STEP_GAS - gas, 1_000, "gas that it had used by then");
        pass(nRef + 200);
        (next,) = forceWitness(1, next);
        told(next, witnessed(NOW, nRef + 200, version(0, DA0, 1, K - 1), 1));
        pass(nRef + 5_000);
        (next,) = forceWitness(0, next);
        told(next, witnessed(NOW, nRef + 5_000, version(0, DA0, 0, K - 2), 0));
    }

    function test_the_clock_of_a_provisional_step() public {
        begin(1);
        pass(R + 9);
        Claim memory only = claim(0, zero(0));
        only.steps = single(move(WITNESS));
        bytes memory data = registering(one(only));
        vm.recordLogs();
        send(account(0), data);
        bytes memory log = vm.getRecordedLogs()[1].data;
        (,,,, bytes memory next) = abi.decode(log, (uint96, uint8, uint16, bytes, bytes));
        told(next, witnessed(NOW, R + 9, version(0, DA0, 0, K), 0));
        uint256 nRef = R + 9 + W;
        pass(nRef + 40);
        (next,) = forceWitness(1, next);
        told(next, witnessed(NOW, nRef + 40, version(0, DA0, 1, K - 1), 1));
    }

    // ---------------------------------------------------------------------------------------------- provisional steps

    function test_a_provisional_step_is_the_movers_and_a_higher_version_discards_it() public {
        begin(1);
        Claim memory only = claim(0, version(4, 10, 1, 3));
        only.steps = single(move(answer("after", 55, 0, 2)));
        fails(IShared.NotMover.selector, carol, registering(one(only)));
        only.steps[0].auth = signStep(secretKey(1), 0, only.version, only.steps[0].input);
        send(carol, registering(one(only)));
        eq(nanoInfo(0).dA, 55, "provisional dA");
        eq(nanoInfo(0).stepsLeft, 2, "provisional stepsLeft");
        eq(nanoInfo(0).last, 0, "no step in EXEC yet");
        check(nanoInfo(0).forced, "forced");
        check(sum() == 55 - int256(uint256(DA0)), "sum");

        refute(0, version(5, 10, 1, 3));
        eq(nanoInfo(0).dA, 10, "discarded");
        eq(nanoInfo(0).storageHash, keccak256(start), "its state too");
        check(!nanoInfo(0).forced, "not forced");

        Claim memory higher = claim(0, version(6, 10, 1, 3));
        higher.steps = single(move(answer("again", 66, 0, 0)));
        higher.steps[0].auth = signStep(secretKey(1), 0, higher.version, higher.steps[0].input);
        send(carol, refuting(one(higher)));
        eq(nanoInfo(0).dA, 66, "the step on the higher version");
        // No further step comes before nRef, of whichever kind.
        fails(IShared.RefutationRunning.selector, account(0), executing(0, NanoStep(code, "again", hex"03", none)));
        eq(outcome(), uint256(DEF_A) - DA0 + 66, "outcome");
    }

    function test_one_provisional_step_and_no_more() public {
        begin(1);
        Claim memory only = claim(0, zero(0));
        only.steps = new NanoStep[](2);
        only.steps[0] = move(answer(start, 5, 0, 4));
        only.steps[1] = move(answer(start, 6, 0, 3));
        fails(IShared.InvalidNano.selector, account(0), registering(one(only)));
    }

    function test_steps_run_out() public {
        begin(1);
        register(0, version(4, 1, 0, 1));
        pass(R + 1 + W + 1);
        execute(0, 0, start, answer(start, 7, 0, 0));
        fails(IShared.InvalidStep.selector, account(0), executing(0, move(answer(start, 9, 0, 0))));
        eq(outcome(), uint256(DEF_A) - DA0 + 7, "outcome");
    }

    function test_a_step_changes_nothing_in_the_contract() public {
        begin(1);
        register(0, zero(0));
        pass(R + 1 + W + 1);
        vm.recordLogs();
        execute(0, 0, start, hex"04");
        bytes memory data = vm.getRecordedLogs()[0].data;
        (,,,, bytes memory next) = abi.decode(data, (uint96, uint8, uint16, bytes, bytes));
        (bool changed, uint16 stepsLeft) = abi.decode(next, (bool, uint16));
        check(!changed, "nothing was changed");
        eq(stepsLeft, K, "it sees itself as it was");
        eq(adjudicator.revealedAt(keccak256(abi.encode(bytes32("secret")))), 0, "not revealed");
    }
}

contract LedgerNanoStepsTest is NanoSteps {
    function isVirtual() internal pure override returns (bool) {
        return false;
    }

    /// @dev Sending is signing, for the owner only.
    function test_the_owner_who_sends_has_signed() public {
        begin(1);
        NanoVersion memory v = version(4, 1, 0, K);
        Claim memory only = claim(0, v);
        fails(IShared.InvalidSignature.selector, alice, registering(one(only)));
        only.signatures = signHash(BOB_KEY, nanoHash(ch, entries[0], v));
        fails(IShared.InvalidSignature.selector, bob, registering(one(only)));
        fails(IShared.InvalidSignature.selector, carol, registering(one(only)));
        send(alice, registering(one(only)));
    }
}

contract VirtualNanoStepsTest is NanoSteps {
    function isVirtual() internal pure override returns (bool) {
        return true;
    }

    /// @dev Sending is no signing here.
    function test_both_ends_sign_whoever_sends() public {
        begin(1);
        NanoVersion memory v = version(4, 1, 0, K);
        Claim memory only = claim(0, v);
        only.signatures = signHash(B_END_KEY, nanoHash(ch, entries[0], v));
        fails(IShared.InvalidSignature.selector, endA(), registering(one(only)));
        only = claim(0, v);
        send(endA(), registering(one(only)));
    }
}
