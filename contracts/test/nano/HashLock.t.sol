// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {INanocontract} from "../../src/interfaces/INanocontract.sol";
import {HashLock} from "../../src/nano/HashLock.sol";
import {Registry} from "../../src/nano/Registry.sol";
import {BadInput, BadState, NoParty, Over} from "../../src/nano/Turns.sol";
import {Game} from "../support/Game.sol";

contract HashLockTest is Game {
    uint256 private constant TOTAL = 10 ether;
    uint256 private constant AMOUNT = 3 ether;
    uint256 private constant ALONE = NOW + 1 hours;
    uint256 private constant DEADLINE = ALONE + 30 minutes;
    bytes32 private constant SECRET = keccak256("the secret");
    bytes32 private constant HASH = keccak256(abi.encode(SECRET));

    INanocontract private app = committed("HashLock");

    function lock(uint256 amount, uint256 payer) private pure returns (bytes memory) {
        return lock(amount, payer, DEADLINE, ALONE);
    }

    function lock(uint256 amount, uint256 payer, uint256 deadline, uint256 alone) private pure returns (bytes memory) {
        return abi.encode(HASH, amount, payer, deadline, alone);
    }

    /// @dev All of the money is the payer's at first.
    function opened(uint8 payer) private {
        begin(app, TOTAL, payer == 0 ? TOTAL : 0, 1 - payer, 1, lock(AMOUNT, payer));
    }

    function test_the_secret_pays_the_payee() public {
        opened(0);
        step(abi.encode(SECRET));
        over(TOTAL - AMOUNT);
        refused(Over.selector, abi.encode(SECRET));

        opened(1);
        step(abi.encode(SECRET));
        over(AMOUNT);
        eq(keccak256(state), keccak256(lock(AMOUNT, 1)), "the state stays");
    }

    function test_the_secret_alone_pays_until_alone() public {
        opened(0);
        ctx.absolute = ALONE + 1;
        refused(HashLock.NotPublished.selector, abi.encode(SECRET));
        // The app clock does not count.
        ctx.time = ALONE - 1;
        refused(HashLock.NotPublished.selector, abi.encode(SECRET));
        ctx.time = DEADLINE + 1;
        ctx.absolute = ALONE;
        step(abi.encode(SECRET));
        over(TOTAL - AMOUNT);
    }

    /// @dev Attack: the payee waits for the last second, in which a hub has no time left for its own link.
    function test_in_the_last_seconds_a_secret_that_nobody_sees_does_not_pay() public {
        opened(0);
        ctx.absolute = DEADLINE - 1;
        refused(HashLock.NotPublished.selector, abi.encode(SECRET));
        ctx.absolute = DEADLINE;
        refused(HashLock.NotPublished.selector, abi.encode(SECRET));
        ctx.absolute = DEADLINE + 1;
        refused(HashLock.TooLate.selector, abi.encode(SECRET));
    }

    function test_after_alone_what_the_registry_saw_pays_at_once() public {
        uint256[3] memory times = [uint256(1), NOW, ALONE + 1];
        for (uint256 i; i < times.length; ++i) {
            opened(0);
            registry.see(HASH, times[i]);
            ctx.absolute = ALONE + 1;
            step(abi.encode(SECRET));
            over(TOTAL - AMOUNT);
        }
    }

    function test_what_the_registry_saw_by_the_deadline_pays_for_ever() public {
        opened(0);
        ctx.absolute = DEADLINE + 1_000 days;
        registry.see(HASH, DEADLINE + 1);
        refused(HashLock.TooLate.selector, abi.encode(SECRET));
        registry.see(HASH, DEADLINE);
        step(abi.encode(SECRET));
        over(TOTAL - AMOUNT);
    }

    function test_another_secret_that_the_registry_saw_does_not_pay() public {
        opened(0);
        ctx.absolute = ALONE + 1;
        registry.see(keccak256(abi.encode(keccak256("another"))), NOW);
        refused(HashLock.NotPublished.selector, abi.encode(SECRET));
        refused(HashLock.WrongSecret.selector, abi.encode(keccak256("another")));
    }

    function test_alone_may_be_the_deadline_and_not_more() public {
        opened(0);
        state = lock(AMOUNT, 0, DEADLINE, DEADLINE + 1);
        refused(BadState.selector, abi.encode(SECRET));
        state = lock(AMOUNT, 0, DEADLINE, DEADLINE);
        ctx.absolute = DEADLINE + 1;
        refused(HashLock.TooLate.selector, abi.encode(SECRET));
        ctx.absolute = DEADLINE;
        step(abi.encode(SECRET));
        over(TOTAL - AMOUNT);
    }

    function test_in_time_the_registry_is_not_asked() public {
        opened(0);
        ctx.registry = address(0);
        step(abi.encode(SECRET));
        over(TOTAL - AMOUNT);
    }

    function test_what_is_no_registry_does_not_pay() public {
        opened(0);
        ctx.absolute = ALONE + 1;
        ctx.registry = address(0);
        refused(Registry.NoRegistry.selector, abi.encode(SECRET));
        ctx.registry = address(this); // has no such function
        refused(Registry.NoRegistry.selector, abi.encode(SECRET));
    }

    function test_only_the_secret_pays() public {
        opened(0);
        refused(HashLock.WrongSecret.selector, abi.encode(keccak256("another")));
        refused(BadInput.selector, "");
        refused(BadInput.selector, bytes.concat(SECRET, hex"00"));
    }

    function test_the_payer_does_not_move() public {
        opened(0);
        refused(HashLock.NotThePayee.selector, 0, abi.encode(SECRET));
        opened(1);
        refused(HashLock.NotThePayee.selector, 1, abi.encode(SECRET));
        refused(NoParty.selector, 2, abi.encode(SECRET));
    }

    function test_no_state_that_cannot_be() public {
        opened(0);
        ctx.dA = TOTAL / 2; // both could pay
        bytes[6] memory bad = [
            bytes(""),
            bytes.concat(lock(AMOUNT, 0), hex"00"),
            abi.encode(HASH, AMOUNT, 0, DEADLINE),
            lock(AMOUNT, 2),
            lock(TOTAL + 1, 0),
            lock(AMOUNT, 0, DEADLINE, type(uint40).max)
        ];
        for (uint256 i; i < bad.length; ++i) {
            state = bad[i];
            refused(BadState.selector, abi.encode(SECRET));
        }
        state = lock(type(uint256).max, 0);
        refusedByDecoder(abi.encode(SECRET));
        state = lock(AMOUNT, 0, DEADLINE, 1 << 40);
        refusedByDecoder(abi.encode(SECRET));
        state = lock(AMOUNT, 0, 1 << 40, ALONE);
        refusedByDecoder(abi.encode(SECRET));
    }

    /// @dev No amount pays more than the payer has in.
    function test_never_more_than_the_payer_has(uint96 total, uint96 dA, uint96 amount, bool payerIsA) public {
        dA = uint96(within(dA, 0, total));
        uint8 payer = payerIsA ? 0 : 1;
        begin(app, total, dA, 1 - payer, 1, lock(amount, payer));
        uint256 has = payerIsA ? dA : total - dA;
        if (amount > has) {
            refused(BadState.selector, abi.encode(SECRET));
        } else {
            step(abi.encode(SECRET));
            over(payerIsA ? dA - amount : uint256(dA) + amount);
        }
    }

    /// @dev The rule as it is written down, at whatever times.
    function test_when_it_pays(uint40 now_, uint40 seen, uint40 deadline, uint40 margin) public {
        deadline = uint40(within(deadline, 1, 1_000));
        uint256 alone = deadline - within(margin, 0, deadline);
        begin(app, TOTAL, TOTAL, 1, 1, lock(AMOUNT, 0, deadline, alone));
        ctx.absolute = within(now_, 1, 1_500);
        seen = uint40(within(seen, 0, ctx.absolute));
        registry.see(HASH, seen);
        if (ctx.absolute <= alone || (seen >= 1 && seen <= deadline)) {
            step(abi.encode(SECRET));
            over(TOTAL - AMOUNT);
        } else if (ctx.absolute <= deadline) {
            refused(HashLock.NotPublished.selector, abi.encode(SECRET));
        } else {
            refused(HashLock.TooLate.selector, abi.encode(SECRET));
        }
    }
}
