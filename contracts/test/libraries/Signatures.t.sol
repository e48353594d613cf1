// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IShared} from "../../src/interfaces/IShared.sol";
import {Signatures} from "../../src/libraries/Signatures.sol";
import {Check} from "../support/Check.sol";

contract SignaturesHarness {
    function check(uint8 scheme, bytes32 key, bytes32 digest, bytes calldata signature) external view {
        Signatures.checkEnd(signature, Signatures.check(scheme, key, digest, signature, 0));
    }
}

contract SignaturesTest is Check {
    uint256 private constant ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

    SignaturesHarness private harness = new SignaturesHarness();

    function signed(uint256 privateKey, bytes32 digest)
        private
        pure
        returns (bytes32 key, uint8 v, bytes32 r, uint256 s)
    {
        bytes32 sWord;
        (v, r, sWord) = vm.sign(privateKey, digest);
        return (bytes32(uint256(uint160(vm.addr(privateKey)))), v, r, uint256(sWord));
    }

    function compact(bytes32 r, uint256 s, uint8 v) private pure returns (bytes memory) {
        return abi.encodePacked(r, bytes32(s | (uint256(v - 27) << 255)));
    }

    function rejects(uint8 scheme, bytes32 key, bytes32 digest, bytes memory signature) private view {
        (bool ok,) = address(harness).staticcall(abi.encodeCall(harness.check, (scheme, key, digest, signature)));
        check(!ok, "accepted");
    }

    function testFuzz_S15_exactly_one_encoding_is_accepted(uint256 seed, bytes32 digest, uint256 flip) public view {
        (bytes32 key, uint8 v, bytes32 r, uint256 s) = signed(within(seed, 1, ORDER - 1), digest);
        bytes memory good = compact(r, s, v);
        harness.check(1, key, digest, good);

        rejects(1, key, digest, abi.encodePacked(r, s, v)); // 65 bytes
        rejects(1, key, digest, abi.encodePacked(good, uint8(0)));
        rejects(1, key, digest, abi.encodePacked(r));
        rejects(1, key, digest, "");
        rejects(1, key, digest, compact(r, s, v == 27 ? 28 : 27));
        if (ORDER - s < 1 << 255) rejects(1, key, digest, compact(r, ORDER - s, v == 27 ? 28 : 27)); // high s
        rejects(1, key, keccak256(abi.encode(digest)), good);
        rejects(0, key, digest, good);
        rejects(2, key, digest, good);
        rejects(1, bytes32(uint256(key) | (uint256(1) << 160)), digest, good); // dirty key
        rejects(1, key, digest, compact(r, 0, v));
        rejects(1, key, digest, compact(0, s, v));
        rejects(1, key, digest, compact(bytes32(ORDER), s, v));
        good[flip % 64] ^= bytes1(uint8(1 << ((flip >> 8) % 8)));
        rejects(1, key, digest, good);
    }

    /// @dev Signing never ends there (one s in 2^128 has that room), so that the key is made to fit the signature.
    function test_S15_an_s_above_half_the_order_is_refused_even_if_a_key_fits() public view {
        bytes32 digest = keccak256("m");
        (,, bytes32 r,) = signed(1, digest);
        for (uint256 s = ORDER / 2 - 1; s < ORDER / 2 + 3; ++s) {
            bytes32 key = bytes32(uint256(uint160(ecrecover(digest, 27, r, bytes32(s)))));
            if (s <= ORDER / 2) harness.check(1, key, digest, compact(r, s, 27));
            else rejects(1, key, digest, compact(r, s, 27));
        }
    }

    function test_S15_nobody_signs_for_the_key_0() public view {
        // ecrecover answers 0 to nonsense; a key 0 must not match it.
        rejects(1, 0, keccak256("m"), abi.encodePacked(bytes32(0), bytes32(0)));
        rejects(1, 0, keccak256("m"), abi.encodePacked(bytes32(ORDER), bytes32(uint256(1))));
    }

    function test_errors_say_what_is_wrong() public {
        vm.expectRevert(IShared.UnsupportedScheme.selector);
        harness.check(0, 0, 0, "");
        vm.expectRevert(IShared.UnsupportedScheme.selector);
        harness.check(3, 0, 0, "");
        vm.expectRevert(IShared.InvalidSignature.selector);
        harness.check(2, 0, 0, "");
        vm.expectRevert(IShared.InvalidSignature.selector);
        harness.check(1, 0, 0, "");
    }
}
