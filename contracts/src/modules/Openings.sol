// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Channel, Opening} from "../types/Structs.sol";
import {ChannelWord, ChannelWords, Phase} from "../types/ChannelWord.sol";
import {DisputeWords} from "../types/DisputeWord.sol";
import {Hashing} from "../libraries/Hashing.sol";
import {Ids} from "../libraries/Ids.sol";
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
        _emitOpened(params, id, nonce, msg.value);
    }

    function confirm(Channel calldata params, uint40 nonce, uint96 depositA) external payable locked {
        if (msg.sender != params.ownerB) revert NotOwner();
        if (params.asset != address(0)) revert UnsupportedAsset();
        (Slot storage slot, bytes32 key) = _funding(params, nonce, depositA);
        if (msg.value > type(uint96).max - depositA) revert WrongDeposit();
        slot.channel = ChannelWords.pack(Phase.OPEN, nonce, 0, depositA, msg.value);
        emit Confirmed(Ids.channel(_separator(), key, nonce), uint96(msg.value));
    }

    function openWith(Channel calldata params, Opening calldata opening, bytes calldata fundingA)
        external
        payable
        nonReentrant
    {
        if (msg.sender != params.ownerA) revert NotOwner();
        _checkOpening(opening);
        (Slot storage slot, bytes32 id, bytes32 domain) = _begin(params, opening.nonce);
        slot.channel = ChannelWords.pack(Phase.FUNDING, opening.nonce, 0, opening.depositA, 0);
        _emitOpened(params, id, opening.nonce, opening.depositA);
        Agreement memory agreed = _agreement(params.asset, domain, id, opening);
        if (msg.value != _fund(agreed, params.ownerA, opening.depositA, fundingA)) revert WrongDeposit();
    }

    function confirmWith(Channel calldata params, Opening calldata opening, bytes calldata fundingB)
        external
        payable
        nonReentrant
    {
        _checkOpening(opening);
        (Slot storage slot, bytes32 key) = _funding(params, opening.nonce, opening.depositA);
        bytes32 domain = _separator();
        bytes32 id = Ids.channel(domain, key, opening.nonce);
        slot.channel = ChannelWords.pack(Phase.OPEN, opening.nonce, 0, opening.depositA, opening.depositB);
        emit Confirmed(id, opening.depositB);
        Agreement memory agreed = _agreement(params.asset, domain, id, opening);
        if (msg.value != _fund(agreed, params.ownerB, opening.depositB, fundingB)) revert WrongDeposit();
    }

    function openBoth(
        Channel calldata params,
        Opening calldata opening,
        bytes calldata fundingA,
        bytes calldata fundingB
    ) external payable nonReentrant {
        _checkOpening(opening);
        (Slot storage slot, bytes32 id, bytes32 domain) = _begin(params, opening.nonce);
        slot.channel = ChannelWords.pack(Phase.OPEN, opening.nonce, 0, opening.depositA, opening.depositB);
        _emitOpened(params, id, opening.nonce, opening.depositA);
        emit Confirmed(id, opening.depositB);
        Agreement memory agreed = _agreement(params.asset, domain, id, opening);
        uint256 value = _fund(agreed, params.ownerA, opening.depositA, fundingA);
        value += _fund(agreed, params.ownerB, opening.depositB, fundingB);
        if (msg.value != value) revert WrongDeposit();
    }

    function refund(Channel calldata params) external nonReentrant {
        if (msg.sender != params.ownerA) revert NotOwner();
        bytes32 key = Ids.slotKey(params);
        Slot storage slot = _slots[key];
        ChannelWord word = _inPhase(slot, Phase.FUNDING);

        slot.channel = word.ended();
        emit Refunded(Ids.channel(_separator(), key, word.nonce()));
        _pay(params.asset, params.ownerA, params.ownerA, word.depositA());
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

    function _checkOpening(Opening calldata opening) private view {
        if (block.timestamp > opening.notAfter) revert Expired();
        if (uint256(opening.depositA) + opening.depositB > type(uint96).max) revert WrongDeposit();
    }

    function _agreement(address asset, bytes32 domain, bytes32 id, Opening calldata o)
        private
        pure
        returns (Agreement memory)
    {
        bytes32 structHash = Hashing.openAuth(id, o.depositA, o.depositB, o.notAfter);
        return Agreement(asset, o.notAfter, structHash, _digest(domain, structHash));
    }

    /// @dev The last field holds the small ones, in one word.
    function _emitOpened(Channel calldata c, bytes32 id, uint256 nonce, uint256 depositA) private {
        uint256 terms = (uint256(c.schemeA) << 240) | (uint256(c.schemeB) << 232) | (uint256(c.challenge) << 200)
            | (uint256(c.window) << 168) | (uint256(c.kMax) << 152) | (uint256(c.lane) << 136) | (nonce << 96)
            | depositA;
        emit Opened(id, c.ownerA, c.ownerB, c.keyA, c.keyB, c.asset, terms);
    }
}
