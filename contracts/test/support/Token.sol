// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @dev An honest token, with ERC-2612 and EIP-3009.
contract Token {
    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);
    event AuthorizationUsed(address indexed authorizer, bytes32 indexed nonce);

    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;
    mapping(address => uint256) public nonces;
    mapping(address => mapping(bytes32 => bool)) public authorizationState;
    bytes32 public immutable DOMAIN_SEPARATOR;

    constructor() {
        DOMAIN_SEPARATOR = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Token"),
                keccak256("2"),
                block.chainid,
                address(this)
            )
        );
    }

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        _approve(msg.sender, spender, amount);
        return true;
    }

    function transfer(address to, uint256 amount) public virtual returns (bool) {
        _move(msg.sender, to, amount);
        return true;
    }

    function transferFrom(address from, address to, uint256 amount) public virtual returns (bool) {
        uint256 allowed = allowance[from][msg.sender];
        require(allowed >= amount, "allowance");
        if (allowed != type(uint256).max) allowance[from][msg.sender] = allowed - amount;
        _move(from, to, amount);
        return true;
    }

    function permit(address owner, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
    {
        require(block.timestamp <= deadline, "deadline");
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"),
                owner,
                spender,
                value,
                nonces[owner]++,
                deadline
            )
        );
        _check(owner, structHash, v, r, s);
        _approve(owner, spender, value);
    }

    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external {
        require(to == msg.sender, "caller");
        require(block.timestamp > validAfter && block.timestamp < validBefore, "time");
        require(!authorizationState[from][nonce], "used");
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256(
                    "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
                ),
                from,
                to,
                value,
                validAfter,
                validBefore,
                nonce
            )
        );
        _check(from, structHash, v, r, s);
        authorizationState[from][nonce] = true;
        emit AuthorizationUsed(from, nonce);
        _move(from, to, value);
    }

    function _approve(address owner, address spender, uint256 amount) private {
        allowance[owner][spender] = amount;
        emit Approval(owner, spender, amount);
    }

    function _move(address from, address to, uint256 amount) internal virtual {
        require(balanceOf[from] >= amount, "balance");
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
        emit Transfer(from, to, amount);
    }

    function _check(address signer, bytes32 structHash, uint8 v, bytes32 r, bytes32 s) private view {
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", DOMAIN_SEPARATOR, structHash));
        require(signer != address(0) && ecrecover(digest, v, r, s) == signer, "signature");
    }
}

/// @dev What a token does when it is asked to move something.
enum Behaviour {
    Honest,
    Fee, // a hundredth is lost on the way
    Bonus, // a hundredth more arrives
    False, // says false and does nothing
    Nothing, // moves and returns nothing at all
    Reverts,
    Reenters, // calls what it was told to, and expects to be refused
    Floods, // moves and returns 100,000 bytes, of which the first word says true
    FloodsAndReverts,
    Burns,
    Short, // moves and returns a single byte
    Two, // moves and returns the number 2
    Picky, // does nothing for less gas than it could ever need
    Denies // moves and says false
}

/// @dev A token that changes its manners, has a blacklist, and can be rebased.
contract HostileToken is Token {
    uint256 private constant PICKY = 97_000;

    Behaviour public incoming; // of transferFrom
    Behaviour public outgoing; // of transfer
    mapping(address => bool) public blacklisted;
    uint256 public attempts;
    bytes[] private _calls;
    address private _target;
    bytes4 private _refusal = bytes4(keccak256("Reentered()"));

    function expectRefusal(bytes4 selector) external {
        _refusal = selector;
    }

    function behave(Behaviour incoming_, Behaviour outgoing_) external {
        (incoming, outgoing) = (incoming_, outgoing_);
    }

    function blacklist(address account) external {
        blacklisted[account] = true;
    }

    /// @dev The holder's balance becomes so many hundredths of what it was.
    function rebase(address holder, uint256 hundredths) external {
        balanceOf[holder] = balanceOf[holder] * hundredths / 100;
    }

    function plan(address target, bytes calldata call_) external {
        _target = target;
        _calls.push(call_);
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        return _act(outgoing, msg.sender, to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        return _act(incoming, from, to, amount);
    }

    function _act(Behaviour how, address from, address to, uint256 amount) private returns (bool) {
        // Of 100,000 gas, the call so far and the look at `how` are 2,700.
        if (how == Behaviour.Reverts || (how == Behaviour.Picky && gasleft() < PICKY)) revert("no");
        require(!blacklisted[from] && !blacklisted[to], "blacklisted");
        if (how == Behaviour.False) return false;
        if (how == Behaviour.Burns) while (true) {}
        if (how == Behaviour.FloodsAndReverts) {
            assembly {
                revert(0, 100000)
            }
        }
        if (how == Behaviour.Reenters) _reenter();
        if (how == Behaviour.Bonus) balanceOf[to] += amount / 100;
        _move(from, to, amount);
        if (how == Behaviour.Fee) balanceOf[to] -= amount / 100;
        _answer(how);
        return true;
    }

    /// @dev Everything that was planned must be refused: for the lock, if nothing else is said.
    function _reenter() private {
        for (uint256 i = 0; i < _calls.length; ++i) {
            (bool ok, bytes memory result) = _target.call(_calls[i]);
            require(!ok && bytes4(result) == _refusal, "re-entered");
            ++attempts;
        }
    }

    function _answer(Behaviour how) private pure {
        assembly {
            if eq(how, 4) { return(0, 0) } // Nothing
            if eq(how, 7) {
                mstore(0, 1)
                return(0, 100000)
            }
            if eq(how, 10) {
                mstore(0, 1)
                return(31, 1)
            }
            if eq(how, 13) { return(0x60, 32) } // Denies: the zero word
            if eq(how, 11) {
                mstore(0, 2)
                return(0, 32)
            }
        }
    }
}

/// @dev Takes every call and does nothing, like the fallback of a wrapped ether.
contract SilentToken {
    mapping(address => uint256) public balanceOf;

    fallback() external {}
}
