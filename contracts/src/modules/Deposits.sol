// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {AdjustTerms, Channel} from "../types/Structs.sol";
import {ChannelWord, Phase} from "../types/ChannelWord.sol";
import {Hashing} from "../libraries/Hashing.sol";
import {Ids} from "../libraries/Ids.sol";
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
    ) external payable nonReentrant {
        if (block.timestamp > notAfter) revert Expired();
        (Slot storage slot, ChannelWord word, bytes32 domain, bytes32 id) = _undisputed(params, side);
        if (nonce != word.nonce()) revert WrongNonce();
        if (word.depositA() + word.depositB() + amount > type(uint96).max) revert WrongDeposit();

        slot.channel = word.deposited(side == B, amount);
        emit Deposited(id, side, amount);
        // The sender pays, and so agrees; where a token or Permit2 is shown a signature, it is over this.
        bytes32 structHash = Hashing.openAuth(id, side == B ? 0 : amount, side == B ? amount : 0, notAfter);
        Agreement memory agreed = Agreement(params.asset, notAfter, structHash, _digest(domain, structHash));
        if (msg.value != _fund(agreed, msg.sender, amount, funding)) revert WrongDeposit();
    }

    function adjust(Channel calldata params, AdjustTerms calldata terms, bytes calldata signatures)
        external
        nonReentrant
    {
        if (block.timestamp > terms.notAfter) revert Expired();
        bool ofB = terms.side == B;
        (Slot storage slot, ChannelWord word, bytes32 domain, bytes32 id) = _undisputed(params, terms.side);
        if (terms.seq != word.seq()) revert WrongNonce();
        if (terms.seq == type(uint16).max) revert SlotExhausted();
        if (terms.amount > (ofB ? word.depositB() : word.depositA())) revert WrongDeposit();
        address owner = ofB ? params.ownerB : params.ownerA;
        address receiver = terms.receiver == address(0) ? owner : terms.receiver;
        _checkBoth(params, _digest(domain, Hashing.adjust(id, terms, receiver)), signatures);

        slot.channel = word.adjusted(ofB, terms.amount);
        emit Adjusted(id, terms.seq, terms.side, terms.amount);
        _pay(params.asset, owner, receiver, terms.amount);
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
