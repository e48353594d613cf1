// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC1271, IERC20, IPermit2} from "../../src/interfaces/Tokens.sol";

/// @dev Stands for Permit2 in the one call that the Adjudicator makes: the same typed data, nonces and signatures.
contract Permit2 is IPermit2 {
    mapping(address => mapping(uint256 => bool)) public used;

    function digest(PermitTransferFrom memory permit, address spender, bytes32 witness, string memory witnessType)
        public
        view
        returns (bytes32)
    {
        bytes32 typeHash = keccak256(
            abi.encodePacked(
                "PermitWitnessTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline,",
                witnessType
            )
        );
        bytes32 permitted = keccak256(
            abi.encode(
                keccak256("TokenPermissions(address token,uint256 amount)"),
                permit.permitted.token,
                permit.permitted.amount
            )
        );
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,uint256 chainId,address verifyingContract)"),
                keccak256("Permit2"),
                block.chainid,
                address(this)
            )
        );
        return keccak256(
            abi.encodePacked(
                hex"1901",
                domain,
                keccak256(abi.encode(typeHash, permitted, spender, permit.nonce, permit.deadline, witness))
            )
        );
    }

    function permitWitnessTransferFrom(
        PermitTransferFrom calldata permit,
        SignatureTransferDetails calldata details,
        address owner,
        bytes32 witness,
        string calldata witnessTypeString,
        bytes calldata signature
    ) external {
        require(block.timestamp <= permit.deadline, "deadline");
        require(details.requestedAmount <= permit.permitted.amount, "amount");
        require(!used[owner][permit.nonce], "nonce");
        used[owner][permit.nonce] = true;
        _check(owner, digest(permit, msg.sender, witness, witnessTypeString), signature);
        IERC20(permit.permitted.token).transferFrom(owner, details.to, details.requestedAmount);
    }

    function _check(address owner, bytes32 hash, bytes calldata signature) private view {
        if (owner.code.length > 0) {
            require(IERC1271(owner).isValidSignature(hash, signature) == IERC1271.isValidSignature.selector, "contract");
            return;
        }
        bytes32 r = bytes32(signature[:32]);
        uint256 second = uint256(bytes32(signature[32:64]));
        bool compact = signature.length == 64;
        require(compact || signature.length == 65, "length");
        bytes32 s = compact ? bytes32(second & (type(uint256).max >> 1)) : bytes32(second);
        uint8 v = compact ? uint8(27 + (second >> 255)) : uint8(signature[64]);
        require(owner != address(0) && ecrecover(hash, v, r, s) == owner, "signature");
    }
}
