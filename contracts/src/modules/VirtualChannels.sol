// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ICore} from "../interfaces/ICore.sol";
import {Key, Opener, VirtualChannel, VirtualState} from "../types/Structs.sol";
import {DisputeWord, DisputeWords} from "../types/DisputeWord.sol";
import {EntryTree} from "../libraries/EntryTree.sol";
import {Hashing} from "../libraries/Hashing.sol";
import {Ids} from "../libraries/Ids.sol";
import {Rules} from "../libraries/Rules.sol";
import {Signatures} from "../libraries/Signatures.sol";
import {Split} from "../libraries/Split.sol";
import {Disputes} from "./Disputes.sol";

/// @dev The one record of each virtual channel: register, refute, conclude; or finalise. Once written it is never cleared,
///      and once concluded it never changes.
abstract contract VirtualChannels is ICore, Disputes {
    /// @dev A virtual channel has one life.
    uint256 private constant LIFE = 0;

    function registerVirtual(
        VirtualChannel calldata params,
        VirtualState calldata state,
        bytes calldata signatures,
        bytes32[] calldata secrets
    ) external locked {
        bytes32 domain = _separator();
        bytes32 vc = Ids.virtualChannel(domain, params);
        DisputeWord dispute = _records[vc];
        if (dispute.isEmpty()) {
            _checkActivation(params, secrets);
            if (!_isSender(params.a) && !_isSender(params.b)) revert NotOwner();
        }
        _recordVirtual(params, state, signatures, domain, vc, dispute);
    }

    function registerVirtualFor(
        VirtualChannel calldata params,
        VirtualState calldata state,
        bytes calldata signatures,
        bytes32[] calldata secrets,
        Opener calldata opener
    ) external locked {
        bytes32 domain = _separator();
        bytes32 vc = Ids.virtualChannel(domain, params);
        DisputeWord dispute = _records[vc];
        if (dispute.isEmpty()) {
            _checkActivation(params, secrets);
            Key calldata key = _openerKey(params, secrets.length - 1, opener);
            if (opener.auth.signature.length == 0) {
                if (!_isSender(key)) revert NotOwner();
            } else {
                _checkWatchAuth(domain, vc, key.scheme, key.key, opener.auth);
            }
        }
        _recordVirtual(params, state, signatures, domain, vc, dispute);
    }

    function refuteVirtual(VirtualChannel calldata params, VirtualState calldata state, bytes calldata signatures)
        external
        locked
    {
        bytes32 domain = _separator();
        bytes32 vc = Ids.virtualChannel(domain, params);
        DisputeWord dispute = _records[vc];
        if (dispute.isEmpty()) revert NoDispute();
        _recordVirtual(params, state, signatures, domain, vc, dispute);
    }

    function concludeVirtual(VirtualChannel calldata params, VirtualState calldata state, bytes32 mix) external locked {
        bytes32 vc = Ids.virtualChannel(_separator(), params);
        DisputeWord dispute = _records[vc];
        if (dispute.isEmpty()) revert NoDispute();
        if (dispute.isConcluded()) revert AlreadyConcluded();
        if (block.timestamp <= _finalAt(dispute, params.window, vc)) revert NotFinal();
        uint256 total = Rules.virtualTotal(params);
        bytes32 structHash = Hashing.virtualState(vc, state, total, EntryTree.entries(0, state.nanoRoot));
        _checkStored(dispute, structHash, mix);

        uint96 outA = uint96(Split.share(state.defA, _movedToA(dispute, vc), total));
        _records[vc] = dispute.concluded(outA);
        emit VirtualConcluded(vc, outA);
    }

    function finalise(VirtualChannel calldata params, Key[] calldata mids, uint96 outA, bytes calldata signatures)
        external
        locked
    {
        bytes32 domain = _separator();
        bytes32 vc = Ids.virtualChannel(domain, params);
        DisputeWord dispute = _records[vc];
        if (dispute.isEmpty()) {
            if (block.timestamp > params.tExp) revert Expired();
            emit Disclosed(vc, params);
        } else {
            if (dispute.isConcluded()) revert AlreadyConcluded();
            if (block.timestamp > _finalAt(dispute, params.window, vc)) revert Expired();
        }
        if (outA > uint256(params.initA) + params.initB) revert InvalidState();
        _checkCertificate(params, mids, _digest(domain, Hashing.finalOutcome(vc, outA)), signatures);

        _records[vc] = dispute.concluded(outA);
        emit Finalised(vc, outA);
    }

    function _isSender(Key calldata key) private view returns (bool) {
        return key.scheme == Signatures.SECP256K1 && key.key == Signatures.asKey(msg.sender);
    }

    /// @dev A dispute begins until tExp, and only if every participant has revealed its secret (protocol 2.3, I4).
    function _checkActivation(VirtualChannel calldata v, bytes32[] calldata secrets) private view {
        if (block.timestamp > v.tExp) revert Expired();
        Rules.checkVirtualChannel(v, secrets.length);
        if (Ids.activation(secrets) != v.act) revert InvalidActivation();
    }

    /// @param links the length of the path, which the activation has proven
    function _openerKey(VirtualChannel calldata v, uint256 links, Opener calldata opener)
        private
        view
        returns (Key calldata)
    {
        uint256 position = opener.position;
        if (position == 0) return v.a;
        if (position == links) return v.b;
        if (opener.mids.length != links - 1 || position > links || Ids.keys(opener.mids) != v.mids) {
            revert InvalidAuthorisation();
        }
        if (block.timestamp + v.window < v.tExp) revert NotExpired();
        return opener.mids[position - 1];
    }

    /// @dev Begins the dispute, or replaces the State of the one that runs.
    function _recordVirtual(
        VirtualChannel calldata v,
        VirtualState calldata s,
        bytes calldata signatures,
        bytes32 domain,
        bytes32 vc,
        DisputeWord dispute
    ) private {
        if (dispute.isConcluded()) revert AlreadyConcluded();
        uint256 total = Rules.virtualTotal(v);
        Rules.checkVirtualState(s, total);
        bytes32 structHash = Hashing.virtualState(vc, s, total, EntryTree.entries(0, s.nanoRoot));
        bytes32 digest = _digest(domain, structHash);
        uint256 end = Signatures.check(v.a.scheme, v.a.key, digest, signatures, 0);
        Signatures.checkEnd(signatures, Signatures.check(v.b.scheme, v.b.key, digest, signatures, end));

        bytes32 mix = _mix();
        bool first = dispute.isEmpty();
        uint256 deadline = first ? block.timestamp + v.challenge : _refutable(dispute, s.ver);
        _records[vc] = DisputeWords.pack(s.ver, deadline, LIFE, s.nanos > 0, Hashing.stored(structHash, mix));
        if (first) {
            emit Disclosed(vc, v);
            emit VirtualRegistered(vc, s, mix, uint40(deadline));
        } else {
            emit VirtualRefuted(vc, s, mix);
        }
    }

    /// @dev The certificate: signatures of all participants in path order.
    function _checkCertificate(
        VirtualChannel calldata v,
        Key[] calldata mids,
        bytes32 digest,
        bytes calldata signatures
    ) private view {
        uint256 hubs = mids.length;
        if (hubs == 0 || hubs >= Rules.LINKS_MAX || Ids.keys(mids) != v.mids) {
            revert InvalidAuthorisation();
        }
        uint256 end = Signatures.check(v.a.scheme, v.a.key, digest, signatures, 0);
        for (uint256 i = 0; i < hubs; ++i) {
            end = Signatures.check(mids[i].scheme, mids[i].key, digest, signatures, end);
        }
        Signatures.checkEnd(signatures, Signatures.check(v.b.scheme, v.b.key, digest, signatures, end));
    }
}
