// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Channel, CloseTerms, State, VirtualChannel, VirtualState} from "../types/Structs.sol";
import {ChannelWord} from "../types/ChannelWord.sol";
import {IAdjudicator} from "../interfaces/IAdjudicator.sol";
import {Signatures} from "./Signatures.sol";

/// @dev What parameters, States and Closes must satisfy (protocol 2.3, Predicate).
library Rules {
    uint256 internal constant PERIOD_MAX = 2 ** 25; // of C and w, seconds
    uint256 internal constant STEPS_MAX = 2 ** 10; // of kMax
    uint256 internal constant LOCKS_MAX = 128;
    uint256 internal constant VIRTUAL_NANOS_MAX = 64;
    uint256 internal constant LINKS_MAX = 16;
    uint8 internal constant REVEAL_ALL = 1; // the one actMode

    function checkChannel(Channel calldata c) internal pure {
        if (c.asset != address(0)) revert IAdjudicator.UnsupportedAsset();
        if (c.ownerA == address(0) || c.ownerB == address(0) || c.ownerA == c.ownerB) {
            revert IAdjudicator.InvalidOwners();
        }
        checkKey(c.schemeA, c.keyA);
        checkKey(c.schemeB, c.keyB);
        if (c.keyA == c.keyB) revert IAdjudicator.InvalidKey();
        checkPeriods(c.challenge, c.window, c.kMax);
    }

    function checkKey(uint8 scheme, bytes32 key) internal pure {
        if (scheme != Signatures.SECP256K1) revert IAdjudicator.UnsupportedScheme();
        if (key == 0 || uint256(key) > type(uint160).max) revert IAdjudicator.InvalidKey();
    }

    function checkPeriods(uint256 challenge, uint256 window, uint256 kMax) internal pure {
        // A period of 0 wraps around and is too long as well.
        unchecked {
            if (challenge - 1 >= PERIOD_MAX || window - 1 >= PERIOD_MAX || kMax > STEPS_MAX) {
                revert IAdjudicator.InvalidPeriods();
            }
        }
    }

    /// @dev Version 0 is the caller's business: as all its numbers are 0, it passes.
    function checkState(State calldata s, ChannelWord c) internal pure {
        uint256 counted = uint256(s.depA) + s.depB;
        if (
            s.depA > c.depositA() || s.depB > c.depositB() || s.total > counted || s.defA > s.total
                || s.locks > LOCKS_MAX || (s.locks == 0 && s.total != counted)
        ) revert IAdjudicator.InvalidState();
    }

    function isVersionZero(State calldata s) internal pure returns (bool) {
        return s.ver == 0
            && (uint256(s.depA) | s.depB | s.total | s.defA | s.nanos | s.locks | uint256(s.lockRoot) | uint256(s.nanoRoot))
                == 0;
    }

    function checkVirtualState(VirtualState calldata s, uint256 total) internal pure {
        if (s.ver == 0 || s.defA > total || s.nanos > VIRTUAL_NANOS_MAX) revert IAdjudicator.InvalidState();
    }

    /// @return total The cash that the Close divides.
    function checkClose(CloseTerms calldata t, ChannelWord c) internal pure returns (uint256 total) {
        uint256 counted = uint256(t.depA) + t.depB;
        if (
            t.depA > c.depositA() || t.depB > c.depositB() || t.escrowed > counted || t.locks > LOCKS_MAX
                || (t.locks == 0 && t.escrowed != 0)
        ) revert IAdjudicator.InvalidState();
        unchecked {
            total = counted - t.escrowed;
        }
        if (t.outA > total) revert IAdjudicator.InvalidState();
    }

    /// @dev What a virtual channel must satisfy to be disputed; `secrets` is one longer than the path has links.
    function checkVirtualChannel(VirtualChannel calldata v, uint256 secrets) internal pure {
        checkPeriods(v.challenge, v.window, v.kMax);
        if (v.actMode != REVEAL_ALL || secrets < 3 || secrets > LINKS_MAX + 1) revert IAdjudicator.InvalidActivation();
    }

    function virtualTotal(VirtualChannel calldata v) internal pure returns (uint256 total) {
        total = uint256(v.initA) + v.initB;
        if (total > type(uint96).max) revert IAdjudicator.InvalidState();
    }
}
