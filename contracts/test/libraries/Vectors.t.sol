// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Adjudicator} from "../../src/Adjudicator.sol";
import {IAdjudicator} from "../../src/interfaces/IAdjudicator.sol";
import {EntryTree} from "../../src/libraries/EntryTree.sol";
import {Hashing} from "../../src/libraries/Hashing.sol";
import {Ids} from "../../src/libraries/Ids.sol";
import {Signatures} from "../../src/libraries/Signatures.sol";
import {
    AdjustTerms,
    Channel,
    CloseTerms,
    Entry,
    Key,
    LockTerms,
    NanoVersion,
    State,
    VirtualChannel,
    VirtualState
} from "../../src/types/Structs.sol";
import {IPermit2} from "../../src/interfaces/Tokens.sol";
import {Check} from "../support/Check.sol";
import {Permit2} from "../support/Permit2.sol";

/// @dev The libraries take calldata.
contract EncodingHarness {
    function state(bytes32 ch, State calldata s) external pure returns (bytes32) {
        return Hashing.state(ch, s, EntryTree.entries(s.lockRoot, s.nanoRoot));
    }

    function virtualState(bytes32 vc, VirtualState calldata s, uint256 total) external pure returns (bytes32) {
        return Hashing.virtualState(vc, s, total, EntryTree.entries(0, s.nanoRoot));
    }

    function close(bytes32 id, CloseTerms calldata t, uint256 total) external pure returns (bytes32) {
        return Hashing.close(id, t, total, EntryTree.entries(t.lockRoot, 0), t.receiverA, t.receiverB);
    }

    function adjust(bytes32 id, AdjustTerms calldata t, address receiver) external pure returns (bytes32) {
        return Hashing.adjust(id, t, receiver);
    }

    function lock(bytes32 vc, LockTerms calldata l) external pure returns (bytes32) {
        return Hashing.lock(vc, l);
    }

    function keys(Key[] calldata list) external pure returns (bytes32) {
        return Ids.keys(list);
    }

    function activation(bytes32[] calldata secrets) external pure returns (bytes32) {
        return Ids.activation(secrets);
    }

    function root(bytes32 leaf, uint256 index, bytes32[] calldata proof) external pure returns (bytes32) {
        return EntryTree.root(leaf, index, proof);
    }

    function entry(Entry calldata e) external pure returns (bytes32) {
        return Hashing.entry(e);
    }

    function nano(bytes32 ch, bytes32 entryHash, NanoVersion calldata v) external pure returns (bytes32) {
        return Hashing.nano(ch, entryHash, v);
    }

    function check(uint8 scheme, bytes32 key, bytes32 digest, bytes calldata signature) external view {
        Signatures.checkEnd(signature, Signatures.check(scheme, key, digest, signature, 0));
    }
}

/// @dev The golden vectors, which scripts/vectors.mjs computes with nothing of this code.
contract VectorsTest is Check {
    string private json = vm.readFile("vectors/encoding.json");
    EncodingHarness private harness = new EncodingHarness();

    function word(string memory key) private view returns (bytes32) {
        return vm.parseJsonBytes32(json, key);
    }

    function number(string memory key) private view returns (uint256) {
        return vm.parseJsonUint(json, key);
    }

    function account(string memory key) private view returns (address) {
        return vm.parseJsonAddress(json, key);
    }

    function item(string memory list, uint256 i, string memory field) private pure returns (string memory) {
        return string.concat(list, "[", vm.toString(i), "]", field);
    }

    function channel() private view returns (Channel memory) {
        return Channel(
            account(".channel.ownerA"),
            account(".channel.ownerB"),
            uint8(number(".channel.schemeA")),
            word(".channel.keyA"),
            uint8(number(".channel.schemeB")),
            word(".channel.keyB"),
            account(".channel.asset"),
            uint32(number(".channel.challenge")),
            uint32(number(".channel.window")),
            uint16(number(".channel.kMax")),
            uint16(number(".channel.lane"))
        );
    }

    function virtualChannel() private view returns (VirtualChannel memory v) {
        v.a = Key(uint8(number(".virtual.schemeA")), word(".virtual.keyA"));
        v.b = Key(uint8(number(".virtual.schemeB")), word(".virtual.keyB"));
        v.mids = word(".virtual.mids");
        v.links = word(".virtual.links");
        v.fees = word(".virtual.fees");
        v.asset = account(".virtual.asset");
        v.initA = uint96(number(".virtual.initA"));
        v.initB = uint96(number(".virtual.initB"));
        v.tExp = uint40(number(".virtual.tExp"));
        v.challenge = uint32(number(".virtual.challenge"));
        v.window = uint32(number(".virtual.window"));
        v.kMax = uint16(number(".virtual.kMax"));
        v.nonce = uint128(number(".virtual.nonce"));
        v.actMode = uint8(number(".virtual.actMode"));
        v.act = word(".virtual.act");
    }

    /// @dev An Adjudicator at the address and on the chain of the vectors.
    function deployed() private returns (IAdjudicator adjudicator) {
        adjudicator = IAdjudicator(account(".domain.verifyingContract"));
        vm.chainId(number(".domain.chainId"));
        vm.etch(address(adjudicator), type(Adjudicator).creationCode);
        vm.setNonce(address(adjudicator), 1); // as of a contract that is being created
        (, bytes memory code) = address(adjudicator).call("");
        vm.etch(address(adjudicator), code);
    }

    function test_ids() public {
        IAdjudicator adjudicator = deployed();
        bytes32 domain = adjudicator.domainSeparator();
        eq(domain, word(".domain.separator"), "separator");
        eq(adjudicator.slotKey(channel()), word(".channel.slotKey"), "slot key");
        eq(adjudicator.channelId(channel(), uint40(number(".channel.nonce"))), word(".channel.id"), "id of L");
        eq(adjudicator.virtualId(virtualChannel()), word(".virtual.id"), "id of V");

        bytes32[] memory midKeys = vm.parseJsonBytes32Array(json, ".virtual.midKeys");
        Key[] memory mids = new Key[](midKeys.length);
        for (uint256 i = 0; i < mids.length; ++i) {
            mids[i] = Key(1, midKeys[i]);
        }
        eq(harness.keys(mids), word(".virtual.mids"), "mids");
        eq(harness.activation(vm.parseJsonBytes32Array(json, ".virtual.secrets")), word(".virtual.act"), "act");
    }

    function test_trees() public view {
        for (uint256 i = 0; i < 16; ++i) {
            LockTerms memory l = LockTerms(
                vm.parseJsonBool(json, item(".locks", i, ".leftIsA")),
                uint96(number(item(".locks", i, ".left"))),
                uint96(number(item(".locks", i, ".right")))
            );
            bytes32 hash = harness.lock(word(item(".locks", i, ".vc")), l);
            eq(hash, word(item(".locks", i, ".hashStruct")), "hashStruct of a lock");
            eq(EntryTree.leaf(hash), word(item(".locks", i, ".leaf")), "leaf of a lock");
        }
        for (uint256 t = 0; t < 6; ++t) {
            uint256 count = number(item(".trees", t, ".count"));
            bytes32 root = word(item(".trees", t, ".root"));
            if (count == 0) eq(root, bytes32(0), "root of nothing");
            for (uint256 i = 0; i < count; ++i) {
                bytes32[] memory proof = vm.parseJsonBytes32Array(json, item(item(".trees", t, ".proofs"), i, ""));
                eq(harness.root(word(item(".locks", i, ".leaf")), i, proof), root, "root");
            }
        }
        bytes32 left = EntryTree.node(word(".locks[0].leaf"), word(".locks[4].leaf"));
        bytes32 right = EntryTree.node(word(".locks[2].leaf"), word(".locks[3].leaf"));
        eq(EntryTree.node(left, right), word(".removed"), "root after a removal");
        bytes32 lockRoot = word(".entries.lockRoot");
        bytes32 nanoRoot = word(".entries.nanoRoot");
        eq(EntryTree.entries(0, 0), word(".entries.empty"), "empty");
        eq(EntryTree.entries(lockRoot, 0), word(".entries.locksOnly"), "locks");
        eq(EntryTree.entries(0, nanoRoot), word(".entries.nanosOnly"), "nanos");
        eq(EntryTree.entries(lockRoot, nanoRoot), word(".entries.both"), "both");
    }

    function test_states() public view {
        State memory s;
        bytes32 zero = harness.state(word(".signed.VersionZero.ch"), s);
        eq(zero, word(".signed.VersionZero.hashStruct"), "version 0");

        s.ver = uint48(number(".signed.State.ver"));
        s.depA = uint96(number(".signed.State.depA"));
        s.depB = uint96(number(".signed.State.depB"));
        s.total = uint96(number(".signed.State.total"));
        s.defA = uint96(number(".signed.State.defA"));
        s.nanos = uint8(number(".signed.State.nanos"));
        s.locks = uint8(number(".signed.State.locks"));
        s.lockRoot = word(".entries.lockRoot");
        s.nanoRoot = word(".entries.nanoRoot");
        bytes32 hash = harness.state(word(".signed.State.ch"), s);
        eq(hash, word(".signed.State.hashStruct"), "State");
        eq(Hashing.stored(hash, word(".stored.mix")), uint160(account(".stored.stored")), "what the chain keeps");

        VirtualState memory v = VirtualState(
            uint48(number(".signed.VirtualState.ver")),
            uint96(number(".signed.VirtualState.defA")),
            uint8(number(".signed.VirtualState.nanos")),
            word(".entries.nanoRoot")
        );
        hash = harness.virtualState(word(".virtual.id"), v, number(".virtual.initA") + number(".virtual.initB"));
        eq(hash, word(".signed.VirtualState.hashStruct"), "State of V");
    }

    function test_close_final_and_watch_auth() public view {
        CloseTerms memory t;
        t.depA = uint96(number(".signed.Close.depA"));
        t.depB = uint96(number(".signed.Close.depB"));
        t.outA = uint96(number(".signed.Close.outA"));
        t.locks = uint8(number(".signed.Close.locks"));
        t.lockRoot = word(".entries.lockRoot");
        t.receiverA = account(".signed.Close.receiverA");
        t.receiverB = account(".signed.Close.receiverB");
        t.notAfter = uint40(number(".signed.Close.notAfter"));
        eq(
            harness.close(word(".signed.Close.id"), t, number(".signed.Close.total")),
            word(".signed.Close.hashStruct"),
            "Close"
        );
        eq(
            Hashing.finalOutcome(word(".signed.Final.vc"), uint96(number(".signed.Final.outA"))),
            word(".signed.Final.hashStruct"),
            "Final"
        );
        eq(
            Hashing.watchAuth(
                word(".signed.WatchAuth.id"),
                account(".signed.WatchAuth.tower"),
                uint40(number(".signed.WatchAuth.notBefore")),
                uint40(number(".signed.WatchAuth.notAfter"))
            ),
            word(".signed.WatchAuth.hashStruct"),
            "WatchAuth"
        );
    }

    function test_money_in_and_out() public view {
        AdjustTerms memory t;
        t.seq = uint16(number(".signed.Adjust.seq"));
        t.side = uint8(number(".signed.Adjust.side"));
        t.amount = uint96(number(".signed.Adjust.amount"));
        t.ver = uint48(number(".signed.Adjust.ver"));
        t.notAfter = uint40(number(".signed.Adjust.notAfter"));
        bytes32 hash = harness.adjust(word(".signed.Adjust.id"), t, account(".signed.Adjust.receiver"));
        eq(hash, word(".signed.Adjust.hashStruct"), "Adjust");
        hash = Hashing.openAuth(
            word(".signed.OpenAuth.id"),
            number(".signed.OpenAuth.depA"),
            number(".signed.OpenAuth.depB"),
            number(".signed.OpenAuth.notAfter")
        );
        eq(hash, word(".signed.OpenAuth.hashStruct"), "OpenAuth");
    }

    /// @dev What tokens and Permit2 check, of which only their own code knows more.
    function test_digests_of_a_funding() public view {
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"),
                account(".funding.owner"),
                account(".domain.verifyingContract"),
                number(".funding.amount"),
                number(".funding.permitNonce"),
                number(".funding.notAfter")
            )
        );
        bytes32 domain = word(".funding.tokenSeparator");
        eq(keccak256(abi.encodePacked(hex"1901", domain, structHash)), word(".funding.permit"), "ERC-2612");
        structHash = keccak256(
            abi.encode(
                keccak256(
                    "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
                ),
                account(".funding.owner"),
                account(".domain.verifyingContract"),
                number(".funding.amount"),
                0,
                number(".funding.notAfter") + 1,
                word(".signed.OpenAuth.digest")
            )
        );
        eq(keccak256(abi.encodePacked(hex"1901", domain, structHash)), word(".funding.authorisation"), "EIP-3009");
    }

    function test_digest_of_permit2() public {
        Permit2 permit2 = Permit2(0x000000000022D473030F116dDEE9F6B43aC78BA3);
        vm.etch(address(permit2), type(Permit2).runtimeCode);
        vm.chainId(number(".domain.chainId"));
        bytes32 digest = permit2.digest(
            IPermit2.PermitTransferFrom({
                permitted: IPermit2.TokenPermissions(account(".funding.token"), number(".funding.amount")),
                nonce: number(".funding.permit2Nonce"),
                deadline: number(".funding.notAfter")
            }),
            account(".domain.verifyingContract"),
            word(".signed.OpenAuth.hashStruct"),
            "OpenAuth witness)OpenAuth(bytes32 id,uint96 depA,uint96 depB,uint40 notAfter)TokenPermissions(address token,uint256 amount)"
        );
        eq(digest, word(".funding.permit2"), "Permit2");
    }

    function test_p256() public view {
        harness.check(2, word(".p256.key"), word(".p256.digest"), vm.parseJsonBytes(json, ".p256.signature"));
    }

    function test_nanocontracts() public {
        string memory n = ".signed.Nano";
        NanoVersion memory v = NanoVersion(
            uint48(number(string.concat(n, ".ver"))),
            uint96(number(string.concat(n, ".dA"))),
            uint8(number(string.concat(n, ".mover"))),
            uint16(number(string.concat(n, ".stepsLeft"))),
            word(string.concat(n, ".storageHash"))
        );
        bytes32 hash = harness.nano(word(string.concat(n, ".ch")), word(string.concat(n, ".entry")), v);
        eq(hash, word(".signed.Nano.hashStruct"), "Nano");
        n = ".signed.StepAuth";
        hash = Hashing.stepAuth(
            word(string.concat(n, ".ch")),
            word(string.concat(n, ".entry")),
            number(string.concat(n, ".ver")),
            number(string.concat(n, ".stepsLeft")),
            word(string.concat(n, ".storageHash")),
            word(string.concat(n, ".inputHash"))
        );
        eq(hash, word(".signed.StepAuth.hashStruct"), "StepAuth");
        for (uint256 i = 0; i < 3; ++i) {
            hash = harness.entry(entry(i));
            eq(hash, word(item(".entryList", i, ".hashStruct")), "Entry");
            eq(EntryTree.leaf(hash), word(item(".entryList", i, ".leaf")), "leaf of an Entry");
            eq(
                Ids.nanoSlot(word(".domain.separator"), word(".channel.id"), hash),
                word(item(".entryList", i, ".nanoSlot")),
                "nano slot"
            );
        }
        bytes memory runtime = vm.parseJsonBytes(json, ".code.runtime");
        address where = deployed().deploy(runtime);
        eq(where, account(".code.account"), "account of the code");
        eq(where.codehash, word(".code.codeHash"), "code");
    }

    function entry(uint256 i) private view returns (Entry memory) {
        return Entry({
            nid: word(item(".entryList", i, ".nid")),
            born: uint48(number(item(".entryList", i, ".born"))),
            total: uint96(number(item(".entryList", i, ".total"))),
            dA0: uint96(number(item(".entryList", i, ".dA0"))),
            mover0: uint8(number(item(".entryList", i, ".mover0"))),
            codeHash: word(item(".entryList", i, ".codeHash")),
            gas: uint32(number(item(".entryList", i, ".gas"))),
            kMax: uint16(number(item(".entryList", i, ".kMax"))),
            storage0: word(item(".entryList", i, ".storage0"))
        });
    }

    function test_signatures() public view {
        for (uint256 i = 0; i < 6; ++i) {
            harness.check(
                1,
                word(item(".signatures", i, ".key")),
                word(item(".signatures", i, ".digest")),
                vm.parseJsonBytes(json, item(".signatures", i, ".signature"))
            );
        }
    }

    function test_digests() public view {
        string[8] memory names = ["State", "VirtualState", "Nano", "Final", "Close", "Adjust", "OpenAuth", "WatchAuth"];
        for (uint256 i = 0; i < names.length; ++i) {
            string memory name = string.concat(".signed.", names[i]);
            eq(
                keccak256(
                    abi.encodePacked(hex"1901", word(".domain.separator"), word(string.concat(name, ".hashStruct")))
                ),
                word(string.concat(name, ".digest")),
                names[i]
            );
        }
    }
}
