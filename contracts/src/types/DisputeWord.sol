// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @dev Slot S1 of a ledger channel and the record of a virtual channel, from the high end down:
///      ver 48 | R 33 | life 14 | nanos 1 | stored 160.
///
///      `life` makes the word of a ledger channel speak of one life of its slot only: the end of a life does not touch the
///      word, and the next life, whose number differs, finds no dispute in it and overwrites it at the recycled price.
///      A concluded record of a virtual channel has `life` CONCLUDED and the outcome in clear in the low bits.
///      R fits until the year 2242.
type DisputeWord is uint256;

using DisputeWords for DisputeWord global;

library DisputeWords {
    /// @dev `life` of a concluded record; no ledger channel reaches it.
    uint256 internal constant CONCLUDED = 0x3fff;

    function pack(uint256 ver_, uint256 deadline_, uint256 life_, bool nanos_, uint160 stored_)
        internal
        pure
        returns (DisputeWord)
    {
        return DisputeWord.wrap(
            (ver_ << 208) | (deadline_ << 175) | (life_ << 161) | (uint256(nanos_ ? 1 : 0) << 160) | stored_
        );
    }

    /// @dev The record of an ended virtual channel; it keeps the version and the deadline of the dispute, if one ran.
    function concluded(DisputeWord self, uint96 outA_) internal pure returns (DisputeWord) {
        return pack(self.ver(), self.deadline(), CONCLUDED, false, outA_);
    }

    function isEmpty(DisputeWord self) internal pure returns (bool) {
        return DisputeWord.unwrap(self) == 0;
    }

    function isConcluded(DisputeWord self) internal pure returns (bool) {
        return self.life() == CONCLUDED;
    }

    /// @dev Whether a dispute of this life of the slot runs. A virtual channel has one life, number 0.
    function isRunning(DisputeWord self, uint256 life_) internal pure returns (bool) {
        return !self.isEmpty() && self.life() == life_;
    }

    function ver(DisputeWord self) internal pure returns (uint256) {
        return DisputeWord.unwrap(self) >> 208;
    }

    /// @dev R: refutation is possible until it, conclusion after it. It never moves.
    function deadline(DisputeWord self) internal pure returns (uint256) {
        return (DisputeWord.unwrap(self) >> 175) & 0x1ffffffff;
    }

    function life(DisputeWord self) internal pure returns (uint256) {
        return (DisputeWord.unwrap(self) >> 161) & 0x3fff;
    }

    /// @dev Whether the registered State has nanocontracts.
    function nanos(DisputeWord self) internal pure returns (bool) {
        return (DisputeWord.unwrap(self) >> 160) & 1 == 1;
    }

    function stored(DisputeWord self) internal pure returns (uint160) {
        return uint160(DisputeWord.unwrap(self));
    }

    /// @dev The outcome of a concluded record.
    function outA(DisputeWord self) internal pure returns (uint256) {
        return DisputeWord.unwrap(self) & type(uint96).max;
    }

    /// @dev The last moment at which the dispute is not over (protocol 2.3): R if the State has no nanocontracts. Otherwise
    ///      they may be registered until R + w, and those that are may move until `nanosEnd`.
    function finalAt(DisputeWord self, uint256 window, uint256 nanosEnd) internal pure returns (uint256 end) {
        end = self.deadline();
        if (!self.nanos()) return end;
        end += window;
        if (nanosEnd > end) end = nanosEnd;
    }
}
