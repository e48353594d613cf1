// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Channel, Key, VirtualChannel} from "../types/Structs.sol";

/// @dev Ids (docs/encoding.md). A struct of static fields in calldata *is* the words that are hashed, so it is copied as it
///      is: dirty upper bits give another hash, and so never the slot or the id of a well-formed struct.
library Ids {
    uint256 private constant CHANNEL_BYTES = 11 * 32;
    uint256 private constant VIRTUAL_CHANNEL_BYTES = 17 * 32;

    function slotKey(Channel calldata c) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let at := mload(0x40)
            calldatacopy(at, c, CHANNEL_BYTES)
            hash := keccak256(at, CHANNEL_BYTES)
        }
    }

    function channel(bytes32 domain, bytes32 slotKey_, uint256 nonce) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let at := mload(0x40)
            mstore(at, domain)
            mstore(add(at, 32), "L")
            mstore(add(at, 64), slotKey_)
            mstore(add(at, 96), nonce)
            hash := keccak256(at, 128)
        }
    }

    function virtualChannel(bytes32 domain, VirtualChannel calldata v) internal pure returns (bytes32) {
        bytes32 params;
        assembly ("memory-safe") {
            let at := mload(0x40)
            calldatacopy(at, v, VIRTUAL_CHANNEL_BYTES)
            params := keccak256(at, VIRTUAL_CHANNEL_BYTES)
        }
        return keccak256(abi.encode(domain, bytes1("V"), params));
    }

    /// @dev The slot of a registered nanocontract.
    function nanoSlot(bytes32 domain, bytes32 ch, bytes32 entryHash) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let at := mload(0x40)
            mstore(at, domain)
            mstore(add(at, 32), "N")
            mstore(add(at, 64), ch)
            mstore(add(at, 96), entryHash)
            hash := keccak256(at, 128)
        }
    }

    /// @dev H(scheme_1, key_1, scheme_2, key_2, ..), a word each.
    function keys(Key[] calldata list) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let at := mload(0x40)
            let size := shl(6, list.length)
            calldatacopy(at, list.offset, size)
            hash := keccak256(at, size)
        }
    }

    /// @dev H(h_0 .. h_n) with h_j = H(r_j).
    function activation(bytes32[] calldata secrets) internal pure returns (bytes32) {
        bytes32[] memory hashes = new bytes32[](secrets.length);
        for (uint256 i = 0; i < secrets.length; ++i) {
            hashes[i] = keccak256(abi.encode(secrets[i]));
        }
        return keccak256(abi.encodePacked(hashes));
    }
}
