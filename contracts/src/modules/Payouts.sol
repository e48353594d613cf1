// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ICore} from "../interfaces/ICore.sol";
import {Domain} from "./Domain.sol";

/// @dev Money out. ETH is pushed with bounded gas; what a receiver does not accept waits for it in the vault.
abstract contract Payouts is ICore, Domain {
    /// @dev Enough for a proxied account that logs what it gets (about 10,000), and affordable if two receivers burn it.
    uint256 internal constant PUSH_GAS = 30_000;

    /// @dev What must be left before a push, so that no caller can starve a receiver into the vault: PUSH_GAS * 64 / 63 and the
    ///      price of the call itself, which is at most 36,600 (cold, with value, new account).
    uint256 internal constant PUSH_RESERVE = 70_000;

    function withdraw(address asset, address to) external nonReentrant {
        uint256 amount = _vaults[asset][msg.sender];
        if (amount == 0) revert NothingToWithdraw();
        if (asset != address(0)) revert UnsupportedAsset();
        _vaults[asset][msg.sender] = 0;
        emit Withdrawn(asset, msg.sender, to, amount);
        if (!_send(to, amount, gasleft())) revert TransferFailed();
    }

    function _payBoth(address asset, address ownerA, uint256 payA, address ownerB, uint256 payB) internal {
        _pay(asset, ownerA, payA);
        _pay(asset, ownerB, payB);
    }

    function _pay(address asset, address owner, uint256 amount) internal {
        if (amount == 0) return;
        if (gasleft() < PUSH_RESERVE) revert InsufficientGas();
        if (!_send(owner, amount, PUSH_GAS)) {
            _vaults[asset][owner] += amount;
            emit Vaulted(asset, owner, amount);
        }
    }

    /// @dev Copies no return data, however long.
    function _send(address to, uint256 amount, uint256 gasLimit) private returns (bool ok) {
        assembly ("memory-safe") {
            ok := call(gasLimit, to, amount, 0, 0, 0, 0)
        }
    }
}
