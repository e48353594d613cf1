// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Split} from "../../src/libraries/Split.sol";
import {LockTerms} from "../../src/types/Structs.sol";
import {ChannelWord, ChannelWords} from "../../src/types/ChannelWord.sol";
import {DisputeWord, DisputeWords} from "../../src/types/DisputeWord.sol";
import {EscrowWord, EscrowWords} from "../../src/types/EscrowWord.sol";
import {Check} from "../support/Check.sol";

contract SplitHarness {
    function lock(LockTerms calldata l, uint256 due, uint256 left) external pure returns (uint256, uint256) {
        return Split.lock(l, due, left);
    }
}

contract SplitTest is Check {
    SplitHarness private harness = new SplitHarness();

    function testFuzz_share_stays_within_the_total(uint96 defA, int128 acc, uint96 total) public pure {
        int256 exact = int256(uint256(defA)) + acc;
        uint256 want = exact < 0 ? 0 : uint256(exact) > total ? total : uint256(exact);
        eq(Split.share(defA, acc, total), want, "share");
    }

    function testFuzz_lock_pays_out_no_more_than_is_left(LockTerms memory l, uint96 due, uint96 left) public view {
        (uint256 toLeft, uint256 toRight) = harness.lock(l, due, left);
        uint256 stake = uint256(l.left) + l.right;
        eq(toLeft + toRight, stake < left ? stake : left, "both");
        check(toLeft <= due, "no more than is due");
        check(toLeft == due || toRight == 0, "the left side is served first");
    }
}

contract WordsTest is Check {
    function testFuzz_channel_word(uint8 phase, uint40 nonce, uint16 seq, uint96 a, uint96 b) public pure {
        ChannelWord word = ChannelWords.pack(phase, nonce, seq, a, b);
        eq(word.phase(), phase, "phase");
        eq(word.nonce(), nonce, "nonce");
        eq(word.seq(), seq, "seq");
        eq(word.depositA(), a, "depositA");
        eq(word.depositB(), b, "depositB");
        ChannelWord ended = word.ended();
        eq(ended.phase(), 3, "phase after the end");
        eq(ended.depositA() + ended.depositB() + ended.seq(), 0, "the rest after the end");
        if (nonce < type(uint40).max) eq(ended.nonce(), uint256(nonce) + 1, "nonce after the end");
    }

    function testFuzz_dispute_word(uint48 ver, uint256 deadline, uint256 life, bool nanos, uint160 stored, uint96 outA)
        public
        pure
    {
        (deadline, life) = (deadline % 2 ** 33, life % 2 ** 14);
        DisputeWord word = DisputeWords.pack(ver, deadline, life, nanos, stored);
        eq(word.ver(), ver, "ver");
        eq(word.deadline(), deadline, "deadline");
        eq(word.life(), life, "life");
        check(word.nanos() == nanos, "nanos");
        eq(word.stored(), stored, "stored");
        eq(word.finalAt(7, 0), nanos ? deadline + 7 : deadline, "finalAt");
        uint256 end = uint256(deadline) + 8;
        eq(word.finalAt(7, end), nanos ? end : deadline, "finalAt of nanocontracts that move");
        DisputeWord concluded = word.concluded(outA);
        check(concluded.isConcluded(), "concluded");
        eq(concluded.outA(), outA, "outA");
        eq(concluded.ver(), ver, "ver after the end");
        eq(concluded.deadline(), deadline, "deadline after the end");
    }

    function testFuzz_escrow_word(uint96 left, uint128 settled, uint8 locks) public pure {
        EscrowWord word = EscrowWords.pack(left, settled, locks);
        eq(word.left(), left, "left");
        eq(word.settled(), settled, "settled");
        eq(word.locks(), locks, "locks");
    }
}
