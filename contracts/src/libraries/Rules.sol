// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Channel, CloseTerms, Entry, NanoVersion, State, VirtualChannel, VirtualState} from "../types/Structs.sol";
import {ChannelWord} from "../types/ChannelWord.sol";
import {NanoWord, NanoWords} from "../types/NanoWord.sol";
import {IShared} from "../interfaces/IShared.sol";
import {Params} from "./Params.sol";
import {Signatures} from "./Signatures.sol";
import {Split} from "./Split.sol";

/// @dev What parameters, States and Closes must satisfy (protocol 2.3, Predicate).
library Rules {
    uint256 internal constant PERIOD_MAX = 2 ** 25; // of C and w, seconds
    uint256 internal constant STEPS_MAX = 2 ** 10; // of kMax
    uint256 internal constant LOCKS_MAX = 128;
    uint256 internal constant VIRTUAL_NANOS_MAX = 64;
    uint256 internal constant LINKS_MAX = 16;
    uint8 internal constant REVEAL_ALL = 1; // the one actMode

    /// @dev Words are read as they are, and each is bounded here.
    function checkChannel(Channel calldata c) internal view {
        (uint256 ownerA, uint256 ownerB, uint256 asset) = (Params.word(c, 0), Params.word(c, 1), Params.word(c, 6));
        unchecked {
            // Zero wraps around and is too long as well.
            if (ownerA - 1 >= type(uint160).max || ownerB - 1 >= type(uint160).max || ownerA == ownerB) {
                revert IShared.InvalidOwners();
            }
        }
        if (asset > type(uint160).max || Params.word(c, 10) > type(uint16).max) revert IShared.UnsupportedAsset();
        checkKey(Params.word(c, 2), c.keyA);
        checkKey(Params.word(c, 4), c.keyB);
        if (c.keyA == c.keyB) revert IShared.InvalidKey();
        checkPeriods(Params.word(c, 7), Params.word(c, 8), Params.word(c, 9));
    }

    function checkKey(uint256 scheme, bytes32 key) internal view {
        if (scheme == Signatures.P256) {
            // Where it is missing, nobody could ever prove a signature of the key (S17).
            if (!Signatures.hasP256()) revert IShared.UnsupportedScheme();
            if (key == 0) revert IShared.InvalidKey();
            return;
        }
        if (scheme != Signatures.SECP256K1) revert IShared.UnsupportedScheme();
        // A key of 0 wraps around and is too long as well.
        unchecked {
            if (uint256(key) - 1 >= type(uint160).max) revert IShared.InvalidKey();
        }
    }

    function checkPeriods(uint256 challenge, uint256 window, uint256 kMax) internal pure {
        // A period of 0 wraps around and is too long as well.
        unchecked {
            if (challenge - 1 >= PERIOD_MAX || window - 1 >= PERIOD_MAX || kMax > STEPS_MAX) {
                revert IShared.InvalidPeriods();
            }
        }
    }

    /// @dev Version 0 is the caller's business: as all its numbers are 0, it passes.
    ///      Words are read as they are, for each is bounded here by something of its own width.
    function checkState(State calldata s, ChannelWord c) internal pure {
        (uint256 ver, uint256 depA, uint256 depB, uint256 total) =
            (Params.word(s, 0), Params.word(s, 1), Params.word(s, 2), Params.word(s, 3));
        (uint256 defA, uint256 nanos, uint256 locks) = (Params.word(s, 4), Params.word(s, 5), Params.word(s, 6));
        unchecked {
            if (
                depA > c.depositA() || depB > c.depositB() || total > depA + depB || defA > total || locks > LOCKS_MAX
                    || (locks == 0 && total != depA + depB) || nanos > type(uint8).max || ver > type(uint48).max
            ) revert IShared.InvalidState();
        }
    }

    function isVersionZero(State calldata s) internal pure returns (bool) {
        return s.ver == 0
            && (uint256(s.depA) | s.depB | s.total | s.defA | s.nanos | s.locks | uint256(s.lockRoot)
                        | uint256(s.nanoRoot)) == 0;
    }

    function checkVirtualState(VirtualState calldata s, uint256 total) internal pure {
        if (s.ver == 0 || s.defA > total || s.nanos > VIRTUAL_NANOS_MAX) revert IShared.InvalidState();
    }

    /// @dev As for a State.
    /// @return locks how many locks it leaves
    /// @return total the cash that it divides
    /// @return payA A's part of it, with A's uncounted deposit
    /// @return payB the rest, with B's
    function checkClose(CloseTerms calldata t, ChannelWord c)
        internal
        view
        returns (uint256 locks, uint256 total, uint256 payA, uint256 payB)
    {
        (uint256 depA, uint256 depB, uint256 outA, uint256 escrowed) =
            (Params.word(t, 0), Params.word(t, 1), Params.word(t, 2), Params.word(t, 3));
        locks = Params.word(t, 4);
        if (block.timestamp > Params.word(t, 8)) revert IShared.Expired();
        unchecked {
            if (
                depA > c.depositA() || depB > c.depositB() || escrowed > depA + depB || locks > LOCKS_MAX
                    || (locks == 0 && escrowed != 0)
            ) revert IShared.InvalidState();
            total = depA + depB - escrowed;
        }
        if (outA > total) revert IShared.InvalidState();
        (payA, payB) = Split.cash(c, depA, depB, total, outA);
    }

    /// @dev What a virtual channel must satisfy to be disputed; `secrets` is one longer than the path has links.
    function checkVirtualChannel(VirtualChannel calldata v, uint256 secrets) internal pure {
        checkPeriods(v.challenge, v.window, v.kMax);
        if (v.actMode != REVEAL_ALL || secrets < 3 || secrets > LINKS_MAX + 1) revert IShared.InvalidActivation();
    }

    /// @dev An Entry that counts in a channel whose nanocontracts may take `kMax` forced steps.
    function checkEntry(Entry calldata e, uint256 kMax) internal pure {
        if (Params.word(e, 2) > type(uint96).max || Params.word(e, 3) > type(uint96).max || Params.word(e, 7) > kMax) {
            revert IShared.InvalidNano();
        }
    }

    /// @dev A version that a nanocontract may have at all, of an Entry that passed; version 0 must be the Entry's to the letter.
    function checkNano(Entry calldata e, NanoVersion calldata v) internal pure returns (NanoWord) {
        (uint256 ver, uint256 dA, uint256 mover, uint256 stepsLeft) =
            (Params.word(v, 0), Params.word(v, 1), Params.word(v, 2), Params.word(v, 3));
        if (dA > Params.word(e, 2) || mover > 1 || stepsLeft > Params.word(e, 7) || ver > type(uint48).max) {
            revert IShared.InvalidNano();
        }
        if (ver == 0) {
            if (
                dA != Params.word(e, 3) || mover != Params.word(e, 4) || stepsLeft != Params.word(e, 7)
                    || v.storageHash != e.storage0
            ) {
                revert IShared.InvalidNano();
            }
        }
        return NanoWords.pack(ver, 0, 0, stepsLeft, mover, false, dA);
    }

    function virtualTotal(VirtualChannel calldata v) internal pure returns (uint256 total) {
        total = uint256(v.initA) + v.initB;
        if (total > type(uint96).max) revert IShared.InvalidState();
    }
}
