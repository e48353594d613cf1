// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IShared} from "../../src/interfaces/IShared.sol";
import {Channel, Opening, State} from "../../src/types/Structs.sol";
import {FundingFixture} from "../support/FundingFixture.sol";

/// @dev An account that is a contract (ERC-1271): what it approves is what its code says, today.
contract SmartAccount {
    enum Mode {
        OfKey, // 65 bytes of its key, with a prefix of its own
        Everything,
        Nothing,
        WrongWord,
        Short,
        Reverts,
        Burns,
        Calls // something else first
    }

    bytes4 private constant YES = 0x1626ba7e;

    Mode public mode;
    address public key;
    address private _target;
    bytes private _call;

    constructor(address key_) {
        key = key_;
    }

    receive() external payable {}

    function set(Mode mode_) external {
        mode = mode_;
    }

    function plan(address target, bytes calldata call_) external {
        (_target, _call) = (target, call_);
    }

    function act(address target, uint256 value, bytes calldata call_) external {
        (bool ok, bytes memory result) = target.call{value: value}(call_);
        if (!ok) {
            assembly {
                revert(add(result, 32), mload(result))
            }
        }
    }

    function isValidSignature(bytes32 hash, bytes calldata signature) external returns (bytes4) {
        if (mode == Mode.Everything) return YES;
        if (mode == Mode.Nothing) return 0xffffffff;
        if (mode == Mode.Reverts) revert("no");
        if (mode == Mode.Burns) while (true) {}
        if (mode == Mode.Calls) {
            (bool ok,) = _target.call(_call);
            return ok ? bytes4(0) : YES;
        }
        assembly {
            switch sload(mode.slot)
            case 3 {
                mstore(0, 1)
                return(0, 32)
            }
            case 4 {
                mstore(0, shl(224, 0x1626ba7e))
                return(0, 4)
            }
        }
        if (signature.length != 66 || signature[0] != 0x42) return 0xffffffff;
        bytes32 r = bytes32(signature[1:33]);
        bytes32 s = bytes32(signature[33:65]);
        return ecrecover(hash, uint8(signature[65]), r, s) == key ? YES : bytes4(0xffffffff);
    }
}

contract OwnersTest is FundingFixture {
    SmartAccount private smart;
    Channel private e;
    Opening private o;

    function setUp() public override {
        super.setUp();
        smart = new SmartAccount(ben);
        vm.deal(address(smart), 1e30);
        e = channelOf(address(0));
        e.ownerB = address(smart);
        o = opening(ALICE_STAKE, 0);
    }

    function signedFor(SmartAccount, Channel memory c, Opening memory o_) private view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(BEN_KEY, digestOf(authOf(c, o_)));
        return abi.encodePacked(bytes1(0x42), r, s, v);
    }

    function opens(Channel memory c, Opening memory o_, bytes memory signature) private view returns (bytes memory) {
        return abi.encodeCall(adjudicator.openBoth, (c, o_, none, abi.encodePacked(SENDER, signature)));
    }

    function test_a_smart_account_binds_its_key_with_its_own_kind_of_signature() public {
        bytes memory signature = signedFor(smart, e, o);
        bytes memory other = bytes.concat(signature);
        other[40] ^= 0x01;
        fails(IShared.InvalidSignature.selector, anna, ALICE_STAKE, opens(e, o, other));
        // That of its key alone, in the form of an ordinary account, is another one's.
        fails(IShared.InvalidSignature.selector, anna, ALICE_STAKE, opens(e, o, signHash(BEN_KEY, authOf(e, o))));
        works(anna, ALICE_STAKE, opens(e, o, signature));
        eq(adjudicator.channel(e).phase, 2, "open");
    }

    function test_a_smart_account_pays_out_of_its_vault() public {
        vm.prank(carol);
        adjudicator.fundVault{value: BOB_STAKE}(address(0), address(smart), BOB_STAKE);
        o = usual();
        bytes memory funding = abi.encodePacked(VAULT, signedFor(smart, e, o));
        works(anna, ALICE_STAKE, abi.encodeCall(adjudicator.openBoth, (e, o, none, funding)));
        eq(adjudicator.vault(address(0), address(smart)), 0, "vault");
    }

    function test_a_smart_account_opens_and_confirms_by_itself() public {
        Channel memory a = channelOf(address(0));
        a.ownerA = address(smart);
        smart.act(address(adjudicator), ALICE_STAKE, abi.encodeCall(adjudicator.open, (a, 0)));
        works(ben, BOB_STAKE, abi.encodeCall(adjudicator.confirm, (a, 0, ALICE_STAKE)));
        works(anna, ALICE_STAKE, abi.encodeCall(adjudicator.open, (e, 0)));
        smart.act(address(adjudicator), BOB_STAKE, abi.encodeCall(adjudicator.confirm, (e, 0, ALICE_STAKE)));
        eq(adjudicator.channel(a).phase + adjudicator.channel(e).phase, 4, "both open");
    }

    function test_what_is_not_the_magic_word_is_no() public {
        for (uint256 mode = uint256(SmartAccount.Mode.Nothing); mode <= uint256(SmartAccount.Mode.Burns); ++mode) {
            smart.set(SmartAccount.Mode(mode));
            vm.prank(anna);
            (bool ok, bytes memory result) =
                address(adjudicator).call{value: ALICE_STAKE, gas: 3_000_000}(opens(e, o, hex"1234"));
            check(!ok && bytes4(result) == IShared.InvalidSignature.selector, "no");
        }
        smart.set(SmartAccount.Mode.Everything);
        works(anna, ALICE_STAKE, opens(e, o, none));
    }

    /// @dev S21: it is asked by STATICCALL, and finds what changes anything closed.
    function test_S21_a_smart_account_that_is_asked_changes_nothing() public {
        smart.set(SmartAccount.Mode.Calls);
        smart.plan(address(adjudicator), abi.encodeCall(adjudicator.withdraw, (address(0), address(smart), uint256(1))));
        works(anna, ALICE_STAKE, opens(e, o, none));
        smart.plan(address(adjudicator), abi.encodeCall(adjudicator.domainSeparator, ()));
        o.nonce = 0;
        e.lane = 1;
        fails(IShared.InvalidSignature.selector, anna, ALICE_STAKE, opens(e, o, none));
    }

    function test_nobody_answers_for_an_account_without_code() public {
        Channel memory plainOwner = channelOf(address(0));
        plainOwner.ownerB = bob; // has no code, and no key that signed
        fails(IShared.InvalidSignature.selector, anna, ALICE_STAKE, opens(plainOwner, o, none));
        fails(IShared.InvalidSignature.selector, anna, ALICE_STAKE, opens(plainOwner, o, new bytes(64)));
        fails(IShared.InvalidSignature.selector, anna, ALICE_STAKE, opens(plainOwner, o, new bytes(65)));
        plainOwner.ownerB = address(1); // a precompile answers every call, but not with the word
        fails(IShared.InvalidSignature.selector, anna, ALICE_STAKE, opens(plainOwner, o, none));
    }

    /// @dev S16: the owner binds the key once. Whatever its code says later, States of the key stand, and none of anybody else.
    function test_S16_an_owner_that_changes_its_mind_repudiates_nothing() public {
        works(anna, ALICE_STAKE, opens(e, o, signedFor(smart, e, o)));
        bytes32 id = adjudicator.channelId(e, 0);
        State memory s = State(5, ALICE_STAKE, 0, ALICE_STAKE, 1 ether, 0, 0, 0, 0);
        bytes memory sigB = signState(BOB_KEY, id, s);
        smart.set(SmartAccount.Mode.Reverts);
        uint256 snapshot = vm.snapshotState();
        works(anna, 0, abi.encodeCall(adjudicator.register, (e, s, sigB)));
        vm.revertToState(snapshot);
        smart.set(SmartAccount.Mode.Everything);
        s.defA = 0;
        fails(
            IShared.InvalidSignature.selector,
            anna,
            0,
            abi.encodeCall(adjudicator.register, (e, s, signState(ALICE_KEY, id, s)))
        );
        s.defA = 1 ether;
        works(anna, 0, abi.encodeCall(adjudicator.register, (e, s, sigB)));
    }

    /// @dev S16: an ordinary account that delegates to code later (EIP-7702) signs as before, and its code may agree too.
    function test_S16_an_account_with_delegated_code_still_signs_with_its_key() public {
        Channel memory c = channelOf(address(0));
        vm.etch(ben, type(SmartAccount).runtimeCode); // its mode is 0, and its key the zero address
        fails(IShared.InvalidSignature.selector, anna, ALICE_STAKE, opens(c, o, new bytes(66)));
        works(anna, ALICE_STAKE, opens(c, o, signHash(BEN_KEY, authOf(c, o))));
    }

    /// @dev S15: a 64-byte signature with a high s is none of an ordinary account, and may be one of a contract.
    function test_S15_a_high_s_is_refused() public {
        Channel memory c = channelOf(address(0));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(BEN_KEY, digestOf(authOf(c, o)));
        uint256 high = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141 - uint256(s);
        bytes memory odd = abi.encodePacked(r, bytes32(high | (uint256(28 - v) << 255)));
        fails(IShared.InvalidSignature.selector, anna, ALICE_STAKE, opens(c, o, odd));
        smart.set(SmartAccount.Mode.Everything);
        works(anna, ALICE_STAKE, opens(e, o, odd));
    }

    /// @dev Nor does the Adjudicator answer for itself, whatever its extension knows.
    function test_the_adjudicator_is_nobodys_owner() public {
        Channel memory c = channelOf(address(0));
        c.ownerB = address(adjudicator);
        fails(IShared.InvalidSignature.selector, anna, ALICE_STAKE, opens(c, o, none));
    }
}
