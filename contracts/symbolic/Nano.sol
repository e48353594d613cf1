// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IExtension} from "../src/interfaces/IExtension.sol";
import {Prover} from "./Prover.sol";

interface Symbols {
    function createUint256(string memory name) external view returns (uint256);
}

/// @dev A nanocontract that returns whatever it likes: any amount, mover and number of steps, and a state of one word.
contract AnyCode {
    Symbols private constant svm = Symbols(address(uint160(uint256(keccak256("svm cheat code")))));

    fallback() external {
        (uint256 dA, uint256 mover) = (svm.createUint256("dA"), svm.createUint256("mover"));
        (uint256 stepsLeft, uint256 state) = (svm.createUint256("stepsLeft"), svm.createUint256("state"));
        bytes memory result = abi.encode(uint256(128), dA, mover, stepsLeft, uint256(32), state);
        assembly {
            return(add(result, 32), mload(result))
        }
    }
}

/// @dev Nanocontracts of a ledger channel. `c` holds the words of a Channel, `e` those of an Entry.
contract Nano is Prover {
    struct Case {
        uint256[11] c;
        uint256[9] e;
        uint256 s0;
        uint256 s1;
        uint256 word;
        bytes32 storageHash;
        uint256 accrued;
        address sender;
        uint256 now_;
        Other other;
    }

    bytes32 private constant ENTRY = keccak256(
        "Entry(bytes32 nid,uint48 born,uint96 total,uint96 dA0,uint8 mover0,bytes32 codeHash,uint32 gas,uint16 kMax,bytes32 storage0)"
    );
    bytes32 private constant STEP_AUTH = keccak256(
        "StepAuth(bytes32 ch,bytes32 entry,uint48 ver,uint16 stepsLeft,bytes32 storageHash,bytes32 inputHash)"
    );
    bytes32 private constant NANO = keccak256(
        "Nano(bytes32 ch,bytes32 entry,uint48 ver,uint96 dA,uint8 mover,uint16 stepsLeft,bytes32 storageHash)"
    );

    address private code;

    function setUp() public override {
        super.setUp();
        code = address(new AnyCode());
    }

    // ------------------------------------------------------------------------------------------------------ steps

    /// @dev By the sender, with a state of one word and an input of one word.
    function check_E2_E4_E5_E7_E12_execute(Case memory k, uint256 state, uint256 input) external {
        _execute(k, state, input, "");
    }

    /// @dev With the mover's StepAuth.
    /// @custom:halmos --default-bytes-lengths 64
    function check_E2_E4_E5_E7_E12_execute_authorised(Case memory k, uint256 state, uint256 input, bytes memory auth)
        external
    {
        _execute(k, state, input, auth);
    }

    function check_witness_execute(Case memory k, uint256 state, uint256 input) external {
        _prepare(k);
        assert(!_callExecute(k, state, input, ""));
    }

    function _execute(Case memory k, uint256 state, uint256 input, bytes memory auth) private {
        (bytes32 id, bytes32 entry, bytes32 place) = _prepare(k);
        bool ok = _callExecute(k, state, input, auth);
        (uint256 later, uint256 accrued) = _unharmed(k, id, place, ok);
        if (!ok) return;
        // E5: after nRef, when no higher version is taken any more, and within the window of the last step.
        uint256 since = last(k.word) == 0 ? nRef(k.word) : last(k.word);
        assert(k.now_ > nRef(k.word) && k.now_ <= since + k.c[8]);
        assert(ver(later) == ver(k.word) && nRef(later) == nRef(k.word) && last(later) == k.now_);
        // E7: within the total, and the sum moves by exactly what the step moved.
        assert(dA(later) <= k.e[2] && mover(later) <= 1 && stepsLeft(later) < stepsLeft(k.word));
        assert(_sum(accrued) == _sum(k.accrued) + int256(dA(later)) - int256(dA(k.word)));
        uint256 end = stepsLeft(later) > 0 ? k.now_ + k.c[8] : 0;
        if (end < _end(k.accrued)) end = _end(k.accrued);
        assert(_end(accrued) == end);
        // E2: by the mover, from the state that was agreed, with the code that was agreed.
        assert(keccak256(abi.encode(state)) == k.storageHash && code.codehash == bytes32(k.e[5]));
        if (auth.length == 0) {
            assert(k.sender == address(uint160(mover(k.word) == 0 ? k.c[0] : k.c[1])));
            return;
        }
        bytes32 hash = digest(
            keccak256(
                abi.encode(
                    STEP_AUTH, id, entry, ver(k.word), stepsLeft(k.word), k.storageHash, keccak256(abi.encode(input))
                )
            )
        );
        assert(isSigned(bytes32(mover(k.word) == 0 ? k.c[3] : k.c[5]), hash, auth, 0));
    }

    function _callExecute(Case memory k, uint256 state, uint256 input, bytes memory auth) private returns (bool) {
        bytes memory step = abi.encode(code, abi.encode(state), abi.encode(input), auth);
        bytes memory head = abi.encode(k.c, k.e, uint256(21 * 32));
        return call(k.sender, IExtension.execute.selector, bytes.concat(head, step));
    }

    // ----------------------------------------------------------------------------------------------------- claims

    /// @dev One claim without a step, in a tree of one leaf, in a State whose other words are 0; `v` holds the words of a NanoVersion.
    /// @custom:halmos --default-bytes-lengths 0,64,128
    function check_E2_E4_E5_E7_E12_registerNano(Case memory k, uint256[5] memory v, bytes32 mix, bytes memory evidence)
        external
    {
        (bytes32 id, bytes32 entry, bytes32 place) = _prepare(k);
        uint256[9] memory s;
        (s[5], s[8]) = (1, uint256(keccak256(abi.encodePacked(uint8(0), entry))));
        bytes memory head = abi.encode(k.c, s, mix, uint256(22 * 32));
        bool ok = call(k.sender, IExtension.registerNano.selector, bytes.concat(head, _claims(k, v, evidence)));
        (uint256 later, uint256 accrued) = _unharmed(k, id, place, ok);
        if (!ok) return;
        // E5: when no State is taken any more.
        assert(k.now_ > deadline(k.s1) && k.now_ <= deadline(k.s1) + k.c[8]);
        bytes32 structHash =
            keccak256(abi.encode(STATE, id, s[0], s[1], s[2], s[3], s[4], s[5], s[6], entriesOf(s[7], s[8])));
        assert(uint160(k.s1) == uint160(uint256(keccak256(abi.encode(structHash, mix)))));
        _claimed(k, v, id, entry, evidence, later, accrued);
    }

    /// @custom:halmos --default-bytes-lengths 64,128
    function check_E2_E4_E5_E7_E12_refuteNano(Case memory k, uint256[5] memory v, bytes memory evidence) external {
        (bytes32 id, bytes32 entry, bytes32 place) = _prepare(k);
        bytes memory head = abi.encode(k.c, uint256(12 * 32));
        bool ok = call(k.sender, IExtension.refuteNano.selector, bytes.concat(head, _claims(k, v, evidence)));
        (uint256 later, uint256 accrued) = _unharmed(k, id, place, ok);
        if (!ok) return;
        assert(k.word != 0);
        _claimed(k, v, id, entry, evidence, later, accrued);
    }

    /// @custom:halmos --default-bytes-lengths 64
    function check_witness_refuteNano(Case memory k, uint256[5] memory v, bytes memory evidence) external {
        _prepare(k);
        bytes memory head = abi.encode(k.c, uint256(12 * 32));
        assert(!call(k.sender, IExtension.refuteNano.selector, bytes.concat(head, _claims(k, v, evidence))));
    }

    /// @dev The arguments behind the head: one claim at index 0, without siblings.
    function _claims(Case memory k, uint256[5] memory v, bytes memory evidence) private pure returns (bytes memory) {
        // NanoClaims: where list, evidence and steps begin, relative to here.
        uint256 list = 3 * 32;
        uint256 evidenceAt = list + 32 + 17 * 32;
        uint256 stepsAt = evidenceAt + 32 + evidence.length;
        bytes memory claim = abi.encode(k.e, uint256(0), uint256(0), uint256(0), v);
        return bytes.concat(
            abi.encode(list, evidenceAt, stepsAt, uint256(1)),
            claim,
            abi.encode(evidence.length),
            evidence,
            abi.encode(0)
        );
    }

    function _claimed(
        Case memory k,
        uint256[5] memory v,
        bytes32 id,
        bytes32 entry,
        bytes memory evidence,
        uint256 later,
        uint256 accrued
    ) private view {
        bool first = k.word == 0;
        // E4: a higher version until nRef, which stands.
        if (!first) assert(v[0] > ver(k.word) && k.now_ <= nRef(k.word));
        assert(nRef(later) == (first ? k.now_ + k.c[8] : nRef(k.word)) && last(later) == 0);
        assert(ver(later) == v[0] && dA(later) == v[1] && mover(later) == v[2] && stepsLeft(later) == v[3]);
        // E7
        assert(v[1] <= k.e[2] && k.e[2] < 2 ** 96 && v[2] <= 1 && v[3] <= k.e[7] && (!first || k.e[7] <= k.c[9]));
        int256 before = first ? int256(k.e[3]) : int256(dA(k.word));
        assert(_sum(accrued) == _sum(k.accrued) + int256(v[1]) - before);
        uint256 end = nRef(later) + (v[3] > 0 ? k.c[8] : 0);
        assert(_end(accrued) == (end > _end(k.accrued) ? end : _end(k.accrued)));
        // E2
        if (v[0] == 0) {
            assert(first && v[1] == k.e[3] && v[2] == k.e[4] && v[3] == k.e[7] && v[4] == k.e[8]);
            return;
        }
        bytes32 hash = digest(keccak256(abi.encode(NANO, id, entry, v[0], v[1], v[2], v[3], v[4])));
        assert(evidence.length == checkSides(k.c, k.sender, hash, evidence));
    }

    // ---------------------------------------------------------------------------------------------------- support

    function _prepare(Case memory k) private returns (bytes32 id, bytes32 entry, bytes32 place) {
        time(k.now_);
        opened(k.c);
        bytes32 key = keccak256(abi.encode(k.c));
        id = ledgerId(key, nonce(k.s0));
        entry = keccak256(abi.encode(ENTRY, k.e));
        vm.assume(k.other.key != key && k.other.key != id);
        // What `open`, `registerNano` and `execute` bounded.
        vm.assume(nonce(k.s0) < CONCLUDED && k.c[7] > 0 && k.c[7] <= 2 ** 25 && k.c[8] > 0 && k.c[8] <= 2 ** 25);
        vm.assume(k.word == 0 || (k.e[2] < 2 ** 96 && k.e[3] < 2 ** 96));
        vm.assume(_end(k.accrued) < 2 ** 40 && _sum(k.accrued) < 2 ** 120 && _sum(k.accrued) > -(2 ** 120));
        vm.assume(deadline(k.s1) >= k.c[7]);
        place = keccak256(abi.encode(domain, bytes32("N"), id, entry));
        put(mapped(key, SLOTS), k.s0);
        put(next(mapped(key, SLOTS)), k.s1);
        put(place, k.word);
        put(next(place), uint256(k.storageHash));
        put(mapped(id, ACCRUED), k.accrued);
        putOther(k.other);
    }

    /// @dev The words of the dispute are never written, other channels never touched; a call that failed had no effect; E4: a
    ///      dispute runs.
    function _unharmed(Case memory k, bytes32 id, bytes32 place, bool ok)
        private
        view
        returns (uint256 later, uint256 accrued)
    {
        checkOther(k.other);
        bytes32 slot = mapped(keccak256(abi.encode(k.c)), SLOTS);
        assert(read(slot) == k.s0 && read(next(slot)) == k.s1);
        (later, accrued) = (read(place), read(mapped(id, ACCRUED)));
        if (ok) assert(phase(k.s0) == OPEN && runs(k.s0, k.s1));
        else assert(later == k.word && accrued == k.accrued && read(next(place)) == uint256(k.storageHash));
    }

    function nRef(uint256 word) private pure returns (uint256) {
        return bits(word, 168, 40);
    }

    function last(uint256 word) private pure returns (uint256) {
        return bits(word, 128, 40);
    }

    function stepsLeft(uint256 word) private pure returns (uint256) {
        return bits(word, 112, 16);
    }

    function mover(uint256 word) private pure returns (uint256) {
        return bits(word, 104, 8);
    }

    function dA(uint256 word) private pure returns (uint256) {
        return bits(word, 0, 96);
    }

    function _sum(uint256 word) private pure returns (int256) {
        return int256(int128(uint128(word)));
    }

    function _end(uint256 word) private pure returns (uint256) {
        return word >> 128;
    }
}
