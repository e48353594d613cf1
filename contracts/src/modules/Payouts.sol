// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ICore} from "../interfaces/ICore.sol";
import {Tokens} from "../libraries/Tokens.sol";
import {Domain} from "./Domain.sol";

/// @dev Money out. It is pushed with bounded gas; what a receiver does not accept waits in the vault of its side's owner. The
///      vault is also where owners keep what will fund channels.
abstract contract Payouts is ICore, Domain {
    /// @dev Enough for a proxied account that logs what it gets (about 10,000), and affordable if two receivers burn it.
    uint256 internal constant PUSH_GAS = 30_000;

    /// @dev What must be left before a push, so that no caller can starve a receiver into the vault: PUSH_GAS * 64 / 63 and the
    ///      price of the call itself, which is at most 36,600 (cold, with value, new account).
    uint256 internal constant PUSH_RESERVE = 70_000;

    /// @dev Enough for a proxied token with lists and hooks (about 60,000). One that needs more is paid into the vault.
    uint256 internal constant TOKEN_GAS = 100_000;

    /// @dev As PUSH_RESERVE: TOKEN_GAS * 64 / 63, and the call of a cold account.
    uint256 internal constant TOKEN_RESERVE = 106_000;

    function fundVault(address asset, address owner, uint96 amount) external payable nonReentrant {
        if (msg.value != (asset == address(0) ? amount : 0)) revert WrongDeposit();
        _credit(asset, owner, amount);
        if (asset != address(0)) Tokens.pull(asset, msg.sender, amount);
    }

    function withdraw(address asset, address to, uint256 amount) external nonReentrant {
        if (amount == 0) revert NothingToWithdraw();
        // A token would take itself at its word, and the money would be nobody's.
        if (to == address(this)) revert InvalidReceiver();
        _debit(asset, msg.sender, amount);
        emit Withdrawn(asset, msg.sender, to, amount);
        if (!_send(asset, to, amount, gasleft())) revert TransferFailed();
    }

    /// @dev Pays both sides: each to its receiver, or into the vault of its owner.
    function _payBoth(
        address asset,
        address ownerA,
        address receiverA,
        uint256 payA,
        address ownerB,
        address receiverB,
        uint256 payB
    ) internal {
        _pay(asset, ownerA, receiverA, payA);
        _pay(asset, ownerB, receiverB, payB);
    }

    function _pay(address asset, address owner, address receiver, uint256 amount) internal {
        if (amount == 0) return;
        if (receiver != address(this)) {
            bool ether_ = asset == address(0);
            if (gasleft() < (ether_ ? PUSH_RESERVE : TOKEN_RESERVE)) revert InsufficientGas();
            if (_send(asset, receiver, amount, ether_ ? PUSH_GAS : TOKEN_GAS)) return;
        }
        _credit(asset, owner, amount);
    }

    /// @dev Amounts are below 2^96 each, and so no sum of them overflows.
    function _credit(address asset, address owner, uint256 amount) internal {
        unchecked {
            _vaults[asset][owner] += amount;
        }
        emit Vaulted(asset, owner, amount);
    }

    function _debit(address asset, address owner, uint256 amount) internal {
        uint256 held = _vaults[asset][owner];
        if (amount > held) revert InsufficientVault();
        unchecked {
            _vaults[asset][owner] = held - amount;
        }
    }

    /// @dev Copies no return data, however long.
    function _send(address asset, address to, uint256 amount, uint256 gasLimit) private returns (bool ok) {
        if (asset != address(0)) return Tokens.send(asset, to, amount, gasLimit);
        assembly ("memory-safe") {
            ok := call(gasLimit, to, amount, 0, 0, 0, 0)
        }
    }
}
