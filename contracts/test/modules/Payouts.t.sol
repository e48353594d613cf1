// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IAdjudicator} from "../../src/interfaces/IAdjudicator.sol";
import {IShared} from "../../src/interfaces/IShared.sol";
import {
    AdjustTerms,
    Channel,
    CloseTerms,
    Entry,
    Key,
    LockTerms,
    NanoClaims,
    NanoStep,
    Opener,
    Opening,
    State,
    VirtualChannel,
    VirtualState,
    WatchAuth
} from "../../src/types/Structs.sol";
import {Fixture} from "../support/Fixture.sol";

/// @dev An owner that is a contract and behaves badly when it is paid.
contract BadReceiver {
    enum Mode {
        Accept,
        Refuse,
        BurnGas,
        LongReturn,
        Reenter,
        Picky // accepts nothing for less gas than it could ever need
    }

    Mode public mode;
    IAdjudicator private immutable ADJUDICATOR;
    bytes[] private _calls;
    uint256 public reentered;

    constructor(IAdjudicator adjudicator) {
        ADJUDICATOR = adjudicator;
    }

    function set(Mode mode_) external {
        mode = mode_;
    }

    function plan(bytes calldata call) external {
        _calls.push(call);
    }

    function act(bytes calldata call, uint256 value) external {
        (bool ok, bytes memory result) = address(ADJUDICATOR).call{value: value}(call);
        if (!ok) {
            assembly {
                revert(add(result, 32), mload(result))
            }
        }
    }

    receive() external payable {
        if (mode == Mode.Refuse || (mode == Mode.Picky && gasleft() < 25_000)) revert("no");
        if (mode == Mode.BurnGas) while (true) {}
        if (mode == Mode.LongReturn) {
            assembly {
                revert(0, 1000000)
            }
        }
        if (mode == Mode.Reenter) {
            bytes memory call = _calls[reentered];
            (bool ok, bytes memory result) = address(ADJUDICATOR).call(call);
            require(!ok && bytes4(result) == IShared.Reentered.selector, "re-entered");
        }
    }
}

contract PayoutsTest is Fixture {
    BadReceiver private receiver;
    Channel private c;
    bytes32 private id;

    function setUp() public override {
        super.setUp();
        receiver = new BadReceiver(adjudicator);
        vm.deal(address(receiver), 100 ether);
        c = ledger(address(receiver), bob, ALICE_KEY, BOB_KEY, 0);
        receiver.act(abi.encodeCall(adjudicator.open, (c, 0)), ALICE_STAKE);
        vm.prank(bob);
        adjudicator.confirm{value: BOB_STAKE}(c, 0, ALICE_STAKE);
        id = adjudicator.channelId(c, 0);
    }

    function closeCall() private view returns (bytes memory) {
        CloseTerms memory t = CloseTerms(ALICE_STAKE, BOB_STAKE, 1 ether, 0, 0, 0, address(receiver), bob, uint40(NOW));
        bytes32 hash = closeHash(id, t);
        return
            abi.encodeCall(adjudicator.close, (c, t, bytes.concat(signHash(ALICE_KEY, hash), signHash(BOB_KEY, hash))));
    }

    function close() private {
        (bool ok,) = address(adjudicator).call(closeCall());
        check(ok, "close");
    }

    function test_S22_a_refusing_receiver_does_not_stop_the_other() public {
        for (uint256 i = 1; i < 4; ++i) {
            uint256 snapshot = vm.snapshotState();
            receiver.set(BadReceiver.Mode(i));
            uint256 b = bob.balance;
            close();
            eq(bob.balance - b, uint256(ALICE_STAKE) + BOB_STAKE - 1 ether, "B is paid");
            eq(adjudicator.vault(address(0), address(receiver)), 1 ether, "A's part is in the vault");

            receiver.act(abi.encodeCall(adjudicator.withdraw, (address(0), carol, 1 ether)), 0);
            eq(carol.balance, 1e30 + 1 ether, "withdrawn");
            eq(adjudicator.vault(address(0), address(receiver)), 0, "vault");
            eq(address(adjudicator).balance, 0, "holdings");
            vm.revertToState(snapshot);
        }
    }

    function test_S22_a_refusing_receiver_costs_a_bounded_amount() public {
        receiver.set(BadReceiver.Mode.BurnGas);
        bytes memory call = closeCall();
        uint256 before = gasleft();
        (bool ok,) = address(adjudicator).call(call);
        check(ok, "close");
        atMost(before - gasleft(), 150_000, "gas");
    }

    function test_S26_no_gas_limit_pushes_a_willing_receiver_into_the_vault() public {
        receiver.set(BadReceiver.Mode.Picky);
        // A vault that is in use costs less to pay into: what a starved receiver leaves would be enough.
        adjudicator.fundVault{value: 1}(address(0), address(receiver), 1);
        adjudicator.fundVault{value: 1}(address(0), bob, 1);
        bytes memory call = closeCall();
        uint256 succeeded;
        for (uint256 limit = 20_000; limit < 250_000; limit += 1_000) {
            uint256 snapshot = vm.snapshotState();
            (bool ok,) = address(adjudicator).call{gas: limit}(call);
            if (ok) {
                ++succeeded;
                eq(adjudicator.vault(address(0), address(receiver)), 1, "vault of A");
                eq(adjudicator.vault(address(0), bob), 1, "vault of B");
            }
            vm.revertToState(snapshot);
        }
        check(succeeded > 50, "enough gas is enough");
    }

    function test_withdraw_pays_the_senders_own_balance_once() public {
        receiver.set(BadReceiver.Mode.Refuse);
        close();
        vm.expectRevert(IShared.InsufficientVault.selector);
        vm.prank(carol);
        adjudicator.withdraw(address(0), carol, 1);
        vm.expectRevert(IShared.NothingToWithdraw.selector);
        vm.prank(carol);
        adjudicator.withdraw(address(0), carol, 0);
        vm.expectRevert(IShared.TransferFailed.selector);
        receiver.act(abi.encodeCall(adjudicator.withdraw, (address(0), address(receiver), 1 ether)), 0);
        vm.expectRevert(IShared.InvalidReceiver.selector);
        receiver.act(abi.encodeCall(adjudicator.withdraw, (address(0), address(adjudicator), 1 ether)), 0);
        vm.expectRevert(IShared.InsufficientVault.selector);
        receiver.act(abi.encodeCall(adjudicator.withdraw, (address(0), carol, 1 ether + 1)), 0);
        receiver.act(abi.encodeCall(adjudicator.withdraw, (address(0), carol, 0.4 ether)), 0);
        receiver.act(abi.encodeCall(adjudicator.withdraw, (address(0), carol, 0.6 ether)), 0);
        eq(carol.balance, 1e30 + 1 ether, "withdrawn");
        vm.expectRevert(IShared.InsufficientVault.selector);
        receiver.act(abi.encodeCall(adjudicator.withdraw, (address(0), carol, 1)), 0);
    }

    function test_vault_entries_add_up() public {
        receiver.set(BadReceiver.Mode.Refuse);
        close();
        receiver.act(abi.encodeCall(adjudicator.open, (c, 1)), 5);
        receiver.act(abi.encodeCall(adjudicator.refund, (c)), 0);
        eq(adjudicator.vault(address(0), address(receiver)), 1 ether + 5, "vault");
    }

    function test_plain_ether_is_refused() public {
        vm.prank(alice);
        (bool ok,) = address(adjudicator).call{value: 1}("");
        check(!ok, "no receive function");
    }

    function test_S21_every_entry_point_is_locked_while_a_payout_runs() public {
        State memory s;
        VirtualChannel memory v;
        VirtualState memory vs;
        CloseTerms memory t;
        LockTerms memory l;
        WatchAuth memory auth;
        Opener memory opener;
        bytes32[] memory words = new bytes32[](0);
        receiver.plan(abi.encodeCall(adjudicator.open, (c, 1)));
        receiver.plan(abi.encodeCall(adjudicator.confirm, (c, 1, 0)));
        receiver.plan(abi.encodeCall(adjudicator.refund, (c)));
        receiver.plan(abi.encodeCall(adjudicator.close, (c, t, none)));
        receiver.plan(abi.encodeCall(adjudicator.register, (c, s, none)));
        receiver.plan(abi.encodeCall(adjudicator.registerFor, (c, s, none, false, auth)));
        receiver.plan(abi.encodeCall(adjudicator.refute, (c, s, none)));
        receiver.plan(abi.encodeCall(adjudicator.conclude, (c, s, 0)));
        receiver.plan(abi.encodeCall(adjudicator.registerVirtual, (v, vs, none, words)));
        receiver.plan(abi.encodeCall(adjudicator.registerVirtualFor, (v, vs, none, words, opener)));
        receiver.plan(abi.encodeCall(adjudicator.refuteVirtual, (v, vs, none)));
        receiver.plan(abi.encodeCall(adjudicator.concludeVirtual, (v, vs, 0)));
        receiver.plan(abi.encodeCall(adjudicator.finalise, (v, new Key[](0), 0, none)));
        receiver.plan(abi.encodeCall(adjudicator.settle, (c, 0, 0, l, 0, words)));
        receiver.plan(abi.encodeCall(adjudicator.settleExpired, (c, 0, v, l, 0, words)));
        receiver.plan(abi.encodeCall(adjudicator.withdraw, (address(0), bob, 1)));
        planMoney();
        Entry memory e;
        NanoStep memory step;
        NanoClaims memory claims;
        receiver.plan(abi.encodeCall(adjudicator.registerNano, (c, s, 0, claims)));
        receiver.plan(abi.encodeCall(adjudicator.registerVirtualNano, (v, vs, 0, claims)));
        receiver.plan(abi.encodeCall(adjudicator.refuteNano, (c, claims)));
        receiver.plan(abi.encodeCall(adjudicator.refuteVirtualNano, (v, claims)));
        receiver.plan(abi.encodeCall(adjudicator.execute, (c, e, step)));
        receiver.plan(abi.encodeCall(adjudicator.executeVirtual, (v, e, step)));
        // Withdrawal forwards all gas, so that each call fits; a refused one makes the withdrawal revert.
        receiver.set(BadReceiver.Mode.Refuse);
        close();
        receiver.set(BadReceiver.Mode.Reenter);
        for (uint256 i = 0; i < 29; ++i) {
            uint256 snapshot = vm.snapshotState();
            vm.store(address(receiver), bytes32(uint256(2)), bytes32(i));
            eq(receiver.reentered(), i, "which call");
            receiver.act(abi.encodeCall(adjudicator.withdraw, (address(0), address(receiver), 1 ether)), 0);
            vm.revertToState(snapshot);
        }
    }

    function planMoney() private {
        Opening memory o;
        AdjustTerms memory a;
        receiver.plan(abi.encodeCall(adjudicator.openWith, (c, o, none)));
        receiver.plan(abi.encodeCall(adjudicator.confirmWith, (c, o, none)));
        receiver.plan(abi.encodeCall(adjudicator.openBoth, (c, o, none, none)));
        receiver.plan(abi.encodeCall(adjudicator.deposit, (c, 0, 0, 0, uint40(NOW), none)));
        receiver.plan(abi.encodeCall(adjudicator.adjust, (c, a, none)));
        receiver.plan(abi.encodeCall(adjudicator.fundVault, (address(0), bob, 0)));
        receiver.plan(abi.encodeCall(adjudicator.batch, (0, new bytes[](0))));
    }

    function test_the_lock_opens_again_after_each_call() public {
        close();
        receiver.act(abi.encodeCall(adjudicator.open, (c, 1)), 5);
        receiver.act(abi.encodeCall(adjudicator.refund, (c)), 0);
    }
}
