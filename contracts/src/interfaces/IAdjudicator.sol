// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {
    Channel,
    CloseTerms,
    Entry,
    Key,
    LockTerms,
    NanoClaims,
    NanoStep,
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
    error RefutationRunning(); // of the State, or of the nanocontract
    error InvalidNano(); // a version that this Entry cannot have
    error NoSuchNano();
    error NotMover();
    error WrongCode();
    error WrongStorage();
    error TooLong(); // a state or an input
    error StepFailed(); // the code reverted or broke off
    error InvalidStep(); // the code returned something out of bounds
    error DeploymentFailed();
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

    /// @notice A version of a nanocontract was registered; higher ones may replace it until nRef. If it came with a
    ///         provisional step, `NanoStepped` follows.
    /// @param word ver 48 | nRef 40 | 0 | stepsLeft 16, from bit 127 down | mover 8 | 0 | dA 96 (NanoWord)
    event NanoRegistered(bytes32 indexed ch, bytes32 indexed entry, uint256 word);

    /// @notice A step was forced: what the mover said, and the state that it left.
    event NanoStepped(
        bytes32 indexed ch, bytes32 indexed entry, uint96 dA, uint8 mover, uint16 stepsLeft, bytes input, bytes next
    );

    /// @notice A secret became public; `revealedAt` knows since when.
    event Revealed(bytes32 indexed hash, bytes32 secret);

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

    // ---------------------------------------------------------------------------------------------- nanocontracts

    /// @notice Registers nanocontracts of the registered state, in ]R, R + w]: version 0 without signatures, any other with both
    ///         keys' (on a ledger channel, less that of the side whose owner is the sender). By anybody; a provisional step, by
    ///         its mover. A claim on a nanocontract that is registered already replaces a lower version and is otherwise passed
    ///         over, so that nobody can spoil the call by coming first; it reverts if there is nothing to do.
    /// @param mix the value that `Registered` or `Refuted` named with the state
    /// @param claims in any order; by index, the proofs after the first one may be short (NanoClaims)
    function registerNano(Channel calldata params, State calldata state, bytes32 mix, NanoClaims calldata claims)
        external;

    /// @notice `registerNano` of a virtual channel.
    function registerVirtualNano(
        VirtualChannel calldata params,
        VirtualState calldata state,
        bytes32 mix,
        NanoClaims calldata claims
    ) external;

    /// @notice Replaces registered nanocontracts by higher versions, each until its nRef. By anybody; a provisional step, by
    ///         its mover. What is not newer, or past its nRef, is passed over; it reverts if there is nothing to do.
    function refuteNano(Channel calldata params, NanoClaims calldata claims) external;

    /// @notice `refuteNano` of a virtual channel.
    function refuteVirtualNano(VirtualChannel calldata params, NanoClaims calldata claims) external;

    /// @notice Forces a step, in ]nRef, max(nRef, last) + w]. By the mover: its owner, or whoever holds its StepAuth.
    function execute(Channel calldata params, Entry calldata entry, NanoStep calldata step) external;

    /// @notice `execute` of a virtual channel; the mover is the address of its key.
    function executeVirtual(VirtualChannel calldata params, Entry calldata entry, NanoStep calldata step) external;

    /// @notice Makes a secret public and notes when that first happened. By anybody.
    function reveal(bytes32 secret) external;

    /// @notice Puts runtime code where anybody can compute that it is: CREATE2, salt 0, and as init code
    ///         0x61 ‖ length (two bytes) ‖ 0x80600a5f395ff3 ‖ code. Does nothing if it is there. By anybody.
    function deploy(bytes calldata code) external returns (address);

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
    ///      `concludeVirtual` is possible after `deadline`, or, if the state has nanocontracts, after
    ///      max(deadline + w, nanosEnd).
    struct RecordInfo {
        RecordStatus status;
        uint48 ver;
        uint40 deadline;
        bool nanos;
        uint160 stored;
        uint96 outA;
        uint40 nanosEnd; // 0 if none is registered
    }

    /// @dev All fields are 0 if it is not registered.
    struct NanoInfo {
        uint48 ver;
        uint40 nRef; // higher versions until it, forced steps after it
        uint40 last; // the last forced step after nRef; 0: none yet
        uint16 stepsLeft;
        uint8 mover;
        bool forced; // whether a step was forced on this version, a provisional one included
        uint96 dA;
        bytes32 storageHash;
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

    /// @param ch id of the current life of a ledger channel, or of a virtual channel
    /// @param entry struct hash of the Entry
    function nano(bytes32 ch, bytes32 entry) external view returns (NanoInfo memory);

    /// @notice What the registered nanocontracts of a dispute amount to.
    /// @return end the last moment at which one may still move; 0 if none is registered
    /// @return sum Σ (dA - dA0): what they moved to A
    function accrued(bytes32 ch) external view returns (uint40 end, int128 sum);

    /// @notice When the secret with this hash was first revealed, in seconds since the epoch; 0: never.
    function revealedAt(bytes32 hash) external view returns (uint256);

    function vault(address asset, address owner) external view returns (uint256);

    function domainSeparator() external view returns (bytes32);

    function slotKey(Channel calldata params) external pure returns (bytes32);

    function channelId(Channel calldata params, uint40 nonce) external view returns (bytes32);

    function virtualId(VirtualChannel calldata params) external view returns (bytes32);
}
