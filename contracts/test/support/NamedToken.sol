// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Token} from "./Token.sol";

/// @dev With a symbol and decimals: for tests of the node, which has its bytecode in `crates/node/tests/support/token.hex`.
contract NamedToken is Token {
    string public constant symbol = "USDC";
    uint8 public constant decimals = 6;
}
