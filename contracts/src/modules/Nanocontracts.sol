// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IExtension} from "../interfaces/IExtension.sol";
import {Channel, Entry, NanoClaims, NanoStep, State, VirtualChannel, VirtualState} from "../types/Structs.sol";
import {ChannelWord, Phase} from "../types/ChannelWord.sol";
import {DisputeWord} from "../types/DisputeWord.sol";
import {EntryTree} from "../libraries/EntryTree.sol";
import {Hashing} from "../libraries/Hashing.sol";
import {Ids} from "../libraries/Ids.sol";
import {Rules} from "../libraries/Rules.sol";
import {Signatures} from "../libraries/Signatures.sol";
import {NanoDisputes} from "./NanoDisputes.sol";

/// @dev The entry points of nanocontracts: each finds the dispute that runs, and what happens in it is the same for both kinds
///      of channel.
abstract contract Nanocontracts is IExtension, NanoDisputes {
    function registerNano(Channel calldata params, State calldata state, bytes32 mix, NanoClaims calldata claims)
        external
        nonReentrant
    {
        (Arena memory arena, DisputeWord dispute) = _ledgerArena(params);
        bytes32 structHash = Hashing.state(arena.ch, state, EntryTree.entries(state.lockRoot, state.nanoRoot));
        _checkStored(dispute, structHash, mix);
        (arena.nanos, arena.root, arena.cache) = (state.nanos, state.nanoRoot, EntryTree.emptyCache());
        _checkRegistration(arena);
        _claimAll(arena, claims);
    }

    function registerVirtualNano(
        VirtualChannel calldata params,
        VirtualState calldata state,
        bytes32 mix,
        NanoClaims calldata claims
    ) external nonReentrant {
        (Arena memory arena, DisputeWord dispute) = _virtualArena(params);
        bytes32 entries = EntryTree.entries(0, state.nanoRoot);
        bytes32 structHash = Hashing.virtualState(arena.ch, state, Rules.virtualTotal(params), entries);
        _checkStored(dispute, structHash, mix);
        (arena.nanos, arena.root, arena.cache) = (state.nanos, state.nanoRoot, EntryTree.emptyCache());
        _checkRegistration(arena);
        _claimAll(arena, claims);
    }

    function refuteNano(Channel calldata params, NanoClaims calldata claims) external nonReentrant {
        (Arena memory arena,) = _ledgerArena(params);
        _claimAll(arena, claims);
    }

    function refuteVirtualNano(VirtualChannel calldata params, NanoClaims calldata claims) external nonReentrant {
        (Arena memory arena,) = _virtualArena(params);
        _claimAll(arena, claims);
    }

    function execute(Channel calldata params, Entry calldata entry, NanoStep calldata step) external nonReentrant {
        (Arena memory arena,) = _ledgerArena(params);
        _execute(arena, entry, step);
    }

    function executeVirtual(VirtualChannel calldata params, Entry calldata entry, NanoStep calldata step)
        external
        nonReentrant
    {
        (Arena memory arena,) = _virtualArena(params);
        _execute(arena, entry, step);
    }

    function _ledgerArena(Channel calldata c) private view returns (Arena memory arena, DisputeWord dispute) {
        bytes32 key = Ids.slotKey(c);
        Slot storage slot = _slots[key];
        ChannelWord word = _inPhase(slot, Phase.OPEN);
        dispute = slot.dispute;
        if (!dispute.isRunning(word.nonce())) revert NoDispute();
        arena.domain = _separator();
        arena.ch = Ids.channel(arena.domain, key, word.nonce());
        (arena.deadline, arena.window, arena.kMax) = (dispute.deadline(), c.window, c.kMax);
        (arena.schemeA, arena.keyA, arena.schemeB, arena.keyB) = (c.schemeA, c.keyA, c.schemeB, c.keyB);
        (arena.a, arena.b) = (c.ownerA, c.ownerB);
        (arena.byA, arena.byB) = (msg.sender == c.ownerA, msg.sender == c.ownerB);
        arena.opened = arena.deadline - c.challenge;
    }

    /// @dev The ends are keys: nobody signs by sending, and the account that moves for an end is its key's address.
    function _virtualArena(VirtualChannel calldata v) private view returns (Arena memory arena, DisputeWord dispute) {
        arena.domain = _separator();
        arena.ch = Ids.virtualChannel(arena.domain, v);
        dispute = _records[arena.ch];
        if (dispute.isEmpty()) revert NoDispute();
        if (dispute.isConcluded()) revert AlreadyConcluded();
        (arena.deadline, arena.window, arena.kMax) = (dispute.deadline(), v.window, v.kMax);
        (arena.schemeA, arena.keyA, arena.schemeB, arena.keyB) = (v.a.scheme, v.a.key, v.b.scheme, v.b.key);
        (arena.a, arena.b) = (Signatures.account(v.a.scheme, v.a.key), Signatures.account(v.b.scheme, v.b.key));
        arena.opened = arena.deadline - v.challenge;
    }
}
