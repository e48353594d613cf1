// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IShared} from "../../src/interfaces/IShared.sol";
import {Key, Opener, VirtualState, WatchAuth} from "../../src/types/Structs.sol";
import {Fixture} from "../support/Fixture.sol";

abstract contract VirtualFixture is Fixture {
    uint96 internal constant A0 = 600_000_000_000_000_007;
    uint96 internal constant B0 = 300_000_000_000_000_011;
    uint256 internal constant EXPIRY = NOW + 1 days;

    Path internal p;

    function setUp() public virtual override {
        super.setUp();
        copy(path(3, A0, B0));
    }

    function copy(Path memory from) internal {
        p.v = from.v;
        p.vc = from.vc;
        delete p.mids;
        for (uint256 i = 0; i < from.mids.length; ++i) {
            p.mids.push(from.mids[i]);
        }
        p.secrets = from.secrets;
        p.privateKeys = from.privateKeys;
    }

    function state(uint48 ver, uint96 defA) internal pure returns (VirtualState memory) {
        return VirtualState(ver, defA, 0, 0);
    }

    function registerByEnd(VirtualState memory s) internal returns (bytes32 mix) {
        bytes memory signatures = signEnds(p, s);
        vm.prank(endA());
        adjudicator.registerVirtual(p.v, s, signatures, p.secrets);
        return mixNow();
    }

    function registerFails(VirtualState memory s, bytes4 reason) internal {
        bytes memory signatures = signEnds(p, s);
        vm.expectRevert(reason);
        vm.prank(endA());
        adjudicator.registerVirtual(p.v, s, signatures, p.secrets);
    }

    function outcome() internal view returns (uint96) {
        IShared.RecordInfo memory info = adjudicator.record(p.vc);
        check(info.status == IShared.RecordStatus.Concluded, "concluded");
        return info.outA;
    }
}

contract VirtualDisputeTest is VirtualFixture {
    function test_register_refute_conclude_records_the_newest_outcome() public {
        VirtualState memory s = state(1, A0);
        registerByEnd(s);
        VirtualState memory newer = state(40_001, 250_000_000_000_000_009);
        bytes memory signatures = signEnds(p, newer);
        pass(NOW + C);
        vm.prank(carol);
        adjudicator.refuteVirtual(p.v, newer, signatures);
        bytes32 mix = mixNow();
        eq(adjudicator.record(p.vc).deadline, NOW + C, "R does not move");
        vm.expectRevert(IShared.NotFinal.selector);
        adjudicator.concludeVirtual(p.v, newer, mix);
        pass(NOW + C + 1);
        adjudicator.concludeVirtual(p.v, newer, mix);
        eq(outcome(), 250_000_000_000_000_009, "outcome");
        eq(adjudicator.record(p.vc).ver, 40_001, "ver");
    }

    function test_S5_a_dispute_begins_until_tExp() public {
        uint256 snapshot = vm.snapshotState();
        pass(EXPIRY + 1);
        registerFails(state(1, A0), IShared.Expired.selector);
        vm.revertToState(snapshot);
        pass(EXPIRY);
        registerByEnd(state(1, A0));
    }

    function test_refutation_goes_on_after_tExp_until_R() public {
        pass(EXPIRY);
        registerByEnd(state(1, A0));
        VirtualState memory s = state(2, 5);
        bytes memory signatures = signEnds(p, s);
        uint256 snapshot = vm.snapshotState();
        pass(EXPIRY + C + 1);
        vm.expectRevert(IShared.RefutationOver.selector);
        adjudicator.refuteVirtual(p.v, s, signatures);
        vm.revertToState(snapshot);
        pass(EXPIRY + C);
        adjudicator.refuteVirtual(p.v, s, signatures);
    }

    function test_S32_activation_needs_every_secret_in_order() public {
        VirtualState memory s = state(1, A0);
        bytes memory signatures = signEnds(p, s);
        for (uint256 i = 0; i < 7; ++i) {
            bytes32[] memory secrets = p.secrets;
            if (i < 4) secrets[i] = keccak256("not the secret");
            if (i == 4) (secrets[0], secrets[1]) = (secrets[1], secrets[0]);
            if (i == 5) secrets = new bytes32[](0);
            if (i == 6) secrets = new bytes32[](18);
            vm.expectRevert(IShared.InvalidActivation.selector);
            vm.prank(endA());
            adjudicator.registerVirtual(p.v, s, signatures, secrets);
        }
    }

    function test_S59_senseless_parameters_are_refused() public {
        for (uint256 i = 0; i < 8; ++i) {
            Path memory q = path(3, A0, B0);
            if (i == 0) q.v.challenge = 0;
            if (i == 1) q.v.challenge = 2 ** 25 + 1;
            if (i == 2) q.v.window = 0;
            if (i == 3) q.v.window = 2 ** 25 + 1;
            if (i == 4) q.v.kMax = 1025;
            if (i == 5) q.v.actMode = 0;
            if (i == 6) q.v.actMode = 2;
            if (i == 7) q.v.initA = type(uint96).max;
            q.vc = virtualIdOf(q.v);
            VirtualState memory s = state(1, 5);
            bytes memory signatures = i == 7 ? bytes(new bytes(128)) : signEnds(q, s);
            vm.expectRevert(
                i < 5
                    ? IShared.InvalidPeriods.selector
                    : i < 7 ? IShared.InvalidActivation.selector : IShared.InvalidState.selector
            );
            vm.prank(endA());
            adjudicator.registerVirtual(q.v, s, signatures, q.secrets);
        }
    }

    function test_S59_a_path_has_2_to_16_links() public {
        copy(path(17, A0, B0));
        registerFails(state(1, A0), IShared.InvalidActivation.selector);
        copy(path(16, A0, B0));
        registerByEnd(state(1, A0));
        copy(path(2, A0, B0));
        registerByEnd(state(1, A0));
    }

    function test_the_state_predicate() public {
        registerFails(state(0, A0), IShared.InvalidState.selector);
        registerFails(state(1, A0 + B0 + 1), IShared.InvalidState.selector);
        registerFails(VirtualState(1, A0, 65, 0), IShared.InvalidState.selector);
        registerByEnd(VirtualState(1, A0 + B0, 64, 0));
        eq(adjudicator.record(p.vc).deadline, NOW + C, "R");
        check(adjudicator.record(p.vc).nanos, "nanos");
    }

    function test_both_ends_sign_also_when_one_sends() public {
        VirtualState memory s = state(1, A0);
        bytes memory sigA = signVirtual(A_END_KEY, p.vc, s, A0 + B0);
        bytes memory sigB = signVirtual(B_END_KEY, p.vc, s, A0 + B0);
        bytes[4] memory bad = [sigB, sigA, bytes.concat(sigB, sigA), bytes.concat(sigA, sigB, sigB)];
        for (uint256 i = 0; i < 4; ++i) {
            vm.expectRevert(IShared.InvalidSignature.selector);
            vm.prank(endA());
            adjudicator.registerVirtual(p.v, s, bad[i], p.secrets);
        }
    }

    function test_S42_only_participants_begin_a_dispute() public {
        VirtualState memory s = state(1, A0);
        bytes memory signatures = signEnds(p, s);
        vm.expectRevert(IShared.NotOwner.selector);
        vm.prank(carol);
        adjudicator.registerVirtual(p.v, s, signatures, p.secrets);
        vm.expectRevert(IShared.NoDispute.selector);
        vm.prank(carol);
        adjudicator.refuteVirtual(p.v, s, signatures);
        vm.prank(vm.addr(B_END_KEY));
        adjudicator.registerVirtual(p.v, s, signatures, p.secrets);
    }

    function opener(uint8 position) private view returns (Opener memory) {
        return Opener(position, p.mids, WatchAuth(0, 0, none));
    }

    function test_a_hub_begins_a_dispute_in_the_last_w_only() public {
        VirtualState memory s = state(1, A0);
        bytes memory signatures = signEnds(p, s);
        address hub = vm.addr(HUB_KEY);
        pass(EXPIRY - W - 1);
        vm.expectRevert(IShared.NotExpired.selector);
        vm.prank(hub);
        adjudicator.registerVirtualFor(p.v, s, signatures, p.secrets, opener(1));
        pass(EXPIRY - W);
        for (uint8 position = 0; position < 5; ++position) {
            if (position == 1) continue;
            vm.expectRevert(position == 4 ? IShared.InvalidAuthorisation.selector : IShared.NotOwner.selector);
            vm.prank(hub);
            adjudicator.registerVirtualFor(p.v, s, signatures, p.secrets, opener(position));
        }
        Opener memory o = opener(1);
        o.mids[1] = o.mids[0];
        vm.expectRevert(IShared.InvalidAuthorisation.selector);
        vm.prank(hub);
        adjudicator.registerVirtualFor(p.v, s, signatures, p.secrets, o);
        uint256 snapshot = vm.snapshotState();
        pass(EXPIRY + 1);
        vm.expectRevert(IShared.Expired.selector);
        vm.prank(hub);
        adjudicator.registerVirtualFor(p.v, s, signatures, p.secrets, opener(1));
        vm.revertToState(snapshot);
        vm.prank(hub);
        adjudicator.registerVirtualFor(p.v, s, signatures, p.secrets, opener(1));
    }

    function test_S43_towers_of_ends_and_hubs() public {
        VirtualState memory s = state(1, A0);
        bytes memory signatures = signEnds(p, s);
        for (uint8 position = 0; position < 4; ++position) {
            uint256 snapshot = vm.snapshotState();
            Opener memory o = opener(position);
            o.auth = watchAuth(p.privateKeys[position], p.vc, carol, uint40(EXPIRY - 10), uint40(EXPIRY));
            pass(EXPIRY - 11);
            vm.expectRevert(IShared.InvalidAuthorisation.selector);
            vm.prank(carol);
            adjudicator.registerVirtualFor(p.v, s, signatures, p.secrets, o);
            pass(EXPIRY - 10);
            vm.expectRevert(IShared.InvalidSignature.selector);
            vm.prank(bob);
            adjudicator.registerVirtualFor(p.v, s, signatures, p.secrets, o);
            vm.prank(carol);
            adjudicator.registerVirtualFor(p.v, s, signatures, p.secrets, o);
            vm.revertToState(snapshot);
        }
    }

    function test_S3_equal_versions_and_S1_old_versions_change_nothing() public {
        registerByEnd(state(5, 7));
        for (uint48 ver = 1; ver <= 5; ++ver) {
            registerFails(state(ver, 9), IShared.NotNewer.selector);
        }
        registerByEnd(state(6, 9)); // register acts as refute
        eq(adjudicator.record(p.vc).ver, 6, "ver");
    }

    function test_a_concluded_record_ends_every_call() public {
        VirtualState memory s = state(5, 7);
        bytes32 mix = registerByEnd(s);
        bytes memory newer = signEnds(p, state(6, 9));
        bytes memory sigs = certificate(p, 9);
        pass(NOW + C + 1);
        adjudicator.concludeVirtual(p.v, s, mix);
        for (uint256 i = 0; i < 2; ++i) {
            vm.expectRevert(IShared.AlreadyConcluded.selector);
            adjudicator.concludeVirtual(p.v, s, mix);
            vm.expectRevert(IShared.AlreadyConcluded.selector);
            adjudicator.refuteVirtual(p.v, state(6, 9), newer);
            vm.expectRevert(IShared.AlreadyConcluded.selector);
            vm.prank(endA());
            adjudicator.registerVirtual(p.v, state(6, 9), newer, p.secrets);
            vm.expectRevert(IShared.AlreadyConcluded.selector);
            vm.prank(endA());
            adjudicator.registerVirtualFor(p.v, state(6, 9), newer, p.secrets, opener(0));
            vm.expectRevert(IShared.AlreadyConcluded.selector);
            adjudicator.finalise(p.v, p.mids, 9, sigs);
            vm.warp(NOW);
        }
        eq(outcome(), 7, "outcome");
    }

    function test_nanocontracts_make_the_dispute_last_w_longer() public {
        VirtualState memory s = VirtualState(5, 7, 1, keccak256("root"));
        bytes32 mix = registerByEnd(s);
        pass(NOW + C + W);
        vm.expectRevert(IShared.NotFinal.selector);
        adjudicator.concludeVirtual(p.v, s, mix);
        pass(NOW + C + W + 1);
        adjudicator.concludeVirtual(p.v, s, mix);
    }

    function test_conclude_needs_the_registered_state_and_its_mix() public {
        VirtualState memory s = state(5, 7);
        bytes32 mix = registerByEnd(s);
        pass(NOW + C + 1);
        vm.expectRevert(IShared.WrongPreimage.selector);
        adjudicator.concludeVirtual(p.v, s, bytes32(uint256(mix) ^ 1));
        vm.expectRevert(IShared.WrongPreimage.selector);
        adjudicator.concludeVirtual(p.v, state(5, 8), mix);
        p.v.nonce += 1;
        vm.expectRevert(IShared.NoDispute.selector);
        adjudicator.concludeVirtual(p.v, s, mix);
    }

    function testFuzz_S64_what_is_accepted_can_be_concluded(VirtualState memory s, uint96 a, uint96 b) public {
        Path memory q = path(2, a, b);
        s.nanos = uint8(s.nanos % 80);
        uint256 total = uint256(a) + b;
        if (total <= type(uint96).max) s.defA = uint96(s.defA % (total + 2));
        bool good = total <= type(uint96).max && s.ver > 0 && s.defA <= total && s.nanos <= 64;
        bytes memory signatures = total <= type(uint96).max ? signEnds(q, s) : bytes(new bytes(128));
        if (!good) vm.expectRevert(IShared.InvalidState.selector);
        vm.prank(endA());
        adjudicator.registerVirtual(q.v, s, signatures, q.secrets);
        if (!good) return;
        bytes32 mix = mixNow();
        pass(NOW + C + W + 1);
        adjudicator.concludeVirtual(q.v, s, mix);
        eq(adjudicator.record(q.vc).outA, s.defA, "outcome");
    }
}

contract FinaliseTest is VirtualFixture {
    function test_a_certificate_of_all_participants_concludes_at_once() public {
        bytes memory sigs = certificate(p, 250);
        vm.prank(carol);
        adjudicator.finalise(p.v, p.mids, 250, sigs);
        eq(outcome(), 250, "outcome");
    }

    function test_S34_an_incomplete_certificate_is_nothing() public {
        bytes memory sigs = certificate(p, 250);
        for (uint256 missing = 0; missing < 4; ++missing) {
            bytes memory short;
            bytes memory forged;
            for (uint256 i = 0; i < 4; ++i) {
                bytes memory sig = signHash(p.privateKeys[i], finalHash(p.vc, 250));
                if (i != missing) short = bytes.concat(short, sig);
                forged = bytes.concat(forged, i == missing ? signHash(BOB_KEY, finalHash(p.vc, 250)) : sig);
            }
            vm.expectRevert(IShared.InvalidSignature.selector);
            adjudicator.finalise(p.v, p.mids, 250, short);
            vm.expectRevert(IShared.InvalidSignature.selector);
            adjudicator.finalise(p.v, p.mids, 250, forged);
        }
        vm.expectRevert(IShared.InvalidSignature.selector);
        adjudicator.finalise(p.v, p.mids, 250, bytes.concat(sigs, sigs));
        vm.expectRevert(IShared.InvalidSignature.selector);
        adjudicator.finalise(p.v, p.mids, 251, sigs);
    }

    function test_hubs_cannot_be_left_out_or_replaced() public {
        bytes memory ends =
            bytes.concat(signHash(A_END_KEY, finalHash(p.vc, 250)), signHash(B_END_KEY, finalHash(p.vc, 250)));
        vm.expectRevert(IShared.InvalidAuthorisation.selector);
        adjudicator.finalise(p.v, new Key[](0), 250, ends);
        Key[] memory mids = new Key[](1);
        mids[0] = p.mids[0];
        bytes memory sigs = certificate(p, 250);
        vm.expectRevert(IShared.InvalidAuthorisation.selector);
        adjudicator.finalise(p.v, mids, 250, sigs);
    }

    function test_the_outcome_is_within_the_total() public {
        bytes memory sigs = certificate(p, A0 + B0 + 1);
        vm.expectRevert(IShared.InvalidState.selector);
        adjudicator.finalise(p.v, p.mids, A0 + B0 + 1, sigs);
        sigs = certificate(p, A0 + B0);
        adjudicator.finalise(p.v, p.mids, A0 + B0, sigs);
    }

    function test_S5_without_a_record_until_tExp() public {
        bytes memory sigs = certificate(p, 250);
        uint256 snapshot = vm.snapshotState();
        pass(EXPIRY + 1);
        vm.expectRevert(IShared.Expired.selector);
        adjudicator.finalise(p.v, p.mids, 250, sigs);
        vm.revertToState(snapshot);
        pass(EXPIRY);
        adjudicator.finalise(p.v, p.mids, 250, sigs);
    }

    function test_S5_with_a_dispute_until_its_end() public {
        bytes memory sigs = certificate(p, 250);
        for (uint8 nanos = 0; nanos < 2; ++nanos) {
            uint256 start = vm.snapshotState();
            pass(EXPIRY);
            VirtualState memory s = VirtualState(9, 100, nanos, 0);
            bytes32 mix = registerByEnd(s);
            uint256 finalAt = EXPIRY + C + nanos * W;
            uint256 snapshot = vm.snapshotState();
            pass(finalAt + 1);
            vm.expectRevert(IShared.Expired.selector);
            adjudicator.finalise(p.v, p.mids, 250, sigs);
            adjudicator.concludeVirtual(p.v, s, mix);
            eq(outcome(), 100, "the dispute decides");
            vm.revertToState(snapshot);
            pass(finalAt);
            adjudicator.finalise(p.v, p.mids, 250, sigs);
            eq(outcome(), 250, "the certificate decides");
            vm.revertToState(start);
        }
    }

    function test_S3_only_the_first_of_two_certificates_counts() public {
        bytes memory one = certificate(p, 250);
        bytes memory other = certificate(p, 260);
        adjudicator.finalise(p.v, p.mids, 250, one);
        vm.expectRevert(IShared.AlreadyConcluded.selector);
        adjudicator.finalise(p.v, p.mids, 260, other);
        eq(outcome(), 250, "outcome");
    }
}
