// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @dev Slot S0 of a ledger channel: phase 8 | nonce 40 | seq 16 | depositA 96 | depositB 96, from the high end down.
///      Zero only before first use.
type ChannelWord is uint256;

using ChannelWords for ChannelWord global;

/// @dev Virgin and Closed are the phases in which `open` is possible.
library Phase {
    uint256 internal constant VIRGIN = 0;
    uint256 internal constant FUNDING = 1;
    uint256 internal constant OPEN = 2;
    uint256 internal constant CLOSED = 3;
}

library ChannelWords {
    function pack(uint256 phase_, uint256 nonce_, uint256 seq_, uint256 depositA_, uint256 depositB_)
        internal
        pure
        returns (ChannelWord)
    {
        return ChannelWord.wrap((phase_ << 248) | (nonce_ << 208) | (seq_ << 192) | (depositA_ << 96) | depositB_);
    }

    /// @dev The word that the end of a life leaves: Closed, the next nonce, no deposits. The nonce has room (`open`).
    function ended(ChannelWord self) internal pure returns (ChannelWord) {
        unchecked {
            return pack(Phase.CLOSED, self.nonce() + 1, 0, 0, 0);
        }
    }

    /// @dev With more in the deposit of a side. There is room: the sum of both stays below 2^96.
    function deposited(ChannelWord self, bool ofB, uint256 amount) internal pure returns (ChannelWord) {
        unchecked {
            return ChannelWord.wrap(ChannelWord.unwrap(self) + (amount << (ofB ? 0 : 96)));
        }
    }

    /// @dev With less in it, and one Adjust more. There is so much, and `seq` has room.
    function adjusted(ChannelWord self, bool ofB, uint256 amount) internal pure returns (ChannelWord) {
        unchecked {
            return ChannelWord.wrap(ChannelWord.unwrap(self) + (1 << 192) - (amount << (ofB ? 0 : 96)));
        }
    }

    function phase(ChannelWord self) internal pure returns (uint256) {
        return ChannelWord.unwrap(self) >> 248;
    }

    function nonce(ChannelWord self) internal pure returns (uint256) {
        return (ChannelWord.unwrap(self) >> 208) & type(uint40).max;
    }

    function seq(ChannelWord self) internal pure returns (uint256) {
        return (ChannelWord.unwrap(self) >> 192) & type(uint16).max;
    }

    function depositA(ChannelWord self) internal pure returns (uint256) {
        return (ChannelWord.unwrap(self) >> 96) & type(uint96).max;
    }

    function depositB(ChannelWord self) internal pure returns (uint256) {
        return ChannelWord.unwrap(self) & type(uint96).max;
    }
}
