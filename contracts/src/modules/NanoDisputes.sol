// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Entry, NanoClaim, NanoStep, NanoVersion} from "../types/Structs.sol";
import {AccruedWord, NanoWord, NanoWords} from "../types/NanoWord.sol";
import {Context} from "../interfaces/INanocontract.sol";
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
        bool sendingIsSigning; // a and b sign nothing that they send
        uint256 nanos; // how many the registered State has; 0 if the call may register none
        bytes32 root; // of their tree
    }

    /// @dev A nanocontract while a call works on it.
    struct Position {
        bytes32 entryHash;
        uint256 ver;
        uint256 nRef;
        uint256 last;
        uint256 stepsLeft;
        uint256 mover;
        bool forced;
        uint256 dA;
        bytes32 storageHash;
    }

    /// @dev By a key that binds the channel and the Entry, so that nothing that happens elsewhere reaches it (S56).
    mapping(bytes32 key => Nano) internal _nanos;

    /// @dev Whether nanocontracts of the registered State may be registered: in ]R, R + w].
    function _checkRegistration(Arena memory d) internal view {
        if (block.timestamp <= d.deadline) revert RefutationRunning();
        if (block.timestamp > d.deadline + d.window) revert Expired();
    }

    function _claimAll(Arena memory d, NanoClaim[] calldata claims) internal {
        AccruedWord acc = _accrued[d.ch];
        bool changed;
        for (uint256 i = 0; i < claims.length; ++i) {
            NanoClaim calldata claim = claims[i];
            bytes32 entryHash = Hashing.entry(claim.entry);
            Nano storage nano_ = _nanoAt(d, entryHash);
            NanoWord word = nano_.word;
            uint256 nRef = word.nRef();
            uint256 dA = word.dA();
            if (word.isEmpty()) {
                _checkProof(d, claim, entryHash);
                if (claim.entry.kMax > d.kMax) revert InvalidNano();
                (nRef, dA) = (block.timestamp + d.window, claim.entry.dA0);
            } else {
                // Never the case while nanocontracts may be registered: nRef > R + w.
                if (block.timestamp > nRef) revert RefutationOver();
                if (claim.version.ver <= word.ver()) continue;
            }
            acc = _claim(d, claim, entryHash, nano_, nRef, dA, acc);
            changed = true;
        }
        if (!changed) revert NotNewer();
        _accrued[d.ch] = acc;
    }

    function _execute(Arena memory d, Entry calldata entry, NanoStep calldata step) internal {
        bytes32 entryHash = Hashing.entry(entry);
        Nano storage nano_ = _nanoAt(d, entryHash);
        NanoWord word = nano_.word;
        if (word.isEmpty()) revert NoSuchNano();
        uint256 nRef = word.nRef();
        if (block.timestamp <= nRef) revert RefutationRunning();
        uint256 since = word.last();
        if (since == 0) since = nRef;
        if (block.timestamp > since + d.window) revert Expired();

        Position memory p = Position(
            entryHash,
            word.ver(),
            nRef,
            block.timestamp,
            word.stepsLeft(),
            word.mover(),
            word.forced(),
            word.dA(),
            nano_.storageHash
        );
        // The app clock stood still from the opening of the dispute to nRef, and until the first forced step.
        _step(d, entry, step, p, p.forced ? d.opened + (block.timestamp - nRef) : d.opened);
        AccruedWord acc = _accrued[d.ch];
        _accrued[d.ch] = acc.moved(word.dA(), p.dA, p.stepsLeft > 0 ? block.timestamp + d.window : 0);
        _store(nano_, p);
    }

    function _nanoAt(Arena memory d, bytes32 entryHash) private view returns (Nano storage) {
        return _nanos[Ids.nanoSlot(d.domain, d.ch, entryHash)];
    }

    function _checkProof(Arena memory d, NanoClaim calldata claim, bytes32 entryHash) private pure {
        uint256 index = claim.index;
        if (index >= d.nanos) revert NoSuchNano();
        if (index >> claim.proof.length != 0 || EntryTree.root(EntryTree.leaf(entryHash), index, claim.proof) != d.root)
        {
            revert InvalidProof();
        }
    }

    /// @dev Puts the claimed version, and its provisional step, in the place of what was there.
    /// @param dA what A had of it so far
    function _claim(
        Arena memory d,
        NanoClaim calldata claim,
        bytes32 entryHash,
        Nano storage nano_,
        uint256 nRef,
        uint256 dA,
        AccruedWord acc
    ) private returns (AccruedWord) {
        NanoVersion calldata v = claim.version;
        Rules.checkNano(claim.entry, v);
        _checkSignatures(d, entryHash, v, claim.signatures);
        emit NanoRegistered(d.ch, entryHash, v, uint40(nRef));
        Position memory p = Position(entryHash, v.ver, nRef, 0, v.stepsLeft, v.mover, false, v.dA, v.storageHash);
        if (claim.step.code != address(0)) _step(d, claim.entry, claim.step, p, d.opened);
        _store(nano_, p);
        return acc.moved(dA, p.dA, p.stepsLeft > 0 ? nRef + d.window : nRef);
    }

    /// @dev Version 0 has none: it is constant.
    function _checkSignatures(Arena memory d, bytes32 entryHash, NanoVersion calldata v, bytes calldata signatures)
        private
        view
    {
        uint256 end;
        if (v.ver != 0) {
            bytes32 digest = _digest(d.domain, Hashing.nano(d.ch, entryHash, v));
            if (!_signsBySending(d, d.a)) end = Signatures.check(d.schemeA, d.keyA, digest, signatures, end);
            if (!_signsBySending(d, d.b)) end = Signatures.check(d.schemeB, d.keyB, digest, signatures, end);
        }
        Signatures.checkEnd(signatures, end);
    }

    function _signsBySending(Arena memory d, address owner) private view returns (bool) {
        return d.sendingIsSigning && msg.sender == owner;
    }

    /// @dev Lets the mover take one step, and `p` become what it leaves.
    /// @param time the app clock
    function _step(Arena memory d, Entry calldata entry, NanoStep calldata step, Position memory p, uint256 time)
        private
    {
        _checkMover(d, step, p);
        if (keccak256(step.state) != p.storageHash) revert WrongStorage();
        Context memory context =
            Context(d.ch, p.entryHash, entry.total, p.dA, p.stepsLeft, time, block.timestamp, address(this));
        Steps.Outcome memory outcome = Steps.run(entry, step, context, p.mover);
        (p.dA, p.mover, p.stepsLeft, p.forced) = (outcome.dA, outcome.mover, outcome.stepsLeft, true);
        p.storageHash = keccak256(outcome.next);
        emit NanoStepped(d.ch, p.entryHash, uint96(p.dA), uint8(p.mover), uint16(p.stepsLeft), step.input, outcome.next);
    }

    /// @dev The mover sends the step, or has signed this input to this very position.
    function _checkMover(Arena memory d, NanoStep calldata step, Position memory p) private view {
        if (step.auth.length == 0) {
            if (msg.sender != (p.mover == 0 ? d.a : d.b)) revert NotMover();
            return;
        }
        (uint8 scheme, bytes32 key) = p.mover == 0 ? (d.schemeA, d.keyA) : (d.schemeB, d.keyB);
        bytes32 structHash =
            Hashing.stepAuth(d.ch, p.entryHash, p.ver, p.stepsLeft, p.storageHash, keccak256(step.input));
        uint256 end = Signatures.check(scheme, key, _digest(d.domain, structHash), step.auth, 0);
        Signatures.checkEnd(step.auth, end);
    }

    function _store(Nano storage nano_, Position memory p) private {
        nano_.word = NanoWords.pack(p.ver, p.nRef, p.last, p.stepsLeft, p.mover, p.forced, p.dA);
        nano_.storageHash = p.storageHash;
    }
}
