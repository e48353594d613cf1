// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @dev Dense binary trees of locks and of nanocontracts (docs/encoding.md, Trees).
library EntryTree {
    /// @dev entries of a State that has none: node(0, 0).
    bytes32 internal constant EMPTY = 0xc07a1e8b7e0057673fdc2affe190d8a960c5fe615663f27b7ce84f3d93ef92a6;

    function entries(bytes32 lockRoot, bytes32 nanoRoot) internal pure returns (bytes32) {
        return lockRoot | nanoRoot == 0 ? EMPTY : node(lockRoot, nanoRoot);
    }

    function leaf(bytes32 structHash) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            mstore(0x00, 0)
            mstore(0x01, structHash)
            hash := keccak256(0x00, 33)
        }
    }

    function node(bytes32 left, bytes32 right) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let at := mload(0x40)
            mstore8(at, 1)
            mstore(add(at, 1), left)
            mstore(add(at, 33), right)
            hash := keccak256(at, 65)
        }
    }

    /// @dev The root that `proof`, siblings from the leaf upwards, leads to.
    function root(bytes32 leaf_, uint256 index, bytes32[] calldata proof) internal pure returns (bytes32 hash) {
        hash = leaf_;
        for (uint256 i = 0; i < proof.length; ++i) {
            hash = (index >> i) & 1 == 0 ? node(hash, proof[i]) : node(proof[i], hash);
        }
    }

    /// @dev Levels of a tree over as many leaves as fit in a State.
    uint256 private constant DEPTH_MAX = 8;

    /// @dev Two words for each level: a node that is known to be in the tree, and its place there.
    function emptyCache() internal pure returns (uint256[] memory) {
        return new uint256[](2 * DEPTH_MAX + 2);
    }

    /// @dev Whether the leaf is in the tree: its proof leads to the root, or to a node of the cache. If so, the siblings that it
    ///      passed are known as well.
    function isIn(uint256[] memory cache, bytes32 root_, bytes32 leaf_, uint256 index, bytes32[] calldata proof)
        internal
        pure
        returns (bool)
    {
        uint256 depth = proof.length;
        if (depth > DEPTH_MAX) return false;
        bytes32 hash = leaf_;
        uint256 place;
        assembly ("memory-safe") {
            place := add(cache, 32)
        }
        for (uint256 i = 0; i < depth;) {
            bytes32 sibling;
            assembly ("memory-safe") {
                sibling := calldataload(add(proof.offset, shl(5, i)))
                i := add(i, 1)
                mstore(place, sibling)
                mstore(add(place, 32), xor(index, 1))
                place := add(place, 64)
            }
            hash = index & 1 == 0 ? node(hash, sibling) : node(sibling, hash);
            index >>= 1;
        }
        if (index == 0 && hash == root_) return true;
        assembly ("memory-safe") {
            root_ := mload(place)
            place := mload(add(place, 32))
        }
        return hash == root_ && index == place;
    }
}
