// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {WatchAuth} from "../types/Structs.sol";
import {DisputeWord} from "../types/DisputeWord.sol";
import {Hashing} from "../libraries/Hashing.sol";
import {Signatures} from "../libraries/Signatures.sol";
import {Domain} from "./Domain.sol";

/// @dev What disputes of ledger channels and of virtual channels share.
abstract contract Disputes is Domain {
    /// @dev When the dispute of `ch` is over. Without nanocontracts, nothing but its word is read.
    function _finalAt(DisputeWord dispute, uint256 window, bytes32 ch) internal view returns (uint256) {
        return dispute.finalAt(window, dispute.nanos() ? _accrued[ch].end() : 0);
    }

    /// @dev What nanocontracts moved to A in the dispute of `ch`.
    function _movedToA(DisputeWord dispute, bytes32 ch) internal view returns (int256) {
        return dispute.nanos() ? _accrued[ch].sum() : int256(0);
    }

    /// @dev The State that a call shows is the registered one.
    function _checkStored(DisputeWord dispute, bytes32 structHash, bytes32 mix) internal pure {
        if (Hashing.stored(structHash, mix) != dispute.stored()) revert WrongPreimage();
    }

    /// @dev The sender is the tower that `key` authorised to begin a dispute of `id`, now.
    function _checkWatchAuth(bytes32 domain, bytes32 id, uint8 scheme, bytes32 key, WatchAuth calldata auth)
        internal
        view
    {
        if (block.timestamp < auth.notBefore || block.timestamp > auth.notAfter) revert InvalidAuthorisation();
        bytes32 structHash = Hashing.watchAuth(id, msg.sender, auth.notBefore, auth.notAfter);
        uint256 end = Signatures.check(scheme, key, _digest(domain, structHash), auth.signature, 0);
        Signatures.checkEnd(auth.signature, end);
    }

    /// @dev Refutation: until R, by a higher version. R stays.
    function _refutable(DisputeWord dispute, uint256 ver) internal view returns (uint256 deadline) {
        deadline = dispute.deadline();
        if (block.timestamp > deadline) revert RefutationOver();
        if (ver <= dispute.ver()) revert NotNewer();
    }

    /// @dev The salt of the stored hash, unknown while states are signed.
    function _mix() internal view returns (bytes32 mix) {
        mix = blockhash(block.number - 1);
        if (mix == 0) revert NoBlockhash();
    }
}
