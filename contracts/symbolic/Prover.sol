// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @dev What the prover offers.
interface Cheats {
    function assume(bool condition) external pure;
    function warp(uint256 time) external;
    function prank(address sender) external;
    function deal(address account, uint256 balance) external;
    function store(address account, bytes32 slot, bytes32 value) external;
    function load(address account, bytes32 slot) external view returns (bytes32);
    function getCode(string calldata path) external view returns (bytes memory);
}

interface Domained {
    function domainSeparator() external view returns (bytes32);
}

/// @dev The deployed bytecode with any words in its slots, called by anybody at any time with any calldata of the given shape:
///      structs are raw words, so that dirty upper bits are among them. Hashes and signatures are uninterpreted functions. What
///      the protocol says is written out here again, apart from the code that it is held against.
abstract contract Prover {
    Cheats internal constant vm = Cheats(address(uint160(uint256(keccak256("hevm cheat code")))));

    // Where the contract keeps its mappings.
    uint256 internal constant VAULTS = 0;
    uint256 internal constant ACCRUED = 1;
    uint256 internal constant SLOTS = 2;
    uint256 internal constant ESCROWS = 3;
    uint256 internal constant RECORDS = 4;

    uint256 internal constant FUNDING = 1;
    uint256 internal constant OPEN = 2;
    uint256 internal constant CLOSED = 3;
    uint256 internal constant CONCLUDED = 0x3fff;

    bytes32 internal constant EMPTY_ENTRIES = keccak256(abi.encodePacked(uint8(1), bytes32(0), bytes32(0)));
    bytes32 internal constant STATE = keccak256(
        "State(bytes32 ch,uint48 ver,uint96 depA,uint96 depB,uint96 total,uint96 defA,uint8 nanos,uint8 locks,bytes32 entries)"
    );
    bytes32 internal constant CLOSE = keccak256(
        "Close(bytes32 id,uint96 depA,uint96 depB,uint96 outA,uint96 total,uint8 locks,bytes32 entries,address receiverA,address receiverB,uint40 notAfter)"
    );
    bytes32 internal constant ADJUST =
        keccak256("Adjust(bytes32 id,uint16 seq,uint8 side,uint96 amount,address receiver,uint48 ver,uint40 notAfter)");
    bytes32 internal constant WATCH = keccak256("WatchAuth(bytes32 id,address tower,uint40 notBefore,uint40 notAfter)");

    address internal adjudicator;
    bytes32 internal domain;

    function setUp() public virtual {
        vm.warp(1_800_000_000);
        bytes memory code = vm.getCode("code/Adjudicator.json");
        address deployed;
        assembly {
            deployed := create(0, add(code, 32), mload(code))
        }
        assert(deployed != address(0));
        adjudicator = deployed;
        domain = Domained(deployed).domainSeparator();
    }

    // ------------------------------------------------------------------------------------------------- the world

    function put(bytes32 place, uint256 value) internal {
        vm.store(adjudicator, place, bytes32(value));
    }

    function read(bytes32 place) internal view returns (uint256) {
        return uint256(vm.load(adjudicator, place));
    }

    function mapped(bytes32 key, uint256 mapping_) internal pure returns (bytes32) {
        return keccak256(abi.encode(key, mapping_));
    }

    function next(bytes32 place) internal pure returns (bytes32) {
        return bytes32(uint256(place) + 1);
    }

    function vault(address owner) internal pure returns (bytes32) {
        return keccak256(abi.encode(owner, keccak256(abi.encode(address(0), VAULTS))));
    }

    /// @dev Any other channel: all words that the contract can keep under one other key, whatever kind of channel it names.
    struct Other {
        bytes32 key;
        uint256[6] words;
    }

    function _places(bytes32 key) private pure returns (bytes32[6] memory list) {
        (bytes32 slot, bytes32 escrow_) = (mapped(key, SLOTS), mapped(key, ESCROWS));
        return [slot, next(slot), escrow_, next(escrow_), mapped(key, RECORDS), mapped(key, ACCRUED)];
    }

    function putOther(Other memory other) internal {
        bytes32[6] memory list = _places(other.key);
        for (uint256 i = 0; i < 6; ++i) {
            put(list[i], other.words[i]);
        }
    }

    /// @dev E12.
    function checkOther(Other memory other) internal view {
        bytes32[6] memory list = _places(other.key);
        for (uint256 i = 0; i < 6; ++i) {
            assert(read(list[i]) == other.words[i]);
        }
    }

    /// @dev Parameters that `open` lets through (check_E1_E4_E12_open), less keys of scheme 2, which only a precompile knows about
    ///      (forge: SchemesTest).
    function opened(uint256[11] memory c) internal pure {
        vm.assume(c[0] < 2 ** 160 && c[1] < 2 ** 160 && c[6] < 2 ** 160 && c[2] == 1 && c[4] == 1);
    }

    /// @dev Time within what 33 bits hold, also when the longest periods are added.
    function time(uint256 now_) internal {
        vm.assume(now_ > 0 && now_ < 2 ** 32);
        vm.warp(now_);
    }

    function call(address sender, bytes4 selector, bytes memory arguments) internal returns (bool ok) {
        vm.prank(sender);
        (ok,) = adjudicator.call(bytes.concat(selector, arguments));
    }

    // ------------------------------------------------------------------------------------------------------ words

    function bits(uint256 word, uint256 from, uint256 width) internal pure returns (uint256) {
        return (word >> from) & ((1 << width) - 1);
    }

    function phase(uint256 s0) internal pure returns (uint256) {
        return s0 >> 248;
    }

    function nonce(uint256 s0) internal pure returns (uint256) {
        return bits(s0, 208, 40);
    }

    function depositA(uint256 s0) internal pure returns (uint256) {
        return bits(s0, 96, 96);
    }

    function depositB(uint256 s0) internal pure returns (uint256) {
        return bits(s0, 0, 96);
    }

    function ver(uint256 s1) internal pure returns (uint256) {
        return s1 >> 208;
    }

    /// @dev R.
    function deadline(uint256 s1) internal pure returns (uint256) {
        return bits(s1, 175, 33);
    }

    function life(uint256 s1) internal pure returns (uint256) {
        return bits(s1, 161, 14);
    }

    function hasNanos(uint256 s1) internal pure returns (bool) {
        return bits(s1, 160, 1) == 1;
    }

    function runs(uint256 s0, uint256 s1) internal pure returns (bool) {
        return s1 != 0 && life(s1) == nonce(s0);
    }

    // ----------------------------------------------------------------------------------------------------- hashes

    function ledgerId(bytes32 key, uint256 nonce_) internal view returns (bytes32) {
        return keccak256(abi.encode(domain, bytes32("L"), key, nonce_));
    }

    function entriesOf(uint256 lockRoot, uint256 nanoRoot) internal pure returns (bytes32) {
        if (lockRoot | nanoRoot == 0) return EMPTY_ENTRIES;
        return keccak256(abi.encodePacked(uint8(1), lockRoot, nanoRoot));
    }

    function digest(bytes32 structHash) internal view returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", domain, structHash));
    }

    function isSigned(bytes32 key, bytes32 digest_, bytes memory signatures, uint256 start)
        internal
        pure
        returns (bool)
    {
        if (signatures.length < start + 64) return false;
        bytes32 r;
        uint256 vs;
        assembly {
            r := mload(add(add(signatures, 32), start))
            vs := mload(add(add(signatures, 64), start))
        }
        address signer = ecrecover(digest_, uint8(27 + (vs >> 255)), r, bytes32(vs & (type(uint256).max >> 1)));
        return signer != address(0) && bytes32(uint256(uint160(signer))) == key;
    }

    /// @dev E2: both sides of a ledger channel signed, or one of them sent the call. Returns how many bytes of signatures that takes.
    function checkSides(uint256[11] memory c, address sender, bytes32 hash, bytes memory signatures)
        internal
        pure
        returns (uint256 end)
    {
        if (c[0] != uint160(sender)) {
            assert(isSigned(bytes32(c[3]), hash, signatures, end));
            end += 64;
        }
        if (c[1] != uint160(sender)) {
            assert(isSigned(bytes32(c[5]), hash, signatures, end));
            end += 64;
        }
    }
}
