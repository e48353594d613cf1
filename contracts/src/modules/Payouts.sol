// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ICore} from "../interfaces/ICore.sol";
import {Channel} from "../types/Structs.sol";
import {Params} from "../libraries/Params.sol";
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

    /// @dev As PUSH_RESERVE, for two calls, one within the other: that of the token takes TOKEN_GAS * 64 / 63 and 2,600 for a cold
    ///      account, the frame around it some 1,000 more, and 64 / 63 of all that are 107,000. The rest is to spare.
    uint256 internal constant TOKEN_RESERVE = 110_000;

    function fundVault(address asset, address owner, uint96 amount) external payable nonReentrant {
        if (owner == address(0)) revert InvalidOwners();
        if (msg.value != (asset == address(0) ? amount : 0)) revert WrongDeposit();
        _credit(asset, owner, amount);
        if (asset != address(0)) Tokens.pull(asset, msg.sender, amount);
    }

    function withdraw(address asset, address to, uint256 amount) external nonReentrant {
        if (amount == 0) revert NothingToWithdraw();
        // A token would pay either, and the money would be nobody's.
        if (to == address(0) || to == address(this)) revert InvalidReceiver();
        _debit(asset, msg.sender, amount);
        emit Withdrawn(asset, msg.sender, to, amount);
        // What is not accepted, or answered otherwise than by true, is undone as a whole.
        bool ok;
        if (asset != address(0)) {
            ok = Tokens.send(asset, to, amount, gasleft());
        } else {
            assembly ("memory-safe") {
                ok := call(gas(), to, amount, 0, 0, 0, 0)
            }
        }
        if (!ok) revert TransferFailed();
    }

    function _payOwners(Channel calldata c, uint256 payA, uint256 payB) internal {
        (address asset, address ownerA, address ownerB) = (Params.asset(c), Params.ownerA(c), Params.ownerB(c));
        _pay(asset, ownerA, ownerA, payA);
        _pay(asset, ownerB, ownerB, payB);
    }

    /// @dev To the receiver, or into the vault of the owner.
    function _pay(address asset, address owner, address receiver, uint256 amount) internal {
        if (amount == 0) return;
        bool paid;
        if (receiver != address(this)) {
            if (asset == address(0)) {
                if (gasleft() < PUSH_RESERVE) revert InsufficientGas();
                assembly ("memory-safe") {
                    paid := call(PUSH_GAS, receiver, amount, 0, 0, 0, 0) // and copies no return data, however long
                }
            } else {
                if (gasleft() < TOKEN_RESERVE) revert InsufficientGas();
                paid = _pushInFrame(asset, receiver, amount);
            }
        }
        if (!paid) _credit(asset, owner, amount);
    }

    function _pushInFrame(address asset, address receiver, uint256 amount) private returns (bool paid) {
        bytes4 selector = this.push.selector;
        assembly ("memory-safe") {
            let at := mload(0x40)
            mstore(at, selector)
            mstore(add(at, 4), asset)
            mstore(add(at, 36), receiver)
            mstore(add(at, 68), amount)
            paid := call(gas(), address(), 0, at, 100, 0, 0)
        }
    }

    /// @dev The frame of a payout in tokens: unless the token says that it has paid, everything that it did is undone, so that what
    ///      is credited in a vault has not been paid as well (S20). No part of the interface: the Adjudicator alone can call it,
    ///      within a call of its own that holds the lock, and does so nowhere but above.
    function push(address asset, address to, uint256 amount) external {
        if (msg.sender != address(this)) revert NotOwner();
        if (!Tokens.send(asset, to, amount, TOKEN_GAS)) revert TransferFailed();
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
}
