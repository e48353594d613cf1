// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {AdjudicatorExtension} from "./AdjudicatorExtension.sol";
import {Answers} from "./modules/Answers.sol";
import {Deposits} from "./modules/Deposits.sol";
import {Openings} from "./modules/Openings.sol";
import {Settlement} from "./modules/Settlement.sol";

/// @title Adjudicator
/// @notice One immutable contract, without owner, proxy or pause. More code than one account can hold (EIP-170): what is called
///         most and moves money is here, the rest is that of the extension, which the constructor creates and nobody can
///         exchange. All storage is here, and this is the address of both.
contract Adjudicator is Openings, Deposits, Settlement, Answers {
    bytes32 private immutable CACHED_SEPARATOR;
    uint256 private immutable CACHED_CHAIN_ID;
    /// @dev The first account that this one created: H(RLP(address, 1)), so that whoever knows the Adjudicator's address knows it.
    AdjudicatorExtension private immutable EXTENSION;

    constructor() {
        // Deadlines are kept in 33 bits: enough until the year 2242, but not for a clock that counts milliseconds.
        if (block.timestamp > type(uint32).max) revert WrongDomain();
        CACHED_SEPARATOR = _computeSeparator();
        CACHED_CHAIN_ID = block.chainid;
        EXTENSION = new AdjudicatorExtension();
    }

    /// @dev Runs the extension's code on the call as it is, and answers as it answers. No ether comes in this way.
    fallback() external {
        AdjudicatorExtension extension = EXTENSION;
        assembly ("memory-safe") {
            let at := mload(0x40)
            calldatacopy(at, 0, calldatasize())
            let ok := delegatecall(gas(), extension, at, calldatasize(), 0, 0)
            returndatacopy(at, 0, returndatasize())
            if iszero(ok) { revert(at, returndatasize()) }
            return(at, returndatasize())
        }
    }

    /// @dev After a fork that changes the chain's id, the ids of the old chain are not those of the new one.
    function _separator() internal view override returns (bytes32) {
        return block.chainid == CACHED_CHAIN_ID ? CACHED_SEPARATOR : _computeSeparator();
    }
}
