// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Channel, CloseTerms, LockTerms, Opener, State, VirtualState, WatchAuth} from "../src/types/Structs.sol";
import {Figures} from "./support/Figures.sol";
import {Fixture} from "./support/Fixture.sol";

/// @dev Keys are random, amounts have eight non-zero bytes, receivers exist and are not the sender.
contract GasTest is Fixture, Figures {
    // A share without a zero byte, like the stakes: zero bytes are cheaper.
    uint96 private constant SHARE = 2_123_456_789_012_345_679;
    uint256 private constant CLOSE_MOST = 58_700;

    function setUp() public override {
        super.setUp();
        vm.deal(aliceReceiver(), 1);
        vm.deal(bobReceiver(), 1);
    }

    function aliceReceiver() private pure returns (address) {
        return person("alice's other account");
    }

    function bobReceiver() private pure returns (address) {
        return person("bob's other account");
    }

    function test_open() public {
        Channel memory c = ledger();
        vm.prank(alice);
        adjudicator.open{value: ALICE_STAKE}(c, 0);
        note("open_eth_first", 52_500);
        vm.prank(bob);
        adjudicator.confirm{value: BOB_STAKE}(c, 0, ALICE_STAKE);
        note("open_eth_second", 33_000);
    }

    function test_open_recycled() public {
        (Channel memory c, bytes32 id) = openDefault();
        closeBy(alice, c, id);
        vm.prank(alice);
        adjudicator.open{value: ALICE_STAKE}(c, 1);
        note("open_eth_recycled_first", 36_000);
        vm.prank(bob);
        adjudicator.confirm{value: BOB_STAKE}(c, 1, ALICE_STAKE);
        note("open_eth_recycled_second", 0);
    }

    function test_refund() public {
        Channel memory c = ledger();
        vm.prank(alice);
        adjudicator.open{value: ALICE_STAKE}(c, 0);
        vm.prank(alice);
        adjudicator.refund(c);
        note("refund_eth", 0);
    }

    function test_close() public {
        (Channel memory c, bytes32 id) = openDefault();
        closeBy(alice, c, id);
        // The target is 56,000; CLOSE_MOST only keeps it from growing (README, Gas).
        note("close_eth", CLOSE_MOST);
    }

    function test_close_to_owners() public {
        (Channel memory c, bytes32 id) = openDefault();
        CloseTerms memory t = terms(c.ownerA, c.ownerB);
        bytes memory sigB = signHash(BOB_KEY, closeHash(id, t));
        t.receiverA = address(0);
        t.receiverB = address(0);
        vm.prank(alice);
        adjudicator.close(c, t, sigB);
        note("close_eth_to_owners", 56_000);
    }

    function test_close_by_third_party() public {
        (Channel memory c, bytes32 id) = openDefault();
        closeBy(carol, c, id);
        note("close_eth_by_third_party", 0);
    }

    function terms(address receiverA, address receiverB) private pure returns (CloseTerms memory) {
        return CloseTerms(ALICE_STAKE, BOB_STAKE, SHARE + 1, 0, 0, 0, receiverA, receiverB, uint40(NOW + 1 days));
    }

    function closeBy(address sender, Channel memory c, bytes32 id) private {
        CloseTerms memory t = terms(aliceReceiver(), bobReceiver());
        bytes memory sigA = sender == alice ? none : signHash(ALICE_KEY, closeHash(id, t));
        bytes memory sigB = signHash(BOB_KEY, closeHash(id, t));
        vm.prank(sender);
        adjudicator.close(c, t, bytes.concat(sigA, sigB));
    }

    function test_dispute() public {
        (Channel memory c, bytes32 id) = openDefault();
        State memory s = plain(70_000, SHARE + 1);
        bytes memory sigB = signState(BOB_KEY, id, s);
        vm.prank(alice);
        adjudicator.register(c, s, sigB);
        note("register", 65_000);

        pass(NOW + 1 hours);
        s = plain(70_001, SHARE + 3);
        bytes memory sigA = signState(ALICE_KEY, id, s);
        vm.prank(bob);
        adjudicator.refute(c, s, sigA);
        note("refute", 48_000);

        s.ver += 1;
        sigA = signState(ALICE_KEY, id, s);
        sigB = signState(BOB_KEY, id, s);
        vm.prank(carol);
        adjudicator.refute(c, s, bytes.concat(sigA, sigB));
        note("refute_by_anybody", 0);

        bytes32 mix = mixNow();
        pass(NOW + C + 1);
        vm.prank(carol);
        adjudicator.conclude(c, s, mix);
        note("conclude_pay_both_eth", 57_500);

        id = openBoth(c, ALICE_STAKE, BOB_STAKE);
        s = plain(70_001, SHARE + 5);
        sigB = signState(BOB_KEY, id, s);
        vm.prank(alice);
        adjudicator.register(c, s, sigB);
        note("register_recycled", 48_000);
    }

    function test_register_version_zero() public {
        (Channel memory c,) = openDefault();
        State memory s;
        vm.prank(alice);
        adjudicator.register(c, s, none);
        note("register_version_0", 0);
    }

    function test_register_by_tower() public {
        (Channel memory c, bytes32 id) = openDefault();
        State memory s = plain(70_000, SHARE + 1);
        bytes memory sigA = signState(ALICE_KEY, id, s);
        bytes memory sigB = signState(BOB_KEY, id, s);
        WatchAuth memory auth = watchAuth(ALICE_KEY, id, carol, uint40(NOW), uint40(NOW + 1));
        vm.prank(carol);
        adjudicator.registerFor(c, s, bytes.concat(sigA, sigB), false, auth);
        note("register_by_tower", 0);
    }

    function test_virtual_dispute_2_links() public {
        Path memory p = path(2, ALICE_STAKE, BOB_STAKE);
        registerPath(p);
        note("virtual_register_2_links", 80_000);

        pass(NOW + 1 hours);
        VirtualState memory s = VirtualState(70_001, SHARE + 3, 0, 0);
        bytes memory both = signEnds(p, s);
        vm.prank(carol);
        adjudicator.refuteVirtual(p.v, s, both);
        note("virtual_refute", 0);

        bytes32 mix = mixNow();
        pass(NOW + C + 1);
        vm.prank(carol);
        adjudicator.concludeVirtual(p.v, s, mix);
        note("virtual_conclude", 0);
    }

    function test_virtual_register_9_links() public {
        registerPath(path(9, ALICE_STAKE, BOB_STAKE));
        note("virtual_register_9_links", 85_000);
    }

    function test_virtual_register_by_hub() public {
        Path memory p = path(2, ALICE_STAKE, BOB_STAKE);
        VirtualState memory s = VirtualState(70_000, SHARE + 1, 0, 0);
        bytes memory both = signEnds(p, s);
        Opener memory opener = Opener(1, p.mids, WatchAuth(0, 0, none));
        pass(NOW + 1 days - W);
        vm.prank(vm.addr(HUB_KEY));
        adjudicator.registerVirtualFor(p.v, s, both, p.secrets, opener);
        note("virtual_register_2_links_by_hub", 0);
    }

    function registerPath(Path memory p) private {
        VirtualState memory s = VirtualState(70_000, SHARE + 1, 0, 0);
        bytes memory both = signEnds(p, s);
        vm.prank(endA());
        adjudicator.registerVirtual(p.v, s, both, p.secrets);
    }

    function test_finalise() public {
        Path memory p = path(2, ALICE_STAKE, BOB_STAKE);
        bytes memory sigs = certificate(p, SHARE + 1);
        vm.prank(carol);
        adjudicator.finalise(p.v, p.mids, SHARE + 1, sigs);
        note("finalise_2_links", 90_000);
    }

    function test_finalise_disputed() public {
        Path memory p = path(2, ALICE_STAKE, BOB_STAKE);
        registerPath(p);
        bytes memory sigs = certificate(p, SHARE + 1);
        vm.prank(carol);
        adjudicator.finalise(p.v, p.mids, SHARE + 1, sigs);
        note("finalise_2_links_disputed", 0);
    }

    /// @dev Sixteen locks (proof depth 4); lock 5 is that of the path.
    function escrowed(Path memory p) private returns (Channel memory c, LockTerms memory lock, bytes32[] memory proof) {
        bytes32 id;
        (c, id) = openDefault();
        lock = LockTerms(true, 123_456_789_012_345_678, 98_765_432_109_876_543);
        bytes32[] memory leaves = new bytes32[](16);
        for (uint256 i = 0; i < 16; ++i) {
            leaves[i] = lockLeaf(i == 5 ? p.vc : keccak256(abi.encode("vc", i)), lock);
        }
        proof = proofOf(leaves, 5);
        CloseTerms memory t = terms(aliceReceiver(), bobReceiver());
        t.escrowed = 16 * (lock.left + lock.right);
        t.outA = 1;
        t.locks = 16;
        t.lockRoot = rootOf(leaves);
        bytes memory sigB = signHash(BOB_KEY, closeHash(id, t));
        vm.prank(alice);
        adjudicator.close(c, t, sigB);
        note("close_eth_with_locks", 0);
    }

    function test_settle() public {
        Path memory p = path(2, 123_456_789_012_345_670, 98_765_432_109_876_543);
        (Channel memory c, LockTerms memory lock, bytes32[] memory proof) = escrowed(p);
        bytes memory sigs = certificate(p, 98_765_432_109_876_549);
        adjudicator.finalise(p.v, p.mids, 98_765_432_109_876_549, sigs);
        vm.prank(carol);
        adjudicator.settle(c, 0, p.vc, lock, 5, proof);
        note("settle_lock_eth", 62_000);
    }

    function test_settle_expired() public {
        Path memory p = path(2, 123_456_789_012_345_670, 98_765_432_109_876_543);
        (Channel memory c, LockTerms memory lock, bytes32[] memory proof) = escrowed(p);
        pass(NOW + 1 days + 1);
        vm.prank(carol);
        adjudicator.settleExpired(c, 0, p.v, lock, 5, proof);
        note("settle_lock_eth_expired", 0);
    }

    function test_refusing_receiver() public {
        vm.etch(bobReceiver(), hex"5f5ffd"); // PUSH0 PUSH0 REVERT
        (Channel memory c, bytes32 id) = openDefault();
        closeBy(alice, c, id);
        note("close_eth_into_vault", 0);
        uint256 held = adjudicator.vault(address(0), bob);
        vm.prank(bob);
        adjudicator.withdraw(address(0), aliceReceiver(), held);
        note("withdraw_eth", 0);
    }
}
