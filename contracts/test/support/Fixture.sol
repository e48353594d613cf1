// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Adjudicator} from "../../src/Adjudicator.sol";
import {IAdjudicator} from "../../src/interfaces/IAdjudicator.sol";
import {
    Channel,
    CloseTerms,
    Key,
    LockTerms,
    Opener,
    State,
    VirtualChannel,
    VirtualState,
    WatchAuth
} from "../../src/types/Structs.sol";
import {Check} from "./Check.sol";

/// @dev A deployed Adjudicator, parties with keys, and everything that they sign. The encodings are written out here again,
///      apart from the libraries under test.
abstract contract Fixture is Check {
    uint256 internal constant NOW = 1_800_000_000;
    uint32 internal constant C = 86_400;
    uint32 internal constant W = 21_600;
    uint96 internal constant ALICE_STAKE = 1_234_567_890_123_456_789;
    uint96 internal constant BOB_STAKE = 2_345_678_901_234_567_891;

    IAdjudicator internal adjudicator;

    uint256 internal immutable ALICE_KEY = uint256(keccak256("alice's channel key"));
    uint256 internal immutable BOB_KEY = uint256(keccak256("bob's channel key"));
    uint256 internal immutable HUB_KEY = uint256(keccak256("hub's virtual key"));
    uint256 internal immutable A_END_KEY = uint256(keccak256("alice's virtual key"));
    uint256 internal immutable B_END_KEY = uint256(keccak256("bob's virtual key"));

    address internal alice = person("alice");
    address internal bob = person("bob");
    address internal carol = person("carol"); // party to nothing

    bytes internal none = "";

    function setUp() public virtual {
        vm.warp(NOW);
        vm.roll(1_000);
        adjudicator = deployed();
        vm.deal(alice, 1e30);
        vm.deal(bob, 1e30);
        vm.deal(carol, 1e30);
    }

    /// @dev `PERUNIKA_ADJUDICATOR` names a file with other creation code, in hexadecimal: that of a mutant (scripts/hunt.mjs).
    function deployed() internal returns (IAdjudicator) {
        string memory file = vm.envOr("PERUNIKA_ADJUDICATOR", string(""));
        if (bytes(file).length == 0) return IAdjudicator(address(new Adjudicator()));
        bytes memory code = vm.parseBytes(vm.readFile(file));
        address at_;
        assembly {
            at_ := create(0, add(code, 32), mload(code))
        }
        check(at_ != address(0), "deployed");
        return IAdjudicator(at_);
    }

    function person(string memory name) internal pure returns (address) {
        return address(uint160(uint256(keccak256(abi.encodePacked("person ", name)))));
    }

    function pass(uint256 time) internal {
        vm.warp(time);
        vm.roll(vm.getBlockNumber() + 1);
    }

    /// @dev The salt that a registration in this block uses. (The optimiser takes block.number to be constant in a test.)
    function mixNow() internal view returns (bytes32) {
        return blockhash(vm.getBlockNumber() - 1);
    }

    // ------------------------------------------------------------------------------------------- ledger channels

    function keyOf(uint256 privateKey) internal pure returns (bytes32) {
        return bytes32(uint256(uint160(vm.addr(privateKey))));
    }

    function ledger() internal view returns (Channel memory c) {
        return ledger(alice, bob, ALICE_KEY, BOB_KEY, 0);
    }

    function ledger(address a, address b, uint256 keyA, uint256 keyB, uint16 lane)
        internal
        pure
        returns (Channel memory c)
    {
        c = Channel(a, b, 1, keyOf(keyA), 1, keyOf(keyB), address(0), C, W, 80, lane);
    }

    function openBoth(Channel memory c, uint96 depositA, uint96 depositB) internal returns (bytes32 id) {
        uint40 nonce = adjudicator.channel(c).nonce;
        vm.prank(c.ownerA);
        adjudicator.open{value: depositA}(c, nonce);
        vm.prank(c.ownerB);
        adjudicator.confirm{value: depositB}(c, nonce, depositA);
        return adjudicator.channelId(c, nonce);
    }

    function openDefault() internal returns (Channel memory c, bytes32 id) {
        c = ledger();
        id = openBoth(c, ALICE_STAKE, BOB_STAKE);
    }

    /// @dev A State without locks and nanocontracts on the default deposits.
    function plain(uint48 ver, uint96 defA) internal pure returns (State memory) {
        return State(ver, ALICE_STAKE, BOB_STAKE, ALICE_STAKE + BOB_STAKE, defA, 0, 0, 0, 0);
    }

    // -------------------------------------------------------------------------------------------------- encodings

    function node(bytes32 left, bytes32 right) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(uint8(1), left, right));
    }

    function stateHash(bytes32 ch, State memory s) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256(
                    "State(bytes32 ch,uint48 ver,uint96 depA,uint96 depB,uint96 total,uint96 defA,uint8 nanos,uint8 locks,bytes32 entries)"
                ),
                ch,
                s.ver,
                s.depA,
                s.depB,
                s.total,
                s.defA,
                s.nanos,
                s.locks,
                node(s.lockRoot, s.nanoRoot)
            )
        );
    }

    function virtualStateHash(bytes32 vc, VirtualState memory s, uint96 total) internal pure returns (bytes32) {
        return stateHash(vc, State(s.ver, 0, 0, total, s.defA, s.nanos, 0, 0, s.nanoRoot));
    }

    function closeHash(bytes32 id, CloseTerms memory t) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256(
                    "Close(bytes32 id,uint96 depA,uint96 depB,uint96 outA,uint96 total,uint8 locks,bytes32 entries,address receiverA,address receiverB,uint40 notAfter)"
                ),
                id,
                t.depA,
                t.depB,
                t.outA,
                uint256(t.depA) + t.depB - t.escrowed,
                t.locks,
                node(t.lockRoot, 0),
                t.receiverA,
                t.receiverB,
                t.notAfter
            )
        );
    }

    function finalHash(bytes32 vc, uint96 outA) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256("Final(bytes32 vc,uint96 outA)"), vc, outA));
    }

    function lockLeaf(bytes32 vc, LockTerms memory l) internal pure returns (bytes32) {
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("Lock(bytes32 vc,bool leftIsA,uint96 left,uint96 right)"), vc, l.leftIsA, l.left, l.right
            )
        );
        return keccak256(abi.encodePacked(uint8(0), structHash));
    }

    // ------------------------------------------------------------------------------------------------- signatures

    function compact(uint8 v, bytes32 r, bytes32 s) internal pure returns (bytes memory) {
        return abi.encodePacked(r, bytes32(uint256(s) | (uint256(v - 27) << 255)));
    }

    function signHash(uint256 privateKey, bytes32 structHash) internal view returns (bytes memory) {
        return signDigest(privateKey, keccak256(abi.encodePacked(hex"1901", adjudicator.domainSeparator(), structHash)));
    }

    function signDigest(uint256 privateKey, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(privateKey, digest);
        return compact(v, r, s);
    }

    function signState(uint256 privateKey, bytes32 ch, State memory s) internal view returns (bytes memory) {
        return signHash(privateKey, stateHash(ch, s));
    }

    function signVirtual(uint256 privateKey, bytes32 vc, VirtualState memory s, uint96 total)
        internal
        view
        returns (bytes memory)
    {
        return signHash(privateKey, virtualStateHash(vc, s, total));
    }

    function watchAuth(uint256 privateKey, bytes32 id, address tower, uint40 notBefore, uint40 notAfter)
        internal
        view
        returns (WatchAuth memory)
    {
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("WatchAuth(bytes32 id,address tower,uint40 notBefore,uint40 notAfter)"),
                id,
                tower,
                notBefore,
                notAfter
            )
        );
        return WatchAuth(notBefore, notAfter, signHash(privateKey, structHash));
    }

    // ------------------------------------------------------------------------------------------- virtual channels

    /// @dev A path of `links` links: its parameters, hub keys, activation secrets and all private keys in path order.
    struct Path {
        VirtualChannel v;
        bytes32 vc;
        Key[] mids;
        bytes32[] secrets;
        uint256[] privateKeys;
    }

    function path(uint256 links, uint96 initA, uint96 initB) internal view returns (Path memory) {
        return path(links, initA, initB, 1);
    }

    function path(uint256 links, uint96 initA, uint96 initB, uint256 salt) internal view returns (Path memory p) {
        p.mids = new Key[](links - 1);
        p.secrets = new bytes32[](links + 1);
        p.privateKeys = new uint256[](links + 1);
        bytes memory midWords;
        bytes memory hashes;
        for (uint256 i = 0; i <= links; ++i) {
            p.secrets[i] = keccak256(abi.encode("secret", i, salt));
            hashes = abi.encodePacked(hashes, keccak256(abi.encode(p.secrets[i])));
            p.privateKeys[i] = i == 0
                ? A_END_KEY
                : i == links ? B_END_KEY : i == 1 ? HUB_KEY : uint256(keccak256(abi.encode("hub", i)));
            if (i > 0 && i < links) {
                p.mids[i - 1] = Key(1, keyOf(p.privateKeys[i]));
                midWords = abi.encodePacked(midWords, abi.encode(p.mids[i - 1]));
            }
        }
        p.v = VirtualChannel({
            a: Key(1, keyOf(A_END_KEY)),
            b: Key(1, keyOf(B_END_KEY)),
            mids: keccak256(midWords),
            links: keccak256(abi.encode("links", salt)),
            fees: keccak256(abi.encode("fees", salt)),
            asset: address(0),
            initA: initA,
            initB: initB,
            tExp: uint40(NOW + 1 days),
            challenge: C,
            window: W,
            kMax: 80,
            nonce: uint128(uint256(keccak256(abi.encode("nonce", salt)))),
            actMode: 1,
            act: keccak256(hashes)
        });
        p.vc = virtualIdOf(p.v);
    }

    function virtualIdOf(VirtualChannel memory v) internal view returns (bytes32) {
        return keccak256(abi.encode(adjudicator.domainSeparator(), bytes1("V"), keccak256(abi.encode(v))));
    }

    function certificate(Path memory p, uint96 outA) internal view returns (bytes memory sigs) {
        for (uint256 i = 0; i < p.privateKeys.length; ++i) {
            sigs = bytes.concat(sigs, signHash(p.privateKeys[i], finalHash(p.vc, outA)));
        }
    }

    /// @dev Both ends' signatures of a state of the virtual channel.
    function signEnds(Path memory p, VirtualState memory s) internal view returns (bytes memory) {
        uint96 total = p.v.initA + p.v.initB;
        return bytes.concat(signVirtual(A_END_KEY, p.vc, s, total), signVirtual(B_END_KEY, p.vc, s, total));
    }

    /// @dev The address that the key of the first end stands for.
    function endA() internal view returns (address) {
        return vm.addr(A_END_KEY);
    }

    // ------------------------------------------------------------------------------------------------------ trees

    function rootOf(bytes32[] memory leaves) internal pure returns (bytes32) {
        if (leaves.length == 0) return 0;
        bytes32[] memory level = padded(leaves);
        for (uint256 width = level.length; width > 1; width /= 2) {
            for (uint256 i = 0; i < width / 2; ++i) {
                level[i] = node(level[2 * i], level[2 * i + 1]);
            }
        }
        return level[0];
    }

    function proofOf(bytes32[] memory leaves, uint256 index) internal pure returns (bytes32[] memory proof) {
        bytes32[] memory level = padded(leaves);
        uint256 depth;
        while (1 << depth < level.length) ++depth;
        proof = new bytes32[](depth);
        uint256 width = level.length;
        for (uint256 d = 0; d < depth; ++d) {
            proof[d] = level[index ^ 1];
            for (uint256 i = 0; i < width / 2; ++i) {
                level[i] = node(level[2 * i], level[2 * i + 1]);
            }
            width /= 2;
            index >>= 1;
        }
    }

    function padded(bytes32[] memory leaves) private pure returns (bytes32[] memory level) {
        uint256 width = 1;
        while (width < leaves.length) width *= 2;
        level = new bytes32[](width);
        for (uint256 i = 0; i < leaves.length; ++i) {
            level[i] = leaves[i];
        }
    }
}
