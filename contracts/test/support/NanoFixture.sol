// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IShared} from "../../src/interfaces/IShared.sol";
import {
    Channel,
    Entry,
    NanoClaim,
    NanoClaims,
    NanoStep,
    NanoVersion,
    State,
    VirtualState
} from "../../src/types/Structs.sol";
import {Fixture} from "./Fixture.sol";
import {Puppet} from "./Puppet.sol";

/// @dev A claim with all that belongs to it.
struct Claim {
    Entry entry;
    uint16 index;
    bytes32[] proof;
    NanoVersion version;
    bytes signatures;
    NanoStep[] steps;
}

/// @dev Nanocontracts in a dispute, of a ledger channel or of a virtual one; A is alice or the first end.
abstract contract NanoFixture is Fixture {
    uint256 internal constant R = NOW + C;
    uint16 internal constant K = 5;
    uint32 internal constant STEP_GAS = 300_000;
    uint96 internal constant HELD = 200_000_000_000_000_000;
    uint96 internal constant DEF_A = 1_100_000_000_000_000_003; // of the whole channel
    uint96 internal constant DA0 = 80_000_000_000_000_007; // of each nanocontract

    bytes32 internal ch;
    uint96 internal total;
    bytes32 internal mix;
    Entry[] internal entries;
    bytes internal start = "start";

    Channel internal c;
    Path internal p;

    address internal code;

    function setUp() public virtual override {
        super.setUp();
        code = adjudicator.deploy(address(new Puppet()).code);
        if (isVirtual()) {
            Path memory q = path(3, ALICE_STAKE, BOB_STAKE);
            (p.v, p.vc, p.secrets, p.privateKeys) = (q.v, q.vc, q.secrets, q.privateKeys);
            for (uint256 i = 0; i < q.mids.length; ++i) {
                p.mids.push(q.mids[i]);
            }
            ch = p.vc;
        } else {
            (c, ch) = openDefault();
        }
        total = ALICE_STAKE + BOB_STAKE;
    }

    function isVirtual() internal pure virtual returns (bool);

    // ------------------------------------------------------------------------------------------------ who and what

    function secretKey(uint256 side) internal view returns (uint256) {
        if (isVirtual()) return side == 0 ? A_END_KEY : B_END_KEY;
        return side == 0 ? ALICE_KEY : BOB_KEY;
    }

    /// @dev The account that moves for a side without a StepAuth.
    function account(uint256 side) internal view returns (address) {
        if (isVirtual()) return vm.addr(secretKey(side));
        return side == 0 ? alice : bob;
    }

    function entryOf(uint256 i) internal view returns (Entry memory) {
        return Entry({
            nid: keccak256(abi.encode("nid", i)),
            born: 3,
            total: HELD,
            dA0: DA0,
            mover0: uint8(i % 2),
            codeHash: code.codehash,
            gas: STEP_GAS,
            kMax: K,
            storage0: keccak256(start)
        });
    }

    function entryHash(Entry memory e) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256(
                    "Entry(bytes32 nid,uint48 born,uint96 total,uint96 dA0,uint8 mover0,bytes32 codeHash,uint32 gas,uint16 kMax,bytes32 storage0)"
                ),
                e
            )
        );
    }

    function leaves() internal view returns (bytes32[] memory list) {
        list = new bytes32[](entries.length);
        for (uint256 i = 0; i < list.length; ++i) {
            list[i] = keccak256(abi.encodePacked(uint8(0), entryHash(entries[i])));
        }
    }

    // --------------------------------------------------------------------------------------------------- the State

    function ledgerState(uint48 ver) internal view returns (State memory) {
        return State(ver, ALICE_STAKE, BOB_STAKE, total, DEF_A, uint8(entries.length), 0, 0, rootOf(leaves()));
    }

    function virtualState(uint48 ver) internal view returns (VirtualState memory) {
        return VirtualState(ver, DEF_A, uint8(entries.length), rootOf(leaves()));
    }

    /// @dev Registers a State with so many nanocontracts now, and waits until they may be registered.
    function begin(uint256 count) internal {
        for (uint256 i = 0; i < count; ++i) {
            entries.push(entryOf(i));
        }
        registerState(7);
        pass(R + 1);
    }

    function registerState(uint48 ver) internal {
        mix = mixNow();
        if (isVirtual()) {
            VirtualState memory v = virtualState(ver);
            bytes memory both = signEnds(p, v);
            vm.prank(endA());
            adjudicator.registerVirtual(p.v, v, both, p.secrets);
        } else {
            State memory s = ledgerState(ver);
            bytes memory sigB = signState(BOB_KEY, ch, s);
            vm.prank(alice);
            adjudicator.register(c, s, sigB);
        }
    }

    // ---------------------------------------------------------------------------------------------------- versions

    function zero(uint256 i) internal view returns (NanoVersion memory) {
        return NanoVersion(0, entries[i].dA0, entries[i].mover0, entries[i].kMax, entries[i].storage0);
    }

    function version(uint48 ver, uint96 dA, uint8 mover, uint16 stepsLeft) internal view returns (NanoVersion memory) {
        return NanoVersion(ver, dA, mover, stepsLeft, keccak256(start));
    }

    function nanoHash(bytes32 id, Entry memory e, NanoVersion memory v) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256(
                    "Nano(bytes32 ch,bytes32 entry,uint48 ver,uint96 dA,uint8 mover,uint16 stepsLeft,bytes32 storageHash)"
                ),
                id,
                entryHash(e),
                v
            )
        );
    }

    function signBoth(Entry memory e, NanoVersion memory v) internal view returns (bytes memory) {
        bytes32 hash = nanoHash(ch, e, v);
        return bytes.concat(signHash(secretKey(0), hash), signHash(secretKey(1), hash));
    }

    function single(NanoStep memory step) internal pure returns (NanoStep[] memory list) {
        list = new NanoStep[](1);
        list[0] = step;
    }

    function move(bytes memory input) internal view returns (NanoStep memory) {
        return NanoStep(code, start, input, none);
    }

    /// @dev What an obedient step is told to return.
    function answer(bytes memory next, uint256 dA, uint256 mover, uint256 stepsLeft)
        internal
        pure
        returns (bytes memory)
    {
        return bytes.concat(hex"00", abi.encode(next, dA, mover, stepsLeft));
    }

    function claim(uint256 i, NanoVersion memory v) internal view returns (Claim memory) {
        bytes memory signatures = v.ver == 0 ? none : signBoth(entries[i], v);
        return Claim(entries[i], uint16(i), proofOf(leaves(), i), v, signatures, new NanoStep[](0));
    }

    function one(Claim memory only) internal pure returns (Claim[] memory list) {
        list = new Claim[](1);
        list[0] = only;
    }

    function signStep(uint256 privateKey, uint256 i, NanoVersion memory before, bytes memory input)
        internal
        view
        returns (bytes memory)
    {
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256(
                    "StepAuth(bytes32 ch,bytes32 entry,uint48 ver,uint16 stepsLeft,bytes32 storageHash,bytes32 inputHash)"
                ),
                ch,
                entryHash(entries[i]),
                before.ver,
                before.stepsLeft,
                before.storageHash,
                keccak256(input)
            )
        );
        return signHash(privateKey, structHash);
    }

    // ------------------------------------------------------------------------------------------------------- calls

    /// @dev As a call takes them.
    function packed(Claim[] memory claims) internal pure returns (NanoClaims memory all) {
        all.list = new NanoClaim[](claims.length);
        uint256 steps;
        for (uint256 i = 0; i < claims.length; ++i) {
            Claim memory one_ = claims[i];
            all.list[i] =
                NanoClaim(one_.entry, one_.index, uint8(one_.proof.length), one_.steps.length > 0, one_.version);
            all.evidence = bytes.concat(all.evidence, abi.encodePacked(one_.proof), one_.signatures);
            steps += one_.steps.length;
        }
        all.steps = new NanoStep[](steps);
        for (uint256 i = claims.length; i > 0; --i) {
            NanoStep[] memory its = claims[i - 1].steps;
            for (uint256 k = its.length; k > 0; --k) {
                all.steps[--steps] = its[k - 1];
            }
        }
    }

    /// @dev Calldata of each call, so that a test may expect a revert of what follows.
    function registering(Claim[] memory claims) internal view returns (bytes memory) {
        return registering(packed(claims));
    }

    function registering(NanoClaims memory claims) internal view returns (bytes memory) {
        if (isVirtual()) {
            return abi.encodeCall(adjudicator.registerVirtualNano, (p.v, virtualState(7), mix, claims));
        }
        return abi.encodeCall(adjudicator.registerNano, (c, ledgerState(7), mix, claims));
    }

    function refuting(Claim[] memory claims) internal view returns (bytes memory) {
        if (isVirtual()) return abi.encodeCall(adjudicator.refuteVirtualNano, (p.v, packed(claims)));
        return abi.encodeCall(adjudicator.refuteNano, (c, packed(claims)));
    }

    function executing(uint256 i, NanoStep memory step) internal view returns (bytes memory) {
        if (isVirtual()) return abi.encodeCall(adjudicator.executeVirtual, (p.v, entries[i], step));
        return abi.encodeCall(adjudicator.execute, (c, entries[i], step));
    }

    function concluding() internal view returns (bytes memory) {
        if (isVirtual()) return abi.encodeCall(adjudicator.concludeVirtual, (p.v, virtualState(7), mix));
        return abi.encodeCall(adjudicator.conclude, (c, ledgerState(7), mix));
    }

    function send(address sender, bytes memory data) internal {
        vm.prank(sender);
        (bool ok, bytes memory reason) = address(adjudicator).call(data);
        if (ok) return;
        assembly {
            revert(add(reason, 32), mload(reason))
        }
    }

    function fails(bytes4 why, address sender, bytes memory data) internal {
        vm.prank(sender);
        (bool ok, bytes memory reason) = address(adjudicator).call(data);
        check(!ok, "it must fail");
        eq(bytes32(reason), bytes32(why), "why it failed");
    }

    function register(uint256 i, NanoVersion memory v) internal {
        send(carol, registering(one(claim(i, v))));
    }

    function refute(uint256 i, NanoVersion memory v) internal {
        send(carol, refuting(one(claim(i, v))));
    }

    function execute(uint256 i, uint256 side, bytes memory state, bytes memory input) internal {
        send(account(side), executing(i, NanoStep(code, state, input, none)));
    }

    // ------------------------------------------------------------------------------------------------------- views

    function nanoInfo(uint256 i) internal view returns (IShared.NanoInfo memory) {
        return adjudicator.nano(ch, entryHash(entries[i]));
    }

    function sum() internal view returns (int256 moved) {
        (, moved) = adjudicator.accrued(ch);
    }

    function end() internal view returns (uint256 time) {
        (time,) = adjudicator.accrued(ch);
    }

    function finalAt() internal view returns (uint256) {
        if (!isVirtual()) return adjudicator.channel(c).finalAt;
        IShared.RecordInfo memory info = adjudicator.record(ch);
        if (!info.nanos) return info.deadline;
        uint256 first = info.deadline + W;
        return info.nanosEnd > first ? info.nanosEnd : first;
    }

    /// @dev Concludes as soon as that is possible, and not a second before; what A gets.
    function outcome() internal returns (uint256) {
        uint256 last = finalAt();
        if (vm.getBlockTimestamp() <= last) {
            pass(last);
            fails(IShared.NotFinal.selector, carol, concluding());
            pass(last + 1);
        }
        uint256 before = alice.balance;
        uint256 held = address(adjudicator).balance;
        send(carol, concluding());
        if (isVirtual()) return adjudicator.record(ch).outA;
        eq(held - address(adjudicator).balance, total, "all is paid");
        return alice.balance - before;
    }
}
