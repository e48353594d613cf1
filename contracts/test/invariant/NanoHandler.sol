// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IAdjudicator} from "../../src/interfaces/IAdjudicator.sol";
import {IShared} from "../../src/interfaces/IShared.sol";
import {IAdjudicator} from "../../src/interfaces/IAdjudicator.sol";
import {IShared} from "../../src/interfaces/IShared.sol";
import {CloseTerms, Entry, NanoStep, NanoVersion} from "../../src/types/Structs.sol";
import {Claim, NanoFixture} from "../support/NanoFixture.sol";

/// @dev Two who sign whatever the seed says about three nanocontracts of one ledger channel, life after life, and call in any
///      order at any time.
contract NanoHandler is NanoFixture {
    uint256 public constant NANOS = 3;
    uint256 public constant ENDOWMENT = 100 ether;

    /// @dev The state that each nanocontract was left with by the last forced step; before any, `start`.
    mapping(bytes32 hash => bytes) private _states;
    mapping(string action => uint256) public succeeded;

    constructor(IAdjudicator adjudicator_, address code_) {
        (adjudicator, code) = (adjudicator_, code_);
        c = ledger();
        total = ALICE_STAKE + BOB_STAKE;
        vm.deal(alice, ENDOWMENT / 2);
        vm.deal(bob, ENDOWMENT / 2);
        _states[keccak256(start)] = start;
    }

    function setUp() public override {}

    function isVirtual() internal pure override returns (bool) {
        return false;
    }

    function purses() external view returns (uint256) {
        return alice.balance + bob.balance;
    }

    function channel() public view returns (IShared.ChannelInfo memory) {
        return adjudicator.channel(c);
    }

    function draw(uint256 seed, string memory what) private pure returns (uint256) {
        return uint256(keccak256(abi.encode(seed, what)));
    }

    function amount(uint256 seed, string memory what, uint256 most) private pure returns (uint96) {
        uint256 x = draw(seed, what);
        return x % 8 == 0 ? type(uint96).max - uint96(x >> 250) : uint96((x >> 8) % (most + 1));
    }

    function attempt(string memory action, address sender, bytes memory data) private returns (bool ok) {
        vm.prank(sender);
        (ok,) = address(adjudicator).call(data);
        if (ok) ++succeeded[action];
    }

    /// @dev Opens the next life, if none is open, and its dispute.
    function begin_(uint256 seed) external {
        IShared.ChannelInfo memory info = channel();
        if (info.phase == 2) return;
        ch = openBoth(c, ALICE_STAKE, BOB_STAKE);
        delete entries;
        for (uint256 i = 0; i < NANOS; ++i) {
            Entry memory e = entryOf(i);
            uint256 x = draw(seed, "entry") + i;
            e.total = amount(x, "total", total);
            e.dA0 = amount(x, "dA0", e.total);
            e.mover0 = uint8(draw(x, "mover0") % 2);
            e.kMax = uint16(draw(x, "kMax") % 6);
            entries.push(e);
        }
        registerState(7);
        ++succeeded["begin"];
        if (seed % 3 != 0) pass(vm.getBlockTimestamp() + C + 1);
    }

    function claim_(uint256 seed) external {
        if (!channel().disputed) return;
        Claim[] memory claims = new Claim[](1 + draw(seed, "count") % 2);
        for (uint256 k = 0; k < claims.length; ++k) {
            uint256 i = (draw(seed, "which") + k) % NANOS;
            NanoVersion memory v = drawVersion(draw(seed, "version") + k, i);
            claims[k] = claim(i, v);
            if (draw(seed, "step") % 3 == 0) claims[k].steps = single(drawStep(seed + k, i, v));
        }
        bool first = draw(seed, "first") % 2 == 0;
        bytes32 before = words();
        uint256 finalBefore = channel().finalAt;
        if (first) attempt("register", carol, registering(claims));
        else attempt("refute", carol, refuting(claims));
        check(words() == before, "S0 and S1 stay");
        check(channel().finalAt >= finalBefore, "the end never comes nearer");
    }

    function drawVersion(uint256 seed, uint256 i) private view returns (NanoVersion memory) {
        if (draw(seed, "zero") % 4 == 0) return zero(i);
        return NanoVersion(
            uint48(nanoInfo(i).ver + draw(seed, "ver") % 3),
            uint96(within(draw(seed, "dA"), 0, entries[i].total)),
            uint8(draw(seed, "mover") % 2),
            uint16(within(draw(seed, "left"), 0, entries[i].kMax)),
            keccak256(start)
        );
    }

    function drawStep(uint256 seed, uint256 i, NanoVersion memory v) private view returns (NanoStep memory step) {
        bytes memory next = abi.encode(draw(seed, "next") % 4);
        uint256 left =
            v.stepsLeft == 0 ? 0 : draw(seed, "steps left") % (uint256(v.stepsLeft) + (seed % 8 == 0 ? 1 : 0));
        bytes memory input =
            answer(next, within(draw(seed, "new dA"), 0, entries[i].total), draw(seed, "next mover") % 2, left);
        step = NanoStep(code, _states[v.storageHash], input, none);
        step.auth = signStep(secretKey(v.mover), i, v, input);
    }

    function step_(uint256 seed) external {
        if (!channel().disputed) return;
        uint256 i = draw(seed, "which") % NANOS;
        IShared.NanoInfo memory info = nanoInfo(i);
        if (info.nRef == 0) return;
        NanoStep memory step =
            drawStep(seed, i, NanoVersion(info.ver, info.dA, info.mover, info.stepsLeft, info.storageHash));
        bytes32 before = words();
        if (attempt("execute", carol, executing(i, step))) {
            check(vm.getBlockTimestamp() > info.nRef, "after nRef only");
        }
        check(words() == before, "S0 and S1 stay");
    }

    /// @dev What steps may leave is known beforehand.
    function learn() external {
        for (uint256 k = 0; k < 4; ++k) {
            _states[keccak256(abi.encode(k))] = abi.encode(k);
        }
    }

    function words() private view returns (bytes32) {
        (uint256 s0, uint256 s1) = adjudicator.slots(adjudicator.slotKey(c));
        return keccak256(abi.encode(s0, s1));
    }

    /// @dev Σ (dA - dA0) of what is registered.
    function expectedSum() public view returns (int256 moved) {
        for (uint256 i = 0; i < entries.length; ++i) {
            IShared.NanoInfo memory info = nanoInfo(i);
            if (info.nRef != 0) moved += int256(uint256(info.dA)) - int256(uint256(entries[i].dA0));
        }
    }

    function accruedSum() external view returns (int256) {
        return sum();
    }

    /// @dev S64: it succeeds after finalAt, and only then, and pays all: to A her part, kept within what there is.
    function conclude_(uint256) external {
        IShared.ChannelInfo memory info = channel();
        if (!info.disputed) return;
        int256 due = int256(uint256(DEF_A)) + expectedSum();
        uint256 want = due < 0 ? 0 : uint256(due) > total ? total : uint256(due);
        uint256 before = alice.balance;
        bool ok = attempt("conclude", carol, concluding());
        check(ok == (vm.getBlockTimestamp() > info.finalAt), "S64: conclude after finalAt, and only then");
        if (!ok) return;
        eq(alice.balance - before, want, "A's part");
        if (want > 0 && want < total) ++succeeded["conclude within"];
    }

    function close_(uint256 seed) external {
        if (channel().phase != 2 || seed % 16 != 0) return;
        CloseTerms memory t =
            CloseTerms(ALICE_STAKE, BOB_STAKE, 5, 0, 0, 0, alice, bob, uint40(vm.getBlockTimestamp() + 1));
        bytes32 hash = closeHash(ch, t);
        bytes memory both = bytes.concat(signHash(ALICE_KEY, hash), signHash(BOB_KEY, hash));
        attempt("close", carol, abi.encodeCall(adjudicator.close, (c, t, both)));
    }

    function wait_(uint256 seed) external {
        pass(vm.getBlockTimestamp() + seed % W);
    }
}
