// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC1271} from "../interfaces/Tokens.sol";
import {IShared} from "../interfaces/IShared.sol";

/// @dev Signatures of channel keys, one after the other in one byte string. Scheme 1 is secp256k1: 64 bytes, the compact form
///      of EIP-2098, which is r, then (v - 27) << 255 | s with s in the lower half. Scheme 2 is P-256: 128 bytes, r, s in the
///      lower half, and the public key x, y, of which the key is the hash. No other encoding is accepted.
library Signatures {
    uint8 internal constant SECP256K1 = 1;
    uint8 internal constant P256 = 2;

    uint256 internal constant BYTES = 64;
    uint256 private constant P256_BYTES = 128;
    uint256 private constant HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;
    uint256 private constant P256_HALF_ORDER = 0x7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8;

    /// @dev Checks the signature that begins at `start` and returns where it ends.
    function check(uint256 scheme, bytes32 key, bytes32 digest, bytes calldata signatures, uint256 start)
        internal
        view
        returns (uint256 end)
    {
        bytes32 signer;
        unchecked {
            if (scheme == SECP256K1) {
                end = start + BYTES;
                // What is not there reads as zeros, which nobody signs.
                signer = _recover(digest, signatures, start);
            } else if (scheme == P256) {
                end = start + P256_BYTES;
                signer = _verify(digest, signatures, start);
            } else {
                revert IShared.UnsupportedScheme();
            }
        }
        if (end > signatures.length || signer == 0 || signer != key) revert IShared.InvalidSignature();
    }

    /// @dev Whether `owner` has signed: with its key in the compact form, or, if it has code, in whatever way that says.
    function isByOwner(address owner, bytes32 digest, bytes calldata signature) internal view returns (bool) {
        if (signature.length == BYTES) {
            bytes32 signer = _recover(digest, signature, 0);
            if (signer != 0 && signer == asKey(owner)) return true;
        }
        return owner.code.length != 0 && _approves(owner, digest, signature);
    }

    /// @dev Nothing follows the last signature.
    function checkEnd(bytes calldata signatures, uint256 end) internal pure {
        if (signatures.length != end) revert IShared.InvalidSignature();
    }

    /// @dev The key of scheme 1 that an address stands for.
    function asKey(address signer) internal pure returns (bytes32) {
        return bytes32(uint256(uint160(signer)));
    }

    /// @dev The account of a key: of scheme 1 its address, of another none.
    function account(uint8 scheme, bytes32 key) internal pure returns (address) {
        return scheme == SECP256K1 ? address(uint160(uint256(key))) : address(0);
    }

    /// @dev The two words of a compact signature as others take them.
    function expand(bytes calldata signature) internal pure returns (uint8 v, bytes32 r, bytes32 s) {
        if (signature.length < BYTES) revert IShared.InvalidSignature();
        assembly ("memory-safe") {
            r := calldataload(signature.offset)
            let vs := calldataload(add(signature.offset, 32))
            s := shr(1, shl(1, vs))
            v := add(27, shr(255, vs))
        }
    }

    /// @dev Whether this chain verifies P-256 (EIP-7951): by one signature that is valid.
    function hasP256() internal view returns (bool) {
        return _verified(
            abi.encode(
                0x8f0a5eeb76f3ddcb4fe109d6b1e63aa3a584a39d47a74f954849a1b46555aa4e,
                0x56c0ea53e573974947db08f49f78e3f9683c3070ba8460883f820f081ef0436f,
                0x69c778cffe24ef4bc0daa8e993b5b81de0ebb1017ab33ab8792af7fe3fd009fa,
                0x6c5c9a296d061b5911156cc7f26eb452f9defa38bfcc51459cd24ece4cf288cf,
                0x3a6188ce84739b19160f105b172651825de0b71530c68e274134189398c69f26
            )
        );
    }

    /// @dev The precompile at address 1: the signer as a key, or nothing where there is none, or s is high.
    function _recover(bytes32 digest, bytes calldata signatures, uint256 start) private view returns (bytes32 signer) {
        uint256 vs;
        assembly ("memory-safe") {
            vs := calldataload(add(add(signatures.offset, start), 32))
        }
        uint256 s = vs & (type(uint256).max >> 1);
        if (s > HALF_ORDER) return 0;
        assembly ("memory-safe") {
            let at := mload(0x40)
            mstore(at, digest)
            mstore(add(at, 32), add(27, shr(255, vs)))
            mstore(add(at, 64), calldataload(add(signatures.offset, start)))
            mstore(add(at, 96), s)
            mstore(0x00, 0)
            pop(staticcall(gas(), 1, at, 128, 0x00, 32))
            signer := mload(0x00)
        }
    }

    /// @dev The hash of the public key that is shown, if the signature is that key's and s is low.
    function _verify(bytes32 digest, bytes calldata signatures, uint256 start) private view returns (bytes32 signer) {
        bytes memory question = new bytes(32 + P256_BYTES);
        uint256 s;
        assembly ("memory-safe") {
            mstore(add(question, 32), digest)
            calldatacopy(add(question, 64), add(signatures.offset, start), P256_BYTES)
            s := mload(add(question, 96))
            signer := keccak256(add(question, 128), 64)
        }
        if (s > P256_HALF_ORDER || !_verified(question)) return 0;
    }

    /// @dev The precompile at address 0x100, which says 1 or nothing. Where there is none, nothing is said either.
    function _verified(bytes memory question) private view returns (bool ok) {
        assembly ("memory-safe") {
            mstore(0x00, 0)
            pop(staticcall(gas(), 0x100, add(question, 32), mload(question), 0x00, 32))
            ok := eq(mload(0x00), 1)
        }
    }

    /// @dev ERC-1271.
    function _approves(address owner, bytes32 digest, bytes calldata signature) private view returns (bool ok) {
        bytes memory question = abi.encodeCall(IERC1271.isValidSignature, (digest, signature));
        bytes32 yes = IERC1271.isValidSignature.selector;
        assembly ("memory-safe") {
            ok := staticcall(gas(), owner, add(question, 32), mload(question), 0x00, 32)
            ok := and(and(ok, gt(returndatasize(), 31)), eq(mload(0x00), yes))
        }
    }
}
