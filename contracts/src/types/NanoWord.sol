// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @dev Where a registered nanocontract stands, from the high end down:
///      ver 48 | nRef 40 | last 40 | stepsLeft 16 | mover 8 | forced 8 | dA 96. Zero: not registered.
///
///      nRef is set by the first registration and never moves: higher versions until it, forced steps after it.
///      `last` is the time of the last forced step after nRef; `forced` says whether any step was forced on this version,
///      a provisional one included.
type NanoWord is uint256;

/// @dev What the registered nanocontracts of one dispute amount to, from the high end down: unused 88 | end 40 | sum 128.
type AccruedWord is uint256;

using NanoWords for NanoWord global;
using AccruedWords for AccruedWord global;

library NanoWords {
    function pack(
        uint256 ver_,
        uint256 nRef_,
        uint256 last_,
        uint256 stepsLeft_,
        uint256 mover_,
        bool forced_,
        uint256 dA_
    ) internal pure returns (NanoWord) {
        return NanoWord.wrap(
            (ver_ << 208) | (nRef_ << 168) | (last_ << 128) | (stepsLeft_ << 112) | (mover_ << 104)
                | (uint256(forced_ ? 1 : 0) << 96) | dA_
        );
    }

    /// @dev The same version, which higher ones may replace until nRef.
    function until(NanoWord self, uint256 nRef_) internal pure returns (NanoWord) {
        return NanoWord.wrap(NanoWord.unwrap(self) | (nRef_ << 168));
    }

    /// @dev The same nanocontract after a forced step.
    function stepped(NanoWord self, uint256 last_, uint256 stepsLeft_, uint256 mover_, uint256 dA_)
        internal
        pure
        returns (NanoWord)
    {
        return pack(self.ver(), self.nRef(), last_, stepsLeft_, mover_, true, dA_);
    }

    function isEmpty(NanoWord self) internal pure returns (bool) {
        return NanoWord.unwrap(self) == 0;
    }

    function ver(NanoWord self) internal pure returns (uint256) {
        return NanoWord.unwrap(self) >> 208;
    }

    function nRef(NanoWord self) internal pure returns (uint256) {
        return (NanoWord.unwrap(self) >> 168) & type(uint40).max;
    }

    function last(NanoWord self) internal pure returns (uint256) {
        return (NanoWord.unwrap(self) >> 128) & type(uint40).max;
    }

    function stepsLeft(NanoWord self) internal pure returns (uint256) {
        return (NanoWord.unwrap(self) >> 112) & type(uint16).max;
    }

    function mover(NanoWord self) internal pure returns (uint256) {
        return (NanoWord.unwrap(self) >> 104) & type(uint8).max;
    }

    function forced(NanoWord self) internal pure returns (bool) {
        return (NanoWord.unwrap(self) >> 96) & type(uint8).max != 0;
    }

    function dA(NanoWord self) internal pure returns (uint256) {
        return NanoWord.unwrap(self) & type(uint96).max;
    }
}

library AccruedWords {
    /// @dev The last moment at which a registered nanocontract may still move; 0 if none is registered.
    function end(AccruedWord self) internal pure returns (uint256) {
        return AccruedWord.unwrap(self) >> 128;
    }

    /// @dev Σ (dA - dA0): what they moved to A, less than 2^96 each; 2^31 of them do not fit in any dispute.
    function sum(AccruedWord self) internal pure returns (int256) {
        return int128(uint128(AccruedWord.unwrap(self)));
    }

    /// @dev Nanocontracts moved `by` to A and may move until `until`. The end never comes nearer.
    function moved(AccruedWord self, int256 by, uint256 until) internal pure returns (AccruedWord) {
        unchecked {
            uint256 end_ = self.end();
            if (until > end_) end_ = until;
            return AccruedWord.wrap((end_ << 128) | uint128(int128(self.sum() + by)));
        }
    }
}
