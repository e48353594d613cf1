// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Entry, NanoClaim, NanoClaims, NanoStep, NanoVersion} from "../types/Structs.sol";
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
        uint256 read; // bytes of their evidence
        uint256 steps; // how many of theirs are taken
    }

    /// @dev Whether nanocontracts of the registered State may be registered: in ]R, R + w].
    function _checkRegistration(Arena memory d) internal view {
        if (block.timestamp <= d.deadline) revert RefutationRunning();
        if (block.timestamp > d.deadline + d.window) revert Expired();
    }

    function _claimAll(Arena memory d, NanoClaims calldata claims) internal {
        NanoClaim[] calldata list = claims.list;
        bytes calldata evidence = claims.evidence;
        NanoStep[] calldata steps = claims.steps;
        for (uint256 i = 0; i < list.length;) {
            _claimOne(d, list[i], evidence, steps);
            unchecked {
                ++i;
            }
        }
        // Nothing follows what belongs to the last claim.
        Signatures.checkEnd(evidence, d.read);
        if (d.steps != steps.length) revert InvalidNano();
        if (d.end == 0) revert NotNewer();
        _accrued[d.ch] = _accrued[d.ch].moved(d.moved, d.end);
    }

    /// @dev A claim that is not newer, or too late, is checked, and takes what belongs to it, like the others, but has no effect.
    function _claimOne(Arena memory d, NanoClaim calldata claim, bytes calldata evidence, NanoStep[] calldata steps)
        private
    {
        bytes32 entryHash = Hashing.entry(claim.entry);
        Nano storage nano_ = _nanoAt(d.domain, d.ch, entryHash);
        NanoWord word = nano_.word;
        (uint256 nRef, uint256 dA) = (word.nRef(), word.dA());
        bool first = word.isEmpty();
        _readProof(d, claim, entryHash, evidence, first);
        if (first) {
            Rules.checkEntry(claim.entry, d.kMax);
            (nRef, dA) = (block.timestamp + d.window, claim.entry.dA0);
        }
        NanoWord next = Rules.checkNano(claim.entry, claim.version);
        // Version 0 has no signatures: it is constant.
        if (next.ver() != 0) _readSignatures(d, entryHash, claim.version, evidence);
        if (claim.step) {
            unchecked {
                ++d.steps;
            }
        }
        // The former is never the case while nanocontracts may be registered: nRef > R + w. One that comes too late does not
        // spoil the others.
        if (!first && (block.timestamp > nRef || next.ver() <= word.ver())) return;
        word = _put(d, claim, entryHash, nano_, next.until(nRef), steps);
        unchecked {
            d.moved += int256(word.dA()) - int256(dA);
            if (word.stepsLeft() > 0) nRef += d.window;
        }
        if (nRef > d.end) d.end = nRef;
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
            _step(d, entryHash, entry, step, word, nano_.storageHash, block.timestamp);
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

    /// @dev Whoever registers shows of every claim that it is in the State, so that the proofs of later claims may rely on those of
    ///      former ones whatever somebody else has registered in the meantime. In a refutation there is no State.
    function _readProof(
        Arena memory d,
        NanoClaim calldata claim,
        bytes32 entryHash,
        bytes calldata evidence,
        bool registers
    ) private pure {
        (uint256 start, uint256 depth, uint256 index) = (d.read, claim.depth, claim.index);
        unchecked {
            d.read = start + 32 * depth;
        }
        if (d.nanos == 0 && !registers) return;
        if (index >= d.nanos) revert NoSuchNano();
        if (d.read > evidence.length) revert InvalidProof();
        bytes32[] calldata proof;
        assembly ("memory-safe") {
            proof.offset := add(evidence.offset, start)
            proof.length := depth
        }
        if (!EntryTree.isIn(d.cache, d.root, EntryTree.leaf(entryHash), index, proof)) revert InvalidProof();
    }

    /// @dev Puts the claimed version, and its provisional step, in the place of what was there.
    function _put(
        Arena memory d,
        NanoClaim calldata claim,
        bytes32 entryHash,
        Nano storage nano_,
        NanoWord word,
        NanoStep[] calldata steps
    ) private returns (NanoWord) {
        bytes32 storageHash = claim.version.storageHash;
        emit NanoRegistered(d.ch, entryHash, NanoWord.unwrap(word));
        if (claim.step) {
            uint256 taken = d.steps;
            if (taken > steps.length) revert InvalidNano();
            NanoStep calldata step = steps[taken - 1];
            // `last` stays 0: no other step comes before nRef.
            (word, storageHash) = _step(d, entryHash, claim.entry, step, word, storageHash, 0);
        }
        (nano_.word, nano_.storageHash) = (word, storageHash);
        return word;
    }

    function _readSignatures(Arena memory d, bytes32 entryHash, NanoVersion calldata v, bytes calldata evidence)
        private
        view
    {
        uint256 end = d.read;
        bytes32 digest = _digest(d.domain, Hashing.nano(d.ch, entryHash, v));
        if (!d.byA) end = Signatures.check(d.schemeA, d.keyA, digest, evidence, end);
        if (!d.byB) end = Signatures.check(d.schemeB, d.keyB, digest, evidence, end);
        d.read = end;
    }

    /// @dev Lets the mover take one step.
    /// @param last what becomes the time of the last forced step
    function _step(
        Arena memory d,
        bytes32 entryHash,
        Entry calldata entry,
        NanoStep calldata step,
        NanoWord word,
        bytes32 storageHash,
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
        Steps.Outcome memory o = Steps.run(d.ch, entryHash, entry, step.code, state, input, word, d.opened);
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
