// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ICore} from "../src/interfaces/ICore.sol";
import {Prover} from "./Prover.sol";

/// @dev The record of a virtual channel. `v` holds the words of VParams, `s` those of a State of V.
contract Virtual is Prover {
    struct Case {
        uint256[17] v;
        uint256[4] s;
        uint256 record;
        uint256 accrued;
        address sender;
        uint256 now_;
        Other other;
    }

    bytes32 private constant FINAL = keccak256("Final(bytes32 vc,uint96 outA)");

    // ---------------------------------------------------------------------------------------------------- dispute

    /// @custom:halmos --default-bytes-lengths 128
    function check_E2_E3_E4_E12_refuteVirtual(Case memory k, bytes memory signatures) external {
        bytes32 vc = _prepare(k);
        bool ok = call(k.sender, ICore.refuteVirtual.selector, abi.encode(k.v, k.s, signatures));
        uint256 later = _unharmed(k, vc, ok);
        if (!ok) return;
        _replaced(k, later);
        _accepted(k, vc, signatures);
    }

    /// @custom:halmos --default-bytes-lengths 128
    function check_witness_refuteVirtual(Case memory k, bytes memory signatures) external {
        _prepare(k);
        assert(!call(k.sender, ICore.refuteVirtual.selector, abi.encode(k.v, k.s, signatures)));
    }

    /// @dev E8, with a path of two links: who opens shows all three secrets, in order.
    /// @custom:halmos --default-bytes-lengths 128 --array-lengths secrets=3
    function check_E2_E3_E4_E8_E12_registerVirtual(Case memory k, bytes memory signatures, bytes32[] memory secrets)
        external
    {
        bytes32 vc = _prepare(k);
        bool ok = call(k.sender, ICore.registerVirtual.selector, abi.encode(k.v, k.s, signatures, secrets));
        uint256 later = _unharmed(k, vc, ok);
        if (!ok) return;
        _accepted(k, vc, signatures);
        if (k.record != 0) return _replaced(k, later);
        assert(ver(later) == k.s[0] && life(later) == 0 && hasNanos(later) == (k.s[2] > 0));
        assert(deadline(later) == k.now_ + k.v[11] && k.now_ <= k.v[10]);
        assert((k.v[0] == 1 && k.v[1] == uint160(k.sender)) || (k.v[2] == 1 && k.v[3] == uint160(k.sender)));
        assert(k.v[15] == 1 && k.v[16] == uint256(_activation(secrets)));
        assert(k.v[11] > 0 && k.v[11] <= 2 ** 25 && k.v[12] > 0 && k.v[12] <= 2 ** 25 && k.v[13] <= 2 ** 10);
    }

    /// @custom:halmos --default-bytes-lengths 128 --array-lengths secrets=3
    function check_witness_registerVirtual(Case memory k, bytes memory signatures, bytes32[] memory secrets) external {
        _prepare(k);
        vm.assume(k.record == 0);
        assert(!call(k.sender, ICore.registerVirtual.selector, abi.encode(k.v, k.s, signatures, secrets)));
    }

    function check_E4_E5_E7_E12_concludeVirtual(Case memory k, bytes32 mix) external {
        bytes32 vc = _prepare(k);
        bool ok = call(k.sender, ICore.concludeVirtual.selector, abi.encode(k.v, k.s, mix));
        uint256 later = _unharmed(k, vc, ok);
        if (!ok) return;
        // E5: nothing can be refuted any more, and no nanocontract can move.
        assert(k.record != 0 && k.now_ > deadline(k.record));
        if (hasNanos(k.record)) assert(k.now_ > deadline(k.record) + k.v[12] && k.now_ > k.accrued >> 128);
        // E7
        int256 outA = int256(k.s[1]) + (hasNanos(k.record) ? int256(int128(uint128(k.accrued))) : int256(0));
        int256 total = int256(k.v[8] + k.v[9]);
        if (outA < 0) outA = 0;
        if (outA > total) outA = total;
        _concluded(k, later, uint256(outA));
        bytes32 structHash = _stateHash(k, vc);
        assert(uint160(k.record) == uint160(uint256(keccak256(abi.encode(structHash, mix)))));
    }

    function check_witness_concludeVirtual(Case memory k, bytes32 mix) external {
        _prepare(k);
        assert(!call(k.sender, ICore.concludeVirtual.selector, abi.encode(k.v, k.s, mix)));
    }

    // ------------------------------------------------------------------------------------------------ certificate

    /// @dev E8: the signatures of all participants, with one hub (`hub` holds the words of its Key).
    /// @custom:halmos --default-bytes-lengths 192
    function check_E2_E4_E5_E8_E12_finalise_1_hub(Case memory k, uint256[2] memory hub, uint256 outA, bytes memory all)
        external
    {
        bytes memory mids = abi.encode(hub);
        _finalise(k, mids, outA, all, 1);
    }

    /// @custom:halmos --default-bytes-lengths 256
    function check_E2_E4_E5_E8_E12_finalise_2_hubs(
        Case memory k,
        uint256[4] memory hubs,
        uint256 outA,
        bytes memory all
    ) external {
        _finalise(k, abi.encode(hubs), outA, all, 2);
    }

    /// @custom:halmos --default-bytes-lengths 192
    function check_witness_finalise(Case memory k, uint256[2] memory hub, uint256 outA, bytes memory all) external {
        _prepare(k);
        assert(!_callFinalise(k, abi.encode(hub), outA, all, 1));
    }

    function _finalise(Case memory k, bytes memory mids, uint256 outA, bytes memory all, uint256 hubs) private {
        bytes32 vc = _prepare(k);
        for (uint256 i = 0; i < hubs; ++i) {
            (uint256 of_,) = _words(mids, i);
            vm.assume(of_ != 2); // as the ends
        }
        bool ok = _callFinalise(k, mids, outA, all, hubs);
        uint256 later = _unharmed(k, vc, ok);
        if (!ok) return;
        if (k.record == 0) assert(k.now_ <= k.v[10]);
        else if (hasNanos(k.record)) assert(k.now_ <= deadline(k.record) + k.v[12] || k.now_ <= k.accrued >> 128);
        else assert(k.now_ <= deadline(k.record));
        assert(outA <= k.v[8] + k.v[9]);
        _concluded(k, later, outA);
        bytes32 hash = digest(keccak256(abi.encode(FINAL, vc, outA)));
        assert(keccak256(mids) == bytes32(k.v[4]));
        assert(k.v[0] == 1 && isSigned(bytes32(k.v[1]), hash, all, 0));
        for (uint256 i = 0; i < hubs; ++i) {
            (uint256 scheme, uint256 key) = _words(mids, i);
            assert(scheme == 1 && isSigned(bytes32(key), hash, all, 64 + 64 * i));
        }
        assert(k.v[2] == 1 && isSigned(bytes32(k.v[3]), hash, all, 64 + 64 * hubs));
    }

    function _callFinalise(Case memory k, bytes memory mids, uint256 outA, bytes memory all, uint256 hubs)
        private
        returns (bool)
    {
        // VParams, where mids begin, outA, where the signatures begin; then both.
        uint256 at_ = 20 * 32;
        bytes memory head = abi.encode(k.v, at_, outA, at_ + 32 + mids.length);
        bytes memory tail = bytes.concat(abi.encode(hubs), mids, abi.encode(all.length), all);
        return call(k.sender, ICore.finalise.selector, bytes.concat(head, tail));
    }

    function _words(bytes memory mids, uint256 i) private pure returns (uint256 scheme, uint256 key) {
        assembly {
            scheme := mload(add(mids, add(32, mul(i, 64))))
            key := mload(add(mids, add(64, mul(i, 64))))
        }
    }

    // ---------------------------------------------------------------------------------------------------- support

    function _prepare(Case memory k) private returns (bytes32 vc) {
        time(k.now_);
        vm.assume(k.v[0] != 2 && k.v[2] != 2); // forge: SchemesTest
        vc = keccak256(abi.encode(domain, bytes1("V"), keccak256(abi.encode(k.v))));
        vm.assume(k.other.key != vc);
        // A record is empty, concluded, or of life 0, in which case `registerVirtual` bounded the periods.
        vm.assume(life(k.record) == 0 || life(k.record) == CONCLUDED);
        vm.assume(k.v[11] <= 2 ** 25 && k.v[12] <= 2 ** 25 && k.v[8] < 2 ** 96 && k.v[9] < 2 ** 96);
        put(mapped(vc, RECORDS), k.record);
        put(mapped(vc, ACCRUED), k.accrued);
        putOther(k.other);
    }

    /// @dev No other channel was touched; a call that failed had no effect; nothing succeeds on a concluded record (E4, I3).
    function _unharmed(Case memory k, bytes32 vc, bool ok) private view returns (uint256 later) {
        checkOther(k.other);
        assert(read(mapped(vc, ACCRUED)) == k.accrued);
        later = read(mapped(vc, RECORDS));
        assert(ok || later == k.record);
        assert(!ok || life(k.record) != CONCLUDED);
    }

    function _replaced(Case memory k, uint256 later) private pure {
        assert(k.record != 0 && k.s[0] > ver(k.record) && ver(later) == k.s[0]);
        assert(k.now_ <= deadline(k.record));
        assert(deadline(later) == deadline(k.record) && life(later) == 0 && hasNanos(later) == (k.s[2] > 0));
    }

    function _concluded(Case memory k, uint256 later, uint256 outA) private pure {
        assert(outA <= k.v[8] + k.v[9]);
        assert(later == (k.record >> 175 << 175) | (CONCLUDED << 161) | outA);
    }

    /// @dev E2 and the predicate of a State of V.
    function _accepted(Case memory k, bytes32 vc, bytes memory signatures) private view {
        assert(k.s[0] > 0 && k.s[0] < 2 ** 48 && k.s[1] <= k.v[8] + k.v[9] && k.s[2] <= 64);
        bytes32 hash = digest(_stateHash(k, vc));
        assert(k.v[0] == 1 && isSigned(bytes32(k.v[1]), hash, signatures, 0));
        assert(k.v[2] == 1 && isSigned(bytes32(k.v[3]), hash, signatures, 64));
    }

    function _stateHash(Case memory k, bytes32 vc) private pure returns (bytes32) {
        uint256[4] memory s = k.s;
        uint256 total = k.v[8] + k.v[9];
        uint256 zero;
        return keccak256(abi.encode(STATE, vc, s[0], zero, zero, total, s[1], s[2], zero, entriesOf(0, s[3])));
    }

    function _activation(bytes32[] memory secrets) private pure returns (bytes32) {
        return keccak256(
            abi.encodePacked(
                keccak256(abi.encode(secrets[0])), keccak256(abi.encode(secrets[1])), keccak256(abi.encode(secrets[2]))
            )
        );
    }
}
