// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {
    AdjustTerms,
    CloseTerms,
    Entry,
    LockTerms,
    NanoVersion,
    Opening,
    State,
    VirtualState
} from "../types/Structs.sol";

/// @dev hashStruct of every signed type that the contract knows (docs/encoding.md, Structs).
library Hashing {
    bytes32 internal constant STATE_TYPEHASH = keccak256(
        "State(bytes32 ch,uint48 ver,uint96 depA,uint96 depB,uint96 total,uint96 defA,uint8 nanos,uint8 locks,bytes32 entries)"
    );
    bytes32 internal constant FINAL_TYPEHASH = keccak256("Final(bytes32 vc,uint96 outA)");
    bytes32 internal constant CLOSE_TYPEHASH = keccak256(
        "Close(bytes32 id,uint96 depA,uint96 depB,uint96 outA,uint96 total,uint8 locks,bytes32 entries,address receiverA,address receiverB,uint40 notAfter)"
    );
    bytes32 internal constant WATCH_AUTH_TYPEHASH =
        keccak256("WatchAuth(bytes32 id,address tower,uint40 notBefore,uint40 notAfter)");
    bytes32 internal constant LOCK_TYPEHASH = keccak256("Lock(bytes32 vc,bool leftIsA,uint96 left,uint96 right)");
    bytes32 internal constant NANO_TYPEHASH = keccak256(
        "Nano(bytes32 ch,bytes32 entry,uint48 ver,uint96 dA,uint8 mover,uint16 stepsLeft,bytes32 storageHash)"
    );
    bytes32 internal constant STEP_AUTH_TYPEHASH = keccak256(
        "StepAuth(bytes32 ch,bytes32 entry,uint48 ver,uint16 stepsLeft,bytes32 storageHash,bytes32 inputHash)"
    );
    bytes32 internal constant ENTRY_TYPEHASH = keccak256(
        "Entry(bytes32 nid,uint48 born,uint96 total,uint96 dA0,uint8 mover0,bytes32 codeHash,uint32 gas,uint16 kMax,bytes32 storage0)"
    );
    bytes32 internal constant ADJUST_TYPEHASH =
        keccak256("Adjust(bytes32 id,uint16 seq,uint8 side,uint96 amount,address receiver,uint48 ver,uint40 notAfter)");
    bytes32 internal constant OPEN_AUTH_TYPEHASH =
        keccak256("OpenAuth(bytes32 id,uint96 depA,uint96 depB,uint40 notAfter)");

    /// @dev The fields ver .. locks lie in calldata as they are hashed; whoever accepts a State bounds each.
    function state(bytes32 ch, State calldata s, bytes32 entries) internal pure returns (bytes32 hash) {
        bytes32 typeHash = STATE_TYPEHASH;
        assembly ("memory-safe") {
            let at := mload(0x40)
            mstore(at, typeHash)
            mstore(add(at, 32), ch)
            calldatacopy(add(at, 64), s, 224)
            mstore(add(at, 288), entries)
            hash := keccak256(at, 320)
        }
    }

    function virtualState(bytes32 vc, VirtualState calldata s, uint256 total, bytes32 entries)
        internal
        pure
        returns (bytes32)
    {
        uint256 zero;
        return keccak256(abi.encode(STATE_TYPEHASH, vc, s.ver, zero, zero, total, s.defA, s.nanos, zero, entries));
    }

    /// @dev Here too the fields that are copied are bounded by whoever accepts the terms.
    function close(
        bytes32 id,
        CloseTerms calldata t,
        uint256 total,
        bytes32 entries,
        address receiverA,
        address receiverB
    ) internal pure returns (bytes32 hash) {
        bytes32 typeHash = CLOSE_TYPEHASH;
        assembly ("memory-safe") {
            let at := mload(0x40)
            mstore(at, typeHash)
            mstore(add(at, 32), id)
            calldatacopy(add(at, 64), t, 96) // depA, depB, outA
            mstore(add(at, 160), total)
            mstore(add(at, 192), calldataload(add(t, 128))) // locks
            mstore(add(at, 224), entries)
            mstore(add(at, 256), receiverA)
            mstore(add(at, 288), receiverB)
            mstore(add(at, 320), calldataload(add(t, 256))) // notAfter
            hash := keccak256(at, 352)
        }
    }

    function openAuth(bytes32 id, uint256 depositA, uint256 depositB, uint256 notAfter)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(OPEN_AUTH_TYPEHASH, id, depositA, depositB, notAfter));
    }

    /// @dev As with the terms of a Close: whoever accepts them bounds the fields that are copied.
    function adjust(bytes32 id, AdjustTerms calldata t, address receiver) internal pure returns (bytes32 hash) {
        bytes32 typeHash = ADJUST_TYPEHASH;
        assembly ("memory-safe") {
            let at := mload(0x40)
            mstore(at, typeHash)
            mstore(add(at, 32), id)
            calldatacopy(add(at, 64), t, 192) // seq .. notAfter
            mstore(add(at, 160), receiver)
            hash := keccak256(at, 256)
        }
    }

    function finalOutcome(bytes32 vc, uint96 outA) internal pure returns (bytes32) {
        return keccak256(abi.encode(FINAL_TYPEHASH, vc, outA));
    }

    function watchAuth(bytes32 id, address tower, uint40 notBefore, uint40 notAfter) internal pure returns (bytes32) {
        return keccak256(abi.encode(WATCH_AUTH_TYPEHASH, id, tower, notBefore, notAfter));
    }

    /// @dev The terms lie in calldata as they are hashed; whoever pays them out bounds them.
    function lock(bytes32 vc, LockTerms calldata l) internal pure returns (bytes32 hash) {
        bytes32 typeHash = LOCK_TYPEHASH;
        assembly ("memory-safe") {
            let at := mload(0x40)
            mstore(at, typeHash)
            mstore(add(at, 32), vc)
            calldatacopy(add(at, 64), l, 96)
            hash := keccak256(at, 160)
        }
    }

    /// @dev As with a State: whoever uses a field bounds it.
    function entry(Entry calldata e) internal pure returns (bytes32 hash) {
        bytes32 typeHash = ENTRY_TYPEHASH;
        assembly ("memory-safe") {
            let at := mload(0x40)
            mstore(at, typeHash)
            calldatacopy(add(at, 32), e, 288)
            hash := keccak256(at, 320)
        }
    }

    function nano(bytes32 ch, bytes32 entryHash, NanoVersion calldata v) internal pure returns (bytes32 hash) {
        bytes32 typeHash = NANO_TYPEHASH;
        assembly ("memory-safe") {
            let at := mload(0x40)
            mstore(at, typeHash)
            mstore(add(at, 32), ch)
            mstore(add(at, 64), entryHash)
            calldatacopy(add(at, 96), v, 160)
            hash := keccak256(at, 256)
        }
    }

    function stepAuth(
        bytes32 ch,
        bytes32 entryHash,
        uint256 ver,
        uint256 stepsLeft,
        bytes32 storageHash,
        bytes32 inputHash
    ) internal pure returns (bytes32) {
        return keccak256(abi.encode(STEP_AUTH_TYPEHASH, ch, entryHash, ver, stepsLeft, storageHash, inputHash));
    }

    /// @dev What the chain keeps of a State: 160 bits, salted so that no collision can be prepared (protocol 2.3).
    function stored(bytes32 stateHash, bytes32 mix) internal pure returns (uint160) {
        return uint160(uint256(keccak256(abi.encode(stateHash, mix))));
    }
}
