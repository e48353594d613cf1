// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ICore} from "../src/interfaces/ICore.sol";
import {Prover} from "./Prover.sol";

/// @dev The vault, and secrets.
contract Vaults is Prover {
    address private constant RECEIVER = address(0xa11ce);

    function check_E1_E12_withdraw(
        address sender,
        uint256 balance,
        uint256 own,
        address other,
        uint256 others,
        uint256 amount
    ) external {
        vm.assume(other != sender && balance < 2 ** 100 && own <= balance);
        vm.deal(adjudicator, balance);
        put(vault(sender), own);
        put(vault(other), others);
        bool ok = call(sender, ICore.withdraw.selector, abi.encode(address(0), RECEIVER, amount));
        assert(read(vault(other)) == others);
        assert(read(vault(sender)) == (ok ? own - amount : own));
        assert(adjudicator.balance == (ok ? balance - amount : balance));
        assert(!ok || (amount > 0 && amount <= own));
    }
}
