// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IShared} from "../interfaces/IShared.sol";
import {ChannelWord} from "../types/ChannelWord.sol";
import {DisputeWord} from "../types/DisputeWord.sol";
import {EscrowWord} from "../types/EscrowWord.sol";
import {AccruedWord} from "../types/NanoWord.sol";

/// @dev All that is stored, in one place: the Adjudicator and its extension, whose code runs on the Adjudicator's storage, see
///      the same words at the same places. Nanocontracts alone lie elsewhere, at a key of their own (NanoDisputes).
abstract contract Store is IShared {
    /// @dev S0 and S1 (protocol 2.3).
    struct Slot {
        ChannelWord channel;
        DisputeWord dispute;
    }

    struct Escrow {
        bytes32 lockRoot;
        EscrowWord word;
    }

    mapping(address asset => mapping(address owner => uint256)) internal _vaults;

    /// @dev What registered nanocontracts amount to, by the id of the channel.
    mapping(bytes32 ch => AccruedWord) internal _accrued;

    /// @dev By slot key.
    mapping(bytes32 slotKey => Slot) internal _slots;

    /// @dev By the id of the life that left it, so that the slot is free for the next one.
    mapping(bytes32 id => Escrow) internal _escrows;

    mapping(bytes32 vc => DisputeWord) internal _records;

    /// @dev When a secret became public, by its hash.
    mapping(bytes32 hash => uint256) internal _firstSeen;

    /// @dev The re-entrancy lock: one for both halves.
    uint256 internal transient _entered;

    function _inPhase(Slot storage slot, uint256 phase) internal view returns (ChannelWord word) {
        word = slot.channel;
        if (word.phase() != phase) revert WrongPhase();
    }
}
