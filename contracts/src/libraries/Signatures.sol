// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IShared} from "../interfaces/IShared.sol";

/// @dev Signatures of channel keys, one after the other in one byte string. Scheme 1 is secp256k1: 64 bytes, the compact form
///      of EIP-2098, which is r, then (v - 27) << 255 | s with s in the lower half. No other encoding is accepted.
library Signatures {
    uint8 internal constant SECP256K1 = 1;

    uint256 internal constant BYTES = 64;
    uint256 private constant HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    /// @dev Checks the signature that begins at `start` and returns where it ends.
    function check(uint8 scheme, bytes32 key, bytes32 digest, bytes calldata signatures, uint256 start)
        internal
        view
        returns (uint256 end)
    {
        if (scheme != SECP256K1) revert IShared.UnsupportedScheme();
        unchecked {
            end = start + BYTES;
        }
        if (end > signatures.length) revert IShared.InvalidSignature();
        bytes32 r;
        uint256 vs;
        assembly ("memory-safe") {
            let at := add(signatures.offset, start)
            r := calldataload(at)
            vs := calldataload(add(at, 32))
        }
        uint256 s = vs & (type(uint256).max >> 1);
        if (s > HALF_ORDER) revert IShared.InvalidSignature();
        uint256 v;
        unchecked {
            v = 27 + (vs >> 255);
        }
        bytes32 signer = _recover(digest, v, r, s);
        if (signer == 0 || signer != key) revert IShared.InvalidSignature();
    }

    /// @dev The precompile at address 1: the signer as a key, or nothing where there is none.
    function _recover(bytes32 digest, uint256 v, bytes32 r, uint256 s) private view returns (bytes32 signer) {
        assembly ("memory-safe") {
            let at := mload(0x40)
            mstore(at, digest)
            mstore(add(at, 32), v)
            mstore(add(at, 64), r)
            mstore(add(at, 96), s)
            mstore(0x00, 0)
            pop(staticcall(gas(), 1, at, 128, 0x00, 32))
            signer := mload(0x00)
        }
    }

    /// @dev Nothing follows the last signature.
    function checkEnd(bytes calldata signatures, uint256 end) internal pure {
        if (signatures.length != end) revert IShared.InvalidSignature();
    }

    /// @dev The key of scheme 1 that an address stands for.
    function asKey(address signer) internal pure returns (bytes32) {
        return bytes32(uint256(uint160(signer)));
    }
}
