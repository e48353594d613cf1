// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC2612, IERC3009, IPermit2} from "../interfaces/Tokens.sol";
import {Signatures} from "../libraries/Signatures.sol";
import {Tokens} from "../libraries/Tokens.sol";
import {Payouts} from "./Payouts.sol";

/// @dev Money in: where the deposit of one side comes from, and that its owner agrees (protocol 3.4). `funding` is a byte that
///      names the way, what that way needs, and the owner's signature of the OpenAuth; of nothing at all, the sender pays.
///
///      way 0  the sender of the call: ether that comes with it, or an allowance                        | signature
///          1  the owner's vault                                                                        | signature
///          2  the owner's allowance                                                                    | signature
///          3  the same, given by ERC-2612 until notAfter: the permit, 64 bytes                         | signature
///          4  the owner, by EIP-3009 until notAfter, the nonce being the digest of the OpenAuth: its signature, 64 bytes
///          5  the owner, by Permit2 until notAfter with the OpenAuth as witness: nonce, 32 bytes, and its signature
///
///      In 0 to 3 the owner who sends the call has signed by sending, and no signature follows. What is signed in 4 and 5 says
///      what an OpenAuth says.
abstract contract Funding is Payouts {
    uint256 internal constant SENDER = 0;
    uint256 private constant VAULT = 1;
    uint256 private constant ALLOWANCE = 2;
    uint256 private constant PERMIT = 3;
    uint256 private constant AUTHORISATION = 4;
    uint256 private constant PERMIT2 = 5;

    IPermit2 private constant PERMIT2_AT = IPermit2(0x000000000022D473030F116dDEE9F6B43aC78BA3);
    string private constant WITNESS =
        "OpenAuth witness)OpenAuth(bytes32 id,uint96 depA,uint96 depB,uint40 notAfter)TokenPermissions(address token,uint256 amount)";

    /// @dev What both sides agree on.
    struct Agreement {
        address asset;
        uint256 notAfter;
        bytes32 structHash; // of the OpenAuth
        bytes32 digest;
    }

    function _way(bytes calldata funding) internal pure returns (uint256) {
        return funding.length == 0 ? SENDER : uint8(funding[0]);
    }

    /// @dev Checks that `owner` agrees and collects what it deposits.
    /// @return value how much ether of what came with the call that is
    function _fund(Agreement memory agreed, address owner, uint256 amount, bytes calldata funding)
        internal
        returns (uint256 value)
    {
        uint256 way = _way(funding);
        bytes calldata rest = funding;
        if (funding.length != 0) rest = funding[1:];
        if (way < ALLOWANCE) _checkConsent(owner, agreed.digest, rest);
        if (way == VAULT) {
            _debit(agreed.asset, owner, amount);
        } else if (agreed.asset == address(0)) {
            if (way != SENDER) revert InvalidFunding();
            return amount;
        } else {
            // Others are called here, and find every call locked.
            _entered = 1;
            if (way != SENDER) _fundByToken(agreed, owner, amount, way, rest);
            else if (amount != 0) Tokens.pull(agreed.asset, msg.sender, amount);
            _entered = 0;
        }
    }

    function _fundByToken(Agreement memory agreed, address owner, uint256 amount, uint256 way, bytes calldata rest)
        private
    {
        // Who gives nothing has nothing to authorise, and a token that takes every call would agree for everybody.
        if (amount == 0) revert InvalidFunding();
        if (way == ALLOWANCE) {
            _checkConsent(owner, agreed.digest, rest);
            Tokens.pull(agreed.asset, owner, amount);
        } else if (way == PERMIT) {
            (uint8 v, bytes32 r, bytes32 s) = Signatures.expand(rest);
            _checkConsent(owner, agreed.digest, rest[Signatures.BYTES:]);
            // Somebody may have used it already (S41): what counts is the allowance.
            Tokens.run(
                agreed.asset, abi.encodeCall(IERC2612.permit, (owner, address(this), amount, agreed.notAfter, v, r, s))
            );
            Tokens.pull(agreed.asset, owner, amount);
        } else if (way == AUTHORISATION) {
            (uint8 v, bytes32 r, bytes32 s) = Signatures.expand(rest);
            Signatures.checkEnd(rest, Signatures.BYTES);
            bytes memory call_ = abi.encodeCall(
                IERC3009.receiveWithAuthorization,
                (owner, address(this), amount, 0, agreed.notAfter + 1, agreed.digest, v, r, s)
            );
            Tokens.pull(agreed.asset, amount, agreed.asset, call_);
        } else if (way == PERMIT2) {
            _fundByPermit2(agreed, owner, amount, rest);
        } else {
            revert InvalidFunding();
        }
    }

    function _fundByPermit2(Agreement memory agreed, address owner, uint256 amount, bytes calldata rest) private {
        if (rest.length < 32) revert InvalidFunding();
        bytes memory call_ = abi.encodeCall(
            IPermit2.permitWitnessTransferFrom,
            (
                IPermit2.PermitTransferFrom({
                    permitted: IPermit2.TokenPermissions(agreed.asset, amount),
                    nonce: uint256(bytes32(rest)),
                    deadline: agreed.notAfter
                }),
                IPermit2.SignatureTransferDetails(address(this), amount),
                owner,
                agreed.structHash,
                WITNESS,
                rest[32:]
            )
        );
        Tokens.pull(agreed.asset, amount, address(PERMIT2_AT), call_);
    }

    /// @dev The owner has signed the OpenAuth, or has sent the call.
    function _checkConsent(address owner, bytes32 digest, bytes calldata signature) private view {
        if (msg.sender == owner) {
            Signatures.checkEnd(signature, 0);
        } else if (!Signatures.isByOwner(owner, digest, signature)) {
            revert InvalidSignature();
        }
    }
}
