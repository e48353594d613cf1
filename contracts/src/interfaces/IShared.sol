// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {State, VirtualChannel, VirtualState} from "../types/Structs.sol";

/// @title What both halves of the Adjudicator share: errors, events, and what the views return
interface IShared {
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

    // --------------------------------------------------------------------------------------- what the views return

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
}
