// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {EntryTree} from "../src/libraries/EntryTree.sol";
import {Hashing} from "../src/libraries/Hashing.sol";
import {Ids} from "../src/libraries/Ids.sol";
import {
    AdjustTerms,
    Channel,
    CloseTerms,
    Entry,
    LockTerms,
    NanoVersion,
    State,
    VirtualChannel,
    VirtualState
} from "../src/types/Structs.sol";

/// @dev E10: equal hashes mean equal fields, and structs of different types never have one hash, if the hash function has no
///      collisions. Well-formed values only: whoever accepts dirty ones bounds them first.
contract Preimages {
    function check_E10_state(bytes32 x, State calldata a, bytes32 y, State calldata b) external pure {
        bytes32 left = Hashing.state(x, a, EntryTree.node(a.lockRoot, a.nanoRoot));
        bytes32 right = Hashing.state(y, b, EntryTree.node(b.lockRoot, b.nanoRoot));
        if (left == right) assert(x == y && keccak256(abi.encode(a)) == keccak256(abi.encode(b)));
    }

    /// @dev Equal hashes exist, so that what is proven is not empty: to be refuted.
    function check_witness_state(bytes32 x, State calldata a, bytes32 y, State calldata b) external pure {
        assert(Hashing.state(x, a, a.lockRoot) != Hashing.state(y, b, b.lockRoot));
    }

    /// @dev A State of V is a State in which depA, depB, locks and lockRoot are 0.
    function check_E10_state_of_V(bytes32 x, State calldata a, bytes32 y, VirtualState calldata b, uint96 total)
        external
        pure
    {
        bytes32 left = Hashing.state(x, a, EntryTree.node(a.lockRoot, a.nanoRoot));
        bytes32 right = Hashing.virtualState(y, b, total, EntryTree.node(0, b.nanoRoot));
        if (left != right) return;
        assert(x == y && a.ver == b.ver && a.total == total && a.defA == b.defA && a.nanos == b.nanos);
        assert(a.depA == 0 && a.depB == 0 && a.locks == 0 && a.lockRoot == 0 && a.nanoRoot == b.nanoRoot);
    }

    function check_E10_final(bytes32 x, uint96 a, bytes32 y, uint96 b) external pure {
        if (Hashing.finalOutcome(x, a) == Hashing.finalOutcome(y, b)) assert(x == y && a == b);
    }

    function check_E10_close(bytes32 x, CloseTerms calldata a, bytes32 y, CloseTerms calldata b, uint96 p, uint96 q)
        external
        pure
    {
        bytes32 left = Hashing.close(x, a, p, a.lockRoot, a.receiverA, a.receiverB);
        bytes32 right = Hashing.close(y, b, q, b.lockRoot, b.receiverA, b.receiverB);
        if (left != right) return;
        // `escrowed` is not signed itself, but follows from depA, depB and total.
        assert(x == y && p == q && a.depA == b.depA && a.depB == b.depB && a.outA == b.outA && a.locks == b.locks);
        assert(a.lockRoot == b.lockRoot && a.receiverA == b.receiverA && a.receiverB == b.receiverB);
        assert(a.notAfter == b.notAfter);
    }

    function check_E10_adjust(bytes32 x, AdjustTerms calldata a, bytes32 y, AdjustTerms calldata b) external pure {
        if (Hashing.adjust(x, a, a.receiver) != Hashing.adjust(y, b, b.receiver)) return;
        assert(x == y && keccak256(abi.encode(a)) == keccak256(abi.encode(b)));
    }

    function check_E10_open_auth(bytes32 x, uint96[2] calldata a, uint40 t, bytes32 y, uint96[2] calldata b, uint40 u)
        external
        pure
    {
        if (Hashing.openAuth(x, a[0], a[1], t) != Hashing.openAuth(y, b[0], b[1], u)) return;
        assert(x == y && a[0] == b[0] && a[1] == b[1] && t == u);
    }

    function check_E10_lock(bytes32 x, LockTerms calldata a, bytes32 y, LockTerms calldata b) external pure {
        if (Hashing.lock(x, a) != Hashing.lock(y, b)) return;
        assert(x == y && a.leftIsA == b.leftIsA && a.left == b.left && a.right == b.right);
    }

    function check_E10_entry(Entry calldata a, Entry calldata b) external pure {
        if (Hashing.entry(a) == Hashing.entry(b)) assert(keccak256(abi.encode(a)) == keccak256(abi.encode(b)));
    }

    function check_E10_nano(bytes32 x, bytes32 e, NanoVersion calldata a, bytes32 y, bytes32 f, NanoVersion calldata b)
        external
        pure
    {
        if (Hashing.nano(x, e, a) != Hashing.nano(y, f, b)) return;
        assert(x == y && e == f && keccak256(abi.encode(a)) == keccak256(abi.encode(b)));
    }

    /// @dev The ten words of a State and of an Entry: only the type hash tells them apart.
    function check_E10_types(bytes32 x, State calldata a, Entry calldata b, bytes32 entries) external pure {
        assert(Hashing.state(x, a, entries) != Hashing.entry(b));
    }

    function check_E10_ids(bytes32 d, bytes32 key, uint40 nonce, VirtualChannel calldata v, bytes32 ch, bytes32 entry)
        external
        pure
    {
        bytes32 ledger = Ids.channel(d, key, nonce);
        assert(ledger != Ids.virtualChannel(d, v) && ledger != Ids.nanoSlot(d, ch, entry));
    }

    function check_E10_slot_keys(Channel calldata a, Channel calldata b, bytes32 d, uint40 n, uint40 m) external pure {
        if (Ids.channel(d, Ids.slotKey(a), n) != Ids.channel(d, Ids.slotKey(b), m)) return;
        assert(n == m && keccak256(abi.encode(a)) == keccak256(abi.encode(b)));
    }

    /// @dev A leaf is no node.
    function check_E10_leaves(bytes32 a, bytes32 b, bytes32 left, bytes32 right) external pure {
        assert(EntryTree.leaf(a) != EntryTree.node(left, right));
        if (EntryTree.leaf(a) == EntryTree.leaf(b)) assert(a == b);
    }
}
