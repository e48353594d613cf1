// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {WatchAuth} from "../types/Structs.sol";
import {DisputeWord} from "../types/DisputeWord.sol";
import {Hashing} from "../libraries/Hashing.sol";
import {Signatures} from "../libraries/Signatures.sol";
import {Domain} from "./Domain.sol";

/// @dev What disputes of ledger channels and of virtual channels share.
abstract contract Disputes is Domain {
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
