// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IShared} from "../../src/interfaces/IShared.sol";
import {Channel, CloseTerms, LockTerms, State, VirtualState} from "../../src/types/Structs.sol";
import {Fixture} from "../support/Fixture.sol";

contract SettlementTest is Fixture {
    uint96 private constant A0 = 600_000_000_000_000_000;
    uint96 private constant B0 = 300_000_000_000_000_000;
    uint96 private constant FEE = 5_000_000_000_000_000;

    Channel private c;
    bytes32 private id;

    function setUp() public override {
        super.setUp();
        (c, id) = openDefault();
    }

    function leavesOf(bytes32[] memory vcs, LockTerms[] memory locks) private pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](locks.length);
        for (uint256 i = 0; i < locks.length; ++i) {
            leaves[i] = lockLeaf(vcs[i], locks[i]);
        }
    }

    /// @dev Ends the life by a Close that leaves `escrowed` in `locks` locks.
    function closeWith(bytes32 root, uint8 locks, uint96 escrowed) private {
        CloseTerms memory t = CloseTerms(ALICE_STAKE, BOB_STAKE, 1, escrowed, locks, root, alice, bob, type(uint40).max);
        adjudicator.close(
            c, t, bytes.concat(signHash(ALICE_KEY, closeHash(id, t)), signHash(BOB_KEY, closeHash(id, t)))
        );
    }

    function escrowOne(bytes32 vc, LockTerms memory lock, uint96 escrowed) private {
        closeWith(lockLeaf(vc, lock), 1, escrowed);
    }

    function linkLock() private pure returns (LockTerms memory) {
        return LockTerms(true, A0 + FEE, B0);
    }

    function conclude(Path memory p, uint96 outA) private {
        adjudicator.finalise(p.v, p.mids, outA, certificate(p, outA));
    }

    function test_a_lock_pays_the_recorded_outcome() public {
        Path memory p = path(2, A0, B0);
        escrowOne(p.vc, linkLock(), A0 + B0 + FEE);
        conclude(p, 250_000_000_000_000_000);
        (uint256 a, uint256 b) = (alice.balance, bob.balance);
        adjudicator.settle(c, 0, p.vc, linkLock(), 0, new bytes32[](0));
        eq(alice.balance - a, 250_000_000_000_000_000, "left");
        eq(bob.balance - b, A0 + B0 + FEE - 250_000_000_000_000_000, "right");
        vm.expectRevert(IShared.AlreadySettled.selector);
        adjudicator.settle(c, 0, p.vc, linkLock(), 0, new bytes32[](0));
        eq(adjudicator.escrow(id).left, 0, "left in escrow");
    }

    function test_the_left_side_may_be_B() public {
        Path memory p = path(2, A0, B0);
        LockTerms memory lock = linkLock();
        lock.leftIsA = false;
        escrowOne(p.vc, lock, A0 + B0 + FEE);
        conclude(p, 1);
        uint256 b = bob.balance;
        adjudicator.settle(c, 0, p.vc, lock, 0, new bytes32[](0));
        eq(bob.balance - b, 1, "left");
    }

    function test_S32_an_unregistered_lock_pays_its_initial_split_after_tExp_with_the_fee_returned() public {
        Path memory p = path(2, A0, B0);
        escrowOne(p.vc, linkLock(), A0 + B0 + FEE);
        pass(p.v.tExp);
        vm.expectRevert(IShared.NotExpired.selector);
        adjudicator.settleExpired(c, 0, p.v, linkLock(), 0, new bytes32[](0));
        vm.expectRevert(IShared.NotFinal.selector);
        adjudicator.settle(c, 0, p.vc, linkLock(), 0, new bytes32[](0));
        pass(p.v.tExp + 1);
        (uint256 a, uint256 b) = (alice.balance, bob.balance);
        adjudicator.settleExpired(c, 0, p.v, linkLock(), 0, new bytes32[](0));
        eq(alice.balance - a, A0 + FEE, "left");
        eq(bob.balance - b, B0, "right");
    }

    function test_a_record_in_dispute_settles_nothing() public {
        Path memory p = path(2, A0, B0);
        escrowOne(p.vc, linkLock(), A0 + B0 + FEE);
        VirtualState memory s = VirtualState(1, 5, 0, 0);
        bytes memory signatures = signEnds(p, s);
        vm.prank(endA());
        adjudicator.registerVirtual(p.v, s, signatures, p.secrets);
        bytes32 mix = mixNow();
        pass(p.v.tExp + C + 1);
        vm.expectRevert(IShared.NotFinal.selector);
        adjudicator.settle(c, 0, p.vc, linkLock(), 0, new bytes32[](0));
        vm.expectRevert(IShared.NotFinal.selector);
        adjudicator.settleExpired(c, 0, p.v, linkLock(), 0, new bytes32[](0));
        adjudicator.concludeVirtual(p.v, s, mix);
        vm.expectRevert(IShared.NotFinal.selector);
        adjudicator.settleExpired(c, 0, p.v, linkLock(), 0, new bytes32[](0));
        uint256 a = alice.balance;
        adjudicator.settle(c, 0, p.vc, linkLock(), 0, new bytes32[](0));
        eq(alice.balance - a, 5, "left");
    }

    function test_a_live_channel_settles_nothing() public {
        Path memory p = path(2, A0, B0);
        conclude(p, 1);
        vm.expectRevert(IShared.NoSuchLock.selector);
        adjudicator.settle(c, 0, p.vc, linkLock(), 0, new bytes32[](0));
    }

    function test_S51_locks_beyond_the_channels_own_money_pay_no_more_than_it() public {
        // Another pair's money stands in the same contract.
        openBoth(ledger(carol, person("dave"), uint256(71), uint256(72), 0), 1 ether, 0);
        Path memory p = path(2, A0, B0);
        LockTerms[] memory locks = new LockTerms[](3);
        bytes32[] memory vcs = new bytes32[](3);
        locks[0] = LockTerms(true, 500_000 ether, 500_000 ether);
        locks[1] = LockTerms(true, type(uint96).max, type(uint96).max);
        locks[2] = LockTerms(false, 1 ether, 0);
        (vcs[0], vcs[1], vcs[2]) = (p.vc, p.vc, p.vc);
        bytes32[] memory leaves = leavesOf(vcs, locks);
        uint96 all = ALICE_STAKE + BOB_STAKE;
        closeWith2(rootOf(leaves), all);
        conclude(p, A0);
        (uint256 a, uint256 b) = (alice.balance, bob.balance);
        for (uint256 i = 0; i < 3; ++i) {
            adjudicator.settle(c, 0, p.vc, locks[i], i, proofOf(leaves, i));
        }
        eq(alice.balance - a + bob.balance - b, all, "their own money");
        eq(address(adjudicator).balance, 1 ether, "the other pair's money");
    }

    function closeWith2(bytes32 root, uint96 all) private {
        CloseTerms memory t = CloseTerms(ALICE_STAKE, BOB_STAKE, 0, all, 3, root, alice, bob, type(uint40).max);
        adjudicator.close(
            c, t, bytes.concat(signHash(ALICE_KEY, closeHash(id, t)), signHash(BOB_KEY, closeHash(id, t)))
        );
    }

    function test_what_remains_after_the_last_lock_goes_to_A() public {
        Path memory p = path(2, A0, B0);
        escrowOne(p.vc, LockTerms(true, 10, 20), 1_000);
        conclude(p, 7);
        (uint256 a, uint256 b) = (alice.balance, bob.balance);
        adjudicator.settle(c, 0, p.vc, LockTerms(true, 10, 20), 0, new bytes32[](0));
        eq(alice.balance - a, 7 + 970, "A");
        eq(bob.balance - b, 23, "B");
    }

    function test_S53_two_lives_of_one_slot_pay_exactly() public {
        Path memory p = path(2, A0, B0);
        escrowOne(p.vc, linkLock(), A0 + B0 + FEE);
        bytes32 first = id;

        // The next life has the same lock again, ends in a dispute, and settles first.
        id = openBoth(c, ALICE_STAKE, BOB_STAKE);
        State memory s = plain(3, 1);
        s.total -= A0 + B0 + FEE;
        s.locks = 1;
        s.lockRoot = lockLeaf(p.vc, linkLock());
        bytes memory sigB = signState(BOB_KEY, id, s);
        vm.prank(alice);
        adjudicator.register(c, s, sigB);
        bytes32 mix = mixNow();
        conclude(p, A0 - 1);
        pass(NOW + C + 1);
        adjudicator.conclude(c, s, mix);
        openBoth(c, 5, 5); // a third life lives on

        uint256 a = alice.balance;
        adjudicator.settle(c, 1, p.vc, linkLock(), 0, new bytes32[](0));
        eq(adjudicator.escrow(first).left, A0 + B0 + FEE, "the first life is untouched");
        adjudicator.settle(c, 0, p.vc, linkLock(), 0, new bytes32[](0));
        eq(alice.balance - a, 2 * (A0 - 1), "A");
        eq(address(adjudicator).balance, 10, "the third life is untouched");
        vm.expectRevert(IShared.NoSuchLock.selector);
        adjudicator.settle(c, 2, p.vc, linkLock(), 0, new bytes32[](0));
    }

    function test_each_of_many_locks_settles_once_in_any_order() public {
        uint256[5] memory counts = [uint256(1), 2, 3, 5, 16];
        for (uint256 n = 0; n < 5; ++n) {
            uint256 snapshot = vm.snapshotState();
            uint256 count = counts[n];
            LockTerms[] memory locks = new LockTerms[](count);
            bytes32[] memory vcs = new bytes32[](count);
            Path[] memory paths = new Path[](count);
            for (uint256 i = 0; i < count; ++i) {
                paths[i] = path(2, 100, 200, i);
                (vcs[i], locks[i]) = (paths[i].vc, LockTerms(i % 2 == 0, 101, 200));
            }
            bytes32[] memory leaves = leavesOf(vcs, locks);
            closeWith(rootOf(leaves), uint8(count), uint96(count * 301));
            (uint256 a, uint256 b) = (alice.balance, bob.balance);
            uint256 dueA;
            for (uint256 j = 0; j < count; ++j) {
                uint256 i = (j * 7 + 3) % count; // an order of its own
                if (count == 5 || count == 16 || count == 3) i = (j + 1) % count;
                conclude(paths[i], uint96(i));
                dueA += i % 2 == 0 ? i : 301 - i;
                adjudicator.settle(c, 0, vcs[i], locks[i], i, proofOf(leaves, i));
                vm.expectRevert(IShared.AlreadySettled.selector);
                adjudicator.settle(c, 0, vcs[i], locks[i], i, proofOf(leaves, i));
            }
            eq(alice.balance - a, dueA, "A");
            eq(bob.balance - b, count * 301 - dueA, "B");
            vm.revertToState(snapshot);
        }
    }

    function test_proofs_are_for_one_lock_at_one_place() public {
        LockTerms[] memory locks = new LockTerms[](3);
        bytes32[] memory vcs = new bytes32[](3);
        Path[] memory paths = new Path[](3);
        for (uint256 i = 0; i < 3; ++i) {
            paths[i] = path(2, 100, 200, i);
            (vcs[i], locks[i]) = (paths[i].vc, LockTerms(true, 101, 200));
            conclude(paths[i], 50);
        }
        bytes32[] memory leaves = leavesOf(vcs, locks);
        closeWith(rootOf(leaves), 3, 903);
        bytes32[] memory proof = proofOf(leaves, 1);
        vm.expectRevert(IShared.InvalidProof.selector); // another place
        adjudicator.settle(c, 0, vcs[1], locks[1], 0, proof);
        vm.expectRevert(IShared.InvalidProof.selector); // another virtual channel
        adjudicator.settle(c, 0, vcs[0], locks[1], 1, proof);
        vm.expectRevert(IShared.NoSuchLock.selector); // the padding
        adjudicator.settle(c, 0, vcs[1], locks[1], 3, proof);
        LockTerms memory other = LockTerms(true, 102, 200);
        vm.expectRevert(IShared.InvalidProof.selector); // other terms
        adjudicator.settle(c, 0, vcs[1], other, 1, proof);
        vm.expectRevert(IShared.InvalidProof.selector); // no proof
        adjudicator.settle(c, 0, vcs[1], locks[1], 1, new bytes32[](0));
        adjudicator.settle(c, 0, vcs[1], locks[1], 1, proof);
    }

    function test_an_index_does_not_alias_another_place() public {
        // A pair that signs eight locks over a tree of one leaf gets that leaf paid once.
        Path memory p = path(2, 100, 200);
        LockTerms memory lock = LockTerms(true, 100, 200);
        closeWith(lockLeaf(p.vc, lock), 8, 900);
        conclude(p, 50);
        adjudicator.settle(c, 0, p.vc, lock, 0, new bytes32[](0));
        vm.expectRevert(IShared.InvalidProof.selector);
        adjudicator.settle(c, 0, p.vc, lock, 1, new bytes32[](0));
    }

    function test_128_locks_fill_the_bitmap() public {
        LockTerms[] memory locks = new LockTerms[](128);
        bytes32[] memory vcs = new bytes32[](128);
        Path memory p = path(2, 1, 2);
        for (uint256 i = 0; i < 128; ++i) {
            (vcs[i], locks[i]) = (p.vc, LockTerms(true, 1, 2));
        }
        bytes32[] memory leaves = leavesOf(vcs, locks);
        closeWith(rootOf(leaves), 128, 1_000);
        conclude(p, 3);
        for (uint256 i = 0; i < 128; ++i) {
            adjudicator.settle(c, 0, p.vc, locks[i], i, proofOf(leaves, i));
        }
        eq(adjudicator.escrow(id).left, 0, "left");
        eq(adjudicator.escrow(id).settled, type(uint128).max, "bitmap");
        eq(address(adjudicator).balance, 0, "holdings");
    }

    function testFuzz_S64_settle_succeeds_whatever_was_signed(
        LockTerms memory lock,
        uint96 escrowed,
        uint96 outA,
        bool expired
    ) public {
        escrowed = uint96(escrowed % (uint256(ALICE_STAKE) + BOB_STAKE));
        Path memory p = path(2, A0, B0);
        escrowOne(p.vc, lock, escrowed);
        outA = uint96(outA % (A0 + B0 + 1));
        if (!expired) conclude(p, outA);
        pass(p.v.tExp + 1);
        uint256 before = alice.balance + bob.balance;
        if (expired) adjudicator.settleExpired(c, 0, p.v, lock, 0, new bytes32[](0));
        else adjudicator.settle(c, 0, p.vc, lock, 0, new bytes32[](0));
        eq(alice.balance + bob.balance - before, escrowed, "all of the escrow");
    }

    function test_I7_an_honest_hub_is_neutral_on_both_links() public {
        // A - hub - B: the hub is B on the first link and A on the second.
        address hub = person("hub");
        vm.deal(hub, 10 ether);
        Channel memory second = ledger(hub, carol, uint256(81), uint256(82), 0);
        Path memory p = path(2, A0, B0);
        for (uint96 outA = 0; outA <= A0 + B0; outA += (A0 + B0) / 6) {
            uint256 snapshot = vm.snapshotState();
            Channel memory firstLink = ledger(alice, hub, uint256(83), uint256(84), 0);
            uint256 before = hub.balance;
            lockAndClose(firstLink, 83, 84, p.vc, LockTerms(true, A0 + FEE, B0));
            lockAndClose(second, 81, 82, p.vc, LockTerms(true, A0, B0));
            conclude(p, outA);
            adjudicator.settle(firstLink, 0, p.vc, LockTerms(true, A0 + FEE, B0), 0, new bytes32[](0));
            adjudicator.settle(second, 0, p.vc, LockTerms(true, A0, B0), 0, new bytes32[](0));
            eq(hub.balance, before + FEE, "the hub");
            vm.revertToState(snapshot);
        }
    }

    /// @dev Opens with exactly the stakes of the lock and closes at once with the lock only.
    function lockAndClose(Channel memory link, uint256 keyA, uint256 keyB, bytes32 vc, LockTerms memory lock) private {
        bytes32 link_id = openBoth(link, lock.left, lock.right);
        CloseTerms memory t = CloseTerms({
            depA: lock.left,
            depB: lock.right,
            outA: 0,
            escrowed: lock.left + lock.right,
            locks: 1,
            lockRoot: lockLeaf(vc, lock),
            receiverA: link.ownerA,
            receiverB: link.ownerB,
            notAfter: type(uint40).max
        });
        bytes32 hash = closeHash(link_id, t);
        adjudicator.close(link, t, bytes.concat(signHash(keyA, hash), signHash(keyB, hash)));
    }
}
