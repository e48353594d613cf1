// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IAdjudicator} from "../../src/interfaces/IAdjudicator.sol";
import {IShared} from "../../src/interfaces/IShared.sol";
import {AdjustTerms, Channel, CloseTerms, Opening, State} from "../../src/types/Structs.sol";
import {FundingFixture} from "../support/FundingFixture.sol";
import {Behaviour, HostileToken, Token} from "../support/Token.sol";

/// @dev Pairs that bring money in and out in every way and in any order, each in an asset of its own choice: ether, an honest
///      token, or one that behaves as the seed says. What they sign is theirs to sign; what they claim is not always there.
contract MoneyHandler is FundingFixture {
    uint256 public constant PAIRS = 6;
    uint256 public constant ENDOWMENT = 1_000 ether;
    uint256 private constant UNIT = 1 ether;

    HostileToken public hostile;
    uint256 public calls;
    uint256 public successes;
    mapping(string action => uint256) public succeeded;

    constructor(IAdjudicator adjudicator_) {
        adjudicator = adjudicator_;
        (token, hostile) = (new Token(), new HostileToken());
        for (uint256 pair = 0; pair < PAIRS; ++pair) {
            for (uint256 side = 0; side < 2; ++side) {
                address owner = account(pair, side);
                vm.deal(owner, ENDOWMENT / 2);
                token.mint(owner, ENDOWMENT / 2);
                hostile.mint(owner, ENDOWMENT / 2);
                approve(token, owner, address(PERMIT2_AT), type(uint256).max);
                approve(hostile, owner, address(PERMIT2_AT), type(uint256).max);
            }
        }
    }

    function token_() external view returns (Token) {
        return token;
    }

    // -------------------------------------------------------------------------------------------------- the pairs

    function assetOf(uint256 pair) public view returns (address) {
        return pair % 3 == 0 ? address(0) : pair % 3 == 1 ? address(token) : address(hostile);
    }

    function ownerKey(uint256 pair, uint256 side) private pure returns (uint256) {
        return uint256(keccak256(abi.encode("owner", pair, side))) >> 1;
    }

    function secretKey(uint256 pair, uint256 side) private pure returns (uint256) {
        return uint256(keccak256(abi.encode("secret key", pair, side))) >> 1;
    }

    function account(uint256 pair, uint256 side) public pure returns (address) {
        return vm.addr(ownerKey(pair, side));
    }

    function channelOfPair(uint256 pair) public view returns (Channel memory c) {
        c = ledger(account(pair, 0), account(pair, 1), secretKey(pair, 0), secretKey(pair, 1), 0);
        (c.challenge, c.window, c.asset) = (100, 50, assetOf(pair));
    }

    /// @dev Everything that a pair has of an asset outside channels.
    function purse(uint256 pair, address asset) external view returns (uint256 sum) {
        for (uint256 side = 0; side < 2; ++side) {
            address owner = account(pair, side);
            sum += held(asset, owner) + adjudicator.vault(asset, owner);
        }
    }

    function draw(uint256 seed, string memory what) private pure returns (uint256) {
        return uint256(keccak256(abi.encode(seed, what)));
    }

    function make(string memory action, address sender, uint256 value, bytes memory call_) private returns (bool ok) {
        ++calls;
        (ok,) = attempt(sender, value, call_);
        if (!ok) return false;
        ++successes;
        ++succeeded[action];
    }

    function eitherOf(uint256 seed, uint256 pair) private view returns (address) {
        return account(pair, seed % 2);
    }

    // --------------------------------------------------------------------------------------------------------- in

    /// @dev A funding in some way, most of the time with what it needs.
    function funding(uint256 seed, uint256 pair, uint256 side, Opening memory o, uint96 amount, address sender)
        private
        returns (bytes memory, uint256 value)
    {
        Channel memory c = channelOfPair(pair);
        uint8 way = uint8(seed % (c.asset == address(0) ? 2 : WAYS));
        if (way == VAULT && seed % 3 == 0) {
            bytes memory agreed = sender == account(pair, side) ? none : signHash(ownerKey(pair, side), authOf(c, o));
            return (abi.encodePacked(VAULT, agreed), 0); // out of what happens to be there
        }
        if (way == SENDER && c.asset != address(0)) approve(Token(c.asset), sender, address(adjudicator), amount);
        if (way == VAULT || way == ALLOWANCE) {
            if (c.asset != address(0)) hostile.behave(Behaviour.Honest, hostile.outgoing());
        }
        bytes memory data = fundingBy(way, ownerKey(pair, side), c, o, amount, sender == account(pair, side));
        return (data, way == SENDER && c.asset == address(0) ? amount : 0);
    }

    function open(uint256 seed) external {
        uint256 pair = seed % PAIRS;
        Channel memory c = channelOfPair(pair);
        IShared.ChannelInfo memory info = adjudicator.channel(c);
        if (info.phase == 2 && seed % 7 != 0) return;
        Opening memory o = Opening(
            info.nonce,
            uint96(draw(seed, "a") % UNIT),
            uint96(draw(seed, "b") % UNIT),
            uint40(vm.getBlockTimestamp() + 9)
        );
        address sender = eitherOf(draw(seed, "sender"), pair);
        if (info.phase == 1) {
            if (seed % 5 == 0) {
                make("refund", c.ownerA, 0, abi.encodeCall(adjudicator.refund, (c)));
                return;
            }
            if (seed % 9 != 0) o.depositA = info.depositA;
            (bytes memory fundingB, uint256 value) = funding(draw(seed, "wB"), pair, 1, o, o.depositB, sender);
            make("confirm", sender, value, abi.encodeCall(adjudicator.confirmWith, (c, o, fundingB)));
        } else if (seed % 3 == 0) {
            (bytes memory fundingA, uint256 value) = funding(draw(seed, "wA"), pair, 0, o, o.depositA, c.ownerA);
            make("open", c.ownerA, value, abi.encodeCall(adjudicator.openWith, (c, o, fundingA)));
        } else {
            (bytes memory fundingA, uint256 valueA) = funding(draw(seed, "wA"), pair, 0, o, o.depositA, sender);
            (bytes memory fundingB, uint256 valueB) = funding(draw(seed, "wB"), pair, 1, o, o.depositB, sender);
            make("both", sender, valueA + valueB, abi.encodeCall(adjudicator.openBoth, (c, o, fundingA, fundingB)));
        }
    }

    function deposit(uint256 seed) external {
        uint256 pair = seed % PAIRS;
        Channel memory c = channelOfPair(pair);
        IShared.ChannelInfo memory info = adjudicator.channel(c);
        uint96 amount = uint96(draw(seed, "amount") % UNIT);
        uint8 side = uint8(draw(seed, "side") % 2);
        uint256 payer = draw(seed, "payer") % 2;
        uint40 notAfter = uint40(vm.getBlockTimestamp() + draw(seed, "end") % 1e6);
        Opening memory o = Opening(info.nonce, side == 0 ? amount : 0, side == 1 ? amount : 0, notAfter);
        address sender = account(pair, payer);
        (bytes memory data, uint256 value) = funding(draw(seed, "w"), pair, payer, o, amount, sender);
        make(
            "deposit", sender, value, abi.encodeCall(adjudicator.deposit, (c, info.nonce, side, amount, notAfter, data))
        );
    }

    function fund(uint256 seed) external {
        uint256 pair = seed % PAIRS;
        address sender = account(pair, draw(seed, "from") % 2);
        uint96 amount = uint96(draw(seed, "amount") % UNIT);
        address asset = assetOf(pair);
        if (asset != address(0)) approve(Token(asset), sender, address(adjudicator), amount);
        bytes memory call_ = abi.encodeCall(adjudicator.fundVault, (asset, account(pair, draw(seed, "to") % 2), amount));
        make("fund", sender, asset == address(0) ? amount : 0, call_);
    }

    // -------------------------------------------------------------------------------------------------------- out

    function receiver(uint256 seed, uint256 pair) private view returns (address) {
        return seed % 3 == 0 ? address(adjudicator) : account(pair, seed % 2);
    }

    function signBoth(uint256 pair, bytes32 hash) private view returns (bytes memory) {
        return bytes.concat(signHash(secretKey(pair, 0), hash), signHash(secretKey(pair, 1), hash));
    }

    function adjust(uint256 seed) external {
        uint256 pair = seed % PAIRS;
        Channel memory c = channelOfPair(pair);
        IShared.ChannelInfo memory info = adjudicator.channel(c);
        uint8 side = uint8(draw(seed, "side") % 2);
        uint96 there = side == 0 ? info.depositA : info.depositB;
        uint96 amount = uint96(draw(seed, "amount") % (uint256(there) + 2));
        if (seed % 17 == 0) amount = uint96(draw(seed, "any"));
        AdjustTerms memory t = AdjustTerms(
            info.seq + (seed % 11 == 0 ? 1 : 0),
            side,
            amount,
            receiver(draw(seed, "to"), pair),
            5,
            uint40(vm.getBlockTimestamp())
        );
        bytes memory both = signBoth(pair, adjustHash(info.id, t));
        make("adjust", address(this), 0, abi.encodeCall(adjudicator.adjust, (c, t, both)));
    }

    function closing_(uint256 seed, uint256 pair) private view returns (bytes memory) {
        Channel memory c = channelOfPair(pair);
        IShared.ChannelInfo memory info = adjudicator.channel(c);
        CloseTerms memory t = CloseTerms(
            info.depositA,
            uint96(draw(seed, "b") % (uint256(info.depositB) + 1)),
            0,
            0,
            0,
            0,
            receiver(draw(seed, "rA"), pair),
            receiver(draw(seed, "rB"), pair),
            uint40(vm.getBlockTimestamp() + 5)
        );
        t.outA = uint96(draw(seed, "out") % (uint256(t.depA) + t.depB + 1));
        return abi.encodeCall(adjudicator.close, (c, t, signBoth(pair, closeHash(info.id, t))));
    }

    function close(uint256 seed) external {
        make("close", address(this), 0, closing_(seed, seed % PAIRS));
    }

    /// @dev All pairs at once; those that cannot close are passed over.
    function closeAll(uint256 seed) external {
        if (seed % 4 != 0) return;
        bytes[] memory all = new bytes[](PAIRS);
        for (uint256 pair = 0; pair < PAIRS; ++pair) {
            all[pair] = closing_(draw(seed, "each") + pair, pair);
        }
        make("batch", address(this), 0, abi.encodeCall(adjudicator.batch, (600_000, all)));
    }

    function dispute(uint256 seed) external {
        uint256 pair = seed % PAIRS;
        Channel memory c = channelOfPair(pair);
        IShared.ChannelInfo memory info = adjudicator.channel(c);
        State memory zero;
        if (!info.disputed) {
            if (seed % 5 != 0) return;
            make("register", c.ownerA, 0, abi.encodeCall(adjudicator.register, (c, zero, none)));
            _mixes[pair] = mixNow();
        } else {
            pass(uint256(info.finalAt) + 1);
            make("conclude", address(this), 0, abi.encodeCall(adjudicator.conclude, (c, zero, _mixes[pair])));
        }
    }

    mapping(uint256 pair => bytes32) private _mixes;

    function withdraw(uint256 seed) external {
        uint256 pair = seed % PAIRS;
        uint256 side = draw(seed, "side") % 2;
        address asset = seed % 13 == 0 ? assetOf(pair + 1) : assetOf(pair);
        uint256 amount = adjudicator.vault(asset, account(pair, side));
        amount = seed % 5 == 0 ? amount + 1 : draw(seed, "amount") % (amount + 1);
        make(
            "withdraw",
            account(pair, side),
            0,
            abi.encodeCall(adjudicator.withdraw, (asset, account(pair, draw(seed, "to") % 2), amount))
        );
    }

    /// @dev The hostile token changes its manners; it may re-enter too.
    function turn(uint256 seed) external {
        Behaviour incoming = Behaviour(draw(seed, "in") % 12);
        Behaviour outgoing = Behaviour(draw(seed, "out") % 12);
        if (incoming == Behaviour.Burns) incoming = Behaviour.Honest; // it would burn the whole test's gas
        if (outgoing == Behaviour.Burns && seed % 8 != 0) outgoing = Behaviour.Fee;
        hostile.behave(incoming, outgoing);
        if (seed % 16 == 0) hostile.plan(address(adjudicator), closing_(seed, seed % PAIRS));
        if (seed % 9 == 0) hostile.rebase(address(adjudicator), seed % 200);
    }
}
