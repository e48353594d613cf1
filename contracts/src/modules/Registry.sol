// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IExtension} from "../interfaces/IExtension.sol";
import {Store} from "./Store.sol";

/// @dev What nanocontracts need beside their disputes: secrets with the time at which they became public, and their code.
///      Both may be called by anybody at any time, and neither touches a channel.
abstract contract Registry is IExtension, Store {
    uint256 private constant CODE_MAX = 24_576; // EIP-170

    function reveal(bytes32 secret) external {
        bytes32 hash = keccak256(abi.encode(secret));
        if (_firstSeen[hash] != 0) return;
        _firstSeen[hash] = block.timestamp;
        emit Revealed(hash, secret);
    }

    function deploy(bytes calldata code) external returns (address account) {
        if (code.length > CODE_MAX) revert DeploymentFailed();
        // PUSH2 length, DUP1, PUSH1 10, PUSH0, CODECOPY, PUSH0, RETURN: returns what follows it.
        bytes memory init = abi.encodePacked(bytes1(0x61), uint16(code.length), bytes7(0x80600a5f395ff3), code);
        account = address(
            uint160(uint256(keccak256(abi.encodePacked(bytes1(0xff), address(this), bytes32(0), keccak256(init)))))
        );
        if (account.code.length != 0) return account;
        address created;
        assembly ("memory-safe") {
            created := create2(0, add(init, 32), mload(init), 0)
        }
        if (created == address(0)) revert DeploymentFailed();
    }
}
