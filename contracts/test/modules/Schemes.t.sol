// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IShared} from "../../src/interfaces/IShared.sol";
import {AdjustTerms, Channel, CloseTerms, Opening, State, WatchAuth} from "../../src/types/Structs.sol";
import {FundingFixture} from "../support/FundingFixture.sol";

/// @dev Keys of scheme 2: P-256, 128 bytes of signature.
contract SchemesTest is FundingFixture {
    uint256 private constant ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551;
    uint256 private constant SECRET = uint256(keccak256("ben's P-256 key")) >> 1;

    Channel private e;

    function setUp() public override {
        super.setUp();
        e = channelOf(address(0));
        (e.schemeB, e.keyB) = (2, hashOf(SECRET));
    }

    function hashOf(uint256 secret) private pure returns (bytes32) {
        (uint256 x, uint256 y) = vm.publicKeyP256(secret);
        return keccak256(abi.encode(x, y));
    }

    function signP256(uint256 secret, bytes32 structHash) private view returns (bytes memory) {
        (bytes32 r, bytes32 s) = vm.signP256(secret, digestOf(structHash));
        if (uint256(s) > ORDER / 2) s = bytes32(ORDER - uint256(s));
        (uint256 x, uint256 y) = vm.publicKeyP256(secret);
        return abi.encode(r, s, x, y);
    }

    function opened() private returns (bytes32 id) {
        works(anna, ALICE_STAKE, abi.encodeCall(adjudicator.open, (e, 0)));
        works(ben, BOB_STAKE, abi.encodeCall(adjudicator.confirm, (e, 0, ALICE_STAKE)));
        return adjudicator.channelId(e, 0);
    }

    function test_a_life_with_a_p256_key() public {
        bytes32 id = opened();
        State memory s = plain(5, 1 ether);
        works(anna, 0, abi.encodeCall(adjudicator.register, (e, s, signP256(SECRET, stateHash(id, s)))));
        s.ver = 6;
        bytes memory both = bytes.concat(signState(ALICE_KEY, id, s), signP256(SECRET, stateHash(id, s)));
        works(carol, 0, abi.encodeCall(adjudicator.refute, (e, s, both)));
        CloseTerms memory t = closing(e, usual(), 2 ether);
        bytes32 hash = closeHash(id, t);
        both = bytes.concat(signHash(ALICE_KEY, hash), signP256(SECRET, hash));
        works(carol, 0, abi.encodeCall(adjudicator.close, (e, t, both)));
        eq(anna.balance, 1e30 - ALICE_STAKE + 2 ether, "A");
    }

    function test_a_p256_key_withdraws_and_names_a_tower() public {
        bytes32 id = opened();
        AdjustTerms memory t = AdjustTerms(0, 1, 5, ben, 3, uint40(NOW + 1));
        works(anna, 0, abi.encodeCall(adjudicator.adjust, (e, t, signP256(SECRET, adjustHash(id, t)))));
        State memory s = State(5, ALICE_STAKE, BOB_STAKE - 5, ALICE_STAKE + BOB_STAKE - 5, 1 ether, 0, 0, 0, 0);
        bytes memory both = bytes.concat(signState(ALICE_KEY, id, s), signP256(SECRET, stateHash(id, s)));
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("WatchAuth(bytes32 id,address tower,uint40 notBefore,uint40 notAfter)"),
                id,
                carol,
                uint40(NOW),
                uint40(NOW + 9)
            )
        );
        WatchAuth memory auth = WatchAuth(uint40(NOW), uint40(NOW + 9), signP256(SECRET, structHash));
        works(carol, 0, abi.encodeCall(adjudicator.registerFor, (e, s, both, true, auth)));
    }

    function registers(State memory s, bytes memory signature) private returns (bool ok) {
        uint256 snapshot = vm.snapshotState();
        (ok,) = attempt(anna, 0, abi.encodeCall(adjudicator.register, (e, s, signature)));
        vm.revertToState(snapshot);
    }

    function test_S15_exactly_one_encoding_of_a_p256_signature() public {
        bytes32 id = opened();
        State memory s = plain(5, 1 ether);
        bytes memory good = signP256(SECRET, stateHash(id, s));
        check(registers(s, good), "good");
        (bytes32 r, bytes32 low, uint256 x, uint256 y) = abi.decode(good, (bytes32, bytes32, uint256, uint256));
        check(!registers(s, abi.encode(r, ORDER - uint256(low), x, y)), "a high s");
        check(!registers(s, abi.encode(r, low, x, ORDER - y)), "another y");
        check(!registers(s, bytes.concat(good, hex"00")), "longer");
        check(!registers(s, abi.encode(r, low, x)), "shorter");
        check(!registers(s, new bytes(128)), "zeros");
        check(!registers(s, none), "nothing");
        check(!registers(s, signState(BOB_KEY, id, s)), "of scheme 1");
        // A valid signature of another key, which shows itself.
        check(!registers(s, signP256(SECRET + 1, stateHash(id, s))), "another key");
        for (uint256 i = 0; i < 128; i += 5) {
            bytes memory changed = bytes.concat(good);
            changed[i] ^= 0x04;
            check(!registers(s, changed), "changed");
        }
        s.ver = 6;
        check(!registers(s, good), "another State");
    }

    function test_S13_p256_keys_at_their_bounds() public {
        e.keyB = 0;
        fails(IShared.InvalidKey.selector, anna, 0, abi.encodeCall(adjudicator.open, (e, 0)));
        e.keyB = bytes32(type(uint256).max);
        works(anna, 0, abi.encodeCall(adjudicator.open, (e, 0)));
        e.schemeA = 2;
        e.keyA = e.keyB;
        fails(IShared.InvalidKey.selector, anna, 0, abi.encodeCall(adjudicator.open, (e, 0)));
        (e.schemeA, e.keyA) = (3, bytes32(uint256(1)));
        fails(IShared.UnsupportedScheme.selector, anna, 0, abi.encodeCall(adjudicator.open, (e, 0)));
    }

    /// @dev As on a chain without it: the call succeeds and says nothing.
    function vanish() private {
        vm.mockCall(address(0x100), none, none);
    }

    /// @dev S17: on a chain without the precompile no deposit is taken for such a key.
    function test_S17_a_chain_without_p256_takes_no_such_key() public {
        vanish();
        Opening memory o = usual();
        fails(IShared.UnsupportedScheme.selector, anna, ALICE_STAKE, abi.encodeCall(adjudicator.open, (e, 0)));
        fails(IShared.UnsupportedScheme.selector, anna, ALICE_STAKE, abi.encodeCall(adjudicator.openWith, (e, o, none)));
        bytes memory agreed = abi.encodePacked(SENDER, signHash(BEN_KEY, authOf(e, o)));
        fails(
            IShared.UnsupportedScheme.selector,
            anna,
            uint256(ALICE_STAKE) + BOB_STAKE,
            abi.encodeCall(adjudicator.openBoth, (e, o, none, agreed))
        );
        eq(adjudicator.channel(e).phase, 0, "virgin");
        vm.clearMockedCalls();
        works(anna, ALICE_STAKE, abi.encodeCall(adjudicator.open, (e, 0)));
    }

    /// @dev Should it vanish, signatures of such a key are refused, like any that cannot be verified.
    function test_S17_without_the_precompile_no_signature_is_valid() public {
        bytes32 id = opened();
        State memory s = plain(5, 1 ether);
        bytes memory call_ = abi.encodeCall(adjudicator.register, (e, s, signP256(SECRET, stateHash(id, s))));
        vanish();
        fails(IShared.InvalidSignature.selector, anna, 0, call_);
        vm.clearMockedCalls();
        works(anna, 0, call_);
    }
}
