// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ICore} from "../src/interfaces/ICore.sol";
import {Prover} from "./Prover.sol";

/// @dev How States of ledger channels get on chain. `c` holds the words of a Channel, `s` those of a State.
contract LedgerDisputes is Prover {
    struct Case {
        uint256[11] c;
        uint256[9] s;
        uint256 s0; // what the slot holds before
        uint256 s1;
        address sender;
        uint256 now_;
        Other other;
    }

    /// @custom:halmos --default-bytes-lengths 64,128
    function check_E2_E3_E4_E12_refute(Case memory k, bytes memory signatures) external {
        bytes32 place = _prepare(k);
        bool ok = call(k.sender, ICore.refute.selector, abi.encode(k.c, k.s, signatures));
        uint256 after1 = _unharmed(k, place, ok);
        if (!ok) return;
        assert(runs(k.s0, k.s1));
        _replaced(k, after1);
        _accepted(k, signatures);
    }

    /// @dev A call that succeeds exists, so that what is proven above is not empty: to be refuted.
    /// @custom:halmos --default-bytes-lengths 64
    function check_witness_refute(Case memory k, bytes memory signatures) external {
        _prepare(k);
        assert(!call(k.sender, ICore.refute.selector, abi.encode(k.c, k.s, signatures)));
    }

    /// @custom:halmos --default-bytes-lengths 64
    function check_E2_E3_E4_E12_register(Case memory k, bytes memory signatures) external {
        bytes32 place = _prepare(k);
        vm.assume(k.s[0] != 0);
        bool ok = call(k.sender, ICore.register.selector, abi.encode(k.c, k.s, signatures));
        uint256 after1 = _unharmed(k, place, ok);
        if (!ok) return;
        assert(k.c[0] == uint160(k.sender) || k.c[1] == uint160(k.sender));
        if (runs(k.s0, k.s1)) _replaced(k, after1);
        else _opened(k, after1);
        _accepted(k, signatures);
    }

    /// @dev Version 0 is a constant, needs no signature, and only ever comes first.
    /// @custom:halmos --default-bytes-lengths 0,64
    function check_E2_E3_E4_E12_register_version_0(Case memory k, bytes memory signatures) external {
        bytes32 place = _prepare(k);
        k.s[0] = 0;
        bool ok = call(k.sender, ICore.register.selector, abi.encode(k.c, k.s, signatures));
        uint256 after1 = _unharmed(k, place, ok);
        if (!ok) return;
        assert(k.c[0] == uint160(k.sender) || k.c[1] == uint160(k.sender));
        for (uint256 i = 1; i < 9; ++i) {
            assert(k.s[i] == 0);
        }
        assert(!runs(k.s0, k.s1));
        _opened(k, after1);
    }

    /// @custom:halmos --default-bytes-lengths 0
    function check_witness_register_version_0(Case memory k, bytes memory signatures) external {
        _prepare(k);
        k.s[0] = 0;
        assert(!call(k.sender, ICore.register.selector, abi.encode(k.c, k.s, signatures)));
    }

    function _prepare(Case memory k) private returns (bytes32 place) {
        time(k.now_);
        opened(k.c);
        bytes32 key = keccak256(abi.encode(k.c));
        // Whoever opened the slot met these (check_E4_open in LedgerLife.sol).
        vm.assume(nonce(k.s0) < CONCLUDED && k.c[7] > 0 && k.c[7] <= 2 ** 25);
        vm.assume(k.other.key != key && k.other.key != ledgerId(key, nonce(k.s0)));
        place = mapped(key, SLOTS);
        put(place, k.s0);
        put(next(place), k.s1);
        putOther(k.other);
    }

    /// @dev Whatever happened: no other channel was touched, the deposits are what they were, and a call that failed had no effect.
    function _unharmed(Case memory k, bytes32 place, bool ok) private view returns (uint256 after1) {
        checkOther(k.other);
        assert(read(place) == k.s0);
        after1 = read(next(place));
        assert(ok ? phase(k.s0) == OPEN : after1 == k.s1);
    }

    /// @dev E3: a higher version in time, and R stands.
    function _replaced(Case memory k, uint256 after1) private pure {
        assert(k.s[0] > ver(k.s1) && ver(after1) == k.s[0]);
        assert(k.now_ <= deadline(k.s1));
        assert(deadline(after1) == deadline(k.s1) && life(after1) == life(k.s1));
        assert(hasNanos(after1) == (k.s[5] > 0));
    }

    function _opened(Case memory k, uint256 after1) private pure {
        assert(ver(after1) == k.s[0] && life(after1) == nonce(k.s0));
        assert(deadline(after1) == k.now_ + k.c[7]);
        assert(hasNanos(after1) == (k.s[5] > 0));
    }

    /// @dev E2 and the predicate of a State (protocol 2.3).
    function _accepted(Case memory k, bytes memory signatures) private view {
        uint256[9] memory s = k.s;
        assert(s[0] > 0 && s[0] < 2 ** 48);
        assert(s[1] <= depositA(k.s0) && s[2] <= depositB(k.s0));
        assert(s[3] <= s[1] + s[2] && s[4] <= s[3] && s[5] < 256 && s[6] <= 128);
        assert(s[6] > 0 || s[3] == s[1] + s[2]);
        bytes32 id = ledgerId(keccak256(abi.encode(k.c)), nonce(k.s0));
        bytes32 hash =
            digest(keccak256(abi.encode(STATE, id, s[0], s[1], s[2], s[3], s[4], s[5], s[6], entriesOf(s[7], s[8]))));
        assert(signatures.length == checkSides(k.c, k.sender, hash, signatures));
    }
}
