// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {AdjustTerms, Channel} from "../types/Structs.sol";
import {ChannelWord, Phase} from "../types/ChannelWord.sol";
import {Hashing} from "../libraries/Hashing.sol";
import {Ids} from "../libraries/Ids.sol";
import {Params} from "../libraries/Params.sol";
import {Funding} from "./Funding.sol";
import {LedgerChannels} from "./LedgerChannels.sol";

/// @dev Deposits of a channel that stays open: more by whoever pays, less by what both parties signed (protocol 0.3).
abstract contract Deposits is Funding, LedgerChannels {
    uint8 private constant B = 1;

    function deposit(
        Channel calldata params,
        uint40 nonce,
        uint8 side,
        uint96 amount,
        uint40 notAfter,
        bytes calldata funding
    ) external payable locked {
        if (block.timestamp > notAfter) revert Expired();
        (Slot storage slot, ChannelWord word, bytes32 domain, bytes32 id) = _undisputed(params, side);
        if (nonce != word.nonce()) revert WrongNonce();
        unchecked {
            if (word.depositA() + word.depositB() + amount > type(uint96).max) revert WrongDeposit();
        }

        slot.channel = word.deposited(side == B, amount);
        uint256 way = _way(funding);
        emit Deposited(id, msg.sender, (way << 104) | (uint256(side) << 96) | amount);
        Agreement memory agreed = Agreement(Params.asset(params), notAfter, 0, 0);
        // The sender pays, and so agrees. What it may have signed for a token or Permit2 is over this.
        if (way != SENDER) {
            agreed.structHash = Hashing.openAuth(id, side == B ? 0 : amount, side == B ? amount : 0, notAfter);
            agreed.digest = _digest(domain, agreed.structHash);
        }
        if (msg.value != _fund(agreed, msg.sender, amount, funding)) revert WrongDeposit();
    }

    /// @dev Every word of the terms is bounded: by the slot, or here.
    function adjust(Channel calldata params, AdjustTerms calldata terms, bytes calldata signatures)
        external
        nonReentrant
    {
        (uint256 seq, uint256 side, uint256 amount) =
            (Params.word(terms, 0), Params.word(terms, 1), Params.word(terms, 2));
        uint256 notAfter = Params.word(terms, 5);
        if (block.timestamp > notAfter || notAfter > type(uint40).max) revert Expired();
        if (Params.word(terms, 4) > type(uint48).max) revert InvalidState();
        (Slot storage slot, ChannelWord word, bytes32 domain, bytes32 id) = _undisputed(params, side);
        if (seq != word.seq()) revert WrongNonce();
        if (seq == type(uint16).max) revert SlotExhausted();
        if (amount > (side == B ? word.depositB() : word.depositA())) revert WrongDeposit();
        address owner = side == B ? Params.ownerB(params) : Params.ownerA(params);
        address receiver = Params.receiver(Params.word(terms, 3), owner);
        _checkBoth(params, _digest(domain, Hashing.adjust(id, terms, receiver)), signatures);

        slot.channel = word.adjusted(side == B, amount);
        emit Adjusted(id, (seq << 104) | (side << 96) | amount);
        _pay(Params.asset(params), owner, receiver, amount);
    }

    /// @dev The channel is open, and no dispute of this life runs.
    function _undisputed(Channel calldata c, uint256 side)
        private
        view
        returns (Slot storage slot, ChannelWord word, bytes32 domain, bytes32 id)
    {
        if (side > B) revert InvalidSide();
        bytes32 key = Ids.slotKey(c);
        slot = _slots[key];
        word = _inPhase(slot, Phase.OPEN);
        if (slot.dispute.isRunning(word.nonce())) revert InDispute();
        domain = _separator();
        id = Ids.channel(domain, key, word.nonce());
    }
}
