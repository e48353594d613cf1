// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IExtension} from "../interfaces/IExtension.sol";
import {Channel, VirtualChannel} from "../types/Structs.sol";
import {ChannelWord} from "../types/ChannelWord.sol";
import {DisputeWord} from "../types/DisputeWord.sol";
import {EscrowWord} from "../types/EscrowWord.sol";
import {AccruedWord, NanoWord} from "../types/NanoWord.sol";
import {Ids} from "../libraries/Ids.sol";
import {NanoDisputes} from "./NanoDisputes.sol";

/// @dev What anybody may read.
abstract contract Views is IExtension, NanoDisputes {
    function channel(Channel calldata params) external view returns (ChannelInfo memory info) {
        bytes32 key = Ids.slotKey(params);
        ChannelWord word = _slots[key].channel;
        info.id = Ids.channel(_separator(), key, word.nonce());
        info.phase = uint8(word.phase());
        info.nonce = uint40(word.nonce());
        info.seq = uint16(word.seq());
        info.depositA = uint96(word.depositA());
        info.depositB = uint96(word.depositB());
        DisputeWord dispute = _slots[key].dispute;
        if (!dispute.isRunning(word.nonce())) return info;
        info.disputed = true;
        info.ver = uint48(dispute.ver());
        info.deadline = uint40(dispute.deadline());
        info.finalAt = uint40(_finalAt(dispute, params.window, info.id));
        info.nanos = dispute.nanos();
        info.stored = dispute.stored();
    }

    function slots(bytes32 slotKey_) external view returns (uint256 s0, uint256 s1) {
        s0 = ChannelWord.unwrap(_slots[slotKey_].channel);
        s1 = DisputeWord.unwrap(_slots[slotKey_].dispute);
    }

    function record(bytes32 vc) external view returns (RecordInfo memory info) {
        DisputeWord word = _records[vc];
        if (word.isEmpty()) return info;
        info.ver = uint48(word.ver());
        info.deadline = uint40(word.deadline());
        if (word.isConcluded()) {
            info.status = RecordStatus.Concluded;
            info.outA = uint96(word.outA());
        } else {
            info.status = RecordStatus.Disputed;
            info.nanos = word.nanos();
            info.stored = word.stored();
            info.nanosEnd = uint40(_accrued[vc].end());
        }
    }

    function nano(bytes32 ch, bytes32 entry) external view returns (NanoInfo memory info) {
        Nano storage nano_ = _nanoAt(_separator(), ch, entry);
        NanoWord word = nano_.word;
        info.ver = uint48(word.ver());
        info.nRef = uint40(word.nRef());
        info.last = uint40(word.last());
        info.stepsLeft = uint16(word.stepsLeft());
        info.mover = uint8(word.mover());
        info.forced = word.forced();
        info.dA = uint96(word.dA());
        info.storageHash = nano_.storageHash;
    }

    function accrued(bytes32 ch) external view returns (uint40, int128) {
        AccruedWord word = _accrued[ch];
        return (uint40(word.end()), int128(word.sum()));
    }

    function escrow(bytes32 id) external view returns (EscrowInfo memory) {
        EscrowWord word = _escrows[id].word;
        return EscrowInfo(_escrows[id].lockRoot, uint96(word.left()), uint128(word.settled()), uint8(word.locks()));
    }

    function vault(address asset, address owner) external view returns (uint256) {
        return _vaults[asset][owner];
    }

    function domainSeparator() external view returns (bytes32) {
        return _separator();
    }

    function slotKey(Channel calldata params) external pure returns (bytes32) {
        return Ids.slotKey(params);
    }

    function channelId(Channel calldata params, uint40 nonce) external view returns (bytes32) {
        return Ids.channel(_separator(), Ids.slotKey(params), nonce);
    }

    function virtualId(VirtualChannel calldata params) external view returns (bytes32) {
        return Ids.virtualChannel(_separator(), params);
    }
}
