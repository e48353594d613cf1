// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Entry, NanoClaim, NanoStep, NanoVersion} from "../types/Structs.sol";
import {AccruedWord, NanoWord} from "../types/NanoWord.sol";
import {EntryTree} from "../libraries/EntryTree.sol";
import {Hashing} from "../libraries/Hashing.sol";
import {Ids} from "../libraries/Ids.sol";
import {Rules} from "../libraries/Rules.sol";
import {Signatures} from "../libraries/Signatures.sol";
import {Steps} from "../libraries/Steps.sol";
import {Disputes} from "./Disputes.sol";

/// @dev Nanocontracts in a dispute, of whichever kind of channel: registered in ]R, R + w], refuted until nRef, then stepped by
///      force (protocol 2.3). Time alone separates the phases, and the dispute's own word is never written.
abstract contract NanoDisputes is Disputes {
    struct Nano {
        NanoWord word;
        bytes32 storageHash;
    }

    /// @dev A dispute in which nanocontracts move.
    struct Arena {
        bytes32 domain;
        bytes32 ch;
        uint256 opened; // R - C
        uint256 deadline; // R
        uint256 window;
        uint256 kMax;
        uint8 schemeA;
        bytes32 keyA;
        uint8 schemeB;
        bytes32 keyB;
        address a; // moves for A without a StepAuth
        address b;
        bool byA; // A has signed by sending
        bool byB;
        uint256 nanos; // how many the registered State has; 0 if the call may register none
        bytes32 root; // of their tree
        uint256[] cache; // what is known of it
        int256 moved; // by the claims of this call, to A
        uint256 end; // of the nanocontracts that they are about
    }

    /// @dev Whether nanocontracts of the registered State may be registered: in ]R, R + w].
    function _checkRegistration(Arena memory d) internal view {
        if (block.timestamp <= d.deadline) revert RefutationRunning();
        if (block.timestamp > d.deadline + d.window) revert Expired();
    }

    function _claimAll(Arena memory d, NanoClaim[] calldata claims) internal {
        for (uint256 i = 0; i < claims.length; ++i) {
            NanoClaim calldata claim = claims[i];
            bytes32 entryHash = Hashing.entry(claim.entry);
            Nano storage nano_ = _nanoAt(d.domain, d.ch, entryHash);
            NanoWord word = nano_.word;
            (uint256 nRef, uint256 dA) = (word.nRef(), word.dA());
            if (word.isEmpty()) {
                _checkProof(d, claim, entryHash);
                Rules.checkEntry(claim.entry, d.kMax);
                (nRef, dA) = (block.timestamp + d.window, claim.entry.dA0);
            } else {
                // The former is never the case while nanocontracts may be registered: nRef > R + w. One that comes too late
                // does not spoil the others.
                if (block.timestamp > nRef || claim.version.ver <= word.ver()) continue;
            }
            word = _claim(d, claim, entryHash, nano_, nRef);
            unchecked {
                d.moved += int256(word.dA()) - int256(dA);
                if (word.stepsLeft() > 0) nRef += d.window;
            }
            if (nRef > d.end) d.end = nRef;
        }
        if (d.end == 0) revert NotNewer();
        _accrued[d.ch] = _accrued[d.ch].moved(d.moved, d.end);
    }

    function _execute(Arena memory d, Entry calldata entry, NanoStep calldata step) internal {
        bytes32 entryHash = Hashing.entry(entry);
        Nano storage nano_ = _nanoAt(d.domain, d.ch, entryHash);
        NanoWord word = nano_.word;
        if (word.isEmpty()) revert NoSuchNano();
        uint256 nRef = word.nRef();
        if (block.timestamp <= nRef) revert RefutationRunning();
        uint256 since = word.last();
        if (since == 0) since = nRef;
        if (block.timestamp > since + d.window) revert Expired();

        // In a dispute each mover has its window and the app clock stands still, so that nobody pays for another's delay.
        (NanoWord next, bytes32 storageHash) =
            _step(d, entryHash, entry, step, word, nano_.storageHash, d.opened, block.timestamp);
        (nano_.word, nano_.storageHash) = (next, storageHash);
        uint256 end = next.stepsLeft() > 0 ? block.timestamp + d.window : 0;
        _accrued[d.ch] = _accrued[d.ch].moved(int256(next.dA()) - int256(word.dA()), end);
    }

    /// @dev At a key that binds the channel and the Entry, so that nothing that happens elsewhere reaches it (S56). The key is
    ///      the slot: a hash of four words is none of the hashes of two words at which mappings lie.
    function _nanoAt(bytes32 domain, bytes32 ch, bytes32 entryHash) internal pure returns (Nano storage nano_) {
        bytes32 key = Ids.nanoSlot(domain, ch, entryHash);
        assembly ("memory-safe") {
            nano_.slot := key
        }
    }

    function _checkProof(Arena memory d, NanoClaim calldata claim, bytes32 entryHash) private pure {
        uint256 index = claim.index;
        if (index >= d.nanos) revert NoSuchNano();
        if (!EntryTree.isIn(d.cache, d.root, EntryTree.leaf(entryHash), index, claim.proof)) revert InvalidProof();
    }

    /// @dev Puts the claimed version, and its provisional step, in the place of what was there.
    function _claim(Arena memory d, NanoClaim calldata claim, bytes32 entryHash, Nano storage nano_, uint256 nRef)
        private
        returns (NanoWord word)
    {
        NanoVersion calldata v = claim.version;
        bytes32 storageHash = v.storageHash;
        word = Rules.checkNano(claim.entry, v).until(nRef);
        _checkSignatures(d, entryHash, v, claim.signatures);
        emit NanoRegistered(d.ch, entryHash, NanoWord.unwrap(word), storageHash);
        NanoStep[] calldata steps = claim.steps;
        if (steps.length > 0) {
            if (steps.length > 1) revert InvalidNano();
            // `last` stays 0: no other step comes before nRef.
            (word, storageHash) = _step(d, entryHash, claim.entry, steps[0], word, storageHash, d.opened, 0);
        }
        (nano_.word, nano_.storageHash) = (word, storageHash);
    }

    /// @dev Version 0 has none: it is constant.
    function _checkSignatures(Arena memory d, bytes32 entryHash, NanoVersion calldata v, bytes calldata signatures)
        private
        view
    {
        uint256 end;
        if (v.ver != 0) {
            bytes32 digest = _digest(d.domain, Hashing.nano(d.ch, entryHash, v));
            if (!d.byA) end = Signatures.check(d.schemeA, d.keyA, digest, signatures, end);
            if (!d.byB) end = Signatures.check(d.schemeB, d.keyB, digest, signatures, end);
        }
        Signatures.checkEnd(signatures, end);
    }

    /// @dev Lets the mover take one step.
    /// @param time the app clock
    /// @param last what becomes the time of the last forced step
    function _step(
        Arena memory d,
        bytes32 entryHash,
        Entry calldata entry,
        NanoStep calldata step,
        NanoWord word,
        bytes32 storageHash,
        uint256 time,
        uint256 last
    ) private returns (NanoWord, bytes32) {
        bytes calldata state = step.state;
        bytes calldata input = step.input;
        bytes calldata auth = step.auth;
        if (auth.length != 0) {
            _checkStepAuth(d, entryHash, input, auth, word, storageHash);
        } else if (msg.sender != (word.mover() == 0 ? d.a : d.b)) {
            revert NotMover();
        }
        if (keccak256(state) != storageHash) revert WrongStorage();
        Steps.Outcome memory o = Steps.run(d.ch, entryHash, entry, step.code, state, input, word, time);
        emit NanoStepped(d.ch, entryHash, uint96(o.dA), uint8(o.mover), uint16(o.stepsLeft), input, o.next);
        return (word.stepped(last, o.stepsLeft, o.mover, o.dA), keccak256(o.next));
    }

    /// @dev The mover has signed this input to this very position.
    function _checkStepAuth(
        Arena memory d,
        bytes32 entryHash,
        bytes calldata input,
        bytes calldata auth,
        NanoWord word,
        bytes32 storageHash
    ) private view {
        (uint8 scheme, bytes32 key) = word.mover() == 0 ? (d.schemeA, d.keyA) : (d.schemeB, d.keyB);
        bytes32 structHash =
            Hashing.stepAuth(d.ch, entryHash, word.ver(), word.stepsLeft(), storageHash, keccak256(input));
        Signatures.checkEnd(auth, Signatures.check(scheme, key, _digest(d.domain, structHash), auth, 0));
    }
}
