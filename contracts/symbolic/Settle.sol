// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ICore} from "../src/interfaces/ICore.sol";
import {Prover} from "./Prover.sol";
import {Refuser} from "./LedgerLife.sol";

/// @dev Locks of an ended life. `l` holds the words of LockTerms (leftIsA, left, right); proofs have two siblings, which is a
///      list of up to four locks.
contract Settle is Prover {
    address private constant ALICE = address(0xa11ce);
    address private bob;

    bytes32 private constant LOCK = keccak256("Lock(bytes32 vc,bool leftIsA,uint96 left,uint96 right)");

    struct Case {
        uint256[11] c;
        uint256 nonce;
        uint256[3] l;
        uint256 index;
        bytes32[2] proof;
        bytes32 lockRoot;
        uint256 escrow;
        uint256 record;
        address sender;
        uint256 now_;
        uint256 balance;
        uint256 vaultB;
        Other other;
    }

    function setUp() public override {
        super.setUp();
        bob = address(new Refuser());
    }

    function check_E1_E4_E6_E12_settle(Case memory k, bytes32 vc) external {
        bytes32 escrow = _prepare(k, vc);
        bool ok = call(
            k.sender,
            ICore.settle.selector,
            abi.encode(k.c, k.nonce, vc, k.l, k.index, uint256(0x240), uint256(2), k.proof)
        );
        if (!_settled(k, escrow, vc, ok, bits(k.record, 0, 96))) return;
        assert(life(k.record) == CONCLUDED);
    }

    function check_witness_settle(Case memory k, bytes32 vc) external {
        _prepare(k, vc);
        assert(
            !call(
                k.sender,
                ICore.settle.selector,
                abi.encode(k.c, k.nonce, vc, k.l, k.index, uint256(0x240), uint256(2), k.proof)
            )
        );
    }

    function check_E1_E4_E6_E8_E12_settleExpired(Case memory k, uint256[17] memory v) external {
        bytes32 vc = keccak256(abi.encode(domain, bytes1("V"), keccak256(abi.encode(v))));
        bytes32 escrow = _prepare(k, vc);
        bool ok = call(
            k.sender,
            ICore.settleExpired.selector,
            abi.encode(k.c, k.nonce, v, k.l, k.index, uint256(0x440), uint256(2), k.proof)
        );
        // E8: without a record, each lock pays its initial split, and only after tExp.
        if (!_settled(k, escrow, vc, ok, k.l[1])) return;
        assert(k.record == 0 && k.now_ > v[10]);
    }

    function _prepare(Case memory k, bytes32 vc) private returns (bytes32 escrow) {
        time(k.now_);
        k.c[0] = uint160(ALICE);
        k.c[1] = uint160(bob);
        k.c[6] = 0; // in ether
        bytes32 id = ledgerId(keccak256(abi.encode(k.c)), k.nonce);
        vm.assume(k.other.key != id && k.other.key != vc && id != vc);
        vm.assume(_left(k.escrow) < 2 ** 96 && k.vaultB < 2 ** 96 && k.balance < 2 ** 100);
        vm.assume(k.balance >= _left(k.escrow) + k.vaultB);
        escrow = mapped(id, ESCROWS);
        put(escrow, uint256(k.lockRoot));
        put(next(escrow), k.escrow);
        put(mapped(vc, RECORDS), k.record);
        put(vault(ALICE), 0);
        put(vault(bob), k.vaultB);
        putOther(k.other);
        vm.deal(adjudicator, k.balance);
    }

    function _left(uint256 escrow) private pure returns (uint256) {
        return escrow >> 136;
    }

    function _settled(Case memory k, bytes32 escrow, bytes32 vc, bool ok, uint256 due) private view returns (bool) {
        checkOther(k.other);
        assert(read(mapped(vc, RECORDS)) == k.record && read(escrow) == uint256(k.lockRoot));
        uint256 later = read(next(escrow));
        if (!ok) {
            assert(later == k.escrow && adjudicator.balance == k.balance);
            return false;
        }
        uint256 paidA = k.balance - adjudicator.balance + read(vault(ALICE));
        uint256 paidB = read(vault(bob)) - k.vaultB;
        // E1: what is paid leaves the escrow.
        assert(paidA + paidB + _left(later) == _left(k.escrow));
        // E6: its bit was unset and is set, no other changes, and it is one of the list.
        uint256 locks = bits(k.escrow, 0, 8);
        assert(k.index < locks && k.index < 4 && bits(later, 0, 8) == locks);
        assert(bits(k.escrow, 8 + k.index, 1) == 0);
        assert(bits(later, 8, 128) == bits(k.escrow, 8, 128) | (1 << k.index));
        // E6: left + right of that lock, within the escrow, divided by the outcome; after the last one, the rest goes to A.
        uint256 stake = k.l[1] + k.l[2];
        if (stake > _left(k.escrow)) stake = _left(k.escrow);
        uint256 toLeft = due > stake ? stake : due;
        uint256 toA = k.l[0] == 1 ? toLeft : stake - toLeft;
        uint256 rest = bits(later, 8, 128) == (1 << locks) - 1 ? _left(k.escrow) - stake : 0;
        assert(paidA == toA + rest && paidB == stake - toA);
        _proven(k, vc);
        return true;
    }

    function _proven(Case memory k, bytes32 vc) private pure {
        bytes32 hash = keccak256(abi.encodePacked(uint8(0), keccak256(abi.encode(LOCK, vc, k.l[0], k.l[1], k.l[2]))));
        for (uint256 i = 0; i < 2; ++i) {
            (bytes32 left, bytes32 right) = (k.index >> i) & 1 == 0 ? (hash, k.proof[i]) : (k.proof[i], hash);
            hash = keccak256(abi.encodePacked(uint8(1), left, right));
        }
        assert(hash == k.lockRoot);
    }
}
