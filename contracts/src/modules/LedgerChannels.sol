// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Channel, CloseTerms, State, WatchAuth} from "../types/Structs.sol";
import {ChannelWord, Phase} from "../types/ChannelWord.sol";
import {DisputeWord, DisputeWords} from "../types/DisputeWord.sol";
import {EscrowWords} from "../types/EscrowWord.sol";
import {EntryTree} from "../libraries/EntryTree.sol";
import {Hashing} from "../libraries/Hashing.sol";
import {Ids} from "../libraries/Ids.sol";
import {Params} from "../libraries/Params.sol";
import {Rules} from "../libraries/Rules.sol";
import {Signatures} from "../libraries/Signatures.sol";
import {Split} from "../libraries/Split.sol";
import {Payouts} from "./Payouts.sol";
import {Disputes} from "./Disputes.sol";

/// @dev How a life of a ledger channel ends: close, or register, refute, conclude.
abstract contract LedgerChannels is Payouts, Disputes {
    function close(Channel calldata params, CloseTerms calldata terms, bytes calldata signatures)
        external
        nonReentrant
    {
        bytes32 key = Ids.slotKey(params);
        Slot storage slot = _slots[key];
        ChannelWord word = _inPhase(slot, Phase.OPEN);
        (uint256 locks, uint256 total, uint256 payA, uint256 payB) = Rules.checkClose(terms, word);
        bytes32 domain = _separator();
        bytes32 id = Ids.channel(domain, key, word.nonce());
        address receiverA = Params.receiver(Params.word(terms, 6), Params.ownerA(params));
        address receiverB = Params.receiver(Params.word(terms, 7), Params.ownerB(params));
        bytes32 structHash = Hashing.close(id, terms, total, EntryTree.entries(terms.lockRoot, 0), receiverA, receiverB);
        _checkBoth(params, _digest(domain, structHash), signatures);

        slot.channel = word.ended();
        emit Closed(id, uint96(payA));
        if (locks > 0) _escrow(id, terms.lockRoot, locks, terms.escrowed);
        _pay(Params.asset(params), Params.ownerA(params), receiverA, payA);
        _pay(Params.asset(params), Params.ownerB(params), receiverB, payB);
    }

    function register(Channel calldata params, State calldata state, bytes calldata signatures) external locked {
        if (msg.sender != params.ownerA && msg.sender != params.ownerB) revert NotOwner();
        bytes32 key = Ids.slotKey(params);
        Slot storage slot = _slots[key];
        ChannelWord word = _inPhase(slot, Phase.OPEN);
        DisputeWord dispute = slot.dispute;
        bytes32 domain = _separator();
        bytes32 id = Ids.channel(domain, key, word.nonce());
        bytes32 structHash =
            state.ver == 0 ? _versionZero(id, state) : _checkState(params, word, domain, id, state, signatures);
        _record(slot, id, structHash, params.challenge, word, dispute, state);
    }

    function registerFor(
        Channel calldata params,
        State calldata state,
        bytes calldata signatures,
        bool byB,
        WatchAuth calldata auth
    ) external locked {
        bytes32 key = Ids.slotKey(params);
        Slot storage slot = _slots[key];
        ChannelWord word = _inPhase(slot, Phase.OPEN);
        DisputeWord dispute = slot.dispute;
        bytes32 domain = _separator();
        bytes32 id = Ids.channel(domain, key, word.nonce());
        if (!dispute.isRunning(word.nonce())) {
            if (byB) _checkWatchAuth(domain, id, params.schemeB, params.keyB, auth);
            else _checkWatchAuth(domain, id, params.schemeA, params.keyA, auth);
        }
        bytes32 structHash = _checkState(params, word, domain, id, state, signatures);
        _record(slot, id, structHash, params.challenge, word, dispute, state);
    }

    function refute(Channel calldata params, State calldata state, bytes calldata signatures) external locked {
        bytes32 key = Ids.slotKey(params);
        Slot storage slot = _slots[key];
        ChannelWord word = _inPhase(slot, Phase.OPEN);
        DisputeWord dispute = slot.dispute;
        if (!dispute.isRunning(word.nonce())) revert NoDispute();
        bytes32 domain = _separator();
        bytes32 id = Ids.channel(domain, key, word.nonce());
        bytes32 structHash = _checkState(params, word, domain, id, state, signatures);
        _record(slot, id, structHash, params.challenge, word, dispute, state);
    }

    function conclude(Channel calldata params, State calldata state, bytes32 mix) external nonReentrant {
        bytes32 key = Ids.slotKey(params);
        Slot storage slot = _slots[key];
        ChannelWord word = _inPhase(slot, Phase.OPEN);
        DisputeWord dispute = slot.dispute;
        if (!dispute.isRunning(word.nonce())) revert NoDispute();
        bytes32 id = Ids.channel(_separator(), key, word.nonce());
        if (block.timestamp <= _finalAt(dispute, params.window, id)) revert NotFinal();
        bytes32 structHash = Hashing.state(id, state, EntryTree.entries(state.lockRoot, state.nanoRoot));
        _checkStored(dispute, structHash, mix);
        // It passed when it was registered; a colliding pre-image must not reach beyond the pair's own deposits.
        Rules.checkState(state, word);

        uint256 outA = Split.share(state.defA, _movedToA(dispute, id), state.total);
        (uint256 payA, uint256 payB) = Split.cash(word, state.depA, state.depB, state.total, outA);
        slot.channel = word.ended();
        emit Concluded(id, uint96(payA), uint96(payB));
        if (state.locks > 0) {
            _escrow(id, state.lockRoot, state.locks, uint256(state.depA) + state.depB - state.total);
        }
        _payOwners(params, payA, payB);
    }

    /// @dev Signatures of both keys; the owner who sends has signed by sending.
    function _checkBoth(Channel calldata c, bytes32 digest, bytes calldata signatures) internal view {
        (uint256 end, uint256 sender) = (0, uint160(msg.sender));
        if (sender != Params.word(c, 0)) end = Signatures.check(Params.word(c, 2), c.keyA, digest, signatures, end);
        if (sender != Params.word(c, 1)) end = Signatures.check(Params.word(c, 4), c.keyB, digest, signatures, end);
        Signatures.checkEnd(signatures, end);
    }

    function _checkState(
        Channel calldata c,
        ChannelWord word,
        bytes32 domain,
        bytes32 id,
        State calldata s,
        bytes calldata signatures
    ) private view returns (bytes32 structHash) {
        if (s.ver == 0) revert InvalidState();
        Rules.checkState(s, word);
        structHash = Hashing.state(id, s, EntryTree.entries(s.lockRoot, s.nanoRoot));
        _checkBoth(c, _digest(domain, structHash), signatures);
    }

    /// @dev The constant version 0: each side gets what it deposited.
    function _versionZero(bytes32 id, State calldata s) private pure returns (bytes32) {
        if (!Rules.isVersionZero(s)) revert InvalidState();
        return Hashing.state(id, s, EntryTree.EMPTY);
    }

    /// @dev Begins a dispute of the current life, or replaces the State of the one that runs.
    function _record(
        Slot storage slot,
        bytes32 id,
        bytes32 structHash,
        uint256 challenge,
        ChannelWord word,
        DisputeWord dispute,
        State calldata s
    ) private {
        uint256 life = word.nonce();
        bool running = dispute.isRunning(life);
        bytes32 mix = _mix();
        uint256 deadline = running ? _refutable(dispute, s.ver) : block.timestamp + challenge;
        slot.dispute = DisputeWords.pack(s.ver, deadline, life, s.nanos > 0, Hashing.stored(structHash, mix));
        if (running) emit Refuted(id, s, mix);
        else emit Registered(id, s, mix, uint40(deadline));
    }

    function _escrow(bytes32 id, bytes32 lockRoot, uint256 locks, uint256 amount) private {
        _escrows[id] = Escrow(lockRoot, EscrowWords.pack(amount, 0, locks));
        emit Escrowed(id, lockRoot, uint8(locks), uint96(amount));
    }
}
