// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Channel, LockTerms, VirtualChannel} from "../types/Structs.sol";
import {DisputeWord} from "../types/DisputeWord.sol";
import {EscrowWord, EscrowWords} from "../types/EscrowWord.sol";
import {EntryTree} from "../libraries/EntryTree.sol";
import {Hashing} from "../libraries/Hashing.sol";
import {Ids} from "../libraries/Ids.sol";
import {Split} from "../libraries/Split.sol";
import {LedgerChannels} from "./LedgerChannels.sol";
import {VirtualChannels} from "./VirtualChannels.sol";

/// @dev Locks of ended lives, paid out of their escrow by what their virtual channels ended with.
abstract contract Settlement is LedgerChannels, VirtualChannels {
    function settle(
        Channel calldata params,
        uint40 nonce,
        bytes32 vc,
        LockTerms calldata lock,
        uint256 index,
        bytes32[] calldata proof
    ) external nonReentrant {
        DisputeWord record_ = _records[vc];
        if (!record_.isConcluded()) revert NotFinal();
        _settle(params, nonce, vc, lock, index, proof, record_.outA());
    }

    function settleExpired(
        Channel calldata params,
        uint40 nonce,
        VirtualChannel calldata virtualParams,
        LockTerms calldata lock,
        uint256 index,
        bytes32[] calldata proof
    ) external nonReentrant {
        bytes32 vc = Ids.virtualChannel(_separator(), virtualParams);
        if (!_records[vc].isEmpty()) revert NotFinal();
        if (block.timestamp <= virtualParams.tExp) revert NotExpired();
        _settle(params, nonce, vc, lock, index, proof, lock.left);
    }

    /// @param leftDue what the left side is to get, before it is clamped to the lock and to the escrow
    function _settle(
        Channel calldata params,
        uint256 nonce,
        bytes32 vc,
        LockTerms calldata lock,
        uint256 index,
        bytes32[] calldata proof,
        uint256 leftDue
    ) private {
        bytes32 id = Ids.channel(_separator(), Ids.slotKey(params), nonce);
        Escrow storage escrow_ = _escrows[id];
        EscrowWord word = escrow_.word;
        if (index >= word.locks()) revert NoSuchLock();
        uint256 settled = word.settled();
        if ((settled >> index) & 1 == 1) revert AlreadySettled();
        bytes32 leaf = EntryTree.leaf(Hashing.lock(vc, lock));
        if (index >> proof.length != 0 || EntryTree.root(leaf, index, proof) != escrow_.lockRoot) {
            revert InvalidProof();
        }

        (uint256 toLeft, uint256 toRight) = Split.lock(lock, leftDue, word.left());
        uint256 left = word.left() - toLeft - toRight;
        settled |= 1 << index;
        (uint256 payA, uint256 payB) = lock.leftIsA ? (toLeft, toRight) : (toRight, toLeft);
        if (settled == (1 << word.locks()) - 1) (payA, left) = (payA + left, 0);
        escrow_.word = EscrowWords.pack(left, settled, word.locks());
        emit Settled(id, vc, uint8(index), uint96(payA), uint96(payB));
        _payOwners(params, payA, payB);
    }
}
