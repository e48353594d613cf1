// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @dev No step is left.
error Over();
/// @dev The caller is neither A (0) nor B (1).
error NoParty();
/// @dev The state is none that this nanocontract can be in: whoever made it, made it wrong.
error BadState();
/// @dev The input does not have the form that this step takes.
error BadInput();

/// @title What authors of nanocontracts share
library Turns {
    /// @dev The first line of every step: the code may rely on a mover that is A or B and on a step that is left.
    function begin(uint8 caller, uint256 stepsLeft) internal pure {
        if (stepsLeft == 0) revert Over();
        if (caller > 1) revert NoParty();
    }

    function other(uint8 party) internal pure returns (uint8) {
        return 1 - party;
    }

    /// @return dA the split that gives everything to the other party if `mover` stalls
    function forfeit(uint256 mover, uint256 total) internal pure returns (uint256 dA) {
        return mover == 0 ? 0 : total;
    }

    /// @dev Moves `amount` from the part of `payer` to the other party's.
    function pay(uint256 dA, uint256 total, uint8 payer, uint256 amount) internal pure returns (uint256) {
        if (dA > total || amount > (payer == 0 ? dA : total - dA)) revert BadState();
        return payer == 0 ? dA - amount : dA + amount;
    }
}
