// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IAdjudicator} from "../interfaces/IAdjudicator.sol";
import {Signatures} from "../libraries/Signatures.sol";

/// @dev The EIP-712 domain, to which every id and every signature is bound, and the re-entrancy lock.
abstract contract Domain is IAdjudicator {
    bytes32 private immutable CACHED_SEPARATOR;
    uint256 private immutable CACHED_CHAIN_ID;

    uint256 private transient _entered;

    constructor() {
        // Deadlines are kept in 33 bits: enough until the year 2242, but not for a clock that counts milliseconds.
        if (block.timestamp > type(uint32).max) revert WrongDomain();
        CACHED_SEPARATOR = _computeSeparator();
        CACHED_CHAIN_ID = block.chainid;
    }

    modifier nonReentrant() {
        if (_entered != 0) revert Reentered();
        _entered = 1;
        _;
        _entered = 0;
    }

    /// @dev After a fork that changes the chain's id, the ids of the old chain are not those of the new one.
    function _separator() internal view returns (bytes32) {
        return block.chainid == CACHED_CHAIN_ID ? CACHED_SEPARATOR : _computeSeparator();
    }

    function _digest(bytes32 domain, bytes32 structHash) internal pure returns (bytes32 digest) {
        assembly ("memory-safe") {
            let at := mload(0x40)
            mstore(at, 0x1901)
            mstore(add(at, 32), domain)
            mstore(add(at, 64), structHash)
            digest := keccak256(add(at, 30), 66)
        }
    }

    function _computeSeparator() private view returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Perunika"),
                keccak256("1"),
                block.chainid,
                address(this)
            )
        );
    }
}
