// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {INanocontract} from "../../src/interfaces/INanocontract.sol";
import {HashChain} from "../../src/nano/HashChain.sol";
import {BadInput, BadState, NoParty, Over} from "../../src/nano/Turns.sol";
import {Game} from "../support/Game.sol";

contract HashChainTest is Game {
    uint256 private constant PRICE = 7;
    uint256 private constant LENGTH = 2_500;
    uint256 private constant REACH = 1_000;
    uint256 private constant TOTAL = 20_000;
    uint256 private constant STEPS = 10;
    /// @dev Gas of any step, with the call around it.
    uint256 private constant MOST = 95_000;

    INanocontract private app = committed("HashChain");
    /// @dev chain[i] is preimage number i; chain[0] the anchor.
    bytes32[] private chain;

    function setUp() public {
        bytes32[] memory words = new bytes32[](LENGTH + 1);
        words[LENGTH] = keccak256("end of the chain");
        for (uint256 i = LENGTH; i > 0; --i) {
            words[i - 1] = keccak256(abi.encode(words[i]));
        }
        chain = words;
    }

    function encoded(bytes32 anchor, uint256 price, uint256 length, uint256 index, uint256 payer)
        private
        pure
        returns (bytes memory)
    {
        return abi.encode(anchor, price, length, index, payer);
    }

    function opened(uint8 payer) private {
        begin(app, TOTAL, payer == 0 ? TOTAL : 0, 1 - payer, STEPS, encoded(chain[0], PRICE, LENGTH, 0, payer));
    }

    function preimage(uint256 index) private view returns (bytes memory) {
        return abi.encode(index, chain[index]);
    }

    function test_a_preimage_pays_its_number() public {
        opened(0);
        step(preimage(1));
        stands(TOTAL - PRICE, 1, STEPS - 1);
        step(preimage(1_001));
        stands(TOTAL - 1_001 * PRICE, 1, STEPS - 2);
        eq(keccak256(state), keccak256(encoded(chain[1_001], PRICE, LENGTH, 1_001, 0)), "state");

        opened(1);
        step(preimage(400));
        stands(400 * PRICE, 0, STEPS - 1);
    }

    function test_the_last_preimage_ends_it() public {
        opened(0);
        step(preimage(900));
        step(preimage(1_800));
        step(preimage(LENGTH));
        over(TOTAL - LENGTH * PRICE);
        refused(Over.selector, preimage(LENGTH));
        ctx.stepsLeft = 1;
        refused(HashChain.NotNewer.selector, preimage(LENGTH));
    }

    function test_the_last_step_ends_it() public {
        opened(0);
        ctx.stepsLeft = 1;
        step(preimage(3));
        over(TOTAL - 3 * PRICE);
        refused(Over.selector, preimage(4));
    }

    function test_no_way_back() public {
        opened(0);
        step(preimage(10));
        refused(HashChain.NotNewer.selector, preimage(10));
        refused(HashChain.NotNewer.selector, preimage(9));
        refused(HashChain.NotNewer.selector, preimage(0));
    }

    function test_a_step_reaches_so_far_and_the_chain_is_so_long() public {
        opened(0);
        refused(HashChain.TooFar.selector, preimage(REACH + 1));
        step(preimage(REACH));
        step(preimage(2 * REACH));
        refused(HashChain.TooFar.selector, abi.encode(LENGTH + 1, chain[LENGTH]));
        refused(HashChain.TooFar.selector, abi.encode(type(uint256).max, chain[LENGTH]));
        // 2^32 more is the same number in 32 bits.
        refused(HashChain.TooFar.selector, abi.encode((1 << 32) + 2_001, chain[2_001]));
    }

    function test_only_the_preimage_of_that_number() public {
        opened(0);
        refused(HashChain.WrongPreimage.selector, abi.encode(uint256(5), chain[4]));
        refused(HashChain.WrongPreimage.selector, abi.encode(uint256(5), chain[6]));
        refused(HashChain.WrongPreimage.selector, abi.encode(uint256(1), bytes32(0)));
        refused(BadInput.selector, abi.encode(chain[1]));
        refused(BadInput.selector, bytes.concat(preimage(1), hex"00"));
    }

    function test_the_payer_does_not_move() public {
        opened(0);
        refused(HashChain.NotThePayee.selector, 0, preimage(1));
        refused(NoParty.selector, 2, preimage(1));
        opened(1);
        refused(HashChain.NotThePayee.selector, 1, preimage(1));
    }

    function test_never_more_than_the_payer_has() public {
        opened(0);
        state = encoded(chain[0], 30, LENGTH, 0, 0);
        step(preimage(600));
        step(preimage(666));
        stands(TOTAL - 666 * 30, 1, STEPS - 2);
        refused(BadState.selector, preimage(667));
    }

    function test_no_state_that_cannot_be() public {
        opened(0);
        ctx.dA = TOTAL / 2; // both could pay
        bytes[3] memory bad = [
            bytes(""),
            bytes.concat(encoded(chain[0], PRICE, LENGTH, 0, 0), hex"00"),
            encoded(chain[0], PRICE, LENGTH, 0, 2)
        ];
        for (uint256 i; i < bad.length; ++i) {
            state = bad[i];
            refused(BadState.selector, preimage(1));
        }
        ctx.dA = TOTAL + 1;
        state = encoded(chain[0], PRICE, LENGTH, 0, 0);
        refused(BadState.selector, preimage(1));
        state = encoded(chain[0], 1 << 96, LENGTH, 0, 0);
        refusedByDecoder(preimage(1));
        state = encoded(chain[0], PRICE, 1 << 32, 0, 0);
        refusedByDecoder(preimage(1));
    }

    /// @dev Any way through the chain pays price times the number of the last preimage.
    function test_whole_games(uint256 seed, bool payerIsA) public {
        opened(payerIsA ? 0 : 1);
        uint256 index;
        while (ctx.stepsLeft > 0 && index < LENGTH) {
            index += within(uint256(keccak256(abi.encode(seed, index))), 1, REACH);
            if (index > LENGTH) index = LENGTH;
            step(preimage(index));
            eq(payerIsA ? TOTAL - ctx.dA : ctx.dA, PRICE * index, "paid");
        }
        atMost(dearest, MOST, "gas of a step");
    }

    function test_gas_of_the_longest_step() public {
        opened(0);
        step(preimage(REACH));
        atMost(dearest, MOST, "gas of a step");
    }

    function test_no_state_leads_out_of_bounds(
        uint96 price,
        uint32 length,
        uint32 index,
        uint256 total,
        uint256 dA,
        uint8 links,
        uint16 steps
    ) public {
        links = uint8(within(links, 1, 20));
        begin(app, total, dA, 1, steps, encoded(chain[0], price, length, index, 0));
        bool moved = refusedOrWithinBounds(1, abi.encode(uint256(index) + links, chain[links]));
        bool may = steps > 0 && uint256(index) + links <= length && dA <= total && uint256(links) * price <= dA;
        check(moved == may, "moved, and may");
    }
}
