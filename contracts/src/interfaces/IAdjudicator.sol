// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {
    Channel,
    CloseTerms,
    Key,
    LockTerms,
    Opener,
    State,
    VirtualChannel,
    VirtualState,
    WatchAuth
} from "../types/Structs.sol";

/// @title The Adjudicator: holds all deposits, decides all disputes
/// @notice Ledger channels are named by their parameters (`Channel`); one slot serves one life after another, told apart by a
///         nonce. Virtual channels are named by theirs (`VirtualChannel`) and leave one record each. Whoever acts until a
///         deadline acts at `now <= deadline`; what comes after comes at `now > deadline`.
/// @dev Amounts are in the smallest unit of the asset, times in seconds since the epoch. The types that are signed, and the
///      ids, are those of docs/encoding.md. `signatures` holds 64 bytes of each signer, A first. In a call on a ledger channel,
///      that of the side whose owner is the sender is left out: sending is signing.
interface IAdjudicator {
    // ------------------------------------------------------------------------------------------------------- errors

    error Reentered();
    error WrongDomain(); // the deployment chain's clock does not count seconds
    error NotOwner();
    error WrongPhase();
    error WrongNonce();
    error SlotExhausted(); // the slot has had all its lives; use another lane
    error WrongDeposit();
    error UnsupportedAsset();
    error UnsupportedScheme();
    error InvalidOwners();
    error InvalidKey();
    error InvalidPeriods();
    error InvalidState();
    error InvalidSignature();
    error InvalidAuthorisation();
    error InvalidActivation();
    error InvalidProof();
    error Expired();
    error NotExpired();
    error NoDispute();
    error NotNewer();
    error RefutationOver();
    error NotFinal();
    error WrongPreimage();
    error NoBlockhash();
    error AlreadyConcluded();
    error AlreadySettled();
    error NoSuchLock();
    error InsufficientGas();
    error NothingToWithdraw();
    error TransferFailed();

    // ------------------------------------------------------------------------------------------------------- events

    /// @notice A deposited and the channel waits for B. The event holds all of `Channel`, the nonce and the deposit.
    /// @param terms schemeA 8 | schemeB 8 | challenge 32 | window 32 | kMax 16 | lane 16 | nonce 40 | depositA 96, from bit 247
    ///        down
    event Opened(
        bytes32 indexed id,
        address indexed ownerA,
        address indexed ownerB,
        bytes32 keyA,
        bytes32 keyB,
        address asset,
        uint256 terms
    );

    /// @notice B deposited; signed states count from now on.
    event Confirmed(bytes32 indexed id, uint96 depositB);

    /// @notice A took the deposit back before B confirmed.
    event Refunded(bytes32 indexed id);

    /// @notice Both parties ended this life; A's payout, the rest of the deposits less what `Escrowed` names went to B.
    event Closed(bytes32 indexed id, uint96 payA);

    /// @notice A dispute began and may be refuted until `deadline` (R).
    event Registered(bytes32 indexed id, State state, bytes32 mix, uint40 deadline);

    /// @notice A newer state replaced the registered one.
    event Refuted(bytes32 indexed id, State state, bytes32 mix);

    /// @notice A dispute ended this life and paid out the cash.
    event Concluded(bytes32 indexed id, uint96 payA, uint96 payB);

    /// @notice The ended life left `amount` in `locks` locks under `lockRoot`.
    event Escrowed(bytes32 indexed id, bytes32 lockRoot, uint8 locks, uint96 amount);

    /// @notice Lock `index` of the ended life `id` is settled.
    event Settled(bytes32 indexed id, bytes32 indexed vc, uint8 index, uint96 payA, uint96 payB);

    /// @notice The parameters of a virtual channel whose record is written for the first time.
    event Disclosed(bytes32 indexed vc, VirtualChannel params);

    /// @notice A dispute of a virtual channel began and may be refuted until `deadline` (R).
    event VirtualRegistered(bytes32 indexed vc, VirtualState state, bytes32 mix, uint40 deadline);

    /// @notice A newer state of a virtual channel replaced the registered one.
    event VirtualRefuted(bytes32 indexed vc, VirtualState state, bytes32 mix);

    /// @notice A dispute ended the virtual channel: `outA` to its first end.
    event VirtualConcluded(bytes32 indexed vc, uint96 outA);

    /// @notice All participants ended the virtual channel: `outA` to its first end.
    event Finalised(bytes32 indexed vc, uint96 outA);

    /// @notice `owner` did not accept a payout; it waits in the vault.
    event Vaulted(address indexed asset, address indexed owner, uint256 amount);

    /// @notice `owner` took its vault balance.
    event Withdrawn(address indexed asset, address indexed owner, address to, uint256 amount);

    // ------------------------------------------------------------------------------------- life of a ledger channel

    /// @notice Opens the channel with the value sent as A's deposit. By A's owner.
    /// @param nonce the number of this life, which must be the slot's current one (0 at first)
    function open(Channel calldata params, uint40 nonce) external payable;

    /// @notice Confirms the channel with the value sent as B's deposit. By B's owner.
    /// @param nonce the life that B agrees to; with the parameters, it names the id
    /// @param depositA A's deposit that B agrees to
    function confirm(Channel calldata params, uint40 nonce, uint96 depositA) external payable;

    /// @notice Ends a life that B has not confirmed and returns A's deposit. By A's owner.
    function refund(Channel calldata params) external;

    /// @notice Ends a life on terms that both parties signed, with or without a dispute.
    function close(Channel calldata params, CloseTerms calldata terms, bytes calldata signatures) external;

    /// @notice Registers a state: begins a dispute, or, if one runs, acts as `refute`. By an owner, who may begin with
    ///         version 0 (all numbers and roots 0, no signatures) where no state was ever signed.
    function register(Channel calldata params, State calldata state, bytes calldata signatures) external;

    /// @notice `register` by a watchtower that a party's channel key authorised.
    /// @param byB whether the WatchAuth is B's
    function registerFor(
        Channel calldata params,
        State calldata state,
        bytes calldata signatures,
        bool byB,
        WatchAuth calldata auth
    ) external;

    /// @notice Replaces the registered state by one of a higher version, until R. By anybody.
    function refute(Channel calldata params, State calldata state, bytes calldata signatures) external;

    /// @notice Ends a life by the registered state, when its dispute is over. By anybody.
    /// @param mix the value that `Registered` or `Refuted` named with the state
    function conclude(Channel calldata params, State calldata state, bytes32 mix) external;

    // -------------------------------------------------------------------------------------------- virtual channels

    /// @notice Registers a state of a virtual channel: begins its dispute (until tExp), or acts as `refuteVirtual`. By the
    ///         address of the key of one of the ends.
    /// @param secrets the activation secrets of all participants in path order
    function registerVirtual(
        VirtualChannel calldata params,
        VirtualState calldata state,
        bytes calldata signatures,
        bytes32[] calldata secrets
    ) external;

    /// @notice `registerVirtual` by a hub, which may begin a dispute in [tExp - w, tExp] only, or by a watchtower of any
    ///         participant.
    function registerVirtualFor(
        VirtualChannel calldata params,
        VirtualState calldata state,
        bytes calldata signatures,
        bytes32[] calldata secrets,
        Opener calldata opener
    ) external;

    /// @notice Replaces the registered state of a virtual channel by one of a higher version, until R. By anybody.
    function refuteVirtual(VirtualChannel calldata params, VirtualState calldata state, bytes calldata signatures)
        external;

    /// @notice Fixes the outcome of a virtual channel by its registered state, when its dispute is over. By anybody.
    function concludeVirtual(VirtualChannel calldata params, VirtualState calldata state, bytes32 mix) external;

    /// @notice Fixes the outcome that all participants signed: until tExp, or until the end of a dispute. By anybody.
    /// @param mids the keys of the hubs in path order
    /// @param signatures of the Final in path order: first end, hubs, second end
    function finalise(VirtualChannel calldata params, Key[] calldata mids, uint96 outA, bytes calldata signatures)
        external;

    // -------------------------------------------------------------------------------------------------- settlement

    /// @notice Pays out lock `index` of the ended life `nonce` by the recorded outcome of its virtual channel. By anybody.
    function settle(
        Channel calldata params,
        uint40 nonce,
        bytes32 vc,
        LockTerms calldata lock,
        uint256 index,
        bytes32[] calldata proof
    ) external;

    /// @notice Pays out lock `index` at its initial split: its virtual channel has expired without a record. By anybody.
    function settleExpired(
        Channel calldata params,
        uint40 nonce,
        VirtualChannel calldata virtualParams,
        LockTerms calldata lock,
        uint256 index,
        bytes32[] calldata proof
    ) external;

    /// @notice Pays the sender's vault balance to `to`.
    function withdraw(address asset, address to) external;

    // ------------------------------------------------------------------------------------------------------- views

    /// @dev Without a running dispute, all fields from `ver` on are 0.
    struct ChannelInfo {
        bytes32 id; // of the current life
        uint8 phase; // 0 virgin, 1 funding, 2 open, 3 closed
        uint40 nonce;
        uint16 seq;
        uint96 depositA;
        uint96 depositB;
        bool disputed;
        uint48 ver;
        uint40 deadline; // R
        uint40 finalAt; // `conclude` is possible after it
        bool nanos;
        uint160 stored;
    }

    enum RecordStatus {
        None,
        Disputed,
        Concluded
    }

    /// @dev `ver` and `deadline` of a concluded record are those of its dispute; `outA` is 0 before the conclusion.
    struct RecordInfo {
        RecordStatus status;
        uint48 ver;
        uint40 deadline;
        bool nanos;
        uint160 stored;
        uint96 outA;
    }

    struct EscrowInfo {
        bytes32 lockRoot;
        uint96 left;
        uint128 settled; // bit i: lock i is settled
        uint8 locks;
    }

    function channel(Channel calldata params) external view returns (ChannelInfo memory);

    /// @notice The two words of a slot as they are stored.
    function slots(bytes32 slotKey) external view returns (uint256 s0, uint256 s1);

    function record(bytes32 vc) external view returns (RecordInfo memory);

    function escrow(bytes32 id) external view returns (EscrowInfo memory);

    function vault(address asset, address owner) external view returns (uint256);

    function domainSeparator() external view returns (bytes32);

    function slotKey(Channel calldata params) external pure returns (bytes32);

    function channelId(Channel calldata params, uint40 nonce) external view returns (bytes32);

    function virtualId(VirtualChannel calldata params) external view returns (bytes32);
}
