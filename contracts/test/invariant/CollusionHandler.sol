// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IAdjudicator} from "../../src/interfaces/IAdjudicator.sol";
import {IShared} from "../../src/interfaces/IShared.sol";
import {Channel, CloseTerms, LockTerms, State, VirtualState, WatchAuth} from "../../src/types/Structs.sol";
import {Fixture} from "../support/Fixture.sol";

/// @dev Pairs that sign whatever the seed says, sensible or not, for ledger channels, locks and virtual channels that they
///      share, and call the Adjudicator in any order at any time. The owner B of the last pair refuses ether.
contract CollusionHandler is Fixture {
    uint256 public constant PAIRS = 4;
    uint256 public constant ENDOWMENT = 1_000 ether;
    uint256 private constant UNIT = 1 ether;

    struct LockList {
        uint256 seed;
        uint256 count;
        uint256 pool; // virtual channels that existed when it was drawn
    }

    struct Registered {
        State state;
        bytes32 mix;
        LockList list;
    }

    struct Ended {
        uint256 pair;
        uint40 nonce;
        LockList list;
    }

    struct VirtualRegistered {
        VirtualState state;
        bytes32 mix;
        uint48 ver; // as last seen in the record
        uint160 stored;
        bool concluded;
        uint96 outA;
    }

    mapping(uint256 pair => Registered) private _registered;
    Ended[] public ended;
    Path[] private _paths;
    mapping(uint256 path => VirtualRegistered) private _virtual;

    uint256 public calls;
    uint256 public successes;
    mapping(string action => uint256) public succeeded;

    constructor(IAdjudicator adjudicator_) {
        adjudicator = adjudicator_;
        for (uint256 pair = 0; pair < PAIRS; ++pair) {
            for (uint256 side = 0; side < 3; ++side) {
                vm.deal(account(pair, side), side < 2 ? ENDOWMENT / 2 : 0);
            }
        }
        vm.etch(account(PAIRS - 1, 1), hex"5f5ffd"); // PUSH0 PUSH0 REVERT
    }

    // -------------------------------------------------------------------------------------------------- the pairs

    /// @dev Side 0 and 1 are the owners, side 2 is a third account of the pair.
    function account(uint256 pair, uint256 side) public pure returns (address) {
        return address(uint160(uint256(keccak256(abi.encode("account", pair, side)))));
    }

    function secretKey(uint256 pair, uint256 side) private pure returns (uint256) {
        return uint256(keccak256(abi.encode("secret key", pair, side))) >> 1;
    }

    function channelOf(uint256 pair) public pure returns (Channel memory c) {
        c = ledger(account(pair, 0), account(pair, 1), secretKey(pair, 0), secretKey(pair, 1), 0);
        (c.challenge, c.window) = (100, 50);
    }

    function paths() external view returns (uint256) {
        return _paths.length;
    }

    function endedCount() external view returns (uint256) {
        return ended.length;
    }

    function vcOf(uint256 index) external view returns (bytes32) {
        return _paths[index].vc;
    }

    /// @dev Everything that the accounts of a pair hold outside channels.
    function purse(uint256 pair) external view returns (uint256 sum) {
        for (uint256 side = 0; side < 3; ++side) {
            address owner = account(pair, side);
            sum += owner.balance + adjudicator.vault(address(0), owner);
        }
    }

    // ------------------------------------------------------------------------------------------------- what is drawn

    function draw(uint256 seed, string memory what) private pure returns (uint256) {
        return uint256(keccak256(abi.encode(seed, what)));
    }

    /// @dev An amount that is sensible most of the time.
    function amount(uint256 seed, string memory what, uint256 most) private pure returns (uint96) {
        uint256 x = draw(seed, what);
        if (x % 16 == 0) return uint96(x >> 8);
        return uint96((x >> 8) % (most + (x % 8 == 1 ? 2 : 1)));
    }

    function lockAt(LockList memory list, uint256 i) private pure returns (uint256 index, LockTerms memory lock) {
        uint256 x = uint256(keccak256(abi.encode(list.seed, i)));
        index = x % list.pool;
        lock = LockTerms((x >> 64) % 2 == 0, uint96((x >> 72) % UNIT), uint96((x >> 136) % UNIT));
        if (x % 13 == 0) lock.left = type(uint96).max;
        if (x % 17 == 0) lock.right = type(uint96).max;
    }

    function leavesOf(LockList memory list) private view returns (bytes32[] memory leaves) {
        leaves = new bytes32[](list.count);
        for (uint256 i = 0; i < list.count; ++i) {
            (uint256 index, LockTerms memory lock) = lockAt(list, i);
            leaves[i] = lockLeaf(_paths[index].vc, lock);
        }
    }

    function drawList(uint256 seed) private view returns (LockList memory list) {
        uint256 count = _paths.length == 0 ? 0 : draw(seed, "count") % 5;
        return LockList(seed, count, _paths.length);
    }

    function drawState(uint256 seed, uint256 depositA, uint256 depositB, uint48 ver)
        private
        view
        returns (State memory s, LockList memory list)
    {
        list = drawList(seed);
        s.ver = ver;
        s.depA = amount(seed, "depA", depositA);
        s.depB = amount(seed, "depB", depositB);
        uint256 counted = uint256(s.depA) + s.depB;
        s.total = list.count == 0 && seed % 9 != 0 ? uint96(counted) : amount(seed, "total", counted);
        s.defA = amount(seed, "defA", s.total);
        s.nanos = draw(seed, "nanos") % 4 == 0 ? 2 : 0;
        s.locks = uint8(list.count + (draw(seed, "more locks") % 10 == 0 ? 1 : 0));
        s.lockRoot = rootOf(leavesOf(list));
    }

    function attempt(string memory action, address sender, uint256 value, bytes memory call) private returns (bool ok) {
        ++calls;
        vm.prank(sender);
        (ok,) = address(adjudicator).call{value: value}(call);
        if (!ok) return false;
        ++successes;
        ++succeeded[action];
    }

    /// @dev Hopeless calls are made now and then only, so that the rest of a run is worth its time.
    function hopeless(uint256 seed, bool is_) private pure returns (bool) {
        return is_ && draw(seed, "hopeless") % 6 != 0;
    }

    function anybody(uint256 seed) private pure returns (address) {
        return account(seed % PAIRS, (seed >> 8) % 3);
    }

    // ---------------------------------------------------------------------------------------------- ledger channels

    function fund(uint256 seed) external {
        uint256 pair = seed % PAIRS;
        Channel memory c = channelOf(pair);
        IShared.ChannelInfo memory info = adjudicator.channel(c);
        uint96 value = uint96(draw(seed, "value") % UNIT);
        if (info.phase == 1 && seed % 5 == 0) {
            attempt("refund", c.ownerA, 0, abi.encodeCall(adjudicator.refund, (c)));
        } else if (info.phase == 1) {
            attempt("confirm", c.ownerB, value, abi.encodeCall(adjudicator.confirm, (c, info.nonce, info.depositA)));
        } else {
            attempt("open", c.ownerA, value, abi.encodeCall(adjudicator.open, (c, info.nonce)));
        }
    }

    function close(uint256 seed) external {
        uint256 pair = seed % PAIRS;
        if (draw(seed, "patience") % 3 != 0) return;
        Channel memory c = channelOf(pair);
        IShared.ChannelInfo memory info = adjudicator.channel(c);
        if (hopeless(seed, info.phase != 2)) return;
        (State memory s, LockList memory list) = drawState(seed, info.depositA, info.depositB, 1);
        CloseTerms memory t;
        (t.depA, t.depB, t.locks, t.lockRoot) = (s.depA, s.depB, s.locks, s.lockRoot);
        unchecked {
            t.escrowed = s.depA + s.depB - s.total;
        }
        t.outA = s.defA;
        if (t.escrowed > uint256(t.depA) + t.depB) return; // has no total that could be signed
        t.receiverA = account(pair, seed % 3);
        t.receiverB = account(pair, (seed >> 2) % 3);
        t.notAfter = uint40(vm.getBlockTimestamp() + (seed % 7 == 0 ? 0 : 10));
        bytes32 hash = closeHash(info.id, t);
        bytes memory signatures = bytes.concat(signHash(secretKey(pair, 0), hash), signHash(secretKey(pair, 1), hash));
        if (attempt("close", account(pair, 2), 0, abi.encodeCall(adjudicator.close, (c, t, signatures)))) {
            if (t.locks > 0) ended.push(Ended(pair, info.nonce, list));
        }
    }

    function dispute(uint256 seed) external {
        uint256 pair = seed % PAIRS;
        Channel memory c = channelOf(pair);
        IShared.ChannelInfo memory info = adjudicator.channel(c);
        if (hopeless(seed, info.phase != 2 || (info.disputed && vm.getBlockTimestamp() > info.deadline))) return;
        uint48 ver = uint48(info.ver + (draw(seed, "ver") % 8 + 1) / 2);
        if (draw(seed, "late") % 20 == 0) ver = uint48(draw(seed, "any ver"));
        (State memory s, LockList memory list) = drawState(seed, info.depositA, info.depositB, ver);
        if (ver == 0) (s, list.count) = (State(0, 0, 0, 0, 0, 0, 0, 0, 0), 0);
        bool byOwner = seed % 3 != 0;
        bytes memory sigA = signState(secretKey(pair, 0), info.id, s);
        bytes memory sigB = signState(secretKey(pair, 1), info.id, s);
        bool ok;
        if (byOwner && ver == 0) {
            ok = attempt("version 0", c.ownerA, 0, abi.encodeCall(adjudicator.register, (c, s, none)));
        } else if (byOwner) {
            ok = attempt("register", c.ownerB, 0, abi.encodeCall(adjudicator.register, (c, s, sigA)));
        } else if (info.disputed) {
            ok = attempt(
                "refute", anybodyBut(c, seed), 0, abi.encodeCall(adjudicator.refute, (c, s, bytes.concat(sigA, sigB)))
            );
        } else {
            address tower = account(pair, 2);
            WatchAuth memory auth = watchAuth(secretKey(pair, 1), info.id, tower, 0, type(uint40).max);
            bytes memory both = bytes.concat(sigA, sigB);
            ok = attempt("tower", tower, 0, abi.encodeCall(adjudicator.registerFor, (c, s, both, true, auth)));
        }
        if (!ok) return;
        IShared.ChannelInfo memory after_ = adjudicator.channel(c);
        check(after_.disputed && after_.ver == ver, "the version is recorded");
        if (info.disputed) {
            check(after_.ver > info.ver, "I2: versions grow");
            eq(after_.deadline, info.deadline, "R does not move");
            check(vm.getBlockTimestamp() <= info.deadline, "refutation until R");
        }
        (_registered[pair].state, _registered[pair].mix, _registered[pair].list) = (s, mixNow(), list);
    }

    function anybodyBut(Channel memory c, uint256 seed) private pure returns (address sender) {
        sender = anybody(seed >> 16);
        if (sender == c.ownerA || sender == c.ownerB) sender = person("nobody");
    }

    /// @dev S64: whatever was accepted, conclusion succeeds from finalAt + 1 on, and not before.
    function conclude(uint256 seed) external {
        uint256 pair = seed % PAIRS;
        Channel memory c = channelOf(pair);
        IShared.ChannelInfo memory info = adjudicator.channel(c);
        if (!info.disputed || hopeless(seed, vm.getBlockTimestamp() <= info.finalAt)) return;
        Registered memory r = _registered[pair];
        bool ok = attempt("conclude", anybody(seed >> 8), 0, abi.encodeCall(adjudicator.conclude, (c, r.state, r.mix)));
        check(ok == (vm.getBlockTimestamp() > info.finalAt), "S64: conclude after finalAt, and only then");
        if (ok && r.state.locks > 0) ended.push(Ended(pair, info.nonce, r.list));
    }

    /// @dev S53, S71: what a former life registered can neither conclude nor refute in this one.
    function concludeStale(uint256 seed) external {
        uint256 pair = seed % PAIRS;
        Channel memory c = channelOf(pair);
        if (adjudicator.channel(c).disputed) return;
        Registered memory r = _registered[pair];
        (bool ok,) = address(adjudicator).call(abi.encodeCall(adjudicator.conclude, (c, r.state, r.mix)));
        check(!ok, "S71: an old record concludes nothing");
    }

    // --------------------------------------------------------------------------------------------- virtual channels

    function newPath(uint256 seed) external {
        if (_paths.length >= 40) return;
        Path memory p = path(2 + seed % 2, uint96(draw(seed, "a") % UNIT), uint96(draw(seed, "b") % UNIT), seed);
        (p.v.challenge, p.v.window) = (100, 50);
        p.v.tExp = uint40(vm.getBlockTimestamp() + draw(seed, "term") % 1_000);
        p.vc = virtualIdOf(p.v);
        for (uint256 i = 0; i < _paths.length; ++i) {
            if (_paths[i].vc == p.vc) return;
        }
        Path storage stored = _paths.push();
        (stored.v, stored.vc, stored.secrets, stored.privateKeys) = (p.v, p.vc, p.secrets, p.privateKeys);
        for (uint256 i = 0; i < p.mids.length; ++i) {
            stored.mids.push(p.mids[i]);
        }
    }

    /// @dev One of the newest virtual channels.
    function recent(uint256 seed) private view returns (uint256) {
        uint256 back = draw(seed, "back") % 4;
        return back < _paths.length ? _paths.length - 1 - back : 0;
    }

    function disputeVirtual(uint256 seed) external {
        if (_paths.length == 0) return;
        uint256 index = recent(seed);
        Path memory p = _paths[index];
        IShared.RecordInfo memory info = adjudicator.record(p.vc);
        if (hopeless(seed, vm.getBlockTimestamp() > (info.ver == 0 ? p.v.tExp : info.deadline))) return;
        if (hopeless(seed, info.status == IShared.RecordStatus.Concluded)) return;
        uint96 total = p.v.initA + p.v.initB;
        VirtualState memory s = VirtualState(
            uint48(info.ver + (draw(seed, "ver") % 8 + 1) / 2),
            amount(seed, "defA", total),
            draw(seed, "nanos") % 4 == 0 ? 1 : 0,
            bytes32(draw(seed, "root"))
        );
        bytes memory signatures = signEnds(p, s);
        bool ok = info.status == IShared.RecordStatus.None || seed % 4 == 0
            ? attempt(
                "register virtual",
                vm.addr(p.privateKeys[seed % 8 == 0 ? 1 : 0]),
                0,
                abi.encodeCall(adjudicator.registerVirtual, (p.v, s, signatures, p.secrets))
            )
            : attempt(
                "refute virtual", anybody(seed), 0, abi.encodeCall(adjudicator.refuteVirtual, (p.v, s, signatures))
            );
        if (ok) (_virtual[index].state, _virtual[index].mix) = (s, mixNow());
        observe(index);
    }

    function concludeVirtual(uint256 seed) external {
        if (_paths.length == 0) return;
        uint256 index = seed % _paths.length;
        Path memory p = _paths[index];
        IShared.RecordInfo memory info = adjudicator.record(p.vc);
        if (info.status != IShared.RecordStatus.Disputed) return;
        if (hopeless(seed, vm.getBlockTimestamp() <= info.deadline)) return;
        VirtualRegistered memory r = _virtual[index];
        attempt(
            "conclude virtual", anybody(seed), 0, abi.encodeCall(adjudicator.concludeVirtual, (p.v, r.state, r.mix))
        );
        observe(index);
    }

    /// @dev All participants collude: they sign as many Finals as they like.
    function finalise(uint256 seed) external {
        if (_paths.length == 0 || draw(seed, "patience") % 6 != 0) return;
        uint256 index = recent(seed);
        Path memory p = _paths[index];
        if (hopeless(seed, adjudicator.record(p.vc).status == IShared.RecordStatus.Concluded)) return;
        uint96 outA = amount(seed, "outA", p.v.initA + p.v.initB);
        attempt(
            "finalise",
            anybody(seed),
            0,
            abi.encodeCall(adjudicator.finalise, (p.v, p.mids, outA, certificate(p, outA)))
        );
        observe(index);
    }

    /// @dev I2, I3: a record only grows, and a concluded one never changes.
    function observe(uint256 index) public {
        if (index >= _paths.length) return;
        IShared.RecordInfo memory info = adjudicator.record(_paths[index].vc);
        VirtualRegistered storage seen = _virtual[index];
        check(info.ver >= seen.ver, "I2: versions grow");
        bool concluded = info.status == IShared.RecordStatus.Concluded;
        if (seen.concluded) {
            check(concluded && info.outA == seen.outA, "I3: one outcome");
        } else if (info.ver == seen.ver && seen.ver > 0 && !concluded) {
            check(info.stored == seen.stored, "I2: one content for one version");
        }
        (seen.ver, seen.stored, seen.concluded, seen.outA) = (info.ver, info.stored, concluded, info.outA);
    }

    // --------------------------------------------------------------------------------------------------- settlement

    function settle(uint256 seed) external {
        if (ended.length == 0) return;
        Ended memory e = ended[seed % ended.length];
        if (e.list.count == 0) return;
        uint256 i = (seed >> 32) % e.list.count;
        (uint256 index, LockTerms memory lock) = lockAt(e.list, i);
        Path memory p = _paths[index];
        Channel memory c = channelOf(e.pair);
        bytes32[] memory proof = proofOf(leavesOf(e.list), i);
        bytes32 id = adjudicator.channelId(c, e.nonce);
        IShared.EscrowInfo memory before = adjudicator.escrow(id);
        IShared.RecordInfo memory info = adjudicator.record(p.vc);
        bool concluded = info.status == IShared.RecordStatus.Concluded;
        bool expired = info.status == IShared.RecordStatus.None && vm.getBlockTimestamp() > p.v.tExp;
        bool unsettled = (before.settled >> i) & 1 == 0;
        if (hopeless(seed, !unsettled || !(concluded || expired))) return;
        bool ok = expired
            ? attempt(
                "settle expired",
                anybody(seed >> 8),
                0,
                abi.encodeCall(adjudicator.settleExpired, (c, e.nonce, p.v, lock, i, proof))
            )
            : attempt(
                "settle", anybody(seed >> 8), 0, abi.encodeCall(adjudicator.settle, (c, e.nonce, p.vc, lock, i, proof))
            );
        check(ok == (unsettled && (concluded || expired)), "S64: settle when the outcome is known, once");
        if (!ok) return;
        uint256 stake = uint256(lock.left) + lock.right;
        if (stake > before.left) stake = before.left;
        IShared.EscrowInfo memory after_ = adjudicator.escrow(id);
        bool last = after_.settled == (1 << uint256(after_.locks)) - 1;
        eq(after_.left, last ? 0 : before.left - stake, "S51: a lock pays from its own escrow");
    }

    function withdraw(uint256 seed) external {
        address owner = account(PAIRS - 1, 1);
        uint256 held = adjudicator.vault(address(0), owner);
        if (held == 0) return;
        attempt(
            "withdraw",
            owner,
            0,
            abi.encodeCall(adjudicator.withdraw, (address(0), account(PAIRS - 1, seed % 2 * 2), held))
        );
    }

    function wait(uint256 seed) external {
        pass(vm.getBlockTimestamp() + seed % 50);
    }
}
