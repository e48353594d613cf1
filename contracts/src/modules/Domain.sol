// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Store} from "./Store.sol";

/// @dev The EIP-712 domain, to which every id and every signature is bound, and the re-entrancy lock.
abstract contract Domain is Store {
    /// @dev For calls that pay out, or let others run code.
    modifier nonReentrant() {
        _checkLock();
        _entered = 1;
        _;
        _entered = 0;
    }

    /// @dev For calls that call nobody, or close the lock themselves where they do.
    modifier locked() {
        _checkLock();
        _;
    }

    function _checkLock() private view {
        if (_entered != 0) revert Reentered();
    }

    /// @dev That of the Adjudicator on this chain, also where the extension's code asks: at `address(this)`, always.
    function _separator() internal view virtual returns (bytes32) {
        return _computeSeparator();
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

    function _computeSeparator() internal view returns (bytes32) {
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
