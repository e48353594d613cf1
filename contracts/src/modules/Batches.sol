// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IExtension} from "../interfaces/IExtension.sol";
import {Domain} from "./Domain.sol";

/// @dev Many calls in one transaction, as if the sender had made each: openings and closings of a hub, or any others.
abstract contract Batches is IExtension, Domain {
    /// @dev More than what lies between the look at the gas and the call costs.
    uint256 private constant CALL_RESERVE = 2_000;

    /// @dev The calls come one after the other, without ether. One that fails is passed over, for whatever reason, so that a
    ///      counterparty who made its call stale does not stop the others. Each has `gasEach`, whether or not others burn
    ///      theirs: if there is not so much left, everything is undone, and no call fails for want of what the batch used.
    function batch(uint256 gasEach, bytes[] calldata calls) external locked {
        for (uint256 i = 0; i < calls.length; ++i) {
            (bool ok, bytes4 reason) = _try(gasEach, calls[i]);
            if (!ok) emit Skipped(i, reason);
        }
    }

    /// @dev All but one 64th of what is left can be passed on. The call is copied before the look at the gas: how long it is, and
    ///      so what that costs, is the sender's choice.
    function _try(uint256 gasEach, bytes calldata call_) private returns (bool ok, bytes4 reason) {
        uint256 needed = gasEach + CALL_RESERVE;
        bool enough;
        assembly ("memory-safe") {
            let at := mload(0x40)
            calldatacopy(at, call_.offset, call_.length)
            mstore(0x00, 0)
            let left := gas()
            enough := iszero(lt(sub(left, div(left, 64)), needed))
            if enough {
                ok := delegatecall(gasEach, address(), at, call_.length, 0x00, 4)
                reason := mload(0x00)
            }
        }
        if (!enough) revert InsufficientGas();
    }
}
