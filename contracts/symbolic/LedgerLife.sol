// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ICore} from "../src/interfaces/ICore.sol";
import {Prover} from "./Prover.sol";

/// @dev Accepts no money.
contract Refuser {}

/// @dev Where the life of a ledger channel begins and ends, and what is paid then. The owners are two accounts of which the
///      second refuses what it is sent, so that both ways of paying are taken.
contract LedgerLife is Prover {
    address private constant ALICE = address(0xa11ce);
    address private bob;

    struct Case {
        uint256[11] c;
        uint256 s0;
        uint256 s1;
        address sender;
        uint256 now_;
        uint256 balance;
        uint256 vaultA;
        uint256 vaultB;
        Other other;
    }

    function setUp() public override {
        super.setUp();
        bob = address(new Refuser());
    }

    // -------------------------------------------------------------------------------------------------- beginning

    function check_E1_E4_E12_open(Case memory k, uint256 nonce_, uint256 value) external {
        vm.assume(k.c[2] != 2 && k.c[4] != 2); // forge: SchemesTest
        bytes32 place = _prepare(k);
        vm.deal(k.sender, value);
        vm.prank(k.sender);
        (bool ok,) = adjudicator.call{value: value}(bytes.concat(ICore.open.selector, abi.encode(k.c, nonce_)));
        checkOther(k.other);
        assert(read(next(place)) == k.s1);
        if (!ok) {
            assert(read(place) == k.s0);
            return;
        }
        assert((phase(k.s0) == 0 || phase(k.s0) == CLOSED) && uint160(k.sender) == k.c[0]);
        assert(nonce_ == nonce(k.s0) && nonce_ < CONCLUDED && value < 2 ** 96);
        assert(read(place) == (FUNDING << 248) | (nonce_ << 208) | (value << 96));
        assert(adjudicator.balance == k.balance + value);
        // What the other proofs take for granted of a channel that was opened.
        assert(
            k.c[0] != k.c[1] && k.c[0] < 2 ** 160 && k.c[1] < 2 ** 160 && k.c[1] != 0 && k.c[6] == 0
                && k.c[10] < 2 ** 16
        );
        assert(k.c[2] == 1 && k.c[4] == 1 && k.c[3] != k.c[5] && k.c[3] != 0 && k.c[5] != 0);
        assert(k.c[7] > 0 && k.c[7] <= 2 ** 25 && k.c[8] > 0 && k.c[8] <= 2 ** 25 && k.c[9] <= 2 ** 10);
    }

    function check_E1_E4_E12_confirm(Case memory k, uint256 nonce_, uint256 deposit, uint256 value) external {
        bytes32 place = _prepare(k);
        vm.deal(k.sender, value);
        vm.prank(k.sender);
        (bool ok,) =
            adjudicator.call{value: value}(bytes.concat(ICore.confirm.selector, abi.encode(k.c, nonce_, deposit)));
        checkOther(k.other);
        assert(read(next(place)) == k.s1);
        if (!ok) {
            assert(read(place) == k.s0);
            return;
        }
        assert(phase(k.s0) == FUNDING && uint160(k.sender) == k.c[1]);
        assert(nonce_ == nonce(k.s0) && deposit == depositA(k.s0) && deposit + value < 2 ** 96);
        assert(read(place) == (OPEN << 248) | (nonce_ << 208) | (deposit << 96) | value);
        assert(adjudicator.balance == k.balance + value);
    }

    // ------------------------------------------------------------------------------------------- more and less of it

    /// @dev The sender pays with the ether that it sends along.
    function check_E1_E4_E12_deposit(Case memory k, uint256[4] memory d, uint256 value) external {
        bytes32 place = _more(k);
        vm.assume(k.sender != adjudicator); // which calls nobody's `deposit`
        vm.deal(k.sender, value);
        vm.prank(k.sender);
        (bool ok,) = adjudicator.call{value: value}(_deposit(k, d, ""));
        if (!_grown(k, place, d, ok)) return;
        assert(value == d[2] && adjudicator.balance == k.balance + value);
        assert(read(vault(ALICE)) == k.vaultA && read(vault(bob)) == k.vaultB);
    }

    /// @dev The sender pays out of its vault.
    function check_E1_E4_E12_deposit_from_vault(Case memory k, uint256[4] memory d) external {
        k.sender = ALICE;
        bytes32 place = _more(k);
        vm.prank(ALICE);
        (bool ok,) = adjudicator.call(_deposit(k, d, hex"01"));
        bool grown = _grown(k, place, d, ok);
        assert(adjudicator.balance == k.balance && read(vault(bob)) == k.vaultB);
        assert(read(vault(ALICE)) == (grown ? k.vaultA - d[2] : k.vaultA));
        assert(!grown || d[2] <= k.vaultA);
    }

    function check_witness_deposit_from_vault(Case memory k, uint256[4] memory d) external {
        _more(k);
        vm.prank(ALICE);
        (bool ok,) = adjudicator.call(_deposit(k, d, hex"01"));
        assert(!ok);
    }

    /// @dev `t` holds the words of AdjustTerms; its receiver is the owner.
    /// @custom:halmos --default-bytes-lengths 64,128
    function check_E1_E2_E4_E12_adjust(Case memory k, uint256[6] memory t, bytes memory signatures) external {
        bytes32 place = _more(k);
        t[3] = 0;
        bool ok = call(k.sender, ICore.adjust.selector, abi.encode(k.c, t, signatures));
        _undisputed(k, place, ok);
        uint256 left = k.balance - adjudicator.balance;
        (uint256 paidA, uint256 paidB) = (left + read(vault(ALICE)) - k.vaultA, read(vault(bob)) - k.vaultB);
        if (!ok) {
            assert(paidA == 0 && paidB == 0);
            return;
        }
        assert(t[1] <= 1 && t[0] == bits(k.s0, 192, 16) && t[0] < 2 ** 16 - 1 && k.now_ <= t[5]);
        // E1: what leaves is what the deposit becomes less.
        assert(t[2] <= (t[1] == 0 ? depositA(k.s0) : depositB(k.s0)));
        assert(read(place) == k.s0 + (1 << 192) - (t[2] << (t[1] == 0 ? 96 : 0)));
        assert(paidA == (t[1] == 0 ? t[2] : 0) && paidB == (t[1] == 0 ? 0 : t[2]));
        // E2
        bytes32 id = ledgerId(keccak256(abi.encode(k.c)), nonce(k.s0));
        bytes32 hash =
            digest(keccak256(abi.encode(ADJUST, id, t[0], t[1], t[2], t[1] == 0 ? k.c[0] : k.c[1], t[4], t[5])));
        assert(signatures.length == checkSides(k.c, k.sender, hash, signatures));
    }

    function _more(Case memory k) private returns (bytes32) {
        (k.c[2], k.c[4], k.c[6]) = (1, 1, 0); // keys of scheme 1, in ether
        return _prepare(k);
    }

    /// @dev `d` holds nonce, side, amount and notAfter.
    function _deposit(Case memory k, uint256[4] memory d, bytes memory funding) private pure returns (bytes memory) {
        return bytes.concat(
            ICore.deposit.selector, abi.encode(k.c, d, uint256(16 * 32)), abi.encode(funding.length, bytes32(funding))
        );
    }

    /// @dev Nothing changes but the first word, and that only if the channel is open and no dispute runs.
    function _undisputed(Case memory k, bytes32 place, bool ok) private view {
        checkOther(k.other);
        assert(read(next(place)) == k.s1);
        assert(ok || read(place) == k.s0);
        assert(!ok || (phase(k.s0) == OPEN && !runs(k.s0, k.s1)));
    }

    function _grown(Case memory k, bytes32 place, uint256[4] memory d, bool ok) private view returns (bool) {
        _undisputed(k, place, ok);
        if (!ok) return false;
        assert(d[0] == nonce(k.s0) && d[1] <= 1 && d[2] < 2 ** 96 && k.now_ <= d[3]);
        assert(depositA(k.s0) + depositB(k.s0) + d[2] < 2 ** 96);
        assert(read(place) == k.s0 + (d[2] << (d[1] == 0 ? 96 : 0)));
        return true;
    }

    // -------------------------------------------------------------------------------------------------------- end

    function check_E1_E4_E12_refund(Case memory k) external {
        (k.c[2], k.c[4], k.c[6]) = (1, 1, 0); // keys of scheme 1, in ether
        bytes32 place = _prepare(k);
        bool ok = call(k.sender, ICore.refund.selector, abi.encode(k.c));
        (uint256 paidA, uint256 paidB) = _ended(k, place, ok);
        if (!ok) return;
        assert(phase(k.s0) == FUNDING && k.sender == ALICE);
        assert(paidA == depositA(k.s0) && paidB == 0);
    }

    /// @dev `t` holds the words of CloseTerms.
    /// @custom:halmos --default-bytes-lengths 64,128
    function check_E1_E2_E4_E12_close(Case memory k, uint256[9] memory t, bytes memory signatures) external {
        (k.c[2], k.c[4], k.c[6]) = (1, 1, 0); // keys of scheme 1, in ether
        bytes32 place = _prepare(k);
        t[6] = 0;
        t[7] = 0;
        bool ok = call(k.sender, ICore.close.selector, abi.encode(k.c, t, signatures));
        (uint256 paidA, uint256 paidB) = _ended(k, place, ok);
        if (!ok) return;
        assert(phase(k.s0) == OPEN && k.now_ <= t[8]);
        assert(t[0] <= depositA(k.s0) && t[1] <= depositB(k.s0) && t[3] <= t[0] + t[1] && t[4] <= 128);
        uint256 total = t[0] + t[1] - t[3];
        assert(t[2] <= total && (t[4] > 0 || t[3] == 0));
        // E1: what leaves and what stays in escrow is what came in.
        assert(paidA == t[2] + depositA(k.s0) - t[0]);
        assert(paidA + paidB + t[3] == depositA(k.s0) + depositB(k.s0));
        bytes32 id = ledgerId(keccak256(abi.encode(k.c)), nonce(k.s0));
        _escrowed(id, t[4], t[5], t[3]);
        bytes32 hash = digest(
            keccak256(abi.encode(CLOSE, id, t[0], t[1], t[2], total, t[4], entriesOf(t[5], 0), k.c[0], k.c[1], t[8]))
        );
        assert(signatures.length == checkSides(k.c, k.sender, hash, signatures));
    }

    /// @dev `s` holds the words of a State, `acc` what its nanocontracts amount to.
    function check_E1_E4_E5_E7_E12_conclude(Case memory k, uint256[9] memory s, bytes32 mix, uint256 acc) external {
        (k.c[2], k.c[4], k.c[6]) = (1, 1, 0); // keys of scheme 1, in ether
        bytes32 place = _prepare(k);
        bytes32 id = ledgerId(keccak256(abi.encode(k.c)), nonce(k.s0));
        put(mapped(id, ACCRUED), acc);
        bool ok = call(k.sender, ICore.conclude.selector, abi.encode(k.c, s, mix));
        (uint256 paidA, uint256 paidB) = _ended(k, place, ok);
        if (!ok) return;
        // E5: nothing can be refuted any more, and no nanocontract can move.
        assert(phase(k.s0) == OPEN && runs(k.s0, k.s1) && k.now_ > deadline(k.s1));
        if (hasNanos(k.s1)) assert(k.now_ > deadline(k.s1) + k.c[8] && k.now_ > acc >> 128);
        // E1
        uint256 escrowed = s[1] + s[2] - s[3];
        assert(paidA + paidB + escrowed == depositA(k.s0) + depositB(k.s0));
        _escrowed(id, s[6], s[7], escrowed);
        // E7: the default and what moved, within the total.
        int256 outA = int256(s[4]) + (hasNanos(k.s1) ? int256(int128(uint128(acc))) : int256(0));
        if (outA < 0) outA = 0;
        if (outA > int256(s[3])) outA = int256(s[3]);
        assert(paidA == uint256(outA) + depositA(k.s0) - s[1]);
        bytes32 structHash =
            keccak256(abi.encode(STATE, id, s[0], s[1], s[2], s[3], s[4], s[5], s[6], entriesOf(s[7], s[8])));
        assert(uint160(k.s1) == uint160(uint256(keccak256(abi.encode(structHash, mix)))));
    }

    function check_witness_conclude(Case memory k, uint256[9] memory s, bytes32 mix) external {
        (k.c[2], k.c[4], k.c[6]) = (1, 1, 0);
        _prepare(k);
        assert(!call(k.sender, ICore.conclude.selector, abi.encode(k.c, s, mix)));
    }

    // ---------------------------------------------------------------------------------------------------- support

    function _prepare(Case memory k) private returns (bytes32 place) {
        time(k.now_);
        k.c[0] = uint160(ALICE);
        k.c[1] = uint160(bob);
        bytes32 key = keccak256(abi.encode(k.c));
        vm.assume(k.other.key != key && k.other.key != ledgerId(key, nonce(k.s0)));
        // E1 holds before: the contract has what it owes, and there is not more ether than this.
        vm.assume(k.vaultA < 2 ** 96 && k.vaultB < 2 ** 96 && k.balance < 2 ** 100);
        vm.assume(k.balance >= depositA(k.s0) + depositB(k.s0) + k.vaultA + k.vaultB);
        // `open` and `confirm` bound the nonce and the sum (checked above).
        vm.assume(nonce(k.s0) <= CONCLUDED && depositA(k.s0) + depositB(k.s0) < 2 ** 96 && k.c[8] <= 2 ** 25);
        place = mapped(key, SLOTS);
        put(place, k.s0);
        put(next(place), k.s1);
        put(vault(ALICE), k.vaultA);
        put(vault(bob), k.vaultB);
        putOther(k.other);
        vm.deal(adjudicator, k.balance);
    }

    /// @dev What the call paid to each side. A life that ended is Closed, with the next nonce and without deposits.
    function _ended(Case memory k, bytes32 place, bool ok) private view returns (uint256 paidA, uint256 paidB) {
        checkOther(k.other);
        assert(read(next(place)) == k.s1);
        assert(read(place) == (ok ? (CLOSED << 248) | ((nonce(k.s0) + 1) << 208) : k.s0));
        uint256 left = k.balance - adjudicator.balance;
        (paidA, paidB) = (left + read(vault(ALICE)) - k.vaultA, read(vault(bob)) - k.vaultB);
        assert(ok || (left == 0 && paidA == 0 && paidB == 0));
    }

    function _escrowed(bytes32 id, uint256 locks, uint256 lockRoot, uint256 amount) private view {
        bytes32 escrow = mapped(id, ESCROWS);
        if (locks == 0) return;
        assert(read(escrow) == lockRoot && read(next(escrow)) == (amount << 136) | locks);
    }
}
