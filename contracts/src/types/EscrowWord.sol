// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @dev What an ended life left in locks, from the high end down: unused 24 | left 96 | settled bitmap 128 | locks 8.
type EscrowWord is uint256;

using EscrowWords for EscrowWord global;

library EscrowWords {
    function pack(uint256 left_, uint256 settled_, uint256 locks_) internal pure returns (EscrowWord) {
        return EscrowWord.wrap((left_ << 136) | (settled_ << 8) | locks_);
    }

    /// @dev Money that no lock has paid out yet.
    function left(EscrowWord self) internal pure returns (uint256) {
        return EscrowWord.unwrap(self) >> 136;
    }

    /// @dev Bit i: lock i is settled.
    function settled(EscrowWord self) internal pure returns (uint256) {
        return (EscrowWord.unwrap(self) >> 8) & type(uint128).max;
    }

    function locks(EscrowWord self) internal pure returns (uint256) {
        return EscrowWord.unwrap(self) & type(uint8).max;
    }
}
