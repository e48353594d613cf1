// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "../interfaces/Tokens.sol";
import {IShared} from "../interfaces/IShared.sol";

/// @dev Calls of tokens, of which nothing is believed (S20): no return data is copied beyond one word, and what came in is what
///      the balance says.
library Tokens {
    /// @dev Sends `amount` with at most `gasLimit` gas. What the token did if it is not done is for the caller to undo.
    function send(address token, address to, uint256 amount, uint256 gasLimit) internal returns (bool done) {
        return _call(token, gasLimit, abi.encodeCall(IERC20.transfer, (to, amount)));
    }

    /// @dev Takes `amount` out of an allowance of `from`.
    function pull(address token, address from, uint256 amount) internal {
        pull(token, amount, token, abi.encodeCall(IERC20.transferFrom, (from, address(this), amount)));
    }

    /// @dev Has `target` bring `amount`. Exactly that must arrive: not less a fee, and nothing else at the same time. Who answers
    ///      otherwise than it would have to when it pays out is refused: that money would never come out again.
    function pull(address token, uint256 amount, address target, bytes memory call_) internal {
        uint256 before = balance(token);
        if (!_call(target, gasleft(), call_)) revert IShared.TransferFailed();
        unchecked {
            if (balance(token) - before != amount) revert IShared.WrongDeposit();
        }
    }

    /// @dev What this contract holds.
    function balance(address token) private view returns (uint256 amount) {
        bytes4 selector = IERC20.balanceOf.selector;
        bool ok;
        assembly ("memory-safe") {
            let at := mload(0x40)
            mstore(at, selector)
            mstore(add(at, 4), address())
            ok := staticcall(gas(), token, at, 36, 0x00, 32)
            ok := and(ok, gt(returndatasize(), 31))
            amount := mload(0x00)
        }
        if (!ok) revert IShared.UnsupportedAsset();
    }

    /// @dev Calls `target` and copies nothing of what it says.
    function run(address target, bytes memory call_) internal {
        assembly ("memory-safe") {
            pop(call(gas(), target, 0, add(call_, 32), mload(call_), 0, 0))
        }
    }

    /// @dev Done if `target` says true, or says nothing and is there at all.
    function _call(address target, uint256 gasLimit, bytes memory call_) private returns (bool done) {
        assembly ("memory-safe") {
            done := call(gasLimit, target, 0, add(call_, 32), mload(call_), 0x00, 32)
            switch returndatasize()
            case 0 { done := and(done, gt(extcodesize(target), 0)) }
            default { done := and(done, and(gt(returndatasize(), 31), eq(mload(0x00), 1))) }
        }
    }
}
