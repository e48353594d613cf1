// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IAdjudicator} from "../interfaces/IAdjudicator.sol";

/// @dev What nanocontracts need beside their disputes: secrets with the time at which they became public, and their code.
///      Both may be called by anybody at any time, and neither touches a channel.
abstract contract Registry is IAdjudicator {
    /// @dev More than an answer costs; more than a read of a warm slot costs, and less than one of a cold slot.
    uint256 private constant ANSWER_RESERVE = 3_000;
    uint256 private constant WARM_MAX = 1_000;
    /// @dev What makes a warm read as dear as a cold one, to the unit.
    uint256 private constant BURN = 1_868;

    uint256 private constant CODE_MAX = 24_576; // EIP-170

    mapping(bytes32 hash => uint256) private _firstSeen;

    /// @inheritdoc IAdjudicator
    function reveal(bytes32 secret) external {
        bytes32 hash = keccak256(abi.encode(secret));
        if (_firstSeen[hash] != 0) return;
        _firstSeen[hash] = block.timestamp;
        emit Revealed(hash, secret);
    }

    /// @inheritdoc IAdjudicator
    function revealedAt(bytes32 hash) external view returns (uint256 time) {
        // The sender of a transaction can make a slot warm, and must not decide by that how much gas a step of a nanocontract
        // has left: a warm slot costs here what a cold one costs, and whoever has too little for a cold one has none.
        assembly ("memory-safe") {
            if lt(gas(), ANSWER_RESERVE) { invalid() }
            mstore(0, hash)
            mstore(32, _firstSeen.slot)
            let slot := keccak256(0, 64)
            let before := gas()
            time := sload(slot)
            // A precompile keeps all the gas of a wrong call.
            if lt(sub(before, gas()), WARM_MAX) { pop(staticcall(BURN, 9, 0, 0, 0, 0)) }
        }
    }

    /// @inheritdoc IAdjudicator
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
