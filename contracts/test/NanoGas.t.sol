// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Entry, NanoStep, NanoVersion} from "../src/types/Structs.sol";
import {Figures} from "./support/Figures.sol";
import {NanoFixture} from "./support/NanoFixture.sol";

/// @dev Gas of one forced step of each app, as a whole transaction of the mover. The nanocontract was
///      registered at a signed version, and this is its first step.
contract NanoGasTest is NanoFixture, Figures {
    uint96 private constant STAKE = 100_000_000_000_000_000;
    bytes32 private constant SECRET = keccak256("a secret");

    function isVirtual() internal pure override returns (bool) {
        return false;
    }

    function deployed(string memory app) private returns (address) {
        string memory artifact = vm.readFile(string.concat("artifacts/nano/", app, ".json"));
        return adjudicator.deploy(vm.parseJsonBytes(artifact, ".deployedBytecode"));
    }

    /// @dev The dispute has come to where `side` may be forced to move from `state`.
    function arrive(string memory app, uint32 gas, uint8 side, uint16 stepsLeft, bytes memory state) private {
        code = deployed(app);
        entries.push(
            Entry({
                nid: keccak256("nid"),
                born: 3,
                total: 2 * STAKE,
                dA0: STAKE,
                mover0: 0,
                codeHash: code.codehash,
                gas: gas,
                kMax: 9,
                storage0: keccak256("before")
            })
        );
        registerState(7);
        pass(R + 1);
        register(0, NanoVersion(70_002, STAKE, side, stepsLeft, keccak256(state)));
        pass(R + 1 + W + 1);
    }

    function force(uint8 side, bytes memory state, bytes memory input, string memory operation, uint256 most) private {
        vm.prank(account(side));
        adjudicator.execute(c, entries[0], NanoStep(code, state, input, none));
        note(operation, most + HANDED_ON);
    }

    /// @dev A opens its bit and commits to the next.
    function test_coin_toss() public {
        bytes32 nonce = keccak256("nonce");
        bytes32 commitment = keccak256(abi.encode(uint256(1), nonce));
        bytes memory state = abi.encode(1, 0, 3, 1, commitment);
        arrive("CoinToss", 8_000, 0, 5, state);
        force(0, state, abi.encode(uint256(1), nonce, keccak256("next")), "execute_coin_toss", 72_000);
    }

    /// @dev The fifth square of a game.
    function test_tic_tac_toe() public {
        bytes memory state = abi.encodePacked(STAKE, uint16(0x012), uint16(0x081));
        arrive("TicTacToe", 10_000, 0, 5, state);
        force(0, state, hex"02", "execute_tic_tac_toe", 68_000);
    }

    /// @dev After the deadline, as always in a dispute; the registry saw the secret in time.
    function test_hash_lock() public {
        uint256 deadline = NOW + 1 hours;
        bytes memory state = abi.encode(keccak256(abi.encode(SECRET)), STAKE, 0, deadline, deadline - 30 minutes);
        vm.prank(carol);
        adjudicator.reveal(SECRET);
        arrive("HashLock", 9_000, 1, 1, state);
        force(1, state, abi.encode(SECRET), "execute_hash_lock", 68_000);
    }

    /// @dev The longest step: a thousand preimages.
    function test_hash_chain() public {
        bytes32 anchor = SECRET;
        for (uint256 i; i < 1_000; ++i) {
            anchor = keccak256(abi.encode(anchor));
        }
        bytes memory state = abi.encode(anchor, 1_000_000_007, 5_000, 300, 0);
        arrive("HashChain", 130_000, 1, 5, state);
        force(1, state, abi.encode(uint256(1_300), SECRET), "execute_hash_chain", 153_000);
    }
}
