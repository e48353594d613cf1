// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ICore} from "../src/interfaces/ICore.sol";
import {Prover} from "./Prover.sol";

interface Symbols {
    function createUint256(string memory name) external pure returns (uint256);
    function createBytes(uint256 size, string memory name) external pure returns (bytes memory);
}

/// @dev An owner that calls back as soon as it is paid, with any arguments, and tells whether that succeeded.
contract Intruder {
    Symbols private constant svm = Symbols(address(uint160(uint256(keccak256("svm cheat code")))));

    bytes4 private immutable SELECTOR;
    bool public entered;
    bool public called;

    constructor(bytes4 selector) {
        SELECTOR = selector;
    }

    receive() external payable {
        called = true;
        // Arguments that lie in place, whatever offsets they name: 40 words.
        (bool ok,) = msg.sender.call(bytes.concat(SELECTOR, svm.createBytes(40 * 32, "arguments")));
        if (ok) entered = true;
    }
}

/// @dev E9, for the entry points whose arguments have a fixed size; those with lists are covered by the forge test
///      test_S21_every_entry_point_is_locked_while_a_payout_runs.
contract Locked is Prover {
    uint256 private constant BOB = 0xb0b;

    struct Case {
        uint256[11] c;
        uint256 s0;
        uint256 now_;
    }

    function check_E9_open(Case memory k) external {
        _enter(k, ICore.open.selector);
    }

    function check_E9_confirm(Case memory k) external {
        _enter(k, ICore.confirm.selector);
    }

    function check_E9_refund(Case memory k) external {
        _enter(k, ICore.refund.selector);
    }

    function check_E9_conclude(Case memory k) external {
        _enter(k, ICore.conclude.selector);
    }

    function check_E9_concludeVirtual(Case memory k) external {
        _enter(k, ICore.concludeVirtual.selector);
    }

    function check_E9_withdraw(Case memory k) external {
        _enter(k, ICore.withdraw.selector);
    }

    function check_E9_fundVault(Case memory k) external {
        _enter(k, ICore.fundVault.selector);
    }

    /// @dev The intruder is paid by `refund`, and gets nowhere.
    function _enter(Case memory k, bytes4 selector) private {
        Intruder intruder = new Intruder(selector);
        time(k.now_);
        k.c[0] = uint160(address(intruder));
        k.c[1] = BOB;
        k.c[6] = 0; // in ether
        put(mapped(keccak256(abi.encode(k.c)), SLOTS), k.s0);
        vm.deal(adjudicator, 2 ** 97);
        bool ok = call(address(intruder), ICore.refund.selector, abi.encode(k.c));
        assert(!intruder.entered());
        if (ok && depositA(k.s0) > 0) assert(intruder.called());
    }
}
