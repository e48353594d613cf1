// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Token} from "./Token.sol";

/// @dev With a symbol and decimals: for the tests of the Rust half, which deploy `artifacts/test/NamedToken.json`.
contract NamedToken is Token {
    string public constant symbol = "USDC";
    uint8 public constant decimals = 6;
}
