// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {State, VirtualChannel, VirtualState} from "../types/Structs.sol";

/// @title What both halves of the Adjudicator share: errors, events, and what the views return
interface IShared {
    // ------------------------------------------------------------------------------------------------------- errors

    error Reentered(); // called from within a payout, a token or a nanocontract
    error WrongDomain(); // the deployment chain's clock does not count seconds
    error NotOwner(); // the sender may not make this call
    error WrongPhase(); // the slot is not in the phase that the call needs
    error WrongNonce(); // of another life of the slot; of an Adjust: another number than its turn
    error SlotExhausted(); // the slot has had all its lives, or the life all its Adjusts; use another lane, or a new life
    error WrongDeposit(); // not the ether, or not the amount of tokens, or more than a deposit may be or is
    error UnsupportedAsset(); // a call for ether only, or an asset that is no token
    error UnsupportedScheme(); // of a key, or on this chain
    error InvalidOwners(); // zero, or twice the same
    error InvalidKey(); // none of its scheme, or twice the same
    error InvalidPeriods(); // C, w or kMax is out of bounds
    error InvalidState(); // amounts or counts are out of bounds
    error InvalidSide(); // neither 0 (A) nor 1 (B)
    error InvalidSignature(); // not the signer's, not its one encoding, or something follows
    error InvalidAuthorisation(); // a WatchAuth of another time, or keys of hubs that are not those of the path
    error InvalidActivation(); // not the secrets of the virtual channel, or of none that may be disputed
    error InvalidProof(); // of a leaf
    error InvalidFunding(); // no such way to pay, or not for this asset or an amount of 0
    error InvalidReceiver(); // no address, or of a withdrawal zero or the Adjudicator
    error Expired(); // too late
    error NotExpired(); // too early
    error InDispute(); // not while a dispute runs
    error NoDispute(); // none runs
    error NotNewer(); // than what is registered
    error RefutationOver(); // now > R
    error RefutationRunning(); // of the State, or of the nanocontract
    error InvalidNano(); // a version that this Entry cannot have
    error NoSuchNano(); // not registered, or not of this State
    error NotMover(); // the sender is not whose move it is
    error WrongCode(); // other code than the Entry names
    error WrongStorage(); // another state than the stored one
    error TooLong(); // a state or an input
    error StepFailed(); // the code reverted or broke off
    error InvalidStep(); // the code returned something out of bounds
    error DeploymentFailed(); // of code
    error NotFinal(); // a dispute is not over, or a virtual channel has no outcome
    error WrongPreimage(); // another State than the registered one
    error NoBlockhash(); // the chain does not know its last block
    error AlreadyConcluded(); // a virtual channel has its outcome
    error AlreadySettled(); // a lock is paid out
    error NoSuchLock(); // the ended life left no lock of this index
    error InsufficientGas(); // for what must not fail for want of gas; raise the gas limit
    error InsufficientVault(); // the vault of the owner holds less
    error NothingToWithdraw(); // an amount of 0
    error TransferFailed(); // ether was not accepted, or a token did not do it

    // ------------------------------------------------------------------------------------------------------- events

    /// @notice A deposited and the channel waits for B, unless `Confirmed` follows at once. The event holds all of `Channel`, the nonce and the deposit.
    /// @param terms way 8 | schemeA 8 | schemeB 8 | challenge 32 | window 32 | kMax 16 | lane 16 | nonce 40 | depositA 96, from the
    ///        high end down; way is how A paid (modules/Funding.sol): 1 = out of the vault of ownerA
    event Opened(
        bytes32 indexed id,
        address indexed ownerA,
        address indexed ownerB,
        bytes32 keyA,
        bytes32 keyB,
        address asset,
        uint256 terms
    );

    /// @notice B deposited, or both did; signed states count from now on.
    /// @param terms way 8 | depositB 96, from bit 103 down; way is how B paid: 1 = out of the vault of ownerB
    event Confirmed(bytes32 indexed id, uint256 terms);

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

    /// @notice `payer` added to the deposit of a side.
    /// @param terms way 8 | side 8 | amount 96, from bit 111 down; side: 0 = A, 1 = B; way 1 = out of the vault of `payer`
    event Deposited(bytes32 indexed id, address indexed payer, uint256 terms);

    /// @notice An Adjust took something out of the deposit of a side.
    /// @param terms seq 16 | side 8 | amount 96, from bit 119 down; seq: its number in this life; side: 0 = A, 1 = B
    event Adjusted(bytes32 indexed id, uint256 terms);

    /// @notice The vault of `owner` holds so much more: paid in, paid out into it, or not accepted where it was to go. It holds less by
    ///         `Withdrawn`, and by deposits whose way is 1.
    event Vaulted(address indexed asset, address indexed owner, uint256 amount);

    /// @notice `owner` took so much out of its vault.
    event Withdrawn(address indexed asset, address indexed owner, address to, uint256 amount);

    /// @notice Call number `index` of a batch failed and was passed over.
    /// @param reason the selector of the error; 0 if it had none, as when its gas ran out
    event Skipped(uint256 indexed index, bytes4 reason);

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
