// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Batches} from "./modules/Batches.sol";
import {Nanocontracts} from "./modules/Nanocontracts.sol";
import {Registry} from "./modules/Registry.sol";
import {Views} from "./modules/Views.sol";

/// @title AdjudicatorExtension
/// @notice The second half of the Adjudicator's code, which it runs on its own storage and in its own name. Its account holds
///         nothing, and no call to it means anything.
/// @dev It has no immutables and no storage of its own: what is stored, and where, stands in `Store`, which both halves are.
contract AdjudicatorExtension is Nanocontracts, Registry, Batches, Views {}
