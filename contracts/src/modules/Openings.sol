// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Channel, Opening} from "../types/Structs.sol";
import {ChannelWord, ChannelWords, Phase} from "../types/ChannelWord.sol";
import {DisputeWords} from "../types/DisputeWord.sol";
import {Hashing} from "../libraries/Hashing.sol";
import {Ids} from "../libraries/Ids.sol";
import {Params} from "../libraries/Params.sol";
import {Rules} from "../libraries/Rules.sol";
import {Funding} from "./Funding.sol";

/// @dev How a life of a ledger channel begins: one deposit after the other, or both in one transaction.
abstract contract Openings is Funding {
    function open(Channel calldata params, uint40 nonce) external payable locked {
        if (msg.sender != params.ownerA) revert NotOwner();
        if (params.asset != address(0)) revert UnsupportedAsset();
        if (msg.value > type(uint96).max) revert WrongDeposit();
        (Slot storage slot, bytes32 id,) = _begin(params, nonce);
        slot.channel = ChannelWords.pack(Phase.FUNDING, nonce, 0, msg.value, 0);
        _emitOpened(params, id, SENDER, nonce, msg.value);
    }

    function confirm(Channel calldata params, uint40 nonce, uint96 depositA) external payable locked {
        if (msg.sender != params.ownerB) revert NotOwner();
        if (params.asset != address(0)) revert UnsupportedAsset();
        (Slot storage slot, bytes32 key) = _funding(params, nonce, depositA);
        if (msg.value > type(uint96).max - depositA) revert WrongDeposit();
        slot.channel = ChannelWords.pack(Phase.OPEN, nonce, 0, depositA, msg.value);
        _emitConfirmed(Ids.channel(_separator(), key, nonce), SENDER, msg.value);
    }

    function openWith(Channel calldata params, Opening calldata opening, bytes calldata fundingA)
        external
        payable
        locked
    {
        if (msg.sender != params.ownerA) revert NotOwner();
        (uint256 nonce, uint256 depositA, uint256 depositB, uint256 notAfter) = _read(opening);
        (Slot storage slot, bytes32 id, bytes32 domain) = _begin(params, nonce);
        slot.channel = ChannelWords.pack(Phase.FUNDING, nonce, 0, depositA, 0);
        _emitOpened(params, id, _way(fundingA), nonce, depositA);
        Agreement memory agreed = _agreement(params, domain, id, depositA, depositB, notAfter);
        if (msg.value != _fund(agreed, msg.sender, depositA, fundingA)) revert WrongDeposit();
    }

    function confirmWith(Channel calldata params, Opening calldata opening, bytes calldata fundingB)
        external
        payable
        locked
    {
        (uint256 nonce, uint256 depositA, uint256 depositB, uint256 notAfter) = _read(opening);
        (Slot storage slot, bytes32 key) = _funding(params, nonce, depositA);
        bytes32 domain = _separator();
        bytes32 id = Ids.channel(domain, key, nonce);
        slot.channel = ChannelWords.pack(Phase.OPEN, nonce, 0, depositA, depositB);
        _emitConfirmed(id, _way(fundingB), depositB);
        Agreement memory agreed = _agreement(params, domain, id, depositA, depositB, notAfter);
        if (msg.value != _fund(agreed, Params.ownerB(params), depositB, fundingB)) revert WrongDeposit();
    }

    function openBoth(
        Channel calldata params,
        Opening calldata opening,
        bytes calldata fundingA,
        bytes calldata fundingB
    ) external payable locked {
        (uint256 nonce, uint256 depositA, uint256 depositB, uint256 notAfter) = _read(opening);
        (Slot storage slot, bytes32 id, bytes32 domain) = _begin(params, nonce);
        slot.channel = ChannelWords.pack(Phase.OPEN, nonce, 0, depositA, depositB);
        _emitOpened(params, id, _way(fundingA), nonce, depositA);
        _emitConfirmed(id, _way(fundingB), depositB);
        Agreement memory agreed = _agreement(params, domain, id, depositA, depositB, notAfter);
        uint256 value = _fund(agreed, Params.ownerA(params), depositA, fundingA);
        unchecked {
            value += _fund(agreed, Params.ownerB(params), depositB, fundingB); // below 2^96
        }
        if (msg.value != value) revert WrongDeposit();
    }

    function refund(Channel calldata params) external nonReentrant {
        if (msg.sender != params.ownerA) revert NotOwner();
        bytes32 key = Ids.slotKey(params);
        Slot storage slot = _slots[key];
        ChannelWord word = _inPhase(slot, Phase.FUNDING);

        slot.channel = word.ended();
        emit Refunded(Ids.channel(_separator(), key, word.nonce()));
        _payOwners(params, word.depositA(), 0);
    }

    /// @dev A life of that number may begin here.
    function _begin(Channel calldata c, uint256 nonce)
        private
        view
        returns (Slot storage slot, bytes32 id, bytes32 domain)
    {
        Rules.checkChannel(c);
        bytes32 key = Ids.slotKey(c);
        slot = _slots[key];
        ChannelWord word = slot.channel;
        if (word.phase() != Phase.VIRGIN && word.phase() != Phase.CLOSED) revert WrongPhase();
        if (nonce != word.nonce()) revert WrongNonce();
        if (nonce >= DisputeWords.CONCLUDED) revert SlotExhausted();
        domain = _separator();
        id = Ids.channel(domain, key, nonce);
    }

    /// @dev The life of that number waits for B, and A has deposited so much.
    function _funding(Channel calldata c, uint256 nonce, uint256 depositA)
        private
        view
        returns (Slot storage slot, bytes32 key)
    {
        key = Ids.slotKey(c);
        slot = _slots[key];
        ChannelWord word = _inPhase(slot, Phase.FUNDING);
        if (nonce != word.nonce()) revert WrongNonce();
        if (depositA != word.depositA()) revert WrongDeposit();
    }

    /// @dev Bounds every word of what both agree on but the nonce, which must be the slot's.
    function _read(Opening calldata o)
        private
        view
        returns (uint256 nonce, uint256 depositA, uint256 depositB, uint256 notAfter)
    {
        (nonce, depositA, depositB, notAfter) =
        (Params.word(o, 0), Params.word(o, 1), Params.word(o, 2), Params.word(o, 3));
        if (block.timestamp > notAfter || notAfter > type(uint40).max) revert Expired();
        unchecked {
            if (depositA > type(uint96).max || depositB > type(uint96).max - depositA) revert WrongDeposit();
        }
    }

    function _agreement(
        Channel calldata c,
        bytes32 domain,
        bytes32 id,
        uint256 depositA,
        uint256 depositB,
        uint256 notAfter
    ) private pure returns (Agreement memory) {
        bytes32 structHash = Hashing.openAuth(id, depositA, depositB, notAfter);
        return Agreement(Params.asset(c), notAfter, structHash, _digest(domain, structHash));
    }

    /// @dev The small fields of `Opened`, in one word. All of them are bounded (_begin).
    function _emitOpened(Channel calldata c, bytes32 id, uint256 way, uint256 nonce, uint256 depositA) private {
        uint256 terms = (way << 248) | (Params.word(c, 2) << 240) | (Params.word(c, 4) << 232)
            | (Params.word(c, 7) << 200) | (Params.word(c, 8) << 168) | (Params.word(c, 9) << 152)
            | (Params.word(c, 10) << 136) | (nonce << 96) | depositA;
        emit Opened(id, Params.ownerA(c), Params.ownerB(c), c.keyA, c.keyB, Params.asset(c), terms);
    }

    function _emitConfirmed(bytes32 id, uint256 way, uint256 depositB) private {
        emit Confirmed(id, (way << 96) | depositB);
    }
}
