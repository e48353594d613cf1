// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IPermit2} from "../../src/interfaces/Tokens.sol";
import {AdjustTerms, Channel, CloseTerms, Opening} from "../../src/types/Structs.sol";
import {Fixture} from "./Fixture.sol";
import {Permit2} from "./Permit2.sol";
import {Token} from "./Token.sol";

/// @dev Owners with keys, a token, Permit2, and everything that pays for an opening.
abstract contract FundingFixture is Fixture {
    uint8 internal constant SENDER = 0;
    uint8 internal constant VAULT = 1;
    uint8 internal constant ALLOWANCE = 2;
    uint8 internal constant PERMIT = 3;
    uint8 internal constant AUTHORISATION = 4;
    uint8 internal constant PERMIT2 = 5;
    uint8 internal constant WAYS = 6;

    Permit2 internal constant PERMIT2_AT = Permit2(0x000000000022D473030F116dDEE9F6B43aC78BA3);
    string internal constant WITNESS =
        "OpenAuth witness)OpenAuth(bytes32 id,uint96 depA,uint96 depB,uint40 notAfter)TokenPermissions(address token,uint256 amount)";

    uint256 internal immutable ANNA_KEY = uint256(keccak256("anna's account"));
    uint256 internal immutable BEN_KEY = uint256(keccak256("ben's account"));
    address internal anna; // owner A
    address internal ben; // owner B
    Token internal token;

    /// @dev The words that the next Permit2 signatures spend.
    uint256 internal permit2Nonce = 77;

    function setUp() public virtual override {
        super.setUp();
        (anna, ben) = (vm.addr(ANNA_KEY), vm.addr(BEN_KEY));
        token = newToken();
        vm.etch(address(PERMIT2_AT), type(Permit2).runtimeCode);
        address[3] memory all = [anna, ben, carol];
        for (uint256 i = 0; i < 3; ++i) {
            vm.deal(all[i], 1e30);
            token.mint(all[i], 1e30);
        }
        token.mint(address(adjudicator), 1); // somebody's gift, which is nobody's
    }

    function newToken() internal virtual returns (Token) {
        return new Token();
    }

    function channelOf(address asset) internal view returns (Channel memory c) {
        c = ledger(anna, ben, ALICE_KEY, BOB_KEY, 0);
        c.asset = asset;
    }

    function opening(uint96 depositA, uint96 depositB) internal pure returns (Opening memory) {
        return Opening(0, depositA, depositB, uint40(NOW + 1 hours));
    }

    function usual() internal pure returns (Opening memory) {
        return opening(ALICE_STAKE, BOB_STAKE);
    }

    // --------------------------------------------------------------------------------------------------- what is signed

    function openAuthHash(bytes32 id, uint96 depositA, uint96 depositB, uint40 notAfter)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(
            abi.encode(
                keccak256("OpenAuth(bytes32 id,uint96 depA,uint96 depB,uint40 notAfter)"),
                id,
                depositA,
                depositB,
                notAfter
            )
        );
    }

    function authOf(Channel memory c, Opening memory o) internal view returns (bytes32) {
        return openAuthHash(adjudicator.channelId(c, o.nonce), o.depositA, o.depositB, o.notAfter);
    }

    function digestOf(bytes32 structHash) internal view returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", adjudicator.domainSeparator(), structHash));
    }

    function adjustHash(bytes32 id, AdjustTerms memory t) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256(
                    "Adjust(bytes32 id,uint16 seq,uint8 side,uint96 amount,address receiver,uint48 ver,uint40 notAfter)"
                ),
                id,
                t.seq,
                t.side,
                t.amount,
                t.receiver,
                t.ver,
                t.notAfter
            )
        );
    }

    function permitBy(uint256 key, Token token_, uint96 amount, uint40 deadline) internal view returns (bytes memory) {
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"),
                vm.addr(key),
                address(adjudicator),
                amount,
                token_.nonces(vm.addr(key)),
                deadline
            )
        );
        return signDigest(key, keccak256(abi.encodePacked(hex"1901", token_.DOMAIN_SEPARATOR(), structHash)));
    }

    function authorisationBy(uint256 key, Token token_, uint96 amount, uint40 notAfter, bytes32 auth)
        internal
        view
        returns (bytes memory)
    {
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256(
                    "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
                ),
                vm.addr(key),
                address(adjudicator),
                amount,
                0,
                uint256(notAfter) + 1,
                digestOf(auth)
            )
        );
        return signDigest(key, keccak256(abi.encodePacked(hex"1901", token_.DOMAIN_SEPARATOR(), structHash)));
    }

    function permit2By(uint256 key, Token token_, uint96 amount, uint40 notAfter, bytes32 auth, uint256 nonce)
        internal
        view
        returns (bytes memory)
    {
        IPermit2.PermitTransferFrom memory permit = IPermit2.PermitTransferFrom({
            permitted: IPermit2.TokenPermissions(address(token_), amount), nonce: nonce, deadline: notAfter
        });
        return signDigest(key, PERMIT2_AT.digest(permit, address(adjudicator), auth, WITNESS));
    }

    // ------------------------------------------------------------------------------------------------------ funding

    /// @dev `funding` of one side in that way, with everything that it needs signed and given. `sends`: its owner sends the call.
    function fundingBy(uint8 way, uint256 key, Channel memory c, Opening memory o, uint96 amount, bool sends)
        internal
        returns (bytes memory)
    {
        bytes32 auth = authOf(c, o);
        bytes memory consent = sends ? none : signHash(key, auth);
        address owner = vm.addr(key);
        Token token_ = Token(c.asset);
        if (way == VAULT) fillVault(c.asset, owner, amount);
        if (way == ALLOWANCE) approve(token_, owner, address(adjudicator), amount);
        if (way == PERMIT) return abi.encodePacked(way, permitBy(key, token_, amount, o.notAfter), consent);
        if (way == AUTHORISATION) return abi.encodePacked(way, authorisationBy(key, token_, amount, o.notAfter, auth));
        if (way == PERMIT2) {
            approve(token_, owner, address(PERMIT2_AT), amount);
            uint256 nonce = permit2Nonce++;
            return abi.encodePacked(way, nonce, permit2By(key, token_, amount, o.notAfter, auth, nonce));
        }
        return abi.encodePacked(way, consent);
    }

    /// @dev So much more.
    function approve(Token token_, address owner, address spender, uint256 amount) internal {
        uint256 before = token_.allowance(owner, spender);
        vm.prank(owner);
        token_.approve(spender, amount > type(uint256).max - before ? type(uint256).max : before + amount);
    }

    function fillVault(address asset, address owner, uint96 amount) internal {
        if (asset == address(0)) {
            vm.prank(owner);
            adjudicator.fundVault{value: amount}(asset, owner, amount);
            return;
        }
        approve(Token(asset), owner, address(adjudicator), amount);
        vm.prank(owner);
        adjudicator.fundVault(asset, owner, amount);
    }

    /// @dev A life in that asset, opened by its owners one after the other.
    function openAsset(Channel memory c, uint96 depositA, uint96 depositB) internal returns (bytes32 id) {
        Opening memory o = opening(depositA, depositB);
        o.nonce = adjudicator.channel(c).nonce;
        o.notAfter = type(uint40).max;
        bool ether_ = c.asset == address(0);
        if (!ether_) approve(Token(c.asset), c.ownerA, address(adjudicator), depositA);
        if (!ether_) approve(Token(c.asset), c.ownerB, address(adjudicator), depositB);
        vm.prank(c.ownerA);
        adjudicator.openWith{value: ether_ ? depositA : 0}(c, o, none);
        vm.prank(c.ownerB);
        adjudicator.confirmWith{value: ether_ ? depositB : 0}(c, o, none);
        return adjudicator.channelId(c, o.nonce);
    }

    function closing(Channel memory c, Opening memory o, uint96 outA) internal pure returns (CloseTerms memory) {
        return CloseTerms(o.depositA, o.depositB, outA, 0, 0, 0, c.ownerA, c.ownerB, uint40(NOW + 365 days));
    }

    function signedClose(Channel memory c, CloseTerms memory t) internal view returns (bytes memory) {
        bytes32 hash = closeHash(adjudicator.channel(c).id, t);
        return
            abi.encodeCall(adjudicator.close, (c, t, bytes.concat(signHash(ALICE_KEY, hash), signHash(BOB_KEY, hash))));
    }

    // -------------------------------------------------------------------------------------------------------- calls

    function held(address asset, address account) internal view returns (uint256) {
        return asset == address(0) ? account.balance : Token(asset).balanceOf(account);
    }

    function attempt(address sender, uint256 value, bytes memory call_)
        internal
        returns (bool ok, bytes memory result)
    {
        vm.prank(sender);
        return address(adjudicator).call{value: value}(call_);
    }

    function works(address sender, uint256 value, bytes memory call_) internal {
        (bool ok, bytes memory result) = attempt(sender, value, call_);
        if (!ok) {
            assembly {
                revert(add(result, 32), mload(result))
            }
        }
    }

    function fails(bytes4 why, address sender, uint256 value, bytes memory call_) internal {
        (bool ok, bytes memory result) = attempt(sender, value, call_);
        check(!ok, "it must fail");
        eq(bytes32(result), bytes32(why), "why it failed");
    }
}
